//! The tables of a run, as Markdown that is also read at a terminal.
//!
//! Times are medians with their smallest and largest value. Every ratio is colok divided by the
//! other, so below 1 is in colok's favour; a target says how far below. What was skipped or failed
//! has a row with the reason, never an empty place.

use std::{fmt::Write as _, fs, path::Path, time::Duration};

use super::{
    Picture,
    measure::{Row, Sample, Target, Task},
};

/// Where reports are kept, below the root of the tree.
const DOCUMENT: &str = "docs/benchmarks.md";

const HEAD: &str = "# Benchmarks\n\n\
    Each section is the last run that was kept by its command, and is replaced by the next.\n\
    Figures of other machines, or of two runs, do not compare.\n";

/// The column that all ratios are against.
const OURS: &str = "colok";

/// A whole run of a benchmark.
pub(crate) struct Report {
    /// The head of the section.
    pub(crate) title: String,
    /// Machine, command, versions; one line each.
    pub(crate) facts: Vec<String>,
    pub(crate) tables: Vec<Table>,
    /// How the figures come about, and what is not in them; one line each.
    pub(crate) notes: Vec<String>,
    /// The work is the one that the targets are for.
    pub(crate) judged: bool,
}

/// The rows of one task.
pub(crate) struct Table {
    title: String,
    lines: Vec<Line>,
}

struct Line {
    name: &'static str,
    includes: &'static str,
    target: Option<Target>,
    row: Row,
}

impl Table {
    /// `rows` are in the order of the task's contenders.
    pub(crate) fn new(task: &Task<'_>, rows: Vec<Row>) -> Self {
        let pairs = task.contenders.iter().zip(rows);
        let lines = pairs.map(|(contender, row)| Line {
            name: contender.name,
            includes: contender.includes,
            target: contender.target,
            row,
        });
        Self { title: task.title.clone(), lines: lines.collect() }
    }

    fn ours(&self) -> Option<&[Sample]> {
        self.lines.iter().find(|line| line.name == OURS).and_then(Line::samples)
    }

    fn cells(&self, judged: bool) -> Vec<[String; 7]> {
        let head = [
            "",
            "time",
            "CPU, both",
            "client + server",
            "server's memory",
            "colok's time, CPU",
            "target for the time",
        ];
        let mut cells = vec![head.map(str::to_owned)];
        cells.extend(self.lines.iter().map(|line| {
            let rivals = match line.target {
                Some(Target::OfFastest(_, rivals)) => self.fastest(rivals),
                _ => None,
            };
            line.cells(self.ours(), rivals, judged)
        }));
        cells
    }

    /// The best median time of these rows, in seconds.
    fn fastest(&self, names: &[&str]) -> Option<f64> {
        let lines = self.lines.iter().filter(|line| names.contains(&line.name));
        let times = lines.filter_map(|line| Some(seconds(line.samples()?, |sample| sample.wall)));
        times.reduce(f64::min)
    }
}

impl Line {
    fn samples(&self) -> Option<&[Sample]> {
        match &self.row {
            Row::Measured(samples) if !samples.is_empty() => Some(samples),
            _ => None,
        }
    }

    /// `fastest` is the time of the fastest of those that this row is judged by, in seconds.
    fn cells(&self, ours: Option<&[Sample]>, fastest: Option<f64>, judged: bool) -> [String; 7] {
        let blank = || "-".to_owned();
        let Some(samples) = self.samples() else {
            let reason = match &self.row {
                Row::Skipped(reason) => format!("skipped: {reason}"),
                Row::Failed(reason) => format!("failed: {reason}"),
                Row::Measured(_) => "failed: no run".to_owned(),
            };
            let target = self.target_cell(None, judged);
            return [self.name.into(), cell(&reason), blank(), blank(), blank(), blank(), target];
        };
        let memory = samples.iter().filter_map(|sample| sample.server_memory_kib).max();
        let ours = ours.filter(|_| self.name != OURS);
        let time = ours.map(|ours| ratio(ours, samples, |sample| sample.wall));
        let processor = ours.map(|ours| ratio(ours, samples, Sample::processor));
        [
            self.name.to_owned(),
            format!("{} s", spread(samples, |sample| sample.wall, 3)),
            format!("{} s", spread(samples, Sample::processor, 2)),
            format!(
                "{:.2} + {:.2} s",
                seconds(samples, |sample| sample.client),
                seconds(samples, |sample| sample.server)
            ),
            memory.map_or_else(blank, mebibytes),
            time.zip(processor).map_or_else(blank, |(time, cpu)| format!("{time:.2}x, {cpu:.2}x")),
            self.target_cell(
                match self.target {
                    Some(Target::OfFastest(..)) => {
                        fastest.map(|fastest| seconds(samples, |sample| sample.wall) / fastest)
                    }
                    _ => time,
                },
                judged,
            ),
        ]
    }

    fn target_cell(&self, ratio: Option<f64>, judged: bool) -> String {
        let (target, of) = match self.target {
            Some(Target::Ours(target)) => (target, String::new()),
            Some(Target::OfFastest(target, names)) => {
                let share = ratio.map(|ratio| format!(", {ratio:.2}x")).unwrap_or_default();
                (target, format!(" of {}{share}", names.join(" and ")))
            }
            None => return "-".to_owned(),
        };
        let verdict = match ratio {
            _ if !judged => "not judged: other work",
            None => "not measured",
            Some(ratio) if ratio <= target => "reached",
            Some(_) => "not reached",
        };
        format!("at most {target:.2}x{of}: {verdict}")
    }
}

