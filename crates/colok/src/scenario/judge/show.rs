//! Evidence and expectations as people read them: short, printable, cut down to where two texts
//! differ. Nothing is judged here.

use std::time::Duration;

use serde_json::Value;

use crate::observe::printable;
use crate::scenario::file::{Limit, Numbers, Times};

/// Bytes of a text that are shown at most.
const SHOWN_BYTES: usize = 160;

/// Bytes that are shown of what two texts have in common before they differ.
const COMMON_BYTES: usize = 40;

/// Names that are listed at most.
const LISTED: usize = 8;

/// A text in quotes, its beginning only when it is long.
pub(super) fn quoted(bytes: &[u8]) -> String {
    window(bytes, 0)
}

/// Two texts in quotes, both from a little before their first difference when they are long.
pub(super) fn differing(expected: &[u8], got: &[u8]) -> (String, String) {
    if expected.len().max(got.len()) <= SHOWN_BYTES {
        return (quoted(expected), quoted(got));
    }
    let same = expected.iter().zip(got).take_while(|(one, other)| one == other).count();
    let mut from = same.saturating_sub(COMMON_BYTES);
    // Not in the middle of a character: both are the same up to there.
    let is_inner = |from: usize| expected.get(from).is_some_and(|byte| byte & 0xc0 == 0x80);
    for _ in 0..3 {
        if from > 0 && is_inner(from) {
            from -= 1;
        }
    }
    (window(expected, from), window(got, from))
}

fn window(bytes: &[u8], from: usize) -> String {
    let from = from.min(bytes.len());
    let shown = &bytes[from..bytes.len().min(from + SHOWN_BYTES)];
    let text = printable(shown);
    if shown.len() == bytes.len() {
        return format!("\"{text}\"");
    }
    let dots = |there: bool| if there { "..." } else { "" };
    let (before, behind) = (dots(from > 0), dots(from + shown.len() < bytes.len()));
    format!("{before}\"{text}\"{behind} (from byte {from} of {})", bytes.len())
}

/// Names, quoted and without repetitions: `"a", "b"`.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut different: Vec<&str> = Vec::new();
    for name in names {
        if !different.contains(&name) && different.len() <= LISTED {
            different.push(name);
        }
    }
    let more = if different.len() > LISTED { ", ..." } else { "" };
    let quoted = different.iter().take(LISTED).map(|name| quoted(name.as_bytes()));
    quoted.collect::<Vec<_>>().join(", ") + more
}

/// Whole numbers as a scenario has them: `3`, `1..5`, `2..`, `0, 3`.
pub(super) fn numbers(numbers: &Numbers) -> String {
    let one = |&(least, most): &(i64, i64)| match (least, most) {
        (i64::MIN, i64::MAX) => "any".to_owned(),
        (i64::MIN, most) => format!("..{most}"),
        (least, i64::MAX) => format!("{least}.."),
        (least, most) if least == most => least.to_string(),
        (least, most) => format!("{least}..{most}"),
    };
    numbers.0.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A range of time as a scenario has it.
pub(super) fn times(times: &Times) -> String {
    let least = if times.least.is_zero() { String::new() } else { format!("{:?}", times.least) };
    let most =
        if times.most == Duration::MAX { String::new() } else { format!("{:?}", times.most) };
    format!("{least}..{most}")
}

/// A limit as a scenario has it.
pub(super) fn limit(limit: &Limit) -> String {
    match limit {
        Limit::Truth(truth) => truth.to_string(),
        Limit::Text(pattern) => quoted(pattern.as_bytes()),
        Limit::Range { least, most } if least.total_cmp(most).is_eq() => least.to_string(),
        Limit::Range { least: f64::NEG_INFINITY, most: f64::INFINITY } => "any number".to_owned(),
        Limit::Range { least: f64::NEG_INFINITY, most } => bound("<", *most, most.next_up()),
        Limit::Range { least, most: f64::INFINITY } => bound(">", *least, least.next_down()),
        Limit::Range { least, most } => format!("{least}..{most}"),
    }
}

/// `<= 5`, or `< 5` when the bound is the number right beside `beyond`, the rounder of the two.
fn bound(sign: &str, bound: f64, beyond: f64) -> String {
    let (bound, beyond) = (bound.to_string(), beyond.to_string());
    if beyond.len() < bound.len() { format!("{sign} {beyond}") } else { format!("{sign}= {bound}") }
}

/// A value of an event or a figure.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text.as_bytes()),
        Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            let end = text.floor_char_boundary(SHOWN_BYTES);
            if end < text.len() { format!("{}...", &text[..end]) } else { text }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_whole_and_harmless() {
        assert_eq!(quoted(b"a\n\x1b[31m"), "\"a\\n\\u{1b}[31m\"");
        assert_eq!(differing(b"abc", b""), ("\"abc\"".to_owned(), "\"\"".to_owned()));
    }

    #[test]
    fn long_texts_are_shown_around_the_first_difference() {
        let expected = [b"a".repeat(1000), b"X".to_vec(), b"b".repeat(500)].concat();
        let got = [b"a".repeat(1000), b"Y".to_vec()].concat();
        let (expected, got) = differing(&expected, &got);
        let common = "a".repeat(COMMON_BYTES);
        assert_eq!(got, format!("...\"{common}Y\" (from byte 960 of 1001)"));
        assert!(expected.starts_with(&format!("...\"{common}Xbb")), "{expected}");
        assert!(expected.ends_with("b\"... (from byte 960 of 1501)"), "{expected}");
        let (expected, got) = differing(&b"a".repeat(1000), b"");
        assert!(expected.ends_with("... (from byte 0 of 1000)"), "{expected}");
        assert_eq!(got, "\"\"");
    }

    #[test]
    fn a_character_is_not_cut_where_texts_differ() {
        let expected = "é".repeat(200);
        let (_, got) = differing(expected.as_bytes(), "é".repeat(100).as_bytes());
        assert!(!got.contains("\\x"), "{got}");
    }

    #[test]
    fn limits_read_as_they_are_written() {
        let range = |least, most| limit(&Limit::Range { least, most });
        assert_eq!(range(3.0, 3.0), "3");
        assert_eq!(range(1.0, 2.5), "1..2.5");
        assert_eq!(range(10.0, f64::INFINITY), ">= 10");
        assert_eq!(range(10f64.next_up(), f64::INFINITY), "> 10");
        assert_eq!(range(f64::NEG_INFINITY, 0.5), "<= 0.5");
        assert_eq!(range(f64::NEG_INFINITY, 0.5f64.next_down()), "< 0.5");
        let several = Numbers(vec![(i64::MIN, -1), (2, 2), (4, 5), (7, i64::MAX)]);
        assert_eq!(numbers(&several), "..-1, 2, 4..5, 7..");
        let least = Duration::from_millis(4900);
        assert_eq!(times(&Times { least, most: Duration::from_secs(7) }), "4.9s..7s");
        assert_eq!(times(&Times { least: Duration::ZERO, most: Duration::MAX }), "..");
    }

    #[test]
    fn names_are_listed_once() {
        assert_eq!(listed(["a", "b", "a"]), "\"a\", \"b\"");
        let many: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        assert!(listed(many.iter().map(String::as_str)).ends_with("\"7\", ..."));
        assert_eq!(value(&serde_json::json!({"a": 1})), "{\"a\":1}");
    }
}
