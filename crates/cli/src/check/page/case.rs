//! A case of a page, folded until it is opened or a link leads to it: everything that was seen of
//! it.

use colok::scenario::record::{Case, Connection, Flow, Latency, Output, StepRecord, Verdict};
use colok_chart::{Axis, LineChart, Point, Scale, Series, Span, Unit};

use super::{mark, timeline};
use crate::check::words::{clipped, harmless, seconds};
use crate::html::Html;
use crate::messages::{Id, Messages};
use crate::say;

/// How much of what a program wrote is in the page; the files of evidence have the rest.
const TEXT_MAX: usize = 1200;
/// The same for a case that did not pass.
const TEXT_MAX_TROUBLE: usize = 8000;
/// Fewer points than these make no plot.
const POINTS_MIN: usize = 5;
/// Longer tables are in `run.json`.
const ROWS_MAX: usize = 60;

/// Writes a case; a brief one leaves transcripts and plots to the files of evidence.
pub(super) fn write(page: &mut Html, case: &Case, brief: bool, messages: &Messages) {
    page.markup("<details class=\"case\">\n<summary>");
    mark(page, case.verdict, messages);
    page.text("b", &case.id);
    page.text("span class=\"soft\"", &seconds(case.duration_s));
    page.markup("</summary>");
    // A browser opens what a link leads into; the element itself would stay folded.
    page.open_with_id("p class=\"at\"", &case.id);
    page.text("span", &case.title);
    page.markup("</p>");
    if !case.source.is_empty() {
        page.text("p class=\"soft\"", &case.source);
    }
    if case.verdict != Verdict::Pass {
        page.text("p class=\"reason\"", &case.reason);
    }
    timeline::write(page, case, messages);
    checks(page, case, messages);
    faults(page, case, messages);
    if !brief {
        latencies(page, case, messages);
    }
    connections(page, case, messages);
    paths(page, case, messages);
    transcripts(page, case, brief, messages);
    if !case.steps.is_empty() {
        super::evidence_of(page, case, messages);
    }
    page.markup("</details>");
}

/// The head of a table.
fn head(page: &mut Html, heading: Id, columns: &[Id], messages: &Messages) {
    page.text("h4", &messages.text(heading));
    page.markup("<div class=\"scroll\"><table class=\"seen\">\n<thead><tr>");
    for id in columns {
        let tag = match id {
            Id::CheckPageMutations
            | Id::CheckPageLine
            | Id::CheckPageMtu
            | Id::CheckPagePackets => "th scope=\"col\" class=\"number\"",
            _ => "th scope=\"col\"",
        };
        page.text(tag, &messages.text(*id));
    }
    page.markup("</tr></thead>\n<tbody>");
}

const TABLE_END: &str = "</tbody></table></div>";

fn checks(page: &mut Html, case: &Case, messages: &Messages) {
    if case.checks.is_empty() {
        return;
    }
    let columns = [
        Id::CheckPageStep,
        Id::CheckPageExpected,
        Id::CheckPageGot,
        Id::CheckPageMutations,
        Id::CheckPageLine,
    ];
    head(page, Id::CheckPageChecks, &columns, messages);
    let limit = if case.verdict == Verdict::Pass { 160 } else { 1000 };
    for check in case.checks.iter().take(ROWS_MAX) {
        page.markup(match check.verdict {
            Verdict::Pass => "<tr>",
            Verdict::Fail => "<tr class=\"fail\">",
            _ => "<tr class=\"unknown\">",
        });
        page.markup("<td>");
        if check.verdict != Verdict::Pass {
            mark(page, check.verdict, messages);
        }
        page.text("b", &check.step);
        page.text("span", &check.key);
        page.markup("</td>");
        page.text("td class=\"pre\"", &clipped(&check.expected, limit));
        page.text("td class=\"pre\"", &clipped(&check.got, limit));
        let mutations = &check.mutations;
        page.text("td class=\"number\"", &format!("{}/{}", mutations.failed, mutations.tried));
        page.text("td class=\"number\"", &check.line.to_string());
        page.markup("</tr>");
    }
    page.markup(TABLE_END);
    if case.checks.len() > ROWS_MAX {
        page.text("p class=\"about\"", &messages.text(Id::CheckPageRest));
    }
}

