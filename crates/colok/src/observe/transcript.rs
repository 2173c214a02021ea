//! What a client said and heard, kept so that it can be said again.
//!
//! A handle that is cloned into everything that talks. It keeps a bounded number of bytes; once
//! there are more it keeps no more and says so. It never looks at what the bytes mean.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use colok_proto::Peer;
use rustix::io::Errno;

use crate::client::EndReason;

/// A part of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// One text was sent; over UDP a datagram.
    Sent(Vec<u8>),
    /// Bytes came: all of them up to the next part, over UDP one datagram.
    Received {
        /// The bytes.
        bytes: Vec<u8>,
        /// From the last text that was sent, or from the beginning, to the last of them.
        within: Duration,
    },
    /// We told the peer that no more will come.
    EndedSending,
}

/// One connection and what was said on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Talk {
    /// Its number.
    pub connection: u64,
    /// Both ends.
    pub peer: Peer,
    /// In order.
    pub said: Vec<Said>,
    /// Why it ended; `None` while it has not.
    pub ended_by: Option<EndReason>,
}

/// What was said on all connections of a client.
#[derive(Clone, Debug, Default)]
pub struct Transcript(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    talks: Vec<Talk>,
    bytes: usize,
    is_cut: bool,
    /// Why the last connection could not be made.
    failed: Option<Errno>,
    /// When something was last sent, or the last connection was made.
    since: Option<Instant>,
}

impl Transcript {
    /// Bytes kept at most, both ways and all connections together: as much as can be given to a
    /// program in its arguments, and more than anybody types.
    pub const BYTES_MAX: usize = 512 * 1024;

    /// The connections so far, in order.
    pub fn talks(&self) -> Vec<Talk> {
        self.kept().talks.clone()
    }

    /// Whether there was more than is kept.
    pub fn is_cut(&self) -> bool {
        self.kept().is_cut
    }

    /// The error number of the last connection that could not be made.
    pub fn failed(&self) -> Option<Errno> {
        self.kept().failed
    }

    /// A connection could not be made.
    pub(crate) fn fail(&self, errno: Errno) {
        self.kept().failed = Some(errno);
    }

    /// A connection was made.
    pub(crate) fn begin(&self, connection: u64, peer: &Peer) {
        let mut kept = self.kept();
        let (peer, said) = (peer.clone(), Vec::new());
        kept.talks.push(Talk { connection, peer, said, ended_by: None });
        kept.since = Some(Instant::now());
    }

    /// Bytes were sent on it. What one call took of a text and what the next took are two texts;
    /// said in the same order they are the same stream.
    pub(crate) fn sent(&self, connection: u64, bytes: &[u8]) {
        let mut kept = self.kept();
        kept.since = Some(Instant::now());
        if let Some(talk) = kept.room(connection, bytes) {
            talk.said.push(Said::Sent(bytes.to_vec()));
        }
    }

    /// Bytes came on it; those of a stream follow those before, a datagram stands alone.
    pub(crate) fn received(&self, connection: u64, bytes: &[u8], is_stream: bool) {
        let mut kept = self.kept();
        let within = kept.since.map_or(Duration::ZERO, |since| since.elapsed());
        let Some(talk) = kept.room(connection, bytes) else { return };
        match talk.said.last_mut() {
            Some(Said::Received { bytes: before, within: last }) if is_stream => {
                before.extend_from_slice(bytes);
                *last = within;
            }
            _ => talk.said.push(Said::Received { bytes: bytes.to_vec(), within }),
        }
    }

    /// The peer was told that no more will come.
    pub(crate) fn ended_sending(&self, connection: u64) {
        if let Some(talk) = self.kept().talk(connection) {
            talk.said.push(Said::EndedSending);
        }
    }

    /// It is over.
    pub(crate) fn end(&self, connection: u64, reason: EndReason) {
        if let Some(talk) = self.kept().talk(connection) {
            talk.ended_by = Some(reason);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn talk(&mut self, connection: u64) -> Option<&mut Talk> {
        self.talks.iter_mut().rfind(|talk| talk.connection == connection)
    }

    /// The talk, when there is room for these bytes.
    fn room(&mut self, connection: u64, bytes: &[u8]) -> Option<&mut Talk> {
        self.is_cut |= self.bytes + bytes.len() > Transcript::BYTES_MAX;
        if self.is_cut {
            return None;
        }
        self.bytes += bytes.len();
        self.talk(connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_told_in_turns_and_a_datagram_alone() {
        let transcript = Transcript::default();
        transcript.begin(1, &Peer::unnamed());
        transcript.sent(1, b"a\n");
        for part in [&b"one "[..], b"reply\n"] {
            transcript.received(1, part, true);
        }
        for datagram in [&b"x"[..], b"y"] {
            transcript.received(1, datagram, false);
        }
        transcript.ended_sending(1);
        transcript.end(1, EndReason::PeerClosed);
        let talks = transcript.talks();
        assert_eq!(talks[0].ended_by, Some(EndReason::PeerClosed));
        let said: Vec<&[u8]> = talks[0]
            .said
            .iter()
            .map(|said| match said {
                Said::Sent(bytes) | Said::Received { bytes, .. } => &**bytes,
                Said::EndedSending => b"(end)",
            })
            .collect();
        assert_eq!(said, [&b"a\n"[..], b"one reply\n", b"x", b"y", b"(end)"]);
    }

    #[test]
    fn it_keeps_so_much_and_no_more() {
        let transcript = Transcript::default();
        transcript.begin(1, &Peer::unnamed());
        transcript.sent(1, &vec![0; Transcript::BYTES_MAX]);
        assert!(!transcript.is_cut());
        transcript.received(1, b"x", true);
        transcript.sent(1, b"");
        assert!(transcript.is_cut());
        assert_eq!(transcript.talks()[0].said.len(), 1);
    }
}
