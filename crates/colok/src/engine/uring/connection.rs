//! What a worker holds of each place in its ring: next to nothing for a connection at rest.
//!
//! Nothing here acts.

use std::collections::VecDeque;

use colok_sys::uring::Lease;
use rustix::io::Errno;

use super::files::Filing;
use crate::engine::gate::Admission;
use crate::observe::Tap;
use crate::session::{Rest, Session};

/// A place in the ring.
#[derive(Debug)]
pub(super) enum Place<T: Tap> {
    /// Nobody's, or a connection that is being looked at.
    Free,
    /// A connection on which nothing is on its way.
    Resting(Rest),
    /// A connection on which something is.
    Awake(Box<Awake<T>>),
    /// A connection to a store.
    Filing(Box<Filing<T>>),
    /// A listener, by the number of its port.
    Listener(u16),
    /// Tells that something was put into the inbox.
    Inbox,
    /// Tells that a stop was asked for.
    Stop,
}

// With 8 bytes of the ring and 12 of the timers, an idle connection takes at most 96 bytes.
const _: () = assert!(size_of::<Place<crate::observe::NoTap>>() <= 72);

/// A connection on which something is on its way.
#[derive(Debug)]
pub(super) struct Awake<T: Tap> {
    pub(super) session: Session<T>,
    /// Which port it came from.
    pub(super) port: u16,
    /// Only for one that is being refused; who is served is known to the gate by its number.
    pub(super) refusal: Option<Admission>,
    /// What has arrived and the session could not take yet.
    pub(super) kept: VecDeque<Kept>,
    /// How receiving has ended, behind what is kept.
    pub(super) ended: Option<Result<(), Errno>>,
    /// The socket had no room; room is polled for.
    pub(super) blocked: bool,
    /// The socket is being closed.
    pub(super) closing: bool,
}

/// An arrival that waits for its session.
#[derive(Debug)]
pub(super) enum Kept {
    /// In the ring's buffer: for as long as a send of the same batch takes.
    Lease(Lease),
    /// Copied, because it may have to wait for long, and the ring's buffers are for all.
    Copy(Vec<u8>),
}

impl<T: Tap> Awake<T> {
    pub(super) fn new(session: Session<T>, port: u16) -> Self {
        Self {
            session,
            port,
            refusal: None,
            kept: VecDeque::new(),
            ended: None,
            blocked: false,
            closing: false,
        }
    }

    /// Whether the engine itself holds nothing for it that a rest would forget.
    #[inline]
    pub(super) fn may_rest(&self) -> bool {
        self.kept.is_empty()
            && self.ended.is_none()
            && !self.blocked
            && !self.closing
            && self.refusal.is_none()
    }
}
