//! A piped conversation in datagrams: the input cut into datagrams, every answer as it comes.
//!
//! Nothing tells when the last answer has come, so it ends a while after the last one. Sending is
//! paced by the answers, because datagrams that find a full buffer are lost without a word. No
//! datagram is ever sent twice.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::str::FromStr;
use std::time::Duration;

use colok_proto::{Address, Time};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use thiserror::Error as ThisError;

use super::connect::Connection;
use super::end::EndReason;
use super::link::{Link, Received};
use super::wait::{READABLE, WRITABLE, earliest, wait};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::observe::Tap;

/// The longest datagram in bytes: 65 535 less an IPv4 header (20) and a UDP header (8).
pub const DATAGRAM_LENGTH_MAX: usize = 65_507;

/// How long to wait for one more answer unless told otherwise.
const WAIT: Duration = Duration::from_secs(1);

/// Datagrams that may be unanswered before sending pauses. The default receive buffer on Linux
/// (212 992 bytes, and at least 768 count for each datagram) holds more than 200.
const WINDOW_DATAGRAMS: usize = 16;

/// Bytes that may be unanswered before sending pauses; a datagram of any size may go alone.
const WINDOW_BYTES: usize = 32 * 1024;

/// The longest pause when the window is full and no answer comes; then it counts as empty. A
/// server on a busy machine may need this long before it runs.
const WINDOW_PAUSE: Duration = Duration::from_millis(100);

/// After so many pauses in a row without an answer the service is one that does not answer.
const SILENT_PAUSES: u32 = 5;

/// The pause for a service that does not answer: it is sent up to 1600 datagrams in a second.
const SILENT_PAUSE: Duration = Duration::from_millis(10);

/// Bytes read from the input at once.
const READ_BYTES: usize = 64 * 1024;

/// How the input becomes datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Datagrams {
    /// All input is one datagram, also when it is empty.
    #[default]
    Whole,
    /// Every line is one, without its newline (LF or CRLF).
    Line,
    /// Every so many bytes are one; the last may be shorter. At most [`DATAGRAM_LENGTH_MAX`].
    Size(NonZeroUsize),
}

/// A text that is not a [`Datagrams`].
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error("`{text}` is not a way to cut datagrams; write whole, line or a size from 1 to 65507")]
pub struct DatagramsError {
    /// What was given.
    pub text: String,
}

impl FromStr for Datagrams {
    type Err = DatagramsError;

    fn from_str(text: &str) -> std::result::Result<Self, DatagramsError> {
        let size = |text: &str| {
            let size = text.parse::<NonZeroUsize>().ok()?;
            (size.get() <= DATAGRAM_LENGTH_MAX).then_some(Self::Size(size))
        };
        match text {
            "whole" => Ok(Self::Whole),
            "line" => Ok(Self::Line),
            _ => size(text).ok_or_else(|| DatagramsError { text: text.to_owned() }),
        }
    }
}

/// How a conversation in datagrams goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramOptions {
    /// How the input is cut.
    pub datagrams: Datagrams,
    /// How long to wait for an answer after the last datagram or answer. Default: 1 s.
    pub wait: Duration,
    /// The longest time without a byte of input and without an answer, while the input has not
    /// ended. Default: none.
    pub idle_timeout: Option<Duration>,
    /// When it ends in any case. Default: never.
    pub deadline: Option<Time>,
}

impl Default for DatagramOptions {
    fn default() -> Self {
        Self { datagrams: Datagrams::Whole, wait: WAIT, idle_timeout: None, deadline: None }
    }
}

/// An answer.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// Who sent it, as far as the system tells.
    pub source: Option<&'a Address>,
    /// Its bytes, all of them.
    pub bytes: &'a [u8],
}

/// How a conversation in datagrams went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramReport {
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Answers received.
    pub datagrams_received: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Bytes of input that were read and not sent.
    pub unsent: u64,
    /// Why it ended; [`EndReason::WaitOver`] is the usual end.
    pub ended_by: EndReason,
}

