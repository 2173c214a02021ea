//! What a program did: how it ended, what it wrote, how long it took.

use std::time::Duration;

use super::show::{differing, numbers, quoted, times};
use super::{Found, Observed, Output, StepSeen};
use crate::client::Pattern;
use crate::scenario::file::{Numbers, Times};

/// Whether a number is one of these.
pub(super) fn is_among(number: i64, numbers: &Numbers) -> bool {
    numbers.0.iter().any(|&(least, most)| (least..=most).contains(&number))
}

/// A length as scenarios count them.
pub(super) fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

pub(super) fn bytes(step: &StepSeen, output: Output) -> &[u8] {
    match output {
        Output::Stdout => &step.stdout,
        Output::Stderr => &step.stderr,
    }
}

pub(super) fn exit(codes: &Numbers, step: &StepSeen) -> (String, Found) {
    let holds = step.exit.is_some_and(|code| is_among(code.into(), codes));
    (numbers(codes), Found::new(holds, end(step)))
}

pub(super) fn signal(name: &str, step: &StepSeen) -> (String, Found) {
    let bare = |name: &str| name.strip_prefix("SIG").unwrap_or(name).to_ascii_uppercase();
    let holds = step.signal.as_deref().is_some_and(|signal| bare(signal) == bare(name));
    (format!("signal {name}"), Found::new(holds, end(step)))
}

/// How a program ended, in words.
fn end(step: &StepSeen) -> String {
    match (&step.exit, &step.signal, &step.error) {
        (Some(code), ..) => code.to_string(),
        (None, Some(signal), _) => format!("signal {signal}"),
        (None, None, Some(error)) => error.clone(),
        (None, None, None) => "it has not ended".to_owned(),
    }
}

pub(super) fn text(text: &str, bytes: &[u8]) -> (String, Found) {
    let (expected, got) = differing(text.as_bytes(), bytes);
    (expected, Found::new(text.as_bytes() == bytes, got))
}

pub(super) fn like(pattern: &str, bytes: &[u8]) -> (String, Found) {
    let expected = format!("all of it like {}", quoted(pattern.as_bytes()));
    let found = match Pattern::parse(pattern) {
        Ok(pattern) => Found::new(pattern.is_all_of(bytes), quoted(bytes)),
        Err(error) => Found::Fails(error.to_string()),
    };
    (expected, found)
}

pub(super) fn stdout_bytes(expected: &Numbers, step: &StepSeen) -> (String, Found) {
    let got = count(step.stdout.len());
    (format!("{} bytes", numbers(expected)), Found::new(is_among(got, expected), got.to_string()))
}

pub(super) fn message(id: &str, patterns: &[String], step: &StepSeen) -> (String, Found) {
    let forms: Vec<String> = patterns.iter().map(|form| quoted(form.as_bytes())).collect();
    let expected = match forms.as_slice() {
        [] => format!("the message {id}"),
        [first, ..] => format!("the message {id}: {first}"),
    };
    if patterns.is_empty() {
        return (expected, Found::Fails("there is no such message in this language".to_owned()));
    }
    let is_in = |bytes: &[u8]| {
        let mut parsed = patterns.iter().filter_map(|form| Pattern::parse(form).ok());
        parsed.any(|pattern| pattern.is_in(bytes))
    };
    let holds = is_in(&step.stderr) || is_in(&step.stdout);
    let got = match (step.stdout.is_empty(), step.stderr.is_empty()) {
        (true, _) => quoted(&step.stderr),
        (false, true) => quoted(&step.stdout),
        (false, false) => format!("{} and {}", quoted(&step.stdout), quoted(&step.stderr)),
    };
    (expected, Found::new(holds, got))
}

/// A length of time in seconds, to the microsecond, as measured times are.
fn length(from_s: f64, to_s: f64) -> Duration {
    let micros = ((to_s - from_s).max(0.0) * 1e6).round();
    Duration::try_from_secs_f64(micros / 1e6).unwrap_or(Duration::MAX)
}

pub(super) fn time(expected: &Times, step: &StepSeen) -> (String, Found) {
    let until_s = step.end_s.unwrap_or(step.now_s);
    let taken = length(step.start_s, until_s);
    let found = if step.end_s.is_some() {
        let holds = (expected.least..=expected.most).contains(&taken);
        Found::new(holds, format!("{taken:?}"))
    } else if taken > expected.most {
        Found::Fails(format!("not ended after {taken:?}"))
    } else if taken >= expected.least && expected.most == Duration::MAX {
        Found::Holds(format!("not ended after {taken:?}"))
    } else {
        Found::Open(format!("not ended after {taken:?}"))
    };
    (times(expected), found)
}

pub(super) fn after(other: &str, before: bool, observed: &Observed<'_>) -> (String, Found) {
    let name = quoted(other.as_bytes());
    let order = if before { "after" } else { "not after" };
    let expected = format!("ended {order} {name}");
    let Some(own) = observed.step.end_s else {
        return (expected, Found::Fails(end(observed.step)));
    };
    let Some(&end) = observed.ends.get(other) else {
        return (expected, Found::Fails(format!("{name} has not ended")));
    };
    let got = format!("it ended at {own:.6} s, {name} at {end:.6} s");
    (expected, Found::new((end <= own) == before, got))
}
