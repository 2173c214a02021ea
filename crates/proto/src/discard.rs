//! Discard: throws away what it receives.
//!
//! It never sends a byte and never closes before its peer does, except when the server stops.
//!
//! Source: RFC 863 (Discard Protocol).

use crate::{Input, Machine, Outbox, Reason, Time};

/// The discard machine; see the module.
#[derive(Clone, Debug, Default)]
pub struct Discard;

impl Discard {
    /// A machine for one conversation.
    pub fn new() -> Self {
        Self
    }
}

impl Machine for Discard {
    fn input(&mut self, _now: Time, input: Input<'_>, out: &mut dyn Outbox) -> usize {
        match input {
            Input::Received(arrival) => return arrival.len(),
            Input::Opened { .. } | Input::Room(_) | Input::Deadline | Input::Stored(_) => {}
            Input::End => out.close(Reason::PeerClosed),
            Input::Drain => out.close(Reason::Shutdown),
        }
        0
    }

    fn deadline(&self) -> Option<Time> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Peer;
    use crate::sim::Recorder;

    #[test]
    fn it_takes_all_and_says_nothing() {
        for (last, reason) in [(Input::End, Reason::PeerClosed), (Input::Drain, Reason::Shutdown)] {
            let mut out = Recorder::with_capacity(0);
            let mut discard = Discard::new();
            out.give(&mut discard, Time::ZERO, Input::Opened { peer: &Peer::unnamed() });
            assert_eq!(out.receive(&mut discard, Time::ZERO, b"quit\n"), 5);
            assert_eq!(discard.deadline(), None);
            assert_eq!(out.closed(), None);
            out.give(&mut discard, Time::ZERO, last);
            assert_eq!(out.closed(), Some(reason));
            assert!(out.bytes().is_empty());
        }
    }
}
