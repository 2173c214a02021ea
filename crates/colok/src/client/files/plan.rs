//! What is to be sent, found out before any server hears of it: local files and their names.
//!
//! A file that does not exist or cannot be read is an error here, with the server untouched. So is
//! a name that no store takes, and one name for two files. Directories are walked without
//! following links; links, special files and names that are none are skipped and listed. Nothing
//! stays open, and a planned file is small: a hundred thousand of them are no burden.

mod walk;

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use colok_proto::files::{Name, NameProblem};
use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, Stat};
use rustix::io::Errno;

use super::problem::{FilesError, PlanProblem};

/// How sources become names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Directories are sent with all that is below them, as `dir/...`.
    pub recursive: bool,
    /// The stored name of the one source, or of standard input; of a directory, what replaces its
    /// own name.
    pub name: Option<String>,
    /// A directory of the store that everything goes to; a `/` at its end changes nothing.
    pub prefix: Option<String>,
}

/// What is to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendPlan {
    /// The files, in the order in which they were named and found.
    pub files: Vec<PlannedFile>,
    /// What directories hold that is not sent.
    pub skipped: Vec<Skipped>,
    /// The sizes of all files together in bytes; standard input counts nothing.
    pub bytes: u64,
}

/// A file that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// Its name in the store.
    pub name: Name,
    /// Where its bytes are.
    pub source: LocalSource,
    /// Its size in bytes when the plan was made; `None` for standard input.
    pub size: Option<u64>,
}

/// Where bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalSource {
    /// A file that was named. If it is a link, what it leads to is sent.
    Named(Box<Path>),
    /// A file found in a directory. A link that took its place meanwhile is not followed.
    Found(Box<Path>),
    /// Standard input.
    Input,
}

impl LocalSource {
    /// The path, `-` for standard input.
    pub fn path(&self) -> &Path {
        match self {
            Self::Named(path) | Self::Found(path) => path,
            Self::Input => Path::new("-"),
        }
    }
}

/// Something in a directory that is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where it is.
    pub path: PathBuf,
    /// Why.
    pub reason: SkipReason,
}

/// Why something in a directory is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// A symbolic link.
    Link,
    /// A socket, pipe or device.
    Special,
    /// No stored name can be made of its name; `None` when it is not UTF-8.
    Name(Option<NameProblem>),
}

/// Finds out what is to be sent. `-` among the sources is standard input.
///
/// Errors: [`FilesError::Local`] for a file that cannot be opened or a directory that cannot be
/// listed, [`FilesError::Plan`] for what cannot be sent as asked.
pub fn plan_send(sources: &[OsString], options: &PlanOptions) -> Result<SendPlan, FilesError> {
    if sources.is_empty() {
        return Err(PlanProblem::Nothing.into());
    }
    if options.name.is_some() && sources.len() > 1 {
        return Err(PlanProblem::OneNameForMany { count: sources.len() }.into());
    }
    let mut planner =
        Planner { options, reader: Reader::this_process(), plan: SendPlan::default() };
    for source in sources {
        planner.source(Path::new(source))?;
    }
    refuse_same_names(&planner.plan.files)?;
    Ok(planner.plan)
}

struct Planner<'a> {
    options: &'a PlanOptions,
    reader: Reader,
    plan: SendPlan,
}

