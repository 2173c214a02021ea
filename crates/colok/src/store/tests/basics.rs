//! What each request does, one connection at a time.

use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use colok_proto::files::{Durability, Hash, HaveIt, StoreAnswer, StoreError, StoreRequest};

use super::support::*;
use crate::store::tree_hash::hash_of;
use crate::store::{FileEvent, Secret, Store, StoreOptions};

const EACH: [Durability; 3] = [Durability::None, Durability::File, Durability::Full];

#[test]
fn an_upload_is_stored_whole_under_its_name_and_only_for_reading() {
    let place = Place::new();
    let mut conversation = conversation(&place.store());
    for (number, durability) in EACH.into_iter().enumerate() {
        for size in [0, 1, 1 << 20, (2 << 20) + 77] {
            for resumable_too in [false, true] {
                let text = format!("a/b{number}/{size}-{resumable_too}");
                let bytes = bytes_of(size as u64, size);
                let size = Some(size as u64);
                let request =
                    if resumable_too { resumable(&text, size) } else { put_request(&text, size) };
                let result = put(&mut conversation, request, &bytes, durability);
                assert_eq!(stored_as(&result, &bytes), Some(HaveIt::Stored), "{text}");
                assert_eq!(std::fs::read(place.at(&text)).unwrap(), bytes);
                let metadata = std::fs::symlink_metadata(place.at(&text)).unwrap();
                assert!(metadata.is_file());
                assert_eq!(metadata.permissions().mode() & 0o7777, 0o400);
                assert_eq!(metadata.nlink(), 1);
            }
        }
    }
    assert_eq!(place.partials(), [""; 0]);
}

#[test]
fn the_three_answers() {
    let place = Place::new();
    let mut conversation = conversation(&place.store());
    let (mine, theirs) = (bytes_of(1, 3000), bytes_of(2, 3000));
    for (text, durability) in [("one", Durability::None), ("dir/two", Durability::Full)] {
        let stored = push(&mut conversation, text, &mine, durability);
        assert_eq!(stored_as(&stored, &mine), Some(HaveIt::Stored));
        let again = push(&mut conversation, text, &mine, durability);
        assert_eq!(stored_as(&again, &mine), Some(HaveIt::Already));
        let other = push(&mut conversation, text, &theirs, durability);
        assert_eq!(other, Err(taken_by(&mine)));
        // Without a hash the store cannot decide, and says what it has.
        let exists = conversation.perform(put_request(text, Some(5))).unwrap();
        let hash = hash_of(&mine);
        assert_eq!(exists, Ok(StoreAnswer::Exists { size: 3000, hash }));
        for (bytes, expected) in [(&mine, Some(HaveIt::Already)), (&theirs, None)] {
            let request = StoreRequest::Put {
                name: name(text),
                size: Some(3000),
                hash: Some(hash_of(bytes)),
                durability,
                upload: None,
                from_start: false,
            };
            let result = conversation.perform(request).unwrap();
            assert_eq!(stored_as(&result, bytes), expected);
        }
        assert_eq!(std::fs::read(place.at(text)).unwrap(), mine);
    }
}

#[test]
fn pushes_are_answered_in_order_whatever_becomes_of_them() {
    let place = Place::new();
    let mut conversation = conversation(&place.store());
    for durability in EACH {
        let directory = durability.name();
        let bytes = bytes_of(3, 100);
        for number in 0..50 {
            // Every name twice in one batch, every fifth with a wrong hash.
            let text = format!("{directory}/{}", number / 2);
            if number % 5 == 0 {
                let request = StoreRequest::Push {
                    name: name(&text),
                    size: 100,
                    hash: Some(Hash([7; 32])),
                    durability,
                };
                assert!(conversation.perform(request).is_none());
                conversation.body(&bytes[..60]).unwrap();
                conversation.body(&bytes[60..]).unwrap();
            } else {
                stage(&mut conversation, &text, &bytes, durability);
            }
        }
        assert_eq!(conversation.staged(), 50);
        let answers: Vec<_> = conversation.commit().collect();
        assert_eq!(answers.len(), 50);
        for (number, answer) in answers.iter().enumerate() {
            let first = number % 2 == 0 || (number - 1) % 5 == 0;
            let expected = if first { HaveIt::Stored } else { HaveIt::Already };
            if number % 5 == 0 {
                let computed = hash_of(&bytes);
                assert_eq!(*answer, Err(StoreError::WrongHash { computed }));
            } else {
                assert_eq!(stored_as(answer, &bytes), Some(expected), "{directory} {number}");
            }
        }
        assert_eq!(conversation.staged(), 0);
    }
}

