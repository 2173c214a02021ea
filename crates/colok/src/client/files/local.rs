//! A local file while it is sent: opened once, read in order, and the same at the end as at the
//! beginning.
//!
//! Nothing locks it, so nothing keeps others from writing to it; that it did not change is told by
//! its size and times before and after.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, Stat};
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

impl AsFd for LocalFile<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl<'a> LocalFile<'a> {
    /// Opens it. A file found in a directory is not followed if a link took its place.
    pub(super) fn open(source: &'a LocalSource) -> Result<Self, FilesError> {
        let path = source.path();
        let follow = match source {
            LocalSource::Found(_) => OFlags::NOFOLLOW,
            _ => OFlags::empty(),
        };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | follow;
        let failed = |errno| FilesError::local("open", path, errno);
        let descriptor = rustix::fs::open(path, flags, Mode::empty()).map_err(failed)?;
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

    /// Fills the buffer. Fewer bytes than it holds are an error: the file has shrunk.
    pub(super) fn read_exact(&self, buffer: &mut [u8]) -> Result<(), FilesError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match rustix::io::read(self.descriptor.as_fd(), &mut buffer[filled..]) {
                Ok(0) => return Err(self.changed()),
                Ok(length) => filled += length,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(FilesError::local("read", self.path, errno)),
            }
        }
        Ok(())
    }

    /// Fails when it is not what it was when it was opened.
    pub(super) fn check_unchanged(&self) -> Result<(), FilesError> {
        let now = rustix::fs::fstat(&self.descriptor);
        let now = now.map_err(|errno| FilesError::local("read", self.path, errno))?;
        if state(&now) == state(&self.status) { Ok(()) } else { Err(self.changed()) }
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
