//! Every finding: one load that has it, and one beside it that does not.

use super::super::plan::{Address, Plan, Until};
use super::super::report::ServerUse;
use super::super::samples::Phase;
use super::super::summary::Processors;
use super::super::summary::fixture::{Load, open, plan, thread};
use super::*;

fn reasons(load: Load) -> Vec<LimitReason> {
    let findings = load.report().findings;
    let limited = findings.into_iter().find_map(|finding| match finding {
        Finding::GeneratorLimited { reasons } => Some(reasons),
        _ => None,
    });
    limited.unwrap_or_default()
}

#[test]
fn a_healthy_load_has_none() {
    assert_eq!(Load::of(plan()).report().findings, []);
    assert_eq!(Load::of(open(1.0)).report().findings, []);
}

#[test]
fn wrong_lost_doubled_and_unexpected_replies_are_unreliable() {
    let loads: [fn(&mut super::super::samples::Slice); 5] = [
        |slice| slice.counts.wrong = 1,
        |slice| slice.counts.lost = 1,
        |slice| slice.counts.duplicates = 1,
        |slice| slice.counts.unexpected_bytes = 1,
        |slice| slice.counts.out_of_order = 1,
    ];
    for each in loads {
        let report = Load { each, ..Load::of(plan()) }.report();
        assert_eq!(report.findings.first(), Some(&Finding::Unreliable));
    }
}

#[test]
fn datagrams_may_come_in_any_order() {
    let address = Address::Udp(([127, 0, 0, 1], 5001).into());
    let mut load = Load::of(Plan { address, ..plan() });
    load.each = |slice| slice.counts.out_of_order = 1;
    assert_eq!(load.report().findings, []);
}

#[test]
fn connections_that_failed_or_ended_are_told() {
    let mut load = Load::of(plan());
    load.each = |slice| {
        slice.ended_early.insert("ECONNRESET".to_owned(), 1);
    };
    assert_eq!(load.report().findings, [Finding::ConnectionsFailed]);
    let mut load = Load::of(plan());
    load.each = |slice| {
        slice.failed.insert("ECONNREFUSED".to_owned(), 1);
    };
    assert_eq!(load.report().findings, [Finding::ConnectionsFailed]);
}

fn busy(plan: Plan, busy: f64, server: impl Into<Option<ServerUse>>) -> Load {
    let mut load = Load::of(plan);
    load.ending.threads = vec![thread(0.1, 0.0), thread(busy, 0.0)];
    load.server = server.into();
    load
}

fn server(busy: f64, busiest_thread: Option<f64>) -> ServerUse {
    ServerUse { busy, busiest_thread, processes: 1, ..ServerUse::default() }
}

#[test]
fn a_thread_that_is_never_idle_is_the_limit() {
    assert!(matches!(reasons(busy(plan(), 0.96, None))[..], [LimitReason::Processor { .. }]));
    assert_eq!(reasons(busy(plan(), 0.94, None)), []);
    let report = busy(plan(), 1.0, None).report();
    assert!(report.generator.limited && report.summary.generator_limited);
}

#[test]
fn a_server_that_can_do_no_more_is_the_limit_instead() {
    assert_eq!(reasons(busy(plan(), 1.0, server(0.99, None))), []);
    assert_eq!(reasons(busy(plan(), 1.0, server(0.5, Some(0.96)))), []);
    assert_eq!(reasons(busy(plan(), 1.0, server(0.97, Some(0.5)))), [], "it has one processor");
    assert_eq!(reasons(busy(plan(), 1.0, server(0.6, Some(0.5)))).len(), 1);
}

#[test]
fn shares_of_no_time_are_no_limit() {
    let mut load = busy(plan(), 0.96, None);
    load.interrupted = true;
    load.ending.threads.push(thread(1.0, 1.0));
    load.each = |slice| slice.phase = slice.phase.min(Phase::WarmUp);
    assert_eq!(reasons(load), []);
}

#[test]
fn an_open_loop_that_keeps_its_rate_may_be_busy() {
    assert_eq!(reasons(busy(open(1.0), 1.0, None)), []);
    assert!(matches!(reasons(busy(open(2.0), 1.0, None))[..], [LimitReason::Processor { .. }]));
}

#[test]
fn a_busy_generator_does_not_hide_that_the_rate_is_missed() {
    let report = busy(open(2.0), 1.0, None).report();
    assert!(matches!(
        report.findings[..],
        [Finding::GeneratorLimited { .. }, Finding::RateNotReached { .. }]
    ));
    let report = busy(open(2.0), 1.0, server(0.5, Some(0.99))).report();
    assert!(matches!(report.findings[..], [Finding::RateNotReached { .. }]));
}

