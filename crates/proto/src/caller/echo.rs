//! How echoes are judged.
//!
//! The usual reply is the oldest open message, whole, and is compared in one go. Any other is read
//! step by step: its first bytes tell whose it is ([`identify`]), then it is compared as it comes.
//! What cannot be told is counted against the oldest open message and skipped up to a newline;
//! what follows in the same arrival and is no reply either is taken for more of the same. A reply
//! that is shorter than it should be ends where the next one begins.
//!
//! It holds at most the first bytes of a reply, and it copies none of the rest.

use alloc::vec::Vec;

use super::content::{Content, LEAD_BYTES, MESSAGE_BYTES_MAX};
use super::identify::{SHORT_CHARACTERS_SURE, Whose, by_header, identify, without_end};
use super::messages::{Closed, Messages};
use super::{Judged, Times, unexpected};

/// The reader of echoes on a stream; see the module.
#[derive(Debug, Default)]
pub(super) struct EchoCaller {
    place: Place,
    held: [u8; LEAD_BYTES],
    held_length: u8,
    /// So many bytes may still belong to a reply that is wrong and was counted.
    wrong_left: u32,
    /// A wrong reply just ended without a newline: its end may follow.
    ran_over: bool,
}

/// Where in a reply the reader is.
#[derive(Clone, Copy, Debug, Default)]
enum Place {
    /// Before the end of its first bytes, which are held.
    #[default]
    Lead,
    /// In the reply to this message.
    Reply(Reply),
    /// In something that ends with a newline; its bytes are counted as unexpected or were counted
    /// as a wrong reply.
    Unknown { is_unexpected: bool },
}

#[derive(Clone, Copy, Debug)]
struct Reply {
    sequence: u64,
    size: u32,
    /// How much of it has come.
    position: u32,
    /// Whether that was right.
    is_right: bool,
}

/// Makes the next message.
#[inline]
pub(super) fn message(messages: &mut Messages, times: Times, size: u32, out: &mut Vec<u8>) {
    let size = size.clamp(1, MESSAGE_BYTES_MAX);
    let sequence = messages.add(times, size);
    Content::new(messages.base, sequence, size).append(out);
}

/// Makes a message that nothing answers.
pub(super) fn unanswered_message(messages: &mut Messages, size: u32, out: &mut Vec<u8>) {
    let sequence = messages.skip();
    Content::new(messages.base, sequence, size.clamp(1, MESSAGE_BYTES_MAX)).append(out);
}

/// Judges the reply in one datagram.
pub(super) fn received_datagram(
    messages: &mut Messages,
    bytes: &[u8],
    judge: &mut (impl FnMut(Judged) + ?Sized),
) {
    if whole_oldest(messages, bytes.len(), bytes, judge) {
        return;
    }
    let lead = &bytes[..bytes.len().min(LEAD_BYTES)];
    match identify(messages, lead, bytes.len() > lead.len()) {
        Whose::Message { sequence, size } => {
            let is_right = Content::new(messages.base, sequence, size).is(bytes);
            finish(messages, sequence, size, is_right, judge);
        }
        Whose::DamagedClosed { sequence } => finish(messages, sequence, 0, false, judge),
        Whose::Unknown if messages.open() > 0 => messages.wrong(0, judge),
        Whose::Unknown => unexpected(bytes.len(), judge),
    }
}

