//! From slices to reports: sums, order, outcomes, and the same shape on every way out.

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::super::plan::Until;
use super::super::report::{Finding, Outcome};
use super::super::samples::ThreadFigures;
use super::fixture::{INTERVAL_S, Load, MEASURING, MESSAGES, open, plan};
use super::*;

const ALL: u64 = MEASURING as u64 * MESSAGES + MEASURING as u64 / 2;

#[test]
fn a_healthy_load_is_ok() {
    let report = Load::of(plan()).report();
    assert_eq!((report.outcome, &report.error), (Outcome::Ok, &None));
    assert!(report.summary.ok && report.findings.is_empty(), "{:?}", report.findings);
    let throughput = &report.throughput;
    assert_eq!(throughput.messages, ALL);
    assert!((throughput.seconds - 10.0).abs() < 1e-9);
    assert!((throughput.messages_per_s.expect("echo has messages") - 201.0).abs() < 1e-6);
    assert!((throughput.received_bytes_per_s - 201.0 * 64.0).abs() < 1e-6);
    let interval = throughput.interval.as_ref().expect("there are 20 parts");
    assert_eq!((interval.samples, interval.of.as_str()), (20, "parts"));
    assert!((interval.mean - 201.0).abs() < 1e-6 && interval.percent < 1.0, "{interval:?}");
    let reconciliation = report.reconciliation;
    assert_eq!((reconciliation.sent, reconciliation.answered), (ALL + MESSAGES, ALL + MESSAGES));
    assert!(reconciliation.balanced);
    assert_eq!(report.intervals.len(), MEASURING as usize + 1, "the ending has no row");
    assert!(report.intervals[0].warm_up && !report.intervals[1].warm_up);
    assert_eq!(report.connections.open_at_end, 2);
    assert_eq!(report.service_time.expect("it has replies").count, ALL);
    assert_eq!(report.response_time, None, "only an open loop has one");
    assert!(report.runs.is_empty());
}

#[test]
fn an_open_loop_tells_both_times() {
    let report = Load::of(open(1.0)).report();
    let service = report.service_time.expect("it has replies");
    let response = report.response_time.expect("it is an open loop");
    let slip = report.schedule_slip.expect("it is an open loop");
    assert!((response.min_us - service.min_us - slip.min_us).abs() < 0.2);
    let summary = report.summary.latency_us.expect("it has replies");
    assert!((summary.min - response.min_us).abs() < 1e-9, "a user sees the response time");
    assert_eq!(report.throughput.requested_per_s, Some(200.0));
    assert_eq!(report.throughput.backlog, Some(0));
}

#[test]
fn errors_make_the_outcome() {
    let mut load = Load::of(plan());
    load.each = |slice| {
        if slice.index == 5 {
            slice.counts.answered -= 3;
            slice.measured.answered -= 3;
            slice.counts.wrong = 1;
            slice.counts.lost = 2;
            slice.counts.duplicates = 4;
            slice.failed.insert("ECONNREFUSED".to_owned(), 5);
        }
    };
    let report = load.report();
    assert_eq!(report.outcome, Outcome::Errors);
    assert_eq!((report.summary.ok, report.summary.errors), (false, 12));
    assert!(report.reconciliation.balanced);
    assert_eq!(report.intervals[5].errors, 7);
}

#[test]
fn errors_in_the_warm_up_count_too() {
    let mut load = Load::of(plan());
    load.each = |slice| slice.counts.duplicates = u64::from(slice.index == 0);
    let report = load.report();
    assert_eq!((report.outcome, report.summary.ok), (Outcome::Errors, false));
}

#[test]
fn replies_out_of_order_are_errors_of_a_stream_only() {
    let load = |plan| {
        let mut load = Load::of(plan);
        load.each = |slice| slice.counts.out_of_order = u64::from(slice.index == 3);
        load.report()
    };
    assert_eq!(load(plan()).outcome, Outcome::Errors);
    let udp =
        Plan { address: super::super::plan::Address::Udp(([127, 0, 0, 1], 5001).into()), ..plan() };
    let report = load(udp);
    assert_eq!((report.outcome, report.reconciliation.out_of_order), (Outcome::Ok, 1));
}

#[test]
fn a_message_still_on_its_way_is_not_ok() {
    let mut load = Load::of(plan());
    load.each = |slice| {
        if slice.index == 4 {
            slice.counts.answered -= 1;
            slice.measured.answered -= 1;
        }
    };
    load.ending.in_flight = 1;
    let report = load.report();
    assert!(report.reconciliation.balanced && !report.summary.ok);
    assert_eq!(report.outcome, Outcome::NotProved);
}

