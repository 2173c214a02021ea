//! An upload that can be resumed: its bytes, the log of its subtree hashes, and who owns it.
//!
//! Both files are in `.colok/partial`, named by a hash of upload token and file name, so only who
//! knows the token can name them. The log begins with the nonce of the connection that owns the
//! upload. Every write is a turn: it takes the lock of the log, looks whether the nonce is still
//! its own, writes, and gives the lock back. A connection that resumes writes a nonce of its own
//! under the same lock; from then on the former owner, of whatever process, writes nothing more.
//!
//! The bytes file is locked, shared, as long as a connection has it open, so that tidying removes
//! only what nobody uses. Names are removed under the lock of the log, and whoever waited for that
//! lock sees that the log has no name any more and starts again.

use std::sync::Arc;

use blake3::hazmat::ChainingValue;
use colok_proto::files::{Name, StoreError, UploadToken};
use rustix::io::Errno;

use super::Store;
use super::disk::{Access, Disk, DiskResult, Kind, Lock, Status, read_full, write_full};
use super::problem::failed;
use super::tree_hash::{SUBTREE_BYTES, TreeHash};

/// How the name of a log ends.
pub(super) const LOG: &str = ".log";

/// Bytes of the head of a log, and of each hash behind it.
const RECORD: usize = 32;
const RECORD_BYTES: u64 = RECORD as u64;

/// What a log begins with; the number is the version of its form.
const MAGIC: [u8; 8] = *b"colok-p1";

/// How often opening is tried while others remove what is opened.
const OPEN_TRIES: usize = 16;

/// Subtree hashes read from a log at a time.
const HASHES_AT_ONCE: usize = 512;

/// Permissions while it grows, and when it is published.
const GROWING: u32 = 0o600;
const PUBLISHED: u32 = 0o400;

/// An upload that this connection owned when it last looked.
#[derive(Debug)]
pub(super) struct Partial<D: Disk> {
    store: Arc<Store<D>>,
    id: String,
    log: D::Handle,
    pub(super) handle: Arc<D::Handle>,
    nonce: [u8; 16],
}

/// Why a turn was not taken, or did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnError {
    /// The upload belongs to another connection.
    TakenOver,
    /// A call failed.
    Call(Errno),
}

impl From<Errno> for TurnError {
    fn from(errno: Errno) -> Self {
        Self::Call(errno)
    }
}

impl From<TurnError> for StoreError {
    fn from(error: TurnError) -> Self {
        match error {
            TurnError::TakenOver => Self::TakenOver,
            TurnError::Call(errno) => failed(errno),
        }
    }
}

/// The name of a partial.
pub(super) fn id(token: &UploadToken, name: &Name) -> String {
    // Of fixed alphabet, a token has no NUL, so no other pair of texts gives the same bytes.
    let mut hasher = blake3::Hasher::new_derive_key("colok 2026 name of a partial upload");
    hasher.update(token.as_str().as_bytes()).update(&[0]).update(name.as_str().as_bytes());
    hasher.finalize().to_hex().to_string()
}

impl<D: Disk> Partial<D> {
    /// Takes an upload over, or begins it. What is there is not verified yet.
    pub(super) fn own(store: &Arc<Store<D>>, id: String, from_start: bool) -> DiskResult<Self> {
        let partials = store.partials().ok_or(Errno::ROFS)?;
        let disk = &store.disk;
        for _ in 0..OPEN_TRIES {
            let Some(log) = lock_log(disk, partials, &id)? else { continue };
            let Some(handle) = open_bytes(disk, partials, &id)? else { continue };
            if from_start {
                let dropped = disk.status(&handle)?.stamp.size;
                disk.set_length(&handle, 0)?;
                store.room.release(disk, dropped);
                disk.set_length(&log, 0)?;
            }
            let nonce = disk.nonce();
            write_full(disk, &log, &head(&nonce), 0)?;
            disk.unlock(&log)?;
            let store = Arc::clone(store);
            return Ok(Self { store, id, log, handle: Arc::new(handle), nonce });
        }
        Err(Errno::BUSY)
    }

