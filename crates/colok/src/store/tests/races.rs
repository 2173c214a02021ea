//! Many at once: on one name, in one batch of syncs, with two stores on one root.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use colok_proto::files::{Durability, HaveIt, StoreError, StoreRequest, UploadToken};
use rustix::io::Errno;

use super::support::*;
use crate::store::disk::{Disk, Linux, Stepped};
use crate::store::{Store, StoreOptions, StoreResult};

/// One client of a race: by push or upload, at some durability, in its own way.
fn race<D: Disk>(store: &Arc<Store<D>>, number: usize, text: &str, bytes: &[u8]) -> StoreResult {
    let mut conversation = conversation(store);
    let durability = [Durability::None, Durability::File, Durability::Full][number % 3];
    let token = UploadToken::new(&format!("token-of-client-{number}"));
    match number % 4 {
        0 | 1 => push(&mut conversation, text, bytes, durability),
        way => {
            let request = StoreRequest::Put {
                name: name(text),
                size: (way == 2).then_some(bytes.len() as u64),
                hash: None,
                durability,
                upload: token.filter(|_| number % 8 > 3),
                from_start: false,
            };
            match put(&mut conversation, request, bytes, durability) {
                // It was there already: then the client hashes, and asks again.
                Ok(colok_proto::files::StoreAnswer::Exists { .. }) => {
                    push(&mut conversation, text, bytes, durability)
                }
                result => result,
            }
        }
    }
}

/// `clients` on one name at once, for some rounds; every second one brings the same bytes.
fn rounds(clients: usize, rounds: usize) {
    let place = Place::new();
    let stores = [place.store(), place.store()];
    let contents: Vec<_> = (0..clients)
        .map(|number| bytes_of(if number % 2 == 0 { 0 } else { number as u64 }, 40_000))
        .collect();
    for round in 0..rounds {
        let text = format!("race/{round}");
        let start = Barrier::new(clients + 1);
        let over = AtomicBool::new(false);
        let results: Vec<_> = std::thread::scope(|scope| {
            let (start, stores, contents, text) = (&start, &stores, &contents, &text);
            let race = |number: usize| {
                move || {
                    start.wait();
                    race(&stores[number % 2], number, text, &contents[number])
                }
            };
            let threads: Vec<_> = (0..clients).map(|number| scope.spawn(race(number))).collect();
            let (path, over) = (place.at(text), &over);
            let reader = scope.spawn(move || {
                start.wait();
                let mut seen = None;
                while !over.load(Ordering::Relaxed) {
                    if let Ok(bytes) = std::fs::read(&path) {
                        assert!(contents.contains(&bytes), "a part was seen");
                        assert!(seen.is_none_or(|seen| seen == bytes), "it changed");
                        seen = Some(bytes);
                    }
                }
            });
            let results = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            over.store(true, Ordering::Relaxed);
            reader.join().unwrap();
            results
        });
        judge(&results, &contents, &std::fs::read(place.at(&text)).unwrap());
    }
    assert_eq!(place.partials(), [""; 0]);
    assert_eq!(place.visible().len(), rounds);
}

/// Exactly one won, and every other got the one answer that is right.
fn judge(results: &[StoreResult], contents: &[Vec<u8>], winner: &[u8]) {
    let mut stored = 0;
    for (result, bytes) in results.iter().zip(contents) {
        if let Some(have_it) = stored_as(result, bytes) {
            assert_eq!(bytes, winner);
            stored += usize::from(have_it == HaveIt::Stored);
        } else {
            assert_ne!(bytes, winner);
            assert_eq!(*result, Err(taken_by(winner)));
        }
    }
    assert_eq!(stored, 1, "winners");
}

#[test]
fn sixteen_on_one_name() {
    rounds(16, 24);
}

#[test]
fn sixty_four_on_one_name() {
    rounds(64, 8);
}

/// Counts operations of a disk by name.
#[derive(Default)]
struct Counts {
    syncs: AtomicUsize,
    before_publishing: AtomicUsize,
}

