//! The log thread of a relay: the first lines, then what the queue brings, then the account.
//!
//! It never holds up the relay: a slow disk or terminal fills the queue, which then drops and
//! counts.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use colok::observe::{Record, RecordReceiver};
use colok::relay::RelayTotals;

use super::line::{LineWriter, totals_lines};
use crate::arguments::{JsonLog, RelayArguments};
use crate::messages::Messages;
use crate::problem::Problem;
use crate::record_log::{append, push_line};
use crate::style::Style;

/// How long the end of the program waits for the last lines.
const FINISH_MAX: Duration = Duration::from_secs(2);

/// How many records are written before they are flushed, at most.
const BATCH_RECORDS_MAX: usize = 256;

/// The running log thread.
pub(super) struct LogThread {
    totals: SyncSender<RelayTotals>,
    done: Receiver<()>,
}

impl LogThread {
    /// Opens the JSON log, if one was asked for, and starts to write: the first lines first, where
    /// lines for people are shown.
    pub(super) fn start(
        receiver: RecordReceiver,
        first: Option<String>,
        arguments: &RelayArguments,
        messages: &Messages,
    ) -> Result<Self, Problem> {
        let mut log = Log::open(arguments, messages)?;
        let (totals, last) = sync_channel::<RelayTotals>(1);
        let (sender, done) = sync_channel(1);
        let write = move || {
            log.tell(first.as_deref().unwrap_or_default());
            log.write_all(receiver);
            // Not taken from the record of the end, which a full queue drops.
            if let Ok(totals) = last.recv() {
                let lines = totals_lines(&totals, &log.messages);
                log.tell(&lines);
            }
            // Nobody waits when the program ends for another reason.
            let _ = sender.send(());
        };
        let builder = thread::Builder::new().name("log".into());
        builder.spawn(write).map_err(|error| Problem::of_file("clone", "log", &error))?;
        Ok(Self { totals, done })
    }

    /// Waits until the last record and the totals, if there are some, are written, for
    /// [`FINISH_MAX`] at most.
    pub(super) fn finish(self, totals: Option<&RelayTotals>) {
        let Self { totals: sender, done } = self;
        if let Some(totals) = totals {
            let _ = sender.send(totals.clone());
        }
        drop(sender);
        let _ = done.recv_timeout(FINISH_MAX);
    }
}

/// Where records go.
struct Log {
    plain: Option<Sink>,
    lines: LineWriter,
    json: Option<Sink>,
    messages: Messages,
}

/// An output and what it is called.
struct Sink {
    output: Box<dyn Write + Send>,
    name: String,
    buffer: Vec<u8>,
}

impl Log {
    fn open(arguments: &RelayArguments, messages: &Messages) -> Result<Self, Problem> {
        let sink = |output: Box<dyn Write + Send>, name: &str| Sink {
            output,
            name: name.to_owned(),
            buffer: Vec::new(),
        };
        let json = match &arguments.json_log {
            None => None,
            Some(JsonLog::Output) => Some(sink(Box::new(std::io::stdout()), "stdout")),
            Some(JsonLog::File(path)) => {
                let name = path.display().to_string();
                let file = append(path).map_err(|error| Problem::of_file("open", &name, &error))?;
                Some(sink(Box::new(file), &name))
            }
        };
        let output = std::io::stdout();
        let style = Style::of(&output);
        let plain = super::shows_lines(arguments).then(|| sink(Box::new(output), "stdout"));
        let lines = LineWriter::new(messages.clone(), style, arguments.verbose);
        Ok(Self { plain, lines, json, messages: messages.clone() })
    }

    /// Writes until the relay has stopped or nobody tells anything any more.
    fn write_all(&mut self, mut receiver: RecordReceiver) {
        let mut stopped = false;
        while !stopped && let Some(record) = receiver.next() {
            let mut next = Some(record);
            let mut written = 0;
            while let Some(record) = next {
                stopped |= super::is_last(&record.event);
                self.take(&record);
                written += 1;
                // After the end everything that waits is written, else a batch at a time.
                let more = stopped || written < BATCH_RECORDS_MAX;
                next = if more { receiver.try_next() } else { None };
            }
            self.flush();
        }
    }

    /// Writes this for people.
    fn tell(&mut self, text: &str) {
        if let Some(sink) = &mut self.plain {
            sink.buffer.extend_from_slice(text.as_bytes());
        }
        self.flush();
    }

    fn take(&mut self, record: &Record) {
        if let Some(sink) = &mut self.json {
            push_line(&mut sink.buffer, record);
        }
        if let Some(sink) = &mut self.plain
            && let Some(line) = self.lines.line(record)
        {
            sink.buffer.extend_from_slice(line.as_bytes());
            sink.buffer.push(b'\n');
        }
    }

    /// An output that fails is told once and then left alone; the relay goes on.
    fn flush(&mut self) {
        // The file first: it never waits for a reader.
        for place in [&mut self.json, &mut self.plain] {
            let Some(sink) = place else { continue };
            let written = sink.output.write_all(&sink.buffer).and_then(|()| sink.output.flush());
            sink.buffer.clear();
            let Err(error) = written else { continue };
            if error.kind() != std::io::ErrorKind::BrokenPipe {
                Problem::of_file("write", &sink.name, &error).tell(&self.messages);
            }
            *place = None;
        }
    }
}
