//! `--calls` and `--log`: the thread that takes records, writes them to the log, and prints socket
//! calls as they happen, to standard error.
//!
//! Standard output belongs to what the peer says. At a terminal where a line is being edited the
//! calls go above that line instead, as replies do.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use colok::observe::{Event, Record, RecordReceiver, Tap};
use rustyline::ExternalPrinter;

use crate::calls::call_line;
use crate::messages::Messages;
use crate::problem::Problem;
use crate::record_log::RecordLog;

/// How long the end of the program waits until the last calls are printed.
const FINISH_MAX: Duration = Duration::from_secs(2);

/// How long a prompt waits for the calls before it. They are printed in a fraction of that.
const CATCH_UP_MAX: Duration = Duration::from_millis(200);

/// How many records are written at once, at most.
const BATCH_RECORDS_MAX: usize = 256;

/// The notice that is answered when all calls before it are printed; it is never shown.
const CATCH_UP: &str = "catch-up";

/// Where lines go while a line is edited.
type Above = Arc<Mutex<Option<Box<dyn ExternalPrinter + Send>>>>;

/// The running thread.
pub(super) struct CallPrinter {
    above: Above,
    caught_up: Receiver<()>,
    done: Receiver<()>,
}

impl CallPrinter {
    /// Starts to write and to print; the thread ends when every tap is gone. `prints` says whether
    /// calls are shown.
    pub(super) fn start(
        receiver: RecordReceiver,
        log: Option<RecordLog>,
        prints: bool,
        messages: &Messages,
    ) -> Result<Self, Problem> {
        let messages = messages.clone();
        let above = Above::default();
        let (answer, caught_up) = sync_channel(1);
        let (sender, done) = sync_channel(1);
        let place = above.clone();
        let print = move || {
            let mut writer = Writer { log, prints, above: &place, answer: &answer, messages };
            writer.write_all(receiver);
            let _ = sender.send(());
        };
        let builder = thread::Builder::new().name("calls".into());
        builder.spawn(print).map_err(|error| Problem::of_file("clone", "calls", &error))?;
        Ok(Self { above, caught_up, done })
    }

    /// From now on calls are printed above the line being edited, unless they go to a file.
    pub(super) fn print_above(&self, printer: impl ExternalPrinter + Send + 'static) {
        if std::io::stderr().is_terminal() {
            *lock(&self.above) = Some(Box::new(printer));
        }
    }

    /// Waits until the calls that were made before are printed, for [`CATCH_UP_MAX`] at most:
    /// a prompt then stands below them.
    pub(super) fn catch_up<T: Tap>(&self, tap: &T) {
        // An answer that came too late for the question before.
        while self.caught_up.try_recv().is_ok() {}
        tap.event(|| Event::Notice { notice: CATCH_UP.to_owned(), subject: String::new() });
        let _ = self.caught_up.recv_timeout(CATCH_UP_MAX);
    }

    /// Waits until the last call is printed, for [`FINISH_MAX`] at most. Every tap must be gone.
    pub(super) fn finish(self) {
        let _ = self.done.recv_timeout(FINISH_MAX);
    }
}

/// What the thread writes with.
struct Writer<'a> {
    log: Option<RecordLog>,
    prints: bool,
    above: &'a Above,
    answer: &'a SyncSender<()>,
    messages: Messages,
}

impl Writer<'_> {
    fn write_all(&mut self, mut receiver: RecordReceiver) {
        while let Some(record) = receiver.next() {
            let mut batch = vec![record];
            while batch.len() < BATCH_RECORDS_MAX
                && let Some(record) = receiver.try_next()
            {
                batch.push(record);
            }
            // The file first: it never waits for a reader.
            self.log(&batch);
            for record in &batch {
                self.show(&record.event);
            }
        }
    }

    /// A log that fails is told once and then left alone; the conversation goes on.
    fn log(&mut self, records: &[Record]) {
        let Some(log) = &mut self.log else { return };
        for record in records {
            if !is_catch_up(&record.event) {
                log.take(record);
            }
        }
        if let Err(problem) = log.flush() {
            problem.tell(&self.messages);
            self.log = None;
        }
    }

    fn show(&self, event: &Event) {
        match event {
            Event::Call(call) if self.prints => print(&(call_line(call) + "\n"), self.above),
            event if is_catch_up(event) => {
                let _ = self.answer.try_send(());
            }
            _ => {}
        }
    }
}

fn is_catch_up(event: &Event) -> bool {
    matches!(event, Event::Notice { notice, .. } if notice == CATCH_UP)
}

fn print(line: &str, above: &Above) {
    let mut above = lock(above);
    let printed = above.as_mut().is_some_and(|printer| printer.print(line.to_owned()).is_ok());
    if !printed {
        // When standard error is gone nobody is left to be told.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

fn lock(above: &Above) -> std::sync::MutexGuard<'_, Option<Box<dyn ExternalPrinter + Send>>> {
    above.lock().unwrap_or_else(PoisonError::into_inner)
}
