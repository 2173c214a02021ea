//! When each connection of a worker is to be looked at: a hierarchical timing wheel.
//!
//! One timer per index, in a table of its own of 12 bytes per index, so that an idle connection
//! costs that and no allocation. Setting, moving and clearing are a few writes whatever the number
//! of timers; [`Timers::expire`] looks at occupied slots only, however long the worker slept. This
//! is the wheel of Varghese and Lauck (1987) with one bitmap of occupied slots per level.
//!
//! It reads no clock and knows no deadline: it says *look now*, at the latest one tick after what
//! was asked for. Whoever is told so checks the real deadline and sets the timer anew when that has
//! moved. So a deadline that only ever moves away needs no write until its timer fires:
//!
//! ```text
//! if timers.armed(index).is_none_or(|armed| deadline < armed) { timers.set(index, deadline) }
//! ```
//!
//! **The order of slots.** Ticks are numbers of base 64, and a level is a digit. A timer is kept at
//! the highest digit in which its tick differs from the current one, in the slot of its own digit
//! there. So every timer of a level fires before every one of the level above, and when the current
//! tick enters a slot, what is in it goes to lower levels. The top level goes round: its slots
//! before the current digit belong to the next round, and [`HORIZON`] keeps both apart.

use std::mem;

use colok_proto::Time;

// With its place, because micro-benchmarks take this file from elsewhere.
#[cfg(test)]
#[path = "timers/tests.rs"]
mod tests;

/// A tick is two to the power of this, in nanoseconds: 1.05 ms. No deadline here is shorter than
/// tens of milliseconds.
const TICK_BITS: u32 = 20;

/// Two to the power of this are the slots of one level: as many as one word has bits.
const DIGIT_BITS: u32 = 6;

const SLOTS: u32 = 1 << DIGIT_BITS;

/// Levels: 64 slots of 1 tick (67 ms), 64 (4.3 s), 4096 (4.6 min), 2^18 (4.9 h), 2^24 (13 days).
const LEVELS: u32 = 5;

/// How far ahead a timer can be, in ticks: 12.8 days. What is later is looked at then. One slot of
/// the top level less than a round, so that the slot of the current tick is never one round ahead.
const HORIZON: u64 = (SLOTS as u64 - 1) << (DIGIT_BITS * (LEVELS - 1));

/// The last tick: in it, time as [`Time`] has it ends.
const LAST: u64 = u64::MAX >> TICK_BITS;

/// No timer: the end of a list, and an empty slot.
const NONE: u32 = u32::MAX;

/// In [`Link::before`]: the timer is not set.
const UNSET: u32 = u32::MAX;

/// In [`Link::before`]: the timer is the first of the slot whose number is in the other bits.
const FIRST: u32 = 1 << 31;

/// The timers of one worker. See the module.
#[derive(Debug)]
pub(crate) struct Timers {
    /// Every timer that is set is due here or later, in ticks; what was due before has been told.
    current: u64,
    /// By index.
    links: Vec<Link>,
    /// For each level, one bit per slot that is not empty.
    occupied: [u64; LEVELS as usize],
    /// The first timer of each slot.
    first: [u32; (LEVELS * SLOTS) as usize],
}

/// A timer: its place in the list of its slot.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// The timer before this one in its slot; [`FIRST`] and the slot; or [`UNSET`].
    before: u32,
    /// The timer after it, or [`NONE`].
    after: u32,
    /// When it is due: the lower half of the tick. Less than [`HORIZON`] ahead, so that the current
    /// tick gives the upper half.
    due: u32,
}

const _: () = assert!(size_of::<Link>() == 12, "part of what an idle connection may cost");
const _: () = assert!(HORIZON < 1 << 31, "half of a tick is enough");

impl Timers {
    /// No timer is set.
    pub(crate) const fn new() -> Self {
        let occupied = [0; LEVELS as usize];
        let first = [NONE; (LEVELS * SLOTS) as usize];
        Self { current: 0, links: Vec::new(), occupied, first }
    }

    /// Sets the timer of `index`, or moves it. It fires with the first [`Timers::expire`] at or
    /// after the first tick that is not before `due`, at once when that has passed, or after 12.8
    /// days when it is further away.
    ///
    /// Indices count from 0 without large gaps and are below 2^31: there is a table of them.
    #[inline]
    pub(crate) fn set(&mut self, index: usize, due: Time) {
        let tick = tick_from(due).clamp(self.current, self.current + HORIZON);
        if index >= self.links.len() {
            debug_assert!(index < FIRST as usize, "an index of 31 bits");
            self.links.resize(index + 1, Link { before: UNSET, after: NONE, due: 0 });
        }
        if self.is_set(index) {
            if self.links[index].due == lower(tick) {
                return;
            }
            self.unlink(index);
        }
        self.link(index, tick);
    }

    /// The timer of `index` will not fire. It need not be set.
    #[inline]
    pub(crate) fn clear(&mut self, index: usize) {
        if self.is_set(index) {
            self.unlink(index);
            self.links[index].before = UNSET;
        }
    }

