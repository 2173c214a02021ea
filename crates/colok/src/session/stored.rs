//! A session with a store: what its machine asks of the disk is carried out here, in order.
//!
//! The machine says what it wants ([`Asked`]); the conversation with the store does it; the answers
//! go back to the machine. Bytes of a body go from the arrival to the store without the machine
//! seeing them. Calls on the disk may block, so an engine runs such a session where that stops
//! nobody else ([`Session::may_block`]). No socket is touched.

use std::collections::VecDeque;
use std::ops::Range;
use std::os::fd::BorrowedFd;

use colok_proto::files::{StoreError, StoreRequest};
use colok_proto::{Input, Time};

use super::pace::Pace;
use super::{Desk, Phase, Session};
use crate::clock::Clock;
use crate::observe::{Event, Tap};
use crate::store::{Conversation, StoreResult};

/// What is read at a time outside of large bodies, in bytes: about sixty small files, which then
/// share their syncs.
const REQUESTS_AT_ONCE_BYTES: usize = 256 * 1024;

/// What a machine asked for and has not been done, in order. A machine asks for a few things per
/// input at most, and is given none while it waits.
#[derive(Debug, Default)]
pub(super) struct Asked {
    work: VecDeque<Work>,
    /// The part of the file being sent that has not left.
    file: Option<Range<u64>>,
}

#[derive(Debug)]
enum Work {
    Request(StoreRequest),
    /// So many bytes of input belong to the open upload; `left` of them have not come.
    Body {
        length: u64,
        left: u64,
    },
}

impl Asked {
    pub(super) fn store(&mut self, request: StoreRequest) {
        self.work.push_back(Work::Request(request));
    }

    pub(super) fn body(&mut self, length: u64) {
        if length > 0 {
            self.work.push_back(Work::Body { length, left: length });
        }
    }

    pub(super) fn file(&mut self, range: Range<u64>) {
        self.file = Some(range);
    }
}

/// The store's side of a session.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) asked: Asked,
    conversation: Conversation,
    /// Answers that the machine has not been given.
    answers: VecDeque<StoreResult>,
    /// Tells how long the disk took.
    clock: Clock,
    pace: Option<Pace>,
}

impl Stored {
    /// `rate` is in bytes per second.
    pub(super) fn new(conversation: Conversation, clock: Clock, rate: Option<u64>) -> Self {
        let (asked, answers) = (Asked::default(), VecDeque::new());
        Self { asked, conversation, answers, clock, pace: rate.map(Pace::new) }
    }

    /// Gives a part of a body to the store; returns how much of `bytes` belongs to it.
    fn take_body(&mut self, bytes: &[u8]) -> usize {
        let Some(Work::Body { left, .. }) = self.asked.work.front_mut() else { return 0 };
        let part = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
        *left -= part as u64;
        if *left == 0 {
            self.asked.work.pop_front();
        }
        if let Err(error) = self.conversation.body(&bytes[..part]) {
            // The answer to whatever waits for this body.
            self.asked.work.clear();
            self.answers.push_back(Err(error));
        }
        part
    }

    /// The peer has ended: a body that has not come whole never will, which is the answer to
    /// whatever waits for it.
    fn cut_body(&mut self) {
        if let Some(Work::Body { length, left }) = self.asked.work.front() {
            let received = length - left;
            self.asked.work.clear();
            self.commit();
            self.answers.push_back(Err(StoreError::WrongSize { received }));
        }
    }

    /// How much is moved in one piece, in bytes.
    fn piece(&self) -> u64 {
        self.pace.as_ref().map_or(u64::MAX, Pace::piece)
    }

    fn commit(&mut self) {
        self.answers.extend(self.conversation.commit());
    }
}

impl<T: Tap> Session<T> {
    /// Whether a turn may wait for a disk.
    #[inline]
    pub fn may_block(&self) -> bool {
        self.stored.is_some()
    }

    /// How much to receive at a time, in bytes.
    #[inline]
    pub fn receive_limit(&self) -> usize {
        match &self.stored {
            None => usize::MAX,
            Some(stored) => {
                let limit = match stored.asked.work.front() {
                    Some(Work::Body { left, .. }) if *left > REQUESTS_AT_ONCE_BYTES as u64 => {
                        stored.conversation.preferred_body_bytes()
                    }
                    _ => REQUESTS_AT_ONCE_BYTES,
                };
                usize::try_from(stored.piece()).map_or(limit, |piece| limit.min(piece))
            }
        }
    }

    /// So many bytes were moved.
    #[inline]
    pub(super) fn pace(&mut self, now: Time, bytes: u64) {
        if let Some(stored) = &mut self.stored
            && let Some(pace) = &mut stored.pace
        {
            pace.moved(now, bytes);
        }
    }

    /// Time has passed: a rest may be over.
    #[inline]
    pub(super) fn end_rest(&mut self, now: Time) {
        if let Some(stored) = &mut self.stored
            && let Some(pace) = &mut stored.pace
        {
            pace.tick(now);
        }
    }

    /// Until when nothing is moved, so that the rate holds.
    #[inline]
    pub(super) fn rests_until(&self) -> Option<Time> {
        let stored = self.stored.as_ref()?;
        stored.pace.as_ref()?.rests_until()
    }

    /// When the last rest is over; it is ours, and no idleness of the peer.
    #[inline]
    pub(super) fn rested_at(&self) -> Time {
        let pace = self.stored.as_ref().and_then(|stored| stored.pace.as_ref());
        pace.map_or(Time::ZERO, Pace::paid_at)
    }

