//! Signals and the proof of their effect.

use colok::scenario::agent::{Answer, Order, signal_names};
use serde_json::json;

use super::{Body, Local, number_in, shell, until, words};

pub(super) const BODIES: &[Body] = &[
    ("a_killed_program_is_gone", a_killed_program_is_gone),
    ("a_stopped_program_stands_still_until_continued", a_stopped_program_stands_still),
    ("a_signal_reaches_the_whole_group", a_signal_reaches_the_whole_group),
    ("a_signal_that_comes_too_late_proves_nothing", a_signal_that_comes_too_late),
    ("every_signal_has_its_name_at_the_end", every_signal_has_its_name_at_the_end),
];

/// Sends a signal to step 1; returns whether its effect was proved, and what was seen.
fn signal(local: &mut Local, name: &str) -> (bool, serde_json::Value) {
    local.asked += 1;
    let ask = local.asked;
    local.order(&Order::Signal { ask, step: 1, name: name.into() });
    match local.answer(ask).expect("a proof") {
        Answer::Proof { proved, seen } => (proved, json!(seen)),
        other => panic!("{other:?}"),
    }
}

fn a_killed_program_is_gone() {
    let mut local = Local::start();
    let process = local.run(&words(&["sleep", "600"]));
    let (proved, seen) = signal(&mut local, "KILL");
    assert!(proved && seen["ended_by"] == "KILL", "{seen}");
    assert!(!super::lives(process));
    let ended = local.ended(1);
    assert_eq!((ended.exit, ended.signal.as_deref()), (None, Some("KILL")));
}

fn a_stopped_program_stands_still() {
    let mut local = Local::start();
    local.run(&words(&["sleep", "600"]));
    let (proved, seen) = signal(&mut local, "STOP");
    assert!(proved && seen["state"] == "T", "{seen}");
    let (proved, seen) = signal(&mut local, "CONT");
    assert!(proved && seen["state"] != "T", "{seen}");
    // A stopped one is killed too.
    assert!(signal(&mut local, "STOP").0 && signal(&mut local, "KILL").0);
    assert_eq!(local.ended(1).signal.as_deref(), Some("KILL"));
}

fn a_signal_reaches_the_whole_group() {
    let mut local = Local::start();
    local.run(&shell("sleep 600 & echo $! > child; wait"));
    let child = number_in(&local.folder().join("child"));
    let (proved, seen) = signal(&mut local, "TERM");
    assert!(proved && seen["delivered"] == true, "{seen}");
    assert_eq!(local.ended(1).signal.as_deref(), Some("TERM"));
    until("the end of the child", || !super::lives(child));
}

fn a_signal_that_comes_too_late() {
    let mut local = Local::start();
    local.run_to_end(&words(&["true"]));
    for name in ["KILL", "STOP", "CONT", "TERM"] {
        let (proved, seen) = signal(&mut local, name);
        assert!(!proved && seen["delivered"] == false && seen["exit"] == 0, "{seen}");
    }
    local.order(&Order::Signal { ask: 50, step: 1, name: "SIGTERM".into() });
    assert!(local.answer(50).is_err());
    local.order(&Order::Signal { ask: 51, step: 2, name: "TERM".into() });
    assert!(local.answer(51).is_err());
}

fn every_signal_has_its_name_at_the_end() {
    let mut local = Local::start();
    let harmless = ["CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "WINCH"];
    let deadly = signal_names().filter(|name| !harmless.contains(name));
    for (step, name) in (1..).zip(deadly) {
        let mut start = words(&["sleep", "600"]);
        start.step = step;
        local.run(&start);
        local.order(&Order::Signal { ask: 1000 + step, step, name: name.into() });
        assert_eq!(local.ended(step).signal.as_deref(), Some(name));
    }
}
