//! What messages are made of: a header, a slice of a table, a newline.
//!
//! The header is 16 printable characters of 6 bits: a check and the size (24 bits each, the size
//! hidden by the code so that no two headers look alike), then the code (48 bits), which tells the
//! connection and the number of the message. A message of fewer than 17 bytes has only the last
//! characters of its header, those that differ most from one message to the next. The rest is
//! taken from one static table, from a place that the code says, round and round. A newline is
//! only at the end. No character of a header is a letter of `quit` but `i`, so none is that word.
//!
//! Nothing is ever stored: everything follows from connection, number and size.

use alloc::vec::Vec;

/// The largest message: its header has 24 bits for the size.
pub const MESSAGE_BYTES_MAX: u32 = (1 << 24) - 1;

/// Characters of a header.
pub(super) const HEADER_BYTES: usize = 16;
/// The characters of a header that hold the code; the last ones.
pub(super) const CODE_BYTES: usize = 8;
/// What must be known of a frame to tell whose it is: its header and, if it ends there, its end.
pub(super) const LEAD_BYTES: usize = HEADER_BYTES + 1;

/// Prime, so that no power of two is a multiple of it: what a server swaps or loses by pages or
/// buffers is not the same as what should be there.
const TABLE_BYTES: usize = 4093;
static TABLE: [u8; TABLE_BYTES] = table();

/// 2^64 divided by the golden ratio, odd: neighbours differ in most of their bits, and any number
/// of low bits of a code still takes all of its values before one comes again.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// `SPREAD` times this is 1, modulo 2^64 and so modulo 2^48.
const GATHER: u64 = inverse(SPREAD);
const CODE_MASK: u64 = (1 << 48) - 1;
const HALF_MASK: u64 = (1 << 24) - 1;
/// The character for 0; those for 1 to 63 follow it in ASCII, up to `o`.
const ZERO: u64 = 0x3030_3030_3030_3030;

/// Where the codes of a connection begin: far from those of all others.
pub(super) const fn base(connection: u64) -> u64 {
    mixed(connection.wrapping_add(SPREAD))
}

/// What a message is, byte for byte, without the bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content {
    header: [u8; HEADER_BYTES],
    /// Where in the table the body begins.
    offset: u32,
    /// In bytes: 1 to [`MESSAGE_BYTES_MAX`].
    size: u32,
}

impl Content {
    #[inline]
    pub(super) fn new(base: u64, sequence: u64, size: u32) -> Self {
        let code = code(base, sequence);
        let hash = half_hash(base, code);
        let hidden = (u64::from(size) ^ hash) & HALF_MASK;
        let high = check(hash, size) << 24 | hidden;
        let mut header = [0; HEADER_BYTES];
        header[..CODE_BYTES].copy_from_slice(&characters(high));
        header[CODE_BYTES..].copy_from_slice(&characters(code));
        // A number below 2^24 times the length, divided by 2^24: any place of the table.
        let place = ((code >> 24) * TABLE_BYTES as u64) >> 24;
        #[expect(clippy::cast_possible_truncation, reason = "below the length of the table")]
        let offset = place as u32;
        Self { header, offset, size }
    }

    pub(super) fn size(&self) -> usize {
        self.size as usize
    }

    /// The characters of the header that the message has.
    #[inline]
    fn head(&self) -> &[u8] {
        let length = (self.size as usize - 1).min(HEADER_BYTES);
        &self.header[HEADER_BYTES - length..]
    }

    #[inline]
    pub(super) fn append(&self, out: &mut Vec<u8>) {
        let size = self.size as usize;
        out.reserve(size);
        let head = self.head();
        out.extend_from_slice(head);
        let mut left = size - 1 - head.len();
        let mut place = self.offset as usize;
        while left > 0 {
            let part = left.min(TABLE_BYTES - place);
            out.extend_from_slice(&TABLE[place..place + part]);
            (left, place) = (left - part, 0);
        }
        out.push(b'\n');
    }

