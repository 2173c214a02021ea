//! When a message ends: the one rule that echo and count share.
//!
//! A stream has no messages, so one rule serves every client: a message ends at a newline (LF or
//! CRLF, not part of it), at the end of the stream, or when nothing more has come for the message
//! gap. [`Splitter`] applies the rule to arrivals of any size in constant memory: it keeps how
//! long the open message is, whether a carriage return waits for the byte that decides it, and
//! whether a newline would only finish a message that the gap has ended already.
//!
//! It never holds, copies or looks at the bytes of a message beyond its newline, and it never
//! decides by the time of an arrival: only [`Splitter::gap`] ends a message, so a late read on a
//! busy computer does not split what its sender did not split.

use core::mem;
use core::ops::Range;
use core::time::Duration;

use crate::Time;

/// How long a pause ends a message, unless the options say otherwise: long against the pauses
/// inside one message on a local network, short against a person's patience.
pub(crate) const DEFAULT_GAP: Duration = Duration::from_millis(50);

/// What ended a message. A reply ends as its message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// A line feed.
    LineFeed,
    /// A carriage return and a line feed.
    CarriageReturnLineFeed,
    /// Nothing came for the message gap.
    Gap,
    /// The peer will send no more.
    End,
}

impl Ending {
    /// The newline that ended the message, for the end of its reply.
    pub(crate) const fn newline(self) -> &'static [u8] {
        match self {
            Self::LineFeed => b"\n",
            Self::CarriageReturnLineFeed => b"\r\n",
            Self::Gap | Self::End => b"",
        }
    }
}

/// A part of one message, found in one arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// A carriage return held since an earlier arrival belongs to the message, before `content`.
    pub(crate) carriage_return: bool,
    /// The bytes of the arrival that belong to the message; its newline does not.
    pub(crate) content: Range<usize>,
    /// Where in the arrival the next piece begins.
    pub(crate) next: usize,
    /// How many bytes the message has so far; all of them when it has ended.
    pub(crate) length: u64,
    /// What ended the message, if it has ended.
    pub(crate) ending: Option<Ending>,
}

/// Splits arrivals into messages; see the module.
///
/// Invariant: while `swallow` is set, `length` is 0 (a newline may follow a gap only at the start
/// of the next message).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Splitter {
    gap_nanos: u64,
    last_arrival: Time,
    length: u64,
    carriage_held: bool,
    swallow: bool,
}

impl Splitter {
    /// A splitter at the start of a stream. Gaps above 2^64 ns are 2^64 ns.
    pub(crate) fn new(gap: Duration) -> Self {
        Self {
            gap_nanos: u64::try_from(gap.as_nanos()).unwrap_or(u64::MAX),
            last_arrival: Time::ZERO,
            length: 0,
            carriage_held: false,
            swallow: false,
        }
    }

    /// What is left of it, in [`Splitter::REST_BITS`] bits, when that and the time of the last
    /// arrival are enough to go on exactly. How long the open message is gets lost. `None` when a
    /// message is open whose last bytes did not come at `active_at`.
    #[inline]
    pub(crate) fn rest(&self, active_at: Time) -> Option<u8> {
        if self.is_open() && self.last_arrival != active_at {
            return None;
        }
        let begun = u8::from(self.length > 0);
        Some(begun | u8::from(self.carriage_held) << 1 | u8::from(self.swallow) << 2)
    }

    /// How many bits [`Splitter::rest`] takes, the lowest of a byte.
    pub(crate) const REST_BITS: u32 = 3;

    /// The splitter that rested as `rest`; bits above [`Splitter::REST_BITS`] are not looked at.
    /// The open message, if there is one, counts as one byte so far.
    #[inline]
    pub(crate) fn restored(gap: Duration, rest: u8, active_at: Time) -> Self {
        Self {
            last_arrival: active_at,
            length: u64::from(rest & 1),
            carriage_held: rest & 2 != 0,
            swallow: rest & 4 != 0,
            ..Self::new(gap)
        }
    }

    /// Bytes came: the gap is counted from `now`.
    pub(crate) fn arrived(&mut self, now: Time) {
        self.last_arrival = now;
    }

