//! One direction of one stream: bytes and time in, what leaves and when out. No socket, no clock.
//!
//! Bytes are numbered from 0 as they come. Where a rule cuts the stream off is decided as bytes
//! come in; how late they leave is decided then too, and how fast when they go. So rules that are
//! replaced never change what is already under way, and everything else obeys the new ones.
//!
//! Always: received = sent + dropped + held.

use std::collections::VecDeque;
use std::time::Duration;

use colok_proto::Time;

use super::active::{Active, News, take_news};
use super::fault::Kind;

/// What may wait in a direction that is delayed. 4 MiB in 50 ms are 80 MiB a second; a faster
/// sender is held up.
const DELAYED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What may wait in one that is not: enough for the next write.
const HELD_BYTES_MAX: usize = 64 * 1024;

/// What an item in the queue costs besides its bytes.
const ITEM_BYTES: usize = 64;

/// How much of a slow link's time goes by until the next bytes leave: often enough to look even,
/// rarely enough to be worth a wait.
const QUANTUM: Duration = Duration::from_millis(2);

/// One direction.
#[derive(Debug)]
pub(crate) struct Course {
    rules: Vec<Active>,
    /// What was done with the bytes.
    pub(crate) tally: Tally,
    queue: VecDeque<Item>,
    /// The bytes in the queue and what they cost.
    cost: usize,
    /// When the last item of the queue leaves; nothing overtakes.
    last_due: Time,
    /// When a slow link is free again.
    link_free: Time,
    closing: Closing,
    /// The end of the source, which a black hole keeps.
    swallowed: Option<End>,
    sink_is_lost: bool,
}

/// Bytes, or datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) received: u64,
    pub(crate) sent: u64,
    /// Thrown away.
    pub(crate) dropped: u64,
    /// Not sent yet.
    pub(crate) held: u64,
}

#[derive(Debug)]
enum Item {
    Bytes {
        due: Time,
        bytes: Vec<u8>,
        from: usize,
    },
    /// `rule`: whose doing it is, if it still counts there.
    End {
        due: Time,
        end: End,
        rule: Option<usize>,
    },
}

/// How a direction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In order: the receiver sees the end, the other direction goes on.
    Shut,
    /// The source was reset, and so is the receiver.
    Reset,
    /// A fault closes both connections, in order.
    CutBoth,
    /// A fault resets both connections.
    ResetBoth,
}

/// How far the end of this direction is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Closing {
    Open,
    /// The receiver is told of the end; bytes that still come are thrown away.
    Shut,
    /// Both connections end.
    Over,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// Send these, or as many of them as go.
    Send(&'a [u8]),
    /// Do this.
    End(End),
    /// Nothing before this time.
    Wait(Time),
    /// Nothing until something comes.
    Nothing,
}

impl Course {
    pub(crate) fn new(rules: Vec<Active>, now: Time) -> Self {
        let mut course = Self {
            rules,
            tally: Tally::default(),
            queue: VecDeque::new(),
            cost: 0,
            last_due: now,
            link_free: now,
            closing: Closing::Open,
            swallowed: None,
            sink_is_lost: false,
        };
        course.close_where_due(now);
        course
    }

    /// Counts what the rules have set in motion, because they are about to be replaced: it will
    /// happen.
    pub(crate) fn settle(&mut self) {
        for item in &mut self.queue {
            if let Item::End { rule, .. } = item
                && let Some(rule) = rule.take().and_then(|index| self.rules.get_mut(index))
            {
                rule.applied(1, self.tally.received);
            }
        }
    }

    /// Other rules from now on. Settle the old ones and ask for their news before.
    pub(crate) fn replace(&mut self, rules: Vec<Active>, now: Time) {
        self.rules = rules;
        self.link_free = now;
        if self.hole() > self.tally.received
            && let Some(end) = self.swallowed.take()
        {
            self.source_ends(end, now);
        }
        self.close_where_due(now);
    }

