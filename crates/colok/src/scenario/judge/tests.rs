//! Every kind of expectation on evidence where it holds and where it does not; what could not be
//! seen; verdicts of cases. [`evidence`] is the evidence of one step that most tests use.

mod keys;
mod verdicts;

use std::time::Duration;

use serde_json::json;

use super::*;

/// Evidence that can be borrowed.
pub(in crate::scenario) struct Evidence {
    pub(in crate::scenario) step: StepSeen,
    pub(in crate::scenario) ends: BTreeMap<String, f64>,
    pub(in crate::scenario) files: BTreeMap<Place, FileSeen>,
}

impl Evidence {
    pub(in crate::scenario) fn observed(&self) -> Observed<'_> {
        Observed { step: &self.step, ends: &self.ends, files: &self.files }
    }
}

pub(in crate::scenario) fn place(path: &str) -> Place {
    Place { host: "a".to_owned(), path: path.to_owned() }
}

pub(in crate::scenario) fn file(bytes: &[u8]) -> FileSeen {
    FileSeen {
        exists: true,
        size: bytes.len() as u64,
        mode: 0o100_644,
        blake3: blake3::hash(bytes).to_hex().to_string(),
        beginning: bytes[..bytes.len().min(64 << 10)].to_vec(),
    }
}

const STDOUT: &str = r#"hello
{"summary": {"lost": 0, "rates": [1.5, 2]}, "ok": true, "name": "x"}
"#;

/// A client that said hello, got an answer and a reset.
pub(in crate::scenario) fn evidence() -> Evidence {
    let events = vec![
        json!({"event": "connected", "connection": 1, "remote": "127.0.0.1:7"}),
        json!({"event": "call", "connection": 1, "call": "send", "errno": 0}),
        json!({"event": "call", "connection": 1, "call": "recv", "errno": 104}),
        json!({"event": "failed", "call": "connect", "error": "ECONNREFUSED", "errno": 111}),
        json!({"event": "closed", "reason": "io(104)", "bytes_sent": 6, "ok": true}),
        json!({"event": "closed", "reason": "quit", "bytes_sent": 10, "ok": false}),
    ];
    let step = StepSeen {
        exit: Some(3),
        start_s: 1.0,
        end_s: Some(3.5),
        now_s: 3.5,
        stdout: STDOUT.as_bytes().to_vec(),
        stderr: b"colok: nothing listens on 127.0.0.1:7\n".to_vec(),
        events,
        ..StepSeen::default()
    };
    let stdout = file(&step.stdout);
    let gone = FileSeen::default();
    let folder = FileSeen { exists: true, mode: 0o40_755, ..FileSeen::default() };
    let files = [
        ("got", file(b"text\n")),
        ("sent", file(b"text\n")),
        ("other", file(b"texx\n")),
        ("stdout", stdout),
        ("gone", gone),
        ("folder", folder),
    ];
    Evidence {
        step,
        ends: [("earlier".to_owned(), 2.0), ("later".to_owned(), 4.0)].into(),
        files: files.map(|(path, seen)| (place(path), seen)).into(),
    }
}

pub(in crate::scenario) fn numbers(least: i64, most: i64) -> Numbers {
    Numbers(vec![(least, most)])
}

pub(in crate::scenario) fn text(output: Output, text: &str) -> Kind {
    Kind::Text { output, text: text.to_owned() }
}

pub(in crate::scenario) fn like(pattern: &str) -> Kind {
    Kind::Like { output: Output::Stdout, pattern: pattern.to_owned() }
}

pub(in crate::scenario) fn message(patterns: &[&str]) -> Kind {
    let patterns = patterns.iter().map(|&form| form.to_owned()).collect();
    Kind::Message { id: "nothing-listens".to_owned(), patterns }
}

pub(in crate::scenario) fn event(event: &str, with: &[(&str, Limit)], count: Numbers) -> Kind {
    let with = with.iter().map(|(path, limit)| ((*path).to_owned(), limit.clone())).collect();
    Kind::Event { event: event.to_owned(), with, count }
}

pub(in crate::scenario) fn figure(path: &str, limit: Limit) -> Kind {
    Kind::Figure { path: path.to_owned(), limit }
}

pub(in crate::scenario) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

pub(in crate::scenario) fn after(step: &str) -> Kind {
    Kind::After { step: step.to_owned(), before: true }
}

pub(in crate::scenario) fn times(least: u64, most: u64) -> Kind {
    let times = Times { least: Duration::from_millis(least), most: Duration::from_millis(most) };
    Kind::Time(times)
}

