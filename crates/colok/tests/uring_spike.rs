//! An io_uring loop on the very session type that the engines use, run through the echo bodies.
//!
//! It shows that nothing in [`colok::session`] assumes readiness: an arrival is echoed straight
//! out of the buffer it was received in, sends complete later, and a connection is closed only
//! when nothing of it is in flight. It is a proof of the contract, not an engine: buffers are
//! per connection, deadlines are found by looking at all sessions, and there are no limits.

mod support;
mod uring_loop;

use std::time::Duration;

use colok_sys::ring::Ring;
use support::{Client, noise};
use uring_loop::Spike;

fn has_ring() -> bool {
    let ring = Ring::new(8);
    if let Err(error) = &ring {
        println!("skipped: no io_uring here: {error}");
    }
    ring.is_ok()
}

#[test]
fn echo_returns_every_byte() {
    if !has_ring() {
        return;
    }
    let spike = Spike::start("echo=tcp://127.0.0.1:0?quit=off");
    let mut client = Client::connect(&spike.url);
    for (round, length) in [1, 1024, 65_537, 3_000_000].into_iter().enumerate() {
        let bytes = noise(round as u64, length);
        let mut reader = client.duplicate();
        let reading = std::thread::spawn(move || reader.receive(length));
        client.send(&bytes);
        assert!(reading.join().expect("it reads") == bytes, "{length} bytes come back whole");
    }
    client.half_close();
    assert_eq!(client.receive_all(), b"");
    drop(client);
    // Every byte of text went out of the buffer it came in.
    assert_eq!(spike.finish().copied_sends, 0);
}

#[test]
fn echo_quit_is_echoed_and_closes() {
    if !has_ring() {
        return;
    }
    let spike = Spike::start("echo=tcp://127.0.0.1:0");
    for (sent, expected) in [
        (&b"hello\nquit\nmore"[..], &b"hello\nquit\n"[..]),
        (b"quit\r\n", b"quit\r\n"),
        (b"quit", b"quit"), // ended by the gap
    ] {
        let mut client = Client::connect(&spike.url);
        client.send(sent);
        assert_eq!(client.receive_all(), expected);
    }
}

#[test]
fn echo_idle_connections_are_closed() {
    if !has_ring() {
        return;
    }
    let spike = Spike::start("echo=tcp://127.0.0.1:0?idle=200ms");
    let start = std::time::Instant::now();
    let mut client = Client::connect(&spike.url);
    client.ask(b"x", b"x");
    assert_eq!(client.receive_all(), b"");
    assert!(start.elapsed() >= Duration::from_millis(200), "not before its time");
}

#[test]
fn a_slow_reader_loses_nothing() {
    if !has_ring() {
        return;
    }
    let spike = Spike::start("echo=tcp://127.0.0.1:0?quit=off&idle=60s");
    let mut client = Client::connect(&spike.url);
    let bytes = noise(7, 16 << 20);
    let sent = bytes.clone();
    let mut writer = client.duplicate();
    let writing = std::thread::spawn(move || {
        writer.send(&sent);
        writer.half_close();
    });
    let received = client.receive_all();
    writing.join().expect("it writes");
    assert!(received == bytes, "16 MiB come back whole");
}

#[test]
fn count_and_chargen_run_unchanged() {
    if !has_ring() {
        return;
    }
    let spike = Spike::start("count=tcp://127.0.0.1:0");
    let mut client = Client::connect(&spike.url);
    let reply = b"Jumlah karakter dalam kalimat tersebut ada: 23";
    client.ask(b"Handy Arfiano Hastyawan", reply);
    client.send(&b"\n\n".repeat(20_000));
    client.half_close();
    let expected = b"Jumlah karakter dalam kalimat tersebut ada: 0\n".repeat(39_999);
    let replies = client.receive_all();
    assert_eq!(replies.len(), expected.len());
    assert!(replies == expected, "every reply comes, in full");

    let spike = Spike::start("chargen=tcp://127.0.0.1:0");
    let mut client = Client::connect(&spike.url);
    let pattern = client.receive(74 * 95 * 20);
    assert!(pattern.chunks(74 * 95).all(|turn| turn == &pattern[..74 * 95]));
}
