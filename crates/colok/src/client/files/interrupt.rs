//! How a person stops a transfer: a flag that wakes every wait.
//!
//! No signal handling here; whoever handles signals calls [`Interrupt::raise`]. What was sent so
//! far stays resumable.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};

use crate::error::{Error, Result};

/// Stops the transfers it was given to. Clones stop the same ones.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    raised: AtomicBool,
    /// Readable once raised, and never read: every wait that watches it ends.
    wake: OwnedFd,
}

impl Interrupt {
    /// Not raised yet. Fails when no descriptor is left.
    pub fn new() -> Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|errno| Error::call("eventfd", "interrupt", errno))?;
        Ok(Self(Arc::new(Inner { raised: AtomicBool::new(false), wake })))
    }

    /// Stops; there is no way back.
    pub fn raise(&self) {
        self.0.raised.store(true, Ordering::Release);
        // The counter cannot overflow in fewer than 2^64 - 1 calls, the only way this can fail.
        let _ = rustix::io::write(&self.0.wake, &1_u64.to_ne_bytes());
    }

    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        self.0.raised.load(Ordering::Acquire)
    }

    /// Readable once raised.
    pub(super) fn wake(&self) -> BorrowedFd<'_> {
        self.0.wake.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    #[test]
    fn raising_wakes_every_wait() {
        let interrupt = Interrupt::new().expect("a descriptor is left");
        let ready = |interrupt: &Interrupt| {
            let mut watched = [PollFd::from_borrowed_fd(interrupt.wake(), PollFlags::IN)];
            poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).expect("poll works")
        };
        assert_eq!((ready(&interrupt), interrupt.is_raised()), (0, false));
        interrupt.clone().raise();
        assert_eq!((ready(&interrupt), interrupt.is_raised()), (1, true));
        assert_eq!(ready(&interrupt), 1, "it stays raised");
    }
}
