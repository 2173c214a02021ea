//! Running scenarios: every case of them, some at once, to a record with a verdict each.
//!
//! A case has its own computers and is run by one thread; whatever happens to it (a panic too)
//! ends in its record, never in the run. Nothing here prints or handles signals: what happens is
//! told as [`Happening`]s, and [`Stop`] breaks the run off.

mod case;
mod command;
mod describe;
mod ending;
mod faults;
mod happening;
mod hosts;
mod judging;
mod latency;
mod needs;
mod paths;
mod plan;
mod play;
mod program;
mod stage;
mod steps;
mod teller;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Scope};
use std::time::Instant;

pub use describe::describe;
pub use happening::{Event, Happening, Planned};
pub use needs::skipped;

use crate::engine::{Stop, StopState};
use crate::observe::now_unix_micros;
use crate::scenario::evidence::totals;
use crate::scenario::judge::Book;
use crate::scenario::read::{FileProblem, Source};
use crate::scenario::record::{Case, FORM, Machine, Outcome, Run, Verdict};
use case::Setting;
use plan::Job;
use teller::Teller;

/// How much may happen before it is taken; then cases wait.
const HAPPENINGS_MAX: usize = 1024;

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The scenarios, in order.
    pub sources: Vec<Source>,
    /// Only the cases whose id, scenario or a tag matches one of these patterns (`*`, `?`); a
    /// pattern without either matches anywhere in an id. Empty: all.
    pub only: Vec<String>,
    /// How often each case is run; 0 counts as 1.
    pub repeat: u32,
    /// What every random choice is made from.
    pub seed: u64,
    /// How many cases at once; 0 counts as 1.
    pub jobs: usize,
    /// Break nothing: every scenario with a fault must then be `invalid`.
    pub faults_off: bool,
    /// The folder of the evidence, which exists: files of a case are put into `cases/ID/`.
    pub folder: PathBuf,
    /// The command line, for the record.
    pub command: Vec<String>,
    /// The program and its version, for the record.
    pub tool: String,
}

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Scenario files that say what cannot be done.
    #[error("the scenario files have problems: {}", .0.len())]
    Files(Vec<FileProblem>),
    /// A thread for a case could not be started.
    #[error("no thread for a case: {0}")]
    Thread(std::io::Error),
}

/// The cases that would be run, in order.
pub fn plan(options: &Options) -> Result<Vec<Planned>, RunError> {
    Ok(plan::jobs(options)?.into_iter().map(|job| job.planned).collect())
}

/// Runs every case and tells what happens, on the thread of the caller, as it happens. The record
/// has no hashes of files yet: those belong to whoever writes the evidence.
pub fn run(
    options: &Options,
    book: &dyn Book,
    stop: &Stop,
    tell: &mut dyn FnMut(&Happening),
) -> Result<Run, RunError> {
    let jobs = plan::jobs(options)?;
    let (started, started_unix_us) = (Instant::now(), now_unix_micros());
    let machine = machine();
    tell(&of_run(Event::Run {
        form: FORM.to_owned(),
        tool: options.tool.clone(),
        command: options.command.clone(),
        seed: options.seed,
        machine: machine.clone(),
        cases: jobs.iter().map(|job| job.planned.clone()).collect(),
    }));
    let setting = Setting { options, book, stop, turn: Mutex::default() };
    let mut cases = run_all(&setting, &jobs, tell)?;
    let not_started = add_missing(&jobs, &mut cases, tell);
    let is_stopped = stop.state() != StopState::Run;
    let cut = cases.values().any(|case| case.reason == case::INTERRUPTED);
    let broken_off = is_stopped && (not_started || cut);
    let outcome = if broken_off { Outcome::Interrupted } else { Outcome::Complete };
    let duration_s = started.elapsed().as_secs_f64();
    tell(&of_run(Event::RunEnded { outcome, duration_s }));
    let cases: Vec<Case> = cases.into_values().collect();
    Ok(Run {
        form: FORM.to_owned(),
        tool: options.tool.clone(),
        started_unix_us,
        duration_s,
        command: options.command.clone(),
        seed: options.seed,
        machine,
        outcome,
        totals: totals(&cases),
        cases,
        evidence: Vec::new(),
    })
}

/// Something that happened to the run itself.
fn of_run(event: Event) -> Happening {
    Happening { time_unix_us: now_unix_micros(), case: None, event }
}

/// The cases by their places in the order of the record.
type Cases = BTreeMap<usize, Case>;

/// Runs cases on as many threads as asked for, and takes what they tell.
fn run_all(
    setting: &Setting<'_>,
    jobs: &[Job],
    tell: &mut dyn FnMut(&Happening),
) -> Result<Cases, RunError> {
    let (sender, receiver) = sync_channel(HAPPENINGS_MAX);
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let threads = setting.options.jobs.max(1).min(jobs.len());
        for number in 0..threads {
            let sender = sender.clone();
            let started = work(scope, setting, jobs, &next, sender);
            match started {
                // With fewer threads it takes longer, and that is all.
                Ok(()) | Err(_) if number > 0 => {}
                started => started.map_err(RunError::Thread)?,
            }
        }
        drop(sender);
        Ok(take(&receiver, jobs, tell))
    })
}

/// Starts a thread that runs case after case until there is none left.
fn work<'scope>(
    scope: &'scope Scope<'scope, '_>,
    setting: &'scope Setting<'_>,
    jobs: &'scope [Job],
    next: &'scope AtomicUsize,
    sender: SyncSender<Happening>,
) -> std::io::Result<()> {
    let work = move || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if setting.stop.state() != StopState::Run {
                return;
            }
            let teller = Teller::new(sender.clone(), &job.planned.id);
            let case = case::run_case(setting, job, &teller);
            teller.tell(Event::CaseEnded { result: Box::new(case) });
        }
    };
    thread::Builder::new().name("case".to_owned()).spawn_scoped(scope, work).map(drop)
}

/// Takes what cases tell until no thread is left that could.
fn take(receiver: &Receiver<Happening>, jobs: &[Job], tell: &mut dyn FnMut(&Happening)) -> Cases {
    let places = jobs.iter().enumerate().map(|(place, job)| (job.planned.id.as_str(), place));
    let places: BTreeMap<_, _> = places.collect();
    let mut cases = Cases::new();
    for happening in receiver {
        tell(&happening);
        let Event::CaseEnded { result } = happening.event else { continue };
        if let Some(place) = places.get(result.id.as_str()) {
            cases.insert(*place, *result);
        }
    }
    cases
}

/// Adds the cases that were not started; tells whether there are any.
fn add_missing(jobs: &[Job], cases: &mut Cases, tell: &mut dyn FnMut(&Happening)) -> bool {
    let mut missing = false;
    for (place, job) in jobs.iter().enumerate() {
        if cases.contains_key(&place) {
            continue;
        }
        missing = true;
        let why = "not started: the run was interrupted";
        let case = job.planned.case(Verdict::Skipped, why, now_unix_micros());
        let event = Event::CaseEnded { result: Box::new(case.clone()) };
        let (time_unix_us, id) = (now_unix_micros(), Some(job.planned.id.clone()));
        tell(&Happening { time_unix_us, case: id, event });
        cases.insert(place, case);
    }
    missing
}

/// The computer of the runner.
fn machine() -> Machine {
    let system = rustix::system::uname();
    let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Machine {
        name: system.nodename().to_string_lossy().into_owned(),
        kernel: system.release().to_string_lossy().into_owned(),
        processors: u32::try_from(processors).unwrap_or(u32::MAX),
        root: rustix::process::geteuid().is_root(),
    }
}