fn faults(page: &mut Html, case: &Case, messages: &Messages) {
    if case.faults.is_empty() {
        return;
    }
    let columns = [Id::CheckPageFault, Id::CheckPageWhere, Id::CheckPageProved, Id::CheckPageProof];
    head(page, Id::CheckPageFaults, &columns, messages);
    for fault in case.faults.iter().take(ROWS_MAX) {
        page.markup(if fault.proved { "<tr>" } else { "<tr class=\"invalid\">" });
        page.text("td", &fault.text);
        page.text("td", &fault.place);
        let proved = if fault.proved { Id::CheckPageYes } else { Id::CheckPageNo };
        page.text("td", &messages.text(proved));
        let proof = fault.proof.iter().map(|(name, value)| format!("{name} {value}"));
        page.text("td class=\"pre\"", &clipped(&proof.collect::<Vec<_>>().join("\n"), 400));
        page.markup("</tr>");
    }
    page.markup(TABLE_END);
}

/// Times of replies and connections, with the faults shaded.
fn latencies(page: &mut Html, case: &Case, messages: &Messages) {
    let told: Vec<&Latency> =
        case.latencies.iter().filter(|latency| latency.points.len() >= POINTS_MIN).collect();
    if told.is_empty() {
        return;
    }
    let series = told.iter().map(|latency| Series {
        name: format!("{}: {}", latency.step, latency.what),
        points: latency.points.iter().map(|(at, us)| Point::new(*at, us.max(0.001))).collect(),
    });
    let spans = case.faults.iter().filter_map(|fault| {
        let (from, to) = (fault.start_s?, fault.end_s.unwrap_or(case.duration_s));
        Some(Span { from, to, name: fault.text.clone() })
    });
    let chart = LineChart {
        title: messages.text(Id::CheckPageLatency),
        description: messages.text(Id::CheckPageLatencyAbout),
        x: Axis::new(messages.text(Id::CheckPageSeconds), Scale::Linear, Unit::Plain),
        y: Axis::new(messages.text(Id::CheckPageLatencyAxis), Scale::Log, Unit::Microseconds),
        series: series.collect(),
        spans: spans.collect(),
        weak: String::new(),
    };
    if let Err(error) = page.chart(&chart, "") {
        page.text("p class=\"soft\"", &error.to_string());
    }
}

/// The accounts of both ends.
fn connections(page: &mut Html, case: &Case, messages: &Messages) {
    if case.connections.is_empty() {
        return;
    }
    let columns = [
        Id::CheckPageConnection,
        Id::CheckPageUp,
        Id::CheckPageDown,
        Id::CheckPageClosed,
        Id::CheckPageAgrees,
    ];
    head(page, Id::CheckPageConnections, &columns, messages);
    for connection in case.connections.iter().take(ROWS_MAX) {
        let doubt = connection.agrees == Some(false);
        page.markup(if doubt { "<tr class=\"invalid\">" } else { "<tr>" });
        page.text("td", &ends(connection));
        page.text("td", &flow(&connection.up, messages));
        page.text("td", &flow(&connection.down, messages));
        page.text("td", connection.closed.as_deref().unwrap_or("–"));
        page.text(
            "td",
            &match connection.agrees {
                Some(true) => messages.text(Id::CheckPageYes),
                Some(false) => messages.text(Id::CheckPageNo),
                None => "–".to_owned(),
            },
        );
        page.markup("</tr>");
    }
    page.markup(TABLE_END);
    if case.connections.len() > ROWS_MAX {
        page.text("p class=\"about\"", &messages.text(Id::CheckPageRest));
    }
}

fn ends(connection: &Connection) -> String {
    let end = |step: &Option<String>, address: &str| match step {
        Some(step) => format!("{step} {address}"),
        None => address.to_owned(),
    };
    let client = end(&connection.client, &connection.client_address);
    format!("{client} → {}", end(&connection.server, &connection.server_address))
}

