//! Machines by themselves: one arrival, or one room, per round.

use std::hint::black_box;
use std::ops::Range;

use colok_proto::files::{
    Durability, FilesOptions, Hash, HaveIt, Receipt, StoreAnswer, StoreRequest,
};
use colok_proto::{
    CountOptions, EchoOptions, Full, Input, Machine as _, Outbox, Peer, Reason, Service,
    ServiceMachine, Time,
};

use crate::{ROUND_NS, Work};

/// What a session gives a machine to write in one turn, in bytes.
const ROOM: usize = colok::session::ROOM;

pub fn echo_64_bytes() -> Work {
    echoes(Service::Echo(EchoOptions::default()), line(64))
}

/// No newline: each arrival goes on with the same message.
pub fn echo_open_64_bytes() -> Work {
    echoes(Service::Echo(EchoOptions::default()), vec![b'x'; 64])
}

pub fn echo_1_kibibyte() -> Work {
    echoes(Service::Echo(EchoOptions::default()), line(1024))
}

pub fn echo_no_quit_64_bytes() -> Work {
    echoes(Service::Echo(EchoOptions { quit: false, ..EchoOptions::default() }), line(64))
}

pub fn count_1_line() -> Work {
    let reply = b"Jumlah karakter dalam kalimat tersebut ada: 63\n".len();
    arrivals(Service::Count(CountOptions::default()), line(64), reply)
}

pub fn count_16_lines() -> Work {
    let reply = b"Jumlah karakter dalam kalimat tersebut ada: 63\n".len();
    arrivals(Service::Count(CountOptions::default()), line(64).repeat(16), 16 * reply)
}

/// One line.
pub fn count_16_kibibytes() -> Work {
    let reply = b"Jumlah karakter dalam kalimat tersebut ada: 16383\n".len();
    arrivals(Service::Count(CountOptions::default()), line(16 * 1024), reply)
}

pub fn discard_16_kibibytes() -> Work {
    arrivals(Service::Discard, vec![b'x'; 16 * 1024], 0)
}

/// All that fits into one turn.
pub fn chargen_room() -> Work {
    let mut machine = opened(Service::Chargen);
    Box::new(move || {
        let mut out = Sink::default();
        machine.input(Time::ZERO, Input::Room(ROOM), &mut out);
        assert_eq!(black_box(&out).bytes, ROOM, "it fills its room");
    })
}

/// A small file with its hash: its line, and the answer of the store. Its bytes never come here.
pub fn files_push() -> Work {
    let hash = Hash([7; 32]);
    let line = format!("PUSH tugas/laporan.txt 4096 {hash}\n");
    let receipt = Receipt { size: 4096, hash, durability: Durability::Full };
    let stored = Ok(StoreAnswer::Stored { have_it: HaveIt::Stored, receipt });
    let mut machine = opened(Service::Files(FilesOptions::default()));
    Box::new(move || {
        let mut out = Sink::default();
        let used = machine.input(Time::ZERO, Input::Received(black_box(line.as_bytes())), &mut out);
        assert!(used == line.len() && out.body == 4096, "it asks for the file");
        machine.input(Time::ZERO, Input::Stored(black_box(&stored)), &mut out);
        assert!(black_box(&out).bytes > 0, "it answers");
    })
}

/// `length` bytes, the last of them a newline.
pub(crate) fn line(length: usize) -> Vec<u8> {
    let mut line = vec![b'x'; length];
    line[length - 1] = b'\n';
    line
}

fn echoes(service: Service, arrival: Vec<u8>) -> Work {
    let length = arrival.len();
    arrivals(service, arrival, length)
}

/// Gives the same arrival again and again; each is answered with so many bytes.
fn arrivals(service: Service, arrival: Vec<u8>, answer: usize) -> Work {
    let mut machine = opened(service);
    let mut now = 0;
    Box::new(move || {
        now += ROUND_NS;
        let mut out = Sink::default();
        let input = Input::Received(black_box(&arrival));
        let used = machine.input(Time::from_nanos(now), input, &mut out);
        assert!(used == arrival.len() && out.bytes == answer, "it answers whole");
        black_box(machine.deadline());
    })
}

fn opened(service: Service) -> ServiceMachine {
    let mut machine = service.machine();
    let peer = Peer {
        local: colok_proto::Address::Inet(([127, 0, 0, 1], 1).into()),
        remote: colok_proto::Address::Inet(([127, 0, 0, 1], 2).into()),
    };
    machine.input(Time::ZERO, Input::Opened { peer: &peer }, &mut Sink::default());
    machine
}

/// Counts what a machine says and keeps none of it: what a session does with it is measured there.
#[derive(Debug, Default)]
struct Sink {
    bytes: usize,
    body: u64,
}

impl Outbox for Sink {
    fn forward(&mut self, range: Range<usize>) -> Result<(), Full> {
        self.bytes += range.len();
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Full> {
        if self.bytes + bytes.len() > ROOM {
            return Err(Full);
        }
        self.bytes += black_box(bytes).len();
        Ok(())
    }

    fn message(&mut self, _part: Range<usize>, _length: u64) {}

    fn store(&mut self, request: StoreRequest) {
        black_box(request);
    }

    fn body(&mut self, length: u64) {
        self.body = length;
    }

    fn file(&mut self, _range: Range<u64>) {}

    fn close(&mut self, reason: Reason) {
        unreachable!("closed for {reason}");
    }
}