#[test]
fn waiting_for_a_processor_is_a_limit() {
    let load = |delayed| {
        let mut load = Load::of(plan());
        load.ending.threads = vec![thread(0.3, delayed)];
        load
    };
    assert!(matches!(reasons(load(0.06))[..], [LimitReason::Delayed { .. }]));
    assert_eq!(reasons(load(0.04)), []);
}

#[test]
fn own_lateness_is_a_limit() {
    let mut late = Load::of(open(1.0));
    late.each = |slice| {
        if slice.phase == Phase::Measuring {
            (0..20).for_each(|_| slice.own_slip.record_ns(2_000_000));
        }
    };
    assert!(matches!(reasons(late)[..], [LimitReason::Slip { .. }]));
    let mut slower = Load::of(open(1.0));
    slower.each = |slice| {
        if slice.phase == Phase::Measuring {
            (0..20).for_each(|_| slice.own_slip.record_ns(2_000_000));
            (0..20).for_each(|_| slice.response.record_ns(50_000_000));
        }
    };
    assert_eq!(reasons(slower), [], "2 ms of 50 ms");
    let mut early = Load::of(open(1.0));
    early.each = |slice| {
        if slice.phase == Phase::Measuring {
            (0..20).for_each(|_| slice.own_slip.record_ns(900_000));
        }
    };
    assert_eq!(reasons(early), [], "below a millisecond");
}

#[test]
fn running_out_of_descriptors_or_ports_is_a_limit() {
    let mut load = Load::of(plan());
    load.each = |slice| {
        slice.failed.insert("EMFILE".to_owned(), 1);
    };
    assert_eq!(reasons(load), [LimitReason::Descriptors { limit: 1024 }]);
    let mut load = Load::of(plan());
    load.each = |slice| {
        slice.failed.insert("EADDRNOTAVAIL".to_owned(), 1);
    };
    assert_eq!(reasons(load), [LimitReason::Ports { available: 28_232 }]);
    let mut load = Load::of(plan());
    load.each = |slice| {
        slice.failed.insert("ECONNREFUSED".to_owned(), 1);
    };
    assert_eq!(reasons(load), [], "the server's doing");
}

#[test]
fn datagrams_that_we_dropped_are_a_limit() {
    let load = |drops| {
        let mut load = Load::of(plan());
        load.ending.receive_drops = drops;
        load
    };
    assert_eq!(reasons(load(Some(3))), [LimitReason::ReceiveDrops { count: 3 }]);
    assert_eq!(reasons(load(Some(0))), []);
    assert_eq!(reasons(load(None)), []);
}

#[test]
fn a_rate_that_is_not_reached_is_told() {
    let mut load = Load::of(open(1.5));
    load.ending.backlog = 990;
    let report = load.report();
    let [Finding::RateNotReached { requested_per_s, achieved_per_s, backlog }] =
        report.findings[..]
    else {
        panic!("{:?}", report.findings)
    };
    assert!((requested_per_s - 300.0).abs() < 1e-6 && (achieved_per_s - 201.0).abs() < 1e-6);
    assert_eq!(backlog, 990);
    assert_eq!(Load::of(open(1.02)).report().findings, []);
}

#[test]
fn a_generator_that_was_stopped_does_not_blame_the_server() {
    let load = |own| {
        let mut load = Load::of(open(1.5));
        (load.ending.backlog, load.ending.own_backlog) = (990, own);
        load.report().findings
    };
    let reasons = vec![LimitReason::Backlog { count: 900 }];
    assert_eq!(load(900), [Finding::GeneratorLimited { reasons }]);
    assert!(matches!(load(400)[..], [Finding::RateNotReached { backlog: 990, .. }]));
    let mut reached = Load::of(open(1.0));
    (reached.ending.backlog, reached.ending.own_backlog) = (1, 1);
    assert_eq!(reached.report().findings, [], "a message may be due as it ends");
}

#[test]
fn without_an_answer_nothing_is_said_of_the_generator() {
    let silent = |plan| {
        let mut load = Load::of(plan);
        load.ending.threads = vec![thread(1.0, 0.9)];
        load.processors = Processors { own: vec![0], server: Some(vec![0]) };
        load.each = |slice| {
            (slice.counts.answered, slice.measured.answered) = (0, 0);
            slice.service.clear();
            slice.response.clear();
        };
        load
    };
    assert_eq!(silent(plan()).report().findings, [Finding::FewSamples { count: 0 }]);
    let mut stopped = silent(open(1.0));
    (stopped.ending.backlog, stopped.ending.own_backlog) = (2000, 2000);
    assert_eq!(stopped.report().findings, [Finding::FewSamples { count: 0 }]);
}

