//! What observers are told of a session: events of its life, and the beginnings of messages.
//!
//! Runs only where a tap wants it; without one it is compiled away or never allocated.

use std::io::IoSlice;
use std::ops::Range;

use colok_proto::Time;

use super::{Desk, Session};
use crate::observe::{Event, Tap, printable};

/// How much of a message a log line shows, in bytes: what fits a terminal's line beside the rest.
const PREVIEW_BYTES: usize = 64;

/// The beginning of the message that is on its way, and the messages that have ended.
#[derive(Debug, Default)]
pub(super) struct Preview {
    beginning: Vec<u8>,
    /// Where, in the slice being offered, the message after the last ended one starts.
    next_at: usize,
    ended: Vec<(u64, String)>,
}

impl Preview {
    /// A message has ended; `part` of `offered` belongs to it.
    pub(super) fn message(&mut self, offered: &[u8], part: Range<usize>, length: u64) {
        if part.start > 0 || self.next_at > 0 {
            self.beginning.clear();
        }
        self.next_at = part.end;
        self.append(&offered[part]);
        let shown = self.beginning.len().min(usize::try_from(length).unwrap_or(usize::MAX));
        self.ended.push((length, printable(&self.beginning[..shown])));
        self.beginning.clear();
    }

    /// The consumed bytes of an arrival, once its messages are known: keeps the beginning of the
    /// message that is not ended yet.
    pub(super) fn keep(&mut self, consumed: &[u8]) {
        let mut rest = consumed.get(self.next_at..).unwrap_or_default();
        if self.next_at > 0 || self.beginning.is_empty() {
            // The newline that ended the last message.
            rest = rest.strip_prefix(b"\r").unwrap_or(rest);
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        self.next_at = 0;
        self.append(rest);
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = PREVIEW_BYTES.saturating_sub(self.beginning.len());
        self.beginning.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// The hashes of what a connection carried so far.
#[derive(Debug, Default)]
pub(super) struct Hashes {
    pub(super) received: blake3::Hasher,
    pub(super) sent: blake3::Hasher,
}

impl Hashes {
    /// The first `length` bytes of these slices have left.
    pub(super) fn sent(&mut self, slices: &[IoSlice<'_>], length: usize) {
        let mut left = length;
        for slice in slices {
            let part = slice.len().min(left);
            self.sent.update(&slice[..part]);
            left -= part;
        }
    }
}

impl<T: Tap> Session<T> {
    /// Whether every byte that leaves has to be seen, so that none may leave in a file of its own.
    #[inline]
    pub fn hashes(&self) -> bool {
        T::DETAIL && self.hashes.is_some()
    }

    /// Bytes that left without [`Session::pump`]; for the hash alone.
    pub fn hash_sent(&mut self, bytes: &[u8]) {
        if let Some(hashes) = &mut self.hashes {
            hashes.sent.update(bytes);
        }
    }

    /// Reports the messages that ended in the last call of the machine.
    #[inline]
    pub(super) fn report_messages(&mut self) {
        if !T::DETAIL {
            return;
        }
        let Some(preview) = &mut self.preview else { return };
        for (bytes, text) in preview.ended.drain(..) {
            self.context.tap.event(|| Event::Message {
                connection: self.connection,
                service: self.context.service.kind().name().to_owned(),
                remote: self.peer.remote.to_string(),
                bytes,
                text,
            });
        }
    }

    /// Reports bytes that left in one turn.
    #[inline]
    pub(super) fn report_reply(&self, bytes: u64) {
        if !T::DETAIL || bytes == 0 || self.preview.is_none() {
            return;
        }
        self.context.tap.event(|| Event::Replied {
            connection: self.connection,
            service: self.context.service.kind().name().to_owned(),
            remote: self.peer.remote.to_string(),
            bytes,
        });
    }

    /// Reports that the connection was accepted.
    pub fn report_accepted(&self) {
        self.context.tap.event(|| Event::Accepted {
            connection: self.connection,
            service: self.context.service.kind().name().to_owned(),
            local: self.peer.local.to_string(),
            remote: self.peer.remote.to_string(),
        });
    }

    /// Reports that the connection is closed, and why.
    pub fn report_closed(&self, now: Time) {
        let duration = now.since(self.opened_at).as_millis();
        let hashes = self.hashes.as_deref();
        self.context.tap.event(|| Event::Closed {
            connection: self.connection,
            service: self.context.service.kind().name().to_owned(),
            local: self.peer.local.to_string(),
            remote: self.peer.remote.to_string(),
            reason: self.reason().map_or_else(String::new, |reason| reason.to_string()),
            bytes_received: self.bytes_received,
            bytes_sent: self.bytes_sent,
            received_blake3: hashes.map(|hashes| hashes.received.finalize().to_string()),
            sent_blake3: hashes.map(|hashes| hashes.sent.finalize().to_string()),
            duration_ms: u64::try_from(duration).unwrap_or(u64::MAX),
        });
    }

    /// Whether a turn left nothing behind; for tests of the memory rule.
    pub fn owns_no_buffer(&self, desk: &Desk) -> bool {
        self.backlog.is_none() && desk.pending_bytes() == 0
    }
}
