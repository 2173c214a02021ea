//! The ring against plain sockets in one thread. Where there is no io_uring they say so and end.

mod corners;
mod model;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::{Event, Lease, Payload, Readiness, Room, Size, Stream, Uring, Wait};

const SIZE: Size = Size { entries: 64, completions: 256, buffers: 8, buffer_bytes: 4096 };

/// A generous bound on what takes microseconds.
const PATIENCE: Duration = Duration::from_secs(20);

fn ring(size: Size) -> Option<Uring> {
    Uring::new(size).map_err(|error| skip(&error)).ok()
}

fn skip(error: &std::io::Error) {
    let _ = writeln!(std::io::stderr(), "skipped: no io_uring here: {error}");
}

fn pair() -> (OwnedFd, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    (ours.into(), theirs)
}

fn tcp_pair() -> (OwnedFd, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let theirs = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let (ours, _) = listener.accept().expect("it was connected");
    (ours.into(), theirs)
}

/// Waits until `done` has what it wants of the events.
fn until<T>(ring: &mut Uring, mut done: impl FnMut(&mut Uring, Event) -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        ring.wait(Wait::for_one(Some(Duration::from_secs(1)))).expect("waiting works");
        while let Some(event) = ring.next_event() {
            if let Some(found) = done(ring, event) {
                return found;
            }
        }
        assert!(began.elapsed() < PATIENCE, "it never came");
    }
}

/// Bytes whose order is known by their values.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from(index % 251).expect("below 251")).collect()
}

fn take(ring: &mut Uring, event: Event, into: &mut Vec<u8>) {
    match event {
        Event::Received(_, lease) => {
            into.extend_from_slice(ring.bytes(&lease));
            ring.give_back(lease);
        }
        other => panic!("bytes were expected, not {other:?}"),
    }
}

#[test]
fn what_is_sent_comes_back_to_the_sender_as_it_was() {
    let Some(mut ring) = ring(SIZE) else { return };
    let (ours, mut theirs) = pair();
    let stream = ring.add(ours);
    ring.receive(stream).expect("it is queued");
    theirs.write_all(b"hello").expect("it is sent");
    let mut seen = Vec::new();
    until(&mut ring, |ring, event| {
        take(ring, event, &mut seen);
        (seen.len() == 5).then_some(())
    });
    assert_eq!(seen, b"hello");

    ring.send(stream, b"..reply".to_vec(), 2, Room::Wait).expect("it is queued");
    let (bytes, sent) = until(&mut ring, |_, event| match event {
        Event::Sent(_, bytes, sent) => Some((bytes.into_bytes(), sent)),
        other => panic!("{other:?}"),
    });
    assert_eq!((bytes.as_slice(), sent), (b"..reply".as_slice(), Ok(5)));
    let mut reply = [0; 5];
    theirs.read_exact(&mut reply).expect("it came");
    assert_eq!(&reply, b"reply");

    drop(theirs);
    let ended = until(&mut ring, |_, event| Some(matches!(event, Event::Ended(_))));
    assert!(ended);
}

#[test]
fn a_send_that_takes_what_has_room_says_how_much_that_was() {
    let Some(mut ring) = ring(SIZE) else { return };
    let (ours, mut theirs) = pair();
    let stream = ring.add(ours);
    let whole = pattern(4 << 20);
    ring.send(stream, whole.clone(), 0, Room::Take).expect("it is queued");
    let sent_of = |_: &mut Uring, event| match event {
        Event::Sent(_, bytes, sent) => Some((bytes.into_bytes(), sent)),
        other => panic!("{other:?}"),
    };
    let (bytes, sent) = until(&mut ring, sent_of);
    let first = sent.expect("some of it has room");
    assert!(first > 0 && first < whole.len(), "{first} of {}", whole.len());
    ring.send(stream, bytes, first, Room::Take).expect("it is queued");
    let (bytes, sent) = until(&mut ring, sent_of);
    assert_eq!(sent, Err(Errno::AGAIN));

    // The rest waits for room, which the reader makes.
    ring.send(stream, bytes, first, Room::Wait).expect("it is queued");
    ring.submit().expect("it is submitted");
    let length = whole.len();
    let reader = std::thread::spawn(move || {
        let mut read = vec![0; length];
        theirs.read_exact(&mut read).map(|()| read)
    });
    let (_, sent) = until(&mut ring, sent_of);
    assert_eq!(sent, Ok(length - first));
    assert!(reader.join().expect("it read").expect("all of it") == whole, "bytes in order");
}

