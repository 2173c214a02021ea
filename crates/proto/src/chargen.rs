//! Chargen: sends characters without end.
//!
//! The pattern is that of the RFC: lines of 72 of the 95 printable ASCII characters, each line
//! beginning one character later than the one before, each ended by CRLF. Output is pulled: when
//! the conversation opens and at each [`Input::Room`] it writes until the outbox says
//! [`crate::Full`], which also tells the session that more is wanted; the bound of the outbox is
//! what bounds it. What it receives is thrown away.
//!
//! It never stops by itself: the end of the peer's stream does not stop it either, because the
//! peer may still read; it goes on until the connection fails or the server stops. It never
//! formats a line while running: all 95 lines are a table made at compile time.
//!
//! Source: RFC 864 (Character Generator Protocol), the TCP form.

use crate::{Input, Machine, Outbox, Reason, Time};

/// The first printable character.
pub(crate) const FIRST: u8 = b' ';
/// The last printable character; the first follows it.
const LAST: u8 = b'~';
/// How many printable characters there are, and so how many different lines.
const CHARACTERS: usize = 95;
/// Characters in one line, as the RFC suggests.
const LINE_CHARACTERS: usize = 72;
/// A line with its CRLF.
pub(crate) const LINE_BYTES: usize = LINE_CHARACTERS + 2;
/// One turn of the pattern: after 95 lines it begins again.
pub(crate) const PATTERN_BYTES: usize = CHARACTERS * LINE_BYTES;

/// What is sent, again and again.
pub(crate) static PATTERN: [u8; PATTERN_BYTES] = pattern();

/// The chargen machine; see the module.
#[derive(Clone, Debug, Default)]
pub struct Chargen {
    /// Where in the pattern the next byte is. Below `PATTERN_BYTES`.
    position: usize,
}

impl Chargen {
    /// A machine for one conversation.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes until not even one byte is taken. A slice that does not fit is halved, so any
    /// outbox with any room is filled to its last byte.
    fn fill(&mut self, out: &mut dyn Outbox) {
        let mut size = PATTERN_BYTES;
        while size > 0 {
            let start = self.position;
            let end = PATTERN_BYTES.min(start + size);
            if out.bytes(&PATTERN[start..end]).is_ok() {
                self.position = end % PATTERN_BYTES;
            } else {
                size = (end - start) / 2;
            }
        }
    }
}

impl Machine for Chargen {
    fn input(&mut self, _now: Time, input: Input<'_>, out: &mut dyn Outbox) -> usize {
        match input {
            Input::Received(arrival) => return arrival.len(),
            Input::Opened { .. } | Input::Room(_) => self.fill(out),
            Input::End | Input::Deadline | Input::Stored(_) => {}
            Input::Drain => out.close(Reason::Shutdown),
        }
        0
    }

    fn deadline(&self) -> Option<Time> {
        None
    }
}

const fn pattern() -> [u8; PATTERN_BYTES] {
    let mut pattern = [0; PATTERN_BYTES];
    let mut first = FIRST;
    let mut start = 0;
    while start < PATTERN_BYTES {
        let mut character = first;
        let mut column = 0;
        while column < LINE_CHARACTERS {
            pattern[start + column] = character;
            character = after(character);
            column += 1;
        }
        pattern[start + LINE_CHARACTERS] = b'\r';
        pattern[start + LINE_CHARACTERS + 1] = b'\n';
        first = after(first);
        start += LINE_BYTES;
    }
    pattern
}

const fn after(character: u8) -> u8 {
    if character == LAST { FIRST } else { character + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Peer;
    use crate::sim::Recorder;

    fn opened(capacity: usize) -> (Chargen, Recorder) {
        let mut out = Recorder::with_capacity(capacity);
        let mut chargen = Chargen::new();
        out.give(&mut chargen, Time::ZERO, Input::Opened { peer: &Peer::unnamed() });
        (chargen, out)
    }

    #[test]
    fn the_lines_are_those_of_the_rfc() {
        let (_, out) = opened(3 * PATTERN_BYTES);
        let mut lines = out.bytes().split_inclusive(|&byte| byte == b'\n');
        // The first two lines that RFC 864 prints, with the space that precedes `!` in ASCII.
        assert_eq!(
            lines.next().unwrap(),
            b" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n"
        );
        assert_eq!(
            lines.next().unwrap(),
            b"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh\r\n"
        );
        assert_eq!(out.bytes()[..PATTERN_BYTES], out.bytes()[PATTERN_BYTES..][..PATTERN_BYTES]);
        assert!(out.bytes().split(|&byte| byte == b'\n').all(|line| line.len() <= 73));
    }

    #[test]
    fn it_fills_what_room_there_is_and_goes_on_where_it_was() {
        let (_, whole) = opened(100_000);
        assert_eq!(whole.bytes().len(), 100_000);
        for capacity in [1, 2, 73, 1000, PATTERN_BYTES, 16_384] {
            let (mut chargen, mut out) = opened(capacity);
            for _ in 0..5 {
                assert!(out.is_full(), "it must ask for room");
                let room = out.make_room(usize::MAX);
                out.give(&mut chargen, Time::ZERO, Input::Room(room));
            }
            assert_eq!(out.bytes().len(), 6 * capacity);
            assert!(whole.bytes().starts_with(out.bytes()));
        }
    }

    #[test]
    fn it_ignores_its_peer_and_stops_with_the_server() {
        let (mut chargen, mut out) = opened(1000);
        assert_eq!(out.receive(&mut chargen, Time::ZERO, b"quit\n"), 5);
        out.give(&mut chargen, Time::ZERO, Input::End);
        assert_eq!(out.closed(), None);
        let room = out.make_room(1000);
        out.give(&mut chargen, Time::ZERO, Input::Room(room));
        assert_eq!(out.bytes().len(), 2000);
        assert_eq!(chargen.deadline(), None);
        out.give(&mut chargen, Time::ZERO, Input::Drain);
        assert_eq!(out.closed(), Some(Reason::Shutdown));
    }
}
