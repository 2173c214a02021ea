//! What observers are told of a client's connection: that it was made, what it carried, how it
//! ended.
//!
//! A connection has an account only when its tap wants one. Every byte that it carries goes past
//! the account, right after the call that moved it; nothing waits for who listens.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use colok_proto::{Address, Peer};
use rustix::io::Errno;

use super::end::EndReason;
use crate::error::Error;
use crate::observe::{Event, Tap, Transcript, errno_name, printable};

/// How much of what was sent or received a record shows, in bytes.
const SHOWN_BYTES: usize = 64;

/// So many calls of a connection are told one by one, which is every step of a conversation that
/// somebody wrote; what a stream carries after them is merged. With both ways together they are
/// far fewer than the queue of records holds.
const RECORDS_MAX: u32 = 1024;

/// How many bytes are merged into one record at most.
const MERGED_BYTES: u64 = 1024 * 1024;

/// The number of the last connection of this process.
static LAST_CONNECTION: AtomicU64 = AtomicU64::new(0);

/// The account of one connection. Telling of its end is its drop.
pub(super) struct Account {
    connection: u64,
    peer: Peer,
    is_stream: bool,
    opened_at: Instant,
    sent: Carried,
    received: Carried,
    /// Calls that were told one by one.
    records: u32,
    /// Why it ended: the first thing that was noticed, or what the owner says.
    reason: Option<EndReason>,
    /// Whether moved bytes are told.
    messages: bool,
    transcript: Option<Transcript>,
    tell: Box<dyn Fn(Event) + Send>,
}

/// One direction.
struct Carried {
    bytes: u64,
    hasher: Option<Box<blake3::Hasher>>,
    /// Bytes that no record has told, and the beginning of them.
    merged: u64,
    beginning: Vec<u8>,
}

impl Account {
    /// A connection was made; `took` is how long that took. `None` when nobody wants to know.
    pub(super) fn open<T: Tap>(
        tap: &T,
        peer: &Peer,
        is_stream: bool,
        took: Duration,
    ) -> Option<Self> {
        let transcript = tap.transcript();
        if !T::DETAIL || !(tap.messages() || tap.hashes() || transcript.is_some()) {
            return None;
        }
        let connection = LAST_CONNECTION.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(transcript) = transcript {
            transcript.begin(connection, peer);
        }
        tap.event(|| Event::Connected {
            connection,
            local: peer.local.to_string(),
            remote: peer.remote.to_string(),
            duration_us: micros(took),
        });
        let hashes = tap.hashes();
        let to = tap.clone();
        Some(Self {
            connection,
            peer: peer.clone(),
            is_stream,
            opened_at: Instant::now(),
            sent: Carried::new(hashes),
            received: Carried::new(hashes),
            records: 0,
            reason: None,
            messages: tap.messages(),
            transcript: transcript.cloned(),
            tell: Box::new(move |event| to.event(|| event)),
        })
    }

    /// The kernel took these bytes; over UDP they were a datagram.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        if let Some(transcript) = &self.transcript {
            transcript.sent(self.connection, bytes);
        }
        if let Some((bytes, text)) = self.told(|account| &mut account.sent, bytes) {
            (self.tell)(Event::Sent { connection: self.connection, bytes, text });
        }
    }

    /// These bytes came; `from` is who sent them, when many may answer.
    pub(super) fn received(&mut self, bytes: &[u8], from: Option<&Address>) {
        if let Some(transcript) = &self.transcript {
            transcript.received(self.connection, bytes, self.is_stream);
        }
        if let Some((bytes, text)) = self.told(|account| &mut account.received, bytes) {
            let from = from.map(ToString::to_string);
            (self.tell)(Event::Received { connection: self.connection, bytes, text, from });
        }
    }

    /// The peer sends no more.
    pub(super) fn peer_ended(&mut self) {
        self.reason.get_or_insert(EndReason::PeerClosed);
    }

    /// We told the peer that no more will come.
    pub(super) fn ended_sending(&mut self) {
        if let Some(transcript) = &self.transcript {
            transcript.ended_sending(self.connection);
        }
    }

    /// A call on it failed.
    pub(super) fn failed(&mut self, call: &str, errno: Errno) {
        self.reason.get_or_insert(EndReason::Reset(errno));
        let address = self.peer.remote.to_string();
        (self.tell)(failure(Some(self.connection), call, address, errno));
    }

    /// What a script expected has come, so long after the text before it was sent. `step` is its
    /// index.
    pub(super) fn answered(&self, step: usize, after: Duration) {
        let (connection, step) = (self.connection, step as u64 + 1);
        (self.tell)(Event::Answered { connection, step, duration_us: micros(after) });
    }

    /// It is over for this reason, whatever was noticed before.
    pub(super) fn ended(&mut self, reason: EndReason) {
        self.reason = Some(reason);
    }

    /// Counts and hashes bytes of a direction; how many are to be told now, and their beginning.
    fn told(
        &mut self,
        direction: impl FnOnce(&mut Self) -> &mut Carried,
        bytes: &[u8],
    ) -> Option<(u64, String)> {
        let one_by_one = self.records < RECORDS_MAX;
        self.records += u32::from(one_by_one);
        let messages = self.messages;
        let carried = direction(self);
        carried.add(bytes);
        let due = one_by_one || carried.merged >= MERGED_BYTES;
        (messages && due).then(|| carried.take())
    }
}

