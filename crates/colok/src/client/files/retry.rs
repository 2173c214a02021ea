//! When a broken transfer is tried again, and for how long.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use colok_proto::Time;
use rustix::event::{PollFd, PollFlags};

use super::FileClient;
use super::problem::{Activity, FilesError};
use super::update::{Observer, Update};
use crate::client::wait::{earliest, wait};
use crate::error::Error;
use crate::observe::Tap;

/// The longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Counts tries from the last progress.
#[derive(Debug)]
pub(super) struct Tries {
    done: u32,
    /// The farthest byte of the current file that is known to have arrived.
    reached: u64,
    pause_first: Duration,
}

impl Tries {
    pub(super) fn new<T: Tap>(client: &FileClient<'_, T>) -> Self {
        Self { done: 1, reached: 0, pause_first: client.options.retry_pause }
    }

    /// Something arrived: what follows has all tries again.
    pub(super) fn progressed(&mut self) {
        (self.done, self.reached) = (1, 0);
    }

    /// So much of the current file is known to have arrived, in bytes.
    pub(super) fn progressed_to(&mut self, offset: u64) {
        if offset > self.reached {
            (self.done, self.reached) = (1, offset);
        }
    }

    /// Pauses before the next try, or gives up with the error.
    pub(super) fn again<T: Tap>(
        &mut self,
        client: &FileClient<'_, T>,
        error: FilesError,
        observer: &mut Observer<'_>,
    ) -> Result<(), FilesError> {
        let tries_max = client.options.tries_max;
        let pause = self.pause_first.saturating_mul(1 << (self.done - 1).min(16)).min(PAUSE_MAX);
        let until = client.clock.now() + pause;
        let too_late = client.options.connect.deadline.is_some_and(|deadline| deadline <= until);
        if self.done >= tries_max || too_late {
            return Err(error);
        }
        self.done += 1;
        observer(Update::Retry { error: &error, next_try: self.done, tries_max, pause });
        client.rest(until)
    }
}

impl<T: Tap> FileClient<'_, T> {
    /// Waits until `until`, unless interrupted.
    pub(super) fn rest(&self, until: Time) -> Result<(), FilesError> {
        while self.clock.now() < until {
            self.wait_for(None, Some(until))?;
        }
        Ok(())
    }

    /// Waits until a descriptor of this computer is ready; `false` when `until` came first.
    pub(super) fn wait_for_descriptor(
        &self,
        descriptor: BorrowedFd<'_>,
        events: PollFlags,
        until: Option<Time>,
    ) -> Result<bool, FilesError> {
        self.wait_for(Some(PollFd::from_borrowed_fd(descriptor, events)), until)
    }

    fn wait_for(
        &self,
        descriptor: Option<PollFd<'_>>,
        until: Option<Time>,
    ) -> Result<bool, FilesError> {
        self.may_go_on(Activity::Waiting)?;
        let deadline = self.options.connect.deadline;
        let interrupt = self.options.interrupt.as_ref();
        let wake = interrupt.map(|one| PollFd::from_borrowed_fd(one.wake(), PollFlags::IN));
        let mut watched: Vec<_> = descriptor.into_iter().chain(wake).collect();
        let count = wait(&mut watched, earliest(until, deadline), self.clock)
            .map_err(|errno| Error::call("poll", self.server(), errno))?;
        if count > 0 {
            self.stop_if_interrupted()?;
        } else {
            self.may_go_on(Activity::Waiting)?;
        }
        Ok(count > 0)
    }

    /// Fails when it was interrupted, or the time for everything is over. Whoever waits has it
    /// looked at before each wait: where something is always ready no wait ever ends it.
    pub(super) fn may_go_on(&self, during: Activity) -> Result<(), FilesError> {
        self.stop_if_interrupted()?;
        let deadline = self.options.connect.deadline;
        if deadline.is_some_and(|deadline| self.clock.now() >= deadline) {
            return Err(FilesError::Deadline { address: self.server(), during });
        }
        Ok(())
    }

    /// Fails when it was interrupted.
    pub(super) fn stop_if_interrupted(&self) -> Result<(), FilesError> {
        let interrupt = self.options.interrupt.as_ref();
        if interrupt.is_some_and(super::Interrupt::is_raised) {
            return Err(FilesError::Interrupted);
        }
        Ok(())
    }
}
