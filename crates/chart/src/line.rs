//! Lines over time, over percentiles, over connections.

use crate::draw::{Anchor, Area, Canvas, HEAD_SIZE, LINE_HEIGHT, Place, TEXT_SIZE};
use crate::scale::{Range, Tick};
use crate::text::{lines, shortened, width};
use crate::thin::thin;
use crate::{Axis, Error, Frame, Look, Scale, Unit, check};

/// A line chart. Plain data.
#[derive(Clone, Debug, PartialEq)]
pub struct LineChart {
    /// What it shows, in a few words.
    pub title: String,
    /// What a reader who does not see it must know: the findings, not the looks.
    pub description: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn; at most [`LineChart::SERIES_MAX`].
    pub series: Vec<Series>,
    /// Shaded stretches of the horizontal axis, such as the warm-up.
    pub spans: Vec<Span>,
    /// What a weak point is, for the legend: `fewer than 10 samples beyond`.
    pub weak: String,
}

/// Points joined by a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// In order of `x`.
    pub points: Vec<Point>,
}

/// A point.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Along the horizontal axis.
    pub x: f64,
    /// Along the vertical axis; `None` is a gap in the line.
    pub y: Option<f64>,
    /// It rests on too little: drawn grey and dotted.
    pub weak: bool,
}

impl Point {
    /// A point that rests on enough.
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y: Some(y), weak: false }
    }
}

/// A shaded stretch of the horizontal axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Where it starts.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// What it is, for the legend.
    pub name: String,
}

/// Series with at most so many points have a marker on each.
const MARKS_ALL: usize = 24;
/// Others have about so many.
const MARKS_SOME: usize = 7;
/// At most about so many points of a series tell their value.
const TITLES: usize = 48;
/// How high the plot is, on wide and on narrow drawings.
const PLOT_HEIGHT: (f64, f64) = (250.0, 210.0);

impl LineChart {
    /// The most series that a reader can tell apart; further ones are not drawn.
    pub const SERIES_MAX: usize = 12;

    /// The chart as SVG. Fails only on values that are no numbers.
    pub fn svg(&self, frame: Frame) -> Result<String, Error> {
        let series = &self.series[..self.series.len().min(Self::SERIES_MAX)];
        for line in series {
            for point in &line.points {
                check(&line.name, point.x)?;
                check(&line.name, point.y.unwrap_or_default())?;
            }
        }
        let points = || series.iter().flat_map(|line| &line.points);
        let ends = self.spans.iter().flat_map(|span| [span.from, span.to]);
        let x = Range::new(&self.x, points().map(|point| point.x).chain(ends), false)?;
        let y = Range::new(&self.y, points().filter_map(|point| point.y), true)?;
        let mut canvas = Canvas::new(frame);
        let top = self.head(&mut canvas, series);
        let height = if canvas.width < 500.0 { PLOT_HEIGHT.1 } else { PLOT_HEIGHT.0 };
        let y_ticks = y.ticks(6.0);
        let labels = y_ticks.iter().map(|tick| width(&tick.label, TEXT_SIZE));
        let left = labels.fold(24.0, f64::max) + 10.0;
        let area = Area { left, top, right: canvas.width - 16.0, bottom: top + height };
        let plot = Plot { area, x, y };
        self.shade(&mut canvas, &plot);
        plot.horizontal(&mut canvas, &y_ticks);
        plot.vertical(&mut canvas, &self.x.title);
        for (index, line) in series.iter().enumerate() {
            plot.line(&mut canvas, index, line, self);
        }
        Ok(canvas.finish(area.bottom + 46.0, &self.title, &self.description))
    }

    /// Heading, legend and the title of the vertical axis. Returns where the plot starts.
    fn head(&self, canvas: &mut Canvas, series: &[Series]) -> f64 {
        let mut y = 0.0;
        if canvas.frame.look == Look::Standalone {
            y += 8.0;
            for line in lines(&self.title, HEAD_SIZE * 1.06, canvas.width - 8.0) {
                y += HEAD_SIZE + 4.0;
                canvas.text(Place { x: 0.0, y }, Anchor::Start, "head", &line);
            }
            y += 8.0;
        }
        y = self.legend(canvas, series, y);
        for line in lines(&self.y.title, TEXT_SIZE, canvas.width - 8.0) {
            y += LINE_HEIGHT - 2.0;
            canvas.text(Place { x: 0.0, y }, Anchor::Start, "soft", &line);
        }
        y + 16.0
    }

