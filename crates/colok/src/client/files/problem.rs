//! What can go wrong with files: on this computer, on the way, and at the server.
//!
//! The texts are the English ones for users of the library; the command line has its own, made
//! from the same fields. What a server said is escaped before it gets here.

use std::path::PathBuf;
use std::time::Duration;

use colok_proto::files::{Durability, Hash, Name, NameProblem, code};
use rustix::io::Errno;
use thiserror::Error as ThisError;

use crate::error::Error;

/// How a failed command ends, whatever the details: the exit code follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The peer, the network or a local file failed.
    Failed,
    /// The command asks for what cannot be done.
    Usage,
    /// The server refused: name taken, no space, not allowed; or a local file would be replaced.
    Refused,
    /// A time ran out.
    TimeRanOut,
    /// A person stopped it.
    Interrupted,
}

impl Ending {
    /// The worse of two. To be refused is worse than to fail: it will not heal by itself.
    pub(super) fn worst(self, other: Option<Self>) -> Self {
        let rank = |ending| match ending {
            Self::Usage => 0,
            Self::Failed => 1,
            Self::Refused => 2,
            Self::TimeRanOut => 3,
            Self::Interrupted => 4,
        };
        other.filter(|other| rank(*other) >= rank(self)).unwrap_or(self)
    }
}

/// Why something could not be done with files.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum FilesError {
    /// The server could not be reached, or a call on the connection failed.
    #[error(transparent)]
    Net(#[from] Error),
    /// A file of this computer. `open file` is the text of the paper's client.
    #[error("{action} file: {errno} ({})", path.display())]
    Local {
        /// `open`, `read`, `write`, `create`, `list`, `publish`, `sync`: with `file` it reads well.
        action: &'static str,
        /// Which file; `-` for standard input and output.
        path: PathBuf,
        /// The error number.
        errno: Errno,
    },
    /// A plan that cannot be made; nothing was connected to.
    #[error(transparent)]
    Plan(#[from] PlanProblem),
    /// The server said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The local file changed while it was sent. Nothing was stored.
    #[error("{} changed while it was sent; nothing was stored", path.display())]
    Changed {
        /// Which file.
        path: PathBuf,
    },
    /// The bytes that came are not the file: they have another hash than the server told. They
    /// got no name here.
    #[error("{} came damaged: its hash is {computed}, expected {expected}", name.as_str())]
    Damaged {
        /// Which file.
        name: Name,
        /// The hash the server told.
        expected: Hash,
        /// The hash of what came.
        computed: Hash,
    },
    /// The server vouches for other bytes than were sent.
    #[error("the server vouches for {size} bytes with hash {hash}, not what was sent: {sent}")]
    WrongReceipt {
        /// Which file.
        name: Name,
        /// The size it told, in bytes.
        size: u64,
        /// The hash it told.
        hash: Hash,
        /// The hash of what was sent.
        sent: Hash,
    },
    /// The server stored the file, but its receipt says less than was asked for.
    #[error("{} is stored, but only with durability {}, not {}",
        name.as_str(), reached.name(), asked.name())]
    LessSafe {
        /// Which file.
        name: Name,
        /// How safe it was to be.
        asked: Durability,
        /// How safe it is.
        reached: Durability,
    },
    /// A file of this name is here already and may not be replaced.
    #[error("{} exists; it is not replaced", path.display())]
    TargetExists {
        /// Where.
        path: PathBuf,
    },
    /// The file at the server is another one than when its first part was got.
    #[error("{} changed at the server", name.as_str())]
    ChangedThere {
        /// Which file.
        name: Name,
    },
    /// The connection broke, and trying again did not help.
    #[error("{address}: the connection was lost while {during}{}", lost_text(*errno))]
    Lost {
        /// The server as a URL.
        address: String,
        /// What was going on.
        during: Activity,
        /// The error number; `None` when the server just ended the stream.
        errno: Option<Errno>,
    },
    /// The server was silent for too long.
    #[error("{address}: nothing happened for {after:?} while {during}")]
    Silent {
        /// The server as a URL.
        address: String,
        /// What was going on.
        during: Activity,
        /// For how long it was waited.
        after: Duration,
    },
    /// The time for the whole command was over.
    #[error("{address}: the time was over while {during}")]
    Deadline {
        /// The server as a URL.
        address: String,
        /// What was going on.
        during: Activity,
    },
    /// What answers there does not speak the protocol of the file store.
    #[error("{address} does not speak as a file store does while {during}: {said}")]
    NotAStore {
        /// The server as a URL.
        address: String,
        /// What was going on.
        during: Activity,
        /// The beginning of what it said, escaped.
        said: String,
    },
    /// A person stopped it.
    #[error("interrupted")]
    Interrupted,
}

