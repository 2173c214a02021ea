//! How connections end: in order, by a reset, or by a fault, and who sees it.

use std::io::{ErrorKind, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use rustix::process::Signal;

use crate::common::colok;
use crate::support::{Control, Relay, Target, ask, echo, noise, read, read_all, sends};

/// Makes the end of a stream a reset.
fn reset(stream: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).expect("it is a socket");
    drop(stream);
}

#[test]
fn a_half_close_is_passed_on_both_ways() {
    let target = Target::new();
    let relay = Relay::tcp(&target.place, &[]);
    let (mut client, mut server) = (relay.connect(), target.accept());
    client.write_all(b"question").expect("it is taken");
    client.shutdown(Shutdown::Write).expect("it is open");
    assert_eq!(read_all(&mut server), (b"question".to_vec(), None));
    server.write_all(b"answer").expect("the other way is open");
    assert_eq!(read(&mut client, 6), b"answer");
    drop(server);
    assert_eq!(read_all(&mut client), (Vec::new(), None));
    // And the other way around.
    let (mut client, mut server) = (relay.connect(), target.accept());
    server.shutdown(Shutdown::Write).expect("it is open");
    assert_eq!(read_all(&mut client), (Vec::new(), None));
    client.write_all(b"still here").expect("the other way is open");
    assert_eq!(read(&mut server, 10), b"still here");
    drop(client);
    assert_eq!(read_all(&mut server), (Vec::new(), None));
    let ends = [relay.event("closed"), relay.event("closed")];
    assert_eq!((&ends[0]["by"], &ends[1]["by"]), (&"client".into(), &"target".into()));
}

#[test]
fn a_reset_is_passed_on_as_a_reset() {
    let target = Target::new();
    let relay = Relay::tcp(&target.place, &[]);
    for by in ["client", "target"] {
        let (mut client, mut server) = (relay.connect(), target.accept());
        client.write_all(b"x").expect("it is taken");
        assert_eq!(read(&mut server, 1), b"x");
        server.write_all(b"y").expect("it is taken");
        assert_eq!(read(&mut client, 1), b"y");
        let mut other = if by == "client" {
            reset(client);
            server
        } else {
            reset(server);
            client
        };
        assert_eq!(read_all(&mut other), (Vec::new(), Some(ErrorKind::ConnectionReset)), "{by}");
        let closed = relay.event("closed");
        assert_eq!((&closed["reason"], &closed["by"]), (&"io(104)".into(), &by.into()));
    }
}

#[test]
fn what_came_before_a_reset_arrives() {
    let target = Target::new();
    let relay = Relay::tcp(&target.place, &[]);
    let (mut client, mut server) = (relay.connect(), target.accept());
    let bytes = noise(1_000_000);
    let sent = bytes.clone();
    // A reset throws away what the peer's system has not got; so it waits for all of it here.
    let writing = std::thread::spawn(move || {
        server.write_all(&sent).expect("it is taken");
        server
    });
    let head = read(&mut client, bytes.len());
    assert!(head == bytes);
    reset(writing.join().expect("the writer ends"));
    assert_eq!(read_all(&mut client).1, Some(ErrorKind::ConnectionReset));
}

#[test]
fn a_target_that_is_not_there_is_told_and_the_client_is_reset() {
    let place = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        listener.local_addr().expect("it is bound").to_string()
    };
    let relay = Relay::tcp(&place, &[]);
    let mut client = relay.connect();
    assert_eq!(read_all(&mut client), (Vec::new(), Some(ErrorKind::ConnectionReset)));
    let failed = relay.event("failed");
    assert_eq!(
        (&failed["call"], &failed["errno"], &failed["error"], &failed["address"]),
        (&"connect".into(), &111.into(), &"ECONNREFUSED".into(), &place.into())
    );
    let closed = relay.event("closed");
    assert_eq!((&closed["reason"], &closed["by"]), (&"io(111)".into(), &"target".into()));
}

#[test]
fn a_cut_ends_both_after_exactly_so_many_bytes_in_order() {
    for bytes in [0, 1, 1000, 150_000] {
        let relay = Relay::tcp(&sends(noise(200_000)), &[&format!("cut={bytes} direction=down")]);
        let mut client = relay.connect();
        assert_eq!(read_all(&mut client), (noise(bytes), None), "{bytes}");
        drop(client);
        assert_eq!(relay.event("fault")["at"], bytes);
        let closed = relay.event("closed");
        assert_eq!((&closed["reason"], &closed["down_sent"]), (&"cut".into(), &bytes.into()));
        assert_eq!(relay.applied(), [1]);
    }
    let target = Target::new();
    let relay = Relay::tcp(&target.place, &["cut=3 direction=up"]);
    let (mut client, mut server) = (relay.connect(), target.accept());
    client.write_all(b"abcdef").expect("it is taken");
    assert_eq!(read_all(&mut server), (b"abc".to_vec(), None));
    assert_eq!(read_all(&mut client), (Vec::new(), None));
}

