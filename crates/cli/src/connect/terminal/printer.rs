//! The thread that prints what comes, above the line being typed.

use std::io::Write as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use colok::client::{EndReason, LineEvent, LineSession};
use colok::net::url::Url;
use colok::observe::Tap;
use colok::proto::Address;
use rustix::io::Errno;
use rustyline::ExternalPrinter;

use super::{greeting, lock};
use crate::arguments::ConnectArguments;
use crate::connect::{ending, reply};
use crate::messages::{Id, Messages};
use crate::problem::{Problem, errno_text};
use crate::say;
use crate::style::Style;
use crate::units::duration_text;

/// How long `--reconnect` pauses between two tries.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// How long the beginning of a line is kept back for its rest: what a server writes at once may
/// come in several pieces, even cut inside a character.
const LINE_WAIT: Duration = Duration::from_millis(50);

/// The longest beginning of a line that is kept back.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// Whether the connection has ended, and whether the program is about to.
#[derive(Default)]
pub(super) struct Ended {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Connections made after the first one.
    reconnected: u64,
    /// Ends that were printed. Each connection ends once, so they are told apart by counting.
    closed: u64,
    stopping: bool,
}

impl Ended {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Waits until the connection has ended and that was printed; Ctrl-C ends the program.
    pub(super) fn wait(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(state, |state| state.closed <= state.reconnected));
    }

    /// The session was connected again; told by whoever did it.
    pub(super) fn reconnected(&self) {
        self.change(|state| state.reconnected += 1);
    }

    /// The program ends: no more tries to connect.
    pub(super) fn stop(&self) {
        self.change(|state| state.stopping = true);
    }

    fn is_stopping(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stopping
    }

    /// Waits for the pause between two tries; false when the program ends.
    fn pause(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited =
            self.changed.wait_timeout_while(state, RECONNECT_PAUSE, |state| !state.stopping);
        waited.is_ok_and(|(state, _)| !state.stopping)
    }
}

/// Prints events.
pub(super) struct Printer<T: Tap, P: ExternalPrinter> {
    external: Option<P>,
    style: Style,
    messages: Messages,
    /// Who was to be talked to.
    url: Url,
    hex: bool,
    /// Who was connected to: answers of anybody else (a group) are told with their source.
    remote: Option<Address>,
    /// The session, when it is to be connected again unasked. The main thread owns it.
    again: Option<Weak<Mutex<LineSession<T>>>>,
    ended: Arc<Ended>,
    line: LineBeginning,
}

/// What came of a line that has not ended yet.
#[derive(Default)]
struct LineBeginning {
    bytes: Vec<u8>,
    /// When its first byte came.
    since: Option<Instant>,
    /// The round-trip time of the answer that it begins.
    round_trip: Option<Duration>,
}

impl<T: Tap, P: ExternalPrinter> Printer<T, P> {
    pub(super) fn new(
        external: Option<P>,
        style: Style,
        messages: Messages,
        arguments: &ConnectArguments,
        remote: Option<Address>,
        again: Option<Weak<Mutex<LineSession<T>>>>,
        ended: Arc<Ended>,
    ) -> Self {
        let (url, hex) = (arguments.url.clone(), arguments.hex);
        let line = LineBeginning::default();
        Self { external, style, messages, url, hex, remote, again, ended, line }
    }

