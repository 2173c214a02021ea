//! A session on its socket: what every engine does when a socket is ready or a time has come.
//!
//! Engines differ in how they wait; what follows a wait is here, once. Nothing here waits.

use std::io::IoSlice;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use colok_proto::{Address, Time};
use colok_sys::readiness::Registered;
use rustix::io::Errno;
use rustix::net::Shutdown;

use super::gate::Admission;
use crate::observe::{Calls, Tap};
use crate::session::{Desk, Next, Session};

/// What a worker lends to the connections it serves: one buffer to read into and one desk.
#[derive(Debug)]
pub(crate) struct Worker<'w> {
    /// As much as is read at a time.
    pub(crate) buffer: &'w mut [u8],
    /// Where output is put together.
    pub(crate) desk: &'w mut Desk,
}

/// Calls that send parts of files in one turn at most; each takes what the socket has room for.
const FILE_SENDS_MAX: usize = 64;

/// What the kernel throws away with one call at most, in bytes: four reads of an event loop, which
/// cost nothing here but the call.
const BLIND_BYTES: usize = 256 * 1024;

/// The least that is waited for as a piece, in bytes: what takes longer to work on than a wake-up.
const PIECE_BYTES_MIN: usize = 64 * 1024;

/// What a read found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A full buffer; there may be more.
    More,
    /// Less than a full buffer: all there was.
    All,
    /// Nothing, or the end.
    Nothing,
}

/// A socket as an engine holds it: alone, or registered with its event loop.
pub(crate) trait Socket: AsFd {
    /// The socket alone.
    fn into_owned(self) -> OwnedFd;
}

impl Socket for OwnedFd {
    fn into_owned(self) -> OwnedFd {
        self
    }
}

impl Socket for Registered {
    fn into_owned(self) -> OwnedFd {
        self.into_inner()
    }
}

/// A session and its socket.
#[derive(Debug)]
pub(crate) struct Served<T: Tap, S: Socket = OwnedFd> {
    pub(crate) session: Session<T>,
    socket: S,
    admission: Admission,
    tap: T,
    /// How much must have come before the socket counts as readable, in bytes.
    low_water: usize,
}

impl<T: Tap> Served<T> {
    /// Registers the socket with the event loop of this thread. When that has no room for it, the
    /// connection is over.
    pub(crate) fn register(self, now: Time) -> Option<Served<T, Registered>> {
        let Self { mut session, socket, admission, tap, low_water } = self;
        match Registered::new(socket) {
            Ok(socket) => Some(Served { session, socket, admission, tap, low_water }),
            Err((socket, error)) => {
                session.failed(Errno::from_io_error(&error).unwrap_or(Errno::IO));
                Self { session, socket, admission, tap, low_water }.finish(now);
                None
            }
        }
    }

    /// The parts that it was made of.
    pub(crate) fn into_parts(self) -> (Session<T>, OwnedFd, Admission) {
        (self.session, self.socket, self.admission)
    }

    /// Puts a session on its socket. Call [`Served::opened`] next.
    pub(crate) fn new(session: Session<T>, socket: OwnedFd, admission: Admission, tap: T) -> Self {
        Self { session, socket, admission, tap, low_water: 1 }
    }
}

/// A session whose socket someone else holds meanwhile.
#[derive(Debug)]
pub(crate) struct Parked<T: Tap> {
    pub(crate) session: Session<T>,
    admission: Admission,
    tap: T,
    low_water: usize,
}

impl<T: Tap> Parked<T> {
    /// Puts it on its socket again.
    pub(crate) fn unpark(self, socket: OwnedFd) -> Served<T> {
        let Self { session, admission, tap, low_water } = self;
        Served { session, socket, admission, tap, low_water }
    }
}

impl<T: Tap> Served<T> {
    /// Gives the socket out of hands.
    pub(crate) fn park(self) -> (Parked<T>, OwnedFd) {
        let Self { session, socket, admission, tap, low_water } = self;
        (Parked { session, admission, tap, low_water }, socket)
    }
}

impl<T: Tap> Served<T, Registered> {
    /// Takes the socket out of the event loop of this thread.
    pub(crate) fn unregister(self) -> Served<T> {
        let Self { session, socket, admission, tap, low_water } = self;
        Served { session, socket: socket.into_inner(), admission, tap, low_water }
    }
}

