//! What lies in the folder of a run: reports that other programs can read, and people.

use std::process::Command;

use crate::common::finish;
use crate::support::{FAILING, Folder, INVALID, MATRIX, PASSING, SKIPPED, UNKNOWN, object};

/// A run of every verdict, kept in `kept`.
fn kept() -> Folder {
    let folder = Folder::with(&[
        ("fails", FAILING),
        ("needs", SKIPPED),
        ("passes", PASSING),
        ("unproved", INVALID),
        ("waits", UNKNOWN),
        ("words", MATRIX),
    ]);
    let output = folder.check(&[".", "--keep", "kept", "--seed", "5", "--quiet"]);
    assert_eq!(output.code, Some(3), "{output:?}");
    folder
}

#[test]
fn the_folder_has_all_that_is_listed_and_lists_all_that_it_has() {
    let folder = kept();
    for name in ["run.jsonl", "run.json", "report.html", "report.md", "junit.xml"] {
        assert!(folder.path("kept").join(name).is_file(), "{name}");
    }
    let run: serde_json::Value =
        serde_json::from_str(&folder.read("kept/run.json")).expect("it is JSON");
    let listed = run["evidence"].as_array().expect("a list");
    for name in ["run.jsonl", "report.html", "report.md", "junit.xml"] {
        let entry = listed.iter().find(|it| it["path"] == name);
        let entry = entry.unwrap_or_else(|| panic!("{name} is not listed"));
        let bytes = std::fs::metadata(folder.path("kept").join(name)).expect("it is there").len();
        assert_eq!(entry["bytes"], bytes, "{name} was not changed after it was listed");
        assert_eq!(entry["sha256"].as_str().map(str::len), Some(64), "{name}");
    }
    for entry in listed {
        let path = entry["path"].as_str().expect("text");
        assert!(folder.path("kept").join(path).is_file(), "{path}");
    }
    // Again into the same folder: it is somebody's now.
    let again = folder.check(&["passes.toml", "--keep", "kept"]);
    assert_eq!(again.code, Some(1), "{again:?}");
}

#[test]
fn build_servers_can_read_it() {
    let folder = kept();
    // A parser that is not ours.
    let script = r#"
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
assert root.tag == "testsuites", root.tag
print(root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped"))
for suite in root:
    assert suite.tag == "testsuite"
    cases = suite.findall("testcase")
    assert int(suite.get("tests")) == len(cases)
    float(suite.get("time"))
    for case in cases:
        kinds = [it.tag for it in case if it.tag in ("failure", "error", "skipped")]
        known = {it.get("name"): it.get("value") for it in case.find("properties")}
        assert known["evidence"].startswith("cases/"), known
        int(known["seed"])
        print(suite.get("name"), case.get("name"), *kinds)
        if kinds == ["failure"]:
            print(repr(case.find("failure").text))
            print(repr(case.find("system-out").text))
"#;
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(folder.path("kept/junit.xml"));
    let missing = Command::new("python3").arg("--version").output().is_err();
    if missing {
        eprintln!("skipped: no python3 to read it with");
        return;
    }
    let output = finish(python, b"");
    assert_eq!((output.code, output.err.as_str()), (Some(0), ""));
    let text = output.text();
    for line in [
        "9 1 2 1",
        "fails fails failure",
        "needs needs skipped",
        "passes passes",
        "unproved unproved error",
        "waits waits error",
        "words words[size=1,word=one]",
    ] {
        assert!(text.lines().any(|it| it == line), "no {line:?} in {text}");
    }
    assert!(text.contains("fails.toml:10") && text.contains("three <&> "), "{text}");
}

#[test]
fn a_ticket_can_have_it() {
    let folder = kept();
    let text = folder.read("kept/report.md");
    for part in [
        "# colok check: 5 pass, 1 fail, 1 invalid, 1 unknown, 1 skipped\n",
        "| **fail** | fails: A program prints something else | 1 case | ",
        "| pass | words: Every word in every size | 4 cases | ",
        "<details><summary>fail: <code>fails</code>: say: stdout (line 10)</summary>",
        "```text\none\ntwo\nthree <&> \\u{1b}[31mred\n```\n",
        "`cases/fails`",
        "- seed: 5\n",
        "- command: `colok check . --keep kept --seed 5 --quiet`\n",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    assert!(!text.contains('\x1b'));
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    assert_eq!(text.matches("```").count() % 2, 0);
}

#[test]
fn a_record_can_be_made_again() {
    let folder = kept();
    let before = folder.read("kept/run.json");
    std::fs::remove_file(folder.path("kept/run.json")).expect("it is ours");
    // As a kill leaves it: the end of the last line is not there yet.
    let lines = folder.read("kept/run.jsonl");
    let cut = lines.trim_end().rfind('\n').expect("there are lines");
    std::fs::write(folder.path("kept/run.jsonl"), &lines[..cut + 20]).expect("there is room");
    let output = folder.check(&["--recover", "kept", "--json"]);
    let run = object(&output);
    assert_eq!(run["outcome"], "killed", "{run}");
    assert_eq!(output.code, Some(3), "{output:?}");
    assert_eq!(run["cases"].as_array().map(Vec::len), Some(9));
    let made: serde_json::Value =
        serde_json::from_str(&folder.read("kept/run.json")).expect("it is JSON");
    assert_eq!(made, run);
    let before: serde_json::Value = serde_json::from_str(&before).expect("it is JSON");
    assert_eq!(made["seed"], before["seed"]);
    let text = folder.check(&["--recover", "kept"]);
    assert!(text.text().contains("The run was killed"), "{text:?}");
}

#[test]
fn a_record_that_cannot_be_made() {
    let folder = Folder::with(&[]);
    let output = folder.check(&["--recover", ".", "--json"]);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert_eq!(object(&output)["outcome"], "failed");
    assert!(output.err.contains("run.jsonl"), "{}", output.err);
    std::fs::write(folder.path("run.jsonl"), "").expect("there is room");
    let empty = folder.check(&["--recover", ".", "--lang", "id"]);
    assert_eq!(empty.code, Some(1));
    assert!(empty.err.contains("belum ada yang tercatat"), "{}", empty.err);
}