    /// Whether `bytes` are the whole of it.
    #[inline]
    pub(super) fn is(&self, bytes: &[u8]) -> bool {
        let size = self.size as usize;
        if bytes.len() != size {
            return false;
        }
        let start = self.offset as usize;
        if let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>()
            && let Some((end, body)) = rest.split_last()
            && let Some(expected) = TABLE.get(start..start + body.len())
        {
            return *header == self.header && body == expected && *end == b'\n';
        }
        self.is_at(0, bytes)
    }

    /// Whether `bytes` are what is at `position` of it. Nothing is behind its end.
    pub(super) fn is_at(&self, position: usize, bytes: &[u8]) -> bool {
        let size = self.size as usize;
        if position + bytes.len() > size {
            return false;
        }
        let (mut position, mut rest) = (position, bytes);
        let head = self.head();
        if position < head.len() {
            let part = rest.len().min(head.len() - position);
            if rest[..part] != head[position..position + part] {
                return false;
            }
            (position, rest) = (position + part, &rest[part..]);
        }
        if position + rest.len() == size
            && let Some((end, before)) = rest.split_last()
        {
            if *end != b'\n' {
                return false;
            }
            rest = before;
        }
        let mut place = (self.offset as usize + position.saturating_sub(head.len())) % TABLE_BYTES;
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(TABLE_BYTES - place));
            if part != &TABLE[place..place + part.len()] {
                return false;
            }
            (rest, place) = (after, 0);
        }
        true
    }

    /// Its first bytes, and how many of them there are.
    pub(super) fn lead(&self) -> ([u8; LEAD_BYTES], usize) {
        let mut lead = [0; LEAD_BYTES];
        let head = self.head();
        lead[..head.len()].copy_from_slice(head);
        lead[head.len()] =
            if head.len() + 1 == self.size() { b'\n' } else { TABLE[self.offset as usize] };
        (lead, head.len() + 1)
    }
}

/// The characters of the code of a message.
pub(super) fn code_characters(base: u64, sequence: u64) -> [u8; CODE_BYTES] {
    characters(code(base, sequence))
}

#[inline]
const fn code(base: u64, sequence: u64) -> u64 {
    base.wrapping_add(sequence).wrapping_mul(SPREAD) & CODE_MASK
}

/// The number and size of the message of this connection that has this header.
pub(super) fn read_header(base: u64, header: &[u8; HEADER_BYTES]) -> Option<(u64, u32)> {
    let (high, low) = header.split_at(CODE_BYTES);
    let (high, code) = (value(high)?, value(low)?);
    // The code has 48 bits of the number: enough for 89 years of 100 000 messages a second.
    let sequence = code.wrapping_mul(GATHER).wrapping_sub(base) & CODE_MASK;
    let hash = half_hash(base, code);
    let size = u32::try_from((high ^ hash) & HALF_MASK).ok()?;
    (size as usize > HEADER_BYTES && check(hash, size) == high >> 24).then_some((sequence, size))
}

/// 48 bits as characters, the highest first.
#[inline]
fn characters(bits: u64) -> [u8; CODE_BYTES] {
    let spread = bits & 0xff_ffff | (bits & 0xffff_ff00_0000) << 8;
    let spread = spread & 0x0fff_0000_0fff | (spread & 0x00ff_f000_00ff_f000) << 4;
    let spread = spread & 0x003f_003f_003f_003f | (spread & 0x0fc0_0fc0_0fc0_0fc0) << 2;
    (spread + ZERO).to_be_bytes()
}

/// The bits that characters stand for.
fn value(characters: &[u8]) -> Option<u64> {
    let mut bits = 0;
    for &character in characters {
        let digit = character.checked_sub(b'0').filter(|digit| *digit < 64)?;
        bits = bits << 6 | u64::from(digit);
    }
    Some(bits)
}

