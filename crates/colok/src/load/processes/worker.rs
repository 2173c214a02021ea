//! A worker process: takes its share, runs it, tells every word of it, obeys orders.
//!
//! It handles no signals (it is in a process group of its own, so a terminal's Ctrl-C goes to the
//! collector) and prints nothing. When the collector is gone it ends at once.

use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};
use std::thread;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::RunShare;
use super::lines::{Lines, tell};
use super::orders::{Order, Orders, Word, moment_of};
use super::share::Share;
use crate::engine::Stop;

/// Exit code of a worker that could not do its work.
const FAILED: i32 = 1;

/// The first line that a worker is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SetUp {
    pub(super) share: Share,
    /// How many runs at most, until something else is ordered.
    pub(super) runs: u32,
}

/// Runs its share; returns the exit code.
pub(super) fn main(run: RunShare) -> i32 {
    // The name that tools show; the program itself is `/proc/self/exe` to them.
    let _ = rustix::thread::set_name(c"colok-load");
    work(run).map_or(FAILED, |()| 0)
}

fn work(run: RunShare) -> std::io::Result<()> {
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let socket = UnixStream::from(socket);
    let mut lines = Lines::new(socket.try_clone()?);
    let set_up: SetUp = lines.next()?.ok_or(Errno::PIPE)?;
    let stop = Stop::new().map_err(|_| Errno::MFILE)?;
    let orders = Arc::new(Orders::new(stop, set_up.runs).map_err(|_| Errno::MFILE)?);
    let obeying = orders.clone();
    // Ends with the process; nothing waits for it.
    thread::spawn(move || obey(&mut lines, &obeying));
    let (words, told) = mpsc::channel::<Word>();
    thread::scope(|scope| {
        // Without a collector to listen the process ends; see `obey`.
        scope.spawn(|| told.into_iter().try_for_each(|word| tell(&socket, &word)));
        run(&set_up.share, &orders, &words);
        // The telling thread ends with the last one who can say something.
        drop(words);
    });
    Ok(())
}

/// Listens to the collector; its end is ours.
fn obey(lines: &mut Lines, orders: &Orders) {
    while let Ok(Some(order)) = lines.next() {
        match order {
            Order::Start { monotonic_ns } => orders.start(moment_of(monotonic_ns)),
            Order::EndAfter(runs) => orders.end_after(runs),
            Order::Drain => orders.stop().drain(),
            Order::AtOnce => orders.stop().at_once(),
        }
    }
    std::process::exit(FAILED);
}
