//! Busy turns of connections whose service works with a disk.
//!
//! Such a turn may wait for the disk, so an event loop hands it to a thread of its own and only
//! waits for readiness itself: an idle connection holds no thread and no buffer. A turn lasts while
//! bytes keep coming, up to a slice of time, and then lets others have the thread.

use std::cell::RefCell;
use std::os::fd::AsFd;
use std::time::Duration;

use super::blocking::wait;
use super::served::{Served, Worker};
use crate::clock::Clock;
use crate::observe::Tap;
use crate::session::{Desk, Next};

/// What is received at a time at most, in bytes: one chunk of a large upload.
pub(super) const BUFFER_BYTES: usize = 1024 * 1024;

/// Threads for busy turns, over all workers: enough for clients whose files are being synced
/// together, few enough for their buffers to stay small beside the files.
const THREADS: usize = 32;

/// How long a turn waits for a peer that has just moved at least [`FLOWING_BYTES`]: longer than an
/// exchange of messages on one computer takes, so that one is not paid for with a change of thread.
const PATIENCE: Duration = Duration::from_millis(1);

/// A peer that moves less in one go is waited for in the event loop, at once: byte by byte it could
/// hold a thread.
const FLOWING_BYTES: u64 = 1024;

/// How long a turn lasts at most while bytes keep coming.
const SLICE: Duration = Duration::from_millis(50);

thread_local! {
    /// The buffer and the desk of this thread, lent for one turn.
    static LENT: RefCell<(Vec<u8>, Desk)> = RefCell::new((vec![0; BUFFER_BYTES], Desk::new()));
}

/// Threads for busy turns beside each of `workers` event loops.
pub(super) fn threads_per_worker(workers: usize) -> usize {
    (THREADS / workers).max(2)
}

/// Serves a connection while it is busy. Says whether it stopped only because its slice is over.
pub(super) fn turn<T: Tap>(served: &mut Served<T>, clock: Clock) -> bool {
    lent(|worker| busy(served, clock, worker))
}

/// The same for a connection that has just come.
pub(super) fn begin<T: Tap>(served: &mut Served<T>, clock: Clock) -> bool {
    lent(|worker| {
        served.opened(clock.now(), worker);
        busy(served, clock, worker)
    })
}

fn lent<R>(serve: impl FnOnce(&mut Worker<'_>) -> R) -> R {
    LENT.with_borrow_mut(|(buffer, desk)| serve(&mut Worker { buffer, desk }))
}

fn busy<T: Tap>(served: &mut Served<T>, clock: Clock, worker: &mut Worker<'_>) -> bool {
    let more = serve(served, clock, worker);
    served.session.settle_store();
    more
}

fn serve<T: Tap>(served: &mut Served<T>, clock: Clock, worker: &mut Worker<'_>) -> bool {
    let started = clock.now();
    let mut patience = Duration::ZERO;
    loop {
        let now = clock.now();
        if served.session.deadline() <= now {
            served.due(now, worker);
        }
        let Next::Wait { receive, send } = served.step(now, worker) else { return false };
        if now.since(started) > SLICE {
            return true;
        }
        served.wait_for_pieces(worker);
        let before = moved(served);
        let ready = wait(served.socket().as_fd(), receive, send, None, patience);
        if ready.writable && send {
            served.writable(clock.now(), worker);
        }
        if ready.readable && receive {
            served.readable(clock.now(), worker);
        }
        if !(ready.readable && receive || ready.writable && send) {
            return false;
        }
        let flows = moved(served) - before >= FLOWING_BYTES;
        patience = if flows { PATIENCE } else { Duration::ZERO };
    }
}

fn moved<T: Tap>(served: &Served<T>) -> u64 {
    let (received, sent) = served.session.bytes_moved();
    received + sent
}
