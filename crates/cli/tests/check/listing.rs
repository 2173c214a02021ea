//! What there is and what would be done, told without running anything.

use serde_json::Value;

use crate::common::colok;
use crate::support::{FAILING, Folder, INVALID, MATRIX, PASSING, SKIPPED, object};

#[test]
fn scenarios_are_listed_with_their_cases() {
    let folder = Folder::with(&[("say", PASSING), ("words", MATRIX)]);
    let output = folder.check(&["say.toml", "words.toml", "--list"]);
    assert_eq!((output.code, output.err.as_str()), (Some(0), ""));
    let expected = "\
say     1 case  A program prints what it is told  (a test)
words  4 cases  Every word in every size

2 scenarios, 5 cases
";
    assert_eq!(output.text(), expected);
    let indonesian = folder.check(&[".", "--list", "--lang", "id"]);
    assert!(indonesian.text().ends_with("\n2 skenario, 5 kasus\n"), "{indonesian:?}");
    let listed = object(&folder.check(&[".", "--list", "--json"]));
    assert_eq!(listed["scenarios"][1]["cases"].as_array().map(Vec::len), Some(4), "{listed}");
    assert_eq!(listed["scenarios"][0]["tags"][0], "small");
    assert!(!folder.path("colok-check").exists(), "nothing is run, nothing is written");
}

#[test]
fn the_built_in_set_is_listed_and_its_names_are_known() {
    let all = colok(&["check", "--list", "--json"]);
    assert_eq!(all.code, Some(0), "{all:?}");
    let listed = object(&all);
    let scenarios = listed["scenarios"].as_array().expect("a list");
    assert!(scenarios.len() >= 40, "{}", scenarios.len());
    for scenario in scenarios {
        let name = scenario["name"].as_str().expect("it has a name");
        assert_eq!(scenario["file"], format!("built-in:{name}.toml"));
        assert_ne!(scenario["title"], "");
    }
    let one = colok(&["check", "echo-quit", "--list"]);
    assert_eq!(one.code, Some(0), "{one:?}");
    assert!(one.text().starts_with("echo-quit "), "{one:?}");
}

#[test]
fn cases_are_chosen_by_name_pattern_and_tag() {
    let folder = Folder::with(&[("say", PASSING), ("words", MATRIX), ("other", FAILING)]);
    let chosen = |only: &[&str]| {
        let flags: Vec<&str> = only.iter().flat_map(|pattern| ["--only", pattern]).collect();
        let listed = object(&folder.check(&[&[".", "--list", "--json"], &flags[..]].concat()));
        let scenarios = listed["scenarios"].as_array().expect("a list").clone();
        let cases = scenarios.iter().filter_map(|it| it["cases"].as_array().cloned());
        let ids = cases.flatten().map(|id| id.as_str().expect("text").to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(chosen(&["say"]), ["say"]);
    assert_eq!(chosen(&["word=two"]), ["words[size=1,word=two]", "words[size=2,word=two]"]);
    assert_eq!(chosen(&["words[size=2,word=one]"]), ["words[size=2,word=one]"]);
    assert_eq!(chosen(&["s?y", "oth*"]), ["other", "say"]);
    assert_eq!(chosen(&["small"]).len(), 5, "a tag");
    let none = folder.check(&[".", "--only", "nothing-like-it"]);
    assert_eq!(none.code, Some(2), "{none:?}");
    assert!(none.err.contains("no case matches nothing-like-it"), "{none:?}");
    assert!(!folder.path("colok-check").exists());
}

#[test]
fn a_dry_run_tells_steps_hosts_faults_and_what_is_skipped() {
    let folder = Folder::with(&[("words", MATRIX), ("limit", INVALID), ("needs", SKIPPED)]);
    let arguments = ["words.toml", "limit.toml", "needs.toml", "--dry-run"];
    let output = folder.check(&arguments);
    assert_eq!((output.code, output.err.as_str()), (Some(0), ""));
    let text = output.text();
    for part in [
        "words[size=1,word=two]: Every word in every size\n  hosts: host (local)\n",
        "    10  run     host  echo two 1\n        expects exit, stdout\n",
        "     5  run     host  echo hello; fault: descriptors=200\n",
        "needs: A program that nobody has\n  skipped: ",
        "no-such-program-anywhere",
        "6 cases, 1 of them would be skipped; nothing was run\n",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    assert!(!folder.path("colok-check").exists());
    let seeded = [&arguments[..], &["--json", "--seed", "5"]].concat();
    let plan = object(&folder.check(&seeded));
    assert_eq!((plan["seed"].as_u64(), plan["cases"].as_array().map(Vec::len)), (Some(5), Some(6)));
    assert_eq!(plan["cases"][4]["steps"][0]["faults"][0], "descriptors=200", "{plan}");
    assert_eq!(plan, object(&folder.check(&seeded)), "the same seed, the same seeds of cases");
    let other = object(&folder.check(&[&arguments[..], &["--json", "--seed", "6"]].concat()));
    assert_ne!(plan["cases"][0]["seed"], other["cases"][0]["seed"]);
}

#[test]
fn the_schemas_are_printed() {
    for (flag, word) in [("--schema", "stdout_like"), ("--run-schema", "mutations")] {
        let output = colok(&["check", flag]);
        assert_eq!(output.code, Some(0));
        let schema: Value = serde_json::from_slice(&output.out).expect("it is JSON");
        assert!(schema["$schema"].is_string(), "{schema}");
        assert!(output.text().contains(&format!("\"{word}\"")), "{schema}");
    }
}

#[test]
fn nothing_is_run_beside_a_list_a_plan_or_a_schema() {
    for arguments in [
        &["check", "--list", "--dry-run"][..],
        &["check", "--list", "--repeat", "3"],
        &["check", "--dry-run", "--keep", "x"],
        &["check", "--schema", "echo-quit"],
        &["check", "--run-schema", "--json"],
        &["check", "--run-schema", "--schema"],
        &["check", "--dry-run", "--no-skip"],
        &["check", "--recover", "x", "--seed", "1"],
    ] {
        let output = colok(arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}: {output:?}");
        assert!(output.err.contains("cannot be used with"), "{output:?}");
    }
}
