//! The flags of `colok relay`.

use super::Flag;
use crate::messages::Id;

/// In the order of the help.
pub(super) const RELAY_FLAGS: &[Flag] = &[
    Flag::valued("fault", "'KEY=VALUE...'", Id::RelayFault).many().short('f'),
    Flag::valued("seed", "N", Id::RelaySeed),
    Flag::valued("control", "unix:PATH", Id::RelayControl),
    Flag::valued("log", "json:FILE", Id::RelayLog),
    Flag::switch("quiet", Id::RelayQuiet).short('q').conflicts(&["verbose"]),
    Flag::switch("verbose", Id::RelayVerbose).short('v'),
];
