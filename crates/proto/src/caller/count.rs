//! How the replies of count are judged.
//!
//! A message is a line in which some characters have two bytes, so many that the next messages of
//! the same size have other numbers of characters; when bytes are counted, lines are up to 15
//! bytes shorter than asked for instead. What must come back is count's own reply, made again.
//!
//! A reply names no message. One that is not the oldest open message's is taken for the reply to
//! the oldest open one that it fits, else for a second reply if it fits one of the last messages
//! that were answered (or a late one, if given up), else it is wrong and counted against the oldest
//! open one. So a digit that a server changes into another can look like another's reply: that is
//! as much as the protocol can tell.
//!
//! It holds at most the beginning of one line.

use alloc::vec::Vec;

use super::messages::Messages;
use super::{Judged, MESSAGE_BYTES_MAX, Times, unexpected};
use crate::count::{REPLY_BYTES_MAX, line_reply};
use crate::{CountLanguage, CountUnit};

/// How many closed messages are remembered, to know their replies when they come again; no more
/// than may be open at once. A second reply comes right behind the first, and a count that is off
/// by one soon looks like the reply to some earlier message.
const CLOSED_MAX: usize = 8;
/// The most bytes that a line is shorter than asked for, and one more.
const SIZES: u64 = 16;
/// The most bytes that are held of a line: a reply, and what shows that it lost its end.
const HELD_BYTES_MAX: usize = REPLY_BYTES_MAX + 1;
/// Odd and not small: the next messages differ in more than their last digit.
const STEP: u64 = 11;
/// The most characters of two bytes in a line: as many as messages that can be told apart.
const WIDE_MAX: u32 = 512;
/// One character of two bytes, again and again.
static WIDE: [[u8; 2]; WIDE_MAX as usize] = [[0xc3, 0xa9]; WIDE_MAX as usize];
/// The other characters, again and again; never `quit`, and no newline.
const NARROW: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789";

/// The reader of replies; see the module.
#[derive(Debug)]
pub(super) struct CountCaller {
    language: CountLanguage,
    unit: CountUnit,
    /// A line has been judged before its end, because it was too long.
    is_skipping: bool,
    /// It is counted as unexpected.
    is_unexpected: bool,
    closed_next: u8,
    /// The beginning of a line.
    held: Vec<u8>,
    /// The numbers of the last messages that were answered.
    replied: [u32; CLOSED_MAX],
}

/// In `replied`: nothing. No message has so many characters.
const NONE: u32 = u32::MAX;

impl CountCaller {
    pub(super) const fn new(language: CountLanguage, unit: CountUnit) -> Self {
        Self {
            language,
            unit,
            is_skipping: false,
            is_unexpected: false,
            closed_next: 0,
            held: Vec::new(),
            replied: [NONE; CLOSED_MAX],
        }
    }

    /// Makes the next message. What is remembered of it is the number that must come back.
    pub(super) fn message(
        &self,
        messages: &mut Messages,
        times: Times,
        size: u32,
        out: &mut Vec<u8>,
    ) {
        let content = size.clamp(1, MESSAGE_BYTES_MAX) - 1;
        let turn = messages.next().wrapping_mul(STEP);
        let (content, wide) = match self.unit {
            CountUnit::Characters => (content, below(turn, (content / 2).min(WIDE_MAX) + 1)),
            CountUnit::Bytes => {
                let shorter = below(turn % SIZES, content + 1);
                (content - shorter, 0)
            }
        };
        messages.add(times, content - wide);
        let start = out.len();
        out.extend_from_slice(WIDE[..wide as usize].as_flattened());
        let end = start + content as usize;
        while out.len() < end {
            let part = NARROW.len().min(end - out.len());
            out.extend_from_slice(&NARROW[..part]);
        }
        out.push(b'\n');
    }

    #[inline]
    pub(super) fn received(
        &mut self,
        messages: &mut Messages,
        bytes: &[u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let newline = memchr::memchr(b'\n', rest);
            let (part, after) = rest.split_at(newline.map_or(rest.len(), |at| at + 1));
            rest = after;
            self.part(messages, part, newline.is_some(), judge);
        }
    }

