//! Links and hostile names: nothing outside the root is read, made or changed.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use colok_proto::files::{Durability, HaveIt, Name, StoreAnswer, StoreError, StoreRequest};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::support::*;

/// All that a client can try on a name, as results.
fn tries(place: &Place, text: &str) -> Vec<Result<StoreAnswer, StoreError>> {
    let mut conversation = conversation(&place.store());
    let mut results = Vec::new();
    for durability in [Durability::None, Durability::Full] {
        results.push(push(&mut conversation, text, b"theirs", durability));
    }
    for request in [
        StoreRequest::Get { name: name(text), range: None, range_hash: true },
        StoreRequest::Stat { name: name(text), reread: false },
        put_request(text, Some(6)),
        resumable(text, Some(6)),
    ] {
        results.push(put(&mut conversation, request, b"theirs", Durability::Full));
    }
    results
}

#[test]
fn a_link_in_any_component_is_followed_by_nothing() {
    let place = Place::new();
    let outside = place.path().join("outside");
    for directory in [outside.join("b/c"), place.at("real/b/c"), place.at("a/b/c")] {
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("secret"), b"secret").unwrap();
    }
    // Out of the root by absolute and relative path, and inside it.
    let targets = [
        ("a", vec![outside.clone(), "../outside".into(), place.at("real"), "real".into()]),
        ("a/b", vec![outside.join("b"), "../real/b".into(), "/proc/self/root".into()]),
        ("a/b/c", vec![outside.join("b/c"), "../../real/b/c".into(), ".".into()]),
        ("a/b/c/secret", vec![outside.join("b/c/secret"), "../../../real/b/c/secret".into()]),
        ("a/b/c/new", vec![outside.join("new"), "missing".into()]),
    ];
    for (link, targets) in targets {
        let (path, aside) = (place.at(link), place.path().join("aside"));
        let was_there = std::fs::rename(&path, &aside).is_ok();
        for target in targets {
            symlink(&target, &path).unwrap();
            let file = if link.ends_with("new") { "a/b/c/new" } else { "a/b/c/secret" };
            for result in tries(&place, file) {
                assert_eq!(result, Err(StoreError::NotAFile), "{link} -> {}", target.display());
            }
            std::fs::remove_file(&path).unwrap();
        }
        if was_there {
            std::fs::rename(&aside, &path).unwrap();
        }
    }
    assert!(!outside.join("new").exists());
    assert_eq!(std::fs::read(outside.join("b/c/secret")).unwrap(), b"secret");
    assert_eq!(std::fs::read_dir(outside.join("b/c")).unwrap().count(), 1);
}

#[test]
fn names_that_leave_the_root_are_no_names() {
    for text in [
        "../x",
        "a/../../x",
        "/etc/passwd",
        "a//b",
        "./a",
        "a/.",
        "",
        "a/",
        ".colok/hashes",
        ".colok",
        "a\0b",
        "a\nb",
        "a\u{7f}",
        "a\u{85}b",
    ] {
        assert!(Name::new(text).is_err(), "{text:?}");
    }
    // What only looks dangerous is stored like anything else.
    let place = Place::new();
    let mut conversation = conversation(&place.store());
    for text in ["...", "a/.colok/x", "-rf", "%2e%2e", "a b", "~", "*", "\\", "ä/ö", ".hidden"] {
        let result = push(&mut conversation, text, b"1", Durability::Full);
        assert_eq!(stored_as(&result, b"1"), Some(HaveIt::Stored), "{text}");
        assert_eq!(std::fs::read(place.at(text)).unwrap(), b"1");
    }
}

/// A directory and a link out of the root change places as fast as they can.
#[test]
fn a_directory_swapped_for_a_link_in_a_race_leads_nowhere() {
    let place = Place::new();
    let store = place.store();
    let outside = place.path().join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::create_dir_all(place.at("top/dir")).unwrap();
    symlink(&outside, place.at("top/link")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (from, to) = (place.at("top/dir"), place.at("top/link"));
            while !stop.load(Ordering::Relaxed) {
                renameat_with(CWD, &from, CWD, &to, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let mut conversation = conversation(&store);
        let (mut stored, mut refused) = (0, 0);
        let bound = Instant::now() + Duration::from_secs(30);
        let mut number = 0;
        // Until both were met often; the threads take turns as they please.
        while (stored < 200 || refused < 200) && Instant::now() < bound {
            let text = format!("top/dir/{number}");
            let durability = [Durability::None, Durability::Full][usize::from(number % 32 == 0)];
            for part in [text.clone(), format!("top/dir/sub{number}/x")] {
                match push(&mut conversation, &part, b"1", durability) {
                    Ok(_) => stored += 1,
                    // The link, or nothing where the directory just was.
                    Err(StoreError::NotAFile | StoreError::NotFound) => refused += 1,
                    Err(error) => panic!("{error:?}"),
                }
            }
            let get = StoreRequest::Get { name: name(&text), range: None, range_hash: false };
            let _any = conversation.perform(get);
            number += 1;
        }
        stop.store(true, Ordering::Relaxed);
        assert!(stored > 0 && refused > 0, "no race: {stored} stored, {refused} refused");
    });
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn a_directory_that_was_moved_or_removed_is_made_anew() {
    let place = Place::new();
    let mut conversation = conversation(&place.store());
    for (number, durability) in [Durability::None, Durability::Full].into_iter().enumerate() {
        let text = |file: &str| format!("dir{number}/sub/{file}");
        push(&mut conversation, &text("first"), b"1", durability).unwrap();
        // Between two batches: what comes goes where its name says.
        std::fs::rename(place.at(&text("")), place.at(&format!("moved{number}"))).unwrap();
        push(&mut conversation, &text("second"), b"2", durability).unwrap();
        assert_eq!(std::fs::read(place.at(&text("second"))).unwrap(), b"2");
        // Within a batch: a directory that is gone is noticed when the file gets its name.
        stage(&mut conversation, &text("third"), b"3", Durability::Full);
        std::fs::remove_dir_all(place.at(&format!("dir{number}"))).unwrap();
        let answers: Vec<_> = conversation.commit().collect();
        assert_eq!(stored_as(&answers[0], b"3"), Some(HaveIt::Stored));
        assert_eq!(std::fs::read(place.at(&text("third"))).unwrap(), b"3");
    }
    let expected = ["dir0/sub/third", "dir1/sub/third", "moved0/first", "moved1/first"];
    assert_eq!(place.visible(), expected);
}
