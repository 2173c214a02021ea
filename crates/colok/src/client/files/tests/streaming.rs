//! Standard input: blocks as it comes, compared when its name is taken.

use std::ffi::OsString;
use std::io::{PipeReader, Write};
use std::os::fd::AsFd;
use std::thread::JoinHandle;

use super::script::{Script, Side, Updates, content, hash, options};
use crate::client::files::{
    Ending, FileClient, FilesError, PlanOptions, SendOptions, SendReport, Update, plan_send,
};
use crate::clock::Clock;
use crate::observe::NoTap;

const SIZE: usize = (3 << 20) + 5;

/// A pipe out of which these bytes come, and its writer.
fn pipe(bytes: Vec<u8>) -> (PipeReader, JoinHandle<()>) {
    let (reader, mut writer) = std::io::pipe().expect("a descriptor is left");
    let thread = std::thread::spawn(move || {
        // A reader that has enough is no mistake.
        let _ = writer.write_all(&bytes);
    });
    (reader, thread)
}

fn send_input(script: Script, bytes: Vec<u8>) -> (Result<SendReport, FilesError>, Vec<String>) {
    let (reader, writer) = pipe(bytes);
    let sent = send_from(script, &reader);
    drop(reader);
    writer.join().expect("the writer ends");
    sent
}

fn send_from(script: Script, reader: &PipeReader) -> (Result<SendReport, FilesError>, Vec<String>) {
    let options_of_plan = PlanOptions { name: Some("x".into()), ..PlanOptions::default() };
    let plan = plan_send(&[OsString::from("-")], &options_of_plan).expect("it has a name");
    let (options, clock) = (options(), Clock::start());
    let client = FileClient::new(&script.url, &options, &clock, &NoTap);
    let mut updates = Updates::default();
    let mut observer = |update: Update<'_>| updates.take(&update);
    let sent = client.send(&plan, Some(reader.as_fd()), &SendOptions::default(), &mut observer);
    script.end();
    (sent, updates.lines)
}

/// All blocks up to the end, and the line that ends them.
fn blocks(side: &mut Side) -> (Vec<u8>, String) {
    let mut bytes = Vec::new();
    loop {
        let line = side.line();
        let Some(length) = line.strip_prefix("DATA ") else { return (bytes, line) };
        let length: usize = length.parse().expect("a length");
        assert!((1..=1 << 20).contains(&length));
        bytes.extend(side.bytes(length));
    }
}

#[test]
fn input_of_unknown_size_goes_in_blocks() {
    let bytes = content(SIZE);
    let expected = bytes.clone();
    let script = Script::one(move |side| {
        side.greet();
        side.expect("PUT x - durability=full");
        side.say("100 offset=0 : send from 0\n");
        let (came, end) = blocks(side);
        assert!(came == expected);
        assert_eq!(end, format!("END {}", hash(&expected)));
        let hash = hash(&expected);
        side.say(format!("201 size={SIZE} hash={hash} durability=full : stored\n"));
        side.farewell();
    });
    let (report, updates) = send_input(script, bytes);
    let report = report.expect("it was stored");
    assert_eq!((report.stored, report.bytes, report.bytes_sent), (1, SIZE as u64, SIZE as u64));
    let sent = format!("0 sent x {SIZE}");
    assert_eq!(updates, ["connected", "0 sending from 0", "0 waiting from 0", sent.as_str()]);
}

#[test]
fn no_input_is_an_empty_file() {
    let script = Script::one(|side| {
        side.greet();
        side.expect("PUT x - durability=full");
        side.say("100 offset=0 : send from 0\n");
        let none = hash(b"");
        side.expect(&format!("END {none}"));
        side.say(format!("201 size=0 hash={none} durability=full : stored\n"));
        side.farewell();
    });
    assert_eq!(send_input(script, Vec::new()).0.expect("it was stored").stored, 1);
}

#[test]
fn input_whose_name_has_the_same_content_is_there_already() {
    let bytes = content(SIZE);
    let own = hash(&bytes);
    let exists = format!("110 size={SIZE} hash={own} : exists\n");
    let script = Script::new(vec![
        Box::new(move |side| {
            side.greet();
            side.expect("PUT x - durability=full");
            side.say(exists);
            side.rest();
        }),
        Box::new(move |side| {
            side.greet();
            side.expect(&format!("PUT x {SIZE} {own} durability=full"));
            side.say(format!("202 size={SIZE} hash={own} durability=full : have it\n"));
            side.farewell();
        }),
    ]);
    let (report, updates) = send_input(script, bytes);
    let report = report.expect("it is there");
    assert_eq!((report.already, report.bytes_sent), (1, 0));
    assert_eq!(updates[1], "0 hashing from 0");
}

#[test]
fn input_whose_name_has_other_content_is_refused() {
    for there in [SIZE, SIZE - 1, SIZE + 1] {
        let script = Script::one(move |side| {
            side.greet();
            side.expect("PUT x - durability=full");
            side.say(format!("110 size={there} hash={} : exists\n", hash(b"other")));
            side.rest();
        });
        let report = send_input(script, content(SIZE)).0.expect("it is one file");
        assert_eq!((report.failed, report.ending), (1, Some(Ending::Refused)));
    }
}

#[test]
fn a_server_that_has_enough_is_heard_while_input_is_still_to_come() {
    let script = Script::one(|side| {
        side.greet();
        side.expect("PUT x - durability=full");
        side.say("100 offset=0 : send from 0\n");
        side.line();
        side.say("507 : no space\n");
        side.linger();
    });
    let (report, updates) = send_input(script, content(40 << 20));
    let report = report.expect("it is one file");
    assert_eq!((report.failed, report.ending), (1, Some(Ending::Refused)));
    assert_eq!(updates.last().map(String::as_str), Some("0 failed x: 507 no space"));
}

#[test]
fn a_server_that_waits_for_slow_input_is_shown_that_somebody_is_there() {
    let (reader, mut writer) = std::io::pipe().expect("a descriptor is left");
    let script = Script::one(move |side| {
        side.greet();
        side.expect("PUT x - durability=full");
        side.say("100 offset=0 : send from 0\n");
        // Nothing is said until the silence was broken twice.
        assert_eq!(side.bytes(2), b"\n\n");
        writer.write_all(b"late").expect("it is read");
        drop(writer);
        side.expect("DATA 4");
        assert_eq!(side.bytes(4), b"late");
        let hash = hash(b"late");
        side.expect(&format!("END {hash}"));
        side.say(format!("201 size=4 hash={hash} durability=full : stored\n"));
        side.farewell();
    });
    let (report, _) = send_from(script, &reader);
    assert_eq!(report.expect("it was stored").stored, 1);
}

#[test]
fn input_that_was_lost_on_the_way_is_not_tried_again() {
    let script = Script::one(|side| {
        side.greet();
        side.expect("PUT x - durability=full");
        side.say("100 offset=0 : send from 0\n");
        side.bytes(100_000);
    });
    let (report, updates) = send_input(script, content(SIZE));
    assert!(matches!(report, Err(FilesError::Lost { .. })), "{report:?}");
    assert_eq!(updates, ["connected", "0 sending from 0"]);
}