impl Sample {
    fn processor(&self) -> Duration {
        self.client + self.server
    }
}

impl Report {
    /// The whole report.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("## {}\n\n", self.title);
        push_list(&mut text, &self.facts);
        for table in &self.tables {
            let _ = writeln!(text, "\n### {}\n", table.title);
            push_table(&mut text, &table.cells(self.judged));
            text.push_str("\nWithin the time:\n\n");
            let lines = table.lines.iter();
            let includes: Vec<_> =
                lines.map(|line| format!("{}: {}", line.name, line.includes)).collect();
            push_list(&mut text, &includes);
        }
        text.push_str("\n### How to read this\n\n");
        push_list(&mut text, &self.notes);
        text
    }

    /// What could not be measured because it failed.
    pub(crate) fn failures(&self) -> Vec<String> {
        let lines = self
            .tables
            .iter()
            .flat_map(|table| table.lines.iter().map(move |line| (table.title.as_str(), line)));
        let failed = lines.filter(|(_, line)| matches!(line.row, Row::Failed(_)));
        failed.map(|(title, line)| format!("{} ({title})", line.name)).collect()
    }
}

/// Puts the section of this benchmark into the document, in place of the one that is there.
pub(crate) fn keep(root: &Path, name: &str, section: &str) -> Result<&'static str, String> {
    let path = root.join(DOCUMENT);
    let old = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => HEAD.to_owned(),
        Err(error) => return Err(format!("cannot read {DOCUMENT}: {error}")),
    };
    let new = replace_section(&old, name, section)?;
    fs::write(&path, new).map_err(|error| format!("cannot write {DOCUMENT}: {error}"))?;
    Ok(DOCUMENT)
}

/// Puts the pictures of a section into their folder beside the document.
pub(crate) fn keep_pictures(root: &Path, folder: &str, pictures: &[Picture]) -> Result<(), String> {
    let folder = root.join("docs").join(folder);
    let failed = |error| format!("cannot write {}: {error}", folder.display());
    if !pictures.is_empty() {
        fs::create_dir_all(&folder).map_err(failed)?;
    }
    pictures.iter().try_for_each(|one| fs::write(folder.join(&one.name), &one.svg).map_err(failed))
}

fn replace_section(document: &str, name: &str, section: &str) -> Result<String, String> {
    let first = format!("<!-- written by cargo xtask bench {name} -->");
    let last = format!("<!-- end of cargo xtask bench {name} -->");
    let block = format!("{first}\n\n{}\n\n{last}\n", section.trim_end());
    let Some((before, rest)) = document.split_once(&first) else {
        return Ok(format!("{}\n\n{block}", document.trim_end()));
    };
    let (_, after) = rest
        .split_once(&last)
        .ok_or_else(|| format!("{DOCUMENT} has `{first}` and not `{last}`"))?;
    Ok(format!("{before}{block}{}", after.strip_prefix('\n').unwrap_or(after)))
}

pub(crate) fn push_list(text: &mut String, items: &[String]) {
    for item in items {
        let _ = writeln!(text, "- {item}");
    }
}

/// Columns are padded, so that the text is a table at a terminal too. The first row is the head,
/// and no other is longer.
pub(crate) fn push_table(text: &mut String, rows: &[impl AsRef<[String]>]) {
    let mut widths = vec![0; rows.first().map_or(0, |head| head.as_ref().len())];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row.as_ref()) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for (index, row) in rows.iter().enumerate() {
        let cells = row.as_ref().iter().zip(&widths);
        let padded: Vec<_> = cells.map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "| {} |", padded.join(" | "));
        if index == 0 {
            let dashes: Vec<_> = widths.iter().map(|&width| "-".repeat(width)).collect();
            let _ = writeln!(text, "|-{}-|", dashes.join("-|-"));
        }
    }
}

/// A reason may hold anything; it stays within its place.
pub(crate) fn cell(text: &str) -> String {
    text.replace('|', "/").replace('\n', " ")
}

fn mebibytes(kib: u64) -> String {
    let (whole, rest) = (kib / 1024, kib % 1024 * 10 / 1024);
    format!("{whole}.{rest} MiB")
}

fn ratio(ours: &[Sample], other: &[Sample], of: fn(&Sample) -> Duration) -> f64 {
    seconds(ours, of) / seconds(other, of)
}

fn seconds(samples: &[Sample], of: impl Fn(&Sample) -> Duration) -> f64 {
    median(&samples.iter().map(of).collect::<Vec<_>>()).as_secs_f64()
}

/// Median, and the smallest and the largest value.
fn spread(samples: &[Sample], of: impl Fn(&Sample) -> Duration, digits: usize) -> String {
    let values: Vec<_> = samples.iter().map(of).collect();
    let middle = median(&values).as_secs_f64();
    let least = values.iter().min().map_or(0.0, Duration::as_secs_f64);
    let most = values.iter().max().map_or(0.0, Duration::as_secs_f64);
    format!("{middle:.digits$} ({least:.digits$} to {most:.digits$})")
}

/// The middle value; of an even number, the mean of the two in the middle.
fn median(values: &[Duration]) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let count = sorted.len();
    match count {
        0 => Duration::ZERO,
        _ if count.is_multiple_of(2) => (sorted[count / 2 - 1] + sorted[count / 2]) / 2,
        _ => sorted[count / 2],
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