    /// Whether a message has begun and not ended.
    pub(crate) fn is_open(&self) -> bool {
        self.length > 0 || self.carriage_held
    }

    /// When the gap ends the open message, if there is one.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.is_open()
            .then(|| Time::from_nanos(self.last_arrival.as_nanos().saturating_add(self.gap_nanos)))
    }

    /// The piece of `arrival` that begins at `start`, which must be inside it.
    #[inline]
    pub(crate) fn piece(&mut self, arrival: &[u8], start: usize) -> Piece {
        debug_assert!(start < arrival.len());
        let start = if self.swallow { self.swallow_newline(arrival, start) } else { start };
        if start == arrival.len() {
            return self.finish_piece(false, start..start, start, None);
        }
        let held = mem::take(&mut self.carriage_held);
        match memchr::memchr(b'\n', &arrival[start..]) {
            Some(0) if held => {
                let ending = Some(Ending::CarriageReturnLineFeed);
                self.finish_piece(false, start..start, start + 1, ending)
            }
            Some(offset) => {
                let line_feed = start + offset;
                let (end, ending) = if offset > 0 && arrival[line_feed - 1] == b'\r' {
                    (line_feed - 1, Ending::CarriageReturnLineFeed)
                } else {
                    (line_feed, Ending::LineFeed)
                };
                self.finish_piece(held, start..end, line_feed + 1, Some(ending))
            }
            None => {
                self.carriage_held = arrival.last() == Some(&b'\r');
                let end = arrival.len() - usize::from(self.carriage_held);
                self.finish_piece(held, start..end, arrival.len(), None)
            }
        }
    }

    /// The gap has passed, if `now` says so: ends the open message.
    pub(crate) fn gap(&mut self, now: Time) -> Option<Piece> {
        if now < self.deadline()? {
            return None;
        }
        let piece = self.close(Ending::Gap);
        self.swallow = true;
        Some(piece)
    }

    /// The stream has ended: ends the open message, if there is one.
    pub(crate) fn end(&mut self) -> Option<Piece> {
        self.is_open().then(|| self.close(Ending::End))
    }

    /// Ends the open message where no newline did: a held carriage return is content after all.
    fn close(&mut self, ending: Ending) -> Piece {
        let held = mem::take(&mut self.carriage_held);
        self.finish_piece(held, 0..0, 0, Some(ending))
    }

    /// Steps over the newline that follows a message ended by the gap, if it is what comes next,
    /// and returns where the next message begins. A carriage return that ends the arrival stays
    /// held, undecided.
    fn swallow_newline(&mut self, arrival: &[u8], start: usize) -> usize {
        match (arrival[start], arrival.get(start + 1)) {
            (b'\n', _) => {
                self.swallow = false;
                self.carriage_held = false;
                start + 1
            }
            (b'\r', Some(b'\n')) if !self.carriage_held => {
                self.swallow = false;
                start + 2
            }
            (b'\r', None) if !self.carriage_held => {
                self.carriage_held = true;
                start + 1
            }
            _ => {
                self.swallow = false;
                start
            }
        }
    }

    #[inline]
    fn finish_piece(
        &mut self,
        carriage_return: bool,
        content: Range<usize>,
        next: usize,
        ending: Option<Ending>,
    ) -> Piece {
        let added = content.len() + usize::from(carriage_return);
        // A usize is at most 64 bits on every target, so the cast keeps the value.
        let length = self.length.saturating_add(added as u64);
        self.length = if ending.is_some() { 0 } else { length };
        Piece { carriage_return, content, next, length, ending }
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    /// What each message is, as `content length ending`, `|` being a pause of a gap.
    fn split(seen: &str, whole: bool) -> Vec<(String, u64, Ending)> {
        let mut splitter = Splitter::new(DEFAULT_GAP);
        let mut messages = Vec::new();
        let mut open = String::new();
        let mut take = |piece: Piece, arrival: &str| {
            if piece.carriage_return {
                open.push('\r');
            }
            open.push_str(&arrival[piece.content]);
            if let Some(ending) = piece.ending {
                messages.push((mem::take(&mut open), piece.length, ending));
            }
        };
        let mut now = Time::ZERO;
        for (index, arrival) in seen.split('|').enumerate() {
            if index > 0 {
                now = now + DEFAULT_GAP;
                if let Some(piece) = splitter.gap(now) {
                    take(piece, "");
                }
            }
            let size = if whole { arrival.len().max(1) } else { 1 };
            for part in 0..arrival.len().div_ceil(size) {
                let arrival = &arrival[part * size..][..size];
                splitter.arrived(now);
                let mut next = 0;
                while next < arrival.len() {
                    let piece = splitter.piece(arrival.as_bytes(), next);
                    next = piece.next;
                    take(piece, arrival);
                }
            }
        }
        if let Some(piece) = splitter.end() {
            take(piece, "");
        }
        messages
    }

    /// The messages are these, whether the bytes come together or one by one.
    fn check(seen: &str, expected: &[(&str, Ending)]) {
        for whole in [true, false] {
            let messages = split(seen, whole);
            let found: Vec<_> = messages.iter().map(|(text, _, end)| (&text[..], *end)).collect();
            assert_eq!(found, expected, "{seen:?} whole: {whole}");
            assert!(messages.iter().all(|(text, length, _)| text.len() as u64 == *length));
        }
    }

    const LF: Ending = Ending::LineFeed;
    const CRLF: Ending = Ending::CarriageReturnLineFeed;
    const GAP: Ending = Ending::Gap;
    const END: Ending = Ending::End;

    #[test]
    fn newlines_end_messages() {
        check("a\nb\r\n\n\r\nc", &[("a", LF), ("b", CRLF), ("", LF), ("", CRLF), ("c", END)]);
        check("", &[]);
        check("a\n", &[("a", LF)]);
    }

    #[test]
    fn a_lone_carriage_return_is_content() {
        check("a\rb\n", &[("a\rb", LF)]);
        check("a\r\r\n", &[("a\r", CRLF)]);
        check("a\r", &[("a\r", END)]);
        check("a\r|b", &[("a\r", GAP), ("b", END)]);
        check("\r", &[("\r", END)]);
    }

    #[test]
    fn a_gap_ends_a_message_and_swallows_one_newline() {
        check("a|b|", &[("a", GAP), ("b", GAP)]);
        check("a|\nb\n", &[("a", GAP), ("b", LF)]);
        check("a|\r\nb\n", &[("a", GAP), ("b", LF)]);
        check("a|\n\n", &[("a", GAP), ("", LF)]);
        check("a|\r\n\r\n", &[("a", GAP), ("", CRLF)]);
        check("a|\rb\n", &[("a", GAP), ("\rb", LF)]);
        check("a|\r\r\n", &[("a", GAP), ("\r", CRLF)]);
        check("a|\r|\n", &[("a", GAP), ("\r", GAP)]);
        check("a||\n|\n", &[("a", GAP), ("", LF)]);
        check("|\n", &[("", LF)]);
    }

    #[test]
    fn only_an_open_message_has_a_deadline_and_each_arrival_moves_it() {
        let mut splitter = Splitter::new(DEFAULT_GAP);
        let at = Time::from_millis;
        let mut receive = |millis, bytes: &[u8]| {
            splitter.arrived(at(millis));
            splitter.piece(bytes, 0);
            (splitter.deadline(), splitter)
        };
        assert_eq!(receive(10, b"ab").0, Some(at(60)));
        let (deadline, mut open) = receive(59, b"c\r");
        assert_eq!(deadline, Some(at(109)));
        assert_eq!(open.gap(at(108)), None, "too early does nothing");
        let ended = open.gap(at(109)).expect("the gap has passed");
        assert_eq!((ended.length, ended.carriage_return), (4, true));
        assert_eq!(open.deadline(), None);
        // A read past the deadline goes on with the message: only the deadline ends it.
        assert_eq!(receive(1000, b"d").0, Some(at(1050)));
        assert_eq!(receive(1001, b"\n").0, None);
    }

    #[test]
    fn a_gap_without_bound_saturates() {
        let mut splitter = Splitter::new(Duration::MAX);
        splitter.arrived(Time::from_millis(1));
        splitter.piece(b"a", 0);
        assert_eq!(splitter.deadline(), Some(Time::from_nanos(u64::MAX)));
    }
}
