//! How a running server is told to stop: a flag, and descriptors that wake every loop.
//!
//! No signal handling here; whoever handles signals calls [`Stop::drain`] or [`Stop::at_once`].

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use colok_proto::Time;
use rustix::event::{EventfdFlags, eventfd};

use crate::clock::Clock;
use crate::error::{Error, Result};

/// What a server is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopState {
    /// Go on.
    Run,
    /// Accept no more, let what is in flight finish.
    Drain,
    /// End now.
    AtOnce,
}

/// Tells a server to stop. Clones tell the same server.
#[derive(Clone, Debug)]
pub struct Stop(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: AtomicU8,
    /// When a stop was first asked for.
    asked: OnceLock<Instant>,
    /// Readable from the first request on, and never read: every loop that waits on it wakes.
    wake: OwnedFd,
    /// Readable once an end at once was asked for: wakes those that finish what is in flight.
    wake_at_once: OwnedFd,
}

impl Stop {
    /// A server that runs. Fails when no descriptor is left.
    pub fn new() -> Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let event = || eventfd(0, flags).map_err(|errno| Error::call("eventfd", "stop", errno));
        let (wake, wake_at_once) = (event()?, event()?);
        let (state, asked) = (AtomicU8::new(0), OnceLock::new());
        Ok(Self(Arc::new(Inner { state, asked, wake, wake_at_once })))
    }

    /// Asks for a graceful stop.
    pub fn drain(&self) {
        self.raise(StopState::Drain);
    }

    /// Asks for an end now.
    pub fn at_once(&self) {
        self.raise(StopState::AtOnce);
    }

    /// What was asked for.
    #[inline]
    pub fn state(&self) -> StopState {
        match self.0.state.load(Ordering::Acquire) {
            0 => StopState::Run,
            1 => StopState::Drain,
            _ => StopState::AtOnce,
        }
    }

    /// When all must be over, on this clock: `drain` after the stop was asked for. One end for the
    /// whole server, or those who are accepted late would each put it off.
    pub(crate) fn drain_end(&self, clock: Clock, drain: Duration) -> Time {
        let asked = self.0.asked.get().map_or(clock.now(), |asked| clock.time_of(*asked));
        asked + drain
    }

    /// Readable once a stop was asked for.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.wake.as_fd()
    }

    /// Readable once more is asked for than what was `heard`.
    pub fn descriptor_beyond(&self, heard: StopState) -> BorrowedFd<'_> {
        match heard {
            StopState::Run => self.0.wake.as_fd(),
            StopState::Drain | StopState::AtOnce => self.0.wake_at_once.as_fd(),
        }
    }

    fn raise(&self, state: StopState) {
        // Before the state, so that whoever sees the state finds it.
        self.0.asked.get_or_init(Instant::now);
        self.0.state.fetch_max(state as u8, Ordering::AcqRel);
        // The counters can only be full after 2^64 - 2 requests.
        let _ = rustix::io::write(&self.0.wake, &1_u64.to_ne_bytes());
        if state == StopState::AtOnce {
            let _ = rustix::io::write(&self.0.wake_at_once, &1_u64.to_ne_bytes());
        }
    }
}
