//! One case from its hosts to its verdict, on one thread. Whatever happens ends in the record.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::hosts;
use super::latency::Latencies;
use super::needs::Ground;
use super::paths::{self, Routes};
use super::plan::Job;
use super::play::{Play, blank};
use super::stage::{Began, Broken, Stage};
use super::teller::Teller;
use super::{Event, Options, ending, faults, needs, steps};
use crate::engine::Stop;
use crate::scenario::agent::{Answer, Question};
use crate::scenario::evidence;
use crate::scenario::file::{HostKind, Scenario};
use crate::scenario::fill::{self, Values};
use crate::scenario::in_words;
use crate::scenario::judge::{self, Book};
use crate::scenario::reconcile::{self, Told};
use crate::scenario::record::{Case, Host, Verdict};

/// How long a case may take that does not say.
const CASE_MAX: Duration = Duration::from_mins(1);

/// Why a case that was running when the run was stopped is unknown.
pub(super) const INTERRUPTED: &str = "the run was interrupted";

/// What all cases of a run share.
pub(super) struct Setting<'a> {
    /// What is run, and how.
    pub(super) options: &'a Options,
    /// The texts of messages.
    pub(super) book: &'a dyn Book,
    /// Breaks the run off.
    pub(super) stop: &'a Stop,
    /// Whose turn it is on this computer itself: scenarios may name ports of their own, so one
    /// case at a time. Those with a network of their own need no turn.
    pub(super) turn: Mutex<()>,
}

/// Runs a case. A panic in it makes it invalid, and nothing else.
pub(super) fn run_case(setting: &Setting<'_>, job: &Job, teller: &Teller) -> Case {
    if let Some(why) = &job.planned.skip {
        teller.tell(Event::CaseStarted);
        return job.planned.case(Verdict::Skipped, why.clone(), Began::now().unix_us);
    }
    let ground = needs::ground(&job.scenario);
    let _turn = (ground != Ok(Ground::World))
        .then(|| setting.turn.lock().unwrap_or_else(PoisonError::into_inner));
    let began = Began::now();
    teller.tell(Event::CaseStarted);
    let mut case = job.planned.case(Verdict::Unknown, "", began.unix_us);
    let attempt = AssertUnwindSafe(|| {
        let ground = ground.map_err(Broken::Runner)?;
        attempt(setting, job, ground, teller, began, &mut case)
    });
    let result = catch_unwind(attempt).unwrap_or_else(|panic| {
        Err(Broken::Runner(format!("the runner panicked: {}", panic_text(&*panic))))
    });
    decide(&mut case, result, setting.options.faults_off);
    case.duration_s = began.at.elapsed().as_secs_f64();
    case
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

/// Decides on a case that ended so.
fn decide(case: &mut Case, result: Result<(), Broken>, faults_off: bool) {
    (case.verdict, case.reason) = match result {
        Ok(()) => judge::verdict(case),
        Err(Broken::Runner(why)) => (Verdict::Invalid, why),
        Err(Broken::Stopped) => (Verdict::Unknown, INTERRUPTED.to_owned()),
        // That nothing was broken may be why it did not go on.
        Err(_) if faults_off && !case.faults.is_empty() => judge::verdict(case),
        Err(Broken::Time) => match without_faults(case) {
            (Verdict::Fail, why) => (Verdict::Fail, why),
            _ => (Verdict::Unknown, "the time of the case ran out".to_owned()),
        },
        Err(Broken::Step) => match without_faults(case) {
            (Verdict::Pass, _) => (Verdict::Unknown, "a step could not be done".to_owned()),
            found => found,
        },
    };
}

/// The verdict of what was seen until a case broke off: faults that could not begin any more say
/// nothing about why.
fn without_faults(case: &mut Case) -> (Verdict, String) {
    let faults = std::mem::take(&mut case.faults);
    let found = judge::verdict(case);
    case.faults = faults;
    found
}

/// Runs a case as far as it goes, and fills its record in.
fn attempt(
    setting: &Setting<'_>,
    job: &Job,
    ground: Ground,
    teller: &Teller,
    began: Began,
    case: &mut Case,
) -> Result<(), Broken> {
    let id = &job.planned.id;
    let folder = evidence::case_folder(&setting.options.folder, id)
        .and_then(|folder| {
            std::fs::write(folder.join("scenario.toml"), &job.source.text).map(|()| folder)
        })
        .map_err(|error| Broken::Runner(format!("the folder of evidence: {}", in_words(error))))?;
    // Dropped last: the world outlives its hosts, which are on the stage.
    let (hosts, heard, _grounds) = hosts::make(&job.scenario, ground).map_err(Broken::Runner)?;
    let limit = job.scenario.time_limit.as_ref().map_or(CASE_MAX, |limit| limit.value.0);
    let mut stage = Stage::new(hosts, heard, began, limit, setting.stop.clone(), teller.clone());
    stage.await_agents()?;
    case.hosts = machines(&mut stage)?;
    let count = fill::ports(&job.scenario).len();
    let ports = hosts::ports(&mut stage, count, ground)?;
    let (variables, seed) = (&job.planned.variables, job.planned.seed);
    let mut values = hosts::values(&job.scenario, variables, &stage.hosts, &ports, seed, id);
    values.extend(job.source.here().map(|folder| ("here".to_owned(), folder)));
    let routes = match ground {
        Ground::World => Some(Routes::ask(&mut stage)?),
        Ground::Local => None,
    };
    let mut play = set_up(setting, job, stage, values)?;
    play.folder = folder;
    let played = perform(&mut play);
    let closed = close(&mut play, routes, case, &played);
    played.and(closed)
}

/// What each host is.
fn machines(stage: &mut Stage) -> Result<Vec<Host>, Broken> {
    let mut hosts = Vec::new();
    for number in 0..stage.hosts.len() {
        let kernel = match stage.question(number, Question::Machine)? {
            Ok(Answer::Machine { kernel, .. }) => kernel,
            _ => String::new(),
        };
        let host = &stage.hosts[number];
        let kind = if host.kind == HostKind::Local { "local" } else { "netns" };
        hosts.push(Host {
            name: host.name.clone(),
            kind: kind.to_owned(),
            addresses: host.addresses.iter().map(ToString::to_string).collect(),
            kernel,
        });
    }
    Ok(hosts)
}

/// Fills the scenario in.
fn set_up<'a>(
    setting: &'a Setting<'_>,
    job: &'a Job,
    stage: Stage,
    values: Values,
) -> Result<Play<'a>, Broken> {
    let scenario: Scenario = fill::fill(&job.scenario, &values).map_err(|problems| {
        let told: Vec<_> =
            problems.into_iter().map(|problem| problem.of(&job.source).to_string()).collect();
        Broken::Runner(told.join("; "))
    })?;
    let count = scenario.steps.len();
    Ok(Play {
        stage,
        records: (0..count).map(|index| blank(&scenario, index, &job.source)).collect(),
        faults: faults::listed(&scenario),
        numbers: vec![0..0; count],
        scenario,
        unfilled: &job.scenario,
        values,
        source: &job.source,
        book: setting.book,
        seed: job.planned.seed,
        faults_off: setting.options.faults_off,
        folder: std::path::PathBuf::new(),
        begun: Vec::new(),
        copies: BTreeMap::new(),
        halted: BTreeSet::new(),
        recorded: BTreeSet::new(),
        checks: Vec::new(),
        ends: BTreeMap::new(),
        controls: BTreeMap::new(),
    })
}

