//! The first things anyone does with it: send a file, send it again, send another under its name,
//! send one that is not there, cut an upload off.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::common::{colok, finish, wait};
use crate::support::{
    Background, FileServer, Folder, MIB, MODELS, at_home, each_of, hash, hash_file, installed,
    mode, noise, write_large,
};

#[test]
fn a_sent_file_is_stored_whole_and_its_receipt_says_so() {
    each_of(&MODELS, |model| {
        let server = FileServer::start(model, &[]);
        let path = server.folder.file("some.iso");
        let hash = write_large(&path, 9, 1);
        let receipt = server.folder.file("receipt.json");
        let output = server.send(&[&path, "--receipt", &receipt]);
        assert!(output.text().contains(&hash), "{model}: {}", output.text());
        let stored = server.stored("some.iso");
        assert_eq!(hash_file(&stored), hash, "{model}");
        assert_eq!(mode(&stored), 0o400, "{model}");
        assert_eq!(server.visible(), ["some.iso"], "{model}");

        let receipt = fs::read_to_string(receipt).expect("it was written");
        let receipt: Value = serde_json::from_str(&receipt).expect("it is JSON");
        assert_eq!(receipt["name"], "some.iso", "{model}: {receipt}");
        assert_eq!(receipt["size"], 9 * MIB, "{model}: {receipt}");
        assert_eq!(receipt["hash"], hash, "{model}: {receipt}");
        assert_eq!(receipt["durability"], "full", "{model}: {receipt}");
    });
}

#[test]
fn the_same_again_is_had_already() {
    each_of(&MODELS, |model| {
        let server = FileServer::start(model, &[]);
        let path = server.folder.file("some.iso");
        write_large(&path, 5, 2);
        server.send(&[&path]);
        let before = fs::metadata(server.stored("some.iso")).expect("it is stored");
        let start = Instant::now();
        let output = server.send(&[&path]);
        println!("{model}: have it after {:?}", start.elapsed());
        assert!(output.text().contains("have it"), "{model}: {}", output.text());
        let after = fs::metadata(server.stored("some.iso")).expect("it is stored");
        let times = |status: &fs::Metadata| status.modified().expect("Linux has it");
        assert_eq!(times(&before), times(&after), "{model}");
        // Under another local name it is the same file all the same.
        let other = server.folder.file("copy.iso");
        fs::copy(&path, &other).expect("the folder is ours");
        let output = server.send(&[&other, "--name", "some.iso"]);
        assert!(output.text().contains("have it"), "{model}: {}", output.text());
    });
}

#[test]
fn another_content_under_a_name_is_refused_and_changes_nothing() {
    each_of(&MODELS, |model| {
        let server = FileServer::start(model, &[]);
        let path = server.folder.write("report.txt", b"the first report\n");
        server.send(&[&path]);
        let stored = server.stored("report.txt");
        let before = hash_file(&stored);
        // As long as the other, longer, and much longer.
        for (name, content) in [
            ("same", b"the third report\n".to_vec()),
            ("longer", noise(3, 70_000)),
            ("long", noise(4, 3 << 20)),
        ] {
            let other = server.folder.write(name, &content);
            let output = server.run("send", &[&other, "--name", "report.txt"]);
            assert_eq!(output.code, Some(3), "{model} {name}: {}", output.err);
            assert!(output.err.contains("name taken"), "{model} {name}: {}", output.err);
            assert_eq!(hash_file(&stored), before, "{model} {name}");
            assert_eq!(mode(&stored), 0o400, "{model} {name}");
        }
        assert_eq!(server.visible(), ["report.txt"], "{model}");
    });
}

#[test]
fn a_file_that_is_not_there_is_found_before_the_server_hears_of_it() {
    let server = FileServer::start("events", &[]);
    let missing = server.folder.file("missing");
    let output = server.run("send", &[&missing]);
    assert_eq!(output.code, Some(1), "{}", output.err);
    assert!(output.err.contains("open file: No such file or directory"), "{}", output.err);
    // With another that is there: nothing of it is sent either.
    let there = server.folder.write("there", b"here I am");
    let output = server.run("send", &[&there, &missing]);
    assert_eq!(output.code, Some(1), "{}", output.err);
    assert!(output.err.contains("open file: No such file or directory"), "{}", output.err);
    assert_eq!(server.visible(), [""; 0]);

    let wire = server.wire();
    let accepted = server.serving.event("accepted");
    assert_eq!(accepted["remote"], wire.local().to_string(), "somebody else was there before");
}

#[test]
fn a_folder_and_an_unreadable_file_are_told_before_connecting() {
    let server = FileServer::start("threads", &[]);
    let folder = server.folder.file("a-folder");
    fs::create_dir(&folder).expect("the folder is ours");
    let output = server.run("send", &[&folder]);
    assert!(matches!(output.code, Some(1 | 2)), "{:?}: {}", output.code, output.err);
    assert!(output.err.contains("a-folder"), "{}", output.err);

    let wire = server.wire();
    let accepted = server.serving.event("accepted");
    assert_eq!(accepted["remote"], wire.local().to_string(), "somebody else was there before");
}