fn got(kind: &Kind) -> (Verdict, String) {
    let evidence = evidence();
    let seen = check(kind, &evidence.observed());
    (seen.verdict, seen.got)
}

#[track_caller]
fn fails(kind: &Kind, text: &str) {
    assert_eq!(got(kind), (Verdict::Fail, text.to_owned()), "{kind:?}");
}

/// For each kind: what holds on [`evidence`].
pub(in crate::scenario) fn right() -> Vec<Kind> {
    let same =
        |other: &str| Kind::FileSameAs { file: place("got"), other: place(other), same: true };
    vec![
        Kind::Exit(Numbers(vec![(0, 0), (3, 3)])),
        Kind::Exit(numbers(1, i64::MAX)),
        text(Output::Stderr, "colok: nothing listens on 127.0.0.1:7\n"),
        text(Output::Stdout, STDOUT),
        like("hello\\n*true*"),
        like("?*"),
        Kind::StdoutSameAs { file: place("stdout"), same: true },
        Kind::StdoutBytes(numbers(1, 1000)),
        message(&["nothing listens on *:7", "tidak ada"]),
        Kind::Errno("ECONNREFUSED".to_owned()),
        Kind::Errno("ECONNRESET".to_owned()),
        Kind::Closed(words(&["io(*)", "quit"])),
        times(2500, 2500),
        times(0, 3000),
        Kind::Time(Times { least: Duration::from_secs(2), most: Duration::MAX }),
        after("earlier"),
        event("closed", &[], numbers(2, 2)),
        event("closed", &[("bytes_sent", Limit::Range { least: 10.0, most: 20.0 })], numbers(1, 1)),
        event("closed", &[("reason", Limit::Text("io(*)".to_owned()))], numbers(1, i64::MAX)),
        event("closed", &[("ok", Limit::Truth(true))], numbers(1, i64::MAX)),
        event("closed", &[("reason", Limit::Text("*".to_owned()))], numbers(1, i64::MAX)),
        event("call", &[("errno", Limit::Text("104".to_owned()))], numbers(1, 1)),
        event("refused", &[], numbers(0, 0)),
        event("refused", &[("reason", Limit::Text("rate".to_owned()))], numbers(0, 5)),
        Kind::Order(words(&["connected", "failed", "closed"])),
        Kind::Order(words(&["closed", "closed"])),
        Kind::FileExists { file: place("got"), exists: true },
        Kind::FileExists { file: place("gone"), exists: false },
        Kind::FileSize { file: place("got"), bytes: numbers(5, 5) },
        Kind::FileMode { file: place("got"), mode: "0644".to_owned() },
        Kind::FileText { file: place("got"), text: "text\n".to_owned() },
        same("sent"),
        Kind::FileBlake3 { file: place("got"), blake3: file(b"text\n").blake3 },
        figure("summary.lost", Limit::Range { least: 0.0, most: 0.0 }),
        figure("summary.rates.1", Limit::Range { least: 1.0, most: f64::INFINITY }),
        figure("ok", Limit::Truth(true)),
        figure("name", Limit::Text("*".to_owned())),
        figure("summary.rates.0", Limit::Text("1.?".to_owned())),
    ]
}

#[test]
fn what_holds_passes() {
    for kind in right() {
        let (verdict, got) = got(&kind);
        assert_eq!(verdict, Verdict::Pass, "{kind:?}: {got}");
        assert!(!got.is_empty(), "{kind:?}");
    }
    let mut killed = evidence();
    (killed.step.exit, killed.step.signal) = (None, Some("KILL".to_owned()));
    for name in ["KILL", "SIGKILL", "kill"] {
        let seen = check(&Kind::Signal(name.to_owned()), &killed.observed());
        assert_eq!((seen.verdict, seen.got.as_str()), (Verdict::Pass, "signal KILL"), "{name}");
    }
    let seen = check(&Kind::Exit(numbers(0, 255)), &killed.observed());
    assert_eq!((seen.verdict, seen.got.as_str()), (Verdict::Fail, "signal KILL"));
}

