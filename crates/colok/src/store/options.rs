//! What a store is opened with: limits with their defaults and reasons, and the shared secret.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a store is opened with. Every limit has a default that suits one machine and its disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreOptions {
    /// The directory that holds the files.
    #[serde(with = "path_bytes")]
    pub root: PathBuf,
    /// Whether anything may be written. A store that is only read makes nothing below its root,
    /// so it opens on a file system without write access.
    pub writable: bool,
    /// The secret that `HELLO` must show where writes need one.
    pub token: Option<Secret>,
    /// The largest file, in bytes. No limit of ours by default.
    pub file_bytes_max: u64,
    /// The most bytes of all files together; `None` is no limit.
    pub total_bytes_max: Option<u64>,
    /// How much of the disk stays free for others, in percent of its size. 5 by default: a full
    /// disk harms more than the store.
    pub free_share_min_percent: u8,
    /// The most names in one answer to a listing. 1000 by default; 64 KiB of names end one too.
    pub entries_per_page_max: usize,
    /// Of how many files hashes are kept, so that they are not read again. A million by default,
    /// at most 96 MiB of a sparse file. Opening a store with another number forgets them.
    pub known_hashes_max: u64,
    /// The most uploads open at once in a process. 256 by default: each holds up to three
    /// descriptors.
    pub uploads_max: usize,
    /// The most uploads open at once for one client address. 64 by default.
    pub uploads_per_client_max: usize,
    /// How long a broken upload is kept for its client to resume. 24 hours by default.
    pub keep_partial: Duration,
    /// The most broken uploads that are kept. 1000 by default.
    pub partials_max: usize,
    /// The most bytes of broken uploads that are kept. 64 GiB by default.
    pub partial_bytes_max: u64,
}

impl StoreOptions {
    /// The defaults, for a store that may be written, at `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            writable: true,
            token: None,
            file_bytes_max: i64::MAX as u64,
            total_bytes_max: None,
            free_share_min_percent: 5,
            entries_per_page_max: 1000,
            known_hashes_max: 1 << 20,
            uploads_max: 256,
            uploads_per_client_max: 64,
            keep_partial: Duration::from_hours(24),
            partials_max: 1000,
            partial_bytes_max: 64 << 30,
        }
    }
}

/// A shared secret. It compares in constant time and is never shown; it is serialized only to be
/// handed to worker processes.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secret(Box<str>);

impl Secret {
    /// Takes a text as a secret.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Whether `text` is the secret; how long that takes tells nothing about how much of it is
    /// right, nor how long the secret is.
    pub fn matches(&self, text: &str) -> bool {
        // Both are hashed first, so equally long values are compared, all of them; `Hash` of
        // blake3 compares in constant time.
        blake3::hash(self.0.as_bytes()) == blake3::hash(text.as_bytes())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A store could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{call} {}: {errno}", path.display())]
pub struct StoreOpenError {
    /// The system call that failed.
    pub call: &'static str,
    /// What it was made on.
    pub path: PathBuf,
    /// Its error number.
    pub errno: Errno,
}

/// Paths as they are: not every path is text, and text is what JSON has.
mod path_bytes {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().as_bytes().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        Ok(OsString::from_vec(Vec::deserialize(from)?).into())
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_worker_gets_the_options_whatever_the_path() {
        let options = StoreOptions::new(OsStr::from_bytes(b"/a \xff/b"));
        let text = serde_json::to_string(&options).expect("it has a JSON form");
        assert_eq!(serde_json::from_str::<StoreOptions>(&text).expect("it is read"), options);
    }
}
