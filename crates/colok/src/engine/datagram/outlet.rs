//! A socket as the place where replies leave: each call is told to the tap. Nothing here decides
//! what becomes of replies that are not taken.

use std::os::fd::BorrowedFd;

use colok_sys::datagrams::{Bytes, Departure, Departures};
use rustix::io::Errno;

use super::SEND_WAIT;
use super::departure::Outlet;
use crate::engine::blocking::wait;
use crate::observe::{Calls, Tap};

/// A UDP socket, and the lists that the kernel reads replies from.
pub(super) struct SocketOutlet<'a, T: Tap> {
    pub(super) descriptor: BorrowedFd<'a>,
    pub(super) departures: &'a mut Departures,
    pub(super) calls: Calls<'a, T>,
}

impl<T: Tap> Outlet for SocketOutlet<'_, T> {
    fn send_one(&mut self, departure: Departure<'_>) -> Result<(), Errno> {
        let (socket, departures) = (self.descriptor, &mut *self.departures);
        let arguments = || text_of(&departure);
        let run = || departures.send_one(socket, departure);
        self.calls.observe("sendmsg", Some(socket), arguments, run, value).map(drop)
    }

    fn send_many<'a>(
        &mut self,
        count: usize,
        departures: impl Iterator<Item = Departure<'a>>,
    ) -> Result<usize, Errno> {
        let (socket, lists) = (self.descriptor, &mut *self.departures);
        let run = || lists.send(socket, departures);
        self.calls.observe("sendmmsg", Some(socket), || count.to_string(), run, value)
    }

    fn wait(&mut self) {
        wait(self.descriptor, false, true, None, SEND_WAIT);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is called with what calls return")]
fn value(result: &usize) -> i64 {
    i64::try_from(*result).unwrap_or(i64::MAX)
}

/// A departure for people: how long, how it is cut, where it goes.
fn text_of(departure: &Departure<'_>) -> String {
    let length = match departure.bytes {
        Bytes::Whole(bytes) => bytes.len(),
        Bytes::Pieces(pieces) => pieces.iter().map(|piece| piece.len()).sum(),
    };
    let cut = departure.segment_bytes.map(|size| format!(" by {size}")).unwrap_or_default();
    let to = departure.to.map(|to| format!(", {to}")).unwrap_or_default();
    format!("{length} bytes{cut}{to}")
}
