//! How much each datagram source may be sent: replies per second, and bytes per byte received.
//!
//! Sources can be forged, so the table is bounded: when it is full, the source that was heard of
//! longest ago is forgotten. Pure: time comes in as an argument.

use std::collections::HashMap;
use std::net::IpAddr;

use colok_proto::Time;

use super::header_bytes;

/// The most sources remembered; about 300 KiB. A flood of forged sources makes us forget others,
/// whose count of replies then starts anew; the factor of bytes sent per byte received holds all
/// the same. Finding the oldest looks at all of them, about 10 us, which only such a flood pays.
const SOURCES_MAX: usize = 4096;

/// Seconds without a datagram after which a source starts anew.
const FORGET_SECONDS: u64 = 60;

/// What each source was sent.
#[derive(Debug)]
pub(super) struct SourceRates {
    replies_per_second_max: u32,
    amplification_max: u64,
    sources: HashMap<IpAddr, Source>,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    second: u64,
    replies: u32,
    received_bytes: u64,
    sent_bytes: u64,
}

impl SourceRates {
    pub(super) fn new(replies_per_second_max: u32, amplification_max: u32) -> Self {
        let amplification_max = u64::from(amplification_max);
        Self { replies_per_second_max, amplification_max, sources: HashMap::new() }
    }

    /// Whether a reply of `reply` bytes to a datagram of `received` bytes may be sent; if so it is
    /// counted. Both sides are counted with their headers, as a reflected flood would be: without
    /// them a one-letter question could never get its one-line answer.
    pub(super) fn allow(
        &mut self,
        source: IpAddr,
        received: usize,
        reply: usize,
        now: Time,
    ) -> Result<(), &'static str> {
        let second = now.as_nanos() / 1_000_000_000;
        if !self.sources.contains_key(&source) && self.sources.len() >= SOURCES_MAX {
            self.forget_oldest();
        }
        let fresh = Source { second, replies: 0, received_bytes: 0, sent_bytes: 0 };
        let known = self.sources.entry(source).or_insert(fresh);
        if second.saturating_sub(known.second) >= FORGET_SECONDS {
            *known = fresh;
        }
        if known.second != second {
            known.second = second;
            known.replies = 0;
        }
        known.received_bytes += received as u64 + header_bytes(source);
        if known.replies >= self.replies_per_second_max {
            return Err("rate");
        }
        let sent = known.sent_bytes + reply as u64 + header_bytes(source);
        if sent > known.received_bytes.saturating_mul(self.amplification_max) {
            return Err("amplification");
        }
        known.sent_bytes = sent;
        known.replies += 1;
        Ok(())
    }

    fn forget_oldest(&mut self) {
        let oldest = self.sources.iter().min_by_key(|(_, source)| source.second);
        if let Some(address) = oldest.map(|(address, _)| *address) {
            self.sources.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u32) -> IpAddr {
        IpAddr::from(last.to_be_bytes())
    }

    #[test]
    fn replies_per_second_are_limited() {
        let mut rates = SourceRates::new(2, 3);
        let first_second = Time::from_millis(500);
        assert_eq!(rates.allow(address(1), 10, 10, first_second), Ok(()));
        assert_eq!(rates.allow(address(1), 10, 10, first_second), Ok(()));
        assert_eq!(rates.allow(address(1), 10, 10, first_second), Err("rate"));
        assert_eq!(rates.allow(address(2), 10, 10, first_second), Ok(()));
        assert_eq!(rates.allow(address(1), 10, 10, Time::from_millis(1000)), Ok(()));
    }

    #[test]
    fn a_count_reply_passes_and_a_flood_does_not() {
        let mut rates = SourceRates::new(1000, 3);
        // The longest reply of `count` to the shortest question.
        assert_eq!(rates.allow(address(1), 0, 45, Time::ZERO), Ok(()));
        assert_eq!(rates.allow(address(2), 1, 512, Time::ZERO), Err("amplification"));
    }

    #[test]
    fn forged_sources_do_not_grow_it() {
        let mut rates = SourceRates::new(1000, 3);
        for source in 0..20_000 {
            let _ = rates.allow(address(source), 1, 1, Time::from_millis(u64::from(source)));
        }
        assert!(rates.sources.len() <= SOURCES_MAX);
    }
}
