//! The report as one HTML page that needs nothing else: no network, no script; light and dark, on
//! a screen, a telephone and on paper.
//!
//! Like every way out of a report it judges nothing: what is a finding was found by the library.
//! What was not measured is left out, and figures that rest on too little are grey and say so.

mod charts;

mod tables;
#[cfg(test)]
mod tests;

use std::io::{self, Write as _};
use std::path::Path;
use std::{fs, process};

use colok::load::plan::{Call, Pace};
use colok::load::report::{Finding, Outcome, Report};

use super::failure;
use super::figures::{bytes_per_second, count, many, percent};
use super::text::{done, quoted};
use super::verdict::Told;
use crate::html::{Html, STYLE};
use crate::messages::{Id, Messages};
use crate::say;

/// More JSON than this is not put into the page: its intervals are left out, and it says so.
const EVIDENCE_MAX: usize = 128 * 1024;

/// Writes the page. A file is replaced as a whole or not at all; what is no regular file (a pipe,
/// `/dev/stdout`) is written to.
pub(super) fn write(report: &Report, messages: &Messages, path: &Path) -> io::Result<()> {
    let page = html(report, messages);
    // Also through links: the file that they lead to is the one to replace.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(&path).is_ok_and(|there| !there.is_file()) {
        return fs::OpenOptions::new().write(true).open(&path)?.write_all(page.as_bytes());
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", process::id()));
    let part = path.with_file_name(name);
    let written = fs::write(&part, page).and_then(|()| fs::rename(&part, &path));
    if written.is_err() {
        // What could not be written whole is of no use to anybody.
        let _ = fs::remove_file(&part);
    }
    written
}

/// The whole page.
pub(super) fn html(report: &Report, messages: &Messages) -> String {
    let mut page = Html::default();
    let charts = colok_chart::stylesheet();
    page.start(
        &messages.text(Id::PageLanguage),
        &format!("colok load {}", report.plan.url),
        &[&charts, STYLE],
    );
    page.markup("<main>\n<header>");
    page.text("p class=\"tool\"", &format!("{} · {}", report.tool, started(report)));
    // `echo at URL: …`: what stands before the details is the heading.
    let done = micro(&done(&report.plan, messages));
    let url = &report.plan.url;
    let (before, details) = done.split_once(&format!("{url}: ")).unwrap_or(("", &done));
    page.text("h1", &format!("{before}{url}"));
    page.text("p class=\"soft\"", &sentence(details));
    page.markup("</header>");
    verdict(&mut page, report, messages);
    tiles(&mut page, report, messages);
    findings(&mut page, report, messages);
    charts::curve(&mut page, report, messages);
    tables::percentiles(&mut page, report, messages);
    charts::over_time(&mut page, report, messages);
    tables::write(&mut page, report, messages);
    command(&mut page, report, messages);
    evidence(&mut page, report, messages);
    page.markup("</main>\n</body>\n</html>");
    page.into_text()
}

/// How it ended, in one sentence.
fn verdict(page: &mut Html, report: &Report, messages: &Messages) {
    let (tag, id) = match report.outcome {
        Outcome::Ok if report.findings.is_empty() => ("p class=\"verdict\"", Id::PageOutcomeOk),
        Outcome::Ok => ("p class=\"verdict doubt\"", Id::PageOutcomeDoubt),
        Outcome::Errors => ("p class=\"verdict bad\"", Id::PageOutcomeErrors),
        Outcome::NotProved => ("p class=\"verdict doubt\"", Id::PageOutcomeNotProved),
        Outcome::Interrupted => ("p class=\"verdict doubt\"", Id::PageOutcomeInterrupted),
        Outcome::Failed => ("p class=\"verdict bad\"", Id::PageOutcomeFailed),
    };
    let mut words = messages.text(id);
    if report.outcome == Outcome::Failed {
        let problem = failure::problem(report, messages);
        words = format!("{words} {}", sentence(problem.what()));
    } else if let Some(error) = &report.error {
        words = format!("{words} {}", sentence(error));
    }
    page.text(tag, &words);
}

