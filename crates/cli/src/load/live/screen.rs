//! What the view of a load shows, line by line, from how far it is.

use colok::load::Progress;
use colok::load::report::SummaryLatency;

use super::super::figures::{count, time};
use super::super::paper::columns_of;
use super::{Moved, bars, phase_text};
use crate::messages::{Id, Messages};
use crate::say;
use crate::style::Style;
use crate::view::View;

/// How wide the bar of the time is.
const BAR: usize = 24;

pub(super) struct Screen {
    view: View,
    blocks: bool,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self { view: View::new(Style::of(&std::io::stderr())), blocks: knows_blocks() }
    }

    /// Draws the view in the place of the last one.
    pub(super) fn draw(&mut self, progress: &Progress, moved: Moved, messages: &Messages) {
        // A line that fills a terminal wraps on some.
        let columns = columns_of(&std::io::stderr()) - 1;
        self.view.draw(lines(progress, moved, columns, self.blocks, messages), columns);
    }

    /// Takes the view away.
    pub(super) fn clear(&mut self) {
        self.view.clear();
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

/// Whether the locale is one of UTF-8: the first of these that is set decides (POSIX).
fn knows_blocks() -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let locale = names.iter().find_map(|name| std::env::var(name).ok().filter(|it| !it.is_empty()));
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}
