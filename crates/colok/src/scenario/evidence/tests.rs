//! Folders of evidence: what is made, kept and removed; and records of runs that were killed, cut
//! at every byte.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use super::*;
use crate::scenario::record::{Check, EvidenceFile, FORM, Machine, Mutations, Outcome, StepRecord};
use crate::scenario::run::{Event, Planned};

/// A folder for one test, gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let folder = format!("colok-evidence-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(folder);
        fs::create_dir(&path).expect("the folder is new");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn planned(id: &str) -> Planned {
    Planned {
        id: id.to_owned(),
        scenario: id.to_owned(),
        file: format!("{id}.toml"),
        title: "it answers".to_owned(),
        source: String::new(),
        variables: BTreeMap::new(),
        repetition: 1,
        seed: 9,
        skip: None,
    }
}

fn step(exit: Option<i32>) -> StepRecord {
    StepRecord {
        name: "ask".to_owned(),
        host: "host".to_owned(),
        action: "run".to_owned(),
        text: "colok connect \u{e9}".to_owned(),
        line: 4,
        start_s: 0.25,
        end_s: exit.map(|_| 0.5),
        exit,
        signal: None,
        error: None,
        timed_out: false,
        stdout: output(b"hello\n", Some("cases/a/ask.stdout".to_owned())),
        stderr: output(b"", None),
        events: None,
        event_count: 1,
    }
}

fn check() -> Check {
    Check {
        step: "ask".to_owned(),
        key: "exit".to_owned(),
        expected: "0".to_owned(),
        got: "0".to_owned(),
        line: 5,
        verdict: Verdict::Pass,
        mutations: Mutations { tried: 1, failed: 1 },
    }
}

/// The case of `a` as it ended.
fn ended() -> Case {
    let case = planned("a").case(Verdict::Pass, "", 1_000_000);
    Case { steps: vec![step(Some(0))], checks: vec![check()], duration_s: 0.75, ..case }
}

/// What happens in a run of two cases, of which the first one is whole.
fn happenings() -> Vec<Happening> {
    let skipped = Planned { skip: Some("no python3".to_owned()), ..planned("c") };
    let run = Event::Run {
        form: FORM.to_owned(),
        tool: "colok 1".to_owned(),
        command: vec!["colok".to_owned(), "check".to_owned()],
        seed: 7,
        machine: Machine::default(),
        cases: vec![planned("a"), planned("b"), skipped],
    };
    let started = |step: &str| Event::StepStarted {
        step: step.to_owned(),
        host: "host".to_owned(),
        action: "run".to_owned(),
        text: "colok connect".to_owned(),
    };
    let record = Event::Record { step: "ask".to_owned(), record: json!({"event": "connected"}) };
    let of = |case: &str, time_unix_us, event| Happening {
        time_unix_us,
        case: (!case.is_empty()).then(|| case.to_owned()),
        event,
    };
    vec![
        of("", 500_000, run),
        of("a", 1_000_000, Event::CaseStarted),
        of("a", 1_250_000, started("ask")),
        of("a", 1_300_000, record.clone()),
        of("a", 1_500_000, Event::StepEnded { step: step(Some(0)) }),
        of("a", 1_600_000, Event::Check { check: check() }),
        of("a", 1_750_000, Event::CaseEnded { result: Box::new(ended()) }),
        of("b", 2_000_000, Event::CaseStarted),
        of("b", 2_250_000, started("ask")),
        of("b", 2_500_000, record),
        of("b", 3_000_000, started("again")),
    ]
}

fn written(folder: &mut Folder) -> Vec<u8> {
    for happening in happenings() {
        folder.append(&happening).expect("it can be written");
    }
    fs::read(folder.path().join("run.jsonl")).expect("it is there")
}

fn verdicts(run: &Run) -> Vec<(Verdict, &str)> {
    run.cases.iter().map(|case| (case.verdict, case.reason.as_str())).collect()
}

