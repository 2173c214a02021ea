//! The one place that reads the monotonic clock, as [`Time`] for machines and sessions.

use std::time::{Duration, Instant};

use colok_proto::Time;

/// A monotonic clock that starts at zero when it is made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// The time now.
    #[inline]
    pub fn now(&self) -> Time {
        Time::ZERO + self.start.elapsed()
    }

    /// When `instant` is on this clock; its start when it was before.
    pub fn time_of(&self, instant: Instant) -> Time {
        Time::ZERO + instant.saturating_duration_since(self.start)
    }

    /// How long from now until `time`; zero when it has passed.
    pub fn until(&self, time: Time) -> Duration {
        time.since(self.now())
    }
}