#[test]
fn what_a_program_did_wrong_is_said() {
    fails(&Kind::Exit(numbers(0, 0)), "3");
    fails(&Kind::Signal("TERM".to_owned()), "3");
    fails(&text(Output::Stderr, ""), "\"colok: nothing listens on 127.0.0.1:7\\n\"");
    fails(&Kind::StdoutBytes(numbers(0, 5)), "75");
    assert_eq!(got(&like("hello")).0, Verdict::Fail);
    assert_eq!(got(&like("hello\\")).0, Verdict::Fail);
    assert_eq!(got(&message(&["someone listens"])).0, Verdict::Fail);
    fails(&message(&[]), "there is no such message in this language");
    fails(&times(0, 2499), "2.5s");
    fails(&times(2501, 9000), "2.5s");
    fails(&after("later"), "it ended at 3.500000 s, \"later\" at 4.000000 s");
    fails(&after("never"), "\"never\" has not ended");
    let mut none = evidence();
    (none.step.exit, none.step.error) = (None, Some("there is no program `x`".to_owned()));
    let seen = check(&Kind::Exit(numbers(0, 0)), &none.observed());
    assert_eq!((seen.verdict, seen.got.as_str()), (Verdict::Fail, "there is no program `x`"));
}

#[test]
fn what_is_wrong_with_events_is_said() {
    fails(&Kind::Errno("EPIPE".to_owned()), "\"ECONNRESET\", \"ECONNREFUSED\"");
    fails(&Kind::Closed(words(&["quit"])), "\"io(104)\", \"quit\"");
    fails(&event("closed", &[], numbers(3, 3)), "2");
    fails(
        &event("opened", &[], numbers(1, 1)),
        "0 of them; there are \"connected\", \"call\", \"failed\", \"closed\"",
    );
    fails(
        &event("closed", &[("reason", Limit::Text("quit".to_owned()))], numbers(2, 2)),
        "1 of 2 \"closed\"; the first that is not so has reason \"io(104)\"",
    );
    fails(
        &event("closed", &[("until", Limit::Truth(true))], numbers(1, i64::MAX)),
        "0 of 2 \"closed\"; the first that is not so has no until",
    );
    fails(
        &Kind::Order(words(&["closed", "connected"])),
        "after \"closed\" there is no \"connected\"",
    );
    fails(&Kind::Order(words(&["accepted"])), "there is no \"accepted\"");
    let silent = Evidence { step: StepSeen::default(), ..evidence() };
    for kind in [Kind::Errno("EPIPE".to_owned()), Kind::Closed(words(&["*"]))] {
        assert_eq!(check(&kind, &silent.observed()).verdict, Verdict::Fail, "{kind:?}");
    }
}

#[test]
fn what_is_wrong_with_files_is_said() {
    fails(&Kind::FileExists { file: place("gone"), exists: true }, "\"gone\" on a is not there");
    fails(&Kind::FileSize { file: place("got"), bytes: numbers(6, 6) }, "5");
    fails(
        &Kind::FileSize { file: place("gone"), bytes: numbers(0, 0) },
        "there is no \"gone\" on a",
    );
    fails(&Kind::FileMode { file: place("got"), mode: "0400".to_owned() }, "0644");
    fails(&Kind::FileText { file: place("other"), text: "text\n".to_owned() }, "\"texx\\n\"");
    let same = |one: &str, other: &str| Kind::FileSameAs {
        file: place(one),
        other: place(other),
        same: true,
    };
    assert_eq!(got(&same("got", "other")).0, Verdict::Fail);
    fails(&same("got", "gone"), "there is no \"gone\" on a");
    fails(&same("folder", "got"), "one of them is no regular file");
    fails(&same("folder", "folder"), "one of them is no regular file");
    let not_looked_at = Kind::FileExists { file: place("unknown"), exists: false };
    assert_eq!(got(&not_looked_at), (Verdict::Unknown, "it was not looked at".to_owned()));
    let stdout = Kind::StdoutSameAs { file: place("got"), same: true };
    assert_eq!(got(&stdout).0, Verdict::Fail);
    let blake3 = Kind::FileBlake3 { file: place("folder"), blake3: String::new() };
    fails(&blake3, "no regular file");
}

#[test]
fn figures_are_found_in_the_last_json() {
    let range = |least, most| Limit::Range { least, most };
    fails(&figure("summary.lost", range(1.0, 2.0)), "0");
    fails(&figure("ok", Limit::Truth(false)), "true");
    fails(&figure("name", Limit::Text("y*".to_owned())), "\"x\"");
    fails(
        &figure("summary.lots", range(0.0, 0.0)),
        "there is no `summary.lots` in the JSON on standard output",
    );
    let printed = |text: &str, path: &str| {
        let step = StepSeen { stdout: text.as_bytes().to_vec(), ..StepSeen::default() };
        let evidence = Evidence { step, ..evidence() };
        check(&figure(path, range(7.0, 7.0)), &evidence.observed()).verdict
    };
    for (text, path) in [
        ("{\"a\": 7}", "a"),
        ("{\"a\": 1}\n{\"a\": 7}\n", "a"),
        ("words\n{\n  \"a\": {\n\"b\": [1, 7]}\n}\nmore words\n", "a.b.1"),
        ("7", ""),
        ("{\"a.b\": {\"c\": 7}}", "a.b.c"),
        ("[{\"a\": 7}]\n", "0.a"),
    ] {
        let expected = if path.is_empty() { Verdict::Fail } else { Verdict::Pass };
        assert_eq!(printed(text, path), expected, "{text}");
    }
    for text in ["", "words", "{\"a\": ", "{\"a\": \"7\"}", "{\"a\": null}"] {
        assert_eq!(printed(text, "a"), Verdict::Fail, "{text}");
    }
}

