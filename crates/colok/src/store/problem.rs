//! Error numbers of calls, as what they mean to somebody who stores or reads a file.

use colok_proto::files::StoreError;
use rustix::io::Errno;

/// A call on a file that is open failed, or one that makes a file.
pub(super) fn failed(errno: Errno) -> StoreError {
    match errno {
        Errno::NOSPC | Errno::DQUOT => StoreError::NoSpace,
        _ => StoreError::Io(errno.raw_os_error()),
    }
}

/// Finding something by its name failed.
pub(super) fn not_found(errno: Errno) -> StoreError {
    match errno {
        Errno::NOENT => StoreError::NotFound,
        // A file in the place of a directory, a link anywhere, a directory or a socket in the
        // place of a file; XDEV is a path that leaves its root, as through a link of the kernel.
        Errno::NOTDIR | Errno::LOOP | Errno::ISDIR | Errno::NXIO | Errno::XDEV => {
            StoreError::NotAFile
        }
        _ => failed(errno),
    }
}
