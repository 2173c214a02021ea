//! A fault of a relay, as it is written: on a command line (`cut=1000 direction=up`), in a scenario
//! (`{ cut = 1000, direction = "up" }`), and in JSON on the control socket: the same keys.

mod rule;
mod text;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::net::url::Transport;

pub(crate) use rule::{Kind, Rule};
pub use text::FaultError;

/// Something that a relay does to traffic. Exactly one of the kinds is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    // Kinds for streams and datagrams.
    /// Each byte or datagram leaves so much later than it came: `50ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<String>,
    /// With `delay`: up to so much more or less, by chance. Streams keep their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<String>,
    /// No more than so many bytes a second: `100K`, `1M` (powers of 1024).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// Nothing passes any more from this byte on (counted from 0); nothing is closed. Datagrams:
    /// from this datagram on (counted from 1; 0 is the same as 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub black_hole: Option<u64>,
    /// The byte with this number (from 0) is turned around (all its bits). Datagrams: the first
    /// byte of the datagram with this number (from 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrupt: Option<u64>,

    // Kinds for streams only.
    /// No write of more than so many bytes, each sent at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk: Option<u64>,
    /// After so many bytes both connections are closed, in order (FIN).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<u64>,
    /// After so many bytes both connections are reset (RST).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<u64>,
    /// After so many bytes this direction ends (FIN to the receiver); the other one goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_close: Option<u64>,
    /// The first so many connections since the fault was put in place, of those that it is for, are
    /// reset as soon as they are accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_first: Option<u64>,

    // Kinds for datagrams only: by numbers (from 1, each direction counts its own) `3,7,10-12`, or
    // by chance `10%`.
    /// These datagrams are thrown away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lose: Option<String>,
    /// These datagrams are sent twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<String>,
    /// These datagrams are held back until the next one has passed, which itself is never held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reorder: Option<String>,

    // Where.
    /// To which direction it is done (default: each of the two).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// To which connections (for datagrams: clients) it is done: by numbers from 1 or by chance
    /// (default: all).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<String>,
}

impl Fault {
    /// Whether it says one thing that can be done; the error says what is wrong.
    pub fn check(&self) -> Result<(), String> {
        Rule::of(self).map(drop)
    }

    /// Whether it is right, and for this transport; the error says what is wrong.
    pub fn check_for(&self, transport: Transport) -> Result<(), String> {
        Rule::of(self)?.fits(transport)
    }
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the client to the target.
    Up,
    /// From the target to the client.
    Down,
}

impl Direction {
    /// `up` or `down`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}
