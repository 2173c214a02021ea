//! The charts of a page, from the figures of a report.

use colok::load::plan::{Call, Pace};
use colok::load::report::{Interval, Latency, Report};
use colok::load::samples::Histogram;
use colok_chart::{Axis, LineChart, Point, Scale, Series, Span, Unit};

use super::time;
use crate::html::Html;
use crate::messages::{Id, Messages};
use crate::say;

/// Fewer samples beyond a percentile say little about it.
const BEYOND_MIN: f64 = 10.0;
/// Points of the latency curve for each further nine.
const STEPS_PER_NINE: u32 = 20;
/// More nines than the axis shows.
const NINES_MAX: u32 = 7;

/// How long replies took: the whole distribution on an axis that spreads the slow ones.
pub(super) fn curve(page: &mut Html, report: &Report, messages: &Messages) {
    let distributions =
        [(Id::PageService, &report.service_time), (Id::PageResponse, &report.response_time)];
    let there: Vec<(String, &Latency)> = distributions
        .iter()
        .filter_map(|(id, latency)| Some((messages.text(*id), latency.as_ref()?)))
        .collect();
    if there.is_empty() {
        return;
    }
    let told: Vec<String> = there
        .iter()
        .map(|(name, latency)| {
            let figures = latency.percentiles.iter();
            let figures = figures.map(|at| format!("{} % {}", at.percentile, time(at.us)));
            let figures: Vec<String> = figures.collect();
            format!("{name}: {}, 100 % {}.", figures.join(", "), time(latency.max_us))
        })
        .collect();
    let series =
        there.into_iter().map(|(name, latency)| Series { name, points: points(latency) }).collect();
    let chart = LineChart {
        title: messages.text(Id::PageCurve),
        description: told.join(" "),
        x: Axis::new(messages.text(Id::PageAxisShare), Scale::Nines, Unit::Percent),
        y: Axis::new(messages.text(Id::PageAxisTime), Scale::Log, Unit::Microseconds),
        series,
        spans: Vec::new(),
        weak: messages.text(Id::PageWeak),
    };
    draw(page, &chart, &messages.text(Id::PageCurveAbout));
}

/// The distribution as a curve, up to the largest sample; without the histogram only the
/// percentiles that the report names.
fn points(latency: &Latency) -> Vec<Point> {
    let Ok(histogram) = Histogram::decode(&latency.histogram) else {
        let named = latency.percentiles.iter();
        let point = |x, us, weak| Point { x, y: Some(us), weak };
        return named.map(|at| point(at.percentile, at.us, at.samples_beyond < 10)).collect();
    };
    let samples = to_float(histogram.count());
    let steps = 0..=STEPS_PER_NINE * NINES_MAX;
    let left = steps.map(|step| 10_f64.powf(-f64::from(step) / f64::from(STEPS_PER_NINE)));
    // The last point is the largest sample: nothing lies beyond it.
    left.take_while(|left| left * samples >= 1.0)
        .map(|left| Point {
            x: 100.0 - 100.0 * left,
            y: Some(to_float(histogram.quantile_ns(1.0 - left)) / 1e3),
            weak: left * samples < BEYOND_MIN,
        })
        .collect()
}

/// What happened when: rate, latency, and errors where there were some.
pub(super) fn over_time(page: &mut Html, report: &Report, messages: &Messages) {
    let lasted: Vec<&Interval> =
        report.intervals.iter().filter(|interval| interval.seconds > 0.0).collect();
    if lasted.len() < 2 {
        return;
    }
    let over = Over { intervals: lasted, messages };
    draw(page, &over.rate(report), "");
    if let Some(chart) = over.latency() {
        draw(page, &chart, "");
    }
    if over.intervals.iter().any(|interval| interval.errors > 0) {
        let values = over.series(Id::PageErrors, |it| Some(to_float(it.errors) / it.seconds));
        let y = Axis::new(messages.text(Id::PageAxisErrors), Scale::Linear, Unit::Count);
        draw(page, &over.chart(Id::PageErrorsTime, y, vec![values]), "");
    }
}