/// Makes the files, plays the steps.
fn perform(play: &mut Play<'_>) -> Result<(), Broken> {
    if let Err(error) = steps::write_files(play)? {
        return Err(Broken::Runner(format!("a file could not be made: {error}")));
    }
    steps::play(play)
}

/// Ends what was played, and puts it on record. How it ended decides how much is still asked for:
/// a run that is stopped, or a stage that is gone, is asked nothing.
fn close(
    play: &mut Play<'_>,
    routes: Option<Routes>,
    case: &mut Case,
    played: &Result<(), Broken>,
) -> Result<(), Broken> {
    let lives = !matches!(played, Err(Broken::Stopped | Broken::Runner(_)));
    if *played == Err(Broken::Time) {
        ending::unseen(play, "the time of the case ran out");
    }
    let mut ended = if lives { ending::end(play) } else { Ok(()) };
    ending::record_rest(play);
    ending::prove_faults(play);
    let mut routes_now = Vec::new();
    if let (Some(routes), true, Ok(())) = (routes, lives, &ended) {
        match routes.finish(&mut play.stage) {
            Ok(found) => routes_now = found,
            Err(broken) => ended = Err(broken),
        }
    }
    account(play, case, &routes_now);
    hand_over(play, case);
    ended
}

/// Holds the accounts of both ends of each connection against each other.
fn account(play: &Play<'_>, case: &mut Case, routes: &[reconcile::Route]) {
    let stage = &play.stage;
    let told = stage.programs.iter().map(|program| Told {
        step: &program.name,
        host: &stage.hosts[program.host].name,
        events: &program.seen.events,
    });
    let told: Vec<_> = told.collect();
    case.connections = reconcile::connections(&told);
    case.paths = reconcile::paths(&told, &paths::addresses(stage), routes);
    let mut latencies = Latencies::default();
    for program in &stage.programs {
        let record = &play.records[program.step];
        if record.action != "relay" {
            latencies.add(&record.name, &program.seen.events, stage.began_unix_us());
        }
    }
    case.latencies = latencies.finish();
}

/// Puts steps, checks and faults on record.
fn hand_over(play: &mut Play<'_>, case: &mut Case) {
    for index in &play.begun {
        match play.copies.remove(index) {
            Some(records) => case.steps.extend(records),
            None => case.steps.push(play.records[*index].clone()),
        }
    }
    case.checks = std::mem::take(&mut play.checks);
    case.checks.sort_by_key(|check| check.line);
    case.faults = play.faults.iter().map(|fault| fault.record.clone()).collect();
    for fault in &case.faults {
        play.stage.teller.tell(Event::Fault { fault: fault.clone() });
    }
}
