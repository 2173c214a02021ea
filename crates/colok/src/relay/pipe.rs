//! A pipe between two sockets: bytes go from one to the other without being copied to this process
//! (splice(2)).
//!
//! Only for directions to which nothing is done, and whose bytes nobody hashes.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

use super::side::Side;

/// How much is asked to fit in, in bytes: what an ordinary user may have (pipe(7),
/// `/proc/sys/fs/pipe-max-size`).
const PIPE_BYTES: usize = 1024 * 1024;

/// A pipe, and how many bytes are in it.
#[derive(Debug)]
pub(super) struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    pub(super) held: usize,
}

impl Pipe {
    /// `None` when no descriptor is left.
    pub(super) fn new() -> Option<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        // Who has many pipes already gets small ones, which do as well.
        let _ = fcntl_setpipe_size(&write, PIPE_BYTES);
        Some(Self { read, write, held: 0 })
    }

    /// Takes what a socket has; only while the pipe is empty. `None`: nothing is there now.
    pub(super) fn fill(&mut self, side: &mut Side) -> Option<Result<usize, Errno>> {
        let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
        match splice(side.socket.as_fd(), None, &self.write, None, PIPE_BYTES, flags) {
            Err(Errno::AGAIN) => {
                side.found_nothing();
                None
            }
            Err(Errno::INTR) => None,
            Ok(length) => {
                self.held += length;
                Some(Ok(length))
            }
            Err(errno) => Some(Err(errno)),
        }
    }

    /// Gives what it has to a socket; 0 when nothing is taken now.
    pub(super) fn empty(&mut self, side: &mut Side) -> Result<usize, Errno> {
        let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
        match splice(&self.read, None, side.socket.as_fd(), None, self.held, flags) {
            Err(Errno::AGAIN) => {
                side.takes_nothing();
                Ok(0)
            }
            Err(Errno::INTR) => Ok(0),
            Err(Errno::PIPE) => Err(Errno::CONNRESET),
            Ok(length) => {
                self.held -= length;
                Ok(length)
            }
            Err(errno) => Err(errno),
        }
    }
}