#[test]
fn many_small_files_share_their_syncs() {
    let place = Place::new();
    std::fs::create_dir(place.root()).unwrap();
    let counts = Arc::new(Counts::default());
    let counted = Arc::clone(&counts);
    let disk = Stepped::new(Linux::open(&place.root()).unwrap(), move |step: &'static str| {
        match step {
            "sync" | "sync_all" => {
                counted.syncs.fetch_add(1, Ordering::Relaxed);
            }
            "link" => {
                let syncs = counted.syncs.load(Ordering::Relaxed);
                counted.before_publishing.fetch_add(usize::from(syncs > 0), Ordering::Relaxed);
            }
            _ => {}
        }
        Ok(())
    });
    let store = Store::open_with(disk, place.options()).unwrap();
    let (clients, files) = (16, 64);
    std::thread::scope(|scope| {
        for client in 0..clients {
            let store = &store;
            scope.spawn(move || {
                let mut conversation = conversation(store);
                for file in 0..files {
                    let text = format!("shared/{client}-{file}");
                    stage(&mut conversation, &text, text.as_bytes(), Durability::Full);
                    if conversation.wants_commit() || file + 1 == files {
                        for answer in conversation.commit() {
                            answer.unwrap();
                        }
                    }
                }
            });
        }
    });
    assert_eq!(place.visible().len(), clients * files);
    let syncs = counts.syncs.load(Ordering::Relaxed);
    assert!(syncs <= clients * files / 8, "{syncs} syncs");
    let published = counts.before_publishing.load(Ordering::Relaxed);
    assert_eq!(published, clients * files, "something was published before any sync");
}

/// A call fails at every step in turn: the answer is an error or true, and nothing is half there.
#[test]
fn any_call_may_fail() {
    let bytes = bytes_of(9, (1 << 20) + 10);
    for durability in [Durability::None, Durability::Full] {
        let mut fails_at = 0;
        loop {
            let place = Place::new();
            std::fs::create_dir(place.root()).unwrap();
            let disk = Linux::open(&place.root()).unwrap();
            let number = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&number);
            let armed = Arc::new(AtomicBool::new(false));
            let is_armed = Arc::clone(&armed);
            let disk = Stepped::new(disk, move |step| {
                let armed = is_armed.load(Ordering::Relaxed) && step != "unlock";
                let fails = armed && counted.fetch_add(1, Ordering::Relaxed) == fails_at;
                if fails { Err(Errno::IO) } else { Ok(()) }
            });
            let store = Store::open_with(disk, place.options()).unwrap();
            armed.store(true, Ordering::Relaxed);
            let mut answers = BTreeMap::new();
            {
                let mut conversation = conversation(&store);
                let size = Some(bytes.len() as u64);
                let by_token = resumable("d/token", size);
                answers.insert("d/token", put(&mut conversation, by_token, &bytes, durability));
                let plain = put_request("d/plain", size);
                answers.insert("d/plain", put(&mut conversation, plain, &bytes, durability));
                answers.insert("e/push", push(&mut conversation, "e/push", &bytes, durability));
            }
            armed.store(false, Ordering::Relaxed);
            let failures = answers.values().filter(|answer| answer.is_err()).count();
            for (text, answer) in answers {
                let there = std::fs::read(place.at(text)).ok();
                assert!(there.as_ref().is_none_or(|there| *there == bytes), "a part of {text}");
                if answer.is_ok() {
                    assert!(there.is_some(), "{text} was promised");
                } else {
                    assert_eq!(answer, Err(StoreError::Io(Errno::IO.raw_os_error())));
                }
            }
            // One failed call spoils at most one of them.
            assert!(failures <= 1, "at {fails_at}");
            if number.load(Ordering::Relaxed) <= fails_at {
                assert_eq!(failures, 0, "all steps were walked");
                break;
            }
            fails_at += 1;
        }
        assert!(fails_at > 40, "only {fails_at} steps");
    }
}

#[test]
fn two_stores_count_one_total() {
    let place = Place::new();
    let options = StoreOptions { total_bytes_max: Some(3 << 20), ..place.options() };
    let stores = [Store::open(options.clone()).unwrap(), Store::open(options).unwrap()];
    let bytes = bytes_of(1, 600_000);
    let mut kept = 0;
    for number in 0..12 {
        let mut conversation = conversation(&stores[number % 2]);
        let request = put_request(&format!("file{number}"), Some(600_000));
        match put(&mut conversation, request, &bytes, Durability::None) {
            Ok(_) => kept += 1,
            Err(error) => assert_eq!(error, StoreError::NoSpace),
        }
    }
    assert_eq!(kept, (3 << 20) / 600_000);
}
