//! Two reports side by side: what differs, and whether that is more than chance. No printing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::histogram::{BEYOND_MIN, Histogram, HistogramError, PERCENTILES};
use super::report::{ConfidenceInterval, Latency, Percentile, Report};

/// What two reports say about each other. A is what was, B what is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Why the figures may differ without the server having changed; gravest first.
    pub warnings: Vec<Warning>,
    /// Settings of the plan and facts of the machine that differ.
    pub settings: Vec<Setting>,
    /// Messages (chargen: bytes) per second.
    pub throughput: Option<Ratio>,
    /// Times, percentile by percentile.
    pub latencies: Vec<LatencyRow>,
    /// Other figures: errors, processor time per message, memory.
    pub figures: Vec<FigureRow>,
}

/// Why two reports should be compared with care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Warning {
    /// One of them failed or was interrupted before it measured: there is nothing to compare.
    NothingMeasured,
    /// They asked for different things (service, address kind, pace, sizes, connections).
    DifferentPlan,
    /// They ran on different machines, kernels or paths.
    DifferentMachine,
    /// The verdict rests on the parts of one run each (not on several runs): what changes from one
    /// start to the next is not in it.
    SingleRuns,
    /// In one of them the generator was the bottleneck.
    GeneratorLimited,
    /// In one of them replies were wrong or lost.
    Unreliable,
    /// They were made by different versions of the program.
    DifferentTool,
}

/// One setting that differs, by its name in the report (`plan.connections`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Path in the report.
    pub name: String,
    /// Its value in A, as JSON text.
    pub a: String,
    /// Its value in B, as JSON text.
    pub b: String,
}

/// A figure in both, and what can be said about the difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// In A.
    pub a: f64,
    /// In B.
    pub b: f64,
    /// B over A.
    pub ratio: Option<f64>,
    /// The 95 % confidence interval of the ratio.
    pub ratio_low: Option<f64>,
    /// See `ratio_low`.
    pub ratio_high: Option<f64>,
    /// What A knows of its figure.
    pub interval_a: Option<ConfidenceInterval>,
    /// What B knows of its figure.
    pub interval_b: Option<ConfidenceInterval>,
    /// Whether it is more than chance.
    pub verdict: Verdict,
}

/// Whether a difference is more than chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// B is higher; chance alone does this in fewer than 1 of 20 comparisons.
    Higher,
    /// B is lower; chance alone does this in fewer than 1 of 20 comparisons.
    Lower,
    /// The difference is within what chance does. That is not a proof that there is none.
    NotSeen,
    /// Not enough is known of one of them.
    Unknown,
}

/// One percentile (or another figure) of a time in both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LatencyRow {
    /// `service_time`, `response_time`, `schedule_slip` or `connect_time`.
    pub of: String,
    /// `min`, `mean`, `p50` … `p99.999`, `max`.
    pub figure: String,
    /// In A, in microseconds; absent where it is not known or rests on fewer than 10 samples.
    pub a_us: Option<f64>,
    /// In B.
    pub b_us: Option<f64>,
    /// B over A.
    pub ratio: Option<f64>,
}

/// Another figure in both, by its name in the report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FigureRow {
    /// Path in the report, which ends in the unit.
    pub name: String,
    /// In A.
    pub a: Option<f64>,
    /// In B.
    pub b: Option<f64>,
    /// B over A.
    pub ratio: Option<f64>,
}

/// Settings that change what is asked of the service or how; the others say only for how long.
const ASKED: [&str; 11] = [
    "plan.call",
    "plan.connections",
    "plan.active",
    "plan.depth",
    "plan.pace",
    "plan.sizes",
    "plan.messages_per_connection",
    "plan.threads",
    "plan.pin",
    "plan.processes",
    "io",
];

/// Facts that differ from run to run on the same machine.
const CHANGING: [&str; 1] = ["machine.load_average"];

/// Lays two reports side by side.
pub fn compare(a: &Report, b: &Report) -> Comparison {
    let settings = settings(a, b);
    let throughput = throughput(a, b);
    let warnings = warnings(a, b, &settings, throughput.as_ref());
    Comparison {
        warnings,
        settings,
        throughput,
        latencies: latencies(a, b),
        figures: figures(a, b),
    }
}

