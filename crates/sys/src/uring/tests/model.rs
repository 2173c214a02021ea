//! The ring beside a model of it: random streams with random things going on, buffers and queues of
//! any size, and at the end a drop in the middle of it all.

use std::collections::VecDeque;
use std::io::ErrorKind;

use super::*;
use crate::uring::buffers::Filling;

/// Numbers that look random, the same for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).expect("below a usize")
    }
}

/// What must be true of one stream.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each goes on or does not, whatever the others do"
)]
struct Modelled {
    stream: Stream,
    /// Gone when the peer has closed.
    peer: Option<UnixStream>,
    /// Bytes that the peer has sent, and those that the ring has told of.
    sent_to_us: usize,
    seen: usize,
    /// Nothing more will be told of receiving.
    ended: bool,
    /// What the peer must read next; the last of it may still be on its way.
    expected: VecDeque<u8>,
    sending: bool,
    sending_bytes: usize,
    polling: bool,
    closing: bool,
}

fn byte(position: usize) -> u8 {
    u8::try_from(position % 251).expect("below 251")
}

struct World {
    ring: Uring,
    random: Random,
    streams: Vec<Modelled>,
    held: Vec<Lease>,
    /// Peers of closed streams: they must see the end.
    bereft: Vec<UnixStream>,
}

impl World {
    fn open(&mut self) {
        let (ours, peer) = pair();
        peer.set_nonblocking(true).expect("an option");
        let stream = self.ring.add(ours);
        assert!(self.streams.iter().all(|other| other.stream != stream), "a place of its own");
        self.ring.receive(stream).expect("it is queued");
        self.streams.push(Modelled {
            stream,
            peer: Some(peer),
            sent_to_us: 0,
            seen: 0,
            ended: false,
            expected: VecDeque::new(),
            sending: false,
            sending_bytes: 0,
            polling: false,
            closing: false,
        });
    }

    fn act(&mut self) {
        if self.streams.is_empty() || self.random.below(12) == 0 && self.streams.len() < 24 {
            return self.open();
        }
        let which = self.random.below(self.streams.len());
        let action = self.random.below(16);
        let amount = 1 + self.random.below(300);
        let it = &mut self.streams[which];
        if it.closing {
            return;
        }
        let ring = &mut self.ring;
        match action {
            0..=4 => it.peer_sends(amount),
            5..=7 => it.peer_reads(amount),
            8 => ring.pause(it.stream).expect("it is queued"),
            9 | 10 if !it.ended => ring.receive(it.stream).expect("it is queued"),
            11 | 12 if !it.sending => {
                let bytes: Vec<u8> = (0..amount).map(|i| byte(i * 7 + which)).collect();
                let from = amount / 3;
                it.sends(&bytes[from..]);
                let room = if action == 11 { Room::Take } else { Room::Wait };
                ring.send(it.stream, bytes, from, room).expect("it is queued");
            }
            13 if !it.polling => {
                it.polling = true;
                ring.poll(it.stream, Readiness::Both).expect("it is queued");
            }
            14 => ring.stop_polling(it.stream).expect("it is queued"),
            15 if amount < 40 => it.peer = None,
            15 if amount < 120 => {
                it.closing = true;
                let stream = it.stream;
                ring.close(stream).expect("it is queued");
            }
            _ => {}
        }
        if self.random.below(3) == 0 && !self.held.is_empty() {
            let which = self.random.below(self.held.len());
            let lease = self.held.swap_remove(which);
            self.ring.give_back(lease);
        }
    }

    fn listen(&mut self) {
        let time = (self.random.below(3) == 0).then_some(Duration::from_micros(200));
        let wait = if let Some(time) = time { Wait::for_one(Some(time)) } else { Wait::LOOK };
        self.ring.wait(wait).expect("waiting works");
        // Some are left for later.
        let most = if self.random.below(4) == 0 { self.random.below(5) } else { usize::MAX };
        for _ in 0..most {
            let Some(event) = self.ring.next_event() else { return };
            self.heed(event);
        }
    }

