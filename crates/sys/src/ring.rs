//! A small io_uring ring with a safe face: buffers belong to the ring while the kernel has them.
//!
//! One operation per descriptor and direction at a time is the caller's business; that a buffer
//! lives until its completion is ours. Buffers still with the kernel when a ring is dropped are
//! leaked rather than freed. No multishot, no buffer rings, no registered anything: those come
//! with the engine.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use io_uring::{IoUring, opcode, squeue, types};
use rustix::io::Errno;

/// What an operation is told by when it completes: the caller's number.
pub type Token = u64;

/// A completed operation.
#[derive(Debug)]
pub struct Completion {
    /// The number given with the operation.
    pub token: Token,
    /// What came of it.
    pub outcome: Result<Outcome, Errno>,
    /// The buffer that was lent with it.
    pub buffer: Option<Vec<u8>>,
}

/// What came of an operation that worked.
#[derive(Debug)]
pub enum Outcome {
    /// A connection was accepted.
    Accepted(OwnedFd),
    /// This many bytes were received or sent, or these poll events happened.
    Count(usize),
}

/// What the kernel has of us.
#[derive(Debug)]
struct InFlight {
    accepts: bool,
    buffer: Option<Vec<u8>>,
}

/// A ring.
pub struct Ring {
    ring: IoUring,
    in_flight: HashMap<Token, InFlight>,
}

impl Ring {
    /// A ring with room for `entries` operations between two waits. Fails where the kernel or a
    /// sandbox has no io_uring.
    pub fn new(entries: u32) -> io::Result<Self> {
        Ok(Self { ring: IoUring::new(entries)?, in_flight: HashMap::new() })
    }

    /// Accepts one connection, close-on-exec.
    pub fn accept(&mut self, listener: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        let descriptor = types::Fd(listener.as_raw_fd());
        let none = std::ptr::null_mut();
        let accept = opcode::Accept::new(descriptor, none, std::ptr::null_mut());
        let entry = accept.flags(libc::SOCK_CLOEXEC).build();
        self.push(entry, token, InFlight { accepts: true, buffer: None })
    }

    /// Receives into a buffer, up to its length.
    pub fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        mut buffer: Vec<u8>,
        token: Token,
    ) -> io::Result<()> {
        let length = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
        let descriptor = types::Fd(socket.as_raw_fd());
        let entry = opcode::Recv::new(descriptor, buffer.as_mut_ptr(), length).build();
        self.push(entry, token, InFlight { accepts: false, buffer: Some(buffer) })
    }

    /// Sends a range of a buffer; waits in the kernel for room. Panics when the range is not in
    /// the buffer.
    pub fn send(
        &mut self,
        socket: BorrowedFd<'_>,
        buffer: Vec<u8>,
        range: Range<usize>,
        token: Token,
    ) -> io::Result<()> {
        let bytes = &buffer[range];
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let descriptor = types::Fd(socket.as_raw_fd());
        let send = opcode::Send::new(descriptor, bytes.as_ptr(), length);
        let entry = send.flags(libc::MSG_NOSIGNAL).build();
        self.push(entry, token, InFlight { accepts: false, buffer: Some(buffer) })
    }

    /// Waits for a descriptor to become readable.
    pub fn readable(&mut self, descriptor: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        let events = u32::from(libc::POLLIN.unsigned_abs());
        let entry = opcode::PollAdd::new(types::Fd(descriptor.as_raw_fd()), events).build();
        self.push(entry, token, InFlight { accepts: false, buffer: None })
    }

    fn push(&mut self, entry: squeue::Entry, token: Token, lent: InFlight) -> io::Result<()> {
        assert!(!self.in_flight.contains_key(&token), "one operation per token at a time");
        let entry = entry.user_data(token);
        loop {
            // SAFETY: the buffer that the entry points into, if any, is moved into `in_flight`
            // below without moving its bytes, and stays there until the completion.
            if unsafe { self.ring.submission().push(&entry) }.is_ok() {
                self.in_flight.insert(token, lent);
                // At once: the descriptor is only borrowed, and once it is closed its number may
                // be somebody else's.
                self.ring.submit()?;
                return Ok(());
            }
            self.ring.submit()?;
        }
    }

    /// Submits what was asked for, waits for a completion or until the time is over, and returns
    /// what has completed.
    pub fn wait(&mut self, at_most: Duration) -> io::Result<Vec<Completion>> {
        let time = types::Timespec::from(at_most);
        let arguments = types::SubmitArgs::new().timespec(&time);
        match self.ring.submitter().submit_with_args(1, &arguments) {
            Ok(_) => {}
            Err(error) if matches!(error.raw_os_error(), Some(libc::ETIME | libc::EINTR)) => {}
            Err(error) => return Err(error),
        }
        let reaped: Vec<_> = self.ring.completion().collect();
        Ok(reaped.into_iter().filter_map(|entry| self.complete(&entry)).collect())
    }

    fn complete(&mut self, entry: &io_uring::cqueue::Entry) -> Option<Completion> {
        let token = entry.user_data();
        let lent = self.in_flight.remove(&token)?;
        let outcome = match entry.result() {
            descriptor @ 0.. if lent.accepts => {
                // SAFETY: the kernel has just made this descriptor for us, and nobody else knows
                // of it.
                Ok(Outcome::Accepted(unsafe { OwnedFd::from_raw_fd(descriptor) }))
            }
            count @ 0.. => Ok(Outcome::Count(usize::try_from(count).unwrap_or(0))),
            failed => Err(Errno::from_raw_os_error(-failed)),
        };
        Some(Completion { token, outcome, buffer: lent.buffer })
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // Closing the ring cancels what is in flight, but not before this returns.
        for lent in self.in_flight.drain() {
            std::mem::forget(lent);
        }
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("in_flight", &self.in_flight.len()).finish_non_exhaustive()
    }
}
