//! Judging: what was expected, against what was seen, to a verdict that says why.
//!
//! Everything here is pure: the same expectation and the same evidence always give the same
//! verdict, so that a wrong form of an expectation can be tried on the very evidence on which the
//! right one passed (see [`mutation`]). Nothing is asked, read or waited for.

pub(super) mod events;
mod expectations;
pub(super) mod figures;
mod files;
mod program;
mod seen;
mod show;
mod verdict;

use std::collections::BTreeMap;

pub use expectations::{About, expectations, wants};
pub use seen::{FileSeen, Observed, Place, StepSeen};
pub use verdict::verdict;

use crate::client::Pattern;
/// One of the two outputs of a program.
pub use crate::scenario::agent::Stream as Output;
use crate::scenario::file::{Limit, Numbers, Times};
use crate::scenario::mutation;
use crate::scenario::record::{Check, Mutations, Verdict};

/// The texts of colok's messages, by their ids.
pub trait Book: Sync {
    /// The forms that a message may take in a language, as patterns with `*` for what varies, in
    /// the language of [`Pattern`]: any one of them is the message.
    /// `None`: there is no such message, or no such language.
    fn patterns(&self, id: &str, language: &str) -> Option<Vec<String>>;

    /// Every id.
    fn ids(&self) -> Vec<String>;
}

/// An expectation, ready to be judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The step it is about.
    pub step: String,
    /// Its key in the scenario: `exit`, `figures.summary.lost`, `files.mode`.
    pub key: String,
    /// Its line in the scenario.
    pub line: u32,
    /// What is expected.
    pub kind: Kind,
}

/// What is expected. There is one for each key of `expect`, and for each facet of an event or of
/// a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// The exit code is one of these.
    Exit(Numbers),
    /// This signal ended it.
    Signal(String),
    /// An output is this text, exactly.
    Text {
        /// Which output.
        output: Output,
        /// The text.
        text: String,
    },
    /// An output matches this pattern, all of it.
    Like {
        /// Which output.
        output: Output,
        /// The pattern.
        pattern: String,
    },
    /// Standard output has the bytes of this file; or, when `same` is false, other ones.
    StdoutSameAs {
        /// The file.
        file: Place,
        /// Whether the bytes are the same.
        same: bool,
    },
    /// Standard output has so many bytes.
    StdoutBytes(Numbers),
    /// This message is in its output.
    Message {
        /// Its id.
        id: String,
        /// Its forms; see [`Book::patterns`].
        patterns: Vec<String>,
    },
    /// A socket call failed with the error of this name.
    Errno(String),
    /// Its connections were closed, each for one of these reasons.
    Closed(Vec<String>),
    /// It took so long.
    Time(Times),
    /// That step had ended before this one did; or, when `before` is false, had not.
    After {
        /// The other step.
        step: String,
        /// Whether it had.
        before: bool,
    },
    /// There are so many events with these fields.
    Event {
        /// Which event.
        event: String,
        /// Fields, by their dotted names.
        with: BTreeMap<String, Limit>,
        /// How many.
        count: Numbers,
    },
    /// These events came in this order.
    Order(Vec<String>),
    /// A file is there, or is not.
    FileExists {
        /// The file.
        file: Place,
        /// Whether it is there.
        exists: bool,
    },
    /// A file has so many bytes.
    FileSize {
        /// The file.
        file: Place,
        /// How many.
        bytes: Numbers,
    },
    /// A file has these permissions.
    FileMode {
        /// The file.
        file: Place,
        /// In octal.
        mode: String,
    },
    /// A file has this text, exactly.
    FileText {
        /// The file.
        file: Place,
        /// The text.
        text: String,
    },
    /// A file has the bytes of another; or, when `same` is false, other ones.
    FileSameAs {
        /// The file.
        file: Place,
        /// The other file.
        other: Place,
        /// Whether the bytes are the same.
        same: bool,
    },
    /// A file has this BLAKE3 hash, in hexadecimal.
    FileBlake3 {
        /// The file.
        file: Place,
        /// The hash.
        blake3: String,
    },
    /// A figure of the JSON that it printed.
    Figure {
        /// Its dotted path.
        path: String,
        /// Its limit.
        limit: Limit,
    },
}

/// An expectation that was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `pass`, `fail`, or `unknown` when it could not be seen.
    pub verdict: Verdict,
    /// What was expected, for people.
    pub expected: String,
    /// What was seen, for people.
    pub got: String,
}

