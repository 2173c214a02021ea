//! The `sequential` model: one client at a time per listener; others wait in the backlog.
//!
//! Each listener has its own loop. A client that has held its turn for the turn time while
//! another waits, and moves less than [`PACE_BYTES`] per second, is closed with reason `limit`.

use std::thread;
use std::time::Duration;

use colok_proto::{Reason, Time};

use super::blocking::{self, Turn, someone_waits};
use super::disk;
use super::port::Port;
use super::served::{Served, Worker};
use crate::engine::{Limits, Stop};
use crate::observe::Tap;
use crate::session::Desk;

/// What one loop reads at a time, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// A client that moves this much in a second, both ways together, keeps its turn.
const PACE_BYTES: u64 = 1024;

/// The time over which the pace is measured.
const PACE_SPAN: Duration = Duration::from_secs(1);

/// Looks in one span, and the time between two. With few, what moved just before the turn ended
/// would count for nearly another span.
const PACE_LOOKS: usize = 10;
const PACE_STEP: Duration = Duration::from_millis(100);

/// A lingering close holds the turn as well, so here it lasts at most this long; together with
/// the turn it stays under the turn plus one second.
const LINGER_MAX: Duration = Duration::from_millis(500);

/// The limits of a server that serves one client at a time.
pub(crate) fn limits(limits: &Limits) -> Limits {
    Limits { linger: limits.linger.min(LINGER_MAX), ..limits.clone() }
}

/// Serves the ports until stopped.
pub(crate) fn run<T: Tap>(ports: &[Port<T>], limits: &Limits, stop: &Stop) {
    thread::scope(|scope| {
        for port in ports {
            scope.spawn(move || {
                let buffer_bytes = if port.has_store() { disk::BUFFER_BYTES } else { BUFFER_BYTES };
                let (mut buffer, mut desk) = (vec![0; buffer_bytes], Desk::new());
                let mut worker = Worker { buffer: &mut buffer, desk: &mut desk };
                blocking::accept_loop(port, stop, limits.drain, |served| {
                    let clock = port.clock();
                    let mut turn = Pace::new(port, limits.turn, clock.now());
                    let drain = limits.drain;
                    blocking::serve(served, &mut worker, clock, stop, drain, &mut turn);
                    Ok(())
                });
            });
        }
    });
}

/// Watches one client's turn: from one span before its end on, looks ten times a second at how
/// much the client moved in the second before.
struct Pace<'p, T: Tap> {
    port: &'p Port<T>,
    /// Bytes moved at the last looks, the oldest at `next`; a ring.
    moved: [u64; PACE_LOOKS],
    next: usize,
    look_at: Time,
    turn_ends: Time,
}

impl<'p, T: Tap> Pace<'p, T> {
    fn new(port: &'p Port<T>, turn: Duration, now: Time) -> Self {
        let look_at = now + turn.saturating_sub(PACE_SPAN);
        // A turn shorter than the span is judged once a span is measured.
        let turn_ends = look_at + PACE_SPAN;
        Self { port, moved: [0; PACE_LOOKS], next: 0, look_at, turn_ends }
    }
}

impl<T: Tap> Turn<T> for Pace<'_, T> {
    fn look(&mut self, served: &mut Served<T>, now: Time) -> Option<Time> {
        if now >= self.look_at {
            let (received, sent) = served.session.bytes_moved();
            let moved = received + sent;
            let in_span = moved - self.moved[self.next];
            let over = now >= self.turn_ends;
            if over && in_span < PACE_BYTES && someone_waits(self.port.socket()) {
                served.session.close(now, Reason::Limit);
                return None;
            }
            self.moved[self.next] = moved;
            self.next = (self.next + 1) % PACE_LOOKS;
            self.look_at = now + PACE_STEP;
        }
        Some(self.look_at)
    }
}
