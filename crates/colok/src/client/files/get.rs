//! Getting files: what is to come, where it goes, and how it went.
//!
//! A file gets its name here when it is whole and its hash is the server's; until then it is a
//! partial beside its place ([`partial`]), which a later try checks and goes on with. Nothing that
//! is here is replaced unless that was asked for. Of a stored name only the last component is ever
//! used on this computer, and only when no other name was given.

mod download;
mod partial;

use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use colok_proto::files::{Hash, Name};
use rustix::io::Errno;
use thiserror::Error as ThisError;

use super::FileClient;
use super::problem::{Ending, FilesError, PlanProblem};
use super::update::Observer;
use crate::observe::Tap;
use download::Getter;

/// A part of a file, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte, counted from 0.
    pub first: u64,
    /// The last byte, which belongs to it; `None` for the end of the file.
    pub last: Option<u64>,
}

/// A text that is not a [`ByteRange`].
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error("`{text}` is not a range; write FIRST-LAST or FIRST-, counted from 0, as in 0-1023")]
pub struct ByteRangeError {
    /// What was given.
    pub text: String,
}

impl FromStr for ByteRange {
    type Err = ByteRangeError;

    fn from_str(text: &str) -> Result<Self, ByteRangeError> {
        let read = || {
            let (first, last) = text.split_once('-')?;
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            if !digits(first) || !digits(last) {
                return None;
            }
            let first = first.parse().ok()?;
            let last = if last.is_empty() { None } else { Some(last.parse().ok()?) };
            last.is_none_or(|last| first <= last).then_some(Self { first, last })
        };
        read().ok_or_else(|| ByteRangeError { text: text.to_owned() })
    }
}

/// How files are got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetOptions {
    /// Where to: a file, a directory that exists, or `-` for standard output. With several names
    /// it is a directory. Default: the current directory.
    pub output: Option<PathBuf>,
    /// Only this part of the one file.
    pub range: Option<ByteRange>,
    /// Files that are here may be replaced.
    pub force: bool,
    /// What an earlier try left is checked and gone on with. Default: yes.
    pub resume: bool,
}

impl Default for GetOptions {
    fn default() -> Self {
        Self { output: None, range: None, force: false, resume: true }
    }
}

/// What is to come, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetPlan {
    /// The files.
    pub files: Vec<PlannedGet>,
    /// Only this part.
    pub range: Option<ByteRange>,
    /// Files that are here may be replaced.
    pub force: bool,
    /// What an earlier try left is gone on with.
    pub resume: bool,
}

/// A file that is to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedGet {
    /// Its name in the store.
    pub name: Name,
    /// Where it goes.
    pub target: Target,
}

/// Where a file goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output, as it comes.
    Output,
    /// A file that gets its name when it is whole.
    File(PathBuf),
}

/// A file, or a part of one, that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// Its name in the store.
    pub name: Name,
    /// Where it is; `None` for standard output.
    pub path: Option<PathBuf>,
    /// The bytes of the file that are here.
    pub range: Range<u64>,
    /// The hash of those bytes, computed here and equal to the server's.
    pub hash: Hash,
    /// The size of the whole file in bytes.
    pub file_size: u64,
    /// The hash of the whole file as the server told it.
    pub file_hash: Hash,
    /// How many bytes were here from an earlier try, checked.
    pub resumed_bytes: u64,
}

/// How it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GetReport {
    /// Files that are here.
    pub got: u64,
    /// Files that are not; the observer was told why.
    pub failed: u64,
    /// Bytes of content that are here, in all.
    pub bytes: u64,
    /// How the worst of the failed files ended; `None` when none failed.
    pub ending: Option<Ending>,
}

impl<T: Tap> FileClient<'_, T> {
    /// Gets the files of a plan. `output` is standard output, if the plan has it; its bytes are
    /// written as they come, so a wrong hash is known only behind them.
    ///
    /// A file that does not come is told as [`super::Update::Failed`] and counted; an error means
    /// that the files for which nothing was told were not tried to their end.
    pub fn get(
        &self,
        plan: &GetPlan,
        output: Option<BorrowedFd<'_>>,
        observer: &mut Observer<'_>,
    ) -> Result<GetReport, FilesError> {
        Getter::new(self, plan, output, observer).run()
    }
}

/// Finds out where files go, and that nothing is in the way.
pub fn plan_get(names: &[String], options: &GetOptions) -> Result<GetPlan, FilesError> {
    let to_output = options.output.as_deref().is_some_and(|path| path.as_os_str() == "-");
    if let Some(path) = options.output.as_deref().filter(|_| !to_output) {
        check_place(path)?;
    }
    let names = names.iter().map(|text| checked_name(text)).collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() {
        return Err(PlanProblem::Nothing.into());
    }
    if options.range.is_some() && names.len() > 1 {
        return Err(PlanProblem::OneRangeForMany { count: names.len() }.into());
    }
    let mut files: Vec<PlannedGet> = Vec::with_capacity(names.len());
    let count = names.len();
    for name in names {
        let target = match (to_output, options.output.as_deref()) {
            (true, _) => Target::Output,
            (false, None) => Target::File(base_name(&name).into()),
            (false, Some(path)) if path.is_dir() => Target::File(path.join(base_name(&name))),
            (false, Some(path)) if count == 1 => Target::File(path.into()),
            (false, Some(path)) => {
                return Err(PlanProblem::ManyIntoOne { count, path: path.into() }.into());
            }
        };
        files.push(PlannedGet { name, target });
    }
    refuse_same_targets(&files)?;
    refuse_existing(&files, options.force)?;
    let GetOptions { range, force, resume, .. } = *options;
    Ok(GetPlan { files, range, force, resume })
}

fn checked_name(text: &str) -> Result<Name, PlanProblem> {
    let wrong = |problem| PlanProblem::StoredName { name: text.to_owned(), problem };
    Name::new(text).map_err(wrong)
}

/// A file can be made there: its directory exists, and it does not claim to be one itself.
fn check_place(path: &Path) -> Result<(), FilesError> {
    let claims_directory = path.as_os_str().as_bytes().ends_with(b"/");
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let exists = path.is_dir() || !claims_directory && parent.is_none_or(Path::is_dir);
    if exists { Ok(()) } else { Err(FilesError::local("create", path, Errno::NOENT)) }
}

/// The last component: a name of the store never chooses a directory here.
fn base_name(name: &Name) -> &str {
    name.as_str().rsplit('/').next().unwrap_or_default()
}

fn refuse_same_targets(files: &[PlannedGet]) -> Result<(), PlanProblem> {
    let mut seen = std::collections::HashMap::new();
    for PlannedGet { name, target } in files {
        let Target::File(path) = target else { continue };
        if let Some(first) = seen.insert(path, name) {
            let (first, second) = (first.clone(), name.clone());
            return Err(PlanProblem::SameTarget { path: path.clone(), first, second });
        }
    }
    Ok(())
}

/// Nothing is replaced without being asked to, and never anything but a file.
fn refuse_existing(files: &[PlannedGet], force: bool) -> Result<(), PlanProblem> {
    for file in files {
        let Target::File(path) = &file.target else { continue };
        let Ok(link) = path.symlink_metadata() else { continue };
        if !force {
            return Err(PlanProblem::TargetExists { path: path.clone() });
        }
        if !link.is_file() && !link.is_symlink() {
            return Err(PlanProblem::NotAFile { path: path.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
