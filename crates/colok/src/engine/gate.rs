//! Admission: who may be served, the numbers of connections, and the totals.
//!
//! One gate serves a whole server. In worker processes it asks the supervisor, so that limits and
//! totals hold across them. It decides only by counting; it never looks at bytes.

use std::collections::HashMap;
use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use colok_proto::{Address, Peer, Refusal};
use serde::{Deserialize, Serialize};

use crate::engine::Limits;
use crate::observe::Totals;

/// Connections that are being told why they are refused, at once. More are closed without a word,
/// so that refusing cannot use up the descriptors it protects.
const REFUSALS_AT_ONCE_MAX: usize = 64;

/// Bytes received and sent.
pub(crate) type Moved = (u64, u64);

/// What became of datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DatagramsDone {
    /// Served.
    pub(crate) served: u64,
    /// Not answered, by rule.
    pub(crate) refused: u64,
    /// Thrown away by the kernel, because they came faster than they were read.
    pub(crate) dropped: u64,
    /// Their bytes, and those of their replies.
    pub(crate) moved: Moved,
}

/// Decides over admission and keeps count.
pub(crate) trait Gate: Debug + Send + Sync {
    /// Asks for a connection: its number in the log, or why not.
    fn admit(&self, service: &'static str, peer: &Peer) -> Result<u64, Refusal>;

    /// An admitted connection is over.
    fn release(&self, connection: u64, remote: Option<IpAddr>, moved: Moved);

    /// Asks to tell a refused connection why; false when too many are being told.
    fn begin_refusal(&self) -> bool;

    /// A refused connection has been told.
    fn end_refusal(&self);

    /// Datagrams came.
    fn datagrams(&self, done: &DatagramsDone);

    /// What was done so far.
    fn totals(&self) -> Totals;
}

/// The internet address of a peer, which limits per address count by.
pub(crate) fn ip_of(remote: &Address) -> Option<IpAddr> {
    match remote {
        Address::Inet(address) => Some(address.ip().to_canonical()),
        Address::Unix(_) => None,
    }
}

/// The gate of a server in one process.
#[derive(Debug)]
pub(crate) struct LocalGate {
    connections_max: usize,
    per_ip_max: Option<usize>,
    limit_loopback: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    totals: Totals,
    open: usize,
    refusing: usize,
    /// Connections per address, only for addresses that are limited and have any. Bounded by
    /// `connections_max`.
    per_ip: HashMap<IpAddr, usize>,
}

impl LocalGate {
    /// A gate with these limits.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            connections_max: limits.connections_max,
            per_ip_max: limits.connections_per_ip_max,
            limit_loopback: limits.limit_loopback,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // The counts are whole after every statement, so a panic elsewhere does not spoil them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The limit that holds for this address, if one does.
    fn limited(&self, remote: Option<IpAddr>) -> Option<(IpAddr, usize)> {
        let address = remote?;
        let exempt = address.is_loopback() && !self.limit_loopback;
        self.per_ip_max.filter(|_| !exempt).map(|limit| (address, limit))
    }

    /// Admits a connection from an address, which is all that is counted.
    pub(crate) fn admit_address(&self, remote: Option<IpAddr>) -> Result<u64, Refusal> {
        let limited = self.limited(remote);
        let mut state = self.state();
        if state.open >= self.connections_max {
            return Err(Refusal::Connections);
        }
        if let Some((address, limit)) = limited {
            let held = state.per_ip.entry(address).or_default();
            if *held >= limit {
                return Err(Refusal::ConnectionsPerAddress);
            }
            *held += 1;
        }
        state.open += 1;
        state.totals.connections += 1;
        Ok(state.totals.connections)
    }

    /// A worker process had no room for so many records.
    pub(crate) fn records_dropped(&self, records: u64) {
        self.state().totals.records_dropped += records;
    }

    /// A worker process died.
    pub(crate) fn worker_lost(&self) {
        self.state().totals.workers_lost += 1;
    }
}

impl Gate for LocalGate {
    fn admit(&self, _service: &'static str, peer: &Peer) -> Result<u64, Refusal> {
        self.admit_address(ip_of(&peer.remote))
    }

