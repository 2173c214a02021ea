//! The bodies of the fuzz targets: any bytes become a list of operations, the machine goes through
//! them, and what it said is compared with the model.
//!
//! The operations keep the contract and nothing else: bytes in any sizes, time in any steps,
//! deadlines whenever a read could have found nothing, room whenever it was asked for, the end and
//! the order to stop anywhere. A body returns, or panics with what was wrong; it never needs a
//! seed, since the data is the seed.

mod callers;
mod files;

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Model, Recorder, count_reply, echoed};
use crate::{
    Chargen, Count, CountLanguage, CountOptions, CountUnit, Discard, Echo, EchoOptions, Input,
    Machine, Peer, Reason, Time,
};

pub use callers::check_callers;
pub use files::{check_files_client, check_files_server};

const GAP: Duration = Duration::from_millis(50);

/// The smallest outbox that holds every reply of count, in bytes.
const REPLY_ROOM: usize = 72;

/// More rounds than an outbox of one byte needs for the longest input.
const ROUNDS_MAX: usize = 100_000;

/// What random bytes hit too seldom.
const WORDS: [&[u8]; 12] = [
    b"quit",
    b"qu",
    b"it",
    b"quit\n",
    b"quit\r\n",
    b"\r",
    b"\n",
    b"\r\n",
    b"Handy Arfiano Hastyawan",
    "\u{e9}\u{20ac}\u{1f600}".as_bytes(),
    b"\xe2\x82",
    b"\xf0\x9f\x98",
];

/// One thing that happens to a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Bytes arrive.
    Received(Vec<u8>),
    /// Time goes on.
    Wait(Duration),
    /// A read finds nothing and the machine is told the time.
    Deadline,
    /// Up to so many bytes leave the outbox.
    Room(usize),
    /// The peer ends.
    End,
    /// The server stops.
    Drain,
}

/// The operations that these bytes stand for. Every byte sequence stands for some.
pub fn operations(data: &[u8]) -> Vec<Operation> {
    let mut operations = Vec::new();
    let mut rest = data;
    while let [kind, argument, after @ ..] = rest {
        rest = after;
        let size = usize::from(*argument);
        operations.push(match kind % 16 {
            0..=5 => {
                let (bytes, after) = rest.split_at((size % 40).min(rest.len()));
                rest = after;
                Operation::Received(bytes.to_vec())
            }
            6..=9 => Operation::Received(WORDS[size % WORDS.len()].to_vec()),
            10 => Operation::Wait(Duration::from_millis(u64::from(*argument))),
            11 | 12 => Operation::Deadline,
            13 => Operation::Room(size * size),
            14 if size < 64 => Operation::End,
            15 if size < 64 => Operation::Drain,
            _ => Operation::Wait(GAP),
        });
    }
    operations
}

/// Echo sends what it received, up to `quit`, whatever happens.
pub fn check_echo(data: &[u8]) {
    let [first, capacity, rest @ ..] = data else { return };
    let options = EchoOptions { quit: first % 4 != 0, gap: GAP };
    check_echo_run(options, usize::from(*capacity), &operations(rest));
}

/// The same, for operations made elsewhere.
pub fn check_echo_run(options: EchoOptions, capacity: usize, operations: &[Operation]) {
    let mut machine = Echo::new(options);
    let run = Run::new(&mut machine, capacity).go(operations);
    let (expected, quit) =
        if options.quit { echoed(&run.model) } else { (run.model.stream(), false) };
    assert_eq!(run.out.bytes(), expected);
    let mut lengths = Vec::new();
    for message in run.model.messages().iter().filter(|_| options.quit) {
        lengths.push(message.bytes.len() as u64);
        if message.bytes == b"quit" {
            break;
        }
    }
    assert_eq!(run.out.messages(), lengths);
    let closed = if quit { Some(Reason::Quit) } else { run.closing };
    assert_eq!(run.out.closed(), closed);
}

/// Count answers each message of the model, in order, once.
pub fn check_count(data: &[u8]) {
    let [first, capacity, rest @ ..] = data else { return };
    let language = if first % 2 == 0 { CountLanguage::Indonesian } else { CountLanguage::English };
    let unit = if first % 8 < 6 { CountUnit::Characters } else { CountUnit::Bytes };
    let options = CountOptions { language, unit, gap: GAP };
    check_count_run(options, REPLY_ROOM + usize::from(*capacity), &operations(rest));
}

/// The same, for operations made elsewhere. The capacity must hold a reply.
pub fn check_count_run(options: CountOptions, capacity: usize, operations: &[Operation]) {
    let mut machine = Count::new(options);
    let run = Run::new(&mut machine, capacity).go(operations);
    let messages = run.model.messages();
    let expected: String = messages.iter().map(|message| count_reply(&options, message)).collect();
    assert_eq!(core::str::from_utf8(run.out.bytes()), Ok(&expected[..]));
    let lengths: Vec<_> = messages.iter().map(|message| message.bytes.len() as u64).collect();
    assert_eq!(run.out.messages(), lengths);
    // What is open when the server stops is waited for.
    let closed = run.closing.filter(|_| !run.model.is_open());
    assert_eq!(run.out.closed(), closed);
}

