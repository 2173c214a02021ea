//! Intervals against known values, and against synthetic rows whose true mean is known.

use super::*;

/// A generator of normal numbers with a seed: xorshift and Box and Muller's transform. The rows
/// are the same on every machine and in every run.
struct Normal(u64);

impl Normal {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        #[expect(clippy::cast_precision_loss, reason = "53 bits")]
        let share = ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        share
    }

    fn next(&mut self) -> f64 {
        let (length, angle) = (self.uniform(), self.uniform());
        (-2.0 * length.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }
}

const TRUE_MEAN: f64 = 100_000.0;
const ROWS: u32 = 2000;

/// How many of [`ROWS`] intervals contain the true mean, in percent, when the rate of a stretch
/// hangs together with that of the one before.
fn coverage(stretches: usize, correlation: f64, seed: u64) -> f64 {
    let mut normal = Normal(seed);
    let mut hits = 0;
    for _ in 0..ROWS {
        let mut state = normal.next();
        let row: Vec<Part> = (0..stretches)
            .map(|_| {
                let news = (1.0 - correlation * correlation).sqrt() * normal.next();
                state = correlation * state + news;
                Part { seconds: 0.25, amount: (TRUE_MEAN + 3000.0 * state) * 0.25 }
            })
            .collect();
        let interval = interval_of_run(&row).expect("there are enough stretches");
        hits += u32::from((interval.mean - TRUE_MEAN).abs() <= interval.half_width);
    }
    f64::from(hits) * 100.0 / f64::from(ROWS)
}

#[test]
fn independent_parts_cover_the_mean() {
    for stretches in [20, 40, 200] {
        let coverage = coverage(stretches, 0.0, 0x5eed_0001);
        assert!((93.0..=98.0).contains(&coverage), "{stretches}: {coverage} %");
    }
}

#[test]
fn parts_that_hang_together_still_cover_the_mean() {
    for (stretches, correlation) in [(20, 0.3), (40, 0.3), (40, 0.5), (40, 0.7), (200, 0.8)] {
        let coverage = coverage(stretches, correlation, 0x5eed_0002);
        assert!((91.0..=98.5).contains(&coverage), "{stretches}, {correlation}: {coverage} %");
    }
}

#[test]
fn means_of_runs_cover_the_mean() {
    let mut normal = Normal(0x5eed_0003);
    for runs in [3, 5, 10] {
        let mut hits = 0;
        for _ in 0..ROWS {
            let means: Vec<f64> = (0..runs).map(|_| TRUE_MEAN + 3000.0 * normal.next()).collect();
            let interval = interval_of_mean(&means, "runs").expect("there are several");
            hits += u32::from((interval.mean - TRUE_MEAN).abs() <= interval.half_width);
        }
        let coverage = f64::from(hits) * 100.0 / f64::from(ROWS);
        assert!((93.5..=96.5).contains(&coverage), "{runs}: {coverage} %");
    }
}

#[test]
fn quantiles_are_those_of_the_tables() {
    for (freedom, expected) in [(1.0, 12.706), (2.0, 4.303), (4.0, 2.776), (19.0, 2.093)] {
        let found = quantile_of_student(freedom);
        assert!((found - expected).abs() < 0.001, "{freedom}: {found}");
    }
}

#[test]
fn an_interval_by_hand() {
    let interval = interval_of_mean(&[9.0, 10.0, 11.0], "runs").expect("three samples");
    assert!((interval.mean - 10.0).abs() < 1e-9);
    // 4.303 times 1 over the root of 3.
    assert!((interval.half_width - 2.484).abs() < 0.001, "{interval:?}");
    assert!((interval.percent - 24.84).abs() < 0.01);
    assert_eq!((interval.samples, interval.of.as_str()), (3, "runs"));
}

#[test]
fn too_few_samples_claim_nothing() {
    assert_eq!(interval_of_mean(&[], "runs"), None);
    assert_eq!(interval_of_mean(&[1.0], "runs"), None);
    assert_eq!(interval_of_run(&[]), None);
    assert_eq!(interval_of_run(&[Part { seconds: 1.0, amount: 5.0 }; 4]), None);
}

#[test]
fn degenerate_rows_stay_finite() {
    for amount in [0.0, 7.0] {
        let interval = interval_of_run(&[Part { seconds: 1.0, amount }; 20]).expect("20 parts");
        assert!(interval.half_width.abs() < 1e-9 && interval.percent.abs() < 1e-9);
    }
    let no_time = [Part { seconds: 0.0, amount: 1.0 }; 20];
    assert_eq!(interval_of_run(&no_time), None);
}

#[test]
fn a_remnant_does_not_count_as_a_part() {
    for remnant_s in [0.001, 0.01, 0.3] {
        let mut row = vec![Part { seconds: 1.0, amount: 10.0 }; PARTS];
        row.push(Part { seconds: remnant_s, amount: 0.0 });
        for part in parts(&row, PARTS + 1) {
            assert!(part.rate() > 7.0, "{remnant_s}: {part:?}");
        }
    }
}

#[test]
fn parts_share_the_time() {
    let row = vec![Part { seconds: 0.25, amount: 1.0 }; 43];
    let joined = parts(&row, PARTS);
    assert_eq!(joined.len(), PARTS);
    let seconds: f64 = joined.iter().map(|part| part.seconds).sum();
    assert!((seconds - 43.0 * 0.25).abs() < 1e-9);
}
