//! Folders with scenarios in them, and what came of running them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::common::{Output, command, gather};

/// A scenario that passes.
pub(crate) const PASSING: &str = r#"
title = "A program prints what it is told"
source = "a test"
tags = ["small"]
hosts.host.kind = "local"

[[step]]
name = "say"
run = "echo hello"
expect = { exit = 0, stdout = "hello\n" }
"#;

/// One that fails in line 10.
pub(crate) const FAILING: &str = r#"
title = "A program prints something else"
hosts.host.kind = "local"

[[step]]
name = "say"
run = "printf 'one\ntwo\nthree <&> \u001b[31mred\n'"
[step.expect]
exit = 0
stdout = "hello\n"
"#;

/// One whose fault cannot be proved: a program that opens few files does not reach its limit.
pub(crate) const INVALID: &str = r#"
title = "A limit that is never reached"
hosts.host.kind = "local"

[[step]]
name = "say"
run = "echo hello"
descriptors = 200
expect.exit = 0
"#;

/// One that waits for what never comes.
pub(crate) const UNKNOWN: &str = r#"
title = "A program that says nothing"
hosts.host.kind = "local"

[[step]]
name = "silent"
start = "sleep 3600"

[[step]]
name = "until"
wait = "silent"
time_limit = "300ms"
expect.stdout_like = "*ready*"
"#;

/// One that no computer has what it needs for.
pub(crate) const SKIPPED: &str = r#"
title = "A program that nobody has"
needs = ["no-such-program-anywhere"]
hosts.host.kind = "local"

[[step]]
run = "no-such-program-anywhere"
expect.exit = 0
"#;

/// One of four cases.
pub(crate) const MATRIX: &str = r#"
title = "Every word in every size"
tags = ["small"]
hosts.host.kind = "local"

[matrix]
word = ["one", "two"]
size = ["1", "2"]

[[step]]
name = "say"
run = "echo {word} {size}"
expect = { exit = 0, stdout = "{word} {size}\n" }
"#;

/// A new folder that is removed when the test is over.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    /// With these scenarios: `(name without .toml, text)`.
    pub(crate) fn with(scenarios: &[(&str, &str)]) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("colok-check-test-{}-{number}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(&folder.0).expect("there is room");
        for (name, text) in scenarios {
            fs::write(folder.0.join(format!("{name}.toml")), text).expect("there is room");
        }
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// `colok check` with these arguments in this folder, to its end.
    pub(crate) fn check(&self, arguments: &[&str]) -> Output {
        gather(self.start(arguments))
    }

    /// The same, while it runs.
    pub(crate) fn start(&self, arguments: &[&str]) -> std::process::Child {
        let mut program = command(&[&["check"], arguments].concat());
        program.current_dir(&self.0).stdin(Stdio::null());
        program.stdout(Stdio::piped()).stderr(Stdio::piped());
        program.spawn().expect("the program starts")
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Best effort: it is in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The one JSON object that was printed.
pub(crate) fn object(output: &Output) -> Value {
    let text = output.text();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {output:?}"))
}

/// The verdicts of a record, by case.
pub(crate) fn verdicts(run: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let cases = run["cases"].as_array().unwrap_or_else(|| panic!("no cases in {run}"));
    cases.iter().map(|case| (text(&case["id"]), text(&case["verdict"]))).collect()
}

/// The folders of runs below this one, without the link to the latest.
pub(crate) fn runs(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).expect("there were runs");
    let all = entries.map(|entry| entry.expect("it can be read"));
    let folders = all.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}
