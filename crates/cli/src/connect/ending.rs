//! How a conversation ended, in words, and as an exit code.

use colok::client::EndReason;
use colok::observe::Tap;

use super::Context;
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem, errno_text};
use crate::say;
use crate::units::duration_text;

/// Why it ended: `the server closed the connection (FIN)`.
pub(super) fn reason_text(reason: EndReason, messages: &Messages) -> String {
    let with = |id, errno: rustix::io::Errno| {
        say!(messages, id, reason = errno_text(errno.raw_os_error()))
    };
    match reason {
        EndReason::PeerClosed => messages.text(Id::EndPeerClosed),
        EndReason::Reset(errno) => with(Id::EndReset, errno),
        EndReason::InputSent => messages.text(Id::EndInputSent),
        EndReason::WaitOver => messages.text(Id::EndWaitOver),
        EndReason::IdleTimeout => messages.text(Id::EndIdle),
        EndReason::Deadline => messages.text(Id::EndDeadline),
        EndReason::OutputFailed(errno) => with(Id::EndOutputFailed, errno),
        EndReason::InputFailed(errno) => with(Id::EndInputFailed, errno),
        EndReason::ClosedByUs => messages.text(Id::EndClosedByUs),
    }
}

/// The exit code that a reason alone stands for.
pub(super) fn exit_of(reason: EndReason) -> Exit {
    match reason {
        reason if reason.ran_out_of_time() => Exit::TimeRanOut,
        EndReason::Reset(_) | EndReason::OutputFailed(_) | EndReason::InputFailed(_) => {
            Exit::Failed
        }
        _ => Exit::Done,
    }
}

impl<T: Tap> Context<'_, T> {
    /// Keeps the last line of `-v`: why it ended, and how many bytes went which way.
    pub(super) fn tell_end(&self, reason: EndReason, received: u64, sent: u64, unsent: u64) {
        if !self.arguments.verbose {
            return;
        }
        let line = say!(
            self.messages,
            Id::EndLine,
            reason = reason_text(reason, self.messages),
            received = received.to_string(),
            sent = sent.to_string(),
            unsent = unsent.to_string(),
        );
        *self.end_line.borrow_mut() = Some(line);
    }

    /// A conversation that ended badly, as a problem; `None` when it ended well.
    pub(super) fn problem_of_end(&self, reason: EndReason) -> Option<Problem> {
        let exit = exit_of(reason);
        if exit == Exit::Done {
            return None;
        }
        // Whoever read our output has gone (`| head`): nobody is left to be told.
        if reason == EndReason::OutputFailed(rustix::io::Errno::PIPE) {
            return Some(Problem::silent(exit));
        }
        let what = format!("{}: {}", self.arguments.url, reason_text(reason, self.messages));
        let problem = Problem::new(exit, what);
        let time = match reason {
            EndReason::IdleTimeout => self.arguments.idle_timeout,
            EndReason::Deadline => self.arguments.deadline,
            _ => None,
        };
        Some(match time {
            Some(time) => {
                let why = say!(self.messages, Id::EndTimeWhy, time = duration_text(time));
                problem.why(why)
            }
            None => problem,
        })
    }
}
