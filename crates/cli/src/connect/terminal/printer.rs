//! The thread that prints what comes, above the line being typed.

use std::io::Write as _;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use colok::client::{EndReason, LineEvent, LineSession};
use colok::observe::Tap;
use colok::proto::Address;
use rustyline::ExternalPrinter;

use super::{greeting, lock};
use crate::connect::{ending, reply};
use crate::messages::{Id, Messages};
use crate::say;
use crate::style::Style;
use crate::units::duration_text;

/// How long `--reconnect` pauses between two tries.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

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
    hex: bool,
    /// Who was connected to: answers of anybody else (a group) are told with their source.
    remote: Option<Address>,
    /// The session, when it is to be connected again unasked. The main thread owns it.
    again: Option<Weak<Mutex<LineSession<T>>>>,
    ended: Arc<Ended>,
}

impl<T: Tap, P: ExternalPrinter> Printer<T, P> {
    pub(super) fn new(
        external: Option<P>,
        style: Style,
        messages: Messages,
        hex: bool,
        remote: Option<Address>,
        again: Option<Weak<Mutex<LineSession<T>>>>,
        ended: Arc<Ended>,
    ) -> Self {
        Self { external, style, messages, hex, remote, again, ended }
    }

    /// Prints until the session is closed for good.
    pub(super) fn run(&mut self, events: &Receiver<LineEvent>) {
        while let Ok(event) = events.recv() {
            match event {
                LineEvent::Connected { peer } => {
                    let line = self.style.dim(greeting(&peer, &self.messages)) + "\n";
                    self.print(&line);
                }
                LineEvent::Received { bytes, source, round_trip } => {
                    let source = source.filter(|source| self.remote.as_ref() != Some(source));
                    let text = self.reply(&bytes, source.as_ref(), round_trip);
                    self.print(&text);
                }
                LineEvent::Closed { reason, bytes_sent, bytes_received } => {
                    self.closed(reason, bytes_sent, bytes_received);
                }
            }
        }
        // Nothing more can come, so nobody has to wait.
        self.ended.change(|state| state.closed = u64::MAX);
    }

    /// A reply as text, with its round-trip time at the end of its first line.
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
        let (first, rest) = body.split_once('\n').unwrap_or((&body, ""));
        let time = self.style.dim(format!("({})", duration_text(time)));
        text + first + "  " + &time + "\n" + rest
    }

    fn closed(&mut self, reason: EndReason, sent: u64, received: u64) {
        let mut line = say!(
            self.messages,
            Id::TerminalClosed,
            reason = ending::reason_text(reason, &self.messages),
            received = received.to_string(),
            sent = sent.to_string(),
        );
        if !self.ended.is_stopping() {
            let reconnects = self.again.is_some();
            let next =
                if reconnects { Id::TerminalReconnecting } else { Id::TerminalHowToReconnect };
            line = line + "; " + &self.messages.text(next);
        }
        let line = self.style.dim(line) + "\n";
        self.print(&line);
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
