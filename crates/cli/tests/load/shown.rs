//! The report as text, in both languages, and what is shown on the way.

use crate::common::{Output, colok};
use crate::support::{SHORT, load, serve};

/// The labels at the left edge, in order.
fn labels(output: &Output) -> Vec<String> {
    let text = output.text();
    let lines = text.lines().skip_while(|line| !line.is_empty());
    let starts = lines.filter(|line| line.starts_with(|first: char| first.is_alphabetic()));
    starts.map(|line| line.get(..13).unwrap_or(line).trim().to_owned()).collect()
}

#[test]
fn a_report_has_its_parts_in_this_order() {
    let serving = serve("echo");
    let output = load(&[serving.place(), "--server-pid", &serving.pid().to_string()]);
    assert_eq!(output.code, Some(0), "{output:?}");
    let expected = [
        "result",
        "throughput",
        "latency",
        "messages",
        "connections",
        "generator",
        "server",
        "to repeat",
    ];
    assert_eq!(labels(&output), expected, "{}", output.text());
    let text = output.text();
    assert!(text.starts_with(&format!("echo at tcp://{}: 4 connections", serving.place())));
    assert!(text.contains("every reply was right"), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80 && !line.contains('\x1b'), "{line}");
    }
}

#[test]
fn an_open_loop_shows_both_times() {
    let serving = serve("echo");
    let output = load(&[serving.place(), "--rate", "500", "--arrivals", "even", "--seed", "7"]);
    let text = output.text();
    let all = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["500 messages/s wanted (open loop)", "service time", "response time"] {
        assert!(all.contains(part), "no `{part}` in {text}");
    }
    let repeat = text.lines().skip_while(|line| !line.starts_with("to repeat"));
    let words: Vec<&str> = repeat.flat_map(str::split_whitespace).collect();
    assert_eq!(words[2..4], ["colok", "load"]);
    assert_eq!(words.iter().filter(|word| **word == "--seed").count(), 1, "{words:?}");
}

#[test]
fn in_indonesian() {
    let serving = serve("echo");
    let output = load(&[serving.place(), "--lang", "id"]);
    assert_eq!(output.code, Some(0));
    assert_eq!(labels(&output)[..3], ["hasil", "laju", "latensi"], "{}", output.text());
    assert!(output.text().contains("setiap balasan benar"), "{}", output.text());
}

#[test]
fn lines_on_the_way_go_to_standard_error_unless_nobody_wants_them() {
    let serving = serve("echo");
    let arguments = ["load", serving.place(), "-c", "2", "--threads", "1", "--for", "1300ms"];
    let output = colok(&arguments);
    let lines: Vec<&str> = output.err.lines().collect();
    assert!(!lines.is_empty(), "{output:?}");
    assert!(lines.iter().all(|line| line.contains("messages/s")), "{lines:?}");
    assert!(lines.iter().all(|line| line.contains("0 errors")), "{lines:?}");
    let quiet = colok(&[&arguments[..], &["--quiet"]].concat());
    assert_eq!((quiet.code, quiet.err.as_str()), (Some(0), ""));
    assert!(quiet.text().contains("\nthroughput "));
}

#[test]
fn a_page_is_written() {
    let serving = serve("echo");
    let page = std::env::temp_dir().join(format!("colok-load-page-{}.html", std::process::id()));
    let path = page.to_str().expect("it is text");
    let output = colok(&[&["load", serving.place(), "--html", path], &SHORT[..]].concat());
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.text().ends_with(&format!("page written to {path}\n")), "{}", output.text());
    let text = std::fs::read_to_string(&page).expect("it was written");
    std::fs::remove_file(&page).expect("it is ours");
    assert!(text.starts_with("<!DOCTYPE html>") || text.starts_with("<!doctype html>"));

    let missing = ["load", serving.place(), "--html", "/no/such/folder/x.html"];
    let output = colok(&[&missing[..], &SHORT].concat());
    assert_eq!(output.code, Some(1));
    assert!(output.text().contains("\nthroughput "), "the report comes all the same");
    assert!(output.err.contains("/no/such/folder/x.html"), "{}", output.err);
}
