//! Ctrl-C: what runs is broken off, and what is known is written.

use std::process::Child;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{PATIENCE, gather};
use crate::support::{Folder, PASSING, object, verdicts};

/// A scenario that takes an hour.
const ENDLESS: &str = r#"
title = "A program that takes its time"
time_limit = "1h"
hosts.host.kind = "local"

[[step]]
name = "slow"
run = "sleep 3600"
time_limit = "1h"
expect.exit = 0
"#;

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("it has a pid");
    kill_process(pid, signal).expect("it runs");
}

/// Waits until the endless step runs, as the record of what happens tells it.
fn until_it_runs(folder: &Folder) {
    let start = Instant::now();
    let file = folder.path("kept/run.jsonl");
    loop {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if text.lines().any(|line| line.contains("step-started") && line.contains("slow")) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "it never began: {text}");
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
}

#[test]
fn the_first_breaks_off_and_leaves_a_record() {
    let folder =
        Folder::with(&[("a-passes", PASSING), ("b-endless", ENDLESS), ("c-later", ENDLESS)]);
    let child = folder.start(&[".", "--json", "--jobs", "1", "--keep", "kept"]);
    until_it_runs(&folder);
    signal(&child, Signal::INT);
    let output = gather(child);
    let run = object(&output);
    assert_eq!((&run["outcome"], output.code), (&"interrupted".into(), Some(130)), "{output:?}");
    let verdicts = verdicts(&run);
    let of = |id: &str| verdicts.iter().find(|(it, _)| it == id).map(|(_, word)| word.as_str());
    assert_eq!(of("a-passes"), Some("pass"), "{run}");
    assert!(matches!(of("b-endless"), Some("unknown" | "skipped")), "{run}");
    assert!(matches!(of("c-later"), None | Some("unknown" | "skipped")), "{run}");
    for name in ["run.json", "report.html", "report.md", "junit.xml"] {
        assert!(folder.path("kept").join(name).is_file(), "{name}");
    }
}

#[test]
fn the_summary_says_that_it_was_broken_off() {
    let folder = Folder::with(&[("b-endless", ENDLESS)]);
    let child = folder.start(&["b-endless.toml", "--quiet", "--keep", "kept"]);
    until_it_runs(&folder);
    signal(&child, Signal::TERM);
    let output = gather(child);
    assert_eq!(output.code, Some(130), "{output:?}");
    assert!(output.text().contains("The run was broken off"), "{output:?}");
}

#[test]
fn the_second_does_not_wait_for_programs() {
    // It heeds no signal that it can ignore.
    let deaf = ["sh", "-c", "trap '' TERM INT HUP; while :; do sleep 1; done"];
    let deaf = ENDLESS.replace("\"sleep 3600\"", &format!("{deaf:?}"));
    let folder = Folder::with(&[("deaf", &deaf)]);
    let child = folder.start(&["deaf.toml", "--json", "--keep", "kept"]);
    until_it_runs(&folder);
    signal(&child, Signal::INT);
    // Two of them at the same time count as one.
    until_taken(&child);
    signal(&child, Signal::INT);
    let output = gather(child);
    assert_eq!(output.code, Some(130), "{output:?}");
    assert_eq!(object(&output)["outcome"], "interrupted", "{output:?}");
}

/// Waits until no SIGINT is pending, as the kernel tells it.
fn until_taken(child: &Child) {
    let start = Instant::now();
    loop {
        let path = format!("/proc/{}/status", child.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let set = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
        let set = set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0);
        if set & (1 << (Signal::INT.as_raw() - 1)) == 0 {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "it does not take signals");
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
}
