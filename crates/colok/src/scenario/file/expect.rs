//! What a scenario expects. A new key here needs a mutation, or the build fails; see `mutation`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{At, Limit, Numbers, OneOrMany, Times};

/// What must be seen of a step: each key is an expectation of its own.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Its exit code.
    pub exit: Option<At<Numbers>>,
    /// The signal that ended it, without `SIG`.
    pub signal: Option<At<String>>,
    /// Its standard output, exactly.
    pub stdout: Option<At<String>>,
    /// Its standard output: patterns that each match all of it (`*` any bytes, `?` one).
    pub stdout_like: Option<At<OneOrMany>>,
    /// Its standard output has the bytes of this file of the same host.
    pub stdout_same_as: Option<At<String>>,
    /// How many bytes its standard output has.
    pub stdout_bytes: Option<At<Numbers>>,
    /// Its standard error, exactly.
    pub stderr: Option<At<String>>,
    /// Its standard error: patterns that each match all of it.
    pub stderr_like: Option<At<OneOrMany>>,
    /// Messages of colok, by their ids, in whatever language: each is in its output.
    pub message: Option<At<OneOrMany>>,
    /// The error of a socket call that a colok client or server made, by its name: `ECONNREFUSED`.
    pub errno: Option<At<String>>,
    /// Why its connections were closed: each for one of these reasons.
    pub closed: Option<At<OneOrMany>>,
    /// How long it took: `4.9s..7s`, `..2s`.
    pub time: Option<At<Times>>,
    /// Steps that had ended before it ended.
    pub after: Option<At<OneOrMany>>,
    /// Events of its log.
    #[serde(default)]
    pub events: Vec<At<EventExpect>>,
    /// Events of its log that came in this order, perhaps with others between.
    pub order: Option<At<OneOrMany>>,
    /// Files of its host.
    #[serde(default)]
    pub files: Vec<At<FileExpect>>,
    /// Figures of the JSON that it printed, by their paths (`summary.lost`), and their limits.
    #[serde(default)]
    pub figures: BTreeMap<String, At<Limit>>,
}

/// Events that must be in a log.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventExpect {
    /// What happened: `accepted`, `closed`, `refused`, `file`, `call`...
    pub event: String,
    /// Fields and their values; a text may be a pattern.
    #[serde(default)]
    pub with: BTreeMap<String, Limit>,
    /// How many (default: one or more).
    pub count: Option<Numbers>,
}

/// A file that must be, or must not be.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileExpect {
    /// Where: below the folder of the host.
    pub path: String,
    /// On which host (default: that of the step).
    pub host: Option<At<String>>,
    /// Whether it is there (default true).
    #[serde(default = "yes")]
    pub exists: bool,
    /// Its size in bytes.
    pub size: Option<Numbers>,
    /// Its permissions, in octal: `0400`.
    pub mode: Option<String>,
    /// Its text, exactly.
    pub text: Option<String>,
    /// Another file with the same bytes: `path`, or `host:path`.
    pub same_as: Option<String>,
    /// Its BLAKE3 hash.
    pub blake3: Option<String>,
}

fn yes() -> bool {
    true
}