    /// One line of keys, or several. None for a single series that needs no name.
    fn legend(&self, canvas: &mut Canvas, series: &[Series], top: f64) -> f64 {
        const KEY: f64 = 36.0;
        const GAP: f64 = 22.0;
        let has_weak = series.iter().flat_map(|line| &line.points).any(|point| point.weak);
        let mut keys = Vec::new();
        if series.len() > 1 || has_weak || !self.spans.is_empty() {
            keys.extend(series.iter().enumerate().map(|(at, line)| (Key::Series(at), &line.name)));
        }
        keys.extend(has_weak.then_some((Key::Weak, &self.weak)));
        let mut spans: Vec<&String> = self.spans.iter().map(|span| &span.name).collect();
        spans.dedup();
        keys.extend(spans.into_iter().map(|name| (Key::Shade, name)));
        if keys.is_empty() {
            return top;
        }
        let room = canvas.width - 8.0;
        let marked = series.iter().any(|line| self.has_marks(line));
        let (mut x, mut y) = (0.0, top + LINE_HEIGHT);
        for (key, name) in keys {
            let name = shortened(name, TEXT_SIZE, room - KEY);
            let wide = KEY + width(&name, TEXT_SIZE);
            if x > 0.0 && x + wide > room {
                (x, y) = (0.0, y + LINE_HEIGHT);
            }
            key.draw(canvas, Place { x, y: y - 4.0 }, marked);
            canvas.text(Place { x: x + KEY, y }, Anchor::Start, "", &name);
            x += wide + GAP;
        }
        y + 6.0
    }

    /// A line of many points on its own needs no markers.
    fn has_marks(&self, line: &Series) -> bool {
        self.series.len() > 1 || line.points.len() <= MARKS_ALL
    }

    fn shade(&self, canvas: &mut Canvas, plot: &Plot<'_>) {
        for span in &self.spans {
            let (left, right) = (plot.across(span.from), plot.across(span.to));
            canvas.rectangle(Area { left, right, ..plot.area }, "shade", &span.name);
        }
    }

    /// What a point tells: series, place, value.
    fn told(&self, series: &str, point: &Point, value: f64) -> String {
        let (x, y) = (self.x.unit.text(point.x), self.y.unit.text(value));
        let weak = if point.weak { format!(" ({})", self.weak) } else { String::new() };
        let x_title = if self.x.unit == Unit::Plain || self.x.unit == Unit::Count {
            format!(" ({})", self.x.title)
        } else {
            String::new()
        };
        format!("{series}: {y} @ {x}{x_title}{weak}")
    }
}

/// A key of the legend.
enum Key {
    Series(usize),
    Weak,
    Shade,
}

impl Key {
    fn draw(self, canvas: &mut Canvas, at: Place, marked: bool) {
        const LONG: f64 = 28.0;
        let to = Place { x: at.x + LONG, ..at };
        let middle = Place { x: at.x + LONG / 2.0, ..at };
        match self {
            Self::Series(index) => {
                canvas.line(&[at, to], &series_class(index));
                if marked {
                    canvas.mark(middle, index, false, "");
                }
            }
            Self::Weak => {
                canvas.line(&[at, to], "line weak");
                if marked {
                    canvas.mark(middle, 0, true, "");
                }
            }
            Self::Shade => {
                let (top, bottom) = (at.y - 6.0, at.y + 6.0);
                canvas.rectangle(Area { left: at.x, top, right: to.x, bottom }, "shade", "");
            }
        }
    }
}

fn series_class(index: usize) -> String {
    format!("line s{}", index % crate::style::SERIES)
}

/// Where the data lies, and how values become places.
struct Plot<'a> {
    area: Area,
    x: Range<'a>,
    y: Range<'a>,
}

