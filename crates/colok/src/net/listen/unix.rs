//! Unix stream listeners: a stale socket file is probed and replaced, a live one is an error, and
//! the file goes when the server does.
//!
//! Only a socket that nobody listens on is ever removed; any other file is left as it is.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use colok_proto::Address;
use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

use super::{Listener, listener};
use crate::error::{Error, Result};
use crate::net::holder;
use crate::net::service_address::ServiceAddress;
use crate::net::url::Place;
use crate::observe::{Calls, Event, Tap, notices, printable};

/// A socket file that we made. Dropping it removes the file, if it is still the one we made.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    /// The file that was just made at this path, with these permission bits. It is held by a
    /// handle, so that a link put in its place is never followed.
    fn made(path: &Path, mode: Option<Mode>) -> Result<Self, Errno> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&handle)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Socket {
            return Err(Errno::EXIST);
        }
        let file = Self { path: path.to_owned(), device: stat.st_dev, inode: stat.st_ino };
        if let Some(mode) = mode {
            let handle = format!("/proc/self/fd/{}", handle.as_raw_fd());
            rustix::fs::chmodat(CWD, handle, mode, AtFlags::empty())?;
        }
        Ok(file)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = rustix::fs::lstat(&self.path)
            .is_ok_and(|stat| (stat.st_dev, stat.st_ino) == (self.device, self.inode));
        if ours {
            // Nothing useful can be done when it fails; the next start finds it stale.
            let _ = rustix::fs::unlink(&self.path);
        }
    }
}

/// How long another server that is binding in the same folder is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// How often the lock is tried for within it.
const LOCK_STEP: Duration = Duration::from_millis(10);

/// Binds a Unix stream socket.
pub(super) fn bind<T: Tap>(
    address: &ServiceAddress,
    tap: &T,
    calls: Calls<'_, T>,
) -> Result<Listener> {
    let url = address.url.to_string();
    let fail = |call: &'static str| {
        let url = &url;
        move |errno: Errno| Error::Bind { call, address: url.clone(), errno, holder: None }
    };
    let socket = calls.socket(AddressFamily::UNIX, SocketType::STREAM).map_err(fail("socket"))?;
    // A socket that is bound and does not listen yet looks stale to others, so the folder is
    // locked from before the bind until it listens.
    let mut lock = None;
    let (name, file) = match &address.url.place {
        Place::Path(path) => {
            let path = Path::new(path);
            lock = lock_folder(path);
            let file = bind_path(&socket, path, address.unix_mode, lock.is_some(), tap, calls);
            let name = path.to_string_lossy().into_owned();
            (name.clone(), Some(file.map_err(|errno| in_use(&url, errno, &name))?))
        }
        Place::Abstract(name) => {
            let at = SocketAddrUnix::new_abstract_name(name.as_bytes()).map_err(fail("bind"))?;
            let name = format!("@{name}");
            let bound = calls.bind_unix(socket.as_fd(), &at);
            bound.map_err(|errno| in_use(&url, errno, &name))?;
            (name, None)
        }
        Place::Inet { .. } => return Err(fail("bind")(Errno::AFNOSUPPORT)),
    };
    calls.listen(socket.as_fd(), super::BACKLOG).map_err(fail("listen"))?;
    drop(lock);
    let bound = Address::Unix(name.into());
    Ok(Listener { file, ..listener(socket, bound, address) })
}

/// The error of a bind, with whoever has the name.
fn in_use(url: &str, errno: Errno, name: &str) -> Error {
    let holder = (errno == Errno::ADDRINUSE).then(|| holder::of_unix(name)).flatten();
    Error::Bind { call: "bind", address: url.to_owned(), errno, holder }
}

/// Locks the folder of a path against other servers that bind there; `None` when it cannot be
/// locked, or when somebody holds the lock for longer than [`LOCK_WAIT`].
fn lock_folder(path: &Path) -> Option<OwnedFd> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder.unwrap_or(Path::new(".")), flags, Mode::empty()).ok()?;
    let until = Instant::now() + LOCK_WAIT;
    loop {
        match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Some(folder),
            Err(_) if until <= Instant::now() => return None,
            Err(_) => std::thread::park_timeout(LOCK_STEP),
        }
    }
}

/// Binds to a path with these permission bits. A stale socket file is replaced, but only under
/// the lock: two servers that start at once must not remove each other's.
fn bind_path<T: Tap>(
    socket: &OwnedFd,
    path: &Path,
    mode: Option<u32>,
    locked: bool,
    tap: &T,
    calls: Calls<'_, T>,
) -> Result<SocketFile, Errno> {
    let mode = mode.map(Mode::from_raw_mode);
    if let Some(mode) = mode {
        // Narrows the mode that the file is born with, so that nobody slips in before the chmod
        // below, which undoes what the umask took.
        rustix::fs::fchmod(socket, mode)?;
    }
    let at = SocketAddrUnix::new(path)?;
    match calls.bind_unix(socket.as_fd(), &at) {
        Err(Errno::ADDRINUSE) if locked => replace_stale(socket, path, &at, tap, calls)?,
        bound => bound?,
    }
    SocketFile::made(path, mode)
}

fn replace_stale<T: Tap>(
    socket: &OwnedFd,
    path: &Path,
    at: &SocketAddrUnix,
    tap: &T,
    calls: Calls<'_, T>,
) -> Result<(), Errno> {
    let stat = rustix::fs::lstat(path)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Socket || !is_stale(at, calls)? {
        return Err(Errno::ADDRINUSE);
    }
    rustix::fs::unlink(path)?;
    calls.bind_unix(socket.as_fd(), at)?;
    tap.event(|| Event::Notice {
        notice: notices::STALE_SOCKET_REMOVED.to_owned(),
        subject: printable(path.as_os_str().as_bytes()),
    });
    Ok(())
}

/// Whether nobody listens behind a socket file: a connection is refused.
fn is_stale<T: Tap>(at: &SocketAddrUnix, calls: Calls<'_, T>) -> Result<bool, Errno> {
    let probe = calls.socket(AddressFamily::UNIX, SocketType::STREAM)?;
    let stale = matches!(calls.connect_unix(probe.as_fd(), at), Err(Errno::CONNREFUSED));
    calls.close(probe);
    Ok(stale)
}