/// Sends the input as datagrams, hands every answer to `on_reply`, and closes the socket when no
/// more answers come.
///
/// When the network says that nothing listens there and no answer has come, that is
/// [`Error::Connect`]. Input that is too long for one datagram is [`Error::DatagramTooLong`]; then
/// nothing of it was sent. An error of `on_reply` ends it; one of the kind `TimedOut` once the
/// deadline has passed (as [`Output`](super::Output) makes it) is the deadline's end.
pub fn exchange_datagrams<T: Tap>(
    connection: Connection,
    input: BorrowedFd<'_>,
    options: &DatagramOptions,
    clock: &Clock,
    tap: &T,
    on_reply: &mut dyn FnMut(&Reply<'_>) -> std::io::Result<()>,
) -> Result<DatagramReport> {
    let link = Link::new(&connection, tap);
    let result = Exchange::new(&link, input, *options, clock).run(on_reply);
    let result = match result {
        Ok(report) if report.is_refused() => Err(Error::Connect {
            address: connection.address().to_owned(),
            attempts: vec![(connection.peer().remote.to_string(), Errno::CONNREFUSED)],
        }),
        result => result,
    };
    connection.close(tap);
    result
}

impl DatagramReport {
    /// Whether nobody was there from the beginning.
    fn is_refused(&self) -> bool {
        self.ended_by == EndReason::Reset(Errno::CONNREFUSED) && self.datagrams_received == 0
    }
}

struct Exchange<'a, T: Tap> {
    link: &'a Link<'a, T>,
    input: BorrowedFd<'a>,
    options: DatagramOptions,
    clock: &'a Clock,
    cutter: Cutter,
    window: Window,
    report: DatagramReport,
    /// The last time that input or an answer came or a datagram left.
    last_moved: Time,
}

impl<'a, T: Tap> Exchange<'a, T> {
    fn new(
        link: &'a Link<'a, T>,
        input: BorrowedFd<'a>,
        options: DatagramOptions,
        clock: &'a Clock,
    ) -> Self {
        let report = DatagramReport {
            datagrams_sent: 0,
            datagrams_received: 0,
            bytes_sent: 0,
            bytes_received: 0,
            unsent: 0,
            ended_by: EndReason::WaitOver,
        };
        let cutter = Cutter::new(options.datagrams);
        let last_moved = clock.now();
        let window = Window::default();
        Self { link, input, options, clock, cutter, window, report, last_moved }
    }

