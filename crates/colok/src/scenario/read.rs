//! Reading scenario files: from a text to a [`Scenario`] that can be run, or to everything that is
//! wrong with it, each with its line and what would be right.
//!
//! Everything is checked here, before anything is started: keys, values, names of hosts and steps,
//! placeholders, bounds. Nothing is ever resolved, opened on a network or started.

use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::file::Scenario;
use super::in_words;

mod check;
mod known;
mod parse;

/// The longest scenario file in bytes; a longer one is no specification that people read.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// The most files that one run reads.
pub const FILES_MAX: usize = 1000;
/// The most steps of a scenario.
pub const STEPS_MAX: usize = 1000;
/// The most copies of a step.
pub const COPIES_MAX: u32 = 10_000;
/// The most cases of a scenario: combinations of its matrix.
pub const CASES_MAX: usize = 1000;
/// The most hosts of a scenario.
pub const HOSTS_MAX: usize = 100;
/// The most problems that are told of one file; the rest mostly follows from them.
pub const PROBLEMS_MAX: usize = 50;

/// A scenario file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name of the scenario: the file name without `.toml`.
    pub name: String,
    /// The file as people know it: its path, or `built-in:NAME.toml`.
    pub file: String,
    /// What it says.
    pub text: String,
    /// The folder it lies in; `None` for a built-in one.
    pub folder: Option<PathBuf>,
}

impl Source {
    /// What `{here}` stands for: the folder it lies in, from the root.
    pub(super) fn here(&self) -> Option<String> {
        let folder = self.folder.as_ref()?;
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        Some(fs::canonicalize(folder).ok()?.to_string_lossy().into_owned())
    }
}

/// Something that is wrong with a scenario, by its place in the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where: bytes from the beginning of the file.
    pub offset: usize,
    /// What is wrong, in one line.
    pub what: String,
    /// What would be right.
    pub hint: Option<String>,
}

/// Something that is wrong with a scenario file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 when it is about the file as a whole.
    pub line: u32,
    /// The column, from 1, in characters; 0 when it is about the file as a whole.
    pub column: u32,
    /// What is wrong, in one line.
    pub what: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl Problem {
    pub(super) fn new(offset: usize, what: impl Into<String>) -> Self {
        Self { offset, what: what.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The problem with its file, line and column.
    #[must_use]
    pub fn of(self, source: &Source) -> FileProblem {
        FileProblem {
            file: source.file.clone(),
            line: line_of(&source.text, self.offset),
            column: column_of(&source.text, self.offset),
            what: self.what,
            hint: self.hint,
        }
    }
}

impl FileProblem {
    fn whole(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self { file: file.into(), line: 0, column: 0, what: what.into(), hint: None }
    }
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FileProblem {}

/// Reads and checks a scenario. All its problems are told, in the order of the file, at most
/// [`PROBLEMS_MAX`].
pub fn read(source: &Source) -> Result<Scenario, Vec<FileProblem>> {
    scenario(&source.text)
        .map_err(|problems| problems.into_iter().map(|problem| problem.of(source)).collect())
}

/// [`read`], without a file.
pub(crate) fn scenario(text: &str) -> Result<Scenario, Vec<Problem>> {
    let scenario = parse::parse(text)?;
    let mut problems = check::check(&scenario);
    if problems.is_empty() {
        return Ok(scenario);
    }
    problems.sort();
    problems.dedup();
    problems.truncate(PROBLEMS_MAX);
    Err(problems)
}

/// Checks that every message that a scenario expects exists; `ids` are all there are.
pub fn check_messages(source: &Source, scenario: &Scenario, ids: &[&str]) -> Vec<FileProblem> {
    let problems = check::messages(scenario, ids);
    problems.into_iter().map(|problem| problem.of(source)).collect()
}

/// The line of a place in a text, from 1.
pub fn line_of(text: &str, offset: usize) -> u32 {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let lines = before.split(|&byte| byte == b'\n').count();
    u32::try_from(lines).unwrap_or(u32::MAX)
}

/// The column of a place in a text, from 1, in characters.
fn column_of(text: &str, offset: usize) -> u32 {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
    u32::try_from(String::from_utf8_lossy(line).chars().count() + 1).unwrap_or(u32::MAX)
}

/// Finds scenario files: each path is a file, or a folder whose `*.toml` are meant, in the order of
/// their names. Reads them, but does not understand them yet.
pub fn find(paths: &[PathBuf]) -> Result<Vec<Source>, Vec<FileProblem>> {
    let (mut sources, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match files_of(path) {
            Ok(files) => {
                for file in files {
                    match load(&file) {
                        Ok(source) => sources.push(source),
                        Err(problem) => problems.push(problem),
                    }
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    if sources.len() > FILES_MAX {
        let what = format!("{} scenario files are too many for one run", sources.len());
        problems.push(FileProblem::whole(path_text(&paths[0]), what));
    }
    if problems.is_empty() { Ok(sources) } else { Err(problems) }
}

/// The files that a path means.
fn files_of(path: &Path) -> Result<Vec<PathBuf>, FileProblem> {
    let problem = |error: io::Error| FileProblem::whole(path_text(path), in_words(&error));
    if !fs::metadata(path).map_err(problem)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(problem)? {
        let file = entry.map_err(problem)?.path();
        if file.extension().is_some_and(|extension| extension == "toml") && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        let mut nothing = FileProblem::whole(path_text(path), "no scenario files here");
        nothing.hint = Some("a scenario is a file whose name ends in .toml".to_owned());
        return Err(nothing);
    }
    Ok(files)
}

fn load(path: &Path) -> Result<Source, FileProblem> {
    let problem = |what: String| FileProblem::whole(path_text(path), what);
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    check::scenario_name(&name).map_err(problem)?;
    let file = fs::File::open(path).map_err(|error| problem(in_words(&error)))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| problem(in_words(&error)))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| no_text(path, error.as_bytes(), error.utf8_error().valid_up_to()))?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    Ok(Source { name, file: path_text(path), text, folder: Some(folder) })
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}

/// What is no text: where it stops being one.
fn no_text(path: &Path, bytes: &[u8], valid: usize) -> FileProblem {
    let text = String::from_utf8_lossy(&bytes[..valid]);
    let mut problem = FileProblem::whole(path_text(path), "from here on it is not UTF-8 text");
    (problem.line, problem.column) = (line_of(&text, valid), column_of(&text, valid));
    problem
}

#[cfg(test)]
mod tests;
