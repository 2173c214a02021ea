//! The report of the suite: a table per task, who took part and how, and what is not in it.
//!
//! Every figure is a median with its smallest and largest value. A ratio is the row's median
//! divided by the base's. What was skipped or failed has a row with the reason, never an empty
//! place, and every row ends with the words that repeat it alone.

use std::fmt::Write as _;

use super::{
    super::report::{cell, push_list, push_table},
    columns::{Column, columns},
    generators::Generator,
    plan::{Task, Work},
    rounds::{Entry, Row},
    servers::{self, Server},
    targets,
    trial::{Contender, Sample},
};

/// The head of the table that puts the others side by side.
const OVER_CONNECTIONS: &str = "Server CPU in us per message of 64 B as connections grow, medians";

/// A median and its spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

/// The whole report but its pictures.
pub(super) struct Paper<'a> {
    pub(super) title: &'a str,
    pub(super) facts: Vec<String>,
    pub(super) entries: &'a [Entry],
    /// Pictures: path as a reader of the document sees it, and what it shows.
    pub(super) pictures: Vec<(String, String)>,
    pub(super) commands: Vec<String>,
    pub(super) notes: Vec<String>,
    /// The work is the one that the targets are for.
    pub(super) judged: bool,
}

impl Paper<'_> {
    /// As Markdown that is also read at a terminal.
    pub(super) fn text(&self) -> String {
        let mut text = format!("## {}\n\n", self.title);
        push_list(&mut text, &self.facts);
        for (path, about) in &self.pictures {
            let _ = write!(text, "\n![{about}]({path})\n");
        }
        if let Some(rows) = over_connections(self.entries) {
            let _ = writeln!(text, "\n### {OVER_CONNECTIONS}\n");
            push_table(&mut text, &rows);
        }
        targets::push(&mut text, self.entries, self.judged);
        for entry in self.entries {
            let _ = writeln!(text, "\n### {}\n", entry.task.title());
            push_table(&mut text, &rows(entry));
            let _ = writeln!(
                text,
                "\nA row is repeated by `cargo xtask bench sockets` with the words at its end."
            );
        }
        text.push_str("\n### Who took part, and the lines that started them\n\n");
        push_list(&mut text, &self.commands);
        text.push_str("\n### How to read this\n\n");
        push_list(&mut text, &self.notes);
        text
    }
}

/// The tasks that differ in the number of connections alone, fewest first.
pub(super) fn line(entries: &[Entry]) -> Vec<(u32, &Entry)> {
    let loads = entries.iter().filter_map(|entry| match &entry.task.work {
        Work::Serve(load) if entry.task.group == "echo" && load.size == 64 && load.depth == 1 => {
            Some((load.connections, entry))
        }
        _ => None,
    });
    let mut loads: Vec<_> = loads.collect();
    loads.sort_unstable_by_key(|(connections, _)| *connections);
    loads
}

/// The same figure of the tables below, side by side; nothing when there is nothing to compare.
fn over_connections(entries: &[Entry]) -> Option<Vec<Vec<String>>> {
    let line = line(entries);
    let (_, first) = line.first().filter(|_| line.len() > 1)?;
    let mut head = vec!["connections".to_owned()];
    head.extend(line.iter().map(|(connections, _)| connections.to_string()));
    let mut rows = vec![head];
    for (contender, _) in &first.rows {
        let mut cells = vec![contender.name().to_owned()];
        cells.extend(line.iter().map(|(_, entry)| {
            let row = entry.rows.iter().find(|(one, _)| one == contender);
            let spread = row.and_then(|(_, row)| spread(samples(row)?, 0));
            spread.map_or_else(|| "-".to_owned(), |spread| format!("{:.2}", spread.median))
        }));
        rows.push(cells);
    }
    Some(rows)
}

/// The one that the rows of a task are divided by.
pub(super) fn base(task: &Task) -> Contender {
    match &task.work {
        work @ (Work::Generate(_) | Work::Bulk) => Contender::Generator(Generator::base(work)),
        Work::Trip(_) => Contender::Server(Server::CBlocking),
        Work::Datagrams(_) => Contender::Server(Server::Sockperf),
        _ => Contender::Server(servers::BASE),
    }
}

fn rows(entry: &Entry) -> Vec<Vec<String>> {
    let columns = columns(&entry.task.work);
    let base = base(&entry.task);
    let mut head = vec![String::new()];
    for column in columns {
        head.push(column.title.to_owned());
        if column.ratio {
            head.push(format!("of {}", base.name()));
        }
    }
    head.push("repeat".to_owned());
    let base = entry.rows.iter().find(|(contender, _)| *contender == base);
    let base = base.and_then(|(_, row)| samples(row));
    let mut rows = vec![head];
    rows.extend(entry.rows.iter().map(|(contender, row)| {
        let mut cells = vec![contender.name().to_owned()];
        cells.extend(figures(columns, row, base));
        cells.push(format!("`--only {} --only {}`", entry.task.name, contender.name()));
        cells
    }));
    rows
}

