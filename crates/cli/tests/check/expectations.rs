//! Each key of `expect` as a whole run sees it: with a value that holds the scenario passes, with
//! one that does not it fails, and never anything else.

use serde_json::Value;

use crate::support::{Folder, object};

#[path = "../../../colok/src/scenario/mutation/texts.rs"]
mod texts;

/// Runs the scenario of every key; those that end otherwise than with `verdict`.
fn others(right: bool, verdict: &str) -> Vec<String> {
    let named = |text: &texts::Text| (text.key.replace(['.', '_'], "-"), text.scenario(right));
    let scenarios: Vec<(String, String)> = texts::TEXTS.iter().map(named).collect();
    let scenarios: Vec<(&str, &str)> =
        scenarios.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let folder = Folder::with(&scenarios);
    let run = object(&folder.check(&[".", "--json", "--jobs", "2"]));
    let cases = run["cases"].as_array().cloned().unwrap_or_default();
    assert_eq!(cases.len(), scenarios.len(), "{run}");
    let is_other = |case: &&Value| case["verdict"] != verdict || !wrong_forms_failed(case);
    cases.iter().filter(is_other).map(|case| format!("{case:#}")).collect()
}

/// Whether every expectation that held failed in each of its wrong forms.
fn wrong_forms_failed(case: &Value) -> bool {
    let held = |check: &&Value| check["verdict"] == "pass";
    let checks = case["checks"].as_array().map_or(&[][..], Vec::as_slice);
    checks.iter().filter(held).all(|check| {
        let mutations = &check["mutations"];
        mutations["tried"].as_u64() > Some(0) && mutations["tried"] == mutations["failed"]
    })
}

#[test]
fn what_holds_passes() {
    let others = others(true, "pass");
    assert!(others.is_empty(), "{}", others.join("\n"));
}

#[test]
fn what_does_not_hold_fails() {
    let others = others(false, "fail");
    assert!(others.is_empty(), "{}", others.join("\n"));
}
