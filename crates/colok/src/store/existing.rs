//! Files that are in the store: opened without following anything, and their hashes.

use std::ops::{ControlFlow, Range};

use colok_proto::files::{Durability, Entry, Hash, Name, StoreError};
use rustix::io::Errno;

use super::Store;
use super::disk::{Access, Disk, Kind, Status, read_full};
use super::hashes::Known;
use super::problem::{failed, not_found};

/// Bytes read at a time to hash a file.
const READ_BYTES: usize = 1 << 20;

/// How often a file that changes while it is read is read again.
const READ_TRIES: usize = 3;

/// A file of the store, open for reading.
#[derive(Debug)]
pub(super) struct Existing<H> {
    pub(super) handle: H,
    pub(super) status: Status,
}

impl<H> Existing<H> {
    pub(super) fn size(&self) -> u64 {
        self.status.stamp.size
    }

    pub(super) fn entry(&self, name: Name, hash: Option<Hash>) -> Entry {
        entry(name, &self.status, hash)
    }
}

/// A file as it is told of.
pub(super) fn entry(name: Name, status: &Status, hash: Option<Hash>) -> Entry {
    let modified_unix_s = status.stamp.modified_ns.div_euclid(1_000_000_000);
    Entry { name, size: status.stamp.size, modified_unix_s, hash }
}

/// Opens what is under a path; `None` if nothing is, an error if it is not a regular file.
pub(super) fn open<D: Disk>(
    disk: &D,
    at: &D::Handle,
    path: &str,
) -> Result<Option<Existing<D::Handle>>, StoreError> {
    let handle = match disk.open(at, path, Access::Read) {
        Ok(handle) => handle,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(not_found(errno)),
    };
    let status = disk.status(&handle).map_err(failed)?;
    if status.kind != Kind::File {
        return Err(StoreError::NotAFile);
    }
    Ok(Some(Existing { handle, status }))
}

impl<D: Disk> Store<D> {
    /// Opens a stored file by its name.
    pub(super) fn open_file(&self, name: &Name) -> Result<Option<Existing<D::Handle>>, StoreError> {
        open(&self.disk, self.disk.root(), name.as_str())
    }

    /// The hash of a file, and how safe it is known to be: from the table, or by reading it.
    pub(super) fn hash_of(
        &self,
        file: &mut Existing<D::Handle>,
    ) -> Result<(Hash, Durability), StoreError> {
        match self.known(&file.status) {
            Known::Current(hash, durability) => Ok((hash, durability)),
            Known::Former(_) | Known::Nothing => Ok((self.read_hash(file)?, Durability::None)),
        }
    }

    /// What the table knows of a file.
    pub(super) fn known(&self, status: &Status) -> Known {
        self.hashes.as_ref().map_or(Known::Nothing, |hashes| hashes.find(&self.disk, &status.stamp))
    }

    /// Reads a whole file and remembers its hash. `EBUSY` if somebody writes to it all the time.
    pub(super) fn read_hash(&self, file: &mut Existing<D::Handle>) -> Result<Hash, StoreError> {
        let hash = self.read_hash_watched(file, &mut |_| ControlFlow::Continue(()))?;
        hash.ok_or(StoreError::Io(Errno::INTR.raw_os_error()))
    }

    /// [`Self::read_hash`], telling how many bytes were read so far; `None` if `watch` ended it.
    pub(super) fn read_hash_watched(
        &self,
        file: &mut Existing<D::Handle>,
        watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<Hash>, StoreError> {
        for _ in 0..READ_TRIES {
            let began_ns = self.disk.now_ns();
            let hash = hash_range(&self.disk, (&file.handle, file.size()), 0..u64::MAX, watch)?;
            let Some(hash) = hash else { return Ok(None) };
            let status = self.disk.status(&file.handle).map_err(failed)?;
            if status.stamp == file.status.stamp {
                if let Some(hashes) = &self.hashes {
                    hashes.computed(&self.disk, status.stamp, hash, began_ns);
                }
                return Ok(Some(hash));
            }
            file.status = status;
        }
        Err(failed(Errno::BUSY))
    }

    /// The hash of a range of a file, by reading it.
    pub(super) fn range_hash(
        &self,
        file: &Existing<D::Handle>,
        range: Range<u64>,
    ) -> Result<Hash, StoreError> {
        let watch = &mut |_| ControlFlow::Continue(());
        let hash = hash_range(&self.disk, (&file.handle, file.size()), range, watch)?;
        hash.ok_or(StoreError::Io(Errno::INTR.raw_os_error()))
    }
}

/// The hash of what there is of a range of a file that had `size` bytes when it was opened; `None`
/// if `watch` ended it.
fn hash_range<D: Disk>(
    disk: &D,
    (file, size): (&D::Handle, u64),
    range: Range<u64>,
    watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Option<Hash>, StoreError> {
    // A small file needs no large buffer. One byte more than it has: its end is seen at once.
    let length = range.end.min(size.saturating_add(1)).saturating_sub(range.start).max(1);
    let mut buffer = vec![0; READ_BYTES.min(as_usize(length))];
    let mut hasher = blake3::Hasher::new();
    let mut at = range.start;
    while at < range.end {
        let wanted = buffer.len().min(as_usize(range.end - at));
        let read = read_full(disk, file, &mut buffer[..wanted], at).map_err(failed)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        at += read as u64;
        if watch(at - range.start).is_break() {
            return Ok(None);
        }
    }
    Ok(Some(Hash(*hasher.finalize().as_bytes())))
}

fn as_usize(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
