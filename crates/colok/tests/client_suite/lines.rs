//! The line session: answers with their times, ends with their reasons, and connecting again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread::spawn;
use std::time::Duration;

use colok::Error;
use colok::client::{ConnectOptions, EndReason, LineEvent, LineOptions, LineSession};
use colok::clock::Clock;
use colok::net::url::{Transport, Url};
use colok::observe::NoTap;
use colok::proto::Address;
use rustix::io::Errno;

use crate::support::{LONG, bounded, echo, reset, tcp_server, udp_socket};

fn start(url: &Url, options: LineOptions) -> (LineSession<NoTap>, Receiver<LineEvent>) {
    let connect = ConnectOptions::default();
    let (session, events) =
        LineSession::open(url, &connect, &options, &Clock::start(), &NoTap).expect("it listens");
    let peer = session.peer().clone();
    assert_eq!(events.recv_timeout(LONG), Ok(LineEvent::Connected { peer }));
    (session, events)
}

/// Takes `length` bytes; the round trip is told with the first and only with the first.
fn receive(events: &Receiver<LineEvent>, length: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < length {
        match events.recv_timeout(LONG).expect("an answer comes") {
            LineEvent::Received { bytes, round_trip, .. } => {
                assert_eq!(round_trip.is_some(), all.is_empty());
                all.extend(bytes);
            }
            other => panic!("{other:?}"),
        }
    }
    all
}

fn closed(events: &Receiver<LineEvent>) -> (EndReason, u64, u64) {
    loop {
        let event = events.recv_timeout(LONG).expect("the end is told");
        if let LineEvent::Closed { reason, bytes_sent, bytes_received } = event {
            return (reason, bytes_sent, bytes_received);
        }
    }
}

#[test]
fn lines_are_answered_and_the_end_is_clean() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| echo(&stream, u64::MAX));
        let (mut session, events) = start(&url, LineOptions::default());
        for line in ["one\n", "two\r\n", "three"] {
            session.send(line.as_bytes()).expect("it is open");
            assert_eq!(receive(&events, line.len()), line.as_bytes());
        }
        assert!(session.is_open());
        let report = session.close();
        assert_eq!((report.bytes_sent, report.bytes_received), (14, 14));
        assert_eq!(report.ended_by, EndReason::ClosedByUs);
        // Nobody sends events any more: the thread has ended.
        assert!(events.recv_timeout(LONG).is_err());
        server.join().expect("it cannot panic");
    });
}

#[test]
fn a_server_that_closes_is_noticed_and_connected_to_again() {
    bounded(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let server = spawn(move || {
            for _ in 0..2 {
                let (stream, _) = listener.accept().expect("the client comes");
                let mut line = String::new();
                BufReader::new(&stream).read_line(&mut line).expect("it is text");
                (&stream).write_all(line.as_bytes()).expect("the client reads");
            }
        });
        let url = Url::inet(Transport::Tcp, "localhost", port);
        let (mut session, events) = start(&url, LineOptions::default());
        session.send(b"quit\n").expect("it is open");
        assert_eq!(closed(&events), (EndReason::PeerClosed, 5, 5));
        assert!(!session.is_open());
        let error = session.send(b"lost?\n").expect_err("it is closed");
        assert_eq!(error.errno(), Some(Errno::NOTCONN));

        session.reconnect().expect("it listens");
        assert!(session.is_open());
        let peer = session.peer().clone();
        assert_eq!(events.recv_timeout(LONG), Ok(LineEvent::Connected { peer }));
        session.send(b"again\n").expect("it is open");
        assert_eq!(closed(&events), (EndReason::PeerClosed, 6, 6));
        server.join().expect("it cannot panic");
        assert!(matches!(session.reconnect(), Err(Error::Connect { .. })));
        let report = session.close();
        assert_eq!((report.bytes_sent, report.bytes_received), (11, 11));
    });
}

#[test]
fn half_close_lets_the_rest_come() {
    bounded(|| {
        let (url, server) = tcp_server(|mut stream| {
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("it ends");
            stream.write_all(text.to_uppercase().as_bytes()).expect("the client reads");
        });
        let (mut session, events) = start(&url, LineOptions::default());
        session.send(b"hello").expect("it is open");
        session.half_close().expect("it is open");
        assert_eq!(receive(&events, 5), b"HELLO");
        assert_eq!(closed(&events).0, EndReason::PeerClosed);
        assert_eq!(session.close().ended_by, EndReason::PeerClosed);
        server.join().expect("it cannot panic");
    });
}

#[test]
fn resets_and_times_are_reasons() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| {
            echo(&stream, 2);
            reset(stream);
        });
        let (mut session, events) = start(&url, LineOptions::default());
        session.send(b"hi").expect("it is open");
        assert_eq!(closed(&events), (EndReason::Reset(Errno::CONNRESET), 2, 2));
        server.join().expect("it cannot panic");

        let (told, wait) = channel::<()>();
        let (url, server) = tcp_server(move |stream| {
            let _ = wait.recv();
            drop(stream);
        });
        let idle_timeout = Some(Duration::from_millis(100));
        let (session, events) = start(&url, LineOptions { idle_timeout, deadline: None });
        assert_eq!(closed(&events).0, EndReason::IdleTimeout);
        assert_eq!(session.close().ended_by, EndReason::IdleTimeout);
        drop(told);
        server.join().expect("it cannot panic");
    });
}

#[test]
fn a_terminal_that_does_not_read_stops_the_server_and_can_still_close() {
    bounded(|| {
        let (url, server) =
            tcp_server(|mut stream| while stream.write_all(&[b'x'; 16_384]).is_ok() {});
        let (session, events) = start(&url, LineOptions::default());
        // The queue of events fills while nobody takes them.
        assert!(events.recv_timeout(LONG).is_ok());
        let report = session.close();
        assert!(report.bytes_received > 0);
        server.join().expect("the client has gone");
        drop(events);
    });
}

#[test]
fn datagrams_have_sources_and_nobody_there_is_told() {
    bounded(|| {
        let (socket, url) = udp_socket();
        let address = socket.local_addr().expect("it is bound");
        let server = spawn(move || {
            let mut buffer = [0; 64];
            for _ in 0..2 {
                let (length, from) = socket.recv_from(&mut buffer).expect("the client sends");
                socket.send_to(&buffer[..length], from).expect("loopback takes it");
            }
        });
        let (mut session, events) = start(&url, LineOptions::default());
        for line in [&b"hello"[..], b""] {
            session.send(line).expect("it is open");
            let event = events.recv_timeout(LONG).expect("an answer comes");
            let LineEvent::Received { bytes, source, round_trip } = event else {
                panic!("{event:?}")
            };
            assert_eq!(bytes, line);
            assert_eq!(source, Some(Address::Inet(address)));
            assert!(round_trip.is_some());
        }
        let too_long = session.send(&vec![0; 65_508]);
        assert!(matches!(too_long, Err(Error::DatagramTooLong { .. })));
        server.join().expect("it cannot panic");
        session.send(b"anybody?").expect("the first is only refused later");
        assert_eq!(closed(&events), (EndReason::Reset(Errno::CONNREFUSED), 13, 5));
    });
}
