//! The rounds: every program does every task in turn, and what it used is noted.
//!
//! In each round every program of a task has one run, in an order that moves on by one from round
//! to round, so that a machine that slows down or speeds up does not favour one of them. A run
//! has a fresh folder and a fresh server; memory is warmed right before the time that counts.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use super::{
    Options,
    program::Program,
    scratch::{self, Scratch},
    usage,
};

/// A piece of work and the programs that can do it.
pub(crate) struct Task<'a> {
    pub(crate) name: &'static str,
    /// The work, for the head of its table.
    pub(crate) title: String,
    pub(crate) contenders: Vec<Contender<'a>>,
}

/// One program for one task.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'static str,
    /// What it does within the time: what is run, and what of the result is checked.
    pub(crate) includes: &'static str,
    /// The target that this row shows.
    pub(crate) target: Option<Target>,
    /// Why it cannot run here.
    pub(crate) missing: Option<String>,
    pub(crate) trial: MakeTrial<'a>,
}

/// A share of somebody's time that is enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// colok shall need at most this share of the time of this row.
    Ours(f64),
    /// This row shall need at most this share of the time of the fastest of these rows.
    OfFastest(f64, &'static [&'static str]),
}

/// Makes one run ready.
pub(crate) type MakeTrial<'a> = Box<dyn Fn(&Place) -> Result<Trial, String> + 'a>;

/// Compares the result of a run with what was sent.
pub(crate) type Check = Box<dyn FnOnce() -> Result<(), String>>;

/// Where one run takes place.
pub(crate) struct Place {
    /// Empty, and deleted afterwards. Holds whatever the run writes.
    pub(crate) folder: PathBuf,
    /// The server's address.
    pub(crate) address: SocketAddr,
}

/// How long the processes of a server live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Until they are told to stop.
    Long,
    /// The one that listens as before; the ones that do the work only as long as their client.
    /// Their memory cannot be read any more when the client is done.
    ForksForClient,
    /// As long as its one client. The work is done when both have ended.
    EndsWithClient,
}

/// One run, ready to start.
pub(crate) struct Trial {
    pub(crate) server: Command,
    pub(crate) life: Life,
    /// Run before the time that counts, when the server listens.
    pub(crate) prepare: Vec<Command>,
    /// Its time counts, from its start to its end.
    pub(crate) client: Command,
    /// Run after the time that counts.
    pub(crate) check: Check,
}

/// What one run took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// From the start of the client to the end of the work.
    pub(crate) wall: Duration,
    /// User and system time of the client and the server.
    pub(crate) client: Duration,
    pub(crate) server: Duration,
    /// The peak of the server's memory; `None` when its processes are gone by the end.
    pub(crate) server_memory_kib: Option<u64>,
}

/// How a program did its task, over all rounds.
#[derive(Debug, PartialEq)]
pub(crate) enum Row {
    Measured(Vec<Sample>),
    Skipped(String),
    Failed(String),
}

/// Runs everything of the task that is wanted. The rows are in the order of its contenders.
pub(crate) fn run(
    scratch: &Scratch,
    options: &Options,
    task: &Task<'_>,
    warm_mebibytes: u64,
) -> Vec<Row> {
    let mut rows: Vec<_> =
        task.contenders.iter().map(|one| first_row(options, task, one)).collect();
    let count = rows.len();
    for round in 0..options.rounds {
        for index in (0..count).map(|place| (place + round) % count) {
            let contender = &task.contenders[index];
            let Row::Measured(samples) = &mut rows[index] else { continue };
            let label =
                format!("{} {}/{} {}", task.name, round + 1, options.rounds, contender.name);
            match measure(scratch, contender, warm_mebibytes) {
                Ok(sample) => {
                    println!("{label}: {:.3} s", sample.wall.as_secs_f64());
                    samples.push(sample);
                }
                Err(problem) => {
                    println!("{label}: failed: {problem}");
                    rows[index] = Row::Failed(problem);
                }
            }
        }
    }
    rows
}

fn first_row(options: &Options, task: &Task<'_>, contender: &Contender<'_>) -> Row {
    if !options.wants(task.name, contender.name) {
        return Row::Skipped("left out by --only".to_owned());
    }
    match &contender.missing {
        Some(reason) => {
            println!("{} {}: skipped: {reason}", task.name, contender.name);
            Row::Skipped(reason.clone())
        }
        None => Row::Measured(Vec::new()),
    }
}

