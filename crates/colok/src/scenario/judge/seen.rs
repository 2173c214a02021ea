//! What was seen of a step: the evidence that expectations are judged on. Only data.

use std::collections::BTreeMap;

use serde_json::Value;

/// All that is needed to judge the expectations of one step.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The step itself.
    pub step: &'a StepSeen,
    /// When other steps ended, in seconds after the case began; those that did not are missing.
    pub ends: &'a BTreeMap<String, f64>,
    /// The files that were asked for; see [`wants`](super::wants).
    pub files: &'a BTreeMap<Place, FileSeen>,
}

/// A file of a host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The host.
    pub host: String,
    /// The path, below the folder of the host.
    pub path: String,
}

/// What was seen of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepSeen {
    /// The exit code of its program, if that ended by itself.
    pub exit: Option<i32>,
    /// The signal that ended it, without `SIG`.
    pub signal: Option<String>,
    /// Why it could not be done: there is no such program.
    pub error: Option<String>,
    /// Why there may be more than was seen: its time of 30 s ran out, its agent died. What does
    /// not hold is `unknown` then.
    pub unseen: Option<String>,
    /// When it began, in seconds after the case began.
    pub start_s: f64,
    /// When it ended; `None`: it had not when this was seen.
    pub end_s: Option<f64>,
    /// When this was seen.
    pub now_s: f64,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// The lines of its log.
    pub events: Vec<Value>,
}

/// What was seen of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileSeen {
    /// Whether anything is there.
    pub exists: bool,
    /// Its size in bytes.
    pub size: u64,
    /// Its permissions.
    pub mode: u32,
    /// Its BLAKE3 hash, in hexadecimal; empty for what is no regular file.
    pub blake3: String,
    /// Its beginning.
    pub beginning: Vec<u8>,
}