impl EchoCaller {
    /// Judges what came of a stream.
    #[inline]
    pub(super) fn received(
        &mut self,
        messages: &mut Messages,
        bytes: &[u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        self.wrong_left = 0;
        self.ran_over = false;
        if let Place::Reply(reply) = self.place
            && messages.find(reply.sequence).is_none()
            && begins_open(messages, bytes)
        {
            // It broke off, and its message was given up; this is no more of it.
            self.place = Place::Lead;
        }
        self.judge_all(messages, bytes, judge);
    }

    #[inline]
    fn judge_all(
        &mut self,
        messages: &mut Messages,
        bytes: &[u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let is_between = self.held_length == 0 && matches!(self.place, Place::Lead);
            if is_between
                && let Some(open) = messages.oldest()
                && let size = open.size as usize
                && whole_oldest(messages, size, rest, judge)
            {
                self.wrong_left = 0;
                rest = &rest[size..];
            } else {
                rest = self.step(messages, rest, judge);
            }
        }
    }

    /// Goes on with whatever has begun; returns what is left.
    fn step<'a>(
        &mut self,
        messages: &mut Messages,
        bytes: &'a [u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) -> &'a [u8] {
        match self.place {
            Place::Lead => self.lead(messages, bytes, judge),
            Place::Reply(reply) => self.reply(reply, messages, bytes, judge),
            Place::Unknown { is_unexpected } => {
                let newline = memchr::memchr(b'\n', bytes);
                let length = newline.map_or(bytes.len(), |at| at + 1);
                if newline.is_some() {
                    self.place = Place::Lead;
                }
                if is_unexpected {
                    unexpected(length, judge);
                }
                self.wrong_left = self.wrong_left.saturating_sub(clamped(length));
                &bytes[length..]
            }
        }
    }

    /// Holds the first bytes of a reply until they tell whose it is.
    fn lead<'a>(
        &mut self,
        messages: &mut Messages,
        bytes: &'a [u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) -> &'a [u8] {
        let before = usize::from(self.held_length);
        let part = &bytes[..bytes.len().min(LEAD_BYTES - before)];
        let newline = memchr::memchr(b'\n', part);
        let length = newline.map_or(part.len(), |at| at + 1);
        let end = before + length;
        self.held[before..end].copy_from_slice(&part[..length]);
        // At most `LEAD_BYTES`.
        self.held_length = u8::try_from(end).unwrap_or(0);
        let held = &{ self.held }[..end];
        let whose = if newline.is_some() || end == LEAD_BYTES {
            identify(messages, held, newline.is_none())
        } else if let Some(whose) = without_end(messages, held) {
            whose
        } else {
            return &bytes[length..];
        };
        self.held_length = 0;
        if core::mem::take(&mut self.ran_over) && is_rest(messages, held, whose) {
            self.place = Place::Unknown { is_unexpected: false };
        } else {
            let whose = if self.is_tail(messages, end, whose) { Whose::Unknown } else { whose };
            self.begin(whose, messages, judge);
        }
        // The reply may end before the held bytes do; each turn is given fewer of them.
        self.judge_all(messages, held, judge);
        &bytes[length..]
    }

    /// Whether a line is the end of a wrong reply that was counted, though it looks like the reply
    /// to a closed message: the end of a short message is a shorter one.
    fn is_tail(&self, messages: &Messages, length: usize, whose: Whose) -> bool {
        let Whose::Message { sequence, .. } = whose else { return false };
        self.wrong_left > 0 && length < LEAD_BYTES && messages.find(sequence).is_none()
    }

    /// Begins to read a reply.
    fn begin(
        &mut self,
        whose: Whose,
        messages: &mut Messages,
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        self.place = match whose {
            Whose::Message { sequence, size } => {
                self.wrong_left = 0;
                Place::Reply(Reply { sequence, size, position: 0, is_right: true })
            }
            Whose::DamagedClosed { sequence } => {
                finish(messages, sequence, 0, false, judge);
                Place::Unknown { is_unexpected: false }
            }
            Whose::Unknown if self.wrong_left > 0 => Place::Unknown { is_unexpected: false },
            Whose::Unknown => match messages.oldest().map(|open| open.size) {
                Some(size) => {
                    self.wrong_left = size;
                    messages.wrong(0, judge);
                    Place::Unknown { is_unexpected: false }
                }
                None => Place::Unknown { is_unexpected: true },
            },
        };
    }

    /// Compares a part of a reply whose message and size are known.
    fn reply<'a>(
        &mut self,
        mut reply: Reply,
        messages: &mut Messages,
        bytes: &'a [u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) -> &'a [u8] {
        let left = (reply.size - reply.position) as usize;
        let (part, rest) = bytes.split_at(left.min(bytes.len()));
        let content = Content::new(messages.base, reply.sequence, reply.size);
        reply.is_right &= content.is_at(reply.position as usize, part);
        if !reply.is_right
            && let Some(end) = broken_off_at(messages, reply.sequence, bytes, part.len())
        {
            self.place = Place::Lead;
            finish(messages, reply.sequence, reply.size, false, judge);
            return &bytes[end..];
        }
        reply.position += clamped(part.len());
        self.place = Place::Reply(reply);
        if part.len() == left {
            self.place = Place::Lead;
            self.ran_over = !reply.is_right && part.last() != Some(&b'\n');
            finish(messages, reply.sequence, reply.size, reply.is_right, judge);
        }
        rest
    }
}

/// Whether the reply to an open message begins here, as far as its header says.
fn begins_open(messages: &Messages, bytes: &[u8]) -> bool {
    let lead = bytes.get(..LEAD_BYTES);
    let whose = lead.and_then(|lead| by_header(messages, lead));
    whose.is_some_and(|whose| is_open(messages, whose))
}

/// Whether a line behind a wrong reply that ended without a newline is the end of that one: it is
/// short, and no reply, or so short that it looks like one soon.
fn is_rest(messages: &Messages, line: &[u8], whose: Whose) -> bool {
    let is_reply = match whose {
        Whose::Message { .. } => line.len() > SHORT_CHARACTERS_SURE || is_open(messages, whose),
        Whose::DamagedClosed { .. } | Whose::Unknown => false,
    };
    line.len() < LEAD_BYTES && !is_reply
}

fn is_open(messages: &Messages, whose: Whose) -> bool {
    matches!(whose, Whose::Message { sequence, .. } if messages.find(sequence).is_some())
}

/// Where among the first `length` bytes the reply to another open message begins: a wrong reply
/// that is shorter than it should be ends there.
fn broken_off_at(messages: &Messages, sequence: u64, bytes: &[u8], length: usize) -> Option<usize> {
    let is_other = |at: &usize| {
        let lead = bytes.get(*at..*at + LEAD_BYTES);
        let whose = lead.and_then(|lead| by_header(messages, lead));
        whose.is_some_and(|whose| match whose {
            Whose::Message { sequence: other, .. } => other != sequence && is_open(messages, whose),
            _ => false,
        })
    };
    (0..length).find(is_other)
}

/// Judges the reply to the oldest open message if `bytes` begin with it, whole, in `size` bytes.
#[inline]
fn whole_oldest(
    messages: &mut Messages,
    size: usize,
    bytes: &[u8],
    judge: &mut (impl FnMut(Judged) + ?Sized),
) -> bool {
    let Some(open) = messages.oldest() else { return false };
    let size_expected = open.size;
    let Some(frame) = bytes.get(..size) else { return false };
    let is_right = Content::new(messages.base, open.sequence, size_expected).is(frame);
    if is_right {
        messages.answered(0, size_expected, judge);
    }
    is_right
}

/// Judges a reply that has come to its end and whose message is known.
fn finish(
    messages: &mut Messages,
    sequence: u64,
    size: u32,
    is_right: bool,
    judge: &mut (impl FnMut(Judged) + ?Sized),
) {
    if let Some(place) = messages.find(sequence) {
        if is_right {
            messages.answered(place, size, judge);
        } else {
            messages.wrong(place, judge);
        }
        return;
    }
    match messages.reply_to_closed(sequence) {
        Closed::GivenUp if is_right => judge(Judged::Late),
        Closed::GivenUp => unexpected(size.max(1) as usize, judge),
        Closed::Replied => judge(Judged::Duplicate),
    }
}

fn clamped(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
