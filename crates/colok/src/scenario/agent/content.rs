//! Bytes that a runner describes instead of sending them.

use std::fs::{File, OpenOptions};
use std::io::{self, Cursor, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

use super::places::Places;
use super::words::Content;

/// Bytes that depend on `seed` alone: the same on every host and in every run.
pub fn random(seed: u64, size: u64) -> impl Read + Send {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"content of a scenario").update(&seed.to_le_bytes());
    hasher.finalize_xof().take(size)
}

/// A reader of the bytes.
pub(super) fn reader(content: &Content, places: &Places) -> Result<Box<dyn Read + Send>, String> {
    Ok(match content {
        Content::Nothing => Box::new(io::empty()),
        Content::Text(text) => Box::new(Cursor::new(text.clone().into_bytes())),
        Content::Random { size, seed } => Box::new(random(*seed, *size)),
        Content::File(path) => {
            let file = open(&places.path(path)?);
            Box::new(file.map_err(|error| format!("{path}: {error}"))?)
        }
    })
}

/// Opens a regular file. Anything else is an error and is not waited for: a pipe that nobody writes
/// to would never open.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let without_waiting = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(without_waiting).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_are_those_of_the_seed() {
        let bytes = |seed, size| {
            let mut bytes = Vec::new();
            random(seed, size).read_to_end(&mut bytes).expect("memory");
            bytes
        };
        let long = bytes(7, 100_000);
        assert_eq!(long.len(), 100_000);
        assert_eq!(bytes(7, 1000), long[..1000]);
        assert_ne!(bytes(8, 1000), long[..1000]);
        assert_eq!(bytes(7, 0), b"");
    }
}
