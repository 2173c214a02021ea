//! Whatever passes and can fail has wrong forms that all fail; whatever cannot fail is found out.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::scenario::file::{Expect, Scenario};
use crate::scenario::judge::{StepSeen, check, tests as judged};
use crate::scenario::record::Verdict;
use judged::{Evidence, event, evidence, figure, like, message, numbers, place, text, words};

#[track_caller]
fn fails_in_each_wrong_form(kind: &Kind, evidence: &Evidence) {
    let observed = evidence.observed();
    assert_eq!(check(kind, &observed).verdict, Verdict::Pass, "{kind:?}");
    let wrong = wrong(kind, &observed);
    assert!(!wrong.is_empty(), "{kind:?}");
    for wrong in wrong {
        assert_eq!(check(&wrong, &observed).verdict, Verdict::Fail, "{kind:?} as {wrong:?}");
    }
}

#[test]
fn every_kind_fails_in_each_of_its_wrong_forms() {
    for kind in judged::right() {
        fails_in_each_wrong_form(&kind, &evidence());
        let counted = tried(&kind, &evidence().observed());
        assert!(counted.tried > 0 && counted.failed == counted.tried, "{kind:?} {counted:?}");
    }
    let mut killed = evidence();
    killed.step.exit = None;
    for name in ["KILL", "TERM", "SIGTERM"] {
        killed.step.signal = Some(name.trim_start_matches("SIG").to_owned());
        fails_in_each_wrong_form(&Kind::Signal(name.to_owned()), &killed);
    }
}

#[test]
fn what_cannot_fail_is_found_out() {
    let every = numbers(i64::MIN, i64::MAX);
    let same_file = Kind::FileSameAs { file: place("got"), other: place("got"), same: true };
    for kind in [
        like("*"),
        like("***"),
        message(&["nothing listens", "*"]),
        Kind::Exit(every.clone()),
        Kind::Exit(numbers(0, 255)),
        Kind::StdoutBytes(every.clone()),
        Kind::StdoutBytes(numbers(0, i64::MAX)),
        Kind::Time(Times { least: Duration::ZERO, most: Duration::MAX }),
        event("closed", &[], every),
        event("closed", &[("ok", Limit::Truth(true))], numbers(0, i64::MAX)),
        Kind::FileSize { file: place("got"), bytes: Numbers(vec![(0, 7), (8, i64::MAX)]) },
        same_file,
    ] {
        let seen = check(&kind, &evidence().observed());
        assert_eq!(seen.verdict, Verdict::Pass, "{kind:?}");
        assert_eq!(
            tried(&kind, &evidence().observed()),
            Mutations { tried: 1, failed: 0 },
            "{kind:?}"
        );
    }
}

#[test]
fn what_ran_out_of_time_can_fail_all_the_same() {
    let mut evidence = evidence();
    evidence.step.unseen = Some("its time ran out".to_owned());
    let counted = tried(&like("hello*"), &evidence.observed());
    assert!(counted.tried > 0 && counted.failed == counted.tried, "{counted:?}");
}

/// Values that are alike enough to meet.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-3_i64..4).prop_map(Value::from),
        prop::sample::select(vec![0.5, -1e300, f64::MAX, f64::MIN]).prop_map(Value::from),
        "[ab~]{0,3}".prop_map(Value::from),
        Just(Value::Null),
        Just(json!(["a", 1])),
    ]
}

fn limit() -> impl Strategy<Value = Limit> {
    let number = || prop::sample::select(vec![-1.0, 0.0, 0.5, 2.0, f64::MAX]);
    prop_oneof![
        any::<bool>().prop_map(Limit::Truth),
        "[ab*?~]{1,3}".prop_map(Limit::Text),
        (number(), number())
            .prop_map(|(one, other)| Limit::Range { least: one.min(other), most: one.max(other) }),
        number().prop_map(|least| Limit::Range { least, most: f64::INFINITY }),
        number().prop_map(|most| Limit::Range { least: f64::NEG_INFINITY, most }),
    ]
}

fn count() -> impl Strategy<Value = Numbers> {
    let range = (-1_i64..4, 0_i64..3).prop_map(|(least, more)| (least, least + more));
    let open = (0_i64..3).prop_map(|least| (least, i64::MAX));
    prop::collection::vec(prop_oneof![3 => range, 1 => open], 1..3).prop_map(Numbers)
}

fn told() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec!["closed", "failed", "wrong", "~wrong~"]);
    (name, value(), value(), prop::sample::select(vec![0, 32, 104])).prop_map(
        |(event, reason, field, errno)| {
            json!({
                "event": event, "reason": reason, "field": field, "errno": errno, "~wrong~": field,
            })
        },
    )
}

fn step() -> impl Strategy<Value = StepSeen> {
    let events = prop::collection::vec(told(), 0..5);
    (-1_i32..4, "[ab~wrong]{0,9}", value(), events, 0_u32..4).prop_map(
        |(exit, text, figure, events, length)| StepSeen {
            exit: (exit >= 0).then_some(exit),
            signal: (exit < 0).then(|| "KILL".to_owned()),
            start_s: 1.0,
            end_s: (length > 0).then_some(1.0 + f64::from(length)),
            now_s: 5.0,
            stdout: format!("{}\n", json!({"figure": figure})).into_bytes(),
            stderr: text.into_bytes(),
            events,
            ..StepSeen::default()
        },
    )
}

