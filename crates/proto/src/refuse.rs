//! The machine for a connection that is not served: it says why, and closes.
//!
//! It never reads what the peer sends and never keeps it waiting; the lingering close of the
//! session lets the peer read the reason whatever it was sending. The texts are part of the wire
//! contract and are never translated.

use crate::{Input, Machine, Outbox, Reason, Time};

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The server holds as many connections as it may.
    Connections,
    /// This address holds as many connections as one address may.
    ConnectionsPerAddress,
    /// The server is stopping.
    Stopping,
}

impl Refusal {
    /// The line sent to the peer, newline included.
    pub const fn wire_text(self) -> &'static str {
        match self {
            Self::Connections => "refused: the server is full, try again later\n",
            Self::ConnectionsPerAddress => "refused: too many connections from your address\n",
            Self::Stopping => "refused: the server is stopping\n",
        }
    }

    /// The word used in logs and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connections => "max-connections",
            Self::ConnectionsPerAddress => "max-per-ip",
            Self::Stopping => "stopping",
        }
    }
}

/// Says why and closes; see the module.
#[derive(Debug)]
pub struct Refuse(Refusal);

impl Refuse {
    /// A machine that gives this reason.
    pub fn new(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl Machine for Refuse {
    fn input(&mut self, _now: Time, input: Input<'_>, out: &mut dyn Outbox) -> usize {
        if let Input::Opened { .. } = input {
            // A fresh outbox has room for one line; were it ever full, closing is still right.
            let _ = out.bytes(self.0.wire_text().as_bytes());
            out.close(Reason::Limit);
        }
        0
    }

    fn deadline(&self) -> Option<Time> {
        None
    }
}
