//! The crash walk: the power goes, or the process is killed, after every operation of a batch.
//!
//! What was receipted must be there as it was receipted, whatever part of the unsynced rest
//! survived; nothing may be visible that is not whole, nothing may be answered *have it* that is
//! not; and what was broken off goes on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use colok_proto::files::{Durability, Name, Prefix, StoreAnswer, StoreRequest};

use super::model::{Left, ModelDisk};
use super::support::*;
use crate::store::tree_hash::hash_of;
use crate::store::{Store, StoreOptions};

/// Seeds of what survives a loss of power, for each cut.
const SEEDS: u64 = 2;

/// What one run of the batch was promised: names and the durability of their receipts.
type Receipts = BTreeMap<String, Durability>;

fn options() -> StoreOptions {
    StoreOptions {
        free_share_min_percent: 0,
        total_bytes_max: Some(1 << 30),
        // The model keeps what is sparse as zeros.
        known_hashes_max: 64,
        ..StoreOptions::new("/model")
    }
}

/// The bytes that belong to a name, always the same.
fn bytes_for(text: &str) -> Arc<Vec<u8>> {
    static MADE: Mutex<BTreeMap<String, Arc<Vec<u8>>>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap();
    Arc::clone(made.entry(text.to_owned()).or_insert_with(|| Arc::new(made_for(text))))
}

fn made_for(text: &str) -> Vec<u8> {
    let seed = text.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte));
    let length = match text.rsplit('/').next() {
        Some("large") => (1 << 20) + 700,
        Some("middle" | "token") => 70_000,
        _ => 900 + text.len(),
    };
    bytes_of(seed, length)
}

/// What a batch asks for, in order; each with its durability.
const UPLOADS: [(&str, Durability); 6] = [
    ("one/new/middle", Durability::Full),
    ("middle", Durability::File),
    ("kept/large", Durability::Full),
    ("none/middle", Durability::None),
    ("one/token", Durability::File),
    // There already, from above.
    ("none/middle", Durability::Full),
];

const PUSHES: [(&str, Durability); 15] = [
    ("one/a", Durability::Full),
    ("one/b", Durability::None),
    ("two/deep/er/c", Durability::Full),
    ("two/d", Durability::File),
    ("e", Durability::Full),
    ("one/new/f", Durability::Full),
    ("two/deep/g", Durability::File),
    ("one/a", Durability::Full),
    ("one/b", Durability::Full),
    ("two/d", Durability::Full),
    ("none/h", Durability::None),
    ("none/i", Durability::None),
    ("none/h", Durability::File),
    // In a batch behind one that met existing files: looked up before anything is written.
    ("none/i", Durability::Full),
    ("two/deep/g", Durability::Full),
];

/// Runs the batch until it is through or the power is gone.
fn run(disk: &ModelDisk) -> Receipts {
    let mut receipts = Receipts::new();
    let Ok(store) = Store::open_with(disk.share(), options()) else { return receipts };
    let mut note = |text: &str, answer: &Result<StoreAnswer, _>| {
        if let Ok(StoreAnswer::Stored { receipt, .. }) = answer {
            assert_eq!(receipt.hash, hash_of(&bytes_for(text)));
            let best = receipts.entry(text.to_owned()).or_insert(Durability::None);
            *best = receipt.durability.max(*best);
        }
    };
    let mut pushing = conversation(&store);
    for half in [&PUSHES[..7], &PUSHES[7..13], &PUSHES[13..]] {
        for (text, durability) in half {
            stage(&mut pushing, text, &bytes_for(text), *durability);
        }
        for (answer, (text, _)) in pushing.commit().zip(half) {
            note(text, &answer);
        }
    }
    for (text, durability) in UPLOADS {
        let bytes = bytes_for(text);
        let size = Some(bytes.len() as u64);
        let with_token = text == "kept/large" || text == "one/token";
        let request = || {
            let mut request =
                if with_token { resumable(text, size) } else { put_request(text, size) };
            if let StoreRequest::Put { hash, .. } = &mut request {
                *hash = Some(hash_of(&bytes));
            }
            with_durability(request, durability)
        };
        if with_token {
            // Broken off once, and gone on with by another connection.
            let mut broken = conversation(&store);
            if broken.perform(request()).is_some_and(|answer| answer.is_ok()) {
                let _cut = give(&mut broken, &bytes[..bytes.len() - 300]);
            }
        }
        note(text, &put(&mut conversation(&store), request(), &bytes, durability));
    }
    receipts
}

fn with_durability(mut request: StoreRequest, asked: Durability) -> StoreRequest {
    if let StoreRequest::Put { durability, .. } = &mut request {
        *durability = asked;
    }
    request
}

fn stored_bytes(store: &Arc<Store<ModelDisk>>, text: &str) -> Option<Vec<u8>> {
    use crate::store::disk::{Access, Disk, read_full};
    let disk = store.disk();
    let file = disk.open(disk.root(), text, Access::Read).ok()?;
    let mut bytes = vec![0; usize::try_from(disk.status(&file).unwrap().stamp.size).unwrap()];
    read_full(disk, &file, &mut bytes, 0).unwrap();
    Some(bytes)
}

