//! What a relay tells of its work, as lines of the log and as answers on its control socket.

use serde::{Deserialize, Serialize};

use super::fault::Direction;

/// What happened in a relay. `connection` is a number from 1 in the order of arrival; for datagrams
/// each client is one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum RelayEvent {
    /// A fault took effect for the first time on this direction of this connection.
    Fault {
        /// The connection.
        connection: u64,
        /// The direction, if it has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        direction: Option<Direction>,
        /// The number of the set it belongs to, from 1.
        set: u64,
        /// The fault as text.
        fault: String,
        /// On which byte (from 0) or datagram (from 1).
        #[serde(skip_serializing_if = "Option::is_none")]
        at: Option<u64>,
        /// How often, or on how many bytes, so far.
        count: u64,
    },
    /// Other faults hold from now on.
    Faults {
        /// What holds.
        #[serde(flatten)]
        set: FaultSet,
    },
    /// A connection is over.
    Closed(Box<ClosedConnection>),
    /// The relay has stopped.
    Stopped(RelayTotals),
}

/// The account of a connection in bytes. Up is from the client to the target.
///
/// Always, of each direction: received + added = sent + dropped + held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedConnection {
    /// Its number.
    pub connection: u64,
    /// `relay`.
    pub service: String,
    /// Our end towards the client.
    pub local: String,
    /// The client.
    pub remote: String,
    /// The target; empty when it was not reached.
    pub target: String,
    /// Why: `peer-closed`, `io(errno)`, `cut`, `reset`, `fail-first`, `idle`, `shutdown`.
    pub reason: String,
    /// Who ended it: `client`, `target`, `fault` or `relay`.
    pub by: String,
    /// Came from the client.
    pub up_received: u64,
    /// Left to the target.
    pub up_sent: u64,
    /// From the client, thrown away.
    pub up_dropped: u64,
    /// From the client, still on their way at the end.
    pub up_held: u64,
    /// Made by a fault that sends datagrams twice.
    pub up_added: u64,
    /// Came from the target.
    pub down_received: u64,
    /// Left to the client.
    pub down_sent: u64,
    /// From the target, thrown away.
    pub down_dropped: u64,
    /// From the target, still on their way at the end.
    pub down_held: u64,
    /// Made by a fault that sends datagrams twice.
    pub down_added: u64,
    /// The same of datagrams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_datagrams: Option<DatagramAccount>,
    /// The same of datagrams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down_datagrams: Option<DatagramAccount>,
    /// BLAKE3 of what came from the client, in hexadecimal, if a log is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_received_blake3: Option<String>,
    /// BLAKE3 of what left to the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_sent_blake3: Option<String>,
    /// BLAKE3 of what came from the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down_received_blake3: Option<String>,
    /// BLAKE3 of what left to the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down_sent_blake3: Option<String>,
    /// How long it was open.
    pub duration_ms: u64,
}

/// What became of the datagrams of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatagramAccount {
    /// Came.
    pub received: u64,
    /// Left.
    pub sent: u64,
    /// Were thrown away.
    pub dropped: u64,
    /// Were still on their way at the end.
    pub held: u64,
    /// Were made by a fault.
    pub added: u64,
}

/// A set of faults and how often each was applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultSet {
    /// Its number, from 1.
    pub set: u64,
    /// The faults, in their order.
    pub faults: Vec<FaultCount>,
}

/// A fault and how often it was applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultCount {
    /// The fault as text.
    pub fault: String,
    /// How often; for `delay`, `rate`, `chunk` and `black_hole` of streams to how many bytes.
    pub applied: u64,
}

/// What a relay did in its life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayTotals {
    /// Connections (for datagrams: clients) that came.
    pub connections: u64,
    /// Those that there was no room for.
    pub refused: u64,
    /// Bytes from clients.
    pub up_received: u64,
    /// Bytes to the target.
    pub up_sent: u64,
    /// Bytes from the target.
    pub down_received: u64,
    /// Bytes to clients.
    pub down_sent: u64,
    /// Every set of faults that held, in order.
    pub sets: Vec<FaultSet>,
    /// Records that the log had no room for.
    pub records_dropped: u64,
}

/// The state of a relay, as its control socket tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayStatus {
    /// The faults that hold now.
    #[serde(flatten)]
    pub now: FaultSet,
    /// Those that held before, in order.
    pub earlier: Vec<FaultSet>,
    /// Connections (for datagrams: clients) that came.
    pub connections: u64,
    /// Those of them that are still there.
    pub open: u64,
}
