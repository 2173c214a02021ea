//! Standard input of any length: neither side holds it in memory.

use std::io::{BufReader, Read as _, Write as _};
use std::process::Stdio;
use std::thread;

use crate::common::{PATIENCE, runnable};
use crate::support::{
    Background, Blocks, FileServer, MIB, children, daily_or_full, each_of, hash_file, is_full,
    peak_kib,
};

/// What either side may have at its peak.
const PEAK_KIB: u64 = 64 * 1024;

/// The most memory of a server and of its workers.
fn peak_of_server(server: &FileServer) -> u64 {
    let process = server.serving.pid();
    let all = [process].into_iter().chain(children(process));
    all.filter_map(peak_kib).max().expect("it runs")
}

#[test]
fn noise_of_any_length_is_stored_in_little_memory() {
    let mebibytes = daily_or_full(300, 3072);
    let models = ["events", "processes", "uring"];
    // One after the other: each has the machine for itself.
    for model in runnable(&models) {
        let server = FileServer::start(model, &[]);
        let mut command = server.command("send", &["-", "--name", "x", "--durability", "none"]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut client = Background(child.expect("it starts"));
        let mut input = client.0.stdin.take().expect("it is piped");
        let writing = thread::spawn(move || {
            let mut blocks = Blocks::new(11);
            let mut hasher = blake3::Hasher::new();
            for _ in 0..mebibytes {
                let block = blocks.next();
                hasher.update(block);
                input.write_all(block).expect("the client reads");
            }
            hasher.finalize().to_string()
        });
        let peak = watch_to_its_end(&mut client);
        let hash = writing.join().expect("everything was taken");
        let mut told = String::new();
        let output = client.0.stdout.take().expect("it is piped");
        BufReader::new(output).read_to_string(&mut told).expect("it is text");
        assert!(told.contains(&hash), "{model}: {told}");
        let stored = server.stored("x");
        assert_eq!(stored.metadata().expect("it is stored").len(), mebibytes * MIB, "{model}");
        assert_eq!(hash_file(&stored), hash, "{model}");
        let at_server = peak_of_server(&server);
        println!("{model}: {mebibytes} MiB, peak of client {peak} KiB, of server {at_server} KiB");
        assert!(peak <= PEAK_KIB, "{model}: the client had {peak} KiB");
        assert!(at_server <= PEAK_KIB, "{model}: the server had {at_server} KiB");
    }
}

/// Waits for the end of the client; gives the most memory that it had.
fn watch_to_its_end(client: &mut Background) -> u64 {
    let patience = if is_full() { PATIENCE * 10 } else { PATIENCE };
    let start = std::time::Instant::now();
    let mut peak = 0;
    loop {
        // It never gets less, so the last look tells all but the last moment.
        peak = peak_kib(client.0.id()).unwrap_or(peak).max(peak);
        if let Some(status) = client.0.try_wait().expect("it is our child") {
            assert!(status.success(), "{status}");
            return peak;
        }
        assert!(start.elapsed() < patience, "not within {patience:?}");
        thread::park_timeout(std::time::Duration::from_millis(2));
    }
}

#[test]
fn an_empty_and_a_short_input_are_files_too() {
    each_of(&["threads", "events", "uring"], |model| {
        let server = FileServer::start(model, &[]);
        for (name, input) in [("nothing", &b""[..]), ("short", b"x"), ("line", b"a line\n")] {
            let command = server.command("send", &["-", "--name", name]);
            let output = crate::common::finish(command, input);
            assert_eq!(output.code, Some(0), "{model}: {name}: {}", output.err);
            assert_eq!(std::fs::read(server.stored(name)).expect("it is stored"), input);
        }
        // The same input again is had, another is refused.
        let again = server.command("send", &["-", "--name", "line"]);
        let output = crate::common::finish(again, b"a line\n");
        assert_eq!(output.code, Some(0), "{model}: {}", output.err);
        assert!(output.text().contains("have it"), "{model}: {}", output.text());
        let other = server.command("send", &["-", "--name", "line"]);
        let output = crate::common::finish(other, b"another line\n");
        assert_eq!(output.code, Some(3), "{model}: {}", output.err);
        assert!(output.err.contains("name taken"), "{model}: {}", output.err);
        assert_eq!(server.visible(), ["line", "nothing", "short"], "{model}");
    });
}

#[test]
fn an_input_that_breaks_off_with_its_client_is_not_stored() {
    let server = FileServer::start("events", &[]);
    let mut command = server.command("send", &["-", "--name", "broken"]);
    let mut client =
        Background(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts"));
    let mut input = client.0.stdin.take().expect("it is piped");
    input.write_all(&crate::support::noise(12, 3 << 20)).expect("the client reads");
    server.file_event("missing");
    client.0.kill().expect("it runs");
    crate::common::wait(&mut client.0);
    drop(input);
    server.serving.event("closed");
    assert_eq!(server.visible(), [""; 0]);
}