    /// A line, or a part of one.
    #[inline]
    fn part(
        &mut self,
        messages: &mut Messages,
        part: &[u8],
        is_end: bool,
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        if self.is_skipping {
            self.is_skipping = !is_end;
            if self.is_unexpected {
                unexpected(part.len(), judge);
            }
        } else if is_end && self.held.is_empty() {
            self.whole(messages, part, judge);
        } else {
            let room = HELD_BYTES_MAX.saturating_sub(self.held.len()).min(part.len());
            self.held.extend_from_slice(&part[..room]);
            let mut held = core::mem::take(&mut self.held);
            if is_end && room == part.len() {
                self.whole(messages, &held, judge);
                held.clear();
            } else if let Some((place, length)) = self.without_end(messages, &held) {
                self.wrong(messages, place, length, judge);
                held.drain(..length);
            } else if room < part.len() {
                self.is_unexpected = messages.open() == 0;
                self.wrong(messages, 0, held.len(), judge);
                self.is_skipping = true;
                held.clear();
            }
            self.held = held;
            if room < part.len() {
                self.part(messages, &part[room..], is_end, judge);
            }
        }
    }

    /// A line with its end, into which a reply may have run that lost its own.
    #[inline]
    fn whole(
        &mut self,
        messages: &mut Messages,
        line: &[u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        let mut rest = line;
        while !self.fits(messages, rest, judge) {
            let Some((place, length)) = self.without_end(messages, rest) else {
                return self.other_line(messages, rest, judge);
            };
            self.wrong(messages, place, length, judge);
            rest = &rest[length..];
        }
    }

    /// The open message whose reply this begins with but for its newline, in place of which there
    /// is no digit, and the length of that.
    #[inline]
    fn without_end(&self, messages: &Messages, line: &[u8]) -> Option<(usize, usize)> {
        let mut sizes = messages.all_open().map(|open| open.size).enumerate();
        sizes.find_map(|(place, number)| {
            let reply = line_reply(self.language, self.unit, number.into());
            let (end, text) = reply.bytes().split_last()?;
            let instead = *line.strip_prefix(text)?.first()?;
            (instead != *end && !instead.is_ascii_digit()).then_some((place, text.len() + 1))
        })
    }

    /// A datagram.
    #[inline]
    pub(super) fn received_datagram(
        &mut self,
        messages: &mut Messages,
        bytes: &[u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        if !self.fits(messages, bytes, judge) {
            self.other_line(messages, bytes, judge);
        }
    }

    /// Whether this is the reply to an open message; if so it is judged.
    #[inline]
    fn fits(
        &mut self,
        messages: &mut Messages,
        line: &[u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) -> bool {
        let found = messages.all_open().position(|open| self.is_reply(line, open.size));
        let Some(place) = found else { return false };
        let number = messages.at(place).map_or(NONE, |open| open.size);
        self.remember(number);
        // A reply is at most `REPLY_BYTES_MAX` long.
        messages.answered(place, u32::try_from(line.len()).unwrap_or(u32::MAX), judge);
        true
    }

    /// A line that fits no open message.
    fn other_line(
        &mut self,
        messages: &mut Messages,
        line: &[u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        if self.is_repeated(messages, line) {
            judge(Judged::Duplicate);
        } else if messages.late(|open| self.is_reply(line, open.size)) {
            judge(Judged::Late);
        } else {
            self.wrong(messages, 0, line.len(), judge);
        }
    }

    /// Whether this is the reply to one of the latest closed messages.
    fn is_repeated(&self, messages: &Messages, line: &[u8]) -> bool {
        let far = usize::try_from(messages.depth()).unwrap_or(CLOSED_MAX).min(CLOSED_MAX);
        let next = usize::from(self.closed_next) + CLOSED_MAX;
        let mut latest = (1..=far).map(|back| self.replied[(next - back) % CLOSED_MAX]);
        latest.any(|number| self.is_reply(line, number))
    }

    /// A wrong reply to the open message at `place`, or, without one, nothing's.
    fn wrong(
        &mut self,
        messages: &mut Messages,
        place: usize,
        length: usize,
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        match messages.at(place).map(|open| open.size) {
            Some(number) => {
                self.remember(number);
                messages.wrong(place, judge);
            }
            None => unexpected(length.max(1), judge),
        }
    }

    #[inline]
    fn remember(&mut self, number: u32) {
        self.replied[usize::from(self.closed_next) % CLOSED_MAX] = number;
        self.closed_next = self.closed_next.wrapping_add(1);
    }

    #[inline]
    fn is_reply(&self, line: &[u8], number: u32) -> bool {
        number != NONE && line_reply(self.language, self.unit, number.into()).bytes() == line
    }
}

/// A number below `end`, which is not 0.
fn below(turn: u64, end: u32) -> u32 {
    u32::try_from(turn % u64::from(end)).unwrap_or(0)
}
