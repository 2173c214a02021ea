//! Input that nobody looks at: an engine may leave it to the kernel to throw it away.
//!
//! For every bound and every report these bytes were received like any others; only their values
//! were never here.

use colok_proto::Time;

use super::{Desk, Phase, Session};
use crate::observe::Tap;

impl<T: Tap> Session<T> {
    /// Whether the bytes to come are looked at neither by the machine nor by an observer, so that
    /// [`Session::received_blindly`] may take the place of [`Session::received`]: with a service
    /// that throws away what it receives, and once a close has begun.
    #[inline]
    pub fn receives_blindly(&self) -> bool {
        let seen = T::DETAIL && (self.preview.is_some() || self.hashes.is_some());
        !seen && (self.phase != Phase::Open || self.machine.ignores_input())
    }

    /// `length` bytes came and were thrown away. Only while [`Session::receives_blindly`] and when
    /// [`Session::next`] said `receive`. The turn is ended without an arrival.
    #[inline]
    pub fn received_blindly(&mut self, now: Time, length: usize, desk: &mut Desk) {
        debug_assert!(self.receives_blindly(), "somebody wants to see what is received");
        self.bytes_received += length as u64;
        self.pace(now, length as u64);
        if self.phase == Phase::Open {
            self.active_at = now;
            self.close_when_overdue(now);
        } else {
            self.discarded += length as u64;
            self.tick(now, desk);
        }
    }
}