impl FilesError {
    /// How the command ends.
    pub fn ending(&self) -> Ending {
        match self {
            Self::Refused(refusal) => refusal.ending(),
            Self::Plan(problem) => problem.ending(),
            Self::TargetExists { .. } => Ending::Refused,
            Self::Silent { .. }
            | Self::Deadline { .. }
            | Self::Net(Error::ConnectTimeout { .. }) => Ending::TimeRanOut,
            Self::Interrupted => Ending::Interrupted,
            _ => Ending::Failed,
        }
    }

    /// Whether trying again would end the same way. What may heal is a lost connection, a server
    /// that cannot be reached for a moment, and one that stops, perhaps to start again.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Lost { .. } | Self::Net(Error::Connect { .. } | Error::ConnectTimeout { .. }) => {
                false
            }
            Self::Refused(refusal) => refusal.code != code::STOPPING,
            _ => true,
        }
    }

    /// Whether other files may still go: not when nobody may write here, or the server stops.
    pub(super) fn concerns_one_file(&self) -> bool {
        match self {
            Self::Refused(refusal) => {
                !matches!(refusal.code, code::TOKEN | code::FORBIDDEN | code::STOPPING)
            }
            Self::Local { .. }
            | Self::Plan(_)
            | Self::Changed { .. }
            | Self::ChangedThere { .. }
            | Self::Damaged { .. }
            | Self::WrongReceipt { .. }
            | Self::LessSafe { .. }
            | Self::TargetExists { .. } => true,
            _ => false,
        }
    }

    pub(super) fn local(action: &'static str, path: impl Into<PathBuf>, errno: Errno) -> Self {
        Self::Local { action, path: path.into(), errno }
    }
}

/// What was going on when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// The server was greeted.
    Greeting,
    /// An answer to a request was awaited.
    Asking,
    /// Bytes were sent.
    Sending,
    /// The server was to make the bytes safe and say so.
    WaitingForReceipt,
    /// Bytes were received.
    Receiving,
    /// Something on this computer was waited for, or the next try.
    Waiting,
}

impl std::fmt::Display for Activity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Greeting => "greeting the server",
            Self::Asking => "waiting for an answer",
            Self::Sending => "sending",
            Self::WaitingForReceipt => "waiting for the receipt",
            Self::Receiving => "receiving",
            Self::Waiting => "waiting on this side",
        })
    }
}

