//! What is shown while files are on their way: results on standard output, progress and problems
//! on standard error, neither in the way of the other.
//!
//! Results are gathered and written a few times a second, so that ten thousand small files are not
//! ten thousand writes.

use std::io::Write as _;
use std::time::{Duration, Instant};

use colok::client::files::{FilesError, Phase};
use colok::proto::Peer;

use super::event::{Counts, JsonEvent};
use super::progress::Progress;
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem};
use crate::say;
use crate::style::Style;
use crate::units::duration_text;

/// How long results wait for more to be written with, at most.
const GATHER_MAX: Duration = Duration::from_millis(100);

/// How many bytes of results wait, at most.
const GATHER_BYTES_MAX: usize = 32 * 1024;

/// How often progress is told to a program.
const JSON_PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// Who reads standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Results {
    /// People.
    Lines,
    /// Programs.
    Json,
    /// Nobody: nothing was to be printed, or the bytes of a file are.
    Nobody,
}

/// Where everything is shown.
pub(super) struct Screen {
    results: Results,
    progress: Progress,
    messages: Messages,
    gathered: Vec<u8>,
    written_at: Instant,
    json_progress_at: Option<Instant>,
    /// The first error of standard output; nothing more is written to it then.
    failed: Option<std::io::Error>,
}

impl Screen {
    pub(super) fn new(results: Results, progress: Progress, messages: &Messages) -> Self {
        Self {
            results,
            progress,
            messages: messages.clone(),
            gathered: Vec::new(),
            written_at: Instant::now(),
            json_progress_at: None,
            failed: None,
        }
    }

    /// A result for people.
    pub(super) fn line(&mut self, text: impl FnOnce(&Messages) -> String) {
        if self.results == Results::Lines {
            let text = text(&self.messages);
            self.gathered.extend_from_slice(text.as_bytes());
            self.gathered.push(b'\n');
            self.write_some();
        }
    }

    /// A result for programs.
    pub(super) fn event(&mut self, event: &JsonEvent<'_>) {
        // Events are plain data: they always have a JSON form.
        if self.results == Results::Json && serde_json::to_writer(&mut self.gathered, event).is_ok()
        {
            self.gathered.push(b'\n');
            self.write_some();
        }
    }

    /// A connection is there; only programs are told.
    pub(super) fn connected(&mut self, server: &str, peer: &Peer) {
        let (local, remote) = (peer.local.to_string(), peer.remote.to_string());
        self.event(&JsonEvent::Connected { server, local, remote });
    }

    /// Work on a file goes on; `shown` is its name made printable.
    pub(super) fn progress(&mut self, work: &Work<'_>) {
        self.write_some();
        if self.results == Results::Json {
            let due = self.json_progress_at.is_none_or(|at| at.elapsed() >= JSON_PROGRESS_EVERY);
            if due {
                self.json_progress_at = Some(Instant::now());
                let Work { name, phase, done, total } = *work;
                let phase = phase.name();
                self.event(&JsonEvent::Progress { name, phase, done, total });
            }
        }
        self.progress.work(work);
    }

    /// A file is done with, well or not; it had so many bytes.
    pub(super) fn file_done(&mut self, bytes: u64) {
        self.progress.file_done(bytes);
    }

    /// Something that people should know although it is no result: to standard error.
    pub(super) fn note(&mut self, text: &str) {
        self.write();
        self.progress.above(|| {
            // When standard error is gone nobody is left to be told.
            let _ = writeln!(std::io::stderr(), "{text}");
        });
    }

    /// A problem with one of many files.
    pub(super) fn problem(&mut self, problem: &Problem) {
        let text = problem.render(&self.messages, Style::of(&std::io::stderr()));
        self.note(text.trim_end());
    }

    /// The connection broke and is made again.
    pub(super) fn retry(
        &mut self,
        error: &Problem,
        next_try: u32,
        tries_max: u32,
        pause: Duration,
        told: bool,
    ) {
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        let error = error.what().to_owned();
        self.event(&JsonEvent::Retry { error: error.clone(), next_try, tries_max, pause_ms });
        self.write();
        if told && self.results != Results::Json {
            let text = say!(
                self.messages,
                Id::FilesRetrying,
                error = error,
                next = next_try.to_string(),
                most = tries_max.to_string(),
                pause = duration_text(pause)
            );
            self.note(&text);
        }
    }

    /// Whether standard output has failed: nobody sees the results.
    pub(super) fn is_lost(&self) -> bool {
        self.failed.is_some()
    }

    fn write_some(&mut self) {
        let late = self.written_at.elapsed() >= GATHER_MAX;
        if late || self.gathered.len() >= GATHER_BYTES_MAX {
            self.write();
        }
    }

    fn write(&mut self) {
        self.written_at = Instant::now();
        if self.gathered.is_empty() || self.failed.is_some() {
            self.gathered.clear();
            return;
        }
        let gathered = &self.gathered;
        let written = self.progress.above(|| {
            let mut output = std::io::stdout();
            output.write_all(gathered).and_then(|()| output.flush())
        });
        self.failed = written.err();
        self.gathered.clear();
    }

    /// Tells programs what ended everything, and how far it was; takes progress away. People are
    /// told the problem by whoever gets it, behind all this.
    pub(super) fn broke_off(
        mut self,
        error: &FilesError,
        counts: Counts,
        duration: Duration,
        exit: Exit,
    ) {
        self.event(&JsonEvent::broken(error));
        self.event(&counts.done(duration, exit));
        // Standard output may have failed as well; the problem is what matters.
        let _ = self.finish();
    }

    /// Takes progress away and writes what is left; the problem of standard output, if it had one.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        self.progress.clear();
        self.write();
        match &self.failed {
            Some(error) => Err(Problem::of_output(error)),
            None => Ok(()),
        }
    }
}

/// What is being done to a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work<'a> {
    /// The stored name, as it is.
    pub(super) name: &'a str,
    pub(super) phase: Phase,
    pub(super) done: u64,
    pub(super) total: Option<u64>,
}
