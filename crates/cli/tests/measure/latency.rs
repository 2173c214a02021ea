//! A server that adds a known delay: no time may be told that is shorter.

use std::time::Duration;

use colok::load::samples::Histogram;

use crate::servers::delaying;
use crate::support::{Told, load};

/// One reply of ten takes 100 ms, the others 20 ms.
fn mostly_short(number: u64) -> Duration {
    Duration::from_millis(if number % 10 == 9 { 100 } else { 20 })
}

/// Histograms keep three digits.
const DIGITS: f64 = 0.999;

fn histogram(told: &Told, of: &str) -> Histogram {
    let text = told.report[of]["histogram"].as_str().expect("it is text");
    Histogram::decode(text).expect("it is a histogram")
}

fn assert_mostly_short(told: &Told) {
    let at = |percentile| told.percentile_ms("service_time", percentile);
    assert!(told.number("/service_time/min_us") >= 20_000.0 * DIGITS, "{}", told.report);
    assert!(at(50.0) >= 20.0 * DIGITS && at(75.0) >= 20.0 * DIGITS, "{}", told.report);
    assert!(at(95.0) >= 100.0 * DIGITS && at(99.0) >= 100.0 * DIGITS, "{}", told.report);
    assert!(told.number("/service_time/mean_us") >= 27_000.0, "{}", told.report);
    // On a machine that is very busy this may be more, but not so much.
    assert!(at(50.0) < 90.0, "{}", told.report);
    let count = told.number("/service_time/count");
    let beyond: Vec<f64> = (0..4)
        .map(|at| told.number(&format!("/service_time/percentiles/{at}/samples_beyond")))
        .collect();
    assert!(beyond.is_sorted_by(|more, fewer| more >= fewer), "{}", told.report);
    assert!(beyond[0] <= count / 2.0, "{}", told.report);
}

#[test]
fn percentiles_of_a_known_delay() {
    let place = delaying(mostly_short);
    let told = load(&place, "-n 800 -c 10 --threads 1 --warm-up 0");
    told.assert_ended("ok", 0);
    assert_eq!(told.whole("/service_time/count"), 800, "{}", told.report);
    assert_mostly_short(&told);
    assert_eq!(told.report["response_time"], serde_json::Value::Null, "{}", told.report);
    assert_eq!(told.report["summary"]["latency_us"]["p999"], serde_json::Value::Null);
    // The histogram says what the percentiles say.
    let histogram = histogram(&told, "service_time");
    assert_eq!(histogram.count(), 800);
    for percentile in [50.0, 75.0, 90.0, 95.0, 99.0] {
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        let ms = histogram.quantile_ns(percentile / 100.0) as f64 / 1e6;
        let told = told.percentile_ms("service_time", percentile);
        assert!((ms - told).abs() <= 0.002 * told, "{percentile}: {ms} {told}");
    }
}

#[test]
fn percentiles_of_a_known_delay_in_an_open_loop() {
    let place = delaying(mostly_short);
    // 10 connections can do about 350 in a second.
    let told = load(&place, "-n 300 -c 10 --rate 120 --threads 1 --warm-up 0 --arrivals even");
    told.assert_ended("ok", 0);
    assert_mostly_short(&told);
    // From when it was due is never shorter than from when it was sent.
    for percentile in [50.0, 90.0, 99.0] {
        let response = told.percentile_ms("response_time", percentile);
        let service = told.percentile_ms("service_time", percentile);
        assert!(response >= service * DIGITS, "{percentile}: {}", told.report);
    }
}

/// The histograms of two reports add up to that of all their samples.
#[test]
fn histograms_of_two_reports_add_up() {
    let short = load(&delaying(|_| Duration::from_millis(5)), "-n 200 -c 4 --warm-up 0");
    let long = load(&delaying(mostly_short), "-n 100 -c 4 --warm-up 0 --processes 2");
    let (a, b) = (histogram(&short, "service_time"), histogram(&long, "service_time"));
    let mut both = a.clone();
    both.merge(&b);
    assert_eq!((a.count(), b.count(), both.count()), (200, 100, 300));
    assert_eq!(both.max_ns(), a.max_ns().max(b.max_ns()));
    // A rank among all is a rank in one and a rank in the other.
    let samples = |histogram: &Histogram| -> Vec<u64> {
        let count = histogram.count();
        #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
        let at = |rank: u64| (rank as f64 - 0.5) / count as f64;
        (1..=count).map(|rank| histogram.quantile_ns(at(rank))).collect()
    };
    let mut union = [samples(&a), samples(&b)].concat();
    union.sort_unstable();
    assert_eq!(samples(&both), union);
    // As text and back, the order is no matter.
    let mut other = b.clone();
    other.merge(&a);
    let text = Histogram::decode(&both.encode()).expect("it is its own");
    assert!(text == other && other == both);
}
