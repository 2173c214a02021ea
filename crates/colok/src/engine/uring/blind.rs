//! Connections whose bytes nobody looks at: the kernel throws them away without copying them.
//!
//! No operation of a ring does that, so the ring says when there is something, and a call throws it
//! away.

use colok_sys::uring::{Readiness, Stream};
use rustix::io::Errno;

use super::connection::Awake;
use super::worker::Worker;
use crate::observe::Tap;
use crate::session::Next;

/// What is thrown away at a time at most, in bytes.
const BLIND_BYTES: usize = 1 << 20;

/// Calls for one connection before the others get their turn.
const CALLS_MAX: usize = 16;

impl<T: Tap> Worker<'_, T> {
    /// Whether nobody looks at what this connection receives.
    #[inline]
    pub(super) fn is_blind(&self, awake: &Awake<T>) -> bool {
        let discards = self.ports[usize::from(awake.port)].discards();
        discards && awake.session.reason().is_none() && awake.session.receives_blindly()
    }

    /// Waits for something to throw away, unless that goes on.
    pub(super) fn poll_blindly(&mut self, stream: Stream) {
        if !self.ring.is_polling(stream) {
            self.just_armed.push(stream);
            self.queued(|ring| ring.poll(stream, Readiness::Read));
        }
    }

    /// Throws away what is there.
    pub(super) fn throw_away(&mut self, stream: Stream, awake: &mut Awake<T>) {
        for _ in 0..CALLS_MAX {
            let Next::Wait { receive: true, .. } = awake.session.next(&self.desk) else { return };
            let limit = awake.session.blind_limit().min(BLIND_BYTES);
            let socket = self.ring.socket(stream);
            let run = || colok_sys::receive::discard(socket, limit);
            let value = |length: &usize| i64::try_from(*length).unwrap_or(i64::MAX);
            let arguments = || format!("MSG_TRUNC {limit}");
            match self.calls().observe("recvfrom", Some(socket), arguments, run, value) {
                Ok(0) => awake.ended = Some(Ok(())),
                Ok(length) => {
                    awake.session.received_blindly(self.now, length, &mut self.desk);
                    awake.session.detach(&[], &mut self.desk);
                    if length == limit && self.is_blind(awake) {
                        continue;
                    }
                }
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => {}
                Err(errno) => awake.ended = Some(Err(errno)),
            }
            return;
        }
    }
}
