//! Lists of datagrams between sockets of one thread.

use std::io::IoSlice;
use std::net::UdpSocket;
use std::os::fd::AsFd as _;
use std::time::Duration;

use rustix::io::Errno;

use super::{
    Arrival, Arrivals, Bytes, Departure, Departures, Tell, drops, receive_merged, segment,
};
use crate::datagram::{ReplyFrom, receive_destination};

fn connected() -> (UdpSocket, UdpSocket) {
    let one = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let other = UdpSocket::bind("127.0.0.1:0").expect("a port");
    one.connect(other.local_addr().expect("bound")).expect("an address");
    other.connect(one.local_addr().expect("bound")).expect("an address");
    (one, other)
}

fn arrival(bytes: &[u8]) -> Arrival<'_> {
    let (at, cut, source, reply_from, segment_bytes) = (0, false, None, None, None);
    Arrival { bytes, at, cut, source, reply_from, segment_bytes }
}

/// What arrived, wherever in the memory it is.
fn seen(arrivals: &Arrivals) -> Vec<Arrival<'_>> {
    arrivals.iter().map(|arrival| Arrival { at: 0, ..arrival }).collect()
}

/// Waits until there is something, then takes it; loopback delivers within the send.
fn receive(socket: &UdpSocket, arrivals: &mut Arrivals) -> usize {
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("the option exists");
    socket.peek(&mut [0]).expect("something came");
    arrivals.receive(socket.as_fd()).expect("something is there")
}

#[test]
fn many_leave_and_arrive_in_order() {
    let (one, other) = connected();
    let texts = ["first", "", "the third"];
    let mut departures = Departures::new(8);
    let datagrams = texts.map(|text| Departure::of(text.as_bytes()));
    assert_eq!(departures.send(one.as_fd(), datagrams), Ok(3));
    let mut arrivals = Arrivals::new(8, 64, Tell::default());
    assert_eq!(receive(&other, &mut arrivals), 3);
    assert_eq!(seen(&arrivals), texts.map(|text| arrival(text.as_bytes())));
    assert_eq!(arrivals.receive(other.as_fd()), Err(Errno::AGAIN));
    assert_eq!(arrivals.iter().len(), 0);
}

#[test]
fn a_list_longer_than_the_room_is_taken_in_parts() {
    let (one, other) = connected();
    let bytes: Vec<u8> = (0..40).collect();
    let mut departures = Departures::new(40);
    let sent = departures.send(one.as_fd(), bytes.chunks(1).map(Departure::of));
    assert_eq!(sent, Ok(40));
    let mut arrivals = Arrivals::new(16, 1, Tell::default());
    let mut seen = Vec::new();
    while seen.len() < 40 {
        receive(&other, &mut arrivals);
        seen.extend(arrivals.iter().flat_map(|arrival| arrival.bytes.to_vec()));
    }
    assert_eq!(seen, bytes);
}

#[test]
fn a_datagram_longer_than_its_room_is_cut_and_says_so() {
    let (one, other) = connected();
    one.send(b"0123456789").expect("it is sent");
    let mut arrivals = Arrivals::new(2, 4, Tell::default());
    receive(&other, &mut arrivals);
    let seen = arrivals.iter().next().expect("it came");
    assert_eq!((seen.bytes, seen.cut), (b"0123".as_slice(), true));
}

#[test]
fn unconnected_sockets_say_to_whom_and_are_told_from_whom() {
    for bind in ["127.0.0.1:0", "[::1]:0"] {
        let one = UdpSocket::bind(bind).expect("a port");
        let other = UdpSocket::bind(bind).expect("a port");
        let to = Some(other.local_addr().expect("bound"));
        let datagram = Departure { to, ..Departure::of(b"hello") };
        assert_eq!(Departures::new(1).send(one.as_fd(), [datagram]), Ok(1));
        let mut arrivals = Arrivals::new(1, 64, Tell { sources: true, details: true });
        receive(&other, &mut arrivals);
        let source = Some(one.local_addr().expect("bound"));
        assert_eq!(seen(&arrivals), [Arrival { source, ..arrival(b"hello") }]);
    }
}

#[test]
fn one_send_becomes_datagrams_of_one_size() {
    let (one, other) = connected();
    let bytes = b"aaaabbbbcc";
    let cut = Departure { segment_bytes: Some(4), ..Departure::of(bytes) };
    assert_eq!(Departures::new(2).send(one.as_fd(), [cut, Departure::of(b"dd")]), Ok(2));
    let mut arrivals = Arrivals::new(8, 64, Tell::default());
    let mut seen = Vec::new();
    while seen.len() < 4 {
        receive(&other, &mut arrivals);
        seen.extend(arrivals.iter().map(|arrival| arrival.bytes.to_vec()));
    }
    assert_eq!(seen, [&b"aaaa"[..], b"bbbb", b"cc", b"dd"]);

    segment(one.as_fd(), 5).expect("the option exists");
    one.send(bytes).expect("it is sent");
    let mut seen = Vec::new();
    while seen.len() < 2 {
        receive(&other, &mut arrivals);
        seen.extend(arrivals.iter().map(|arrival| arrival.bytes.to_vec()));
    }
    assert_eq!(seen, [b"aaaab", b"bbbcc"]);
}