#[inline]
const fn half_hash(base: u64, code: u64) -> u64 {
    let mixed = (code ^ base).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ mixed >> 32
}

#[inline]
const fn check(hash: u64, size: u32) -> u64 {
    (hash >> 8 ^ size as u64).wrapping_mul(0x94d0_49bb_1331_11eb) >> 40
}

/// The finisher of `SplitMix64`; see `sim/random.rs` for its source.
const fn mixed(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Newton's iteration: each step doubles the number of right bits, from 3.
const fn inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    let mut step = 0;
    while step < 5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
}

/// Printable characters without order: each of the 95 about as often.
const fn table() -> [u8; TABLE_BYTES] {
    let mut table = [0; TABLE_BYTES];
    let mut place = 0;
    while place < TABLE_BYTES {
        table[place] = b' ' + (mixed((place as u64 + 1).wrapping_mul(SPREAD)) % 95) as u8;
        place += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn message(base: u64, sequence: u64, size: u32) -> Vec<u8> {
        let mut out = Vec::new();
        Content::new(base, sequence, size).append(&mut out);
        out
    }

    #[test]
    fn a_message_is_one_printable_line_that_is_compared_in_any_parts() {
        for size in (1..60).chain([1000, 4092, 4110, 20_000]) {
            let content = Content::new(base(3), 5, size);
            let bytes = message(base(3), 5, size);
            assert_eq!(bytes.len(), size as usize);
            let (end, line) = bytes.split_last().unwrap();
            assert!(*end == b'\n' && line.iter().all(|byte| matches!(byte, b' '..=b'~')));
            assert!(content.is(&bytes) && !content.is(line));
            for part in [1, 3, 16, 17, 5000] {
                let mut parts = bytes.chunks(part).enumerate();
                assert!(parts.all(|(index, bytes)| content.is_at(index * part, bytes)));
            }
            for at in [0, line.len() / 2, line.len()] {
                let mut wrong = bytes.clone();
                wrong[at] ^= 1;
                assert!(
                    !content.is(&wrong)
                        && !content.is_at(0, &wrong)
                        && !content.is_at(at, &wrong[at..])
                );
            }
            assert!(!content.is_at(1, &bytes), "longer than it is");
            let (lead, length) = content.lead();
            assert!(bytes.starts_with(&lead[..length]) && length == bytes.len().min(LEAD_BYTES));
        }
    }

    #[test]
    fn a_header_says_whose_it_is_and_one_wrong_character_is_seen() {
        for (connection, sequence, size) in [(0, 0, 17), (1, 1, 64), (u64::MAX, 1 << 40, 1 << 20)] {
            let base = base(connection);
            let bytes = message(base, sequence, size);
            let header: [u8; HEADER_BYTES] = *bytes.first_chunk().unwrap();
            assert_eq!(read_header(base, &header), Some((sequence, size)));
            assert_eq!(read_header(base + 1, &header), None, "another connection's");
            for at in 0..HEADER_BYTES {
                for byte in 0..=255 {
                    let mut wrong = header;
                    wrong[at] = byte;
                    assert_eq!(read_header(base, &wrong).is_some(), wrong == header);
                }
            }
        }
    }

    #[test]
    fn neighbours_differ_and_none_is_the_word_quit() {
        // 3 characters and a newline: all of 64^3 come before one comes again.
        let few: BTreeSet<_> = (0..5000).map(|sequence| message(9, sequence, 4)).collect();
        assert_eq!(few.len(), 5000);
        for sequence in 0..5000 {
            assert_ne!(message(9, sequence, 5), b"quit\n");
            let (one, next) = (message(9, sequence, 64), message(9, sequence + 1, 64));
            let equal = one[..16].iter().zip(&next[..16]).filter(|(one, next)| one == next);
            assert!(equal.count() <= 6, "{sequence}");
        }
    }
}
