//! The report as text, for people: what was done, the verdict, and then the figures it rests on.
//!
//! A figure that was not measured is left out; one that rests on too little says so.

use colok::load::plan::{Call, Length, Pace, Plan, Sizes};
use colok::load::report::{Latency, Reconciliation, Report};

use super::figures::{
    bytes_between, bytes_per_second, count, many, many_between, percent, percentile, time,
};
use super::paper::{Paper, Tone};
use super::verdict;
use crate::messages::{Id, Messages};
use crate::say;
use crate::units::{duration_text, size_text};

/// Fewer samples beyond a percentile say little about it.
const BEYOND_MIN: u64 = 10;

/// An interval of confidence that begins at zero or below says nothing.
const UNSURE_PERCENT: f64 = 100.0;

/// The whole report.
pub(super) fn write(mut paper: Paper, report: &Report, messages: &Messages) -> String {
    paper.title(&done(&report.plan, messages));
    verdict::write(&mut paper, report, messages);
    paper.gap();
    throughput(&mut paper, report, messages);
    latencies(&mut paper, report, messages);
    reconciliation(&mut paper, report, messages);
    connections(&mut paper, report, messages);
    generator(&mut paper, report, messages);
    server(&mut paper, report, messages);
    paper.section(&messages.text(Id::ReportRepeat));
    let words: Vec<String> = report.command.iter().map(|word| quoted(word)).collect();
    paper.command(&words, Tone::Dim);
    paper.into_text()
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// What was done, in one sentence.
pub(super) fn done(plan: &Plan, messages: &Messages) -> String {
    let service = match &plan.call {
        Call::Echo => "echo".to_owned(),
        Call::Count { .. } => "count".to_owned(),
        Call::Discard => "discard".to_owned(),
        Call::Chargen => "chargen".to_owned(),
        Call::Files => "files".to_owned(),
        Call::Custom { send, .. } => format!("--send {}", quoted(send)),
    };
    let mut parts = vec![connections_of(plan, messages)];
    if plan.call != Call::Chargen {
        parts.push(sizes_of(plan, messages));
        parts.push(pace_of(plan, messages));
    }
    if let Some(most) = plan.messages_per_connection {
        parts.push(say!(
            messages,
            Id::DoneReconnect,
            count = i64::try_from(most).unwrap_or(i64::MAX)
        ));
    }
    parts.push(length_of(plan, messages));
    format!("{service} {} {}: {}", messages.text(Id::DoneAt), plan.url, parts.join(", "))
}

fn connections_of(plan: &Plan, messages: &Messages) -> String {
    let all = i64::from(plan.connections);
    if plan.active == plan.connections {
        return say!(messages, Id::DoneConnections, count = all);
    }
    let active = count(u64::from(plan.active));
    say!(messages, Id::DoneActive, all = count(u64::from(plan.connections)), active = active)
}

fn sizes_of(plan: &Plan, messages: &Messages) -> String {
    let size = |bytes: u32| size_text(u64::from(bytes));
    match &plan.sizes {
        Sizes::Fixed(bytes) => say!(messages, Id::DoneSize, size = size(*bytes)),
        Sizes::Uniform(first, last) => {
            say!(messages, Id::DoneSizes, first = size(*first), last = size(*last))
        }
        Sizes::Weighted(sizes) => {
            let all = sizes.iter().map(|(bytes, _)| *bytes);
            let (first, last) = (all.clone().min().unwrap_or(0), all.max().unwrap_or(0));
            say!(messages, Id::DoneSizes, first = size(first), last = size(last))
        }
    }
}

fn pace_of(plan: &Plan, messages: &Messages) -> String {
    match plan.pace {
        Pace::Closed if plan.call == Call::Discard => messages.text(Id::DoneTaken),
        Pace::Closed => say!(messages, Id::DoneClosed, depth = i64::from(plan.depth)),
        Pace::Open { rate_per_s, .. } => {
            say!(messages, Id::DoneOpen, rate = many(rate_per_s))
        }
    }
}

fn length_of(plan: &Plan, messages: &Messages) -> String {
    let length = match plan.length {
        Length::For(time) => duration_text(time),
        Length::Messages(most) => say!(messages, Id::DoneMessages, count = count(most)),
    };
    let length = match &plan.until {
        Some(until) => {
            say!(messages, Id::DoneUntil, percent = percent(until.percent), each = length)
        }
        None => length,
    };
    if plan.warm_up_s.is_zero() {
        return length;
    }
    say!(messages, Id::DoneWarmUp, length = length, time = duration_text(plan.warm_up_s))
}

fn throughput(paper: &mut Paper, report: &Report, messages: &Messages) {
    let figures = &report.throughput;
    let there = bytes_per_second(figures.sent_bytes_per_s);
    let back = bytes_per_second(figures.received_bytes_per_s);
    let bytes = say!(messages, Id::ThroughputBytes, there = there, back = back);
    paper.section(&messages.text(Id::ReportThroughput));
    if figures.seconds <= 0.0 {
        paper.line(&messages.text(Id::ThroughputNothing), Tone::Plain);
        return;
    }
    match figures.messages_per_s {
        Some(rate) => {
            let rate = say!(messages, Id::ThroughputMessages, rate = many(rate));
            paper.line(&format!("{rate}; {bytes}"), Tone::Plain);
        }
        None => paper.line(&bytes, Tone::Plain),
    }
    let Some(interval) = figures.interval.as_ref().filter(|it| it.mean > 0.0) else { return };
    if interval.percent >= UNSURE_PERCENT {
        paper.line(&messages.text(Id::ThroughputUnsure), Tone::Plain);
        return;
    }
    let id = if interval.of == "runs" { Id::ThroughputRuns } else { Id::ThroughputParts };
    // Without messages the throughput is that of bytes.
    let ends = if figures.messages_per_s.is_some() { many_between } else { bytes_between };
    let (low, high) =
        ends((interval.mean - interval.half_width).max(0.0), interval.mean + interval.half_width);
    let sure = say!(
        messages,
        id,
        percent = percent(interval.percent),
        low = low,
        high = high,
        samples = interval.samples.to_string()
    );
    paper.line(&sure, Tone::Plain);
}

/// Service and response times side by side.
fn latencies(paper: &mut Paper, report: &Report, messages: &Messages) {
    let Some(service) = &report.service_time else { return };
    let mut columns = vec![(messages.text(Id::ColumnService), service)];
    if let Some(response) = &report.response_time {
        columns.push((messages.text(Id::ColumnResponse), response));
    }
    paper.section(&messages.text(Id::ReportLatency));
    let beyond = messages.text(Id::ColumnBeyond);
    let width = beyond.chars().count().max(9);
    let heads: Vec<String> = columns.iter().map(|(head, _)| format!("  {head:>13}")).collect();
    let heads = heads.concat();
    paper.row(&format!("{:<8}{heads}  {beyond:>width$}", ""), Tone::Dim);
    let row = |name: &str, value: &dyn Fn(&Latency) -> f64| {
        let values = columns.iter().map(|(_, it)| format!("  {:>13}", time(value(it))));
        format!("{name:<8}{}", values.collect::<String>())
    };
    paper.row(&row(&messages.text(Id::RowMin), &|it| it.min_us), Tone::Plain);
    for (index, at) in service.percentiles.iter().enumerate() {
        let value = |it: &Latency| it.percentiles.get(index).map_or(f64::NAN, |at| at.us);
        let beyond = count(at.samples_beyond);
        let row = format!("{}  {beyond:>width$}", row(&percentile(at.percentile), &value));
        if at.samples_beyond < BEYOND_MIN {
            let few = messages.text(Id::ReportFew);
            paper.row(&format!("{row}  {few}"), Tone::Dim);
        } else {
            paper.row(&row, Tone::Plain);
        }
    }
    paper.row(&row(&messages.text(Id::RowMax), &|it| it.max_us), Tone::Plain);
    paper.row(&row(&messages.text(Id::RowMean), &|it| it.mean_us), Tone::Plain);
    if report.response_time.is_some() {
        paper.line(&messages.text(Id::MeaningService), Tone::Dim);
        paper.line(&messages.text(Id::MeaningResponse), Tone::Dim);
    } else {
        paper.line(&messages.text(Id::MeaningClosed), Tone::Dim);
    }
    if service.percentiles.iter().any(|at| at.samples_beyond < BEYOND_MIN) {
        paper.line(&messages.text(Id::MeaningFew), Tone::Dim);
    }
}

fn reconciliation(paper: &mut Paper, report: &Report, messages: &Messages) {
    let sums: &Reconciliation = &report.reconciliation;
    if report.plan.call == Call::Chargen {
        return;
    }
    paper.section(&messages.text(Id::ReportMessages));
    // Nobody answers there.
    let taken = report.plan.call == Call::Discard;
    let sum = say!(
        messages,
        if taken { Id::ReconciliationTaken } else { Id::Reconciliation },
        sent = count(sums.sent),
        answered = count(sums.answered),
        flight = count(sums.in_flight),
        lost = count(sums.lost),
        wrong = count(sums.wrong)
    );
    let tone = if sums.wrong + sums.lost > 0 { Tone::Alarm } else { Tone::Plain };
    paper.line(&sum, tone);
    let besides = [
        (sums.duplicates, Id::CountDuplicates),
        (sums.out_of_order, Id::CountOutOfOrder),
        (sums.late, Id::CountLate),
        (sums.unexpected_bytes, Id::CountUnexpected),
    ];
    let there = besides.iter().filter(|(number, _)| *number > 0);
    let list: Vec<String> =
        there.map(|(number, id)| say!(messages, *id, count = count(*number))).collect();
    if !list.is_empty() {
        let list = list.join(", ");
        paper.line(&say!(messages, Id::ReconciliationBesides, list = list), Tone::Plain);
    }
    if !sums.balanced {
        paper.line(&messages.text(Id::ReconciliationFault), Tone::Alarm);
    }
}

fn connections(paper: &mut Paper, report: &Report, messages: &Messages) {
    let there = &report.connections;
    paper.section(&messages.text(Id::ReportConnections));
    let mut parts = vec![say!(messages, Id::ConnectionsOpened, count = count(there.opened))];
    if let Some(times) = &report.connect_time {
        let half = times.percentiles.iter().find(|at| (at.percentile - 50.0).abs() < 1e-9);
        parts.push(say!(
            messages,
            Id::ConnectionsTime,
            half = time(half.map_or(times.mean_us, |at| at.us)),
            max = time(times.max_us)
        ));
    }
    if there.source_addresses > 1 {
        let sources = count(u64::from(there.source_addresses));
        parts.push(say!(messages, Id::ConnectionsSources, count = sources));
    }
    paper.line(&parts.join(", "), Tone::Plain);
    let spread = (there.answered_min, there.answered_max, there.fairness);
    if let (Some(least), Some(most), Some(fairness)) = spread
        && report.plan.active > 1
        && report.plan.messages_per_connection.is_none()
    {
        let fairness = format!("{fairness:.3}");
        let (least, most) = (count(least), count(most));
        let taken = report.plan.call == Call::Discard;
        let id = if taken { Id::ConnectionsSpreadTaken } else { Id::ConnectionsSpread };
        let spread = say!(messages, id, least = least, most = most, even = fairness);
        paper.line(&spread, Tone::Plain);
    }
}

fn generator(paper: &mut Paper, report: &Report, messages: &Messages) {
    let used = &report.generator;
    paper.section(&messages.text(Id::ReportGenerator));
    let mut parts = vec![say!(messages, Id::GeneratorThreads, threads = i64::from(used.threads))];
    if used.processes > 1 {
        let processes = used.processes.to_string();
        parts.push(say!(messages, Id::GeneratorProcesses, processes = processes));
    }
    let measured = report.throughput.seconds > 0.0;
    let busiest = used.thread_busy.iter().copied().reduce(f64::max).filter(|_| measured);
    if let Some(busy) = busiest {
        parts.push(say!(messages, Id::GeneratorBusy, share = percent(busy * 100.0)));
    }
    if let Some(us) = used.processor_us_per_message {
        parts.push(say!(messages, Id::GeneratorCost, time = time(us)));
    }
    if let Some(slip) = used.own_slip_p99_us {
        parts.push(say!(messages, Id::GeneratorSlip, time = time(slip)));
    }
    parts.push(format!("io {}", report.io));
    paper.line(&parts.join(", "), Tone::Plain);
}

fn server(paper: &mut Paper, report: &Report, messages: &Messages) {
    let Some(used) = &report.server else { return };
    paper.section(&messages.text(Id::ReportServer));
    let name = colok::observe::printable(used.name.as_bytes());
    let mut parts = vec![say!(
        messages,
        Id::ServerBusy,
        name = name,
        pid = used.pid.to_string(),
        share = percent(used.busy * 100.0)
    )];
    if let (Some(user), Some(system)) = (used.user_us_per_message, used.system_us_per_message) {
        parts.push(say!(
            messages,
            Id::ServerCost,
            all = time(user + system),
            user = time(user),
            system = time(system)
        ));
    }
    let memory = size_text(used.memory_kib.saturating_mul(1024));
    parts.push(say!(messages, Id::ServerMemory, size = memory));
    // A server that has room for them already does not grow.
    if let Some(bytes) = used.memory_bytes_per_connection.filter(|bytes| *bytes >= 1.0) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "memory that shrank is 0 more; a size is far below 2^64"
        )]
        let size = size_text(bytes.max(0.0) as u64);
        parts.push(say!(messages, Id::ServerMemoryEach, size = size));
    }
    paper.line(&parts.join(", "), Tone::Plain);
}

#[cfg(test)]
mod tests;
