//! Whole turns of a session: an arrival comes, the answer goes, what is next is asked.
//!
//! `write` takes everything at once, as a socket does that has room.

use std::hint::black_box;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use colok::observe::NoTap;
use colok::session::{Context, Desk, Next, Session};
use colok_proto::{Address, CountOptions, EchoOptions, Peer, Service, Time};

use crate::machines::line;
use crate::{ROUND_NS, Work};

pub fn echo_turn() -> Work {
    turns(Service::Echo(EchoOptions::default()), line(64), 64)
}

pub fn echo_turn_without_quit() -> Work {
    turns(Service::Echo(EchoOptions { quit: false, ..EchoOptions::default() }), line(64), 64)
}

pub fn count_turn() -> Work {
    let reply = b"Jumlah karakter dalam kalimat tersebut ada: 63\n".len();
    turns(Service::Count(CountOptions::default()), line(64), reply)
}

pub fn discard_turn() -> Work {
    turns(Service::Discard, vec![b'x'; 16 * 1024], 0)
}

/// A turn between two rests, as on an engine that shares its sessions between connections.
pub fn echo_rested_turn() -> Work {
    let mut seat = Seat::new(Service::Echo(EchoOptions::default()));
    let arrival = line(64);
    let mut rest = seat.session.rest(0);
    Box::new(move || {
        seat.session.restore(black_box(rest.take()).expect("it rested"));
        seat.turn(&arrival, 64);
        rest = seat.session.rest(0);
        assert!(black_box(&rest).is_some(), "it rests");
    })
}

fn turns(service: Service, arrival: Vec<u8>, answer: usize) -> Work {
    let mut seat = Seat::new(service);
    Box::new(move || seat.turn(&arrival, answer))
}

/// A session with the desk that a worker lends it.
struct Seat {
    session: Session<NoTap>,
    desk: Desk,
    now: u64,
}

impl Seat {
    fn new(service: Service) -> Self {
        let context = Context {
            service,
            idle_timeout: Duration::from_mins(1),
            linger: Duration::from_secs(1),
            linger_bytes: 256 * 1024,
            store: None,
            bytes_per_second_max: None,
            tap: NoTap,
        };
        let inet = |port| Address::Inet(([127, 0, 0, 1], port).into());
        let peer = Peer { local: inet(5001), remote: inet(40_000) };
        let machine = service.machine();
        let mut session = Session::new(Arc::new(context), machine, 1, peer, Time::ZERO);
        let mut desk = Desk::new();
        session.opened(Time::ZERO, &mut desk);
        session.pump(Time::ZERO, &[], &mut desk, |_| unreachable!("nothing is said yet"));
        Self { session, desk, now: 0 }
    }

    /// `answer` is how many bytes are to leave.
    fn turn(&mut self, arrival: &[u8], answer: usize) {
        self.now += ROUND_NS;
        let now = Time::from_nanos(self.now);
        let arrival = black_box(arrival);
        self.session.received(now, arrival, &mut self.desk);
        let mut left = 0;
        self.session.pump(now, arrival, &mut self.desk, |slices| {
            let length = black_box(slices).iter().map(|slice: &IoSlice<'_>| slice.len()).sum();
            left += length;
            Ok(length)
        });
        assert_eq!(left, answer, "it answers whole");
        let next = self.session.next(&self.desk);
        assert_eq!(next, Next::Wait { receive: true, send: false }, "it goes on");
        black_box(self.session.deadline());
    }
}