    fn heed(&mut self, event: Event) {
        let (Event::Received(stream, _)
        | Event::Ended(stream)
        | Event::Failed(stream, _)
        | Event::Accepted(stream, _)
        | Event::Sent(stream, ..)
        | Event::Ready(stream, _)
        | Event::Closed(stream)) = event;
        let which = self.streams.iter().position(|it| it.stream == stream);
        let which = which.unwrap_or_else(|| panic!("{event:?} of nobody"));
        let it = &mut self.streams[which];
        match event {
            Event::Received(_, lease) => {
                assert!(!it.ended, "nothing comes behind the end");
                let bytes = self.ring.bytes(&lease);
                for (index, found) in bytes.iter().enumerate() {
                    assert_eq!(*found, byte(it.seen + index), "bytes in order");
                }
                it.seen += bytes.len();
                assert!(it.seen <= it.sent_to_us, "no byte is made up");
                match self.random.below(3) {
                    0 => self.held.push(lease),
                    1 if !it.sending && !it.closing => {
                        let from = self.random.below(bytes.len());
                        let part = from..bytes.len();
                        it.sends(&bytes[part.clone()]);
                        let sent = self.ring.send_lease(stream, lease.part(part));
                        sent.expect("it is queued");
                    }
                    _ => self.ring.give_back(lease),
                }
            }
            Event::Ended(_) => {
                assert!(it.peer.is_none() && it.seen == it.sent_to_us, "the end comes last");
                it.ended = true;
            }
            Event::Failed(_, errno) => {
                assert_eq!(errno, Errno::CONNRESET);
                assert!(it.peer.is_none());
                it.ended = true;
            }
            Event::Accepted(..) => panic!("nobody listens"),
            Event::Sent(_, payload, sent) => {
                assert!(it.sending, "a send ends once");
                it.sending = false;
                let left = sent.unwrap_or(0);
                for _ in left..it.sending_bytes {
                    it.expected.pop_back().expect("the peer cannot have read what did not leave");
                }
                if let Payload::Lease(lease) = payload {
                    self.ring.give_back(lease);
                }
            }
            Event::Ready(..) => {
                assert!(it.polling, "a poll ends once");
                it.polling = false;
            }
            Event::Closed(_) => {
                assert!(it.closing && !it.sending, "all that was lent is back");
                let it = self.streams.swap_remove(which);
                self.bereft.extend(it.peer);
            }
        }
    }
}

impl Modelled {
    fn peer_sends(&mut self, amount: usize) {
        let Some(peer) = &mut self.peer else { return };
        let bytes: Vec<u8> = (0..amount).map(|index| byte(self.sent_to_us + index)).collect();
        if let Ok(length) = peer.write(&bytes) {
            self.sent_to_us += length;
        }
    }

    fn peer_reads(&mut self, amount: usize) {
        let Some(peer) = &mut self.peer else { return };
        let mut bytes = vec![0; amount];
        let Ok(length) = peer.read(&mut bytes) else { return };
        for found in &bytes[..length] {
            assert_eq!(Some(*found), self.expected.pop_front(), "the peer reads what was sent");
        }
    }

    fn sends(&mut self, bytes: &[u8]) {
        self.sending = true;
        self.sending_bytes = bytes.len();
        self.expected.extend(bytes);
    }
}

fn run(seed: u64, size: Size, filling: Filling) {
    let made = Uring::with_buffers(size, filling);
    let Ok(ring) = made.map_err(|error| skip(&error)) else { return };
    let random = Random(seed);
    let (streams, held, bereft) = (Vec::new(), Vec::new(), Vec::new());
    let mut world = World { ring, random, streams, held, bereft };
    for _ in 0..600 {
        for _ in 0..world.random.below(12) {
            world.act();
        }
        world.listen();
    }
    let World { ring, streams, held, bereft, .. } = world;
    drop(held);
    drop(ring);
    let peers = streams.into_iter().filter_map(|it| it.peer).chain(bereft);
    for mut peer in peers {
        peer.set_nonblocking(false).expect("an option");
        peer.set_read_timeout(Some(PATIENCE)).expect("an option");
        let read = peer.read_to_end(&mut Vec::new());
        let ended = read.map_err(|error| error.kind()).err();
        assert!([None, Some(ErrorKind::ConnectionReset)].contains(&ended), "closed: {ended:?}");
    }
}

#[test]
fn random_streams_are_as_modelled() {
    let sizes = [
        SIZE,
        Size { entries: 4, completions: 4, buffers: 1, buffer_bytes: 7 },
        Size { entries: 8, completions: 16, buffers: 2, buffer_bytes: 100 },
        Size { entries: 1, completions: 2, buffers: 16, buffer_bytes: 16 },
    ];
    for seed in 0..12 {
        for size in sizes {
            for filling in [Filling::Behind, Filling::Alone] {
                run(seed, size, filling);
            }
        }
    }
}