#[test]
fn a_load_that_measured_nothing_says_so_once() {
    let until = Some(Until { percent: 1.0, runs_max: 3 });
    for plan in
        [plan(), open(1.0), Plan { call: Call::Discard, ..plan() }, Plan { until, ..plan() }]
    {
        for interrupted in [false, true] {
            let mut load = Load { interrupted, ..busy(plan.clone(), 1.0, None) };
            load.each = |slice| slice.phase = slice.phase.min(Phase::WarmUp);
            assert_eq!(load.report().findings, [Finding::FewSamples { count: 0 }]);
        }
    }
}

#[test]
fn replies_that_take_long_are_not_a_missed_rate() {
    // The first three seconds have no reply yet; then there are as many as were asked for.
    let mut load = Load::of(open(1.0));
    load.each = |slice| {
        if slice.index <= 6 {
            (slice.counts.answered, slice.measured.answered) = (0, 0);
        }
    };
    assert_eq!(load.report().findings, []);
}

#[test]
fn lost_messages_are_not_a_missed_rate() {
    let mut load = Load::of(open(1.0));
    load.each = |slice| {
        let lost = slice.counts.answered / 10;
        slice.counts.answered -= lost;
        if slice.phase == Phase::Ending {
            slice.counts.lost = 210;
        }
    };
    assert_eq!(load.report().findings, [Finding::Unreliable]);
}

fn until(percent: f64) -> Load {
    let until = Some(Until { percent, runs_max: 3 });
    let mut load = Load { runs: 3, ..Load::of(Plan { until, ..plan() }) };
    load.each = |slice| {
        slice.counts.sent += u64::from(slice.run);
        slice.counts.answered += u64::from(slice.run);
    };
    load
}

#[test]
fn confidence_that_was_not_reached_is_told() {
    let report = until(0.1).report();
    let [Finding::NotSteady { reached_percent: Some(reached), runs: 3, .. }] = report.findings[..]
    else {
        panic!("{:?}", report.findings)
    };
    assert!(reached > 0.1 && reached < 20.0, "{reached}");
    assert_eq!(until(20.0).report().findings, []);
    let one = Load { runs: 1, ..until(20.0) }.report();
    let [Finding::NotSteady { reached_percent: None, runs: 1, .. }] = one.findings[..] else {
        panic!("{:?}", one.findings)
    };
}

fn crowd(own: &[u32], server_on: Option<&[u32]>, own_busy: f64, server_busy: f64) -> Vec<Finding> {
    let mut load = busy(plan(), own_busy, server(server_busy, None));
    load.processors = Processors { own: own.to_vec(), server: server_on.map(<[u32]>::to_vec) };
    load.report().findings
}

#[test]
fn processors_that_are_shared_and_full_are_told() {
    let shared = [Finding::SharedProcessors];
    assert_eq!(crowd(&[0, 1], Some(&[0, 1]), 0.9, 0.9), shared);
    assert_eq!(crowd(&[0], Some(&[1]), 0.9, 0.9), [], "each has its own");
    assert_eq!(crowd(&[0, 1], Some(&[0, 1]), 0.3, 0.3), [], "there is enough for both");
    assert_eq!(crowd(&[0, 1], None, 0.9, 0.9), shared, "a server here must share");
    assert_eq!(crowd(&[0], None, 0.9, 0.9), [], "not known");
    let mut away = busy(plan(), 0.9, None);
    away.processors = Processors { own: vec![0, 1], server: None };
    away.machine.path = "eth0".to_owned();
    assert_eq!(away.report().findings, []);
}

#[test]
fn few_samples_are_told() {
    let few = |plan| {
        let mut load = Load::of(plan);
        load.each = |slice| {
            if slice.index > 9 {
                slice.service.clear();
                slice.response.clear();
            }
        };
        load.report().findings
    };
    assert_eq!(few(plan()), [Finding::FewSamples { count: 905 }]);
    assert_eq!(few(open(1.0)), [Finding::FewSamples { count: 905 }]);
    assert_eq!(few(Plan { call: Call::Discard, ..plan() }), [], "it has no replies");
}

#[test]
fn what_failed_before_it_began_has_its_error_only() {
    let mut totals = super::super::summary::Totals::new(
        &Plan { until: Some(Until { percent: 1.0, runs_max: 3 }), ..open(1.0) },
        Vec::new(),
        std::time::UNIX_EPOCH,
        1,
    );
    totals.error = Some("refused".to_owned());
    assert_eq!(totals.report().findings, []);
}
