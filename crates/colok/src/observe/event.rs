//! The events of the activity log and their fields. One JSON object per event.
//!
//! Texts from peers are made printable here, before they can reach a terminal or a log.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::FileEvent;
use crate::relay::RelayEvent;

/// An event and when it happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Microseconds since 1970-01-01 00:00 UTC.
    pub time_unix_us: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What a server did in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Connections accepted and served.
    pub connections: u64,
    /// Connections refused, and datagrams not answered by rule.
    pub refused: u64,
    /// Datagrams received and served.
    pub datagrams: u64,
    /// Datagrams that the kernel threw away before they were read, because they came faster than
    /// that. Several that came merged into one may count as one.
    #[serde(default)]
    pub datagrams_dropped: u64,
    /// Bytes received, streams and datagrams together.
    pub bytes_received: u64,
    /// Bytes sent, streams and datagrams together.
    pub bytes_sent: u64,
    /// Worker processes that died.
    pub workers_lost: u64,
    /// Records that the log had no room for.
    pub records_dropped: u64,
}

/// What happened. `connection` is a number that is unique in one run of a server, from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A service listens.
    Started {
        /// Its name.
        service: String,
        /// The address that was bound, as a URL, with the real port.
        address: String,
        /// The concurrency model that runs it.
        model: String,
    },
    /// A connection was accepted.
    Accepted {
        /// Its number.
        connection: u64,
        /// The service.
        service: String,
        /// Our end.
        local: String,
        /// Their end.
        remote: String,
    },
    /// A whole message came.
    Message {
        /// Its connection; 0 for a datagram.
        connection: u64,
        /// The service.
        service: String,
        /// Their end.
        remote: String,
        /// Its length in bytes, without the newline that ended it.
        bytes: u64,
        /// Its beginning, made printable.
        text: String,
    },
    /// Bytes left towards the peer.
    Replied {
        /// Its connection; 0 for a datagram.
        connection: u64,
        /// The service.
        service: String,
        /// Their end.
        remote: String,
        /// How many.
        bytes: u64,
    },
    /// A connection is closed.
    Closed {
        /// Its number.
        connection: u64,
        /// The service; a client has none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        service: String,
        /// Our end.
        local: String,
        /// Their end.
        remote: String,
        /// Why. On a server: `peer-closed`, `quit`, `idle`, `limit`, `protocol`, `io(errno)`,
        /// `worker-lost`, `shutdown`. On a client: see [`EndReason`](crate::client::EndReason).
        reason: String,
        /// Bytes received on it.
        bytes_received: u64,
        /// Bytes sent on it.
        bytes_sent: u64,
        /// The BLAKE3 hash of the bytes received, in hexadecimal, where hashes are wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        received_blake3: Option<String>,
        /// The BLAKE3 hash of the bytes sent, in hexadecimal, where hashes are wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent_blake3: Option<String>,
        /// How long it was open.
        duration_ms: u64,
    },
    /// A client connected; over UDP its socket was aimed, and nothing was sent.
    Connected {
        /// Its number: from 1 in each process.
        connection: u64,
        /// Our end.
        local: String,
        /// Their end.
        remote: String,
        /// How long the try that succeeded took, with looking up the name.
        duration_us: u64,
    },
    /// A client sent bytes: those of one call, or of many merged.
    Sent {
        /// The connection.
        connection: u64,
        /// How many.
        bytes: u64,
        /// Their beginning, made printable.
        text: String,
    },
    /// A client received bytes: those of one call, or of many merged.
    Received {
        /// The connection.
        connection: u64,
        /// How many.
        bytes: u64,
        /// Their beginning, made printable.
        text: String,
        /// Who sent this datagram, when many may answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
    },
    /// What a client's script expected has come.
    Answered {
        /// The connection.
        connection: u64,
        /// The number of the step, from 1.
        step: u64,
        /// The time since the last text before it was sent.
        duration_us: u64,
    },
    /// A call of a client failed.
    Failed {
        /// The connection, once there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connection: Option<u64>,
        /// The call: `connect`, `getaddrinfo`, `read`...
        call: String,
        /// The address that it was about.
        address: String,
        /// The error number; 0 when no call had one.
        errno: i32,
        /// The name of the error (`ECONNREFUSED`), `timeout` when the time that we gave it was
        /// over, or what the resolver said.
        error: String,
    },
    /// A connection or a datagram was not served.
    Refused {
        /// The service.
        service: String,
        /// Our end.
        local: String,
        /// Their end.
        remote: String,
        /// Why: `max-connections`, `max-per-ip`, `stopping`, `reserved-port`, `own-port`, `rate`,
        /// `amplification`.
        reason: String,
    },
    /// Something was done in the file store.
    File {
        /// The connection.
        connection: u64,
        /// What was done.
        #[serde(flatten)]
        file: FileEvent,
    },
    /// Accepting waits: there are no descriptors or no threads left.
    Paused {
        /// The listener, as a URL.
        address: String,
        /// The error number of the call that failed.
        errno: i32,
    },
    /// Accepting goes on.
    Resumed {
        /// The listener, as a URL.
        address: String,
    },
    /// A worker process died; its connections died with it and it is replaced.
    WorkerLost {
        /// Its index.
        worker: usize,
        /// Its process id.
        process: u32,
        /// How many connections it held.
        connections: u64,
        /// How it ended, as the system tells it.
        status: String,
    },
    /// Something the user should know that is not an error.
    Notice {
        /// The id of the text, see [`crate::observe::notices`].
        notice: String,
        /// What it is about: an address, a number.
        subject: String,
    },
    /// The server stops accepting and lets what is in flight finish.
    Stopping {
        /// For how long, at most.
        drain_ms: u64,
    },
    /// The server has stopped.
    Stopped {
        /// What it did.
        #[serde(flatten)]
        totals: Totals,
    },
    /// The log had no room for records; they are lost.
    Dropped {
        /// How many since the last such event.
        records: u64,
    },
    /// A socket call.
    Call(Call),
    /// What only a relay tells.
    #[serde(untagged)]
    Relay(RelayEvent),
}

