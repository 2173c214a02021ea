//! Files of a host: made as ordered, and described.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::OFlags;

use super::content;
use super::places::Places;
use super::words::{Answer, Content};

/// How much of a file is told.
const BEGINNING_BYTES: u64 = 64 * 1024;

/// Permissions of a file unless others are ordered.
const MODE: u32 = 0o644;

/// Makes a file and its folders, or a new content of one that is there.
pub(super) fn write(
    path: &str,
    content: &Content,
    mode: Option<u32>,
    places: &Places,
) -> Result<Answer, String> {
    let place = places.path(path)?;
    let mut source = content::reader(content, places)?;
    let mut make = || -> io::Result<()> {
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        // A pipe that nobody reads is an error and is not waited for.
        let without_waiting = OFlags::NONBLOCK.bits().cast_signed();
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .custom_flags(without_waiting)
            .open(&place)?;
        io::copy(&mut source, &mut file)?;
        // Whatever the mask of this process is.
        file.set_permissions(Permissions::from_mode(mode.unwrap_or(MODE)))
    };
    make().map_or_else(|error| Err(format!("{path}: {error}")), |()| Ok(Answer::Done))
}

/// What is at a path.
pub(super) fn describe(path: &str, places: &Places) -> Result<Answer, String> {
    let place = places.path(path)?;
    match look(&place) {
        Ok(answer) => Ok(answer),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Answer::File {
            exists: false,
            size: 0,
            mode: 0,
            blake3: String::new(),
            beginning: String::new(),
        }),
        Err(error) => Err(format!("{path}: {error}")),
    }
}

fn look(place: &Path) -> io::Result<Answer> {
    let metadata = fs::metadata(place)?;
    let mut size = metadata.len();
    let (mut blake3, mut beginning) = (String::new(), Vec::new());
    if metadata.is_file() {
        // Both from one reading, so that they say the same of a file that changes.
        let mut file = File::open(place)?;
        let mut hasher = blake3::Hasher::new();
        (&mut file).take(BEGINNING_BYTES).read_to_end(&mut beginning)?;
        hasher.update(&beginning);
        io::copy(&mut file, &mut hasher)?;
        size = hasher.count();
        blake3 = hasher.finalize().to_hex().to_string();
    }
    Ok(Answer::File {
        exists: true,
        size,
        mode: metadata.permissions().mode() & 0o7777,
        blake3,
        beginning: STANDARD.encode(beginning),
    })
}
