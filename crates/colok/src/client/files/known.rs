//! Hashes of local files that were read before, so that a file that did not change is not read
//! again to compare it with the server's.
//!
//! A table of fixed slots in one sparse file: a slot is found from device and inode and read or
//! written with one call, so it needs no memory and any number of processes may share it. It is a
//! cache: what is torn, stale, displaced or unreadable only means that a file is read again. It
//! must never be wrong, so a hash is believed only for the same size and times, and only if
//!
//! - the last change was older than the grain of file times when the reading began, so that a
//!   later change shows;
//! - the operating system has not been started anew since: a loss of power can take bytes and
//!   leave size and times.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use colok_proto::files::Hash;
use rustix::fs::Stat;

use super::local::LocalFile;

/// Slots of the table: a megabyte at most, of which only what is used exists.
const SLOTS: u64 = 8192;

/// Words that tell a file and its state: device, inode, size, modified, changed.
const WORDS: usize = 5;

const HASH_AT: usize = WORDS * 8;
const CHECK_AT: usize = HASH_AT + 32;
const SLOT_BYTES: usize = CHECK_AT + 8;

/// How much older than the reading the last change must be: the coarsest file times in use, those
/// of FAT, step by 2 s, and so may the clocks of a network file system differ.
const GRAIN: Duration = Duration::from_secs(2);

/// The same where times are known to be fine: two of the longest ticks that Linux has (100 Hz).
const GRAIN_FINE: Duration = Duration::from_millis(20);

/// File systems of this computer that keep nanoseconds, if their files have room for them
/// (statfs(2)): ext4, XFS, Btrfs, tmpfs, F2FS.
const FINE: [i64; 5] = [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0xf2f5_2010];

/// The table, as far as it can be used.
pub(super) struct KnownHashes {
    file: File,
    /// The run of the operating system.
    boot: Vec<u8>,
}

impl KnownHashes {
    /// Opens the table, or makes it where there is none, readable by its owner only. `None` when
    /// it cannot be used.
    pub(super) fn open(path: &Path) -> Option<Self> {
        let boot = std::fs::read("/proc/sys/kernel/random/boot_id").ok()?;
        if let Some(directory) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory).ok()?;
        }
        let mut how = File::options();
        how.read(true).write(true).create(true).truncate(false).mode(0o600);
        Some(Self { file: how.open(path).ok()?, boot })
    }

    /// The hash of a file that is as it was when it was read.
    pub(super) fn find(&self, file: &LocalFile<'_>) -> Option<Hash> {
        let wanted = Slot::of(file.status(), Hash([0; 32]));
        let mut bytes = [0; SLOT_BYTES];
        self.file.read_exact_at(&mut bytes, wanted.place()).ok()?;
        let hash = bytes[HASH_AT..CHECK_AT].try_into().map(Hash).ok()?;
        let slot = Slot { hash, ..wanted };
        (slot.bytes(&self.boot) == bytes).then_some(hash)
    }

    /// How long to wait with the reading of a file for its hash to be remembered. It is waited
    /// only where that is so short that nobody notices.
    pub(super) fn wait_before(file: &LocalFile<'_>) -> Option<Duration> {
        if grain(file) > GRAIN_FINE {
            return None;
        }
        let since = changed(file.status()).elapsed().ok()?;
        GRAIN_FINE.checked_sub(since)
    }

    /// Writes down the hash of a file whose reading began at this time.
    pub(super) fn remember(&self, file: &LocalFile<'_>, hash: Hash, began: SystemTime) {
        let since = began.duration_since(changed(file.status()));
        if since.is_ok_and(|since| since > grain(file)) {
            let slot = Slot::of(file.status(), hash);
            // Without it the file is read again, that is all.
            let _ = self.file.write_all_at(&slot.bytes(&self.boot), slot.place());
        }
    }
}

/// The grain of the times of a file. A time that is no multiple of 10 ms, the finest step of FAT,
/// shows that this file has room for fine ones.
fn grain(file: &LocalFile<'_>) -> Duration {
    let fine_time = !file.status().st_ctime_nsec.is_multiple_of(10_000_000);
    let system = rustix::fs::fstatfs(file);
    let fine_system = system.is_ok_and(|system| FINE.contains(&system.f_type));
    if fine_time && fine_system { GRAIN_FINE } else { GRAIN }
}