#[test]
fn a_push_that_is_still_coming_waits_for_the_next_commit() {
    let place = Place::new();
    let mut conversation = conversation(&place.store());
    stage(&mut conversation, "whole", b"whole", Durability::Full);
    let request = StoreRequest::Push {
        name: name("half"),
        size: 4,
        hash: None,
        durability: Durability::None,
    };
    assert!(conversation.perform(request).is_none());
    conversation.body(b"ha").unwrap();
    assert_eq!((conversation.staged(), conversation.preferred_body_bytes()), (1, 2));
    assert_eq!(conversation.commit().count(), 1);
    assert_eq!(place.visible(), ["whole"]);
    conversation.body(b"lf").unwrap();
    assert_eq!(conversation.commit().count(), 1);
    assert_eq!(place.visible(), ["half", "whole"]);
}

#[test]
fn nothing_is_visible_of_what_did_not_come_whole() {
    let place = Place::new();
    let mut conversation = conversation(&place.store());
    let bytes = bytes_of(5, 5000);
    let computed = hash_of(&bytes);
    for request in [put_request("d/x", Some(5000)), put_request("d/x", None)] {
        // A wrong hash, at the end.
        conversation.perform(request.clone()).unwrap().unwrap();
        conversation.body(&bytes).unwrap();
        let result = conversation.perform(finish(Some(Hash([1; 32])), Durability::Full)).unwrap();
        assert_eq!(result, Err(StoreError::WrongHash { computed }));
        // Cancelled.
        conversation.perform(request.clone()).unwrap().unwrap();
        conversation.body(&bytes).unwrap();
        assert_eq!(conversation.perform(StoreRequest::Cancel), Some(Ok(StoreAnswer::Cancelled)));
        // The connection ends.
        let mut other = super::support::conversation(&conversation.store);
        other.perform(request).unwrap().unwrap();
        other.body(&bytes).unwrap();
    }
    // Shorter than was said, longer than was said.
    conversation.perform(put_request("d/x", Some(5000))).unwrap().unwrap();
    conversation.body(&bytes[..4999]).unwrap();
    let result = conversation.perform(finish(None, Durability::Full)).unwrap();
    assert_eq!(result, Err(StoreError::WrongSize { received: 4999 }));
    conversation.perform(resumable("d/x", Some(4999))).unwrap().unwrap();
    let error = StoreError::WrongSize { received: 5000 };
    assert_eq!(conversation.body(&bytes), Err(error));
    assert_eq!(conversation.perform(finish(None, Durability::Full)), Some(Err(error)));
    // A push that is cut off.
    stage(&mut conversation, "d/y", &bytes, Durability::Full);
    drop(conversation);
    assert_eq!(place.visible(), [""; 0]);
    assert_eq!(place.partials(), [""; 0]);
    assert!(!place.at("d").exists(), "a directory was made for nothing");
}

#[test]
fn an_unknown_size_grows() {
    let place = Place::new();
    let mut conversation = conversation(&place.store());
    let bytes = bytes_of(6, (3 << 20) + 5);
    conversation.perform(put_request("grown", None)).unwrap().unwrap();
    for part in bytes.chunks(99_991) {
        conversation.body(part).unwrap();
    }
    let result = conversation.perform(finish(None, Durability::File)).unwrap();
    assert_eq!(stored_as(&result, &bytes), Some(HaveIt::Stored));
    assert_eq!(std::fs::read(place.at("grown")).unwrap(), bytes);
}

