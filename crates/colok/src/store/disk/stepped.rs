//! A disk that tells before every operation which one comes.
//!
//! For tests that end the process, or let a call fail, at each step of an upload in turn. It
//! changes nothing by itself.

use std::fmt;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use super::{Access, Disk, DiskResult, Kind, Lock, Space, Status};

/// A disk with a function that is called before every operation that reads or changes it, with
/// the name of that method. What it returns as an error is the result of the operation.
pub struct Stepped<D, F> {
    disk: D,
    step: F,
}

impl<D, F> Stepped<D, F>
where
    F: Fn(&'static str) -> Result<(), Errno> + Send + Sync + 'static,
{
    /// Wraps a disk.
    pub fn new(disk: D, step: F) -> Self {
        Self { disk, step }
    }
}

impl<D: fmt::Debug, F> fmt::Debug for Stepped<D, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stepped").field("disk", &self.disk).finish_non_exhaustive()
    }
}

impl<D, F> Disk for Stepped<D, F>
where
    D: Disk,
    F: Fn(&'static str) -> Result<(), Errno> + Send + Sync + 'static,
{
    type Handle = D::Handle;

    fn root(&self) -> &D::Handle {
        self.disk.root()
    }

    fn open_directory(&self, at: &D::Handle, path: &str) -> DiskResult<D::Handle> {
        (self.step)("open_directory")?;
        self.disk.open_directory(at, path)
    }

    fn open(&self, at: &D::Handle, path: &str, access: Access) -> DiskResult<D::Handle> {
        (self.step)("open")?;
        self.disk.open(at, path, access)
    }

    fn create_unnamed(&self, at: &D::Handle) -> DiskResult<D::Handle> {
        (self.step)("create_unnamed")?;
        self.disk.create_unnamed(at)
    }

    fn create_in_memory(&self) -> DiskResult<D::Handle> {
        (self.step)("create_in_memory")?;
        self.disk.create_in_memory()
    }

    fn create_directory(&self, at: &D::Handle, name: &str, mode: u32) -> DiskResult<()> {
        (self.step)("create_directory")?;
        self.disk.create_directory(at, name, mode)
    }

    fn status(&self, file: &D::Handle) -> DiskResult<Status> {
        (self.step)("status")?;
        self.disk.status(file)
    }

    fn status_at(&self, at: &D::Handle, name: &str) -> DiskResult<Status> {
        (self.step)("status_at")?;
        self.disk.status_at(at, name)
    }

    fn read_at(&self, file: &D::Handle, into: &mut [u8], offset: u64) -> DiskResult<usize> {
        (self.step)("read_at")?;
        self.disk.read_at(file, into, offset)
    }

    fn write_at(&self, file: &D::Handle, bytes: &[u8], offset: u64) -> DiskResult<usize> {
        (self.step)("write_at")?;
        self.disk.write_at(file, bytes, offset)
    }

    fn set_length(&self, file: &D::Handle, length: u64) -> DiskResult<()> {
        (self.step)("set_length")?;
        self.disk.set_length(file, length)
    }

    fn set_mode(&self, file: &D::Handle, mode: u32) -> DiskResult<()> {
        (self.step)("set_mode")?;
        self.disk.set_mode(file, mode)
    }

    fn lock(&self, file: &D::Handle, lock: Lock, wait: bool) -> DiskResult<()> {
        (self.step)("lock")?;
        self.disk.lock(file, lock, wait)
    }

    fn unlock(&self, file: &D::Handle) -> DiskResult<()> {
        (self.step)("unlock")?;
        self.disk.unlock(file)
    }

    fn link(&self, file: &D::Handle, at: &D::Handle, name: &str) -> DiskResult<()> {
        (self.step)("link")?;
        self.disk.link(file, at, name)
    }

    fn rename(&self, from: (&D::Handle, &str), to: (&D::Handle, &str)) -> DiskResult<()> {
        (self.step)("rename")?;
        self.disk.rename(from, to)
    }

    fn remove(&self, at: &D::Handle, name: &str) -> DiskResult<()> {
        (self.step)("remove")?;
        self.disk.remove(at, name)
    }

    fn sync(&self, handle: &D::Handle) -> DiskResult<()> {
        (self.step)("sync")?;
        self.disk.sync(handle)
    }

    fn sync_all(&self) -> DiskResult<()> {
        (self.step)("sync_all")?;
        self.disk.sync_all()
    }

    fn entries(&self, directory: &D::Handle, each: &mut dyn FnMut(&[u8], Kind)) -> DiskResult<()> {
        (self.step)("entries")?;
        self.disk.entries(directory, each)
    }

    fn space(&self) -> DiskResult<Space> {
        (self.step)("space")?;
        self.disk.space()
    }

    fn now_ns(&self) -> i64 {
        self.disk.now_ns()
    }

    fn nonce(&self) -> [u8; 16] {
        self.disk.nonce()
    }

    fn boot(&self) -> u64 {
        self.disk.boot()
    }

    fn descriptor<'a>(&self, file: &'a D::Handle) -> Option<BorrowedFd<'a>> {
        self.disk.descriptor(file)
    }
}
