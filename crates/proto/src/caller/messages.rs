//! Which messages of a connection have no verdict yet, and what became of the others.
//!
//! Open messages are kept in the order in which they were made, at most `depth` of them. Of the
//! closed ones nothing is kept, but for those that were given up: their replies may still come,
//! and are late and not double. It knows no protocol.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::{Judged, Times};
use crate::Time;

/// The most runs of given-up messages that are remembered; the oldest is forgotten first, and its
/// late replies are then taken for duplicates. 64 runs are 1 KiB of a connection in great trouble.
const GIVEN_UP_RUNS_MAX: usize = 64;
/// The most given-up messages that are remembered with their sizes, for replies that name none.
const GIVEN_UP_MAX: usize = 64;

/// A message without a verdict.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    /// Its number, from 0 on each connection.
    pub(super) sequence: u64,
    pub(super) times: Times,
    /// How large it is, in bytes, or whatever else its kind needs to know what must come back.
    pub(super) size: u32,
}

/// The messages of one connection; see the module.
#[derive(Debug)]
pub(super) struct Messages {
    /// Where the codes of this connection begin; see `content.rs`.
    pub(super) base: u64,
    /// The number of the next message.
    next: u64,
    /// One more than the highest number that was answered.
    answered_end: u64,
    open: VecDeque<Open>,
    given_up: Option<Box<GivenUp>>,
    depth: u32,
}

/// Messages that were given up and have no reply yet. Boxed: nearly always there are none.
#[derive(Debug, Default)]
struct GivenUp {
    /// Their numbers: first, and one more than the last. Ascending.
    runs: Vec<(u64, u64)>,
    /// The latest of them.
    latest: VecDeque<Open>,
}

/// What a closed message was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// Answered, or answered wrongly.
    Replied,
    /// Given up, without a reply until now.
    GivenUp,
}

impl Messages {
    pub(super) fn new(connection: u64, depth: u32) -> Self {
        Self {
            base: super::content::base(connection),
            next: 0,
            answered_end: 0,
            open: VecDeque::new(),
            given_up: None,
            depth,
        }
    }

    #[inline]
    pub(super) fn open(&self) -> u32 {
        // At most `depth`, unless messages are made when none may be.
        u32::try_from(self.open.len()).unwrap_or(u32::MAX)
    }

    /// How many may be open at once.
    pub(super) const fn depth(&self) -> u32 {
        self.depth
    }

    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.open() < self.depth
    }

    #[inline]
    pub(super) fn oldest(&self) -> Option<&Open> {
        self.open.front()
    }

    /// The open messages, oldest first.
    pub(super) fn all_open(&self) -> impl Iterator<Item = &Open> {
        self.open.iter()
    }

    /// The number of the next message.
    #[inline]
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The number of a message that is never open.
    #[inline]
    pub(super) fn skip(&mut self) -> u64 {
        let sequence = self.next;
        self.next += 1;
        sequence
    }

    /// Opens the next message.
    #[inline]
    pub(super) fn add(&mut self, times: Times, size: u32) -> u64 {
        let sequence = self.skip();
        if self.open.capacity() == 0 {
            // Once, and only on connections that send: idle ones stay small.
            self.open.reserve_exact(usize::try_from(self.depth).unwrap_or(1));
        }
        self.open.push_back(Open { sequence, times, size });
        sequence
    }

    /// Where among the open ones a message is.
    #[inline]
    pub(super) fn find(&self, sequence: u64) -> Option<usize> {
        if self.open.front()?.sequence == sequence {
            return Some(0);
        }
        self.open.binary_search_by_key(&sequence, |open| open.sequence).ok()
    }

    /// The open message at a place.
    #[inline]
    pub(super) fn at(&self, place: usize) -> Option<&Open> {
        self.open.get(place)
    }

    /// The right reply to the open message at `place` has come.
    #[inline]
    pub(super) fn answered(
        &mut self,
        place: usize,
        reply_bytes: u32,
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        let Some(open) = self.close(place) else { return };
        let in_order = open.sequence >= self.answered_end;
        self.answered_end = self.answered_end.max(open.sequence + 1);
        judge(Judged::Answered { times: open.times, reply_bytes, in_order });
    }

    /// A wrong reply to the open message at `place` has come.
    pub(super) fn wrong(&mut self, place: usize, judge: &mut (impl FnMut(Judged) + ?Sized)) {
        if let Some(open) = self.close(place) {
            judge(Judged::Wrong { times: open.times });
        }
    }

    #[inline]
    fn close(&mut self, place: usize) -> Option<Open> {
        if place == 0 { self.open.pop_front() } else { self.open.remove(place) }
    }

    /// Gives up what was sent before a time.
    pub(super) fn give_up(&mut self, sent_before: Time, judge: &mut (impl FnMut(Judged) + ?Sized)) {
        while let Some(open) = self.open.front().filter(|open| open.times.sent < sent_before) {
            let open = *open;
            self.open.pop_front();
            self.given_up.get_or_insert_default().add(open);
            judge(Judged::Lost { times: open.times });
        }
    }

    /// Everything open is lost.
    pub(super) fn ended(&mut self, judge: &mut (impl FnMut(Judged) + ?Sized)) {
        for open in self.open.drain(..) {
            judge(Judged::Lost { times: open.times });
        }
    }

    /// What a message that was made and is not open was. A given-up one counts as replied from
    /// here on.
    pub(super) fn reply_to_closed(&mut self, sequence: u64) -> Closed {
        let is_late = self.given_up.as_mut().is_some_and(|given_up| given_up.take(sequence));
        if is_late { Closed::GivenUp } else { Closed::Replied }
    }

    /// Whether one of the latest given-up messages is like this; it counts as replied from here
    /// on.
    pub(super) fn late(&mut self, is_it: impl Fn(&Open) -> bool) -> bool {
        let Some(given_up) = &mut self.given_up else { return false };
        let Some(place) = given_up.latest.iter().position(is_it) else { return false };
        given_up.latest.remove(place).is_some_and(|open| given_up.take(open.sequence))
    }
}

impl GivenUp {
    /// Messages are given up in order, so a number is above all remembered ones.
    fn add(&mut self, open: Open) {
        let sequence = open.sequence;
        match self.runs.last_mut().filter(|run| run.1 == sequence) {
            Some(run) => run.1 += 1,
            None => self.runs.push((sequence, sequence + 1)),
        }
        self.forget();
        if self.latest.len() == GIVEN_UP_MAX {
            self.latest.pop_front();
        }
        self.latest.push_back(open);
    }

    /// Forgets one; whether it was there.
    fn take(&mut self, sequence: u64) -> bool {
        let place = self.runs.partition_point(|run| run.1 <= sequence);
        let found = self.runs.get(place).copied().filter(|run| run.0 <= sequence);
        let Some((start, end)) = found else { return false };
        let parts = [(start, sequence), (sequence + 1, end)];
        self.runs.splice(place..=place, parts.into_iter().filter(|(start, end)| start < end));
        self.forget();
        true
    }

    fn forget(&mut self) {
        if self.runs.len() > GIVEN_UP_RUNS_MAX {
            self.runs.remove(0);
        }
    }
}
