//! A piped conversation over a stream: bytes in, bytes out, exact, both ways at once.
//!
//! One loop waits for the input, the socket and the output together and moves what can be moved.
//! It holds at most one buffer each way and never reads what it cannot pass on, so a slow reader
//! slows the writer and nothing grows. It ends when the server ends, when the way
//! [`OnEof`] names has come, or when a time runs out; the [`PipeReport`] says which, and what is
//! missing.
//!
//! It never looks at what the bytes mean, and never changes a descriptor that was lent to it.

use std::os::fd::BorrowedFd;
use std::str::FromStr;
use std::time::Duration;

use colok_proto::Time;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use thiserror::Error as ThisError;

use super::connect::Connection;
use super::echo_tracker::{EchoProgress, EchoTracker};
use super::end::EndReason;
use super::link::{Link, Received};
use super::standard::{Output, is_terminal, waiting};
use super::wait::{READABLE, WRITABLE, earliest, wait};
use crate::clock::Clock;
use crate::error::Result;
use crate::net::duration::parse_duration;
use crate::observe::Tap;

/// Bytes held each way at most; the default capacity of a Linux pipe.
const BUFFER_BYTES: usize = 64 * 1024;

/// When the server ends first and the input has nothing to read: how long the input may take to
/// end as well. A program that wrote its last byte needs a moment to exit.
const INPUT_GRACE: Duration = Duration::from_millis(500);

/// What to do when the input has ended and all of it was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnEof {
    /// Tell the server (half-close) and receive until it ends.
    #[default]
    HalfClose,
    /// Close; answers that have not come yet are not waited for.
    Close,
    /// Tell nothing, and receive for this long after the last byte came and was passed on; then
    /// close.
    Wait(Duration),
}

/// A text that is not an [`OnEof`].
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error("`{text}` is not a way to end; write half-close, close or wait=5s")]
pub struct OnEofError {
    /// What was given.
    pub text: String,
}

impl FromStr for OnEof {
    type Err = OnEofError;

    fn from_str(text: &str) -> std::result::Result<Self, OnEofError> {
        let wrong = || OnEofError { text: text.to_owned() };
        match text {
            "half-close" => Ok(Self::HalfClose),
            "close" => Ok(Self::Close),
            _ => {
                let time = text.strip_prefix("wait=").ok_or_else(wrong)?;
                parse_duration(time).map(Self::Wait).map_err(|_| wrong())
            }
        }
    }
}

/// How a piped conversation goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PipeOptions {
    /// What follows the end of the input.
    pub on_eof: OnEof,
    /// The longest time without a byte either way. Default: none.
    pub idle_timeout: Option<Duration>,
    /// When it ends in any case. Default: never.
    pub deadline: Option<Time>,
}

/// How a piped conversation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipeReport {
    /// Bytes that our kernel took for the server.
    pub bytes_sent: u64,
    /// Bytes that came from the server.
    pub bytes_received: u64,
    /// Whether the input came to its end.
    pub input_ended: bool,
    /// Bytes read from the input that could not be sent.
    pub unsent: u64,
    /// Bytes that wait in the input and were never read, as far as the kernel tells.
    pub unread: u64,
    /// Why it ended.
    pub ended_by: EndReason,
    /// How far an echo came, when all that came is the beginning of what was sent.
    pub echoed: Option<EchoProgress>,
    /// What is missing, when the server ended too early.
    pub shortfall: Option<Shortfall>,
}

/// What is missing when a server ended too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// Input was left when the server closed.
    NotSent {
        /// Bytes sent.
        sent: u64,
        /// Bytes known to be left.
        left: u64,
    },
    /// The server echoes, and closed before everything had come back.
    NotEchoed {
        /// Bytes that came back.
        came_back: u64,
        /// Bytes sent.
        sent: u64,
    },
    /// The server closed after some input was sent, and the input (not a terminal) had not ended.
    InputOpen {
        /// Bytes sent.
        sent: u64,
    },
}

/// Runs a piped conversation to its end and closes the connection.
///
/// Whatever happens to the server, the input or the output is in the report; an error means that
/// the system would not let us wait. When a time runs out the connection is closed at once; every
/// other close of ours lingers for at most a second.
pub fn pipe<T: Tap>(
    connection: Connection,
    input: BorrowedFd<'_>,
    output: BorrowedFd<'_>,
    options: &PipeOptions,
    clock: &Clock,
    tap: &T,
) -> Result<PipeReport> {
    let link = Link::new(&connection, tap);
    let output = Output::new(output);
    let mut pipe = Pipe::new(&link, input, &output, *options, clock);
    let result = pipe.run().map(|ended_by| {
        if matches!(ended_by, EndReason::InputSent | EndReason::WaitOver) {
            link.end_sending();
            link.linger(options.deadline, clock);
        }
        link.ended(ended_by);
        pipe.report(ended_by)
    });
    let result = result.map_err(|errno| link.failed("poll", errno));
    connection.close(tap);
    result
}

