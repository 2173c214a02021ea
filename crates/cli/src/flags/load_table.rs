//! The flags of `colok load`.

use super::{Flag, Topic};
use crate::messages::Id;

/// In the order of the help.
pub(super) const LOAD_FLAGS: &[Flag] = &[
    Flag::valued("connections", "N", Id::LoadConnections).short('c'),
    Flag::valued("depth", "N", Id::LoadDepth).short('d'),
    Flag::valued("rate", "N", Id::LoadRate).short('r'),
    Flag::valued("size", "SIZES", Id::LoadSize).short('s'),
    Flag::valued("for", "TIME", Id::LoadFor).conflicts(&["messages"]),
    Flag::valued("messages", "N", Id::LoadMessages).short('n'),
    Flag::valued("until-ci", "PERCENT", Id::LoadUntilCi).conflicts(&["messages"]),
    Flag::valued("server-pid", "PID", Id::LoadServerPid),
    Flag::path("html", "FILE", Id::LoadHtml),
    Flag::switch("json", Id::LoadJson),
    Flag::path("compare", "A.json B.json", Id::LoadCompare).pair(),
    Flag::switch("quiet", Id::LoadQuiet).short('q'),
];

/// What a first load does without.
pub(super) const MORE_TOPIC: Topic = Topic {
    name: "more",
    about: Id::LoadMoreAbout,
    heading: Id::LoadMoreHeading,
    flags: MORE_FLAGS,
    footer: Id::LoadMoreFooter,
};

const MORE_FLAGS: &[Flag] = &[
    Flag::valued("active", "N", Id::LoadActive),
    Flag::valued("arrivals", "HOW", Id::LoadArrivals).choices(&["poisson", "even"]),
    Flag::valued("send", "TEXT", Id::LoadSend),
    Flag::valued("expect", "PATTERN", Id::LoadExpect),
    Flag::valued("messages-per-connection", "N", Id::LoadMessagesPerConnection),
    Flag::valued("ramp-up", "TIME", Id::LoadRampUp),
    Flag::valued("warm-up", "TIME", Id::LoadWarmUp),
    Flag::valued("runs-max", "N", Id::LoadRunsMax),
    Flag::valued("reply-timeout", "TIME", Id::LoadReplyTimeout),
    Flag::valued("connect-timeout", "TIME", Id::LoadConnectTimeout),
    Flag::valued("threads", "N", Id::LoadThreads),
    Flag::valued("pin", "CORES", Id::LoadPin),
    Flag::valued("processes", "N", Id::LoadProcesses),
    Flag::valued("io", "HOW", Id::LoadIo).choices(&["auto", "epoll", "uring"]),
    Flag::valued("seed", "N", Id::LoadSeed),
    Flag::switch("schema", Id::LoadSchema),
];