fn kind() -> impl Strategy<Value = Kind> {
    let name = || "(closed|failed|wrong|~wrong~|quit|a)";
    let pattern = || "[ab*?~]{1,4}";
    let seconds = (0_u64..5, 0_u64..5)
        .prop_map(|(one, other)| judged::times(one.min(other) * 1000, one.max(other) * 1000));
    let with = prop::collection::btree_map("(reason|field|~wrong~|event)", limit(), 0..3);
    let events =
        (name(), with, count()).prop_map(|(event, with, count)| Kind::Event { event, with, count });
    let outputs = prop::sample::select(vec![Output::Stdout, Output::Stderr]);
    prop_oneof![
        1 => count().prop_map(Kind::Exit),
        1 => prop::sample::select(vec!["KILL", "TERM"])
            .prop_map(|name| Kind::Signal(name.to_owned())),
        1 => "[ab]{0,2}".prop_map(|expected| text(Output::Stderr, &expected)),
        1 => (outputs, pattern()).prop_map(|(output, pattern)| Kind::Like { output, pattern }),
        1 => count().prop_map(Kind::StdoutBytes),
        1 => prop::collection::vec(pattern(), 1..3)
            .prop_map(|patterns| Kind::Message { id: "m".to_owned(), patterns }),
        1 => prop::sample::select(vec!["ECONNRESET", "EPIPE", "EWRONG"])
            .prop_map(|name| Kind::Errno(name.to_owned())),
        1 => prop::collection::vec(pattern(), 1..3).prop_map(Kind::Closed),
        1 => seconds,
        4 => events,
        1 => prop::collection::vec(name(), 1..4).prop_map(Kind::Order),
        2 => ("(figure|other)", limit()).prop_map(|(path, limit)| Kind::Figure { path, limit }),
    ]
}

/// Whether nothing could make an expectation fail, by what it says alone.
fn cannot_fail(kind: &Kind) -> bool {
    let covers = |numbers: &Numbers, least: i64, most: i64| {
        (least..most.min(20)).chain([most]).all(|number| limits::is_among(number, &numbers.0))
    };
    let stars = |pattern: &String| pattern.trim_matches('*').is_empty();
    match kind {
        Kind::Exit(codes) => covers(codes, 0, 255),
        Kind::Like { pattern, .. } => stars(pattern),
        Kind::Message { patterns, .. } => patterns.iter().any(stars),
        Kind::StdoutBytes(count) | Kind::Event { count, .. } => covers(count, 0, i64::MAX),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn wrong_forms_fail_on_whatever_evidence(kind in kind(), step in step()) {
        let evidence = Evidence { step, ..evidence() };
        let observed = evidence.observed();
        if check(&kind, &observed).verdict == Verdict::Pass {
            let counted = tried(&kind, &observed);
            prop_assert!(counted.tried > 0);
            let all_failed = counted.failed == counted.tried;
            let wrong = wrong(&kind, &observed);
            prop_assert_eq!(all_failed, !cannot_fail(&kind), "{:?}", wrong);
        }
    }

    #[test]
    fn the_rest_of_some_ranges_is_all_else(numbers in count(), number in -3_i64..9) {
        let rest = limits::rest(&numbers.0, -2, 7);
        let there = (-2..=7).contains(&number) && !limits::is_among(number, &numbers.0);
        prop_assert_eq!(limits::is_among(number, &rest), there);
        prop_assert!(rest.iter().all(|(least, most)| least <= most));
    }
}

#[test]
fn the_edges_of_numbers_are_kept() {
    assert_eq!(limits::rest(&[(i64::MIN, 3)], i64::MIN, i64::MAX), [(4, i64::MAX)]);
    assert_eq!(limits::rest(&[(3, i64::MAX)], i64::MIN, i64::MAX), [(i64::MIN, 2)]);
    assert_eq!(limits::rest(&[(i64::MIN, i64::MAX)], i64::MIN, i64::MAX), []);
    assert_eq!(limits::rest(&[], 0, 9), [(0, 9)]);
}

#[test]
fn a_form_for_each_facet_of_an_event() {
    let kind =
        event("closed", &[("bytes_sent", Limit::Range { least: 6.0, most: 6.0 })], numbers(1, 1));
    // Count, name, field, less, more.
    assert_eq!(wrong(&kind, &evidence().observed()).len(), 5);
    let figure = figure("summary.lost", Limit::Range { least: 0.0, most: 0.0 });
    assert_eq!(wrong(&figure, &evidence().observed()).len(), 3);
    assert_eq!(wrong(&Kind::Order(words(&["closed"])), &evidence().observed()).len(), 2);
}

#[test]
fn every_key_of_the_schema_has_a_scenario_for_it() {
    let schema = schemars::schema_for!(Expect).to_value();
    let keys_of = |table: &Value, before: &str| -> Vec<String> {
        let keys = table["properties"].as_object().expect("it is a table").keys();
        keys.map(|key| format!("{before}{key}")).collect()
    };
    let mut keys = keys_of(&schema, "");
    keys.extend(keys_of(&schema["$defs"]["EventExpect"], "events."));
    keys.extend(keys_of(&schema["$defs"]["FileExpect"], "files."));
    keys.sort_unstable();
    let mut texts: Vec<&str> = texts::TEXTS.iter().map(|text| text.key).collect();
    texts.sort_unstable();
    assert_eq!(keys, texts);
}

#[test]
fn the_scenarios_for_the_keys_are_scenarios() {
    for text in &texts::TEXTS {
        for right in [true, false] {
            let scenario: Result<Scenario, _> = toml::from_str(&text.scenario(right));
            assert!(scenario.is_ok(), "{}: {scenario:?}", text.key);
        }
        assert_ne!(text.scenario(true), text.scenario(false), "{}", text.key);
    }
}
