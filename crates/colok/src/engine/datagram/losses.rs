//! Datagrams that the kernel threw away before we read them, because they came faster than that.
//!
//! The kernel counts them per socket; that count is asked for once a second while datagrams come,
//! and at the end, so that it costs no datagram anything. What was lost elsewhere (on the network,
//! in the sender's own socket) nobody here can know.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use colok_proto::Time;
use colok_sys::datagrams::drops;

use crate::observe::{Calls, Tap};

/// How long a loss may be unknown to us.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is known of the losses of one socket.
#[derive(Debug)]
pub(super) struct Losses {
    /// The kernel's count when last looked at; it wraps.
    count: u32,
    looked: Time,
    /// Datagrams came since.
    busy: bool,
    /// They have been told of.
    told: bool,
}

impl Losses {
    /// Counts from now on: a worker process may be given a socket that another one served before.
    pub(super) fn begin<T: Tap>(socket: BorrowedFd<'_>, calls: Calls<'_, T>) -> Self {
        let count = ask(socket, calls).unwrap_or(0);
        Self { count, looked: Time::ZERO, busy: false, told: false }
    }

    /// How many more there were when it is time to look, or the end has come (`at_end`). `busy`:
    /// datagrams came since it was asked last.
    pub(super) fn look<T: Tap>(
        &mut self,
        socket: BorrowedFd<'_>,
        calls: Calls<'_, T>,
        now: Time,
        busy: bool,
        at_end: bool,
    ) -> u64 {
        self.busy |= busy;
        let is_time = self.busy && now.since(self.looked) >= LOOK_EVERY;
        if !(is_time || at_end) {
            return 0;
        }
        (self.looked, self.busy) = (now, false);
        let Some(count) = ask(socket, calls) else { return 0 };
        let more = count.wrapping_sub(self.count);
        self.count = count;
        more.into()
    }

    /// Whether nobody was told yet that there are any; from now on somebody was.
    pub(super) fn is_news(&mut self) -> bool {
        !std::mem::replace(&mut self.told, true)
    }

    /// How long a wait for datagrams may last before it is time to look.
    pub(super) fn look_again_within(&self) -> Duration {
        if self.busy { LOOK_EVERY } else { Duration::MAX }
    }
}

/// The kernel's count; `None` where it does not tell.
fn ask<T: Tap>(socket: BorrowedFd<'_>, calls: Calls<'_, T>) -> Option<u32> {
    let value = |count: &u32| i64::from(*count);
    let run = || drops(socket);
    calls.observe("getsockopt", Some(socket), || "SO_MEMINFO".to_owned(), run, value).ok()
}
