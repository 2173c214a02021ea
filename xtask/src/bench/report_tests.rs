//! Tests of the report: medians, verdicts, and the section of the document.

use super::*;

fn sample(milliseconds: u64) -> Sample {
    let wall = Duration::from_millis(milliseconds);
    Sample { wall, client: wall, server: wall * 2, server_memory_kib: Some(milliseconds * 1024) }
}

fn line(name: &'static str, target: Option<f64>, row: Row) -> Line {
    let target = target.map(Target::Ours);
    Line { name, includes: "all of it", target, row }
}

fn measured(milliseconds: &[u64]) -> Row {
    Row::Measured(milliseconds.iter().copied().map(sample).collect())
}

fn report(lines: Vec<Line>) -> Report {
    let table = Table { title: "work".to_owned(), lines };
    let facts = vec!["Kernel: 6".to_owned()];
    Report { title: "T".into(), facts, tables: vec![table], notes: Vec::new(), judged: true }
}

#[test]
fn a_median_is_in_the_middle() {
    let milliseconds =
        |values: &[u64]| -> Vec<_> { values.iter().copied().map(Duration::from_millis).collect() };
    assert_eq!(median(&milliseconds(&[9, 1, 4])), Duration::from_millis(4));
    assert_eq!(median(&milliseconds(&[1, 9, 4, 6])), Duration::from_millis(5));
    assert_eq!(median(&[]), Duration::ZERO);
}

#[test]
fn every_target_has_its_verdict() {
    let text = report(vec![
        line("colok", None, measured(&[500, 600, 700])),
        line("rsync", Some(0.7), measured(&[1000, 900, 2000])),
        line("nc", Some(0.5), measured(&[1000])),
        line("curl", Some(1.0), Row::Skipped("curl is not installed".into())),
    ])
    .text();
    let row = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(row("| rsync").contains("0.60x, 0.60x"), "{text}");
    assert!(row("| rsync").contains("at most 0.70x: reached"), "{text}");
    assert!(row("| rsync").contains("1.000 (0.900 to 2.000) s"), "{text}");
    assert!(row("| nc").contains("at most 0.50x: not reached"), "{text}");
    assert!(row("| curl").contains("skipped: curl is not installed"), "{text}");
    assert!(row("| curl").contains("at most 1.00x: not measured"), "{text}");
    assert!(row("| colok").contains("700.0 MiB"), "{text}");
}

#[test]
fn a_row_of_ours_is_judged_by_the_fastest_of_its_rivals() {
    let row = |time: u64, rivals: &'static [&'static str]| {
        let target = Some(Target::OfFastest(1.0, rivals));
        Line { target, ..line("colok-uring", None, measured(&[time])) }
    };
    let cells = |own: Line| {
        let lines = vec![
            own,
            line("colok-events", None, measured(&[1000])),
            line("colok-threads", None, measured(&[900])),
        ];
        Table { title: String::new(), lines }.cells(true)[1][6].clone()
    };
    let both = &["colok-events", "colok-threads"];
    let expected = "at most 1.00x of colok-events and colok-threads, 0.80x: reached";
    assert_eq!(cells(row(720, both)), expected);
    assert!(cells(row(950, both)).ends_with("1.06x: not reached"));
    assert!(cells(row(950, &["colok-sequential"])).ends_with("not measured"));
}

#[test]
fn other_work_is_not_judged_and_a_failure_is_told() {
    let lines = vec![
        line("colok", None, Row::Failed("no | such verb".into())),
        line("nc", Some(0.8), measured(&[1000])),
    ];
    let report = Report { judged: false, ..report(lines) };
    let text = report.text();
    assert!(text.contains("at most 0.80x: not judged"), "{text}");
    assert!(text.contains("failed: no / such verb"), "{text}");
    assert_eq!(report.failures(), ["colok (work)"]);
}

#[test]
fn a_section_replaces_only_itself() {
    let first = replace_section("# Head\n", "files", "## One\n").unwrap();
    let both = replace_section(&first, "echo", "## Other\n").unwrap();
    let newer = replace_section(&both, "files", "## Two\n").unwrap();
    assert!(newer.starts_with("# Head\n\n<!-- written by cargo xtask bench files -->\n\n## Two\n"));
    assert!(!newer.contains("## One") && newer.contains("## Other\n"), "{newer}");
    assert_eq!(replace_section(&newer, "files", "## Two").unwrap(), newer);
    let cut = newer.replace("<!-- end of cargo xtask bench files -->", "");
    assert!(replace_section(&cut, "files", "## Three").is_err());
}

#[test]
fn the_first_report_makes_the_document() {
    let root = std::env::temp_dir().join(format!("colok-bench-report-{}", std::process::id()));
    fs::create_dir_all(root.join("docs")).unwrap();
    let kept = keep(&root, "files", "## One\n");
    let text = fs::read_to_string(root.join(DOCUMENT)).unwrap_or_default();
    fs::remove_dir_all(&root).unwrap();
    assert_eq!(kept, Ok(DOCUMENT));
    assert!(text.starts_with("# Benchmarks\n") && text.contains("\n## One\n"), "{text}");
}

#[test]
fn pictures_are_kept_beside_the_document() {
    let root = std::env::temp_dir().join(format!("colok-bench-pictures-{}", std::process::id()));
    let picture = Picture { name: "a.svg".into(), about: "a picture".into(), svg: "<svg/>".into() };
    let kept = keep_pictures(&root, "benchmarks", std::slice::from_ref(&picture));
    let text = fs::read_to_string(root.join("docs/benchmarks/a.svg"));
    let nothing = keep_pictures(&root.join("other"), "benchmarks", &[]);
    let made = root.join("other").exists();
    fs::remove_dir_all(&root).unwrap();
    assert_eq!((kept, text.unwrap()), (Ok(()), picture.svg));
    assert_eq!((nothing, made), (Ok(()), false));
}
