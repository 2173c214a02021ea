//! The whole built-in set, once: as root in network namespaces nothing fails and nothing is left
//! out, everything is proved, and what is written about it can be read.

use serde_json::Value;

use crate::readers;
use crate::support::{Folder, cases, has, has_namespaces, is_root, others};

/// A page that shows a run has to be sent by mail.
const PAGE_BYTES_MAX: u64 = 2_000_000;

#[test]
fn all_of_it_passes_and_is_proved() {
    let skips_nothing = is_root() && has_namespaces() && has("python3", &["--version"]);
    let folder = Folder::new();
    let more: &[&str] = if skips_nothing { &["--no-skip"] } else { &[] };
    let output = folder.check(&[&["--quiet", "--jobs", "2", "--keep", "kept"], more].concat());
    let run = folder.run("kept");
    let mut others = others(&run, "pass");
    others.retain(|it| skips_nothing || !it.starts_with("\"skipped\""));
    assert!(others.is_empty(), "{others:#?} {}", output.text());
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(run["outcome"], "complete");
    let passed: Vec<_> = cases(&run).iter().filter(|case| case["verdict"] == "pass").collect();
    assert!(!passed.is_empty());
    for case in passed {
        check_proofs(case);
    }
    check_page(&folder, &run);
    readers::check_folder(&folder.path("kept"));
}

/// What made a case pass could have failed, took effect, and adds up.
fn check_proofs(case: &Value) {
    let (id, list) = (&case["id"], |name: &str| case[name].as_array().expect("a list"));
    for check in list("checks") {
        let mutations = &check["mutations"];
        assert_ne!(mutations["tried"], 0, "{id}: {check}");
        assert_eq!(mutations["tried"], mutations["failed"], "{id}: {check}");
    }
    assert!(!list("checks").is_empty(), "{id} expects nothing");
    for fault in list("faults") {
        assert_eq!(fault["proved"], true, "{id}: {fault}");
    }
    for path in list("paths") {
        assert_ne!(path["proved"], false, "{id}: {path}");
    }
    // Where nothing was broken, both ends tell the same.
    if list("faults").is_empty() {
        for connection in list("connections") {
            assert_ne!(connection["agrees"], false, "{id}: {connection}");
        }
    }
}

/// The page is one file that needs no other, and knows every case.
fn check_page(folder: &Folder, run: &Value) {
    let path = folder.path("kept/report.html");
    let page = std::fs::read_to_string(&path).expect("it is there");
    assert!((page.len() as u64) < PAGE_BYTES_MAX, "{} bytes", page.len());
    for outside in ["src=\"http", "href=\"http", "<script src", "@import", "url(http"] {
        assert!(!page.contains(outside), "it asks for something else: {outside}");
    }
    for case in cases(run) {
        let scenario = case["scenario"].as_str().expect("it has one");
        assert!(page.contains(scenario), "{scenario} is not in the page");
    }
}
