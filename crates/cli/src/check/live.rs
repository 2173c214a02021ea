//! A run while it lasts, on standard error: at a terminal the running cases in place, and above
//! them what did not pass; elsewhere a line for each case that has ended.
//!
//! Nothing is kept that the record does not have. When standard error is gone nobody is left to be
//! shown anything, and the run goes on.

mod screen;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use colok::scenario::record::{Case, Verdict};
use colok::scenario::run::{Event, Happening};

use super::summary::verdict;
use super::trouble::reason;
use super::words::{VERDICTS, one_line, seconds, verdict_width};
use crate::messages::Messages;
use crate::style::Style;
use crate::view::View;

/// How often the times of running cases are drawn anew.
const DRAW_EVERY: Duration = Duration::from_millis(200);

/// Shows how a run goes.
pub(super) struct Live {
    messages: Messages,
    style: Style,
    way: Way,
}

enum Way {
    Screen { shared: Arc<Shared>, drawing: Option<JoinHandle<()>> },
    Lines(Box<State>),
    Hidden,
}

/// What the thread that draws shares with the one that runs.
struct Shared {
    state: Mutex<(State, View)>,
    ended: Condvar,
}

/// How far a run is.
pub(super) struct State {
    began: Instant,
    total: usize,
    done: usize,
    /// How many of those that ended were run, and not skipped.
    ran: usize,
    running: BTreeMap<String, Running>,
    ended: bool,
}

/// A case that is being run.
struct Running {
    since: Instant,
    step: String,
}

impl Live {
    /// Hidden when nobody wants to see it.
    pub(super) fn new(wanted: bool, messages: &Messages) -> Self {
        let style = Style::of(&std::io::stderr());
        let dumb = std::env::var_os("TERM").is_none_or(|value| value == "dumb");
        let way = if !wanted {
            Way::Hidden
        } else if std::io::stderr().is_terminal() && !dumb {
            Self::at_terminal(style, messages)
        } else {
            Way::Lines(Box::new(State::new()))
        };
        Self { messages: messages.clone(), style, way }
    }

    fn at_terminal(style: Style, messages: &Messages) -> Way {
        let state = Mutex::new((State::new(), View::new(style)));
        let shared = Arc::new(Shared { state, ended: Condvar::new() });
        let (theirs, messages) = (Arc::clone(&shared), messages.clone());
        let draw = move || theirs.draw_until_the_end(&messages);
        // Without a thread it is drawn when something happens.
        let drawing = thread::Builder::new().name("live".into()).spawn(draw).ok();
        Way::Screen { shared, drawing }
    }

    /// Something happened.
    pub(super) fn update(&mut self, happening: &Happening) {
        let (style, messages) = (self.style, &self.messages);
        match &mut self.way {
            Way::Hidden => {}
            Way::Lines(state) => {
                state.update(happening);
                if let Event::CaseEnded { result } = &happening.event {
                    let line = state.line(result, usize::MAX, style, messages);
                    let _ = writeln!(std::io::stderr(), "{line}");
                }
            }
            Way::Screen { shared, .. } => {
                let mut locked = shared.lock();
                let (state, view) = &mut *locked;
                state.update(happening);
                if let Event::CaseEnded { result } = &happening.event {
                    // What passed is counted; the summary names it.
                    if !matches!(result.verdict, Verdict::Pass | Verdict::Skipped) {
                        view.above(&state.line(result, screen::columns(), style, messages));
                    }
                    view.draw(screen::lines(state, messages), screen::columns());
                }
            }
        }
    }

