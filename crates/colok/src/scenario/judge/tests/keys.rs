//! From the keys of a scenario file to expectations, and the files that are looked at for them.

use crate::scenario::file::{Limit, Scenario};
use crate::scenario::judge::{About, Book, Kind, Output, Place, expectations, wants};

struct OneMessage;

impl Book for OneMessage {
    fn patterns(&self, id: &str, language: &str) -> Option<Vec<String>> {
        (id == "hello" && language == "id").then(|| vec!["halo *".to_owned()])
    }

    fn ids(&self) -> Vec<String> {
        vec!["hello".to_owned()]
    }
}

const TEXT: &str = r#"title = "every key"
[[step]]
run = "true"
[step.expect]
exit = 0
signal = "KILL"
stdout = "a"
stdout_like = ["b*", "*c"]
stdout_same_as = "d"
stdout_bytes = "1.."
stderr = ""
stderr_like = "*"
message = ["hello", "bye"]
errno = "EPIPE"
closed = ["quit", "idle"]
time = "1s..2s"
after = ["one", "two"]
order = ["accepted", "closed"]
figures."a.b" = "> 3"
[[step.expect.events]]
event = "closed"
[[step.expect.events]]
event = "refused"
count = 2
[[step.expect.files]]
path = "e"
size = 1
mode = "0400"
text = "f"
same_as = "other:g"
blake3 = "00"
"#;

#[test]
fn every_key_is_an_expectation() {
    let scenario: Scenario = toml::from_str(TEXT).expect("it is a scenario");
    let expect = scenario.steps[0].expect.clone().expect("it expects");
    let line = |offset: usize| {
        u32::try_from(TEXT[..offset].matches('\n').count() + 1).expect("it is short")
    };
    let about = About { step: "s", host: "a", language: "id", book: &OneMessage, line: &line };
    let all = expectations(&about, &expect);
    assert!(all.iter().all(|one| one.step == "s"));
    let keys: Vec<(&str, u32)> = all.iter().map(|one| (one.key.as_str(), one.line)).collect();
    let events = ["events[1]", "events[2]"];
    let lines = |event: &str| all.iter().find(|one| one.key == event).map(|one| one.line);
    assert!(lines(events[0]) < lines(events[1]) && lines(events[0]) >= Some(20));
    let file = lines("files.exists").expect("it is there");
    let expected = [
        ("exit", 5),
        ("signal", 6),
        ("stdout", 7),
        ("stdout_like", 8),
        ("stdout_like", 8),
        ("stdout_same_as", 9),
        ("stdout_bytes", 10),
        ("stderr", 11),
        ("stderr_like", 12),
        ("message", 13),
        ("message", 13),
        ("errno", 14),
        ("closed", 15),
        ("time", 16),
        ("after", 17),
        ("after", 17),
        ("events[1]", lines("events[1]").expect("it is there")),
        ("events[2]", lines("events[2]").expect("it is there")),
        ("order", 18),
        ("files.exists", file),
        ("files.size", file),
        ("files.mode", file),
        ("files.text", file),
        ("files.same_as", file),
        ("files.blake3", file),
        ("figures.a.b", 19),
    ];
    assert_eq!(keys, expected);
    let kinds: Vec<Kind> = all.into_iter().map(|one| one.kind).collect();
    assert_eq!(kinds[4], Kind::Like { output: Output::Stdout, pattern: "*c".to_owned() });
    let message = |id: &str, patterns: &[&str]| Kind::Message {
        id: id.to_owned(),
        patterns: super::words(patterns),
    };
    assert_eq!(kinds[9..11], [message("hello", &["halo *"]), message("bye", &[])]);
    let figure = kinds.last().expect("there are some");
    let limit = Limit::Range { least: 3f64.next_up(), most: f64::INFINITY };
    assert_eq!(*figure, Kind::Figure { path: "a.b".to_owned(), limit });
}

#[test]
fn files_are_wanted_where_they_are() {
    let scenario: Scenario = toml::from_str(TEXT).expect("it is a scenario");
    let expect = scenario.steps[0].expect.clone().expect("it expects");
    let place = |host: &str, path: &str| Place { host: host.to_owned(), path: path.to_owned() };
    assert_eq!(wants(&expect, "a"), [place("a", "d"), place("a", "e"), place("other", "g")]);
}
