//! With nothing broken, every scenario that breaks something says that it proves nothing, and every
//! other one passes as always.

use crate::support::{Folder, cases, has_namespaces, is_full, scenarios};

/// What a scenario has in its text when it breaks something.
const BREAKING: [&str; 5] =
    ["faults = [", "fault = {", "fault.", "\ndescriptors =", "\nunprivileged ="];

#[test]
fn without_its_fault_a_scenario_is_invalid() {
    if !has_namespaces() {
        return;
    }
    let all = scenarios();
    let breaks = |text: &str| BREAKING.iter().any(|words| text.contains(words));
    let named = |wanted: &str| all.iter().find(|(name, _)| name == wanted).map(|(_, text)| text);
    let broken = all.iter().filter(|(_, text)| breaks(text)).count();
    assert!(broken >= 20 && broken < all.len(), "{broken} of {}", all.len());
    // Those that break nothing are the same as ever; some of them are enough for every day.
    let daily = ["names-of-hosts", "paper-same-directory", "two-writers-one-name"];
    let chosen = all
        .iter()
        .filter(|(name, text)| is_full() || breaks(text) || daily.contains(&name.as_str()));
    let asked: Vec<_> = chosen.map(|(name, _)| name.as_str()).collect();
    let folder = Folder::new();
    let flags = ["--faults-off", "--quiet", "--jobs", "4", "--keep", "kept"];
    let output = folder.check(&[&flags[..], &asked].concat());
    let run = folder.run("kept");
    let mut seen = 0;
    for case in cases(&run) {
        let scenario = case["scenario"].as_str().expect("it has one");
        let text = named(scenario).expect("it was asked for");
        if case["verdict"] == "skipped" {
            println!("skipped: {scenario}: {}", case["reason"]);
            continue;
        }
        let expected = if breaks(text) { "invalid" } else { "pass" };
        assert_eq!(case["verdict"], expected, "{}: {}", case["id"], case["reason"]);
        seen += 1;
    }
    assert!(seen >= broken, "{seen} cases");
    assert_eq!(output.code, Some(5), "{output:?}");
}
