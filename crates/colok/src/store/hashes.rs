//! Hashes of files that were read once: a table of fixed slots in one sparse file.
//!
//! A slot is found from device and inode, read and written with one call, needs no memory, and may
//! be shared by any number of processes. The table is a cache: a slot that is torn, stale, evicted
//! or lost only means that a file is read again. It must never be wrong, so a hash is believed
//! only if all of the file's [`Stamp`] is what it was, and:
//!
//! - The bytes were read when the last change was older than the grain of file times, so that a
//!   change after reading shows in the stamp. Files that the store itself published need no such
//!   wait: nobody had them open for writing.
//! - They were on the disk, or the operating system has not been started anew since: a loss of
//!   power can take bytes and leave size and times.

use colok_proto::files::{Durability, Hash};

use super::disk::{Disk, DiskResult, Stamp, read_full, write_full};

/// Bytes of a slot: seven words of the stamp and the boot number, the hash, a check sum.
const SLOT_BYTES: usize = 96;

/// Slots that a file may be in, side by side, so that one call reads them all.
const WAYS: usize = 4;

/// Bytes of the slots that a file may be in.
const SET_BYTES: usize = SLOT_BYTES * WAYS;

/// Sets between two files, at most, that are read and written again with them: less work than
/// another call.
const RUN_GAP_SETS: u64 = 16;

/// Files written with one call, at most, so that the buffer is bounded.
const RUN_FILES_MAX: usize = 64;

/// How much older than the reading the last change must be. The coarsest file times in use, those
/// of FAT, step by 2 s. Clocks of a network file system may differ by more; a root is local.
const GRAIN_NS: i64 = 2_000_000_000;

/// The table. It does not own a disk; calls name the one it is on.
#[derive(Debug)]
pub(super) struct Hashes<H> {
    file: H,
    writable: bool,
    sets: u64,
}

/// What the table knows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Its hash, and how safe the file is with its name.
    Current(Hash, Durability),
    /// The hash that this same file had before something about it was changed, if the store
    /// published it; or what it had before the power went.
    Former(Hash),
    /// Nothing.
    Nothing,
}

/// A file that the store published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Learned {
    pub(super) stamp: Stamp,
    pub(super) hash: Hash,
    /// How safe it is with its name.
    pub(super) durability: Durability,
}

/// What is written down about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    stamp: Stamp,
    hash: Hash,
    /// The run of the operating system in which it was written down.
    boot: u64,
    durability: Durability,
    /// The store published it, so nothing but damage can change it.
    published: bool,
}

impl<H> Hashes<H> {
    /// A table in `file`, with places for about `files` files, of which only those that are used
    /// take room on the disk.
    pub(super) fn new(file: H, writable: bool, files: u64) -> Self {
        Self { file, writable, sets: (files / WAYS as u64).max(1) }
    }

    /// What is known of the file with this stamp.
    pub(super) fn find<D: Disk<Handle = H>>(&self, disk: &D, stamp: &Stamp) -> Known {
        let Ok(slots) = self.read(disk, stamp) else { return Known::Nothing };
        let same = |slot: &&Slot| slot.stamp.identity() == stamp.identity();
        let Some(slot) = slots.iter().flatten().find(same) else { return Known::Nothing };
        let kept = slot.durability >= Durability::File || slot.boot == run(disk);
        if slot.stamp == *stamp && kept {
            Known::Current(slot.hash, slot.durability)
        } else if slot.published {
            Known::Former(slot.hash)
        } else {
            Known::Nothing
        }
    }

    /// Writes down the hashes of files that the store published. Files made one after the other
    /// have neighbouring numbers on most file systems, so many are written with one call.
    pub(super) fn published<D: Disk<Handle = H>>(&self, disk: &D, learned: &mut [Learned]) {
        if !self.writable {
            return;
        }
        learned.sort_unstable_by_key(|one| self.set(&one.stamp));
        let boot = run(disk);
        for run in learned
            .chunk_by(|one, next| self.set(&next.stamp) - self.set(&one.stamp) <= RUN_GAP_SETS)
        {
            for part in run.chunks(RUN_FILES_MAX) {
                // A table that cannot be written is a cache that does not fill.
                let _cache = self.write_run(disk, boot, part);
            }
        }
    }

