//! A file that is not whole yet: beside its place, under a name that says which content it will
//! have, and locked while somebody works on it.
//!
//! `.NAME.HASH8.colok-part`: `HASH8` are the first digits of the hash, so what is left of another
//! content is never taken up. A partial of less than [`KEPT_BYTES_MIN`] is not worth keeping.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use colok_proto::files::Hash;
use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::client::files::problem::FilesError;

/// The fewest bytes that are kept for a later try; fewer come again in no time.
const KEPT_BYTES_MIN: u64 = 1 << 20;

/// How much of the name is kept in the name of its partial, which must not be too long itself.
const NAME_BYTES_KEPT: usize = 200;

/// How often another name is tried when somebody else has it.
const NAMES_MAX: u32 = 100;

/// The file, open and locked. Dropped, it goes unless it is worth keeping.
#[derive(Debug)]
pub(super) struct Partial {
    directory: OwnedFd,
    file: OwnedFd,
    /// Its name now.
    name: OsString,
    /// The name that it is to have.
    target: OsString,
    /// Where it is to be, for messages.
    path: PathBuf,
    /// Bytes written.
    length: u64,
    /// A later try can find it.
    findable: bool,
    published: bool,
}

impl Partial {
    /// Opens the partial of a content, or makes it. Beside it returns how many bytes are there
    /// from an earlier try: none unless `resume`, and none of a partial that somebody works on.
    pub(super) fn open(
        path: &Path,
        hash: &Hash,
        length_max: u64,
        resume: bool,
    ) -> Result<(Self, u64), FilesError> {
        let failed = |errno| FilesError::local("create", path, errno);
        let target = path.file_name().ok_or_else(|| failed(Errno::ISDIR))?.to_owned();
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(CWD, parent, flags, Mode::empty()).map_err(failed)?;
        let (file, name, findable) = claim(&directory, &target, hash).map_err(failed)?;
        let mut length = size_of(&file).map_err(failed)?;
        if !resume || length > length_max {
            rustix::fs::ftruncate(&file, 0).map_err(failed)?;
            length = 0;
        }
        let path = path.to_owned();
        let published = false;
        let partial = Self { directory, file, name, target, path, length, findable, published };
        Ok((partial, length))
    }

    /// Reads what is there, from `offset` on; fewer bytes than asked for are an error.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), FilesError> {
        let mut filled = 0;
        while filled < buffer.len() {
            let at = offset + filled as u64;
            match rustix::io::pread(&self.file, &mut buffer[filled..], at) {
                Ok(0) => return Err(self.failed("read", Errno::IO)),
                Ok(length) => filled += length,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.failed("read", errno)),
            }
        }
        Ok(())
    }

    /// Appends bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), FilesError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::io::pwrite(&self.file, rest, self.length) {
                Ok(length) => {
                    self.length += length as u64;
                    rest = &rest[length..];
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.write_failed(errno)),
            }
        }
        Ok(())
    }

    /// Forgets what is there.
    pub(super) fn clear(&mut self) -> Result<(), FilesError> {
        rustix::fs::ftruncate(&self.file, 0).map_err(|errno| self.failed("write", errno))?;
        self.length = 0;
        Ok(())
    }

    /// Puts its bytes on the disk and gives it its name in one step; without `replace` never to
    /// the cost of another.
    ///
    /// Others (curl, scp, rsync unless told) leave the disk to the system. But then a loss of power
    /// can leave an empty file under the name, and take the one that it replaced.
    pub(super) fn publish(mut self, replace: bool) -> Result<PathBuf, FilesError> {
        synced(rustix::fs::fdatasync(&self.file)).map_err(|errno| self.write_failed(errno))?;
        self.rename(replace)?;
        self.published = true;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // Who may write to a directory need not be able to read it; then its name waits.
        if let Ok(directory) = rustix::fs::openat(&self.directory, ".", flags, Mode::empty()) {
            synced(rustix::fs::fsync(&directory)).map_err(|errno| self.failed("sync", errno))?;
        }
        Ok(std::mem::take(&mut self.path))
    }

    fn rename(&mut self, replace: bool) -> Result<(), FilesError> {
        let flags = if replace { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        let (directory, name, target) = (&self.directory, &self.name, &self.target);
        let mut result = rustix::fs::renameat_with(directory, name, directory, target, flags);
        if matches!(result, Err(Errno::INVAL | Errno::NOSYS)) {
            // The file system has no such rename; a link replaces nothing either.
            result = if replace {
                rustix::fs::renameat(directory, name, directory, target)
            } else {
                rustix::fs::linkat(directory, name, directory, target, AtFlags::empty())
                    .and_then(|()| rustix::fs::unlinkat(directory, name, AtFlags::empty()))
            };
        }
        match result {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => {
                self.length = 0;
                Err(FilesError::TargetExists { path: self.path.clone() })
            }
            Err(errno) => Err(self.failed("publish", errno)),
        }
    }

    /// On a full disk what came so far is not kept: it would keep the disk full, under a name that
    /// nobody sees.
    fn write_failed(&mut self, errno: Errno) -> FilesError {
        if matches!(errno, Errno::NOSPC | Errno::DQUOT) {
            self.length = 0;
        }
        self.failed("write", errno)
    }

    fn failed(&self, action: &'static str, errno: Errno) -> FilesError {
        FilesError::local(action, &self.path, errno)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let kept = self.findable && self.length >= KEPT_BYTES_MIN;
        if !self.published && !kept {
            // If it cannot be removed it is taken up or emptied by the next try.
            let _ = rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty());
        }
    }
}

