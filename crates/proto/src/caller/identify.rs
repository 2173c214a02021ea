//! Whose reply begins with these bytes.
//!
//! A sound header says it. A damaged one is compared with those of the open messages and of the
//! latest others: headers of neighbours differ in nearly all characters, so that a few wrong ones
//! do not hide whose it was. The slow way is only gone when something is wrong.

use super::content::{CODE_BYTES, Content, HEADER_BYTES, LEAD_BYTES, code_characters, read_header};
use super::messages::Messages;

/// How far back closed messages are looked for when a header is damaged or short.
const CLOSED_MAX: u64 = 1024;
/// The same, for headers of so few characters that others soon look like them.
const CLOSED_SHORT_MAX: u64 = 64;
/// From so many characters on, a short header is hardly met by chance.
pub(super) const SHORT_CHARACTERS_SURE: usize = 4;
/// Of the characters of a code, so many must be right for it to be recognised.
const CODE_CHARACTERS_MIN: usize = 5;
/// Of the bytes before an early newline, so many must be right for the newline to be the damage.
const PREFIX_MIN: usize = 2;

/// What the first bytes of a reply say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// This message, open or closed, of this size; whether the reply is right is not said yet.
    Message { sequence: u64, size: u32 },
    /// This closed message, wrong and of unknown size.
    DamagedClosed { sequence: u64 },
    /// Nothing.
    Unknown,
}

/// Whose reply begins with `lead`: its first bytes up to a newline, at most [`LEAD_BYTES`].
/// `goes_on`: it has more bytes than these.
pub(super) fn identify(messages: &Messages, lead: &[u8], goes_on: bool) -> Whose {
    if lead.is_empty() {
        return Whose::Unknown;
    }
    let is_short = !goes_on && lead.len() <= HEADER_BYTES;
    let is_sure = lead.len() > SHORT_CHARACTERS_SURE;
    by_header(messages, lead)
        .or_else(|| if goes_on { None } else { open_short(messages, lead) })
        .or_else(|| if is_short && is_sure { closed_short(messages, lead) } else { None })
        .or_else(|| damaged_open(messages, lead))
        .or_else(|| if is_short { closed_short(messages, lead) } else { None })
        .or_else(|| damaged_closed(messages, lead))
        .unwrap_or(Whose::Unknown)
}

/// Whose reply these bytes are that has lost its newline: a short message's, of which something
/// else stands where the newline should.
pub(super) fn without_end(messages: &Messages, lead: &[u8]) -> Option<Whose> {
    let short = messages.all_open().filter(|open| open.size as usize <= lead.len());
    let mut candidates = short.filter(|open| {
        let (expected, length) = Content::new(messages.base, open.sequence, open.size).lead();
        let is_all_else = lead[..length - 1] == expected[..length - 1];
        // So few bytes can only be this one's when there is no other.
        let is_only = messages.open() == 1;
        if length > SHORT_CHARACTERS_SURE { is_all_else } else { is_only }
    });
    let open = candidates.next()?;
    Some(Whose::Message { sequence: open.sequence, size: open.size })
}

/// By a sound header of a message that was made.
pub(super) fn by_header(messages: &Messages, lead: &[u8]) -> Option<Whose> {
    if lead.len() < LEAD_BYTES {
        return None;
    }
    let (sequence, size) = read_header(messages.base, lead.first_chunk::<HEADER_BYTES>()?)?;
    let open = messages.find(sequence).and_then(|place| messages.at(place));
    let is_possible = match open {
        Some(open) => open.size == size,
        None => sequence < messages.next(),
    };
    is_possible.then_some(Whose::Message { sequence, size })
}

/// A short message, byte for byte.
fn open_short(messages: &Messages, lead: &[u8]) -> Option<Whose> {
    let mut fitting = messages.all_open().filter(|open| open.size as usize == lead.len());
    let open = fitting
        .find(|open| Content::new(messages.base, open.sequence, open.size).is_at(0, lead))?;
    Some(Whose::Message { sequence: open.sequence, size: open.size })
}

/// The open message that these bytes resemble most, if at least half of its first bytes are right,
/// or all before a newline that should not be there.
fn damaged_open(messages: &Messages, lead: &[u8]) -> Option<Whose> {
    let mut best: Option<(usize, usize, Whose)> = None;
    for open in messages.all_open() {
        let (expected, length) = Content::new(messages.base, open.sequence, open.size).lead();
        let right = equal(lead, &expected[..length]);
        let is_half = 2 * right >= length && right > 0;
        let is_prefix = lead.len() < length && right >= PREFIX_MIN && right + 1 >= lead.len();
        let is_better = best.is_none_or(|(most, of, _)| right * of > most * length);
        if (is_half || is_prefix) && is_better {
            let whose = Whose::Message { sequence: open.sequence, size: open.size };
            best = Some((right, length, whose));
        }
    }
    best.map(|(_, _, whose)| whose)
}

/// A short message that is closed, byte for byte, the latest first.
fn closed_short(messages: &Messages, lead: &[u8]) -> Option<Whose> {
    let size = u32::try_from(lead.len()).ok()?;
    // One character is soon that of another message.
    if size < 3 && messages.open() > 0 {
        return None;
    }
    let is_sure = lead.len() > SHORT_CHARACTERS_SURE;
    let far = if is_sure { CLOSED_MAX } else { CLOSED_SHORT_MAX };
    let sequence = latest_closed(messages, far, |sequence| {
        Content::new(messages.base, sequence, size).is_at(0, lead)
    })?;
    Some(Whose::Message { sequence, size })
}

/// The closed message whose code a damaged header resembles, the latest first.
fn damaged_closed(messages: &Messages, lead: &[u8]) -> Option<Whose> {
    let code = lead.get(HEADER_BYTES - CODE_BYTES..HEADER_BYTES)?;
    let sequence = latest_closed(messages, CLOSED_MAX, |sequence| {
        equal(code, &code_characters(messages.base, sequence)) >= CODE_CHARACTERS_MIN
    })?;
    Some(Whose::DamagedClosed { sequence })
}

fn latest_closed(messages: &Messages, far: u64, is_it: impl Fn(u64) -> bool) -> Option<u64> {
    let numbers = messages.next().saturating_sub(far)..messages.next();
    numbers.rev().find(|&sequence| is_it(sequence) && messages.find(sequence).is_none())
}

/// How many bytes are the same in the same place.
fn equal(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).filter(|(one, other)| one == other).count()
}
