//! Bars at a terminal: one for what is being done, one below it for all files.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::files::screen::Work;

/// How often a bar without known length moves.
const TICK: Duration = Duration::from_millis(120);

/// A bar of known length. At 80 columns what is being done has 22 of them.
const BAR: &str = "{wide_msg} [{bar:12}] {prefix}";

/// One of unknown length.
const SPINNER: &str = "{wide_msg} {spinner} {elapsed} {prefix}";

/// The bars at a terminal.
#[derive(Default)]
pub(super) struct Bars {
    all: MultiProgress,
    /// Of the file and phase.
    one: Option<ProgressBar>,
    /// Of all files.
    total: Option<ProgressBar>,
}

impl Bars {
    pub(super) fn has_one(&self) -> bool {
        self.one.is_some()
    }

    pub(super) fn has_total(&self) -> bool {
        self.total.is_some()
    }

    /// Shows the bar of what is being done; `lasted` is how long it has been done already.
    pub(super) fn show_one(
        &mut self,
        work: &Work<'_>,
        label: impl FnOnce() -> String,
        pace: String,
        lasted: Duration,
    ) {
        let bar = self.one.get_or_insert_with(|| {
            let bar = hidden(work.total, lasted);
            bar.set_message(label());
            bar.set_prefix(pace.clone());
            // Above the bar of all files.
            let bar = self.all.insert(0, bar);
            if work.total.is_none() {
                bar.enable_steady_tick(TICK);
            }
            bar
        });
        bar.set_prefix(pace);
        bar.set_position(work.done);
    }

    /// Shows the bar of all files.
    pub(super) fn show_total(
        &mut self,
        label: String,
        done: u64,
        total: Option<u64>,
        pace: String,
        lasted: Duration,
    ) {
        let bar = self.total.get_or_insert_with(|| {
            let bar = hidden(total, lasted);
            bar.set_message(label.clone());
            bar.set_prefix(pace.clone());
            self.all.add(bar)
        });
        bar.set_message(label);
        bar.set_prefix(pace);
        bar.set_position(done);
    }

    /// Takes the bar of what was being done away.
    pub(super) fn end_one(&mut self) {
        if let Some(bar) = self.one.take() {
            bar.finish_and_clear();
        }
    }

    /// Takes all away.
    pub(super) fn clear(&mut self) {
        self.end_one();
        if let Some(total) = self.total.take() {
            total.finish_and_clear();
        }
    }

    /// Does something to the terminal with the bars out of the way.
    pub(super) fn above<R>(&self, act: impl FnOnce() -> R) -> R {
        if self.has_one() || self.has_total() { self.all.suspend(act) } else { act() }
    }
}

/// A bar that is not shown until it has its place among the others.
fn hidden(length: Option<u64>, lasted: Duration) -> ProgressBar {
    let template = if length.is_some() { BAR } else { SPINNER };
    // The templates are constants; a test reads them all.
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden())
        .with_style(style.progress_chars("=> "))
        .with_elapsed(lasted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_be_read() {
        for template in [BAR, SPINNER] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
