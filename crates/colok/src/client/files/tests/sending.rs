//! Files that go: pushed, uploaded, resumed, there already.

use std::time::Duration;

use super::script::{Folder, Script, content, hash, options, plan, send};
use crate::client::files::Ending;

const MIB: usize = 1 << 20;

#[test]
fn a_large_file_is_asked_for_sent_and_ended_with_its_hash() {
    let folder = Folder::new();
    let bytes = content(3 * MIB + 17);
    let path = folder.write("big file.iso", &bytes);
    let (size, whole) = (bytes.len(), hash(&bytes));
    let script = Script::one(move |side| {
        side.greet();
        side.expect(&format!("PUT big%20file.iso {size} trailer durability=full"));
        side.say("100 offset=0 : send from 0\n");
        assert!(side.bytes(size) == bytes, "every byte came in its place");
        side.expect(&format!("END {whole}"));
        side.say(format!("201 size={size} hash={whole} durability=full : stored\n"));
        side.farewell();
    });
    let (report, updates) = send(&script, &options(), &plan(&[&path]));
    script.end();
    let report = report.expect("it was stored");
    assert_eq!((report.stored, report.already, report.failed), (1, 0, 0));
    assert_eq!((report.bytes, report.bytes_sent), (size as u64, size as u64));
    let sent = format!("0 sent big file.iso {size}");
    assert_eq!(updates, ["connected", "0 sending from 0", "0 waiting from 0", sent.as_str()]);
}

#[test]
fn small_files_are_pushed_and_each_has_its_own_end() {
    let folder = Folder::new();
    let paths = ["new", "same", "taken", "empty"].map(|name| {
        let content = if name == "empty" { "" } else { name };
        folder.write(name, content.as_bytes())
    });
    let script = Script::one(|side| {
        side.greet();
        for name in ["new", "same", "taken"] {
            let (size, hash) = (name.len(), hash(name.as_bytes()));
            side.expect(&format!("PUSH {name} {size} {hash} durability=full"));
            assert_eq!(side.bytes(size), name.as_bytes());
        }
        let none = hash(b"");
        side.expect(&format!("PUSH empty 0 {none} durability=full"));
        let (new, same) = (hash(b"new"), hash(b"same"));
        side.say(format!("201 size=3 hash={new} durability=full : stored\n"));
        side.say(format!("202 size=4 hash={same} durability=full : have it\n"));
        side.say(format!("409 size=9 hash={new} : name taken\n"));
        side.say(format!("201 size=0 hash={none} durability=full : stored\n"));
        side.farewell();
    });
    let paths: Vec<_> = paths.iter().map(AsRef::as_ref).collect();
    let (report, updates) = send(&script, &options(), &plan(&paths));
    script.end();
    let report = report.expect("one file that is refused is no reason to end");
    assert_eq!((report.stored, report.already, report.failed), (2, 1, 1));
    assert_eq!(report.ending, Some(Ending::Refused));
    assert_eq!(updates[..2], ["connected", "0 waiting from 0"]);
    assert_eq!(updates[2..4], ["0 sent new 3", "1 sent same 4"]);
    assert_eq!(updates[4..], ["2 failed taken: 409 name taken", "3 sent empty 0"]);
}

#[test]
fn many_pushes_never_wait_for_each_other() {
    const FILES: usize = 700;
    let folder = Folder::new();
    let paths: Vec<_> =
        (0..FILES).map(|number| folder.write(&format!("{number:03}"), &content(3000))).collect();
    let script = Script::one(|side| {
        side.greet();
        let hash = hash(&content(3000));
        // As many as may be without an answer are read before the first answer leaves.
        for first in (0..FILES).step_by(256) {
            let count = 256.min(FILES - first);
            for number in first..first + count {
                side.expect(&format!("PUSH {number:03} 3000 {hash} durability=full"));
                side.bytes(3000);
            }
            for _ in 0..count {
                side.say(format!("201 size=3000 hash={hash} durability=full : stored\n"));
            }
        }
        side.farewell();
    });
    let paths: Vec<_> = paths.iter().map(AsRef::as_ref).collect();
    let (report, updates) = send(&script, &options(), &plan(&paths));
    script.end();
    assert_eq!(report.expect("all were stored").stored, FILES as u64);
    assert_eq!(updates.iter().filter(|line| line.contains(" sent ")).count(), FILES);
}