/// `sent 10 = received 8 + lost 2, same hash`
fn flow(flow: &Flow, messages: &Messages) -> String {
    let count = |value: Option<u64>| value.map_or_else(|| "?".to_owned(), |it| it.to_string());
    let (sent, received, lost) = (count(flow.sent), count(flow.received), count(flow.lost));
    let mut text = say!(messages, Id::CheckPageFlow, sent = sent, received = received, lost = lost);
    if let (Some(sent), Some(received)) = (&flow.sent_blake3, &flow.received_blake3) {
        let id = if sent == received { Id::CheckPageSameHash } else { Id::CheckPageOtherHash };
        text = format!("{text}, {}", messages.text(id));
    }
    text
}

/// Which way packets went.
fn paths(page: &mut Html, case: &Case, messages: &Messages) {
    if case.paths.is_empty() {
        return;
    }
    let columns =
        [Id::CheckPagePath, Id::CheckPageInterface, Id::CheckPageMtu, Id::CheckPagePackets];
    head(page, Id::CheckPagePaths, &columns, messages);
    for path in case.paths.iter().take(ROWS_MAX) {
        let doubt = path.proved == Some(false);
        page.markup(if doubt { "<tr class=\"invalid\">" } else { "<tr>" });
        let (from, to) = (&path.from, &path.to);
        page.text("td", &format!("{from} ({}) → {to} ({})", path.source, path.address));
        page.text("td", &path.interface);
        page.text("td class=\"number\"", &path.mtu.to_string());
        page.text("td class=\"number\"", &path.packets.to_string());
        page.markup("</tr>");
    }
    page.markup(TABLE_END);
}

/// What each program was told and wrote, folded.
fn transcripts(page: &mut Html, case: &Case, brief: bool, messages: &Messages) {
    if case.steps.is_empty() {
        return;
    }
    page.text("h4", &messages.text(Id::CheckPageTranscripts));
    let limit = if case.verdict == Verdict::Pass { TEXT_MAX } else { TEXT_MAX_TROUBLE };
    let limit = if brief { 0 } else { limit };
    for step in case.steps.iter().take(ROWS_MAX) {
        let silent = step.stdout.bytes + step.stderr.bytes == 0 && step.events.is_none();
        if silent && step.error.is_none() && step.exit.is_none() && step.signal.is_none() {
            continue;
        }
        transcript(page, step, limit, messages);
    }
}

fn transcript(page: &mut Html, step: &StepRecord, limit: usize, messages: &Messages) {
    page.markup("<details class=\"transcript\"><summary>");
    page.text("b", &step.name);
    page.text("code", &clipped(&step.text.replace('\n', " "), 160));
    page.text("span class=\"soft\"", &ending(step, messages));
    page.markup("</summary>");
    if let Some(error) = &step.error {
        page.text("p class=\"reason\"", error);
    }
    output(page, &step.stdout, Id::CheckPageStdout, limit, messages);
    output(page, &step.stderr, Id::CheckPageStderr, limit, messages);
    if let Some(events) = &step.events {
        page.markup("<p class=\"about\">");
        page.link(events, &say!(messages, Id::CheckPageEvents, count = step.event_count));
        page.markup("</p>");
    }
    page.markup("</details>");
}

/// How a program ended, in a few words.
fn ending(step: &StepRecord, messages: &Messages) -> String {
    match (step.exit, &step.signal) {
        (Some(exit), _) => say!(messages, Id::CheckPageExit, code = exit.to_string()),
        (None, Some(signal)) => say!(messages, Id::CheckPageSignal, name = signal.as_str()),
        (None, None) => String::new(),
    }
}

fn output(page: &mut Html, output: &Output, name: Id, limit: usize, messages: &Messages) {
    if output.bytes == 0 {
        return;
    }
    page.markup("<p class=\"about\">");
    let name = messages.text(name);
    let about = say!(messages, Id::CheckPageBytes, name = name, bytes = output.bytes);
    match &output.file {
        Some(file) => page.link(file, &about),
        None => page.text("span", &about),
    }
    page.markup("</p>");
    let text = harmless(&output.text);
    if !text.is_empty() && limit > 0 {
        page.text("pre tabindex=\"0\"", &clipped(&text, limit));
    }
}
