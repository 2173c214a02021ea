//! The figures of a report, made from the sums. Every one is a finite number or absent.

use super::super::findings;
use super::super::plan::{Call, Pace};
use super::super::report::{
    ConfidenceInterval, Connections, CountedReason, FORM, Finding, Generator, Interval, Outcome,
    Reconciliation, Report, ServerUse, Summary, TOOL, Throughput,
};
use super::super::statistics::{Part, interval_of_run};
use super::super::timestamp::rfc3339;
use super::{Totals, messages_in, per_second};

/// Makes the report. All intervals are finished.
pub(super) fn report(mut totals: Totals) -> Report {
    let intervals = std::mem::take(&mut totals.rows).into_intervals();
    let mut report = Report {
        form: FORM.to_owned(),
        tool: TOOL.to_owned(),
        outcome: Outcome::Ok,
        error: totals.error.take(),
        summary: Summary::default(),
        plan: totals.plan.clone(),
        command: std::mem::take(&mut totals.command),
        machine: std::mem::take(&mut totals.machine),
        started: rfc3339(totals.started),
        io: std::mem::take(&mut totals.io),
        throughput: throughput(&totals, &intervals),
        service_time: totals.sum.service.latency(),
        response_time: None,
        schedule_slip: None,
        connect_time: totals.sum.connect.latency(),
        reconciliation: reconciliation(&totals),
        connections: connections(&totals),
        intervals,
        runs: totals.runs.iter().take(totals.whole_runs()).map(|run| run.figures.clone()).collect(),
        generator: generator(&totals),
        server: totals.server.take().map(finite_server),
        findings: Vec::new(),
    };
    if totals.is_open_loop() {
        report.response_time = totals.sum.response.latency();
        report.schedule_slip = totals.sum.slip.latency();
    }
    report.machine.load_average = finite(report.machine.load_average);
    report.findings = findings::findings(&report, &totals.processors);
    report.generator.limited =
        report.findings.iter().any(|finding| matches!(finding, Finding::GeneratorLimited { .. }));
    report.summary = summary(&totals, &report);
    report.outcome = outcome(&totals, &report);
    report.summary.ok &= report.outcome != Outcome::Failed;
    report
}

fn summary(totals: &Totals, report: &Report) -> Summary {
    let measured = &totals.sum.measured;
    let errors = totals.errors();
    let done = match totals.plan.call {
        Call::Discard => measured.sent > 0,
        Call::Chargen => totals.window.received_bytes > 0,
        // In an overloaded open loop all that was sent may have been due in the warm-up.
        _ => totals.messages() + measured.answered > 0 && measured.sent == measured.answered,
    };
    let throughput = &report.throughput;
    let known = throughput.seconds > 0.0;
    let bytes = match totals.plan.call {
        Call::Discard => throughput.sent_bytes_per_s,
        _ => throughput.received_bytes_per_s,
    };
    Summary {
        ok: done && errors == 0,
        messages_per_s: throughput.messages_per_s,
        bytes_per_s: known.then_some(bytes),
        throughput_error_percent: throughput.interval.as_ref().map(|interval| interval.percent),
        latency_us: totals.latency_of(&totals.sum).summary(),
        errors,
        generator_limited: report.generator.limited,
    }
}

fn outcome(totals: &Totals, report: &Report) -> Outcome {
    let not_steady =
        report.findings.iter().any(|finding| matches!(finding, Finding::NotSteady { .. }));
    if report.error.is_some() {
        Outcome::Failed
    } else if totals.interrupted {
        Outcome::Interrupted
    } else if report.summary.errors > 0 {
        Outcome::Errors
    } else if not_steady || !report.summary.ok {
        // Without an error only what was never measured, or never ended, is not right.
        Outcome::NotProved
    } else {
        Outcome::Ok
    }
}

fn throughput(totals: &Totals, intervals: &[Interval]) -> Throughput {
    let seconds = totals.measured_s;
    let messages = totals.messages();
    let has_messages = totals.plan.call != Call::Chargen && seconds > 0.0;
    let (requested_per_s, backlog) = match totals.plan.pace {
        Pace::Closed => (None, None),
        Pace::Open { rate_per_s, .. } => (Some(finite(rate_per_s)), Some(totals.ending.backlog)),
    };
    Throughput {
        seconds,
        messages,
        messages_per_s: has_messages.then(|| per_second(messages, seconds)),
        sent_bytes_per_s: per_second(totals.window.sent_bytes, seconds),
        received_bytes_per_s: per_second(totals.window.received_bytes, seconds),
        interval: interval(totals, intervals),
        requested_per_s,
        backlog,
    }
}