#[test]
fn ranges_are_opened_and_hashed() {
    let place = Place::new();
    let mut conversation = conversation(&place.store());
    let bytes = bytes_of(7, 10_000);
    push(&mut conversation, "it", &bytes, Durability::None).unwrap();
    push(&mut conversation, "empty", b"", Durability::None).unwrap();
    let mut get = |text: &str, range| {
        let request = StoreRequest::Get { name: name(text), range, range_hash: true };
        conversation.perform(request).unwrap()
    };
    for (asked, expected) in [
        (None, 0..10_000),
        (Some((0, None)), 0..10_000),
        (Some((9_999, None)), 9_999..10_000),
        (Some((100, Some(200))), 100..200),
        (Some((100, Some(u64::MAX))), 100..10_000),
    ] {
        let Ok(StoreAnswer::Opened { entry, range, range_hash }) = get("it", asked) else {
            panic!("{asked:?}");
        };
        assert_eq!((entry.size, entry.hash), (10_000, Some(hash_of(&bytes))));
        assert_eq!(range, expected);
        let expected = expected.start.try_into().unwrap()..expected.end.try_into().unwrap();
        let part: &[u8] = &bytes[expected];
        assert_eq!(range_hash, Some(hash_of(part)));
    }
    for asked in [(10_000, None), (10_001, Some(10_002)), (7, Some(7)), (8, Some(7))] {
        assert_eq!(get("it", Some(asked)), Err(StoreError::OutOfRange { size: 10_000 }));
    }
    let Ok(StoreAnswer::Opened { range, .. }) = get("empty", None) else { panic!() };
    assert_eq!(range, 0..0);
    assert_eq!(get("nothing", None), Err(StoreError::NotFound));
    assert!(conversation.reading().is_none(), "a failed get leaves the last file open");
}

#[test]
fn the_open_file_can_be_read_from_its_descriptor() {
    let place = Place::new();
    let mut conversation = conversation(&place.store());
    push(&mut conversation, "it", b"bytes", Durability::None).unwrap();
    let request = StoreRequest::Get { name: name("it"), range: None, range_hash: false };
    conversation.perform(request).unwrap().unwrap();
    let descriptor = conversation.reading().unwrap().try_clone_to_owned().unwrap();
    let mut text = String::new();
    std::fs::File::from(descriptor).read_to_string(&mut text).unwrap();
    assert_eq!(text, "bytes");
}

#[test]
fn files_that_others_put_there_are_served_and_compared() {
    let place = Place::new();
    let store = place.store();
    let mut conversation = conversation(&store);
    std::fs::create_dir(place.at("theirs")).unwrap();
    std::fs::write(place.at("theirs/file"), b"their bytes").unwrap();
    let stat = StoreRequest::Stat { name: name("theirs/file"), reread: false };
    let Some(Ok(StoreAnswer::Entry(entry))) = conversation.perform(stat.clone()) else { panic!() };
    assert_eq!((entry.size, entry.hash), (11, Some(hash_of(b"their bytes"))));
    let same = push(&mut conversation, "theirs/file", b"their bytes", Durability::Full);
    assert_eq!(stored_as(&same, b"their bytes"), Some(HaveIt::Already));
    let other = push(&mut conversation, "theirs/file", b"other bytes", Durability::Full);
    assert_eq!(other, Err(taken_by(b"their bytes")));
    // They may also change it; what was known of it is not believed any more.
    std::fs::write(place.at("theirs/file"), b"new byteses").unwrap();
    let Some(Ok(StoreAnswer::Entry(entry))) = conversation.perform(stat) else { panic!() };
    assert_eq!(entry.hash, Some(hash_of(b"new byteses")));
}

