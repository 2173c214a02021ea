//! Running a scenario from its text, in a folder that goes with the test.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use colok::scenario::judge::Book;
use colok::scenario::read::Source;
use colok::scenario::record::{Case, Run, Verdict};
use colok::scenario::run::{self, Event, Happening, Options, RunError};
use colok::server::Stop;

/// A host that is this computer itself, under the scenario's title.
pub(super) const LOCAL: &str = "title = \"t\"\n[hosts.alone]\nkind = \"local\"\n";

/// No messages; one id panics.
pub(super) struct NoBook;

impl Book for NoBook {
    fn patterns(&self, id: &str, _: &str) -> Option<Vec<String>> {
        assert!(id != "panic", "the book was asked to panic");
        None
    }

    fn ids(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A folder that is removed with all that is in it.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("colok-scenarios-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).expect("a folder can be made");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Options for scenarios `a`, `b`, `c`... with these texts.
pub(super) fn options(texts: &[&str], folder: &Folder) -> Options {
    let sources = texts.iter().zip('a'..).map(|(text, name)| Source {
        name: name.to_string(),
        file: format!("{name}.toml"),
        text: (*text).to_owned(),
        folder: None,
    });
    Options {
        sources: sources.collect(),
        only: Vec::new(),
        repeat: 1,
        seed: 1,
        jobs: 1,
        faults_off: false,
        folder: folder.0.clone(),
        command: vec!["test".to_owned()],
        tool: "test".to_owned(),
    }
}

/// Runs, and gives all that was told.
pub(super) fn run_told(options: &Options) -> (Run, Vec<Happening>) {
    let mut told = Vec::new();
    let stop = Stop::new().expect("there is a descriptor");
    let run = run::run(options, &NoBook, &stop, &mut |happening| told.push(happening.clone()));
    (run.unwrap_or_else(|error| panic!("{error}: {}", problems(&error))), told)
}

/// What is wrong with scenario files, as text.
pub(super) fn problems(error: &RunError) -> String {
    let RunError::Files(problems) = error else { return error.to_string() };
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Runs one scenario with one case.
pub(super) fn case(text: &str) -> Case {
    let folder = Folder::new();
    let mut run = run_told(&options(&[text], &folder)).0;
    assert_eq!(run.cases.len(), 1, "{run:#?}");
    run.cases.remove(0)
}

/// Runs steps on this computer itself.
pub(super) fn steps(steps: &str) -> Case {
    case(&format!("{LOCAL}{steps}"))
}

/// Demands a verdict, and that its reason has these words.
pub(super) fn demand(case: &Case, verdict: Verdict, reason: &str) {
    assert_eq!(case.verdict, verdict, "{case:#?}");
    assert!(case.reason.contains(reason), "{:?} has no {reason:?}\n{case:#?}", case.reason);
    if verdict == Verdict::Pass {
        assert_eq!(case.reason, "");
    }
}

/// The name of an event, as `run.jsonl` has it.
pub(super) fn name(event: &Event) -> String {
    let json = serde_json::to_value(event).expect("it is JSON");
    json["event"].as_str().unwrap_or_default().to_owned()
}