/// When a file was last changed in any way.
fn changed(status: &Stat) -> SystemTime {
    let [.., modified, changed] = Slot::of(status, Hash([0; 32])).words;
    UNIX_EPOCH + Duration::from_nanos(modified.max(changed).max(0).cast_unsigned())
}

/// What is written down of a file.
#[derive(Clone, Copy)]
struct Slot {
    words: [i64; WORDS],
    hash: Hash,
}

impl Slot {
    fn of(status: &Stat, hash: Hash) -> Self {
        let time_ns = |seconds: i64, nanoseconds: u64| {
            let nanoseconds = i64::try_from(nanoseconds).unwrap_or(0);
            seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
        };
        let words = [
            status.st_dev.cast_signed(),
            status.st_ino.cast_signed(),
            status.st_size,
            time_ns(status.st_mtime, status.st_mtime_nsec),
            time_ns(status.st_ctime, status.st_ctime_nsec),
        ];
        Self { words, hash }
    }

    /// Where the slot of this file is. Another file in the same place displaces it.
    fn place(&self) -> u64 {
        let [device, inode, ..] = self.words.map(i64::cast_unsigned);
        // Inodes are numbered one after the other, so their low bits spread them well.
        (inode ^ device.rotate_left(7)) % SLOTS * SLOT_BYTES as u64
    }

    fn bytes(&self, boot: &[u8]) -> [u8; SLOT_BYTES] {
        let mut bytes = [0; SLOT_BYTES];
        for (place, word) in bytes.chunks_exact_mut(8).zip(self.words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes[HASH_AT..CHECK_AT].copy_from_slice(&self.hash.0);
        let mut check = blake3::Hasher::new();
        check.update(&bytes[..CHECK_AT]).update(boot);
        bytes[CHECK_AT..].copy_from_slice(&check.finalize().as_bytes()[..8]);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::files::local::LastDirectory;
    use crate::client::files::plan::LocalSource;
    use crate::client::files::tests::script::{Folder, hash};

    #[test]
    fn a_hash_is_known_until_the_file_changes() {
        let folder = Folder::new();
        let source = LocalSource::Named(folder.write("file", b"bytes").into());
        let open = || LocalFile::open(&source, &mut LastDirectory::default()).expect("it is there");
        let table = folder.path("cache/hashes");
        let known = KnownHashes::open(&table).expect("it can be made");
        assert_eq!(known.find(&open()), None);
        let later = SystemTime::now() + Duration::from_secs(3);
        known.remember(&open(), hash(b"bytes"), changed(open().status()));
        assert_eq!(known.find(&open()), None, "a change right then would not show");
        known.remember(&open(), hash(b"bytes"), later);
        let other_process = KnownHashes::open(&table).expect("it is there");
        assert_eq!(other_process.find(&open()), Some(hash(b"bytes")));
        folder.write("file", b"bytez");
        assert_eq!(known.find(&open()), None);
    }

    #[test]
    fn a_damaged_slot_is_not_believed() {
        let folder = Folder::new();
        let source = LocalSource::Named(folder.write("file", b"bytes").into());
        let file = LocalFile::open(&source, &mut LastDirectory::default()).expect("it is there");
        let known = KnownHashes::open(&folder.path("hashes")).expect("it can be made");
        known.remember(&file, hash(b"bytes"), SystemTime::now() + Duration::from_secs(3));
        let place = Slot::of(file.status(), hash(b"bytes")).place();
        for byte in 0..SLOT_BYTES as u64 {
            let mut held = [0];
            known.file.read_exact_at(&mut held, place + byte).expect("it is there");
            known.file.write_all_at(&[held[0] ^ 4], place + byte).expect("it can be written");
            assert_eq!(known.find(&file), None, "byte {byte}");
            known.file.write_all_at(&held, place + byte).expect("it can be written");
        }
        assert_eq!(known.find(&file), Some(hash(b"bytes")));
    }
}