    /// Writes slots of sets that lie close together, in the order of the sets. What others wrote
    /// in between may be lost or come back: that costs reading a file, since the stamp decides.
    fn write_run<D: Disk<Handle = H>>(
        &self,
        disk: &D,
        boot: u64,
        part: &[Learned],
    ) -> DiskResult<()> {
        let (Some(first), Some(last)) = (part.first(), part.last()) else { return Ok(()) };
        let (first, last) = (self.set(&first.stamp), self.set(&last.stamp));
        let mut bytes = vec![0; usize::try_from(last - first + 1).unwrap_or(1) * SET_BYTES];
        read_full(disk, &self.file, &mut bytes, first * SET_BYTES as u64)?;
        let (sets, _) = bytes.as_chunks_mut::<SET_BYTES>();
        for Learned { stamp, hash, durability } in part {
            let set = &mut sets[usize::try_from(self.set(stamp) - first).unwrap_or(0)];
            let (slots, _) = set.as_chunks_mut::<SLOT_BYTES>();
            let found = std::array::from_fn(|way| Slot::decode(&slots[way]));
            let (stamp, hash, durability) = (*stamp, *hash, *durability);
            let slot = Slot { stamp, hash, boot, durability, published: true };
            slots[way(&found, &slot)] = slot.encode();
        }
        write_full(disk, &self.file, &bytes, first * SET_BYTES as u64)
    }

    /// Writes down the hash of a file that was read from `began_ns` on; not if it was changed
    /// so shortly before that a later change might not show. What the store published and what is
    /// damaged now keeps the hash it was published with, so that the damage goes on to show.
    pub(super) fn computed<D: Disk<Handle = H>>(
        &self,
        disk: &D,
        stamp: Stamp,
        hash: Hash,
        began_ns: i64,
    ) {
        let changed_ns = stamp.changed_ns.max(stamp.modified_ns);
        if changed_ns.saturating_add(GRAIN_NS) >= began_ns {
            return;
        }
        let published = match self.find(disk, &stamp) {
            Known::Current(_, _) => return,
            Known::Former(former) if former != hash => return,
            Known::Former(_) => true,
            Known::Nothing => false,
        };
        let durability = Durability::None;
        self.write(disk, &Slot { stamp, hash, boot: run(disk), durability, published });
    }

    /// Notes that a file of which the hash is known is as safe as `durability` now.
    pub(super) fn synced<D: Disk<Handle = H>>(
        &self,
        disk: &D,
        stamp: &Stamp,
        durability: Durability,
    ) {
        let Ok(slots) = self.read(disk, stamp) else { return };
        let slot = slots.into_iter().flatten().find(|slot| slot.stamp == *stamp);
        if let Some(slot) = slot.filter(|slot| slot.durability < durability) {
            self.write(disk, &Slot { durability, ..slot });
        }
    }

    /// A table that cannot be written is a cache that does not fill: errors are no concern of
    /// whoever stores a file.
    fn write<D: Disk<Handle = H>>(&self, disk: &D, slot: &Slot) {
        if !self.writable {
            return;
        }
        let Ok(slots) = self.read(disk, &slot.stamp) else { return };
        let offset = self.offset(&slot.stamp) + (way(&slots, slot) * SLOT_BYTES) as u64;
        let _cache = write_full(disk, &self.file, &slot.encode(), offset);
    }

    fn read<D: Disk<Handle = H>>(
        &self,
        disk: &D,
        stamp: &Stamp,
    ) -> DiskResult<[Option<Slot>; WAYS]> {
        let mut bytes = [0; SET_BYTES];
        read_full(disk, &self.file, &mut bytes, self.offset(stamp))?;
        let (slots, _) = bytes.as_chunks::<SLOT_BYTES>();
        Ok(std::array::from_fn(|way| Slot::decode(&slots[way])))
    }

