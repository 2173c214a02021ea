//! Socket options that nothing safe wraps. Nothing here knows what an option means.

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

/// setsockopt(2) at the level `SOL_SOCKET`. What `value` points to, if it does, must live across
/// the call; the kernel copies it.
pub(crate) fn set<T>(socket: BorrowedFd<'_>, option: libc::c_int, value: &T) -> Result<(), Errno> {
    set_at(socket, libc::SOL_SOCKET, option, value)
}

/// The same at any level.
pub(crate) fn set_at<T>(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    value: &T,
) -> Result<(), Errno> {
    let length = libc::socklen_t::try_from(size_of::<T>()).map_err(|_| Errno::INVAL)?;
    let pointer = std::ptr::from_ref(value).cast();
    // SAFETY: the value lives across the call, which copies as many bytes as it has.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, pointer, length) };
    if result == 0 {
        return Ok(());
    }
    Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
}
