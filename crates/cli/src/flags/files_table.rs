//! The flags of the verbs about files: `send`, `get`, `list`, `stat`, `verify`.

use super::Flag;
use super::serve_table::DURABILITIES;
use crate::messages::Id;

const TOKEN_FILE: Flag = Flag::path("token-file", "FILE", Id::FilesTokenFile);
const CONNECT_TIMEOUT: Flag = Flag::valued("connect-timeout", "TIME", Id::ConnectConnectTimeout);
const IDLE_TIMEOUT: Flag = Flag::valued("idle-timeout", "TIME", Id::FilesIdleTimeout);
const DEADLINE: Flag = Flag::valued("deadline", "TIME", Id::ConnectDeadline);
const RETRY: Flag = Flag::valued("retry", "TIME", Id::ConnectRetry);
const LOG: Flag = Flag::valued("log", "json:FILE", Id::ConnectLog);
const JSON: Flag = Flag::switch("json", Id::FilesJson);
const QUIET: Flag = Flag::switch("quiet", Id::FilesQuiet).short('q');

/// In the order of the help.
pub(super) const SEND_FLAGS: &[Flag] = &[
    Flag::switch("recursive", Id::SendRecursive).short('r'),
    Flag::valued("name", "NAME", Id::SendName),
    Flag::valued("prefix", "PREFIX", Id::SendPrefix),
    Flag::valued("durability", "LEVEL", Id::SendDurability).choices(&DURABILITIES),
    Flag::path("receipt", "FILE", Id::SendReceipt),
    TOKEN_FILE,
    CONNECT_TIMEOUT,
    IDLE_TIMEOUT,
    DEADLINE,
    RETRY,
    LOG,
    JSON,
    QUIET,
];

/// In the order of the help.
pub(super) const GET_FLAGS: &[Flag] = &[
    Flag::path("output", "PATH", Id::GetOutput).short('o'),
    Flag::valued("range", "A-B", Id::GetRange),
    Flag::switch("force", Id::GetForce).short('f'),
    CONNECT_TIMEOUT,
    IDLE_TIMEOUT,
    DEADLINE,
    RETRY,
    LOG,
    JSON,
    QUIET,
];

/// In the order of the help.
pub(super) const LIST_FLAGS: &[Flag] = &[
    CONNECT_TIMEOUT,
    IDLE_TIMEOUT,
    DEADLINE,
    RETRY,
    LOG,
    Flag::switch("json", Id::ListJson),
    Flag::switch("quiet", Id::ListQuiet).short('q'),
];

/// In the order of the help.
pub(super) const STAT_FLAGS: &[Flag] = &[
    Flag::switch("reread", Id::StatReread),
    CONNECT_TIMEOUT,
    IDLE_TIMEOUT,
    DEADLINE,
    RETRY,
    LOG,
    Flag::switch("json", Id::ListJson),
];

/// In the order of the help.
pub(super) const VERIFY_FLAGS: &[Flag] = &[
    CONNECT_TIMEOUT,
    IDLE_TIMEOUT,
    DEADLINE,
    RETRY,
    LOG,
    JSON,
    Flag::switch("quiet", Id::VerifyQuiet).short('q'),
];
