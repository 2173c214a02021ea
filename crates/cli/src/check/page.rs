//! The record of a run as one HTML page that opens from disk: no network, no script; light and
//! dark, on a screen, a telephone and on paper.
//!
//! First what failed, then everything that ran, then the proof: for each case a timeline, every
//! expectation with what was seen, the faults with what proves them, the accounts of both ends, and
//! what each program wrote. It judges nothing, and links to the files of evidence beside it.

mod case;
mod matrix;
#[cfg(test)]
mod tests;
mod timeline;

use std::io;
use std::path::Path;

use colok::scenario::evidence;
use colok::scenario::record::{Case, Run, Verdict};

use crate::html::{Html, STYLE};
use crate::messages::{Id, Messages};
use crate::say;
use crate::units::rfc3339;

use super::summary::{Alike, alike, skip_reasons};
use super::words::{clipped, seconds, verdict_word};

/// What is special to this page; the rest of its look is that of every page.
const LOOK: &str = include_str!("page/style.css");

/// Longer reasons are told in full by the case itself.
const REASON_MAX: usize = 160;
/// Longer values that are compared are told in full by the case itself.
const COMPARED_MAX: usize = 400;

/// A page of this size is large enough: further transcripts are left to the files of evidence.
const PAGE_MAX: usize = 3 << 19;

/// Writes the page.
pub(super) fn write(run: &Run, messages: &Messages, path: &Path) -> io::Result<()> {
    std::fs::write(path, html(run, messages))
}

/// The whole page.
pub(super) fn html(run: &Run, messages: &Messages) -> String {
    let mut page = Html::default();
    let charts = colok_chart::stylesheet();
    let title = headline(run, messages);
    page.start(
        &messages.text(Id::PageLanguage),
        &format!("colok check: {title}"),
        &[&charts, STYLE, LOOK],
    );
    page.markup("<main>\n<header>");
    page.text("p class=\"tool\"", &format!("{} · {}", run.tool, started(run)));
    page.text("h1", &title);
    page.markup("</header>");
    standing(&mut page, run, messages);
    tiles(&mut page, run, messages);
    troubles(&mut page, run, messages);
    matrix::write(&mut page, run, messages);
    skipped(&mut page, run, messages);
    page.markup("<section>");
    page.text("h2", &messages.text(Id::CheckPageCases));
    page.text("p class=\"about\"", &messages.text(Id::CheckPageCasesAbout));
    for case in &run.cases {
        let brief = page.len() > PAGE_MAX;
        case::write(&mut page, case, brief, messages);
    }
    page.markup("</section>");
    facts(&mut page, run, messages);
    files(&mut page, run, messages);
    page.markup("</main>\n</body>\n</html>");
    page.into_text()
}

/// What came of it, as the heading.
fn headline(run: &Run, messages: &Messages) -> String {
    let totals = &run.totals;
    let not_passed = totals.fail + totals.invalid + totals.unknown;
    let ran = not_passed + totals.pass;
    match (not_passed, ran) {
        (_, 0) => messages.text(Id::CheckPageNothing),
        (0, _) => say!(messages, Id::CheckPageAllPassed, count = ran),
        _ => say!(messages, Id::CheckPageSomeFailed, count = not_passed, all = ran),
    }
}

/// One sentence that says whether the run can be relied on.
fn standing(page: &mut Html, run: &Run, messages: &Messages) {
    use colok::scenario::record::Outcome;
    let totals = &run.totals;
    let (tag, id) = match run.outcome {
        Outcome::Killed => ("p class=\"verdict doubt\"", Id::CheckPageKilled),
        Outcome::Interrupted => ("p class=\"verdict doubt\"", Id::CheckPageInterrupted),
        Outcome::Complete if totals.fail > 0 => ("p class=\"verdict bad\"", Id::CheckPageFail),
        Outcome::Complete if totals.invalid + totals.unknown > 0 => {
            ("p class=\"verdict doubt\"", Id::CheckPageDoubt)
        }
        Outcome::Complete if totals.skipped > 0 => ("p class=\"verdict\"", Id::CheckPageSkips),
        Outcome::Complete => ("p class=\"verdict\"", Id::CheckPagePass),
    };
    page.text(tag, &messages.text(id));
}

