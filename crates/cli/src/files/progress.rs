//! Progress on standard error: bars at a terminal, a line every few seconds elsewhere.
//!
//! What is over before anybody could read it is not shown at all.

mod bars;
mod pace;

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use colok::client::files::Phase;
use colok::observe::printable;

use super::screen::Work;
use crate::messages::{Id, Messages};
use crate::say;
use crate::units::{duration_text, size_text};
use bars::Bars;
use pace::Pace;

/// How long a phase lasts before it gets a bar.
const BAR_AFTER: Duration = Duration::from_millis(250);

/// How often a line is printed where there is no terminal, at most.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How often the bar of all files is looked at: ten thousand small files take a second.
const TOTAL_EVERY: Duration = Duration::from_millis(50);

/// Progress of everything.
pub(super) struct Progress {
    way: Way,
    messages: Messages,
    /// How many files there are, and their bytes if they are known.
    files: usize,
    bytes: Option<u64>,
    files_done: usize,
    bytes_done: u64,
    started: Instant,
    total_shown: Instant,
    total_pace: Pace,
    current: Option<Current>,
}

/// How it is shown.
enum Way {
    Bars(Bars),
    Lines { printed: Instant },
    Hidden,
}

/// The phase that a file is in.
struct Current {
    name: String,
    phase: Phase,
    since: Instant,
    pace: Pace,
}

impl Progress {
    /// For so many files; hidden when nobody wants to see it.
    pub(super) fn new(files: usize, bytes: Option<u64>, wanted: bool, messages: &Messages) -> Self {
        let started = Instant::now();
        let way = if !wanted {
            Way::Hidden
        } else if std::io::stderr().is_terminal() {
            Way::Bars(Bars::default())
        } else {
            Way::Lines { printed: started }
        };
        Self {
            way,
            messages: messages.clone(),
            files,
            bytes,
            files_done: 0,
            bytes_done: 0,
            started,
            total_shown: started,
            total_pace: Pace::start(started, 0),
            current: None,
        }
    }

    /// Work goes on.
    pub(super) fn work(&mut self, work: &Work<'_>) {
        if matches!(self.way, Way::Hidden) {
            return;
        }
        let now = Instant::now();
        self.enter(work, now);
        let Some(current) = &mut self.current else { return };
        current.pace.update(now, work.done);
        let lasted = now.saturating_duration_since(current.since);
        match &mut self.way {
            Way::Hidden => {}
            Way::Lines { printed } => {
                if now.saturating_duration_since(*printed) < LINE_EVERY {
                    return;
                }
                *printed = now;
                let line = self.line(work);
                // When standard error is gone nobody is left to be told.
                let _ = writeln!(std::io::stderr(), "{line}");
            }
            Way::Bars(bars) => {
                if bars.has_one() || lasted >= BAR_AFTER {
                    let pace = pace_text(work.done, work.total, &current.pace, &self.messages);
                    let messages = &self.messages;
                    bars.show_one(work, || label(work, messages), pace, lasted);
                }
                let moving = matches!(work.phase, Phase::Sending | Phase::Receiving);
                self.show_total(self.bytes_done + if moving { work.done } else { 0 }, now);
            }
        }
    }

    /// Notices that another file or phase began.
    fn enter(&mut self, work: &Work<'_>, now: Instant) {
        let same = |it: &Current| it.phase == work.phase && it.name == work.name;
        if self.current.as_ref().is_some_and(same) {
            return;
        }
        self.current = Some(Current {
            name: work.name.to_owned(),
            phase: work.phase,
            since: now,
            pace: Pace::start(now, work.done),
        });
        if let Way::Bars(bars) = &mut self.way {
            bars.end_one();
        }
    }

    /// A file is done with.
    pub(super) fn file_done(&mut self, bytes: u64) {
        self.files_done += 1;
        self.bytes_done += bytes;
        self.current = None;
        if let Way::Bars(bars) = &mut self.way {
            bars.end_one();
            self.show_total(self.bytes_done, Instant::now());
        }
    }

    /// Does something to the terminal with the bars out of the way.
    pub(super) fn above<R>(&self, act: impl FnOnce() -> R) -> R {
        match &self.way {
            Way::Bars(bars) => bars.above(act),
            _ => act(),
        }
    }

    /// Takes the bars away.
    pub(super) fn clear(&mut self) {
        if let Way::Bars(bars) = &mut self.way {
            bars.clear();
        }
    }