    /// Takes the view away: the summary comes in its place.
    pub(super) fn clear(&mut self) {
        let Way::Screen { shared, drawing } = &mut self.way else { return };
        shared.lock().0.ended = true;
        shared.ended.notify_all();
        if let Some(drawing) = drawing.take() {
            // It only draws; whatever became of it, the view is taken away.
            let _ = drawing.join();
        }
        shared.lock().1.clear();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (State, View)> {
        // What is behind it is whole between any two of its changes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw_until_the_end(&self, messages: &Messages) {
        let mut locked = self.lock();
        while !locked.0.ended {
            let (state, view) = &mut *locked;
            if state.total > 0 {
                view.draw(screen::lines(state, messages), screen::columns());
            }
            let waited = self.ended.wait_timeout(locked, DRAW_EVERY);
            locked = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl State {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            total: 0,
            done: 0,
            ran: 0,
            running: BTreeMap::new(),
            ended: false,
        }
    }

    fn update(&mut self, happening: &Happening) {
        let case = happening.case.as_deref();
        match (&happening.event, case) {
            (Event::Run { cases, .. }, _) => self.total = cases.len(),
            (Event::CaseStarted, Some(case)) => {
                let running = Running { since: Instant::now(), step: String::new() };
                self.running.insert(case.to_owned(), running);
            }
            (Event::StepStarted { step, host, text, .. }, Some(case)) => {
                if let Some(running) = self.running.get_mut(case) {
                    let place = if host.is_empty() { step } else { host };
                    running.step = one_line(&format!("{place}: {text}"));
                }
            }
            (Event::CaseEnded { result }, _) => {
                self.running.remove(&result.id);
                self.done += 1;
                self.ran += usize::from(result.verdict != Verdict::Skipped);
            }
            _ => {}
        }
    }

    /// `[ 12/97] pass     echo-quit (1.2 s)`, and why not, unless it passed, in so many columns.
    fn line(&self, case: &Case, columns: usize, style: Style, messages: &Messages) -> String {
        let digits = self.total.to_string().len();
        let count = format!("[{:>digits$}/{}]", self.done, self.total);
        // Whatever is yet to come, it stands below this one.
        let width = verdict_width(VERDICTS, messages);
        let mut text = one_line(&case.id);
        if case.verdict != Verdict::Skipped {
            let _ = write!(text, " ({})", seconds(case.duration_s));
        }
        if case.verdict != Verdict::Pass {
            let _ = write!(text, ": {}", reason(case, messages));
        }
        let room = columns.saturating_sub(count.chars().count() + width + 3);
        let text: String = text.chars().take(room).collect();
        let verdict = verdict(case.verdict, width, style, messages);
        format!("{} {verdict}  {text}", style.dim(count))
    }

    /// How long the rest will take, once that can be guessed.
    fn left(&self) -> Option<Duration> {
        const ENOUGH: usize = 3;
        if self.ran < ENOUGH || self.done >= self.total {
            return None;
        }
        let done = u32::try_from(self.done).ok()?;
        let left = u32::try_from(self.total - self.done).ok()?;
        let rest = self.began.elapsed() / done * left;
        // A guess of less than a second is none.
        Some(rest).filter(|rest| rest.as_secs() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::example::{case, troubled};
    use crate::messages::Language;

    fn happening(case: Option<&str>, event: Event) -> Happening {
        Happening { time_unix_us: 0, case: case.map(str::to_owned), event }
    }

    #[test]
    fn cases_are_counted_and_told_when_they_end() {
        let messages = Messages::new(Language::English);
        let mut state = State::new();
        state.total = 12;
        state.update(&happening(Some("a"), Event::CaseStarted));
        let (step, host) = ("ask".to_owned(), "client".to_owned());
        let action = "run".to_owned();
        let text = "colok connect\n".to_owned();
        state.update(&happening(Some("a"), Event::StepStarted { step, host, action, text }));
        assert_eq!(state.running["a"].step, "client: colok connect\\n");
        let result = Box::new(case("a", Verdict::Fail));
        state.update(&happening(Some("a"), Event::CaseEnded { result: result.clone() }));
        assert!(state.running.is_empty());
        let line = state.line(&result, 99, Style::PLAIN, &messages);
        assert_eq!(line, "[ 1/12] fail     a (1.2 s): the reason");
        let mut failed = troubled().cases.swap_remove(1);
        assert!(
            state.line(&failed, 99, Style::PLAIN, &messages).ends_with(": ask: stdout (line 23)")
        );
        failed.checks[1].verdict = Verdict::Fail;
        assert!(
            state
                .line(&failed, 99, Style::PLAIN, &messages)
                .ends_with(": ask: stdout (line 23) +1")
        );
        let line = state.line(&failed, 30, Style::PLAIN, &messages);
        assert_eq!(line, "[ 1/12] fail     echo[engine=e");
        let skipped = case("b", Verdict::Skipped);
        let line = state.line(&skipped, 99, Style::PLAIN, &messages);
        assert_eq!(line, "[ 1/12] skipped  b: the reason");
        assert_eq!(state.left(), None, "one case is too few to guess from");
    }
}
