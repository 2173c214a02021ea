//! The table is the folder, and every file of it is right.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::*;
use crate::scenario::read;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

#[test]
fn the_table_is_the_folder() {
    let on_disk: BTreeSet<String> = fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.file_stem().expect("it has a name").to_string_lossy().into_owned())
        .collect();
    let in_table: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let missing: Vec<_> = on_disk.difference(&in_table).collect();
    assert!(missing.is_empty(), "add these to the table in built_in.rs: {missing:?}");
    let gone: Vec<_> = in_table.difference(&on_disk).collect();
    assert!(gone.is_empty(), "these have no file: {gone:?}");
    assert!(FILES.is_sorted_by_key(|(name, _)| *name), "the table is in the order of names");
    assert_eq!(FILES.len(), in_table.len(), "a name is twice in the table");
}

#[test]
fn every_one_can_be_read() {
    let mut problems = Vec::new();
    for source in sources() {
        problems.extend(read::read(&source).err().unwrap_or_default());
    }
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn one_by_its_name() {
    for (name, text) in all() {
        let source = find(name).expect("it is in the table");
        assert_eq!((source.text.as_str(), source.folder), (*text, None));
    }
    assert_eq!(find("no-such"), None);
}
