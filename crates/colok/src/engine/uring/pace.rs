//! How long to wait for how much: the difference between a wake-up per message and one for many.
//!
//! Nothing here looks at what has happened.

use std::io;
use std::time::Duration;

use colok_proto::Time;
use colok_sys::uring::{Uring, Wait};

use crate::clock::Clock;

/// Decides how a worker waits.
#[derive(Debug)]
pub(super) struct Pace {
    /// How long to look for work before sleeping.
    busy_poll: Duration,
}

impl Pace {
    pub(super) fn new(busy_poll: Duration) -> Self {
        Self { busy_poll }
    }

    /// Waits until something has happened or is due.
    pub(super) fn wait(
        &mut self,
        ring: &mut Uring,
        clock: Clock,
        due: Option<Time>,
    ) -> io::Result<()> {
        let mut now = clock.now();
        if !self.busy_poll.is_zero() {
            let until = now + self.busy_poll;
            loop {
                ring.wait(Wait::LOOK)?;
                if ring.has_events() {
                    return Ok(());
                }
                now = clock.now();
                if until <= now || due.is_some_and(|due| due <= now) {
                    break;
                }
                std::hint::spin_loop();
            }
        }
        match due.map(|due| due.since(now)) {
            Some(Duration::ZERO) => ring.wait(Wait::LOOK),
            at_most => ring.wait(Wait::for_one(at_most)),
        }
    }
}
