//! The house rules, as code: what a compiler or a linter does not check for us.
//!
//! Every rule names the file, the line and what to write instead. A rule that has exceptions is
//! excused by a comment with a written reason, on the line or right above the item:
//!
//! ```text
//! // tidy: allow(long): the table has one line per call and reads best whole
//! ```
//!
//! [`source`] splits a file into code and comments, [`rules`] looks at one file at a time, and
//! [`structure`] at the tree as a whole.

mod rules;
mod source;
mod structure;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use crate::{context::Context, outcome::Outcome};
use source::Source;

/// One place where a rule does not hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Relative to the root of the tree.
    path: String,
    /// Counted from 1; absent when the whole file is meant.
    line: Option<usize>,
    text: String,
}

impl Problem {
    fn at(path: &str, line_index: usize, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: Some(line_index + 1), text: text.into() }
    }

    fn of(path: &str, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "{}:{line}: {}", self.path, self.text),
            None => write!(formatter, "{}: {}", self.path, self.text),
        }
    }
}

/// Checks every rule on the whole tree.
pub(crate) fn run(context: &Context) -> Outcome {
    let mut problems = Vec::new();
    let paths = match rust_files(&context.root) {
        Ok(paths) => paths,
        Err(problem) => return Outcome::Failed(problem),
    };
    for path in &paths {
        match fs::read_to_string(context.root.join(path)) {
            Ok(text) => problems.extend(rules::check(&Source::parse(path, &text))),
            Err(error) => problems.push(Problem::of(path, error.to_string())),
        }
    }
    problems.extend(structure::check(context, &paths));
    for problem in &problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => {
            println!("{} files keep the house rules", paths.len());
            Outcome::Passed
        }
        count => Outcome::Failed(format!("house rules: {count} to mend")),
    }
}

/// Every Rust file of the tree, relative to its root, in a fixed order.
fn rust_files(root: &Path) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder)? {
            if path.is_dir() {
                if !is_generated(&path) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(root).unwrap_or(&path);
                files.push(relative.to_string_lossy().into_owned());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error| format!("{}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(failed)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect()
}

/// Folders that tools write and version control ignores.
fn is_generated(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || matches!(&*name, "target" | "corpus" | "artifacts" | "coverage")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_walked_without_what_tools_wrote() {
        let files = rust_files(&Context::detect().root).unwrap();
        assert!(files.contains(&"xtask/src/tidy/source.rs".to_owned()));
        assert!(files.is_sorted());
        assert!(!files.iter().any(|path| path.starts_with("target/")));
    }

    #[test]
    fn a_problem_is_told_as_compilers_do() {
        assert_eq!(Problem::at("a.rs", 2, "why").to_string(), "a.rs:3: why");
        assert_eq!(Problem::of("a.rs", "why").to_string(), "a.rs: why");
    }
}