    fn release(&self, _connection: u64, remote: Option<IpAddr>, moved: Moved) {
        let limited = self.limited(remote);
        let mut state = self.state();
        state.open -= 1;
        state.totals.bytes_received += moved.0;
        state.totals.bytes_sent += moved.1;
        if let Some((address, _)) = limited
            && let Some(held) = state.per_ip.get_mut(&address)
        {
            *held -= 1;
            if *held == 0 {
                state.per_ip.remove(&address);
            }
        }
        if state.open == 0 {
            // A burst leaves nothing behind.
            state.per_ip.shrink_to_fit();
        }
    }

    fn begin_refusal(&self) -> bool {
        let mut state = self.state();
        state.totals.refused += 1;
        let tell = state.refusing < REFUSALS_AT_ONCE_MAX;
        state.refusing += usize::from(tell);
        tell
    }

    fn end_refusal(&self) {
        self.state().refusing -= 1;
    }

    fn datagrams(&self, done: &DatagramsDone) {
        let mut state = self.state();
        state.totals.datagrams += done.served;
        state.totals.refused += done.refused;
        state.totals.datagrams_dropped += done.dropped;
        state.totals.bytes_received += done.moved.0;
        state.totals.bytes_sent += done.moved.1;
    }

    fn totals(&self) -> Totals {
        self.state().totals
    }
}

/// A place at the gate; dropping it gives the place back, also when a thread panics.
#[derive(Debug)]
pub(crate) struct Admission {
    gate: Arc<dyn Gate>,
    remote: Option<IpAddr>,
    /// `None` for a connection that is being refused.
    connection: Option<u64>,
    /// What moved, told before the end.
    pub(crate) moved: Moved,
    /// Kept by its number alone; see [`Admission::keep`].
    kept: bool,
}

impl Admission {
    /// A place for an admitted connection.
    pub(crate) fn admitted(gate: Arc<dyn Gate>, remote: Option<IpAddr>, connection: u64) -> Self {
        Self { gate, remote, connection: Some(connection), moved: (0, 0), kept: false }
    }

    /// A place for a connection that is told why it is refused.
    pub(crate) fn refused(gate: Arc<dyn Gate>) -> Self {
        Self { gate, remote: None, connection: None, moved: (0, 0), kept: false }
    }

    /// The place stays taken, and whoever holds the connection knows its number: it is
    /// [`Admission::admitted`] again to be given back. For those who hold very many.
    pub(crate) fn keep(mut self) {
        self.kept = self.is_admitted();
    }

    /// Whether it is served rather than refused.
    pub(crate) fn is_admitted(&self) -> bool {
        self.connection.is_some()
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        match self.connection {
            Some(connection) => self.gate.release(connection, self.remote, self.moved),
            None => self.gate.end_refusal(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(connections_max: usize, per_ip: usize, limit_loopback: bool) -> LocalGate {
        LocalGate::new(&Limits {
            connections_max,
            connections_per_ip_max: Some(per_ip),
            limit_loopback,
            ..Limits::default()
        })
    }

    #[test]
    fn limits_hold_and_places_come_back() {
        let gate = gate(3, 2, false);
        let far = Some(IpAddr::from([192, 0, 2, 1]));
        let first = gate.admit_address(far);
        assert_eq!((first, gate.admit_address(far)), (Ok(1), Ok(2)));
        assert_eq!(gate.admit_address(far), Err(Refusal::ConnectionsPerAddress));
        assert_eq!(gate.admit_address(None), Ok(3));
        assert_eq!(gate.admit_address(None), Err(Refusal::Connections));
        gate.release(1, far, (5, 6));
        assert_eq!(gate.admit_address(far), Ok(4));
        assert_eq!(gate.totals().bytes_sent, 6);
    }

    #[test]
    fn loopback_is_limited_only_when_asked() {
        let loopback = Some(IpAddr::from([127, 0, 0, 1]));
        let free = gate(9, 1, false);
        assert!(free.admit_address(loopback).is_ok() && free.admit_address(loopback).is_ok());
        let strict = gate(9, 1, true);
        assert!(strict.admit_address(loopback).is_ok());
        assert_eq!(strict.admit_address(loopback), Err(Refusal::ConnectionsPerAddress));
    }

    #[test]
    fn refusals_are_bounded() {
        let gate = gate(1, 1, false);
        let told = (0..100).filter(|_| gate.begin_refusal()).count();
        assert_eq!(told, REFUSALS_AT_ONCE_MAX);
        assert_eq!(gate.totals().refused, 100);
    }
}
