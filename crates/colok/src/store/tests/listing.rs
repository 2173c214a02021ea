//! Listings: the same as sorting all names, whatever the prefix, the page and the tree.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use colok_proto::files::{Name, Prefix, StoreAnswer, StoreRequest};
use proptest::prelude::*;

use super::support::*;
use crate::store::tree_hash::hash_of;
use crate::store::{Conversation, Store, StoreOptions};

/// One page.
fn page(
    conversation: &mut Conversation,
    prefix: &str,
    after: Option<&str>,
    limit: Option<u64>,
) -> (Vec<String>, bool) {
    let prefix = Prefix::new(prefix).unwrap();
    let request = StoreRequest::List { prefix, after: after.map(name), limit };
    match conversation.perform(request) {
        Some(Ok(StoreAnswer::Listing(listing))) => {
            let names = listing.entries.iter().map(|entry| entry.name.as_str().to_owned());
            (names.collect(), listing.more)
        }
        other => panic!("{other:?}"),
    }
}

/// All pages together.
fn all(store: &Arc<Store>, prefix: &str, limit: u64) -> Vec<String> {
    let mut conversation = conversation(store);
    let mut names: Vec<String> = Vec::new();
    loop {
        let after = names.last().map(|last| &**last);
        let (more_names, more) = page(&mut conversation, prefix, after, Some(limit));
        assert!(more_names.len() as u64 <= limit);
        assert!(!more || !more_names.is_empty(), "a page without end");
        names.extend(more_names);
        if !more {
            return names;
        }
    }
}

/// Makes a directory, and all below it, look as if nothing had changed there for a while.
fn rest(directory: &Path) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            rest(&entry.path());
        }
    }
    let long_ago = SystemTime::now() - Duration::from_secs(1000);
    File::open(directory).unwrap().set_modified(long_ago).unwrap();
}

/// Components that sort around `/` (0x2F), and prefixes of each other.
fn component() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "a-", "a.", "a0", "b", "ab", "-", "é", "a b", "z"])
        .prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn pages_are_the_sorted_names(
        paths in prop::collection::vec(prop::collection::vec(component(), 1..4), 0..24),
        prefix in prop::collection::vec(component(), 0..3),
        cut in 0_usize..4,
        after in prop::option::of(prop::collection::vec(component(), 1..4)),
        limit in 1_u64..9,
        rested in any::<bool>(),
    ) {
        let place = Place::new();
        let store = place.store();
        for path in &paths {
            let path = place.at(&path.join("/"));
            // Some name a file where others need a directory; the first wins.
            let _either = std::fs::create_dir_all(path.parent().unwrap())
                .and_then(|()| std::fs::write(&path, b"1"));
        }
        std::fs::create_dir_all(place.at("b/empty/deep")).unwrap_or(());
        if rested {
            rest(&place.root());
        }
        let mut prefix = prefix.join("/");
        while !prefix.is_char_boundary(prefix.len().saturating_sub(cut)) {
            prefix.pop();
        }
        prefix.truncate(prefix.len().saturating_sub(cut));
        let visible = place.visible();
        let expected: Vec<_> =
            visible.iter().filter(|name| name.starts_with(&prefix)).cloned().collect();
        prop_assert_eq!(all(&store, &prefix, limit), expected.clone());
        if let Some(after) = after {
            let after = after.join("/");
            let behind: Vec<_> = expected.into_iter().filter(|name| *name > after).collect();
            let (names, more) = page(&mut conversation(&store), &prefix, Some(&after), Some(limit));
            let limit = usize::try_from(limit).unwrap();
            prop_assert_eq!(more, behind.len() > limit);
            prop_assert_eq!(names, behind.into_iter().take(limit).collect::<Vec<_>>());
        }
    }
}

#[test]
fn only_what_could_be_asked_for_is_listed() {
    let place = Place::new();
    let store = place.store();
    std::fs::create_dir_all(place.at("dir/.colok")).unwrap();
    for text in ["fine", "dir/.colok/fine", "dir/.hidden", "spaced out"] {
        std::fs::write(place.at(text), b"1").unwrap();
    }
    for bytes in [&b"not\xFFutf8"[..], b"line\nbreak", b"escape\x1b[31m", b"del\x7f"] {
        std::fs::write(place.root().join(OsStr::from_bytes(bytes)), b"1").unwrap();
        let directory = [bytes, b".d"].concat();
        let directory = place.root().join(OsStr::from_bytes(&directory));
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join("inside"), b"1").unwrap();
    }
    symlink("fine", place.at("link")).unwrap();
    symlink("dir", place.at("dirlink")).unwrap();
    symlink("..", place.at("dir/up")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, place.at("pipe"), 0o600.into()).unwrap();
    let expected = ["dir/.colok/fine", "dir/.hidden", "fine", "spaced out"];
    assert_eq!(all(&store, "", 1000), expected);
    for nothing in
        ["/", "//", "..", "../", "dir/../", "dir//", ".colok", ".colok/", "./", "dirlink/", "x/y"]
    {
        assert_eq!(all(&store, nothing, 1000), [""; 0], "{nothing}");
    }
    assert_eq!(all(&store, "dir/.c", 1000), ["dir/.colok/fine"]);
}

