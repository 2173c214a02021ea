//! Every way a run can end: its exit code, its summary in both languages, and one JSON object that
//! says the same.

use serde_json::Value;

use crate::common::{Output, finish};
use crate::support::{
    FAILING, Folder, INVALID, MATRIX, PASSING, SKIPPED, UNKNOWN, object, runs, verdicts,
};

/// Every scenario, one verdict each.
fn all() -> Folder {
    Folder::with(&[
        ("passes", PASSING),
        ("fails", FAILING),
        ("unproved", INVALID),
        ("waits", UNKNOWN),
        ("needs", SKIPPED),
    ])
}

fn has(output: &Output, parts: &[&str]) {
    let text = output.text();
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text}\n{}", output.err);
    }
}

#[test]
fn everything_passed() {
    let folder = Folder::with(&[("say", PASSING), ("words", MATRIX)]);
    let output = folder.check(&[".", "--seed", "9"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    has(&output, &["pass  say (1 case, ", "pass  words (4 cases, ", "5 cases in ", ": 5 pass\n"]);
    has(&output, &["report: colok-check/", "/report.html (seed 9)\n"]);
    assert!(!output.text().contains("--only"), "there is nothing to repeat");
    // One line for each case while it ran.
    assert_eq!(output.err.lines().filter(|line| line.contains("/5] pass")).count(), 5);
    let quiet = folder.check(&["say.toml", "--quiet"]);
    assert_eq!((quiet.code, quiet.err.as_str()), (Some(0), ""));
}

#[test]
fn every_verdict_is_explained() {
    let folder = all();
    let output = folder.check(&[".", "--seed", "1"]);
    assert_eq!(output.code, Some(3), "{output:?}");
    has(
        &output,
        &[
            "fail     fails (1 case, ",
            "invalid  unproved (1 case, ",
            "unknown  waits (1 case, ",
            "skipped  needs (1 case)\n",
            "fails.toml:10  step say: stdout\n    expected  ",
            "\n    got       ",
            "    got       \"one\\ntwo\\nthree <&> \\u{1b}[31mred\\n\"\n",
            "/cases/fails\n",
            "descriptors",
            "no-such-program-anywhere",
            "5 cases in ",
            "1 pass, 1 fail, 1 invalid, 1 unknown, 1 skipped\n",
            "to repeat what did not pass: colok check . --only ",
            " --seed 1\n",
        ],
    );
    assert!(!output.text().contains('\x1b'), "nothing of a program reaches the terminal as it was");
}

#[test]
fn the_summary_in_the_other_language() {
    let folder = all();
    let output = folder.check(&[".", "--lang", "id"]);
    assert_eq!(output.code, Some(3), "{output:?}");
    has(
        &output,
        &["lulus ", "gagal ", "tidak sah ", "dilewati ", "diharapkan", "bukti: ", "kasus"],
    );
    let run = object(&folder.check(&[".", "--lang", "id", "--json", "--quiet"]));
    let words: Vec<String> = verdicts(&run).into_iter().map(|(_, verdict)| verdict).collect();
    assert!(words.contains(&"invalid".to_owned()), "the words of JSON stay: {words:?}");
}

#[test]
fn exit_codes() {
    let folder = all();
    let code = |arguments: &[&str]| {
        let output = folder.check(&[arguments, &["--json"]].concat());
        (output.code, object(&output)["outcome"].clone())
    };
    let complete = || Value::from("complete");
    assert_eq!(code(&["passes.toml"]), (Some(0), complete()));
    assert_eq!(code(&["passes.toml", "needs.toml"]), (Some(0), complete()), "skips are allowed");
    assert_eq!(code(&["passes.toml", "needs.toml", "--no-skip"]), (Some(5), complete()));
    assert_eq!(code(&["passes.toml", "--no-skip"]), (Some(0), complete()));
    assert_eq!(code(&["passes.toml", "unproved.toml"]), (Some(5), complete()));
    assert_eq!(code(&["waits.toml"]), (Some(5), complete()));
    assert_eq!(code(&["waits.toml", "fails.toml"]), (Some(3), complete()));
}

#[test]
fn the_record_says_what_was_done() {
    let folder = Folder::with(&[("words", MATRIX)]);
    let arguments = ["words.toml", "--json", "--seed", "7", "--repeat", "2", "--only", "word=one"];
    let output = folder.check(&arguments);
    assert_eq!(output.code, Some(0), "{output:?}");
    let run = object(&output);
    let ids: Vec<String> = verdicts(&run).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), 4, "two cases, twice: {ids:?}");
    assert!(ids.iter().any(|id| id.ends_with("#2")), "{ids:?}");
    assert_eq!(run["seed"], 7);
    let command: Vec<_> = run["command"].as_array().expect("words").iter().collect();
    assert_eq!(command[..3], ["colok", "check", "words.toml"]);
    let folders = runs(&folder.path("colok-check"));
    assert_eq!(folders.len(), 1);
    let kept = std::fs::read_to_string(folders[0].join("run.json")).expect("the record is there");
    let kept: Value = serde_json::from_str(&kept).expect("it is JSON");
    assert_eq!(kept, run, "what is printed is the record");
}

