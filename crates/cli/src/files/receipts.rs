//! `--receipt FILE`: what the server vouches for, one JSON object per line.
//!
//! The file is opened before anything is sent, so that a wrong path is found in time; what it held
//! before is replaced when the first receipt comes, and not sooner.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use colok::client::files::Receipt;

use crate::problem::{Problem, shown};

/// The file of receipts.
pub(super) struct Receipts {
    file: File,
    path: PathBuf,
    /// Whether it was not there before.
    created: bool,
    kept: u64,
}

impl Receipts {
    pub(super) fn open(path: &Path) -> Result<Self, Problem> {
        let failed = |error| Problem::of_file("open", &shown(path), &error);
        let mut options = OpenOptions::new();
        options.write(true).truncate(false);
        let (file, created) = match options.open(path) {
            Ok(file) => (file, false),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                (options.create_new(true).open(path).map_err(failed)?, true)
            }
            Err(error) => return Err(failed(error)),
        };
        Ok(Self { file, path: path.to_owned(), created, kept: 0 })
    }

    /// Adds a receipt.
    pub(super) fn keep(&mut self, receipt: &Receipt) -> Result<(), Problem> {
        let line = receipt.to_json() + "\n";
        let mut write = || {
            if self.kept == 0 {
                self.file.set_len(0)?;
            }
            self.kept += 1;
            self.file.write_all(line.as_bytes())
        };
        write().map_err(|error| Problem::of_file("write", &shown(&self.path), &error))
    }
}

impl Drop for Receipts {
    fn drop(&mut self) {
        if self.created && self.kept == 0 {
            // An empty file would look like a receipt; when it cannot be removed it still is none.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
