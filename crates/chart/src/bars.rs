//! Bars with whiskers: a value and its spread for each contender, in groups.
//!
//! The bars lie, so that the names of contenders stand beside them whatever their length, and no
//! reader has to match colours with a legend.

use crate::draw::{Anchor, Area, Canvas, HEAD_SIZE, LINE_HEIGHT, Place, TEXT_SIZE};
use crate::scale::{Range, Tick};
use crate::text::{lines, shortened, width};
use crate::{Axis, Error, Frame, Look, Scale, check, number};

/// A chart of grouped bars. Plain data.
#[derive(Clone, Debug, PartialEq)]
pub struct BarChart {
    /// What it shows, in a few words.
    pub title: String,
    /// What a reader who does not see it must know.
    pub description: String,
    /// The axis of the values; always drawn as [`Scale::Linear`] from zero.
    pub axis: Axis,
    /// Who is compared; at most [`BarChart::CONTENDERS_MAX`].
    pub contenders: Vec<Contender>,
    /// Under what conditions; at most [`BarChart::GROUPS_MAX`].
    pub groups: Vec<Group>,
    /// What stands where there is no value: `not measured`.
    pub missing: String,
}

/// One of those that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contender {
    /// Its name.
    pub name: String,
    /// Drawn in the strong colour.
    pub emphasis: bool,
}

/// The bars of one condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The condition; may be empty when there is only one.
    pub name: String,
    /// One for each contender, in their order.
    pub bars: Vec<Option<Bar>>,
}

/// A value and its spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// The median.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

const BAR_HEIGHT: f64 = 14.0;
const ROW_HEIGHT: f64 = 20.0;
const GROUP_GAP: f64 = 12.0;
/// The least room that bars get, whatever the length of names.
const PLOT_SHARE: f64 = 0.45;

impl BarChart {
    /// Further contenders are not drawn.
    pub const CONTENDERS_MAX: usize = 24;
    /// Further groups are not drawn.
    pub const GROUPS_MAX: usize = 24;

    /// The chart as SVG. Fails only on values that are no numbers.
    pub fn svg(&self, frame: Frame) -> Result<String, Error> {
        let contenders = &self.contenders[..self.contenders.len().min(Self::CONTENDERS_MAX)];
        let groups = &self.groups[..self.groups.len().min(Self::GROUPS_MAX)];
        let axis = Axis { scale: Scale::Linear, ..self.axis.clone() };
        let bars = || groups.iter().flat_map(|group| group.bars.iter().take(contenders.len()));
        let values = || bars().flatten().flat_map(|bar| [bar.median, bar.min, bar.max]);
        for value in values() {
            check(&self.title, value)?;
        }
        let range = Range::new(&axis, values(), true)?;
        let mut canvas = Canvas::new(frame);
        let top = self.head(&mut canvas);
        let names = contenders.iter().map(|contender| width(&contender.name, TEXT_SIZE));
        let left = names.fold(40.0, f64::max).min(canvas.width * (1.0 - PLOT_SHARE)) + 10.0;
        let labels = bars().flatten().map(|bar| width(&axis.unit.text(bar.median), TEXT_SIZE));
        let right = canvas.width - labels.fold(24.0, f64::max).min(90.0) - 12.0;
        let rows = Rows { range, left, right, contenders, missing: &self.missing };
        let bottom = top + groups.iter().map(|group| rows.height(group)).sum::<f64>();
        let mut y = top;
        for group in groups {
            y = rows.group(&mut canvas, group, y);
        }
        rows.labels(&mut canvas, &axis.title, bottom);
        Ok(canvas.finish(bottom + 40.0, &self.title, &self.description))
    }

    fn head(&self, canvas: &mut Canvas) -> f64 {
        let mut y = 8.0;
        if canvas.frame.look == Look::Standalone {
            for line in lines(&self.title, HEAD_SIZE * 1.06, canvas.width - 8.0) {
                y += HEAD_SIZE + 4.0;
                canvas.text(Place { x: 0.0, y }, Anchor::Start, "head", &line);
            }
            y += 16.0;
        }
        y
    }
}

/// The rows of bars.
struct Rows<'a> {
    range: Range<'a>,
    left: f64,
    right: f64,
    contenders: &'a [Contender],
    missing: &'a str,
}

