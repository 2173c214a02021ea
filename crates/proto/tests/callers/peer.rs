//! A faulty peer: a real service, and something between it and the caller that damages, loses,
//! doubles, swaps and delays replies and keeps count of it.

use std::collections::VecDeque;
use std::mem;
use std::ops::RangeInclusive;

use colok_proto::files::{FilesOptions, WritePolicy};
use colok_proto::sim::{Hosted, MemoryStore, Random, Recorder};
use colok_proto::{
    Caller, CallerKind, CallerOptions, Chargen, CountOptions, EchoOptions, Framing, Input, Judged,
    Machine as _, Peer, Service, ServiceMachine, Time, Times,
};

/// What was judged, or is expected to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    pub(crate) wrong: u64,
    pub(crate) lost: u64,
    pub(crate) duplicate: u64,
    pub(crate) late: u64,
    pub(crate) out_of_order: u64,
    pub(crate) unexpected: u64,
    pub(crate) streamed: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, judged: Judged) {
        match judged {
            Judged::Answered { in_order, .. } => {
                self.answered += 1;
                self.out_of_order += u64::from(!in_order);
            }
            Judged::Wrong { .. } => self.wrong += 1,
            Judged::Lost { .. } => self.lost += 1,
            Judged::Duplicate => self.duplicate += 1,
            Judged::Late => self.late += 1,
            Judged::Unexpected { bytes } => self.unexpected += bytes,
            Judged::Streamed { bytes } => self.streamed += bytes,
        }
    }
}

/// How often each fault befalls a reply, in permille; at most one does.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    pub(crate) corrupt: u16,
    pub(crate) drop: u16,
    pub(crate) duplicate: u16,
    pub(crate) swap: u16,
    pub(crate) late: u16,
    /// Whether the byte at a position may become another: position, old, new.
    pub(crate) is_byte_possible: fn(usize, u8, u8) -> bool,
}

/// One way to run a caller.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) options: CallerOptions,
    pub(crate) sizes: (u32, u32),
    pub(crate) messages: u64,
    pub(crate) arrival_max: usize,
    pub(crate) faults: Faults,
}

/// The time `nanos` as both times of a message.
pub(crate) fn now(nanos: u64) -> Times {
    Times::at(Time::from_nanos(nanos))
}

impl Case {
    /// Runs to the end and compares what was found with what was done.
    pub(crate) fn check(&self, seed: u64) -> Tally {
        let mut run = Run::new(self, seed);
        run.go(Fault::choose);
        assert_eq!(run.found, run.expected, "seed {seed}, {self:?}");
        run.found
    }

    /// The byte at a position of one reply becomes another one.
    pub(crate) fn check_one_byte(&self, position: usize, new: u8) {
        let mut run = Run::new(self, 0);
        let mut left = 1;
        run.go_with(&mut |reply, _, _| {
            let is_it = left == 3 && reply[position] != new;
            left += 1;
            if is_it { Fault::Byte(position, new) } else { Fault::None }
        });
        assert_eq!(run.found, run.expected, "{position} becomes {new}, {self:?}");
    }

    /// Whatever the faults are, every message has one verdict.
    pub(crate) fn check_sum(&self, random: &mut Random) {
        let mut run = Run::new(self, random.bits());
        run.go(Fault::choose);
        let found = run.found;
        assert_eq!(found.sent, found.answered + found.wrong + found.lost, "{self:?}");
    }

    /// The connection ends in the middle.
    pub(crate) fn check_end(&self, seed: u64) {
        let mut run = Run::new(self, seed);
        let mut reply = Vec::new();
        while run.caller.can_send() {
            reply = run.message();
        }
        let open = run.caller.open();
        run.receive(&reply[..reply.len() - 1]);
        run.caller.ended(&mut |judged| run.found.add(judged));
        assert_eq!(run.caller.open(), 0);
        assert_eq!((run.found.sent, run.found.lost), (open.into(), open.into()), "{self:?}");
    }
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    Byte(usize, u8),
    Drop,
    Duplicate,
    Swap,
    Late,
}

