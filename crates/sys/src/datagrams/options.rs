//! The options of a UDP socket that make the kernel cut and merge datagrams.

use std::os::fd::{AsRawFd as _, BorrowedFd};

use rustix::io::Errno;

use super::{CONTROL_BYTES, Control};
use crate::datagram::{last_errno, socklen};

/// Lets the kernel merge datagrams of one size from one sender into one arrival (`UDP_GRO`), which
/// must then have room for 65 507 bytes.
pub fn receive_merged(socket: BorrowedFd<'_>, merged: bool) -> Result<(), Errno> {
    set(socket, libc::UDP_GRO, libc::c_int::from(merged))
}

/// Cuts everything that is sent into datagrams of this size (`UDP_SEGMENT`); 0: cuts nothing.
pub fn segment(socket: BorrowedFd<'_>, bytes: u16) -> Result<(), Errno> {
    set(socket, libc::UDP_SEGMENT, libc::c_int::from(bytes))
}

fn set(socket: BorrowedFd<'_>, option: libc::c_int, value: libc::c_int) -> Result<(), Errno> {
    let pointer = (&raw const value).cast();
    let length = socklen::<libc::c_int>();
    // SAFETY: the value is a c_int that lives across the call, and its size is given.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_UDP, option, pointer, length) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

/// The control data that cuts one send.
pub(super) fn segment_control(size: u16) -> Control {
    let payload = u32::try_from(size_of::<u16>()).unwrap_or(u32::MAX);
    // SAFETY: CMSG_LEN only computes.
    let length = unsafe { libc::CMSG_LEN(payload) };
    let head = libc::cmsghdr {
        cmsg_len: length as _,
        cmsg_level: libc::SOL_UDP,
        cmsg_type: libc::UDP_SEGMENT,
    };
    let data_at = size_of::<libc::cmsghdr>();
    const { assert!(size_of::<libc::cmsghdr>() + size_of::<u64>() <= CONTROL_BYTES) };
    let mut control = Control::NONE;
    let place = (&raw mut control).cast::<libc::cmsghdr>();
    // SAFETY: the control memory has room and alignment for a header, as asserted above.
    unsafe { place.write(head) };
    control.0[data_at..data_at + size_of::<u16>()].copy_from_slice(&size.to_ne_bytes());
    control
}
