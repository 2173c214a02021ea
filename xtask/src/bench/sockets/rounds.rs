//! The rounds: every contender of every task in turn, with the time that is left.
//!
//! In each round each contender has one run of each task, in an order that moves on by one from
//! round to round. A run that fails is tried once more; then its row has failed, and the others go
//! on.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use super::{
    columns::columns,
    plan::Task,
    trial::{Bench, Contender, Sample},
};

/// How a contender did a task, over all rounds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Row {
    Measured(Vec<Sample>),
    Skipped(String),
    Failed(String),
}

/// A task with its contenders, in the order of its table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) task: Task,
    pub(super) rows: Vec<(Contender, Row)>,
}

/// One run to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Job {
    round: usize,
    entry: usize,
    row: usize,
}

/// Runs everything that is not skipped.
pub(super) fn run(entries: &mut [Entry], rounds: usize, bench: &Bench<'_>) {
    let jobs = jobs(entries, rounds);
    let start = Instant::now();
    for (done, job) in jobs.iter().enumerate() {
        let Entry { task, rows } = &mut entries[job.entry];
        let (contender, row) = &mut rows[job.row];
        let Row::Measured(samples) = row else { continue };
        let left = left(start.elapsed(), done, jobs.len());
        let place = format!("[{}/{}, {left}]", done + 1, jobs.len());
        let what = format!("{} {}/{rounds} {}", task.name, job.round + 1, contender.name());
        let attempt = || bench.run(task, *contender);
        let result = attempt().or_else(|problem| {
            println!("{place} {what}: failed, once more: {problem}");
            attempt()
        });
        match result {
            Ok(sample) => {
                println!("{place} {what}: {}", figures(task, &sample));
                samples.push(sample);
            }
            Err(problem) => {
                println!("{place} {what}: failed: {problem}");
                *row = Row::Failed(problem);
            }
        }
    }
    println!("measured for {}", minutes(start.elapsed()));
}

fn jobs(entries: &[Entry], rounds: usize) -> Vec<Job> {
    let mut jobs = Vec::new();
    for round in 0..rounds {
        for (entry, Entry { task, rows }) in entries.iter().enumerate() {
            if round >= task.work.rounds(rounds) {
                continue;
            }
            let wanted = |row: &usize| matches!(rows[*row].1, Row::Measured(_));
            let order = (0..rows.len()).map(|place| (place + round) % rows.len());
            jobs.extend(order.filter(wanted).map(|row| Job { round, entry, row }));
        }
    }
    jobs
}

/// As long as those that are done, each.
fn left(elapsed: Duration, done: usize, all: usize) -> String {
    let Ok(count) = u32::try_from(done) else { return String::new() };
    if count == 0 {
        return "time left not known yet".to_owned();
    }
    let remaining = u32::try_from(all - done).unwrap_or(u32::MAX);
    format!("about {} left", minutes((elapsed / count).saturating_mul(remaining)))
}

fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02} min", seconds / 60, seconds % 60)
}

fn figures(task: &Task, sample: &Sample) -> String {
    let mut text = String::new();
    for (column, figure) in columns(&task.work).iter().zip(sample) {
        let separator = if text.is_empty() { "" } else { ", " };
        let digits = column.digits;
        let _ = match figure {
            Some(figure) => write!(text, "{separator}{figure:.digits$} {}", column.title),
            None => write!(text, "{separator}{} not known", column.title),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{
        plan::{Extent, tasks},
        servers::Server,
    };
    use super::*;

    fn entry() -> Entry {
        let contender = |server| Contender::Server(server);
        Entry {
            task: tasks(Extent::Usual).remove(0),
            rows: vec![
                (contender(Server::CEpoll), Row::Measured(Vec::new())),
                (contender(Server::Go), Row::Skipped("go is not installed".to_owned())),
                (contender(Server::Socat), Row::Measured(Vec::new())),
            ],
        }
    }

    #[test]
    fn everyone_goes_first_in_turn() {
        let order = |rounds| -> Vec<(usize, usize)> {
            jobs(&[entry()], rounds).iter().map(|job| (job.round, job.row)).collect()
        };
        assert_eq!(order(3), [(0, 0), (0, 2), (1, 2), (1, 0), (2, 2), (2, 0)]);
        let two: Vec<_> = jobs(&[entry(), entry()], 1).iter().map(|job| job.entry).collect();
        assert_eq!(two, [0, 0, 1, 1]);
    }

    #[test]
    fn the_time_left_follows_from_the_time_taken() {
        assert_eq!(left(Duration::ZERO, 0, 9), "time left not known yet");
        assert_eq!(left(Duration::from_secs(90), 3, 9), "about 3:00 min left");
    }

    #[test]
    fn a_figure_is_told_with_its_name() {
        let sample = vec![Some(4.256), Some(197_000.4), None, Some(1.0), Some(99.4)];
        let text = figures(&entry().task, &sample);
        assert!(text.starts_with("4.26 server CPU, us/message, 197000 messages/s, p50"), "{text}");
        assert!(text.contains("p50, us not known"), "{text}");
    }
}
