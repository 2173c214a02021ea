//! One direction of one client's datagrams: datagrams and time in, what leaves and when out. No
//! socket, no clock.
//!
//! Datagrams are numbered from 1 as they come. Always: received + added = sent + dropped + held.

use std::collections::BTreeMap;

use colok_proto::Time;

use super::active::{Active, News, take_news};
use super::course::{Tally, time_for};
use super::fault::Kind;

/// What may wait in a direction, in bytes. More is thrown away, as in a router.
const WAITING_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What may wait for a slow link.
const LINK_BYTES_MAX: usize = 256 * 1024;

/// What a datagram costs besides its bytes.
const DATAGRAM_BYTES: usize = 64;

/// One direction.
#[derive(Debug)]
pub(crate) struct Flight {
    rules: Vec<Active>,
    /// What was done with the datagrams.
    pub(crate) datagrams: Tally,
    /// What was done with their bytes.
    pub(crate) bytes: Tally,
    /// Datagrams that were made, and their bytes.
    pub(crate) added: (u64, u64),
    /// By when they leave, then by the order in which they came.
    queue: BTreeMap<(Time, u64), Vec<u8>>,
    queued: u64,
    cost: usize,
    /// One that is held back until the next one has passed, and how often it is sent.
    waiting: Option<Waiting>,
    /// When a slow link is free again.
    link_free: Time,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// Send this.
    Send(&'a [u8]),
    /// Nothing before this time.
    Wait(Time),
    /// Nothing until something comes.
    Nothing,
}

impl Flight {
    pub(crate) fn new(rules: Vec<Active>, now: Time) -> Self {
        Self {
            rules,
            datagrams: Tally::default(),
            bytes: Tally::default(),
            added: (0, 0),
            queue: BTreeMap::new(),
            queued: 0,
            cost: 0,
            waiting: None,
            link_free: now,
        }
    }

    /// Other rules from now on. Ask for the news of the old ones before.
    pub(crate) fn replace(&mut self, rules: Vec<Active>, now: Time) {
        self.rules = rules;
        self.link_free = now;
    }

    /// What the rules did since this was last asked.
    pub(crate) fn take_news(&mut self) -> impl Iterator<Item = News> {
        take_news(&mut self.rules)
    }

    /// A datagram came.
    pub(crate) fn receive(&mut self, bytes: &[u8], now: Time) {
        self.datagrams.received += 1;
        self.bytes.received += bytes.len() as u64;
        let number = self.datagrams.received;
        if self.is_lost(number) {
            self.datagrams.dropped += 1;
            self.bytes.dropped += bytes.len() as u64;
            return;
        }
        let mut bytes = bytes.to_vec();
        for rule in &mut self.rules {
            if matches!(rule.kind, Kind::Corrupt(corrupt) if corrupt == number)
                && let Some(first) = bytes.first_mut()
            {
                *first = !*first;
                rule.applied(1, number);
            }
        }
        let copies = 1 + self.duplicates(number, bytes.len());
        self.datagrams.held += copies as u64;
        self.bytes.held += (copies * bytes.len()) as u64;
        if let Some(earlier) = self.waiting.take() {
            self.put(copies, bytes, now);
            self.overtaken(earlier.number);
            self.put(earlier.copies, earlier.bytes, now);
        } else if self.is_held_back(number) {
            self.waiting = Some(Waiting { number, copies, bytes });
        } else {
            self.put(copies, bytes, now);
        }
    }

    /// What is to be done now.
    pub(crate) fn next(&self, now: Time) -> Step<'_> {
        match self.queue.first_key_value() {
            None => Step::Nothing,
            Some(((due, _), _)) if *due > now => Step::Wait(*due),
            Some((_, bytes)) => Step::Send(bytes),
        }
    }

    /// What was to be sent is sent, or else thrown away.
    pub(crate) fn done(&mut self, sent: bool) {
        let Some((_, bytes)) = self.queue.pop_first() else { return };
        self.cost -= bytes.len() + DATAGRAM_BYTES;
        self.left(bytes.len(), sent);
    }

    /// Whether something waits for its time.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    fn left(&mut self, length: usize, sent: bool) {
        let length = length as u64;
        self.datagrams.held -= 1;
        self.bytes.held -= length;
        if sent {
            self.datagrams.sent += 1;
            self.bytes.sent += length;
        } else {
            self.datagrams.dropped += 1;
            self.bytes.dropped += length;
        }
    }

    fn is_lost(&mut self, number: u64) -> bool {
        let mut lost = false;
        for rule in &mut self.rules {
            let takes = match &rule.kind {
                Kind::Lose(choice) => choice.takes(number, || rule.draw(number)),
                Kind::BlackHole(from) => number >= *from,
                _ => false,
            };
            if takes {
                rule.applied(1, number);
                lost = true;
            }
        }
        lost
    }

    fn is_held_back(&self, number: u64) -> bool {
        self.rules.iter().any(|rule| holds_back(rule, number))
    }

    /// Another one has passed the one with this number: only now it is out of order.
    fn overtaken(&mut self, number: u64) {
        for rule in &mut self.rules {
            if holds_back(rule, number) {
                rule.applied(1, number);
            }
        }
    }

    /// How often more it is to be sent.
    fn duplicates(&mut self, number: u64, length: usize) -> usize {
        let mut more = 0;
        for rule in &mut self.rules {
            let Kind::Duplicate(choice) = &rule.kind else { continue };
            if choice.takes(number, || rule.draw(number)) {
                rule.applied(1, number);
                more += 1;
            }
        }
        self.added.0 += more as u64;
        self.added.1 += (more * length) as u64;
        more
    }

    /// Puts it into the queue so often.
    fn put(&mut self, copies: usize, bytes: Vec<u8>, now: Time) {
        for _ in 1..copies {
            self.put_one(bytes.clone(), now);
        }
        self.put_one(bytes, now);
    }

    fn put_one(&mut self, bytes: Vec<u8>, now: Time) {
        let slow = self.rules.iter().any(|rule| matches!(rule.kind, Kind::Rate(_)));
        let limit = if slow { LINK_BYTES_MAX } else { WAITING_BYTES_MAX };
        let cost = bytes.len() + DATAGRAM_BYTES;
        if self.cost + cost > limit {
            self.left(bytes.len(), false);
            return;
        }
        self.cost += cost;
        self.queued += 1;
        let (number, order) = (self.datagrams.received, self.queued);
        let mut due = now;
        for rule in &mut self.rules {
            let delay = rule.delay(order);
            if !delay.is_zero() {
                due = due + delay;
                rule.applied(1, number);
            }
        }
        for rule in &mut self.rules {
            if let Kind::Rate(rate) = rule.kind {
                due = self.link_free.max(due) + time_for(bytes.len() as u64, rate);
                self.link_free = due;
                rule.applied(1, number);
            }
        }
        self.queue.insert((due, order), bytes);
    }
}

/// A datagram that waits until another one has passed it.
#[derive(Debug)]
struct Waiting {
    number: u64,
    copies: usize,
    bytes: Vec<u8>,
}

fn holds_back(rule: &Active, number: u64) -> bool {
    matches!(&rule.kind, Kind::Reorder(choice) if choice.takes(number, || rule.draw(number)))
}

#[cfg(test)]
mod tests;