/// Every name that is visible.
fn names(store: &Arc<Store<ModelDisk>>) -> Vec<Name> {
    let list = StoreRequest::List { prefix: Prefix::default(), after: None, limit: None };
    match conversation(store).perform(list) {
        Some(Ok(StoreAnswer::Listing(listing))) => {
            assert!(!listing.more);
            listing.entries.into_iter().map(|entry| entry.name).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// Names that somebody asked to be synced before they are visible, by every request.
fn always_synced(text: &str) -> bool {
    let mut asked = UPLOADS.iter().chain(&PUSHES).filter(|(name, _)| *name == text);
    asked.all(|(_, durability)| *durability >= Durability::File)
}

/// What must hold on a disk that was left behind.
fn check(
    left: ModelDisk,
    receipts: &Receipts,
    lost_power: bool,
    case: &str,
) -> Arc<Store<ModelDisk>> {
    let store = Store::open_with(left, options()).unwrap();
    for name in names(&store) {
        let text = name.as_str();
        if !lost_power || always_synced(text) {
            let bytes = stored_bytes(&store, text);
            assert!(bytes == Some(bytes_for(text).to_vec()), "{case}: a part of {text}");
        }
    }
    for (text, durability) in receipts {
        let promised = match durability {
            _ if !lost_power => true,
            // It was synced before others made it visible, or may be gone.
            Durability::None | Durability::File => false,
            Durability::Full => true,
        };
        let bytes = stored_bytes(&store, text);
        let whole = bytes.as_ref() == Some(&*bytes_for(text));
        assert!(whole || !promised, "{case}: {text} was receipted at {durability:?}");
        let synced = *durability >= Durability::File;
        assert!(whole || bytes.is_none() || !synced, "{case}: a part of {text}");
    }
    store
}

/// Everything is sent once more: in the end it is there, or what is there is told as it is.
fn again(store: &Arc<Store<ModelDisk>>, case: &str) {
    for (text, durability) in UPLOADS.iter().chain(&PUSHES) {
        let bytes = bytes_for(text);
        let answer = if UPLOADS.iter().any(|(name, _)| name == text) {
            let request = resumable(text, Some(bytes.len() as u64));
            put(&mut conversation(store), request, &bytes, *durability)
        } else {
            push(&mut conversation(store), text, &bytes, *durability)
        };
        let there = stored_bytes(store, text).unwrap_or_else(|| panic!("{case}: {text}"));
        match answer {
            Ok(StoreAnswer::Stored { .. }) => assert!(there == *bytes, "{case}: {text}"),
            Ok(StoreAnswer::Exists { hash, .. }) => {
                assert_eq!(hash, hash_of(&there), "{case}: {text}");
            }
            Err(error) => assert_eq!(error, taken_by(&there), "{case}: {text}"),
            Ok(other) => panic!("{case}: {other:?}"),
        }
    }
}

/// How many operations the batch takes, and that it goes through undisturbed.
fn operations() -> u64 {
    let disk = ModelDisk::new();
    let receipts = run(&disk);
    for (text, durability) in UPLOADS.iter().chain(&PUSHES) {
        assert!(receipts[*text] >= *durability, "{text}");
    }
    let operations = disk.operations();
    assert!(operations > 200, "{operations}");
    operations
}

#[test]
fn no_loss_of_power_loses_what_was_receipted_or_shows_a_part() {
    for cut in 0..=operations() {
        let disk = ModelDisk::new();
        disk.end_power_after(cut);
        let receipts = run(&disk);
        let seeds = (0..SEEDS).map(|number| Left::Some(cut * SEEDS + number));
        for (number, left) in [Left::Nothing, Left::Everything].into_iter().chain(seeds).enumerate()
        {
            let case = format!("power lost after {cut}, left {left:?}");
            let store = check(disk.after_power_loss(left), &receipts, true, &case);
            // Each way in its turn, since sending everything again is most of the work.
            if cut % (2 + SEEDS) == number as u64 {
                again(&store, &case);
            }
        }
    }
}

#[test]
fn no_killed_process_loses_what_was_receipted_or_shows_a_part() {
    for cut in 0..=operations() {
        let disk = ModelDisk::new();
        disk.end_power_after(cut);
        let receipts = run(&disk);
        for started_again in [false, true] {
            let case = format!("killed after {cut}, started again {started_again}");
            let left = disk.after_everything_survived(started_again);
            let store = check(left, &receipts, false, &case);
            if started_again == cut.is_multiple_of(2) {
                again(&store, &case);
            }
        }
    }
}

/// The walk itself would notice: without the sync of the bytes, a part is seen.
#[test]
fn the_model_forgets() {
    use crate::store::disk::{Disk, write_full};
    let disk = ModelDisk::new();
    let file = disk.create_unnamed(disk.root()).unwrap();
    write_full(&disk, &file, &[1; 1000], 0).unwrap();
    disk.link(&file, disk.root(), "name").unwrap();
    let store = |disk| Store::open_with(disk, options()).unwrap();
    assert_eq!(stored_bytes(&store(disk.after_power_loss(Left::Nothing)), "name"), None);
    disk.sync(disk.root()).unwrap();
    let lost = store(disk.after_power_loss(Left::Nothing));
    assert_eq!(stored_bytes(&lost, "name"), Some(Vec::new()));
    disk.sync(&file).unwrap();
    let kept = store(disk.after_power_loss(Left::Nothing));
    assert_eq!(stored_bytes(&kept, "name"), Some(vec![1; 1000]));
    disk.create_directory(disk.root(), "new", 0o755).unwrap();
    let inner = disk.open_directory(disk.root(), "new").unwrap();
    disk.link(&disk.create_unnamed(&inner).unwrap(), &inner, "x").unwrap();
    disk.sync(&inner).unwrap();
    let lost = store(disk.after_power_loss(Left::Nothing));
    assert_eq!(stored_bytes(&lost, "new/x"), None, "its directory was not synced where it is");
}
