//! The view at a terminal: a few lines that are drawn again in their place, and lines above them
//! that stay.
//!
//! No line of the view is wider than the terminal, and there are never more than it has rows: what
//! wraps or scrolls could not be taken back.

use std::io::Write as _;
use std::time::Duration;

use super::super::words::seconds;
use super::State;
use crate::messages::{Id, Messages};
use crate::say;
use crate::style::Style;
use crate::units::duration_text;

/// How wide the bar is.
const BAR: usize = 24;

/// Where a terminal does not know its size.
const ROWS: usize = 24;
const COLUMNS: usize = 80;

/// More running cases than this are counted only.
const SHOWN_MAX: usize = 12;

pub(super) struct Screen {
    style: Style,
    /// Lines of the view that stand there now.
    shown: usize,
}

impl Screen {
    pub(super) fn new(style: Style) -> Self {
        Self { style, shown: 0 }
    }

    /// Draws the view in the place of the last one.
    pub(super) fn draw(&mut self, state: &State, messages: &Messages) {
        let (columns, rows) = (columns(), size().1);
        let mut lines = lines(state, messages);
        lines.truncate(rows.saturating_sub(1));
        let mut text = self.back();
        for (index, line) in lines.iter().enumerate() {
            let line: String = line.chars().take(columns).collect();
            let line = match index {
                0 => self.style.bold(line),
                _ if index + 1 == lines.len() => self.style.dim(line),
                _ => line,
            };
            text.push_str(&line);
            text.push_str("\x1b[K\n");
        }
        text.push_str("\x1b[J");
        self.shown = lines.len();
        write(&text);
    }

    /// Prints a line that stays in the place of the view, which is to be drawn again below it.
    pub(super) fn above(&mut self, line: &str) {
        // The view is erased first: the line may be wider than the terminal.
        write(&format!("{}\x1b[J{line}\n", self.back()));
        self.shown = 0;
    }

    /// Takes the view away.
    pub(super) fn clear(&mut self) {
        if self.shown > 0 {
            write(&format!("{}\x1b[J", self.back()));
            self.shown = 0;
        }
    }

    /// Goes to where the view begins.
    fn back(&self) -> String {
        if self.shown == 0 { "\r".to_owned() } else { format!("\r\x1b[{}A", self.shown) }
    }
}

/// What is shown now, from top to bottom.
fn lines(state: &State, messages: &Messages) -> Vec<String> {
    let mut lines = vec![head(state, messages)];
    let width = state.running.keys().map(|id| id.chars().count()).max().unwrap_or(0).min(40);
    for (id, running) in state.running.iter().take(SHOWN_MAX) {
        let time = seconds(running.since.elapsed().as_secs_f64());
        lines.push(format!("  {id:<width$}  {time:>8}  {}", running.step));
    }
    if state.running.len() > SHOWN_MAX {
        lines.push(format!("  ... +{}", state.running.len() - SHOWN_MAX));
    }
    lines.push(format!("  {}", messages.text(Id::CheckStop)));
    lines
}

/// `12 of 97 cases  [######------------------]  about 40 s left`
fn head(state: &State, messages: &Messages) -> String {
    let total = i64::try_from(state.total).unwrap_or(i64::MAX);
    let cases = say!(messages, Id::CheckCases, count = total);
    let done = say!(messages, Id::CheckOfCases, some = state.done.to_string(), cases = cases);
    let full = (state.done * BAR).checked_div(state.total).unwrap_or(0).min(BAR);
    let bar = format!("{}{}", "#".repeat(full), "-".repeat(BAR - full));
    let time = match state.left() {
        Some(left) => {
            let left = duration_text(Duration::from_secs(left.as_secs()));
            say!(messages, Id::CheckLeft, time = left)
        }
        None => format!("{} s", state.began.elapsed().as_secs()),
    };
    format!("{done}  [{bar}]  {time}")
}

/// How many columns a line may have: one that fills a terminal wraps on some.
pub(super) fn columns() -> usize {
    size().0.saturating_sub(1)
}

/// Columns and rows of the terminal.
fn size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_col > 1 && size.ws_row > 1 => {
            (usize::from(size.ws_col), usize::from(size.ws_row))
        }
        _ => (COLUMNS, ROWS),
    }
}

fn write(text: &str) {
    let mut output = std::io::stderr();
    // When standard error is gone nobody is left to be shown anything.
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}
