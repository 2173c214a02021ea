//! Unix stream listeners: a stale socket file is probed and replaced, a live one is an error, and
//! the file goes when the server does.
//!
//! Only a socket that nobody listens on is ever removed; any other file is left as it is.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use colok_proto::Address;
use rustix::fs::{CWD, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

use super::{Listener, listener};
use crate::error::{Error, Result};
use crate::net::holder;
use crate::net::service_address::ServiceAddress;
use crate::net::url::Place;
use crate::observe::{Calls, Event, Tap};
use crate::server::notices;

/// A socket file that we made. Dropping it removes the file, if it is still the one we made.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn made(path: &Path) -> Result<Self, Errno> {
        let stat = rustix::fs::lstat(path)?;
        Ok(Self { path: path.to_owned(), device: stat.st_dev, inode: stat.st_ino })
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

/// Binds a Unix stream socket.
pub(super) fn bind<T: Tap>(
    address: &ServiceAddress,
    tap: &T,
    calls: Calls<'_, T>,
) -> Result<Listener> {
    let url = address.url.to_string();
    let fail = |call: &'static str, errno: Errno, holder| Error::Bind {
        call,
        address: url.clone(),
        errno,
        holder,
    };
    let plain = |call: &'static str| {
        let fail = &fail;
        move |errno| fail(call, errno, None)
    };
    let socket = calls.socket(AddressFamily::UNIX, SocketType::STREAM).map_err(plain("socket"))?;
    let (name, file) = match &address.url.place {
        Place::Path(path) => {
            if let Some(mode) = address.unix_mode {
                // Narrows the mode that the file is born with, so that nobody slips in before
                // the chmod below.
                let mode = Mode::from_raw_mode(mode);
                rustix::fs::fchmod(&socket, mode).map_err(plain("fchmod"))?;
            }
            let path = Path::new(path);
            bind_path(&socket, path, tap, calls).map_err(|errno| {
                let in_use = errno == Errno::ADDRINUSE;
                let holder = in_use.then(|| holder::of_unix(&path.to_string_lossy())).flatten();
                fail("bind", errno, holder)
            })?;
            let file = SocketFile::made(path).map_err(plain("lstat"))?;
            if let Some(mode) = address.unix_mode {
                let mode = Mode::from_raw_mode(mode);
                rustix::fs::chmodat(CWD, path, mode, rustix::fs::AtFlags::empty())
                    .map_err(plain("chmod"))?;
            }
            (path.to_string_lossy().into_owned(), Some(file))
        }
        Place::Abstract(name) => {
            let at = SocketAddrUnix::new_abstract_name(name.as_bytes()).map_err(plain("bind"))?;
            calls.bind_unix(socket.as_fd(), &at).map_err(|errno| {
                let in_use = errno == Errno::ADDRINUSE;
                let holder = in_use.then(|| holder::of_unix(&format!("@{name}"))).flatten();
                fail("bind", errno, holder)
            })?;
            (format!("@{name}"), None)
        }
        Place::Inet { .. } => return Err(fail("bind", Errno::AFNOSUPPORT, None)),
    };
    calls.listen(socket.as_fd(), super::BACKLOG).map_err(plain("listen"))?;
    let bound = Address::Unix(name.into());
    Ok(Listener { file, ..listener(socket, bound, address) })
}

fn bind_path<T: Tap>(
    socket: &impl AsFd,
    path: &Path,
    tap: &T,
    calls: Calls<'_, T>,
) -> Result<(), Errno> {
    let at = SocketAddrUnix::new(path)?;
    match calls.bind_unix(socket.as_fd(), &at) {
        Err(Errno::ADDRINUSE) => {}
        bound => return bound,
    }
    // Two servers that start at once must not both find the file stale and remove each other's:
    // the folder is locked from the probe to the new bind.
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder.unwrap_or(Path::new(".")), flags, Mode::empty())?;
    rustix::fs::flock(&folder, FlockOperation::LockExclusive)?;
    let stat = rustix::fs::lstat(path)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Socket || !is_stale(&at, calls)? {
        return Err(Errno::ADDRINUSE);
    }
    rustix::fs::unlink(path)?;
    calls.bind_unix(socket.as_fd(), &at)?;
    tap.event(|| Event::Notice {
        notice: notices::STALE_SOCKET_REMOVED.to_owned(),
        subject: path.display().to_string(),
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
