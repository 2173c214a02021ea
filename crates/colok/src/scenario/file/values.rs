//! The values of a scenario file that are written as texts: lengths of time, sizes, ranges, words.
//!
//! Each is read when the file is read, so that a mistake is told with its line.

use std::time::Duration;

mod read;

/// A length of time: `5s`, `100ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(pub Duration);

/// A size in bytes: `100`, `"64K"`, `"1M"`, `"1G"` (powers of 1024).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Whole numbers: `3`, `"1..5"` (both ends included), `"2.."`, `"..5"`, or `[0, 3]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers(pub Vec<(i64, i64)>);

/// From one length of time to another, both included: `4.9s..7s`, `..2s`, `5s..`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// No less than this.
    pub least: Duration,
    /// No more than this.
    pub most: Duration,
}

/// A limit of a figure or a field: a number or a range (`">= 10"`, `"< 0.5"`, `"1..5"`), `true`,
/// `false`, or a text, which may be a pattern.
#[derive(Clone, Debug, PartialEq)]
pub enum Limit {
    /// This truth.
    Truth(bool),
    /// A number between these, both included.
    Range {
        /// No less than this.
        least: f64,
        /// No more than this.
        most: f64,
    },
    /// A text that matches this pattern.
    Text(String),
}

/// The words of a command: a text that is split as a shell splits it (nothing else of a shell is
/// done), or a list of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

/// One text or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOrMany(pub Vec<String>);
