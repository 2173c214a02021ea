//! Folders with runs of `colok check` in them, long ones too, and what is here to test with.

use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{Output, command, wait};

/// How long a run of many scenarios may take on a machine that does much else.
const RUN_PATIENCE: Duration = Duration::from_mins(9);

/// Whether the long versions of tests are asked for.
pub(crate) fn is_full() -> bool {
    std::env::var_os("COLOK_TEST_FULL").is_some_and(|value| !value.is_empty())
}

/// The folder of the project.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The built-in scenarios, as files: name and text, in the order of names.
pub(crate) fn scenarios() -> Vec<(String, String)> {
    let entries = fs::read_dir(project().join("scenarios")).expect("they are there");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    let mut all: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| {
            let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("it can be read"))
        })
        .collect();
    all.sort();
    all
}

/// A number that nobody foresees, for tests that are to be different each time.
pub(crate) fn random(below: usize) -> usize {
    let number = std::hash::RandomState::new().build_hasher().finish();
    usize::try_from(number % below as u64).expect("it is below a usize")
}

/// Waits until something holds.
pub(crate) fn wait_until(what: &str, patience: Duration, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < patience, "it never came to this: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Whether this program finds what a test needs; says so when it does not.
pub(crate) fn has(program: &str, arguments: &[&str]) -> bool {
    let tried = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let has = tried.as_ref().is_ok_and(|output| output.status.success());
    if !has {
        println!("skipped: no `{program} {}` here", arguments.join(" "));
    }
    has
}

/// Whether the hosts of a scenario can be network namespaces here; says so when they cannot.
pub(crate) fn has_namespaces() -> bool {
    let planned = crate::common::colok(&["check", "broadcast", "--dry-run", "--json"]);
    assert_eq!(planned.code, Some(0), "{planned:?}");
    let text = planned.text();
    let has = !text.contains("no network namespaces");
    if !has {
        println!("skipped: no network namespaces here: {text}");
    }
    has
}

/// Whether this runs with the rights of root; says so when it does not.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("skipped: this is not root");
    }
    root
}

/// A new folder that is removed when the test is over, with folders `home` and `tmp` in it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("colok-built-in-test-{}-{number}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        for name in ["home", "tmp"] {
            fs::create_dir_all(folder.path(name)).expect("there is room");
        }
        folder
    }

    /// With these scenarios: `(name without .toml, text)`.
    pub(crate) fn with(scenarios: &[(&str, &str)]) -> Self {
        let folder = Self::new();
        for (name, text) in scenarios {
            fs::write(folder.path(&format!("{name}.toml")), text).expect("there is room");
        }
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// `colok check` with these arguments, in this folder, with a home and a folder for temporary
    /// files of its own.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut program = command(&[&["check"], arguments].concat());
        self.settle(&mut program);
        program
    }

    /// Lets a program live in this folder.
    pub(crate) fn settle(&self, program: &mut Command) {
        program.current_dir(&self.0).env("HOME", self.path("home"));
        program.env("TMPDIR", self.path("tmp")).env_remove("XDG_STATE_HOME");
    }

    /// Runs it to its end.
    pub(crate) fn check(&self, arguments: &[&str]) -> Output {
        self.finish(self.command(arguments))
    }

    /// Runs a program to its end. What it prints goes through files: a test may take minutes.
    pub(crate) fn finish(&self, mut program: Command) -> Output {
        let (out, err) = (self.path("stdout"), self.path("stderr"));
        let file = |path: &Path| File::create(path).expect("there is room");
        program.stdin(Stdio::null()).stdout(file(&out)).stderr(file(&err));
        let mut child = program.spawn().expect("the program starts");
        end_within(&mut child);
        let code = wait(&mut child).code();
        let bytes = |path: &Path| fs::read(path).expect("it was written");
        let err = String::from_utf8(bytes(&err)).expect("errors are text");
        Output { code, out: bytes(&out), err }
    }

    /// The record of a run that was kept here.
    pub(crate) fn run(&self, kept: &str) -> Value {
        let path = self.path(kept).join("run.json");
        let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_slice(&text).expect("it is JSON")
    }

    /// How many lines the record of what happens has.
    pub(crate) fn lines(&self, kept: &str) -> usize {
        let text = fs::read(self.path(kept).join("run.jsonl")).unwrap_or_default();
        text.split(|byte| *byte == b'\n').count() - 1
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Best effort: it is in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits for the end of a run; one that does not end is killed, and the test fails.
fn end_within(child: &mut Child) {
    let start = Instant::now();
    while child.try_wait().expect("it is our child").is_none() {
        if start.elapsed() > RUN_PATIENCE {
            child.kill().expect("it is our child");
            panic!("it did not end within {RUN_PATIENCE:?}");
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// The cases of a record.
pub(crate) fn cases(run: &Value) -> &[Value] {
    run["cases"].as_array().unwrap_or_else(|| panic!("no cases in {run}"))
}

/// What a record says of each case that has another verdict than this.
pub(crate) fn others(run: &Value, verdict: &str) -> Vec<String> {
    let others = cases(run).iter().filter(|case| case["verdict"] != verdict);
    others.map(|it| format!("{} {}: {}", it["verdict"], it["id"], it["reason"])).collect()
}
