//! Thousands that come and go, and what they leave behind: nothing.

use std::fs;
use std::io::Read as _;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::process::Command;

use colok::engine::Model;
use colok::observe::Event;
use colok::server::Limits;
use rustix::net::{AddressFamily, SocketType};
use rustix::process::{Resource, getrlimit, setrlimit};

use super::script::reset;
use crate::has_uring;
use crate::support::{Client, Running};

/// Says to a child of this program that it is alone, and may count what is the process's.
const ALONE: &str = "COLOK_TEST_ALONE";

/// Whether this process runs only the test of this name. Otherwise one that does has just run.
fn alone(name: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let program = std::env::current_exe().expect("this program");
    let name = format!("uring_faults_bodies::churn::{name}");
    let child = Command::new(program)
        .args(["--exact", &name, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .status()
        .expect("it starts");
    assert!(child.success(), "{name} alone: {child}");
    false
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("the system tells").count()
}

/// Memory that is the process's own, in KiB.
fn own_memory_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the system tells");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Connections that come and go in all, and at once.
const ALL: usize = 20_000;
const AT_ONCE: usize = 64;

fn come_and_go(server: &Running, clients: usize, at_once: usize, resets: bool) {
    let mut left = clients;
    while left > 0 {
        let mut batch: Vec<Client> = (0..at_once.min(left)).map(|_| server.connect()).collect();
        left -= batch.len();
        for client in &mut batch {
            client.ask(b"hello\n", b"hello\n");
            if resets {
                reset(client);
            }
        }
    }
}

#[test]
fn twenty_thousand_come_and_go() {
    if !has_uring() || !alone("twenty_thousand_come_and_go") {
        return;
    }
    let limits = Limits { workers: 2, ..Limits::default() };
    let mut server =
        Running::start_unwatched(Model::Uring, &["echo=tcp://127.0.0.1:0?idle=60s"], limits);
    // What is made once and kept.
    come_and_go(&server, 2 * AT_ONCE, AT_ONCE, false);
    wait_for_closes(&mut server, 2 * AT_ONCE);
    let (descriptors_before, memory_before) = (descriptors(), own_memory_kib());
    for (clients, at_once, resets) in [
        (ALL / 4, 1, false),
        (ALL / 4, 1, true),
        (ALL / 4, AT_ONCE, false),
        (ALL / 4, AT_ONCE, true),
    ] {
        let mut left = clients;
        while left > 0 {
            // In parts, so that the log has room for what is told of them.
            let part = left.min(1000);
            come_and_go(&server, part, at_once, resets);
            wait_for_closes(&mut server, part);
            left -= part;
        }
    }
    assert_eq!(descriptors(), descriptors_before, "every descriptor comes back");
    let grown = own_memory_kib().saturating_sub(memory_before);
    assert!(grown < 4096, "{grown} KiB more than before");
    let totals = server.finish();
    assert_eq!(totals.connections, (ALL + 2 * AT_ONCE) as u64);
    assert_eq!(totals.bytes_received, 6 * totals.connections);
    assert_eq!(totals.bytes_sent, 6 * totals.connections);
    assert_eq!(totals.records_dropped, 0);
}

fn wait_for_closes(server: &mut Running, count: usize) {
    for _ in 0..count {
        let reason = server.closed();
        let expected = ["peer-closed", "io(ECONNRESET)", "io(104)"];
        assert!(expected.contains(&reason.as_str()), "{reason}");
    }
}

#[test]
fn peers_gone_before_anything_is_said() {
    if !has_uring() {
        return;
    }
    let server = Running::start_unwatched(
        Model::Uring,
        &["echo=tcp://127.0.0.1:0"],
        Limits { workers: 1, ..Limits::default() },
    );
    for number in 0..500 {
        let mut client = server.connect();
        if number % 3 == 1 {
            client.send(b"never mind");
        }
        if number % 2 == 0 {
            reset(&client);
        }
    }
    let mut client = server.connect();
    client.ask(b"hello", b"hello");
    // One that is gone before it can be asked who it is is nobody's.
    let totals = server.finish();
    assert!(totals.connections <= 501 && totals.refused == 0, "{totals:?}");
}

#[test]
fn running_out_of_descriptors_is_a_pause() {
    if !has_uring() || !alone("running_out_of_descriptors_is_a_pause") {
        return;
    }
    // Clients have theirs before; what the server, in the same process, finds then is not enough
    // for all of them. An accept that is armed remembers the limit that held when it was.
    let client = || rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None);
    let clients: Vec<_> = (0..80).map(|_| client().expect("a descriptor")).collect();
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(descriptors() as u64 + 40);
    setrlimit(Resource::Nofile, limit).expect("less is always allowed");
    let limits = Limits { workers: 1, connections_max: 10_000, ..Limits::default() };
    let service = "echo=tcp://127.0.0.1:0?idle=60s";
    let mut server = Running::start_unwatched(Model::Uring, &[service], limits);
    let address: SocketAddr =
        server.urls[0].strip_prefix("tcp://").expect("TCP").parse().expect("one");
    let connect = |socket: OwnedFd| {
        rustix::net::connect(&socket, &address).expect("it waits to be accepted");
        Client::Tcp(socket.into())
    };
    let mut clients: Vec<_> = clients.into_iter().map(connect).collect();
    server.wait_for(|event| matches!(event, Event::Paused { .. }).then_some(()));
    let later = clients.split_off(60);
    drop(clients);
    server.wait_for(|event| matches!(event, Event::Resumed { .. }).then_some(()));
    for mut client in later {
        client.ask(b"hello", b"hello");
    }
    server.connect().ask(b"hello", b"hello");
}

#[test]
fn blocked_peers_cost_bounded_memory() {
    if !has_uring() || !alone("blocked_peers_cost_bounded_memory") {
        return;
    }
    let limits = Limits { workers: 1, ..Limits::default() };
    let service = "echo=tcp://127.0.0.1:0?quit=off&idle=60s";
    let server = Running::start_unwatched(Model::Uring, &[service], limits);
    server.connect().ask(b"hello", b"hello");
    let mut clients: Vec<_> = (0..50).map(|_| server.connect()).collect();
    let before = own_memory_kib();
    let bytes = vec![b'x'; 64 * 1024];
    for client in &clients {
        let Client::Tcp(stream) = client else { unreachable!("it is TCP") };
        stream.set_nonblocking(true).expect("an option");
    }
    // Until nobody takes more.
    let mut quiet = 0;
    while quiet < 200 {
        let mut sent = false;
        for client in &mut clients {
            sent |= std::io::Write::write(client, &bytes).is_ok();
        }
        quiet = if sent { 0 } else { quiet + 1 };
        std::thread::yield_now();
    }
    let grown = own_memory_kib().saturating_sub(before);
    eprintln!("50 peers that never read cost {} KiB each", grown / 50);
    assert!(grown < 50 * 8 * 1024, "{grown} KiB for 50 peers");
    // The server still serves.
    server.connect().ask(b"hello", b"hello");
    for client in clients {
        let Client::Tcp(mut stream) = client else { unreachable!("it is TCP") };
        stream.set_nonblocking(false).expect("an option");
        stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        let mut all = Vec::new();
        stream.read_to_end(&mut all).expect("it comes whole");
        assert!(all.iter().all(|byte| *byte == b'x'));
    }
    let totals = server.finish();
    assert_eq!(totals.bytes_received, totals.bytes_sent);
}
