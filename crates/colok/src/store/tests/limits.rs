//! Limits: what is too much is refused with its reason, and nothing of it stays.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::process::Command;

use colok_proto::Address;
use colok_proto::files::{Durability, HaveIt, Prefix, StoreAnswer, StoreError, StoreRequest};

use super::support::*;
use crate::store::tree_hash::hash_of;
use crate::store::{Soundness, Store, StoreOptions, VerifyStep, VerifyTotals};

#[test]
fn a_file_may_be_too_large() {
    let place = Place::new();
    let options = StoreOptions { file_bytes_max: 1000, ..place.options() };
    let mut conversation = conversation(&Store::open(options).unwrap());
    let error = StoreError::TooLarge { limit: 1000 };
    assert_eq!(conversation.perform(put_request("a", Some(1001))), Some(Err(error)));
    for request in [put_request("a", None), resumable("a", None)] {
        conversation.perform(request).unwrap().unwrap();
        conversation.body(&[0; 600]).unwrap();
        assert_eq!(conversation.body(&[0; 600]), Err(error));
        assert_eq!(conversation.perform(finish(None, Durability::None)), Some(Err(error)));
    }
    assert_eq!(push(&mut conversation, "a", &[0; 1001], Durability::Full), Err(error));
    assert_eq!((place.visible(), place.partials()), (vec![], vec![]));
    let most = [0; 1000];
    let result = put(&mut conversation, put_request("a", Some(1000)), &most, Durability::None);
    assert_eq!(stored_as(&result, &most), Some(HaveIt::Stored));
}

#[test]
fn the_total_is_exact_and_comes_back() {
    let place = Place::new();
    let options = StoreOptions { total_bytes_max: Some(10_000), ..place.options() };
    let store = Store::open(options.clone()).unwrap();
    let (bytes, one) = (bytes_of(1, 4000), bytes_of(2, 1));
    {
        let mut conversation = conversation(&store);
        let mut put = |text: &str, bytes: &[u8]| {
            let request = put_request(text, Some(bytes.len() as u64));
            put(&mut conversation, request, bytes, Durability::None)
        };
        put("a", &bytes).unwrap();
        put("b", &bytes).unwrap();
        assert_eq!(put("c", &bytes), Err(StoreError::NoSpace));
        // What is there already needs no room, nor does what was refused keep any.
        for _ in 0..5 {
            let again =
                push(&mut super::support::conversation(&store), "a", &bytes, Durability::Full);
            assert_eq!(stored_as(&again, &bytes), Some(HaveIt::Already));
        }
    }
    let mut conversation = conversation(&store);
    for durability in [Durability::None, Durability::Full] {
        let half = &bytes_of(durability as u64 + 5, 1000);
        push(&mut conversation, &format!("push {}", durability.name()), half, durability).unwrap();
        assert_eq!(push(&mut conversation, "c", &bytes, durability), Err(StoreError::NoSpace));
    }
    assert_eq!(push(&mut conversation, "d", &one, Durability::None), Err(StoreError::NoSpace));
    // Uploads that grow, and those that are cancelled or broken off without a token.
    std::fs::remove_file(place.at("a")).unwrap();
    drop((conversation, store));
    let store = Store::open(options).unwrap();
    for _ in 0..3 {
        let mut conversation = super::support::conversation(&store);
        conversation.perform(put_request("a", None)).unwrap().unwrap();
        conversation.body(&bytes).unwrap();
        assert_eq!(conversation.body(&one), Err(StoreError::NoSpace));
        conversation.perform(put_request("a", Some(4000))).unwrap().unwrap();
        conversation.body(&bytes).unwrap();
        conversation.perform(StoreRequest::Cancel).unwrap().unwrap();
        conversation.perform(put_request("a", Some(4000))).unwrap().unwrap();
    }
    // A broken upload that is kept is counted as what it is, and once.
    for _ in 0..3 {
        let mut conversation = super::support::conversation(&store);
        conversation.perform(resumable("a", Some(4000))).unwrap().unwrap();
        conversation.body(&bytes).unwrap();
        let mut other = super::support::conversation(&store);
        assert_eq!(push(&mut other, "d", &one, Durability::None), Err(StoreError::NoSpace));
    }
    let mut conversation = super::support::conversation(&store);
    put(&mut conversation, resumable("a", Some(4000)), &bytes, Durability::None).unwrap();
    assert_eq!(push(&mut conversation, "d", &one, Durability::None), Err(StoreError::NoSpace));
}

