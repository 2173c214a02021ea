//! Input that nobody looks at: it may be thrown away uncopied, and all must be as if it had been
//! read. The log sees no message here, since one that does has every byte looked at.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use colok::engine::Model;
use colok::observe::Event;
use colok::server::Limits;

use super::Named;
use crate::support::{Client, Running, noise};

/// Bodies over streams.
pub(crate) const BLIND_BODIES: &[Named] = &[
    ("discard::counts_what_it_does_not_see", counts_what_it_does_not_see),
    ("discard::is_idle_only_without_input", is_idle_only_without_input),
    ("discard::stops_while_it_is_sent_to", stops_while_it_is_sent_to),
    ("linger::is_bounded_in_bytes", linger_is_bounded_in_bytes),
];

/// Less than the default, so that it is reached within what sockets hold.
const LINGER_BYTES: u64 = 100_000;

/// The most that is read at a time without a disk.
const ARRIVAL_BYTES: u64 = 64 * 1024;

/// What the log says of the end of a connection: the reason, and the bytes received.
fn closed(server: &mut Running) -> (String, u64) {
    server.wait_for(|event| match event {
        Event::Closed { reason, bytes_received, .. } => Some((reason.clone(), *bytes_received)),
        _ => None,
    })
}

fn counts_what_it_does_not_see(model: Model, place: &str) {
    let address = format!("discard={place}?idle=60s");
    let mut server = Running::start_unwatched(model, &[&address], Limits::default());
    let mut expected = 0;
    // A byte, pieces of all sizes, and much more than one call takes.
    for lengths in [&[1][..], &[3, 70_000, 1], &[3_000_017], &[]] {
        let mut client = server.connect();
        let total: usize = lengths.iter().sum();
        for length in lengths {
            client.send(&noise(7, *length));
        }
        client.half_close();
        assert_eq!(client.receive_all(), b"");
        drop(client);
        assert_eq!(closed(&mut server), ("peer-closed".to_owned(), total as u64));
        expected += total as u64;
    }
    let totals = server.finish();
    assert_eq!((totals.bytes_received, totals.bytes_sent), (expected, 0));
}

fn is_idle_only_without_input(model: Model, place: &str) {
    let address = format!("discard={place}?idle=200ms");
    let mut server = Running::start_unwatched(model, &[&address], Limits::default());
    let mut client = server.connect();
    client.send(b"something");
    assert_eq!(client.receive_all(), b"");
    drop(client);
    assert_eq!(server.closed(), "idle");
}

fn stops_while_it_is_sent_to(model: Model, place: &str) {
    let (drain, linger) = (Duration::from_millis(200), Duration::from_millis(200));
    let limits = Limits { drain, linger, ..Limits::default() };
    let address = format!("discard={place}?idle=60s");
    let mut server = Running::start_unwatched(model, &[&address], limits);
    let mut client = server.connect();
    server.wait_for(|event| matches!(event, Event::Accepted { .. }).then_some(()));
    let sending = std::thread::spawn(move || send_without_end(&mut client));
    server.drain();
    let (reason, received) = closed(&mut server);
    assert_eq!(reason, "shutdown");
    sending.join().expect("the client does not panic");
    assert_eq!(server.finish().bytes_received, received);
}

fn linger_is_bounded_in_bytes(model: Model, place: &str) {
    // Time alone would end it, too, and much later.
    let limits =
        Limits { linger_bytes: LINGER_BYTES, linger: Duration::from_secs(20), ..Limits::default() };
    let mut server = Running::start_unwatched(model, &[&format!("echo={place}")], limits);
    let mut client = server.connect();
    client.ask(b"quit\n", b"quit\n");
    send_without_end(&mut client);
    let (reason, received) = closed(&mut server);
    assert_eq!(reason, "quit");
    // It may begin in the arrival that ends the conversation, and end with one.
    assert!(received <= LINGER_BYTES + 2 * ARRIVAL_BYTES, "{received}");
}

/// Sends until the server does not take it any more.
fn send_without_end(client: &mut Client) {
    let bytes = [b'x'; 16 * 1024];
    let error = loop {
        if let Err(error) = client.write_all(&bytes) {
            break error;
        }
    };
    let ended = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    assert!(ended.contains(&error.kind()), "{error}");
}
