//! Bytes in, bytes out: standard input to the peer, what the peer says to standard output.
//!
//! Standard output carries nothing but the peer's bytes. Everything else goes to standard error.

use std::os::fd::AsFd as _;

use colok::client::{
    DatagramOptions, DatagramReport, EndReason, Output, PipeOptions, PipeReport, Reply, Shortfall,
    exchange_datagrams, pipe,
};
use colok::observe::{Tap, printable};

use super::Context;
use crate::messages::Id;
use crate::problem::{Exit, Problem};
use crate::say;

/// Over TCP or a Unix socket.
pub(super) fn stream<T: Tap>(context: &Context<'_, T>) -> Result<Exit, Problem> {
    let connection = context.connect()?;
    let (input, output) = (std::io::stdin(), std::io::stdout());
    let options = PipeOptions {
        on_eof: context.arguments.on_eof,
        idle_timeout: context.arguments.idle_timeout,
        deadline: context.deadline,
    };
    let (clock, tap) = (&context.clock, &context.tap);
    let report = pipe(connection, input.as_fd(), output.as_fd(), &options, clock, tap)
        .map_err(|error| context.problem(&error))?;
    let (received, sent) = (report.bytes_received, report.bytes_sent);
    context.tell_end(report.ended_by, received, sent, report.unsent);
    stream_exit(context, &report)
}

fn stream_exit<T: Tap>(context: &Context<'_, T>, report: &PipeReport) -> Result<Exit, Problem> {
    if report.ended_by.ran_out_of_time() {
        return ended(context, report.ended_by);
    }
    let Some(shortfall) = &report.shortfall else { return ended(context, report.ended_by) };
    let messages = context.messages;
    let why = match shortfall {
        Shortfall::NotSent { sent, left } => {
            say!(messages, Id::ShortNotSent, sent = sent.to_string(), left = left.to_string())
        }
        Shortfall::InputOpen { sent } => {
            say!(messages, Id::ShortInputOpen, sent = sent.to_string())
        }
        Shortfall::NotEchoed { came_back, sent } => say!(
            messages,
            Id::ShortNotEchoed,
            back = came_back.to_string(),
            sent = sent.to_string()
        ),
    };
    let reason = super::ending::reason_text(report.ended_by, messages);
    let what = format!("{}: {reason}", context.arguments.url);
    Err(Problem::new(Exit::Failed, what).why(why))
}

fn ended<T: Tap>(context: &Context<'_, T>, reason: EndReason) -> Result<Exit, Problem> {
    context.problem_of_end(reason).map_or(Ok(Exit::Done), Err)
}

/// Over UDP. Answers of a group come from many: each is a line with its source.
pub(super) fn datagrams<T: Tap>(context: &Context<'_, T>) -> Result<Exit, Problem> {
    let connection = context.connect()?;
    let from_many = connection.group().is_some();
    let defaults = DatagramOptions::default();
    let options = DatagramOptions {
        datagrams: context.arguments.datagrams,
        wait: context.arguments.wait.unwrap_or(defaults.wait),
        idle_timeout: context.arguments.idle_timeout,
        deadline: context.deadline,
    };
    let stdout = std::io::stdout();
    let output = Output::new(stdout.as_fd());
    let mut on_reply = |reply: &Reply<'_>| match reply.source {
        Some(source) if from_many => {
            let line = format!("{source}: {}\n", printable(reply.bytes));
            context.write(&output, line.as_bytes())
        }
        _ => context.write(&output, reply.bytes),
    };
    let input = std::io::stdin();
    let (clock, tap) = (&context.clock, &context.tap);
    let report = exchange_datagrams(connection, input.as_fd(), &options, clock, tap, &mut on_reply)
        .map_err(|error| context.problem(&error))?;
    let (received, sent) = (report.bytes_received, report.bytes_sent);
    context.tell_end(report.ended_by, received, sent, report.unsent);
    datagrams_exit(context, &report, options.wait)
}

fn datagrams_exit<T: Tap>(
    context: &Context<'_, T>,
    report: &DatagramReport,
    wait: std::time::Duration,
) -> Result<Exit, Problem> {
    if let Some(problem) = context.problem_of_end(report.ended_by) {
        return Err(problem);
    }
    if report.datagrams_received > 0 {
        return Ok(Exit::Done);
    }
    let messages = context.messages;
    if report.datagrams_sent == 0 {
        let what = format!("{}: {}", context.arguments.url, messages.text(Id::NothingSentWhat));
        return Err(Problem::new(Exit::Failed, what)
            .why(messages.text(Id::NothingSentWhy))
            .next(messages.text(Id::NothingSentNext)));
    }
    let time = crate::units::duration_text(wait);
    let url = context.arguments.url.to_string();
    let what = say!(messages, Id::NoReplyWhat, address = url, time = time);
    let problem = Problem::new(Exit::Failed, what).why(messages.text(Id::NoReplyWhy));
    Err(problem.next(messages.text(Id::NoReplyNext)))
}