#[test]
fn without_a_file_the_usage_is_told_in_the_words_of_the_paper() {
    for arguments in [&["send"][..], &["send", "192.168.10.29"]] {
        let output = colok(arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}: {}", output.err);
        let words = "Usage Error: colok send node_name file_name";
        assert!(output.err.contains(words), "{arguments:?}: {}", output.err);
    }
}

#[test]
fn a_server_that_does_not_run_is_told_clearly() {
    let folder = Folder::new();
    let path = folder.write("file", b"content");
    let arguments = ["send", "127.203.1.2:25563", &path, "--connect-timeout", "20s"];
    let output = finish(at_home(folder.path(), &arguments), b"");
    assert_eq!(output.code, Some(1), "{}", output.err);
    assert!(output.err.contains("nothing is listening there"), "{}", output.err);
}

#[test]
fn an_upload_that_is_cut_off_leaves_nothing_visible() {
    if !installed("nc.openbsd") {
        return;
    }
    each_of(&MODELS, |model| {
        let server = FileServer::start(model, &["--idle-timeout", "60s"]);
        // Right behind the header, and in the middle of the bytes; by an end and by a kill.
        for (bytes, killed) in [(0, false), (0, true), (300_000, false), (300_000, true)] {
            let told = cut_off(&server, bytes, killed);
            server.serving.event("closed");
            let lines: Vec<&str> = told.lines().collect();
            assert_eq!(lines[0].split(" : ").next(), Some("100 offset=0"), "{model}: {told}");
            if !killed {
                let expected = format!("417 received={bytes} : ");
                assert_eq!(lines.len(), 2, "{model}: {told}");
                assert!(lines[1].starts_with(&expected), "{model}: {told}");
            }
            assert_eq!(server.visible(), [""; 0], "{model}: after {bytes} bytes");
            assert_eq!(server.partial(), None, "{model}: nobody can resume it");
        }
        // And the name is still free.
        let answer = server.wire().put("KirimDariAji", b"whole", "");
        assert_eq!(answer.code, 201, "{model}: {}", answer.line);
        assert_eq!(answer.field("hash"), Some(hash(b"whole").as_str()));
    });
}

/// Announces a million bytes, sends some, and ends; gives what the server said.
fn cut_off(server: &FileServer, bytes: usize, killed: bool) -> String {
    let (host, port) = server.place().rsplit_once(':').expect("it has a port");
    let mut command = Command::new("nc.openbsd");
    command.args(["-N", host, port]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut nc = Background(command.spawn().expect("it starts"));
    let mut input = nc.0.stdin.take().expect("it is piped");
    let mut output = BufReader::new(nc.0.stdout.take().expect("it is piped"));
    input.write_all(b"PUT KirimDariAji 1000000\n").expect("it reads");
    let mut told = String::new();
    output.read_line(&mut told).expect("the server answers");
    input.write_all(&noise(1, bytes)).expect("it reads");
    if killed {
        nc.0.kill().expect("it runs");
    }
    drop(input);
    wait(&mut nc.0);
    output.read_to_string(&mut told).expect("it is text");
    told
}

#[test]
fn a_refusal_is_read_with_a_mebibyte_on_the_way() {
    each_of(&MODELS, |model| {
        let server = FileServer::start(model, &[]);
        assert_eq!(server.wire().put("taken", b"the first", "").code, 201, "{model}");
        let behind = noise(5, 1 << 20);
        let other = hash(&behind);
        // A client that does not wait for `send from`; one that pushes; one that is not understood.
        for (header, code) in [
            (format!("PUT taken {} {other}", behind.len()), "409 "),
            ("PUT ../escape 1048576".to_owned(), "422 "),
            ("PUSH taken 1048576".to_owned(), "413 "),
            ("GARBAGE".to_owned(), "400 "),
        ] {
            let mut wire = server.wire();
            wire.say(&header);
            // The server may have closed before all of it was taken; that is its right.
            let _ = wire.socket().write_all(&behind);
            let told = wire.rest();
            assert!(told.starts_with(code), "{model}: {header}: {told:?}");
        }
        assert_eq!(server.visible(), ["taken"], "{model}");
        assert_eq!(fs::read(server.stored("taken")).expect("it is there"), b"the first");
    });
}

#[test]
fn a_refusal_in_the_middle_of_the_bytes_is_read_too() {
    each_of(&MODELS, |model| {
        let server = FileServer::start(model, &["--max-file-size", "1M"]);
        let mut wire = server.wire();
        // In blocks: the size is not known before.
        assert_eq!(wire.ask("PUT large -").code, 100, "{model}");
        let block = noise(6, 512 << 10);
        for _ in 0..6 {
            // What is behind the limit is on its way when the server refuses.
            let header = format!("DATA {}\n", block.len());
            let _ = wire.socket().write_all(header.as_bytes());
            let _ = wire.socket().write_all(&block);
        }
        let told = wire.rest();
        assert!(told.starts_with("413 limit=1048576 : "), "{model}: {told:?}");
        assert_eq!(server.visible(), [""; 0], "{model}");
        let path = server.folder.file("large");
        write_large(&path, 2, 7);
        let output = server.run("send", &[&path]);
        assert_eq!(output.code, Some(3), "{model}: {}", output.err);
        assert!(output.err.contains("too large"), "{model}: {}", output.err);
    });
}
