//! The matrix: a row for each scenario, a mark for each of its cases, and the hosts that took part.

use std::collections::BTreeSet;

use colok::scenario::record::{Case, Run, Verdict};

use super::anchor;
use crate::check::words::{Group, verdict_word};
use crate::html::Html;
use crate::messages::{Id, Messages};

/// Writes the matrix.
pub(super) fn write(page: &mut Html, run: &Run, messages: &Messages) {
    page.markup("<section>");
    page.text("h2", &messages.text(Id::CheckPageMatrix));
    page.markup("<div class=\"scroll\"><table class=\"matrix\">\n<thead><tr>");
    for id in [Id::CheckPageScenario, Id::CheckPageVerdicts, Id::CheckPageHosts] {
        page.text("th scope=\"col\"", &messages.text(id));
    }
    page.markup("</tr></thead>\n<tbody>");
    for group in Group::all(&run.cases) {
        row(page, &group, messages);
    }
    page.markup("</tbody></table></div>\n</section>");
}

fn row(page: &mut Html, group: &Group<'_>, messages: &Messages) {
    let Some(first) = group.cases.first() else { return };
    page.markup("<tr><td>");
    page.link(&anchor(first), group.scenario);
    page.text("span class=\"title\"", group.title);
    page.markup("</td><td>");
    for case in &group.cases {
        cell(page, case, messages);
    }
    page.markup("</td><td class=\"hosts\">");
    let mut told = BTreeSet::new();
    for host in group.cases.iter().flat_map(|case| &case.hosts) {
        if told.insert(&host.name) {
            page.text("span class=\"host\"", &format!("{} ({})", host.name, host.kind));
        }
    }
    page.markup("</td></tr>");
}

/// A case: its variables, coloured as its verdict; the word too unless it passed.
fn cell(page: &mut Html, case: &Case, messages: &Messages) {
    let values: Vec<&str> = case.variables.values().map(String::as_str).collect();
    let mut text = values.join(" ");
    if case.repetition > 1 {
        text = format!("{text} #{}", case.repetition);
    }
    if text.trim().is_empty() || case.verdict != Verdict::Pass {
        text = format!("{text} {}", verdict_word(case.verdict, messages));
    }
    page.markup(match case.verdict {
        Verdict::Pass => "<span class=\"cell pass\">",
        Verdict::Fail => "<span class=\"cell fail\">",
        Verdict::Invalid => "<span class=\"cell invalid\">",
        Verdict::Unknown => "<span class=\"cell unknown\">",
        Verdict::Skipped => "<span class=\"cell skipped\">",
    });
    page.link(&anchor(case), text.trim());
    page.markup("</span>");
}