impl Event {
    /// Whether it tells of a single message, file or call, of which there may be any number.
    pub fn is_detail(&self) -> bool {
        matches!(
            self,
            Self::Message { .. }
                | Self::Replied { .. }
                | Self::File { .. }
                | Self::Sent { .. }
                | Self::Received { .. }
                | Self::Call(_)
        )
    }
}

/// A socket call as it happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The system call, as `strace` names it; `getaddrinfo` is the library function.
    pub call: String,
    /// The descriptor it was made on, when it takes one.
    pub descriptor: Option<i32>,
    /// Its other arguments, for people; [`Call::RING`] for an operation of a ring.
    pub arguments: String,
    /// What it returned; -1 on an error.
    pub result: i64,
    /// The error number; 0 when there was none.
    pub errno: i32,
    /// How long it took; 0 for an operation of a ring, which nobody waits for.
    pub duration_ns: u64,
}

impl Call {
    /// What stands in the place of the arguments where no call was made: an operation of an
    /// `io_uring` has ended.
    pub const RING: &str = "io_uring";

    /// Whether it is an operation of a ring.
    pub fn is_of_ring(&self) -> bool {
        self.arguments == Self::RING
    }
}

/// Microseconds since 1970 now.
pub fn now_unix_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Bytes from a peer made harmless: control characters, invisible formatting characters and
/// invalid UTF-8 are escaped (`\n`, `\u{1b}`, `\xff`), everything else stays as it is.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            // Quotes are harmless; `escape_debug` escapes what a terminal would act on.
            if matches!(character, '"' | '\'') {
                text.push(character);
            } else {
                text.extend(character.escape_debug());
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_peers_send_cannot_drive_a_terminal() {
        assert_eq!(printable("héllo 'x' \"y\"".as_bytes()), "héllo 'x' \"y\"");
        assert_eq!(printable(b"\x1b[31m\r\n\x07\xff"), "\\u{1b}[31m\\r\\n\\u{7}\\xff");
        assert_eq!(printable("a\u{202e}b\u{9b}c".as_bytes()), "a\\u{202e}b\\u{9b}c");
    }

    #[test]
    fn a_record_is_one_flat_object() {
        let event = Event::Resumed { address: "tcp://127.0.0.1:7".into() };
        let json = serde_json::to_string(&Record { time_unix_us: 1, event }).expect("it is JSON");
        assert_eq!(json, r#"{"time_unix_us":1,"event":"resumed","address":"tcp://127.0.0.1:7"}"#);
    }
}