impl Plot<'_> {
    fn across(&self, value: f64) -> f64 {
        self.area.left + self.x.place(value) * (self.area.right - self.area.left)
    }

    fn up(&self, value: f64) -> f64 {
        self.area.bottom - self.y.place(value) * (self.area.bottom - self.area.top)
    }

    /// Lines of the grid with the labels of the vertical axis.
    fn horizontal(&self, canvas: &mut Canvas, ticks: &[Tick]) {
        let placed = |tick: &Tick| (self.up(tick.value), LINE_HEIGHT - 2.0);
        for tick in without_overlap(ticks, placed) {
            let y = self.up(tick.value);
            let (from, to) = (Place { x: self.area.left, y }, Place { x: self.area.right, y });
            canvas.rule(from, to, "grid");
            let at = Place { x: self.area.left - 8.0, y: y + 4.0 };
            canvas.text(at, Anchor::End, "soft", &tick.label);
        }
    }

    /// The horizontal axis with its ticks, labels and title.
    fn vertical(&self, canvas: &mut Canvas, title: &str) {
        let Area { left, top, right, bottom } = self.area;
        let ticks = self.x.ticks(((right - left) / 80.0).max(3.0));
        for tick in &ticks {
            let x = self.across(tick.value);
            if self.x.scale() == Scale::Nines {
                canvas.rule(Place { x, y: top }, Place { x, y: bottom }, "grid");
            }
            canvas.rule(Place { x, y: bottom }, Place { x, y: bottom + 5.0 }, "axis");
        }
        let placed = |tick: &Tick| (self.across(tick.value), width(&tick.label, TEXT_SIZE) + 8.0);
        for tick in without_overlap(&ticks, placed) {
            let x = self.across(tick.value);
            let half = width(&tick.label, TEXT_SIZE) / 2.0;
            let at = Place { x: x.min(canvas.width - half - 1.0), y: bottom + 18.0 };
            canvas.text(at, Anchor::Middle, "soft", &tick.label);
        }
        canvas.rule(Place { x: left, y: bottom }, Place { x: right, y: bottom }, "axis");
        let at = Place { x: left.midpoint(right), y: bottom + 38.0 };
        let title = shortened(title, TEXT_SIZE, canvas.width - 8.0);
        canvas.text(at, Anchor::Middle, "soft", &title);
    }

    fn line(&self, canvas: &mut Canvas, index: usize, line: &Series, chart: &LineChart) {
        let points = thin(&line.points);
        for (weak, places) in self.strokes(&points) {
            let class = if weak { "line weak".to_owned() } else { series_class(index) };
            match places.as_slice() {
                // A point between gaps would be a dot that nobody sees.
                [alone] => canvas.mark(*alone, index, weak, ""),
                _ => canvas.line(&places, &class),
            }
        }
        let (has_marks, marks_all) = (chart.has_marks(line), points.len() <= MARKS_ALL);
        let mark_every = points.len().div_ceil(MARKS_SOME).max(1);
        let title_every = points.len().div_ceil(TITLES).max(1);
        for (at, point) in points.iter().enumerate() {
            let Some(value) = point.y else { continue };
            let place = Place { x: self.across(point.x), y: self.up(value) };
            let told = || chart.told(&line.name, point, value);
            // Several lines have their markers at different places.
            let some = has_marks && at % mark_every == (mark_every / 2 + index * 3) % mark_every;
            if marks_all || some {
                canvas.mark(place, index, point.weak, &told());
            } else if at % title_every == 0 {
                canvas.touch(place, &told());
            }
        }
    }

    /// The line in pieces: cut at gaps and where it becomes weak or strong.
    fn strokes(&self, points: &[&Point]) -> Vec<(bool, Vec<Place>)> {
        let mut strokes: Vec<(bool, Vec<Place>)> = Vec::new();
        let mut last: Option<(bool, Place)> = None;
        for point in points {
            let Some(value) = point.y else {
                last = None;
                continue;
            };
            let place = Place { x: self.across(point.x), y: self.up(value) };
            match (last, strokes.last_mut()) {
                (Some((weak, _)), Some((_, places))) if weak == point.weak => places.push(place),
                // The way to a weak point is as weak as it.
                (Some((_, before)), _) => strokes.push((point.weak, vec![before, place])),
                _ => strokes.push((point.weak, vec![place])),
            }
            last = Some((point.weak, place));
        }
        strokes
    }
}

/// The ticks whose labels do not touch: first the major ones, then what fits between. `placed` is
/// the middle of a label and its extent with the gap it needs.
fn without_overlap(ticks: &[Tick], placed: impl Fn(&Tick) -> (f64, f64)) -> Vec<&Tick> {
    let mut kept: Vec<&Tick> = Vec::new();
    for major in [true, false] {
        for tick in ticks.iter().filter(|tick| tick.major == major) {
            let (middle, extent) = placed(tick);
            let is_free = kept.iter().all(|other| {
                let (other, size) = placed(other);
                (middle - other).abs() >= extent.midpoint(size)
            });
            if is_free {
                kept.push(tick);
            }
        }
    }
    kept
}
