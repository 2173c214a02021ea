//! What the page of a run holds, in both languages, whatever programs wrote.

use colok::scenario::record::{Connection, FaultRecord, Flow, Host, Latency, Run, Verdict};

use super::{PAGE_MAX, html};
use crate::check::example::{case, check, run, step};
use crate::messages::{Language, Messages};

fn page(run: &Run) -> String {
    html(run, &Messages::new(Language::English))
}

/// A run in which one case passed and one failed.
fn mixed() -> Run {
    let mut failed = case("echo[engine=threads]", Verdict::Fail);
    failed.variables.insert("engine".to_owned(), "threads".to_owned());
    failed.reason = "client: exit".to_owned();
    failed.steps = vec![step("server", "start", ""), step("client", "run", "<b>hello</b>\n")];
    failed.checks = vec![check("client", "exit", Verdict::Fail)];
    failed.hosts = vec![Host {
        name: "mahasiswa".to_owned(),
        kind: "netns".to_owned(),
        addresses: vec!["10.99.0.2".to_owned()],
        kernel: "6.1".to_owned(),
    }];
    failed.faults = vec![FaultRecord {
        step: "wire".to_owned(),
        place: "wire".to_owned(),
        text: "cut=5 direction=down".to_owned(),
        start_s: Some(0.25),
        end_s: Some(0.5),
        proved: true,
        proof: [("applied".to_owned(), 1.into())].into(),
    }];
    failed.connections = vec![Connection {
        client: Some("client".to_owned()),
        server: Some("server".to_owned()),
        client_address: "10.99.0.2:4000".to_owned(),
        server_address: "10.99.0.1:5001".to_owned(),
        up: Flow {
            sent: Some(10),
            received: Some(8),
            lost: Some(2),
            sent_blake3: Some("aa".to_owned()),
            received_blake3: Some("bb".to_owned()),
        },
        down: Flow::default(),
        closed: Some("peer-closed".to_owned()),
        agrees: Some(false),
    }];
    failed.latencies = vec![Latency {
        step: "client".to_owned(),
        what: "reply".to_owned(),
        points: (0..20).map(|at| (f64::from(at) / 20.0, 100.0 + f64::from(at))).collect(),
    }];
    run(vec![failed, case("count", Verdict::Pass)])
}

#[test]
fn what_failed_comes_first_and_leads_to_its_proof() {
    let page = page(&mixed());
    let trouble = page.find("What did not pass").expect("there is trouble");
    let matrix = page.find("Scenarios and hosts").expect("there is a matrix");
    assert!(trouble < matrix);
    assert!(page.contains("<a href=\"#echo%5Bengine%3Dthreads%5D\">"));
    assert!(page.contains("id=\"echo[engine=threads]\""));
    for seen in
        ["cut=5 direction=down", "applied 1", "other hash", "mahasiswa", "sent 10 = received 8"]
    {
        assert!(page.contains(seen), "{seen}");
    }
    assert!(page.contains("<i class=\"shade\" "), "the fault is shaded");
    assert!(page.contains("<svg"), "latencies are drawn");
}

#[test]
fn nothing_that_a_program_wrote_becomes_markup() {
    let mut run = mixed();
    let script = "\"><script>alert(1)</script>";
    for case in &mut run.cases {
        case.title = script.to_owned();
        case.reason = script.to_owned();
        case.id = format!("{}{script}", case.id);
        for step in &mut case.steps {
            step.stdout.text = script.to_owned();
            step.stdout.file = Some("javascript:alert(1)".to_owned());
            step.name = script.to_owned();
            step.text = script.to_owned();
        }
        for fault in &mut case.faults {
            fault.text = script.to_owned();
        }
    }
    let page = page(&run);
    assert!(!page.contains("<script"), "no element of a peer");
    assert!(!page.contains("javascript:"), "no scheme of a peer");
    assert!(page.contains("default-src 'none'"));
    for outside in ["http://", "https://", "@import", "url("] {
        let rest = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!rest.contains(outside), "{outside}");
    }
}

#[test]
fn a_large_run_leaves_transcripts_to_the_files() {
    let mut run = mixed();
    let mut large = run.cases[0].clone();
    large.steps[1].stdout.text = "x".repeat(20_000);
    run.cases = (0..1000).map(|_| large.clone()).collect();
    let page = page(&run);
    // Every case is still there with its checks; only what is long is left out.
    assert!(page.len() < 4 * PAGE_MAX, "{}", page.len());
    assert_eq!(page.matches("class=\"case\"").count(), 1000);
}

#[test]
fn a_run_of_nothing_and_a_language() {
    let empty = run(Vec::new());
    assert!(page(&empty).contains("Nothing was run"));
    let page = html(&mixed(), &Messages::new(Language::Indonesian));
    assert!(page.contains("1 dari 2 kasus tidak lulus") && page.contains("<html lang=\"id\">"));
}
