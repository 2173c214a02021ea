//! Figures: values in the JSON that a program printed, and in events, and their limits.

use serde_json::Value;

use super::show::{limit as shown_limit, value as shown_value};
use super::{Found, is_like};
use crate::scenario::file::Limit;

/// Lines that are tried as the beginning of the last JSON document at most, from the last one up.
const BEGINNINGS: usize = 1000;

pub(super) fn figure(path: &str, limit: &Limit, stdout: &[u8]) -> (String, Found) {
    let expected = shown_limit(limit);
    let Some(document) = document(stdout) else {
        return (expected, Found::Fails("no JSON on standard output".to_owned()));
    };
    let found = match at(&document, path) {
        Some(value) => Found::new(is_within(value, limit), shown_value(value)),
        None => Found::Fails(format!("there is no `{path}` in the JSON on standard output")),
    };
    (expected, found)
}

/// The last JSON document of a text: the whole, or what begins at the start of a line with `{` or
/// `[`.
pub(in crate::scenario) fn document(text: &[u8]) -> Option<Value> {
    if let Ok(whole) = serde_json::from_slice(text) {
        return Some(whole);
    }
    let is_beginning =
        |&at: &usize| matches!(text[at], b'{' | b'[') && (at == 0 || text[at - 1] == b'\n');
    let mut beginnings = (0..text.len()).rev().filter(is_beginning).take(BEGINNINGS);
    beginnings.find_map(|at| {
        let values = serde_json::Deserializer::from_slice(&text[at..]).into_iter::<Value>();
        values.map_while(Result::ok).last()
    })
}

/// A value by its dotted path; elements of lists by their numbers, from 0. A name may have dots
/// itself.
pub(in crate::scenario) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let step = |name: &str| match value {
        Value::Object(fields) => fields.get(name),
        Value::Array(elements) => name.parse::<usize>().ok().and_then(|at| elements.get(at)),
        _ => None,
    };
    let dots = path.match_indices('.').map(|(dot, _)| dot);
    step(path)
        .or_else(|| dots.into_iter().find_map(|dot| at(step(&path[..dot])?, &path[dot + 1..])))
}

/// Whether a value keeps to a limit. A text matches the value as it is written in JSON, without
/// quotes; nothing matches `null`.
pub(super) fn is_within(value: &Value, limit: &Limit) -> bool {
    match (limit, value) {
        (Limit::Truth(truth), value) => value.as_bool() == Some(*truth),
        (Limit::Range { least, most }, value) => {
            value.as_f64().is_some_and(|number| (*least..=*most).contains(&number))
        }
        (Limit::Text(_), Value::Null) => false,
        (Limit::Text(pattern), Value::String(text)) => is_text(pattern, text),
        (Limit::Text(pattern), value) => is_text(pattern, &value.to_string()),
    }
}

/// A text that is the pattern itself, or matches it.
fn is_text(pattern: &str, text: &str) -> bool {
    pattern == text || is_like(pattern, text.as_bytes())
}
