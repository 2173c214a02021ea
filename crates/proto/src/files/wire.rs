//! How both sides write and read lines: percent-encoding, words, fields, bounded line buffers.
//!
//! A line ends with LF or CRLF and is at most [`LINE_BYTES_MAX`] long with its end. Nothing here
//! knows a verb or a code, and nothing holds more than one line.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use super::{Name, NameProblem};

/// The most bytes of a line, its end included. A name of 1024 bytes, each written as `%XX`, and
/// every option fit more than twice.
pub const LINE_BYTES_MAX: usize = 8192;

/// A text as a word of a line: space, `%`, `=`, controls and DEL are written as `%XX`, other
/// characters stay as they are.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a>(pub &'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.bytes().position(must_be_encoded) {
            f.write_str(&rest[..at])?;
            write!(f, "%{:02X}", rest.as_bytes()[at])?;
            rest = &rest[at + 1..];
        }
        f.write_str(rest)
    }
}

/// All of them are ASCII, so a byte is a character.
fn must_be_encoded(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b'%' | b'=' | 0x7f)
}

/// The text that a word stands for; fails for a `%` without two hexadecimal digits behind it, and
/// where the bytes are no UTF-8.
pub(super) fn decode(word: &str) -> Result<Cow<'_, str>, NameProblem> {
    if !word.contains('%') {
        return Ok(Cow::Borrowed(word));
    }
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    let mut decoded = Vec::with_capacity(word.len());
    let mut bytes = word.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let pair = digit(bytes.next()).zip(digit(bytes.next()));
        let byte = pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        decoded.push(byte.ok_or(NameProblem::Encoding)?);
    }
    let text = alloc::string::String::from_utf8(decoded).map_err(|_| NameProblem::Encoding)?;
    Ok(Cow::Owned(text))
}

/// The name that a word stands for.
pub(super) fn decode_name(word: &str) -> Result<Name, NameProblem> {
    Name::new(&decode(word)?)
}

/// A number in decimal digits and nothing else: `u64::from_str` would take a `+`.
pub(super) fn number(word: &str) -> Option<u64> {
    if word.bytes().all(|byte| byte.is_ascii_digit()) { word.parse().ok() } else { None }
}

/// A line without its end as text; `None` for what is no UTF-8 or holds a control character.
pub(super) fn text(line: &[u8]) -> Option<&str> {
    let plain = !line.iter().any(|&byte| byte < b' ' || byte == 0x7f);
    str::from_utf8(line).ok().filter(|_| plain)
}

/// The beginning of a line that has not come whole. Empty, it owns no memory.
#[derive(Debug, Default)]
pub(super) struct LineBuffer {
    held: Vec<u8>,
    /// How much of `held` came before the arrival that ended the line.
    before: usize,
}

/// The line is longer than [`LINE_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl LineBuffer {
    /// The next line, without its end, and how many of `bytes` belong to it. When it has not come
    /// whole, all of `bytes` is kept. Follow a line with [`Self::done`] or [`Self::unread`].
    pub(super) fn line<'a>(
        &'a mut self,
        bytes: &'a [u8],
    ) -> Result<Option<(&'a [u8], usize)>, TooLong> {
        self.before = self.held.len();
        let end = memchr::memchr(b'\n', bytes);
        let length = self.held.len() + end.unwrap_or(bytes.len());
        if length >= LINE_BYTES_MAX {
            return Err(TooLong);
        }
        let Some(end) = end else {
            self.held.extend_from_slice(bytes);
            return Ok(None);
        };
        if self.held.is_empty() {
            return Ok(Some((without_return(&bytes[..end]), end + 1)));
        }
        self.held.extend_from_slice(&bytes[..end]);
        Ok(Some((without_return(&self.held), end + 1)))
    }

    /// The line was used.
    pub(super) fn done(&mut self) {
        self.held = Vec::new();
    }

    /// The line was not used; what the last call took will be offered again.
    pub(super) fn unread(&mut self) {
        self.held.truncate(self.before);
    }

    /// How much memory it owns, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        self.held.capacity()
    }

    /// The beginning of a line that has not come whole.
    pub(super) fn begun(&self) -> &[u8] {
        &self.held
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A line of at most `N` bytes on the stack, for [`core::fmt::Write`].
pub(super) struct Line<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Line<N> {
    /// The formatted text. What does not fit is a mistake in the choice of `N`: the line is cut,
    /// and keeps its end.
    pub(super) fn of(text: fmt::Arguments<'_>) -> Self {
        let mut line = Self { bytes: [0; N], length: 0 };
        let fits = line.write_fmt(text).is_ok();
        debug_assert!(fits, "a line of more than {N} bytes");
        if !fits && N > 0 {
            line.bytes[N - 1] = b'\n';
            line.length = N;
        }
        line
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl<const N: usize> fmt::Write for Line<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let room = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// Formatted text behind what a vector holds; never fails.
pub(super) fn append(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    struct Append<'a>(&'a mut Vec<u8>);
    impl fmt::Write for Append<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
    let written = Append(out).write_fmt(text);
    debug_assert!(written.is_ok(), "a vector takes everything");
}

/// The words of a line, or the fields of an answer: what spaces separate.
pub(super) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(' ').filter(|word| !word.is_empty())
}

/// The value of the first `key=value` among words.
pub(super) fn field<'a>(words_of: &'a str, key: &str) -> Option<&'a str> {
    words(words_of)
        .filter_map(|word| word.split_once('='))
        .find(|(found, _)| *found == key)
        .map(|(_, value)| value)
}

/// An answer line in its three parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AnswerLine<'a> {
    /// Three digits.
    pub(super) code: u16,
    /// `key=value` words.
    pub(super) fields: &'a str,
    /// For people.
    pub(super) text: &'a str,
}

impl<'a> AnswerLine<'a> {
    /// Takes a line apart; `None` when it does not begin with a code, or has fields that are none.
    pub(super) fn new(line: &'a str) -> Option<Self> {
        let (digits, rest) = line.split_at_checked(3)?;
        let code = u16::try_from(number(digits)?).ok().filter(|code| *code >= 100)?;
        if !rest.is_empty() && !rest.starts_with(' ') {
            return None;
        }
        let without_text = || (rest.strip_suffix(" :").unwrap_or(rest), "");
        let (fields, text) = rest.split_once(" : ").unwrap_or_else(without_text);
        words(fields).all(|word| word.contains('=')).then_some(Self { code, fields, text })
    }
}

#[cfg(test)]
mod tests;
