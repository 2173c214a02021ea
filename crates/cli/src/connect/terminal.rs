//! The line editor: what is typed goes to the peer, what comes is printed above the prompt.
//!
//! This thread edits lines; a second one prints what comes, and connects again when that was
//! asked for. Nothing a peer sends reaches the terminal before it was made printable.

mod history;
mod printer;

use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use colok::client::{LineEvent, LineOptions, LineSession};
use colok::net::url::{Place, Transport, Url};
use colok::observe::Tap;
use colok::proto::Peer;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use super::Context;
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem};
use crate::say;
use crate::style::Style;
use printer::{Ended, Printer};

/// The session, shared by the thread that sends and the one that connects again.
type Shared<T> = Arc<Mutex<LineSession<T>>>;

fn lock<T: Tap>(session: &Shared<T>) -> MutexGuard<'_, LineSession<T>> {
    // A panic elsewhere leaves the session as usable as it was.
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Talks until the user ends it.
pub(super) fn run<T: Tap>(context: &Context<'_, T>) -> Result<Exit, Problem> {
    let options =
        LineOptions { idle_timeout: context.arguments.idle_timeout, deadline: context.deadline };
    let url = &context.arguments.url;
    let connect = context.connect_options();
    let (session, events) =
        LineSession::open(url, &connect, &options, &context.clock, &context.tap)
            .map_err(|error| context.problem(&error))?;
    let session: Shared<T> = Arc::new(Mutex::new(session));
    let editor = history::editor().map_err(|error| editor_problem(&error))?;
    let ended = Arc::new(Ended::default());
    let prompt = prompt(url);
    let mut terminal = Terminal { context, session, editor, prompt, ended: ended.clone() };

    let style = Style::of(&std::io::stdout());
    // The first event is the connection that was made; it is told before the first prompt.
    let mut remote = None;
    if let Ok(LineEvent::Connected { peer }) = events.recv() {
        context.catch_up_with_calls();
        let line = style.dim(greeting(&peer, context.messages)) + "\n";
        let _ = std::io::stdout().write_all(line.as_bytes());
        remote = Some(peer.remote);
    }
    let external = terminal.editor.create_external_printer().ok();
    if let Some(calls) = context.calls
        && let Ok(printer) = terminal.editor.create_external_printer()
    {
        calls.print_above(printer);
    }
    let again = context.arguments.reconnect.then(|| Arc::downgrade(&terminal.session));
    let messages = context.messages.clone();
    let mut printer =
        Printer::new(external, style, messages, context.arguments, remote, again, ended.clone());
    let builder = thread::Builder::new().name("printer".into());
    let printing = builder
        .spawn(move || printer.run(&events))
        .map_err(|error| Problem::of_file("clone", "printer", &error))?;

    let exit = terminal.edit();
    let Terminal { session, editor, .. } = terminal;
    // Without the editor the printer writes straight to the terminal.
    drop(editor);
    ended.stop();
    if exit == Exit::Done && url.transport != Transport::Udp && half_close(&session) {
        ended.wait();
    }
    let report = Arc::try_unwrap(session).ok().and_then(|session| session.into_inner().ok());
    if let Some(report) = report.map(LineSession::close) {
        let (received, sent) = (report.bytes_received, report.bytes_sent);
        context.tell_end(report.ended_by, received, sent, 0);
        let _ = printing.join();
    }
    Ok(exit)
}

fn editor_problem(error: &ReadlineError) -> Problem {
    Problem::new(Exit::Failed, format!("terminal: {error}"))
}

/// `tcp localhost:5001> `
fn prompt(url: &Url) -> String {
    match &url.place {
        Place::Abstract(name) => format!("unix @{}> ", name.escape_debug()),
        place => format!("{} {place}> ", url.transport),
    }
}

/// The four-part address of a connection.
fn greeting(peer: &Peer, messages: &Messages) -> String {
    let (local, remote) = (peer.local.to_string(), peer.remote.to_string());
    say!(messages, Id::TerminalGreeting, local = local, remote = remote)
}

/// Ends our side; false when there is nothing left to wait for.
fn half_close<T: Tap>(session: &Shared<T>) -> bool {
    let mut session = lock(session);
    session.is_open() && session.half_close().is_ok()
}

struct Terminal<'a, 'c, T: Tap> {
    context: &'a Context<'c, T>,
    session: Shared<T>,
    editor: DefaultEditor,
    prompt: String,
    ended: Arc<Ended>,
}

impl<T: Tap> Terminal<'_, '_, T> {
    /// Reads and sends lines until the user ends it.
    fn edit(&mut self) -> Exit {
        let mut kept = String::new();
        loop {
            self.context.catch_up_with_calls();
            let line = self.editor.readline_with_initial(&self.prompt, (&kept, ""));
            kept.clear();
            match line {
                Ok(line) => {
                    history::add(&mut self.editor, &line);
                    if !self.send(&line) {
                        kept = line;
                    }
                }
                Err(ReadlineError::Interrupted) => return Exit::Interrupted,
                Err(ReadlineError::Eof) => return Exit::Done,
                Err(error) => {
                    self.tell(&editor_problem(&error));
                    return Exit::Failed;
                }
            }
        }
    }

    /// Sends a line; on a closed connection it connects first, and an empty line only does that.
    /// False when the line could not be sent and is to be kept.
    fn send(&self, line: &str) -> bool {
        let mut session = lock(&self.session);
        if !session.is_open() {
            if let Err(error) = session.reconnect() {
                drop(session);
                self.tell(&self.context.problem(&error));
                return false;
            }
            self.ended.reconnected();
            if line.is_empty() {
                return true;
            }
        }
        let ending = match (session.transport(), self.context.arguments.crlf) {
            // A datagram needs no mark at its end.
            (Transport::Udp, _) => "",
            (_, true) => "\r\n",
            (_, false) => "\n",
        };
        match session.send(format!("{line}{ending}").as_bytes()) {
            Ok(()) => true,
            Err(error) => {
                drop(session);
                self.tell(&self.context.problem(&error));
                false
            }
        }
    }

    fn tell(&self, problem: &Problem) {
        problem.tell(self.context.messages);
    }
}