    /// Prints until the session is closed for good.
    pub(super) fn run(&mut self, events: &Receiver<LineEvent>) {
        loop {
            let event = match self.line.since {
                None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(since) => events.recv_timeout(LINE_WAIT.saturating_sub(since.elapsed())),
            };
            match event {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => self.print_late_line(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.print_line(self.line.bytes.len());
        // Nothing more can come, so nobody has to wait.
        self.ended.change(|state| state.closed = u64::MAX);
    }

    fn take(&mut self, event: LineEvent) {
        match event {
            LineEvent::Connected { peer } => {
                let line = self.style.dim(greeting(&peer, &self.messages)) + "\n";
                self.print(&line);
            }
            LineEvent::Received { bytes, source: None, round_trip } if !self.hex => {
                self.stream(&bytes, round_trip);
            }
            LineEvent::Received { bytes, source, round_trip } => {
                let source = source.filter(|source| self.remote.as_ref() != Some(source));
                let text = self.reply(&bytes, source.as_ref(), round_trip);
                self.print(&text);
            }
            LineEvent::Closed { reason, bytes_sent, bytes_received } => {
                self.print_line(self.line.bytes.len());
                self.closed(reason, bytes_sent, bytes_received);
            }
        }
    }

    /// Text of a stream: lines that are whole are printed, the beginning of the next one waits.
    fn stream(&mut self, bytes: &[u8], round_trip: Option<Duration>) {
        self.line.bytes.extend_from_slice(bytes);
        self.line.round_trip = self.line.round_trip.or(round_trip);
        let length = self.line.bytes.len();
        let whole = self.line.bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.print_line(if length - whole > LINE_BYTES_MAX { length } else { whole });
        if !self.line.bytes.is_empty() && self.line.since.is_none() {
            self.line.since = Some(Instant::now());
        }
    }

    /// The rest of a line has not come in time: what is there is printed, a cut character only
    /// when it is all there is.
    fn print_late_line(&mut self) {
        let whole = whole_characters(&self.line.bytes);
        self.print_line(if whole == 0 { self.line.bytes.len() } else { whole });
        if !self.line.bytes.is_empty() {
            self.line.since = Some(Instant::now());
        }
    }

    /// Prints so much of what was kept back.
    fn print_line(&mut self, length: usize) {
        if length == 0 {
            return;
        }
        let rest = self.line.bytes.split_off(length);
        let line = std::mem::take(&mut self.line);
        self.line.bytes = rest;
        let text = self.reply(&line.bytes, None, line.round_trip);
        self.print(&text);
    }

    /// A reply as text, with its round-trip time at the end of its first line; below a dump,
    /// whose lines are as wide as a terminal.
    fn reply(
        &self,
        bytes: &[u8],
        source: Option<&Address>,
        round_trip: Option<Duration>,
    ) -> String {
        let mut text = String::new();
        if let Some(source) = source {
            text.push_str(&self.style.dim(format!("{source}: ")));
        }
        let body = if self.hex { reply::hex(bytes) } else { reply::lines(bytes) };
        let Some(time) = round_trip else { return text + &body };
        let time = self.style.dim(format!("({})", duration_text(time)));
        if self.hex {
            return text + &body + &time + "\n";
        }
        let (first, rest) = body.split_once('\n').unwrap_or((&body, ""));
        text + first + "  " + &time + "\n" + rest
    }

    fn closed(&mut self, reason: EndReason, sent: u64, received: u64) {
        let refused = Problem::of_refusal(reason, &self.url, &self.messages);
        let reason = match &refused {
            Some(_) => errno_text(Errno::CONNREFUSED.raw_os_error()),
            None => ending::reason_text(reason, &self.messages),
        };
        let line = say!(
            self.messages,
            Id::TerminalClosed,
            reason = reason,
            received = received.to_string(),
            sent = sent.to_string(),
        );
        let mut text = self.style.dim(line) + "\n";
        if let Some(refused) = refused {
            text.push_str(&refused.render_advice(&self.messages, self.style));
        }
        if !self.ended.is_stopping() {
            let reconnects = self.again.is_some();
            let next =
                if reconnects { Id::TerminalReconnecting } else { Id::TerminalHowToReconnect };
            // A line of its own: both together are wider than 80 columns.
            let next = format!("   {}", self.messages.text(next));
            text = text + &self.style.dim(next) + "\n";
        }
        self.print(&text);
        self.ended.change(|state| state.closed += 1);
        self.connect_again();
    }

    /// Tries until it works or the program ends, when that was asked for.
    fn connect_again(&self) {
        let Some(again) = &self.again else { return };
        while self.ended.pause() {
            let Some(session) = again.upgrade() else { return };
            let mut session = lock(&session);
            if session.is_open() {
                return;
            }
            if session.reconnect().is_ok() {
                self.ended.reconnected();
                return;
            }
        }
    }

    /// Above the prompt while a line is edited, else where the cursor is.
    fn print(&mut self, text: &str) {
        let printed = match &mut self.external {
            Some(external) => external.print(text.to_owned()).is_ok(),
            None => false,
        };
        if !printed {
            let mut output = std::io::stdout();
            let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
        }
    }
}

/// The length without a character of UTF-8 at the end whose last bytes have not come.
fn whole_characters(bytes: &[u8]) -> usize {
    // The longest has four bytes, so a cut one begins in the last three.
    let last = bytes.iter().enumerate().rev().take(3).find(|(_, byte)| !matches!(byte, 0x80..0xc0));
    let Some((at, first)) = last else { return bytes.len() };
    let length = match first {
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf8 => 4,
        _ => 1,
    };
    if at + length > bytes.len() { at } else { bytes.len() }
}

#[cfg(test)]
mod tests {
    use super::whole_characters;

    #[test]
    fn only_a_cut_character_is_left_out() {
        let text = "a\u{f1}\u{20ac}\u{1f50c}";
        for length in 0..=text.len() {
            let whole = (0..=length).rev().find(|at| text.is_char_boundary(*at));
            assert_eq!(Some(whole_characters(&text.as_bytes()[..length])), whole, "{length}");
        }
        // What is no character is not waited for.
        assert_eq!(whole_characters(b"\x80\x80\x80\x80"), 4);
        assert_eq!(whole_characters(b"\xff"), 1);
    }
}