#[test]
fn a_dry_ring_is_back_pressure_and_loses_nothing() {
    let size = Size { buffers: 4, buffer_bytes: 64, ..SIZE };
    let Some(mut ring) = ring(size) else { return };
    let (ours, mut theirs) = pair();
    let stream = ring.add(ours);
    ring.receive(stream).expect("it is queued");
    let whole = pattern(10_000);
    theirs.write_all(&whole).expect("the socket has room");
    let mut held = Vec::new();
    while ring.ran_dry() == 0 {
        ring.wait(Wait::for_one(Some(Duration::from_secs(1)))).expect("waiting works");
        while let Some(event) = ring.next_event() {
            match event {
                Event::Received(_, lease) => held.push(lease),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(held.len(), 4, "every buffer is lent");
    let mut seen = Vec::new();
    for lease in held {
        seen.extend_from_slice(ring.bytes(&lease));
        ring.give_back(lease);
    }
    until(&mut ring, |ring, event| {
        take(ring, event, &mut seen);
        (seen.len() == whole.len()).then_some(())
    });
    assert!(seen == whole, "bytes in order");
}

#[test]
fn a_reset_by_the_peer_is_told_by_its_errno() {
    let Some(mut ring) = ring(SIZE) else { return };
    let (ours, theirs) = tcp_pair();
    let stream = ring.add(ours);
    ring.send(stream, b"never read".to_vec(), 0, Room::Wait).expect("it is queued");
    until(&mut ring, |_, event| matches!(event, Event::Sent(..)).then_some(()));
    // Unread input turns a close into a reset.
    theirs.set_nonblocking(false).expect("the option exists");
    let mut one = [0];
    assert_eq!(theirs.peek(&mut one).expect("it has arrived"), 1);
    drop(theirs);
    ring.receive(stream).expect("it is queued");
    let failed = until(&mut ring, |_, event| Some(event));
    assert!(matches!(failed, Event::Failed(_, Errno::CONNRESET)), "{failed:?}");
}

/// A send that waits for room, an armed receive and a poll, none of which will end by itself.
fn busy(ring: &mut Uring) -> (Stream, UnixStream) {
    let (ours, theirs) = pair();
    let stream = ring.add(ours);
    ring.receive(stream).expect("it is queued");
    ring.poll(stream, Readiness::Read).expect("it is queued");
    ring.send(stream, pattern(4 << 20), 0, Room::Wait).expect("it is queued");
    ring.submit().expect("it is submitted");
    (stream, theirs)
}

#[test]
fn closing_ends_what_goes_on_and_says_when() {
    let Some(mut ring) = ring(SIZE) else { return };
    let (stream, mut theirs) = busy(&mut ring);
    ring.close(stream).expect("it is queued");
    let mut sends = 0;
    let closed = until(&mut ring, |_, event| match event {
        Event::Sent(..) => {
            sends += 1;
            None
        }
        Event::Ready(..) => None,
        Event::Closed(closed) => Some(closed),
        other => panic!("{other:?}"),
    });
    assert_eq!(closed, stream);
    assert_eq!(sends, 1, "the bytes came back");
    let mut rest = Vec::new();
    theirs.read_to_end(&mut rest).expect("the socket was closed");
    assert!(rest == pattern(4 << 20)[..rest.len()], "what left is the beginning");
    let (ours, _theirs) = pair();
    assert_eq!(ring.add(ours), stream, "its place is used again");
}

#[test]
fn a_ring_can_be_dropped_whatever_goes_on() {
    let Some(mut ring) = ring(SIZE) else { return };
    let mut peers: Vec<_> = (0..3).map(|_| busy(&mut ring).1).collect();
    let (queued, mut not_submitted) = pair();
    let queued = ring.add(queued);
    ring.receive(queued).expect("it is queued");
    drop(ring);
    for peer in &mut peers {
        peer.set_read_timeout(Some(PATIENCE)).expect("the option exists");
        peer.read_to_end(&mut Vec::new()).expect("the socket was closed");
    }
    not_submitted.set_read_timeout(Some(PATIENCE)).expect("the option exists");
    assert_eq!(not_submitted.read(&mut [0]).expect("the socket was closed"), 0);
}

#[test]
fn more_completions_than_have_room_come_all_the_same() {
    let size = Size { entries: 8, completions: 8, buffers: 256, buffer_bytes: 16 };
    let Some(mut ring) = ring(size) else { return };
    let mut peers = Vec::new();
    for _ in 0..100 {
        let (ours, theirs) = pair();
        let stream = ring.add(ours);
        ring.receive(stream).expect("it is queued");
        peers.push((stream, theirs, 0));
    }
    ring.submit().expect("it is submitted");
    for (_, theirs, _) in &mut peers {
        theirs.write_all(b"abc").expect("the socket has room");
    }
    let mut all = 0;
    until(&mut ring, |ring, event| {
        let Event::Received(stream, lease) = event else { panic!("{event:?}") };
        let peer = peers.iter_mut().find(|peer| peer.0 == stream).expect("it is one of ours");
        peer.2 += ring.bytes(&lease).len();
        all += ring.bytes(&lease).len();
        ring.give_back(lease);
        (all == 300).then_some(())
    });
    assert!(peers.iter().all(|peer| peer.2 == 3), "each its own bytes");
}

#[test]
fn a_wait_ends_with_its_time() {
    let Some(mut ring) = ring(SIZE) else { return };
    let (ours, _theirs) = pair();
    let stream = ring.add(ours);
    ring.receive(stream).expect("it is queued");
    ring.wait(Wait::LOOK).expect("looking works");
    assert!(ring.next_event().is_none());
    let time = Duration::from_micros(300);
    let began = Instant::now();
    ring.wait(Wait::for_one(Some(time))).expect("waiting works");
    assert!(began.elapsed() >= time);
    assert!(ring.next_event().is_none());
}

#[test]
fn insisting_on_more_than_come_ends_with_one() {
    let Some(mut ring) = ring(SIZE) else { return };
    let (ours, mut theirs) = pair();
    let stream = ring.add(ours);
    ring.receive(stream).expect("it is queued");
    ring.submit().expect("it is submitted");
    theirs.write_all(b"one").expect("the socket has room");
    let insist = Duration::from_millis(2);
    ring.wait(Wait { completions: 8, insist, ..Wait::for_one(Some(PATIENCE)) })
        .expect("waiting works");
    assert!(matches!(ring.next_event(), Some(Event::Received(..))));
}

#[test]
fn a_connection_in_the_making_is_polled_for() {
    let Some(mut ring) = ring(SIZE) else { return };
    let (ours, mut theirs) = tcp_pair();
    let stream = ring.add(ours);
    ring.poll(stream, Readiness::Write).expect("it is queued");
    let ready = until(&mut ring, |_, event| Some(event));
    assert!(matches!(ready, Event::Ready(_, Ok(()))), "{ready:?}");
    ring.poll(stream, Readiness::Read).expect("it is queued");
    theirs.write_all(b"!").expect("the socket has room");
    let ready = until(&mut ring, |_, event| Some(event));
    assert!(matches!(ready, Event::Ready(_, Ok(()))), "{ready:?}");
}

#[test]
#[should_panic(expected = "the lease is of this pool")]
fn a_lease_of_another_ring_is_refused() {
    let (Some(mut one), Some(mut other)) = (ring(SIZE), ring(SIZE)) else {
        panic!("the lease is of this pool, as far as can be seen without io_uring");
    };
    let (ours, mut theirs) = pair();
    let stream = one.add(ours);
    one.receive(stream).expect("it is queued");
    theirs.write_all(b"mine").expect("the socket has room");
    let lease = until(&mut one, |_, event| match event {
        Event::Received(_, lease) => Some(lease),
        other => panic!("{other:?}"),
    });
    other.give_back(lease);
}