fn warnings(
    a: &Report,
    b: &Report,
    settings: &[Setting],
    throughput: Option<&Ratio>,
) -> Vec<Warning> {
    let either = |holds: fn(&Report) -> bool| holds(a) || holds(b);
    let differs = |of: &str| settings.iter().any(|setting| is_within(&setting.name, of));
    let kind = |report: &Report| std::mem::discriminant(&report.plan.address);
    let single = throughput.is_some_and(Ratio::rests_on_parts);
    [
        (either(|report| report.throughput.seconds <= 0.0), Warning::NothingMeasured),
        (kind(a) != kind(b) || ASKED.into_iter().any(differs), Warning::DifferentPlan),
        (differs("machine"), Warning::DifferentMachine),
        (either(|report| report.summary.errors > 0), Warning::Unreliable),
        (either(|report| report.generator.limited), Warning::GeneratorLimited),
        (single, Warning::SingleRuns),
        (a.tool != b.tool, Warning::DifferentTool),
    ]
    .into_iter()
    .filter_map(|(holds, warning)| holds.then_some(warning))
    .collect()
}

fn settings(a: &Report, b: &Report) -> Vec<Setting> {
    let (all_a, all_b) = (leaves_of(a), leaves_of(b));
    let names: BTreeSet<&String> = all_a.keys().chain(all_b.keys()).collect();
    let value = |all: &BTreeMap<String, String>, name| {
        all.get(name).cloned().unwrap_or_else(|| "null".to_owned())
    };
    names
        .into_iter()
        .filter(|name| !CHANGING.contains(&name.as_str()))
        .map(|name| Setting { name: name.clone(), a: value(&all_a, name), b: value(&all_b, name) })
        .filter(|setting| setting.a != setting.b)
        .collect()
}

/// Every setting by its path.
fn leaves_of(report: &Report) -> BTreeMap<String, String> {
    let value = serde_json::json!({
        "plan": report.plan,
        "machine": report.machine,
        "io": report.io,
        "tool": report.tool,
    });
    let mut leaves = BTreeMap::new();
    flatten("", &value, &mut leaves);
    leaves
}

fn flatten(path: &str, value: &Value, leaves: &mut BTreeMap<String, String>) {
    let Value::Object(fields) = value else {
        leaves.insert(path.to_owned(), value.to_string());
        return;
    };
    for (name, value) in fields {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        flatten(&path, value, leaves);
    }
}