#[test]
fn pushes_without_an_answer_go_again_over_a_new_connection() {
    let folder = Folder::new();
    let paths = ["a", "b", "c"].map(|name| folder.write(name, name.as_bytes()));
    let stored = |name: &str| {
        format!("201 size=1 hash={} durability=full : stored\n", hash(name.as_bytes()))
    };
    let read = |side: &mut super::script::Side, name: &str| {
        let hash = hash(name.as_bytes());
        side.expect(&format!("PUSH {name} 1 {hash} durability=full"));
        side.bytes(1);
    };
    let script = Script::new(vec![
        Box::new(move |side| {
            side.greet();
            for name in ["a", "b", "c"] {
                read(side, name);
            }
            side.say(stored("a"));
        }),
        Box::new(move |side| {
            side.greet();
            for name in ["b", "c"] {
                read(side, name);
            }
            side.say(stored("b").replace("201", "202"));
            side.say(stored("c"));
            side.farewell();
        }),
    ]);
    let paths: Vec<_> = paths.iter().map(AsRef::as_ref).collect();
    let (report, updates) = send(&script, &options(), &plan(&paths));
    script.end();
    let report = report.expect("all are there");
    assert_eq!((report.stored, report.already, report.failed), (2, 1, 0));
    let updates: Vec<_> = updates.iter().filter(|line| !line.contains("waiting")).collect();
    let rest = ["retry 2 of 3", "connected", "1 sent b 1", "2 sent c 1"];
    assert_eq!(updates[..2], ["connected", "0 sent a 1"]);
    assert_eq!(updates[2..], rest);
}

/// The word of a request that begins with `upload=`.
fn upload_token(request: &str) -> String {
    let token = request.split(' ').find(|word| word.starts_with("upload="));
    token.expect("the request has a token").to_owned()
}

#[test]
fn a_broken_upload_goes_on_where_it_was_with_the_same_token() {
    let folder = Folder::new();
    let bytes = content(5 * MIB);
    let path = folder.write("big", &bytes);
    let (tokens, seen) = std::sync::mpsc::channel();
    let again = tokens.clone();
    let (whole, first) = (hash(&bytes), hash(&bytes[..2 * MIB]));
    let script = Script::new(vec![
        Box::new(move |side| {
            side.greet();
            tokens.send(upload_token(&side.line())).expect("the test listens");
            side.say("100 offset=0 : send from 0\n");
            side.bytes(2 * MIB);
        }),
        Box::new(move |side| {
            side.greet();
            again.send(upload_token(&side.line())).expect("the test listens");
            side.say(format!("100 offset={} hash={first} : send from there\n", 2 * MIB));
            assert!(side.bytes(3 * MIB) == bytes[2 * MIB..], "only the rest comes");
            side.expect(&format!("END {whole}"));
            side.say(format!("201 size={} hash={whole} durability=full : stored\n", 5 * MIB));
            side.farewell();
        }),
    ]);
    let options = crate::client::files::FileClientOptions {
        upload_secret: Some(folder.secret()),
        ..options()
    };
    let (report, updates) = send(&script, &options, &plan(&[&path]));
    script.end();
    assert_eq!(report.expect("it was stored").stored, 1);
    let (one, other) = (seen.recv().expect("it came"), seen.recv().expect("it came"));
    assert_eq!(one, other);
    assert!(one.len() >= "upload=".len() + 16);
    // How much left before the loss showed depends on the kernel's buffers.
    let rest: Vec<_> = updates.iter().skip_while(|line| !line.starts_with("retry")).collect();
    let checked = ["0 checking from 0", "0 sending from 2097152", "0 waiting from 0"];
    assert_eq!(rest[..2], ["retry 2 of 3", "connected"]);
    assert_eq!(rest[2..5], checked);
}

#[test]
fn what_an_earlier_try_left_is_dropped_when_it_differs() {
    let folder = Folder::new();
    let bytes = content(2 * MIB);
    let path = folder.write("big", &bytes);
    let whole = hash(&bytes);
    let script = Script::new(vec![
        Box::new(move |side| {
            side.greet();
            assert!(!side.line().contains("from=0"));
            side.say(format!("100 offset={MIB} hash={whole} : send from there\n"));
            assert_eq!(side.line(), "", "nothing is sent behind bytes that differ");
        }),
        Box::new(move |side| {
            side.greet();
            assert!(side.line().ends_with(" durability=full from=0"));
            side.say("100 offset=0 : send from 0\n");
            assert!(side.bytes(2 * MIB) == bytes);
            side.expect(&format!("END {whole}"));
            side.say(format!("201 size={} hash={whole} durability=full : stored\n", 2 * MIB));
            side.farewell();
        }),
    ]);
    let (report, _) = send(&script, &options(), &plan(&[&path]));
    script.end();
    assert_eq!(report.expect("it was stored").stored, 1);
}