#[test]
fn a_load_that_measured_nothing_is_not_ok() {
    let mut load = Load::of(plan());
    load.each = |slice| {
        if slice.phase == Phase::Measuring {
            let (index, run, phase) = (slice.index, slice.run, slice.phase);
            *slice = Slice { index, run, phase, seconds: slice.seconds, ..Slice::default() };
        }
    };
    let report = load.report();
    assert_eq!((report.outcome, report.summary.ok), (Outcome::NotProved, false));
}

#[test]
fn what_was_lost_track_of_is_told() {
    let mut load = Load::of(plan());
    load.ending.in_flight = 1;
    assert!(!load.report().reconciliation.balanced);
}

#[test]
fn an_interrupted_load_has_the_figures_until_then() {
    let mut load = Load::of(plan());
    load.interrupted = true;
    let report = load.report();
    assert_eq!(report.outcome, Outcome::Interrupted);
    assert_eq!(report.throughput.messages, ALL);
}

#[test]
fn a_load_that_failed_has_zeros_and_its_reason() {
    let mut totals = Totals::new(&plan(), Vec::new(), UNIX_EPOCH, 4);
    totals.error = Some("connection refused by 127.0.0.1:5001".to_owned());
    let report = totals.report();
    assert_eq!((report.outcome, report.summary.ok), (Outcome::Failed, false));
    assert_eq!(report.throughput.messages_per_s, None, "absent, not zero");
    assert_eq!(report.throughput.interval, None);
    assert!(report.reconciliation.balanced);
    assert_eq!(report.started, "1970-01-01T00:00:00Z");
}

#[test]
fn discard_counts_what_was_sent() {
    let mut load = Load::of(Plan { call: Call::Discard, ..plan() });
    load.each = |slice| {
        slice.service.clear();
        slice.counts.answered = 0;
        slice.measured.answered = 0;
        slice.counts.received_bytes = 0;
        if slice.phase == Phase::Ending {
            slice.counts.answered = ALL + MESSAGES;
        }
    };
    let report = load.report();
    assert!(report.summary.ok && report.reconciliation.balanced);
    assert_eq!((report.throughput.messages, report.service_time), (ALL, None));
    let bytes = report.summary.bytes_per_s.expect("it was measured");
    assert!((bytes - 201.0 * 64.0).abs() < 1e-6);
}

#[test]
fn chargen_is_measured_in_bytes() {
    let mut load = Load::of(Plan { call: Call::Chargen, ..plan() });
    load.each = |slice| {
        slice.service.clear();
        let received_bytes = slice.counts.received_bytes;
        slice.counts = Counts { received_bytes, ..Counts::default() };
        slice.measured = slice.counts;
    };
    let report = load.report();
    assert!(report.summary.ok, "{:?}", report.summary);
    assert_eq!(report.throughput.messages_per_s, None);
    let interval = report.throughput.interval.expect("it has parts");
    assert!((interval.mean - 201.0 * 64.0).abs() < 1e-6);
}

/// Three runs, and a confidence that they do or do not reach.
fn runs(percent: f64) -> Load {
    let until = Some(Until { percent, runs_max: 3 });
    Load { runs: 3, ..Load::of(Plan { until, ..plan() }) }
}

#[test]
fn several_runs_are_the_samples() {
    let mut load = runs(50.0);
    load.each = |slice| {
        let more = u64::from(slice.run) * 10;
        if slice.phase == Phase::Measuring {
            for counts in [&mut slice.counts, &mut slice.measured] {
                counts.sent += more;
                counts.answered += more;
            }
        }
    };
    let report = load.report();
    let rates: Vec<f64> = report.runs.iter().map(|run| run.messages_per_s).collect();
    for (rate, expected) in rates.iter().zip([201.0, 221.0, 241.0]) {
        assert!((rate - expected).abs() < 1e-6, "{rates:?}");
    }
    assert!(report.runs.iter().all(|run| run.p99_us.is_some()), "{:?}", report.runs);
    let interval = report.throughput.interval.expect("there are three runs");
    assert_eq!((interval.samples, interval.of.as_str()), (3, "runs"));
    assert!((interval.mean - 221.0).abs() < 1e-6);
    assert_eq!(report.outcome, Outcome::Ok);
}

#[test]
fn a_run_that_was_broken_off_is_no_sample() {
    // By the user, or because enough was known after the second when the third had begun.
    for interrupted in [true, false] {
        let mut load = runs(50.0);
        load.interrupted = interrupted;
        load.each = |slice| {
            if slice.run == 2 {
                (slice.seconds, slice.counts.answered) = (0.001, 1);
            }
        };
        let report = load.report();
        let interval = report.throughput.interval.expect("two are whole");
        assert_eq!((interval.samples, report.runs.len()), (2, 2));
        assert!(interval.percent < 1.0, "{interval:?}");
    }
}

