//! `--send` and `--expect`: what was said goes to standard output, and the first expectation that
//! is not met is told with what came instead.

use std::io::IsTerminal as _;
use std::os::fd::AsFd as _;

use colok::client::{EndReason, Output, ScriptOptions, ScriptOutcome, run_script};
use colok::observe::{Tap, printable};

use super::{Context, ending, reply};
use crate::messages::Id;
use crate::problem::{Exit, Problem};
use crate::say;

/// How many bytes of what came instead are shown; the end of it is what was looked at last.
const GOT_SHOWN_MAX: usize = 400;

pub(super) fn run<T: Tap>(context: &Context<'_, T>) -> Result<Exit, Problem> {
    let connection = context.connect()?;
    let options = ScriptOptions { deadline: context.deadline };
    let stdout = std::io::stdout();
    let (safe, output) = (stdout.is_terminal(), Output::new(stdout.as_fd()));
    let mut on_received = |bytes: &[u8]| {
        if context.arguments.hex {
            context.write(&output, reply::hex(bytes).as_bytes())
        } else if safe {
            // Control characters of a peer must not reach a terminal.
            context.write(&output, reply::lines(bytes).as_bytes())
        } else {
            context.write(&output, bytes)
        }
    };
    let steps = &context.arguments.steps;
    let (clock, tap) = (&context.clock, &context.tap);
    let report = run_script(connection, steps, &options, clock, tap, &mut on_received)
        .map_err(|error| context.problem(&error))?;
    let (because, problem) = match &report.outcome {
        ScriptOutcome::Met => (EndReason::ClosedByUs, None),
        ScriptOutcome::NotPassedOn => {
            (EndReason::Deadline, context.problem_of_end(EndReason::Deadline))
        }
        ScriptOutcome::NotMet { step, expected, got, got_dropped, because } => {
            let problem = not_met(context, *step, expected, got, *got_dropped, *because);
            (*because, Some(problem))
        }
        ScriptOutcome::NotSent { step, sent, length, because } => {
            (*because, Some(not_sent(context, *step, *sent, *length, *because)))
        }
    };
    context.tell_end(because, report.bytes_received, report.bytes_sent, 0);
    problem.map_or(Ok(Exit::Done), Err)
}

fn not_met<T: Tap>(
    context: &Context<'_, T>,
    step: usize,
    expected: &str,
    got: &[u8],
    got_dropped: u64,
    because: EndReason,
) -> Problem {
    let messages = context.messages;
    let exit = if because == EndReason::Deadline { Exit::TimeRanOut } else { Exit::Refused };
    let skipped = got.len().saturating_sub(GOT_SHOWN_MAX);
    let shown = printable(&got[skipped..]);
    let got = if got.is_empty() {
        messages.text(Id::ScriptGotNothing)
    } else if skipped > 0 || got_dropped > 0 {
        format!("...\"{shown}\"")
    } else {
        format!("\"{shown}\"")
    };
    let expected = format!("\"{expected}\"");
    let reason = ending::reason_text(because, messages);
    let step = (step + 1).to_string();
    let what = say!(messages, Id::ScriptNotMet, step = step, expected = expected, got = got);
    Problem::new(exit, what).why(reason)
}

fn not_sent<T: Tap>(
    context: &Context<'_, T>,
    step: usize,
    sent: u64,
    length: u64,
    because: EndReason,
) -> Problem {
    let messages = context.messages;
    let exit = if because.ran_out_of_time() { Exit::TimeRanOut } else { Exit::Failed };
    let what = say!(
        messages,
        Id::ScriptNotSent,
        step = (step + 1).to_string(),
        sent = sent.to_string(),
        length = length.to_string(),
    );
    Problem::new(exit, what).why(ending::reason_text(because, messages))
}
