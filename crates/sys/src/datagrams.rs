//! Many datagrams per call: `recvmmsg(2)`, `sendmmsg(2)`, and many in one: `UDP_SEGMENT`, `UDP_GRO`
//! (`udp(7)`).
//!
//! [`Arrivals`] and [`Departures`] own the kernel's lists, so that nothing is allocated per call.
//! Never waits by itself (`MSG_DONTWAIT`), and knows nothing of what datagrams mean.

mod options;
#[cfg(test)]
mod tests;

use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use rustix::io::Errno;

use crate::datagram::{last_errno, message_header, raw_address, socket_address, socklen};

pub use options::{receive_merged, segment};

/// What is to be told of datagrams beside their bytes. Each costs a little per datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tell {
    /// Who sent it; a connected socket knows.
    pub sources: bool,
    /// The size of the datagrams that the kernel has merged into one ([`receive_merged`]).
    pub segments: bool,
}

/// A datagram that has arrived, or several of one size from one sender, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// The bytes, as far as they had room.
    pub bytes: &'a [u8],
    /// Whether there were more than had room.
    pub cut: bool,
    /// Who sent it, when that was to be told.
    pub source: Option<SocketAddr>,
    /// The size of each of the merged datagrams but the last, which may be smaller.
    pub segment_bytes: Option<usize>,
}

/// Room for datagrams that arrive together.
pub struct Arrivals {
    bytes: Box<[u8]>,
    bytes_each: usize,
    tell: Tell,
    headers: Vec<libc::mmsghdr>,
    slices: Vec<libc::iovec>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    arrived: usize,
}

/// Room for one integer as control data, with its header.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_BYTES]);

/// What `CMSG_SPACE` makes of an integer of up to 8 bytes, on every system that we know.
const CONTROL_BYTES: usize = 24;

impl Arrivals {
    /// Room for `count` datagrams of up to `bytes_each`. Panics when there is none of either.
    pub fn new(count: usize, bytes_each: usize, tell: Tell) -> Self {
        assert!(count > 0 && bytes_each > 0, "there is room for something");
        let no_slice = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
        // SAFETY: all-zero bytes are a valid sockaddr_storage.
        let no_name = unsafe { MaybeUninit::<libc::sockaddr_storage>::zeroed().assume_init() };
        Self {
            bytes: vec![0; count * bytes_each].into_boxed_slice(),
            bytes_each,
            tell,
            headers: vec![no_message(); count],
            slices: vec![no_slice; count],
            names: if tell.sources { vec![no_name; count] } else { Vec::new() },
            controls: if tell.segments { vec![Control::NONE; count] } else { Vec::new() },
            arrived: 0,
        }
    }

    /// Takes what has arrived: how many, at least one. [`Errno::AGAIN`] when there is nothing.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> Result<usize, Errno> {
        self.arrived = 0;
        self.point();
        let count = u32::try_from(self.headers.len()).unwrap_or(u32::MAX);
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
        let no_timeout = std::ptr::null_mut();
        // SAFETY: `point` has just made every header point to memory of this struct that lives
        // across the call, each with its length, and no other thread has it.
        let arrived = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count,
                flags as _,
                no_timeout,
            )
        };
        self.arrived = usize::try_from(arrived).map_err(|_| last_errno())?;
        Ok(self.arrived)
    }

    /// What the last call took, in the order of arrival.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Arrival<'_>> {
        (0..self.arrived).map(|index| self.arrival(index))
    }

    fn arrival(&self, index: usize) -> Arrival<'_> {
        let header = &self.headers[index];
        let start = index * self.bytes_each;
        let length = header.msg_len as usize;
        let source = if self.tell.sources { socket_address(&self.names[index]) } else { None };
        Arrival {
            bytes: &self.bytes[start..start + length.min(self.bytes_each)],
            cut: length > self.bytes_each,
            source,
            segment_bytes: if self.tell.segments { merged(&header.msg_hdr) } else { None },
        }
    }

    /// Makes the lists point to the memory: anew for each call, since the kernel writes lengths
    /// into them and this struct may have been moved.
    fn point(&mut self) {
        let rooms = self.bytes.chunks_exact_mut(self.bytes_each);
        let each = self.headers.iter_mut().zip(&mut self.slices).zip(rooms);
        for (index, ((header, slice), room)) in each.enumerate() {
            slice.iov_base = room.as_mut_ptr().cast();
            slice.iov_len = room.len();
            header.msg_len = 0;
            let header = &mut header.msg_hdr;
            header.msg_iov = std::ptr::from_mut(slice);
            header.msg_iovlen = 1;
            header.msg_flags = 0;
            if let Some(name) = self.names.get_mut(index) {
                header.msg_name = std::ptr::from_mut(name).cast();
                header.msg_namelen = socklen::<libc::sockaddr_storage>();
            }
            if let Some(control) = self.controls.get_mut(index) {
                header.msg_control = control.0.as_mut_ptr().cast();
                header.msg_controllen = CONTROL_BYTES as _;
            }
        }
    }
}

