//! Getting files back: whole, in part, several, after a break, over something that is there; and
//! bytes on the server's disk that are no longer those that were stored.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::common::{finish, wait};
use crate::support::{
    Background, FileServer, MIB, MODELS, at_home, each_of, hash_file, mode, noise, visible,
    wait_until, write_large,
};

#[test]
fn files_come_back_as_they_were_sent() {
    each_of(&MODELS, |model| {
        let server = FileServer::start(model, &[]);
        for (name, size) in [("empty", 0), ("small", 5), ("edge", 1 << 20), ("large", 5_000_001)] {
            let bytes = noise(size as u64, size);
            server.send(&[&server.folder.write(name, &bytes), "--durability", "none"]);
            let to_file = server.folder.file(&format!("{name}.got"));
            let output = server.run("get", &[name, "-o", &to_file]);
            assert_eq!(output.code, Some(0), "{model} {name}: {}", output.err);
            assert_eq!(fs::read(&to_file).expect("it was written"), bytes, "{model} {name}");
            assert_ne!(mode(to_file.as_ref()) & 0o200, 0, "{model}: the copy is the user's own");
            let output = server.run("get", &[name, "-o", "-"]);
            assert_eq!(output.code, Some(0), "{model} {name}: {}", output.err);
            assert_eq!(output.out, bytes, "{model} {name}");
        }
        let into = server.folder.file("into");
        fs::create_dir(&into).expect("the folder is ours");
        let output = server.run("get", &["small", "edge", "large", "-o", &into]);
        assert_eq!(output.code, Some(0), "{model}: {}", output.err);
        assert_eq!(visible(into.as_ref()), ["edge", "large", "small"], "{model}");
    });
}

#[test]
fn parts_come_as_they_are_asked_for() {
    let server = FileServer::start("events", &[]);
    let bytes = noise(1, 3_000_000);
    server.send(&[&server.folder.write("file", &bytes)]);
    for (range, expected) in [
        ("0-0", &bytes[..1]),
        ("0-99", &bytes[..100]),
        ("1048570-1048580", &bytes[1_048_570..1_048_581]),
        ("2999999-", &bytes[2_999_999..]),
        ("0-", &bytes[..]),
        ("5-9999999", &bytes[5..]),
    ] {
        let output = server.run("get", &["file", "--range", range, "-o", "-"]);
        assert_eq!(output.code, Some(0), "{range}: {}", output.err);
        assert_eq!(output.out, expected, "{range}");
    }
    let output = server.run("get", &["file", "--range", "3000000-", "-o", "-"]);
    assert_eq!((output.code, output.out.len()), (Some(3), 0), "{}", output.err);
    let output = server.run("get", &["file", "--range", "9-5", "-o", "-"]);
    assert_eq!((output.code, output.out.len()), (Some(2), 0), "{}", output.err);
}

