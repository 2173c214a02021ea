//! How far an arrival is known to be UTF-8, found out for many lines at once.
//!
//! Asking for each line costs more than the answer: lines are short, and what looks at text
//! quickly needs a long piece to be quick. So a stretch ahead is looked at, and the lines in it
//! need no look of their own. A newline is never part of another character, so a stretch that is
//! whole characters is so line by line.
//!
//! It never keeps bytes, and looks at a bounded number of them that may not be wanted yet.

use core::ops::Range;

/// How far ahead is looked, in bytes: enough to be quick, and little to look at again when a full
/// outbox stops the machine, which happens every 16 KiB of replies.
const AHEAD_BYTES: usize = 8 * 1024;

/// What is known of one arrival; see the module.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// All before this is whole, valid characters, from where the last look began.
    end: usize,
    /// Whether these are one byte each.
    ascii: bool,
}

impl Known {
    /// How many bytes from the start of `range` on, which is a range of `arrival`, are whole, valid
    /// characters, and how many characters. There may be more of them if it is not the whole range;
    /// there are none only if what is at its start is not a character, or not whole.
    #[inline]
    pub(super) fn characters(&mut self, arrival: &[u8], range: Range<usize>) -> (usize, u64) {
        if range.start >= self.end {
            self.look(arrival, range.start);
        }
        let valid = &arrival[range.start..range.end.min(self.end)];
        // A usize is at most 64 bits on every target, so the cast keeps the value.
        let count = if self.ascii { valid.len() as u64 } else { count_starts(valid) };
        (valid.len(), count)
    }

    fn look(&mut self, arrival: &[u8], start: usize) {
        let ahead = &arrival[start..arrival.len().min(start + AHEAD_BYTES)];
        self.ascii = ahead.is_ascii();
        let valid = if self.ascii {
            ahead.len()
        } else {
            simdutf8::compat::from_utf8(ahead).map_or_else(|error| error.valid_up_to(), str::len)
        };
        self.end = start + valid;
    }
}

/// The lowest bit of each byte of a word.
const LOWEST: u64 = 0x0101_0101_0101_0101;

/// How many characters begin in `text`: every byte but those that continue one (RFC 3629 section
/// 3). Eight bytes at a time, each with a count of its own in a word.
#[inline]
fn count_starts(text: &[u8]) -> u64 {
    let (words, rest) = text.as_chunks::<8>();
    let mut count = starts_of_rest(text, rest.len());
    // No count of a byte goes above what a byte holds.
    for words in words.chunks(255) {
        let starts: u64 = words.iter().map(|word| starts(u64::from_le_bytes(*word))).sum();
        // Bytes to pairs, pairs to their sum in the highest.
        let pairs = (starts & 0x00ff_00ff_00ff_00ff) + ((starts >> 8) & 0x00ff_00ff_00ff_00ff);
        count += pairs.wrapping_mul(0x0001_0001_0001_0001) >> 48;
    }
    count
}

/// For each byte of a word, 1 when a character begins there: it is not `10xxxxxx`.
#[inline]
const fn starts(word: u64) -> u64 {
    ((!word >> 7) | (word >> 6)) & LOWEST
}

/// How many characters begin in the last `length` bytes, fewer than 8, of `text`.
#[inline]
fn starts_of_rest(text: &[u8], length: usize) -> u64 {
    if length == 0 {
        return 0;
    }
    let mut word = [0; 8];
    if let Some(last) = text.last_chunk() {
        word = *last;
    } else {
        word[8 - text.len()..].copy_from_slice(text);
    }
    let wanted = LOWEST << (64 - 8 * length);
    u64::from((starts(u64::from_le_bytes(word)) & wanted).count_ones())
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::*;

    #[test]
    fn characters_are_counted_as_the_library_counts_them() {
        let text: String = "a\u{e9}\u{20ac}\u{1f600}".repeat(3000);
        for end in (0..200).chain(text.len() - 200..=text.len()) {
            if let Some(text) = text.get(..end) {
                assert_eq!(count_starts(text.as_bytes()), text.chars().count() as u64);
            }
        }
    }

    #[test]
    fn it_stops_before_what_is_no_character_and_goes_on_behind_it() {
        let mut known = Known::default();
        let arrival = b"ab\xe2\x82\xacc\n\xffde\n\xe2\x82";
        assert_eq!(known.characters(arrival, 0..6), (6, 4));
        assert_eq!(known.characters(arrival, 7..10), (0, 0));
        assert_eq!(known.characters(arrival, 8..10), (2, 2));
        assert_eq!(known.characters(arrival, 11..13), (0, 0));
    }

    #[test]
    fn a_look_that_cuts_a_character_is_followed_by_one_that_does_not() {
        let arrival = "\u{20ac}".repeat(AHEAD_BYTES);
        let mut known = Known::default();
        let (mut at, mut count) = (0, 0);
        while at < arrival.len() {
            let (length, characters) = known.characters(arrival.as_bytes(), at..arrival.len());
            assert!(length > 0);
            at += length;
            count += characters;
        }
        assert_eq!(count, AHEAD_BYTES as u64);
    }
}