/// Bytes on their way: read when it is empty, written until it is empty.
struct Buffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Buffer {
    fn new() -> Self {
        Self { bytes: vec![0; BUFFER_BYTES].into(), start: 0, end: 0 }
    }

    fn content(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn filled(&mut self, length: usize) {
        self.start = 0;
        self.end = length;
    }

    fn taken(&mut self, length: usize) {
        self.start += length;
    }
}

/// What poll(2) said.
#[derive(Clone, Copy, Debug)]
struct Ready {
    input: bool,
    /// Of what was wanted from the socket, what is possible.
    socket: PollFlags,
    output: bool,
}

struct Pipe<'a, T: Tap> {
    link: &'a Link<'a, T>,
    input: BorrowedFd<'a>,
    output: &'a Output<'a>,
    options: PipeOptions,
    clock: &'a Clock,
    upload: Buffer,
    download: Buffer,
    tracker: EchoTracker,
    bytes_sent: u64,
    bytes_received: u64,
    input_ended: bool,
    /// All input was sent and [`OnEof`] was acted on.
    all_sent: bool,
    peer_ended: bool,
    /// The connection broke; nothing can be sent any more.
    reset: Option<EndReason>,
    /// The input or the output broke.
    broken: Option<EndReason>,
    last_moved: Time,
    /// When the input ended, or a byte last came or was passed on.
    last_answer: Time,
}

impl<'a, T: Tap> Pipe<'a, T> {
    fn new(
        link: &'a Link<'a, T>,
        input: BorrowedFd<'a>,
        output: &'a Output<'a>,
        options: PipeOptions,
        clock: &'a Clock,
    ) -> Self {
        let now = clock.now();
        Self {
            link,
            input,
            output,
            options,
            clock,
            upload: Buffer::new(),
            download: Buffer::new(),
            tracker: EchoTracker::new(),
            bytes_sent: 0,
            bytes_received: 0,
            input_ended: false,
            all_sent: false,
            peer_ended: false,
            reset: None,
            broken: None,
            last_moved: now,
            last_answer: now,
        }
    }

    fn run(&mut self) -> Result<EndReason, Errno> {
        loop {
            let ready = self.wait()?;
            if let Some(ready) = ready {
                self.turn(ready);
            }
            if let Some(reason) = self.ended(ready.is_none()) {
                return Ok(reason);
            }
        }
    }

