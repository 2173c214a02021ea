//! `colok relay`: binds, says what is relayed where, logs what happens, and stops on a signal.
//!
//! The relaying itself is the library's. Only the log thread writes to standard output: its reader
//! may stop reading, and the end must not wait.

mod line;

use std::fmt::Write as _;

use colok::observe::{LogTap, RecordReceiver, log_queue};
use colok::relay::Relay;
use colok::server::{Stop, raise_descriptor_limit};

use line::LineWriter;

use crate::arguments::RelayArguments;
use crate::log_thread::{LogPlan, LogThread};
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem, RELAY};
use crate::say;
use crate::serve::signals;
use crate::style::Style;

/// Relays until a signal stops it.
pub(crate) fn run(arguments: &RelayArguments, messages: &Messages) -> Result<Exit, Problem> {
    let stop = Stop::new().map_err(|error| Problem::of(&error, messages))?;
    // Nobody is waited for, so there is nothing to announce.
    signals::watch(&stop, || {})?;
    // Each connection has two descriptors.
    raise_descriptor_limit();
    let (tap, receiver): (LogTap<false>, RecordReceiver) = log_queue(false, false);
    let relay = Relay::bind(arguments.options.clone(), &tap);
    let first = relay.as_ref().ok().map(|relay| {
        let style = Style::of(&std::io::stdout());
        first_lines(&relay.listening(), arguments, messages, style)
    });
    let lines = LineWriter::new(messages.clone(), Style::of(&std::io::stdout()), arguments.verbose);
    let json = arguments.json_log.as_ref();
    let plan = LogPlan { json, quiet: arguments.quiet, first, lines };
    let log = LogThread::start(receiver, plan, messages)?;
    let result = relay.and_then(|relay| relay.run(&stop, &tap));
    drop(tap);
    log.finish(result.as_ref().ok());
    result.map_err(|error| Problem::of_service(&error, Some(RELAY), messages))?;
    Ok(Exit::Done)
}

/// What listens where, what is done to the traffic, and how to stop.
fn first_lines(
    listening: &[String],
    arguments: &RelayArguments,
    messages: &Messages,
    style: Style,
) -> String {
    let options = &arguments.options;
    let target = options.target.without_options();
    let titles = [Id::TableAddress, Id::RelayTarget].map(|id| messages.text(id));
    let width = listening.iter().chain([&titles[0]]).map(|cell| cell.chars().count()).max();
    let width = width.unwrap_or(0);
    let row = |from: &str, to: &str| format!("  {from:<width$}  {to}");
    let mut text = messages.text(Id::RelayTitle);
    text.push('\n');
    let _ = writeln!(text, "{}", style.dim(row(&titles[0], &titles[1])));
    for address in listening {
        let _ = writeln!(text, "{}", row(address, &target));
    }
    for fault in &options.faults {
        let _ = writeln!(text, "{}", say!(messages, Id::RelayDoes, fault = fault.to_string()));
    }
    if let Some(control) = &options.control {
        let _ =
            writeln!(text, "{}", say!(messages, Id::RelayListensTo, address = control.to_string()));
    }
    let _ = writeln!(text, "{}", messages.text(Id::TableStop));
    text
}