    fn run(
        mut self,
        on_reply: &mut dyn FnMut(&Reply<'_>) -> std::io::Result<()>,
    ) -> Result<DatagramReport> {
        // One byte more than the longest datagram, so that none is ever cut.
        let mut buffer = vec![0; usize::from(u16::MAX) + 1];
        self.report.ended_by = loop {
            let next = self.cutter.next()?;
            match self.turn(next, &mut buffer, on_reply)? {
                None => {}
                Some(reason) => break reason,
            }
        };
        self.link.ended(self.report.ended_by);
        self.report.unsent = self.cutter.left() as u64;
        Ok(self.report)
    }

    /// Waits for one thing and does it; `Some` when it is over.
    fn turn(
        &mut self,
        next: Option<Range<usize>>,
        buffer: &mut [u8],
        on_reply: &mut dyn FnMut(&Reply<'_>) -> std::io::Result<()>,
    ) -> Result<Option<EndReason>> {
        let length = next.as_ref().map(Range::len);
        let pause = length.and_then(|length| self.window.pause(length, self.clock.now()));
        let may_send = next.is_some() && pause.is_none();
        let mut events = PollFlags::IN;
        events.set(PollFlags::OUT, may_send);
        let mut watched = vec![PollFd::from_borrowed_fd(self.link.socket(), events)];
        if next.is_none() && !self.cutter.ended {
            watched.push(PollFd::from_borrowed_fd(self.input, PollFlags::IN));
        }
        let until = earliest(earliest(pause, self.quiet_end(next.as_ref())), self.options.deadline);
        let ready = wait(&mut watched, until, self.clock)
            .map_err(|errno| self.link.failed("poll", errno))?;
        let socket = watched[0].revents();
        let input = watched.get(1).is_some_and(|input| !input.revents().is_empty());
        if self.options.deadline.is_some_and(|deadline| self.clock.now() >= deadline) {
            return Ok(Some(EndReason::Deadline));
        }
        if ready == 0 {
            return Ok(self.quiet(next.as_ref()));
        }
        if socket.intersects(READABLE)
            && let Some(reason) = self.receive(buffer, on_reply)
        {
            return Ok(Some(reason));
        }
        if may_send
            && socket.intersects(WRITABLE)
            && let Some(datagram) = next
        {
            return Ok(self.send(datagram));
        }
        if input && let Err(errno) = self.cutter.read(self.input) {
            return Ok(Some(EndReason::InputFailed(errno)));
        }
        if input {
            self.last_moved = self.clock.now();
        }
        Ok(None)
    }

    /// When silence becomes an end.
    fn quiet_end(&self, next: Option<&Range<usize>>) -> Option<Time> {
        if self.all_sent(next) {
            Some(self.last_moved + self.options.wait)
        } else {
            self.options.idle_timeout.map(|idle| self.last_moved + idle)
        }
    }

    /// Nothing happened for a while: an end, or only the pause between two datagrams.
    fn quiet(&self, next: Option<&Range<usize>>) -> Option<EndReason> {
        let over = self.quiet_end(next).is_some_and(|end| self.clock.now() >= end);
        let reason = if self.all_sent(next) { EndReason::WaitOver } else { EndReason::IdleTimeout };
        over.then_some(reason)
    }

    fn all_sent(&self, next: Option<&Range<usize>>) -> bool {
        next.is_none() && self.cutter.ended
    }

    fn send(&mut self, datagram: Range<usize>) -> Option<EndReason> {
        let bytes = &self.cutter.bytes[datagram.clone()];
        // Nothing taken means a full buffer, except for an empty datagram, which was sent: poll(2)
        // has just said that there is room.
        match self.link.send(bytes) {
            Ok(0) if !bytes.is_empty() => None,
            Ok(_) => {
                self.report.datagrams_sent += 1;
                self.report.bytes_sent += bytes.len() as u64;
                self.last_moved = self.clock.now();
                self.window.sent(bytes.len(), self.last_moved);
                self.cutter.sent(datagram);
                None
            }
            Err(reason) => Some(reason),
        }
    }

    fn receive(
        &mut self,
        buffer: &mut [u8],
        on_reply: &mut dyn FnMut(&Reply<'_>) -> std::io::Result<()>,
    ) -> Option<EndReason> {
        match self.link.receive(buffer) {
            Ok(Received::Bytes(length, source)) => {
                self.report.datagrams_received += 1;
                self.report.bytes_received += length as u64;
                self.last_moved = self.clock.now();
                self.window.answered();
                let reply = Reply { source: source.as_ref(), bytes: &buffer[..length] };
                let failed = on_reply(&reply).err()?;
                let deadline = self.options.deadline;
                let passed = deadline.is_some_and(|deadline| self.clock.now() >= deadline);
                Some(EndReason::of_output(&failed, passed))
            }
            Ok(Received::Nothing | Received::End) => None,
            Err(reason) => Some(reason),
        }
    }
}

/// What is unanswered.
#[derive(Debug, Default)]
struct Window {
    lengths: VecDeque<usize>,
    last_sent: Time,
    /// Pauses since the last answer.
    silent_pauses: u32,
}

impl Window {
    /// Until when a datagram of this length has to wait; `None` when it may go now.
    fn pause(&mut self, length: usize, now: Time) -> Option<Time> {
        let silent = self.silent_pauses >= SILENT_PAUSES;
        let until = self.last_sent + if silent { SILENT_PAUSE } else { WINDOW_PAUSE };
        if now >= until && !self.lengths.is_empty() {
            self.lengths.clear();
            self.silent_pauses = self.silent_pauses.saturating_add(1);
        }
        let bytes: usize = self.lengths.iter().sum();
        let fits = self.lengths.len() < WINDOW_DATAGRAMS && bytes + length <= WINDOW_BYTES;
        (!self.lengths.is_empty() && !fits).then_some(until)
    }

    fn sent(&mut self, length: usize, now: Time) {
        self.lengths.push_back(length);
        self.last_sent = now;
    }

    fn answered(&mut self) {
        self.lengths.pop_front();
        self.silent_pauses = 0;
    }
}

/// Cuts the input into datagrams. Holds at most one datagram and one read.
#[derive(Debug)]
struct Cutter {
    mode: Datagrams,
    bytes: Vec<u8>,
    /// Where the next datagram begins.
    start: usize,
    /// Where to go on looking for a newline.
    searched: usize,
    ended: bool,
    /// The one datagram of [`Datagrams::Whole`] was sent.
    whole_sent: bool,
}

impl Cutter {
    fn new(mode: Datagrams) -> Self {
        Self { mode, bytes: Vec::new(), start: 0, searched: 0, ended: false, whole_sent: false }
    }

    /// Reads once from the input.
    fn read(&mut self, input: BorrowedFd<'_>) -> std::result::Result<(), Errno> {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        let length = self.bytes.len();
        self.bytes.resize(length + READ_BYTES, 0);
        let result = rustix::io::read(input, &mut self.bytes[length..]);
        self.bytes.truncate(length + *result.as_ref().unwrap_or(&0));
        match result {
            Ok(0) => self.ended = true,
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        Ok(())
    }

    /// Where the next datagram is, when it is whole.
    fn next(&mut self) -> Result<Option<Range<usize>>> {
        let left = self.left();
        let rest = (self.ended && left > 0).then_some(self.bytes.len());
        let next = match self.mode {
            Datagrams::Whole => (self.ended && !self.whole_sent).then_some(self.bytes.len()),
            Datagrams::Size(size) if left >= size.get() => Some(self.start + size.get()),
            Datagrams::Size(_) => rest,
            Datagrams::Line => self.line_end().or(rest),
        };
        // One that is not whole yet may already be too long, and must not grow without end.
        let length = next.map_or(left.saturating_sub(2), |end| end - self.start);
        if length > DATAGRAM_LENGTH_MAX {
            return Err(Error::DatagramTooLong { length, limit: DATAGRAM_LENGTH_MAX });
        }
        Ok(next.map(|end| self.start..end))
    }

    /// The end of the line that begins at `start`, its newline not counted.
    fn line_end(&mut self) -> Option<usize> {
        let found = self.bytes[self.searched..].iter().position(|&byte| byte == b'\n');
        let Some(offset) = found else {
            self.searched = self.bytes.len();
            return None;
        };
        self.searched += offset;
        let line = &self.bytes[self.start..self.searched];
        Some(self.start + line.strip_suffix(b"\r").unwrap_or(line).len())
    }

    /// The datagram that [`Cutter::next`] named was sent.
    fn sent(&mut self, datagram: Range<usize>) {
        self.start = datagram.end;
        if self.mode == Datagrams::Line {
            let rest = &self.bytes[self.start..];
            let newline = [&b"\r\n"[..], b"\n"].into_iter().find(|end| rest.starts_with(end));
            self.start += newline.map_or(0, <[u8]>::len);
        }
        self.searched = self.start;
        self.whole_sent = true;
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(mode: &str, input: &[u8]) -> Vec<Vec<u8>> {
        let mode = mode.parse().expect("a way to cut");
        let mut cutter = Cutter::new(mode);
        let mut datagrams = Vec::new();
        for byte in input {
            cutter.bytes.push(*byte);
            while let Some(next) = cutter.next().expect("short enough") {
                datagrams.push(cutter.bytes[next.clone()].to_vec());
                cutter.sent(next);
            }
        }
        cutter.ended = true;
        while let Some(next) = cutter.next().expect("short enough") {
            datagrams.push(cutter.bytes[next.clone()].to_vec());
            cutter.sent(next);
        }
        assert_eq!(cutter.left(), 0);
        datagrams
    }

    #[test]
    fn input_is_cut_as_asked() {
        assert_eq!(cut("whole", b"a\nb\n"), [b"a\nb\n"]);
        assert_eq!(cut("whole", b""), [b""]);
        assert_eq!(cut("line", b"a\r\n\nbc\nd"), [&b"a"[..], b"", b"bc", b"d"]);
        assert_eq!(cut("line", b""), [b""; 0]);
        assert_eq!(cut("3", b"abcdefgh"), [&b"abc"[..], b"def", b"gh"]);
    }

    #[test]
    fn what_no_datagram_holds_is_an_error() {
        for mode in [Datagrams::Whole, Datagrams::Line] {
            let mut cutter = Cutter::new(mode);
            cutter.bytes = vec![b'x'; DATAGRAM_LENGTH_MAX + 3];
            assert!(matches!(cutter.next(), Err(Error::DatagramTooLong { .. })), "{mode:?}");
        }
        for wrong in ["0", "65508", "-1", "lines", ""] {
            assert!(wrong.parse::<Datagrams>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_window_fills_and_empties() {
        let mut window = Window::default();
        let start = Time::from_millis(1000);
        for _ in 0..WINDOW_DATAGRAMS {
            assert_eq!(window.pause(1, start), None);
            window.sent(1, start);
        }
        assert_eq!(window.pause(1, start), Some(start + WINDOW_PAUSE));
        window.answered();
        assert_eq!(window.pause(1, start), None);
        assert!(window.pause(WINDOW_BYTES, start).is_some());
        let mut now = start + WINDOW_PAUSE;
        assert_eq!(window.pause(DATAGRAM_LENGTH_MAX, now), None);
        // Nobody answers: the pauses become short, until somebody does.
        for _ in 1..SILENT_PAUSES {
            window.sent(WINDOW_BYTES, now);
            assert_eq!(window.pause(1, now), Some(now + WINDOW_PAUSE));
            now = now + WINDOW_PAUSE;
            assert_eq!(window.pause(1, now), None);
        }
        window.sent(WINDOW_BYTES, now);
        assert_eq!(window.pause(1, now), Some(now + SILENT_PAUSE));
        window.answered();
        window.sent(WINDOW_BYTES, now);
        assert_eq!(window.pause(1, now), Some(now + WINDOW_PAUSE));
    }
}