fn is_within(name: &str, of: &str) -> bool {
    name.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn throughput(a: &Report, b: &Report) -> Option<Ratio> {
    let rate = |report: &Report| {
        let rate = report.throughput.messages_per_s;
        rate.or_else(|| (report.throughput.seconds > 0.0).then_some(bytes_per_s(report)))
    };
    if a.throughput.messages_per_s.is_some() != b.throughput.messages_per_s.is_some() {
        return None;
    }
    let (of_a, of_b) = (&a.throughput.interval, &b.throughput.interval);
    Some(Ratio::new(rate(a)?, rate(b)?, of_a.clone(), of_b.clone()))
}

fn bytes_per_s(report: &Report) -> f64 {
    report.throughput.received_bytes_per_s
}

impl Ratio {
    /// The interval of the ratio: relative errors that are independent add as squares, and a ratio
    /// is as far from 1 upwards as downwards on a log scale.
    fn new(
        a: f64,
        b: f64,
        interval_a: Option<ConfidenceInterval>,
        interval_b: Option<ConfidenceInterval>,
    ) -> Self {
        let relative = |interval: &ConfidenceInterval| {
            (interval.mean > 0.0).then(|| interval.half_width / interval.mean)
        };
        let errors =
            interval_a.as_ref().and_then(relative).zip(interval_b.as_ref().and_then(relative));
        let ratio = ratio(a, b).filter(|ratio| *ratio > 0.0);
        let bounds = ratio.zip(errors).map(|(ratio, (error_a, error_b))| {
            let reach = error_a.hypot(error_b).exp();
            (ratio / reach, ratio * reach)
        });
        let verdict = match bounds {
            None => Verdict::Unknown,
            Some((low, _)) if low > 1.0 => Verdict::Higher,
            Some((_, high)) if high < 1.0 => Verdict::Lower,
            Some(_) => Verdict::NotSeen,
        };
        let (ratio_low, ratio_high) = bounds.unzip();
        Self { a, b, ratio, ratio_low, ratio_high, interval_a, interval_b, verdict }
    }

    fn rests_on_parts(&self) -> bool {
        let intervals = [&self.interval_a, &self.interval_b];
        intervals.into_iter().flatten().any(|interval| interval.of == "parts")
    }
}

/// B over A, where that is a number.
fn ratio(a: f64, b: f64) -> Option<f64> {
    let ratio = b / a;
    (a != 0.0 && ratio.is_finite()).then_some(ratio)
}

fn latencies(a: &Report, b: &Report) -> Vec<LatencyRow> {
    [
        ("service_time", &a.service_time, &b.service_time),
        ("response_time", &a.response_time, &b.response_time),
        ("schedule_slip", &a.schedule_slip, &b.schedule_slip),
        ("connect_time", &a.connect_time, &b.connect_time),
    ]
    .into_iter()
    .flat_map(|(of, a, b)| latency_rows(of, a.as_ref(), b.as_ref()))
    .collect()
}

fn latency_rows(of: &str, a: Option<&Latency>, b: Option<&Latency>) -> Vec<LatencyRow> {
    let mut rows = Vec::new();
    let mut row = |figure: String, a_us: Option<f64>, b_us: Option<f64>| {
        if a_us.is_some() || b_us.is_some() {
            let ratio = a_us.zip(b_us).and_then(|(a, b)| ratio(a, b));
            rows.push(LatencyRow { of: of.to_owned(), figure, a_us, b_us, ratio });
        }
    };
    row("min".to_owned(), a.map(|a| a.min_us), b.map(|b| b.min_us));
    row("mean".to_owned(), a.map(|a| a.mean_us), b.map(|b| b.mean_us));
    for percentile in PERCENTILES {
        let at = |latency: Option<&Latency>| supported(latency?, percentile);
        row(format!("p{percentile}"), at(a), at(b));
    }
    row("max".to_owned(), a.map(|a| a.max_us), b.map(|b| b.max_us));
    rows
}

/// The value of a percentile that enough samples lie beyond.
fn supported(latency: &Latency, percentile: f64) -> Option<f64> {
    let same = |at: &&Percentile| (at.percentile - percentile).abs() < 1e-9;
    let at = latency.percentiles.iter().find(same)?;
    (at.samples_beyond >= BEYOND_MIN).then_some(at.us)
}

/// Figures of a report beside throughput and times, by name.
type Figure = (&'static str, fn(&Report) -> Option<f64>);

const FIGURES: [Figure; 8] = [
    ("summary.errors", |report| Some(count(report.summary.errors))),
    ("connections.fairness", |report| report.connections.fairness),
    ("generator.processor_us_per_message", |report| report.generator.processor_us_per_message),
    ("server.user_us_per_message", |report| report.server.as_ref()?.user_us_per_message),
    ("server.system_us_per_message", |report| report.server.as_ref()?.system_us_per_message),
    ("server.busy", |report| Some(report.server.as_ref()?.busy)),
    ("server.memory_kib", |report| Some(count(report.server.as_ref()?.memory_kib))),
    ("server.memory_bytes_per_connection", |report| {
        report.server.as_ref()?.memory_bytes_per_connection
    }),
];

fn figures(a: &Report, b: &Report) -> Vec<FigureRow> {
    FIGURES
        .into_iter()
        .map(|(name, figure)| {
            let (a, b) = (figure(a), figure(b));
            let ratio = a.zip(b).and_then(|(a, b)| ratio(a, b));
            FigureRow { name: name.to_owned(), a, b, ratio }
        })
        .filter(|row| row.a.is_some() || row.b.is_some())
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people, and for a ratio")]
fn count(count: u64) -> f64 {
    count as f64
}

/// The histograms of several reports as one, exactly.
pub fn merge_histograms<'a>(
    texts: impl IntoIterator<Item = &'a str>,
) -> Result<Histogram, HistogramError> {
    let mut all = Histogram::default();
    for text in texts {
        all.merge(&Histogram::decode(text)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