fn figures(columns: &[Column], row: &Row, base: Option<&[Sample]>) -> Vec<String> {
    let ratios = columns.iter().filter(|column| column.ratio).count();
    let Some(samples) = samples(row) else {
        let reason = match row {
            Row::Skipped(reason) => format!("skipped: {reason}"),
            Row::Failed(reason) => format!("failed: {reason}"),
            Row::Measured(_) => "failed: no run".to_owned(),
        };
        let mut cells = vec!["-".to_owned(); columns.len() + ratios];
        cells[0] = cell(&reason);
        return cells;
    };
    let mut cells = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let spread = spread(samples, index);
        cells.push(spread.map_or_else(|| "-".to_owned(), |spread| told(column, spread)));
        if column.ratio {
            let base = base.and_then(|base| self::spread(base, index));
            let ratio = spread.zip(base).filter(|(_, base)| base.median != 0.0);
            cells.push(ratio.map_or_else(
                || "-".to_owned(),
                |(own, base)| format!("{:.2}x", own.median / base.median),
            ));
        }
    }
    cells
}

fn told(column: &Column, spread: Spread) -> String {
    let (digits, Spread { median, min, max }) = (column.digits, spread);
    format!("{median:.digits$} ({min:.digits$} to {max:.digits$})")
}

/// The samples of a row that has any.
pub(super) fn samples(row: &Row) -> Option<&[Sample]> {
    match row {
        Row::Measured(samples) if !samples.is_empty() => Some(samples),
        _ => None,
    }
}

/// Median, smallest and largest of one figure; `None` when no run knows it.
pub(super) fn spread(samples: &[Sample], index: usize) -> Option<Spread> {
    let figures = samples.iter().filter_map(|sample| sample.get(index).copied().flatten());
    let mut sorted: Vec<f64> = figures.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let (&min, &max) = (sorted.first()?, sorted.last()?);
    let middle = sorted.len() / 2;
    let median = if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    };
    Some(Spread { median, min, max })
}

#[cfg(test)]
mod tests {
    use super::super::{
        plan::{Extent, tasks},
        servers::Server,
    };
    use super::*;

    fn sample(cost: f64, rate: f64) -> Sample {
        vec![Some(cost), Some(rate), Some(30.0), None, Some(97.0)]
    }

    fn entry() -> Entry {
        let server = Contender::Server;
        Entry {
            task: tasks(Extent::Usual).remove(2),
            rows: vec![
                (
                    server(Server::ColokEvents),
                    Row::Measured(vec![
                        sample(6.0, 90_000.0),
                        sample(5.0, 110_000.0),
                        sample(8.0, 100_000.0),
                    ]),
                ),
                (server(Server::CEpoll), Row::Measured(vec![sample(4.0, 200_000.0)])),
                (server(Server::Go), Row::Skipped("go | is not installed".to_owned())),
                (server(Server::Ncat), Row::Failed("no answer".to_owned())),
            ],
        }
    }

    #[test]
    fn a_row_has_medians_spread_ratios_and_its_own_line() {
        let rows = rows(&entry());
        let ours = rows[1].join(" | ");
        let expected = "colok-events | 6.00 (5.00 to 8.00) | 1.50x | 100000 (90000 to 110000) | \
                        0.50x | 30.0 (30.0 to 30.0) | - | 97 (97 to 97) | \
                        `--only echo-64x64 --only colok-events`";
        assert_eq!(ours, expected);
        assert_eq!(rows[3][1], "skipped: go / is not installed");
        assert_eq!(rows[4][1], "failed: no answer");
        assert!(rows.iter().all(|row| row.len() == rows[0].len()));
        assert_eq!(rows[0][2], "of c-epoll");
    }

    #[test]
    fn the_report_has_everything_in_its_place() {
        let entries = [entry()];
        let paper = Paper {
            title: "Sockets",
            facts: vec!["Kernel: 6".to_owned()],
            entries: &entries,
            pictures: vec![("benchmarks/cost.svg".to_owned(), "cost".to_owned())],
            commands: vec!["go: none".to_owned()],
            notes: vec!["Not measured: a network".to_owned()],
            judged: true,
        };
        let text = paper.text();
        let places = [
            "## Sockets\n\n- Kernel: 6\n",
            "![cost](benchmarks/cost.svg)",
            "### TCP echo: 64 connections, messages of 64 B, one on the way on each",
            "| colok-events ",
            "- go: none",
            "- Not measured: a network",
        ];
        let found: Vec<_> = places.iter().map(|place| text.find(place)).collect();
        assert!(found.iter().all(Option::is_some) && found.is_sorted(), "{found:?}\n{text}");
    }

    #[test]
    fn cost_over_connections_is_put_side_by_side() {
        let more = tasks(Extent::Usual).remove(4);
        let rows = vec![(Contender::Server(Server::CEpoll), Row::Measured(vec![sample(7.0, 1.0)]))];
        let entries = [Entry { task: more, rows }, entry()];
        let rows = over_connections(&entries).unwrap();
        assert_eq!(rows[0], ["connections", "64", "4096"]);
        assert_eq!(rows[1], ["colok-events", "6.00", "-"]);
        assert_eq!(rows[2], ["c-epoll", "4.00", "7.00"]);
        assert_eq!(over_connections(&entries[..1]), None);
    }

    #[test]
    fn a_median_is_in_the_middle() {
        let of = |values: &[f64]| {
            let samples: Vec<Sample> = values.iter().map(|&value| vec![Some(value)]).collect();
            spread(&samples, 0)
        };
        assert_eq!(of(&[9.0, 1.0, 4.0]), Some(Spread { median: 4.0, min: 1.0, max: 9.0 }));
        assert_eq!(of(&[1.0, 9.0, 4.0, 6.0]), Some(Spread { median: 5.0, min: 1.0, max: 9.0 }));
        assert_eq!(of(&[]), None);
        assert_eq!(spread(&[vec![None]], 0), None);
    }
}