/// The few figures that most readers came for.
fn tiles(page: &mut Html, report: &Report, messages: &Messages) {
    let summary = &report.summary;
    if report.outcome == Outcome::Failed && summary.errors == 0 {
        return;
    }
    page.markup("<div class=\"tiles\">");
    let error = summary.throughput_error_percent;
    let error = error.map(|error| say!(messages, Id::PageConfidence, percent = percent(error)));
    let error = error.unwrap_or_default();
    match (&report.plan.call, summary.messages_per_s) {
        (Call::Discard, Some(rate)) => tile(page, &many(rate), Id::PageRateTaken, &error, messages),
        (_, Some(rate)) => tile(page, &many(rate), Id::PageRate, &error, messages),
        _ => {}
    }
    if let Some(bytes) = summary.bytes_per_s {
        let (note, discard) = (&error, report.plan.call == Call::Discard);
        let id = if discard { Id::PageBytesTaken } else { Id::PageBytes };
        let note = if summary.messages_per_s.is_none() { note } else { "" };
        tile(page, &bytes_per_second(bytes), id, note, messages);
    }
    if let Some(latency) = &summary.latency_us {
        let note = match report.plan.pace {
            Pace::Open { .. } => messages.text(Id::PageResponse),
            Pace::Closed => messages.text(Id::PageService),
        };
        for (value, id) in [(latency.p50, Id::PageHalfWithin), (latency.p99, Id::PageMostWithin)] {
            match value {
                Some(us) => tile(page, &time(us), id, &note, messages),
                None => tile(page, "–", id, &messages.text(Id::PageTooFew), messages),
            }
        }
        tile(page, &time(latency.max), Id::PageSlowest, &note, messages);
    }
    errors_tile(page, report, messages);
    page.markup("</div>");
}

fn errors_tile(page: &mut Html, report: &Report, messages: &Messages) {
    let errors = report.summary.errors;
    let tag = if errors > 0 { "<div class=\"tile bad\">" } else { "<div class=\"tile\">" };
    page.markup(tag);
    page.text("p class=\"value\"", &count(errors));
    page.text("p class=\"name\"", &messages.text(Id::PageErrors));
    page.markup("</div>");
}

fn tile(page: &mut Html, value: &str, name: Id, note: &str, messages: &Messages) {
    page.markup("<div class=\"tile\">");
    page.text("p class=\"value\"", value);
    page.text("p class=\"name\"", &messages.text(name));
    if !note.is_empty() {
        page.text("p class=\"note soft\"", note);
    }
    page.markup("</div>");
}

/// What a reader must know before believing the figures.
fn findings(page: &mut Html, report: &Report, messages: &Messages) {
    if report.findings.is_empty() {
        return;
    }
    page.markup("<section>");
    page.text("h2", &messages.text(Id::PageFindings));
    for finding in &report.findings {
        let told = Told::of(finding, report, messages);
        let grave = matches!(finding, Finding::Unreliable | Finding::ConnectionsFailed);
        page.markup(if grave { "<div class=\"finding bad\">" } else { "<div class=\"finding\">" });
        page.text("p class=\"what\"", &sentence(&micro(&told.what)));
        for why in &told.why {
            page.text("p", &sentence(&micro(why)));
        }
        if let Some(next) = &told.next {
            let next = format!("{} {next}", messages.text(Id::LabelTry));
            page.text("p class=\"soft\"", &sentence(&micro(&next)));
        }
        page.markup("</div>");
    }
    page.markup("</section>");
}

/// The exact command.
fn command(page: &mut Html, report: &Report, messages: &Messages) {
    let words: Vec<String> = report.command.iter().map(|word| quoted(word)).collect();
    page.markup("<section>");
    page.text("h2", &messages.text(Id::PageCommand));
    page.text("pre", &words.join(" "));
    page.markup("</section>");
}

/// The report itself, so that a page that was passed on can be reckoned with.
fn evidence(page: &mut Html, report: &Report, messages: &Messages) {
    let Ok(mut json) = serde_json::to_string(report) else { return };
    page.markup("<details>");
    page.text("summary", &messages.text(Id::PageEvidence));
    if json.len() > EVIDENCE_MAX {
        let without = Report { intervals: Vec::new(), ..report.clone() };
        json = serde_json::to_string(&without).unwrap_or_default();
        page.text("p class=\"about\"", &messages.text(Id::PageEvidenceCut));
    }
    // Who has no mouse must be able to scroll it.
    page.text("pre id=\"report\" tabindex=\"0\"", &json);
    page.markup("</details>");
}

/// When it started, for people.
fn started(report: &Report) -> String {
    report.started.replacen('T', " ", 1).replacen('Z', " UTC", 1)
}

/// The words with a capital first: other outputs put them behind a label.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    first + letters.as_str()
}

/// A time as the other outputs write it, with the letter that terminals may not have.
fn time(us: f64) -> String {
    micro(&super::figures::time(us))
}

/// Words in which `12 us` has become `12 µs`.
fn micro(words: &str) -> String {
    let mut out = String::with_capacity(words.len() + 4);
    let mut rest = words;
    while let Some(at) = rest.find(" us") {
        let (before, after) = (&rest[..at], &rest[at + 3..]);
        let is_unit = before.ends_with(|end: char| end.is_ascii_digit())
            && !after.starts_with(char::is_alphanumeric);
        out.push_str(before);
        out.push_str(if is_unit { " µs" } else { " us" });
        rest = after;
    }
    out.push_str(rest);
    out
}