/// What a sync came to, where not being able to sync is no failure (fsync(2)).
fn synced(result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(Errno::INVAL | Errno::ROFS | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        result => result,
    }
}

/// Opens and locks the partial, or a new file of another name when somebody else has it. Whether
/// a later try finds it is the last value.
fn claim(
    directory: &OwnedFd,
    target: &OsStr,
    hash: &Hash,
) -> Result<(OwnedFd, OsString, bool), Errno> {
    let name = partial_name(target, hash, None);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o666);
    match rustix::fs::openat(directory, &name, flags | OFlags::NONBLOCK, mode) {
        Ok(file) if is_ours(directory, &name, &file) => return Ok((file, name, true)),
        // A link, or another's file, has the name; leave it alone.
        Ok(_) | Err(Errno::LOOP | Errno::ACCESS | Errno::NXIO | Errno::ISDIR) => {}
        Err(errno) => return Err(errno),
    }
    for number in 0..NAMES_MAX {
        let name = partial_name(target, hash, Some(number));
        match rustix::fs::openat(directory, &name, flags | OFlags::EXCL, mode) {
            Ok(file) => return Ok((file, name, false)),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::EXIST)
}

/// Locks it; then it is a file of ours that still has this name and no other.
fn is_ours(directory: &OwnedFd, name: &OsStr, file: &OwnedFd) -> bool {
    if rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return false;
    }
    let there = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
    let (Ok(here), Ok(there)) = (rustix::fs::fstat(file.as_fd()), there) else { return false };
    FileType::from_raw_mode(here.st_mode) == FileType::RegularFile
        && here.st_uid == rustix::process::geteuid().as_raw()
        && here.st_nlink == 1
        && (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
}

fn partial_name(target: &OsStr, hash: &Hash, number: Option<u32>) -> OsString {
    let digits = hash.to_string();
    let target = target.as_bytes();
    let mut name = b".".to_vec();
    name.extend_from_slice(&target[..target.len().min(NAME_BYTES_KEPT)]);
    name.extend_from_slice(format!(".{}", &digits[..8]).as_bytes());
    if let Some(number) = number {
        name.extend_from_slice(format!(".{}-{number}", std::process::id()).as_bytes());
    }
    name.extend_from_slice(b".colok-part");
    OsStr::from_bytes(&name).to_owned()
}

fn size_of(file: &OwnedFd) -> Result<u64, Errno> {
    Ok(u64::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::files::tests::script::{Folder, hash};

    #[test]
    fn what_broke_off_is_kept_unless_it_fills_the_disk() {
        for (errno, left) in [(Errno::IO, 1), (Errno::NOSPC, 0), (Errno::DQUOT, 0)] {
            let folder = Folder::new();
            let (path, hash) = (folder.path("file"), hash(b"whole"));
            let opened = Partial::open(&path, &hash, 2 * KEPT_BYTES_MIN, true);
            let (mut partial, _) = opened.expect("it can be made");
            let bytes = vec![0; usize::try_from(KEPT_BYTES_MIN).expect("it is small")];
            partial.write(&bytes).expect("there is room");
            assert!(partial.write_failed(errno).to_string().starts_with("write file: "));
            drop(partial);
            assert_eq!(folder.names().len(), left, "{errno}");
        }
    }
}
