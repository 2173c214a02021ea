//! How replies are judged by a pattern.
//!
//! All messages are the same text, and a reply is what matches the pattern from its first byte to
//! its last. Replies name no message: a right one answers the oldest open message. When nothing is
//! open it is late if a message was given up, else a second one.
//!
//! A reply that differs is wrong as soon as it does. Its end is the end of its line when the
//! pattern ends with a newline, or where the last pieces of the pattern match when there are any
//! bytes before them, else the length of the pattern.
//!
//! It holds no more than what may be the beginning of a match behind any bytes.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::messages::Messages;
use super::{CallerKind, Judged, Piece, Times, unexpected};

/// The sender of one text and reader of replies; see the module.
#[derive(Debug)]
pub(super) struct CustomCaller {
    kind: Arc<CallerKind>,
    reader: Reader,
}

/// Where in a reply the reader is.
#[derive(Debug, Default)]
struct Reader {
    state: State,
    /// The piece where the part of the pattern begins that is being compared: the first one, or
    /// one behind any bytes.
    part: usize,
    /// How many bytes of a part without any bytes before it have come.
    position: usize,
    /// Of a part behind any bytes: what may be its beginning.
    held: Vec<u8>,
    /// How much of the reply has come.
    bytes: u64,
    is_wrong: bool,
    is_unexpected: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Each byte must be the next one of the pattern.
    #[default]
    Exact,
    /// Looks for the part.
    Search,
    /// Wrong; so many bytes are left.
    Skip(usize),
    /// Wrong; ends with its line.
    SkipLine,
}

/// What a few more bytes have shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Nothing yet; all were used.
    More,
    /// The byte that was used last is not right.
    Differs,
    /// The end.
    End,
}

impl CustomCaller {
    pub(super) fn new(kind: &Arc<CallerKind>) -> Self {
        Self { kind: Arc::clone(kind), reader: Reader::default() }
    }

    pub(super) fn message(&self, messages: &mut Messages, times: Times, out: &mut Vec<u8>) {
        if let CallerKind::Custom { send, .. } = &*self.kind {
            messages.add(times, 0);
            out.extend_from_slice(send);
        }
    }

