//! Hashes of local files that a client has read, kept from one run to the next.
//!
//! The same table, under the same rules, as the one of a store. It is a cache in a file of its
//! owner: whatever goes wrong with it, files are read again.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use colok_proto::files::Hash;

use super::disk::{Access, Disk, Linux};
use super::hashes::{Hashes, Known};

/// Sets of the table: room for 16 384 files in at most 1.5 MiB.
const SETS: u64 = 1 << 12;

/// A table of hashes of local files.
#[derive(Debug)]
pub struct LocalHashes {
    disk: Linux,
    hashes: Hashes<OwnedFd>,
}

impl LocalHashes {
    /// Opens a table, making the file (mode 0600) if it is not there; its directory must be.
    /// `None` if it cannot be used.
    pub fn open(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let disk = Linux::open(directory.unwrap_or(Path::new("."))).ok()?;
        let file = disk.open(disk.root(), name, Access::Create).ok()?;
        Some(Self { disk, hashes: Hashes::new(file, true, SETS) })
    }

    /// The hash of an open file, if its bytes are still those that were read.
    pub fn find(&self, descriptor: BorrowedFd<'_>) -> Option<Hash> {
        let stamp = Linux::status_of(descriptor).ok()?.stamp;
        match self.hashes.find(&self.disk, &stamp) {
            Known::Current(hash, _) => Some(hash),
            Known::Former(_) | Known::Nothing => None,
        }
    }

    /// Writes down the hash of an open file that was read from its beginning to its end.
    /// `began_unix_ns` is the time of day, in nanoseconds since 1970, before the first byte was
    /// read: a file changed less than two seconds before that, or later, is not written down.
    pub fn remember(&self, descriptor: BorrowedFd<'_>, hash: Hash, began_unix_ns: i64) {
        if let Ok(status) = Linux::status_of(descriptor) {
            self.hashes.computed(&self.disk, status.stamp, hash, began_unix_ns);
        }
    }
}