#[test]
fn directories_without_files_do_not_end_a_page() {
    let place = Place::new();
    let store = place.store();
    for number in 0..50 {
        std::fs::create_dir_all(place.at(&format!("{number:02}/empty"))).unwrap();
    }
    std::fs::write(place.at("49/last"), b"1").unwrap();
    let first = page(&mut conversation(&store), "", None, Some(1));
    assert_eq!(first, (vec!["49/last".to_owned()], false));
}

#[test]
fn what_changes_between_two_pages_is_seen() {
    let place = Place::new();
    let mut conversation = conversation(&place.store());
    std::fs::create_dir_all(place.at("b/b")).unwrap();
    let write = |text: &str| std::fs::write(place.at(text), b"1").unwrap();
    ["b/b/1", "b/b/2", "b/b/4", "b/c", "d"].into_iter().for_each(write);
    rest(&place.root());
    let mut next = |after: Option<&str>| page(&mut conversation, "", after, Some(1)).0.remove(0);
    assert_eq!(next(None), "b/b/1");
    assert_eq!(next(Some("b/b/1")), "b/b/2");
    write("b/b/3");
    write("b/bb");
    assert_eq!(next(Some("b/b/2")), "b/b/3");
    std::fs::remove_file(place.at("b/b/4")).unwrap();
    write("c");
    assert_eq!(next(Some("b/b/3")), "b/bb");
    assert_eq!(next(Some("b/bb")), "b/c");
    assert_eq!(next(Some("b/c")), "c");
    // Another place than where the last page ended.
    assert_eq!(next(Some("b/b/1")), "b/b/2");
}

#[test]
fn a_page_of_long_names_is_short() {
    let place = Place::new();
    let store = place.store();
    let long = vec!["l".repeat(250); 4].join("/");
    std::fs::create_dir_all(place.at(&long)).unwrap();
    let mut expected = Vec::new();
    for number in 0..100 {
        expected.push(format!("{long}/{number:02}"));
        std::fs::write(place.at(&expected[number]), b"1").unwrap();
    }
    let (names, more) = page(&mut conversation(&store), "", None, None);
    assert!(more && (50..80).contains(&names.len()), "{}", names.len());
    assert_eq!(all(&store, "", 1000), expected);
}

#[test]
fn a_page_has_the_stores_own_bound_and_tells_only_known_hashes() {
    let place = Place::new();
    let options = StoreOptions { entries_per_page_max: 3, ..place.options() };
    let store = Store::open(options).unwrap();
    let mut conversation = conversation(&store);
    for text in ["a", "b", "c"] {
        push(&mut conversation, text, b"bytes", colok_proto::files::Durability::None).unwrap();
    }
    std::fs::write(place.at("aa"), b"theirs").unwrap();
    let request =
        StoreRequest::List { prefix: Prefix::default(), after: None, limit: Some(1 << 40) };
    let Some(Ok(StoreAnswer::Listing(listing))) = conversation.perform(request) else { panic!() };
    assert!(listing.more);
    let told: Vec<_> =
        listing.entries.iter().map(|it| (it.name.as_str(), it.size, it.hash)).collect();
    let known = Some(hash_of(b"bytes"));
    assert_eq!(told, [("a", 5, known), ("aa", 6, None), ("b", 5, known)]);
    assert!(listing.entries.iter().all(|it| it.modified_unix_s > 1_700_000_000));
}

#[test]
fn the_deepest_name_is_listed() {
    let place = Place::new();
    let store = place.store();
    let text = vec!["d"; colok_proto::files::COMPONENTS_MAX].join("/");
    assert!(Name::new(&format!("{text}/d")).is_err());
    let mut conversation = conversation(&store);
    push(&mut conversation, &text, b"1", colok_proto::files::Durability::Full).unwrap();
    std::fs::remove_file(place.at(&text)).unwrap();
    std::fs::create_dir(place.at(&text)).unwrap();
    std::fs::write(place.at(&text).join("too deep"), b"1").unwrap();
    assert_eq!(all(&store, "", 10), [""; 0]);
    std::fs::remove_dir_all(place.at(&text)).unwrap();
    std::fs::write(place.at(&text), b"1").unwrap();
    assert_eq!(all(&store, "", 10), [text]);
}