/// Discard and chargen: neither minds what it receives, one says nothing, the other never stops.
pub fn check_discard_chargen(data: &[u8]) {
    let [capacity, rest @ ..] = data else { return };
    let operations = operations(rest);
    let mut discard = Discard::new();
    let run = Run::new(&mut discard, usize::from(*capacity)).go(&operations);
    assert!(run.out.bytes().is_empty());
    assert_eq!(run.out.closed(), run.closing);
    let mut chargen = Chargen::new();
    let mut run = Run::new(&mut chargen, 1 + usize::from(*capacity) * 64);
    for operation in &operations {
        run.apply(operation);
        let wants_room = run.out.is_full() || run.out.closed().is_some();
        assert!(wants_room, "chargen must always want room");
    }
    for (place, byte) in run.out.bytes().iter().enumerate() {
        let (line, column) = (place / 74, place % 74);
        let expected = match column {
            72 => b'\r',
            73 => b'\n',
            _ => u8::try_from(32 + (line + column) % 95).unwrap_or(0),
        };
        assert_eq!(*byte, expected, "byte {place}");
    }
    assert_eq!(run.out.closed(), run.drained.then_some(Reason::Shutdown));
}

/// One machine on its way through the operations.
struct Run<'a, M> {
    machine: &'a mut M,
    out: Recorder,
    model: Model,
    now: Time,
    /// Arrived and not consumed.
    held: Vec<u8>,
    ended: bool,
    drained: bool,
    /// Why it should close: the first of the two orders to.
    closing: Option<Reason>,
}

impl<'a, M: Machine> Run<'a, M> {
    fn new(machine: &'a mut M, capacity: usize) -> Self {
        let mut out = Recorder::with_capacity(capacity);
        out.give(machine, Time::ZERO, Input::Opened { peer: &Peer::unnamed() });
        Self {
            machine,
            out,
            model: Model::new(GAP),
            now: Time::ZERO,
            held: Vec::new(),
            ended: false,
            drained: false,
            closing: None,
        }
    }

    /// Goes through all of them, and then lets everything leave that is due.
    fn go(mut self, operations: &[Operation]) -> Self {
        for operation in operations {
            self.apply(operation);
        }
        let mut rounds = 0;
        while self.out.is_full() && self.out.closed().is_none() {
            self.room(usize::MAX);
            rounds += 1;
            assert!(rounds < ROUNDS_MAX, "does not come to rest");
        }
        self
    }

    fn apply(&mut self, operation: &Operation) {
        if self.out.closed().is_some() {
            return;
        }
        match operation {
            Operation::Received(bytes) if !self.ended => {
                self.held.extend_from_slice(bytes);
                self.offer();
            }
            Operation::Wait(span) => self.now = self.now + *span,
            Operation::Deadline if self.held.is_empty() => {
                self.model.deadline(self.now);
                self.out.give(self.machine, self.now, Input::Deadline);
            }
            Operation::Room(count) if self.out.is_full() => self.room(*count),
            Operation::End if !self.ended && self.held.is_empty() => {
                self.ended = true;
                self.closing.get_or_insert(Reason::PeerClosed);
                self.model.end();
                self.out.give(self.machine, self.now, Input::End);
            }
            Operation::Drain if !self.drained => {
                self.drained = true;
                self.closing.get_or_insert(Reason::Shutdown);
                self.out.give(self.machine, self.now, Input::Drain);
            }
            // Not allowed now.
            _ => {}
        }
    }

    fn room(&mut self, count: usize) {
        let room = self.out.make_room(count);
        self.out.give(self.machine, self.now, Input::Room(room));
        self.offer();
    }

    fn offer(&mut self) {
        if self.held.is_empty() || self.out.is_full() || self.out.closed().is_some() {
            return;
        }
        let consumed = self.out.receive(self.machine, self.now, &self.held);
        self.model.received(self.now, &self.held[..consumed]);
        self.held.drain(..consumed);
        let stuck = !self.held.is_empty() && !self.out.is_full();
        assert!(!stuck, "bytes were not consumed although there was room");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Random;

    #[test]
    fn every_kind_of_operation_has_bytes() {
        let seen = operations(&[0, 2, b'a', b'b', 6, 0, 10, 7, 11, 0, 13, 3, 14, 0, 15, 0, 15, 99]);
        let expected = [
            Operation::Received(b"ab".to_vec()),
            Operation::Received(b"quit".to_vec()),
            Operation::Wait(Duration::from_millis(7)),
            Operation::Deadline,
            Operation::Room(9),
            Operation::End,
            Operation::Drain,
            Operation::Wait(GAP),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn random_data_passes() {
        let mut random = Random::new(7);
        for _ in 0..2000 {
            let length = random.below(300);
            let data: Vec<u8> = (0..length).map(|_| random.byte()).collect();
            check_echo(&data);
            check_count(&data);
            check_discard_chargen(&data);
        }
    }
}