#[test]
fn a_killed_run_is_told_as_far_as_it_went() {
    let scratch = Scratch::new("killed");
    let mut folder = Folder::create(&scratch.0.join("run")).expect("it is new");
    written(&mut folder);
    let run = recover(folder.path()).expect("it can be read");
    assert_eq!((run.form.as_str(), run.seed, run.outcome), (FORM, 7, Outcome::Killed));
    assert_eq!((run.started_unix_us, run.duration_s), (500_000, 2.5));
    assert_eq!(run.cases[0], ended());
    let expected = [
        (Verdict::Pass, ""),
        (Verdict::Unknown, "the run was killed"),
        (Verdict::Skipped, "no python3"),
    ];
    assert_eq!(verdicts(&run), expected);
    assert_eq!(run.totals, Totals { pass: 1, unknown: 1, skipped: 1, ..Totals::default() });
    let case = &run.cases[1];
    assert_eq!((case.started_unix_us, case.duration_s), (2_000_000, 1.0));
    let steps: Vec<_> = case
        .steps
        .iter()
        .map(|it| (it.name.as_str(), it.start_s, it.end_s, it.event_count))
        .collect();
    assert_eq!(steps, [("ask", 0.25, None, 1), ("again", 1.0, None, 0)]);
}

#[test]
fn a_run_that_ended_is_told_as_it_ended() {
    let scratch = Scratch::new("ended");
    let mut folder = Folder::create(&scratch.0.join("run")).expect("it is new");
    written(&mut folder);
    let event = Event::RunEnded { outcome: Outcome::Interrupted, duration_s: 9.5 };
    let end = Happening { time_unix_us: 10_000_000, case: None, event };
    folder.append(&end).expect("it can be written");
    let run = recover(folder.path()).expect("it can be read");
    assert_eq!((run.outcome, run.duration_s), (Outcome::Interrupted, 9.5));
}

#[test]
fn a_run_cut_at_any_byte_gives_a_record_or_says_that_there_is_none() {
    let scratch = Scratch::new("cut");
    let mut folder = Folder::create(&scratch.0.join("run")).expect("it is new");
    let bytes = written(&mut folder);
    let first = bytes.iter().position(|byte| *byte == b'\n').expect("there are lines");
    let mut known = 0;
    for length in 0..=bytes.len() {
        match recover::read(&bytes[..length]) {
            Err(RecoverError::Nothing) => assert!(length <= first, "{length}"),
            Err(other) => panic!("{length}: {other}"),
            Ok(run) => {
                assert!(length > first, "{length}");
                assert_eq!((run.cases.len(), run.outcome), (3, Outcome::Killed));
                let whole = run.cases.iter().filter(|case| case.verdict == Verdict::Pass).count();
                assert!(whole >= known, "{length}: what was known stays known");
                known = whole;
                let text = serde_json::to_string(&run).expect("it is data");
                let again: Run = serde_json::from_str(&text).expect("it is a record");
                assert_eq!(again, run);
            }
        }
    }
    assert_eq!(known, 1);
}

#[test]
fn what_no_run_writes_is_refused_with_its_line() {
    let lines: Vec<String> = happenings()
        .iter()
        .map(|happening| serde_json::to_string(happening).expect("it is data") + "\n")
        .collect();
    let broken = format!("{}{}x{}", lines[0], lines[1], lines[2]);
    let error = recover::read(broken.as_bytes()).expect_err("it is broken");
    assert!(error.to_string().starts_with("run.jsonl, line 3: "), "{error}");
    assert!(matches!(recover::read(lines[1].as_bytes()), Err(RecoverError::NoRun)));
    let scratch = Scratch::new("none");
    assert!(matches!(recover(&scratch.0), Err(RecoverError::Read(_))));
}

#[test]
fn recovering_twice_is_recovering_once() {
    let scratch = Scratch::new("twice");
    let mut folder = Folder::create(&scratch.0.join("run")).expect("it is new");
    written(&mut folder);
    let path = folder.path();
    let case = case_folder(path, "a").expect("it can be made");
    fs::write(case.join("ask.stdout"), "hello\n").expect("it can be written");
    fs::write(path.join("run.json.new"), "{").expect("it can be written");
    let finished = || {
        let mut run = recover(path).expect("it can be read");
        finish(path, &mut run).expect("it can be written");
        fs::read_to_string(path.join("run.json")).expect("it is there")
    };
    let once = finished();
    assert_eq!(finished(), once);
    let run: Run = serde_json::from_str(&once).expect("it is a record");
    let paths: Vec<&str> = run.evidence.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["cases/a/ask.stdout", "run.jsonl"]);
    let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03".to_owned();
    let path = "cases/a/ask.stdout".to_owned();
    assert_eq!(run.evidence[0], EvidenceFile { path, bytes: 6, sha256 });
}