impl<T: Tap, S: Socket> Served<T, S> {
    /// The socket.
    pub(crate) fn socket(&self) -> &S {
        &self.socket
    }

    /// The connection is there.
    pub(crate) fn opened(&mut self, now: Time, worker: &mut Worker<'_>) {
        self.session.opened(now, worker.desk);
        self.pump(now, 0, worker);
    }

    /// The socket may have something to read.
    #[inline]
    pub(crate) fn readable(&mut self, now: Time, worker: &mut Worker<'_>) -> Found {
        if self.session.receives_blindly() && self.is_tcp() {
            return self.readable_blindly(now, worker);
        }
        let limit = worker.buffer.len().min(self.session.receive_limit());
        match self.receive(&mut worker.buffer[..limit]) {
            Ok(0) => {
                self.session.ended(now, worker.desk);
                self.pump(now, 0, worker);
                Found::Nothing
            }
            Ok(length) => {
                self.session.received(now, &worker.buffer[..length], worker.desk);
                self.pump(now, length, worker);
                if length == limit { Found::More } else { Found::All }
            }
            Err(Errno::INTR) => Found::More,
            Err(Errno::AGAIN) => Found::Nothing,
            Err(errno) => {
                self.session.failed(errno);
                Found::Nothing
            }
        }
    }

    /// The same when nobody will look at what is read: the kernel throws it away, uncopied.
    fn readable_blindly(&mut self, now: Time, worker: &mut Worker<'_>) -> Found {
        let limit = self.session.blind_limit().min(BLIND_BYTES);
        let socket = self.socket.as_fd();
        let run = || colok_sys::receive::discard(socket, limit);
        let value = |length: &usize| i64::try_from(*length).unwrap_or(i64::MAX);
        let arguments = || format!("MSG_TRUNC {limit}");
        let calls = Calls::new(&self.tap);
        let found = match calls.observe("recvfrom", Some(socket), arguments, run, value) {
            Ok(0) => {
                self.session.ended(now, worker.desk);
                Found::Nothing
            }
            Ok(length) => {
                self.session.received_blindly(now, length, worker.desk);
                if length == limit { Found::More } else { Found::All }
            }
            Err(Errno::INTR) => return Found::More,
            Err(Errno::AGAIN) => return Found::Nothing,
            Err(errno) => {
                self.session.failed(errno);
                return Found::Nothing;
            }
        };
        self.pump(now, 0, worker);
        found
    }

    /// Whether the stream is TCP: of all sockets that streams are served on, only those have
    /// internet addresses.
    fn is_tcp(&self) -> bool {
        matches!(self.session.peer().remote, Address::Inet(_))
    }

    /// Reads once, and again while the rest of a body is known to be on its way: a disk is written
    /// to in large pieces.
    #[inline]
    fn receive(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        let calls = Calls::new(&self.tap);
        let mut length = calls.read(self.socket.as_fd(), buffer)?;
        while length > 0 && length < buffer.len() && self.session.certain_bytes() > length as u64 {
            // An end or an error is found again by the next read.
            match calls.read(self.socket.as_fd(), &mut buffer[length..]) {
                Ok(more) if more > 0 => length += more,
                _ => break,
            }
        }
        Ok(length)
    }

    /// The socket may have room to send; says whether it has no more.
    pub(crate) fn writable(&mut self, now: Time, worker: &mut Worker<'_>) -> bool {
        self.pump(now, 0, worker)
    }

    /// The session's deadline has come. What is there to read is read first.
    pub(crate) fn due(&mut self, now: Time, worker: &mut Worker<'_>) {
        let receives = matches!(self.next(worker), Next::Wait { receive: true, .. });
        if receives && self.readable(now, worker) != Found::Nothing {
            return;
        }
        if self.session.seems_idle(now) {
            self.look_at_what_was_sent(now);
        }
        self.session.tick(now, worker.desk);
        self.pump(now, 0, worker);
    }

    /// A socket that takes nothing may still be sending: it wakes nobody before a third of its
    /// buffer is free, which takes a slow reader minutes.
    fn look_at_what_was_sent(&mut self, now: Time) {
        let socket = self.socket.as_fd();
        let run = || colok_sys::send::bytes_not_taken(socket);
        let value = |bytes: &u64| bytes.cast_signed();
        let arguments = || "SIOCOUTQ".into();
        if let Ok(bytes) =
            Calls::new(&self.tap).observe("ioctl", Some(socket), arguments, run, value)
        {
            self.session.left_with_kernel(now, bytes);
        }
    }

