//! The texts that count sends, formatted on the stack.
//!
//! It never allocates and never cuts a reply: the buffer holds the longest one.

use super::tally::Outcome;
use super::{CountLanguage, CountUnit};
use crate::message::Ending;

/// Room for the longest text (44 bytes), a 64-bit number (20 digits) and CRLF, rounded up.
pub(crate) const REPLY_BYTES_MAX: usize = 72;

/// A reply, ready to send; what all replies of a service have in common is put down once.
pub(crate) struct Reply {
    language: CountLanguage,
    unit: CountUnit,
    buffer: [u8; REPLY_BYTES_MAX],
    /// How much of the buffer is the text of a count; 0 when the text of an error is there.
    text_length: usize,
    length: usize,
}

impl Reply {
    /// A reply to a message that is yet to come.
    #[inline]
    pub(super) fn new(language: CountLanguage, unit: CountUnit) -> Self {
        let buffer = [0; REPLY_BYTES_MAX];
        Self { language, unit, buffer, text_length: 0, length: 0 }
    }

    /// Makes it the reply to a message with this outcome that ended like this.
    #[inline]
    pub(super) fn to(&mut self, outcome: Outcome, ending: Ending) -> &[u8] {
        let number = match outcome {
            Outcome::Count(count) => {
                if self.text_length == 0 {
                    self.text_length = self.put(count_text(self.language, self.unit));
                }
                self.length = self.text_length;
                count
            }
            Outcome::InvalidAt(offset) => {
                self.text_length = 0;
                self.length = self.put(invalid_text(self.language));
                offset
            }
        };
        self.push_number(number);
        for byte in ending.newline() {
            self.buffer[self.length] = *byte;
            self.length += 1;
        }
        self.bytes()
    }

    /// The bytes to send.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    fn put(&mut self, text: &str) -> usize {
        self.buffer[..text.len()].copy_from_slice(text.as_bytes());
        text.len()
    }

    #[inline]
    fn push_number(&mut self, mut number: u64) {
        let digits = number.checked_ilog10().map_or(1, |power| power as usize + 1);
        let place = &mut self.buffer[self.length..][..digits];
        for digit in place.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
        self.length += digits;
    }
}

const fn count_text(language: CountLanguage, unit: CountUnit) -> &'static str {
    match (language, unit) {
        (CountLanguage::Indonesian, CountUnit::Characters) => {
            "Jumlah karakter dalam kalimat tersebut ada: "
        }
        (CountLanguage::Indonesian, CountUnit::Bytes) => "Jumlah byte dalam kalimat tersebut ada: ",
        (CountLanguage::English, CountUnit::Characters) => {
            "Number of characters in this sentence: "
        }
        (CountLanguage::English, CountUnit::Bytes) => "Number of bytes in this sentence: ",
    }
}

const fn invalid_text(language: CountLanguage) -> &'static str {
    match language {
        CountLanguage::Indonesian => "Kesalahan: UTF-8 tidak sah pada offset byte ",
        CountLanguage::English => "Error: invalid UTF-8 at byte offset ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_these_and_the_longest_fits() {
        use CountLanguage::{English, Indonesian};
        use CountUnit::{Bytes, Characters};
        let count = Outcome::Count(u64::MAX);
        let invalid = Outcome::InvalidAt(u64::MAX);
        let texts = [
            (Indonesian, Characters, count, "Jumlah karakter dalam kalimat tersebut ada: "),
            (Indonesian, Bytes, count, "Jumlah byte dalam kalimat tersebut ada: "),
            (English, Characters, count, "Number of characters in this sentence: "),
            (English, Bytes, count, "Number of bytes in this sentence: "),
            (Indonesian, Characters, invalid, "Kesalahan: UTF-8 tidak sah pada offset byte "),
            (English, Characters, invalid, "Error: invalid UTF-8 at byte offset "),
        ];
        for (language, unit, outcome, text) in texts {
            let mut reply = Reply::new(language, unit);
            let reply = reply.to(outcome, Ending::CarriageReturnLineFeed);
            let reply = core::str::from_utf8(reply).expect("replies are text");
            assert_eq!(reply.strip_prefix(text), Some("18446744073709551615\r\n"));
        }
    }

    #[test]
    fn the_reply_of_the_seed_is_46_bytes() {
        let (language, unit) = (CountLanguage::Indonesian, CountUnit::Characters);
        let mut reply = Reply::new(language, unit);
        reply.to(Outcome::Count(23), Ending::Gap);
        assert_eq!(reply.bytes(), b"Jumlah karakter dalam kalimat tersebut ada: 23");
        assert_eq!(reply.bytes().len(), 46);
        let zero = reply.to(Outcome::Count(0), Ending::LineFeed);
        assert_eq!(zero, b"Jumlah karakter dalam kalimat tersebut ada: 0\n");
    }

    #[test]
    fn each_reply_is_new_whatever_was_there_before() {
        let mut reply = Reply::new(CountLanguage::Indonesian, CountUnit::Characters);
        let long = reply.to(Outcome::Count(u64::MAX), Ending::LineFeed);
        assert_eq!(long, b"Jumlah karakter dalam kalimat tersebut ada: 18446744073709551615\n");
        let invalid = reply.to(Outcome::InvalidAt(10), Ending::Gap);
        assert_eq!(invalid, b"Kesalahan: UTF-8 tidak sah pada offset byte 10");
        let short = reply.to(Outcome::Count(99), Ending::CarriageReturnLineFeed);
        assert_eq!(short, b"Jumlah karakter dalam kalimat tersebut ada: 99\r\n");
    }
}