#[test]
fn a_partial_that_nobody_uses_gives_way() {
    let place = Place::new();
    let options = StoreOptions { total_bytes_max: Some(10_000), ..place.options() };
    let store = Store::open(options).unwrap();
    let bytes = bytes_of(1, 4000);
    let begin = |text: &str| {
        let mut conversation = conversation(&store);
        conversation.perform(resumable(text, Some(4000))).unwrap().unwrap();
        conversation.body(&bytes).unwrap();
        conversation
    };
    let used = begin("used");
    drop(begin("left"));
    let mut conversation = conversation(&store);
    // Removing it would not be enough: it stays.
    for size in [8000, u64::MAX >> 2] {
        let result = conversation.perform(put_request("huge", Some(size)));
        assert_eq!(result, Some(Err(StoreError::NoSpace)));
    }
    assert_eq!(place.partials().len(), 4);
    push(&mut conversation, "push", &bytes, Durability::Full).unwrap();
    assert_eq!(place.partials().len(), 2);
    assert_eq!(push(&mut conversation, "more", &bytes, Durability::Full), Err(StoreError::NoSpace));
    drop(used);
    put(&mut conversation, put_request("more", None), &bytes, Durability::None).unwrap();
    assert_eq!(place.partials(), [""; 0]);
}

/// What the store counted.
fn counted(place: &Place) -> u64 {
    let bytes = std::fs::read(place.at(".colok/usage")).unwrap();
    u64::from_le_bytes(bytes.try_into().unwrap())
}