#[test]
fn what_is_no_file_is_neither_read_nor_replaced() {
    let place = Place::new();
    let store = place.store();
    let mut conversation = conversation(&store);
    push(&mut conversation, "file", b"1", Durability::None).unwrap();
    push(&mut conversation, "dir/file", b"1", Durability::None).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, place.at("pipe"), 0o600.into()).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.at("socket")).unwrap();
    for text in ["dir", "file/below", "file/below/deeper", "pipe", "socket", "pipe/x"] {
        for durability in [Durability::None, Durability::Full] {
            let result = push(&mut conversation, text, b"1", durability);
            assert_eq!(result, Err(StoreError::NotAFile), "{text}");
        }
        for request in [
            put_request(text, Some(1)),
            StoreRequest::Get { name: name(text), range: None, range_hash: false },
            StoreRequest::Stat { name: name(text), reread: true },
        ] {
            let result = conversation.perform(request).unwrap();
            assert_eq!(result, Err(StoreError::NotAFile), "{text}");
        }
    }
    // Put there only after the upload began.
    conversation.perform(put_request("late", Some(1))).unwrap().unwrap();
    conversation.body(b"1").unwrap();
    std::fs::create_dir(place.at("late")).unwrap();
    let result = conversation.perform(finish(None, Durability::Full)).unwrap();
    assert_eq!(result, Err(StoreError::NotAFile));
}

#[test]
fn a_secret_is_compared_and_never_shown() {
    let place = Place::new();
    let options = StoreOptions { token: Some(Secret::new("sesame")), ..place.options() };
    assert!(!format!("{options:?}").contains("sesame"));
    let mut conversation = conversation(&Store::open(options).unwrap());
    let mut ask =
        |text: &str| conversation.perform(StoreRequest::Authenticate(text.into())).unwrap();
    assert_eq!(ask("sesame"), Ok(StoreAnswer::Allowed));
    for wrong in ["", "sesam", "sesame ", "Sesame"] {
        assert_eq!(ask(wrong), Err(StoreError::WrongToken));
    }
    let mut without = super::support::conversation(&place.store());
    let result = without.perform(StoreRequest::Authenticate("".into())).unwrap();
    assert_eq!(result, Err(StoreError::WrongToken));
}

#[test]
fn a_store_that_is_only_read_makes_nothing() {
    let place = Place::new();
    std::fs::create_dir(place.root()).unwrap();
    std::fs::write(place.at("it"), b"it").unwrap();
    let options = StoreOptions { writable: false, ..place.options() };
    let mut conversation = conversation(&Store::open(options).unwrap());
    let stat = StoreRequest::Stat { name: name("it"), reread: false };
    let Some(Ok(StoreAnswer::Entry(entry))) = conversation.perform(stat) else { panic!() };
    assert_eq!(entry.hash, Some(hash_of(b"it")));
    for text in ["it", "new"] {
        let result = push(&mut conversation, text, b"new", Durability::None);
        assert_eq!(result, Err(StoreError::Io(rustix::io::Errno::ROFS.raw_os_error())));
    }
    let result = conversation.perform(put_request("new", None)).unwrap();
    assert_eq!(result, Err(StoreError::Io(rustix::io::Errno::ROFS.raw_os_error())));
    assert_eq!(place.visible(), ["it"]);
    assert!(!place.at(".colok").exists());
    let missing = StoreOptions { writable: false, ..StoreOptions::new(place.path().join("none")) };
    let error = Store::open(missing).unwrap_err();
    assert_eq!((error.call, error.errno), ("open", rustix::io::Errno::NOENT));
}

#[test]
fn opening_says_what_is_in_its_way() {
    let place = Place::new();
    let store = place.store();
    assert!(store.created());
    assert!(!place.store().created());
    drop(store);
    std::fs::remove_dir_all(place.root()).unwrap();
    std::fs::create_dir(place.root()).unwrap();
    std::os::unix::fs::symlink("/tmp", place.at(".colok")).unwrap();
    let error = Store::open(place.options()).unwrap_err();
    assert_eq!(error.call, "open");
    assert!(error.path.ends_with(".colok"), "{error}");
}

