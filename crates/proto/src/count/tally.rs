//! The running count of one message, fed piece by piece.
//!
//! Validation is exactly that of [`core::str::from_utf8`], whatever the pieces are: no overlong
//! forms, no surrogates, nothing above U+10FFFF. After the first invalid byte the rest of the
//! message is skipped. It never holds more than the three bytes of an unfinished character.

use core::ops::Range;
use core::str;

use super::known::Known;

/// What a message amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// So many units.
    Count(u64),
    /// Not UTF-8: the first invalid byte, counted from 0 at the start of the message.
    InvalidAt(u64),
}

/// The running count; see the module.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Whole characters (or bytes) so far.
    count: u64,
    /// Bytes of the message that are whole, valid characters: where the unfinished one begins,
    /// or, when `invalid` is set, the first invalid byte.
    valid_bytes: u64,
    unfinished: [u8; 3],
    unfinished_length: usize,
    invalid: bool,
}

impl Tally {
    /// Counts bytes as bytes.
    #[inline]
    pub(super) fn add_bytes(&mut self, carriage_return: bool, length: usize) {
        self.count += u64::from(carriage_return) + length as u64;
    }

    /// Counts the characters of a piece of text, which is `content` of `arrival`. `known` is what
    /// is known of this arrival.
    #[inline]
    pub(super) fn add_text(
        &mut self,
        carriage_return: bool,
        arrival: &[u8],
        content: Range<usize>,
        known: &mut Known,
    ) {
        if carriage_return {
            self.add_content(b"\r", 0..1, &mut Known::default());
        }
        self.add_content(arrival, content, known);
    }

    /// What the message amounts to, now that it has ended.
    #[inline]
    pub(super) fn result(&self) -> Outcome {
        if self.invalid || self.unfinished_length > 0 {
            Outcome::InvalidAt(self.valid_bytes)
        } else {
            Outcome::Count(self.count)
        }
    }

    #[inline]
    fn add_content(&mut self, arrival: &[u8], content: Range<usize>, known: &mut Known) {
        let Range { mut start, end } = content;
        while self.unfinished_length > 0 && start < end {
            self.add_to_unfinished(arrival[start]);
            start += 1;
        }
        while start < end && !self.invalid {
            let (length, count) = known.characters(arrival, start..end);
            self.count += count;
            self.valid_bytes += length as u64;
            start += length;
            if length == 0 {
                self.judge(&arrival[start..end]);
                break;
            }
        }
    }

    /// `wrong` does not begin with a whole character: holds it, or it is invalid.
    fn judge(&mut self, wrong: &[u8]) {
        let beginning = &wrong[..wrong.len().min(4)];
        match str::from_utf8(beginning) {
            Err(error) if error.error_len().is_none() => self.hold(beginning),
            _ => self.invalid = true,
        }
    }

    /// Adds one byte to the unfinished character: it is whole now, still unfinished, or invalid.
    fn add_to_unfinished(&mut self, byte: u8) {
        let length = self.unfinished_length;
        let mut character = [0; 4];
        character[..length].copy_from_slice(&self.unfinished[..length]);
        character[length] = byte;
        self.unfinished_length = 0;
        match str::from_utf8(&character[..=length]) {
            Ok(_) => {
                self.count += 1;
                self.valid_bytes += length as u64 + 1;
            }
            Err(error) if error.error_len().is_none() => self.hold(&character[..=length]),
            Err(_) => self.invalid = true,
        }
    }

    /// Keeps the start of a character; the validator leaves at most three bytes of one.
    fn hold(&mut self, start: &[u8]) {
        self.unfinished[..start.len()].copy_from_slice(start);
        self.unfinished_length = start.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(tally: &mut Tally, part: &[u8]) {
        tally.add_text(false, part, 0..part.len(), &mut Known::default());
    }

    /// The outcome when the message comes in two parts, cut at `cut`.
    fn outcome(message: &[u8], cut: usize) -> Outcome {
        let mut tally = Tally::default();
        add(&mut tally, &message[..cut]);
        add(&mut tally, &message[cut..]);
        tally.result()
    }

    fn check(message: &[u8], expected: Outcome) {
        for cut in 0..=message.len() {
            assert_eq!(outcome(message, cut), expected, "{message:x?} cut at {cut}");
        }
        let mut tally = Tally::default();
        for byte in message {
            add(&mut tally, &[*byte]);
        }
        assert_eq!(tally.result(), expected, "{message:x?} byte by byte");
    }

    #[test]
    fn characters_are_scalar_values_wherever_they_are_cut() {
        check(b"", Outcome::Count(0));
        check(b"Handy Arfiano Hastyawan", Outcome::Count(23));
        check("h\u{e9}l\u{20ac}\u{1f600}".as_bytes(), Outcome::Count(5));
        // A family emoji is one picture and seven characters.
        let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}";
        check(family.as_bytes(), Outcome::Count(7));
        check("\u{d7ff}\u{e000}\u{10ffff}".as_bytes(), Outcome::Count(3));
    }

    #[test]
    fn what_is_not_utf8_is_invalid_at_its_first_byte() {
        check(b"\xff", Outcome::InvalidAt(0));
        check(b"ab\xffcd\xff", Outcome::InvalidAt(2));
        check("\u{e9}\u{20ac}".as_bytes()[..4].as_ref(), Outcome::InvalidAt(2));
        check(b"a\xf0\x9f\x98", Outcome::InvalidAt(1));
        check(b"a\xf0\x9f\x98b", Outcome::InvalidAt(1));
        check(b"\xc0\x80", Outcome::InvalidAt(0));
        check(b"a\xe0\x80\x80", Outcome::InvalidAt(1));
        check(b"\xed\xa0\x80", Outcome::InvalidAt(0));
        check(b"\xf4\x90\x80\x80", Outcome::InvalidAt(0));
        check(b"\x80", Outcome::InvalidAt(0));
    }

    #[test]
    fn any_two_bytes_after_a_start_are_judged_as_the_library_judges_them() {
        for first in 0xc0..=0xff {
            for second in 0..=0xff {
                let message = [b'a', first, second, 0x80];
                let expected = match str::from_utf8(&message) {
                    Ok(text) => Outcome::Count(text.chars().count() as u64),
                    Err(error) => Outcome::InvalidAt(error.valid_up_to() as u64),
                };
                check(&message, expected);
            }
        }
    }

    #[test]
    fn a_long_message_is_judged_as_the_library_judges_it_wherever_it_goes_wrong() {
        let text = "a\u{20ac}".repeat(5000);
        for at in (8170..8210).chain(16_360..16_400) {
            for wrong in [0xff, b'a', 0xe2, 0x80] {
                let mut message = text.clone().into_bytes();
                message[at] = wrong;
                let expected = match str::from_utf8(&message) {
                    Ok(text) => Outcome::Count(text.chars().count() as u64),
                    Err(error) => Outcome::InvalidAt(error.valid_up_to() as u64),
                };
                for cut in [0, 1, 2, 8190, at - 1, at, at + 1] {
                    assert_eq!(outcome(&message, cut), expected, "{wrong:x} at {at} cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn bytes_are_counted_as_bytes() {
        let mut tally = Tally::default();
        tally.add_bytes(true, 2);
        tally.add_bytes(false, 1);
        assert_eq!(tally.result(), Outcome::Count(4));
    }
}
