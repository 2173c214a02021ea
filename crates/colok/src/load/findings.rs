//! What a reader must know before believing the figures, decided from the figures alone.
//!
//! Each rule is one function with its thresholds beside it; the order of [`findings`] is their
//! gravity. A rule says nothing where what it needs was not measured.

use super::plan::{Call, Pace};
use super::report::{CountedReason, Finding, LimitReason, Report};
use super::summary::Processors;

/// A thread this busy has no time left: the rest is the scheduler's rounding.
const BUSY: f64 = 0.95;

/// Waiting so much for a processor shows in the figures.
const DELAYED: f64 = 0.05;

/// A backlog is the generator's own when more than so much of it is.
const OWN_BACKLOG: f64 = 0.5;

/// Messages that leave this late (p99) are late, whatever the latencies are.
const SLIP_US: f64 = 1000.0;

/// So much of the 99th percentile may be the generator's own lateness.
const SLIP_SHARE: f64 = 0.1;

/// A rate this near to what was asked for is reached.
const RATE_REACHED: f64 = 0.98;

/// A p99 with 10 samples beyond it needs so many.
const SAMPLES: u64 = 1000;

/// Processors in use for so much of their time leave little for a neighbour.
const CROWDED: f64 = 0.8;

/// All findings, the gravest first.
pub(super) fn findings(report: &Report, processors: &Processors) -> Vec<Finding> {
    let rate = rate_not_reached(report);
    let mut reasons = limit_reasons(report, processors, rate.is_some());
    if !has_figures(report) {
        reasons.clear();
    }
    // A server that does not keep up and a generator that is busy may come together: both are told.
    // What this side alone did not send says nothing of the rate that can be reached.
    let own_fault = own_backlog(report, true).is_some();
    let limited = (!reasons.is_empty()).then_some(Finding::GeneratorLimited { reasons });
    [
        unreliable(report),
        connections_failed(report),
        limited,
        rate.filter(|_| !own_fault),
        not_steady(report),
        shared_processors(report, processors),
        few_samples(report),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn unreliable(report: &Report) -> Option<Finding> {
    let counts = &report.reconciliation;
    let out_of_order = counts.out_of_order > 0 && report.plan.address.is_stream();
    let errors = counts.wrong + counts.lost + counts.duplicates + counts.unexpected_bytes;
    (errors > 0 || out_of_order).then_some(Finding::Unreliable)
}

fn connections_failed(report: &Report) -> Option<Finding> {
    let connections = &report.connections;
    let whole = connections.failed.is_empty() && connections.ended_early.is_empty();
    (!whole).then_some(Finding::ConnectionsFailed)
}

fn limit_reasons(
    report: &Report,
    processors: &Processors,
    rate_not_reached: bool,
) -> Vec<LimitReason> {
    [
        always_busy(report, processors, rate_not_reached),
        own_backlog(report, rate_not_reached),
        delayed(report),
        slip(report),
        descriptors(report),
        ports(report),
        receive_drops(report),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// In an open loop a busy thread is no limit as long as the rate is reached: it does not sleep
/// when the next message is near.
fn always_busy(
    report: &Report,
    processors: &Processors,
    rate_not_reached: bool,
) -> Option<LimitReason> {
    let busy = most(&report.generator.thread_busy).filter(|_| is_measured(report))?;
    let matters = report.plan.pace == Pace::Closed || rate_not_reached;
    let limited = busy >= BUSY && matters && !server_saturated(report, processors);
    limited.then_some(LimitReason::Processor { busy })
}

/// A server that can do no more is the bottleneck even when the generator is busy too.
fn server_saturated(report: &Report, processors: &Processors) -> bool {
    let Some(server) = &report.server else { return false };
    let usable = processors.server.as_ref().map(Vec::len).filter(|count| *count > 0);
    let all_taken = usable
        .and_then(|count| u32::try_from(count).ok())
        .is_some_and(|count| server.busy >= BUSY * f64::from(count));
    let one_thread = match server.busiest_thread {
        Some(busy) => busy >= BUSY,
        // Threads could not be told apart: a process is taken for a thread.
        None => server.busy >= BUSY * f64::from(server.processes.max(1)),
    };
    all_taken || one_thread
}

fn delayed(report: &Report) -> Option<LimitReason> {
    let share = most(&report.generator.thread_delayed).filter(|_| is_measured(report))?;
    (share >= DELAYED).then_some(LimitReason::Delayed { share })
}

/// Interrupted before, threads may have seen a moment of the measured time: no share of it counts.
fn is_measured(report: &Report) -> bool {
    report.throughput.seconds > 0.0
}

fn slip(report: &Report) -> Option<LimitReason> {
    let p99_us = report.generator.own_slip_p99_us?;
    let response = report.response_time.as_ref()?;
    let response_p99 = response.percentiles.iter().find(|at| (at.percentile - 99.0).abs() < 1e-9);
    let allowed_us = response_p99.map_or(SLIP_US, |at| SLIP_US.max(at.us * SLIP_SHARE));
    (p99_us > allowed_us).then_some(LimitReason::Slip { p99_us })
}

/// Some messages are always due as a run ends: it matters where the rate was missed.
fn own_backlog(report: &Report, rate_not_reached: bool) -> Option<LimitReason> {
    let count = report.generator.own_backlog.filter(|_| rate_not_reached)?;
    let backlog = report.throughput.backlog?;
    (number(count) > OWN_BACKLOG * number(backlog)).then_some(LimitReason::Backlog { count })
}

/// Where nothing came back there are no figures that the generator could have limited.
fn has_figures(report: &Report) -> bool {
    let bytes = report.throughput.received_bytes_per_s > 0.0;
    let some = report.throughput.messages > 0
        || report.service_time.is_some()
        || report.plan.call == Call::Chargen && bytes;
    is_measured(report) && some
}

fn descriptors(report: &Report) -> Option<LimitReason> {
    let limit = report.generator.descriptors_max;
    failed_with(report, &["EMFILE", "ENFILE"]).then_some(LimitReason::Descriptors { limit })
}

fn ports(report: &Report) -> Option<LimitReason> {
    let available = report.generator.ports_max.unwrap_or_default();
    failed_with(report, &["EADDRNOTAVAIL"]).then_some(LimitReason::Ports { available })
}

fn failed_with(report: &Report, reasons: &[&str]) -> bool {
    let known = |failed: &CountedReason| reasons.contains(&failed.reason.as_str());
    report.connections.failed.iter().any(known)
}

fn receive_drops(report: &Report) -> Option<LimitReason> {
    let count = report.generator.receive_drops?;
    (count > 0).then_some(LimitReason::ReceiveDrops { count })
}

/// The rate must be missed over all of the time and over its second half: a service with long
/// reply times has fewer replies only at first, and one that paused catches up.
fn rate_not_reached(report: &Report) -> Option<Finding> {
    let Pace::Open { rate_per_s: requested_per_s, .. } = report.plan.pace else { return None };
    let achieved_per_s = report.throughput.messages_per_s?;
    let misses = report.reconciliation.wrong + report.reconciliation.lost;
    let short = |done: u64, seconds: f64| {
        let due = requested_per_s * seconds;
        // Random arrivals come in numbers that vary by the root of the number.
        seconds > 0.0 && number(done + misses) < RATE_REACHED * due - 3.0 * due.sqrt()
    };
    let (half_done, half_s) = second_half(report);
    let not_reached =
        short(report.throughput.messages, report.throughput.seconds) && short(half_done, half_s);
    not_reached.then(|| Finding::RateNotReached {
        requested_per_s,
        achieved_per_s,
        backlog: report.throughput.backlog.unwrap_or_default(),
    })
}

/// Messages and seconds of the later intervals that measure.
fn second_half(report: &Report) -> (u64, f64) {
    let measured: Vec<_> = report.intervals.iter().filter(|interval| !interval.warm_up).collect();
    let half = &measured[measured.len() / 2..];
    let discard = report.plan.call == Call::Discard;
    let done = half.iter().map(|row| if discard { row.sent } else { row.answered }).sum();
    (done, half.iter().map(|row| row.seconds).sum())
}

fn not_steady(report: &Report) -> Option<Finding> {
    let until = report.plan.until?;
    // Without a measured moment there is nothing to be steady.
    if report.error.is_some() || !is_measured(report) {
        return None;
    }
    let of_runs = report.throughput.interval.as_ref().filter(|interval| interval.of == "runs");
    let reached_percent = of_runs.map(|interval| interval.percent);
    let met = reached_percent.is_some_and(|reached| reached <= until.percent);
    (!met).then(|| Finding::NotSteady {
        wanted_percent: until.percent,
        reached_percent,
        runs: u32::try_from(report.runs.len()).unwrap_or(u32::MAX),
    })
}

/// The same processors, and not enough of them for both.
fn shared_processors(report: &Report, processors: &Processors) -> Option<Finding> {
    if !has_figures(report) {
        return None;
    }
    let own: f64 = report.generator.thread_busy.iter().sum();
    let crowded = if let Some(server) = &processors.server {
        let shared = server.iter().any(|number| processors.own.contains(number));
        let more = server.iter().filter(|number| !processors.own.contains(number)).count();
        let usable = number((processors.own.len() + more) as u64);
        let both = own + report.server.as_ref().map_or(own, |server| server.busy);
        shared && both >= CROWDED * usable
    } else {
        // Where the server runs is not known. When the generator may run everywhere it shares
        // with a server on this machine; that one is taken to be as busy as the generator.
        let here = ["loopback", "unix"].contains(&report.machine.path.as_str());
        let everywhere = processors.own.len() as u64 >= u64::from(report.machine.processors);
        let usable = f64::from(report.machine.processors);
        here && everywhere && usable > 0.0 && own * 2.0 >= CROWDED * usable
    };
    crowded.then_some(Finding::SharedProcessors)
}

fn few_samples(report: &Report) -> Option<Finding> {
    let has_replies = !matches!(report.plan.call, Call::Discard | Call::Chargen);
    let open = report.plan.pace != Pace::Closed;
    let latency = if open { &report.response_time } else { &report.service_time };
    let latency = latency.as_ref().filter(|_| is_measured(report));
    let count = latency.map_or(0, |latency| latency.count);
    // Nothing measured is too little of anything; an error says by itself why that is so.
    let few = if is_measured(report) { has_replies } else { report.error.is_none() };
    let few = few && count < SAMPLES;
    few.then_some(Finding::FewSamples { count })
}

fn most(shares: &[f64]) -> Option<f64> {
    shares.iter().copied().reduce(f64::max)
}

#[expect(clippy::cast_precision_loss, reason = "compared with thresholds of some percent")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