#[test]
fn the_log_hears_what_happened_in_order() {
    let place = Place::new();
    let mut conversation = conversation(&place.store());
    let it = name("it");
    put(&mut conversation, put_request("it", Some(3)), b"abc", Durability::None).unwrap();
    push(&mut conversation, "it", b"abc", Durability::None).unwrap();
    push(&mut conversation, "it", b"xyz", Durability::Full).unwrap_err();
    let events: Vec<_> = conversation.events().collect();
    let read = FileEvent::ServerRead { name: it.clone() };
    let expected = [
        read.clone(),
        FileEvent::DoesNotExist { name: it.clone() },
        FileEvent::Copied { name: it.clone(), bytes: 3 },
        read.clone(),
        FileEvent::HaveIt { name: it.clone() },
        read,
        FileEvent::Failed { name: it, error: taken_by(b"abc") },
    ];
    assert_eq!(events, expected);
}

/// A file system without `O_TMPFILE`: a hidden name stands in.
#[test]
fn a_hidden_name_stands_in_where_files_without_names_cannot_be_made() {
    use crate::store::disk::{Linux, Stepped};
    let place = Place::new();
    std::fs::create_dir(place.root()).unwrap();
    let disk = Stepped::new(Linux::open(&place.root()).unwrap(), |step| match step {
        "create_unnamed" => Err(rustix::io::Errno::OPNOTSUPP),
        _ => Ok(()),
    });
    let store = Store::open_with(disk, place.options()).unwrap();
    let mut conversation = conversation(&store);
    let bytes = bytes_of(1, 5000);
    for durability in EACH {
        let text = format!("push/{}", durability.name());
        let result = push(&mut conversation, &text, &bytes, durability);
        assert_eq!(stored_as(&result, &bytes), Some(HaveIt::Stored));
        let again = push(&mut conversation, &text, &bytes, durability);
        assert_eq!(stored_as(&again, &bytes), Some(HaveIt::Already));
        let text = format!("put/{}", durability.name());
        let result = put(&mut conversation, put_request(&text, None), &bytes, durability);
        assert_eq!(stored_as(&result, &bytes), Some(HaveIt::Stored));
        let mode = std::fs::metadata(place.at(&text)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o400);
    }
    // In use, it is not taken for left over; and nothing is left when it is broken off.
    conversation.perform(put_request("cut", None)).unwrap().unwrap();
    Store::open(StoreOptions { partials_max: 0, ..place.options() }).unwrap();
    assert_eq!(place.partials().len(), 1);
    drop(conversation);
    assert_eq!(place.partials(), [""; 0]);
}

#[test]
fn reading_again_notices_damage() {
    let place = Place::new();
    let mut conversation = conversation(&place.store());
    push(&mut conversation, "it", b"right", Durability::Full).unwrap();
    std::fs::set_permissions(place.at("it"), PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(place.at("it"), b"wrong").unwrap();
    conversation.events().for_each(drop);
    for reread in [false, true] {
        let request = StoreRequest::Stat { name: name("it"), reread };
        let Some(Ok(StoreAnswer::Entry(entry))) = conversation.perform(request) else { panic!() };
        assert_eq!(entry.hash, Some(hash_of(b"wrong")));
        let damaged = FileEvent::Damaged { name: name("it") };
        assert_eq!(conversation.events().any(|event| event == damaged), reread);
    }
    // Whoever sends the right bytes again is told that something else is there.
    let result = push(&mut conversation, "it", b"right", Durability::Full);
    assert_eq!(result, Err(taken_by(b"wrong")));
    conversation.events().for_each(drop);
    conversation.listen(false);
    push(&mut conversation, "other", b"1", Durability::Full).unwrap();
    assert_eq!(conversation.events().count(), 0);
}