#[test]
fn many_threads_count_one_total() {
    let place = Place::new();
    let options = StoreOptions { total_bytes_max: Some(1 << 30), ..place.options() };
    let stores = [Store::open(options.clone()).unwrap(), Store::open(options).unwrap()];
    std::thread::scope(|scope| {
        for thread in 0..16_u64 {
            let store = &stores[usize::from(thread % 2 == 0)];
            scope.spawn(move || {
                for number in 0..20 {
                    let mut conversation = conversation(store);
                    let (bytes, text) = (bytes_of(thread, 1000), format!("{thread}/{number}"));
                    if number % 2 == 0 {
                        push(&mut conversation, &text, &bytes, Durability::None).unwrap();
                    } else {
                        let request = put_request(&text, None);
                        put(&mut conversation, request, &bytes, Durability::None).unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(counted(&place), 16 * 20 * 1000);
}

#[test]
fn an_upload_that_many_fight_for_is_counted_once() {
    let place = Place::new();
    let options = StoreOptions { total_bytes_max: Some(1 << 30), ..place.options() };
    let stores = [Store::open(options.clone()).unwrap(), Store::open(options).unwrap()];
    let bytes = bytes_of(1, 3 << 20);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (store, bytes) = (&stores[thread % 2], &bytes);
            scope.spawn(move || {
                for round in 0..6 {
                    let mut conversation = conversation(store);
                    let mut request = resumable("it", Some(3 << 20));
                    if let StoreRequest::Put { from_start, .. } = &mut request {
                        *from_start = round == 3;
                    }
                    let Some(Ok(StoreAnswer::SendFrom { offset, .. })) =
                        conversation.perform(request)
                    else {
                        continue;
                    };
                    let offset = usize::try_from(offset).unwrap();
                    let end = bytes.len().min(offset + 700_000 + 100_000 * thread);
                    let _fought_for = give(&mut conversation, &bytes[offset..end]);
                }
            });
        }
    });
    let sizes = place
        .partials()
        .into_iter()
        .filter(|name| !name.contains('.'))
        .map(|name| std::fs::metadata(place.at(".colok/partial").join(name)).unwrap().len());
    assert_eq!(counted(&place), sizes.sum::<u64>());
    let mut conversation = conversation(&stores[0]);
    put(&mut conversation, resumable("it", Some(3 << 20)), &bytes, Durability::None).unwrap();
    assert_eq!(counted(&place), 3 << 20);
}

#[test]
fn uploads_at_once_are_limited_for_all_and_for_each() {
    let place = Place::new();
    let options = StoreOptions { uploads_max: 3, uploads_per_client_max: 2, ..place.options() };
    let store = Store::open(options).unwrap();
    let address = |host: &str| Address::Inet(SocketAddr::new(host.parse().unwrap(), 7));
    let open = |host: &str, text: &str| {
        let mut conversation = store.conversation(&address(host));
        let answer = conversation.perform(put_request(text, None)).unwrap();
        (conversation, answer)
    };
    let (mut first, answer) = open("192.0.2.1", "1");
    answer.unwrap();
    // The same host, as a dual socket shows it.
    let (second, answer) = open("::ffff:192.0.2.1", "2");
    answer.unwrap();
    assert_eq!(open("192.0.2.1", "3").1, Err(StoreError::TooManyUploads));
    let (_third, answer) = open("2001:db8::1", "3");
    answer.unwrap();
    assert_eq!(open("2001:db8::2", "4").1, Err(StoreError::TooManyUploads));
    drop(second);
    open("192.0.2.1", "3").1.unwrap();
    first.perform(finish(None, Durability::None)).unwrap().unwrap();
    let (_fourth, answer) = open("2001:db8::2", "4");
    answer.unwrap();
}

#[test]
fn a_share_of_the_disk_stays_free() {
    let place = Place::new();
    let options = StoreOptions { free_share_min_percent: 100, ..place.options() };
    let mut conversation = conversation(&Store::open(options).unwrap());
    let error = StoreError::NoSpace;
    assert_eq!(conversation.perform(put_request("a", Some(1))), Some(Err(error)));
    assert_eq!(conversation.perform(put_request("a", None)), Some(Err(error)));
    for durability in [Durability::None, Durability::Full] {
        assert_eq!(push(&mut conversation, "a", b"1", durability), Err(error));
    }
    // Nor is begun what cannot end.
    let more_than_any = put_request("a", Some(1 << 60));
    let mut conversation = super::support::conversation(&place.store());
    assert_eq!(conversation.perform(more_than_any), Some(Err(error)));
}

/// A small file system in memory; unmounted when dropped.
struct Mount(std::path::PathBuf);

impl Mount {
    fn new(place: &Place, size: &str) -> Option<Self> {
        let path = place.root();
        std::fs::create_dir_all(&path).unwrap();
        let options = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "colok-test"]).arg(&path);
        let done = mount.output().is_ok_and(|output| output.status.success());
        done.then(|| Self(path))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _left = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    let place = Place::new();
    let Some(_mount) = Mount::new(&place, "4m") else {
        eprintln!("skipped: mounting a file system is not allowed here");
        return;
    };
    let store = place.store();
    let mut conversation = conversation(&store);
    let large = bytes_of(1, 6 << 20);
    let no_space = Err(StoreError::NoSpace);
    // A size that is known is refused before its bytes; one that is not, where they end.
    assert_eq!(conversation.perform(put_request("large", Some(6 << 20))), Some(no_space.clone()));
    assert_eq!(conversation.perform(resumable("large", Some(6 << 20))), Some(no_space.clone()));
    conversation.perform(put_request("large", None)).unwrap().unwrap();
    assert_eq!(give(&mut conversation, &large), Err(StoreError::NoSpace));
    assert_eq!((place.visible(), place.partials().len()), (vec![], 0));
    // With a token what came is kept, and goes on when there is room again.
    let small = bytes_of(2, 3 << 20);
    conversation.perform(resumable("small", Some(3 << 20))).unwrap().unwrap();
    give(&mut conversation, &small[..1 << 20]).unwrap();
    std::fs::write(place.at("in the way"), &large[..5 << 19]).unwrap();
    assert_eq!(give(&mut conversation, &small[1 << 20..]), Err(StoreError::NoSpace));
    std::fs::remove_file(place.at("in the way")).unwrap();
    let result =
        put(&mut conversation, resumable("small", Some(3 << 20)), &small, Durability::Full);
    assert_eq!(stored_as(&result, &small), Some(HaveIt::Stored));
    assert_eq!(std::fs::read(place.at("small")).unwrap(), small);
    // Pushes up to the last byte, and what a broken upload holds gives way to them.
    conversation.perform(resumable("broken", None)).unwrap().unwrap();
    assert_eq!(give(&mut conversation, &large), Err(StoreError::NoSpace));
    let mut stored = 0;
    for number in 0..32 {
        let text = format!("push{number}");
        let result = push(&mut conversation, &text, &large[number..][..65_536], Durability::Full);
        stored += usize::from(result.is_ok());
        assert!(result.is_ok() || result == no_space);
    }
    assert!((8..16).contains(&stored), "{stored}");
    assert_eq!((place.visible().len(), place.partials()), (1 + stored, vec![]));
}

#[test]
fn verifying_finds_what_is_sound_damaged_and_unknown() {
    let place = Place::new();
    let store = place.store();
    let mut conversation = conversation(&store);
    let bytes = bytes_of(3, (1 << 20) + 1);
    for text in ["a/sound", "b/flipped", "b/longer", "c/touched"] {
        let request = put_request(text, Some(bytes.len() as u64));
        put(&mut conversation, request, &bytes, Durability::Full).unwrap();
    }
    std::fs::write(place.at("d theirs"), b"unknown").unwrap();
    for (text, at) in [("b/flipped", 500), ("b/longer", bytes.len() as u64)] {
        std::fs::set_permissions(place.at(text), PermissionsExt::from_mode(0o600)).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(place.at(text)).unwrap();
        file.write_all_at(b"?", at).unwrap();
    }
    std::fs::set_permissions(place.at("c/touched"), PermissionsExt::from_mode(0o444)).unwrap();
    // A look from outside, that changes nothing, finds it each time.
    let options = StoreOptions { writable: false, ..place.options() };
    for opened in [Store::open(options).unwrap(), store] {
        let mut found = Vec::new();
        let mut read = 0;
        let totals = opened.verify(&Prefix::default(), &mut |step| {
            match step {
                VerifyStep::Reading { .. } => read += 1,
                VerifyStep::Checked { entry, soundness } => {
                    found.push((entry.name.as_str().to_owned(), soundness));
                }
                VerifyStep::Unreadable { name, error } => panic!("{name:?}: {error:?}"),
            }
            ControlFlow::Continue(())
        });
        let damaged = Soundness::Damaged { stored: hash_of(&bytes) };
        let expected = [
            ("a/sound", Soundness::Sound),
            ("b/flipped", damaged),
            ("b/longer", damaged),
            ("c/touched", Soundness::Sound),
            ("d theirs", Soundness::NotKnown),
        ];
        let expected = expected.map(|(name, soundness)| (name.to_owned(), soundness));
        assert_eq!(found, expected);
        assert_eq!(read, 4 * 2 + 1);
        let size = bytes.len() as u64;
        let bytes = 4 * size + 1 + 7;
        let expected = VerifyTotals { sound: 2, damaged: 2, not_known: 1, unreadable: 0, bytes };
        assert_eq!(totals, Ok(expected));
        let mut steps = 0;
        let stopped = opened.verify(&Prefix::new("b/").unwrap(), &mut |_| {
            steps += 1;
            ControlFlow::Break(())
        });
        assert_eq!((stopped, steps), (Ok(VerifyTotals::default()), 1));
    }
}
