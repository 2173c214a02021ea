//! How fast something goes, and how long it will take: an average that follows what happens.

use std::time::{Duration, Instant};

/// Over how long the rate is averaged: it is steady enough to be read, and follows a change
/// before anybody wonders.
const WINDOW: Duration = Duration::from_secs(5);

/// How often it is looked at, at most.
const STEP: Duration = Duration::from_millis(200);

/// The rate of one thing that grows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    since: Instant,
    looked_at: Instant,
    done: u64,
    bytes_per_second: f64,
}

impl Pace {
    /// From now on, with so many bytes done before.
    pub(super) fn start(now: Instant, done: u64) -> Self {
        Self { since: now, looked_at: now, done, bytes_per_second: 0.0 }
    }

    /// So many are done now. Whether the rate is another one than before.
    pub(super) fn update(&mut self, now: Instant, done: u64) -> bool {
        let passed = now.saturating_duration_since(self.looked_at);
        if passed < STEP {
            return false;
        }
        #[expect(clippy::cast_precision_loss, reason = "two significant digits are shown")]
        let moved = done.saturating_sub(self.done) as f64;
        // At first the plain average since the start, then one that forgets.
        let window = now.saturating_duration_since(self.since).min(WINDOW);
        let weight = (passed.as_secs_f64() / window.as_secs_f64()).min(1.0);
        self.bytes_per_second += (moved / passed.as_secs_f64() - self.bytes_per_second) * weight;
        (self.looked_at, self.done) = (now, done);
        true
    }

    /// In bytes per second; `None` when nothing moves.
    pub(super) fn rate(&self) -> Option<u64> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate of bytes is not negative and far below 2^64"
        )]
        let rate = self.bytes_per_second as u64;
        (rate > 0).then_some(rate)
    }

    /// How long the rest takes, in whole seconds; `None` when nobody can tell.
    pub(super) fn left(&self, total: u64) -> Option<Duration> {
        let left = total.saturating_sub(self.done);
        Some(Duration::from_secs(left.div_ceil(self.rate()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_an_average_that_forgets() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut pace = Pace::start(start, 1000);
        assert_eq!((pace.rate(), pace.left(5000)), (None, None));
        assert!(!pace.update(start + Duration::from_millis(100), 1500), "too soon to tell");
        assert!(pace.update(at(1), 2000));
        assert_eq!(pace.rate(), Some(1000));
        assert_eq!(pace.left(5000), Some(Duration::from_secs(3)));
        assert!(pace.update(at(2), 2000));
        assert_eq!(pace.rate(), Some(500));
        for second in 3..60 {
            pace.update(at(second), 2000 + (second - 2) * 100);
        }
        assert_eq!(pace.rate(), Some(100));
        assert_eq!(pace.left(0), Some(Duration::ZERO), "more came than was expected");
    }
}
