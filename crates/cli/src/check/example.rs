//! Cases as values, for the tests of what is made of them.

use colok::scenario::record::{
    Case, Check, FORM, FaultRecord, Machine, Mutations, Outcome, Output, Run, StepRecord, Totals,
    Verdict,
};

/// A case without steps; what is before `[` is the name of its scenario.
pub(super) fn case(id: &str, verdict: Verdict) -> Case {
    let scenario = id.split(['[', '#']).next().unwrap_or_default();
    Case {
        id: id.to_owned(),
        scenario: scenario.to_owned(),
        file: format!("scenarios/{scenario}.toml"),
        title: format!("the title of {scenario}"),
        source: "seed 003".to_owned(),
        variables: std::collections::BTreeMap::new(),
        repetition: 1,
        seed: 7,
        verdict,
        reason: if verdict == Verdict::Pass { String::new() } else { "the reason".to_owned() },
        started_unix_us: 1_700_000_000_000_000,
        duration_s: 1.25,
        hosts: Vec::new(),
        steps: Vec::new(),
        checks: Vec::new(),
        faults: Vec::new(),
        paths: Vec::new(),
        connections: Vec::new(),
        latencies: Vec::new(),
    }
}

/// A step that wrote this and ended well.
pub(super) fn step(name: &str, action: &str, stdout: &str) -> StepRecord {
    StepRecord {
        name: name.to_owned(),
        host: "host".to_owned(),
        action: action.to_owned(),
        text: format!("colok {name}"),
        line: 12,
        start_s: 0.0,
        end_s: Some(0.5),
        exit: Some(0),
        signal: None,
        error: None,
        timed_out: false,
        stdout: output(stdout),
        stderr: Output::default(),
        events: None,
        event_count: 0,
    }
}

pub(super) fn output(text: &str) -> Output {
    Output {
        bytes: u64::try_from(text.len()).unwrap_or(u64::MAX),
        text: text.to_owned(),
        ..Output::default()
    }
}

/// An expectation of line 23.
pub(super) fn check(step: &str, key: &str, verdict: Verdict) -> Check {
    Check {
        step: step.to_owned(),
        key: key.to_owned(),
        expected: "hello & <goodbye>\n".to_owned(),
        got: "hell\x1b[31mo\n".to_owned(),
        line: 23,
        verdict,
        mutations: Mutations { tried: 2, failed: 2 },
    }
}

/// A fault that was seen once, or never.
pub(super) fn fault(step: &str, proved: bool) -> FaultRecord {
    FaultRecord {
        step: step.to_owned(),
        place: "relay".to_owned(),
        text: "cut=1000".to_owned(),
        start_s: Some(0.1),
        end_s: None,
        proved,
        proof: [("applied".to_owned(), i32::from(proved).into())].into(),
    }
}

/// A run of these cases.
pub(super) fn run(cases: Vec<Case>) -> Run {
    let count = |verdict| {
        let there = cases.iter().filter(|case| case.verdict == verdict).count();
        u32::try_from(there).unwrap_or(u32::MAX)
    };
    let totals = Totals {
        pass: count(Verdict::Pass),
        fail: count(Verdict::Fail),
        invalid: count(Verdict::Invalid),
        unknown: count(Verdict::Unknown),
        skipped: count(Verdict::Skipped),
    };
    Run {
        form: FORM.to_owned(),
        tool: "colok 0.0.0".to_owned(),
        started_unix_us: 1_700_000_000_000_000,
        duration_s: 80.0,
        command: ["colok", "check", "my scenarios"].map(str::to_owned).into(),
        seed: 42,
        machine: Machine {
            name: "box".to_owned(),
            kernel: "6.12.0".to_owned(),
            processors: 2,
            root: true,
        },
        outcome: Outcome::Complete,
        cases,
        totals,
        evidence: Vec::new(),
    }
}

/// A run with every verdict and every kind of trouble.
pub(super) fn troubled() -> Run {
    let mut failed = case("echo[engine=events]", Verdict::Fail);
    failed.steps =
        vec![step("server", "start", "ready\n"), step("ask", "run", "hell\x1b[31mo\n]]>\n")];
    failed.checks =
        vec![check("ask", "stdout", Verdict::Fail), check("ask", "exit", Verdict::Pass)];
    let mut invalid = case("cut", Verdict::Invalid);
    invalid.faults = vec![fault("relay", false)];
    let mut unknown = case("slow#2", Verdict::Unknown);
    unknown.repetition = 2;
    unknown.steps = vec![step("ask", "run", "")];
    unknown.steps[0].timed_out = true;
    let mut skipped = case("multicast", Verdict::Skipped);
    skipped.reason = "no network namespaces: unshare: EPERM".to_owned();
    run(vec![case("echo[engine=threads]", Verdict::Pass), failed, invalid, unknown, skipped])
}
