//! Standard input and output of a pipe: writing without ever waiting, and what is left to read.
//!
//! Descriptors that were handed to this program are shared with others (the shell, the other end
//! of a `tee`). `O_NONBLOCK` belongs to the open file, not to the descriptor, so setting it would
//! change it for all of them; it is never set here.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use colok_proto::Time;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::SendFlags;

use super::wait::wait;
use crate::clock::Clock;

/// What a pipe that poll(2) calls writable takes without blocking (pipe(7), `PIPE_BUF`).
const PIPE_ATOMIC_BYTES: usize = 4096;

/// Where received bytes go: a standard output that can be written to without ever waiting for its
/// reader.
#[derive(Debug)]
pub struct Output<'a>(Kind<'a>);

#[derive(Debug)]
enum Kind<'a> {
    /// A file or a device like `/dev/null`: it never waits for a reader.
    File(BorrowedFd<'a>),
    /// A pipe or a terminal, opened again: an open file of our own that may be non-blocking.
    Own(OwnedFd),
    /// A socket: each send says for itself that it must not block.
    Socket(BorrowedFd<'a>),
    /// A pipe or a terminal that could not be opened again (no `/proc`, another user's): written
    /// in pieces so small that one fits whenever poll(2) says so. If somebody else fills it first,
    /// the write waits for its reader.
    Shared(BorrowedFd<'a>),
}

impl<'a> Output<'a> {
    /// Looks at what the descriptor is. Its own flags are never changed.
    pub fn new(descriptor: BorrowedFd<'a>) -> Self {
        Self(Kind::of(descriptor))
    }

    /// Writes all of it, however slowly it is read. At `deadline` it is left with an error of the
    /// kind [`TimedOut`](std::io::ErrorKind::TimedOut); some bytes may have been written by then.
    pub fn write_all_until(
        &self,
        bytes: &[u8],
        deadline: Option<Time>,
        clock: &Clock,
    ) -> std::io::Result<()> {
        let mut rest = bytes;
        let mut ready = self.never_waits();
        while !rest.is_empty() {
            if ready {
                rest = &rest[self.write(rest)?..];
            }
            if rest.is_empty() {
                break;
            }
            let mut watched = [PollFd::from_borrowed_fd(self.descriptor(), PollFlags::OUT)];
            ready = wait(&mut watched, deadline, clock)? > 0;
            if deadline.is_some_and(|deadline| clock.now() >= deadline) {
                return Err(Errno::TIMEDOUT.into());
            }
        }
        Ok(())
    }

    /// The descriptor to wait for.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        match &self.0 {
            Kind::File(descriptor) | Kind::Socket(descriptor) | Kind::Shared(descriptor) => {
                *descriptor
            }
            Kind::Own(descriptor) => descriptor.as_fd(),
        }
    }

    /// Whether [`Output::write`] may be called without asking poll(2) first.
    pub(super) fn never_waits(&self) -> bool {
        !matches!(self.0, Kind::Shared(_))
    }

    /// Writes what it takes now; `Ok(0)` when it takes nothing now.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        let result = match &self.0 {
            Kind::File(file) => rustix::io::write(file, bytes),
            Kind::Own(file) => rustix::io::write(file, bytes),
            Kind::Socket(socket) => {
                rustix::net::send(socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)
            }
            Kind::Shared(file) => {
                rustix::io::write(file, &bytes[..bytes.len().min(PIPE_ATOMIC_BYTES)])
            }
        };
        match result {
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            result => result,
        }
    }
}

impl<'a> Kind<'a> {
    fn of(descriptor: BorrowedFd<'a>) -> Self {
        let Ok(status) = rustix::fs::fstat(descriptor) else { return Self::Shared(descriptor) };
        match FileType::from_raw_mode(status.st_mode) {
            FileType::Socket => Self::Socket(descriptor),
            FileType::Fifo => Self::open_again(descriptor),
            FileType::CharacterDevice if rustix::termios::isatty(descriptor) => {
                Self::open_again(descriptor)
            }
            _ => Self::File(descriptor),
        }
    }

    fn open_again(descriptor: BorrowedFd<'a>) -> Self {
        let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        rustix::fs::open(path, flags, Mode::empty()).map_or(Self::Shared(descriptor), Self::Own)
    }
}

/// How many bytes wait to be read, as far as the kernel tells; nothing is read.
pub(super) fn waiting(input: BorrowedFd<'_>) -> u64 {
    rustix::io::ioctl_fionread(input).unwrap_or(0)
}

/// Whether it is a terminal.
pub(super) fn is_terminal(descriptor: BorrowedFd<'_>) -> bool {
    rustix::termios::isatty(descriptor)
}