#[test]
fn a_folder_must_be_new_or_empty() {
    let scratch = Scratch::new("folder");
    let path = scratch.0.join("deep/run");
    let made = Folder::create(&path).expect("it is new");
    let permissions = fs::metadata(made.path()).expect("it is there").permissions().mode();
    assert_eq!(permissions & 0o7777 & !0o755, 0, "{permissions:o}");
    let error = Folder::create(&path).expect_err("it is not empty");
    assert_eq!(error.kind(), io::ErrorKind::DirectoryNotEmpty);
    fs::write(scratch.0.join("file"), "").expect("it can be written");
    assert!(Folder::create(&scratch.0.join("file")).is_err());
    let empty = scratch.0.join("empty");
    fs::create_dir(&empty).expect("it is new");
    Folder::create(&empty).expect("it is empty");
}

#[test]
fn only_the_latest_runs_are_kept_and_nothing_else_is_removed() {
    let scratch = Scratch::new("kept");
    let parent = scratch.0.join("colok-check");
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let mine = ["mine", "2020-01-01T000000Z", "1970-01-01T000000Z-x"];
    for name in mine {
        fs::create_dir_all(parent.join(name)).expect("it is new");
    }
    fs::write(parent.join(mine[0]).join("run.jsonl"), "").expect("it can be written");
    let names: Vec<String> = (0..14)
        .map(|number| {
            // Two runs begin in each second.
            let folder = Folder::new_in(&parent, at(number / 2)).expect("it is new");
            folder.path().file_name().expect("it has a name").to_string_lossy().into_owned()
        })
        .collect();
    assert_eq!(names[..3], ["1970-01-01T000000Z", "1970-01-01T000000Z-2", "1970-01-01T000001Z"]);
    let is_there = |name: &String| parent.join(name).exists();
    assert_eq!(names.iter().filter(|name| is_there(name)).count(), 10);
    assert!(names[4..].iter().all(is_there));
    assert!(mine.iter().all(|name| parent.join(name).exists()));
    let latest = fs::read_link(parent.join("latest")).expect("it is a link");
    assert_eq!(latest.to_string_lossy(), names[13]);
}

#[test]
fn something_else_called_latest_stays() {
    let scratch = Scratch::new("latest");
    let latest = scratch.0.join("latest");
    fs::write(&latest, "mine").expect("it can be written");
    Folder::new_in(&scratch.0, UNIX_EPOCH).expect("it is new");
    assert_eq!(fs::read(&latest).expect("it is there"), b"mine");
}

#[test]
fn names_of_files_are_safe_and_different() {
    assert_eq!(file_name("echo[engine=events,n=2]#3"), "echo[engine=events,n=2]#3");
    assert_eq!(file_name("../a b\u{e9}\0%"), "%2E.%2Fa%20b%C3%A9%00%25");
    assert_eq!(file_name("."), "%2E");
    assert_ne!(file_name(""), "");
    let (long, longer) = ("a".repeat(300), "a".repeat(301));
    assert!(file_name(&long).len() <= 200);
    assert_ne!(file_name(&long), file_name(&longer));
}

#[test]
fn outputs_are_printable_and_short() {
    let long = "\u{e9}".repeat(SHOWN_BYTES);
    let shown = output(long.as_bytes(), None);
    assert!(shown.shortened && shown.text.len() <= SHOWN_BYTES && !shown.text.contains('\\'));
    let shown = output(b"a\n\x1b[31mb\n", Some("f".to_owned()));
    assert_eq!(shown.text, "a\n\\u{1b}[31mb\n");
    assert_eq!((shown.bytes, shown.shortened, shown.file.as_deref()), (9, false, Some("f")));
    assert_eq!(shown.blake3, blake3::hash(b"a\n\x1b[31mb\n").to_hex().as_str());
    assert_eq!(output(b"", None), Output::default());
}