impl Carried {
    fn new(is_hashed: bool) -> Self {
        let hasher = is_hashed.then(Box::default);
        Self { bytes: 0, hasher, merged: 0, beginning: Vec::new() }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.merged += bytes.len() as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        let room = SHOWN_BYTES.saturating_sub(self.beginning.len());
        self.beginning.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn take(&mut self) -> (u64, String) {
        let text = printable(&self.beginning);
        self.beginning.clear();
        (std::mem::take(&mut self.merged), text)
    }

    fn hash(&self) -> Option<String> {
        self.hasher.as_ref().map(|hasher| hasher.finalize().to_string())
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let connection = self.connection;
        if self.messages && self.sent.merged > 0 {
            let (bytes, text) = self.sent.take();
            (self.tell)(Event::Sent { connection, bytes, text });
        }
        if self.messages && self.received.merged > 0 {
            let (bytes, text) = self.received.take();
            (self.tell)(Event::Received { connection, bytes, text, from: None });
        }
        let reason = self.reason.unwrap_or(EndReason::ClosedByUs);
        if let Some(transcript) = &self.transcript {
            transcript.end(connection, reason);
        }
        let duration_ms = self.opened_at.elapsed().as_millis();
        (self.tell)(Event::Closed {
            connection,
            service: String::new(),
            local: self.peer.local.to_string(),
            remote: self.peer.remote.to_string(),
            reason: reason.word(),
            bytes_received: self.received.bytes,
            bytes_sent: self.sent.bytes,
            received_blake3: self.received.hash(),
            sent_blake3: self.sent.hash(),
            duration_ms: u64::try_from(duration_ms).unwrap_or(u64::MAX),
        });
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// Tells of a connection that could not be made: of each address that was tried.
pub(super) fn tell_failure<T: Tap>(tap: &T, error: &Error) {
    if T::DETAIL
        && let (Some(transcript), Some(errno)) = (tap.transcript(), error.errno())
    {
        transcript.fail(errno);
    }
    if !T::DETAIL || !tap.messages() {
        return;
    }
    let without_number = |call: &str, address: &String, error: String| Event::Failed {
        connection: None,
        call: call.to_owned(),
        address: address.clone(),
        errno: 0,
        error,
    };
    match error {
        Error::Connect { attempts, .. } => {
            for (address, errno) in attempts {
                tap.event(|| failure(None, "connect", address.clone(), *errno));
            }
        }
        Error::ConnectTimeout { address, .. } => {
            tap.event(|| without_number("connect", address, "timeout".to_owned()));
        }
        Error::Resolve { host, detail } => {
            tap.event(|| without_number("getaddrinfo", host, detail.clone()));
        }
        Error::Call { call, address, errno } => {
            tap.event(|| failure(None, call, address.clone(), *errno));
        }
        _ => {}
    }
}

fn failure(connection: Option<u64>, call: &str, address: String, errno: Errno) -> Event {
    let number = errno.raw_os_error();
    let (call, error) = (call.to_owned(), errno_name(number));
    Event::Failed { connection, call, address, errno: number, error }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