/// From the runs where there are several, else from the parts of the one.
fn interval(totals: &Totals, intervals: &[Interval]) -> Option<ConfidenceInterval> {
    let whole_runs = totals.whole_runs();
    if whole_runs >= 2 {
        return totals.interval_of_runs(u32::try_from(whole_runs).ok()?);
    }
    let measured = intervals.iter().filter(|interval| !interval.warm_up);
    let stretches: Vec<Part> = measured.map(|interval| stretch(totals, interval)).collect();
    interval_of_run(&stretches)
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more digits than a float has")]
fn stretch(totals: &Totals, interval: &Interval) -> Part {
    let amount = match totals.plan.call {
        Call::Chargen => interval.received_bytes,
        Call::Discard => interval.sent,
        _ => interval.answered,
    };
    Part { seconds: interval.seconds, amount: amount as f64 }
}

fn reconciliation(totals: &Totals) -> Reconciliation {
    let counts = &totals.sum.counts;
    Reconciliation {
        sent: counts.sent,
        answered: counts.answered,
        wrong: counts.wrong,
        lost: counts.lost,
        in_flight: totals.ending.in_flight,
        duplicates: counts.duplicates,
        out_of_order: counts.out_of_order,
        late: counts.late,
        unexpected_bytes: counts.unexpected_bytes,
        balanced: counts.is_balanced(totals.ending.in_flight),
    }
}

fn connections(totals: &Totals) -> Connections {
    let reasons = |by_reason: &std::collections::BTreeMap<String, u64>| {
        let mut reasons: Vec<_> = by_reason
            .iter()
            .map(|(reason, count)| CountedReason { reason: reason.clone(), count: *count })
            .collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.count));
        reasons
    };
    let fairness = &totals.ending.answered_per_connection;
    Connections {
        opened: totals.sum.connections_opened,
        failed: reasons(&totals.sum.failed),
        ended_early: reasons(&totals.sum.ended_early),
        open_at_end: totals.threads.iter().map(|thread| thread.open).sum(),
        source_addresses: count_of(totals.ending.source_addresses.len()),
        fairness: fairness.index(),
        answered_min: fairness.min,
        answered_max: fairness.max,
    }
}

fn generator(totals: &Totals) -> Generator {
    let ending = &totals.ending;
    let busy = ending.threads.iter().map(|thread| share(thread.processor_s, thread.seconds));
    let delayed: Option<Vec<f64>> = ending
        .threads
        .iter()
        .map(|thread| thread.delayed_s.map(|delayed| share(delayed, thread.seconds)))
        .collect();
    let slip = totals.is_open_loop().then(|| totals.sum.own_slip.percentile_us(99.0)).flatten();
    Generator {
        threads: count_of(totals.threads.len()),
        processes: totals.plan.processes,
        thread_busy: busy.collect(),
        thread_delayed: delayed.unwrap_or_default(),
        processor_us_per_message: processor_us_per_message(totals),
        own_slip_p99_us: slip,
        own_backlog: totals.is_open_loop().then_some(ending.own_backlog),
        descriptors: ending.descriptors,
        descriptors_max: ending.descriptors_max,
        ports: ending.ports,
        ports_max: ending.ports_max,
        receive_drops: ending.receive_drops,
        limited: false,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more digits than a float has")]
fn processor_us_per_message(totals: &Totals) -> Option<f64> {
    let processor_s: f64 = totals.ending.threads.iter().map(|thread| thread.processor_s).sum();
    let messages = messages_in(&totals.window, &totals.plan.call);
    let known = messages > 0 && !totals.ending.threads.is_empty();
    known.then(|| finite(processor_s * 1e6 / messages as f64))
}

fn share(part_s: f64, whole_s: f64) -> f64 {
    if whole_s > 0.0 { finite(part_s / whole_s) } else { 0.0 }
}

fn count_of(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// JSON has no word for what is not a number; a division by nothing says nothing.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

fn finite_server(server: ServerUse) -> ServerUse {
    let known = |value: Option<f64>| value.filter(|value| value.is_finite());
    ServerUse {
        busy: finite(server.busy),
        busiest_thread: known(server.busiest_thread),
        user_us_per_message: known(server.user_us_per_message),
        system_us_per_message: known(server.system_us_per_message),
        memory_bytes_per_connection: known(server.memory_bytes_per_connection),
        memory_bytes_per_message: known(server.memory_bytes_per_message),
        ..server
    }
}