fn measure(scratch: &Scratch, contender: &Contender<'_>, warm: u64) -> Result<Sample, String> {
    let folder = scratch.join("run");
    let failed = |error| format!("cannot make {}: {error}", folder.display());
    fs::create_dir(&folder).map_err(failed)?;
    let place = Place { folder, address: scratch::free_address()? };
    let sample =
        (contender.trial)(&place).and_then(|trial| measure_trial(scratch, &place, trial, warm));
    let failed = |error| format!("cannot delete {}: {error}", place.folder.display());
    let removed = fs::remove_dir_all(&place.folder).map_err(failed);
    removed.and(sample)
}

fn measure_trial(
    scratch: &Scratch,
    place: &Place,
    mut trial: Trial,
    warm: u64,
) -> Result<Sample, String> {
    let log = |name: &str| place.folder.join(name);
    let mut server = Program::start(scratch, &mut trial.server, &log("server.log"))?;
    server.listens(place.address)?;
    for command in &mut trial.prepare {
        Program::start(scratch, command, &log("prepare.log"))?.wait()?;
    }
    scratch.warm(warm)?;
    let server_before = usage::settled_group(server.group());
    let ended_before = usage::ended_children()?;
    let start = Instant::now();
    let mut client = Program::start(scratch, &mut trial.client, &log("client.log"))?;
    let mut end = client.wait();
    let client_time = usage::ended_children()?.saturating_sub(ended_before);
    if trial.life == Life::EndsWithClient {
        end = end.and_then(|_| server.wait());
    }
    let end = end.map_err(|problem| format!("{problem}; its server{}", server.last_words()))?;
    let (server_time, memory_kib) = if trial.life == Life::EndsWithClient {
        // Its time is in the sum of our children, from its very beginning.
        let both = usage::ended_children()?.saturating_sub(ended_before);
        (both.saturating_sub(client_time), 0)
    } else {
        let after = usage::settled_group(server.group());
        (after.processor.saturating_sub(server_before.processor), after.memory_kib)
    };
    let server_memory_kib = Some(memory_kib).filter(|_| trial.life == Life::Long);
    (trial.check)()?;
    let wall = end.duration_since(start);
    Ok(Sample { wall, client: client_time, server: server_time, server_memory_kib })
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, path::Path, process::Stdio};

    use super::*;

    /// A server of one line in the shell: it listens by its absence. What the loop does with a
    /// program that never listens is what a broken peer looks like.
    fn broken(place: &Place) -> Trial {
        let mut server = Command::new("sh");
        server.args(["-c", "echo no such option >&2; exit 2"]).stdin(Stdio::null());
        let client = Command::new("true");
        assert!(place.folder.is_dir());
        let check = Box::new(|| Ok(()));
        Trial { server, life: Life::Long, prepare: Vec::new(), client, check }
    }

    fn contender<'a>(name: &'static str, order: &'a RefCell<Vec<&'static str>>) -> Contender<'a> {
        let trial = move |place: &Place| {
            order.borrow_mut().push(name);
            Ok(broken(place))
        };
        Contender { name, includes: "", target: None, missing: None, trial: Box::new(trial) }
    }

    #[test]
    fn a_program_that_fails_says_why_and_is_not_run_again() {
        let Ok(scratch) = Scratch::make(Path::new("/dev/shm"), 0) else {
            println!("skipped: /dev/shm is no tmpfs here");
            return;
        };
        let order = RefCell::new(Vec::new());
        let mut missing = contender("rsync", &order);
        missing.missing = Some("rsync is not installed".to_owned());
        let contenders = vec![contender("colok", &order), missing];
        let task = Task { name: "upload", title: String::new(), contenders };
        let rows = run(&scratch, &Options::new("files"), &task, 0);
        assert_eq!(*order.borrow(), ["colok"]);
        assert!(
            matches!(&rows[0], Row::Failed(text) if text.contains("no such option")),
            "{rows:?}"
        );
        assert_eq!(rows[1], Row::Skipped("rsync is not installed".to_owned()));
        assert!(!scratch.join("run").exists());
    }
}
