//! The `processes` model: a supervisor and worker processes that share the listeners.
//!
//! The supervisor re-executes its own program as workers and passes them the listening sockets.
//! It serves nothing itself: it admits connections (so that limits and totals hold across
//! workers), collects what workers report, and replaces a worker that dies; only that worker's
//! connections die with it. Inside a worker runs the event loop of the `events` model.
//!
//! A program that uses this model calls [`worker_if_asked`] first thing in its `main`.

mod channel;
mod messages;
mod supervisor;
mod worker;

pub(crate) use supervisor::supervise;

/// The argument that makes a program a worker. Not for people: without the channel that a
/// supervisor gives on descriptor 0 it ends at once.
const WORKER_ARGUMENT: &str = "__worker";

/// Becomes a worker and never returns, if this process was started as one.
pub fn worker_if_asked() {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == WORKER_ARGUMENT) {
        std::process::exit(worker::main());
    }
}
