//! The UDP loop, turn by turn, on real sockets of one thread: what comes together, what leaves
//! together, and in which order.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::time::Duration;

use colok_sys::datagrams::{Bytes, Departure};

use super::*;
use crate::engine::gate::LocalGate;
use crate::net::listen::bind_all;
use crate::net::service_address::{ServiceDefaults, parse_service_address};
use crate::observe::{LogTap, NoTap, RecordReceiver, log_queue};

/// Nothing on loopback takes this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A listener with a port of its own.
fn listener(service: &str) -> Listener {
    let addresses = parse_service_address(service, ServiceDefaults::default()).expect("a service");
    let mut bound = bind_all(&addresses, &NoTap, Calls::new(&NoTap)).expect("it can be bound");
    bound.pop().expect("one address")
}

fn address(listener: &Listener) -> SocketAddr {
    let Address::Inet(address) = &listener.address else { panic!("a UDP address") };
    *address
}

fn client(listener: &Listener) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let port = address(listener).port();
    socket.connect(("127.0.0.1", port)).expect("an address");
    socket.set_read_timeout(Some(PATIENCE)).expect("an option");
    socket
}

/// Serves all that is there.
fn serve_all<T: Tap>(service: &mut Service<'_, T>) {
    let tell = Tell { sources: true, details: true };
    let mut arrivals = Arrivals::new(BATCH, ROOM_BYTES, tell);
    while service.turn(&mut arrivals, Time::from_millis(1)) != Found::Nothing {}
}

/// Sends bytes as datagrams of this size, the last as long as what is left.
fn send_cut(socket: &UdpSocket, bytes: &[u8], segment_bytes: u16) {
    let cut = Departure { segment_bytes: Some(segment_bytes), ..Departure::of(bytes) };
    let sent = Departures::new(1).send_one(socket.as_fd(), cut);
    assert_eq!(sent, Ok(bytes.len()));
}

fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 70_000];
    let length = socket.recv(&mut buffer).expect("an answer comes");
    buffer.truncate(length);
    buffer
}

fn assert_nothing_more(socket: &UdpSocket) {
    socket.set_nonblocking(true).expect("an option");
    assert!(socket.recv(&mut [0; 8]).is_err(), "nothing more comes");
}

/// The calls that were told.
fn calls(receiver: RecordReceiver, tap: LogTap<true>) -> Vec<(String, String, i64)> {
    drop(tap);
    let events = receiver.into_iter().map(|record| record.event);
    events
        .filter_map(|event| match event {
            Event::Call(call) => Some((call.call, call.arguments, call.result)),
            _ => None,
        })
        .collect()
}

#[test]
fn merged_datagrams_are_answered_one_by_one() {
    let listener = listener("count=udp://127.0.0.1:0");
    let gate = LocalGate::new(&Limits::default());
    let limits = Limits::default();
    let mut service = Service::new(&listener, &limits, &gate, &[], &NoTap);
    let client = client(&listener);
    send_cut(&client, b"aaaabbbbcc", 4);
    serve_all(&mut service);
    for count in ["4", "4", "2"] {
        let reply = String::from_utf8(receive(&client)).expect("it is text");
        assert!(reply.ends_with(&format!(": {count}")), "{reply}");
    }
    assert_nothing_more(&client);
    let totals = gate.totals();
    assert_eq!((totals.datagrams, totals.bytes_received), (3, 10));
}

