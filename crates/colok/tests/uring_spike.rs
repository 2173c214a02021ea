//! An io_uring loop on the very session type that the engines use, run through the echo bodies.
//!
//! It shows that nothing in [`colok::session`] assumes readiness: an arrival is echoed straight
//! out of the buffer it was received in, sends complete later, and a connection is closed only
//! when nothing of it is in flight. It is a proof of the contract, not an engine: buffers are
//! per connection, deadlines are found by looking at all sessions, and there are no limits.

mod conversations;
mod support;
mod uring_loop;

use colok_sys::ring::Ring;
use support::Client;
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
    if has_ring() {
        let spike = Spike::start("echo=tcp://127.0.0.1:0?quit=off");
        conversations::echo_returns_every_byte(&spike.url);
        // Every byte went out of the buffer it came in.
        assert_eq!(spike.finish().copied_sends, 0);
    }
}

#[test]
fn echo_quit_is_echoed_and_closes() {
    if has_ring() {
        let spike = Spike::start("echo=tcp://127.0.0.1:0");
        conversations::echo_quit_is_echoed_and_closes(&spike.url, || {});
    }
}

#[test]
fn echo_idle_connections_are_closed() {
    if has_ring() {
        let spike = Spike::start("echo=tcp://127.0.0.1:0?idle=200ms");
        conversations::echo_idle_connections_are_closed(&spike.url);
    }
}

#[test]
fn a_slow_reader_loses_nothing() {
    if has_ring() {
        let spike = Spike::start("echo=tcp://127.0.0.1:0?quit=off&idle=60s");
        conversations::echo_slow_reader_loses_nothing(&spike.url);
    }
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
