//! What is in the files of a host, and whether it is what it must be.

use std::collections::BTreeMap;

use super::program::{count, is_among};
use super::show::{differing, numbers, quoted};
use super::{FileSeen, Found, Place, StepSeen};
use crate::scenario::file::Numbers;

type Files = BTreeMap<Place, FileSeen>;

/// A file by its name, for people.
fn named(file: &Place) -> String {
    format!("{} on {}", quoted(file.path.as_bytes()), file.host)
}

/// Looks at a file that must be there.
fn look(file: &Place, files: &Files, judge: impl FnOnce(&FileSeen) -> Found) -> Found {
    match files.get(file) {
        None => Found::NotLookedAt,
        Some(seen) if !seen.exists => Found::Fails(format!("there is no {}", named(file))),
        Some(seen) => judge(seen),
    }
}

pub(super) fn exists(file: &Place, exists: bool, files: &Files) -> (String, Found) {
    let words = |exists: bool| {
        let verb = if exists { "is" } else { "is not" };
        format!("{} {verb} there", named(file))
    };
    let found = match files.get(file) {
        None => Found::NotLookedAt,
        Some(seen) => Found::new(seen.exists == exists, words(seen.exists)),
    };
    (words(exists), found)
}

pub(super) fn size(file: &Place, bytes: &Numbers, files: &Files) -> (String, Found) {
    let found = look(file, files, |seen| {
        let size = i64::try_from(seen.size).unwrap_or(i64::MAX);
        Found::new(is_among(size, bytes), size.to_string())
    });
    (format!("{} bytes in {}", numbers(bytes), named(file)), found)
}

pub(super) fn mode(file: &Place, mode: &str, files: &Files) -> (String, Found) {
    let found = look(file, files, |seen| {
        let has = seen.mode & 0o7777;
        Found::new(u32::from_str_radix(mode, 8) == Ok(has), format!("{has:04o}"))
    });
    (format!("the mode {mode} of {}", named(file)), found)
}

pub(super) fn text(file: &Place, text: &str, files: &Files) -> (String, Found) {
    let mut expected = quoted(text.as_bytes());
    let found = look(file, files, |seen| {
        let hash = blake3::hash(text.as_bytes()).to_hex();
        let same =
            seen.blake3 == hash.as_str() && i64::try_from(seen.size) == Ok(count(text.len()));
        let (wanted, got) = differing(text.as_bytes(), &seen.beginning);
        expected = wanted;
        Found::new(same, got)
    });
    (format!("{expected} in {}", named(file)), found)
}

pub(super) fn same_as(file: &Place, other: &Place, same: bool, files: &Files) -> (String, Found) {
    let found = look(file, files, |seen| {
        look(other, files, |other| compared(same, &account(seen), &account(other)))
    });
    (format!("{} bytes as in {}", alike(same), named(other)), found)
}

pub(super) fn stdout_same_as(
    file: &Place,
    same: bool,
    step: &StepSeen,
    files: &Files,
) -> (String, Found) {
    let found = look(file, files, |seen| {
        let hash = blake3::hash(&step.stdout).to_hex().to_string();
        let own = (u64::try_from(step.stdout.len()).unwrap_or(u64::MAX), hash);
        compared(same, &own, &account(seen))
    });
    (format!("{} bytes as in {}", alike(same), named(file)), found)
}

fn alike(same: bool) -> &'static str {
    if same { "the same" } else { "other" }
}

/// Size and hash of a file.
fn account(seen: &FileSeen) -> (u64, String) {
    (seen.size, seen.blake3.clone())
}

fn compared(same: bool, own: &(u64, String), other: &(u64, String)) -> Found {
    if own.1.is_empty() || other.1.is_empty() {
        return Found::Fails("one of them is no regular file".to_owned());
    }
    let words = |(size, hash): &(u64, String)| format!("{size} bytes, BLAKE3 {}", short(hash));
    Found::new((own == other) == same, format!("{}; there {}", words(own), words(other)))
}

fn short(hash: &str) -> String {
    hash.chars().take(16).collect::<String>() + "..."
}

pub(super) fn blake3(file: &Place, blake3: &str, files: &Files) -> (String, Found) {
    let found = look(file, files, |seen| {
        let holds = !seen.blake3.is_empty() && seen.blake3.eq_ignore_ascii_case(blake3);
        Found::new(
            holds,
            if seen.blake3.is_empty() { "no regular file".to_owned() } else { seen.blake3.clone() },
        )
    });
    (blake3.to_owned(), found)
}
