//! The rules that hold for one file: its size, its head, its words.

use super::{
    Problem,
    source::{Source, Span, is_word},
};

/// Longest file in lines: what a reader can keep in mind in one sitting.
const FILE_LINES: usize = 600;

/// Longest function in lines: what fits on a screen.
const FUNCTION_LINES: usize = 70;

/// Widest line in characters: two files side by side on one screen.
const COLUMNS: usize = 100;

/// Shortest text that can be a reason, in characters.
const REASON_LENGTH: usize = 12;

/// What a `tidy: allow` comment can excuse.
const EXCUSABLE: [&str; 4] = ["long", "columns", "sleep", "print"];

/// A word that does not belong, what to write instead, and where it is looked for.
struct Banned {
    words: &'static [&'static str],
    instead: &'static str,
    place: Place,
    /// The name by which a comment excuses it, if it can be excused.
    excuse: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Code, wherever it is.
    Code,
    /// Comments as well as code.
    Everywhere,
    /// Code of tests.
    Tests,
    /// Code of the libraries, which return values and events and never print.
    Libraries,
}

const BANNED: [Banned; 5] = [
    Banned {
        words: &["todo!(", "unimplemented!(", "dbg!("],
        instead: "write the code, or leave the feature out whole",
        place: Place::Code,
        excuse: None,
    },
    Banned {
        words: &["FIXME", concat!("XX", "X")],
        instead: "mend it now, or open an issue",
        place: Place::Everywhere,
        excuse: None,
    },
    Banned {
        words: &["#[ignore"],
        instead: "report `skipped: reason` when the test cannot run here",
        place: Place::Code,
        excuse: None,
    },
    Banned {
        words: &["thread::sleep", "time::sleep"],
        instead: "wait for a condition, with a generous bound",
        place: Place::Tests,
        excuse: Some("sleep"),
    },
    Banned {
        words: &["println!", "eprintln!", "print!", "eprint!"],
        instead: "return a value or emit an event; only the command line prints",
        place: Place::Libraries,
        excuse: Some("print"),
    },
];

/// Every place of the file where a rule does not hold.
pub(crate) fn check(source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(head(source));
    problems.extend(file_length(source));
    problems.extend(function_lengths(source));
    problems.extend(columns(source));
    problems.extend(unsafe_code(source));
    problems.extend(banned_words(source));
    // Last: by now every comment that excuses something has been used.
    problems.extend(excuses(source));
    problems
}

fn head(source: &Source) -> Option<Problem> {
    let is_script = |line: &&String| line.starts_with("#!") && !line.starts_with("#![");
    let first = source.lines.iter().find(|line| !is_script(line));
    if first.is_some_and(|line| line.starts_with("//!")) {
        return None;
    }
    Some(Problem::at(&source.path, 0, "start with `//!`: what this file is, what it never does"))
}

fn file_length(source: &Source) -> Option<Problem> {
    let length = source.lines.len();
    if length <= FILE_LINES || source.is_file_allowed("long") {
        return None;
    }
    let text = format!("{length} lines; split the file into parts of at most {FILE_LINES}");
    Some(Problem::of(&source.path, text))
}

fn function_lengths(source: &Source) -> Vec<Problem> {
    let long = source.functions().into_iter().filter(|(_, span)| {
        span.length() > FUNCTION_LINES && !source.is_allowed("long", span.first)
    });
    long.map(|(name, span)| {
        let length = span.length();
        let text = format!("`{name}` has {length} lines; split it, at most {FUNCTION_LINES}");
        Problem::at(&source.path, span.first, text)
    })
    .collect()
}

fn columns(source: &Source) -> Vec<Problem> {
    let lines = source.lines.iter().enumerate();
    let wide = lines.filter(|(index, line)| {
        line.chars().count() > COLUMNS && !source.is_allowed("columns", *index)
    });
    wide.map(|(index, line)| {
        let text = format!("{} columns; break the line at {COLUMNS}", line.chars().count());
        Problem::at(&source.path, index, text)
    })
    .collect()
}

fn unsafe_code(source: &Source) -> Vec<Problem> {
    if source.path.starts_with("crates/sys/") {
        return Vec::new();
    }
    let lines = source.code.iter().enumerate().filter(|(_, line)| holds(line, "unsafe"));
    lines
        .map(|(index, _)| Problem::at(&source.path, index, "`unsafe` belongs in crates/sys"))
        .collect()
}

fn banned_words(source: &Source) -> Vec<Problem> {
    let test_items = source.test_items();
    let mut problems = Vec::new();
    for banned in &BANNED {
        for (index, code) in source.code.iter().enumerate() {
            if !applies(banned.place, source, &test_items, index) {
                continue;
            }
            let in_comment = banned.place == Place::Everywhere;
            let found = banned.words.iter().find(|word| {
                holds(code, word) || in_comment && holds(&source.comments[index], word)
            });
            let Some(word) = found else { continue };
            if !banned.excuse.is_some_and(|rule| source.is_allowed(rule, index)) {
                let text = format!("`{}`: {}", word.trim_end_matches('('), banned.instead);
                problems.push(Problem::at(&source.path, index, text));
            }
        }
    }
    problems
}

fn applies(place: Place, source: &Source, test_items: &[Span], line: usize) -> bool {
    let in_test =
        || is_test_file(&source.path) || test_items.iter().any(|item| item.contains(line));
    match place {
        Place::Code | Place::Everywhere => true,
        Place::Tests => in_test(),
        Place::Libraries => is_library(&source.path) && !in_test(),
    }
}

fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs") || path.ends_with("_tests.rs")
}

/// The command line and the automation print; an example or a measurement is a program too.
fn is_library(path: &str) -> bool {
    let is_program = path.contains("/examples/") || path.contains("/benches/");
    path.starts_with("crates/") && !path.starts_with("crates/cli/") && !is_program
}

/// Whether the text holds the word, and not as a part of a longer one.
fn holds(text: &str, word: &str) -> bool {
    let starts_word = word.starts_with(is_word);
    let ends_word = word.ends_with(is_word);
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !(starts_word && before.is_some_and(is_word) || ends_word && after.is_some_and(is_word))
    })
}

fn excuses(source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    for allow in source.allows() {
        let text = if !EXCUSABLE.contains(&allow.rule.as_str()) {
            format!("no rule `{}` can be excused; these can: {EXCUSABLE:?}", allow.rule)
        } else if allow.reason.chars().count() < REASON_LENGTH {
            format!("write the reason: `// tidy: allow({}): why this must be so`", allow.rule)
        } else if !source.was_used(&allow) {
            format!("nothing here needs `allow({})` any more; remove it", allow.rule)
        } else {
            continue;
        };
        problems.push(Problem::at(&source.path, allow.line, text));
    }
    problems
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