    /// Waits for whatever can go on; `None` when the time to wait was over.
    fn wait(&self) -> Result<Option<Ready>, Errno> {
        let mut watched = Vec::with_capacity(3);
        let mut watch = |descriptor, events: PollFlags, wanted: bool| {
            wanted.then(|| {
                watched.push(PollFd::from_borrowed_fd(descriptor, events));
                watched.len() - 1
            })
        };
        let receive = self.download.is_empty() && !self.peer_ended;
        let send = !self.upload.is_empty() && self.reset.is_none();
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, receive);
        events.set(PollFlags::OUT, send);
        // Only what is wanted is watched: a hang-up that nobody acts on would end every wait.
        let input = watch(self.input, PollFlags::IN, self.wants_input());
        let socket = watch(self.link.socket(), events, receive || send);
        let output = watch(self.output.descriptor(), PollFlags::OUT, !self.download.is_empty());
        if wait(&mut watched, self.next_time(), self.clock)? == 0 {
            return Ok(None);
        }
        let said = |at: Option<usize>| at.map_or(PollFlags::empty(), |at| watched[at].revents());
        let mut possible = PollFlags::empty();
        possible.set(PollFlags::IN, said(socket).intersects(READABLE));
        possible.set(PollFlags::OUT, said(socket).intersects(WRITABLE));
        let socket = possible & events;
        Ok(Some(Ready { input: !said(input).is_empty(), socket, output: !said(output).is_empty() }))
    }

    fn wants_input(&self) -> bool {
        self.upload.is_empty() && !self.input_ended && self.reset.is_none()
    }

    fn turn(&mut self, ready: Ready) {
        // What was just read is passed on in the same turn: mostly there is room for it.
        if ready.input {
            self.read_input();
        }
        if ready.input || ready.socket.contains(PollFlags::OUT) {
            self.send();
        }
        if self.input_ended && self.upload.is_empty() && !self.all_sent {
            self.act_on_end_of_input();
        }
        let received = ready.socket.contains(PollFlags::IN);
        if received {
            self.receive();
        }
        if ready.output || (received && self.output.never_waits()) {
            self.write_output();
        }
    }

    fn read_input(&mut self) {
        match rustix::io::read(self.input, &mut *self.upload.bytes) {
            Ok(0) => self.input_ended = true,
            Ok(length) => self.upload.filled(length),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(errno) => self.broken = Some(EndReason::InputFailed(errno)),
        }
    }

    fn send(&mut self) {
        if self.upload.is_empty() || self.reset.is_some() {
            return;
        }
        match self.link.send(self.upload.content()) {
            Ok(0) => {}
            Ok(length) => {
                self.tracker.sent(&self.upload.content()[..length]);
                self.upload.taken(length);
                self.bytes_sent += length as u64;
                self.last_moved = self.clock.now();
            }
            Err(reason) => {
                // What the server sent before it broke can still be received, up to its end.
                self.reset = Some(reason);
            }
        }
    }

    fn act_on_end_of_input(&mut self) {
        self.all_sent = true;
        self.last_answer = self.clock.now();
        if self.options.on_eof == OnEof::HalfClose {
            self.link.end_sending();
        }
    }

    fn receive(&mut self) {
        match self.link.receive(&mut self.download.bytes) {
            Ok(Received::Bytes(length, _)) => {
                self.download.filled(length);
                self.tracker.received(self.download.content());
                self.bytes_received += length as u64;
                self.last_moved = self.clock.now();
                self.last_answer = self.last_moved;
            }
            Ok(Received::Nothing) => {}
            Ok(Received::End) => self.peer_ended = true,
            Err(reason) => {
                self.peer_ended = true;
                self.reset.get_or_insert(reason);
            }
        }
    }

    fn write_output(&mut self) {
        if self.download.is_empty() {
            return;
        }
        match self.output.write(self.download.content()) {
            Ok(0) => {}
            Ok(length) => {
                self.download.taken(length);
                self.last_answer = self.clock.now();
            }
            Err(errno) => self.broken = Some(EndReason::OutputFailed(errno)),
        }
    }

    /// When something happens by itself.
    fn next_time(&self) -> Option<Time> {
        let idle = self.options.idle_timeout.map(|idle| self.last_moved + idle);
        earliest(earliest(idle, self.wait_over()), self.options.deadline)
    }

    /// When the wait for more is over. It does not run while the output takes nothing: what the
    /// server said, and could not say on meanwhile, would be lost.
    fn wait_over(&self) -> Option<Time> {
        match self.options.on_eof {
            OnEof::Wait(span) if self.all_sent && self.download.is_empty() => {
                Some(self.last_answer + span)
            }
            _ => None,
        }
    }

    /// Why it is over, if it is. Pauses count only when a wait found nothing to do; the deadline
    /// counts in any case.
    fn ended(&self, nothing_ready: bool) -> Option<EndReason> {
        let now = self.clock.now();
        let passed = |time: Option<Time>| time.is_some_and(|time| now >= time);
        if self.broken.is_some() {
            return self.broken;
        }
        if self.download.is_empty() {
            if self.peer_ended {
                return Some(self.reset.unwrap_or(EndReason::PeerClosed));
            }
            if self.all_sent && self.options.on_eof == OnEof::Close {
                return Some(EndReason::InputSent);
            }
        }
        if passed(self.options.deadline) {
            return Some(EndReason::Deadline);
        }
        if nothing_ready && passed(self.wait_over()) {
            return Some(EndReason::WaitOver);
        }
        let idle = self.options.idle_timeout.map(|idle| self.last_moved + idle);
        (nothing_ready && passed(idle)).then_some(EndReason::IdleTimeout)
    }

    fn report(&mut self, ended_by: EndReason) -> PipeReport {
        let by_server = matches!(ended_by, EndReason::PeerClosed | EndReason::Reset(_));
        if by_server && self.upload.is_empty() && !self.input_ended {
            self.look_at_input();
        }
        let unsent = self.upload.content().len() as u64;
        let unread = if self.input_ended { 0 } else { waiting(self.input) };
        PipeReport {
            bytes_sent: self.bytes_sent,
            bytes_received: self.bytes_received,
            input_ended: self.input_ended,
            unsent,
            unread,
            ended_by,
            echoed: self.tracker.progress(),
            shortfall: if by_server { self.shortfall(unsent + unread) } else { None },
        }
    }

    /// Finds out whether the input has ended too. A terminal is not asked, nor an input that
    /// nothing was sent from: there the server said all it had to say.
    fn look_at_input(&mut self) {
        let grace = if self.bytes_sent == 0 || is_terminal(self.input) {
            Duration::ZERO
        } else {
            INPUT_GRACE
        };
        let until = earliest(Some(self.clock.now() + grace), self.options.deadline);
        let mut watched = [PollFd::from_borrowed_fd(self.input, PollFlags::IN)];
        if matches!(wait(&mut watched, until, self.clock), Ok(1..)) {
            self.read_input();
        }
    }

    fn shortfall(&self, left: u64) -> Option<Shortfall> {
        let sent = self.bytes_sent;
        if left > 0 {
            return Some(Shortfall::NotSent { sent, left });
        }
        if let Some(EchoProgress { came_back, sent }) = self.tracker.progress()
            && came_back < sent
        {
            return Some(Shortfall::NotEchoed { came_back, sent });
        }
        let open = !self.input_ended && sent > 0 && !is_terminal(self.input);
        open.then_some(Shortfall::InputOpen { sent })
    }
}
