//! The pace of a connection whose rate is limited.
//!
//! What was moved is paid for with time in which nothing is: the rate holds over any second, and a
//! piece is a tenth of a second's worth at most. Nothing here waits.

use std::time::Duration;

use colok_proto::Time;

/// Time that may be owed without waiting for it: a timer is not more exact, and small exchanges
/// are not slowed down.
const SLACK: Duration = Duration::from_millis(20);

/// The least that is moved in one piece, in bytes, however low the rate.
const PIECE_BYTES_MIN: u64 = 512;

/// A rate, and when what was moved is paid for.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: u64,
    paid_at: Time,
    /// Nothing is moved until all is paid for. Begun by what is moved and ended by a tick, so that
    /// whoever asks twice between two ticks is told the same.
    rests: bool,
}

impl Pace {
    pub(super) fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), paid_at: Time::ZERO, rests: false }
    }

    /// So many bytes were received or sent.
    pub(super) fn moved(&mut self, now: Time, bytes: u64) {
        let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second);
        let cost = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        self.paid_at = self.paid_at.max(now) + cost;
        self.rests |= self.paid_at > now + SLACK;
    }

    /// When all that was moved is paid for.
    pub(super) fn paid_at(&self) -> Time {
        self.paid_at
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Time) {
        self.rests &= self.paid_at > now;
    }

    /// Until when nothing more is to be moved; `None`: go on.
    pub(super) fn rests_until(&self) -> Option<Time> {
        self.rests.then_some(self.paid_at)
    }

    /// How much is moved in one piece, in bytes.
    pub(super) fn piece(&self) -> u64 {
        (self.bytes_per_second / 10).max(PIECE_BYTES_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_holds_over_time_and_small_exchanges_do_not_wait() {
        let mut pace = Pace::new(1000);
        let start = Time::ZERO;
        pace.moved(start, 10);
        assert_eq!(pace.rests_until(), None);
        pace.moved(start, 990);
        assert_eq!(pace.rests_until(), Some(start + Duration::from_secs(1)));
        pace.tick(start + Duration::from_millis(999));
        assert_eq!(pace.rests_until(), Some(start + Duration::from_secs(1)));
        pace.tick(start + Duration::from_secs(1));
        assert_eq!(pace.rests_until(), None);
        // A pause is not saved up.
        let much_later = start + Duration::from_mins(1);
        pace.moved(much_later, 1000);
        assert_eq!(pace.rests_until(), Some(much_later + Duration::from_secs(1)));
        assert_eq!(pace.piece(), PIECE_BYTES_MIN);
    }
}
