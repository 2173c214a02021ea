//! How replies leave: few calls, and what becomes of those that the kernel does not take.
//!
//! A train that is refused as a whole (a route or a device that cannot cut, or a datagram that is
//! longer than the route takes at once) leaves one by one, and the length is remembered. A socket
//! without room is waited for once per turn; then what is left is lost, as datagrams may be.
//! Nothing here decides who is answered.

use std::io::IoSlice;

use colok_sys::datagrams::{Bytes, DATAGRAM_BYTES_MAX, Departure};
use rustix::io::Errno;

use super::replies::{Replies, Slices, Train};

/// Where replies leave.
pub(super) trait Outlet {
    /// Sends one; its bytes are cut when it says so.
    fn send_one(&mut self, departure: Departure<'_>) -> Result<(), Errno>;

    /// Sends several: how many of them were taken, at least one.
    fn send_many<'a>(
        &mut self,
        count: usize,
        departures: impl Iterator<Item = Departure<'a>>,
    ) -> Result<usize, Errno>;

    /// Waits a little for room.
    fn wait(&mut self);
}

/// What is known of sending several datagrams as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segmenting {
    /// The longest datagram that may be one of several; 0: none.
    pub(super) bytes_max: usize,
}

impl Segmenting {
    /// Nothing was refused yet.
    pub(super) const ANY: Self = Self { bytes_max: DATAGRAM_BYTES_MAX };

    /// Whether the error means that a train cannot leave as one; if so it is remembered. Routes
    /// differ in what they take at once, and the shortest that was refused holds for all.
    fn heed(&mut self, train: &Train, errno: Errno) -> bool {
        if train.count == 1 {
            return false;
        }
        match errno {
            // Longer than the route's MTU.
            Errno::INVAL | Errno::MSGSIZE => {
                self.bytes_max = self.bytes_max.min(train.segment_bytes.saturating_sub(1));
            }
            // The device or the route does not cut (udp(7)), or the kernel knows nothing of it.
            Errno::IO | Errno::OPNOTSUPP | Errno::NOPROTOOPT => self.bytes_max = 0,
            _ => return false,
        }
        true
    }
}

/// Sends all replies; `sent` is told of each train how many of its first datagrams have left.
pub(super) fn send_all(
    replies: &Replies,
    memory: &[u8],
    segmenting: &mut Segmenting,
    outlet: &mut impl Outlet,
    mut sent: impl FnMut(&Train, usize),
) {
    let trains = replies.trains();
    if trains.is_empty() {
        return;
    }
    let slices = replies.slices(memory);
    let mut next = 0;
    let mut patient = true;
    while next < trains.len() {
        match send_some(trains, &slices, next, outlet) {
            Ok(count) => {
                let gone = &trains[next..trains.len().min(next + count.max(1))];
                for train in gone {
                    sent(train, train.count);
                }
                next += gone.len();
            }
            Err(Errno::AGAIN) if patient => {
                patient = false;
                outlet.wait();
            }
            Err(Errno::AGAIN) => break,
            Err(errno) => {
                let train = &trains[next];
                let one_by_one = segmenting.heed(train, errno);
                let left = if one_by_one { send_each(train, slices.of(next), outlet) } else { 0 };
                sent(train, left);
                next += 1;
            }
        }
    }
    for train in &trains[next..] {
        sent(train, 0);
    }
}

/// Sends the train at `next`, or more of them: how many.
fn send_some(
    trains: &[Train],
    slices: &Slices<'_>,
    next: usize,
    outlet: &mut impl Outlet,
) -> Result<usize, Errno> {
    let departure = |index: usize| departure(&trains[index], slices.of(index));
    if next + 1 == trains.len() {
        return outlet.send_one(departure(next)).map(|()| 1);
    }
    outlet.send_many(trains.len() - next, (next..trains.len()).map(departure))
}

/// Sends the datagrams of a train one by one: how many of them left before one was not taken.
fn send_each(train: &Train, pieces: &[IoSlice<'_>], outlet: &mut impl Outlet) -> usize {
    // A piece holds whole datagrams.
    let datagrams = pieces.iter().flat_map(|piece| piece.chunks(train.segment_bytes.max(1)));
    let whole = |bytes| Departure {
        bytes: Bytes::Whole(bytes),
        to: Some(train.route.to),
        from: train.route.from,
        segment_bytes: None,
    };
    datagrams.take_while(|bytes| outlet.send_one(whole(*bytes)).is_ok()).count()
}

fn departure<'a>(train: &Train, pieces: &'a [IoSlice<'a>]) -> Departure<'a> {
    let cut = train.count > 1;
    Departure {
        bytes: Bytes::Pieces(pieces),
        to: Some(train.route.to),
        from: train.route.from,
        segment_bytes: u16::try_from(train.segment_bytes).ok().filter(|_| cut),
    }
}
