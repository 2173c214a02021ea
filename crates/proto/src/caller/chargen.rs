//! How the stream of chargen is checked.
//!
//! The lines are those of our own chargen. A server may begin with any of them; from then on every
//! byte must be the next one. Bytes that are not are counted, each by itself; when several in a row
//! differ, bytes are missing or too many, and the reader finds its place again by the first
//! character of the next line.
//!
//! It holds no byte of the stream.

use super::{Judged, unexpected};
use crate::chargen::{FIRST, LINE_BYTES, PATTERN, PATTERN_BYTES};

/// So many wrong bytes in a row mean that the place is lost. A line has 74, and by chance one in 95
/// is right.
const WRONG_IN_A_ROW_MAX: u32 = 8;

/// The reader; see the module.
#[derive(Debug)]
pub(super) struct ChargenCaller {
    place: Place,
    /// In the pattern, of the next byte. Below `PATTERN_BYTES`.
    position: usize,
    wrong_in_a_row: u32,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// At the beginning of a line, of which the next character tells.
    AnyLine,
    /// It is known what comes next.
    Known,
    /// Lost, until a line ends.
    Lost,
}

impl Default for ChargenCaller {
    fn default() -> Self {
        Self { place: Place::AnyLine, position: 0, wrong_in_a_row: 0 }
    }
}

impl ChargenCaller {
    #[inline]
    pub(super) fn received(&mut self, bytes: &[u8], judge: &mut (impl FnMut(Judged) + ?Sized)) {
        let (mut right, mut wrong) = (0, 0);
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            let length = match self.place {
                Place::Known => self.right(rest),
                _ => 0,
            };
            if length > 0 {
                right += length;
                rest = &rest[length..];
                continue;
            }
            match self.place {
                Place::Known => {
                    self.wrong();
                    wrong += 1;
                    rest = &rest[1..];
                }
                Place::AnyLine => self.begin(first),
                Place::Lost => {
                    let newline = memchr::memchr(b'\n', rest);
                    let length = newline.map_or(rest.len(), |at| at + 1);
                    if newline.is_some() {
                        self.place = Place::AnyLine;
                    }
                    wrong += length;
                    rest = &rest[length..];
                }
            }
        }
        if right > 0 {
            judge(Judged::Streamed { bytes: right as u64 });
        }
        unexpected(wrong, judge);
    }

    /// How many of these bytes are what comes next, up to the end of the pattern; passes them.
    #[inline]
    fn right(&mut self, bytes: &[u8]) -> usize {
        let expected = &PATTERN[self.position..];
        let length = bytes.len().min(expected.len());
        let equal = if bytes[..length] == expected[..length] {
            length
        } else {
            bytes.iter().zip(expected).take_while(|(one, other)| one == other).count()
        };
        if equal > 0 {
            self.wrong_in_a_row = 0;
            self.position = (self.position + equal) % PATTERN_BYTES;
        }
        equal
    }

    fn wrong(&mut self) {
        self.position = (self.position + 1) % PATTERN_BYTES;
        self.wrong_in_a_row += 1;
        if self.wrong_in_a_row > WRONG_IN_A_ROW_MAX {
            self.place = Place::Lost;
        }
    }

    /// Finds the line that begins with a character.
    fn begin(&mut self, first: u8) {
        let line = usize::from(first.wrapping_sub(FIRST));
        self.wrong_in_a_row = 0;
        if line * LINE_BYTES < PATTERN_BYTES {
            self.place = Place::Known;
            self.position = line * LINE_BYTES;
        } else {
            self.place = Place::Lost;
        }
    }
}
