//! Datagrams: exactly those that are named are lost, doubled, moved and changed.

use std::net::UdpSocket;

use crate::support::{Relay, socket};

/// What comes of the datagrams 1 to `count`, before one that ends it all.
fn through(faults: &[&str], count: u8) -> (Vec<u8>, Vec<u64>) {
    let (client, server) = (socket(), socket());
    let relay = Relay::udp(&server.local_addr().expect("it is bound").to_string(), faults);
    for number in (1..=count).chain([200]) {
        client.send_to(&[number, 7, 7], &relay.place).expect("it is sent");
    }
    let mut came = Vec::new();
    let mut buffer = [0; 16];
    loop {
        let length = server.recv(&mut buffer).expect("the last one comes");
        assert_eq!((length, &buffer[1..3]), (3, &[7, 7][..]));
        if buffer[0] == 200 {
            return (came, relay.applied());
        }
        came.push(buffer[0]);
    }
}

#[test]
fn exactly_those_that_are_named() {
    for (faults, expected, applied) in [
        (&[][..], &[1, 2, 3, 4, 5, 6, 7, 8][..], &[][..]),
        (&["lose=3,7 direction=up"], &[1, 2, 4, 5, 6, 8], &[2]),
        (&["lose=3,7 direction=down"], &[1, 2, 3, 4, 5, 6, 7, 8], &[0]),
        (&["lose=2-4"], &[1, 5, 6, 7, 8], &[3]),
        (&["duplicate=2,5"], &[1, 2, 2, 3, 4, 5, 5, 6, 7, 8], &[2]),
        (&["reorder=2,5"], &[1, 3, 2, 4, 6, 5, 7, 8], &[2]),
        (&["corrupt=4"], &[1, 2, 3, !4, 5, 6, 7, 8], &[1]),
        (
            &["lose=1", "duplicate=2", "reorder=3", "corrupt=4"],
            &[2, 2, !4, 3, 5, 6, 7, 8],
            &[1, 1, 1, 1],
        ),
        (&["lose=1 connections=2"], &[1, 2, 3, 4, 5, 6, 7, 8], &[0]),
    ] {
        assert_eq!(through(faults, 8), (expected.to_vec(), applied.to_vec()), "{faults:?}");
    }
}

#[test]
fn from_one_on_nothing_passes() {
    let (client, server) = (socket(), socket());
    let relay =
        Relay::udp(&server.local_addr().expect("it is bound").to_string(), &["black_hole=3"]);
    for number in 1..=5 {
        client.send_to(&[number], &relay.place).expect("it is sent");
    }
    let mut buffer = [0; 16];
    for number in 1..=2 {
        assert_eq!(server.recv(&mut buffer).map(|_| buffer[0]).ok(), Some(number));
    }
    let closed = relay.stop().into_iter().rev().find(|event| event["event"] == "closed");
    let closed = closed.expect("it is told");
    assert_eq!(closed["up_datagrams"]["received"], 5, "{closed}");
    assert_eq!((&closed["up_datagrams"]["dropped"], &closed["up_dropped"]), (&3.into(), &3.into()));
}

#[test]
fn each_client_is_one_to_the_target_and_gets_its_own_replies() {
    let server = socket();
    let relay = Relay::udp(
        &server.local_addr().expect("it is bound").to_string(),
        &["lose=1 connections=2 direction=down"],
    );
    let clients: Vec<UdpSocket> = (0..3).map(|_| socket()).collect();
    let mut buffer = [0; 16];
    let mut sources = Vec::new();
    for (number, client) in clients.iter().enumerate() {
        client
            .send_to(&[b'a' + u8::try_from(number).expect("it is small")], &relay.place)
            .expect("it is sent");
        let (length, source) = server.recv_from(&mut buffer).expect("it comes");
        assert_eq!(length, 1);
        assert!(!sources.contains(&source), "{sources:?}");
        sources.push(source);
        // Two replies, the first of which the second client never gets.
        for part in [b'1', b'2'] {
            server.send_to(&[buffer[0], part], source).expect("it is sent");
        }
    }
    for (client, expected) in clients.iter().zip([&b"a1"[..], b"b2", b"c1"]) {
        let (length, from) = client.recv_from(&mut buffer).expect("it comes");
        assert_eq!((&buffer[..length], from.to_string()), (expected, relay.place.clone()));
    }
    let connected = relay.event("connected");
    assert_eq!(connected["local"], sources[0].to_string());
    assert_eq!(relay.applied(), [1]);
}

#[test]
fn a_target_that_is_not_there_is_told_and_may_come_later() {
    let place = socket().local_addr().expect("it is bound").to_string();
    let client = socket();
    let relay = Relay::udp(&place, &[]);
    // That nobody took the first one is what the system says to the second.
    for _ in 0..2 {
        client.send_to(b"anybody?", &relay.place).expect("it is sent");
    }
    let failed = relay.serving.line_with(r#""failed""#);
    assert!(failed.contains(r#""errno":111"#), "{failed}");
    let server = UdpSocket::bind(&place).expect("nobody else took it");
    server.set_read_timeout(Some(crate::common::PATIENCE)).expect("it is a socket");
    client.send_to(b"now", &relay.place).expect("it is sent");
    // One from before may still have been on its way.
    let mut buffer = [0; 16];
    let mut came = Vec::new();
    while came.last().is_none_or(|last| last != b"now") {
        let length = server.recv(&mut buffer).expect("it comes");
        came.push(buffer[..length].to_vec());
    }
    assert!(came.len() <= 2 && came.iter().all(|it| it == b"now" || it == b"anybody?"), "{came:?}");
}

#[test]
fn the_largest_datagram_passes() {
    let (client, server) = (socket(), socket());
    let relay = Relay::udp(&server.local_addr().expect("it is bound").to_string(), &[]);
    let bytes = vec![7; 65_507];
    client.send_to(&bytes, &relay.place).expect("it is sent");
    let mut buffer = vec![0; 65_536];
    assert_eq!(server.recv(&mut buffer).expect("it comes"), bytes.len());
    client.send_to(b"", &relay.place).expect("it is sent");
    assert_eq!(server.recv(&mut buffer).expect("the empty one comes too"), 0);
}
