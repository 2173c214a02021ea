//! Links and hostile names: nothing outside the root is read, made or changed.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

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
        "../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a/.", "", "a/", ".colok/hashes",
        ".colok", "a\0b", "a\nb", "a\u{7f}", "a\u{85}b",
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
        let mut stored = 0;
        for number in 0..400 {
            let text = format!("top/dir/{number}");
            let durability = [Durability::None, Durability::Full][number % 2];
            for part in [text.clone(), format!("top/dir/sub{number}/x")] {
                match push(&mut conversation, &part, b"1", durability) {
                    Ok(_) => stored += 1,
                    // The link, or nothing where the directory just was.
                    Err(StoreError::NotAFile | StoreError::NotFound) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
            let get = StoreRequest::Get { name: name(&text), range: None, range_hash: false };
            let _any = conversation.perform(get);
        }
        stop.store(true, Ordering::Relaxed);
        assert!(stored > 0, "the race was never won");
    });
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}
