//! Namespaces: a process leaves those it was born into. Nothing here enters one or names one.

use rustix::io::Errno;
use rustix::thread::UnshareFlags;

/// unshare(2), of namespaces only: `INVAL` for the tables that threads share (files, memory...).
pub fn unshare(namespaces: UnshareFlags) -> Result<(), Errno> {
    let all = UnshareFlags::NEWUSER
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWCGROUP;
    if !all.contains(namespaces) {
        return Err(Errno::INVAL);
    }
    // SAFETY: of the flags only `FILES` is a danger, to threads that share descriptors; see above.
    unsafe { rustix::thread::unshare_unsafe(namespaces) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_threads_are_not_unshared() {
        assert_eq!(unshare(UnshareFlags::FILES), Err(Errno::INVAL));
        assert_eq!(unshare(UnshareFlags::NEWNET | UnshareFlags::FS), Err(Errno::INVAL));
        assert_eq!(unshare(UnshareFlags::empty()), Ok(()));
    }
}
