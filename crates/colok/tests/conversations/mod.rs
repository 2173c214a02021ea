//! Conversations with an echo server, whatever runs it: what every engine must get right.

use std::time::{Duration, Instant};

use crate::support::{Client, noise};

/// Bytes of many sizes come back whole, and so does the end of the stream. The server has quit
/// off.
pub(crate) fn echo_returns_every_byte(url: &str) {
    let mut client = Client::connect(url);
    for (round, length) in [1, 255, 1024, 65_536, 65_537, 3_000_000].into_iter().enumerate() {
        let bytes = noise(round as u64, length);
        let mut reader = client.duplicate();
        let reading = std::thread::spawn(move || reader.receive(length));
        client.send(&bytes);
        assert!(reading.join().expect("it reads") == bytes, "{length} bytes come back whole");
    }
    client.half_close();
    assert_eq!(client.receive_all(), b"");
}

/// `quit` in any form is echoed and ends the connection; `closed` is called after each.
pub(crate) fn echo_quit_is_echoed_and_closes(url: &str, mut closed: impl FnMut()) {
    for (sent, expected) in [
        (&b"hello\nquit\nmore"[..], &b"hello\nquit\n"[..]),
        (b"quit\r\n", b"quit\r\n"),
        (b"quit", b"quit"), // ended by the gap
    ] {
        let mut client = Client::connect(url);
        client.send(sent);
        assert_eq!(client.receive_all(), expected);
        drop(client);
        closed();
    }
}

/// A server with an idle time of 200 ms closes no earlier.
pub(crate) fn echo_idle_connections_are_closed(url: &str) {
    let start = Instant::now();
    let mut client = Client::connect(url);
    client.ask(b"x", b"x");
    assert_eq!(client.receive_all(), b"");
    assert!(start.elapsed() >= Duration::from_millis(200), "not before its time");
}

/// A client that writes 16 MiB before it reads much loses nothing. The server has quit off.
pub(crate) fn echo_slow_reader_loses_nothing(url: &str) {
    let mut client = Client::connect(url);
    let bytes = noise(7, 16 << 20);
    let sent = bytes.clone();
    let mut writer = client.duplicate();
    // The writer fills every buffer on the way before anything is read.
    let writing = std::thread::spawn(move || {
        writer.send(&sent);
        writer.half_close();
    });
    let mut received = client.receive(1);
    received.extend(client.receive_all());
    writing.join().expect("it writes");
    assert!(received == bytes, "16 MiB come back whole");
}
