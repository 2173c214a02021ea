//! The table of hashes: never wrong, whatever happened to it or to the files.

use std::collections::BTreeMap;

use colok_proto::files::{Durability, Hash};

use super::model::ModelDisk;
use crate::store::disk::{Access, Disk, Stamp, write_full};
use crate::store::hashes::{Hashes, Known, Learned};

const SECOND_NS: i64 = 1_000_000_000;

type Table = Hashes<<ModelDisk as Disk>::Handle>;

fn table(disk: &ModelDisk, files: u64) -> Table {
    Hashes::new(disk.open(disk.root(), "hashes", Access::Create).unwrap(), true, files)
}

fn stamp(inode: u64) -> Stamp {
    Stamp { device: 1, inode, born_ns: 5, size: 10, modified_ns: 20, changed_ns: 30 }
}

/// Writes one published file down.
fn publish(table: &Table, disk: &ModelDisk, stamp: Stamp, hash: Hash, durability: Durability) {
    table.published(disk, &mut [Learned { stamp, hash, durability }]);
}

fn hash(number: u8) -> Hash {
    Hash([number; 32])
}

#[test]
fn what_was_published_is_known_until_anything_changes() {
    let disk = ModelDisk::new();
    let table = table(&disk, 64);
    let it = stamp(7);
    publish(&table, &disk, it, hash(1), Durability::File);
    assert_eq!(table.find(&disk, &it), Known::Current(hash(1), Durability::File));
    for changed in
        [Stamp { size: 11, ..it }, Stamp { modified_ns: 21, ..it }, Stamp { changed_ns: 31, ..it }]
    {
        assert_eq!(table.find(&disk, &changed), Known::Former(hash(1)));
    }
    for other in [Stamp { device: 2, ..it }, Stamp { inode: 8, ..it }, Stamp { born_ns: 6, ..it }] {
        assert_eq!(table.find(&disk, &other), Known::Nothing);
    }
    table.synced(&disk, &it, Durability::Full);
    assert_eq!(table.find(&disk, &it), Known::Current(hash(1), Durability::Full));
    table.synced(&disk, &it, Durability::File);
    assert_eq!(table.find(&disk, &it), Known::Current(hash(1), Durability::Full));
}

#[test]
fn a_file_changed_just_before_it_was_read_is_not_written_down() {
    let disk = ModelDisk::new();
    let table = table(&disk, 64);
    let it = stamp(7);
    table.computed(&disk, it, hash(1), it.changed_ns + 2 * SECOND_NS);
    assert_eq!(table.find(&disk, &it), Known::Nothing);
    // A time of change set into the past does not help: nobody can set the other one.
    let set_back = Stamp { modified_ns: -50 * SECOND_NS, ..it };
    table.computed(&disk, set_back, hash(1), it.changed_ns + 2 * SECOND_NS);
    assert_eq!(table.find(&disk, &set_back), Known::Nothing);
    table.computed(&disk, it, hash(1), it.changed_ns + 2 * SECOND_NS + 1);
    assert_eq!(table.find(&disk, &it), Known::Current(hash(1), Durability::None));
    // It was not published by a store: a change of it is no damage.
    assert_eq!(table.find(&disk, &Stamp { changed_ns: 31, ..it }), Known::Nothing);
}

#[test]
fn damage_goes_on_to_show() {
    let disk = ModelDisk::new();
    let table = table(&disk, 64);
    let it = stamp(7);
    publish(&table, &disk, it, hash(1), Durability::Full);
    let changed = Stamp { changed_ns: 31, ..it };
    table.computed(&disk, changed, hash(2), 100 * SECOND_NS);
    assert_eq!(table.find(&disk, &changed), Known::Former(hash(1)));
    // Its permissions were changed and not its bytes: it stays what it was.
    table.computed(&disk, changed, hash(1), 100 * SECOND_NS);
    assert_eq!(table.find(&disk, &changed), Known::Current(hash(1), Durability::None));
    let again = Stamp { changed_ns: 32, ..it };
    assert_eq!(table.find(&disk, &again), Known::Former(hash(1)));
}

#[test]
fn unsynced_bytes_are_not_believed_after_the_power_was_lost() {
    let disk = ModelDisk::new();
    let before = table(&disk, 64);
    let (synced, unsynced) = (stamp(1), stamp(2));
    publish(&before, &disk, synced, hash(1), Durability::File);
    publish(&before, &disk, unsynced, hash(2), Durability::None);
    assert_eq!(before.find(&disk, &unsynced), Known::Current(hash(2), Durability::None));
    let disk = disk.after_everything_survived(true);
    let after = table(&disk, 64);
    assert_eq!(after.find(&disk, &synced), Known::Current(hash(1), Durability::File));
    assert_eq!(after.find(&disk, &unsynced), Known::Former(hash(2)));
}

#[test]
fn a_torn_slot_is_nothing() {
    let disk = ModelDisk::new();
    let table = table(&disk, 1);
    let file = disk.open(disk.root(), "hashes", Access::Write).unwrap();
    let it = stamp(7);
    for at in 0..96 {
        publish(&table, &disk, it, hash(1), Durability::Full);
        let mut byte = [0];
        disk.read_at(&file, &mut byte, at).unwrap();
        write_full(&disk, &file, &[!byte[0]], at).unwrap();
        assert_eq!(table.find(&disk, &it), Known::Nothing, "byte {at}");
        disk.set_length(&file, at).unwrap();
        assert_eq!(table.find(&disk, &it), Known::Nothing, "cut at {at}");
    }
}

/// More files than places: some are forgotten, none is mistaken for another.
#[test]
fn a_full_table_forgets_but_never_lies() {
    let disk = ModelDisk::new();
    let table = table(&disk, 64);
    let mut last = BTreeMap::new();
    let mut state: u64 = 1;
    for round in 0..5000_i64 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let inode = state >> 33 & 0xFF;
        let it = Stamp { changed_ns: round, ..stamp(inode) };
        let hash = hash(state.to_le_bytes()[6]);
        publish(&table, &disk, it, hash, Durability::Full);
        last.insert(inode, (it, hash));
        assert_eq!(table.find(&disk, &it), Known::Current(hash, Durability::Full));
    }
    let found = last.values().filter(|(it, hash)| match table.find(&disk, it) {
        Known::Current(found, _) => {
            assert_eq!(found, *hash);
            true
        }
        Known::Former(_) => panic!("an older state of the same file stayed behind"),
        Known::Nothing => false,
    });
    let found = found.count();
    assert!((48..=64).contains(&found), "{found} of 64 places");
}

/// Written together or one by one, files are found alike.
#[test]
fn a_batch_is_written_like_its_files() {
    let disk = ModelDisk::new();
    let table = table(&disk, 4096);
    for step in [1_u64, 3, 17, 40] {
        let mut learned: Vec<_> = (0..200_u64)
            .rev()
            .map(|number| {
                let stamp = Stamp { changed_ns: step.cast_signed(), ..stamp(900 + number * step) };
                let hash = hash(u8::try_from(number % 251).unwrap());
                Learned { stamp, hash, durability: Durability::File }
            })
            .collect();
        table.published(&disk, &mut learned);
        for one in &learned {
            let known = Known::Current(one.hash, Durability::File);
            assert_eq!(table.find(&disk, &one.stamp), known, "step {step}");
        }
    }
}
