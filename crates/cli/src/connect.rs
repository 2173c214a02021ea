//! `colok connect`: a line editor at a terminal, exact bytes in a pipe, or a script.
//!
//! The talking is the library's; here are the choice between them, the terminal, the words for how
//! it ended and the exit code.

mod call_printer;
mod ending;
mod piped;
mod reply;
mod save;
mod scripted;
mod terminal;
mod trouble;
mod way;

use std::cell::RefCell;
use std::io::Write as _;

use colok::client::{ConnectOptions, Connection, Output, connect};
use colok::clock::Clock;
use colok::observe::{NoTap, Tap, Transcript, log_queue};
use colok::proto::Time;

use crate::arguments::ConnectArguments;
use crate::messages::Messages;
use crate::problem::{Exit, Problem};
use crate::record_log::RecordLog;
use crate::style::Style;
use call_printer::CallPrinter;
use save::Save;
use way::Way;

/// What every way of talking needs.
struct Context<'a, T: Tap> {
    arguments: &'a ConnectArguments,
    messages: &'a Messages,
    clock: Clock,
    tap: T,
    /// What prints the socket calls, when they are wanted.
    calls: Option<&'a CallPrinter>,
    /// When everything has to be over.
    deadline: Option<Time>,
    /// Why it ended, for the last line of `-v`.
    end_line: RefCell<Option<String>>,
}

/// Talks until one side ends.
pub(crate) fn run(arguments: &ConnectArguments, messages: &Messages) -> Result<Exit, Problem> {
    way::check(arguments, messages)?;
    let save = arguments.save.as_deref().map(|path| Save::prepare(path, messages)).transpose()?;
    let (logs, prints) = (arguments.log.is_some(), arguments.calls);
    if !prints && !logs && save.is_none() {
        return Ok(talk(arguments, messages, NoTap, None).tell(messages));
    }
    let log = arguments.log.as_deref().map(RecordLog::open).transpose()?;
    let transcript = save.as_ref().map(|_| Transcript::default());
    let (tap, receiver) = log_queue::<true>(logs, prints);
    let tap = tap.with_hashes(logs).with_transcript(transcript.clone());
    let records = CallPrinter::start(receiver, log, prints, messages)?;
    let outcome = talk(arguments, messages, tap, prints.then_some(&records));
    // The tap is gone, so the thread ends once it has written what is in the queue.
    records.finish();
    let saved = save
        .zip(transcript)
        .map(|(save, transcript)| save.write(arguments, &transcript, outcome.exit(), messages));
    let exit = outcome.tell(messages);
    // A talk that went wrong tells more than a file that did.
    match saved {
        Some(Err(problem)) if exit == Exit::Done => Err(problem),
        Some(Err(problem)) => {
            problem.tell(messages);
            Ok(exit)
        }
        _ => Ok(exit),
    }
}

/// How the talk went, and its last line.
struct Outcome {
    result: Result<Exit, Problem>,
    end_line: Option<String>,
}

impl Outcome {
    /// The exit code that it stands for.
    fn exit(&self) -> Exit {
        self.result.as_ref().map_or_else(|problem| problem.exit, |exit| *exit)
    }

    /// Prints what is left to say, the reason of the end last.
    fn tell(self, messages: &Messages) -> Exit {
        let mut output = std::io::stderr();
        let (exit, mut text) = match self.result {
            Ok(exit) => (exit, String::new()),
            Err(problem) => (problem.exit, problem.render(messages, Style::of(&output))),
        };
        if let Some(line) = self.end_line {
            text.push_str(&line);
            text.push('\n');
        }
        // When standard error is gone the exit code still tells.
        let _ = output.write_all(text.as_bytes());
        exit
    }
}

fn talk<T: Tap>(
    arguments: &ConnectArguments,
    messages: &Messages,
    tap: T,
    calls: Option<&CallPrinter>,
) -> Outcome {
    let clock = Clock::start();
    let deadline = arguments.deadline.map(|time| clock.now() + time);
    let end_line = RefCell::new(None);
    let context = Context { arguments, messages, clock, tap, calls, deadline, end_line };
    let result = talk_in_mode(&context);
    Outcome { result, end_line: context.end_line.take() }
}

fn talk_in_mode<T: Tap>(context: &Context<'_, T>) -> Result<Exit, Problem> {
    match Way::of(context.arguments) {
        Way::Script => scripted::run(context),
        Way::Terminal => terminal::run(context),
        Way::Datagrams => piped::datagrams(context),
        Way::Stream => piped::stream(context),
    }
}

impl<T: Tap> Context<'_, T> {
    fn connect_options(&self) -> ConnectOptions {
        let mut options = ConnectOptions {
            retry: self.arguments.retry,
            source: self.arguments.source,
            deadline: self.deadline,
            ..ConnectOptions::default()
        };
        if let Some(timeout) = self.arguments.connect_timeout {
            options.connect_timeout = timeout;
        }
        options
    }

    /// Waits until the socket calls made so far are printed.
    fn catch_up_with_calls(&self) {
        if let Some(calls) = self.calls {
            calls.catch_up(&self.tap);
        }
    }

    fn connect(&self) -> Result<Connection, Problem> {
        connect(&self.arguments.url, &self.connect_options(), &self.clock, &self.tap)
            .map_err(|error| self.problem(&error))
    }

    /// Writes what the peer sent, until the deadline.
    fn write(&self, output: &Output<'_>, bytes: &[u8]) -> std::io::Result<()> {
        output.write_all_until(bytes, self.deadline, &self.clock)
    }
}
