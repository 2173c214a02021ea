//! Programs that have less, and the proof of it.

use colok::scenario::agent::{Order, Start, Word};
use serde_json::json;

use super::{Body, Local, shell, words};

pub(super) const BODIES: &[Body] = &[
    ("a_program_that_reaches_its_limit_proves_it", a_program_that_reaches_its_limit),
    ("a_limit_that_is_not_reached_is_not_proved", a_limit_that_is_not_reached),
    ("an_unprivileged_program_has_no_capability", an_unprivileged_program),
    ("a_limited_program_that_is_not_there_tells", a_limited_program_that_is_not_there),
];

fn a_program_that_reaches_its_limit() {
    let mut local = Local::start();
    let start = Start { descriptors: Some(40), ..words(&["colok", "descriptors"]) };
    local.run(&start);
    // It is counted before its words are told.
    local.wait(|word| matches!(word, Word::Output { .. }).then_some(()));
    local.order(&Order::Signal { ask: 1, step: 1, name: "KILL".into() });
    let ended = local.ended(1);
    // Three of them are its standard streams; what it says at its end is `EMFILE`.
    assert_eq!(String::from_utf8_lossy(&ended.stdout), "37 Some(24)\n");
    let wanted = json!({ "limit": 40, "most_open": 40, "proved": true });
    assert_eq!(ended.proofs["descriptors"], wanted);
}

fn a_limit_that_is_not_reached() {
    let mut local = Local::start();
    let start = Start { descriptors: Some(40), ..words(&["sleep", "0.2"]) };
    let ended = local.run_to_end(&start);
    let proof = &ended.proofs["descriptors"];
    assert_eq!((&proof["limit"], &proof["proved"]), (&json!(40), &json!(false)), "{proof}");
    assert_eq!(ended.exit, Some(0));
}

fn an_unprivileged_program() {
    let mut local = Local::start();
    let script = "grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status";
    let ended = local.run_to_end(&Start { unprivileged: true, ..shell(script) });
    let proof = &ended.proofs["unprivileged"];
    let wanted = json!({ "effective": "0000000000000000", "proved": true });
    assert_eq!(proof, &wanted);
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(
        said.contains("CapEff:\t0000000000000000") && said.contains("NoNewPrivs:\t1"),
        "{said}"
    );
    // Nobody else has less by that.
    let ended = local.run_to_end(&Start { step: 2, ..shell("grep NoNewPrivs /proc/self/status") });
    assert_eq!(ended.proofs.len(), 0);
    let own = std::fs::read_to_string("/proc/self/status").expect("it is there");
    let line = own.lines().find(|line| line.starts_with("NoNewPrivs")).expect("a line");
    assert_eq!(String::from_utf8_lossy(&ended.stdout).trim_end(), line);
}

fn a_limited_program_that_is_not_there() {
    let mut local = Local::start();
    let start = Start { unprivileged: true, ..words(&["/no/such/program"]) };
    let ended = local.run_to_end(&start);
    assert_eq!(ended.exit, Some(127));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("/no/such/program"));
    assert!(!local.words.iter().any(|word| matches!(word, Word::Failed { .. })));
}
