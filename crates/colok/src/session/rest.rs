//! What is kept of a connection on which nothing is on its way.
//!
//! A session is made to be worked with; a [`Rest`] is made to be held in great numbers. An engine
//! that shares its sessions between connections folds one to a `Rest` when a turn left nothing
//! behind ([`Session::rest`]), and unfolds it when something happens ([`Session::restore`]). A
//! connection that rested cannot be told from one that did not.
//!
//! Nothing here looks at the socket or at a deadline: both belong to the engine.

use std::mem;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use colok_proto::{Address, Peer, Residue, Time};

use super::{Drain, Phase, Session};
use crate::observe::Tap;

/// A connection at rest; see the module.
#[derive(Debug)]
pub struct Rest {
    connection: u64,
    opened_at: Time,
    active_at: Time,
    bytes_received: u64,
    bytes_sent: u64,
    ends: Ends,
    residue: Residue,
    /// The engine's own: which of its listeners the connection came from, and so which context it
    /// is to be restored with.
    pub tag: u16,
}

// A million connections at rest are a million of these.
const _: () = assert!(size_of::<Rest>() <= 64);
const _: () = assert!(size_of::<Option<Rest>>() <= 64);

/// The four-part address, small for what most connections have.
#[derive(Debug)]
enum Ends {
    V4 {
        local: Ipv4Addr,
        local_port: u16,
        remote: Ipv4Addr,
        remote_port: u16,
    },
    /// IPv6 and Unix sockets.
    Other(Box<Peer>),
}

impl Ends {
    /// Takes what `peer` says, and may leave it without names.
    #[inline]
    fn take(peer: &mut Peer) -> Self {
        if let Peer {
            local: Address::Inet(SocketAddr::V4(local)),
            remote: Address::Inet(SocketAddr::V4(remote)),
        } = peer
        {
            return Self::V4 {
                local: *local.ip(),
                local_port: local.port(),
                remote: *remote.ip(),
                remote_port: remote.port(),
            };
        }
        Self::Other(Box::new(mem::replace(peer, Peer::unnamed())))
    }

    #[inline]
    fn peer(self) -> Peer {
        let inet = |ip, port| Address::Inet(SocketAddr::V4(SocketAddrV4::new(ip, port)));
        match self {
            Self::V4 { local, local_port, remote, remote_port } => {
                Peer { local: inet(local, local_port), remote: inet(remote, remote_port) }
            }
            Self::Other(peer) => *peer,
        }
    }
}

impl Rest {
    /// Its number in the log.
    #[inline]
    pub fn connection(&self) -> u64 {
        self.connection
    }

    /// When a byte was last accepted from or by the peer.
    #[inline]
    pub fn active_at(&self) -> Time {
        self.active_at
    }

    /// Bytes received and sent so far.
    #[inline]
    pub fn bytes_moved(&self) -> (u64, u64) {
        (self.bytes_received, self.bytes_sent)
    }
}

impl<T: Tap> Session<T> {
    /// Folds the connection, between turns, if nothing is on its way and the machine can be built
    /// again from little. What remains of the session is good for nothing but
    /// [`Session::restore`], also of another connection with the same context. `tag` is kept for
    /// the engine.
    ///
    /// Ask for [`Session::deadline`] before: it goes on while the connection rests.
    #[inline]
    pub fn rest(&mut self, tag: u16) -> Option<Rest> {
        if !self.is_at_rest() {
            return None;
        }
        let residue = self.machine.rest(self.active_at)?;
        Some(Rest {
            connection: self.connection,
            opened_at: self.opened_at,
            active_at: self.active_at,
            bytes_received: self.bytes_received,
            bytes_sent: self.bytes_sent,
            ends: Ends::take(&mut self.peer),
            residue,
            tag,
        })
    }

    /// Unfolds a connection in what [`Session::rest`] left of a session with the same context,
    /// even of another connection.
    #[inline]
    pub fn restore(&mut self, rest: Rest) {
        debug_assert!(self.is_at_rest(), "only a session that rests can become another");
        let Rest { connection, opened_at, active_at, bytes_received, bytes_sent, .. } = rest;
        self.machine = self.context.service.restored(rest.residue, active_at);
        self.connection = connection;
        self.peer = rest.ends.peer();
        self.opened_at = opened_at;
        self.active_at = active_at;
        self.bytes_received = bytes_received;
        self.bytes_sent = bytes_sent;
    }

    /// Whether all that is not in a [`Rest`] is as in a session that has just been opened.
    #[inline]
    fn is_at_rest(&self) -> bool {
        let phase = self.phase == Phase::Open && self.drain == Drain::No && !self.peer_ended;
        let empty = self.backlog.is_none() && self.stored.is_none() && !self.waits_for_room;
        let unseen = !T::DETAIL || (self.preview.is_none() && self.hashes.is_none());
        phase && empty && unseen && self.bytes_taken == 0 && self.discarded == 0
    }
}

#[cfg(test)]
mod tests;
