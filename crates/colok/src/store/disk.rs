//! What a store needs of a disk: one method per system call, and nothing cleverer.
//!
//! [`Linux`] is the real one. Tests put another in its place: a model that forgets what was not
//! synced, or [`Stepped`], which calls a function before every operation so that a process can be
//! killed at each of them. Paths given here come from checked names; an implementation follows no
//! symbolic link in any component and never leaves the directory it is given.

mod linux;
mod stepped;

use std::fmt;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;

pub use linux::Linux;
pub use stepped::Stepped;

/// The result of one operation.
pub type DiskResult<T> = Result<T, Errno>;

/// A disk, seen from the root directory of a store.
pub trait Disk: Send + Sync + fmt::Debug + 'static {
    /// An open file or directory; dropping it closes it.
    type Handle: Send + Sync + fmt::Debug;

    /// The root directory.
    fn root(&self) -> &Self::Handle;
    /// Opens a directory for reading, syncing, and as a place for other operations.
    fn open_directory(&self, at: &Self::Handle, path: &str) -> DiskResult<Self::Handle>;
    /// Opens something; the caller checks that it is a regular file. Never waits for the other
    /// end of a pipe.
    fn open(&self, at: &Self::Handle, path: &str, access: Access) -> DiskResult<Self::Handle>;
    /// Makes a file without a name, mode 0400, that is gone when it is closed before it is linked.
    /// `EOPNOTSUPP` where the file system has none.
    fn create_unnamed(&self, at: &Self::Handle) -> DiskResult<Self::Handle>;
    /// Makes a file in memory.
    fn create_in_memory(&self) -> DiskResult<Self::Handle>;
    /// Makes a directory.
    fn create_directory(&self, at: &Self::Handle, name: &str, mode: u32) -> DiskResult<()>;
    /// What is known of an open file.
    fn status(&self, file: &Self::Handle) -> DiskResult<Status>;
    /// What is known of an entry of a directory, itself and not what it links to.
    fn status_at(&self, at: &Self::Handle, name: &str) -> DiskResult<Status>;
    /// Reads once.
    fn read_at(&self, file: &Self::Handle, into: &mut [u8], offset: u64) -> DiskResult<usize>;
    /// Writes once.
    fn write_at(&self, file: &Self::Handle, bytes: &[u8], offset: u64) -> DiskResult<usize>;
    /// Cuts a file, or makes it longer with zeros.
    fn set_length(&self, file: &Self::Handle, length: u64) -> DiskResult<()>;
    /// Changes permissions.
    fn set_mode(&self, file: &Self::Handle, mode: u32) -> DiskResult<()>;
    /// Takes the advisory lock of a file, waiting for it or with `EWOULDBLOCK`.
    fn lock(&self, file: &Self::Handle, lock: Lock, wait: bool) -> DiskResult<()>;
    /// Gives the advisory lock back.
    fn unlock(&self, file: &Self::Handle) -> DiskResult<()>;
    /// Gives a file without a name its name. `EEXIST` when it is taken, by whatever.
    fn link(&self, file: &Self::Handle, at: &Self::Handle, name: &str) -> DiskResult<()>;
    /// Moves a file. `EEXIST` when the new name is taken, by whatever.
    fn rename(&self, from: (&Self::Handle, &str), to: (&Self::Handle, &str)) -> DiskResult<()>;
    /// Removes the name of a file.
    fn remove(&self, at: &Self::Handle, name: &str) -> DiskResult<()>;
    /// Waits until a file, or the entries of a directory, are on the disk.
    fn sync(&self, handle: &Self::Handle) -> DiskResult<()>;
    /// Waits until everything written so far is on the disk. `EOPNOTSUPP` where that would promise
    /// too much.
    fn sync_all(&self) -> DiskResult<()>;
    /// Gives every entry of a directory opened for this, without `.` and `..`, in no order.
    fn entries(
        &self,
        directory: &Self::Handle,
        each: &mut dyn FnMut(&[u8], Kind),
    ) -> DiskResult<()>;
    /// How much room there is.
    fn space(&self) -> DiskResult<Space>;
    /// The time of day, in nanoseconds since 1970, of the clock that file times come from.
    fn now_ns(&self) -> i64;
    /// 16 bytes that nobody had before.
    fn nonce(&self) -> [u8; 16];
    /// A number for this run of the operating system, not 0: what was not synced in another run
    /// may be lost.
    fn boot(&self) -> u64;
    /// The descriptor of a file, where there is one, to send from it.
    fn descriptor<'a>(&self, file: &'a Self::Handle) -> Option<BorrowedFd<'a>>;
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Read,
    /// Reading and writing.
    Write,
    /// Reading and writing; made with mode 0600 if it is not there.
    Create,
    /// Reading and writing; made with mode 0400, `EEXIST` if it is there.
    CreateNew,
}

/// Which advisory lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// One of several.
    Shared,
    /// The only one.
    Exclusive,
}

/// What a directory entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A link, a pipe, a device, a socket.
    Other,
    /// The directory does not tell; ask [`Disk::status_at`].
    Unknown,
}

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// How many names it has.
    pub links: u32,
    /// What its bytes are recognised by.
    pub stamp: Stamp,
}

/// What tells that the bytes of a file are still the same: all of it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The device it is on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// When it was made, in nanoseconds since 1970, as are the others; 0 if the file system does
    /// not tell. Numbers of removed files are used again; this tells the files apart.
    pub born_ns: i64,
    /// Its size in bytes.
    pub size: u64,
    /// When its bytes were last changed.
    pub modified_ns: i64,
    /// When anything about it was last changed. Nobody can set this one.
    pub changed_ns: i64,
}

impl Stamp {
    /// Device, number and time of birth: the same file, whatever happened to it since.
    pub fn identity(&self) -> Identity {
        Identity { device: self.device, inode: self.inode, born_ns: self.born_ns }
    }
}

/// One file or directory, whatever happens to it while it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The device it is on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// When it was made, in nanoseconds since 1970, or 0.
    pub born_ns: i64,
}

/// How much room a disk has, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// In all.
    pub total: u64,
    /// Free for us.
    pub free: u64,
}

/// Reads until `into` is full or the file ends; how many bytes that were.
pub(super) fn read_full<D: Disk>(
    disk: &D,
    file: &D::Handle,
    into: &mut [u8],
    offset: u64,
) -> DiskResult<usize> {
    let mut read = 0;
    while read < into.len() {
        match disk.read_at(file, &mut into[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(read)
}

/// Writes all of `bytes`.
pub(super) fn write_full<D: Disk>(
    disk: &D,
    file: &D::Handle,
    bytes: &[u8],
    offset: u64,
) -> DiskResult<()> {
    let mut written = 0;
    while written < bytes.len() {
        match disk.write_at(file, &bytes[written..], offset + written as u64) {
            Ok(0) => return Err(Errno::NOSPC),
            Ok(count) => written += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
