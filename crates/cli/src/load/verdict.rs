//! What a reader must know before believing the figures, in words: the findings of a report.
//!
//! Nothing is judged here; the library found it. A finding says what it means and what to do.

use colok::load::plan::{Call, Length, Pace, Plan};
use colok::load::report::{CountedReason, Finding, LimitReason, Outcome, Reconciliation, Report};

use super::figures::{count, many, percent, time};
use super::paper::{Paper, Tone};
use crate::messages::{Id, Messages};
use crate::problem::errno_text_of_name;
use crate::say;
use crate::units::duration_text;

/// The first lines of a report: was it right, and can the figures be believed.
pub(super) fn write(paper: &mut Paper, report: &Report, messages: &Messages) {
    paper.section(&messages.text(Id::ReportResult));
    if report.outcome == Outcome::Interrupted {
        paper.line(&messages.text(Id::ReportInterrupted), Tone::Alarm);
    }
    if !report.findings.contains(&Finding::Unreliable) {
        let (words, tone) = all_right(report, messages);
        paper.line(&words, tone);
    }
    for finding in &report.findings {
        // That nothing was answered at all has been said.
        let known = measured(report) && report.reconciliation.answered == 0;
        if known && *finding == (Finding::FewSamples { count: 0 }) {
            continue;
        }
        Told::of(finding, report, messages).write(paper, messages);
    }
}

/// Whether the load lasted longer than its warm-up.
fn measured(report: &Report) -> bool {
    report.throughput.seconds > 0.0
}

/// The line of a load in which nothing went wrong.
fn all_right(report: &Report, messages: &Messages) -> (String, Tone) {
    let Reconciliation { answered, sent, .. } = report.reconciliation;
    let messages_sent = count(sent);
    match report.plan.call {
        Call::Chargen if report.throughput.received_bytes_per_s > 0.0 => {
            (messages.text(Id::ReportStreamRight), Tone::Plain)
        }
        Call::Discard if sent > 0 && !report.plan.address.is_stream() => {
            (say!(messages, Id::ReportSent, count = messages_sent), Tone::Plain)
        }
        Call::Discard if sent > 0 => {
            (say!(messages, Id::ReportTaken, count = messages_sent), Tone::Plain)
        }
        _ if answered == 0 => (messages.text(Id::ReportNothing), Tone::Alarm),
        _ => (say!(messages, Id::ReportAllRight, count = count(answered)), Tone::Plain),
    }
}

/// A finding in words.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// What was found.
    pub(super) what: String,
    /// Facts behind it, what it means.
    pub(super) why: Vec<String>,
    /// What to do.
    pub(super) next: Option<String>,
}

impl Told {
    pub(super) fn of(finding: &Finding, report: &Report, messages: &Messages) -> Self {
        let told = |what: String| Self { what, ..Self::default() };
        match finding {
            Finding::GeneratorLimited { reasons } => Self {
                what: messages.text(limited(report, reasons)),
                why: reasons.iter().map(|reason| limit(reason, messages)).collect(),
                next: reasons.first().map(|reason| messages.text(advice(reason))),
            },
            Finding::RateNotReached { requested_per_s, achieved_per_s, backlog } => Self {
                what: say!(
                    messages,
                    Id::FindingRate,
                    requested = many(*requested_per_s),
                    achieved = many(*achieved_per_s)
                ),
                why: vec![say!(messages, Id::FindingRateBacklog, count = count(*backlog))],
                next: Some(messages.text(Id::FindingRateNext)),
            },
            Finding::NotSteady { wanted_percent, reached_percent, runs } => Self {
                what: say!(messages, Id::FindingUnsteady, wanted = percent(*wanted_percent)),
                why: vec![match reached_percent {
                    Some(reached) => say!(
                        messages,
                        Id::FindingUnsteadyReached,
                        reached = percent(*reached),
                        runs = i64::from(*runs)
                    ),
                    None => messages.text(Id::FindingUnsteadyFew),
                }],
                next: Some(messages.text(Id::FindingUnsteadyNext)),
            },
            Finding::Unreliable => unreliable(report, messages),
            Finding::ConnectionsFailed => connections(report, messages),
            Finding::FewSamples { .. } if !measured(report) => Self {
                next: Some(messages.text(Id::FindingNothingNext)),
                ..told(messages.text(Id::FindingNothing))
            },
            Finding::FewSamples { count: samples } => Self {
                next: Some(messages.text(match report.plan.length {
                    Length::For(_) => Id::FindingFewNext,
                    Length::Messages(_) => Id::FindingFewNextMessages,
                })),
                ..told(say!(messages, Id::FindingFew, count = count(*samples)))
            },
            Finding::SharedProcessors => Self {
                next: Some(messages.text(Id::FindingSharedNext)),
                ..told(messages.text(Id::FindingShared))
            },
        }
    }

    fn write(&self, paper: &mut Paper, messages: &Messages) {
        paper.line(&self.what, Tone::Alarm);
        for why in &self.why {
            paper.detail(why, Tone::Plain);
        }
        if let Some(next) = &self.next {
            paper.detail(&format!("{} {next}", messages.text(Id::LabelTry)), Tone::Plain);
        }
    }
}