    pub(super) fn received(
        &mut self,
        messages: &mut Messages,
        bytes: &[u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        let CallerKind::Custom { pieces, .. } = &*self.kind else { return };
        let mut rest = bytes;
        while !rest.is_empty() {
            let (used, found) = self.reader.take(pieces, rest);
            if used == 0 && found == Found::End {
                // Only a pattern of nothing is at its end before the first byte.
                return unexpected(rest.len(), judge);
            }
            let (part, after) = rest.split_at(used);
            rest = after;
            if found == Found::Differs {
                self.reader.differs(pieces, part.last() == Some(&b'\n'), messages, judge);
            } else if self.reader.is_unexpected {
                unexpected(used, judge);
            }
            if found == Found::End || self.reader.state == State::Skip(0) {
                self.reader.end(messages, judge);
            }
        }
    }

    /// A datagram is a whole reply.
    pub(super) fn received_datagram(
        &mut self,
        messages: &mut Messages,
        bytes: &[u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        let CallerKind::Custom { pieces, .. } = &*self.kind else { return };
        self.reader.reset();
        let mut used = 0;
        let mut found = take_nothing(pieces);
        while used < bytes.len() && found == Found::More {
            let (more, now) = self.reader.take(pieces, &bytes[used..]);
            (used, found) = (used + more, now);
        }
        self.reader.reset();
        if found == Found::End && used == bytes.len() {
            right(messages, bytes.len() as u64, judge);
        } else if messages.open() > 0 {
            messages.wrong(0, judge);
        } else {
            unexpected(bytes.len(), judge);
        }
    }
}

impl Reader {
    fn reset(&mut self) {
        self.held.clear();
        let held = core::mem::take(&mut self.held);
        *self = Self { held, ..Self::default() };
    }

    /// Goes on with some bytes, at least one; returns how many were used.
    fn take(&mut self, pieces: &[Piece], bytes: &[u8]) -> (usize, Found) {
        let (used, found) = match self.state {
            State::Exact => self.exact(pieces, bytes),
            State::Search => self.search(pieces, bytes),
            State::Skip(left) => {
                let used = left.min(bytes.len());
                self.state = State::Skip(left - used);
                (used, Found::More)
            }
            State::SkipLine => match memchr::memchr(b'\n', bytes) {
                Some(at) => (at + 1, Found::End),
                None => (bytes.len(), Found::More),
            },
        };
        self.bytes += used as u64;
        (used, found)
    }

    fn exact(&mut self, pieces: &[Piece], bytes: &[u8]) -> (usize, Found) {
        let mut used = 0;
        loop {
            match wanted(&pieces[self.part..], self.position) {
                Wanted::Nothing => return (used, Found::End),
                Wanted::AnyBytes(piece) => {
                    self.part += piece + 1;
                    self.state = State::Search;
                    let (more, found) = self.search(pieces, &bytes[used..]);
                    return (used + more, found);
                }
                Wanted::These(_) | Wanted::AnyByte if used == bytes.len() => {
                    return (used, Found::More);
                }
                Wanted::AnyByte => {
                    used += 1;
                    self.position += 1;
                }
                Wanted::These(literal) => {
                    let rest = &bytes[used..];
                    let equal = literal.iter().zip(rest).take_while(|(one, other)| one == other);
                    let equal = equal.count();
                    used += equal;
                    self.position += equal;
                    if equal < literal.len() && equal < rest.len() {
                        self.position += 1;
                        return (used + 1, Found::Differs);
                    }
                }
            }
        }
    }

    /// Looks for the part of the pattern, and then for the next one.
    fn search(&mut self, pieces: &[Piece], bytes: &[u8]) -> (usize, Found) {
        let mut used = 0;
        loop {
            let part = &pieces[self.part..];
            match wanted(part, self.held.len()) {
                // Any bytes at the end: all that came together.
                Wanted::Nothing if part.is_empty() => return (bytes.len(), Found::End),
                Wanted::Nothing => return (used, Found::End),
                Wanted::AnyBytes(piece) => {
                    self.held.clear();
                    self.part += piece + 1;
                }
                Wanted::These(_) | Wanted::AnyByte => {
                    if self.held.is_empty() {
                        used += before_first(part, &bytes[used..]);
                    }
                    let Some(&byte) = bytes.get(used) else { return (used, Found::More) };
                    used += 1;
                    self.held.push(byte);
                    while !is_beginning(part, &self.held) {
                        self.held.remove(0);
                    }
                }
            }
        }
    }

    /// The reply is wrong; decides where it ends. `at_newline`: the wrong byte is one.
    fn differs(
        &mut self,
        pieces: &[Piece],
        at_newline: bool,
        messages: &mut Messages,
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        self.is_wrong = true;
        if messages.open() > 0 {
            messages.wrong(0, judge);
        } else {
            self.is_unexpected = true;
            unexpected(usize::try_from(self.bytes).unwrap_or(usize::MAX), judge);
        }
        let any = pieces.iter().position(|piece| *piece == Piece::AnyBytes);
        if let Some(any) = any {
            self.state = State::Search;
            self.part = any + 1;
            return;
        }
        let left = length(pieces) - self.position;
        let is_line = matches!(pieces.last(), Some(Piece::Literal(end)) if end.ends_with(b"\n"));
        self.state = match is_line {
            true if at_newline => State::Skip(0),
            true if left > 0 => State::SkipLine,
            _ => State::Skip(left),
        };
    }

    fn end(&mut self, messages: &mut Messages, judge: &mut (impl FnMut(Judged) + ?Sized)) {
        let (bytes, is_wrong) = (self.bytes, self.is_wrong);
        self.reset();
        if !is_wrong {
            right(messages, bytes, judge);
        }
    }
}

/// What no bytes show: a pattern that any bytes fit is at its end.
fn take_nothing(pieces: &[Piece]) -> Found {
    if pieces.iter().all(|piece| *piece == Piece::AnyBytes) { Found::End } else { Found::More }
}

/// A right reply has come to its end.
fn right(messages: &mut Messages, bytes: u64, judge: &mut (impl FnMut(Judged) + ?Sized)) {
    if messages.open() > 0 {
        messages.answered(0, u32::try_from(bytes).unwrap_or(u32::MAX), judge);
    } else if messages.late(|_| true) {
        judge(Judged::Late);
    } else if messages.next() > 0 {
        judge(Judged::Duplicate);
    } else {
        unexpected(usize::try_from(bytes).unwrap_or(usize::MAX), judge);
    }
}

/// What comes at a place of a pattern.
enum Wanted<'a> {
    /// At least one byte.
    These(&'a [u8]),
    AnyByte,
    /// The piece at this index.
    AnyBytes(usize),
    Nothing,
}

/// What comes `position` bytes behind the beginning of `pieces`.
fn wanted(pieces: &[Piece], position: usize) -> Wanted<'_> {
    let mut left = position;
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Literal(bytes) if left < bytes.len() => return Wanted::These(&bytes[left..]),
            Piece::Literal(bytes) => left -= bytes.len(),
            Piece::AnyByte if left == 0 => return Wanted::AnyByte,
            Piece::AnyByte => left -= 1,
            Piece::AnyBytes => return Wanted::AnyBytes(index),
        }
    }
    Wanted::Nothing
}

/// How many bytes surely come before a match of a part.
fn before_first(part: &[Piece], bytes: &[u8]) -> usize {
    match wanted(part, 0) {
        Wanted::These([first, ..]) => memchr::memchr(*first, bytes).unwrap_or(bytes.len()),
        _ => 0,
    }
}

/// Whether a part of a pattern can begin with these bytes.
fn is_beginning(part: &[Piece], bytes: &[u8]) -> bool {
    let mut position = 0;
    while position < bytes.len() {
        match wanted(part, position) {
            Wanted::AnyByte => position += 1,
            Wanted::These(literal) => {
                let length = literal.len().min(bytes.len() - position);
                if literal[..length] != bytes[position..position + length] {
                    return false;
                }
                position += length;
            }
            Wanted::AnyBytes(_) | Wanted::Nothing => return true,
        }
    }
    true
}

/// The length of what a pattern without any bytes matches.
fn length(pieces: &[Piece]) -> usize {
    let lengths = pieces.iter().map(|piece| match piece {
        Piece::Literal(bytes) => bytes.len(),
        Piece::AnyByte | Piece::AnyBytes => 1,
    });
    lengths.sum()
}
