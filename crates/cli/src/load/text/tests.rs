//! What people read, in both languages: every line fits, and says what it should.

use colok::load::plan::Address;
use colok::load::report::{CountedReason, Finding, LimitReason, Outcome};

use super::super::example;
use super::*;
use crate::messages::Language;
use crate::style::Style;

fn shown(report: &Report, language: Language) -> String {
    let text = write(Paper::new(80, Style::PLAIN), report, &Messages::new(language));
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert!(line.is_ascii(), "{line}");
        assert_eq!(line.trim_end(), line);
    }
    text
}

/// Looks for texts, wherever their lines end.
fn has(text: &str, parts: &[&str]) {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let all = words(text);
    for part in parts {
        assert!(all.contains(&words(part)), "no `{part}` in\n{text}");
    }
}

#[test]
fn a_closed_loop() {
    let text = shown(&example::closed(), Language::English);
    has(
        &text,
        &[
            "echo at tcp://localhost:5001: 64 connections, messages of 64 B, 1 message at a time",
            "10 s after 1 s of warm-up result every reply was right (1 123 995 compared",
            "throughput 102k messages/s; 6.55 MB/s to the server, 6.55 MB/s back",
            "+/- 1.2 %: 95 % sure that it is 101k to 104k",
            "sent 1 123 995 = answered 1 123 995 + in flight 0 + lost 0 + wrong 0",
            "to repeat colok load localhost:5001 --seed 7",
        ],
    );
    for line in [
        "             99.99 %         3.10 ms          102\n",
        "             99.999 %        4.80 ms            9  too few\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(!text.contains("response time"));
}

#[test]
fn an_open_loop_shows_both_times_and_says_what_they_are() {
    let text = shown(&example::open(), Language::English);
    has(
        &text,
        &[
            "50.0k messages/s wanted (open loop)",
            "service time response time slower ones",
            "99 % 1.20 ms 3.60 ms 10 240",
            "service time: from sending a message",
            "response time: from when the message was due",
        ],
    );
}

#[test]
fn in_indonesian() {
    let text = shown(&example::open(), Language::Indonesian);
    has(&text, &["hasil setiap balasan benar", "laju 102k pesan/s", "waktu tanggap"]);
    for english in ["result", "wanted", "slower", "answered", "too few", "busiest"] {
        assert!(!text.contains(english), "`{english}` in\n{text}");
    }
}

#[test]
fn wrong_and_lost_replies_come_first() {
    let mut report = example::closed();
    report.outcome = Outcome::Errors;
    report.findings = vec![Finding::Unreliable, Finding::ConnectionsFailed];
    report.reconciliation.answered -= 10;
    (report.reconciliation.wrong, report.reconciliation.lost) = (7, 3);
    report.reconciliation.duplicates = 2;
    report.reconciliation.late = 1;
    report.connections.ended_early =
        vec![CountedReason { reason: "ECONNRESET".to_owned(), count: 12 }];
    let text = shown(&report, Language::English);
    has(
        &text,
        &[
            "result not every reply was right: 7 wrong, 3 lost, 2 doubled wrong: the reply",
            "lost: no reply within 5 s",
            "12 x ECONNRESET (Connection reset by peer)",
            "+ lost 3 + wrong 7 besides: 2 doubled, 1 too late",
        ],
    );
    assert!(!text.contains("every reply was right ("));
}

#[test]
fn every_finding_is_told_in_both_languages() {
    let reasons = vec![
        LimitReason::Processor { busy: 0.98 },
        LimitReason::Delayed { share: 0.12 },
        LimitReason::Slip { p99_us: 2_300.0 },
        LimitReason::Backlog { count: 361 },
        LimitReason::Descriptors { limit: 20_000 },
        LimitReason::Ports { available: 28_232 },
        LimitReason::ReceiveDrops { count: 17 },
    ];
    let mut report = example::open();
    report.findings = vec![
        Finding::GeneratorLimited { reasons },
        Finding::RateNotReached {
            requested_per_s: 150_000.0,
            achieved_per_s: 98_000.0,
            backlog: 520_000,
        },
        Finding::NotSteady { wanted_percent: 2.0, reached_percent: Some(3.1), runs: 20 },
        Finding::FewSamples { count: 12 },
        Finding::SharedProcessors,
    ];
    let text = shown(&report, Language::English);
    has(
        &text,
        &[
            "the generator was the bottleneck",
            "98 % of the time",
            "2.30 ms late",
            "limit 20 000",
            "28 232 per address",
            "17 datagrams",
            "requested 150k/s, achieved 98.0k/s: latencies grow",
            "520 000 messages were due",
            "a lower --rate",
            "+/- 3.1 % after 20 runs",
            "only 12 replies",
            "shared the processors",
        ],
    );
    assert_ne!(text, shown(&report, Language::Indonesian));
}

#[test]
fn what_was_not_measured_is_left_out() {
    let mut report = example::closed();
    report.plan.call = Call::Chargen;
    (report.service_time, report.server, report.connect_time) = (None, None, None);
    report.throughput.messages_per_s = None;
    report.reconciliation = Reconciliation { balanced: true, ..<_>::default() };
    let text = shown(&report, Language::English);
    has(&text, &["every byte that came was right", "throughput 6.55 MB/s to the server"]);
    for absent in ["latency", "server  ", "sent 0", "NaN", "messages/s"] {
        assert!(!text.contains(absent), "`{absent}` in\n{text}");
    }
}

#[test]
fn words_are_quoted_as_a_shell_takes_them() {
    for (word, expected) in [
        ("--rate", "--rate"),
        ("", "''"),
        ("a b", "'a b'"),
        ("it's", "'it'\\''s'"),
        // Some shells look for files with such names.
        ("count=tcp://[::1]:7", "'count=tcp://[::1]:7'"),
        ("+PONG\\r\\n", "'+PONG\\r\\n'"),
    ] {
        assert_eq!(quoted(word), expected);
    }
}

#[test]
fn nobody_answers_where_messages_are_taken() {
    let mut report = example::closed();
    report.plan.call = Call::Discard;
    report.service_time = None;
    report.throughput.received_bytes_per_s = 0.0;
    let text = shown(&report, Language::English);
    has(
        &text,
        &["as fast as they are taken", "0 B/s back", "= taken 1 123 995", "messages on each"],
    );
    for untrue in ["answered 1", "replies", "closed loop", "0.00"] {
        assert!(!text.contains(untrue), "`{untrue}` in\n{text}");
    }
    report.plan.address = Address::Udp(([127, 0, 0, 1], 9).into());
    has(&shown(&report, Language::English), &["took them cannot be seen"]);
}

#[test]
fn what_is_not_known_is_not_told_as_if_it_were() {
    let mut report = example::closed();
    if let Some(interval) = &mut report.throughput.interval {
        (interval.percent, interval.half_width) = (474.0, 485_000.0);
    }
    let text = shown(&report, Language::English);
    has(&text, &["how sure that is cannot be told"]);
    assert!(!text.contains("95 % sure"), "{text}");
    // Ctrl-C while it warmed up.
    (report.throughput.seconds, report.service_time) = (0.0, None);
    let text = shown(&report, Language::English);
    has(&text, &["throughput nothing was measured"]);
    assert!(!text.contains("B/s") && !text.contains("working"), "{text}");
}

#[test]
fn a_load_of_nothing_but_warm_up_says_so() {
    let mut report = example::closed();
    (report.throughput.seconds, report.service_time) = (0.0, None);
    report.findings = vec![Finding::FewSamples { count: 0 }];
    let text = shown(&report, Language::English);
    has(&text, &["there is no figure: all that was sent belongs to the warm-up", "--warm-up"]);
    has(&shown(&report, Language::Indonesian), &["tidak ada angka: semua yang dikirim"]);
    report.throughput.seconds = 1.0;
    report.reconciliation.answered = 0;
    let text = shown(&report, Language::English);
    assert!(text.contains("nothing was answered") && !text.contains("no figure"), "{text}");
}

#[test]
fn a_backlog_of_its_own_is_not_only_late() {
    let mut report = example::open();
    let reasons = vec![LimitReason::Backlog { count: 361 }];
    report.findings = vec![Finding::GeneratorLimited { reasons }];
    let text = shown(&report, Language::English);
    has(&text, &["the generator was the bottleneck", "361 messages were due"]);
}

#[test]
fn an_open_loop_that_reached_its_rate_has_only_its_times_in_doubt() {
    let mut report = example::open();
    let reasons = vec![LimitReason::Delayed { share: 0.12 }];
    report.findings = vec![Finding::GeneratorLimited { reasons }];
    has(&shown(&report, Language::English), &["the times are partly those of the generator"]);
}
