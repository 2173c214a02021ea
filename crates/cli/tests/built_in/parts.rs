//! A part of a run that is killed, whichever it is, makes its own case invalid; the run goes on,
//! and nothing of that part is left.

use std::time::Duration;

use serde_json::Value;

use crate::killed::{kill, start};
use crate::remains::{Before, Moment, command_line};
use crate::support::{Folder, cases, has_namespaces, is_root, wait_until};

/// How long anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A scenario that would take an hour, on two hosts.
const ENDLESS: &str = r#"
title = "A program that takes its time"
time_limit = "1h"
[hosts.server]
[hosts.client]

[[step]]
name = "server"
host = "server"
start = "colok serve echo=tcp://{server}:5001"

[[step]]
name = "endless"
host = "client"
run = "sleep 3600"
time_limit = "1h"
expect.exit = 0
"#;

/// One that passes at once.
const PASSING: &str = r#"
title = "A program prints what it is told"
[hosts.one]
[hosts.two]

[[step]]
name = "say"
host = "two"
run = "echo hello"
expect = { exit = 0, stdout = "hello\n" }
"#;

#[test]
fn the_outer_process_of_a_world() {
    kill_part("__world", ENDLESS);
}

#[test]
fn the_first_process_of_a_world() {
    kill_part("__init", ENDLESS);
}

#[test]
fn the_agent_of_a_host() {
    kill_part("__agent", ENDLESS);
}

#[test]
fn the_agent_of_this_computer() {
    let local = "[hosts.server]\nkind = \"local\"\n[hosts.client]\nkind = \"local\"\n";
    kill_part(
        "__agent",
        &ENDLESS
            .replace("[hosts.server]\n[hosts.client]\n", local)
            .replace("{server}:5001", "127.0.0.1:{port}"),
    );
}

/// Kills the part while the endless step runs.
fn kill_part(part: &str, endless: &str) {
    if !is_root() || !has_namespaces() {
        return;
    }
    let folder = Folder::with(&[("a-endless", endless), ("b-passes", PASSING)]);
    let mut program =
        folder.command(&["a-endless.toml", "b-passes.toml", "--jobs", "1", "--keep", "kept"]);
    let before = Before::new(&mut program);
    let mut child = start(program);
    let runner = i32::try_from(child.id()).expect("it is a pid");
    let mut moment = Moment::default();
    let mut found = Vec::new();
    wait_until("the endless step runs", PATIENCE, || {
        assert!(child.try_wait().expect("it is our child").is_none(), "it has ended");
        moment = before.moment(runner);
        let is = |pid: &&i32, word: &str| command_line(**pid).split(' ').any(|it| it == word);
        found = moment.processes.keys().filter(|pid| is(pid, part)).copied().collect();
        !found.is_empty() && moment.processes.keys().any(|pid| is(&pid, "3600"))
    });
    let networks = !endless.contains("local");
    assert!(before.is_there(&moment, &folder, networks), "nothing is seen of it: {moment:?}");
    kill(found[0]);
    let mut code = None;
    wait_until("the run ends", PATIENCE, || {
        code = child.try_wait().expect("it is our child");
        code.is_some()
    });
    let run = folder.run("kept");
    let verdicts: Vec<&Value> = cases(&run).iter().map(|case| &case["verdict"]).collect();
    assert_eq!(verdicts, ["invalid", "pass"], "{run}");
    assert_eq!(code.and_then(|code| code.code()), Some(5), "{run}");
    before.wait_until_gone(&moment, &folder);
}
