//! What a program told in its log: events, their fields and their order.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rustix::io::Errno;
use serde_json::Value;

use super::Found;
use super::figures::{at, is_within};
use super::program::{count as length, is_among};
use super::show::{limit as shown_limit, listed, numbers, quoted, value as shown_value};
use crate::load::errno_name;
use crate::scenario::file::{Limit, Numbers};

/// The name of an event; empty for what is none.
pub(in crate::scenario) fn name(event: &Value) -> &str {
    event["event"].as_str().unwrap_or_default()
}

/// The names of the errors that events tell, in their order.
pub(in crate::scenario) fn errors(events: &[Value]) -> Vec<String> {
    let error = |event: &Value| {
        let number = event["errno"].as_i64().and_then(|number| i32::try_from(number).ok());
        let named = event["error"].as_str().map(str::to_owned);
        let numbered = number.filter(|number| *number > 0);
        named.or_else(|| Some(errno_name(Errno::from_raw_os_error(numbered?))))
    };
    events.iter().filter_map(error).collect()
}

/// The reasons why connections were closed, in their order.
pub(in crate::scenario) fn reasons(events: &[Value]) -> Vec<&str> {
    let closed = events.iter().filter(|event| name(event) == "closed");
    closed.map(|event| event["reason"].as_str().unwrap_or_default()).collect()
}

pub(super) fn errno(expected: &str, events: &[Value]) -> (String, Found) {
    let errors = errors(events);
    let got = match errors.as_slice() {
        [] => "no error in its log".to_owned(),
        errors => listed(errors.iter().map(String::as_str)),
    };
    (expected.to_owned(), Found::new(errors.iter().any(|error| error == expected), got))
}

pub(super) fn closed(expected: &[String], events: &[Value]) -> (String, Found) {
    let reasons = reasons(events);
    let is_expected = |reason: &&str| {
        expected.iter().any(|one| one == reason || super::is_like(one, reason.as_bytes()))
    };
    let holds = !reasons.is_empty() && reasons.iter().all(is_expected);
    let got = match reasons.as_slice() {
        [] => "no closed connection in its log".to_owned(),
        reasons => listed(reasons.iter().copied()),
    };
    (listed(expected.iter().map(String::as_str)), Found::new(holds, got))
}

pub(super) fn event(
    event: &str,
    with: &BTreeMap<String, Limit>,
    count: &Numbers,
    events: &[Value],
) -> (String, Found) {
    let named: Vec<&Value> = events.iter().filter(|it| name(it) == event).collect();
    let amiss = |event: &Value| with.iter().find(|(path, limit)| !has(event, path, limit));
    let matching = named.iter().filter(|event| amiss(event).is_none()).count();
    let times = match count.0.as_slice() {
        [(least, i64::MAX)] => format!("at least {least}"),
        _ => numbers(count),
    };
    let mut expected = format!("{times} {}", quoted(event.as_bytes()));
    for (number, (path, limit)) in with.iter().enumerate() {
        let between = if number == 0 { "with" } else { "and" };
        let _ = write!(expected, " {between} {path} {}", shown_limit(limit));
    }
    let got = match named.iter().find_map(|event| Some((*event, amiss(event)?))) {
        _ if named.is_empty() => match listed(events.iter().map(name)) {
            others if others.is_empty() => "no event in its log".to_owned(),
            others => format!("0 of them; there are {others}"),
        },
        None => matching.to_string(),
        Some((event, (path, _))) => {
            let has = match at(event, path) {
                Some(value) => format!("has {path} {}", shown_value(value)),
                None => format!("has no {path}"),
            };
            let all = format!("{} {}", named.len(), quoted(name(event).as_bytes()));
            format!("{matching} of {all}; the first that is not so {has}")
        }
    };
    (expected, Found::new(is_among(length(matching), count), got))
}

fn has(event: &Value, path: &str, limit: &Limit) -> bool {
    at(event, path).is_some_and(|value| is_within(value, limit))
}

pub(super) fn order(names: &[String], events: &[Value]) -> (String, Found) {
    let mut missing = names.iter();
    let mut next = missing.next();
    let mut before = "";
    for event in events {
        if next.is_some_and(|wanted| wanted == name(event)) {
            before = name(event);
            next = missing.next();
        }
    }
    let found = match next {
        None => Found::Holds(listed(events.iter().map(name))),
        Some(wanted) => {
            let wanted = quoted(wanted.as_bytes());
            Found::Fails(match before {
                "" => format!("there is no {wanted}"),
                before => format!("after {} there is no {wanted}", quoted(before.as_bytes())),
            })
        }
    };
    (names.join(", "), found)
}
