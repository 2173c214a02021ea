//! The log thread of a server or a relay: writes the first lines, then what the queue brings as
//! plain lines, JSON lines, or both, then the totals.
//!
//! It never holds up the service: a slow disk or terminal fills the queue, which then drops and
//! counts. At the end it writes what is still there, within [`FINISH_MAX`]. A pipe that nobody
//! reads can keep it in a write for ever, so nobody else may need the lock of standard output.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use colok::observe::{Event, Record, RecordReceiver};

use crate::arguments::JsonLog;
use crate::messages::Messages;
use crate::problem::Problem;
use crate::record_log::{append, push_line};

/// How long the end of the program waits for the last lines.
const FINISH_MAX: Duration = Duration::from_secs(2);

/// How many records are written before they are flushed, at most.
const BATCH_RECORDS_MAX: usize = 256;

/// What people are told of records.
pub(crate) trait Lines: Send + 'static {
    /// What is told last.
    type Totals: Clone + Send + 'static;

    /// The line of a record; `None` when people are not told.
    fn line(&mut self, record: &Record) -> Option<String>;

    /// The last lines, each with its newline.
    fn totals(&self, totals: &Self::Totals) -> String;

    /// Whether this is the last event of all.
    fn is_last(event: &Event) -> bool;
}

/// What a log is made of.
pub(crate) struct LogPlan<'a, L> {
    /// Where JSON lines go, if they are wanted.
    pub(crate) json: Option<&'a JsonLog>,
    /// Whether people are not told anything.
    pub(crate) quiet: bool,
    /// What people are told before everything else.
    pub(crate) first: Option<String>,
    /// What they are told then.
    pub(crate) lines: L,
}

/// The running log thread.
pub(crate) struct LogThread<T> {
    totals: SyncSender<T>,
    done: Receiver<()>,
}

impl<T: Clone + Send + 'static> LogThread<T> {
    /// Opens the JSON log, if one was asked for, and starts to write.
    pub(crate) fn start<L: Lines<Totals = T>>(
        receiver: RecordReceiver,
        mut plan: LogPlan<'_, L>,
        messages: &Messages,
    ) -> Result<Self, Problem> {
        let first = plan.first.take().unwrap_or_default();
        let mut log = Log::open(plan, messages)?;
        let (totals, last) = sync_channel::<T>(1);
        let (sender, done) = sync_channel(1);
        let write = move || {
            log.tell(&first);
            log.write_all(receiver);
            // Not taken from the record of the end, which a full queue drops.
            if let Ok(totals) = last.recv() {
                let lines = log.lines.totals(&totals);
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
    pub(crate) fn finish(self, totals: Option<&T>) {
        let Self { totals: sender, done } = self;
        if let Some(totals) = totals {
            let _ = sender.send(totals.clone());
        }
        drop(sender);
        let _ = done.recv_timeout(FINISH_MAX);
    }
}

/// Where records go.
struct Log<L> {
    plain: Option<Sink>,
    lines: L,
    json: Option<Sink>,
    messages: Messages,
}

/// An output and what it is called.
struct Sink {
    output: Box<dyn Write + Send>,
    name: String,
    buffer: Vec<u8>,
}

impl<L: Lines> Log<L> {
    fn open(asked: LogPlan<'_, L>, messages: &Messages) -> Result<Self, Problem> {
        let json = match asked.json {
            None => None,
            Some(JsonLog::Output) => Some(Sink::new(Box::new(std::io::stdout()), "stdout")),
            Some(JsonLog::File(path)) => {
                let name = path.display().to_string();
                let file = append(path).map_err(|error| Problem::of_file("open", &name, &error))?;
                Some(Sink::new(Box::new(file), &name))
            }
        };
        // Standard output is either for people or for programs.
        let shown = !asked.quiet && asked.json != Some(&JsonLog::Output);
        let plain = shown.then(|| Sink::new(Box::new(std::io::stdout()), "stdout"));
        Ok(Self { plain, lines: asked.lines, json, messages: messages.clone() })
    }

    /// Writes until the last event or until every tap is gone.
    fn write_all(&mut self, mut receiver: RecordReceiver) {
        let mut stopped = false;
        while !stopped && let Some(record) = receiver.next() {
            let mut next = Some(record);
            let mut written = 0;
            while let Some(record) = next {
                stopped |= L::is_last(&record.event);
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
        if let Some(line) = self.lines.line(record)
            && let Some(sink) = &mut self.plain
        {
            sink.buffer.extend_from_slice(line.as_bytes());
            sink.buffer.push(b'\n');
        }
    }

    /// An output that fails is told once and then left alone; the service goes on.
    fn flush(&mut self) {
        // The file first: it never waits for a reader.
        for place in [&mut self.json, &mut self.plain] {
            let Some(sink) = place else { continue };
            let Err(error) = sink.flush() else { continue };
            if error.kind() != std::io::ErrorKind::BrokenPipe {
                let problem = Problem::of_file("write", &sink.name, &error);
                problem.tell(&self.messages);
            }
            *place = None;
        }
    }
}

impl Sink {
    fn new(output: Box<dyn Write + Send>, name: &str) -> Self {
        Self { output, name: name.to_owned(), buffer: Vec::new() }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.output.write_all(&self.buffer)?;
        self.buffer.clear();
        self.output.flush()
    }
}