    /// When the timer of `index` is due, never later than what it was set to and at most a tick
    /// (and the horizon) earlier; [`Time::ZERO`] when the next [`Timers::expire`] tells it in any
    /// case. `None` when it is not set.
    #[inline]
    pub(crate) fn armed(&self, index: usize) -> Option<Time> {
        if !self.is_set(index) {
            return None;
        }
        let tick = whole(self.links[index].due, self.current);
        // Everything else is in the future, so this was set to what had passed.
        let earliest = if tick == self.current { 0 } else { ((tick - 1) << TICK_BITS) + 1 };
        Some(Time::from_nanos(earliest))
    }

    /// When [`Timers::expire`] is worth calling: never later than it would tell something first,
    /// and exact within the next 67 ms. Earlier, it may tell nothing and give a better answer here.
    /// `None` when no timer is set.
    #[inline]
    pub(crate) fn next_due(&self) -> Option<Time> {
        let (level, slots) = (0..LEVELS).zip(self.occupied).find(|&(_, slots)| slots != 0)?;
        let shift = level * DIGIT_BITS;
        let at = self.current >> shift;
        let ahead = slots.rotate_right(digit(at)).trailing_zeros();
        Some(Time::from_nanos(((at + u64::from(ahead)) << shift) << TICK_BITS))
    }

    /// Appends to `out` the index of every timer that is due at `now`, in no order, and clears
    /// these timers. Costs a few instructions when there is none.
    pub(crate) fn expire(&mut self, now: Time, out: &mut Vec<u32>) {
        let before = self.current;
        self.current = before.max(now.as_nanos() >> TICK_BITS);
        for level in 0..LEVELS {
            let shift = level * DIGIT_BITS;
            let passed = (self.current >> shift) - (before >> shift);
            if level > 0 && passed == 0 {
                // The current slot of an upper level is empty, and so it is further up.
                break;
            }
            let mut slots = self.occupied[level as usize] & slots_from(before >> shift, passed);
            while slots != 0 {
                self.empty(level * SLOTS + slots.trailing_zeros(), before, out);
                slots &= slots - 1;
            }
        }
    }

    /// Takes what is in a slot: what is due goes to `out`, and the rest, when the current tick is
    /// within the slot, to lower levels. `before` is the tick up to which all was told before.
    fn empty(&mut self, slot: u32, before: u64, out: &mut Vec<u32>) {
        self.occupied[(slot / SLOTS) as usize] &= !(1 << (slot % SLOTS));
        let mut next = mem::replace(&mut self.first[slot as usize], NONE);
        while next != NONE {
            let index = next as usize;
            let link = &mut self.links[index];
            next = link.after;
            let tick = whole(link.due, before);
            if tick <= self.current {
                link.before = UNSET;
                out.push(lower(index as u64));
            } else {
                self.link(index, tick);
            }
        }
    }

    #[inline]
    fn is_set(&self, index: usize) -> bool {
        self.links.get(index).is_some_and(|link| link.before != UNSET)
    }

    /// Puts a timer first into the slot of `tick`, which is neither passed nor over the horizon.
    #[inline]
    fn link(&mut self, index: usize, tick: u64) {
        let differs = u64::BITS - (tick ^ self.current).leading_zeros();
        // The highest bit that differs is in this digit; further up, the top level goes round.
        let level = (differs.saturating_sub(1) / DIGIT_BITS).min(LEVELS - 1);
        let slot = level * SLOTS + digit(tick >> (level * DIGIT_BITS));
        let number = lower(index as u64);
        let after = mem::replace(&mut self.first[slot as usize], number);
        self.links[index] = Link { before: FIRST | slot, after, due: lower(tick) };
        if after == NONE {
            self.occupied[level as usize] |= 1 << (slot % SLOTS);
        } else {
            self.links[after as usize].before = number;
        }
    }

    /// Takes a timer out of its list. Its own link stays as it was.
    #[inline]
    fn unlink(&mut self, index: usize) {
        let Link { before, after, .. } = self.links[index];
        if before & FIRST == 0 {
            self.links[before as usize].after = after;
        } else {
            let slot = before & !FIRST;
            self.first[slot as usize] = after;
            if after == NONE {
                self.occupied[(slot / SLOTS) as usize] &= !(1 << (slot % SLOTS));
            }
        }
        if after != NONE {
            self.links[after as usize].before = before;
        }
    }
}

/// The first tick that is not before `time`, or the last that there is.
#[inline]
fn tick_from(time: Time) -> u64 {
    time.as_nanos().div_ceil(1 << TICK_BITS).min(LAST)
}

/// The lowest digit.
#[inline]
const fn digit(number: u64) -> u32 {
    lower(number) % SLOTS
}

/// The bits of `1 + more` slots from that of `number` on, and round.
#[inline]
const fn slots_from(number: u64, more: u64) -> u64 {
    if more >= SLOTS as u64 - 1 {
        return u64::MAX;
    }
    ((2 << more) - 1_u64).rotate_left(digit(number))
}

/// The lower half of a tick; the whole of an index, which is below 2^31.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
const fn lower(number: u64) -> u32 {
    number as u32
}

/// The tick with this lower half that is at or after `current` by less than 2^32.
#[inline]
const fn whole(lower_half: u32, current: u64) -> u64 {
    current + lower_half.wrapping_sub(lower(current)) as u64
}
