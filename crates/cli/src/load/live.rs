//! A load while it lasts, on standard error: a view that is drawn in place at a terminal, a line
//! a second elsewhere.
//!
//! Nothing here waits, and nothing is kept: what a report needs is in the report.

mod bars;
mod screen;

use std::io::{IsTerminal as _, Write as _};

use colok::load::plan::{Call, Plan};
use colok::load::{Phase, Progress};

use super::figures::{bytes_per_second, count, many, time};
use crate::messages::{Id, Messages};
use crate::say;
use screen::Screen;

/// How often a line is printed where there is no terminal, in seconds.
const LINE_EVERY_S: f64 = 1.0;

/// A share of the second that an interval may be short of it.
const LINE_EARLY_S: f64 = 0.02;

/// Shows how a load goes.
pub(super) struct Live {
    way: Way,
    messages: Messages,
    moved: Moved,
}

enum Way {
    Screen(Screen),
    Lines(Gathered),
    Hidden,
}

/// What makes the rate of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moved {
    Answered,
    /// Nothing is answered: what was sent.
    Sent,
    /// There are no messages: bytes that came.
    Bytes,
}

/// What happened since the last line.
#[derive(Debug, Default)]
struct Gathered {
    seconds: f64,
    moved: u64,
    errors: u64,
}

impl Live {
    /// For this plan; hidden when nobody wants to see it.
    pub(super) fn new(plan: &Plan, wanted: bool, messages: &Messages) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|value| value == "dumb");
        let way = if !wanted {
            Way::Hidden
        } else if std::io::stderr().is_terminal() && !dumb {
            Way::Screen(Screen::new())
        } else {
            Way::Lines(Gathered::default())
        };
        let moved = match plan.call {
            Call::Chargen => Moved::Bytes,
            Call::Discard => Moved::Sent,
            _ => Moved::Answered,
        };
        Self { way, messages: messages.clone(), moved }
    }

    /// An interval is over.
    pub(super) fn update(&mut self, progress: &Progress) {
        let (moved, messages) = (self.moved, &self.messages);
        match &mut self.way {
            Way::Hidden => {}
            Way::Screen(screen) => screen.draw(progress, moved, messages),
            Way::Lines(gathered) => {
                if let Some(line) = gathered.add(progress, moved, messages) {
                    // When standard error is gone nobody is left to be told.
                    let _ = writeln!(std::io::stderr(), "{line}");
                }
            }
        }
    }

    /// Takes the view away: the report comes in its place.
    pub(super) fn clear(&mut self) {
        if let Way::Screen(screen) = &mut self.way {
            screen.clear();
        }
    }
}

impl Moved {
    /// How much an interval moved.
    fn in_interval(self, progress: &Progress) -> u64 {
        let interval = &progress.interval;
        match self {
            Self::Answered => interval.answered,
            Self::Sent => interval.sent,
            Self::Bytes => interval.received_bytes,
        }
    }

    /// `102k messages/s` or `1.20 GB/s`
    fn rate(self, moved: u64, seconds: f64, messages: &Messages) -> String {
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let rate = if seconds > 0.0 { moved as f64 / seconds } else { 0.0 };
        match self {
            Self::Bytes => bytes_per_second(rate),
            _ => say!(messages, Id::ThroughputMessages, rate = many(rate)),
        }
    }
}

impl Gathered {
    /// Adds an interval; gives a line when a second is full.
    fn add(&mut self, progress: &Progress, moved: Moved, messages: &Messages) -> Option<String> {
        let interval = &progress.interval;
        self.seconds += interval.seconds;
        self.moved += moved.in_interval(progress);
        self.errors += interval.errors;
        if self.seconds + LINE_EARLY_S < LINE_EVERY_S {
            return None;
        }
        let gathered = std::mem::take(self);
        let mut parts = vec![
            format!("{:6.1} s", progress.elapsed_s),
            moved.rate(gathered.moved, gathered.seconds, messages),
        ];
        for (name, us) in [("50 %", interval.p50_us), ("99 %", interval.p99_us)] {
            parts.extend(us.map(|us| format!("{name} {}", time(us))));
        }
        parts.push(say!(messages, Id::LiveErrors, count = count(gathered.errors)));
        parts.push(phase_text(progress, messages));
        Some(parts.join("  "))
    }
}

/// What is being done: `measuring`, `warming up`, `run 3`.
fn phase_text(progress: &Progress, messages: &Messages) -> String {
    match progress.phase {
        Phase::Connecting => messages.text(Id::LiveConnecting),
        Phase::WarmUp => messages.text(Id::LiveWarmUp),
        Phase::Measuring if progress.run > 1 => {
            say!(messages, Id::LiveRun, run = progress.run.to_string())
        }
        Phase::Measuring => messages.text(Id::LiveMeasuring),
        Phase::Ending => messages.text(Id::LiveEnding),
    }
}
