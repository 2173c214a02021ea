//! Names that scenarios may use, where the system or the rest of colok defines them.

/// Signals that can be sent to a program or end one, without `SIG` (signal(7)).
pub(super) const SIGNALS: [&str; 18] = [
    "ABRT", "ALRM", "BUS", "CONT", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV",
    "STOP", "SYS", "TERM", "TRAP", "USR1", "USR2",
];

/// Languages of colok's messages.
pub(super) const LANGUAGES: [&str; 2] = ["en", "id"];

/// Events of colok's logs: of servers, of clients, of relays.
pub(super) const EVENTS: [&str; 22] = [
    "accepted",
    "answered",
    "call",
    "closed",
    "connected",
    "dropped",
    "failed",
    "fault",
    "faults",
    "file",
    "message",
    "notice",
    "paused",
    "received",
    "refused",
    "replied",
    "resumed",
    "sent",
    "started",
    "stopped",
    "stopping",
    "worker-lost",
];

/// Verbs of colok that tell events (`--log json:FILE`).
pub(super) const LOGGING_VERBS: [&str; 8] =
    ["connect", "get", "list", "relay", "send", "serve", "stat", "verify"];

/// Why a connection is closed; `io`, `input-failed` and `output-failed` have the number of the
/// error behind them in parentheses.
pub(super) const CLOSE_REASONS: [&str; 17] = [
    "closed-by-us",
    "cut",
    "deadline",
    "fail-first",
    "idle",
    "input-failed",
    "input-sent",
    "io",
    "limit",
    "output-failed",
    "peer-closed",
    "protocol",
    "quit",
    "reset",
    "shutdown",
    "wait-over",
    "worker-lost",
];