impl Fault {
    fn choose(reply: &[u8], faults: &Faults, random: &mut Random) -> Self {
        let mut left = random.below(1000);
        let mut is = |permille: u16| {
            let is_it = left < usize::from(permille);
            left = left.checked_sub(usize::from(permille)).unwrap_or(1000);
            is_it
        };
        if is(faults.corrupt) {
            for _ in 0..1000 {
                let (at, new) = (random.below(reply.len()), random.byte());
                if reply[at] != new && (faults.is_byte_possible)(at, reply[at], new) {
                    return Self::Byte(at, new);
                }
            }
            Self::None
        } else if is(faults.drop) {
            Self::Drop
        } else if is(faults.duplicate) {
            Self::Duplicate
        } else if is(faults.swap) {
            Self::Swap
        } else if is(faults.late) {
            Self::Late
        } else {
            Self::None
        }
    }
}

struct Run<'a> {
    case: &'a Case,
    random: Random,
    caller: Caller,
    server: Server,
    expected: Tally,
    found: Tally,
    /// On their way to the caller.
    replies: VecDeque<Vec<u8>>,
    /// Behind the next one.
    swapped: Option<Vec<u8>>,
    /// Behind the time when they are given up.
    late: Vec<Vec<u8>>,
    nanos: u64,
}

impl<'a> Run<'a> {
    fn new(case: &'a Case, seed: u64) -> Self {
        Self {
            case,
            random: Random::new(seed),
            caller: Caller::new(&case.options, seed),
            server: Server::new(&case.options.kind),
            expected: Tally::default(),
            found: Tally::default(),
            replies: VecDeque::new(),
            swapped: None,
            late: Vec::new(),
            nanos: 0,
        }
    }

    fn go(&mut self, choose: fn(&[u8], &Faults, &mut Random) -> Fault) {
        self.go_with(&mut |reply, faults, random| choose(reply, faults, random));
    }

    fn go_with(&mut self, choose: &mut dyn FnMut(&[u8], &Faults, &mut Random) -> Fault) {
        loop {
            while self.found.sent < self.case.messages && self.caller.can_send() {
                let reply = self.message();
                self.reply(reply, choose);
            }
            if !self.replies.is_empty() {
                self.deliver();
            } else if let Some(reply) = self.swapped.take() {
                self.replies.push_back(reply);
            } else if self.caller.open() > 0 {
                self.give_up();
            } else if self.found.sent == self.case.messages {
                break;
            }
        }
        assert_eq!(self.caller.oldest(), None);
    }

    /// The next message goes to the service; returns its reply.
    fn message(&mut self) -> Vec<u8> {
        let (low, high) = self.case.sizes;
        let size = low + u32::try_from(self.random.below((high - low + 1) as usize)).unwrap();
        let mut wire = Vec::new();
        self.nanos += 1;
        let length = self.caller.message(now(self.nanos), size, &mut wire);
        assert_eq!(length, wire.len());
        if matches!(*self.case.options.kind, CallerKind::Echo) {
            let most = if self.is_datagram() { 65_507 } else { u32::MAX };
            assert_eq!(length, size.min(most) as usize);
            assert_eq!(wire.iter().position(|byte| *byte == b'\n'), Some(length - 1));
        }
        self.found.sent += 1;
        self.expected.sent += 1;
        self.server.serve(&wire)
    }

    fn reply(
        &mut self,
        mut reply: Vec<u8>,
        choose: &mut dyn FnMut(&[u8], &Faults, &mut Random) -> Fault,
    ) {
        let swapped = self.swapped.take();
        let mut fault = choose(&reply, &self.case.faults, &mut self.random);
        if swapped.is_some() {
            fault = Fault::None;
            self.expected.out_of_order += 1;
        }
        self.expected.answered += 1;
        match fault {
            Fault::None => {}
            Fault::Byte(at, new) => {
                reply[at] = new;
                self.expected.wrong += 1;
                self.expected.answered -= 1;
            }
            Fault::Duplicate => {
                self.expected.duplicate += 1;
                self.replies.push_back(reply.clone());
            }
            Fault::Swap => {
                self.swapped = Some(reply);
                return;
            }
            Fault::Drop | Fault::Late => {
                self.expected.lost += 1;
                self.expected.answered -= 1;
                if matches!(fault, Fault::Late) {
                    self.expected.late += 1;
                    self.late.push(reply);
                }
                return;
            }
        }
        self.replies.push_back(reply);
        self.replies.extend(swapped);
    }

