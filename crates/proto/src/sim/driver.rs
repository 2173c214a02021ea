//! The simulator: a sender, a link, an engine and a machine under one virtual clock.
//!
//! The sender follows a [`Script`]. The [`Link`] cuts what is sent into segments that arrive late
//! but in order. The engine keeps the contract to the letter and is otherwise as unkind as it may
//! be: it comes late, so that several segments are read together; it reads little at a time; it
//! ticks before the deadline; its outbox is small and empties slowly. It obeys the drain rule: a
//! deadline is given only after a read that found nothing.
//!
//! It never runs for ever: a machine that does not come to rest is a panic that names the seed.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Model, Random, Recorder};
use crate::{Input, Machine, Peer, Time};

/// More steps than any script in the tests takes; a machine that needs more never rests.
const STEPS_MAX: usize = 1_000_000;

/// What the peer does, and when the server is told to stop.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// What is sent when. Times do not decrease.
    pub sends: Vec<(Time, Vec<u8>)>,
    /// When the peer ends its stream; not before its last bytes have arrived.
    pub end: Option<Time>,
    /// When the server is told to stop.
    pub drain: Option<Time>,
}

/// How unkind the link and the engine are. The default is kind: everything arrives whole and at
/// once, the engine is never late and has all the room it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The longest segment in bytes; what is sent is cut into random ones.
    pub segment_max: usize,
    /// The longest delay between two segments of one send.
    pub delay_max: Duration,
    /// The longest time that the engine comes late.
    pub late_max: Duration,
    /// The most bytes of one read.
    pub read_max: usize,
    /// How often the engine ticks before the deadline, in permille of its idle turns.
    pub early_permille: u16,
    /// The room of the outbox in bytes.
    pub capacity: usize,
    /// The longest time until some of a full outbox has left.
    pub room_delay_max: Duration,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            segment_max: usize::MAX,
            delay_max: Duration::ZERO,
            late_max: Duration::ZERO,
            read_max: usize::MAX,
            early_permille: 0,
            capacity: 1 << 20,
            room_delay_max: Duration::ZERO,
        }
    }
}

/// What the machine was given, for a model to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It consumed these bytes.
    Received(Vec<u8>),
    /// It was told that a read found nothing.
    Deadline,
    /// The peer ended.
    End,
    /// The server stops.
    Drain,
}

/// What happened.
#[derive(Clone, Debug)]
pub struct Journal {
    /// The seed, to run it again.
    pub seed: u64,
    /// What the machine was given, and when.
    pub seen: Vec<(Time, Seen)>,
    /// What the machine said.
    pub out: Recorder,
    /// The virtual time at the end.
    pub now: Time,
}

impl Journal {
    /// The model of what the machine was given.
    pub fn model(&self, gap: Duration) -> Model {
        let mut model = Model::new(gap);
        for (now, seen) in &self.seen {
            match seen {
                Seen::Received(bytes) => model.received(*now, bytes),
                Seen::Deadline => model.deadline(*now),
                Seen::End => model.end(),
                Seen::Drain => {}
            }
        }
        model
    }
}

/// Plays `script` to `machine` over `link` until it closes or everything is at rest.
pub fn simulate<M: Machine + ?Sized>(
    seed: u64,
    machine: &mut M,
    script: &Script,
    link: &Link,
) -> Journal {
    let mut random = Random::new(seed);
    let mut world = World {
        segments: cut(&mut random, script, link),
        random,
        machine,
        link,
        end: script.end,
        drain: script.drain,
        room: None,
        arrived: VecDeque::new(),
        held: Vec::new(),
        journal: Journal {
            seed,
            seen: Vec::new(),
            out: Recorder::with_capacity(link.capacity),
            now: Time::ZERO,
        },
    };
    world.give(Input::Opened { peer: &Peer::unnamed() });
    for _ in 0..STEPS_MAX {
        if world.journal.out.closed().is_some() || !world.step() {
            return world.journal;
        }
    }
    panic!("seed {seed}: not at rest after {STEPS_MAX} steps");
}

