//! What a run writes, read by programs that are not ours: Python's XML and TOML, `jsonschema`, and
//! `sha256sum`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::{Output, finish};
use crate::support::{Folder, cases, has, project};

/// Reads a JSON schema and documents, one of which may be TOML, and says what does not fit.
const VALIDATE: &str = r#"
import json, sys, tomllib
import jsonschema
schema = json.load(open(sys.argv[1]))
kind = jsonschema.validators.validator_for(schema)
kind.check_schema(schema)
validator = kind(schema)
for path in sys.argv[2:]:
    text = open(path, "rb").read().decode()
    document = tomllib.loads(text) if path.endswith(".toml") else json.loads(text)
    for error in validator.iter_errors(document):
        print(path, "/".join(map(str, error.absolute_path)), error.message[:300])
"#;

/// Prints a `JUnit` report as JSON, with what it counts itself.
const JUNIT: &str = r#"
import json, sys
import xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
cases = [(case.get("name"), [child.tag for child in case if child.tag in
          ("failure", "error", "skipped")]) for case in root.iter("testcase")]
print(json.dumps({"tag": root.tag, "totals": root.attrib, "cases": cases}))
"#;

/// Everything in the folder of a run that programs may read.
pub(crate) fn check_folder(folder: &Path) {
    let text = fs::read(folder.join("run.json")).expect("there is a record");
    let run: Value = serde_json::from_slice(&text).expect("it is JSON");
    check_schema("check-run.schema.json", &[folder.join("run.json")]);
    check_hashes(folder, &run);
    check_junit(folder, &run);
}

/// Documents fit a schema of the project, says a validator that is not ours.
pub(crate) fn check_schema(schema: &str, documents: &[PathBuf]) {
    if !has("python3", &["-W", "ignore", "-c", "import jsonschema, tomllib"]) {
        return;
    }
    let mut python = Command::new("python3");
    python.args(["-c", VALIDATE]).arg(project().join("docs").join(schema)).args(documents);
    let output = finish(python, b"");
    assert_eq!((output.code, output.text().as_str()), (Some(0), ""), "{}", output.err);
}

/// Every file but the record is listed with its hash, says `sha256sum`.
fn check_hashes(folder: &Path, run: &Value) {
    let listed = run["evidence"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    let mut names = BTreeSet::new();
    let mut sums = Vec::new();
    for file in listed {
        let (path, sum) = (text(&file["path"]), text(&file["sha256"]));
        assert!(!path.contains(['\n', '\\']), "{path}");
        sums.push(format!("{sum}  {path}\n"));
        let bytes = fs::metadata(folder.join(&path)).expect("it is there").len();
        assert_eq!(file["bytes"], bytes, "{path}");
        names.insert(path);
    }
    let mut there = BTreeSet::new();
    list(folder, folder, &mut there);
    there.remove("run.json");
    assert_eq!(names, there);
    if has("sha256sum", &["--version"]) {
        let mut program = Command::new("sha256sum");
        program.args(["--check", "--strict", "--quiet", "-"]).current_dir(folder);
        let Output { code, out, err } = finish(program, sums.concat().as_bytes());
        assert_eq!(code, Some(0), "{} {err}", String::from_utf8_lossy(&out));
    }
}

/// The files below a folder.
fn list(top: &Path, folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("it can be read") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            list(top, &path, names);
        } else {
            let name = path.strip_prefix(top).expect("it is below");
            names.insert(name.to_str().expect("it is text").to_owned());
        }
    }
}

/// The `JUnit` report has each case with its verdict, and counts right.
fn check_junit(folder: &Path, run: &Value) {
    if !has("python3", &["--version"]) {
        return;
    }
    let mut python = Command::new("python3");
    python.args(["-c", JUNIT]).arg(folder.join("junit.xml")).stdin(Stdio::null());
    let output = finish(python, b"");
    assert_eq!(output.code, Some(0), "{output:?}");
    let report: Value = serde_json::from_slice(&output.out).expect("it is JSON");
    assert_eq!(report["tag"], "testsuites");
    let tags = |case: &Value| match case["verdict"].as_str().expect("it has one") {
        "pass" => serde_json::json!([]),
        "fail" => serde_json::json!(["failure"]),
        "skipped" => serde_json::json!(["skipped"]),
        _ => serde_json::json!(["error"]),
    };
    let expected: Vec<_> =
        cases(run).iter().map(|case| serde_json::json!([case["id"], tags(case)])).collect();
    let sorted = |mut list: Vec<Value>| {
        list.sort_by_key(Value::to_string);
        list
    };
    let got = report["cases"].as_array().expect("a list").clone();
    assert_eq!(sorted(got), sorted(expected));
    let (said, totals) = (&report["totals"], &run["totals"]);
    let number = |name: &str| totals[name].as_u64().expect("a number");
    let errors = number("invalid") + number("unknown");
    let pairs = [("failures", number("fail")), ("errors", errors), ("skipped", number("skipped"))];
    for (name, number) in pairs {
        assert_eq!(said[name], number.to_string(), "{name} in {said}");
    }
    assert_eq!(said["tests"], cases(run).len().to_string());
}

#[test]
fn every_built_in_scenario_fits_the_schema() {
    let names = crate::support::scenarios().into_iter().map(|(name, _)| name);
    let folder = project().join("scenarios");
    let files: Vec<_> = names.map(|name| folder.join(format!("{name}.toml"))).collect();
    assert!(files.len() >= 48, "{files:?}");
    check_schema("scenario.schema.json", &files);
}

#[test]
fn what_is_wrong_on_purpose_does_not_fit() {
    if !has("python3", &["-W", "ignore", "-c", "import jsonschema, tomllib"]) {
        return;
    }
    let text = "title = \"x\"\n[[step]]\nrun = \"true\"\nexpekt.exit = 0\n";
    let folder = Folder::with(&[("wrong", text)]);
    let mut python = Command::new("python3");
    python.args(["-c", VALIDATE]).arg(project().join("docs/scenario.schema.json"));
    python.arg(folder.path("wrong.toml"));
    let output = finish(python, b"");
    assert!(output.text().contains("expekt"), "{output:?}");
}

#[test]
fn every_verdict_is_understood_by_others() {
    let folder = Folder::with(&[
        ("a-pass", &step("true", "exit = 0")),
        ("b-fail", &step("printf '<&>\\u0001\\u001b[31m]]>'", "stdout = \"other\"")),
        ("c-invalid", &step("true", "exit = 0").replace("run =", "descriptors = 200\nrun =")),
        (
            "d-unknown",
            &step("sleep 3600", "exit = 0").replace("run =", "time_limit = \"1s\"\nrun ="),
        ),
        ("e-skipped", &format!("needs = [\"no-such-program\"]\n{}", step("true", "exit = 0"))),
    ]);
    let output = folder.check(&[".", "--quiet", "--keep", "kept"]);
    assert_eq!(output.code, Some(3), "{output:?}");
    let totals = &folder.run("kept")["totals"];
    for verdict in ["pass", "fail", "invalid", "unknown", "skipped"] {
        assert_eq!(totals[verdict], 1, "{verdict} in {totals}: {}", output.text());
    }
    check_folder(&folder.path("kept"));
}

/// A scenario of one step on this computer.
fn step(run: &str, expect: &str) -> String {
    format!(
        "title = \"One step\"\nhosts.host.kind = \"local\"\n\n[[step]]\nname = \"only\"\n\
         run = \"{run}\"\n[step.expect]\n{expect}\n"
    )
}
