//! What threads hand over arrives whole: merged, as text, in any order.

use proptest::prelude::*;

use super::*;

/// What happened to one thread in one interval.
fn slice() -> impl Strategy<Value = Slice> {
    let samples = prop::collection::vec(0_u64..5_000_000_000, 0..60);
    let reasons = prop::collection::btree_map("E[A-Z]{2,4}", 1_u64..50, 0..3);
    (samples, reasons, 0_u64..1000, 0_u64..1000).prop_map(|(samples, reasons, first, second)| {
        let mut slice = Slice { index: 7, seconds: 0.25, start_s: 1.75, ..Slice::default() };
        slice.phase = Phase::Measuring;
        slice.counts = Counts {
            sent: first + second,
            answered: first,
            wrong: second,
            unexpected: 1,
            unexpected_bytes: second * 3,
            sent_bytes: first * 64,
            ..Counts::default()
        };
        slice.measured = slice.counts;
        (slice.connections_open, slice.connections_opened) = (first, second);
        (slice.failed, slice.ended_early) = (reasons.clone(), reasons);
        for sample in samples {
            slice.service.record_ns(sample);
            slice.response.record_ns(sample + first);
            slice.slip.record_ns(first);
            slice.own_slip.record_ns(sample / 9);
            slice.connect.record_ns(second);
        }
        slice
    })
}

fn merged<'a>(slices: impl IntoIterator<Item = &'a Slice>) -> Slice {
    let mut all = Slice { index: 7, seconds: 0.25, start_s: 1.75, ..Slice::default() };
    all.phase = Phase::Measuring;
    slices.into_iter().for_each(|slice| all.merge(slice));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn json_brings_all_of_it_back(slice in slice()) {
        let text = slice.to_json();
        prop_assert!(!text.contains('\n'), "one line");
        prop_assert_eq!(Slice::from_json(&text).expect("it was just written"), slice);
    }

    #[test]
    fn slices_of_worker_processes_add_up_to_the_union(
        slices in prop::collection::vec(slice(), 1..4),
    ) {
        let sent: Vec<Slice> = slices
            .iter()
            .map(|slice| Slice::from_json(&slice.to_json()).expect("it was just written"))
            .collect();
        prop_assert_eq!(merged(&sent), merged(&slices));
        prop_assert_eq!(merged(slices.iter().rev()), merged(&slices));
        let all = merged(&sent);
        prop_assert_eq!(
            all.service.count(),
            slices.iter().map(|slice| slice.service.count()).sum::<u64>()
        );
    }

    #[test]
    fn a_clear_slice_is_as_new(mut slice in slice()) {
        slice.clear();
        prop_assert_eq!(slice, Slice::default());
    }

    #[test]
    fn fairness_is_that_of_all_connections(
        answered in prop::collection::vec(0_u64..1_000_000, 1..40),
        cut in 0_usize..40,
    ) {
        let fairness = |answered: &[u64]| {
            let mut fairness = Fairness::default();
            for count in answered {
                fairness.connection(*count);
            }
            fairness
        };
        let (first, second) = answered.split_at(cut.min(answered.len()));
        let mut parts = fairness(first);
        parts.merge(&fairness(second));
        let whole = fairness(&answered);
        prop_assert_eq!((parts.count, parts.sum, parts.min), (whole.count, whole.sum, whole.min));
        prop_assert_eq!(whole.max, answered.iter().copied().max());
        if let Some(index) = whole.index() {
            #[expect(clippy::cast_precision_loss, reason = "below 40")]
            let least = 1.0 / answered.len() as f64;
            prop_assert!(index >= least - 1e-9 && index <= 1.0, "{index}");
        }
    }
}

#[test]
fn jain_by_hand() {
    let mut fairness = Fairness::default();
    assert_eq!(fairness.index(), None);
    for answered in [10, 10, 0, 0] {
        fairness.connection(answered);
    }
    assert_eq!(fairness.index(), Some(0.5));
    assert_eq!((fairness.min, fairness.max), (Some(0), Some(10)));
}

#[test]
fn a_thread_that_is_ending_does_not_stretch_an_interval_that_measures() {
    let mut ending = Slice { phase: Phase::Ending, start_s: 3.1, seconds: 5.0, ..Slice::default() };
    ending.counts.answered = 2;
    let mut measuring =
        Slice { phase: Phase::Measuring, start_s: 3.0, seconds: 1.0, ..Slice::default() };
    measuring.counts.answered = 3;
    let (mut one, mut other) = (ending.clone(), measuring.clone());
    one.merge(&measuring);
    other.merge(&ending);
    assert_eq!(one, other);
    assert_eq!((one.phase, one.counts.answered), (Phase::Measuring, 5));
    assert!((one.seconds - 1.0).abs() < 1e-9);
}

#[test]
fn what_a_lost_worker_left_behind_has_no_time() {
    let left = Slice { ended_early: [("worker-lost".to_owned(), 3)].into(), ..Slice::default() };
    let whole = Slice { phase: Phase::Measuring, start_s: 3.0, seconds: 1.0, ..Slice::default() };
    let (mut one, mut other) = (left.clone(), whole.clone());
    one.merge(&whole);
    other.merge(&left);
    assert_eq!(one, other);
    assert!((one.start_s - 3.0).abs() < 1e-9 && (one.seconds - 1.0).abs() < 1e-9, "{one:?}");
    assert_eq!(one.ended_early["worker-lost"], 3);
}

#[test]
fn every_message_has_a_verdict_or_is_on_its_way() {
    let counts =
        Counts { sent: 10, answered: 6, wrong: 1, lost: 2, duplicates: 4, ..Counts::default() };
    assert!(counts.is_balanced(1));
    assert!(!counts.is_balanced(0));
    assert_eq!(counts.errors(), 7);
}

#[test]
fn endings_keep_the_process_that_is_nearest_to_its_limits() {
    let thread = ThreadFigures { seconds: 2.0, processor_s: 1.0, delayed_s: None };
    let one = Ending {
        in_flight: 1,
        threads: vec![thread],
        descriptors: 100,
        receive_drops: Some(2),
        ..Ending::default()
    };
    let mut all = Ending { in_flight: 2, descriptors: 70, ports: Some(5), ..Ending::default() };
    all.merge(&one);
    all.merge(&one);
    assert_eq!((all.in_flight, all.descriptors, all.ports), (4, 100, Some(5)));
    assert_eq!((all.receive_drops, all.threads.len()), (Some(4), 2));
    let text = serde_json::to_string(&all).expect("plain data");
    assert_eq!(serde_json::from_str::<Ending>(&text).expect("it was just written"), all);
}