/// Charts over the intervals of a report.
struct Over<'a> {
    intervals: Vec<&'a Interval>,
    messages: &'a Messages,
}

impl Over<'_> {
    fn rate(&self, report: &Report) -> LineChart {
        let (title, axis, name) = match report.plan.call {
            Call::Chargen => (Id::PageBytesTime, Id::PageAxisBytes, Id::PageReceived),
            Call::Discard => (Id::PageRateTime, Id::PageAxisRate, Id::PageSent),
            _ => (Id::PageRateTime, Id::PageAxisRate, Id::PageAnswered),
        };
        let value = |interval: &Interval| match report.plan.call {
            Call::Chargen => interval.received_bytes,
            Call::Discard => interval.sent,
            _ => interval.answered,
        };
        let rate = |it: &Interval| Some(to_float(value(it)) / it.seconds);
        let mut series = vec![self.series(name, rate)];
        if let Pace::Open { rate_per_s, .. } = report.plan.pace {
            series.push(self.series(Id::PageRequested, |_| Some(rate_per_s)));
            // A straight line needs its ends only.
            let points = &mut series[1].points;
            points.drain(1..points.len() - 1);
        }
        let y = Axis::new(self.messages.text(axis), Scale::Linear, Unit::Count);
        self.chart(title, y, series)
    }

    /// `None` where no interval has a latency.
    fn latency(&self) -> Option<LineChart> {
        let mut series = vec![
            self.series(Id::PageMedian, |it| it.p50_us),
            self.series(Id::PageNinetyNine, |it| it.p99_us),
            self.series(Id::PageMax, |it| it.max_us),
            self.series(Id::PageNinetyNineResponse, |it| it.response_p99_us),
        ];
        series.retain(|line| line.points.iter().any(|point| point.y.is_some()));
        let y = Axis::new(self.messages.text(Id::PageAxisTime), Scale::Log, Unit::Microseconds);
        (!series.is_empty()).then(|| self.chart(Id::PageLatencyTime, y, series))
    }

    fn series(&self, name: Id, value: impl Fn(&Interval) -> Option<f64>) -> Series {
        let point = |interval: &&Interval| Point {
            x: interval.start_s + interval.seconds / 2.0,
            y: value(interval),
            weak: false,
        };
        let points = self.intervals.iter().map(point).collect();
        Series { name: self.messages.text(name), points }
    }

    fn chart(&self, title: Id, y: Axis, series: Vec<Series>) -> LineChart {
        let told: Vec<String> = series.iter().filter_map(|line| self.told(line, y.unit)).collect();
        let x = Axis::new(self.messages.text(Id::PageAxisSeconds), Scale::Linear, Unit::Plain);
        let title = self.messages.text(title);
        let (description, weak) = (told.join(" "), String::new());
        LineChart { title, description, x, y, series, spans: self.warm_up(), weak }
    }

    /// `answered: 180k to 205k.`
    fn told(&self, line: &Series, unit: Unit) -> Option<String> {
        let values = || line.points.iter().filter_map(|point| point.y);
        let (least, most) = (values().reduce(f64::min)?, values().reduce(f64::max)?);
        let (least, most) = (unit.text(least), unit.text(most));
        let name = line.name.as_str();
        Some(say!(self.messages, Id::PageFromTo, name = name, least = least, most = most))
    }

    fn warm_up(&self) -> Vec<Span> {
        let warm = || self.intervals.iter().filter(|interval| interval.warm_up);
        let ends = (warm().next(), warm().next_back());
        let (Some(first), Some(last)) = ends else { return Vec::new() };
        let name = self.messages.text(Id::PageWarmUp);
        vec![Span { from: first.start_s, to: last.start_s + last.seconds, name }]
    }
}

fn draw(page: &mut Html, chart: &LineChart, about: &str) {
    if let Err(error) = page.chart(chart, about) {
        // A report that was read from a file may hold anything; the rest of it can still be told.
        page.text("p class=\"soft\"", &format!("{}: {error}", chart.title));
    }
}

#[expect(clippy::cast_precision_loss, reason = "three significant digits are drawn")]
fn to_float(count: u64) -> f64 {
    count as f64
}
