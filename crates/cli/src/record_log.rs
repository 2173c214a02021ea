//! A log of records: JSON lines that are added to a file.
//!
//! What the records mean is in `docs/log.md`. Nothing here waits for anything but the file.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use colok::observe::{Event, LogTap, Record, RecordReceiver, log_queue};
use serde::Serialize;

use crate::messages::Messages;
use crate::problem::Problem;
use crate::units::rfc3339;

/// How long the end of the program waits for the last records.
const FINISH_MAX: Duration = Duration::from_secs(2);

/// How many records are written at once, at most.
const BATCH_RECORDS_MAX: usize = 256;

/// A file that records are added to, and what has not been written to it.
pub(crate) struct RecordLog {
    file: File,
    name: String,
    buffer: Vec<u8>,
}

impl RecordLog {
    /// Opens the file, or makes it.
    pub(crate) fn open(path: &Path) -> Result<Self, Problem> {
        let name = path.display().to_string();
        let file = append(path).map_err(|error| Problem::of_file("open", &name, &error))?;
        Ok(Self { file, name, buffer: Vec::new() })
    }

    /// Takes a record, to be written by the next [`RecordLog::flush`].
    pub(crate) fn take(&mut self, record: &Record) {
        push_line(&mut self.buffer, record);
    }

    /// Writes what was taken.
    pub(crate) fn flush(&mut self) -> Result<(), Problem> {
        let written = self.file.write_all(&self.buffer);
        self.buffer.clear();
        written.map_err(|error| Problem::of_file("write", &self.name, &error))
    }
}

/// Writes the log of a client, if one was asked for, while [`Logging::tap`] is used. Dropping it
/// waits until the last record is written, for [`FINISH_MAX`] at most.
pub(crate) struct Logging {
    tap: Option<LogTap<true>>,
    done: Option<Receiver<()>>,
}

impl Logging {
    /// Opens the log, if there is to be one, and starts to write to it.
    pub(crate) fn start(path: Option<&Path>, messages: &Messages) -> Result<Self, Problem> {
        let Some(path) = path else { return Ok(Self { tap: None, done: None }) };
        let log = RecordLog::open(path)?;
        let (tap, receiver) = log_queue::<true>(true, false);
        let messages = messages.clone();
        let (sender, done) = sync_channel(1);
        let write = move || {
            write_all(log, receiver, &messages);
            let _ = sender.send(());
        };
        let builder = thread::Builder::new().name("log".into());
        builder.spawn(write).map_err(|error| Problem::of_file("clone", "log", &error))?;
        Ok(Self { tap: Some(tap.with_hashes(true)), done: Some(done) })
    }

    /// Who watches the client: somebody, or nobody.
    #[expect(clippy::ref_option, reason = "the tap is the option, and is lent whole")]
    pub(crate) fn tap(&self) -> &Option<LogTap<true>> {
        &self.tap
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.tap = None;
        if let Some(done) = &self.done {
            let _ = done.recv_timeout(FINISH_MAX);
        }
    }
}

/// A log that fails is told once and then left alone; the client goes on.
fn write_all(mut log: RecordLog, mut receiver: RecordReceiver, messages: &Messages) {
    while let Some(record) = receiver.next() {
        log.take(&record);
        for _ in 1..BATCH_RECORDS_MAX {
            let Some(record) = receiver.try_next() else { break };
            log.take(&record);
        }
        if let Err(problem) = log.flush() {
            problem.tell(messages);
            return;
        }
    }
}

/// A file that is made, or added to.
pub(crate) fn append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Adds the line of a record.
pub(crate) fn push_line(buffer: &mut Vec<u8>, record: &Record) {
    let line = JsonLine { time: rfc3339(record.time_unix_us), event: &record.event };
    // Events are plain data: they always have a JSON form.
    if serde_json::to_writer(&mut *buffer, &line).is_ok() {
        buffer.push(b'\n');
    }
}

/// A line of the log.
#[derive(Serialize)]
struct JsonLine<'a> {
    /// RFC 3339, UTC, microseconds.
    time: String,
    #[serde(flatten)]
    event: &'a Event,
}