#[test]
fn a_reset_comes_after_exactly_so_many_bytes() {
    for bytes in [0, 1, 1000, 150_000] {
        let relay = Relay::tcp(&sends(noise(200_000)), &[&format!("reset={bytes} direction=down")]);
        let mut client = relay.connect();
        let expected = (noise(bytes), Some(ErrorKind::ConnectionReset));
        assert_eq!(read_all(&mut client), expected, "{bytes}");
        let closed = relay.event("closed");
        assert_eq!((&closed["reason"], &closed["by"]), (&"reset".into(), &"fault".into()));
        assert_eq!(relay.applied(), [1]);
    }
    let target = Target::new();
    let relay = Relay::tcp(&target.place, &["reset=3 direction=up"]);
    let (mut client, mut server) = (relay.connect(), target.accept());
    client.write_all(b"abcdef").expect("it is taken");
    let reset = Some(ErrorKind::ConnectionReset);
    assert_eq!(read_all(&mut server), (b"abc".to_vec(), reset));
    assert_eq!(read_all(&mut client), (Vec::new(), reset));
}

#[test]
fn a_half_close_ends_one_way_and_not_the_other() {
    let target = Target::new();
    let relay = Relay::tcp(&target.place, &["half_close=3 direction=up"]);
    let (mut client, mut server) = (relay.connect(), target.accept());
    client.write_all(b"abcdef").expect("it is taken");
    assert_eq!(read_all(&mut server), (b"abc".to_vec(), None));
    server.write_all(b"answer").expect("the other way is open");
    assert_eq!(read(&mut client, 6), b"answer");
    // The client never notices.
    client.write_all(&noise(1_000_000)).expect("it is thrown away");
    drop((client, server));
    let closed = relay.event("closed");
    assert_eq!((&closed["up_sent"], &closed["up_dropped"]), (&3.into(), &1_000_003.into()));
}

#[test]
fn nothing_comes_out_of_a_black_hole() {
    let (control, target) = (Control::new(), Target::new());
    let place = format!("tcp://{}", target.place);
    let faults = ["black_hole=4 direction=up"];
    let relay = Relay::start("tcp://127.0.0.1:0", &place, &faults, &["--control", &control.url()]);
    let (mut client, mut server) = (relay.connect(), target.accept());
    client.write_all(b"abcdef").expect("it is taken");
    assert_eq!(read(&mut server, 4), b"abcd");
    client.shutdown(Shutdown::Write).expect("it is open");
    // Two bytes and the end.
    while control.ask(r#"{"status": true}"#)["faults"][0]["applied"] != 3 {}
    // The other way is open.
    server.write_all(b"x").expect("it is taken");
    assert_eq!(read(&mut client, 1), b"x");
    server.set_nonblocking(true).expect("it is a socket");
    let nothing = std::io::Read::read(&mut server, &mut [0; 8]).map_err(|error| error.kind());
    assert_eq!(nothing, Err(ErrorKind::WouldBlock), "not even the end");
    assert_eq!(relay.applied(), [3]);
}

#[test]
fn the_first_ones_fail_and_then_none() {
    let relay = Relay::tcp(&echo(), &["fail_first=2"]);
    for number in 1..=4 {
        let (bytes, error) = ask(relay.connect());
        if number <= 2 {
            assert_eq!((bytes.len(), error), (0, Some(ErrorKind::ConnectionReset)), "{number}");
        } else {
            assert_eq!((&bytes[..], error), (&b"x"[..], None), "{number}");
        }
    }
    assert_eq!(relay.applied(), [2]);
}

#[test]
fn a_stop_lets_everybody_go_at_once() {
    for signal in [Signal::TERM, Signal::INT] {
        let target = Target::new();
        let relay = Relay::tcp(&target.place, &["delay=1h"]);
        let (mut client, mut server) = (relay.connect(), target.accept());
        client.write_all(b"held").expect("it is taken");
        assert_eq!(relay.event("fault")["count"], 4);
        relay.serving.signal(signal);
        let (code, lines) = relay.serving.end();
        assert_eq!(code, Some(0));
        let closed = lines.iter().find(|line| line.contains(r#""closed""#)).expect("it is told");
        assert!(closed.contains(r#""reason":"shutdown""#), "{closed}");
        assert!(closed.contains(r#""up_received":4,"up_sent":0,"up_dropped":0,"up_held":4"#));
        assert_eq!(read_all(&mut client).0, b"");
        assert_eq!(read_all(&mut server).0, b"");
    }
}

#[test]
fn an_address_in_use_is_told_like_that_of_a_server() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let place = listener.local_addr().expect("it is bound").to_string();
    let output = colok(&["relay", &place, "localhost:5001"]);
    assert_eq!((output.code, output.text().as_str()), (Some(1), ""));
    let expected = format!("colok: tcp://{place}: bind: Address already in use\n");
    assert!(output.err.starts_with(&expected), "{}", output.err);
    for part in ["  why: ", "  try: colok relay tcp://localhost:", " TARGET\n"] {
        assert!(output.err.contains(part), "{}", output.err);
    }
}
