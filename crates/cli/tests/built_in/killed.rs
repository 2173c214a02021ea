//! A runner that is killed in the middle leaves the evidence, from which a record is made, and
//! nothing else: no process, no namespace, no mount, no link, no rule, no temporary file.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::readers;
use crate::remains::Before;
use crate::support::{
    Folder, cases, has_namespaces, is_full, is_root, random, scenarios, wait_until,
};

/// How long a run may take to come to a moment.
const COMING: Duration = Duration::from_mins(3);

#[test]
fn nothing_is_left_but_the_evidence() {
    if !is_root() || !has_namespaces() {
        return;
    }
    let mut killed = 0;
    let wanted = if is_full() { 20 } else { 3 };
    for attempt in 0.. {
        assert!(attempt < 10 * wanted, "the runs end before they are killed");
        killed += usize::from(kill_one());
        if killed == wanted {
            return;
        }
    }
}

/// Kills a run at a moment that nobody foresees; false when it had ended by then.
fn kill_one() -> bool {
    let (names, line) = (some_scenarios(8), 1 + random(150));
    println!("killed at line {line} of {names:?}");
    let folder = Folder::new();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let flags = ["--quiet", "--jobs", "3", "--keep", "kept"];
    let mut program = folder.command(&[&flags[..], &names].concat());
    let before = Before::new(&mut program);
    let mut child = start(program);
    let runner = i32::try_from(child.id()).expect("it is a pid");
    let ended = |child: &mut Child| child.try_wait().expect("it is our child").is_some();
    wait_until("a line of the record", COMING, || {
        folder.lines("kept") >= line || ended(&mut child)
    });
    // Not only right after something was written.
    std::thread::park_timeout(Duration::from_millis(random(40) as u64));
    let moment = before.moment(runner);
    if ended(&mut child) {
        return false;
    }
    kill(runner);
    child.wait().expect("it is our child");
    before.wait_until_gone(&moment, &folder);
    assert!(moment.processes.contains_key(&runner), "{moment:?}");
    recover(&folder);
    true
}

/// The evidence of a killed run becomes a record like any other, which claims nothing more.
fn recover(folder: &Folder) {
    let output = folder.check(&["--recover", "kept", "--json"]);
    assert!(matches!(output.code, Some(3 | 5)), "{output:?}");
    let run = folder.run("kept");
    let printed: Value = serde_json::from_slice(&output.out).expect("it is JSON");
    assert_eq!((&run, &run["outcome"]), (&printed, &"killed".into()));
    let of = |verdict: &str| cases(&run).iter().filter(|it| it["verdict"] == verdict).count();
    assert!(of("unknown") > 0, "a case was under way or to come: {run}");
    for case in cases(&run).iter().filter(|case| case["verdict"] == "unknown") {
        assert!(case["reason"].as_str().is_some_and(|it| it.contains("killed")), "{case}");
    }
    assert!(!fs::read_to_string(folder.path("kept/report.html")).expect("it is there").is_empty());
    readers::check_folder(&folder.path("kept"));
}

/// The names of some of the built-in scenarios, in any order.
fn some_scenarios(count: usize) -> Vec<String> {
    let mut all: Vec<_> = scenarios().into_iter().map(|(name, _)| name).collect();
    (0..count).map(|_| all.swap_remove(random(all.len()))).collect()
}

/// Starts a program whose output nobody reads.
pub(crate) fn start(mut program: Command) -> Child {
    program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    program.spawn().expect("the program starts")
}

/// Kills a process as nothing can prevent.
pub(crate) fn kill(pid: i32) {
    let pid = Pid::from_raw(pid).expect("it is a pid");
    kill_process(pid, Signal::KILL).expect("it runs");
}