#[test]
fn replies_of_one_size_leave_with_one_call_and_arrive_whole() {
    let listener = listener("echo=udp://127.0.0.1:0");
    let gate = LocalGate::new(&Limits::default());
    let (tap, receiver) = log_queue::<true>(false, true);
    let limits = Limits::default();
    let mut service = Service::new(&listener, &limits, &gate, &[], &tap);
    let client = client(&listener);
    let from = client.local_addr().expect("it is bound");
    // Some that were merged on the way, and some that came one by one.
    send_cut(&client, b"aaaabbbb", 4);
    client.send(b"cccc").expect("it is sent");
    client.send(b"dd").expect("it is sent");
    serve_all(&mut service);
    for reply in ["aaaa", "bbbb", "cccc", "dd"] {
        assert_eq!(receive(&client), reply.as_bytes());
    }
    assert_nothing_more(&client);
    client.set_nonblocking(false).expect("an option");
    client.send(b"alone").expect("it is sent");
    serve_all(&mut service);
    assert_eq!(receive(&client), b"alone");
    drop(service);
    let told = calls(receiver, tap);
    let sends: Vec<_> = told.iter().filter(|(call, ..)| call.starts_with("send")).collect();
    let together = ("sendmsg".to_owned(), format!("14 bytes by 4, {from}"), 14);
    let alone = ("sendmsg".to_owned(), format!("5 bytes, {from}"), 5);
    assert_eq!(sends, [&together, &alone]);
    let took: Vec<i64> =
        told.iter().filter(|(call, ..)| call == "recvmmsg").map(|(.., result)| *result).collect();
    assert_eq!(took, [3, -1, 1, -1]);
}

#[test]
fn sizes_and_sources_may_be_mixed_and_each_source_keeps_its_order() {
    let listener = listener("echo=udp://127.0.0.1:0");
    let gate = LocalGate::new(&Limits::default());
    let (tap, receiver) = log_queue::<true>(false, true);
    let limits = Limits::default();
    let mut service = Service::new(&listener, &limits, &gate, &[], &tap);
    let clients = [client(&listener), client(&listener), client(&listener)];
    let text = |source: usize, index: usize| vec![b"abc"[source]; (index * 7) % 5];
    // More than one batch.
    for index in 0..BATCH {
        for (source, client) in clients.iter().enumerate() {
            client.send(&text(source, index)).expect("it is sent");
        }
    }
    serve_all(&mut service);
    for index in 0..BATCH {
        for (source, client) in clients.iter().enumerate() {
            assert_eq!(receive(client), text(source, index));
        }
    }
    assert_eq!(gate.totals().datagrams, 3 * BATCH as u64);
    drop(service);
    let told = calls(receiver, tap);
    assert!(told.iter().any(|(call, ..)| call == "sendmmsg"), "{told:?}");
}

#[test]
fn the_longest_and_the_empty_come_back_between_others() {
    let listener = listener("echo=udp://127.0.0.1:0");
    let gate = LocalGate::new(&Limits::default());
    let limits = Limits::default();
    let mut service = Service::new(&listener, &limits, &gate, &[], &NoTap);
    let client = client(&listener);
    let long: Vec<u8> = (0..251_u8).cycle().take(65_507).collect();
    let datagrams = [&b"x"[..], b"", &long, b"", b"", b"y"];
    for datagram in datagrams {
        client.send(datagram).expect("it is sent");
    }
    serve_all(&mut service);
    for datagram in datagrams {
        assert!(receive(&client) == datagram, "{} bytes come back", datagram.len());
    }
    // The most that can come in one piece.
    send_cut(&client, &long, 1100);
    serve_all(&mut service);
    for datagram in long.chunks(1100) {
        assert!(receive(&client) == datagram, "{} bytes come back", datagram.len());
    }
    assert_nothing_more(&client);
}

#[test]
fn a_train_leaves_from_the_address_that_was_asked() {
    let listener = listener("echo=udp://0.0.0.0:0");
    let gate = LocalGate::new(&Limits::default());
    let limits = Limits::default();
    let mut service = Service::new(&listener, &limits, &gate, &[], &NoTap);
    let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    client.set_read_timeout(Some(PATIENCE)).expect("an option");
    let port = address(&listener).port();
    let addresses = ["127.0.0.7", "127.0.0.7", "127.0.0.8"];
    for asked in addresses {
        client.send_to(b"from?", (asked, port)).expect("it is sent");
    }
    serve_all(&mut service);
    for asked in addresses {
        let (length, from) = client.recv_from(&mut [0; 8]).expect("an answer comes");
        assert_eq!((length, from), (5, format!("{asked}:{port}").parse().expect("an address")));
    }
}

