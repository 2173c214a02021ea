//! When the messages of an open loop are due, and how large messages are.
//!
//! Both are made one at a time from a seed: constant memory, and the same seed gives the same
//! ones. No clock is read here.

use colok_proto::Time;
use colok_proto::sim::Random;

use super::plan::{self, Sizes};

/// Nanoseconds of a second.
const SECOND_NS: f64 = 1e9;

/// How many arrivals are counted one by one before the rest is taken from the rate.
const COUNTED_MAX: u64 = 1_000_000;

/// A schedule of arrivals that knows only the next one.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    kind: plan::Arrivals,
    rate_per_s: f64,
    random: Random,
    /// When the schedule began, in nanoseconds.
    origin_ns: f64,
    /// Nanoseconds of the next arrival behind `origin_ns`.
    next_ns: f64,
    /// How many were taken.
    taken: u64,
    /// Even arrivals: the place of the first one within a gap, 0 to 1.
    phase: f64,
}

impl Arrivals {
    /// A schedule that starts at time zero until [`begin`](Self::begin) moves it. `phase` (0 to 1)
    /// shifts even arrivals within their gap, so that those of several threads interleave.
    pub(super) fn new(kind: plan::Arrivals, rate_per_s: f64, phase: f64, seed: u64) -> Self {
        let random = Random::new(seed);
        let mut made =
            Self { kind, rate_per_s, random, origin_ns: 0.0, next_ns: 0.0, taken: 0, phase };
        made.next_ns = made.following();
        made
    }

    /// Puts the start of the schedule at this time.
    pub(super) fn begin(&mut self, start: Time) {
        self.origin_ns = nanos(start);
    }

    /// When the next message is due.
    #[inline]
    pub(super) fn next(&self) -> Time {
        time(self.origin_ns + self.next_ns)
    }

    /// The next message has left.
    #[inline]
    pub(super) fn advance(&mut self) {
        self.taken += 1;
        self.next_ns = self.following();
    }

    /// Takes all that are due before `end`, and counts them; from the rate when there are very
    /// many.
    pub(super) fn skip_until(&mut self, end: Time) -> u64 {
        let mut count = 0;
        while self.next() < end {
            if count == COUNTED_MAX {
                let rest = end.since(self.next()).as_secs_f64() * self.rate_per_s;
                return count + whole(rest);
            }
            count += 1;
            self.advance();
        }
        count
    }

    /// The arrival behind `next_ns`; for even ones from the count, so that nothing adds up.
    fn following(&mut self) -> f64 {
        match self.kind {
            plan::Arrivals::Even => {
                #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 messages")]
                let count = self.taken as f64;
                (count + self.phase) / self.rate_per_s * SECOND_NS
            }
            plan::Arrivals::Poisson => {
                // 1 - u lies in (0, 1], so its logarithm is finite.
                let gap = -(1.0 - unit(&mut self.random)).ln() / self.rate_per_s;
                self.next_ns + gap * SECOND_NS
            }
        }
    }
}

/// The sizes of messages, one after another.
#[derive(Clone, Debug)]
pub(super) struct MessageSizes {
    sizes: Sizes,
    random: Random,
    weight: f64,
}

impl MessageSizes {
    /// Sizes from this seed.
    pub(super) fn new(sizes: Sizes, seed: u64) -> Self {
        let weight = match &sizes {
            Sizes::Weighted(choices) => choices.iter().map(|(_, weight)| weight).sum(),
            Sizes::Fixed(_) | Sizes::Uniform(..) => 0.0,
        };
        Self { sizes, random: Random::new(seed), weight }
    }

    /// The size of the next message in bytes.
    #[inline]
    pub(super) fn take(&mut self) -> u32 {
        match &self.sizes {
            Sizes::Fixed(size) => *size,
            Sizes::Uniform(first, last) => {
                let span = u64::from(last.saturating_sub(*first)) + 1;
                let above = self.random.bits() % span;
                first.saturating_add(u32::try_from(above).unwrap_or(0))
            }
            Sizes::Weighted(choices) => {
                let mut left = unit(&mut self.random) * self.weight;
                for (size, weight) in choices {
                    if left < *weight {
                        return *size;
                    }
                    left -= weight;
                }
                choices.last().map_or(1, |(size, _)| *size)
            }
        }
    }
}

