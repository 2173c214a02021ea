//! What `--json` prints: one object per line, tagged by `event`. `docs/files.md` documents it.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use colok::client::files::{Ending, FilesError, PlanProblem, Receipt};
use colok::proto::files::Entry;
use serde::Serialize;

use crate::problem::Exit;
use crate::units::rfc3339_seconds;

/// One line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(super) enum JsonEvent<'a> {
    /// What is to be done.
    Plan { files: usize, bytes: u64 },
    /// Something in a folder that is not sent.
    Skipped { path: Cow<'a, str>, reason: &'static str },
    /// A connection is open.
    Connected { server: &'a str, local: String, remote: String },
    /// Work on a file goes on.
    Progress { name: &'a str, phase: &'static str, done: u64, total: Option<u64> },
    /// The connection broke and is made again.
    Retry { error: String, next_try: u32, tries_max: u32, pause_ms: u64 },
    /// A file is in the store.
    Sent {
        path: Cow<'a, str>,
        #[serde(flatten)]
        receipt: &'a Receipt,
    },
    /// A file is here.
    Got {
        name: &'a str,
        path: Option<Cow<'a, str>>,
        first: u64,
        length: u64,
        hash: String,
        file_size: u64,
        file_hash: String,
        resumed_bytes: u64,
    },
    /// A stored file.
    Entry(JsonEntry<'a>),
    /// A file was read again.
    Checked {
        name: &'a str,
        verdict: &'static str,
        size: Option<u64>,
        hash: Option<String>,
        expected: Option<String>,
    },
    /// One file failed; the others go on. Without a name it ended everything.
    Failed {
        name: Option<&'a str>,
        path: Option<Cow<'a, str>>,
        reason: &'static str,
        code: Option<u16>,
        error: String,
    },
    /// Everything is over.
    Done {
        files: u64,
        stored: u64,
        have_it: u64,
        got: u64,
        failed: u64,
        bytes: u64,
        duration_ms: u64,
        exit: u8,
    },
    /// Every file was read again.
    Verified { whole: u64, unknown: u64, damaged: u64, missing: u64, bytes: u64, exit: u8 },
}

/// A stored file.
#[derive(Debug, Serialize)]
pub(super) struct JsonEntry<'a> {
    name: &'a str,
    size: u64,
    modified: String,
    hash: Option<String>,
}

impl<'a> From<&'a Entry> for JsonEvent<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self::Entry(JsonEntry {
            name: entry.name.as_str(),
            size: entry.size,
            modified: rfc3339_seconds(entry.modified_unix_s),
            hash: entry.hash.map(|hash| hash.to_string()),
        })
    }
}

impl<'a> JsonEvent<'a> {
    /// One file that failed.
    pub(super) fn failed(name: &'a str, path: Option<&'a Path>, error: &FilesError) -> Self {
        Self::failure(Some(name), path, error)
    }

    /// What ended everything.
    pub(super) fn broken(error: &'a FilesError) -> Self {
        let path = match error {
            FilesError::Local { path, .. }
            | FilesError::Plan(PlanProblem::TargetExists { path }) => Some(path.as_path()),
            _ => None,
        };
        Self::failure(None, path, error)
    }

    fn failure(name: Option<&'a str>, path: Option<&'a Path>, error: &FilesError) -> Self {
        let code = match error {
            FilesError::Refused(refusal) => Some(refusal.code),
            _ => None,
        };
        let path = path.map(Path::to_string_lossy);
        Self::Failed { name, path, reason: reason(error), code, error: error.to_string() }
    }
}

/// How many files are what, for the last event of a transfer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) files: u64,
    pub(super) stored: u64,
    pub(super) have_it: u64,
    pub(super) got: u64,
    pub(super) bytes: u64,
}

impl Counts {
    /// Everything is over: what is neither stored nor here has failed.
    pub(super) fn done(self, duration: Duration, exit: Exit) -> JsonEvent<'static> {
        let Self { files, stored, have_it, got, bytes } = self;
        let failed = files.saturating_sub(stored + have_it + got);
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let exit = exit as u8;
        JsonEvent::Done { files, stored, have_it, got, failed, bytes, duration_ms, exit }
    }
}

/// A word for programs.
fn reason(error: &FilesError) -> &'static str {
    match error {
        FilesError::Refused(refusal) if refusal.is_name_taken() && refusal.hash.is_some() => {
            "name-taken"
        }
        FilesError::Refused(refusal) if refusal.code == 404 => "not-found",
        FilesError::Refused(_) => "refused",
        FilesError::TargetExists { .. } | FilesError::Plan(PlanProblem::TargetExists { .. }) => {
            "exists"
        }
        FilesError::Local { .. } | FilesError::Plan(_) => "local-file",
        FilesError::Changed { .. } | FilesError::ChangedThere { .. } => "changed",
        FilesError::Damaged { .. } | FilesError::WrongReceipt { .. } => "damaged",
        FilesError::LessSafe { .. } => "less-safe",
        FilesError::Interrupted => "interrupted",
        other => match other.ending() {
            Ending::TimeRanOut => "time-ran-out",
            _ => "connection",
        },
    }
}

/// The exit code of something that ended so; without an ending all went well.
pub(super) fn exit_of(ending: Option<Ending>) -> Exit {
    ending.map_or(Exit::Done, Exit::of_files)
}