/// Judges an expectation. Where there may be more than was seen, it is `unknown` whatever more
/// could change: what does not hold (but for `time`, which knows by itself when it is over), and
/// what holds of all that there is.
pub fn check(kind: &Kind, observed: &Observed<'_>) -> Seen {
    let (expected, found) = found(kind, observed);
    let (verdict, got) = match (found, &observed.step.unseen) {
        (Found::Holds(got), Some(why)) if can_be_undone(kind) => {
            (Verdict::Unknown, format!("{got}; {why}"))
        }
        (Found::Holds(got), _) => (Verdict::Pass, got),
        (Found::Fails(got), Some(why)) if !matches!(kind, Kind::Time(_)) => {
            (Verdict::Unknown, format!("{got}; {why}"))
        }
        (Found::Open(got), Some(why)) => (Verdict::Unknown, format!("{got}; {why}")),
        // What is open can still come to hold, but nobody waits any longer.
        (Found::Fails(got), _) | (Found::Open(got), None) => (Verdict::Fail, got),
        (Found::NotLookedAt, _) => (Verdict::Unknown, "it was not looked at".to_owned()),
    };
    Seen { verdict, expected, got }
}

/// Whether what holds of a part of an output or of a log may not hold of all of it.
fn can_be_undone(kind: &Kind) -> bool {
    let bounded = |numbers: &Numbers| numbers.0.iter().any(|(_, most)| *most != i64::MAX);
    match kind {
        Kind::Text { .. } | Kind::StdoutSameAs { .. } | Kind::Figure { .. } | Kind::Closed(_) => {
            true
        }
        Kind::Like { pattern, .. } => !pattern.ends_with('*') || pattern.ends_with("\\*"),
        Kind::StdoutBytes(numbers) | Kind::Event { count: numbers, .. } => bounded(numbers),
        // Once there they stay there; or they are about something else than outputs and logs.
        Kind::Message { .. }
        | Kind::Errno(_)
        | Kind::Order(_)
        | Kind::Exit(_)
        | Kind::Signal(_)
        | Kind::Time(_)
        | Kind::After { .. }
        | Kind::FileExists { .. }
        | Kind::FileSize { .. }
        | Kind::FileMode { .. }
        | Kind::FileText { .. }
        | Kind::FileSameAs { .. }
        | Kind::FileBlake3 { .. } => false,
    }
}

/// Whether an expectation does not hold on what was seen, as far as that goes.
pub(super) fn fails(kind: &Kind, observed: &Observed<'_>) -> bool {
    matches!(found(kind, observed).1, Found::Fails(_) | Found::Open(_))
}

/// What was found, in words for people.
enum Found {
    /// It holds.
    Holds(String),
    /// It does not.
    Fails(String),
    /// It does not yet.
    Open(String),
    /// Nobody looked.
    NotLookedAt,
}

impl Found {
    fn new(holds: bool, got: String) -> Self {
        if holds { Self::Holds(got) } else { Self::Fails(got) }
    }
}

/// What was expected, for people, and what was found.
fn found(kind: &Kind, observed: &Observed<'_>) -> (String, Found) {
    let (step, files) = (observed.step, observed.files);
    match kind {
        Kind::Exit(codes) => program::exit(codes, step),
        Kind::Signal(name) => program::signal(name, step),
        Kind::Text { output, text } => program::text(text, program::bytes(step, *output)),
        Kind::Like { output, pattern } => program::like(pattern, program::bytes(step, *output)),
        Kind::StdoutSameAs { file, same } => files::stdout_same_as(file, *same, step, files),
        Kind::StdoutBytes(numbers) => program::stdout_bytes(numbers, step),
        Kind::Message { id, patterns } => program::message(id, patterns, step),
        Kind::Errno(name) => events::errno(name, &step.events),
        Kind::Closed(reasons) => events::closed(reasons, &step.events),
        Kind::Time(times) => program::time(times, step),
        Kind::After { step: other, before } => program::after(other, *before, observed),
        Kind::Event { event, with, count } => events::event(event, with, count, &step.events),
        Kind::Order(names) => events::order(names, &step.events),
        Kind::FileExists { file, exists } => files::exists(file, *exists, files),
        Kind::FileSize { file, bytes } => files::size(file, bytes, files),
        Kind::FileMode { file, mode } => files::mode(file, mode, files),
        Kind::FileText { file, text } => files::text(file, text, files),
        Kind::FileSameAs { file, other, same } => files::same_as(file, other, *same, files),
        Kind::FileBlake3 { file, blake3 } => files::blake3(file, blake3, files),
        Kind::Figure { path, limit } => figures::figure(path, limit, &step.stdout),
    }
}

/// Whether a pattern (`*` any bytes, `?` one) matches all of a text. What is no pattern matches
/// nothing.
pub fn is_like(pattern: &str, bytes: &[u8]) -> bool {
    Pattern::parse(pattern).is_ok_and(|pattern| pattern.is_all_of(bytes))
}

/// Judges an expectation, and tries every wrong form of it on the same evidence: a check as the
/// record has it.
pub fn record(expectation: &Expectation, observed: &Observed<'_>) -> Check {
    let seen = check(&expectation.kind, observed);
    let mutations = match seen.verdict {
        Verdict::Pass => mutation::tried(&expectation.kind, observed),
        _ => Mutations::default(),
    };
    Check {
        step: expectation.step.clone(),
        key: expectation.key.clone(),
        expected: seen.expected,
        got: seen.got,
        line: expectation.line,
        verdict: seen.verdict,
        mutations,
    }
}

#[cfg(test)]
pub(super) mod tests;