/// A plan that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum PlanProblem {
    /// There is nothing to send or get.
    #[error("nothing to do: no file was named")]
    Nothing,
    /// An address of datagrams.
    #[error("files travel over streams; {address} is none")]
    NotAStream {
        /// The address.
        address: String,
    },
    /// A directory, without being asked to send directories.
    #[error("{} is a directory; send it with -r", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
    },
    /// Neither a file nor a directory.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// A file with more or fewer bytes than its size, as those of the kernel are.
    #[error("{} does not tell its true size; send it as standard input", path.display())]
    NoSize {
        /// Which.
        path: PathBuf,
    },
    /// No stored name can be made of this local name.
    #[error("{} cannot be stored under that name: {}", path.display(), name_problem_text(*problem))]
    Name {
        /// Which.
        path: PathBuf,
        /// The text that was to be the name, as far as it is text.
        name: String,
        /// Why not; `None` when it is not UTF-8.
        problem: Option<NameProblem>,
    },
    /// Two local files would have one stored name.
    #[error("{} and {} would both be {}", first.display(), second.display(), name.as_str())]
    SameName {
        /// The name.
        name: Name,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// Standard input has no name of its own.
    #[error("standard input needs a name: --name NAME")]
    InputNeedsName,
    /// Standard input can be sent once.
    #[error("standard input can be sent only once")]
    InputTwice,
    /// One name for several files.
    #[error("--name is for one file or directory; {count} were given")]
    OneNameForMany {
        /// How many.
        count: usize,
    },
    /// One range for several files.
    #[error("a range is for one file; {count} were given")]
    OneRangeForMany {
        /// How many.
        count: usize,
    },
    /// A name that no stored file has.
    #[error("{name:?} names no stored file: {}", name_problem_text(Some(*problem)))]
    StoredName {
        /// What was given.
        name: String,
        /// What is wrong with it.
        problem: NameProblem,
    },
    /// Two stored files would become one local file.
    #[error("{} and {} would both be {}", first.as_str(), second.as_str(), path.display())]
    SameTarget {
        /// The local file.
        path: PathBuf,
        /// One stored file.
        first: Name,
        /// The other.
        second: Name,
    },
    /// Several files cannot become one.
    #[error("{} files cannot all become {}; name a directory", count, path.display())]
    ManyIntoOne {
        /// How many.
        count: usize,
        /// The one target.
        path: PathBuf,
    },
    /// A file of this name is here already.
    #[error("{} exists; it is not replaced", path.display())]
    TargetExists {
        /// Where.
        path: PathBuf,
    },
}

impl PlanProblem {
    fn ending(&self) -> Ending {
        match self {
            Self::NotAFile { .. } | Self::NoSize { .. } => Ending::Failed,
            Self::TargetExists { .. } | Self::SameName { .. } | Self::SameTarget { .. } => {
                Ending::Refused
            }
            _ => Ending::Usage,
        }
    }
}

/// What a server said instead of doing what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error("{}{code} {text}", subject_text(name.as_ref()))]
pub struct Refusal {
    /// The file it is about, when it is about one.
    pub name: Option<Name>,
    /// The code of the answer: 400 to 599.
    pub code: u16,
    /// Its text, escaped.
    pub text: String,
    /// The size of what has the name (409), or of the file (416), in bytes.
    pub size: Option<u64>,
    /// The hash of what has the name (409), or of the bytes that came (411).
    pub hash: Option<Hash>,
    /// The most the server takes (413), in bytes.
    pub limit: Option<u64>,
    /// The server's error number (500).
    pub errno: Option<i32>,
}

impl Refusal {
    /// How the command ends. Refused is what the same command would be told again: not allowed,
    /// taken, too large, no space. A missing file, a broken disk and a server that stops are
    /// failures.
    pub fn ending(&self) -> Ending {
        match self.code {
            401 | 403 | 409 | 413 | 416 | 422 | 429 | 507 => Ending::Refused,
            408 => Ending::TimeRanOut,
            _ => Ending::Failed,
        }
    }

    /// Whether the name has other content.
    pub fn is_name_taken(&self) -> bool {
        self.code == code::NAME_TAKEN
    }
}

fn lost_text(errno: Option<Errno>) -> String {
    errno.map(|errno| format!(": {errno}")).unwrap_or_default()
}

fn subject_text(name: Option<&Name>) -> String {
    name.map(|name| format!("{}: ", name.as_str())).unwrap_or_default()
}

/// Why a name is none, in English.
pub fn name_problem_text(problem: Option<NameProblem>) -> &'static str {
    match problem {
        None => "it is not UTF-8",
        Some(NameProblem::Empty) => "it is empty",
        Some(NameProblem::EmptyComponent) => "it begins or ends with / or has // in it",
        Some(NameProblem::Dots) => "it has . or .. as a component",
        Some(NameProblem::Control) => "it has a control character",
        Some(NameProblem::TooLong) => "it has more than 1024 bytes",
        Some(NameProblem::ComponentTooLong) => "it has a component of more than 255 bytes",
        Some(NameProblem::TooDeep) => "it has more than 64 components",
        Some(NameProblem::Reserved) => "the store keeps .colok for itself",
        Some(_) => "it is not a name",
    }
}
