//! The real disk: one Linux system call per method.
//!
//! Everything is reached from the descriptor of the root. `openat2` with `RESOLVE_BENEATH` and
//! `RESOLVE_NO_SYMLINKS` makes the kernel refuse, in every component and whatever is swapped in
//! meanwhile, a path that would leave it.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{self, AtFlags, FileType, FlockOperation, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::Errno;
use rustix::time::ClockId;

use super::{Access, Disk, DiskResult, Kind, Lock, Space, Stamp, Status};

/// How often a path is resolved again when somebody moves directories while it is.
const RESOLVE_TRIES: usize = 64;

/// Bytes of directory entries read at a time.
const ENTRIES_BYTES: usize = 32 * 1024;

/// Magic numbers (`statfs(2)`) of file systems whose `syncfs` waits for everything that was
/// written: ext2/3/4, XFS, Btrfs, F2FS, tmpfs. On others (FUSE, network) each file is synced.
const WHOLE_SYNCS: [u64; 5] = [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x0102_1994];

/// The real disk, from a root directory downwards.
#[derive(Debug)]
pub struct Linux {
    root: OwnedFd,
    syncs_whole: bool,
    boot: u64,
    /// The kernel does not let us link a descriptor by itself (before 6.10, without a capability);
    /// it goes through `/proc` then.
    links_through_proc: AtomicBool,
}

impl Linux {
    /// Opens a root directory. It may be reached through links; nothing below it is.
    pub fn open(root: &Path) -> DiskResult<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::io::retry_on_intr(|| fs::open(root, flags, Mode::empty()))?;
        let magic = fs::fstatfs(&root)?.f_type.cast_unsigned();
        Ok(Self {
            root,
            syncs_whole: WHOLE_SYNCS.contains(&magic),
            boot: boot_number(),
            links_through_proc: AtomicBool::new(false),
        })
    }

    /// What is known of any open file.
    pub(in crate::store) fn status_of(file: BorrowedFd<'_>) -> DiskResult<Status> {
        statx(file, "", AtFlags::EMPTY_PATH)
    }
}

impl Disk for Linux {
    type Handle = OwnedFd;

    fn root(&self) -> &OwnedFd {
        &self.root
    }

    fn open_directory(&self, at: &OwnedFd, path: &str) -> DiskResult<OwnedFd> {
        open_below(at, path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
    }

    fn open(&self, at: &OwnedFd, path: &str, access: Access) -> DiskResult<OwnedFd> {
        let (flags, mode) = match access {
            Access::Read => (OFlags::RDONLY, Mode::empty()),
            Access::Write => (OFlags::RDWR, Mode::empty()),
            Access::Create => (OFlags::RDWR | OFlags::CREATE, Mode::RUSR | Mode::WUSR),
            Access::CreateNew => (OFlags::RDWR | OFlags::CREATE | OFlags::EXCL, Mode::RUSR),
        };
        // NONBLOCK: a pipe, or a file that somebody holds a lease on, is not waited for.
        open_below(at, path, flags | OFlags::NONBLOCK | OFlags::NOCTTY, mode)
    }

    fn create_unnamed(&self, at: &OwnedFd) -> DiskResult<OwnedFd> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match fs::openat(at, c".", flags, Mode::RUSR) {
            // Kernels and file systems that do not know the flag see a directory to be written.
            Err(Errno::ISDIR) => Err(Errno::OPNOTSUPP),
            result => result,
        }
    }

    fn create_in_memory(&self) -> DiskResult<OwnedFd> {
        fs::memfd_create(c"colok-hashes", fs::MemfdFlags::CLOEXEC)
    }

    fn create_directory(&self, at: &OwnedFd, name: &str, mode: u32) -> DiskResult<()> {
        fs::mkdirat(at, name, Mode::from_raw_mode(mode))
    }

    fn status(&self, file: &OwnedFd) -> DiskResult<Status> {
        Self::status_of(file.as_fd())
    }

    fn status_at(&self, at: &OwnedFd, name: &str) -> DiskResult<Status> {
        statx(at.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT)
    }

    fn read_at(&self, file: &OwnedFd, into: &mut [u8], offset: u64) -> DiskResult<usize> {
        rustix::io::pread(file, into, offset)
    }

    fn write_at(&self, file: &OwnedFd, bytes: &[u8], offset: u64) -> DiskResult<usize> {
        rustix::io::pwrite(file, bytes, offset)
    }

    fn set_length(&self, file: &OwnedFd, length: u64) -> DiskResult<()> {
        fs::ftruncate(file, length)
    }

    fn set_mode(&self, file: &OwnedFd, mode: u32) -> DiskResult<()> {
        fs::fchmod(file, Mode::from_raw_mode(mode))
    }

    fn lock(&self, file: &OwnedFd, lock: Lock, wait: bool) -> DiskResult<()> {
        let operation = match (lock, wait) {
            (Lock::Shared, true) => FlockOperation::LockShared,
            (Lock::Shared, false) => FlockOperation::NonBlockingLockShared,
            (Lock::Exclusive, true) => FlockOperation::LockExclusive,
            (Lock::Exclusive, false) => FlockOperation::NonBlockingLockExclusive,
        };
        rustix::io::retry_on_intr(|| fs::flock(file, operation))
    }

    fn unlock(&self, file: &OwnedFd) -> DiskResult<()> {
        fs::flock(file, FlockOperation::Unlock)
    }