    /// How many bytes are on their way for certain: the rest of a body.
    pub fn certain_bytes(&self) -> u64 {
        self.stored.as_ref().map_or(0, |stored| match stored.asked.work.front() {
            Some(Work::Body { left, .. }) => *left,
            _ => 0,
        })
    }

    /// The file to send and which part of it, once all output before it has left.
    pub fn pending_file(&self) -> Option<(BorrowedFd<'_>, Range<u64>)> {
        let stored = self.stored.as_ref()?;
        if self.phase != Phase::Open || self.backlog_bytes() > 0 {
            return None;
        }
        if self.rests_until().is_some() {
            return None;
        }
        let range = stored.asked.file.clone()?;
        let end = range.end.min(range.start.saturating_add(stored.piece()));
        Some((stored.conversation.reading()?, range.start..end))
    }

    /// `length` bytes of the file have left.
    pub fn file_sent(&mut self, now: Time, length: u64) {
        let Some(stored) = &mut self.stored else { return };
        let Some(range) = &mut stored.asked.file else { return };
        range.start += length;
        let is_whole = range.is_empty();
        if is_whole {
            stored.asked.file = None;
            stored.conversation.done_reading();
            self.waits_for_room = true;
        }
        self.active_at = now;
        self.bytes_sent += length;
        self.pace(now, length);
    }

    #[inline]
    pub(super) fn sends_file(&self) -> bool {
        self.stored.as_ref().is_some_and(|stored| stored.asked.file.is_some())
    }

    /// Carries out what the machine asked for, and lets it ask for more, until input is used up or
    /// the machine waits. Says whether anything moved.
    pub(super) fn work(&mut self, now: Time, input: &[u8], desk: &mut Desk) -> bool {
        let mut moved = false;
        while self.phase == Phase::Open
            && !self.waits_for_room
            && !self.sends_file()
            && self.work_once(now, input, desk)
        {
            moved = true;
        }
        if moved {
            self.report_files();
        }
        moved
    }

    fn work_once(&mut self, now: Time, input: &[u8], desk: &mut Desk) -> bool {
        let Some(stored) = &mut self.stored else { return false };
        if let Some(answer) = stored.answers.pop_front() {
            self.run(now, Input::Stored(&answer), &[], None, desk);
            return true;
        }
        if stored.conversation.wants_commit() {
            stored.commit();
            return true;
        }
        match stored.asked.work.pop_front() {
            Some(Work::Request(request)) => {
                stored.answers.extend(stored.conversation.perform(request));
                true
            }
            Some(body) => {
                stored.asked.work.push_front(body);
                self.feed_body(input, desk) || self.commit_staged()
            }
            None => self.offer_next(now, input, desk) || self.commit_staged(),
        }
    }

    /// The peer sends no more: what it sent is worked on to its end.
    pub(super) fn work_to_end(&mut self, now: Time, desk: &mut Desk) {
        self.work(now, &[], desk);
        if let Some(stored) = &mut self.stored {
            stored.cut_body();
        }
        self.work(now, &[], desk);
    }

    /// Input is used up, or waits for answers: what is staged is not kept waiting for more.
    fn commit_staged(&mut self) -> bool {
        let Some(stored) = &mut self.stored else { return false };
        let staged = stored.conversation.staged() > 0;
        if staged {
            stored.commit();
        }
        staged
    }

    fn feed_body(&mut self, input: &[u8], desk: &mut Desk) -> bool {
        let Some(stored) = &mut self.stored else { return false };
        match &mut self.backlog {
            Some(backlog) if backlog.holds_input() => {
                let taken = stored.take_body(backlog.input());
                backlog.consumed(taken);
                if backlog.is_empty() {
                    self.backlog = None;
                }
                true
            }
            _ if desk.offered_up_to < input.len() => {
                desk.offered_up_to += stored.take_body(&input[desk.offered_up_to..]);
                true
            }
            _ => false,
        }
    }

    /// Offers the machine what there is of input. Says whether it took any or asked for anything.
    fn offer_next(&mut self, now: Time, input: &[u8], desk: &mut Desk) -> bool {
        let consumed = if self.holds_input() {
            let Some(backlog) = self.backlog.take() else { return false };
            let before = backlog.input().len();
            self.offer_held(now, backlog, desk);
            before - self.backlog.as_ref().map_or(0, |backlog| backlog.input().len())
        } else if desk.offered_up_to < input.len() {
            let before = desk.offered_up_to;
            self.offer(now, input, before, desk);
            desk.offered_up_to - before
        } else {
            return false;
        };
        let asked = self.stored.as_ref().is_some_and(|stored| !stored.asked.work.is_empty());
        consumed > 0 || asked
    }

    /// After a turn: when the machine is done, an upload that is not lets go of the disk at once,
    /// so that its holder can come back for it while this connection lingers.
    pub fn settle_store(&mut self) {
        if self.phase != Phase::Open && self.stored.is_some() {
            self.report_files();
            self.stored = None;
        }
    }

    fn report_files(&mut self) {
        let Some(stored) = &mut self.stored else { return };
        // The peer was not idle while the disk worked for it.
        self.active_at = stored.clock.now();
        let connection = self.connection;
        for happened in stored.conversation.events() {
            self.context.tap.event(|| Event::File { connection, file: happened.into() });
        }
    }
}