#[test]
fn nothing_is_overwritten_without_force() {
    let server = FileServer::start("threads", &[]);
    server.send(&[&server.folder.write("file", b"from the store")]);
    let target = server.folder.write("mine", b"my own work");
    let output = server.run("get", &["file", "-o", &target]);
    assert_ne!(output.code, Some(0));
    assert!(output.err.contains("--force"), "{}", output.err);
    assert_eq!(fs::read(&target).expect("it is there"), b"my own work");
    let output = server.run("get", &["file", "-o", &target, "--force"]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    assert_eq!(fs::read(&target).expect("it is there"), b"from the store");
    // A name that is not there leaves what is there alone, even by force.
    let output = server.run("get", &["missing", "-o", &target, "--force"]);
    assert_eq!(output.code, Some(1), "{}", output.err);
    assert_eq!(fs::read(&target).expect("it is there"), b"from the store");
    let before = server.folder.path().read_dir().expect("it is ours").count();
    let output = server.run("get", &["missing", "-o", &server.folder.file("new")]);
    assert_eq!(output.code, Some(1), "{}", output.err);
    assert!(output.err.contains("no such file"), "{}", output.err);
    let after = server.folder.path().read_dir().expect("it is ours").count();
    assert_eq!(before, after, "a file that does not come leaves nothing");
}

#[test]
fn a_killed_download_goes_on_where_it_was() {
    let server = FileServer::start("events", &["--max-rate", "24M"]);
    let path = server.folder.file("large");
    let hash = write_large(&path, 24, 1);
    fs::rename(&path, server.stored("large")).expect("both are ours");
    let into = server.folder.file("into");
    fs::create_dir(&into).expect("the folder is ours");
    let target = format!("{into}/large");
    let mut command = server.command("get", &["large", "-o", &target]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut client = Background(command.spawn().expect("it starts"));
    let sizes = || {
        let entries = fs::read_dir(&into).expect("it is ours");
        entries.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len())).sum::<u64>()
    };
    wait_until("it is on its way", || sizes() >= 8 * MIB);
    client.0.kill().expect("it runs");
    wait(&mut client.0);
    assert!(!fs::exists(&target).expect("it is ours"), "a part is under the name");
    server.serving.event("closed");
    let there = sizes();

    let output = server.run("get", &["large", "-o", &target]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    assert_eq!(hash_file(target.as_ref()), hash);
    assert_eq!(visible(into.as_ref()), ["large"], "nothing else is left");
    let sent = server.serving.event("closed")["bytes_sent"].as_u64().expect("a number");
    println!("{there} bytes were there, {sent} came for the rest");
    assert!(sent <= 24 * MIB - there + 2 * MIB, "{sent} came, {there} were there");
}

#[test]
fn a_download_outlives_its_server() {
    let server = FileServer::start("threads", &["--max-rate", "16M"]);
    let path = server.folder.file("large");
    let hash = write_large(&path, 24, 4);
    fs::rename(&path, server.stored("large")).expect("both are ours");
    let into = server.folder.file("into");
    fs::create_dir(&into).expect("the folder is ours");
    let target = format!("{into}/large");
    let mut command = server.command("get", &["large", "-o", &target]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut client = Background(command.spawn().expect("it starts"));
    server.file_event("opened");
    let server = server.kill_and_restart();
    // It tries again by itself for a while; a server that takes long is asked again.
    if wait(&mut client.0).code() != Some(0) {
        assert!(!fs::exists(&target).expect("it is ours"), "a part is under the name");
        let output = server.run("get", &["large", "-o", &target]);
        assert_eq!(output.code, Some(0), "{}", output.err);
    }
    assert_eq!(hash_file(target.as_ref()), hash);
    assert_eq!(visible(into.as_ref()), ["large"], "something else is left");
}

/// Changes the bytes of a stored file behind the back of the server, its length and time kept.
fn rot(server: &FileServer, name: &str) {
    let path = server.stored(name);
    let before = fs::metadata(&path).expect("it is stored");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let mut bytes = fs::read(&path).expect("it is stored");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).expect("it is ours");
    let file = fs::File::options().write(true).open(&path).expect("it is ours");
    file.set_modified(before.modified().expect("Linux has it")).expect("it is ours");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("it is ours");
}

#[test]
fn bytes_that_rot_on_the_disk_are_found() {
    each_of(&["threads", "processes", "events", "uring"], |model| {
        let server = FileServer::start(model, &[]);
        let path = server.folder.write("file", &noise(2, 2_500_000));
        let receipt = server.folder.file("receipt.json");
        server.send(&[&path, "--receipt", &receipt]);
        server.send(&[&server.folder.write("sound", b"sound")]);
        let root = server.root().to_str().expect("it is text").to_owned();
        let verify = |arguments: &[&str]| {
            let all = [&["verify"], arguments].concat();
            finish(at_home(server.folder.path(), &all), b"")
        };
        for arguments in [&[&receipt][..], &[&receipt, &server.place().to_owned()], &[&root]] {
            let arguments: Vec<&str> = arguments.iter().map(|text| text.as_str()).collect();
            let output = verify(&arguments);
            assert_eq!(output.code, Some(0), "{model} {arguments:?}: {}", output.err);
        }
        rot(&server, "file");
        for arguments in [&[&receipt][..], &[&receipt, &server.place().to_owned()], &[&root]] {
            let arguments: Vec<&str> = arguments.iter().map(|text| text.as_str()).collect();
            let output = verify(&arguments);
            let told = format!("{}{}", output.text(), output.err);
            assert_eq!(output.code, Some(3), "{model} {arguments:?}: {told}");
            assert!(told.contains("file"), "{model} {arguments:?}: {told}");
        }
        // What was sent is no longer there: it is not had.
        let output = server.run("send", &[&path]);
        assert_eq!(output.code, Some(3), "{model}: {}", output.err);
        assert!(output.err.contains("name taken"), "{model}: {}", output.err);
        let output = verify(&[&root, "-q"]);
        assert!(!output.text().contains("sound"), "{model}: {}", output.text());
    });
}

#[test]
fn a_download_whose_bytes_change_on_the_way_is_not_kept() {
    let server = FileServer::start("threads", &["--max-rate", "4M"]);
    let path = server.folder.file("large");
    write_large(&path, 8, 3);
    server.send(&[&path, "--durability", "none"]);
    let into = server.folder.file("into");
    fs::create_dir(&into).expect("the folder is ours");
    let target = format!("{into}/large");
    let mut command = server.command("get", &["large", "-o", &target]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut client = Background(child.expect("it starts"));
    server.file_event("opened");
    // The last byte, while the first are on their way.
    let stored = server.stored("large");
    fs::set_permissions(&stored, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let file = fs::File::options().write(true).open(&stored).expect("it is ours");
    std::os::unix::fs::FileExt::write_all_at(&file, b"rotten", 8 * MIB - 6).expect("it is ours");
    let status = wait(&mut client.0);
    assert_ne!(status.code(), Some(0));
    assert!(!fs::exists(&target).expect("it is ours"), "wrong bytes are under the name");
}

#[test]
fn lists_and_entries_tell_what_is_stored() {
    let server = FileServer::start("events", &[]);
    let folder = server.folder.file("tree");
    for name in ["a/one", "a/two", "b/three", "four"] {
        server.folder.write(&format!("tree/{name}"), name.as_bytes());
    }
    std::os::unix::fs::symlink("four", format!("{folder}/link")).expect("the folder is ours");
    let output = server.send(&["-r", &folder]);
    let told = format!("{}{}", output.text(), output.err);
    assert!(told.contains("link"), "what is skipped is listed: {told}");
    let list = |arguments: &[&str]| {
        let output = server.run("list", &[arguments, &["-q"]].concat());
        assert_eq!(output.code, Some(0), "{}", output.err);
        output.text().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(list(&[]), ["tree/a/one", "tree/a/two", "tree/b/three", "tree/four"]);
    assert_eq!(list(&["tree/a"]), ["tree/a/one", "tree/a/two"]);
    assert_eq!(list(&["nothing"]), [""; 0]);
    let output = server.run("stat", &["tree/four", "--json"]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    let entry: serde_json::Value = serde_json::from_str(&output.text()).expect("it is JSON");
    assert_eq!(entry["size"], 4, "{entry}");
    assert_eq!(entry["hash"], crate::support::hash(b"four"), "{entry}");
    assert_eq!(server.run("stat", &["tree/none"]).code, Some(1));
}

#[test]
fn two_files_with_one_name_are_refused_before_connecting() {
    let server = FileServer::start("threads", &[]);
    let one = server.folder.write("one/file", b"one");
    let two = server.folder.write("two/file", b"two");
    let output = server.run("send", &[&one, &two]);
    assert_eq!(output.code, Some(3), "{}", output.err);
    let wire = server.wire();
    let accepted = server.serving.event("accepted");
    assert_eq!(accepted["remote"], wire.local().to_string(), "somebody else was there before");
    assert_eq!(server.visible(), [""; 0]);
    server.send(&[&one, "--prefix", "one"]);
    server.send(&[&two, "--prefix", "two"]);
    assert_eq!(server.visible(), ["one", "one/file", "two", "two/file"]);
}

#[test]
fn a_list_of_many_names_comes_in_pages() {
    let server = FileServer::start("events", &[]);
    let count = 1100;
    let folder = server.stored("many");
    fs::create_dir(&folder).expect("the store is ours");
    for number in 0..count {
        fs::write(folder.join(format!("{number:05}")), b"x").expect("the store is ours");
    }
    let output = server.run("list", &["-q", "many/"]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    let expected: Vec<_> = (0..count).map(|number| format!("many/{number:05}")).collect();
    assert_eq!(output.text().lines().collect::<Vec<_>>(), expected);
    let mut wire = server.wire();
    let answer = wire.ask("LIST many/ limit=3");
    assert_eq!((answer.number("count"), answer.field("more")), (3, Some("yes")));
}
