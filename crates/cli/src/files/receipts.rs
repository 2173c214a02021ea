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
            // A pipe or a terminal (`/dev/stdout`) holds nothing that could be replaced.
            if self.kept == 0 && self.file.metadata()?.is_file() {
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

#[cfg(test)]
mod tests {
    use colok::proto::files::{Durability, Hash, HaveIt, Name};

    use super::*;

    fn receipt(name: &str) -> Receipt {
        Receipt {
            server: "tcp://localhost:25563".into(),
            name: Name::new(name).expect("it is a name"),
            size: 5,
            hash: Hash([0xab; 32]),
            durability: Durability::Full,
            outcome: HaveIt::Stored,
            time_unix_s: 1_700_000_000,
        }
    }

    #[test]
    fn what_was_there_is_replaced_by_the_first_receipt_and_not_sooner() {
        let name = format!("colok-receipts-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).expect("the folder is new");
        let path = folder.join("receipts.json");
        let text = || std::fs::read_to_string(&path);

        drop(Receipts::open(&path).expect("it can be made"));
        assert!(text().is_err(), "an empty file is no receipt");

        let mut receipts = Receipts::open(&path).expect("it can be made");
        for name in ["a", "b"] {
            receipts.keep(&receipt(name)).expect("it can be written");
        }
        drop(receipts);
        let two = text().expect("it is there");
        assert_eq!(Receipt::read_all(&two), Ok(vec![receipt("a"), receipt("b")]));

        drop(Receipts::open(&path).expect("it is there"));
        assert_eq!(text().expect("it is there"), two, "no receipt came");

        let mut receipts = Receipts::open(&path).expect("it is there");
        receipts.keep(&receipt("c")).expect("it can be written");
        let one = Receipt::read_all(&text().expect("it is there"));
        assert_eq!(one, Ok(vec![receipt("c")]));
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
    }

    #[test]
    fn what_is_no_file_takes_receipts_too() {
        let mut receipts = Receipts::open(Path::new("/dev/null")).expect("every Linux has it");
        receipts.keep(&receipt("a")).expect("it can be written");
    }
}
