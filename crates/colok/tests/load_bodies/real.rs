//! Real messages: a server in this process, and a load in a process of its own whose limit of
//! descriptors is lowered and whose workers can be killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use colok::engine::{Model, Stop};
use colok::load::plan::{Address, Length};
use colok::load::report::Outcome;
use colok::load::{Plan, Report};
use colok::server::Limits;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, setrlimit};

use super::{pid, plan, until};
use crate::support::Running;

/// Makes this program a load: its plan as JSON.
const PLAN: &str = "COLOK_TEST_LOAD_PLAN";
/// How many descriptors it and its workers may have.
const DESCRIPTORS: &str = "COLOK_TEST_LOAD_DESCRIPTORS";

/// What one line of a load says before its report.
const ANSWERED: &str = "answered ";

/// In a worker of such a load, or the load itself, this does not return.
pub(crate) fn load_if_asked() {
    let Some(plan) = std::env::var_os(PLAN) else { return };
    colok::load::worker_if_asked();
    let plan: Plan = serde_json::from_slice(plan.as_encoded_bytes()).expect("a plan");
    let limit = std::env::var(DESCRIPTORS).ok().and_then(|text| text.parse().ok());
    setrlimit(Resource::Nofile, Rlimit { current: limit, maximum: limit }).expect("a lower limit");
    let mut output = std::io::stdout().lock();
    let stop = Stop::new().expect("descriptors");
    let report = colok::load::run(&plan, vec!["test".into()], &stop, &mut |progress| {
        writeln!(output, "{ANSWERED}{}", progress.answered).expect("somebody reads");
    });
    let mut line = serde_json::to_vec(&report).expect("a report has a JSON form");
    line.push(b'\n');
    output.write_all(&line).expect("somebody reads");
    output.flush().expect("somebody reads");
    std::process::exit(0);
}

/// A load in a process of its own.
struct Load {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Load {
    fn start(plan: &Plan, descriptors: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .env(PLAN, serde_json::to_string(plan).expect("a plan has a JSON form"))
            .env(DESCRIPTORS, descriptors.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program runs");
        let output = child.stdout.take().expect("it is a pipe");
        Self { child, output: BufReader::new(output) }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it is text");
        assert!(line.ends_with('\n'), "the load ended: {line:?}");
        line
    }

    /// Until some messages were answered in the interval that is told.
    fn is_going(&mut self) {
        while self.line() == format!("{ANSWERED}0\n") {}
    }

    fn workers(&self) -> Vec<Pid> {
        let task = format!("/proc/{}/task", self.child.id());
        let threads = std::fs::read_dir(task).expect("it lives").flatten();
        let children = threads
            .map(|thread| std::fs::read_to_string(thread.path().join("children")))
            .map(Result::unwrap_or_default);
        let numbers: Vec<u64> = children
            .flat_map(|line| {
                line.split(' ').filter_map(|text| text.parse().ok()).collect::<Vec<_>>()
            })
            .collect();
        numbers.into_iter().map(pid).collect()
    }

    fn report(mut self) -> Report {
        loop {
            let line = self.line();
            if !line.starts_with(ANSWERED) {
                self.child.wait().expect("it is ours");
                return serde_json::from_str(&line).expect("a report");
            }
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn echo() -> (Running, Plan) {
    let limits = Limits { connections_max: 2000, ..Limits::default() };
    let server = Running::start(Model::Events, &["echo=tcp://127.0.0.1:0?idle=600s"], limits);
    let url = server.urls[0].clone();
    let address = url.rsplit_once("//").expect("a URL").1;
    let address = Address::Tcp(address.parse().expect("an address"));
    (server, plan(&url, address, 1))
}

pub(super) fn more_connections_than_one_process_may_hold() {
    let (server, plan) = echo();
    // 100 connections beside what a process needs for itself.
    let plan = Plan { connections: 350, active: 30, length: Length::Messages(3001), ..plan };
    let report = Load::start(&plan, 300).report();
    assert_eq!(report.outcome, Outcome::Ok, "{:?} {:?}", report.error, report.findings);
    assert_eq!((report.generator.processes, report.connections.opened), (4, 350));
    assert!(report.connections.failed.is_empty() && report.connections.ended_early.is_empty());
    // Each connection that only stays open is asked at the end whether it lives.
    let asked = report.reconciliation;
    assert_eq!((asked.answered, asked.sent, asked.balanced), (3001 + 320, 3001 + 320, true));
    drop(server);
}

pub(super) fn two_processes_of_a_load_add_up() {
    let (server, plan) = echo();
    let plan = Plan { processes: 2, length: Length::Messages(4003), ..plan };
    let report = Load::start(&plan, 1000).report();
    assert_eq!(report.outcome, Outcome::Ok, "{:?} {:?}", report.error, report.findings);
    assert_eq!((report.generator.processes, report.generator.threads), (2, 4));
    assert_eq!((report.reconciliation.answered, report.reconciliation.lost), (4003, 0));
    let latency = report.service_time.expect("messages were answered");
    assert_eq!(latency.count, 4003);
    let intervals: u64 = report.intervals.iter().map(|interval| interval.answered).sum();
    assert_eq!(intervals, 4003);
    drop(server);
}

pub(super) fn a_killed_worker_of_a_load_is_told_of() {
    let (server, plan) = echo();
    let length = Length::For(Duration::from_mins(10));
    let plan = Plan { processes: 2, length, ..plan };
    let mut load = Load::start(&plan, 1000);
    load.is_going();
    let workers = load.workers();
    assert_eq!(workers.len(), 2);
    kill_process(workers[0], Signal::KILL).expect("it lives");
    // The rest of the plan would take ten minutes; it is not worth them any more.
    let report = load.report();
    let error = report.error.expect("it is told");
    assert!(error.contains("worker process") && error.contains('9'), "{error}");
    assert_ne!(report.outcome, Outcome::Ok);
    assert!(report.reconciliation.balanced, "{:?}", report.reconciliation);
    let lost = report.connections.ended_early.iter().find(|one| one.reason == "worker-lost");
    assert_eq!(lost.map(|one| one.count), Some(4), "{:?}", report.connections);
    until("the end of the other", || !workers.iter().any(|worker| super::lives(*worker)));
    drop(server);
}

pub(crate) fn too_few_descriptors_to_lead_workers_is_said_at_once() {
    let (_server, plan) = echo();
    let plan = Plan { connections: 500, active: 500, processes: 1, ..plan };
    let report = Load::start(&plan, 40).report();
    assert_eq!(report.outcome, Outcome::Failed);
    let error = report.error.expect("it says why");
    assert!(error.contains("ulimit -n"), "{error}");
}