    /// What to do next; does the shutting down of writing by itself. Never
    /// [`Next::ShutdownWrite`].
    #[inline]
    pub(crate) fn step(&mut self, now: Time, worker: &Worker<'_>) -> Next {
        let next = self.next(worker);
        if next != Next::ShutdownWrite {
            return next;
        }
        // A peer that is gone already is noticed by the read that follows.
        let _ = Calls::new(&self.tap).shutdown(self.socket.as_fd(), Shutdown::Write);
        self.session.write_was_shut(now);
        self.next(worker)
    }

    /// Before a wait: of a large body the next piece is waited for whole, since a wake-up for each
    /// segment costs more than what it brings. A body that comes slowly is read at the deadline.
    pub(crate) fn wait_for_pieces(&mut self, worker: &Worker<'_>) {
        let limit = worker.buffer.len().min(self.session.receive_limit());
        let certain = usize::try_from(self.session.certain_bytes()).unwrap_or(usize::MAX);
        let piece = certain.min(limit);
        let low_water = if piece < PIECE_BYTES_MIN { 1 } else { piece };
        if low_water != self.low_water {
            self.low_water = low_water;
            let socket = self.socket.as_fd();
            let run = || colok_sys::receive::set_low_water(socket, low_water);
            let option = format_args!("SO_RCVLOWAT {low_water}");
            // Without it there are more wake-ups, and nothing else.
            let _ = Calls::new(&self.tap).set_option(socket, option, run);
        }
    }

    /// The connection is over: closes the socket, gives its place back, and tells so. In this
    /// order, because whoever hears of the close may count on the place.
    pub(crate) fn finish(self, now: Time) {
        let Self { session, socket, mut admission, tap, .. } = self;
        Calls::new(&tap).close(socket.into_owned());
        admission.moved = session.bytes_moved();
        let admitted = admission.is_admitted();
        drop(admission);
        if admitted {
            session.report_closed(now);
        }
    }

    fn next(&self, worker: &Worker<'_>) -> Next {
        self.session.next(worker.desk)
    }

    #[inline]
    fn pump(&mut self, now: Time, length: usize, worker: &mut Worker<'_>) -> bool {
        let calls = Calls::new(&self.tap);
        let socket = self.socket.as_fd();
        let input = &worker.buffer[..length];
        let write = |slices: &[IoSlice<'_>]| calls.write(socket, slices);
        let mut blocked = self.session.pump(now, input, worker.desk, write);
        if !self.session.may_block() {
            return blocked;
        }
        for _ in 0..FILE_SENDS_MAX {
            let Some((file, range)) = self.session.pending_file().filter(|_| !blocked) else {
                break;
            };
            let sees = self.session.hashes();
            let sent = if sees {
                send_copied(calls, socket, file, &range, worker.buffer)
            } else {
                calls.send_file(socket, file, range.start, range.end - range.start)
            };
            match sent {
                Ok(0) => self.session.failed(Errno::IO), // the file became shorter
                Ok(sent) => {
                    if sees {
                        self.session.hash_sent(&worker.buffer[..sent]);
                    }
                    self.session.file_sent(now, sent as u64);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => blocked = true,
                Err(errno) => self.session.failed(errno),
            }
            if self.session.pending_file().is_none() {
                blocked |= self.session.pump(now, &[], worker.desk, write);
            }
        }
        blocked
    }
}

/// Sends the beginning of a part of a file through `buffer`, where its bytes can be seen; returns
/// how many of those in `buffer` have left.
fn send_copied<T: Tap>(
    calls: Calls<'_, T>,
    socket: BorrowedFd<'_>,
    file: BorrowedFd<'_>,
    range: &Range<u64>,
    buffer: &mut [u8],
) -> Result<usize, Errno> {
    let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX).min(buffer.len());
    let length = rustix::io::pread(file, &mut buffer[..wanted], range.start)?;
    if length == 0 {
        return Ok(0);
    }
    calls.write(socket, &[IoSlice::new(&buffer[..length])])
}