    /// Numbers of files made together lie together on most file systems, and so do their places.
    fn set(&self, stamp: &Stamp) -> u64 {
        let spread = stamp.device.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        stamp.inode.wrapping_add(spread) % self.sets
    }

    fn offset(&self, stamp: &Stamp) -> u64 {
        self.set(stamp) * SET_BYTES as u64
    }
}

/// Where in its set a slot goes: over the same file, or where nothing is, or over the file that
/// has not changed for longest.
fn way(slots: &[Option<Slot>; WAYS], new: &Slot) -> usize {
    let same = |slot: &Option<Slot>| {
        slot.is_some_and(|slot| {
            // A number that is used again belongs to a file that is gone.
            slot.stamp.device == new.stamp.device && slot.stamp.inode == new.stamp.inode
        })
    };
    let oldest = || (0..WAYS).min_by_key(|&way| slots[way].map(|slot| slot.stamp.changed_ns));
    slots.iter().position(same).or_else(oldest).unwrap_or(0)
}

/// The number of this run of the operating system as slots hold it, without the byte of the flags.
fn run<D: Disk>(disk: &D) -> u64 {
    disk.boot() & !FLAGS
}

/// The flags of a slot, in the lowest byte of the word of the boot number.
const DURABILITY: u64 = 0b011;
const PUBLISHED: u64 = 0b100;
const FLAGS: u64 = 0xFF;

impl Slot {
    /// Words of 64 bits, little endian, so that a table can be read on any machine.
    fn encode(&self) -> [u8; SLOT_BYTES] {
        let durability = match self.durability {
            Durability::None => 0,
            Durability::File => 1,
            Durability::Full => 2,
        };
        let flags = durability | if self.published { PUBLISHED } else { 0 };
        let stamp = &self.stamp;
        let words = [
            stamp.device,
            stamp.inode,
            stamp.born_ns.cast_unsigned(),
            stamp.size,
            stamp.modified_ns.cast_unsigned(),
            stamp.changed_ns.cast_unsigned(),
            self.boot & !FLAGS | flags,
        ];
        let mut bytes = [0; SLOT_BYTES];
        let (places, _) = bytes.as_chunks_mut::<8>();
        for (place, word) in places.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        bytes[56..88].copy_from_slice(&self.hash.0);
        let sum = check_sum(&bytes);
        bytes[88..].copy_from_slice(&sum);
        bytes
    }

    /// `None` for a place that is empty or torn.
    fn decode(bytes: &[u8; SLOT_BYTES]) -> Option<Self> {
        if bytes[88..] != check_sum(bytes) {
            return None;
        }
        let (places, _) = bytes.as_chunks::<8>();
        let word = |index: usize| u64::from_le_bytes(places[index]);
        let durability = match word(6) & DURABILITY {
            0 => Durability::None,
            1 => Durability::File,
            _ => Durability::Full,
        };
        let mut hash = [0; 32];
        hash.copy_from_slice(&bytes[56..88]);
        Some(Self {
            stamp: Stamp {
                device: word(0),
                inode: word(1),
                born_ns: word(2).cast_signed(),
                size: word(3),
                modified_ns: word(4).cast_signed(),
                changed_ns: word(5).cast_signed(),
            },
            hash: Hash(hash),
            boot: word(6) & !FLAGS,
            durability,
            published: word(6) & PUBLISHED != 0,
        })
    }
}

/// Tells a whole slot from a torn one, and from the zeros of a place never written. It guards
/// against accidents and is no secret: who can write the table can write the files.
fn check_sum(bytes: &[u8; SLOT_BYTES]) -> [u8; 8] {
    let (words, _) = bytes[..88].as_chunks::<8>();
    let sum = words.iter().fold(0x243F_6A88_85A3_08D3, |sum: u64, word| {
        // Multiplying by an odd number loses nothing; the shift brings high bits down.
        let mixed = (sum ^ u64::from_le_bytes(*word)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ mixed >> 29
    });
    sum.to_le_bytes()
}
