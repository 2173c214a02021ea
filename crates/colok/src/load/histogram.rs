//! A distribution of times in bounded memory: nanoseconds, three significant digits.
//!
//! Recording allocates nothing and never fails: a time beyond [`HIGHEST_NS`] is counted as that.
//! Histograms add up exactly, also after they have been written as text and read again, because
//! all of them have the same buckets. Percentiles are never averaged; histograms are merged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram as Buckets;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::report::{Latency, Percentile, SummaryLatency};

/// The longest time that is told apart: one hour. No reply is waited for so long.
pub const HIGHEST_NS: u64 = 3_600_000_000_000;

/// Percentiles of a report, ascending.
pub const PERCENTILES: [f64; 8] = [50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 99.999];

/// So many samples must lie beyond a percentile for it to be told in a summary.
pub const BEYOND_MIN: u64 = 10;

/// Three digits: values differ from their bucket by at most 0.1 %.
const DIGITS: u8 = 3;

/// A text may not become more than this many bytes; a full histogram of ours needs less than a
/// tenth of it.
const TEXT_MAX: usize = 4 << 20;

/// A distribution of times. About 270 KiB, whatever the number of samples.
#[derive(Clone, PartialEq)]
pub struct Histogram(Buckets<u64>);

/// A text that is not a histogram of ours.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum HistogramError {
    /// Not base64.
    #[error("a histogram must be base64 text of at most 4 MiB")]
    Text,
    /// Base64, but not of a histogram.
    #[error("not an HdrHistogram (V2, deflate): {0}")]
    Form(String),
    /// A histogram that has other buckets, so that adding it would not be exact.
    #[error("a histogram of {digits} digits up to {highest_ns} ns cannot be added exactly")]
    Buckets {
        /// Its significant digits.
        digits: u8,
        /// Its highest value.
        highest_ns: u64,
    },
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = Buckets::new_with_bounds(1, HIGHEST_NS, DIGITS);
        Self(buckets.expect("the bounds are constants that hdrhistogram takes"))
    }
}

impl std::fmt::Debug for Histogram {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Histogram")
            .field("count", &self.count())
            .field("min_ns", &self.0.min())
            .field("max_ns", &self.0.max())
            .finish()
    }
}

impl Histogram {
    /// Counts one time. Allocates nothing.
    #[inline]
    pub fn record_ns(&mut self, time_ns: u64) {
        self.0.saturating_record(time_ns);
    }

