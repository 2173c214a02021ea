//! The flags of `colok serve`.

use super::{Flag, Topic};
use crate::messages::Id;

/// In the order of the help.
pub(super) const SERVE_FLAGS: &[Flag] = &[
    Flag::valued("model", "MODEL", Id::ServeModel).choices(&[
        "auto",
        "sequential",
        "threads",
        "processes",
        "events",
        "uring",
    ]),
    Flag::valued("idle-timeout", "TIME", Id::ServeIdleTimeout),
    Flag::valued("message-gap", "TIME", Id::ServeMessageGap),
    Flag::valued("max-connections", "N", Id::ServeMaxConnections),
    Flag::valued("max-per-ip", "N", Id::ServeMaxPerIp),
    Flag::valued("workers", "N", Id::ServeWorkers),
    Flag::valued("busy-poll", "TIME", Id::ServeBusyPoll),
    Flag::valued("turn", "TIME", Id::ServeTurn),
    Flag::valued("drain", "TIME", Id::ServeDrain),
    Flag::switch("quiet", Id::ServeQuiet).short('q').conflicts(&["verbose", "calls"]),
    Flag::switch("verbose", Id::ServeVerbose).short('v'),
    Flag::valued("log", "json:FILE", Id::ServeLog),
    Flag::switch("log-hashes", Id::ServeLogHashes),
    Flag::switch("calls", Id::ServeCalls),
];

/// What concerns the file store alone.
pub(super) const FILES_TOPIC: Topic = Topic {
    name: "files",
    about: Id::ServeFilesAbout,
    heading: Id::ServeFilesHeading,
    flags: FILES_FLAGS,
    footer: Id::ServeFilesFooter,
};

const FILES_FLAGS: &[Flag] = &[
    Flag::path("root", "DIR", Id::ServeRoot),
    Flag::switch("read-only", Id::ServeReadOnly)
        .conflicts(&["token-file", "allow-anonymous-write"]),
    Flag::switch("no-list", Id::ServeNoList),
    Flag::path("token-file", "FILE", Id::ServeTokenFile).conflicts(&["allow-anonymous-write"]),
    Flag::switch("allow-anonymous-write", Id::ServeAllowAnonymousWrite),
    Flag::valued("min-durability", "LEVEL", Id::ServeMinDurability).choices(&DURABILITIES),
    Flag::valued("max-file-size", "SIZE", Id::ServeMaxFileSize),
    Flag::valued("max-store-size", "SIZE", Id::ServeMaxStoreSize),
    Flag::valued("keep-free", "PERCENT", Id::ServeKeepFree),
    Flag::valued("max-uploads", "N", Id::ServeMaxUploads),
    Flag::valued("max-uploads-per-client", "N", Id::ServeMaxUploadsPerClient),
    Flag::valued("keep-partial", "TIME", Id::ServeKeepPartial),
    Flag::valued("max-rate", "SIZE", Id::ServeMaxRate),
];

/// The words for how safe stored bytes are.
pub(super) const DURABILITIES: [&str; 3] = ["none", "file", "full"];