#[test]
fn merged_datagrams_say_their_size() {
    let (one, other) = connected();
    receive_merged(other.as_fd(), true).expect("the option exists");
    let cut = Departure { segment_bytes: Some(4), ..Departure::of(b"aaaabbbbcc") };
    assert_eq!(Departures::new(1).send(one.as_fd(), [cut]), Ok(1));
    let mut arrivals = Arrivals::new(8, 65_535, Tell { sources: false, details: true });
    receive(&other, &mut arrivals);
    let seen = arrivals.iter().next().expect("it came");
    assert_eq!((seen.bytes, seen.segment_bytes), (b"aaaabbbbcc".as_slice(), Some(4)));
}

#[test]
fn a_cut_one_in_pieces_may_leave_from_a_chosen_address() {
    let one = UdpSocket::bind("0.0.0.0:0").expect("a port");
    let other = UdpSocket::bind("0.0.0.0:0").expect("a port");
    receive_destination(other.as_fd(), false).expect("the option exists");
    receive_merged(other.as_fd(), true).expect("the option exists");
    let port = other.local_addr().expect("bound").port();
    let chosen =
        |address: [u8; 4]| ReplyFrom { address: address.into(), interface: 0, to_many: false };
    let pieces = [IoSlice::new(b"aaaabb"), IoSlice::new(b"bbcc")];
    let departure = Departure {
        bytes: Bytes::Pieces(&pieces),
        to: Some(([127, 0, 0, 8], port).into()),
        from: Some(chosen([127, 0, 0, 7])),
        segment_bytes: Some(4),
    };
    assert_eq!(Departures::new(1).send_one(one.as_fd(), departure), Ok(10));
    let mut arrivals = Arrivals::new(8, 65_535, Tell { sources: true, details: true });
    receive(&other, &mut arrivals);
    let seen = arrivals.iter().next().expect("it came");
    assert_eq!((seen.bytes, seen.segment_bytes), (b"aaaabbbbcc".as_slice(), Some(4)));
    let source = ([127, 0, 0, 7], one.local_addr().expect("bound").port()).into();
    assert_eq!((seen.source, seen.reply_from), (Some(source), Some(chosen([127, 0, 0, 8]))));
    assert_eq!(&arrivals.memory()[seen.at..seen.at + 10], seen.bytes);
}

#[test]
fn a_list_may_be_used_again_after_more_and_after_nothing() {
    let (one, other) = connected();
    let mut arrivals = Arrivals::new(4, 16, Tell { sources: true, details: true });
    for round in [&[&b"a"[..], b"bb", b"ccc", b"dddd"][..], &[b"e"], &[b"ff", b""]] {
        for datagram in round {
            one.send(datagram).expect("it is sent");
        }
        assert_eq!(receive(&other, &mut arrivals), round.len());
        let seen: Vec<_> = arrivals.iter().map(|arrival| arrival.bytes).collect();
        assert_eq!(seen, round);
        assert_eq!(arrivals.receive(other.as_fd()), Err(Errno::AGAIN));
        assert!(arrivals.is_empty());
    }
}

#[test]
fn datagrams_without_room_are_counted() {
    let (one, other) = connected();
    assert_eq!(drops(other.as_fd()), Ok(0));
    rustix::net::sockopt::set_socket_recv_buffer_size(&other, 4096).expect("a small room");
    for _ in 0..200 {
        one.send(&[7; 1000]).expect("loopback takes it");
    }
    let mut arrivals = Arrivals::new(16, 1000, Tell::default());
    let mut taken = 0;
    while let Ok(count) = arrivals.receive(other.as_fd()) {
        taken += u32::try_from(count).expect("a few");
    }
    assert!(taken > 0, "some have room");
    assert_eq!(drops(other.as_fd()), Ok(200 - taken));
}

#[test]
fn a_port_where_nobody_listens_is_told_by_the_next_call() {
    let one = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let gone = UdpSocket::bind("127.0.0.1:0").expect("a port");
    one.connect(gone.local_addr().expect("bound")).expect("an address");
    drop(gone);
    let mut departures = Departures::new(1);
    assert_eq!(departures.send(one.as_fd(), [Departure::of(b"?")]), Ok(1));
    let again = departures.send(one.as_fd(), [Departure::of(b"?")]);
    assert_eq!(again, Err(Errno::CONNREFUSED));
}
