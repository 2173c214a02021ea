//! `colok load --compare`: two reports side by side, as text or JSON.

use std::io;
use std::path::Path;

use colok::load::compare::{Comparison, FigureRow, LatencyRow, Ratio, Verdict, Warning};
use colok::load::plan::Call;
use colok::load::report::{FORM, Report};

use super::figures::{bytes_per_second, many, percent, time};
use super::paper::{Paper, Tone};
use super::print;
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem};
use crate::say;

/// Reads both, and prints what differs.
pub(super) fn run(
    first: &Path,
    second: &Path,
    json: bool,
    messages: &Messages,
) -> Result<Exit, Problem> {
    let (a, b) = (read(first, messages)?, read(second, messages)?);
    let comparison = colok::load::compare(&a, &b);
    if json {
        // A comparison is plain data: it always has a JSON form.
        print(&(serde_json::to_string(&comparison).unwrap_or_default() + "\n"))?;
    } else {
        let mut paper = Paper::of(&io::stdout());
        let names = [first, second].map(|path| path.display().to_string());
        write(&mut paper, &comparison, &a, names, messages);
        print(&paper.into_text())?;
    }
    let compared = !comparison.warnings.contains(&Warning::NothingMeasured);
    Ok(if compared { Exit::Done } else { Exit::NotProved })
}

/// A report of this program, from a file.
fn read(path: &Path, messages: &Messages) -> Result<Report, Problem> {
    let name = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|error| Problem::of_file("open", &name, &error))?;
    let report: Result<Report, _> = serde_json::from_str(&text);
    match report {
        Ok(report) if report.form == FORM => Ok(report),
        other => {
            let why = match other {
                Ok(report) => say!(messages, Id::CompareForm, form = report.form),
                Err(error) => error.to_string(),
            };
            let what = say!(messages, Id::CompareNoReport, path = name.as_str());
            Err(Problem::new(Exit::Failed, what)
                .why(colok::observe::printable(why.as_bytes()))
                .next("colok load localhost:5001 --json > a.json"))
        }
    }
}

fn write(
    paper: &mut Paper,
    comparison: &Comparison,
    a: &Report,
    names: [String; 2],
    messages: &Messages,
) {
    let [first, second] = names;
    paper.title(&say!(messages, Id::CompareTitle, first = first, second = second));
    paper.section(&messages.text(Id::ReportResult));
    for warning in &comparison.warnings {
        paper.line(&messages.text(warning_text(*warning)), Tone::Alarm);
    }
    if let Some(ratio) = &comparison.throughput {
        let streams = a.plan.call == Call::Chargen;
        throughput(paper, ratio, streams, messages);
    }
    if !comparison.latencies.is_empty() {
        paper.section(&messages.text(Id::ReportLatency));
        latencies(paper, &comparison.latencies, messages);
    }
    let figures: Vec<_> = comparison.figures.iter().filter(|row| row.a != row.b).collect();
    if !figures.is_empty() {
        paper.section(&messages.text(Id::CompareFigures));
        for row in figures {
            paper.row(&figure(row), Tone::Plain);
        }
    }
    if !comparison.settings.is_empty() {
        paper.section(&messages.text(Id::CompareSettings));
        for setting in &comparison.settings {
            let (a, b) = (setting_text(&setting.a), setting_text(&setting.b));
            paper.line(&format!("{}: {a} -> {b}", setting.name), Tone::Plain);
        }
    }
}

/// JSON of a setting for people; `null` is one that is not there.
fn setting_text(json: &str) -> String {
    if json == "null" { "-".to_owned() } else { colok::observe::printable(json.as_bytes()) }
}

fn warning_text(warning: Warning) -> Id {
    match warning {
        Warning::NothingMeasured => Id::CompareNothing,
        Warning::DifferentPlan => Id::ComparePlan,
        Warning::DifferentMachine => Id::CompareMachine,
        Warning::GeneratorLimited => Id::CompareLimited,
        Warning::Unreliable => Id::CompareUnreliable,
        Warning::SingleRuns => Id::CompareSingle,
        Warning::DifferentTool => Id::CompareTool,
    }
}

