//! The timeline of a case: a lane for each step, with the time it took, and the faults shaded
//! behind.
//!
//! Bars are elements whose place is given in parts of the lane, so they fit every width.

use colok::scenario::record::{Case, StepRecord, Verdict};

use crate::html::Html;
use crate::messages::{Id, Messages};
use crate::say;

/// More lanes than these tell a reader nothing.
const LANES_MAX: usize = 40;

/// Writes the timeline.
pub(super) fn write(page: &mut Html, case: &Case, messages: &Messages) {
    let length = length_s(case);
    if case.steps.is_empty() || length <= 0.0 {
        return;
    }
    page.text("h4", &messages.text(Id::CheckPageTimeline));
    page.markup("<div class=\"timeline\">");
    for step in case.steps.iter().take(LANES_MAX) {
        lane(page, case, step, length, messages);
    }
    scale(page, length);
    page.markup("</div>");
    if let Some(more) = case.steps.len().checked_sub(LANES_MAX).filter(|more| *more > 0) {
        page.text("p class=\"about\"", &say!(messages, Id::CheckPageMoreSteps, count = more));
    }
    if case.faults.iter().any(|fault| fault.start_s.is_some()) {
        page.text("p class=\"about\"", &messages.text(Id::CheckPageShaded));
    }
}

/// When the last step ended.
fn length_s(case: &Case) -> f64 {
    let ends = case.steps.iter().map(|step| step.end_s.unwrap_or(step.start_s));
    ends.fold(case.duration_s, f64::max)
}

fn lane(page: &mut Html, case: &Case, step: &StepRecord, length: f64, messages: &Messages) {
    page.markup("<div class=\"lane\"><span class=\"who\">");
    page.text("b", &step.name);
    page.text("span class=\"soft\"", &step.host);
    page.markup("</span><span class=\"track\">");
    for fault in &case.faults {
        let Some(start) = fault.start_s else { continue };
        let end = fault.end_s.unwrap_or(length);
        let about = format!("{}: {}", fault.place, fault.text);
        page.stretch("shade", start / length, end / length, &about);
    }
    let end = step.end_s.unwrap_or(length);
    let took = say!(
        messages,
        Id::CheckPageFromTo,
        from = format!("{:.2}", step.start_s),
        to = format!("{end:.2}")
    );
    let about = format!("{} {}: {took}", step.action, step.text);
    // A step of no length is seen too.
    let to = (end / length).max(step.start_s / length + 0.004);
    page.stretch(class(case, step), step.start_s / length, to, &about);
    page.markup("</span></div>");
}

/// The colour of a bar: that of the worst of its expectations.
fn class(case: &Case, step: &StepRecord) -> &'static str {
    let base = step.name.split_once('/').map_or(step.name.as_str(), |(base, _)| base);
    let of_step = |name: &str| name == step.name || name == base;
    let checks = || case.checks.iter().filter(|check| of_step(&check.step));
    let has = |verdict| checks().any(|check| check.verdict == verdict);
    match () {
        () if has(Verdict::Fail) => "bar fail",
        () if has(Verdict::Unknown) || step.timed_out => "bar unknown",
        () if matches!(step.action.as_str(), "fault" | "clear") => "bar fault",
        () if checks().next().is_some() => "bar pass",
        () => "bar",
    }
}

/// Seconds under the lanes.
fn scale(page: &mut Html, length: f64) {
    page.markup("<div class=\"lane scale\"><span class=\"who\"></span><span class=\"track\">");
    page.text("span", "0 s");
    page.text("span", &format!("{:.2} s", length / 2.0));
    page.text("span", &format!("{length:.2} s"));
    page.markup("</span></div>");
}