impl Control {
    const NONE: Self = Self([0; CONTROL_BYTES]);
}

/// The size of merged datagrams, if the kernel has merged any into this one.
fn merged(header: &libc::msghdr) -> Option<usize> {
    // SAFETY: the header was filled by recvmmsg and its control memory is still alive.
    let message = unsafe { libc::CMSG_FIRSTHDR(header) };
    if message.is_null() {
        return None;
    }
    // SAFETY: CMSG_FIRSTHDR returns null or a pointer to a whole cmsghdr in the control memory.
    let kind = unsafe { message.read_unaligned() };
    if (kind.cmsg_level, kind.cmsg_type) != (libc::SOL_UDP, libc::UDP_GRO) {
        return None;
    }
    // SAFETY: the data follows the header inside the control memory.
    let data = unsafe { libc::CMSG_DATA(message) };
    // SAFETY: the kernel puts a whole int behind this header (udp(7)).
    let size = unsafe { data.cast::<libc::c_int>().read_unaligned() };
    usize::try_from(size).ok().filter(|size| *size > 0)
}

/// A datagram to be sent, or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// To whom; `None` on a connected socket.
    pub to: Option<SocketAddr>,
    /// Cut the bytes into datagrams of this size, the last as long as what is left: at most 128 of
    /// them and 65 507 bytes in all, and each must fit the route's MTU.
    pub segment_bytes: Option<u16>,
}

impl<'a> Departure<'a> {
    /// One datagram on a connected socket.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, to: None, segment_bytes: None }
    }
}

/// The lists that the kernel reads datagrams from.
pub struct Departures {
    headers: Vec<libc::mmsghdr>,
    slices: Vec<libc::iovec>,
    names: Vec<(libc::sockaddr_storage, libc::socklen_t)>,
    controls: Vec<Control>,
}

impl Departures {
    /// Room for lists of `count`; longer ones are sent as far as that.
    pub fn new(count: usize) -> Self {
        Self {
            headers: Vec::with_capacity(count),
            slices: Vec::with_capacity(count),
            names: Vec::with_capacity(count),
            controls: Vec::with_capacity(count),
        }
    }

    /// Sends datagrams, in this order: how many were taken, at least one. What stopped the kernel
    /// after the first is told by the next call.
    pub fn send<'a>(
        &mut self,
        socket: BorrowedFd<'_>,
        datagrams: impl IntoIterator<Item = Departure<'a>>,
    ) -> Result<usize, Errno> {
        self.list(datagrams);
        let count = u32::try_from(self.headers.len()).unwrap_or(u32::MAX);
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: `list` has just made every header point to memory of this struct and to the
        // bytes, all alive across the call; sendmmsg writes only `msg_len` of the headers.
        let sent = unsafe {
            libc::sendmmsg(socket.as_raw_fd(), self.headers.as_mut_ptr(), count, flags as _)
        };
        // The bytes are lent for this call alone.
        self.headers.clear();
        self.slices.clear();
        usize::try_from(sent).map_err(|_| last_errno())
    }

    fn list<'a>(&mut self, datagrams: impl IntoIterator<Item = Departure<'a>>) {
        self.headers.clear();
        self.slices.clear();
        self.names.clear();
        self.controls.clear();
        let most = self.headers.capacity();
        // All first, since what is pointed to below must not move any more.
        for datagram in datagrams.into_iter().take(most) {
            self.slices.push(libc::iovec {
                iov_base: datagram.bytes.as_ptr().cast_mut().cast(),
                iov_len: datagram.bytes.len(),
            });
            let mut message = no_message();
            if let Some(to) = datagram.to {
                self.names.push(raw_address(to));
                message.msg_hdr.msg_namelen = 1;
            }
            if let Some(size) = datagram.segment_bytes {
                self.controls.push(options::segment_control(size));
                message.msg_hdr.msg_controllen = 1;
            }
            self.headers.push(message);
        }
        let (mut names, mut controls) = (self.names.iter_mut(), self.controls.iter_mut());
        for (message, slice) in self.headers.iter_mut().zip(&mut self.slices) {
            let header = &mut message.msg_hdr;
            header.msg_iov = std::ptr::from_mut(slice);
            header.msg_iovlen = 1;
            if header.msg_namelen > 0
                && let Some((name, length)) = names.next()
            {
                header.msg_name = std::ptr::from_mut(name).cast();
                header.msg_namelen = *length;
            }
            if header.msg_controllen > 0
                && let Some(control) = controls.next()
            {
                header.msg_control = control.0.as_mut_ptr().cast();
                header.msg_controllen = CONTROL_BYTES as _;
            }
        }
    }
}

fn no_message() -> libc::mmsghdr {
    libc::mmsghdr { msg_hdr: message_header(), msg_len: 0 }
}

impl std::fmt::Debug for Arrivals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arrivals").field("arrived", &self.arrived).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Departures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Departures").finish_non_exhaustive()
    }
}
