//! Which descriptors a program that is executed gets.

use rustix::io::Errno;

/// The first descriptor after the standard streams.
const FIRST: libc::c_uint = 3;

/// Lets programs that this process executes have the standard streams and nothing else that is open
/// now: `close_range(2)` with `CLOSE_RANGE_CLOEXEC`, of Linux 5.11. Nothing is closed here.
///
/// Whoever started this process may have left descriptors open, which would count against a limit
/// of descriptors and keep pipes of others open.
pub fn keep_from_programs() -> Result<(), Errno> {
    let flags = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: it sets a flag of descriptors and touches no memory. Nothing here relies on a
    // descriptor being inherited: those that `Command` passes on are set up after its fork.
    let result = unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, flags) };
    if result == 0 {
        return Ok(());
    }
    let error = std::io::Error::last_os_error();
    Err(Errno::from_io_error(&error).unwrap_or(Errno::NOSYS))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};

    use super::*;

    #[test]
    fn what_was_open_is_not_inherited_and_stays_open() {
        let file = std::fs::File::open("/dev/null").expect("it is always there");
        assert!(file.as_raw_fd() >= 3);
        fcntl_setfd(&file, FdFlags::empty()).expect("it is open");
        keep_from_programs().expect("Linux 5.11");
        assert_eq!(fcntl_getfd(&file), Ok(FdFlags::CLOEXEC));
    }
}