    /// Reads what is there against the log, up to the first difference, and cuts it there, at the
    /// border of a subtree and at most at `size`. Returns the hash of what is left.
    pub(super) fn verify(&self, size: Option<u64>) -> Result<TreeHash, TurnError> {
        let disk = &self.store.disk;
        let length = disk.status(&self.handle)?.stamp.size.min(size.unwrap_or(u64::MAX));
        let logged = disk.status(&self.log)?.stamp.size / RECORD_BYTES;
        let subtrees = (length / SUBTREE_BYTES).min(logged.saturating_sub(1));
        let mut tree = TreeHash::default();
        let mut bytes = vec![0; usize::try_from(SUBTREE_BYTES).unwrap_or(0)];
        let mut hashes = Vec::new();
        for number in 0..subtrees {
            let within = usize::try_from(number).unwrap_or(0) % HASHES_AT_ONCE;
            if within == 0 {
                hashes.resize(HASHES_AT_ONCE * RECORD, 0);
                read_full(disk, &self.log, &mut hashes, RECORD_BYTES * (number + 1))?;
            }
            let expected = &hashes[within * RECORD..][..RECORD];
            let read = read_full(disk, &self.handle, &mut bytes, number * SUBTREE_BYTES)?;
            let mut next = tree.clone();
            let mut equal = false;
            next.update(&bytes[..read], |_, value| equal = value == expected);
            if !equal {
                break;
            }
            tree = next;
        }
        let offset = tree.length();
        let mut before = offset;
        self.turn(|| {
            before = disk.status(&self.handle)?.stamp.size;
            disk.set_length(&self.handle, offset)?;
            disk.set_length(&self.log, RECORD_BYTES * (offset / SUBTREE_BYTES + 1))
        })?;
        self.store.room.release(disk, before.saturating_sub(offset));
        Ok(tree)
    }

    /// Takes back what a write that failed may have left behind `length`: it is not counted.
    pub(super) fn cut(&self, length: u64) -> Result<(), TurnError> {
        self.turn(|| self.store.disk.set_length(&self.handle, length))
    }

    /// Writes bytes, and the hashes of the subtrees that end in them.
    pub(super) fn write(
        &self,
        bytes: &[u8],
        offset: u64,
        ended: &[(u64, ChainingValue)],
    ) -> Result<(), TurnError> {
        let disk = &self.store.disk;
        self.turn(|| {
            write_full(disk, &self.handle, bytes, offset)?;
            ended.iter().try_for_each(|(number, value)| {
                write_full(disk, &self.log, value, RECORD_BYTES * (number + 1))
            })
        })
    }

    /// Nobody may write to it any more, whoever owns it. Before it is synced, so that its
    /// permissions are on the disk too.
    pub(super) fn seal(&self) -> Result<(), TurnError> {
        self.turn(|| self.store.disk.set_mode(&self.handle, PUBLISHED))
    }

    /// Gives the file its name; `EEXIST` when that is taken. The log goes.
    pub(super) fn publish(&self, at: &D::Handle, name: &str) -> Result<(), TurnError> {
        let partials = self.store.partials().ok_or(Errno::ROFS)?;
        let disk = &self.store.disk;
        self.turn(|| {
            disk.rename((partials, &self.id), (at, name))?;
            // If this fails, tidying removes it later.
            let _later = disk.remove(partials, &format!("{}{LOG}", self.id));
            Ok(())
        })
    }

    /// Removes the upload, if it is still ours.
    pub(super) fn remove(&self) -> Result<(), TurnError> {
        let partials = self.store.partials().ok_or(Errno::ROFS)?;
        self.turn(|| remove_both(&self.store.disk, partials, &self.id))
    }

