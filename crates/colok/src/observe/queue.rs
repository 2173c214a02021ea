//! The bounded queue between whoever emits records and the one thread that writes them.
//!
//! A full queue drops the record and counts it; emitting never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::{Event, Record, Tap, now_unix_micros};

/// How many records may wait. About 2 MiB of memory when full; a terminal writes this many lines
/// in well under a second.
const QUEUE_RECORDS_MAX: usize = 8192;

/// A tap that hands records to a [`RecordReceiver`].
#[derive(Clone, Debug)]
pub struct LogTap<const DETAIL: bool> {
    sender: SyncSender<Record>,
    dropped: Arc<AtomicU64>,
    messages: bool,
    calls: bool,
}

/// The reading end of the queue.
#[derive(Debug)]
pub struct RecordReceiver {
    receiver: Receiver<Record>,
    dropped: Arc<AtomicU64>,
    reported: u64,
}

/// Makes a queue. `messages` and `calls` matter only when `DETAIL` is true.
pub fn log_queue<const DETAIL: bool>(
    messages: bool,
    calls: bool,
) -> (LogTap<DETAIL>, RecordReceiver) {
    let (sender, receiver) = sync_channel(QUEUE_RECORDS_MAX);
    let dropped = Arc::new(AtomicU64::new(0));
    let tap = LogTap { sender, dropped: dropped.clone(), messages, calls };
    (tap, RecordReceiver { receiver, dropped, reported: 0 })
}

impl<const DETAIL: bool> LogTap<DETAIL> {
    /// How many records were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl<const DETAIL: bool> Tap for LogTap<DETAIL> {
    const DETAIL: bool = DETAIL;

    fn event(&self, event: impl FnOnce() -> Event) {
        self.record(Record { time_unix_us: now_unix_micros(), event: event() });
    }

    fn record(&self, record: Record) {
        if self.sender.try_send(record).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn messages(&self) -> bool {
        self.messages
    }

    fn calls(&self) -> bool {
        self.calls
    }
}

impl RecordReceiver {
    /// The next record if one is waiting.
    pub fn try_next(&mut self) -> Option<Record> {
        self.news_of_drops().or_else(|| self.receiver.try_recv().ok())
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
                Ok(record) => return Some(record),
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
        assert_eq!(tap.dropped(), 5);
        drop(tap);
        let first = receiver.next().map(|record| record.event);
        assert_eq!(first, Some(Event::Dropped { records: 5 }));
        let rest = std::iter::from_fn(|| receiver.next()).count();
        assert_eq!(rest, QUEUE_RECORDS_MAX);
    }
}