#[test]
fn the_same_seed_makes_the_same_choices() {
    let folder = Folder::with(&[("words", MATRIX)]);
    let seeds = |seed: &str| {
        let run = object(&folder.check(&["words.toml", "--json", "--seed", seed]));
        let cases = run["cases"].as_array().expect("cases").clone();
        cases.iter().map(|case| case["seed"].as_u64().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!(seeds("3"), seeds("3"));
    assert_ne!(seeds("3"), seeds("4"));
}

#[test]
fn the_command_that_repeats_runs_just_what_did_not_pass() {
    let folder = all();
    let output = folder.check(&["."]);
    let text = output.text();
    let line = text.lines().find_map(|line| line.strip_prefix("to repeat what did not pass: "));
    let command = line.unwrap_or_else(|| panic!("no command in {text}"));
    let mut shell = std::process::Command::new("sh");
    let own = format!("colok() {{ \"$0\" \"$@\" --json; }}; {command}");
    shell.args(["-c", &own, env!("CARGO_BIN_EXE_colok")]).current_dir(&folder.0).env("LC_ALL", "C");
    let again = finish(shell, b"");
    let ids: Vec<String> = verdicts(&object(&again)).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["fails", "unproved", "waits"], "{command}");
}

#[test]
fn faults_that_are_off_are_noticed() {
    let folder = Folder::with(&[("unproved", INVALID), ("say", PASSING)]);
    let output = folder.check(&[".", "--json", "--faults-off"]);
    assert_eq!(output.code, Some(5), "{output:?}");
    let of =
        |name: &str| (name.to_owned(), if name == "say" { "pass" } else { "invalid" }.to_owned());
    assert_eq!(verdicts(&object(&output)), [of("say"), of("unproved")]);
}

#[test]
fn evidence_that_cannot_be_written() {
    let folder = Folder::with(&[("say", PASSING)]);
    std::fs::write(folder.path("file"), "").expect("there is room");
    let output = folder.check(&["say.toml", "--json", "--keep", "file"]);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.err.starts_with("colok: write file: "), "{}", output.err);
    assert_eq!(object(&output)["outcome"], "failed");
    // A folder with something in it is somebody's.
    let full = folder.check(&["say.toml", "--keep", "."]);
    assert_eq!(full.code, Some(1), "{full:?}");
    assert!(full.err.contains("must be new or empty"), "{}", full.err);
}

#[test]
fn an_output_that_is_gone() {
    let folder = Folder::with(&[("say", PASSING)]);
    let mut shell = std::process::Command::new("sh");
    shell.args([
        "-c",
        "exec \"$0\" check say.toml --quiet >/dev/full",
        env!("CARGO_BIN_EXE_colok"),
    ]);
    shell.current_dir(&folder.0).env("LC_ALL", "C");
    let output = finish(shell, b"");
    assert_eq!(output.code, Some(1));
    assert!(output.err.contains("write stdout: No space left on device"), "{}", output.err);
    assert_eq!(runs(&folder.path("colok-check")).len(), 1, "the evidence is there all the same");
}

#[test]
fn programs_that_lie_beside_the_scenario_are_found() {
    let text = "title = \"My own program\"\nhosts.host.kind = \"local\"\n[[step]]\n\
                run = \"sh {here}/own.sh\"\nexpect.stdout = \"mine\\n\"\n";
    let folder = Folder::with(&[("own", text)]);
    std::fs::write(folder.path("own.sh"), "echo mine\n").expect("there is room");
    let output = folder.check(&["own.toml", "--quiet"]);
    assert_eq!(output.code, Some(0), "{output:?}");
}