/// What it means that the generator was slow: an open loop that reached its rate has only times to
/// tell of.
fn limited(report: &Report, reasons: &[LimitReason]) -> Id {
    let missed = |finding: &Finding| matches!(finding, Finding::RateNotReached { .. });
    // With a backlog of its own the generator missed the rate, and the other finding is not there.
    let own = reasons.iter().any(|reason| matches!(reason, LimitReason::Backlog { .. }));
    let reached = !own && !report.findings.iter().any(missed);
    match report.plan.pace {
        Pace::Open { .. } if reached => Id::FindingGeneratorLate,
        _ => Id::FindingGenerator,
    }
}

/// Wrong, lost, doubled, unexpected: how many of each, and what that means.
fn unreliable(report: &Report, messages: &Messages) -> Told {
    let sums = &report.reconciliation;
    // Datagrams may overtake each other.
    let out_of_order = if report.plan.address.is_stream() { sums.out_of_order } else { 0 };
    let counts = [
        (sums.wrong, Id::CountWrong),
        (sums.lost, Id::CountLost),
        (sums.duplicates, Id::CountDuplicates),
        (out_of_order, Id::CountOutOfOrder),
        (sums.unexpected_bytes, Id::CountUnexpected),
    ];
    let there = counts.iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> =
        there.map(|(number, id)| say!(messages, *id, count = count(*number))).collect();
    let mut why = Vec::new();
    if sums.wrong > 0 {
        why.push(messages.text(Id::MeaningWrong));
    }
    if sums.lost > 0 && report.plan.call == Call::Discard {
        why.push(messages.text(Id::MeaningNotTaken));
    } else if sums.lost > 0 {
        let limit = duration_text(report.plan.reply_timeout_s);
        why.push(say!(messages, Id::MeaningLost, time = limit));
    }
    if sums.duplicates > 0 {
        why.push(messages.text(Id::MeaningDuplicates));
    }
    if out_of_order > 0 {
        why.push(messages.text(Id::MeaningOutOfOrder));
    }
    let list = parts.join(", ");
    Told {
        what: say!(messages, Id::FindingUnreliable, list = list),
        why,
        next: other_service(&report.plan, sums, messages),
    }
}

/// Nothing was right: perhaps another service is there.
fn other_service(plan: &Plan, sums: &Reconciliation, messages: &Messages) -> Option<String> {
    let none_right = sums.answered == 0 && sums.wrong + sums.unexpected_bytes > 0;
    (none_right && plan.call == Call::Echo)
        .then(|| say!(messages, Id::OtherService, url = plan.url.as_str()))
}

fn connections(report: &Report, messages: &Messages) -> Told {
    let there = &report.connections;
    let mut why = Vec::new();
    for (reasons, id) in
        [(&there.failed, Id::ConnectionsNotMade), (&there.ended_early, Id::ConnectionsEnded)]
    {
        if !reasons.is_empty() {
            why.push(say!(messages, id, list = reasons_text(reasons, messages)));
        }
    }
    let refused = there.failed.iter().chain(&there.ended_early);
    if report.reconciliation.answered == 0
        && refused.into_iter().any(|it| it.reason == "ECONNREFUSED")
    {
        why.push(messages.text(Id::NothingListens));
    }
    Told { what: messages.text(Id::FindingConnections), why, next: None }
}

/// `12 x ECONNREFUSED (Connection refused), 3 x timeout`
pub(super) fn reasons_text(reasons: &[CountedReason], messages: &Messages) -> String {
    let one = |it: &CountedReason| {
        let text = match it.reason.as_str() {
            "peer-closed" => messages.text(Id::ReasonPeerClosed),
            "timeout" => messages.text(Id::ReasonTimeout),
            name => match errno_text_of_name(name) {
                Some(text) => format!("{name} ({text})"),
                None => name.to_owned(),
            },
        };
        format!("{} x {text}", count(it.count))
    };
    reasons.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A fact that made the generator the bottleneck.
fn limit(reason: &LimitReason, messages: &Messages) -> String {
    match reason {
        LimitReason::Processor { busy } => {
            say!(messages, Id::LimitProcessor, share = percent(busy * 100.0))
        }
        LimitReason::Delayed { share } => {
            say!(messages, Id::LimitDelayed, share = percent(share * 100.0))
        }
        LimitReason::Slip { p99_us } => say!(messages, Id::LimitSlip, time = time(*p99_us)),
        LimitReason::Backlog { count: messages_due } => {
            say!(messages, Id::LimitBacklog, count = count(*messages_due))
        }
        LimitReason::Descriptors { limit } => {
            say!(messages, Id::LimitDescriptors, limit = count(*limit))
        }
        LimitReason::Ports { available } => {
            say!(messages, Id::LimitPorts, available = count(*available))
        }
        LimitReason::ReceiveDrops { count: drops } => {
            say!(messages, Id::LimitDrops, count = count(*drops))
        }
    }
}

fn advice(reason: &LimitReason) -> Id {
    match reason {
        LimitReason::Delayed { .. } | LimitReason::Backlog { .. } => Id::LimitDelayedNext,
        LimitReason::Processor { .. } | LimitReason::Slip { .. } => Id::LimitProcessorNext,
        LimitReason::Descriptors { .. } => Id::LimitDescriptorsNext,
        LimitReason::Ports { .. } => Id::LimitPortsNext,
        LimitReason::ReceiveDrops { .. } => Id::LimitDropsNext,
    }
}
