//! What a directory holds, without following a link.
//!
//! Each directory is opened from the one above it, so nobody who moves links about meanwhile leads
//! the walk elsewhere. One descriptor per level is open, no more levels than a name has components.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use colok_proto::files::{COMPONENTS_MAX, Name, NameProblem};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{LocalSource, Reader, SendPlan, SkipReason, Skipped};
use crate::client::files::problem::FilesError;

/// Adds everything below `path` to the plan, under `base` (empty, or ending with `/`), in the byte
/// order of names.
pub(super) fn walk(
    path: &Path,
    base: &str,
    reader: Reader,
    plan: &mut SendPlan,
) -> Result<(), FilesError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(CWD, path, flags, Mode::empty());
    let directory = directory.map_err(|errno| FilesError::local("open", path, errno))?;
    let depth = base.matches('/').count();
    Walk { reader, plan }.directory(&directory, path, base, depth)
}

/// Something in a directory that may be sent, or what is in it.
struct Entry {
    name: Name,
    status: Stat,
}

struct Walk<'a> {
    reader: Reader,
    plan: &'a mut SendPlan,
}

impl Walk<'_> {
    fn directory(
        &mut self,
        directory: &OwnedFd,
        path: &Path,
        base: &str,
        depth: usize,
    ) -> Result<(), FilesError> {
        for local_name in sorted_entries(directory, path)? {
            let path = &path.join(OsStr::from_bytes(&local_name));
            match look_at(directory, path, &local_name, base, depth)? {
                Some(Ok(entry)) => self.entry(directory, path, &entry, depth)?,
                Some(Err(reason)) => {
                    self.plan.skipped.push(Skipped { path: path.into(), reason });
                }
                None => {}
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        directory: &OwnedFd,
        path: &Path,
        entry: &Entry,
        depth: usize,
    ) -> Result<(), FilesError> {
        let local_name = path.file_name().unwrap_or_default();
        let failed = |errno| FilesError::local("open", path, errno);
        let name = &entry.name;
        if FileType::from_raw_mode(entry.status.st_mode) == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let opened = rustix::fs::openat(directory, local_name, flags, Mode::empty());
            let base = format!("{}/", name.as_str());
            return self.directory(&opened.map_err(failed)?, path, &base, depth + 1);
        }
        self.reader
            .check(directory.as_fd(), local_name.as_bytes(), &entry.status)
            .map_err(failed)?;
        let source = LocalSource::Found(path.into());
        self.plan.add(name.clone(), source, Some(entry.status.st_size));
        Ok(())
    }
}

/// What is there, or why it is skipped; `None` when it went away while its directory was walked,
/// as temporary files do.
fn look_at(
    directory: &OwnedFd,
    path: &Path,
    local_name: &[u8],
    base: &str,
    depth: usize,
) -> Result<Option<Result<Entry, SkipReason>>, FilesError> {
    let status = rustix::fs::statat(directory, local_name, AtFlags::SYMLINK_NOFOLLOW);
    let status = match status {
        Err(Errno::NOENT) => return Ok(None),
        status => status.map_err(|errno| FilesError::local("open", path, errno))?,
    };
    let is_directory = match FileType::from_raw_mode(status.st_mode) {
        FileType::RegularFile => false,
        FileType::Directory => true,
        FileType::Symlink => return Ok(Some(Err(SkipReason::Link))),
        _ => return Ok(Some(Err(SkipReason::Special))),
    };
    // The name of a directory is checked as well: nothing below it could have one.
    let name = match std::str::from_utf8(local_name) {
        Ok(text) => Name::new(&format!("{base}{text}")).map_err(Some),
        Err(_) => Err(None),
    };
    let too_deep = is_directory && depth + 1 >= COMPONENTS_MAX;
    let name = if too_deep { Err(Some(NameProblem::TooDeep)) } else { name };
    Ok(Some(name.map(|name| Entry { name, status }).map_err(SkipReason::Name)))
}

fn sorted_entries(directory: &OwnedFd, path: &Path) -> Result<Vec<Box<[u8]>>, FilesError> {
    let failed = |errno| FilesError::local("list", path, errno);
    let mut names = Vec::new();
    for entry in Dir::read_from(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.into());
        }
    }
    names.sort_unstable();
    Ok(names)
}
