//! One plan on several processes: for more connections than one process may have descriptors, or
//! because somebody asks for it.
//!
//! The collector's process re-executes its own program as workers and gives each a [`Share`] of
//! the plan. A worker runs its share as a single process would, tells its [`Word`]s as lines of
//! JSON, and obeys the same [`Orders`]. The collector sends no message itself, and cannot tell
//! whether words come from threads here or from there.
//!
//! A worker ends when the collector is gone; the collector leaves no worker behind. A program that
//! uses more than one process calls [`worker_if_asked`] first thing in its `main`.

mod lines;
mod orders;
mod share;
mod supervise;
mod told;
mod worker;

use std::sync::mpsc::Sender;

pub use orders::{Orders, Word};
pub use share::{CONNECTIONS_PER_SOURCE, PROCESSES_MAX, Share, Sources, processes_needed, shares};
pub use supervise::run_processes;

/// The argument that makes a program a worker. Not for people: without the channel that a
/// collector gives on descriptor 0 it ends at once.
const WORKER_ARGUMENT: &str = "__load_worker";

/// Runs a share on this process's threads until they have ended.
pub type RunShare = fn(&Share, &Orders, &Sender<Word>);

/// Becomes a worker and never returns, if this process was started as one.
pub fn worker_if_asked(run: RunShare) {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == WORKER_ARGUMENT) {
        std::process::exit(worker::main(run));
    }
}
