//! Who waits for a buffer, and in which order they get one.
//!
//! Whoever is armed first takes all that its socket has, and so may take every buffer. So those who
//! got nothing go before all others, and those who got something behind them. Nothing here acts.

/// The queue of those that wait for a buffer, each in it once.
#[derive(Debug, Default)]
pub(super) struct Dry {
    /// Found no buffer when it was their turn.
    first: Vec<u32>,
    /// Wait for their turn.
    waiting: Vec<u32>,
    /// Had their turn.
    last: Vec<u32>,
}

impl Dry {
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty() && self.waiting.is_empty() && self.last.is_empty()
    }

    /// A stream found no buffer; `fed`: after it had received something.
    pub(super) fn push(&mut self, index: u32, fed: bool) {
        if fed { self.last.push(index) } else { self.first.push(index) }
    }

    /// A stream that was taken keeps its place.
    pub(super) fn keep(&mut self, index: u32) {
        self.waiting.push(index);
    }

    /// Takes all, in their order.
    pub(super) fn take(&mut self) -> Vec<u32> {
        let mut all = std::mem::take(&mut self.first);
        all.append(&mut self.waiting);
        all.append(&mut self.last);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_got_nothing_goes_first_and_who_got_something_last() {
        let mut dry = Dry::default();
        dry.push(1, true);
        dry.push(2, false);
        assert_eq!(dry.take(), [2, 1]);
        dry.keep(1);
        dry.push(3, true);
        dry.push(2, false);
        assert_eq!(dry.take(), [2, 1, 3]);
        assert!(dry.is_empty());
    }
}
