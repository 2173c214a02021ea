//! Whether what comes back is the beginning of what was sent.
//!
//! A server that echoes and closes too early ends its stream in good order; only comparing shows
//! that something is missing. The tracker holds the bytes that were sent and have not come back,
//! at most 8 MiB, and gives up for good at the first byte that differs: then the server does not
//! echo, and nothing can be said. When more than it can hold is under way, it goes on by counting
//! if enough has come back to be sure that this is an echo, and gives up otherwise. It never
//! changes what is sent or received.

use std::collections::VecDeque;

/// The most bytes held. The buffers of both kernels between a client and an echo server are
/// smaller by default on most systems, or take long to grow beyond this.
const OUTSTANDING_MAX: usize = 8 * 1024 * 1024;

/// After so many equal bytes a server is an echo beyond doubt: they do not happen by chance.
const CERTAIN_BYTES: u64 = 64 * 1024;

/// How far an echo came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EchoProgress {
    /// Bytes that came back, each equal to what was sent; at least one.
    pub came_back: u64,
    /// Bytes that were sent.
    pub sent: u64,
}

/// The tracker; see the module.
#[derive(Debug)]
pub(super) struct EchoTracker {
    state: State,
    outstanding_max: usize,
    certain_bytes: u64,
    progress: EchoProgress,
}

#[derive(Debug)]
enum State {
    /// Every byte so far was equal; these were sent and have not come back.
    Comparing(VecDeque<u8>),
    /// It echoes, and more is under way than can be held.
    Counting,
    /// Nothing can be said.
    GivenUp,
}

impl EchoTracker {
    pub(super) fn new() -> Self {
        Self::with_bounds(OUTSTANDING_MAX, CERTAIN_BYTES)
    }

    fn with_bounds(outstanding_max: usize, certain_bytes: u64) -> Self {
        let state = State::Comparing(VecDeque::new());
        let progress = EchoProgress { came_back: 0, sent: 0 };
        Self { state, outstanding_max, certain_bytes, progress }
    }

    /// These bytes were sent.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        self.progress.sent += bytes.len() as u64;
        let State::Comparing(outstanding) = &mut self.state else { return };
        if outstanding.len() + bytes.len() <= self.outstanding_max {
            outstanding.extend(bytes);
        } else {
            let certain = self.progress.came_back >= self.certain_bytes;
            self.state = if certain { State::Counting } else { State::GivenUp };
        }
    }

    /// These bytes were received.
    pub(super) fn received(&mut self, bytes: &[u8]) {
        self.progress.came_back += bytes.len() as u64;
        let equal = match &mut self.state {
            State::Comparing(outstanding) => {
                let equal = starts_with(outstanding, bytes);
                outstanding.drain(..bytes.len().min(outstanding.len()));
                equal
            }
            State::Counting => self.progress.came_back <= self.progress.sent,
            State::GivenUp => return,
        };
        if !equal {
            self.state = State::GivenUp;
        }
    }

    /// How far the echo came; `None` when nothing came back or it is no echo.
    pub(super) fn progress(&self) -> Option<EchoProgress> {
        let echoes = !matches!(self.state, State::GivenUp) && self.progress.came_back > 0;
        echoes.then_some(self.progress)
    }
}

fn starts_with(outstanding: &VecDeque<u8>, bytes: &[u8]) -> bool {
    let (front, back) = outstanding.as_slices();
    let in_front = bytes.len().min(front.len());
    front.starts_with(&bytes[..in_front]) && back.starts_with(&bytes[in_front..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A sequence in which 255 never occurs.
    fn nth_byte(at: usize) -> u8 {
        u8::try_from(at % 251).expect("less than 251")
    }

    proptest! {
        #[test]
        fn it_agrees_with_comparing_everything_at_once(
            steps in proptest::collection::vec((any::<bool>(), 0_usize..9), 1..60),
            wrong_at in proptest::option::of(0_usize..40),
        ) {
            let mut tracker = EchoTracker::with_bounds(1 << 20, 1 << 20);
            let (mut sent, mut received) = (Vec::<u8>::new(), Vec::<u8>::new());
            for (is_sent, length) in steps {
                if is_sent {
                    let start = sent.len();
                    sent.extend((start..start + length).map(nth_byte));
                    tracker.sent(&sent[start..]);
                } else {
                    let start = received.len();
                    let byte = |at| if wrong_at == Some(at) { 255 } else { nth_byte(at) };
                    received.extend((start..start + length).map(byte));
                    let was_ahead = received.len() > sent.len();
                    tracker.received(&received[start..]);
                    // Bytes that come before they were sent are no echo, even if they match later.
                    prop_assert!(!was_ahead || tracker.progress().is_none());
                    if was_ahead {
                        return Ok(());
                    }
                }
                let expected = (!received.is_empty() && sent.starts_with(&received))
                    .then_some((received.len() as u64, sent.len() as u64));
                let progress = tracker.progress().map(|now| (now.came_back, now.sent));
                prop_assert_eq!(progress, expected);
            }
        }
    }

    #[test]
    fn with_too_much_under_way_a_certain_echo_is_counted_and_any_other_given_up() {
        let mut tracker = EchoTracker::with_bounds(4, 2);
        tracker.sent(b"abcd");
        tracker.received(b"ab");
        tracker.sent(b"efg");
        tracker.received(b"cdef");
        assert_eq!(tracker.progress(), Some(EchoProgress { came_back: 6, sent: 7 }));
        tracker.received(b"gh");
        assert_eq!(tracker.progress(), None);

        let mut tracker = EchoTracker::with_bounds(4, 2);
        tracker.sent(b"abcd");
        tracker.received(b"a");
        tracker.sent(b"efg");
        assert_eq!(tracker.progress(), None);
    }
}
