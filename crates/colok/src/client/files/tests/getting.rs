//! Files that come: whole, in part, resumed, damaged.

use std::os::fd::AsFd;
use std::path::Path;

use super::script::{Folder, Script, Side, Updates, content, hash, options};
use crate::client::files::{
    Ending, FileClient, FileClientOptions, FilesError, GetOptions, GetReport, Update, plan_get,
};
use crate::clock::Clock;
use crate::observe::NoTap;

const MIB: usize = 1 << 20;

/// Gets files into a place, and what the observer saw.
fn get(
    script: &Script,
    names: &[&str],
    get_options: &GetOptions,
) -> (Result<GetReport, FilesError>, Vec<String>) {
    get_with(script, names, get_options, &options())
}

fn get_with(
    script: &Script,
    names: &[&str],
    get_options: &GetOptions,
    options: &FileClientOptions,
) -> (Result<GetReport, FilesError>, Vec<String>) {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let plan = plan_get(&names, get_options).expect("nothing is in the way");
    let clock = Clock::start();
    let client = FileClient::new(&script.url, options, &clock, &NoTap);
    let mut updates = Updates::default();
    let result = client.get(&plan, None, &mut |update: Update<'_>| updates.take(&update));
    (result, updates.lines)
}

fn into(path: &Path) -> GetOptions {
    GetOptions { output: Some(path.into()), ..GetOptions::default() }
}

/// The line before bytes of a file.
fn follows(whole: &[u8], offset: usize, length: usize) -> String {
    let (size, hash) = (whole.len(), hash(whole));
    format!("150 size={size} offset={offset} length={length} hash={hash} modified=7 : bytes\n")
}

/// The name of what is left of a file that is not whole.
fn partial_name(name: &str, whole: &[u8]) -> String {
    format!(".{name}.{}.colok-part", &hash(whole).to_string()[..8])
}

#[test]
fn files_come_whole_and_get_their_last_name_only() {
    let folder = Folder::new();
    let bytes = content(3 * MIB + 1);
    let sent = bytes.clone();
    let script = Script::one(move |side| {
        side.greet();
        side.expect("GET docs/deep/big");
        side.say(follows(&sent, 0, sent.len()));
        side.say(&sent);
        side.expect("GET docs/empty");
        side.say(follows(b"", 0, 0));
        side.expect("GET gone");
        side.say("404 : no such file\n");
        side.farewell();
    });
    let (report, updates) =
        get(&script, &["docs/deep/big", "docs/empty", "gone"], &into(&folder.0));
    script.end();
    let report = report.expect("one file that is missing is no reason to end");
    assert_eq!((report.got, report.failed, report.ending), (2, 1, Some(Ending::Failed)));
    assert_eq!(report.bytes, bytes.len() as u64);
    assert_eq!(folder.names(), ["big", "empty"]);
    assert!(folder.read("big") == bytes && folder.read("empty").is_empty());
    let got = format!("0 got docs/deep/big 0..{} resumed 0", bytes.len());
    assert_eq!(updates[..4], ["connected", "0 receiving from 0", "0 waiting from 0", &got]);
    assert_eq!(updates.last().map(String::as_str), Some("2 failed gone: 404 no such file"));
}

#[test]
fn a_damaged_file_gets_no_name() {
    let folder = Folder::new();
    let mut bytes = content(2 * MIB);
    let line = follows(&bytes, 0, bytes.len());
    bytes[MIB] ^= 1;
    let script = Script::one(move |side| {
        side.greet();
        side.line();
        side.say(line);
        side.say(&bytes);
        side.rest();
    });
    let (report, updates) = get(&script, &["file"], &into(&folder.path("file")));
    script.end();
    assert_eq!(report.expect("it is one file").ending, Some(Ending::Failed));
    assert!(updates.last().is_some_and(|line| line.contains("came damaged")), "{updates:?}");
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}

#[test]
fn nothing_is_replaced_without_being_asked_to() {
    let folder = Folder::new();
    let path = folder.write("file", b"mine");
    let late = folder.path("late");
    let appearing = late.clone();
    let script = Script::one(move |side| {
        side.greet();
        side.expect("GET file");
        side.say(follows(b"theirs", 0, 6));
        side.say("theirs");
        side.farewell();
    });
    let forced = GetOptions { force: true, ..into(&path) };
    let (report, _) = get(&script, &["file"], &forced);
    script.end();
    assert_eq!(report.expect("it was asked for").got, 1);
    assert_eq!(folder.read("file"), b"theirs");

    let script = Script::one(move |side| {
        side.greet();
        side.line();
        // Nothing was there when the plan was made.
        std::fs::write(&appearing, b"mine").expect("it can be written");
        side.say(follows(b"theirs", 0, 6));
        side.say("theirs");
        side.farewell();
    });
    let (report, updates) = get(&script, &["file"], &into(&late));
    script.end();
    assert_eq!(report.expect("it is one file").ending, Some(Ending::Refused));
    assert!(updates.last().is_some_and(|line| line.contains("it is not replaced")));
    assert_eq!(folder.read("late"), b"mine");
    assert_eq!(folder.names(), ["file", "late"]);
}

#[test]
fn what_is_missing_is_asked_for_when_the_connection_is_lost() {
    let folder = Folder::new();
    let bytes = content(4 * MIB);
    let (first, second) = (bytes.clone(), bytes.clone());
    let script = Script::new(vec![
        Box::new(move |side| {
            side.greet();
            side.expect("GET file");
            side.say(follows(&first, 0, first.len()));
            side.say(&first[..MIB + 5]);
        }),
        Box::new(move |side| {
            side.greet();
            side.expect(&format!("GET file {}-{}", MIB + 5, 4 * MIB - 1));
            side.say(follows(&second, MIB + 5, 3 * MIB - 5));
            side.say(&second[MIB + 5..]);
            side.farewell();
        }),
    ]);
    let (report, updates) = get(&script, &["file"], &into(&folder.path("file")));
    script.end();
    assert_eq!(report.expect("it is here").got, 1);
    assert!(folder.read("file") == bytes);
    assert_eq!(folder.names(), ["file"]);
    assert!(updates.contains(&"retry 2 of 3".to_owned()));
}

#[test]
fn another_file_of_the_same_name_is_not_mixed_in() {
    let folder = Folder::new();
    let script = Script::new(vec![
        Box::new(|side| {
            side.greet();
            side.line();
            side.say(follows(b"first content", 0, 13));
            side.say("first");
        }),
        Box::new(|side| {
            side.greet();
            side.expect("GET file 5-12");
            side.say(follows(b"other content", 5, 8));
            side.rest();
        }),
    ]);
    let (report, updates) = get(&script, &["file"], &into(&folder.path("file")));
    script.end();
    assert_eq!(report.expect("it is one file").failed, 1);
    assert_eq!(updates.last().map(String::as_str), Some("0 failed file changed at the server"));
    assert!(folder.names().is_empty());
}

/// A server whose file is asked for from the start, and then, over another connection, by `rest`.
fn resuming(bytes: &[u8], rest: impl FnOnce(&mut Side) + Send + 'static) -> Script {
    let line = follows(bytes, 0, bytes.len());
    Script::new(vec![
        Box::new(move |side| {
            side.greet();
            side.expect("GET file");
            side.say(line);
            side.rest();
        }),
        Box::new(rest),
    ])
}

#[test]
fn what_an_earlier_process_left_is_checked_and_gone_on_with() {
    let folder = Folder::new();
    let bytes = content(4 * MIB);
    folder.write(&partial_name("file", &bytes), &bytes[..3 * MIB]);
    let sent = bytes.clone();
    let script = resuming(&bytes, move |side| {
        side.greet();
        side.expect(&format!("GET file {}-{}", 3 * MIB, 4 * MIB - 1));
        side.say(follows(&sent, 3 * MIB, MIB));
        side.say(&sent[3 * MIB..]);
        side.farewell();
    });
    let (report, updates) = get(&script, &["file"], &into(&folder.path("file")));
    script.end();
    assert_eq!(report.expect("it is here").got, 1);
    assert!(folder.read("file") == bytes);
    assert_eq!(folder.names(), ["file"]);
    let got = format!("0 got file 0..{} resumed {}", 4 * MIB, 3 * MIB);
    assert_eq!(updates[..3], ["connected", "0 checking from 0", "connected"]);
    assert_eq!(updates[3..], ["0 receiving from 3145728", "0 waiting from 0", &got]);
}

#[test]
fn a_flipped_byte_in_what_was_left_is_repaired() {
    let folder = Folder::new();
    let bytes = content(2 * MIB);
    let mut flipped = bytes.clone();
    flipped[17] ^= 1;
    // It is even whole, so nothing but its hash tells.
    folder.write(&partial_name("file", &bytes), &flipped);
    let sent = bytes.clone();
    let script = resuming(&bytes, move |side| {
        side.greet();
        side.expect("GET file");
        side.say(follows(&sent, 0, 2 * MIB));
        side.say(&sent);
        side.farewell();
    });
    let (report, _) = get(&script, &["file"], &into(&folder.path("file")));
    script.end();
    assert_eq!(report.expect("it is here").got, 1);
    assert!(folder.read("file") == bytes);
    assert_eq!(folder.names(), ["file"]);
}

#[test]
fn a_link_in_the_place_of_a_partial_is_not_followed() {
    let folder = Folder::new();
    let precious = folder.write("precious", b"precious");
    let link = folder.path(&partial_name("file", b"theirs"));
    std::os::unix::fs::symlink(&precious, &link).expect("a link can be made");
    let script = Script::one(|side| {
        side.greet();
        side.line();
        side.say(follows(b"theirs", 0, 6));
        side.say("theirs");
        side.farewell();
    });
    let (report, _) = get(&script, &["file"], &into(&folder.path("file")));
    script.end();
    assert_eq!(report.expect("it is here").got, 1);
    assert_eq!(
        (folder.read("precious"), folder.read("file")),
        (b"precious".into(), b"theirs".into())
    );
}

#[test]
fn a_part_is_checked_with_a_hash_of_its_own() {
    let folder = Folder::new();
    let bytes = content(1000);
    let part = hash(&bytes[100..200]);
    let line =
        follows(&bytes, 100, 100).replace(" modified", &format!(" range-hash={part} modified"));
    for damaged in [false, true] {
        let (mut sent, line) = (bytes[100..200].to_vec(), line.clone());
        sent[0] ^= u8::from(damaged);
        let script = Script::one(move |side| {
            side.greet();
            side.expect("GET file 100-199 hash=range");
            side.say(line);
            side.say(sent);
            side.farewell();
        });
        let range = Some("100-199".parse().expect("it is a range"));
        let path = folder.path(if damaged { "damaged" } else { "part" });
        let (report, _) = get(&script, &["file"], &GetOptions { range, ..into(&path) });
        script.end();
        assert_eq!(report.expect("it is one file").failed, u64::from(damaged));
    }
    assert_eq!(folder.names(), ["part"]);
    assert!(folder.read("part") == bytes[100..200]);
}

#[test]
fn standard_output_gets_the_bytes_as_they_come_and_goes_on_after_a_loss() {
    let bytes = content(2 * MIB);
    let (first, second) = (bytes.clone(), bytes.clone());
    let script = Script::new(vec![
        Box::new(move |side| {
            side.greet();
            side.expect("GET file");
            side.say(follows(&first, 0, first.len()));
            side.say(&first[..MIB]);
        }),
        Box::new(move |side| {
            side.greet();
            side.expect(&format!("GET file {MIB}-{}", 2 * MIB - 1));
            side.say(follows(&second, MIB, MIB));
            side.say(&second[MIB..]);
            side.farewell();
        }),
    ]);
    let (mut reader, writer) = std::io::pipe().expect("a descriptor is left");
    let read = std::thread::spawn(move || {
        let mut came = Vec::new();
        std::io::Read::read_to_end(&mut reader, &mut came).map(|_| came)
    });
    let plan =
        plan_get(&["file".to_owned()], &into(Path::new("-"))).expect("nothing is in the way");
    let (options, clock) = (options(), Clock::start());
    let client = FileClient::new(&script.url, &options, &clock, &NoTap);
    let report = client.get(&plan, Some(writer.as_fd()), &mut |_| ());
    drop(writer);
    script.end();
    assert_eq!(report.expect("it is here").got, 1);
    let came = read.join().expect("the reader ends").expect("it can be read");
    assert!(came == bytes);
}
