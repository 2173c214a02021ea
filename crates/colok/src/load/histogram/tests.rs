//! Histograms add up exactly, by every way that they travel; percentiles say what they rest on.

use proptest::prelude::*;

use super::*;

fn of(samples: &[u64]) -> Histogram {
    let mut histogram = Histogram::default();
    for sample in samples {
        histogram.record_ns(*sample);
    }
    histogram
}

/// Times as they occur, and the corners: zero, and beyond what is told apart.
fn time_ns() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => 1_000_u64..10_000_000,
        2 => 0_u64..5000,
        1 => 0_u64..=2 * HIGHEST_NS,
        1 => Just(u64::MAX),
    ]
}

fn times_ns() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(time_ns(), 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn merged_is_the_union(shares in prop::collection::vec(times_ns(), 0..5)) {
        let union = of(&shares.concat());
        let mut merged = Histogram::default();
        let mut travelled = Histogram::default();
        for share in &shares {
            let own = of(share);
            merged.merge(&own);
            travelled.merge(&Histogram::decode(&own.encode()).expect("it was just encoded"));
        }
        prop_assert_eq!(&merged, &union);
        prop_assert_eq!(&travelled, &union);
        prop_assert_eq!(merged.encode(), union.encode());
        prop_assert_eq!(merged.latency(), union.latency());
        prop_assert_eq!(travelled.latency(), union.latency());
    }

    #[test]
    fn order_does_not_matter(mut samples in times_ns()) {
        let forwards = of(&samples);
        samples.reverse();
        prop_assert_eq!(forwards, of(&samples));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[A-Za-z0-9+/=]{0,80}") {
        if let Ok(histogram) = Histogram::decode(&text) {
            prop_assert_eq!(Histogram::decode(&histogram.encode()), Ok(histogram));
        }
    }

    #[test]
    fn percentiles_are_near_those_of_the_sorted_samples(
        mut samples in prop::collection::vec(1_000_u64..1_000_000_000, 1..500),
    ) {
        let histogram = of(&samples);
        samples.sort_unstable();
        for at in histogram.latency().expect("there are samples").percentiles {
            let beyond = usize::try_from(at.samples_beyond).expect("a small number");
            let exact = microseconds(samples[samples.len() - 1 - beyond]);
            prop_assert!((at.us - exact).abs() <= exact * 0.001 + 0.001, "{at:?}: {exact}");
        }
    }

    #[test]
    fn buckets_hold_every_sample_once(samples in times_ns(), most in 1_usize..30) {
        let histogram = of(&samples);
        let buckets = histogram.log_buckets(most);
        prop_assert!(buckets.len() <= most);
        prop_assert!(buckets.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let count: u64 = buckets.iter().map(|bucket| bucket.1).sum();
        prop_assert_eq!(count, histogram.count());
    }
}

#[test]
fn a_percentile_says_how_many_lie_beyond() {
    let samples: Vec<u64> = (1..=1000).map(|micros| micros * 1000).collect();
    let latency = of(&samples).latency().expect("there are samples");
    let beyond: Vec<(f64, u64)> =
        latency.percentiles.iter().map(|at| (at.percentile, at.samples_beyond)).collect();
    // 99.9 leaves one sample; 99.99 would leave none.
    let expected = [(50.0, 500), (75.0, 250), (90.0, 100), (95.0, 50), (99.0, 10), (99.9, 1)];
    assert_eq!(beyond, expected);
}

#[test]
fn a_summary_has_no_percentile_with_fewer_than_ten_beyond() {
    let summary = |count: u64| {
        let samples: Vec<u64> = (1..=count).map(|micros| micros * 1000).collect();
        of(&samples).summary().expect("there are samples")
    };
    let with_1000 = summary(1000);
    assert!(with_1000.p99.is_some() && with_1000.p999.is_none(), "{with_1000:?}");
    let with_999 = summary(999);
    assert!(with_999.p95.is_some() && with_999.p99.is_none(), "{with_999:?}");
    assert!(summary(20).p50.is_some());
    assert!(summary(19).p50.is_none());
    assert!(summary(10_000).p999.is_some());
}

#[test]
fn equal_samples_have_a_percentile_all_the_same() {
    // All in one bucket: none lies in a higher one, but half of them have a higher rank.
    let histogram = of(&[5000; 100]);
    assert_eq!(histogram.count_beyond(0.5), 0);
    assert!(histogram.percentile_us(50.0).is_some());
}

#[test]
fn beyond_a_quantile_counts_higher_buckets() {
    let samples: Vec<u64> = (1..=100).map(|micros| micros * 1000).collect();
    assert_eq!(of(&samples).count_beyond(0.9), 10);
    assert_eq!(of(&samples).count_beyond(1.0), 0);
    assert_eq!(Histogram::default().count_beyond(0.5), 0);
}

#[test]
fn nothing_recorded_says_nothing() {
    let empty = Histogram::default();
    assert_eq!((empty.latency(), empty.summary(), empty.percentile_us(50.0)), (None, None, None));
    assert_eq!(empty.log_buckets(24), Vec::new());
    assert_eq!(Histogram::decode(&empty.encode()), Ok(empty));
}

#[test]
fn a_clear_histogram_is_as_new() {
    let mut histogram = of(&[1, 1000, HIGHEST_NS]);
    histogram.clear();
    assert_eq!(histogram, Histogram::default());
    histogram.record_ns(7000);
    assert_eq!(histogram, of(&[7000]));
}

#[test]
fn a_time_beyond_the_highest_counts_as_that() {
    let histogram = of(&[u64::MAX]);
    assert_eq!(histogram.count(), 1);
    assert!(histogram.max_ns() >= HIGHEST_NS);
}

#[test]
fn other_buckets_are_refused() {
    let coarse = Buckets::<u64>::new_with_bounds(1, HIGHEST_NS, 2).expect("valid bounds");
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(&coarse, &mut bytes).expect("memory takes it");
    let refused = Histogram::decode(&BASE64.encode(&bytes));
    assert_eq!(
        refused,
        Err(HistogramError::Buckets { digits: 2, highest_ns: coarse.high() }),
        "two digits are not three"
    );
    assert_eq!(Histogram::decode("not base64"), Err(HistogramError::Text));
    assert!(matches!(Histogram::decode("Zm9v"), Err(HistogramError::Form(_))));
    assert_eq!(Histogram::decode(&"A".repeat(TEXT_MAX + 4)), Err(HistogramError::Text));
}
