//! What to do: to whom, with what, how fast, for how long.
//!
//! Plain data that is checked once and then handed to threads, to processes and into the report.
//! Nothing here resolves a name or opens a socket.

mod check;
mod kind;

use std::net::SocketAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use check::{CONNECTIONS_MAX, DEPTH_MAX, LENGTH_MAX, PlanError, RATE_MAX, THREADS_MAX};
pub(super) use kind::caller_kind;

/// A whole plan. [`Plan::check`] says whether it can be carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The address as a URL, as the user gave it.
    pub url: String,
    /// Where that is. Resolved once, so that every thread and process means the same.
    pub address: Address,
    /// What is asked there, and what must come back.
    pub call: Call,
    /// Connections (TCP, Unix) or sockets (UDP) held open: 1 to 1 000 000.
    pub connections: u32,
    /// How many of them send; the others only stay open. At least 1, at most all.
    pub active: u32,
    /// Messages that may wait for their reply on one connection: 1 to 1024.
    pub depth: u32,
    /// Closed loop, or open loop at a rate.
    pub pace: Pace,
    /// How large messages are, in bytes, everything included.
    pub sizes: Sizes,
    /// Close and connect anew after so many messages; `Some(1)` is connect, request, close.
    pub messages_per_connection: Option<u64>,
    /// Over what time connections are opened.
    #[serde(with = "seconds")]
    #[schemars(with = "f64")]
    pub ramp_up_s: Duration,
    /// What is sent in this time after all connections are open is checked but not measured.
    #[serde(with = "seconds")]
    #[schemars(with = "f64")]
    pub warm_up_s: Duration,
    /// When one run is over.
    pub length: Length,
    /// Repeat runs until the throughput is known well enough.
    pub until: Option<Until>,
    /// A message without a reply for so long is lost.
    #[serde(with = "seconds")]
    #[schemars(with = "f64")]
    pub reply_timeout_s: Duration,
    /// A connection not made for so long is a failure.
    #[serde(with = "seconds")]
    #[schemars(with = "f64")]
    pub connect_timeout_s: Duration,
    /// Threads per process.
    pub threads: u32,
    /// Processors that the threads are pinned to, in turn; empty: not pinned.
    pub pin: Vec<u32>,
    /// Processes; more than one only where one cannot hold the connections, or on request.
    pub processes: u32,
    /// How the kernel is asked.
    pub io: Io,
    /// Seeds the arrival times and sizes: the same seed gives the same ones.
    pub seed: u64,
    /// The process that serves, when it is on this machine; its children are counted too.
    pub server_pid: Option<u32>,
}

/// Where a service is, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Address {
    /// A TCP stream.
    Tcp(SocketAddr),
    /// UDP datagrams.
    Udp(SocketAddr),
    /// A Unix stream at a path, or, with a leading `@`, in the abstract namespace.
    Unix(String),
}

impl Address {
    /// Whether bytes come as a stream.
    pub fn is_stream(&self) -> bool {
        !matches!(self, Self::Udp(_))
    }
}

/// What is asked and what must come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// Every message comes back as it was sent.
    Echo,
    /// Every line is answered with the number of its characters (or bytes), in one of two
    /// languages.
    Count {
        /// `id` or `en`.
        language: String,
        /// `chars` or `bytes`.
        unit: String,
    },
    /// Nothing comes back, and at the end the server closes: it has taken everything.
    Discard,
    /// Nothing is asked; the lines of RFC 864 come for as long as they are read.
    Chargen,
    /// Small files are pushed, each under a name of its own; every receipt must match.
    Files,
    /// A text of the user's, and the pattern that each reply must match from its first byte to
    /// its last. Pattern as in `colok connect --expect`.
    Custom {
        /// With escapes, as it was given.
        send: String,
        /// With escapes and wildcards, as it was given.
        expect: String,
    },
}

/// Who decides when the next message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// The replies: each connection keeps `depth` messages on their way.
    Closed,
    /// A schedule that does not wait for replies.
    Open {
        /// Messages per second over all connections.
        rate_per_s: f64,
        /// How they are spread.
        arrivals: Arrivals,
    },
}

/// How the messages of an open loop are spread over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// Independent of each other, as those of many unrelated clients: exponential gaps.
    Poisson,
    /// All gaps equal.
    Even,
}

/// How large messages are, in bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sizes {
    /// All the same.
    Fixed(u32),
    /// Every size from the first to the last, each as likely.
    Uniform(u32, u32),
    /// One of these, by weight.
    Weighted(Vec<(u32, f64)>),
}

/// When a run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Length {
    /// After this time, warm-up not counted.
    For(
        #[serde(with = "seconds")]
        #[schemars(with = "f64")]
        Duration,
    ),
    /// After so many messages in all, warm-up included.
    Messages(u64),
}

/// Repeat until the throughput is known well enough.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Until {
    /// Half the width of the 95 % confidence interval, in percent of the mean, at most this.
    pub percent: f64,
    /// Give up after so many runs, and say so.
    pub runs_max: u32,
}

/// How the kernel is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Io {
    /// What is fastest here for this plan.
    Auto,
    /// `epoll(7)` with a call per message and direction.
    Epoll,
    /// `io_uring(7)`; streams only.
    Uring,
}

/// Durations in JSON: seconds, as a number.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(time.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(D::Error::custom)
    }
}
