//! Why a conversation ended, from the client's side.
//!
//! Every report of this module's neighbours holds one; the command line turns it into words and
//! an exit code.

use std::fmt;

use rustix::io::Errno;

/// Why a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The peer ended its side (FIN), and everything it sent was received.
    PeerClosed,
    /// The connection broke: the peer reset it, or, for datagrams, nothing listens there.
    Reset(Errno),
    /// All input was sent, and that was to be the end.
    InputSent,
    /// The time to wait for an answer, or for one more, was over.
    WaitOver,
    /// No byte came or went for the idle time.
    IdleTimeout,
    /// The time for the whole conversation was over.
    Deadline,
    /// The output takes no more (`EPIPE`: whoever read it is gone).
    OutputFailed(Errno),
    /// The input could not be read.
    InputFailed(Errno),
    /// The caller closed it.
    ClosedByUs,
}

impl EndReason {
    /// Its word in the log: `peer-closed`, `io(errno)`, `input-sent`, `wait-over`, `idle`,
    /// `deadline`, `output-failed(errno)`, `input-failed(errno)`, `closed-by-us`. Those that a
    /// server's log has too mean the same there.
    pub fn word(self) -> String {
        match self {
            Self::PeerClosed => "peer-closed".to_owned(),
            Self::Reset(errno) => format!("io({})", errno.raw_os_error()),
            Self::InputSent => "input-sent".to_owned(),
            Self::WaitOver => "wait-over".to_owned(),
            Self::IdleTimeout => "idle".to_owned(),
            Self::Deadline => "deadline".to_owned(),
            Self::OutputFailed(errno) => format!("output-failed({})", errno.raw_os_error()),
            Self::InputFailed(errno) => format!("input-failed({})", errno.raw_os_error()),
            Self::ClosedByUs => "closed-by-us".to_owned(),
        }
    }

    /// Whether a time that the user set ran out.
    pub fn ran_out_of_time(self) -> bool {
        matches!(self, Self::IdleTimeout | Self::Deadline)
    }

    /// The end that a failed output means; `passed` says whether the deadline has.
    pub(super) fn of_output(error: &std::io::Error, passed: bool) -> Self {
        if passed && error.kind() == std::io::ErrorKind::TimedOut {
            return Self::Deadline;
        }
        Self::OutputFailed(Errno::from_io_error(error).unwrap_or(Errno::IO))
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerClosed => f.write_str("the peer closed"),
            Self::Reset(errno) => write!(f, "the connection broke: {errno}"),
            Self::InputSent => f.write_str("all input was sent"),
            Self::WaitOver => f.write_str("the wait for an answer was over"),
            Self::IdleTimeout => f.write_str("idle for too long"),
            Self::Deadline => f.write_str("the time was over"),
            Self::OutputFailed(errno) => write!(f, "the output failed: {errno}"),
            Self::InputFailed(errno) => write!(f, "the input failed: {errno}"),
            Self::ClosedByUs => f.write_str("closed by us"),
        }
    }
}
