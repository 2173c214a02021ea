//! Waiting for descriptors with an end: poll(2) that goes on after a signal.
//!
//! It decides nothing; who waits names the descriptors and the time.

use colok_proto::Time;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::clock::Clock;

/// What makes a descriptor worth reading: bytes, end or error.
pub(super) const READABLE: PollFlags = PollFlags::IN.union(PollFlags::HUP).union(PollFlags::ERR);

/// What makes a descriptor worth writing: room or error.
pub(super) const WRITABLE: PollFlags = PollFlags::OUT.union(PollFlags::HUP).union(PollFlags::ERR);

/// Waits until a descriptor is ready or `until` has come, and returns how many are ready. When
/// `until` has passed the descriptors are still looked at once, so that input is drained before
/// time is acted on.
pub(super) fn wait(
    descriptors: &mut [PollFd<'_>],
    until: Option<Time>,
    clock: &Clock,
) -> Result<usize, Errno> {
    loop {
        // A time that no timespec can hold is never reached: wait without end.
        let timeout = until.and_then(|until| Timespec::try_from(clock.until(until)).ok());
        match poll(descriptors, timeout.as_ref()) {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

/// Waits until `until`, whatever happens.
pub(super) fn pause(until: Time, clock: &Clock) -> Result<(), Errno> {
    while clock.now() < until {
        wait(&mut [], Some(until), clock)?;
    }
    Ok(())
}

/// The earlier of two times, when there is one.
pub(super) fn earliest(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