impl Rows<'_> {
    fn across(&self, value: f64) -> f64 {
        self.left + self.range.place(value) * (self.right - self.left)
    }

    fn height(&self, group: &Group) -> f64 {
        let heading = if group.name.is_empty() { 0.0 } else { LINE_HEIGHT + 4.0 };
        heading + number(self.contenders.len()) * ROW_HEIGHT + GROUP_GAP
    }

    /// The ticks whose labels do not touch.
    fn ticks(&self) -> Vec<Tick> {
        let mut free = f64::NEG_INFINITY;
        let mut ticks = self.range.ticks(((self.right - self.left) / 80.0).clamp(2.0, 6.0));
        ticks.retain(|tick| {
            let half = width(&tick.label, TEXT_SIZE) / 2.0;
            let x = self.across(tick.value);
            let fits = x - half >= free;
            if fits {
                free = x + half + 8.0;
            }
            fits
        });
        ticks
    }

    /// Lines of the grid behind one group, not behind its heading.
    fn grid(&self, canvas: &mut Canvas, top: f64, bottom: f64) {
        let lines = self.ticks().into_iter().map(|tick| (tick.value, "grid"));
        for (value, class) in lines.chain([(0.0, "axis")]) {
            let x = self.across(value);
            canvas.rule(Place { x, y: top }, Place { x, y: bottom }, class);
        }
    }

    fn labels(&self, canvas: &mut Canvas, title: &str, bottom: f64) {
        for tick in self.ticks() {
            let at = Place { x: self.across(tick.value), y: bottom + 10.0 };
            canvas.text(at, Anchor::Middle, "soft", &tick.label);
        }
        let title = shortened(title, TEXT_SIZE, canvas.width - 8.0);
        let half = width(&title, TEXT_SIZE) / 2.0;
        let middle = self.left.midpoint(self.right).min(canvas.width - 4.0 - half).max(half);
        canvas.text(Place { x: middle, y: bottom + 30.0 }, Anchor::Middle, "soft", &title);
    }

    /// Draws a group and returns where the next one starts.
    fn group(&self, canvas: &mut Canvas, group: &Group, top: f64) -> f64 {
        let mut y = top;
        if !group.name.is_empty() {
            let name = shortened(&group.name, TEXT_SIZE * 1.06, canvas.width - 8.0);
            canvas.text(Place { x: 0.0, y: y + 14.0 }, Anchor::Start, "group", &name);
            y += LINE_HEIGHT + 4.0;
        }
        self.grid(canvas, y - 4.0, y + number(self.contenders.len()) * ROW_HEIGHT);
        for (index, contender) in self.contenders.iter().enumerate() {
            let name = shortened(&contender.name, TEXT_SIZE, self.left - 10.0);
            let base = y + BAR_HEIGHT - 3.0;
            canvas.text(Place { x: self.left - 8.0, y: base }, Anchor::End, "", &name);
            if let Some(bar) = group.bars.get(index).copied().flatten() {
                self.bar(canvas, contender, bar, y);
            } else {
                let at = Place { x: self.left + 6.0, y: base };
                canvas.text(at, Anchor::Start, "soft", self.missing);
            }
            y += ROW_HEIGHT;
        }
        y + GROUP_GAP
    }

    fn bar(&self, canvas: &mut Canvas, contender: &Contender, bar: Bar, top: f64) {
        let (zero, end) = (self.across(0.0), self.across(bar.median));
        let (low, high) = (self.across(bar.min), self.across(bar.max));
        let unit = |value| self.range.unit().text(value);
        let (median, min, max) = (unit(bar.median), unit(bar.min), unit(bar.max));
        let told = format!("{}: {median} ({min} to {max})", contender.name);
        let area =
            Area { left: zero.min(end), top, right: zero.max(end), bottom: top + BAR_HEIGHT };
        canvas.rectangle(area, if contender.emphasis { "own" } else { "bar" }, &told);
        // A spread that is thinner than its own ends would only be a blot.
        if high - low >= 2.0 {
            let y = top + BAR_HEIGHT / 2.0;
            let end = |x: f64| [Place { x, y: y - 3.5 }, Place { x, y: y + 3.5 }];
            let strokes = [[Place { x: low, y }, Place { x: high, y }], end(low), end(high)];
            // A light rim first, so that it is seen on every colour of bar.
            for class in ["rim", "whisker"] {
                for stroke in &strokes {
                    canvas.line(stroke, class);
                }
            }
        }
        let at = Place { x: zero.max(end).max(high) + 6.0, y: top + BAR_HEIGHT - 3.0 };
        canvas.text(at, Anchor::Start, "", &median);
    }
}