/// How many of each verdict, and how many wrong forms of expectations failed as they must.
fn tiles(page: &mut Html, run: &Run, messages: &Messages) {
    let totals = &run.totals;
    page.markup("<div class=\"tiles\">");
    for (verdict, count) in [
        (Verdict::Pass, totals.pass),
        (Verdict::Fail, totals.fail),
        (Verdict::Invalid, totals.invalid),
        (Verdict::Unknown, totals.unknown),
        (Verdict::Skipped, totals.skipped),
    ] {
        if count == 0 && verdict != Verdict::Pass && verdict != Verdict::Fail {
            continue;
        }
        page.markup("<div class=\"tile\">");
        let bad = count > 0 && verdict == Verdict::Fail;
        page.text(
            if bad { "p class=\"value fail\"" } else { "p class=\"value\"" },
            &count.to_string(),
        );
        page.text("p class=\"name\"", &verdict_word(verdict, messages));
        page.markup("</div>");
    }
    let checks = || run.cases.iter().flat_map(|case| &case.checks);
    let tried: u32 = checks().map(|check| check.mutations.tried).sum();
    let expectations = u32::try_from(checks().count()).unwrap_or(u32::MAX);
    tile(
        page,
        &expectations.to_string(),
        &say!(messages, Id::CheckPageExpectations, tried = tried),
    );
    let faults = || run.cases.iter().flat_map(|case| &case.faults);
    let proved = faults().filter(|fault| fault.proved).count();
    if faults().count() > 0 {
        let value = format!("{proved} / {}", faults().count());
        tile(page, &value, &messages.text(Id::CheckPageFaultsProved));
    }
    page.markup("</div>");
}

fn tile(page: &mut Html, value: &str, name: &str) {
    page.markup("<div class=\"tile\">");
    page.text("p class=\"value\"", value);
    page.text("p class=\"name\"", name);
    page.markup("</div>");
}

/// What did not pass, with the first things that a reader asks about each.
fn troubles(page: &mut Html, run: &Run, messages: &Messages) {
    /// More than these at once are told by the table below.
    const TROUBLES_MAX: usize = 12;
    let troubles = alike(run, messages);
    if troubles.is_empty() {
        return;
    }
    page.markup("<section>");
    page.text("h2", &messages.text(Id::CheckPageTroubles));
    for alike in troubles.iter().take(TROUBLES_MAX) {
        trouble(page, alike, messages);
    }
    if let Some(more @ 1..) = troubles.len().checked_sub(TROUBLES_MAX) {
        page.text("p class=\"soft\"", &say!(messages, Id::CheckPageMore, count = more));
    }
    page.markup("</section>");
}

/// Cases that did not pass for the same reasons: what was expected and seen, where that is written,
/// and where the evidence is.
fn trouble(page: &mut Html, alike: &Alike<'_>, messages: &Messages) {
    /// More pieces than these are told by the case itself.
    const PIECES_MAX: usize = 3;
    let case = alike.first;
    let bad = case.verdict == Verdict::Fail;
    page.markup(if bad { "<div class=\"finding bad\">" } else { "<div class=\"finding\">" });
    page.markup("<p class=\"what\">");
    mark(page, case.verdict, messages);
    for case in std::iter::once(&case).chain(&alike.others) {
        page.link(&anchor(case), &case.id);
        page.markup(" ");
    }
    page.markup("</p>");
    page.text("p class=\"soft\"", &case.title);
    if alike.troubles.is_empty() {
        page.text("p", &clipped(&case.reason, REASON_MAX));
    }
    for piece in alike.troubles.iter().take(PIECES_MAX) {
        page.text("p class=\"piece\"", &piece.what);
        let place = (messages.text(Id::CheckPagePlace), piece.place.clone());
        compared(page, piece.seen.iter().chain([&place]));
    }
    if let Some(more @ 1..) = alike.troubles.len().checked_sub(PIECES_MAX) {
        page.text("p class=\"soft\"", &say!(messages, Id::CheckPageMore, count = more));
    }
    evidence_of(page, case, messages);
    page.markup("</div>");
}

