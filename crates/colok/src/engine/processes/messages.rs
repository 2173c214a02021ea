//! What supervisor and workers say to each other.

use std::net::IpAddr;

use colok_proto::Refusal;
use serde::{Deserialize, Serialize};

use crate::engine::Limits;
use crate::engine::gate::{DatagramsDone, Moved};
use crate::store::StoreOptions;

/// Supervisor to worker, first: what to do. The descriptors that come with it are the admission
/// channel and then one socket per entry of `services`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SetUp {
    /// The bounds; one worker thread.
    pub(super) limits: Limits,
    /// What to serve, as service addresses with every option named.
    pub(super) services: Vec<String>,
    /// The ports of all UDP services, also of those that other workers serve.
    pub(super) own_ports: Vec<u16>,
    /// Where files live, if any service has some.
    pub(super) store: Option<StoreOptions>,
    /// How much is to be reported.
    pub(super) reporting: Reporting,
}

/// How much a worker reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reporting {
    /// Nothing.
    Nothing,
    /// Events of connections.
    Events,
    /// More.
    Detail {
        /// Each message.
        messages: bool,
        /// Each call.
        calls: bool,
        /// The hashes of what each connection carried.
        hashes: bool,
    },
}

/// Supervisor to worker, later.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// Accept no more, finish what is in flight.
    Drain,
}

/// Worker to supervisor, over the admission channel.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Asks for a connection. Answered by [`Answer`].
    Admit { service: String, local: String, remote: String, address: Option<IpAddr> },
    /// A connection is over.
    Release { connection: u64, moved: Moved },
    /// Asks to tell a refused connection why. Answered by [`Answer`].
    BeginRefusal,
    /// It was told.
    EndRefusal,
    /// Datagrams came.
    Datagrams(DatagramsDone),
}

/// Supervisor to worker, over the admission channel.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// Yes; the number of the connection, or 0.
    Yes(u64),
    /// No: the server is full.
    Full,
    /// No: the address holds too many connections.
    FullForAddress,
}

impl From<Result<u64, Refusal>> for Answer {
    fn from(admitted: Result<u64, Refusal>) -> Self {
        match admitted {
            Ok(connection) => Self::Yes(connection),
            Err(Refusal::ConnectionsPerAddress) => Self::FullForAddress,
            Err(Refusal::Connections | Refusal::Stopping) => Self::Full,
        }
    }
}

impl From<Answer> for Result<u64, Refusal> {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes(connection) => Ok(connection),
            Answer::Full => Err(Refusal::Connections),
            Answer::FullForAddress => Err(Refusal::ConnectionsPerAddress),
        }
    }
}
