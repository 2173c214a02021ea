//! A local file while it is sent: opened once, read in order, and the same at the end as at the
//! beginning.
//!
//! Nothing locks it, so nothing keeps others from writing to it; that it did not change is told by
//! its size and times before and after.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::plan::LocalSource;
use super::problem::{FilesError, PlanProblem};

/// A regular file that is open for reading.
pub(super) struct LocalFile<'a> {
    descriptor: OwnedFd,
    path: &'a Path,
    /// What it was when it was opened.
    status: Stat,
}

/// How directories are opened that are only looked in.
const PARENT: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The directory of the file that was opened last: the next one mostly is in it as well, and the
/// kernel need not look for it again.
#[derive(Default)]
pub(super) struct LastDirectory(Option<(Box<[u8]>, OwnedFd)>);

impl LastDirectory {
    /// The directory of a path and the name in it.
    fn of<'p>(&mut self, path: &'p [u8]) -> Result<(BorrowedFd<'_>, &'p [u8]), Errno> {
        let slash = path.iter().rposition(|byte| *byte == b'/');
        let Some((parent, name)) = slash.map(|slash| path.split_at(slash + 1)) else {
            return Ok((CWD, path));
        };
        if name.is_empty() {
            return Ok((CWD, path));
        }
        let held = self.0.take().filter(|(held, _)| **held == *parent);
        let open = || rustix::fs::open(parent, PARENT, Mode::empty());
        let held = held.map_or_else(|| open().map(|opened| (parent.into(), opened)), Ok)?;
        Ok((self.0.insert(held).1.as_fd(), name))
    }
}

impl AsFd for LocalFile<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl<'a> LocalFile<'a> {
    /// Opens it. A file found in a directory is not followed if a link took its place.
    pub(super) fn open(
        source: &'a LocalSource,
        last: &mut LastDirectory,
    ) -> Result<Self, FilesError> {
        let path = source.path();
        let follow = match source {
            LocalSource::Found(_) => OFlags::NOFOLLOW,
            _ => OFlags::empty(),
        };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | follow;
        let failed = |errno| FilesError::local("open", path, errno);
        let (directory, name) = last.of(path.as_os_str().as_bytes()).map_err(failed)?;
        let descriptor = rustix::fs::openat(directory, name, flags, Mode::empty());
        let descriptor = descriptor.map_err(failed)?;
        let status = rustix::fs::fstat(&descriptor).map_err(failed)?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Err(PlanProblem::NotAFile { path: path.into() }.into());
        }
        Ok(Self { descriptor, path, status })
    }

    /// Its size when it was opened, in bytes.
    pub(super) fn size(&self) -> u64 {
        u64::try_from(self.status.st_size).unwrap_or(0)
    }

    /// What it was when it was opened.
    pub(super) fn status(&self) -> &Stat {
        &self.status
    }

    /// Goes to a byte, from which the next read reads.
    pub(super) fn seek(&self, offset: u64) -> Result<(), FilesError> {
        let to = rustix::fs::SeekFrom::Start(offset);
        let sought = rustix::fs::seek(&self.descriptor, to);
        sought.map(drop).map_err(|errno| FilesError::local("read", self.path, errno))
    }

    /// Fills the buffer. Fewer bytes than it holds are an error: the file has shrunk, or never was
    /// as long as the system says.
    pub(super) fn read_exact(&self, buffer: &mut [u8]) -> Result<(), FilesError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match rustix::io::read(self.descriptor.as_fd(), &mut buffer[filled..]) {
                Ok(0) => {
                    return Err(self.check_unchanged().err().unwrap_or_else(|| self.no_size()));
                }
                Ok(length) => filled += length,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(FilesError::local("read", self.path, errno)),
            }
        }
        Ok(())
    }

    /// Fails when it is not what it was when it was opened.
    pub(super) fn check_unchanged(&self) -> Result<(), FilesError> {
        let failed = |errno| FilesError::local("read", self.path, errno);
        let now = rustix::fs::fstat(&self.descriptor).map_err(failed)?;
        if state(&now) != state(&self.status) {
            return Err(self.changed());
        }
        // Files of the kernel (proc(5)) are said to be empty, have content, and keep their times.
        if self.size() == 0 && rustix::io::pread(&self.descriptor, &mut [0], 0).is_ok_and(|n| n > 0)
        {
            return Err(self.no_size());
        }
        Ok(())
    }

    fn no_size(&self) -> FilesError {
        PlanProblem::NoSize { path: self.path.into() }.into()
    }

    /// The error of a file that is another one than when it was opened.
    pub(super) fn changed(&self) -> FilesError {
        FilesError::Changed { path: self.path.into() }
    }
}

/// What is different after somebody wrote to the file.
fn state(status: &Stat) -> [i128; 5] {
    [
        status.st_size.into(),
        status.st_mtime.into(),
        status.st_mtime_nsec.into(),
        status.st_ctime.into(),
        status.st_ctime_nsec.into(),
    ]
}