/// A number from 0 to below 1, with the 53 bits that a `f64` holds.
fn unit(random: &mut Random) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    let bits = (random.bits() >> 11) as f64;
    bits / 9_007_199_254_740_992.0
}

fn nanos(time: Time) -> f64 {
    time.since(Time::ZERO).as_secs_f64() * SECOND_NS
}

fn time(nanos: f64) -> Time {
    Time::from_nanos(whole(nanos))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn whole(number: f64) -> u64 {
    number as u64
}

/// Mixes a seed with a number, so that threads with neighbouring numbers have unrelated schedules.
pub(super) fn mixed_seed(seed: u64, number: u64) -> u64 {
    let mut random = Random::new(seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
    random.bits()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn first(arrivals: &mut Arrivals, count: usize) -> Vec<Time> {
        std::iter::repeat_with(|| {
            let next = arrivals.next();
            arrivals.advance();
            next
        })
        .take(count)
        .collect()
    }

    #[test]
    fn even_arrivals_never_drift() {
        let mut arrivals = Arrivals::new(plan::Arrivals::Even, 3.0, 0.0, 1);
        arrivals.begin(Time::from_millis(500));
        assert_eq!(arrivals.next(), Time::from_millis(500));
        let times = first(&mut arrivals, 3_000_001);
        assert_eq!(times[3_000_000], Time::from_millis(1_000_000_500));
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread() {
        let mut arrivals = Arrivals::new(plan::Arrivals::Poisson, 10_000.0, 0.0, 7);
        let times = first(&mut arrivals, 200_001);
        let gaps: Vec<f64> =
            times.windows(2).map(|pair| pair[1].since(pair[0]).as_secs_f64()).collect();
        let count = 200_000.0;
        let mean = gaps.iter().sum::<f64>() / count;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
        // The standard error of the mean is 0.22 %; exponential: deviation equals mean.
        assert!((mean * 10_000.0 - 1.0).abs() < 0.01, "{mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "{variance}");
    }

    #[test]
    fn the_same_seed_gives_the_same_times() {
        let times = |seed| {
            let mut arrivals = Arrivals::new(plan::Arrivals::Poisson, 1000.0, 0.0, seed);
            first(&mut arrivals, 1000)
        };
        assert_eq!(times(5), times(5));
        assert_ne!(times(5), times(6));
    }

    #[test]
    fn what_is_due_is_counted() {
        let mut arrivals = Arrivals::new(plan::Arrivals::Even, 1000.0, 0.0, 1);
        assert_eq!(arrivals.skip_until(Time::from_millis(100)), 100);
        assert_eq!(arrivals.next(), Time::from_millis(100));
        let hours = Time::ZERO + Duration::from_hours(10);
        let counted = arrivals.skip_until(hours);
        assert!(counted.abs_diff(36_000_000 - 100) <= 1, "{counted}");
    }

    #[test]
    fn sizes_follow_their_plan() {
        let take = |sizes: Sizes, count: usize| {
            let mut sizes = MessageSizes::new(sizes, 3);
            std::iter::repeat_with(|| sizes.take()).take(count).collect::<Vec<_>>()
        };
        assert!(take(Sizes::Fixed(64), 10).iter().all(|size| *size == 64));
        let uniform = take(Sizes::Uniform(10, 12), 30_000);
        for size in 10..=12 {
            let count = uniform.iter().filter(|one| **one == size).count();
            assert!(count.abs_diff(10_000) < 500, "{size}: {count}");
        }
        let weighted = take(Sizes::Weighted(vec![(1, 3.0), (9, 1.0)]), 40_000);
        let small = weighted.iter().filter(|one| **one == 1).count();
        assert!(small.abs_diff(30_000) < 1000, "{small}");
        assert!(weighted.iter().all(|size| [1, 9].contains(size)));
    }
}
