//! Patterns of `--expect`, and the escapes of `--send`.
//!
//! A pattern is literal text in which `*` stands for any bytes, none included, and `?` for one
//! byte. It is searched for anywhere in what has come; the match that ends first counts, so the
//! answer depends only on the bytes and not on how they were cut. Escapes in both: `\n`, `\r`,
//! `\t`, `\0`, `\\`, `\*`, `\?` and `\xHH`.
//!
//! Searching is incremental and never looks at a byte again that cannot begin a match.

use std::fmt;

use thiserror::Error as ThisError;

/// A text that is not a pattern, or not a text to send.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum PatternError {
    /// A pattern with nothing in it matches everything and expects nothing.
    #[error("an empty pattern expects nothing; `*` expects any answer")]
    Empty,
    /// An escape that does not exist.
    #[error("`{escape}` is not an escape; there are \\n \\r \\t \\0 \\\\ \\* \\? and \\xHH")]
    Escape {
        /// The escape as it was written.
        escape: String,
    },
}

/// Reads a text to send: escapes become their bytes, everything else is itself.
pub fn unescape(text: &str) -> Result<Vec<u8>, PatternError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((literal, escape)) = rest.split_once('\\') {
        bytes.extend(literal.as_bytes());
        let (byte, behind) = read_escape(escape)?;
        bytes.push(byte);
        rest = behind;
    }
    bytes.extend(rest.as_bytes());
    Ok(bytes)
}

/// Reads what follows a backslash.
fn read_escape(text: &str) -> Result<(u8, &str), PatternError> {
    let wrong = |length: usize| {
        let shown: String = text.chars().take(length).collect();
        PatternError::Escape { escape: format!("\\{shown}") }
    };
    let mut characters = text.chars();
    let byte = match characters.next() {
        Some('n') => b'\n',
        Some('r') => b'\r',
        Some('t') => b'\t',
        Some('0') => 0,
        Some('\\') => b'\\',
        Some('*') => b'*',
        Some('?') => b'?',
        Some('x') => {
            let digits = text.get(1..3).ok_or_else(|| wrong(3))?;
            let both = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let byte = u8::from_str_radix(digits, 16).ok().filter(|_| both);
            return Ok((byte.ok_or_else(|| wrong(3))?, &text[3..]));
        }
        _ => return Err(wrong(1)),
    };
    Ok((byte, characters.as_str()))
}

/// What is expected; see the module.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// The parts between stars, none of them empty; `None` is any one byte.
    segments: Vec<Vec<Option<u8>>>,
    /// Whether a star comes before the first of them.
    begins_anywhere: bool,
    /// Whether a star comes after the last of them.
    ends_anywhere: bool,
    /// Whether it is nothing but stars.
    is_stars: bool,
}

impl Pattern {
    /// Reads a pattern. One of stars alone expects at least one byte.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let mut segments = vec![Vec::new()];
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            rest = &rest[character.len_utf8()..];
            let segment = segments.last_mut().expect("there is always one");
            match character {
                '*' => segments.push(Vec::new()),
                '?' => segment.push(None),
                '\\' => {
                    let (byte, behind) = read_escape(rest)?;
                    segment.push(Some(byte));
                    rest = behind;
                }
                _ => {
                    let mut buffer = [0; 4];
                    segment.extend(character.encode_utf8(&mut buffer).bytes().map(Some));
                }
            }
        }
        let begins_anywhere = segments.first().is_some_and(Vec::is_empty);
        let ends_anywhere = segments.last().is_some_and(Vec::is_empty);
        // Stars at the ends and double stars add nothing to a search that stops at the first end.
        segments.retain(|segment| !segment.is_empty());
        let is_stars = segments.is_empty();
        if is_stars {
            segments.push(vec![None]);
        }
        Ok(Self { text: text.to_owned(), segments, begins_anywhere, ends_anywhere, is_stars })
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is nothing but stars, which match whatever there is.
    pub fn is_stars(&self) -> bool {
        self.is_stars
    }

    /// Whether it matches anywhere in `bytes`.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        Search::new(self).find(bytes).is_some()
    }

    /// Whether it matches `bytes` from the first to the last. Stars alone match no bytes, too.
    pub fn is_all_of(&self, bytes: &[u8]) -> bool {
        if self.is_stars {
            return true;
        }
        let (mut segments, mut bytes) = (self.segments.as_slice(), bytes);
        if !self.begins_anywhere
            && let Some((first, later)) = segments.split_first()
        {
            let Some((window, behind)) = bytes.split_at_checked(first.len()) else { return false };
            if !fits(first, window) {
                return false;
            }
            (segments, bytes) = (later, behind);
            if segments.is_empty() && !self.ends_anywhere {
                return bytes.is_empty();
            }
        }
        if !self.ends_anywhere
            && let Some((last, earlier)) = segments.split_last()
        {
            let at = bytes.len().checked_sub(last.len());
            let Some((before, window)) = at.and_then(|at| bytes.split_at_checked(at)) else {
                return false;
            };
            if !fits(last, window) {
                return false;
            }
            (segments, bytes) = (earlier, before);
        }
        Search { segments, from: 0 }.find(bytes).is_some()
    }
}

