//! Too little of everything: buffers, queues, readers, room. Nothing is lost, nobody waits for
//! others.

use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

const ECHO: &str = "echo=tcp://127.0.0.1:0?quit=off&idle=60s";

/// Sends all of `bytes` and reads them back, at the same time.
fn echo_whole(client: TcpStream, bytes: &[u8]) {
    let mut writer = client.try_clone().expect("a descriptor is left");
    let mut reader = client;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(bytes).expect("it is sent");
            writer.shutdown(Shutdown::Write).expect("it is open");
        });
        let mut echoed = Vec::new();
        reader.read_to_end(&mut echoed).expect("the echo comes whole");
        assert!(echoed == bytes, "{} bytes of {}, in order", echoed.len(), bytes.len());
    });
}

#[test]
fn rings_that_are_too_small_lose_nothing() {
    let sizes = [
        TINY,
        Size { buffers: 1, ..MEDIUM },
        Size { buffers: 1, buffer_bytes: 16, ..MEDIUM },
        Size { entries: 1, completions: 2, ..MEDIUM },
        Size { entries: 8, completions: 8, ..MEDIUM },
        Size { buffers: 2, buffer_bytes: 1, ..TINY },
    ];
    for size in sizes {
        let Some(server) = Server::start(ECHO, size) else { return };
        let clients = 30;
        let length = if size.buffer_bytes < 1024 { 3_000 } else { 100_000 };
        std::thread::scope(|scope| {
            for number in 0..clients {
                let client = server.connect();
                scope.spawn(move || echo_whole(client, &pattern(number, length)));
            }
        });
        let totals = server.finish();
        let all = (clients * length) as u64;
        assert_eq!((totals.bytes_received, totals.bytes_sent), (all, all), "{size:?}");
    }
}

/// Sends all that the sockets of `clients` take, again and again; says when nobody took anything.
fn push(clients: &[TcpStream], over: &AtomicBool, full: &AtomicBool) {
    for client in clients {
        client.set_nonblocking(true).expect("an option");
    }
    let bytes = vec![b'x'; 16 * 1024];
    let mut in_vain = 0;
    while !over.load(Ordering::Relaxed) {
        let sent = clients.iter().filter(|client| (&mut &**client).write(&bytes).is_ok()).count();
        in_vain = if sent > 0 { 0 } else { in_vain + 1 };
        full.fetch_or(in_vain > 100, Ordering::Relaxed);
        std::thread::yield_now();
    }
}

#[test]
fn those_who_never_read_hold_up_nobody() {
    let size = Size { buffers: 8, buffer_bytes: 4096, ..MEDIUM };
    let Some(server) = Server::start(ECHO, size) else { return };
    let pushing: Vec<_> = (0..100).map(|_| narrow(server.connect())).collect();
    let (over, full) = (AtomicBool::new(false), AtomicBool::new(false));
    let slowest = std::thread::scope(|scope| {
        scope.spawn(|| push(&pushing, &over, &full));
        let mut client = server.connect();
        let mut slowest = Duration::ZERO;
        let until = Instant::now() + PATIENCE;
        let mut number = 0;
        // While they push, and until nobody of them can any more.
        while number < 300 || !full.load(Ordering::Relaxed) {
            let began = Instant::now();
            ask(&mut client, &pattern(number, 1 + number % 300 * 11));
            slowest = slowest.max(began.elapsed());
            number += 1;
            assert!(began < until, "their sockets are never full");
        }
        over.store(true, Ordering::Relaxed);
        slowest
    });
    let _ = writeln!(std::io::stderr(), "the slowest echo took {slowest:?}");
    assert!(slowest < PATIENCE / 10, "{slowest:?}");
    // They are blocked, not forgotten: who reads at last gets every byte.
    for client in &pushing[..5] {
        client.set_nonblocking(false).expect("an option");
        rustix::net::sockopt::set_socket_recv_buffer_size(client, 1 << 20).expect("an option");
        client.shutdown(Shutdown::Write).expect("it is open");
        let mut all = Vec::new();
        (&mut &*client).read_to_end(&mut all).expect("it comes whole");
        assert!(all.len() > 4096 && all.iter().all(|byte| *byte == b'x'));
    }
    server.watch.until(|seen| seen.closed.len() == 6);
    let seen = server.watch.seen();
    assert!(seen.closed.iter().all(|(_, received, sent)| received == sent), "{:?}", seen.closed);
}