    /// Does something while it is certain that no other connection owns the upload.
    fn turn(&self, act: impl FnOnce() -> DiskResult<()>) -> Result<(), TurnError> {
        let disk = &self.store.disk;
        disk.lock(&self.log, Lock::Exclusive, true)?;
        let result = self.check().and_then(|()| Ok(act()?));
        disk.unlock(&self.log)?;
        result
    }

    fn check(&self) -> Result<(), TurnError> {
        let mut found = [0; RECORD];
        read_full(&self.store.disk, &self.log, &mut found, 0)?;
        if found == head(&self.nonce) { Ok(()) } else { Err(TurnError::TakenOver) }
    }
}

/// Opens a log and takes its lock; `None` if it lost its name meanwhile.
fn lock_log<D: Disk>(disk: &D, partials: &D::Handle, id: &str) -> DiskResult<Option<D::Handle>> {
    let log = disk.open(partials, &format!("{id}{LOG}"), Access::Create)?;
    disk.lock(&log, Lock::Exclusive, true)?;
    let status = disk.status(&log)?;
    Ok(usable(&status)?.then_some(log))
}

/// Opens the bytes and notes that somebody uses them; `None` if it is to be tried again.
fn open_bytes<D: Disk>(disk: &D, partials: &D::Handle, id: &str) -> DiskResult<Option<D::Handle>> {
    let handle = match disk.open(partials, id, Access::Create) {
        // Sealed: only its permissions keep us out.
        Err(Errno::ACCESS) => return unseal(disk, partials, id).map(|()| None),
        result => result?,
    };
    disk.lock(&handle, Lock::Shared, true)?;
    let status = disk.status(&handle)?;
    if !usable(&status)? {
        return Ok(None);
    }
    if status.mode != GROWING {
        // Those who may do everything see no permissions.
        return unseal(disk, partials, id).map(|()| None);
    }
    Ok(Some(handle))
}

/// Makes a sealed upload grow again that was not published.
fn unseal<D: Disk>(disk: &D, partials: &D::Handle, id: &str) -> DiskResult<()> {
    let handle = disk.open(partials, id, Access::Read)?;
    if disk.status(&handle)?.links > 1 {
        // Published by a link, and the process ended before this name was removed: another name
        // leads to a stored file, which nobody may write to.
        return disk.remove(partials, id);
    }
    disk.set_mode(&handle, GROWING)
}

/// Whether a file still has a name. Something else than a file was put there by nobody of us.
fn usable(status: &Status) -> DiskResult<bool> {
    if status.kind == Kind::File { Ok(status.links > 0) } else { Err(Errno::EXIST) }
}

/// Removes a partial that nobody uses, and returns its size; `None` if somebody does.
pub(super) fn remove_unused<D: Disk>(
    disk: &D,
    partials: &D::Handle,
    id: &str,
) -> DiskResult<Option<u64>> {
    let log = disk.open(partials, &format!("{id}{LOG}"), Access::Create)?;
    match disk.lock(&log, Lock::Exclusive, false) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(None),
        Err(errno) => return Err(errno),
    }
    if !usable(&disk.status(&log)?)? {
        return Ok(None);
    }
    let size = match disk.open(partials, id, Access::Read) {
        Ok(handle) => match disk.lock(&handle, Lock::Exclusive, false) {
            Ok(()) => disk.status(&handle)?.stamp.size,
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(errno) => return Err(errno),
        },
        Err(Errno::NOENT) => 0,
        Err(errno) => return Err(errno),
    };
    remove_both(disk, partials, id)?;
    Ok(Some(size))
}

fn remove_both<D: Disk>(disk: &D, partials: &D::Handle, id: &str) -> DiskResult<()> {
    // The log last: while it is there, whoever comes waits for its lock.
    for name in [id, &format!("{id}{LOG}")] {
        match disk.remove(partials, name) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn head(nonce: &[u8; 16]) -> [u8; RECORD] {
    let mut head = [0; RECORD];
    head[..8].copy_from_slice(&MAGIC);
    head[8..24].copy_from_slice(nonce);
    head
}