/// A link to the folder of a case, beside the page.
fn evidence_of(page: &mut Html, case: &Case, messages: &Messages) {
    let folder = format!("cases/{}/", evidence::file_name(&case.id));
    page.markup("<p class=\"about\">");
    page.text("span", &messages.text(Id::CheckEvidence));
    page.link(&folder, &folder);
    page.markup("</p>");
}

/// What was not run, and why.
fn skipped(page: &mut Html, run: &Run, messages: &Messages) {
    let reasons = skip_reasons(&run.cases);
    if reasons.is_empty() {
        return;
    }
    page.markup("<section>");
    page.text("h2", &messages.text(Id::CheckNotRun));
    for (reason, names) in reasons {
        page.text("p class=\"piece\"", reason);
        page.text("p class=\"soft\"", &names.join(", "));
    }
    page.markup("</section>");
}

/// Names and values that are to be compared.
fn compared<'a>(page: &mut Html, rows: impl Iterator<Item = &'a (String, String)>) {
    page.markup("<dl class=\"comparison\">");
    for (name, value) in rows {
        page.text("dt", name);
        page.text("dd class=\"pre\"", &clipped(value, COMPARED_MAX));
    }
    page.markup("</dl>");
}

/// Where and how it ran, and how to do it again.
fn facts(page: &mut Html, run: &Run, messages: &Messages) {
    let machine = &run.machine;
    let rights = if machine.root { Id::CheckPageRoot } else { Id::CheckPageUser };
    let rows = [
        (Id::CheckPageMachine, machine.name.clone()),
        (Id::CheckPageKernel, machine.kernel.clone()),
        (Id::CheckPageProcessors, machine.processors.to_string()),
        (Id::CheckPageRights, messages.text(rights)),
        (Id::CheckPageDuration, seconds(run.duration_s)),
        (Id::CheckPageSeed, run.seed.to_string()),
        (Id::CheckPageCommand, run.command.join(" ")),
    ];
    let rows = rows.map(|(id, value)| (messages.text(id), value));
    page.facts(&messages.text(Id::CheckPageRun), &rows);
}

/// Every file beside the page.
fn files(page: &mut Html, run: &Run, messages: &Messages) {
    /// A list longer than this is in `run.json`.
    const FILES_MAX: usize = 2000;
    if run.evidence.is_empty() {
        return;
    }
    page.markup("<details>");
    page.text("summary", &say!(messages, Id::CheckPageEvidence, count = run.evidence.len()));
    page.text("p class=\"about\"", &messages.text(Id::CheckPageEvidenceAbout));
    page.markup("<div class=\"scroll\"><table class=\"files\">");
    for file in run.evidence.iter().take(FILES_MAX) {
        page.markup("<tr><td>");
        page.link(&file.path, &file.path);
        page.markup("</td>");
        page.text("td class=\"number\"", &file.bytes.to_string());
        page.text("td class=\"hash\"", &file.sha256);
        page.markup("</tr>");
    }
    page.markup("</table></div>\n</details>");
}

/// The verdict as a coloured sign and a word; the sign alone would say nothing to some.
fn mark(page: &mut Html, verdict: Verdict, messages: &Messages) {
    let tag = match verdict {
        Verdict::Pass => "span class=\"mark pass\"",
        Verdict::Fail => "span class=\"mark fail\"",
        Verdict::Invalid => "span class=\"mark invalid\"",
        Verdict::Unknown => "span class=\"mark unknown\"",
        Verdict::Skipped => "span class=\"mark skipped\"",
    };
    page.text(tag, &verdict_word(verdict, messages));
}

/// The place of a case in the page.
fn anchor(case: &Case) -> String {
    format!("#{}", case.id)
}

/// When it started, for people.
fn started(run: &Run) -> String {
    // To the second: nobody reads more of it here.
    let time = rfc3339(run.started_unix_us).replacen('T', " ", 1);
    format!("{} UTC", time.split('.').next().unwrap_or(&time))
}