/// Cuts what is sent into segments with their times of arrival, in order.
fn cut(random: &mut Random, script: &Script, link: &Link) -> VecDeque<(Time, Vec<u8>)> {
    let mut segments = VecDeque::new();
    let mut arrival = Time::ZERO;
    for (sent, bytes) in &script.sends {
        arrival = arrival.max(*sent);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let length = 1 + random.below(rest.len().min(link.segment_max));
            let length = if link.segment_max == usize::MAX { rest.len() } else { length };
            let (segment, after) = rest.split_at(length);
            segments.push_back((arrival, segment.to_vec()));
            arrival = arrival + random.span(link.delay_max);
            rest = after;
        }
    }
    segments
}

struct World<'a, M: ?Sized> {
    machine: &'a mut M,
    link: &'a Link,
    random: Random,
    /// On the way.
    segments: VecDeque<(Time, Vec<u8>)>,
    /// In the receive buffer of the kernel.
    arrived: VecDeque<u8>,
    /// Offered and not consumed.
    held: Vec<u8>,
    end: Option<Time>,
    drain: Option<Time>,
    /// When the full outbox empties.
    room: Option<Time>,
    journal: Journal,
}

impl<M: Machine + ?Sized> World<'_, M> {
    /// One turn of the engine. Returns whether there is anything left to happen.
    fn step(&mut self) -> bool {
        self.arrive();
        if self.due(self.drain) {
            self.drain = None;
            self.see(Seen::Drain);
            self.give(Input::Drain);
        } else if self.journal.out.is_full() {
            return self.step_full();
        } else if !self.held.is_empty() || !self.arrived.is_empty() {
            self.read();
        } else if self.segments.is_empty() && self.due(self.end) {
            self.end = None;
            self.see(Seen::End);
            self.give(Input::End);
        } else if self.due(self.machine.deadline()) || self.random.chance(self.link.early_permille)
        {
            self.see(Seen::Deadline);
            self.give(Input::Deadline);
        } else {
            return self.wait();
        }
        true
    }

    /// The outbox is full: nothing is read until some of it has left.
    fn step_full(&mut self) -> bool {
        let delay = self.random.span(self.link.room_delay_max);
        let room = *self.room.get_or_insert(self.journal.now + delay);
        if self.due(self.room) {
            self.room = None;
            let waiting = self.journal.out.waiting();
            let left = waiting - self.random.below(waiting);
            let room = self.journal.out.make_room(left);
            self.give(Input::Room(room));
            return true;
        }
        let next = self.drain.map_or(room, |drain| drain.min(room));
        self.advance(next);
        true
    }

    /// Gives the machine what it left, what has come since, or both together.
    fn read(&mut self) {
        let mut offered = core::mem::take(&mut self.held);
        if offered.is_empty() || self.random.chance(500) {
            let length = self.arrived.len().min(self.link.read_max);
            offered.extend(self.arrived.drain(..length));
        }
        let now = self.journal.now;
        let consumed = self.journal.out.receive(self.machine, now, &offered);
        self.held = offered.split_off(consumed);
        if consumed > 0 {
            self.see(Seen::Received(offered));
        }
        let seed = self.journal.seed;
        let stuck = !self.held.is_empty() && !self.journal.out.is_full();
        assert!(!stuck, "seed {seed}: bytes were not consumed although there was room");
    }

    /// Nothing to do now: goes to the next point in time at which there is.
    fn wait(&mut self) -> bool {
        let segment = self.segments.front().map(|(time, _)| *time);
        let end = if segment.is_none() { self.end } else { None };
        let points = [segment, end, self.drain, self.machine.deadline()];
        let next = points.into_iter().flatten().min();
        if let Some(next) = next {
            let late = self.random.span(self.link.late_max);
            self.advance(next + late);
        }
        next.is_some()
    }

    fn advance(&mut self, to: Time) {
        self.journal.now = self.journal.now.max(to);
    }

    fn arrive(&mut self) {
        while let Some((time, _)) = self.segments.front()
            && *time <= self.journal.now
        {
            self.arrived.extend(self.segments.pop_front().into_iter().flat_map(|(_, bytes)| bytes));
        }
    }

    fn due(&self, time: Option<Time>) -> bool {
        time.is_some_and(|time| time <= self.journal.now)
    }

    fn see(&mut self, seen: Seen) {
        self.journal.seen.push((self.journal.now, seen));
    }

    fn give(&mut self, input: Input<'_>) {
        self.journal.out.give(self.machine, self.journal.now, input);
    }
}
