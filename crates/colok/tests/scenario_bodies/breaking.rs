//! Faults: each is proved, or the case is invalid, whatever its expectations say.

use colok::scenario::record::Verdict;

use super::support::{Folder, LOCAL, demand, options, run_told, steps};

const SIGNALS: &str = "[[step]]\nname = \"sleeper\"\nstart = \"sleep 300\"\n\
    [[step]]\nname = \"halt\"\nfault = { signal = { to = \"sleeper\", name = \"STOP\" } }\n\
    [[step]]\nfault = { signal = { to = \"sleeper\", name = \"CONT\" } }\n\
    [[step]]\nfault = { signal = { to = \"sleeper\", name = \"KILL\" } }\n";

pub(super) fn signals_are_proved() {
    let wait = "[[step]]\nwait = \"sleeper\"\nexpect = { signal = \"KILL\" }\n";
    let case = steps(&format!("{SIGNALS}{wait}"));
    demand(&case, Verdict::Pass, "");
    let ends: Vec<_> = case.faults.iter().map(|fault| fault.end_s.is_some()).collect();
    assert_eq!(ends, [true, true, false], "what was stopped goes on; what was killed does not");
    assert!(case.faults.iter().all(|fault| fault.proved && !fault.proof.is_empty()), "{case:#?}");
    // Who is stopped at the end of a case is ended all the same.
    let stopped = SIGNALS.split("[[step]]").take(3).collect::<Vec<_>>().join("[[step]]");
    let stop = "[[step]]\nstop = \"sleeper\"\nexpect = { signal = \"TERM\" }\n";
    demand(&steps(&format!("{stopped}{stop}")), Verdict::Pass, "");
}

pub(super) fn off_is_invalid() {
    let folder = Folder::new();
    let stop = "[[step]]\nstop = \"sleeper\"\nexpect = { signal = \"TERM\" }\n";
    let text = format!("{LOCAL}{SIGNALS}{stop}");
    let mut options = options(&[&text], &folder);
    options.faults_off = true;
    let (run, _) = run_told(&options);
    demand(&run.cases[0], Verdict::Invalid, "not proved");
    assert_eq!(run.cases[0].faults.len(), 3);
    assert!(run.cases[0].faults.iter().all(|fault| !fault.proved && fault.start_s.is_none()));
}

pub(super) fn never_began_is_invalid() {
    // The server is not ready, so the fault is never made; that is not why it failed.
    let broken_off = "[[step]]\nname = \"x\"\nstart = \"false\"\nready = { prints = \"up*\" }\n\
        [[step]]\nfault = { signal = { to = \"x\", name = \"KILL\" } }\n";
    let case = steps(broken_off);
    demand(&case, Verdict::Fail, "x: ready");
    assert!(!case.faults[0].proved && case.faults[0].start_s.is_none());
    // A signal to what has ended has no effect.
    let case = steps(
        "[[step]]\nname = \"x\"\nstart = \"true\"\n[[step]]\nwait = \"x\"\nexpect = { exit = 0 }\n\
        [[step]]\nfault = { signal = { to = \"x\", name = \"KILL\" } }\n",
    );
    demand(&case, Verdict::Invalid, "not proved");
}

pub(super) fn descriptors_and_rights_are_proved() {
    let case = steps(
        "[[step]]\nname = \"few\"\ndescriptors = 20\nunprivileged = true\n\
        run = \"colok get\"\nexpect = { exit = 24 }\n",
    );
    demand(&case, Verdict::Pass, "");
    let texts: Vec<_> = case.faults.iter().map(|fault| fault.text.as_str()).collect();
    assert_eq!(texts, ["at most 20 descriptors", "without the rights of root"]);
    // A limit that was never met proves nothing.
    let case = steps(
        "[[step]]\nname = \"few\"\ndescriptors = 20\nrun = \"true\"\nexpect = { exit = 0 }\n",
    );
    demand(&case, Verdict::Invalid, "at most 20 descriptors");
}

pub(super) fn an_address_is_held() {
    let case = steps(
        "[[step]]\nname = \"hold\"\n\
        fault = { hold_address = { host = \"alone\", address = \"tcp://127.0.0.1:{port}\" } }\n\
        [[step]]\nrun = \"colok reach {port}\"\nexpect = { exit = 0 }\n\
        [[step]]\nclear = \"hold\"\n\
        [[step]]\nrun = \"colok reach {port}\"\nexpect = { exit = 1 }\n",
    );
    demand(&case, Verdict::Pass, "");
    assert!(case.faults[0].end_s.is_some(), "{:?}", case.faults);
}

/// A server, a relay with this text, and a client that asks through it.
fn relayed(relay: &str, rest: &str) -> String {
    format!(
        "[[step]]\nname = \"serve\"\nstart = \"colok serve tcp://127.0.0.1:{{port.server}}\"\n\
        [[step]]\nname = \"relay\"\n[step.relay]\nlisten = \"tcp://127.0.0.1:{{port.relay}}\"\n\
        target = \"tcp://127.0.0.1:{{port.server}}\"\n{relay}{rest}"
    )
}

const ASK: &str =
    "[[step]]\nrun = \"colok connect tcp://127.0.0.1:{port.relay}\"\nstdin = \"hello\\n\"\n";

pub(super) fn relay_faults_are_counted() {
    let case = steps(&relayed(
        "faults = [{ cut = 2, direction = \"down\" }]\n",
        &format!(
            "{ASK}expect = {{ stdout = \"he\" }}\n\
            [[step]]\nclear = \"relay\"\n{ASK}expect = {{ stdout = \"hello\\n\" }}\n\
            [[step]]\nname = \"worse\"\nfault = {{ relay = {{ of = \"relay\", faults = [\
            {{ corrupt = 0, direction = \"up\" }}, {{ cut = 3, direction = \"down\" }}] }} }}\n\
            {ASK}expect = {{ stdout_bytes = 3 }}\n"
        ),
    ));
    demand(&case, Verdict::Pass, "");
    let faults = case.faults.iter();
    let found: Vec<_> = faults.map(|fault| (fault.step.as_str(), fault.end_s.is_some())).collect();
    assert_eq!(found, [("relay", true), ("worse", false), ("worse", false)]);
    assert!(case.faults.iter().all(|fault| fault.proof["applied"] == 1), "{:#?}", case.faults);
}

pub(super) fn idle_relay_fault_is_invalid() {
    let fault = "faults = [{ cut = 1000, direction = \"down\" }]\n";
    let case = steps(&relayed(fault, &format!("{ASK}expect = {{ stdout = \"hello\\n\" }}\n")));
    demand(&case, Verdict::Invalid, "cut=1000");
    assert_eq!(case.faults[0].proof["applied"], 0);
}
