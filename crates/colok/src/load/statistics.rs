//! How well a mean is known: confidence intervals of throughput. Pure arithmetic.
//!
//! One run is cut into parts of equal time whose rates are the samples (batch means); several runs
//! give one sample each. Rates of neighbouring parts hang together when something slower than a
//! part is at work (a cache that warms up, a busy neighbour). Such parts say less than independent
//! ones would, so they are counted as fewer: `n (1 - r) / (1 + r)`, where r is the correlation of
//! neighbours, corrected for its bias in short rows. On synthetic rows of 40 stretches that covers
//! better than cutting into fewer and longer parts does; the tests hold it to that.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::report::ConfidenceInterval;

/// Confidence of every interval.
pub const CONFIDENCE: f64 = 0.95;

/// A run is cut into so many parts where it has so many stretches.
pub const PARTS: usize = 20;

/// With fewer parts the correlation of neighbours cannot be told, and nothing is claimed.
const PARTS_MIN: usize = 5;

/// A correlation below this is what independent parts show by chance.
const CORRELATION_NOTICED: f64 = 0.12;

/// Beyond this, twenty parts are worth about one.
const CORRELATION_MAX: f64 = 0.9;

/// What happened in one stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Part {
    /// How long it was.
    pub seconds: f64,
    /// Messages or bytes in it.
    pub amount: f64,
}

impl Part {
    fn add(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.amount += other.amount;
    }

    /// Per second; 0 for a part that took no time.
    pub fn rate(self) -> f64 {
        if self.seconds > 0.0 { self.amount / self.seconds } else { 0.0 }
    }
}

/// The interval of the mean of independent samples; `None` for fewer than two.
pub fn interval_of_mean(samples: &[f64], of: &str) -> Option<ConfidenceInterval> {
    let moments = Moments::of(samples)?;
    Some(interval(&moments, moments.count, of))
}

/// The interval of one run's rate, from consecutive stretches of it; `None` where there are too
/// few of them.
pub fn interval_of_run(stretches: &[Part]) -> Option<ConfidenceInterval> {
    let rates: Vec<f64> = parts(stretches, PARTS).into_iter().map(Part::rate).collect();
    if rates.len() < PARTS_MIN {
        return None;
    }
    let moments = Moments::of(&rates)?;
    let correlation = moments.correlation_without_bias();
    let worth = if correlation < CORRELATION_NOTICED {
        moments.count
    } else {
        moments.count * (1.0 - correlation) / (1.0 + correlation)
    };
    Some(interval(&moments, worth, "parts"))
}

/// Joins consecutive stretches to at most `most` parts of about equal time.
fn parts(stretches: &[Part], most: usize) -> Vec<Part> {
    let count = most.min(stretches.len());
    let total_s: f64 = stretches.iter().map(|stretch| stretch.seconds).sum();
    let mut parts = vec![Part::default(); count];
    let mut before_s = 0.0;
    for stretch in stretches {
        parts[part_of(before_s + stretch.seconds / 2.0, total_s, count)].add(*stretch);
        before_s += stretch.seconds;
    }
    // A remnant has a rate of its own that says little and would count as much as the others.
    let longest_s = parts.iter().map(|part| part.seconds).fold(0.0, f64::max);
    parts.retain(|part| part.seconds > longest_s / 2.0);
    parts
}

/// Which of `count` parts a moment lies in.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share between 0 and 1 of a small number"
)]
fn part_of(moment_s: f64, total_s: f64, count: usize) -> usize {
    let share = if total_s > 0.0 { moment_s / total_s } else { 0.0 };
    ((share * count as f64) as usize).min(count - 1)
}

/// What is known of a row of samples.
struct Moments {
    count: f64,
    mean: f64,
    /// Of the samples, with n - 1.
    variance: f64,
    /// Of neighbours, from -1 to 1.
    correlation: f64,
}

impl Moments {
    fn of(samples: &[f64]) -> Option<Self> {
        if samples.len() < 2 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a handful of samples")]
        let count = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / count;
        let squares: f64 = samples.iter().map(|sample| (sample - mean).powi(2)).sum();
        let products: f64 =
            samples.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
        let correlation = if squares > 0.0 { products / squares } else { 0.0 };
        Some(Self { count, mean, variance: squares / (count - 1.0), correlation })
    }

    /// In a short row the correlation comes out too low by about (1 + 4 r) / n (Marriott and
    /// Pope, 1954; Kendall, 1954).
    fn correlation_without_bias(&self) -> f64 {
        let bias = (1.0 + 4.0 * self.correlation.max(0.0)) / self.count;
        (self.correlation + bias).min(CORRELATION_MAX)
    }
}

/// Student's interval, as if there were `worth` independent samples.
fn interval(moments: &Moments, worth: f64, of: &str) -> ConfidenceInterval {
    let freedom = (worth - 1.0).max(1.0);
    let half_width = quantile_of_student(freedom) * (moments.variance / worth).sqrt();
    let percent = if moments.mean > 0.0 { half_width / moments.mean * 100.0 } else { 0.0 };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it was made from a length"
    )]
    let samples = moments.count as u32;
    ConfidenceInterval { mean: moments.mean, half_width, percent, samples, of: of.to_owned() }
}

/// How many standard errors the interval reaches to each side.
fn quantile_of_student(freedom: f64) -> f64 {
    let student = StudentsT::new(0.0, 1.0, freedom).expect("at least one degree of freedom");
    student.inverse_cdf(f64::midpoint(1.0, CONFIDENCE))
}

#[cfg(test)]
mod tests;