    /// Adds the samples of another one, exactly.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all histograms have the same buckets");
    }

    /// Forgets all samples. Costs nothing when there are none.
    pub fn clear(&mut self) {
        if !self.0.is_empty() {
            self.0.reset();
        }
    }

    /// How many samples.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The value at a quantile (0 to 1), in nanoseconds. 0 without samples.
    pub fn quantile_ns(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile)
    }

    /// The largest, in nanoseconds, to three digits. 0 without samples.
    pub fn max_ns(&self) -> u64 {
        self.0.max()
    }

    /// How many samples lie in a higher bucket than the value at a quantile.
    pub fn count_beyond(&self, quantile: f64) -> u64 {
        let value = self.quantile_ns(quantile);
        if value >= self.max_ns() { 0 } else { self.0.count_between(value + 1, self.max_ns()) }
    }

    /// The value at a percentile (0 to 100) in microseconds, where at least [`BEYOND_MIN`] samples
    /// lie beyond it.
    pub fn percentile_us(&self, percentile: f64) -> Option<f64> {
        let enough = self.rank_beyond(percentile) >= BEYOND_MIN;
        enough.then(|| microseconds(self.quantile_ns(percentile / 100.0)))
    }

    /// How many samples have a higher rank than the percentile's. Unlike [`Self::count_beyond`]
    /// it does not depend on how many of them share the percentile's own bucket.
    fn rank_beyond(&self, percentile: f64) -> u64 {
        let count = self.count();
        // Counts are far below 2^53, where a float is exact; the tolerance is `quantile_ns`'s own.
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the count"
        )]
        let rank = (count as f64 * (percentile / 100.0) - 1e-6).ceil().max(1.0) as u64;
        count.saturating_sub(rank)
    }

    /// All that a report says of it; `None` without samples.
    pub fn latency(&self) -> Option<Latency> {
        (self.count() > 0).then(|| Latency {
            count: self.count(),
            min_us: microseconds(self.0.min()),
            mean_us: self.0.mean() / 1e3,
            deviation_us: self.0.stdev() / 1e3,
            max_us: microseconds(self.max_ns()),
            percentiles: self.percentiles(),
            histogram: self.encode(),
        })
    }

    /// The few figures of a summary; `None` without samples.
    pub fn summary(&self) -> Option<SummaryLatency> {
        (self.count() > 0).then(|| SummaryLatency {
            min: microseconds(self.0.min()),
            mean: self.0.mean() / 1e3,
            p50: self.percentile_us(50.0),
            p95: self.percentile_us(95.0),
            p99: self.percentile_us(99.0),
            p999: self.percentile_us(99.9),
            max: microseconds(self.max_ns()),
        })
    }

    /// As far as there are samples: one beyond which none lies would only be the largest again.
    fn percentiles(&self) -> Vec<Percentile> {
        let mut all = Vec::with_capacity(PERCENTILES.len());
        for percentile in PERCENTILES {
            let samples_beyond = self.rank_beyond(percentile);
            if samples_beyond == 0 {
                break;
            }
            let us = microseconds(self.quantile_ns(percentile / 100.0));
            all.push(Percentile { percentile, us, samples_beyond });
        }
        all
    }

    /// Non-empty buckets, ascending: the upper bound in nanoseconds and the number of samples.
    /// At most `most` of them, each as wide as the others on a log scale.
    pub fn log_buckets(&self, most: usize) -> Vec<(u64, u64)> {
        let (low, high) = (self.0.min().max(1), self.max_ns().max(1));
        if self.count() == 0 || most == 0 {
            return Vec::new();
        }
        let (low, ratio) = logarithms(low, high);
        let mut buckets = vec![(0, 0); most];
        for step in self.0.iter_recorded() {
            let value = step.value_iterated_to();
            let at = bucket_of(value.max(1), low, ratio, most);
            buckets[at].0 = value;
            buckets[at].1 += step.count_since_last_iteration();
        }
        buckets.retain(|bucket| bucket.1 > 0);
        buckets
    }

    /// As text: `HdrHistogram` V2, deflate, base64.
    pub fn encode(&self) -> String {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&self.0, &mut bytes)
            .expect("writing to memory does not fail");
        BASE64.encode(&bytes)
    }

    /// Reads [`Self::encode`]'s text. Refuses a histogram with other buckets.
    pub fn decode(text: &str) -> Result<Self, HistogramError> {
        if text.len() > TEXT_MAX {
            return Err(HistogramError::Text);
        }
        let bytes = BASE64.decode(text).map_err(|_| HistogramError::Text)?;
        let read: Buckets<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| HistogramError::Form(error.to_string()))?;
        let mut own = Self::default();
        let same = (read.low(), read.sigfig()) == (own.0.low(), own.0.sigfig());
        if !same || read.high() != own.0.high() {
            let (digits, highest_ns) = (read.sigfig(), read.high());
            return Err(HistogramError::Buckets { digits, highest_ns });
        }
        // Added to one of ours, so that what was read has exactly our buckets and not only as many
        // as its samples need.
        own.0.add(&read).map_err(|error| HistogramError::Form(error.to_string()))?;
        Ok(own)
    }
}

/// Text, empty for an empty histogram: most histograms of an interval are.
impl Serialize for Histogram {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.count() == 0 { to.serialize_str("") } else { to.serialize_str(&self.encode()) }
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text.is_empty() {
            return Ok(Self::default());
        }
        Self::decode(&text).map_err(serde::de::Error::custom)
    }
}

/// Nanoseconds as microseconds.
#[expect(clippy::cast_precision_loss, reason = "at most an hour: below 2^53 nanoseconds")]
pub(super) fn microseconds(time_ns: u64) -> f64 {
    time_ns as f64 / 1e3
}

/// The logarithm of the lowest, and how far the highest is from it.
#[expect(clippy::cast_precision_loss, reason = "at most an hour: below 2^53 nanoseconds")]
fn logarithms(low: u64, high: u64) -> (f64, f64) {
    let low = (low as f64).ln();
    (low, (high as f64).ln() - low)
}

/// Which of `most` buckets a value falls into.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share between 0 and 1 of a small number"
)]
fn bucket_of(value: u64, low: f64, ratio: f64, most: usize) -> usize {
    if ratio <= 0.0 {
        return 0;
    }
    let share = ((value as f64).ln() - low) / ratio;
    ((share.max(0.0) * most as f64) as usize).min(most - 1)
}

#[cfg(test)]
mod tests;
