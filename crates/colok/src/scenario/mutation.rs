//! Wrong forms of expectations: an expectation that cannot fail proves nothing.
//!
//! Whenever an expectation has passed, every wrong form of it is judged on the same evidence, and
//! must fail there. Where there is none (any text will do, any number will do) the expectation
//! stands for itself, passes, and is found out. Each kind has its wrong forms here: one without
//! does not compile.

mod limits;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod texts;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::file::{Limit, Numbers, Times};
use super::judge::{Kind, Observed, Output, StepSeen, events, fails, figures};
use super::record::Mutations;
use crate::client::Pattern;

/// Exit codes are these numbers, counts those from 0.
const EXIT_CODES: (i64, i64) = (0, 255);
const COUNTS: (i64, i64) = (0, i64::MAX);

/// Tries every wrong form of an expectation that passed.
pub fn tried(kind: &Kind, observed: &Observed<'_>) -> Mutations {
    let mut mutations = Mutations::default();
    for wrong in wrong(kind, observed) {
        mutations.tried += 1;
        mutations.failed += u32::from(fails(&wrong, observed));
    }
    mutations
}

/// Wrong forms of an expectation that passed on this evidence, at least one: each must fail on it.
/// One that nothing could make fail is its own and only wrong form.
pub fn wrong(kind: &Kind, observed: &Observed<'_>) -> Vec<Kind> {
    let forms = forms(kind, observed);
    if forms.is_empty() { vec![kind.clone()] } else { forms }
}

/// The wrong forms that there are.
fn forms(kind: &Kind, observed: &Observed<'_>) -> Vec<Kind> {
    let step = observed.step;
    match kind.clone() {
        Kind::Exit(codes) => others(&codes, EXIT_CODES).map(Kind::Exit).collect(),
        Kind::Signal(name) => {
            let other = if name.to_ascii_uppercase().ends_with("TERM") { "KILL" } else { "TERM" };
            vec![Kind::Signal(other.to_owned())]
        }
        Kind::Text { output, text } => {
            other_texts(&text).map(|text| Kind::Text { output, text }).collect()
        }
        Kind::Like { output, pattern } => {
            let patterns = other_patterns(&pattern, &[output], step);
            patterns.into_iter().map(|pattern| Kind::Like { output, pattern }).collect()
        }
        Kind::StdoutSameAs { file, same } => vec![Kind::StdoutSameAs { file, same: !same }],
        Kind::StdoutBytes(bytes) => others(&bytes, COUNTS).map(Kind::StdoutBytes).collect(),
        Kind::Message { id, patterns } => message(&id, &patterns, step),
        Kind::Errno(_) => {
            let errors = events::errors(&step.events);
            let is_there = |name: &str| errors.iter().any(|error| error == name);
            vec![Kind::Errno(absent("EWRONG", is_there))]
        }
        Kind::Closed(_) => {
            let reasons = events::reasons(&step.events);
            vec![Kind::Closed(vec![absent("wrong", |name| reasons.contains(&name))])]
        }
        Kind::Time(times) => other_times(&times).map(Kind::Time).collect(),
        Kind::After { step, before } => {
            let unknown = absent("wrong", |name| observed.ends.contains_key(name));
            let never = Kind::After { step: unknown, before };
            vec![Kind::After { step, before: !before }, never]
        }
        Kind::Event { event, with, count } => other_events(&event, &with, &count, step),
        Kind::Order(names) => other_orders(&names, step).map(Kind::Order).collect(),
        Kind::FileExists { file, exists } => vec![Kind::FileExists { file, exists: !exists }],
        Kind::FileSize { file, bytes } => {
            let sized = |bytes| Kind::FileSize { file: file.clone(), bytes };
            others(&bytes, COUNTS).map(sized).collect()
        }
        Kind::FileMode { file, mode } => {
            let other = u32::from_str_radix(&mode, 8).map(|mode| format!("{:04o}", mode ^ 1));
            other.map(|mode| Kind::FileMode { file, mode }).into_iter().collect()
        }
        Kind::FileText { file, text } => {
            other_texts(&text).map(|text| Kind::FileText { file: file.clone(), text }).collect()
        }
        // A file is always like itself.
        Kind::FileSameAs { file, other, .. } if file == other => Vec::new(),
        Kind::FileSameAs { file, other, same } => {
            vec![Kind::FileSameAs { file, other, same: !same }]
        }
        Kind::FileBlake3 { file, blake3 } => {
            let first = if blake3.starts_with('0') { '1' } else { '0' };
            let rest: String = blake3.chars().skip(1).collect();
            vec![Kind::FileBlake3 { file, blake3: format!("{first}{rest}") }]
        }
        Kind::Figure { path, limit } => other_figures(&path, &limit, step),
    }
}

/// A name that is not there.
fn absent(stem: &str, is_there: impl Fn(&str) -> bool) -> String {
    let mut name = stem.to_owned();
    let mut number = 0_u64;
    while is_there(&name) {
        number += 1;
        name = format!("{stem}{number}");
    }
    name
}

fn has(bytes: &[u8], name: &str) -> bool {
    bytes.windows(name.len()).any(|window| window == name.as_bytes())
}

