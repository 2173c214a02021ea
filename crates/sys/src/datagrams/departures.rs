//! Datagrams that leave together: sendmmsg(2), and sendmsg(2) for a single one.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use rustix::io::Errno;

use super::control::Control;
use super::no_message;
use crate::datagram::{ReplyFrom, last_errno, raw_address};

/// A datagram to be sent, or several.
#[derive(Clone, Copy, Debug)]
pub struct Departure<'a> {
    /// The bytes.
    pub bytes: Bytes<'a>,
    /// To whom; `None` on a connected socket.
    pub to: Option<SocketAddr>,
    /// The address that it leaves from; `None`: the kernel's choice.
    pub from: Option<ReplyFrom>,
    /// Cut the bytes into datagrams of this size, the last as long as what is left: at most
    /// [`SEGMENTS_MAX`](super::SEGMENTS_MAX) of them and
    /// [`DATAGRAM_BYTES_MAX`](super::DATAGRAM_BYTES_MAX) in all, and each must fit the route's MTU.
    pub segment_bytes: Option<u16>,
}

/// The bytes of a departure, wherever they are.
#[derive(Clone, Copy, Debug)]
pub enum Bytes<'a> {
    /// One after another.
    Whole(&'a [u8]),
    /// In pieces; the kernel takes at most 1024 (`UIO_MAXIOV`).
    Pieces(&'a [IoSlice<'a>]),
}

impl<'a> Departure<'a> {
    /// One datagram on a connected socket.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { bytes: Bytes::Whole(bytes), to: None, from: None, segment_bytes: None }
    }
}

/// The lists that the kernel reads datagrams from.
pub struct Departures {
    most: usize,
    headers: Vec<libc::mmsghdr>,
    slices: Vec<libc::iovec>,
    names: Vec<(libc::sockaddr_storage, libc::socklen_t)>,
    controls: Vec<Control>,
}

impl Departures {
    /// Room for lists of `count`; longer ones are sent as far as that.
    pub fn new(count: usize) -> Self {
        Self {
            most: count,
            headers: Vec::with_capacity(count),
            slices: Vec::with_capacity(count),
            names: Vec::with_capacity(count),
            controls: Vec::with_capacity(count),
        }
    }

    /// Sends datagrams, in this order, with sendmmsg(2): how many departures were taken, at least
    /// one. What stopped the kernel after the first is told by the next call.
    pub fn send<'a>(
        &mut self,
        socket: BorrowedFd<'_>,
        departures: impl IntoIterator<Item = Departure<'a>>,
    ) -> Result<usize, Errno> {
        self.list(departures);
        let count = u32::try_from(self.headers.len()).unwrap_or(u32::MAX);
        let headers = self.headers.as_mut_ptr();
        // SAFETY: `list` has just made every header point to memory of this struct and to the
        // bytes, all alive across the call; sendmmsg writes only `msg_len` of the headers.
        let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers, count, FLAGS as _) };
        self.forget();
        usize::try_from(sent).map_err(|_| last_errno())
    }

    /// Sends a single departure with sendmsg(2), which costs less than a list of one: the bytes
    /// that were taken.
    pub fn send_one(
        &mut self,
        socket: BorrowedFd<'_>,
        departure: Departure<'_>,
    ) -> Result<usize, Errno> {
        self.list([departure]);
        let Some(header) = self.headers.first() else { return Ok(0) };
        // SAFETY: as for `send`; sendmsg only reads.
        let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header.msg_hdr, FLAGS) };
        self.forget();
        usize::try_from(sent).map_err(|_| last_errno())
    }

    /// The bytes are lent for one call alone.
    fn forget(&mut self) {
        self.headers.clear();
        self.slices.clear();
        self.names.clear();
        self.controls.clear();
    }

    fn list<'a>(&mut self, departures: impl IntoIterator<Item = Departure<'a>>) {
        self.forget();
        for departure in departures.into_iter().take(self.most) {
            let mut message = no_message();
            let header = &mut message.msg_hdr;
            match departure.bytes {
                Bytes::Whole(bytes) => {
                    let slice = libc::iovec {
                        iov_base: bytes.as_ptr().cast_mut().cast(),
                        iov_len: bytes.len(),
                    };
                    header.msg_iov = push_in_place(&mut self.slices, slice);
                    header.msg_iovlen = 1;
                }
                Bytes::Pieces(pieces) => {
                    // IoSlice has the layout of iovec.
                    header.msg_iov = pieces.as_ptr().cast_mut().cast();
                    header.msg_iovlen = pieces.len() as _;
                }
            }
            if let Some(to) = departure.to {
                let name = push_in_place(&mut self.names, raw_address(to));
                header.msg_namelen = self.names.last().map_or(0, |(_, length)| *length);
                header.msg_name = name.cast();
            }
            if departure.from.is_some() || departure.segment_bytes.is_some() {
                let mut control = Control::NONE;
                header.msg_controllen = control.write(departure.from, departure.segment_bytes) as _;
                header.msg_control = push_in_place(&mut self.controls, control).cast();
            }
            self.headers.push(message);
        }
    }
}

// SAFETY: its lists are its own, and they point to other memory only while `send` or `send_one`
// runs: no thread holds what another may change.
unsafe impl Send for Departures {}

/// Never waits, and a socket that is gone is an error, not a signal.
const FLAGS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

/// Appends a value; where it is, which does not change, since there is room for it.
fn push_in_place<V>(list: &mut Vec<V>, value: V) -> *mut V {
    assert!(list.len() < list.capacity(), "what is pointed to must not move");
    list.push(value);
    list.as_mut_ptr().wrapping_add(list.len() - 1)
}

impl std::fmt::Debug for Departures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Departures").finish_non_exhaustive()
    }
}
