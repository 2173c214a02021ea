//! A server that corrupts, drops, duplicates and swaps replies: every one is found and counted.

use std::sync::Arc;

use crate::common::colok;
use crate::fault_server::{Account, Fault, FaultServer, Schedule};
use crate::support::{Told, daily_or_full, load};

/// What a stream can suffer with one message open.
const ALONE: [Fault; 13] = [
    Fault::Insert,
    Fault::Bit,
    Fault::Newline,
    Fault::Cross,
    Fault::Duplicate,
    Fault::Overwrite,
    Fault::Bit,
    Fault::Newline,
    Fault::Duplicate,
    Fault::Cross,
    Fault::Bit,
    Fault::Drop,
    Fault::Newline,
];

/// What a stream can suffer with many messages open. A wrong reply that names nobody is counted
/// against the oldest message, so none comes from another connection here.
const MANY: [Fault; 16] = [
    Fault::Short,
    Fault::ShortLine,
    Fault::Insert,
    Fault::Bit,
    Fault::Newline,
    Fault::Swap,
    Fault::Duplicate,
    Fault::Overwrite,
    Fault::Bit,
    Fault::Swap,
    Fault::Newline,
    Fault::Duplicate,
    Fault::Bit,
    Fault::Drop,
    Fault::Swap,
    Fault::Insert,
];

/// What datagrams can suffer.
const DATAGRAMS: [Fault; 12] = [
    Fault::Bit,
    Fault::Cut,
    Fault::Newline,
    Fault::Longer,
    Fault::Duplicate,
    Fault::Overwrite,
    Fault::Bit,
    Fault::Duplicate,
    Fault::Cut,
    Fault::Longer,
    Fault::Drop,
    Fault::Bit,
];

/// The same with many open.
const MANY_DATAGRAMS: [Fault; 12] = [
    Fault::Bit,
    Fault::Cut,
    Fault::Swap,
    Fault::Longer,
    Fault::Duplicate,
    Fault::Overwrite,
    Fault::Swap,
    Fault::Duplicate,
    Fault::Newline,
    Fault::Longer,
    Fault::Drop,
    Fault::Swap,
];

/// One fault in so many messages, of so many.
fn server(kinds: &'static [Fault], every: u64, messages: u64, seed: u64) -> Arc<FaultServer> {
    // Whole blocks, so that no fault is cut in two.
    let end = (messages - messages / 16) / every * every;
    FaultServer::new(Schedule { every, end, kinds, seed })
}

/// Every day as many faults of each kind in fewer messages.
fn run(
    kinds: &'static [Fault],
    on: impl Fn(&Arc<FaultServer>) -> String,
    words: &str,
    seed: u64,
) -> (Told, Account) {
    // About half of them are wrong replies: 1 in 100 000, or of fewer messages as many and more.
    let every = daily_or_full(60, 50_000);
    let messages = every * daily_or_full(130, 40);
    let server = server(kinds, every, messages, seed);
    let words = format!("-n {messages} --threads 1 --reply-timeout 2s --seed {seed} {words}");
    let told = load(&on(&server), &words);
    (told, server.account())
}

/// The report says what the server says; a reply that was too late for a busy machine was lost and
/// came all the same.
fn assert_all_found(told: &Told, account: Account) {
    let found = Account {
        messages: told.count("sent"),
        wrong: told.count("wrong"),
        dropped: told.count("lost") - told.count("late"),
        duplicated: told.count("duplicates"),
        swapped: told.count("out_of_order"),
    };
    assert_eq!(found, account, "{}", told.report);
    let without_fault = account.messages - account.wrong - account.dropped;
    assert_eq!(told.count("answered") + told.count("late"), without_fault, "{}", told.report);
    let [wrong, dropped, duplicated] = daily_or_full([30, 5, 10], [10, 2, 4]);
    assert!(account.wrong >= wrong && account.dropped >= dropped, "{account:?}");
    assert!(account.duplicated >= duplicated, "{account:?}");
    told.assert_ended("errors", 3);
    assert_eq!(told.report["summary"]["ok"], false);
    assert!(told.finding("unreliable").is_some(), "{}", told.report);
    assert_eq!(told.count("unexpected_bytes"), 0, "{}", told.report);
}

#[test]
fn one_message_open() {
    for (seed, words) in [(1, "--io epoll"), (2, "--io auto --size 17-300")] {
        let (told, account) = run(&ALONE, FaultServer::on_tcp, &format!("-c 8 {words}"), seed);
        assert_all_found(&told, account);
    }
    let (told, account) = run(&ALONE, FaultServer::on_unix, "-c 8", 3);
    assert_all_found(&told, account);
}

#[test]
fn sixteen_messages_open() {
    for (seed, words) in [(4, "--io epoll --size 30-500"), (5, "--io auto")] {
        let words = format!("-c 4 --depth 16 {words}");
        let (told, account) = run(&MANY, FaultServer::on_tcp, &words, seed);
        assert_all_found(&told, account);
        assert!(account.swapped >= daily_or_full(10, 4), "{account:?}");
    }
    let (told, account) = run(&MANY, FaultServer::on_unix, "-c 3 --depth 16", 6);
    assert_all_found(&told, account);
}

#[test]
fn datagrams() {
    let (told, account) = run(&DATAGRAMS, FaultServer::on_udp, "-c 8", 7);
    assert_all_found(&told, account);
    let (told, account) = run(&MANY_DATAGRAMS, FaultServer::on_udp, "-c 4 --depth 16", 8);
    assert_all_found(&told, account);
    assert!(account.swapped >= daily_or_full(10, 4), "{account:?}");
}

#[test]
fn one_wrong_reply_of_many_in_an_open_loop() {
    let messages = daily_or_full(3000, 300_000);
    let rate = daily_or_full(2000, 20_000);
    let server = FaultServer::new(Schedule {
        every: messages / 2,
        end: messages / 2,
        kinds: &[Fault::Bit],
        seed: 9,
    });
    let place = server.on_tcp();
    let told = load(&place, &format!("-n {messages} -c 4 --rate {rate} --warm-up 0 --threads 1"));
    assert_eq!((told.count("wrong"), told.count("sent")), (1, messages), "{}", told.report);
    told.assert_ended("errors", 3);
}

#[test]
fn in_the_text() {
    let server = server(&ALONE, 20, 2000, 10);
    let place = server.on_tcp();
    let words = "-n 2000 -c 4 --threads 1 --reply-timeout 2s --quiet";
    let words: Vec<&str> = ["load", &place].into_iter().chain(words.split(' ')).collect();
    let output = colok(&words);
    let (text, account) = (output.text(), server.account());
    assert_eq!(output.code, Some(3), "{text}");
    let all = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        format!("{} wrong", account.wrong),
        format!("{} doubled", account.duplicated),
        "sent 2 000 =".to_owned(),
    ] {
        assert!(all.contains(&part), "no `{part}` in {text}");
    }
}
