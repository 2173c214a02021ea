//! The files of a folder of evidence and their hashes; and old folders of evidence.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::scenario::record::EvidenceFile;

/// Every file below `folder` but those of these names in it, with its SHA-256, by path. Links are
/// not followed.
pub(super) fn files(folder: &Path, but: &[&str]) -> io::Result<Vec<EvidenceFile>> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push((entry.path(), format!("{path}/")));
            } else if kind.is_file() && !(prefix.is_empty() && but.contains(&name.as_str())) {
                found.push(hashed(&entry.path(), path)?);
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn hashed(file: &Path, path: String) -> io::Result<EvidenceFile> {
    let mut hasher = Sha256::new();
    let mut reader = File::open(file)?;
    let mut buffer = vec![0; 64 << 10];
    let mut bytes = 0_u64;
    loop {
        let length = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..length]);
        bytes += length as u64;
    }
    let mut sha256 = String::with_capacity(64);
    for byte in hasher.finalize() {
        let _ = write!(sha256, "{byte:02x}");
    }
    Ok(EvidenceFile { path, bytes, sha256 })
}

/// Removes folders of runs in `parent` but the `kept` latest ones, and never `current`. Best
/// effort: an old folder that cannot be removed is no reason not to run.
pub(super) fn prune(parent: &Path, kept: usize, current: &str) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let names = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|it| it.is_dir()));
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let is_run = |name: &String| parent.join(name).join(super::JSONL).is_file();
    let others = names.filter(|name| name != current && is_run(name));
    let mut runs: Vec<(String, u32)> = others.filter_map(|name| when(&name)).collect();
    runs.sort_unstable();
    runs.reverse();
    for (time, number) in runs.into_iter().skip(kept.saturating_sub(1)) {
        let name = if number == 1 { time } else { format!("{time}-{number}") };
        let _ = fs::remove_dir_all(parent.join(name));
    }
}

/// When the run of a folder was, if it is one: `2026-01-31T235959Z`, `2026-01-31T235959Z-2`.
fn when(name: &str) -> Option<(String, u32)> {
    const FORM: &[u8] = b"0000-00-00T000000Z";
    let (time, behind) = name.split_at_checked(FORM.len())?;
    let fits = time.bytes().zip(FORM).all(|(byte, form)| match form {
        b'0' => byte.is_ascii_digit(),
        form => byte == *form,
    });
    let number = match behind.strip_prefix('-') {
        None if behind.is_empty() => 1,
        None => return None,
        Some(number) => number.parse().ok().filter(|number| *number > 1)?,
    };
    fits.then(|| (time.to_owned(), number))
}