    fn link(&self, file: &OwnedFd, at: &OwnedFd, name: &str) -> DiskResult<()> {
        if !self.links_through_proc.load(Ordering::Relaxed) {
            match fs::linkat(file, c"", at, name, AtFlags::EMPTY_PATH) {
                // Both: not allowed, or the directory is gone. The other way will tell.
                Err(Errno::NOENT) => {}
                result => return result,
            }
        }
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file));
        fs::linkat(fs::CWD, &*path, at, name, AtFlags::SYMLINK_FOLLOW)?;
        self.links_through_proc.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn rename(&self, from: (&OwnedFd, &str), to: (&OwnedFd, &str)) -> DiskResult<()> {
        match fs::renameat_with(from.0, from.1, to.0, to.1, fs::RenameFlags::NOREPLACE) {
            // The file system has no such flag: two steps, the first of which cannot replace.
            Err(Errno::INVAL | Errno::NOSYS) => {
                fs::linkat(from.0, from.1, to.0, to.1, AtFlags::empty())?;
                fs::unlinkat(from.0, from.1, AtFlags::empty())
            }
            result => result,
        }
    }

    fn remove(&self, at: &OwnedFd, name: &str) -> DiskResult<()> {
        fs::unlinkat(at, name, AtFlags::empty())
    }

    fn sync(&self, handle: &OwnedFd) -> DiskResult<()> {
        rustix::io::retry_on_intr(|| fs::fsync(handle))
    }

    fn sync_all(&self) -> DiskResult<()> {
        if !self.syncs_whole {
            return Err(Errno::OPNOTSUPP);
        }
        rustix::io::retry_on_intr(|| fs::syncfs(&self.root))
    }

    fn entries(&self, directory: &OwnedFd, each: &mut dyn FnMut(&[u8], Kind)) -> DiskResult<()> {
        let mut buffer = vec![MaybeUninit::uninit(); ENTRIES_BYTES];
        let mut entries = fs::RawDir::new(directory, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                each(name, kind(entry.file_type()));
            }
        }
        Ok(())
    }

    fn space(&self) -> DiskResult<Space> {
        let space = fs::fstatvfs(&self.root)?;
        let bytes = |blocks: u64| blocks.saturating_mul(space.f_frsize);
        Ok(Space { total: bytes(space.f_blocks), free: bytes(space.f_bavail) })
    }

    fn now_ns(&self) -> i64 {
        // The coarse clock is the one that file times are taken from.
        let now = rustix::time::clock_gettime(ClockId::RealtimeCoarse);
        nanoseconds(now.tv_sec, now.tv_nsec)
    }

    fn nonce(&self) -> [u8; 16] {
        random()
    }

    fn boot(&self) -> u64 {
        self.boot
    }

    fn descriptor<'a>(&self, file: &'a OwnedFd) -> Option<BorrowedFd<'a>> {
        Some(file.as_fd())
    }
}

fn open_below(at: &OwnedFd, path: &str, flags: OFlags, mode: Mode) -> DiskResult<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let mut tries = 0;
    loop {
        match fs::openat2(at, path, flags, mode, resolve) {
            // EAGAIN: something was moved meanwhile and the kernel could not be sure.
            Err(Errno::AGAIN | Errno::INTR) if tries < RESOLVE_TRIES => tries += 1,
            result => return result,
        }
    }
}

fn statx(at: BorrowedFd<'_>, name: &str, flags: AtFlags) -> DiskResult<Status> {
    let status = fs::statx(at, name, flags, StatxFlags::BASIC_STATS | StatxFlags::BTIME)?;
    let time = |time: fs::StatxTimestamp| nanoseconds(time.tv_sec, time.tv_nsec.into());
    let born = StatxFlags::from_bits_retain(status.stx_mask).contains(StatxFlags::BTIME);
    let mode = u32::from(status.stx_mode);
    Ok(Status {
        kind: kind(FileType::from_raw_mode(mode)),
        mode: mode & 0o7777,
        links: status.stx_nlink,
        stamp: Stamp {
            device: u64::from(status.stx_dev_major) << 32 | u64::from(status.stx_dev_minor),
            inode: status.stx_ino,
            born_ns: if born { time(status.stx_btime) } else { 0 },
            size: status.stx_size,
            modified_ns: time(status.stx_mtime),
            changed_ns: time(status.stx_ctime),
        },
    })
}

fn kind(file_type: FileType) -> Kind {
    match file_type {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Unknown => Kind::Unknown,
        _ => Kind::Other,
    }
}

fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

/// Without `/proc` a random number: then nothing unsynced is believed after this process.
fn boot_number() -> u64 {
    let text = std::fs::read("/proc/sys/kernel/random/boot_id");
    let bytes = text.unwrap_or_else(|_| random::<16>().to_vec());
    let hash = blake3::hash(&bytes);
    let first: [u8; 8] = std::array::from_fn(|index| hash.as_bytes()[index]);
    u64::from_le_bytes(first) | 1
}

fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let mut filled = 0;
    while filled < LENGTH {
        let flags = rustix::rand::GetRandomFlags::empty();
        // Requests this small are never cut short; an interruption before the pool is ready is
        // the only way to fail.
        filled += rustix::rand::getrandom(&mut bytes[filled..], flags).unwrap_or(0);
    }
    bytes
}
