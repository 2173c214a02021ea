//! The bounded queue between whoever emits records and the one thread that writes them.
//!
//! A full queue drops the record and counts it; emitting never waits. Records of single messages
//! and calls, of which there may be any number, never take the last quarter: what happens to
//! connections and to the server is still told in a flood of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::{Event, Record, Tap, Transcript, now_unix_micros};

/// How many records may wait. About 2 MiB of memory when full; a terminal writes this many lines
/// in well under a second.
const QUEUE_RECORDS_MAX: usize = 8192;

/// How many may wait when another record of a message or a call comes.
const DETAIL_RECORDS_MAX: usize = QUEUE_RECORDS_MAX / 4 * 3;

/// A tap that hands records to a [`RecordReceiver`].
#[derive(Clone, Debug)]
pub struct LogTap<const DETAIL: bool> {
    sender: SyncSender<Record>,
    waiting: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
    messages: bool,
    calls: bool,
    hashes: bool,
    transcript: Option<Transcript>,
}

/// The reading end of the queue.
#[derive(Debug)]
pub struct RecordReceiver {
    receiver: Receiver<Record>,
    waiting: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
    reported: u64,
}

/// Makes a queue. `messages` and `calls` matter only when `DETAIL` is true.
pub fn log_queue<const DETAIL: bool>(
    messages: bool,
    calls: bool,
) -> (LogTap<DETAIL>, RecordReceiver) {
    let (sender, receiver) = sync_channel(QUEUE_RECORDS_MAX);
    let (waiting, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
    let receiver = RecordReceiver {
        receiver,
        waiting: waiting.clone(),
        dropped: dropped.clone(),
        reported: 0,
    };
    let (hashes, transcript) = (false, None);
    (LogTap { sender, waiting, dropped, messages, calls, hashes, transcript }, receiver)
}

impl<const DETAIL: bool> LogTap<DETAIL> {
    /// The same, with hashes of all bytes if `hashes` says so. Only where `DETAIL` is true.
    #[must_use]
    pub fn with_hashes(self, hashes: bool) -> Self {
        Self { hashes, ..self }
    }

    /// The same, keeping what a client says and hears. Only where `DETAIL` is true.
    #[must_use]
    pub fn with_transcript(self, transcript: Option<Transcript>) -> Self {
        Self { transcript, ..self }
    }
}

impl<const DETAIL: bool> Tap for LogTap<DETAIL> {
    const DETAIL: bool = DETAIL;

    fn event(&self, event: impl FnOnce() -> Event) {
        self.record(Record { time_unix_us: now_unix_micros(), event: event() });
    }

    fn record(&self, record: Record) {
        // Counted before it is sent: the other end must never take away what was not added.
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let too_many = waiting >= DETAIL_RECORDS_MAX && record.event.is_detail();
        if too_many || self.sender.try_send(record).is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn records_dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn messages(&self) -> bool {
        self.messages
    }

    fn calls(&self) -> bool {
        self.calls
    }

    fn hashes(&self) -> bool {
        DETAIL && self.hashes
    }

    fn transcript(&self) -> Option<&Transcript> {
        self.transcript.as_ref().filter(|_| DETAIL)
    }
}

impl RecordReceiver {
    /// The next record if one is waiting.
    pub fn try_next(&mut self) -> Option<Record> {
        let next = self.news_of_drops();
        next.or_else(|| self.receiver.try_recv().ok().map(|record| self.taken(record)))
    }

    fn taken(&self, record: Record) -> Record {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        record
    }

    fn news_of_drops(&mut self) -> Option<Record> {
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped == self.reported {
            return None;
        }
        let event = Event::Dropped { records: dropped - self.reported };
        self.reported = dropped;
        Some(Record { time_unix_us: now_unix_micros(), event })
    }
}

/// The next record, waiting for it; ends when every tap is gone. Records that were dropped are
/// told as an [`Event::Dropped`] as soon as there is room to tell it.
impl Iterator for RecordReceiver {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            if let Some(record) = self.news_of_drops() {
                return Some(record);
            }
            // The wait has an end only so that drops are told when nothing else happens.
            match self.receiver.recv_timeout(Duration::from_secs(1)) {
                Ok(record) => return Some(self.taken(record)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.news_of_drops(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_counts_and_never_waits() {
        let (tap, mut receiver) = log_queue::<false>(false, false);
        for _ in 0..QUEUE_RECORDS_MAX + 5 {
            tap.event(|| Event::Stopping { drain_ms: 0 });
        }
        assert_eq!(tap.records_dropped(), 5);
        drop(tap);
        let first = receiver.next().map(|record| record.event);
        assert_eq!(first, Some(Event::Dropped { records: 5 }));
        let rest = std::iter::from_fn(|| receiver.next()).count();
        assert_eq!(rest, QUEUE_RECORDS_MAX);
    }

    #[test]
    fn a_flood_of_messages_leaves_room_for_what_matters() {
        let (tap, mut receiver) = log_queue::<true>(true, false);
        let (service, remote) = (String::new(), String::new());
        let replied = Event::Replied { connection: 1, service, remote, bytes: 1 };
        for _ in 0..QUEUE_RECORDS_MAX {
            tap.event(|| replied.clone());
        }
        assert_eq!(tap.records_dropped(), (QUEUE_RECORDS_MAX - DETAIL_RECORDS_MAX) as u64);
        let stopping = Event::Stopping { drain_ms: 0 };
        tap.event(|| stopping.clone());
        drop(tap);
        let rest: Vec<Event> = std::iter::from_fn(|| receiver.next().map(|r| r.event)).collect();
        assert_eq!(rest.last(), Some(&stopping));
        assert_eq!(receiver.waiting.load(Ordering::Relaxed), 0);
    }
}
