//! Many datagrams per call: `recvmmsg(2)`, `sendmmsg(2)`, and many in one: `UDP_SEGMENT`, `UDP_GRO`
//! (`udp(7)`).
//!
//! [`Arrivals`] and [`Departures`] own the kernel's lists, so that nothing is allocated per call.
//! Never waits by itself (`MSG_DONTWAIT`), and knows nothing of what datagrams mean.

pub(crate) mod control;
mod departures;
mod options;
#[cfg(test)]
mod tests;

use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use rustix::io::Errno;

use crate::datagram::{ReplyFrom, last_errno, message_header, socket_address, socklen};
use control::{CONTROL_BYTES, Control, Told};

pub use departures::{Bytes, Departure, Departures};
pub use options::{drops, receive_merged, segment};

/// The longest datagram: 65 535 bytes less the headers of IPv4 (20) and UDP (8).
pub const DATAGRAM_BYTES_MAX: usize = 65_507;

/// The most datagrams that one send is cut into. Kernels before 6.9 refuse more
/// (`UDP_MAX_SEGMENTS`), and beyond it a send costs next to nothing compared with its datagrams.
pub const SEGMENTS_MAX: usize = 64;

/// What is to be told of datagrams beside their bytes. Each costs a little per datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tell {
    /// Who sent it; a connected socket knows.
    pub sources: bool,
    /// The size of the datagrams that the kernel has merged into one ([`receive_merged`]), and
    /// where they came to
    /// ([`receive_destination`](crate::datagram::receive_destination)).
    pub details: bool,
}

/// A datagram that has arrived, or several of one size from one sender, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// The bytes, as far as they had room.
    pub bytes: &'a [u8],
    /// Where they begin in [`Arrivals::memory`].
    pub at: usize,
    /// Whether there were more than had room.
    pub cut: bool,
    /// Who sent it, when that was to be told.
    pub source: Option<SocketAddr>,
    /// Where a reply should leave from, when that was to be told and the kernel did.
    pub reply_from: Option<ReplyFrom>,
    /// The size of each of the merged datagrams but the last, which may be smaller.
    pub segment_bytes: Option<usize>,
}

/// Room for datagrams that arrive together.
pub struct Arrivals {
    memory: Vec<u8>,
    bytes_each: usize,
    tell: Tell,
    headers: Vec<libc::mmsghdr>,
    /// What the headers point to, and the kernel writes: never grown, so it never moves.
    slices: Vec<libc::iovec>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    arrived: usize,
    /// Headers that the kernel may have written to since they were made ready.
    used: usize,
}

impl Arrivals {
    /// Room for `count` datagrams of up to `bytes_each`. Panics when there is none of either.
    pub fn new(count: usize, bytes_each: usize, tell: Tell) -> Self {
        assert!(count > 0 && bytes_each > 0, "there is room for something");
        // SAFETY: all-zero bytes are a valid sockaddr_storage.
        let no_name = unsafe { MaybeUninit::<libc::sockaddr_storage>::zeroed().assume_init() };
        let mut memory = vec![0_u8; count * bytes_each];
        let start = memory.as_mut_ptr();
        let slice = |index: usize| libc::iovec {
            iov_base: start.wrapping_add(index * bytes_each).cast(),
            iov_len: bytes_each,
        };
        Self {
            memory,
            bytes_each,
            tell,
            headers: vec![no_message(); count],
            slices: (0..count).map(slice).collect(),
            names: if tell.sources { vec![no_name; count] } else { Vec::new() },
            controls: if tell.details { vec![Control::NONE; count] } else { Vec::new() },
            arrived: 0,
            used: count,
        }
    }

    /// Takes what has arrived: how many, at least one. [`Errno::AGAIN`] when there is nothing.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> Result<usize, Errno> {
        self.arrived = 0;
        self.make_ready();
        let count = u32::try_from(self.headers.len()).unwrap_or(u32::MAX);
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
        let headers = self.headers.as_mut_ptr();
        let no_timeout = std::ptr::null_mut();
        // SAFETY: every header points to memory of this struct, with its length, that is never
        // grown or given back before it; no other thread has it, and no reference to it lives.
        let arrived =
            unsafe { libc::recvmmsg(socket.as_raw_fd(), headers, count, flags as _, no_timeout) };
        let arrived = usize::try_from(arrived).map_err(|_| last_errno());
        self.arrived = arrived.unwrap_or(0);
        // The one that ended the call may have been begun.
        self.used = (self.arrived + 1).min(self.headers.len());
        arrived
    }

    /// What the last call took, in the order of arrival.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Arrival<'_>> {
        (0..self.arrived).map(|index| self.arrival(index))
    }

    /// How many the last call took.
    pub fn len(&self) -> usize {
        self.arrived
    }

    /// Whether the last call took none.
    pub fn is_empty(&self) -> bool {
        self.arrived == 0
    }

    /// One of those that the last call took, counted from 0. Panics when there are fewer.
    #[inline]
    pub fn arrival(&self, index: usize) -> Arrival<'_> {
        assert!(index < self.arrived, "it has arrived");
        let header = &self.headers[index];
        let at = index * self.bytes_each;
        let length = header.msg_len as usize;
        let source = if self.tell.sources { socket_address(&self.names[index]) } else { None };
        let told = if self.tell.details { control::read(&header.msg_hdr) } else { Told::default() };
        Arrival {
            bytes: &self.memory[at..at + length.min(self.bytes_each)],
            at,
            cut: length > self.bytes_each,
            source,
            reply_from: told.reply_from,
            segment_bytes: told.segment_bytes,
        }
    }

    /// The memory that all of them are in.
    pub fn memory(&self) -> &[u8] {
        &self.memory
    }

    /// Makes the headers that were used ready for another call: the kernel writes lengths into
    /// them. What they point to does not move, also when this struct does.
    fn make_ready(&mut self) {
        let (slices, names) = (self.slices.as_mut_ptr(), self.names.as_mut_ptr());
        let controls = self.controls.as_mut_ptr();
        for (index, header) in self.headers[..self.used].iter_mut().enumerate() {
            let header = &mut header.msg_hdr;
            header.msg_iov = slices.wrapping_add(index);
            header.msg_iovlen = 1;
            header.msg_flags = 0;
            if self.tell.sources {
                header.msg_name = names.wrapping_add(index).cast();
                header.msg_namelen = socklen::<libc::sockaddr_storage>();
            }
            if self.tell.details {
                header.msg_control = controls.wrapping_add(index).cast();
                header.msg_controllen = CONTROL_BYTES as _;
            }
        }
        self.used = 0;
    }
}

// SAFETY: all that its lists point to is its own memory, which moves with it to another thread.
unsafe impl Send for Arrivals {}

fn no_message() -> libc::mmsghdr {
    libc::mmsghdr { msg_hdr: message_header(), msg_len: 0 }
}

impl std::fmt::Debug for Arrivals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arrivals").field("arrived", &self.arrived).finish_non_exhaustive()
    }
}
