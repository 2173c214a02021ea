//! The options of a UDP socket that make the kernel cut and merge datagrams, and its count of those
//! that were lost. Nothing here sends or receives.

use std::os::fd::{AsRawFd as _, BorrowedFd};

use rustix::io::Errno;

use crate::datagram::{last_errno, socklen};
use crate::option;

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
    option::set_at(socket, libc::SOL_UDP, option, &value)
}

/// How many datagrams the kernel threw away at this socket since it was opened, because its receive
/// buffer was full (or, rarely, their checksum was wrong): the counter that `SO_RXQ_OVFL` tells
/// with each datagram, asked for when it is wanted instead (`SO_MEMINFO`, Linux 4.12). It wraps.
pub fn drops(socket: BorrowedFd<'_>) -> Result<u32, Errno> {
    let mut figures = [0_u32; libc::SK_MEMINFO_DROPS as usize + 1];
    let mut length = socklen::<[u32; libc::SK_MEMINFO_DROPS as usize + 1]>();
    let pointer = figures.as_mut_ptr().cast();
    // SAFETY: the kernel writes at most `length` bytes, which is what the figures have.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            pointer,
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(last_errno());
    }
    Ok(figures[libc::SK_MEMINFO_DROPS as usize])
}