/// All numbers but these, of those that there can be; nothing when there are no others.
fn others(numbers: &Numbers, (least, most): (i64, i64)) -> impl Iterator<Item = Numbers> + use<> {
    let rest = limits::rest(&numbers.0, least, most);
    (!rest.is_empty()).then_some(Numbers(rest)).into_iter()
}

/// A text with more behind, and one without its first character.
fn other_texts(text: &str) -> impl Iterator<Item = String> + use<> {
    let mut rest = text.chars();
    let shorter = rest.next().map(|_| rest.as_str().to_owned());
    [format!("{text}x")].into_iter().chain(shorter)
}

/// A pattern with a text before or behind that is not in the outputs; nothing for stars alone,
/// which match whatever there is.
fn other_patterns(pattern: &str, outputs: &[Output], step: &StepSeen) -> Vec<String> {
    if Pattern::parse(pattern).is_ok_and(|pattern| pattern.is_stars()) {
        return Vec::new();
    }
    let is_there = |name: &str| {
        outputs.iter().any(|output| match output {
            Output::Stdout => has(&step.stdout, name),
            Output::Stderr => has(&step.stderr, name),
        })
    };
    let marker = absent("~wrong~", is_there);
    vec![format!("{pattern}{marker}"), format!("{marker}{pattern}")]
}

/// Every form of a message as another text.
fn message(id: &str, patterns: &[String], step: &StepSeen) -> Vec<Kind> {
    let outputs = [Output::Stdout, Output::Stderr];
    let wrong: Vec<Vec<String>> =
        patterns.iter().map(|pattern| other_patterns(pattern, &outputs, step)).collect();
    if wrong.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    vec![Kind::Message { id: id.to_owned(), patterns: wrong.concat() }]
}

/// The times before a range and those after it, as far as there are any.
fn other_times(times: &Times) -> impl Iterator<Item = Times> + use<> {
    let step = Duration::from_nanos(1);
    let before = times.least.checked_sub(step);
    let after = times.most.checked_add(step);
    let before = before.map(|most| Times { least: Duration::ZERO, most });
    before.into_iter().chain(after.map(|least| Times { least, most: Duration::MAX }))
}

/// Another number of events; and when there must be one: another name, another field, another
/// value, each of which no event has.
fn other_events(
    event: &str,
    with: &BTreeMap<String, Limit>,
    count: &Numbers,
    step: &StepSeen,
) -> Vec<Kind> {
    let form = |event: &str, with: BTreeMap<String, Limit>, count: &Numbers| Kind::Event {
        event: event.to_owned(),
        with,
        count: count.clone(),
    };
    let counts = others(count, COUNTS);
    let mut forms: Vec<Kind> = counts.map(|count| form(event, with.clone(), &count)).collect();
    if limits::is_among(0, &count.0) {
        return forms;
    }
    let marker = marker_of(&step.events);
    forms.push(form(&marker, with.clone(), count));
    for (path, limit) in with {
        let mut other_field = with.clone();
        other_field.remove(path);
        other_field.insert(marker.clone(), limit.clone());
        forms.push(form(event, other_field, count));
        let values = step.events.iter().filter_map(|event| figures::at(event, path));
        let values: Vec<&Value> = values.collect();
        for other in limits::beyond(limit, &values, &marker) {
            let mut other_value = with.clone();
            other_value.insert(path.clone(), other);
            forms.push(form(event, other_value, count));
        }
    }
    forms
}

/// A name that is nowhere in these events.
fn marker_of(events: &[Value]) -> String {
    let texts: Vec<String> = events.iter().map(Value::to_string).collect();
    absent("~wrong~", |name| texts.iter().any(|text| text.contains(name)))
}

/// An order with a name that no event has, at each place; and one that goes on for longer than
/// there are events.
fn other_orders(names: &[String], step: &StepSeen) -> impl Iterator<Item = Vec<String>> + use<> {
    let is_there = |name: &str| step.events.iter().any(|event| events::name(event) == name);
    let marker = absent("wrong", is_there);
    let replaced = |at: usize| {
        let mut names = names.to_vec();
        names[at].clone_from(&marker);
        names
    };
    let mut forms: Vec<Vec<String>> = (0..names.len()).map(replaced).collect();
    if !names.is_empty() {
        forms.push(names.iter().cycle().take(step.events.len() + 1).cloned().collect());
    }
    forms.into_iter()
}

/// Another place in the JSON, and other values there.
fn other_figures(path: &str, limit: &Limit, step: &StepSeen) -> Vec<Kind> {
    let marker = absent("~wrong~", |name| has(&step.stdout, name));
    let other_path = format!("{path}.{marker}");
    let mut forms = vec![Kind::Figure { path: other_path, limit: limit.clone() }];
    let document = figures::document(&step.stdout);
    let value = document.as_ref().and_then(|document| figures::at(document, path));
    let values: Vec<&Value> = value.into_iter().collect();
    let limits = limits::beyond(limit, &values, &marker).into_iter();
    forms.extend(limits.map(|limit| Kind::Figure { path: path.to_owned(), limit }));
    forms
}