#[test]
fn tries_without_progress_are_counted_and_end() {
    let folder = Folder::new();
    let path = folder.write("big", &content(MIB));
    let lost = || -> super::script::Part {
        Box::new(|side| {
            side.greet();
            side.line();
        })
    };
    let script = Script::new(vec![lost(), lost(), lost()]);
    let (report, updates) = send(&script, &options(), &plan(&[&path]));
    script.end();
    let error = report.expect_err("three tries are enough");
    assert!(matches!(error, crate::client::files::FilesError::Lost { .. }), "{error}");
    assert_eq!(error.ending(), Ending::Failed);
    let tries = ["connected", "retry 2 of 3", "connected", "retry 3 of 3", "connected"];
    assert_eq!(updates, tries);
}

#[test]
fn a_file_that_is_there_is_hashed_only_when_it_can_be_the_same() {
    let folder = Folder::new();
    let bytes = content(MIB);
    let (same, other, longer) = (
        folder.write("same", &bytes),
        folder.write("other", &bytes),
        folder.write("longer", &bytes),
    );
    let (own, their) = (hash(&bytes), hash(b"another"));
    let script = Script::one(move |side| {
        side.greet();
        for (name, there, answer) in [
            ("same", own, format!("202 size={MIB} hash={own} durability=full : have it\n")),
            ("other", their, format!("409 size={MIB} hash={their} : name taken\n")),
        ] {
            side.expect(&format!("PUT {name} {MIB} trailer durability=full"));
            side.say(format!("110 size={MIB} hash={there} : exists\n"));
            side.expect(&format!("PUT {name} {MIB} {own} durability=full"));
            side.say(answer);
        }
        side.expect(&format!("PUT longer {MIB} trailer durability=full"));
        side.say(format!("110 size={} hash={their} : exists\n", MIB + 1));
        side.farewell();
    });
    let (report, updates) = send(&script, &options(), &plan(&[&same, &other, &longer]));
    script.end();
    let report = report.expect("refusals are of single files");
    assert_eq!((report.stored, report.already, report.failed, report.bytes_sent), (0, 1, 2, 0));
    assert_eq!(report.ending, Some(Ending::Refused));
    let seen: Vec<_> = updates.iter().map(String::as_str).collect();
    let same = format!("0 sent same {MIB}");
    let expected = ["connected", "0 hashing from 0", &same, "1 hashing from 0"];
    assert_eq!(seen[..4], expected);
    assert_eq!(seen[4..], ["1 failed other: 409 name taken", "2 failed longer: 409 name taken"]);
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_taken_back() {
    let folder = Folder::new();
    let bytes = content(MIB);
    let path = folder.write("busy", &bytes);
    let busy = path.clone();
    let script = Script::one(move |side| {
        side.greet();
        // The client has looked at the file before it asks. Its size stays, its time does not.
        side.line();
        let later = std::time::SystemTime::now() + Duration::from_secs(5);
        let file = std::fs::File::options().write(true).open(&busy).expect("it is there");
        file.set_modified(later).expect("it is ours");
        side.say("100 offset=0 : send from 0\n");
        side.bytes(MIB);
        side.expect("ABORT");
        side.say("204 : aborted\n");
        side.farewell();
    });
    let (report, updates) = send(&script, &options(), &plan(&[&path]));
    script.end();
    let report = report.expect("the other files would go");
    assert_eq!((report.failed, report.ending), (1, Some(Ending::Failed)));
    assert!(updates.last().is_some_and(|line| line.contains("changed while it was sent")));
}

#[test]
fn a_file_that_shrinks_leaves_nothing() {
    let folder = Folder::new();
    let path = folder.write("shrinking", &content(4 * MIB));
    let plan = plan(&[&path]);
    let shrinking = path.clone();
    let script = Script::one(move |side| {
        side.greet();
        side.line();
        let file = std::fs::File::options().write(true).open(&shrinking).expect("it is there");
        file.set_len(MIB as u64).expect("it is ours");
        side.say("100 offset=0 : send from 0\n");
        assert!(side.rest() < 4 * MIB as u64, "what is promised never comes");
    });
    let (report, updates) = send(&script, &options(), &plan);
    script.end();
    assert_eq!(report.expect("it is one file").failed, 1);
    assert!(updates.last().is_some_and(|line| line.contains("changed while it was sent")));
}
