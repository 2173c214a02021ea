//! A full disk: a file that takes all the room there is.
//!
//! Only of a disk that the host has to itself, and a small one: a host without one shares its disk
//! with whoever else uses the computer.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;
use rustix::io::Errno;
use serde_json::json;

use super::places::Places;
use crate::scenario::world::network::Proof;

/// The largest disk that is filled, in bytes.
const DISK_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// The name of the file, in the folder of the host.
const NAME: &str = ".full";

/// A disk that is full.
#[derive(Debug)]
pub(super) struct Filled {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// The kernel has said `ENOSPC`.
    full: bool,
    /// How many blocks were free then.
    free_blocks: u64,
}

impl Filled {
    /// Fills the disk of the host.
    pub(super) fn begin(places: &Places) -> Result<Self, String> {
        own_disk(&places.folder, &places.beside)?;
        let path = places.folder.join(NAME);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = file.map_err(|error| format!("{NAME}: {error}"))?;
        let mut filled = Self { path, file, bytes: 0, full: false, free_blocks: 0 };
        filled.write().map_err(|error| format!("{NAME}: {error}"))?;
        filled.free_blocks = filled.free_now()?;
        Ok(filled)
    }

    /// Takes what room there is, in ever smaller pieces.
    fn write(&mut self) -> io::Result<()> {
        let piece = vec![0x5a; 1024 * 1024];
        let mut length = piece.len();
        while length > 0 {
            match self.file.write(&piece[..length]) {
                Ok(count) => self.bytes += count as u64,
                Err(error) if error.raw_os_error() == Some(Errno::NOSPC.raw_os_error()) => {
                    self.full = true;
                    length /= 2;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether it was full. What programs free after that is not taken again: that would be
    /// another fault than the one that was there.
    pub(super) fn prove(&self) -> Result<Proof, String> {
        let seen = [
            ("error", json!(self.full.then_some("ENOSPC"))),
            ("free_blocks", json!(self.free_blocks)),
            ("free_blocks_now", json!(self.free_now()?)),
            ("filled_bytes", json!(self.bytes)),
        ];
        Ok(Proof {
            proved: self.full && self.free_blocks == 0,
            seen: seen.map(|(name, value)| (name.to_owned(), value)).into(),
        })
    }

    /// How many blocks programs could have.
    fn free_now(&self) -> Result<u64, String> {
        Ok(statvfs(&self.path).map_err(|errno| errno.to_string())?.f_bavail)
    }

    /// Gives the room back.
    pub(super) fn end(self) -> Result<Proof, String> {
        let proof = self.prove()?;
        fs::remove_file(&self.path).map_err(|error| format!("{NAME}: {error}"))?;
        Ok(proof)
    }
}

fn own_disk(folder: &Path, beside: &Path) -> Result<(), String> {
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev());
    let apart = || -> io::Result<bool> { Ok(device(folder)? != device(beside)?) };
    let disk = statvfs(folder).map_err(|errno| errno.to_string())?;
    let bytes = disk.f_blocks.saturating_mul(disk.f_frsize);
    match apart() {
        Ok(true) if bytes <= DISK_BYTES_MAX => Ok(()),
        Ok(true) => Err(format!("a disk of {bytes} bytes is too large to be filled")),
        Ok(false) => Err("the host has no disk of its own; give it one with `disk`".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_others_use_is_never_filled() {
        let folder = std::env::temp_dir().join(format!("colok-fill-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let places = Places { beside: std::env::temp_dir(), folder: folder.clone() };
        let error = Filled::begin(&places).expect_err("it is everyone's disk");
        assert!(error.contains("`disk`"), "{error}");
        assert_eq!(fs::read_dir(&folder).expect("it is there").count(), 0);
        fs::remove_dir(&folder).expect("it is empty");
    }
}
