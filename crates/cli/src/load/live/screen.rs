//! The view at a terminal: a few lines that are drawn again in their place.
//!
//! No line is wider than the terminal, and there are never more than it has rows: what wraps or
//! scrolls could not be taken back.

use std::io::Write as _;

use colok::load::Progress;
use colok::load::report::SummaryLatency;

use super::super::figures::{count, time};
use super::super::paper::columns_of;
use super::{Moved, bars, phase_text};
use crate::messages::{Id, Messages};
use crate::say;
use crate::style::Style;

/// How wide the bar of the time is.
const BAR: usize = 24;

/// Where a terminal does not know its height.
const ROWS: usize = 24;

pub(super) struct Screen {
    style: Style,
    blocks: bool,
    /// Lines that stand there now.
    shown: usize,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self { style: Style::of(&std::io::stderr()), blocks: knows_blocks(), shown: 0 }
    }

    /// Draws the view in the place of the last one.
    pub(super) fn draw(&mut self, progress: &Progress, moved: Moved, messages: &Messages) {
        let columns = columns_of(&std::io::stderr()) - 1;
        let mut lines = lines(progress, moved, columns, self.blocks, messages);
        lines.truncate(rows() - 1);
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
fn lines(
    progress: &Progress,
    moved: Moved,
    columns: usize,
    blocks: bool,
    messages: &Messages,
) -> Vec<String> {
    let mut lines = vec![head(progress, messages)];
    let rate = moved.rate(moved.in_interval(progress), progress.interval.seconds, messages);
    let parts = [
        rate,
        say!(messages, Id::LiveAnswered, count = count(progress.answered)),
        say!(messages, Id::LiveErrors, count = count(progress.errors)),
        say!(messages, Id::LiveConnections, count = count(progress.interval.connections)),
    ];
    lines.push(format!("  {}", parts.join("   ")));
    lines.extend(progress.latency.as_ref().map(|latency| format!("  {}", times(latency))));
    let bars = bars::lines(&progress.buckets, columns.saturating_sub(2), blocks);
    lines.extend(bars.into_iter().map(|line| format!("  {line}")));
    lines.push(format!("  {}", messages.text(Id::LiveStop)));
    lines
}

/// `measuring  4.0 s of 10 s  [#########---------------]`
fn head(progress: &Progress, messages: &Messages) -> String {
    let phase = phase_text(progress, messages);
    let elapsed = format!("{:.1} s", progress.elapsed_s);
    let Some(total) = progress.total_s.filter(|total| *total > 0.0) else {
        return format!("{phase}  {elapsed}");
    };
    let share = (progress.elapsed_s / total).clamp(0.0, 1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of 24 columns"
    )]
    let full = (share * BAR as f64).round() as usize;
    let bar = format!("{}{}", "#".repeat(full), "-".repeat(BAR.saturating_sub(full)));
    let total = format!("{total:.0} s");
    let of = say!(messages, Id::ProgressOf, done = elapsed, total = total);
    format!("{phase}  {of}  [{bar}]")
}

/// The times of the last interval, as far as they rest on enough samples.
fn times(latency: &SummaryLatency) -> String {
    let known = [
        ("50 %", latency.p50),
        ("95 %", latency.p95),
        ("99 %", latency.p99),
        ("99.9 %", latency.p999),
        ("max", Some(latency.max)),
    ];
    let shown = known.iter().filter_map(|(name, us)| Some(format!("{name} {}", time((*us)?))));
    shown.collect::<Vec<_>>().join("   ")
}

fn rows() -> usize {
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_row > 1 => usize::from(size.ws_row),
        _ => ROWS,
    }
}

/// Whether the locale is one of UTF-8: the first of these that is set decides (POSIX).
fn knows_blocks() -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let locale = names.iter().find_map(|name| std::env::var(name).ok().filter(|it| !it.is_empty()));
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

fn write(text: &str) {
    let mut output = std::io::stderr();
    // When standard error is gone nobody is left to be shown anything.
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}
