//! Servers that go away in the middle, users that have seen enough: there is a report of it all.

use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Serving, colok, command, gather};
use crate::servers::{Stream, lines, tcp};
use crate::support::{load, told, wait_until};

fn begin(place: &str, words: &str) -> Child {
    let mut all = vec!["load", place, "--json", "--quiet"];
    all.extend(words.split_whitespace());
    let mut command = command(&all);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("it has a pid"), signal).expect("it runs");
}

/// An echo that counts what it answers.
fn counting() -> (String, Arc<AtomicU64>) {
    let answered = Arc::new(AtomicU64::new(0));
    let mine = Arc::clone(&answered);
    let place = tcp(move |stream: Stream, _| {
        lines(&stream, |line| {
            mine.fetch_add(1, Ordering::Relaxed);
            { &stream }.write_all(line)
        });
    });
    (place, answered)
}

#[test]
fn a_user_who_has_seen_enough() {
    for (end, words) in [
        (Signal::INT, "-c 4 --threads 1"),
        (Signal::INT, "-c 4 --depth 16 --rate 2k"),
        (Signal::TERM, "-c 4 --threads 2"),
        (Signal::TERM, "-c 4 --processes 2"),
    ] {
        let (place, answered) = counting();
        let child = begin(&place, &format!("{words} --for 1h --warm-up 0"));
        wait_until("it is under way", || answered.load(Ordering::Relaxed) > 200);
        signal(&child, end);
        let told = told(&gather(child));
        told.assert_ended("interrupted", 130);
        assert_eq!(told.count("answered"), answered.load(Ordering::Relaxed), "{}", told.report);
        assert_eq!(told.count("in_flight"), 0, "{}", told.report);
        assert!(told.number("/throughput/messages_per_s") > 0.0, "{}", told.report);
    }
}

#[test]
fn a_server_that_is_killed() {
    for words in ["-c 4 --threads 1 --io epoll", "-c 4 --depth 16", "-c 4 --rate 500"] {
        let serving = Serving::start(&["echo=tcp://127.0.0.1:0"], 1);
        let child = begin(serving.place(), &format!("{words} --for 2s --warm-up 0"));
        for _ in 0..4 {
            serving.event("accepted");
        }
        crate::support::pause(Duration::from_millis(300));
        serving.signal(Signal::KILL);
        let told = told(&gather(child));
        assert!(told.ended_early() >= 4, "{}", told.report);
        assert!(told.finding("connections-failed").is_some(), "{}", told.report);
        assert_eq!(told.report["outcome"], "errors", "{}", told.report);
        // Replies were lost, or none was under way just then.
        let code = if told.count("lost") + told.count("wrong") > 0 { 3 } else { 1 };
        assert_eq!(told.code, Some(code), "{}", told.report);
        assert_eq!(told.whole("/connections/open_at_end"), 0, "{}", told.report);
    }
}

#[test]
fn a_server_that_ends_idle_connections() {
    // Whoever says nothing for 300 ms is sent away.
    let place = tcp(|stream: Stream, _| {
        if let Stream::Tcp(stream) = &stream {
            stream.set_read_timeout(Some(Duration::from_millis(300))).expect("it is open");
        }
        let mut byte = [0; 1];
        let mut line = Vec::new();
        while let Ok(1) = { &stream }.read(&mut byte) {
            line.push(byte[0]);
            if byte == *b"\n" {
                if { &stream }.write_all(&line).is_err() {
                    return;
                }
                line.clear();
            }
        }
    });
    for io in ["epoll", "auto"] {
        let words = format!("-c 8 --active 2 --for 1500ms --warm-up 0 --threads 1 --io {io}");
        let told = load(&place, &words);
        assert!(told.ended_early() >= 6, "{}", told.report);
        let reasons = told.report["connections"]["ended_early"].to_string();
        assert!(reasons.contains("peer-closed"), "{reasons}");
        assert!(told.finding("connections-failed").is_some(), "{}", told.report);
        assert_ne!(told.report["outcome"], "ok", "{}", told.report);
        assert!(matches!(told.code, Some(1 | 3)), "{}", told.report);
    }
}

#[test]
fn one_object_on_every_way_out() {
    for (words, code) in [
        (&["load", "--json"][..], 2),
        (&["load", "localhost:1", "--size", "many", "--json"], 2),
        (&["load", "localhost:1", "--json", "--size", "20-10"], 2),
        (&["load", "localhost:1", "--json", "--active", "9", "-c", "3"], 2),
        (&["load", "localhost:1", "--json", "--send", "x"], 2),
        (&["load", "tcp://127.0.0.1:1", "--json", "--for", "300ms"], 1),
        (&["load", "unix:/no/such/socket", "--json", "--for", "300ms"], 1),
        (&["load", "udp://127.0.0.1:1", "--json", "--for", "300ms", "--reply-timeout", "1s"], 3),
    ] {
        let output = colok(words);
        let told = told(&output);
        assert_eq!(told.code, Some(code), "{words:?}: {} {}", told.report, output.err);
        assert_eq!(told.report["summary"]["ok"], false, "{words:?}");
        assert_ne!(told.report["outcome"], "ok", "{words:?}");
    }
}
