//! The same seed makes the same run: contents of files, what a relay does by chance, verdicts.

use serde_json::Value;

use crate::support::{Folder, cases, has_namespaces};

/// What is left to chance is shown by the outputs of its steps.
const CHANCE: &str = r#"
title = "What is left to chance"
matrix = { round = ["1", "2"] }
[hosts.server]
[hosts.client]

[[file]]
host = "client"
path = "random"
size = "100K"

[[step]]
name = "server"
host = "server"
start = "colok serve echo=udp://{server}:5001"

[[step]]
name = "wire"
host = "client"
[step.relay]
listen = "udp://127.0.0.1:7001"
target = "udp://{server}:5001"
faults = [{ lose = "30%", direction = "up" }]

[[step]]
name = "content"
host = "client"
run = "sha256sum random"
expect.exit = 0

[[step]]
name = "number"
run = "echo {seed} {round}"
host = "client"
expect.exit = 0

[[step]]
name = "answered"
host = "client"
run = "colok connect udp://127.0.0.1:7001 --datagram line --wait 1s"
stdin = "LINES"
expect = { exit = 0, stdout_bytes = "1..80" }
"#;

/// What chance decided in each case: its seed, its verdict, what its steps printed.
fn decided(seed: &str, jobs: &str) -> Vec<Value> {
    let lines: Vec<_> = (10..50).map(|number| format!("{number}\\n")).collect();
    let folder = Folder::with(&[("chance", &CHANCE.replace("LINES", &lines.concat()))]);
    let arguments = ["chance.toml", "--seed", seed, "--jobs", jobs, "--keep", "kept", "--quiet"];
    let output = folder.check(&arguments);
    let run = folder.run("kept");
    assert_eq!(output.code, Some(0), "{}", output.text());
    assert_eq!(run["seed"].to_string(), seed);
    cases(&run).iter().map(decisions).collect()
}

fn decisions(case: &Value) -> Value {
    let steps = case["steps"].as_array().expect("a list");
    let printed = |name: &str| {
        let step = steps.iter().find(|step| step["name"] == name);
        step.unwrap_or_else(|| panic!("no {name} in {case}"))["stdout"]["text"].clone()
    };
    let applied = case["faults"][0]["proof"].clone();
    serde_json::json!({
        "id": case["id"], "seed": case["seed"], "verdict": case["verdict"],
        "content": printed("content"), "number": printed("number"),
        "answered": printed("answered"), "applied": applied,
    })
}

#[test]
fn a_seed_repeats_every_choice() {
    if !has_namespaces() {
        return;
    }
    let (first, again) = (decided("20261", "1"), decided("20261", "2"));
    assert_eq!(first, again);
    assert_eq!(first.len(), 2);
    let other = decided("20262", "2");
    for key in ["seed", "content", "number", "answered"] {
        assert_ne!(first[0][key], first[1][key], "{key} is the same in two cases");
        assert_ne!(first[0][key], other[0][key], "{key} is the same with another seed");
    }
    let number = first[0]["number"].as_str().expect("it is text").to_owned();
    assert_eq!(number, format!("{} 1\n", first[0]["seed"]));
}
