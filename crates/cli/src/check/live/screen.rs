//! What the view of a run shows, line by line: how far it is, and the cases that are running.

use std::time::Duration;

use super::super::words::seconds;
use super::State;
use crate::messages::{Id, Messages};
use crate::say;
use crate::units::duration_text;

/// How wide the bar is.
const BAR: usize = 24;

/// Where a terminal does not know its width.
const COLUMNS: usize = 80;

/// More running cases than this are counted only.
const SHOWN_MAX: usize = 12;

/// What is shown now, from top to bottom.
pub(super) fn lines(state: &State, messages: &Messages) -> Vec<String> {
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
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_col > 1 => usize::from(size.ws_col) - 1,
        _ => COLUMNS - 1,
    }
}