#[test]
fn what_was_not_seen_to_its_end_is_unknown() {
    let mut evidence = evidence();
    evidence.step.unseen = Some("its time of 30 s ran out".to_owned());
    (evidence.step.exit, evidence.step.end_s, evidence.step.now_s) = (None, None, 31.0);
    let judged = |kind: &Kind| {
        let seen = check(kind, &evidence.observed());
        (seen.verdict, seen.got)
    };
    let (verdict, got) = judged(&Kind::Exit(numbers(0, 0)));
    assert_eq!(verdict, Verdict::Unknown);
    assert_eq!(got, "it has not ended; its time of 30 s ran out");
    assert_eq!(judged(&like("x")).0, Verdict::Unknown);
    assert_eq!(judged(&like("hello*")).0, Verdict::Pass, "it was seen");
    assert_eq!(judged(&times(0, 29_000)).0, Verdict::Fail, "it took longer, that is known");
    assert_eq!(judged(&times(0, 31_000)).0, Verdict::Unknown, "it may end in time");
    assert_eq!(judged(&times(40_000, 50_000)).0, Verdict::Unknown, "it may end in time");
    let long = Times { least: Duration::from_secs(30), most: Duration::MAX };
    assert_eq!(judged(&Kind::Time(long)).0, Verdict::Pass, "it took at least as long");
    evidence.step.unseen = None;
    let seen = check(&times(0, 31_000), &evidence.observed());
    assert_eq!(seen.verdict, Verdict::Fail, "nobody waits any longer");
}

#[test]
fn what_more_could_undo_is_unknown_where_more_may_be() {
    let mut evidence = evidence();
    evidence.step.unseen = Some("its log had no room for 7 events".to_owned());
    let judged = |kind: &Kind| check(kind, &evidence.observed()).verdict;
    let event = |least, most| Kind::Event {
        event: "accepted".to_owned(),
        with: BTreeMap::new(),
        count: numbers(least, most),
    };
    assert_eq!(judged(&event(0, i64::MAX)), Verdict::Pass, "more can only be more");
    assert_eq!(judged(&event(0, 1000)), Verdict::Unknown, "there may be more than a thousand");
    assert_eq!(judged(&Kind::StdoutBytes(numbers(0, i64::MAX))), Verdict::Pass);
    assert_eq!(judged(&Kind::StdoutBytes(numbers(0, 1 << 40))), Verdict::Unknown);
    assert_eq!(judged(&like("hello*")), Verdict::Pass);
    assert_eq!(judged(&like("*")), Verdict::Pass);
    let all = String::from_utf8(evidence.step.stdout.clone()).expect("it is text");
    let exactly = Kind::Text { output: Output::Stdout, text: all };
    assert_eq!(judged(&exactly), Verdict::Unknown, "more may follow");
}

#[test]
fn expectations_are_told_for_people() {
    let evidence = evidence();
    let expected = |kind: Kind| check(&kind, &evidence.observed()).expected;
    assert_eq!(expected(Kind::Exit(Numbers(vec![(0, 0), (3, 5)]))), "0, 3..5");
    assert_eq!(expected(times(4900, 7000)), "4.9s..7s");
    assert_eq!(expected(like("a*\n")), "all of it like \"a*\\n\"");
    assert_eq!(expected(message(&["nothing *"])), "the message nothing-listens: \"nothing *\"");
    let with =
        [("bytes", Limit::Range { least: 1.0, most: 2.0 }), ("reason", Limit::Text("q".into()))];
    assert_eq!(
        expected(event("closed", &with, numbers(1, i64::MAX))),
        "at least 1 \"closed\" with bytes 1..2 and reason \"q\""
    );
    assert_eq!(
        expected(Kind::FileMode { file: place("got"), mode: "0400".to_owned() }),
        "the mode 0400 of \"got\" on a"
    );
}
