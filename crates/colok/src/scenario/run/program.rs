//! A program on the stage: what was ordered, what its host told of it, and the files that keep it.
//!
//! It only collects. What it means is decided elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Event;
use super::teller::Teller;
use crate::scenario::agent::{Stream, Word};
use crate::scenario::evidence;
use crate::scenario::judge::StepSeen;
use crate::scenario::record::{Output, StepRecord};

/// The most events of one program that are kept: a case with more of them tells its story wrongly,
/// and says so.
const EVENTS_MAX: u64 = 200_000;

/// The most events of one program that are told as they happen; its file of evidence has all.
const EVENTS_TOLD_MAX: u64 = 10_000;

/// A program that was started, or is to be.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// The name of its step; copies have `/1`, `/2`... after it.
    pub(super) name: String,
    /// The index of its step.
    pub(super) step: usize,
    /// Which copy it is, from 1.
    pub(super) copy: Option<u32>,
    /// The number of its host.
    pub(super) host: usize,
    /// What was seen of it so far.
    pub(super) seen: StepSeen,
    /// It was started.
    pub(super) runs: bool,
    /// It has ended, or could not be started.
    pub(super) ended: bool,
    /// Its time ran out.
    pub(super) timed_out: bool,
    /// What its host told of what was done to it.
    pub(super) proofs: BTreeMap<String, Value>,
    /// Why not every event of it is told; `None`: all are.
    pub(super) untold: Option<String>,
    /// How many bytes it wrote to its outputs, told or not; known at its end.
    pub(super) written: (u64, u64),
    /// How many events it told; more than are kept when there are too many.
    pub(super) event_count: u64,
}

impl Program {
    /// Files what its host told.
    pub(super) fn file(&mut self, word: Word, began_unix_us: u64, teller: &Teller) {
        match word {
            Word::Started { time_unix_us, .. } => {
                self.runs = true;
                self.seen.start_s = seconds(time_unix_us, began_unix_us);
            }
            Word::Failed { error, .. } => {
                self.ended = true;
                self.seen.error = Some(error);
            }
            Word::Output { stream, bytes, .. } => self.wrote(stream, &bytes),
            Word::Record { record, .. } => self.told(record, teller),
            Word::Ended {
                exit,
                signal,
                time_unix_us,
                proofs,
                stdout_bytes,
                stderr_bytes,
                left_open,
                log_cut,
                ..
            } => {
                self.ended = true;
                self.written = (stdout_bytes, stderr_bytes);
                self.note_untold(left_open, log_cut);
                self.seen.exit = exit;
                self.seen.signal = signal;
                self.seen.end_s = Some(seconds(time_unix_us, began_unix_us));
                self.proofs = proofs;
            }
            Word::Ready { .. } | Word::Answer { .. } => {}
        }
    }

    /// Says so when not all that was written was told.
    fn note_untold(&mut self, left_open: bool, log_cut: bool) {
        let told = (self.seen.stdout.len() as u64, self.seen.stderr.len() as u64);
        let why = if self.written.0 > told.0 || self.written.1 > told.1 {
            "it wrote more than is kept"
        } else if log_cut {
            "its log is longer than is kept"
        } else if left_open {
            "another process still held its output when it had ended"
        } else {
            return;
        };
        self.seen.unseen.get_or_insert_with(|| why.to_owned());
    }

    fn wrote(&mut self, stream: Stream, bytes: &str) {
        let output = match stream {
            Stream::Stdout => &mut self.seen.stdout,
            Stream::Stderr => &mut self.seen.stderr,
        };
        if STANDARD.decode_vec(bytes, output).is_err() {
            self.seen.unseen.get_or_insert_with(|| "the agent told its output wrongly".to_owned());
        }
    }

    fn told(&mut self, record: Value, teller: &Teller) {
        self.event_count += 1;
        let lost = match record["event"].as_str() {
            Some("dropped") => record["records"].as_u64(),
            Some("stopped") => record["records_dropped"].as_u64(),
            _ => None,
        };
        if let Some(lost) = lost.filter(|lost| *lost > 0) {
            self.untold = Some(format!("its log had no room for {lost} events"));
        }
        if self.event_count <= EVENTS_TOLD_MAX {
            let told = Event::Record { step: self.name.clone(), record: record.clone() };
            teller.tell(told);
        }
        if self.event_count <= EVENTS_MAX {
            self.seen.events.push(record);
        } else {
            self.untold = Some(format!("it told more than {EVENTS_MAX} events"));
        }
    }

    /// Whether it told this event.
    pub(super) fn has_event(&self, name: &str) -> bool {
        self.seen.events.iter().any(|event| event["event"] == name)
    }

    /// Keeps what it wrote and told as files, and fills in its record.
    pub(super) fn record(&self, record: &mut StepRecord, folder: &Path) -> io::Result<()> {
        record.name.clone_from(&self.name);
        record.start_s = self.seen.start_s;
        record.end_s = self.seen.end_s;
        record.exit = self.seen.exit;
        record.signal.clone_from(&self.seen.signal);
        record.error.clone_from(&self.seen.error);
        record.timed_out = self.timed_out;
        let stdout = keep(folder, &self.name, "stdout", &self.seen.stdout)?;
        record.stdout = whole(evidence::output(&self.seen.stdout, stdout), self.written.0);
        let stderr = keep(folder, &self.name, "stderr", &self.seen.stderr)?;
        record.stderr = whole(evidence::output(&self.seen.stderr, stderr), self.written.1);
        let mut lines = Vec::new();
        for event in &self.seen.events {
            serde_json::to_writer(&mut lines, event)?;
            lines.push(b'\n');
        }
        record.events = keep(folder, &self.name, "events.jsonl", &lines)?;
        record.event_count = self.event_count;
        Ok(())
    }
}

/// An output of which so many bytes were written, and perhaps not all kept.
fn whole(output: Output, written: u64) -> Output {
    let shortened = output.shortened || written > output.bytes;
    Output { bytes: output.bytes.max(written), shortened, ..output }
}

/// Writes a file of evidence, unless it would be empty; gives its path below the folder of the
/// run.
fn keep(folder: &Path, name: &str, kind: &str, bytes: &[u8]) -> io::Result<Option<String>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let file = format!("{}.{kind}", evidence::file_name(&name.replace('/', "#")));
    fs::write(folder.join(&file), bytes)?;
    let case = folder.file_name().unwrap_or_default().to_string_lossy();
    Ok(Some(format!("cases/{case}/{file}")))
}

/// A moment in seconds after the case began.
#[expect(clippy::cast_precision_loss, reason = "cases are short")]
pub(super) fn seconds(time_unix_us: u64, began_unix_us: u64) -> f64 {
    time_unix_us.saturating_sub(began_unix_us) as f64 / 1e6
}
