//! For engines whose writes complete later: output is lent to the kernel, and counts as sent unless
//! it comes back.
//!
//! That way nothing of a session has to be touched again when all of it has left, which is how it
//! nearly always ends; a connection may rest meanwhile. The engine sees to it that nothing is lent
//! while something is, and that writing is not shut down, nor the socket closed, before it is back.

use std::io::IoSlice;

use colok_proto::Time;
use rustix::io::Errno;

use super::{Desk, Session};
use crate::observe::Tap;

impl<T: Tap> Session<T> {
    /// Runs a turn to its end, as [`Session::pump`] does, for a kernel that takes one piece of
    /// output at a time: `give` is called at most once, with what waits, and says how much of it it
    /// has taken. `input` is the arrival that was just given to [`Session::received`], or empty.
    #[inline]
    pub fn lend(
        &mut self,
        now: Time,
        input: &[u8],
        desk: &mut Desk,
        give: impl FnOnce(&[IoSlice<'_>]) -> usize,
    ) {
        let mut give = Some(give);
        self.turn(now, input, desk, |slices| match give.take() {
            Some(give) => Ok(give(slices)),
            None => Err(Errno::AGAIN),
        });
    }

    /// Of what was lent these bytes have left. Only for those who watch: without them there is
    /// nothing to do.
    #[inline]
    pub fn left(&mut self, bytes: &[u8]) {
        if T::DETAIL {
            self.hash_sent(bytes);
            self.report_reply(bytes.len() as u64);
        }
    }

    /// Of what was lent these bytes have not left: they go first when there is room again.
    pub fn came_back(&mut self, bytes: &[u8]) {
        self.bytes_sent -= bytes.len() as u64;
        self.backlog.get_or_insert_default().put_back(bytes);
    }
}
