//! What a transfer tells while it runs: values for whoever shows progress.
//!
//! Updates come from the thread that transfers, in order, and the transfer waits for whoever takes
//! them; they should return at once. Nothing is told twice.

use std::time::Duration;

use super::problem::FilesError;
use super::receipt::Receipt;

/// Takes updates.
pub type Observer<'o> = dyn FnMut(Update<'_>) + 'o;

/// What takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// A local file is hashed, to compare it with what the server has.
    Hashing,
    /// What an earlier try left is checked before it goes on.
    Checking,
    /// Bytes are sent.
    Sending,
    /// Everything is where it belongs and is made safe: by the server, or here. Has no bytes to
    /// count.
    Waiting,
    /// Bytes are received.
    Receiving,
}

impl Phase {
    /// The word for it in machine-readable output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hashing => "hashing",
            Self::Checking => "checking",
            Self::Sending => "sending",
            Self::Waiting => "waiting",
            Self::Receiving => "receiving",
        }
    }
}

/// What happened. `file` is an index into the plan's files.
#[derive(Debug)]
pub enum Update<'a> {
    /// A connection is open and the server has answered the greeting. Comes again after a retry.
    Connected {
        /// The server as a URL.
        server: &'a str,
        /// Who is connected, in numbers.
        peer: &'a colok_proto::Peer,
    },
    /// The work on a file goes on: `done` of `total` bytes of this phase. The first of a phase has
    /// the `done` it starts with (a resumed upload starts where it goes on); one comes for each
    /// MiB or less. Files that are pushed (64 KiB and less) tell only [`Update::Sent`], and once,
    /// when all have left, that the oldest without an answer is waited for.
    Progress {
        /// Which file.
        file: usize,
        /// What is being done.
        phase: Phase,
        /// Bytes done in this phase.
        done: u64,
        /// Bytes to do, when they are known.
        total: Option<u64>,
    },
    /// A file is in the store: stored now or there already. The end of this file.
    Sent {
        /// Which file.
        file: usize,
        /// What the server vouches for, and how it was checked.
        receipt: &'a Receipt,
    },
    /// A file is here, whole and checked. The end of this file.
    Got {
        /// Which file.
        file: usize,
        /// What came.
        got: &'a super::get::Got,
    },
    /// This file did not go; the others go on. The end of this file.
    Failed {
        /// Which file.
        file: usize,
        /// Why.
        error: &'a FilesError,
    },
    /// The connection was lost; it is made again after a pause.
    Retry {
        /// Why.
        error: &'a FilesError,
        /// Which try comes: the first is 1, so this is 2 or more.
        next_try: u32,
        /// The most tries without getting any further.
        tries_max: u32,
        /// How long the pause is.
        pause: Duration,
    },
}