#[test]
fn a_batch_of_a_far_source_does_not_exceed_its_limits() {
    let listener = listener("echo=udp://127.0.0.1:0");
    let gate = LocalGate::new(&Limits::default());
    let limits = Limits { replies_per_second_max: 20, ..Limits::default() };
    let mut service = Service::new(&listener, &limits, &gate, &[], &NoTap);
    // As if one arrival of 64 merged datagrams had come from far away.
    let memory = [b'x'; 64 * 8];
    let arrival = Arrival {
        bytes: &memory,
        at: 0,
        cut: false,
        source: Some("192.0.2.1:5000".parse().expect("an address")),
        reply_from: None,
        segment_bytes: Some(8),
    };
    // Nothing is sent there: the replies are looked at, and forgotten.
    service.serve(&arrival, &memory, Time::from_millis(1));
    let replies: Vec<_> = service.replies.trains().iter().map(|train| train.count).collect();
    assert_eq!((replies, service.done.served, service.done.refused), (vec![20], 20, 44));
    // Well-known and own ports get nothing, each of the merged counted.
    for (source, own_ports) in [("192.0.2.1:53", &[][..]), ("192.0.2.1:5001", &[5001])] {
        let mut service = Service::new(&listener, &limits, &gate, own_ports, &NoTap);
        let source = Some(source.parse().expect("an address"));
        service.serve(&Arrival { source, ..arrival }, &memory, Time::from_millis(1));
        assert!(service.replies.trains().is_empty());
        assert_eq!((service.done.served, service.done.refused), (0, 64));
    }
}

#[test]
fn what_the_kernel_threw_away_is_counted_and_told_once() {
    let listener = listener("discard=udp://127.0.0.1:0");
    let gate = LocalGate::new(&Limits::default());
    let (tap, receiver) = log_queue::<false>(false, false);
    let limits = Limits::default();
    let service = Service::new(&listener, &limits, &gate, &[], &tap);
    sockopt::set_socket_recv_buffer_size(&listener.socket, 8192).expect("an option");
    let client = client(&listener);
    for _ in 0..500 {
        client.send(&[7; 100]).expect("loopback takes it");
    }
    let stop = Stop::new().expect("descriptors are left");
    stop.drain();
    service.run(&stop, Clock::start());
    let totals = gate.totals();
    assert!(totals.datagrams > 0 && totals.datagrams_dropped > 0, "{totals:?}");
    assert_eq!(totals.datagrams + totals.datagrams_dropped, 500);
    drop(tap);
    let told: Vec<_> = receiver
        .into_iter()
        .filter(|record| {
            matches!(&record.event, Event::Notice { notice, subject }
            if notice == crate::observe::notices::DATAGRAMS_DROPPED && *subject == listener.url())
        })
        .collect();
    assert_eq!(told.len(), 1);
}

/// An outlet that takes what it is told to.
#[derive(Default)]
struct Fake {
    /// What the next calls return; after them everything is taken.
    answers: std::collections::VecDeque<Result<usize, Errno>>,
    /// The datagrams or trains that were taken: their bytes, and whether they are to be cut.
    taken: Vec<(Vec<u8>, Option<u16>)>,
    waits: usize,
}

impl Fake {
    fn answering(answers: impl IntoIterator<Item = Result<usize, Errno>>) -> Self {
        Self { answers: answers.into_iter().collect(), ..Self::default() }
    }

    fn take(&mut self, departure: &Departure<'_>) {
        let bytes = match departure.bytes {
            Bytes::Whole(bytes) => bytes.to_vec(),
            Bytes::Pieces(pieces) => pieces.iter().flat_map(|piece| piece.to_vec()).collect(),
        };
        self.taken.push((bytes, departure.segment_bytes));
    }
}

