//! The flags of `colok serve`.

use super::Flag;
use crate::messages::Id;

/// In the order of the help.
pub(super) const SERVE_FLAGS: &[Flag] = &[
    Flag::valued("model", "MODEL", Id::ServeModel).choices(&[
        "auto",
        "sequential",
        "threads",
        "processes",
        "events",
    ]),
    Flag::valued("idle-timeout", "TIME", Id::ServeIdleTimeout),
    Flag::valued("message-gap", "TIME", Id::ServeMessageGap),
    Flag::valued("max-connections", "N", Id::ServeMaxConnections),
    Flag::valued("max-per-ip", "N", Id::ServeMaxPerIp),
    Flag::valued("workers", "N", Id::ServeWorkers),
    Flag::valued("turn", "TIME", Id::ServeTurn),
    Flag::valued("drain", "TIME", Id::ServeDrain),
    Flag::switch("quiet", Id::ServeQuiet).short('q').conflicts(&["verbose", "calls"]),
    Flag::switch("verbose", Id::ServeVerbose).short('v'),
    Flag::valued("log", "json:FILE", Id::ServeLog),
    Flag::switch("calls", Id::ServeCalls),
];