    /// What the rules did since this was last asked.
    pub(crate) fn take_news(&mut self) -> impl Iterator<Item = News> {
        take_news(&mut self.rules)
    }

    /// Whether bytes pass as they come: no rule, nothing that waits, no end.
    pub(crate) fn is_plain(&self) -> bool {
        self.rules.is_empty()
            && self.queue.is_empty()
            && self.closing == Closing::Open
            && !self.sink_is_lost
    }

    /// How many bytes it takes now; 0: the source has to wait.
    pub(crate) fn room(&self) -> usize {
        if self.closing != Closing::Open || self.sink_is_lost {
            return usize::MAX;
        }
        let limit = match &self.rules[..] {
            [] if self.queue.is_empty() => return usize::MAX,
            [] => return 0,
            rules if rules.iter().any(|it| matches!(it.kind, Kind::Delay { .. })) => {
                DELAYED_BYTES_MAX
            }
            _ => HELD_BYTES_MAX,
        };
        limit.saturating_sub(self.cost)
    }

    /// Whether each write must be seen as one.
    pub(crate) fn keeps_writes_apart(&self) -> bool {
        self.rules.iter().any(|it| matches!(it.kind, Kind::Chunk(_)))
    }

    /// Bytes came and so many of them were passed on at once; only where it [is
    /// plain](Self::is_plain).
    pub(crate) fn pass(&mut self, bytes: &[u8], sent: usize, now: Time) {
        debug_assert!(self.is_plain(), "rules see every byte");
        self.tally.received += bytes.len() as u64;
        self.tally.sent += sent as u64;
        self.hold(now, bytes[sent..].to_vec());
    }

    /// So many bytes came and wait elsewhere, before everything that comes after them; only where
    /// it [is plain](Self::is_plain).
    pub(crate) fn lend(&mut self, length: usize) {
        debug_assert!(self.is_plain(), "rules see every byte");
        self.tally.received += length as u64;
        self.tally.held += length as u64;
    }

    /// So many of the bytes that wait elsewhere are sent.
    pub(crate) fn lent_is_sent(&mut self, length: usize) {
        self.tally.held -= length as u64;
        self.tally.sent += length as u64;
    }

    /// Bytes came.
    pub(crate) fn receive(&mut self, mut bytes: &[u8], now: Time) {
        while !bytes.is_empty() {
            let until = self.next_close().saturating_sub(self.tally.received);
            let length = usize::try_from(until).unwrap_or(usize::MAX).min(bytes.len());
            let (now_taken, rest) = bytes.split_at(length);
            self.take(now_taken, now);
            self.close_where_due(now);
            bytes = rest;
        }
    }

    /// The source has ended in order.
    pub(crate) fn source_ended(&mut self, now: Time) {
        self.source_ends(End::Shut, now);
    }

    /// The source was reset. Whether that is news.
    pub(crate) fn source_was_reset(&mut self, now: Time) -> bool {
        self.source_ends(End::Reset, now)
    }

    /// Both connections end: what still comes is thrown away, what is held stays here.
    pub(crate) fn abandon(&mut self) {
        self.closing = Closing::Over;
    }

    /// Whether there is anything to send or to do, now or later.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether the receiver takes nothing any more.
    pub(crate) fn has_lost_its_sink(&self) -> bool {
        self.sink_is_lost
    }

    /// The receiver takes nothing any more.
    pub(crate) fn sink_was_lost(&mut self) {
        self.sink_is_lost = true;
        self.queue.clear();
        self.cost = 0;
        self.tally.dropped += std::mem::take(&mut self.tally.held);
    }