    /// The bar of all files, when there are several.
    fn show_total(&mut self, done: u64, now: Instant) {
        let Way::Bars(bars) = &mut self.way else { return };
        let lasted = now.saturating_duration_since(self.started);
        let early = !bars.has_total() && lasted < BAR_AFTER;
        let soon = now.saturating_duration_since(self.total_shown) < TOTAL_EVERY;
        if self.files < 2 || early || soon {
            return;
        }
        self.total_shown = now;
        self.total_pace.update(now, done);
        let messages = &self.messages;
        let label = files_text(self.files_done, self.files, messages);
        let pace = pace_text(done, self.bytes, &self.total_pace, messages);
        bars.show_total(label, done, self.bytes, pace, lasted);
    }

    /// `sending some.iso: 512.0 MiB of 1.0 GiB, 120.0 MiB/s, 4 s left`
    fn line(&self, work: &Work<'_>) -> String {
        let messages = &self.messages;
        let mut line = label(work, messages);
        if self.files > 1 {
            let files = files_text(self.files_done, self.files, messages);
            let _ = write!(line, " ({files})");
        }
        if work.phase != Phase::Waiting
            && let Some(current) = &self.current
        {
            line.push_str(": ");
            line.push_str(&pace_text(work.done, work.total, &current.pace, messages));
        }
        line
    }
}

/// `sending some.iso`
fn label(work: &Work<'_>, messages: &Messages) -> String {
    format!("{} {}", messages.text(phase_id(work.phase)), printable(work.name.as_bytes()))
}

/// `3 of 12 files`
fn files_text(done: usize, files: usize, messages: &Messages) -> String {
    say!(messages, Id::ProgressFiles, done = done.to_string(), files = files.to_string())
}

/// `512.0 MiB of 1.0 GiB, 120.0 MiB/s, 4 s left`
fn pace_text(done: u64, total: Option<u64>, pace: &Pace, messages: &Messages) -> String {
    let mut text = size_text(done);
    if let Some(total) = total {
        text = say!(messages, Id::ProgressOf, done = text, total = size_text(total));
    }
    let Some(rate) = pace.rate() else { return text };
    let _ = write!(text, ", {}/s", size_text(rate));
    // Of what has hardly begun nobody can tell when it ends.
    if let Some(total) = total.filter(|total| done >= total / 100)
        && let Some(left) = pace.left(total).filter(|left| !left.is_zero())
    {
        text.push_str(", ");
        text.push_str(&say!(messages, Id::ProgressLeft, time = duration_text(left)));
    }
    text
}

const fn phase_id(phase: Phase) -> Id {
    match phase {
        Phase::Hashing => Id::PhaseHashing,
        Phase::Checking => Id::PhaseChecking,
        Phase::Sending => Id::PhaseSending,
        Phase::Waiting => Id::PhaseWaiting,
        Phase::Receiving => Id::PhaseReceiving,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Language;

    #[test]
    fn lines_tell_how_far_it_is() {
        let messages = Messages::new(Language::English);
        let mut progress = Progress::new(2, Some(4096), false, &messages);
        let now = Instant::now();
        let work = |phase, done, total| Work { name: "a\u{202e}b", phase, done, total };
        let sending = work(Phase::Sending, 1024, Some(4096));
        progress.enter(&sending, now);
        let expected = "sending a\\u{202e}b (0 of 2 files): 1.0 KiB of 4.0 KiB";
        assert_eq!(progress.line(&sending), expected);
        let current = progress.current.as_mut().expect("it has begun");
        assert!(current.pace.update(now + Duration::from_secs(1), 2048));
        let expected = "sending a\\u{202e}b (0 of 2 files): \
                        2.0 KiB of 4.0 KiB, 1.0 KiB/s, 2 s left";
        assert_eq!(progress.line(&work(Phase::Sending, 2048, Some(4096))), expected);
        let waiting = work(Phase::Waiting, 0, None);
        assert_eq!(progress.line(&waiting), "waiting for the disk a\\u{202e}b (0 of 2 files)");
    }

    #[test]
    fn what_has_hardly_begun_has_no_end_in_sight() {
        let messages = Messages::new(Language::English);
        let now = Instant::now();
        let mut pace = Pace::start(now, 0);
        pace.update(now + Duration::from_secs(1), 1024);
        let text = pace_text(1024, Some(1 << 30), &pace, &messages);
        assert_eq!(text, "1.0 KiB of 1.0 GiB, 1.0 KiB/s");
    }
}