impl Planner<'_> {
    fn source(&mut self, path: &Path) -> Result<(), FilesError> {
        if path.as_os_str() == "-" {
            return self.input();
        }
        let status = self.look_at(path)?;
        match FileType::from_raw_mode(status.st_mode) {
            FileType::RegularFile => {
                let name = self.name(path, &self.own_name(path)?)?;
                self.add(name, LocalSource::Named(path.into()), Some(status.st_size));
                Ok(())
            }
            FileType::Directory if self.options.recursive => self.directory(path),
            FileType::Directory => Err(PlanProblem::Directory { path: path.into() }.into()),
            _ => Err(PlanProblem::NotAFile { path: path.into() }.into()),
        }
    }

    /// Looks at a file or directory, and whether it can be read. Nothing is opened: a pipe would be
    /// waited for, and a device might act on it.
    fn look_at(&self, path: &Path) -> Result<Stat, FilesError> {
        let failed = |errno| FilesError::local("open", path, errno);
        let status = rustix::fs::statat(CWD, path, AtFlags::empty()).map_err(failed)?;
        self.reader.check(CWD, path.as_os_str().as_bytes(), &status).map_err(failed)?;
        Ok(status)
    }

    fn input(&mut self) -> Result<(), FilesError> {
        if self.plan.files.iter().any(|file| file.source == LocalSource::Input) {
            return Err(PlanProblem::InputTwice.into());
        }
        let name = self.options.name.as_deref().ok_or(PlanProblem::InputNeedsName)?;
        let name = self.name(Path::new("-"), name)?;
        self.add(name, LocalSource::Input, None);
        Ok(())
    }

    /// The name that a source has by itself, or was given.
    fn own_name(&self, path: &Path) -> Result<String, FilesError> {
        if let Some(name) = &self.options.name {
            return Ok(name.clone());
        }
        // `.`, `..` and `a/..` have a name only when it is known what they are.
        let last = path.components().next_back();
        let resolved = match last {
            Some(Component::Normal(_)) => None,
            _ => Some(path.canonicalize().map_err(|error| open_failed(path, &error))?),
        };
        let name = resolved.as_deref().unwrap_or(path).file_name().unwrap_or_default();
        let name = std::str::from_utf8(name.as_bytes()).map_err(|_| PlanProblem::Name {
            path: path.into(),
            name: name.to_string_lossy().into_owned(),
            problem: None,
        })?;
        Ok(name.to_owned())
    }

    fn name(&self, path: &Path, name: &str) -> Result<Name, FilesError> {
        let name = self.with_prefix(name);
        Name::new(&name).map_err(|problem| {
            PlanProblem::Name { path: path.into(), name, problem: Some(problem) }.into()
        })
    }

    fn with_prefix(&self, name: &str) -> String {
        match self
            .options
            .prefix
            .as_deref()
            .map(|prefix| prefix.strip_suffix('/').unwrap_or(prefix))
        {
            None | Some("") => name.to_owned(),
            Some(prefix) => format!("{prefix}/{name}"),
        }
    }

    fn directory(&mut self, path: &Path) -> Result<(), FilesError> {
        let own_name = self.own_name(path)?;
        // The root directory has no name; what is in it still has.
        let base = match own_name.as_str() {
            "" => self.with_prefix(""),
            own_name => format!("{}/", self.name(path, own_name)?.as_str()),
        };
        walk::walk(path, &base, self.reader, &mut self.plan)
    }

    fn add(&mut self, name: Name, source: LocalSource, size: Option<i64>) {
        self.plan.add(name, source, size);
    }
}

impl SendPlan {
    fn add(&mut self, name: Name, source: LocalSource, size: Option<i64>) {
        let size = size.map(|size| u64::try_from(size).unwrap_or(0));
        // Sparse files can be larger together than any number tells.
        self.bytes = self.bytes.saturating_add(size.unwrap_or(0));
        self.files.push(PlannedFile { name, source, size });
    }
}

/// Whose rights count.
#[derive(Clone, Copy)]
struct Reader {
    user: u32,
}

impl Reader {
    fn this_process() -> Self {
        Self { user: rustix::process::geteuid().as_raw() }
    }

    /// Fails where opening for reading would.
    fn check(self, directory: BorrowedFd<'_>, name: &[u8], status: &Stat) -> Result<(), Errno> {
        // What their owner may read needs no second call, and that is what most files are.
        let may_read = Mode::from_raw_mode(status.st_mode).contains(Mode::RUSR);
        if status.st_uid == self.user && may_read {
            return Ok(());
        }
        rustix::fs::accessat(directory, name, Access::READ_OK, AtFlags::EACCESS)
    }
}

fn open_failed(path: &Path, error: &std::io::Error) -> FilesError {
    let errno = Errno::from_io_error(error).unwrap_or(Errno::IO);
    FilesError::local("open", path, errno)
}

fn refuse_same_names(files: &[PlannedFile]) -> Result<(), PlanProblem> {
    let mut seen: HashMap<&Name, &PlannedFile> = HashMap::with_capacity(files.len());
    for file in files {
        if let Some(first) = seen.insert(&file.name, file) {
            return Err(PlanProblem::SameName {
                name: file.name.clone(),
                first: first.source.path().into(),
                second: file.source.path().into(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
