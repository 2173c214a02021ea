//! A small random number generator: `SplitMix64`.
//!
//! One word of state, any seed is good, the same numbers on every machine for ever, which is what
//! a printed seed needs. It is never used for anything but tests.
//!
//! Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014; the
//! constants are those of the public domain C code by Sebastiano Vigna.

use core::time::Duration;

/// The generator; see the module.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator for this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A random byte.
    pub const fn byte(&mut self) -> u8 {
        self.bits().to_le_bytes()[0]
    }

    /// A number from 0 to `end - 1`; 0 when `end` is 0. The tiny bias of the remainder does not
    /// matter to tests.
    pub fn below(&mut self, end: usize) -> usize {
        let end = end.max(1) as u64;
        usize::try_from(self.bits() % end).unwrap_or(0)
    }

    /// True in about `permille` of 1000 calls.
    pub fn chance(&mut self, permille: u16) -> bool {
        self.bits() % 1000 < u64::from(permille)
    }

    /// A span from zero to `longest`, to the nanosecond.
    pub fn span(&mut self, longest: Duration) -> Duration {
        let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.bits() % nanos.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_reference() {
        // The first outputs of Vigna's splitmix64.c for the seed 1234567.
        let mut random = Random::new(1_234_567);
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn ranges_are_kept() {
        let mut random = Random::new(1);
        for _ in 0..1000 {
            assert!(random.below(7) < 7);
            assert_eq!(random.below(0), 0);
            assert!(random.span(Duration::from_nanos(5)) <= Duration::from_nanos(5));
            assert!(!random.chance(0));
            assert!(random.chance(1000));
        }
    }
}