/// The verdict, and the rates with what is known of them.
fn throughput(paper: &mut Paper, ratio: &Ratio, streams: bool, messages: &Messages) {
    let rate = |value: f64| {
        if streams {
            return bytes_per_second(value);
        }
        say!(messages, Id::ThroughputMessages, rate = many(value))
    };
    let change = ratio.ratio.map_or_else(|| "?".to_owned(), |ratio| change_text(ratio - 1.0));
    let id = match ratio.verdict {
        Verdict::Higher => Id::CompareHigher,
        Verdict::Lower => Id::CompareLower,
        Verdict::NotSeen => Id::CompareSame,
        Verdict::Unknown => Id::CompareUnknown,
    };
    paper.line(&say!(messages, id, change = change), Tone::Plain);
    if let (Some(low), Some(high)) = (ratio.ratio_low, ratio.ratio_high) {
        let (low, high) = (change_text(low - 1.0), change_text(high - 1.0));
        paper.detail(&say!(messages, Id::CompareSure, low = low, high = high), Tone::Plain);
    }
    paper.section(&messages.text(Id::ReportThroughput));
    let sides = [("A", ratio.a, &ratio.interval_a), ("B", ratio.b, &ratio.interval_b)];
    for (name, value, interval) in sides {
        let error = interval.as_ref().map(|it| format!(" +/- {}", percent(it.percent)));
        paper.row(&format!("{name}  {}{}", rate(value), error.unwrap_or_default()), Tone::Plain);
    }
}

/// `+3.2 %`, `-12 %`, `0 %`; from ten times on `x 81`.
fn change_text(change: f64) -> String {
    if change >= 9.0 {
        return format!("x {}", many(change + 1.0));
    }
    let text = percent(change.abs() * 100.0);
    match change {
        _ if text == "0 %" => text,
        change if change < 0.0 => format!("-{text}"),
        _ => format!("+{text}"),
    }
}

/// A heading for each kind of time, and its rows.
fn latencies(paper: &mut Paper, rows: &[LatencyRow], messages: &Messages) {
    let mut of = "";
    for row in rows {
        if row.of != of {
            of = &row.of;
            let head = time_name(of, messages);
            paper.row(&format!("{head:<18}{:>11}  {:>11}", "A", "B"), Tone::Dim);
        }
        let shown = |us: Option<f64>| us.map_or_else(|| "-".to_owned(), time);
        let change = row.ratio.map_or_else(String::new, |ratio| change_text(ratio - 1.0));
        let name = row_name(&row.figure, messages);
        let (a, b) = (shown(row.a_us), shown(row.b_us));
        paper.row(format!("{name:<18}{a:>11}  {b:>11}  {change:>8}").trim_end(), Tone::Plain);
    }
}

fn time_name(of: &str, messages: &Messages) -> String {
    match of {
        "service_time" => messages.text(Id::ColumnService),
        "response_time" => messages.text(Id::ColumnResponse),
        "schedule_slip" => messages.text(Id::ColumnSlip),
        "connect_time" => messages.text(Id::ColumnConnect),
        other => other.to_owned(),
    }
}

/// As in a report: `p99.9` is `99.9 %`.
fn row_name(figure: &str, messages: &Messages) -> String {
    match figure {
        "min" => messages.text(Id::RowMin),
        "max" => messages.text(Id::RowMax),
        "mean" => messages.text(Id::RowMean),
        other => other.strip_prefix('p').map_or_else(|| other.to_owned(), |it| format!("{it} %")),
    }
}

fn figure(row: &FigureRow) -> String {
    let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), many);
    let change = row.ratio.map_or_else(String::new, |ratio| change_text(ratio - 1.0));
    format!("{}: {} -> {}  {change}", row.name, shown(row.a), shown(row.b)).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_have_a_sign_and_large_ones_are_factors() {
        for (change, expected) in
            [(0.0, "0 %"), (0.032, "+3.2 %"), (-0.12, "-12 %"), (1.26, "+126 %"), (80.9, "x 81.9")]
        {
            assert_eq!(change_text(change), expected);
        }
        assert_eq!((setting_text("null"), setting_text("64")), ("-".to_owned(), "64".to_owned()));
    }
}