#[test]
fn a_slow_reader_gets_every_byte_and_others_go_on() {
    let size = Size { buffers: 8, buffer_bytes: 4096, ..MEDIUM };
    let Some(server) = Server::start(ECHO, size) else { return };
    let whole = pattern(7, 10 << 20);
    let slow = server.connect();
    rustix::net::sockopt::set_socket_recv_buffer_size(&slow, 128 * 1024).expect("an option");
    std::thread::scope(|scope| {
        let mut writer = slow.try_clone().expect("a descriptor is left");
        let bytes = &whole;
        scope.spawn(move || {
            writer.write_all(bytes).expect("it is sent");
            writer.shutdown(Shutdown::Write).expect("it is open");
        });
        let mut other = server.connect();
        let mut echoed = vec![0; 200];
        for number in 0..200 {
            // One byte now, another when someone else has been served.
            (&mut &slow).read_exact(&mut echoed[number..=number]).expect("a byte comes");
            ask(&mut other, &pattern(number, 100));
        }
        (&mut &slow).read_to_end(&mut echoed).expect("the rest comes");
        assert!(echoed == whole, "{} bytes, in order", echoed.len());
    });
}

#[test]
fn the_end_does_not_overtake_what_waits_for_room() {
    let service = format!("count={}?lang=en", fresh_unix());
    let Some(server) = Server::start(&service, Size { buffer_bytes: 64 * 1024, ..MEDIUM }) else {
        return;
    };
    let mut client = server.connect_unix();
    server.watch.until(|seen| seen.accepted == 1);
    server.watch.set(Hold::Next);
    let _trigger = server.connect_unix();
    server.watch.until(|seen| seen.hold == Hold::Holding);
    // One arrival, and ten times as much comes back, which no Unix socket has room for. The end is
    // known before it is found that there is no room.
    let (mut messages, mut expected) = (Vec::new(), Vec::new());
    for number in 0..14_000 {
        messages.extend(vec![b'x'; number % 7]);
        messages.push(b'\n');
        expected.extend(
            format!("Number of characters in this sentence: {}\n", number % 7).into_bytes(),
        );
    }
    client.write_all(&messages).expect("it has room");
    client.shutdown(Shutdown::Write).expect("it is open");
    server.release();
    // Until the server is blocked, with input that it has not looked at.
    let (mut waiting, mut since) = (0, Instant::now());
    while waiting < 16 * 1024 || since.elapsed() < Duration::from_millis(100) {
        let now = rustix::io::ioctl_fionread(&client).expect("it tells");
        if now != waiting {
            (waiting, since) = (now, Instant::now());
        }
        assert!(since.elapsed() < PATIENCE, "the server says nothing");
        std::thread::yield_now();
    }
    let mut reply = Vec::new();
    client.read_to_end(&mut reply).expect("the server ends");
    assert!(reply == expected, "{} bytes of {}", reply.len(), expected.len());
}

#[test]
fn a_connection_that_cannot_send_ends_at_its_time() {
    let service = "echo=tcp://127.0.0.1:0?quit=off&idle=300ms";
    let Some(server) = Server::start(service, MEDIUM) else { return };
    let clients: Vec<_> = (0..20).map(|_| narrow(server.connect())).collect();
    for client in &clients {
        client.set_nonblocking(true).expect("an option");
        while (&mut &*client).write(&[b'x'; 16 * 1024]).is_ok() {}
    }
    server.watch.until(|seen| seen.closed.len() == 20);
    let seen = server.watch.seen();
    assert!(seen.closed.iter().all(|closed| closed.0 == "idle"), "{:?}", seen.closed);
}

#[test]
fn workers_share_connections_evenly() {
    let limits = Limits { workers: 4, ..Limits::default() };
    let Some(server) = Server::start_with(ECHO, MEDIUM, limits) else { return };
    let mut clients: Vec<_> = (0..200).map(|_| server.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        ask(client, &pattern(number, 100));
    }
    // Every worker takes its part while one of them is held.
    let _held = server.hold();
    let mut waiting = Vec::new();
    for client in &mut clients {
        client.write_all(b"again").expect("it is sent");
        client.set_nonblocking(true).expect("an option");
        waiting.push(client);
    }
    let until = Instant::now() + PATIENCE;
    while waiting.len() > 70 && Instant::now() < until {
        waiting.retain_mut(|client| client.read(&mut [0; 5]).is_err());
    }
    let answered = 200 - waiting.len();
    server.release();
    assert!(answered >= 130, "three workers of four hold {answered} of 200");
    drop(clients);
    let totals = server.finish();
    assert_eq!(totals.connections, 201);
}
