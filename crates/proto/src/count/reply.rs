//! The texts that count sends, formatted on the stack.
//!
//! It never allocates and never cuts a reply: the buffer holds the longest one.

use super::tally::Outcome;
use super::{CountLanguage, CountUnit};
use crate::message::Ending;

/// Room for the longest text (44 bytes), a 64-bit number (20 digits) and CRLF, rounded up.
pub(crate) const REPLY_BYTES_MAX: usize = 72;

/// One reply, ready to send.
pub(crate) struct Reply {
    buffer: [u8; REPLY_BYTES_MAX],
    length: usize,
}

impl Reply {
    /// The reply to a message with this outcome that ended like this.
    #[inline]
    pub(super) fn new(
        language: CountLanguage,
        unit: CountUnit,
        outcome: Outcome,
        ending: Ending,
    ) -> Self {
        let mut reply = Self { buffer: [0; REPLY_BYTES_MAX], length: 0 };
        let (text, number) = match outcome {
            Outcome::Count(count) => (count_text(language, unit), count),
            Outcome::InvalidAt(offset) => (invalid_text(language), offset),
        };
        reply.push(text.as_bytes());
        reply.push_number(number);
        reply.push(ending.newline());
        reply
    }

    /// The bytes to send.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        self.buffer[self.length..][..bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    #[inline]
    fn push_number(&mut self, mut number: u64) {
        // 20 digits hold any 64-bit number.
        let mut digits = [0; 20];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.push(&digits[start..]);
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
            let reply = Reply::new(language, unit, outcome, Ending::CarriageReturnLineFeed);
            let reply = core::str::from_utf8(reply.bytes()).expect("replies are text");
            assert_eq!(reply.strip_prefix(text), Some("18446744073709551615\r\n"));
        }
    }

    #[test]
    fn the_reply_of_the_seed_is_46_bytes() {
        let (language, unit) = (CountLanguage::Indonesian, CountUnit::Characters);
        let reply = Reply::new(language, unit, Outcome::Count(23), Ending::Gap);
        assert_eq!(reply.bytes(), b"Jumlah karakter dalam kalimat tersebut ada: 23");
        assert_eq!(reply.bytes().len(), 46);
        let zero = Reply::new(language, unit, Outcome::Count(0), Ending::LineFeed);
        assert_eq!(zero.bytes(), b"Jumlah karakter dalam kalimat tersebut ada: 0\n");
    }
}
