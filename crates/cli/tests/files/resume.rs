//! Uploads that are killed, on either side, and go on where they were: what is sent again is what
//! was missing and little more, and what is there is not believed but checked.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};

use crate::common::wait;
use crate::support::{
    Background, CONCURRENT_MODELS, FileServer, MIB, Random, children, daily_or_full, each_of,
    hash_file, signal, wait_until, write_large,
};
use rustix::process::Signal;

/// What may be sent again beside what was missing.
const ALLOWANCE: u64 = 64 * MIB;

/// How much is left at least when a kill is decided, in mebibytes, so that it lands inside on a
/// busy machine too.
const MARGIN: u64 = 48;

/// The size of the file in mebibytes, and how often each side is killed.
fn extent() -> (u64, usize) {
    daily_or_full((128, 2), (1024, 10))
}

/// So slow that every kill lands inside, so fast that a test is short; in bytes per second.
fn rate() -> String {
    daily_or_full("96M", "300M").to_owned()
}

/// The client, sending in the background.
fn sending(server: &FileServer, path: &str) -> Background {
    let mut command = server.command("send", &[path, "--durability", "none"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Background(command.spawn().expect("it starts"))
}

/// Waits until so much of the upload is in the store; fails when it ended before.
fn wait_for_bytes(server: &FileServer, client: &mut Child, bytes: u64) {
    wait_until("the upload is on its way", || {
        assert_eq!(client.try_wait().expect("it is ours"), None, "it ended before it was killed");
        server.partial().is_some_and(|(_, length)| length >= bytes)
    });
}

/// Sends the rest; gives how many bytes came to the server for it.
fn send_rest(server: &FileServer, path: &str) -> u64 {
    let output = server.send(&[path, "--durability", "none"]);
    assert!(!output.out.is_empty(), "it prints the receipt");
    server.file_event("copied");
    number(&server.serving.event("closed"), "bytes_received")
}

fn number(event: &serde_json::Value, field: &str) -> u64 {
    event[field].as_u64().unwrap_or_else(|| panic!("{field} of {event}"))
}

/// What the upload left, after the server has let go of it.
fn left(server: &FileServer) -> u64 {
    server.partial().map_or(0, |(_, length)| length)
}

#[test]
fn a_killed_client_goes_on_where_it_was() {
    let (size, kills) = extent();
    each_of(&CONCURRENT_MODELS, |model| {
        let mut random = Random::new(17);
        let rate = rate();
        let server = FileServer::start(model, &["--max-rate", &rate]);
        for kill in 0..kills {
            let name = format!("large-{kill}");
            let path = server.folder.file(&name);
            let hash = write_large(&path, size, kill as u64);
            let point = (8 + random.below(size - 8 - MARGIN)) * MIB;
            let mut client = sending(&server, &path);
            wait_for_bytes(&server, &mut client.0, point);
            client.0.kill().expect("it runs");
            wait(&mut client.0);
            server.serving.event("closed");
            goes_on(model, &server, &path, size * MIB, point);
            assert_eq!(hash_file(&server.stored(&name)), hash, "{model}");
            // Ten of them would be large.
            fs::remove_file(server.stored(&name)).expect("the store is ours");
            fs::remove_file(path).expect("it is ours");
        }
    });
}

/// After a kill at `point`: nothing is visible, at least that much is there, and no more than what
/// is missing of `size` bytes is sent for the rest.
fn goes_on(model: &str, server: &FileServer, path: &str, size: u64, point: u64) {
    let there = left(server);
    assert!(there >= point, "{model}: {there} bytes are left of {point}");
    assert_eq!(server.visible(), [""; 0], "{model}: a part is visible");

    let again = send_rest(server, path);
    let missing = size - there;
    println!("{model}: killed at {point}, {there} there, {again} sent for the rest");
    assert!(again <= missing + ALLOWANCE, "{model}: {again} sent for {missing} missing");
    assert_eq!(server.partial(), None, "{model}: something is left");
}

#[test]
fn a_killed_server_goes_on_where_it_was() {
    let (size, kills) = extent();
    each_of(&["threads", "events", "uring"], |model| {
        let mut random = Random::new(19);
        let rate = rate();
        let mut server = FileServer::start(model, &["--max-rate", &rate]);
        for kill in 0..kills {
            let name = format!("large-{kill}");
            let path = server.folder.file(&name);
            let hash = write_large(&path, size, kill as u64);
            let point = (8 + random.below(size - 8 - MARGIN)) * MIB;
            let mut client = sending(&server, &path);
            wait_for_bytes(&server, &mut client.0, point);
            // The client must not go on by itself: what it sends is counted below.
            client.0.kill().expect("it runs");
            server = server.kill_and_restart();
            wait(&mut client.0);
            goes_on(model, &server, &path, size * MIB, point);
            assert_eq!(hash_file(&server.stored(&name)), hash, "{model}");
            // Ten of them would be large.
            fs::remove_file(server.stored(&name)).expect("the store is ours");
            fs::remove_file(path).expect("it is ours");
        }
    });
}

#[test]
fn a_client_finishes_by_itself_when_its_server_comes_back() {
    let server = FileServer::start("events", &["--max-rate", "32M"]);
    let path = server.folder.file("large");
    let hash = write_large(&path, 48, 3);
    let mut client = sending(&server, &path);
    wait_for_bytes(&server, &mut client.0, 8 * MIB);
    let server = server.kill_and_restart();
    let status = wait(&mut client.0);
    // It may have given up before the server was back, and says so.
    match status.code() {
        Some(0) => {}
        Some(1) => drop(server.send(&[&path])),
        other => panic!("{other:?}"),
    }
    assert_eq!(hash_file(&server.stored("large")), hash);
}

#[test]
fn a_killed_worker_process_loses_nothing_that_was_there() {
    let server = FileServer::start("processes", &["--max-rate", "32M", "--workers", "1"]);
    let path = server.folder.file("large");
    let hash = write_large(&path, 48, 4);
    let mut client = sending(&server, &path);
    wait_for_bytes(&server, &mut client.0, 8 * MIB);
    let there = left(&server);
    for worker in children(server.serving.pid()) {
        signal(worker, Signal::KILL);
    }
    server.serving.event("worker-lost");
    // It tries again by itself, or is told to.
    if wait(&mut client.0).code() != Some(0) {
        server.send(&[&path]);
    }
    assert_eq!(hash_file(&server.stored("large")), hash);
    let missing = 48 * MIB - there;
    let received = number(&server.serving.event("closed"), "bytes_received");
    assert!(received <= missing + ALLOWANCE, "{received} for {missing} missing");
}

/// Turns one bit of a file round.
fn flip(path: &Path, place: u64) {
    let mut file = OpenOptions::new().read(true).write(true).open(path).expect("it is there");
    let mut byte = [0];
    file.seek(SeekFrom::Start(place)).expect("it is a file");
    file.read_exact(&mut byte).expect("it is so long");
    file.seek(SeekFrom::Start(place)).expect("it is a file");
    file.write_all(&[byte[0] ^ 1]).expect("it can be written");
}

#[test]
fn a_flipped_byte_of_a_partial_is_found_and_repaired() {
    let size = daily_or_full(40, 256);
    each_of(&["threads", "processes"], |model| {
        let server = FileServer::start(model, &["--max-rate", "40M"]);
        let path = server.folder.file("large");
        let hash = write_large(&path, size, 5);
        for (number, part) in ["first", "middle", "last"].into_iter().enumerate() {
            let name = format!("large-{part}");
            let arguments = [path.as_str(), "--durability", "none", "--name", &name];
            let mut command = server.command("send", &arguments);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let mut client = Background(command.spawn().expect("it starts"));
            wait_for_bytes(&server, &mut client.0, (size / 2) * MIB);
            client.0.kill().expect("it runs");
            wait(&mut client.0);
            server.serving.event("closed");
            let (partial, length) = server.partial().expect("it is kept");
            let place = match part {
                "first" => 1000,
                "middle" => length / 2,
                _ => length - 1,
            };
            flip(&partial, place);
            server.send(&arguments);
            assert_eq!(hash_file(&server.stored(&name)), hash, "{model}: {part}");
            assert_eq!(server.visible().len(), number + 1, "{model}: {part}");
        }
    });
}

#[test]
fn only_the_holder_of_an_upload_resumes_it() {
    each_of(&CONCURRENT_MODELS, |model| {
        let server = FileServer::start(model, &[]);
        let bytes = crate::support::noise(8, 3 << 20);
        let half = bytes.len() / 2;
        let header = |token: &str| format!("PUT large {} upload={token}", bytes.len());
        let mut first = server.wire();
        assert_eq!(first.ask(&header("holder-of-upload-1")).number("offset"), 0, "{model}");
        first.send(&bytes[..half]);
        wait_until("half is there", || left(&server) >= 1 << 20);
        // Somebody else begins at 0; the holder goes on, while the dead connection is still open.
        let mut other = server.wire();
        assert_eq!(other.ask(&header("somebody-else-here")).number("offset"), 0, "{model}");
        drop(other);
        let mut second = server.wire();
        let answer = second.ask(&header("holder-of-upload-1"));
        let offset = usize::try_from(answer.number("offset")).expect("it fits");
        assert!(offset >= 1 << 20 && offset <= half, "{model}: {}", answer.line);
        let prefix = blake3::hash(&bytes[..offset]).to_string();
        assert_eq!(answer.field("hash"), Some(prefix.as_str()), "{model}: {}", answer.line);
        second.send(&bytes[offset..]);
        let answer = second.answer();
        assert_eq!(answer.code, 201, "{model}: {}", answer.line);
        // The old connection cannot write into it any more, and is told.
        let _ = first.socket().write_all(&bytes[half..]);
        let told = first.rest();
        let codes: Vec<&str> = told.lines().map(|line| &line[..3]).collect();
        assert!(matches!(codes[..], ["410" | "202" | "409"]), "{model}: {told:?}");
        assert_eq!(fs::read(server.stored("large")).expect("it is stored"), bytes, "{model}");
    });
}

#[test]
fn a_partial_that_nobody_resumes_goes_away() {
    let server = FileServer::start("threads", &["--keep-partial", "1s"]);
    let mut wire = server.wire();
    assert_eq!(wire.ask("PUT large 5000000 upload=nobody-comes-back-1").code, 100);
    wire.send(&crate::support::noise(9, 2 << 20));
    wait_until("some is there", || left(&server) >= 1 << 20);
    drop(wire);
    // By the timer, or at the next start: it is not for ever.
    let server = {
        server.serving.event("closed");
        crate::support::pause(std::time::Duration::from_millis(1500));
        server.kill_and_restart()
    };
    wait_until("the partial is gone", || server.partial().is_none());
    let log = fs::read_dir(server.root().join(".colok/partial"));
    let files = log.expect("the store has it").count();
    assert_eq!(files, 0, "its log is gone too");
}

#[test]
fn a_local_file_that_changes_while_it_is_sent_is_no_stored_mixture() {
    let server = FileServer::start("events", &["--max-rate", "16M"]);
    let path = server.folder.file("changing");
    write_large(&path, 24, 6);
    let mut client = {
        let mut command = server.command("send", &[&path]);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        Background(command.spawn().expect("it starts"))
    };
    wait_for_bytes(&server, &mut client.0, 4 * MIB);
    // The first byte, which was sent already.
    flip(Path::new(&path), 0);
    let mut told = String::new();
    let status = wait(&mut client.0);
    client.0.stderr.take().expect("it is piped").read_to_string(&mut told).expect("it is text");
    assert_eq!(status.code(), Some(1), "{told}");
    assert!(told.contains("changed while it was sent"), "{told}");
    assert_eq!(server.visible(), [""; 0]);
    drop(File::open(&path).expect("the local file is left alone"));
}