#[test]
fn confidence_that_was_not_reached_is_not_proved() {
    let mut load = runs(0.001);
    load.each = |slice| slice.counts.answered += u64::from(slice.run);
    let report = load.report();
    // The replies that were made up here are not balanced by messages; only this is looked at.
    assert!(matches!(report.findings[..], [Finding::NotSteady { runs: 3, .. }]));
    assert_eq!(report.outcome, Outcome::NotProved);
}

#[test]
fn the_interval_after_some_runs_is_known_while_it_goes_on() {
    let totals = runs(2.0).totals();
    assert_eq!(totals.interval_of_runs(1), None);
    assert_eq!(totals.interval_of_runs(2).expect("two runs").samples, 2);
    assert_eq!(totals.interval_of_runs(3).expect("three runs").samples, 3);
}

/// A slice of one of several threads.
fn share(index: u32, thread: u32) -> Slice {
    let start_s = f64::from(index) * INTERVAL_S;
    let phase = Phase::Measuring;
    let mut slice = Slice { index, phase, start_s, seconds: INTERVAL_S, ..Slice::default() };
    let answered = u64::from(index * 10 + thread);
    (slice.counts.sent, slice.counts.answered) = (answered, answered);
    slice.connections_open = 1;
    slice.measured = slice.counts;
    slice.service.record_ns(u64::from(thread + 1) * 10_000);
    slice
}

#[test]
fn an_interval_is_finished_when_every_thread_has_handed_it_in() {
    let mut totals = Totals::new(&plan(), Vec::new(), UNIX_EPOCH, 2);
    assert!(totals.take(0, &share(0, 0)).is_empty());
    assert!(totals.take(0, &share(1, 0)).is_empty());
    let first = totals.take(1, &share(0, 1));
    assert_eq!(first.len(), 1);
    assert_eq!((first[0].interval.answered, first[0].interval.connections), (1, 2));
    assert!((first[0].interval.seconds - INTERVAL_S).abs() < 1e-9, "not twice as long");
    let second = totals.ended(1, &Ending::default());
    assert_eq!(second.len(), 1, "nothing more comes from the other");
    assert_eq!(totals.take(0, &share(2, 0)).len(), 1);
    assert_eq!((totals.answered(), totals.messages()), (31, 31));
}

#[test]
fn a_thread_that_is_gone_stops_nobody() {
    let mut totals = Totals::new(&plan(), Vec::new(), UNIX_EPOCH, 2);
    totals.take(0, &share(0, 0));
    assert_eq!(totals.gone(1).len(), 1);
    assert_eq!(totals.take(0, &share(1, 0)).len(), 1);
    assert_eq!(totals.report().connections.open_at_end, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// However the threads run ahead of each other, the report is the same.
    #[test]
    fn the_order_between_threads_does_not_matter(
        order in Just([0_u32; 4].into_iter().chain([1; 4]).chain([2; 4]).collect::<Vec<_>>())
            .prop_shuffle(),
    ) {
        let report = |order: &[u32]| {
            let mut totals = Totals::new(&plan(), Vec::new(), UNIX_EPOCH, 3);
            let mut next = [0; 3];
            let mut finished = Vec::new();
            for thread in order {
                let index = &mut next[*thread as usize];
                finished.extend(totals.take(*thread, &share(*index, *thread)));
                *index += 1;
            }
            (finished, totals.report())
        };
        let in_turn = [0, 1, 2].repeat(4);
        prop_assert_eq!(report(&order), report(&in_turn));
    }
}

#[test]
fn processor_time_is_per_message_and_thread() {
    let mut load = Load::of(plan());
    let thread = ThreadFigures { seconds: 10.0, processor_s: 5.0, delayed_s: None };
    load.ending.threads = vec![thread; 2];
    let report = load.report();
    assert_eq!(report.generator.thread_busy, [0.5, 0.5]);
    assert!(report.generator.thread_delayed.is_empty(), "the kernel did not say");
    let per_message = report.generator.processor_us_per_message.expect("there are messages");
    assert!((per_message - 10e6 / 2010.0).abs() < 1e-6);
}

#[test]
fn runs_are_a_whole_number_of_intervals() {
    for (length_ms, interval) in [
        (10_000, 0.25),
        (5000, 0.125),
        (1000, 0.05),
        (200, 0.05),
        (20, 0.02),
        (60_000, 1.0),
        (40_500, 0.987_804_878),
        (3_600_000, 6.0),
    ] {
        let length = Length::For(Duration::from_millis(length_ms));
        let found = interval_s(&Plan { length, ..plan() });
        assert!((found - interval).abs() < 1e-6, "{length_ms} ms: {found}");
    }
    let unknown = Plan { length: Length::Messages(1000), ..plan() };
    assert!((interval_s(&unknown) - INTERVAL_UNKNOWN_S).abs() < 1e-9);
}
