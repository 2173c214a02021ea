//! Names that mean nothing, and scenario files with mistakes: all of them are told, each with its
//! place.

use std::fs;

use crate::common::colok;
use crate::support::{Folder, PASSING, object};

/// Mistakes in lines 3, 7 and 8.
const WRONG: &str = r#"title = "Three mistakes"

hosts.host.kin = "local"

[[step]]
name = "say"
rum = "echo hello"
expect = { exitt = 0 }
"#;

#[test]
fn a_name_that_means_nothing() {
    let near = colok(&["check", "echo-quitt"]);
    assert_eq!((near.code, near.text().as_str()), (Some(2), ""));
    for part in ["colok: echo-quitt: there is no such file", "perhaps echo-quit", "--list"] {
        assert!(near.err.contains(part), "no {part} in {}", near.err);
    }
    let far = colok(&["check", "/no/such/place.toml", "--lang", "id"]);
    assert_eq!(far.code, Some(2));
    assert!(far.err.contains("/no/such/place.toml: tidak ada berkas"), "{}", far.err);
    assert!(far.err.contains("colok check --list"), "{}", far.err);
}

#[test]
fn every_mistake_of_every_file_is_told_with_its_place() {
    let folder = Folder::with(&[("a", WRONG), ("b", PASSING), ("c", "title = 3\n")]);
    let output = folder.check(&["."]);
    assert_eq!((output.code, output.text().as_str()), (Some(2), ""));
    for place in ["a.toml:3:", "a.toml:7:", "a.toml:8:", "c.toml:1:"] {
        assert!(output.err.contains(place), "no {place} in {}", output.err);
    }
    for near in ["kind", "exit"] {
        assert!(output.err.contains(near), "no {near} in {}", output.err);
    }
    assert!(output.err.contains("nothing was run"), "{}", output.err);
    assert!(!folder.path("colok-check").exists());
    let told = object(&folder.check(&[".", "--json"]));
    assert_eq!(told["outcome"], "failed");
    let problems = told["problems"].as_array().expect("a list");
    assert!(problems.len() >= 4, "{told}");
    assert!(problems.iter().any(|it| it["line"] == 8 && it["column"].as_u64() > Some(0)), "{told}");
}

#[test]
fn a_message_that_does_not_exist() {
    let text = PASSING.replace("exit = 0", "message = \"nothing-listen\"");
    let folder = Folder::with(&[("say", &text)]);
    let output = folder.check(&["say.toml"]);
    assert_eq!(output.code, Some(2), "{output:?}");
    assert!(output.err.contains("say.toml:10:"), "{}", output.err);
    assert!(output.err.contains("nothing-listens"), "the nearest one: {}", output.err);
}

#[test]
fn files_that_are_no_scenarios() {
    let folder = Folder::with(&[]);
    let empty = folder.check(&["."]);
    assert_eq!(empty.code, Some(2), "{empty:?}");
    fs::write(folder.path("x.toml"), b"title = \"\xff\"").expect("there is room");
    let bytes = folder.check(&["x.toml"]);
    assert_eq!(bytes.code, Some(2), "{bytes:?}");
    assert!(bytes.err.starts_with("colok: x.toml:1:10: "), "{}", bytes.err);
}

#[test]
fn words_that_are_not_understood() {
    for arguments in [
        &["check", "--json", "--repeat", "0"][..],
        &["check", "--json", "--jobs", "many"],
        &["check", "--json", "--seed", "-1"],
        &["check", "--json", "--only", ""],
        &["check", "--no-such-option", "--json"],
        &["--lang", "id", "check", "--jobs", "100000", "--json"],
        &["check", "--json", "no-such-scenario-at-all"],
        &["check", "--json", "--only", "nothing-at-all"],
    ] {
        let output = colok(arguments);
        let told = object(&output);
        assert_eq!((&told["outcome"], output.code), (&"failed".into(), Some(2)), "{told}");
        let error = told["error"].as_str().expect("it says why");
        assert!(output.err.starts_with(&format!("colok: {error}\n")), "{}", output.err);
        assert_eq!(told["form"], "colok-check-1");
    }
    // Of other verbs `--json` means something else.
    assert_eq!(colok(&["explain", "--json", "tcp://:x"]).text(), "[]\n");
}