    /// What is to be done now.
    pub(crate) fn next(&self, now: Time) -> Step<'_> {
        match self.queue.front() {
            None => Step::Nothing,
            Some(Item::Bytes { due, .. } | Item::End { due, .. }) if *due > now => Step::Wait(*due),
            Some(Item::End { end, .. }) => Step::End(*end),
            Some(Item::Bytes { due, bytes, from }) => {
                let waiting = &bytes[*from..];
                match self.leaving(waiting.len(), *due, now) {
                    Ok(length) => Step::Send(&waiting[..length]),
                    Err(time) => Step::Wait(time),
                }
            }
        }
    }

    /// So many bytes of those that were to be sent are.
    pub(crate) fn sent(&mut self, length: usize) {
        let Some(Item::Bytes { due, bytes, from }) = self.queue.front_mut() else { return };
        let (due, waiting) = (*due, bytes.len() - *from);
        *from += length;
        self.cost -= length;
        if length == waiting {
            self.queue.pop_front();
            self.cost -= ITEM_BYTES;
        }
        let at = self.tally.sent;
        self.tally.sent += length as u64;
        self.tally.held -= length as u64;
        let mut busy = Duration::ZERO;
        for rule in &mut self.rules {
            match rule.kind {
                Kind::Rate(rate) => {
                    busy = busy.max(time_for(length as u64, rate));
                    rule.applied(length as u64, at);
                }
                Kind::Chunk(chunk) if waiting as u64 > chunk => rule.applied(length as u64, at),
                _ => {}
            }
        }
        // From when it could have begun, not from when a late timer let it: lateness never adds up.
        self.link_free = self.link_free.max(due) + busy;
    }

    /// The receiver takes bytes again after it took none: a slow link was held up that long, and
    /// does not make up for it.
    pub(crate) fn sink_goes_on(&mut self, now: Time) {
        self.link_free = self.link_free.max(now);
    }

    /// What was to be done at the end is done.
    pub(crate) fn end_is_done(&mut self) {
        if let Some(Item::End { rule, .. }) = self.queue.pop_front()
            && let Some(rule) = rule.and_then(|index| self.rules.get_mut(index))
        {
            rule.applied(1, self.tally.sent);
        }
        self.cost = self.cost.saturating_sub(ITEM_BYTES);
    }

    /// How many of `waiting` bytes may leave now, or when some may.
    fn leaving(&self, waiting: usize, due: Time, now: Time) -> Result<usize, Time> {
        let mut length = waiting as u64;
        let start = self.link_free.max(due);
        for rule in &self.rules {
            if let Kind::Chunk(chunk) = rule.kind {
                length = length.min(chunk);
            }
        }
        for rule in &self.rules {
            if let Kind::Rate(rate) = rule.kind {
                let least = bytes_in(QUANTUM, rate).clamp(1, length);
                let ready = start + time_for(least, rate);
                if ready > now {
                    return Err(ready);
                }
                length = length.min(bytes_in(now.since(start), rate));
            }
        }
        Ok(usize::try_from(length).unwrap_or(waiting).min(waiting))
    }

    /// Takes bytes that lie before the next place where a rule closes something.
    fn take(&mut self, bytes: &[u8], now: Time) {
        let at = self.tally.received;
        let length = bytes.len() as u64;
        self.tally.received += length;
        if self.closing != Closing::Open || self.sink_is_lost {
            self.tally.dropped += length;
            return;
        }
        let passing = self.hole().saturating_sub(at).min(length);
        let lost = length - passing;
        self.tally.dropped += lost;
        for rule in &mut self.rules {
            if matches!(rule.kind, Kind::BlackHole(from) if from < at + length) {
                rule.applied(lost, at + passing);
            }
        }
        let kept = usize::try_from(passing).unwrap_or(usize::MAX).min(bytes.len());
        if kept == 0 {
            return;
        }
        let mut bytes = bytes[..kept].to_vec();
        for rule in &mut self.rules {
            if let Kind::Corrupt(number) = rule.kind
                && let Some(index) = number.checked_sub(at)
                && let Some(byte) = usize::try_from(index).ok().and_then(|it| bytes.get_mut(it))
            {
                *byte = !*byte;
                rule.applied(1, number);
            }
        }
        let due = self.due(at, passing, now);
        self.hold(due, bytes);
    }

    fn hold(&mut self, due: Time, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        self.tally.held += bytes.len() as u64;
        self.cost += bytes.len() + ITEM_BYTES;
        self.queue.push_back(Item::Bytes { due, bytes, from: 0 });
    }

    /// When what comes now leaves: never before what came earlier.
    fn due(&mut self, at: u64, length: u64, now: Time) -> Time {
        let mut due = now;
        for rule in &mut self.rules {
            let delay = rule.delay(at);
            if !delay.is_zero() {
                due = due + delay;
                rule.applied(length, at);
            }
        }
        self.last_due = self.last_due.max(due);
        self.last_due
    }

    fn source_ends(&mut self, end: End, now: Time) -> bool {
        let level = if end == End::Shut { Closing::Shut } else { Closing::Over };
        if self.closing >= level || self.sink_is_lost || self.swallowed == Some(end) {
            return false;
        }
        let received = self.tally.received;
        if self.hole() <= received {
            self.swallowed = Some(end);
            for rule in &mut self.rules {
                if matches!(rule.kind, Kind::BlackHole(from) if from <= received) {
                    rule.applied(1, received);
                }
            }
            return true;
        }
        let due = self.due(received, 0, now);
        self.close(end, level, due, None);
        true
    }

    fn close(&mut self, end: End, level: Closing, due: Time, rule: Option<usize>) {
        self.closing = level;
        self.cost += ITEM_BYTES;
        self.queue.push_back(Item::End { due, end, rule });
    }

    /// The number of the byte from which on nothing passes.
    fn hole(&self) -> u64 {
        let holes = self.rules.iter().filter_map(|rule| match rule.kind {
            Kind::BlackHole(from) => Some(from),
            _ => None,
        });
        holes.min().unwrap_or(u64::MAX)
    }

    /// After how many bytes the next rule closes something; more than have been received.
    fn next_close(&self) -> u64 {
        let ends = self.rules.iter().filter_map(|rule| self.closes(&rule.kind));
        ends.map(|(after, ..)| after).min().unwrap_or(u64::MAX)
    }

    /// After how many bytes a rule closes something, and what, if it still can.
    fn closes(&self, kind: &Kind) -> Option<(u64, End, Closing)> {
        let can = |(after, _, level): &(u64, End, Closing)| {
            *level > self.closing && *after <= self.hole() && !self.sink_is_lost
        };
        rule_end(kind).filter(can)
    }

    /// Lets rules close what they are to close by now.
    fn close_where_due(&mut self, now: Time) {
        for index in 0..self.rules.len() {
            let end = self.closes(&self.rules[index].kind);
            let Some((after, end, level)) = end else { continue };
            if after <= self.tally.received {
                let due = self.last_due.max(now);
                self.close(end, level, due, Some(index));
            }
        }
    }
}

/// After how many bytes a rule closes something, and what.
fn rule_end(kind: &Kind) -> Option<(u64, End, Closing)> {
    match *kind {
        Kind::Cut(after) => Some((after, End::CutBoth, Closing::Over)),
        Kind::Reset(after) => Some((after, End::ResetBoth, Closing::Over)),
        Kind::HalfClose(after) => Some((after, End::Shut, Closing::Shut)),
        _ => None,
    }
}

/// How long so many bytes take at this rate, rounded up: a rate is never exceeded.
pub(super) fn time_for(bytes: u64, rate: u64) -> Duration {
    let nanos = (u128::from(bytes) * 1_000_000_000).div_ceil(u128::from(rate.max(1)));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// How many whole bytes leave in that time.
fn bytes_in(time: Duration, rate: u64) -> u64 {
    let bytes = time.as_nanos() * u128::from(rate) / 1_000_000_000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
