//! Programs that stay, and time: what is waited for, and what becomes of a case when it is over.

use std::time::Instant;

use colok::scenario::record::{Outcome, Verdict};
use colok::scenario::run::{self, Event};
use colok::server::Stop;

use super::support::{Folder, LOCAL, NoBook, demand, options, run_told, steps};

const SLEEPER: &str = "[[step]]\nname = \"sleeper\"\nstart = \"sh -c 'echo up; exec sleep 300'\"\n";

pub(super) fn a_wait_ends_when_it_holds() {
    let case = steps(&format!(
        "{SLEEPER}[[step]]\nwait = \"sleeper\"\nexpect = {{ stdout = \"up\\n\" }}\n\
        [[step]]\nrun = \"touch made\"\n\
        [[step]]\nwait = \"sleeper\"\n[[step.expect.files]]\npath = \"made\"\n\
        [[step]]\nstop = \"sleeper\"\nexpect = {{ signal = \"TERM\" }}\n"
    ));
    demand(&case, Verdict::Pass, "");
    let signals: Vec<_> = case.steps.iter().filter_map(|step| step.signal.as_deref()).collect();
    assert_eq!(signals, ["TERM"]);
}

pub(super) fn a_wait_that_runs_out_is_unknown() {
    let case = steps(&format!(
        "{SLEEPER}[[step]]\nwait = \"sleeper\"\ntime_limit = \"200ms\"\n\
        expect = {{ stdout_like = \"*never*\" }}\n"
    ));
    demand(&case, Verdict::Unknown, "");
    assert!(case.steps.iter().any(|step| step.action == "wait" && step.timed_out), "{case:#?}");
    let case = steps(&format!("{SLEEPER}[[step]]\nwait = \"sleeper\"\ntime_limit = \"100ms\"\n"));
    demand(&case, Verdict::Unknown, "time ran out");
}

pub(super) fn a_wait_with_a_time_fails() {
    let case = steps(&format!(
        "{SLEEPER}[[step]]\nwait = \"sleeper\"\ntime_limit = \"200ms\"\n\
        expect = {{ stdout_like = \"*never*\", time = \"..100ms\" }}\n"
    ));
    demand(&case, Verdict::Fail, "wait-2");
}

pub(super) fn too_long_is_unknown() {
    let case = steps(
        "[[step]]\nrun = \"sh -c 'echo hi; exec sleep 300'\"\ntime_limit = \"300ms\"\n\
        expect = { exit = 0 }\n",
    );
    demand(&case, Verdict::Unknown, "");
    assert!(case.steps[0].timed_out && case.steps[0].signal.as_deref() == Some("KILL"));
    assert_eq!(case.steps[0].stdout.bytes, 3);
}

pub(super) fn too_long_fails_on_time() {
    let case = steps(
        "[[step]]\nrun = \"sleep 300\"\ntime_limit = \"300ms\"\nexpect = { time = \"..200ms\" }\n",
    );
    demand(&case, Verdict::Fail, "time");
}

pub(super) fn a_case_too_long_is_unknown() {
    let folder = Folder::new();
    let text = format!(
        "time_limit = \"500ms\"\n{LOCAL}{SLEEPER}expect = {{ exit = 0 }}\n\
        [[step]]\npause = \"100s\"\n"
    );
    let began = Instant::now();
    let (run, _) = run_told(&options(&[&text], &folder));
    demand(&run.cases[0], Verdict::Unknown, "time of the case ran out");
    assert!(began.elapsed().as_secs() < 60, "it was broken off");
    let sleeper = &run.cases[0].steps[0];
    assert_eq!((sleeper.name.as_str(), sleeper.stdout.bytes), ("sleeper", 3));
}

pub(super) fn ends_before_ready_fails() {
    let case = steps(
        "[[step]]\nstart = \"sh -c 'echo sorry >&2; exit 3'\"\nready = { prints = \"*up*\" }\n\
        [[step]]\nrun = \"touch never\"\nexpect = { exit = 0 }\n",
    );
    demand(&case, Verdict::Fail, "exit code 3: sorry");
    assert_eq!(case.steps.len(), 1, "what needs the server is not tried");
    let case = steps("[[step]]\nstart = \"no-such-program-here\"\n");
    demand(&case, Verdict::Fail, "start-1: ready");
}

pub(super) fn ready_when_it_listens() {
    let case = steps(
        "[[step]]\nname = \"late\"\nstart = \"colok listen {port}\"\n\
        ready = { listens = \"{port}\" }\n\
        [[step]]\nrun = \"colok reach {port}\"\nexpect = { exit = 0 }\n",
    );
    demand(&case, Verdict::Pass, "");
}

pub(super) fn ignoring_the_end_is_killed() {
    let case = steps(
        "[[step]]\nname = \"deaf\"\nready = { prints = \"up*\" }\n\
        start = ['sh', '-c', 'trap \"\" TERM; echo up; while :; do sleep 0.1; done']\n\
        [[step]]\nstop = \"deaf\"\ntime_limit = \"300ms\"\nexpect = { signal = \"KILL\" }\n",
    );
    demand(&case, Verdict::Unknown, "time ran out");
    assert_eq!(case.checks[0].verdict, Verdict::Pass, "{case:#?}");
}

pub(super) fn a_stopped_run_breaks_off() {
    let text = format!(
        "{LOCAL}[[step]]\nrun = \"sleep 300\"\ntime_limit = \"300s\"\nexpect = {{ exit = 0 }}\n"
    );
    let folder = Folder::new();
    let options = options(&[&text, &text], &folder);
    let stop = Stop::new().expect("there is a descriptor");
    let run = run::run(&options, &NoBook, &stop, &mut |happening| {
        if matches!(happening.event, Event::StepStarted { .. }) {
            stop.drain();
        }
    });
    let run = run.expect("it can be run");
    assert_eq!(run.outcome, Outcome::Interrupted);
    demand(&run.cases[0], Verdict::Unknown, "interrupted");
    demand(&run.cases[1], Verdict::Skipped, "not started");
    assert_eq!(run.cases[0].steps.len(), 1, "what was done is on record");
}

pub(super) fn a_killed_agent_is_no_verdict() {
    let case =
        steps("[[step]]\nrun = ['sh', '-c', 'kill -9 $PPID; sleep 300']\nexpect = { exit = 0 }\n");
    demand(&case, Verdict::Invalid, "agent of alone");
    assert_eq!(case.steps.len(), 1);
}
