//! Broken uploads: resumed by their holder, verified, taken over, tidied.

use std::fs::Permissions;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::time::Duration;

use colok_proto::files::{Durability, Hash, HaveIt, StoreAnswer, StoreError, StoreRequest};

use super::support::*;
use crate::store::tree_hash::hash_of;
use crate::store::{Conversation, FileEvent, Store, StoreOptions};

const MIB: usize = 1 << 20;

/// Begins an upload of `size` bytes and breaks it off after `sent`.
fn break_off(place: &Place, bytes: &[u8], sent: usize) {
    let mut conversation = conversation(&place.store());
    let request = resumable("big", Some(bytes.len() as u64));
    conversation.perform(request).unwrap().unwrap();
    give(&mut conversation, &bytes[..sent]).unwrap();
}

/// Where an upload goes on.
fn offset(conversation: &mut Conversation, request: StoreRequest) -> usize {
    match conversation.perform(request).unwrap() {
        Ok(StoreAnswer::SendFrom { offset, .. }) => usize::try_from(offset).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Sends the rest from where the store says, and checks everything.
fn complete(place: &Place, bytes: &[u8], expected_offset: usize) {
    let mut conversation = conversation(&place.store());
    let request = resumable("big", Some(bytes.len() as u64));
    assert_eq!(offset(&mut conversation, request), expected_offset);
    give(&mut conversation, &bytes[expected_offset..]).unwrap();
    let result = conversation.perform(finish(Some(hash_of(bytes)), Durability::Full)).unwrap();
    assert_eq!(stored_as(&result, bytes), Some(HaveIt::Stored));
    assert_eq!(std::fs::read(place.at("big")).unwrap(), bytes);
    let mode = std::fs::metadata(place.at("big")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o400);
    assert_eq!(place.partials(), [""; 0]);
}

/// The file of the bytes, in `.colok/partial`.
fn partial_bytes(place: &Place) -> std::path::PathBuf {
    let names = place.partials();
    let bytes: Vec<_> = names.iter().filter(|name| !name.contains('.')).collect();
    let [name] = bytes.try_into().unwrap();
    place.at(".colok/partial").join(name)
}

#[test]
fn an_upload_goes_on_where_it_was_verified() {
    let bytes = bytes_of(1, 4 * MIB + 99);
    for (sent, expected) in [
        (0, 0),
        (MIB - 1, 0),
        (MIB, MIB),
        (MIB + 1, MIB),
        (3 * MIB + 5, 3 * MIB),
        (4 * MIB, 4 * MIB),
        (4 * MIB + 99, 4 * MIB),
    ] {
        let place = Place::new();
        break_off(&place, &bytes, sent);
        assert_eq!(place.visible(), [""; 0]);
        assert_eq!(place.partials().len(), if sent > 0 { 2 } else { 0 });
        complete(&place, &bytes, expected);
    }
}

#[test]
fn an_upload_that_only_lacks_its_end_needs_no_bytes() {
    let bytes = bytes_of(2, 3 * MIB);
    let place = Place::new();
    break_off(&place, &bytes, 3 * MIB);
    complete(&place, &bytes, 3 * MIB);
}

#[test]
fn a_flipped_byte_is_found_and_repaired() {
    let bytes = bytes_of(3, 5 * MIB + 7);
    for (at, expected) in [
        (0, 0),
        (MIB - 1, 0),
        (2 * MIB + 3, 2 * MIB),
        (4 * MIB, 4 * MIB),
        (5 * MIB - 1, 4 * MIB),
        (5 * MIB + 3, 5 * MIB),
    ] {
        let place = Place::new();
        break_off(&place, &bytes, bytes.len());
        let path = partial_bytes(&place);
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        file.write_all_at(&[!bytes[at]], at as u64).unwrap();
        complete(&place, &bytes, expected);
    }
}

#[test]
fn a_log_that_is_short_or_wrong_costs_only_its_bytes() {
    let bytes = bytes_of(4, 3 * MIB + 7);
    for (length, expected) in [(0, 0), (10, 0), (32, 0), (63, 0), (64, MIB), (100, 2 * MIB)] {
        let place = Place::new();
        break_off(&place, &bytes, bytes.len());
        let log = partial_bytes(&place).with_extension("log");
        let file = std::fs::OpenOptions::new().write(true).open(log).unwrap();
        file.set_len(length).unwrap();
        complete(&place, &bytes, expected);
    }
    // Without the bytes there is nothing to verify.
    let place = Place::new();
    break_off(&place, &bytes, bytes.len());
    std::fs::remove_file(partial_bytes(&place)).unwrap();
    complete(&place, &bytes, 0);
}

#[test]
fn a_resume_may_begin_again_or_bring_another_size() {
    let bytes = bytes_of(5, 3 * MIB);
    let place = Place::new();
    let store = place.store();
    break_off(&place, &bytes, 3 * MIB);
    let mut conversation = conversation(&store);
    // The file is shorter now: what is beyond its end cannot be of it.
    assert_eq!(offset(&mut conversation, resumable("big", Some(MIB as u64 + 5))), MIB);
    assert_eq!(offset(&mut conversation, resumable("big", None)), MIB);
    let mut again = resumable("big", Some(3 * MIB as u64));
    if let StoreRequest::Put { from_start, .. } = &mut again {
        *from_start = true;
    }
    assert_eq!(offset(&mut conversation, again), 0);
    give(&mut conversation, &bytes).unwrap();
    let result = conversation.perform(finish(None, Durability::File)).unwrap();
    assert_eq!(stored_as(&result, &bytes), Some(HaveIt::Stored));
}

#[test]
fn another_token_or_name_is_another_upload() {
    let bytes = bytes_of(6, 2 * MIB);
    let place = Place::new();
    break_off(&place, &bytes, 2 * MIB);
    let mut conversation = conversation(&place.store());
    let other = colok_proto::files::UploadToken::new("another-token-of-16");
    for (text, upload) in [("big", other), ("bigger", Some(token())), ("big", None)] {
        let request = StoreRequest::Put {
            name: name(text),
            size: Some(2 * MIB as u64),
            hash: None,
            durability: Durability::None,
            upload,
            from_start: false,
        };
        assert_eq!(offset(&mut conversation, request), 0);
    }
}

#[test]
fn a_connection_that_was_taken_over_writes_nothing_more() {
    let bytes = bytes_of(7, 3 * MIB);
    let lies = vec![0xEE; 3 * MIB];
    let place = Place::new();
    // Two stores, as in two processes.
    let (mut old, mut new) = (conversation(&place.store()), conversation(&place.store()));
    let request = resumable("big", Some(3 * MIB as u64));
    assert_eq!(offset(&mut old, request.clone()), 0);
    give(&mut old, &bytes[..MIB]).unwrap();
    assert_eq!(offset(&mut new, request.clone()), MIB);
    assert_eq!(old.body(&lies[..MIB]), Err(StoreError::TakenOver));
    assert_eq!(old.body(&lies[..MIB]), Err(StoreError::TakenOver));
    let late = old.perform(finish(None, Durability::Full)).unwrap();
    assert_eq!(late, Err(StoreError::TakenOver));
    give(&mut new, &bytes[MIB..2 * MIB]).unwrap();
    // Ending or cancelling late takes nothing from the new owner either.
    let (mut third, mut fourth) = (conversation(&place.store()), conversation(&place.store()));
    assert_eq!(offset(&mut third, request.clone()), 2 * MIB);
    assert_eq!(offset(&mut fourth, request), 2 * MIB);
    assert_eq!(new.body(&lies[..1]), Err(StoreError::TakenOver));
    assert_eq!(third.perform(StoreRequest::Cancel), Some(Ok(StoreAnswer::Cancelled)));
    drop((old, new, third));
    give(&mut fourth, &bytes[2 * MIB..]).unwrap();
    let result = fourth.perform(finish(Some(hash_of(&bytes)), Durability::Full)).unwrap();
    assert_eq!(stored_as(&result, &bytes), Some(HaveIt::Stored));
    assert_eq!(std::fs::read(place.at("big")).unwrap(), bytes);
}

#[test]
fn finishing_races_with_being_taken_over() {
    let bytes = bytes_of(8, 2 * MIB);
    let place = Place::new();
    let (mut old, mut new) = (conversation(&place.store()), conversation(&place.store()));
    let request = resumable("big", Some(2 * MIB as u64));
    offset(&mut old, request.clone());
    give(&mut old, &bytes).unwrap();
    assert_eq!(offset(&mut new, request), 2 * MIB);
    let late = old.perform(finish(None, Durability::None)).unwrap();
    assert_eq!(late, Err(StoreError::TakenOver));
    let result = new.perform(finish(None, Durability::None)).unwrap();
    assert_eq!(stored_as(&result, &bytes), Some(HaveIt::Stored));
}

#[test]
fn a_wrong_hash_drops_what_came() {
    let bytes = bytes_of(9, MIB);
    let place = Place::new();
    let mut conversation = conversation(&place.store());
    offset(&mut conversation, resumable("big", Some(MIB as u64)));
    give(&mut conversation, &bytes).unwrap();
    let result = conversation.perform(finish(Some(Hash([0; 32])), Durability::Full)).unwrap();
    assert_eq!(result, Err(StoreError::WrongHash { computed: hash_of(&bytes) }));
    assert_eq!(place.partials(), [""; 0]);
}

#[test]
fn what_was_sealed_but_not_published_goes_on() {
    let bytes = bytes_of(10, 2 * MIB);
    let place = Place::new();
    break_off(&place, &bytes, 2 * MIB);
    std::fs::set_permissions(partial_bytes(&place), Permissions::from_mode(0o400)).unwrap();
    complete(&place, &bytes, 2 * MIB);
}

#[test]
fn a_partial_that_is_a_stored_file_too_is_not_written_to() {
    let bytes = bytes_of(11, 2 * MIB);
    let place = Place::new();
    break_off(&place, &bytes, 2 * MIB);
    let partial = partial_bytes(&place);
    std::fs::set_permissions(&partial, Permissions::from_mode(0o400)).unwrap();
    std::fs::hard_link(&partial, place.at("stored")).unwrap();
    complete(&place, &bytes_of(12, 2 * MIB), 0);
    assert_eq!(std::fs::read(place.at("stored")).unwrap(), bytes);
}

#[test]
fn the_log_hears_of_a_resume() {
    let bytes = bytes_of(13, 2 * MIB);
    let place = Place::new();
    break_off(&place, &bytes, MIB);
    let mut conversation = conversation(&place.store());
    offset(&mut conversation, resumable("big", Some(2 * MIB as u64)));
    let resumed = FileEvent::Resumed { name: name("big"), offset: MIB as u64 };
    assert!(conversation.events().any(|event| event == resumed));
}

#[test]
fn tidying_takes_the_old_and_leaves_what_is_in_use() {
    let place = Place::new();
    let options = StoreOptions { keep_partial: Duration::ZERO, ..place.options() };
    let keeping = place.store();
    let mut in_use = conversation(&keeping);
    offset(&mut in_use, resumable("used", Some(MIB as u64)));
    give(&mut in_use, &bytes_of(1, 1000)).unwrap();
    break_off(&place, &bytes_of(2, MIB), 1000);
    assert_eq!(place.partials().len(), 4);
    // File times may lag behind the clock by a tick.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while place.partials().len() > 2 && std::time::Instant::now() < deadline {
        Store::open(options.clone()).unwrap().tidy_partials();
    }
    assert_eq!(place.partials().len(), 2);
    give(&mut in_use, &bytes_of(1, MIB)[1000..]).unwrap();
    let result = in_use.perform(finish(None, Durability::None)).unwrap();
    assert_eq!(stored_as(&result, &bytes_of(1, MIB)), Some(HaveIt::Stored));
    assert_eq!(place.visible(), ["used"]);
}

#[test]
fn broken_uploads_are_bounded_in_number_and_bytes() {
    let place = Place::new();
    let few = StoreOptions { partials_max: 3, ..place.options() };
    let store = Store::open(few).unwrap();
    for number in 0..8 {
        let mut conversation = conversation(&store);
        offset(&mut conversation, resumable(&format!("file{number}"), Some(MIB as u64)));
        give(&mut conversation, &bytes_of(number, 100_000)).unwrap();
    }
    assert_eq!(place.partials().len(), 2 * 3);
    drop(store);
    let small = StoreOptions { partial_bytes_max: 150_000, ..place.options() };
    Store::open(small).unwrap();
    assert_eq!(place.partials().len(), 2);
    // A log whose bytes are gone is of no use; stand-ins of a killed process are left-overs too.
    std::fs::write(place.at(".colok/partial/unnamed-00"), b"1").unwrap();
    std::fs::write(place.at(".colok/partial/ab.log"), b"1").unwrap();
    Store::open(place.options()).unwrap();
    assert_eq!(place.partials().len(), 3);
    Store::open(StoreOptions { partials_max: 0, ..place.options() }).unwrap();
    assert_eq!(place.partials(), [""; 0]);
}

#[test]
fn what_was_broken_off_goes_when_another_stored_the_name() {
    let bytes = bytes_of(14, 2 * MIB);
    let place = Place::new();
    break_off(&place, &bytes, MIB);
    let mut conversation = conversation(&place.store());
    put(&mut conversation, put_request("big", None), &bytes, Durability::None).unwrap();
    assert_eq!(place.partials().len(), 2);
    let mut request = resumable("big", Some(2 * MIB as u64));
    if let StoreRequest::Put { hash, .. } = &mut request {
        *hash = Some(hash_of(&bytes));
    }
    let result = conversation.perform(request).unwrap();
    assert_eq!(stored_as(&result, &bytes), Some(HaveIt::Already));
    assert_eq!(place.partials(), [""; 0]);
}