/// Whether a part of a pattern is what the bytes begin with.
fn fits(segment: &[Option<u8>], window: &[u8]) -> bool {
    segment.iter().zip(window).all(|(wanted, byte)| wanted.is_none_or(|wanted| wanted == *byte))
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

/// A search that goes on where it stopped.
#[derive(Debug)]
pub(super) struct Search<'p> {
    segments: &'p [Vec<Option<u8>>],
    /// Where the first of `segments` may begin.
    from: usize,
}

impl<'p> Search<'p> {
    /// A search that has seen nothing yet.
    pub(super) fn new(pattern: &'p Pattern) -> Self {
        Self { segments: &pattern.segments, from: 0 }
    }

    /// Searches `bytes`, which begin with what was searched before, and returns where the match
    /// ends.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        while let Some((segment, later)) = self.segments.split_first() {
            let mut windows = bytes[self.from..].windows(segment.len());
            let Some(offset) = windows.position(|window| fits(segment, window)) else {
                // The last bytes may be the beginning of this segment.
                self.from = self.from.max((bytes.len() + 1).saturating_sub(segment.len()));
                return None;
            };
            self.from += offset + segment.len();
            self.segments = later;
        }
        Some(self.from)
    }

    /// How many of the first bytes will not be looked at again.
    pub(super) fn done(&self) -> usize {
        self.from
    }

    /// The first `length` bytes were dropped; at most [`Search::done`].
    pub(super) fn dropped(&mut self, length: usize) {
        self.from -= length;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A glob that matches whole texts, by definition.
    fn matches_whole(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|at| matches_whole(rest, &text[at..])),
            Some((first, rest)) => text.split_first().is_some_and(|(byte, behind)| {
                (*first == b'?' || first == byte) && matches_whole(rest, behind)
            }),
        }
    }

    /// Where the first match that is not empty ends, by definition.
    fn first_end(pattern: &[u8], text: &[u8]) -> Option<usize> {
        (1..=text.len()).find(|&end| (0..end).any(|at| matches_whole(pattern, &text[at..end])))
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_definition_however_the_bytes_are_cut(
            pattern in "[ab?*]{1,7}",
            pieces in proptest::collection::vec("[abc]{0,4}", 0..6),
            drop in any::<bool>(),
        ) {
            let text = pieces.concat();
            let parsed = Pattern::parse(&pattern).expect("it is a pattern");
            let mut search = Search::new(&parsed);
            let (mut bytes, mut dropped, mut found) = (Vec::new(), 0, None);
            for piece in &pieces {
                bytes.extend(piece.as_bytes());
                found = search.find(&bytes).map(|end| end + dropped);
                if found.is_some() {
                    break;
                }
                if drop {
                    let done = search.done();
                    bytes.drain(..done);
                    search.dropped(done);
                    dropped += done;
                }
            }
            prop_assert_eq!(found, first_end(pattern.as_bytes(), text.as_bytes()));
        }
    }

    proptest! {
        #[test]
        fn all_of_a_text_matches_by_the_definition(
            pattern in "[ab?*]{1,7}",
            text in "[abc]{0,8}",
        ) {
            let parsed = Pattern::parse(&pattern).expect("it is a pattern");
            let expected = matches_whole(pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(parsed.is_all_of(text.as_bytes()), expected);
            prop_assert_eq!(parsed.is_stars(), pattern.trim_matches('*').is_empty());
        }
    }

    #[test]
    fn escapes_are_bytes() {
        assert_eq!(unescape(r"a\r\n\x00\xff\\\*\?é*"), Ok(b"a\r\n\0\xff\\*?\xc3\xa9*".to_vec()));
        let pattern = Pattern::parse(r"\*\?\x0a").expect("it is a pattern");
        assert_eq!(Search::new(&pattern).find(b"xx*?\n"), Some(5));
        assert_eq!(Search::new(&pattern).find(b"xxab\n"), None);
        for wrong in [r"\", r"\q", r"\x", r"\x1", r"\xg0", r"\x+1", r"\xé"] {
            assert!(matches!(unescape(wrong), Err(PatternError::Escape { .. })), "{wrong}");
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Pattern::parse(""), Err(PatternError::Empty));
    }
}
