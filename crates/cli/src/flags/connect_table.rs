//! The flags of `colok connect`.

use super::Flag;
use crate::messages::Id;

/// In the order of the help.
pub(super) const CONNECT_FLAGS: &[Flag] = &[
    Flag::valued("send", "TEXT", Id::ConnectSend).short('s').many(),
    Flag::valued("expect", "PATTERN", Id::ConnectExpect).short('e').many(),
    Flag::valued("within", "TIME", Id::ConnectWithin).many(),
    Flag::valued("on-eof", "ACTION", Id::ConnectOnEof),
    Flag::valued("datagram", "line|SIZE", Id::ConnectDatagram),
    Flag::valued("wait", "TIME", Id::ConnectWait),
    Flag::valued("connect-timeout", "TIME", Id::ConnectConnectTimeout),
    Flag::valued("idle-timeout", "TIME", Id::ConnectIdleTimeout),
    Flag::valued("deadline", "TIME", Id::ConnectDeadline),
    Flag::valued("retry", "TIME", Id::ConnectRetry),
    Flag::valued("source", "ADDRESS", Id::ConnectSource),
    Flag::switch("hex", Id::ConnectHex).short('x'),
    Flag::switch("crlf", Id::ConnectCrlf),
    Flag::switch("reconnect", Id::ConnectReconnect),
    Flag::switch("verbose", Id::ConnectVerbose).short('v'),
    Flag::switch("calls", Id::ConnectCalls),
    Flag::valued("log", "json:FILE", Id::ConnectLog),
    Flag::path("save", "FILE", Id::ConnectSave),
];
