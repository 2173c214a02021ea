//! What threads and their collector say to each other, whichever process the threads are in.
//!
//! Plain data and shared state; nothing here waits.

use std::ops::Range;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use rustix::event::{EventfdFlags, eventfd};
use serde::{Deserialize, Serialize};

use crate::engine::Stop;
use crate::error::{Error, Result};
use crate::load::samples::{Ending, Slice};

/// What threads say to the collector. Numbers of threads count through all processes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Word {
    /// All connections of a thread are made, or have failed.
    Connected {
        /// Which thread.
        thread: u32,
        /// How many connections it has opened.
        opened: u64,
    },
    /// An interval is over.
    Slice {
        /// Which thread.
        thread: u32,
        /// What happened in it.
        slice: Box<Slice>,
    },
    /// The last word of a thread.
    Ending {
        /// Which thread.
        thread: u32,
        /// What it says.
        ending: Box<Ending>,
    },
    /// A thread cannot go on, and why. Its `Ending` follows.
    Failed {
        /// For people.
        text: String,
    },
    /// The last word about a process that ended before all of its threads had said theirs.
    Gone {
        /// Which process.
        process: u32,
        /// Its threads that will say no more.
        threads: Range<u32>,
        /// How it ended: `signal: 9 (SIGKILL)`, `exit status: 1`.
        status: String,
    },
}

/// What a collector orders all threads. Threads read it, most often, in each turn of their loop.
#[derive(Debug)]
pub struct Orders {
    start: OnceLock<Instant>,
    runs: AtomicU32,
    stop: Stop,
    /// Readable when something was ordered; read by the one who passes orders on to processes.
    wake: OwnedFd,
}

impl Orders {
    /// Not started yet; at most so many runs.
    pub fn new(stop: Stop, runs: u32) -> Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let wake = eventfd(0, flags).map_err(|errno| Error::call("eventfd", "orders", errno))?;
        Ok(Self { start: OnceLock::new(), runs: AtomicU32::new(runs), stop, wake })
    }

    /// Begin to send at this moment. Only the first such order counts.
    pub fn start(&self, at: Instant) {
        self.start.get_or_init(|| at);
        self.wake_up();
    }

    /// When to begin; `None` until it is known.
    pub fn started(&self) -> Option<Instant> {
        self.start.get().copied()
    }

    /// End after so many runs.
    pub fn end_after(&self, runs: u32) {
        self.runs.store(runs, Ordering::Release);
        self.wake_up();
    }

    /// After how many runs to end.
    pub fn runs(&self) -> u32 {
        self.runs.load(Ordering::Acquire)
    }

    /// Whether and how to stop before that.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Readable when something other than the stop was ordered since [`Self::heard`].
    pub(super) fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Makes [`Self::wake`] wait for the next order.
    pub(super) fn heard(&self) {
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
    }

    fn wake_up(&self) {
        // The counter can only be full after 2^64 - 2 orders.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }
}

/// An order on its way to another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    /// Begin at this moment of `CLOCK_MONOTONIC`, which all processes of a machine share.
    Start {
        /// Nanoseconds.
        monotonic_ns: u64,
    },
    /// End after so many runs.
    EndAfter(u32),
    /// Send no more, wait for replies.
    Drain,
    /// End now.
    AtOnce,
}

/// A moment of this process as one that others understand.
pub(super) fn monotonic_of(moment: Instant) -> u64 {
    let (now, monotonic) = (Instant::now(), monotonic_now());
    let ahead = i128_nanoseconds(moment.saturating_duration_since(now))
        - i128_nanoseconds(now.saturating_duration_since(moment));
    u64::try_from(i128::from(monotonic) + ahead).unwrap_or(0)
}

/// The other way.
pub(super) fn moment_of(monotonic_ns: u64) -> Instant {
    let (now, monotonic) = (Instant::now(), monotonic_now());
    let ahead = std::time::Duration::from_nanos(monotonic_ns.saturating_sub(monotonic));
    let past = std::time::Duration::from_nanos(monotonic.saturating_sub(monotonic_ns));
    (now + ahead).checked_sub(past).unwrap_or(now)
}

fn i128_nanoseconds(time: std::time::Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX / 2)
}

fn monotonic_now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let now = std::time::Duration::try_from(now).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_first_start_counts() {
        let orders = Orders::new(Stop::new().expect("descriptors"), 20).expect("descriptors");
        assert_eq!((orders.started(), orders.runs()), (None, 20));
        let at = Instant::now() + Duration::from_secs(1);
        orders.start(at);
        orders.start(at + Duration::from_secs(9));
        orders.end_after(3);
        assert_eq!((orders.started(), orders.runs()), (Some(at), 3));
    }

    #[test]
    fn a_moment_goes_to_another_process_and_back() {
        for ahead in [Duration::ZERO, Duration::from_millis(50), Duration::from_hours(1)] {
            let moment = Instant::now() + ahead;
            let back = moment_of(monotonic_of(moment));
            let wrong = back.max(moment) - back.min(moment);
            // Only what passes between two looks at the same clock.
            assert!(wrong < Duration::from_secs(1), "{ahead:?}: {wrong:?}");
        }
        let past = Instant::now().checked_sub(Duration::from_millis(1)).expect("uptime");
        assert!(moment_of(monotonic_of(past)) < Instant::now());
    }
}
