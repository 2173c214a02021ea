//! Verdicts of cases.

use std::collections::BTreeMap;

use crate::scenario::judge::verdict;
use crate::scenario::record::{
    Case, Check, Connection, FaultRecord, Flow, Mutations, Path, StepRecord, Verdict,
};
use crate::scenario::run::Planned;

fn case() -> Case {
    let planned = Planned {
        id: "c".to_owned(),
        scenario: "c".to_owned(),
        file: "c.toml".to_owned(),
        title: String::new(),
        source: String::new(),
        variables: BTreeMap::new(),
        repetition: 1,
        seed: 1,
        skip: None,
    };
    let case = planned.case(Verdict::Unknown, "", 0);
    Case { checks: vec![check(Verdict::Pass)], ..case }
}

fn check(verdict: Verdict) -> Check {
    Check {
        step: "s".to_owned(),
        key: "exit".to_owned(),
        expected: "0".to_owned(),
        got: "3".to_owned(),
        line: 5,
        verdict,
        mutations: Mutations { tried: 1, failed: 1 },
    }
}

fn fault(proved: bool) -> FaultRecord {
    FaultRecord {
        step: "f".to_owned(),
        place: "a".to_owned(),
        text: "link_down".to_owned(),
        start_s: Some(0.0),
        end_s: None,
        proved,
        proof: BTreeMap::new(),
    }
}

fn path(proved: Option<bool>) -> Path {
    Path {
        from: "a".to_owned(),
        to: "b".to_owned(),
        address: "10.99.0.2".to_owned(),
        interface: "lo".to_owned(),
        source: "10.99.0.1".to_owned(),
        mtu: 1500,
        packets: 0,
        proved,
    }
}

fn connection(agrees: Option<bool>) -> Connection {
    Connection {
        client: None,
        server: None,
        client_address: "1".to_owned(),
        server_address: "2".to_owned(),
        up: Flow::default(),
        down: Flow::default(),
        closed: None,
        agrees,
    }
}

fn step(error: Option<&str>, timed_out: bool) -> StepRecord {
    let step = serde_json::json!({
        "name": "s", "host": "a", "action": "run", "text": "true", "line": 4, "start_s": 0.0,
        "end_s": null, "exit": null, "signal": null, "error": error, "timed_out": timed_out,
        "stdout": {"bytes": 0, "blake3": "", "text": "", "shortened": false, "file": null},
        "stderr": {"bytes": 0, "blake3": "", "text": "", "shortened": false, "file": null},
        "events": null, "event_count": 0,
    });
    serde_json::from_value(step).expect("it is a step")
}

#[track_caller]
fn is(case: &Case, expected: Verdict, reason: &str) {
    assert_eq!(verdict(case), (expected, reason.to_owned()));
}

#[test]
fn a_case_passes_when_everything_was_proved() {
    let mut case = case();
    case.faults = vec![fault(true)];
    case.paths = vec![path(Some(true)), path(None)];
    case.connections = vec![connection(Some(true)), connection(None)];
    case.steps = vec![step(None, false)];
    is(&case, Verdict::Pass, "");
}

#[test]
fn the_worst_decides_and_says_why() {
    let mut case = case();
    case.checks.push(check(Verdict::Unknown));
    is(&case, Verdict::Unknown, "s: exit (line 5): expected 0, got 3");
    case.checks.push(check(Verdict::Fail));
    case.checks.push(check(Verdict::Fail));
    is(&case, Verdict::Fail, "s: exit (line 5): expected 0, got 3 (and 1 more)");
    case.steps = vec![step(None, true)];
    case.checks[2].got = "a long story ".repeat(10);
    is(&case, Verdict::Fail, "s: exit (line 5) (and 1 more)");
    case.faults = vec![fault(false)];
    is(&case, Verdict::Invalid, "f: the fault was not proved: link_down");
}

#[test]
fn what_proves_nothing_is_invalid() {
    let with = |change: &dyn Fn(&mut Case)| {
        let mut case = case();
        change(&mut case);
        verdict(&case)
    };
    let invalid = |reason: &str| (Verdict::Invalid, reason.to_owned());
    assert_eq!(
        with(&|case| case.paths = vec![path(Some(false))]),
        invalid("the path from a to b was not proved: lo, 0 packets")
    );
    assert_eq!(
        with(&|case| case.connections = vec![connection(Some(false))]),
        invalid("the two ends of 1 to 2 contradict each other")
    );
    let vacuous = invalid("s: exit (line 5): this expectation cannot fail");
    assert_eq!(with(&|case| case.checks[0].mutations.failed = 0), vacuous);
    assert_eq!(with(&|case| case.checks[0].mutations = Mutations::default()), vacuous);
    assert_eq!(
        with(&|case| case.checks.clear()),
        invalid("it expects nothing, so nothing was proved")
    );
}

#[test]
fn what_could_not_be_done_is_unknown() {
    let mut case = case();
    case.steps = vec![step(Some("there is no program `x`"), false)];
    is(&case, Verdict::Unknown, "s (line 4): there is no program `x`");
    case.steps = vec![step(None, true)];
    is(&case, Verdict::Unknown, "s (line 4): its time ran out");
    case.checks.clear();
    is(&case, Verdict::Unknown, "s (line 4): its time ran out");
    case.verdict = Verdict::Skipped;
    case.reason = "no python3".to_owned();
    is(&case, Verdict::Skipped, "no python3");
}

#[test]
fn a_crash_that_nobody_expected_fails() {
    let mut case = case();
    let mut server = step(None, false);
    (server.name, server.signal) = ("server".to_owned(), Some("SEGV".to_owned()));
    case.steps = vec![server];
    is(&case, Verdict::Fail, "server (line 4): it crashed (SIGSEGV)");
    // Ended by the runner or by a fault.
    case.steps[0].signal = Some("TERM".to_owned());
    is(&case, Verdict::Pass, "");
    // Expected.
    case.steps[0].signal = Some("ABRT".to_owned());
    let signal =
        Check { step: "server".to_owned(), key: "signal".to_owned(), ..check(Verdict::Pass) };
    case.checks.push(signal);
    is(&case, Verdict::Pass, "");
}