impl departure::Outlet for Fake {
    fn send_one(&mut self, departure: Departure<'_>) -> Result<(), Errno> {
        self.answers.pop_front().unwrap_or(Ok(1))?;
        self.take(&departure);
        Ok(())
    }

    fn send_many<'a>(
        &mut self,
        count: usize,
        departures: impl Iterator<Item = Departure<'a>>,
    ) -> Result<usize, Errno> {
        let taken = self.answers.pop_front().unwrap_or(Ok(count))?;
        departures.take(taken).for_each(|departure| self.take(&departure));
        Ok(taken)
    }

    fn wait(&mut self) {
        self.waits += 1;
    }
}

/// Sends texts to one place through an outlet: how many datagrams of each train were said to have
/// left.
fn send_texts(texts: &[&str], segmenting: &mut Segmenting, outlet: &mut Fake) -> Vec<usize> {
    let mut replies = Replies::default();
    let route = Route { to: "127.0.0.1:9000".parse().expect("an address"), from: None };
    for text in texts {
        replies.push(route, &Place::Elsewhere(text.as_bytes()), segmenting.bytes_max);
    }
    let mut left = Vec::new();
    send_all(&replies, &[], segmenting, outlet, |_, count| left.push(count));
    left
}

fn whole(text: &str) -> (Vec<u8>, Option<u16>) {
    (text.as_bytes().to_vec(), None)
}

#[test]
fn a_train_that_is_refused_leaves_one_by_one_and_is_not_tried_again() {
    for (errno, bytes_max) in [(Errno::INVAL, 3), (Errno::MSGSIZE, 3), (Errno::IO, 0)] {
        let mut segmenting = Segmenting::ANY;
        let mut outlet = Fake::answering([Err(errno)]);
        let texts = ["aaaa", "bbbb", "cc"];
        assert_eq!(send_texts(&texts, &mut segmenting, &mut outlet), [3]);
        assert_eq!(outlet.taken, texts.map(whole));
        assert_eq!(segmenting.bytes_max, bytes_max);
        let mut outlet = Fake::default();
        assert_eq!(send_texts(&texts, &mut segmenting, &mut outlet), [1, 1, 1]);
        assert_eq!(outlet.taken, texts.map(whole));
    }
    // Shorter ones may still leave together.
    let mut outlet = Fake::default();
    send_texts(&["abc", "de"], &mut Segmenting { bytes_max: 3 }, &mut outlet);
    assert_eq!(outlet.taken, [(b"abcde".to_vec(), Some(3))]);
}

#[test]
fn a_datagram_that_is_refused_loses_itself_alone() {
    let mut segmenting = Segmenting::ANY;
    let mut outlet = Fake::answering([Ok(1), Err(Errno::MSGSIZE)]);
    let texts = ["a", "bb", "ccc"];
    assert_eq!(send_texts(&texts, &mut segmenting, &mut outlet), [1, 0, 1]);
    assert_eq!(outlet.taken, [whole("a"), whole("ccc")]);
    assert_eq!(segmenting, Segmenting::ANY);
}

#[test]
fn a_socket_without_room_is_waited_for_once() {
    let mut segmenting = Segmenting::ANY;
    let texts = ["a", "bb", "ccc"];
    let mut outlet = Fake::answering([Ok(1), Err(Errno::AGAIN)]);
    assert_eq!(send_texts(&texts, &mut segmenting, &mut outlet), [1, 1, 1]);
    assert_eq!((outlet.waits, outlet.taken.len()), (1, 3));
    let again = Err(Errno::AGAIN);
    let mut outlet = Fake::answering([Ok(1), again, again]);
    assert_eq!(send_texts(&texts, &mut segmenting, &mut outlet), [1, 0, 0]);
    assert_eq!((outlet.waits, outlet.taken), (1, vec![whole("a")]));
}