    /// Some bytes arrive, or a datagram.
    fn deliver(&mut self) {
        if self.is_datagram() {
            let reply = self.replies.pop_front().unwrap_or_default();
            return self.receive(&reply);
        }
        let mut left = 1 + self.random.below(self.case.arrival_max);
        let mut arrival = Vec::new();
        while left > 0
            && let Some(reply) = self.replies.front_mut()
        {
            let part = left.min(reply.len());
            arrival.extend(reply.drain(..part));
            left -= part;
            if reply.is_empty() {
                self.replies.pop_front();
            }
        }
        self.receive(&arrival);
    }

    fn receive(&mut self, bytes: &[u8]) {
        let Self { caller, found, .. } = self;
        caller.received(bytes, &mut |judged| found.add(judged));
        self.check_sum();
    }

    /// Everything that will come has come: the rest is given up, and then the late ones come.
    fn give_up(&mut self) {
        let before = Time::from_nanos(self.nanos + 1);
        let Self { caller, found, .. } = self;
        caller.give_up(before, &mut |judged| found.add(judged));
        self.replies.extend(mem::take(&mut self.late));
        self.check_sum();
        while !self.replies.is_empty() {
            self.deliver();
        }
    }

    fn check_sum(&self) {
        let found = &self.found;
        let judged = found.answered + found.wrong + found.lost;
        assert_eq!(found.sent, judged + u64::from(self.caller.open()), "{:?}", self.case);
        assert!(self.caller.open() <= self.case.options.depth);
        assert_eq!(self.caller.oldest().is_some(), self.caller.open() > 0);
    }

    fn is_datagram(&self) -> bool {
        self.case.options.framing == Framing::Datagram
    }
}

/// The real service.
enum Server {
    Machine(Box<ServiceMachine>, Recorder, usize),
    Files(Box<Hosted>, MemoryStore, usize),
    Pong(u64),
}

impl Server {
    fn new(kind: &CallerKind) -> Self {
        let service = match kind {
            CallerKind::Echo => Service::Echo(EchoOptions::default()),
            CallerKind::Count { language, unit } => {
                let (language, unit) = (*language, *unit);
                Service::Count(CountOptions { language, unit, ..CountOptions::default() })
            }
            CallerKind::Files { .. } => {
                let options =
                    FilesOptions { write: WritePolicy::Anyone, ..FilesOptions::default() };
                let hosted = Hosted::new(options, &Peer::unnamed(), usize::MAX);
                return Self::Files(Box::new(hosted), MemoryStore::default(), 0);
            }
            _ => return Self::Pong(0),
        };
        let (mut machine, mut out) = (service.machine(), Recorder::with_capacity(usize::MAX));
        out.give(&mut machine, Time::ZERO, Input::Opened { peer: &Peer::unnamed() });
        Self::Machine(Box::new(machine), out, 0)
    }

    /// What it says to a message.
    fn serve(&mut self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Machine(machine, out, taken) => {
                let used = out.receive(&mut **machine, Time::ZERO, message);
                assert_eq!((used, machine.deadline()), (message.len(), None));
                let reply = out.bytes()[*taken..].to_vec();
                *taken = out.bytes().len();
                reply
            }
            Self::Files(hosted, store, taken) => {
                hosted.arrive(message);
                let said = hosted.run(store, usize::MAX);
                let reply = said[*taken..].to_vec();
                *taken = said.len();
                reply
            }
            Self::Pong(number) => {
                *number += 1;
                format!("+PONG {number}!?!\r\n").into_bytes()
            }
        }
    }
}

/// Gives a caller the stream of chargen, from a position on and changed; so many bytes may be
/// wrong.
pub(crate) fn check_chargen(
    arrival_max: usize,
    from: usize,
    change: fn(&mut Vec<u8>),
    wrong: RangeInclusive<u64>,
) {
    let (mut machine, mut out) = (Chargen::new(), Recorder::with_capacity(20_000));
    out.give(&mut machine, Time::ZERO, Input::Opened { peer: &Peer::unnamed() });
    let mut stream = out.bytes()[from..].to_vec();
    change(&mut stream);
    let options = CallerOptions::new(CallerKind::Chargen, 1, Framing::Stream);
    let (mut caller, mut found) = (Caller::new(&options, 1), Tally::default());
    assert!(!caller.can_send());
    for arrival in stream.chunks(arrival_max) {
        caller.received(arrival, &mut |judged| found.add(judged));
    }
    assert_eq!(found.streamed + found.unexpected, stream.len() as u64);
    assert!(wrong.contains(&found.unexpected), "{found:?}");
}
