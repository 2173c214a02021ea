//! `cargo xtask bench NAME`: colok and its peers, measured in turn on this machine.
//!
//! A benchmark is a list of tasks; a task is one piece of work and the programs that can do it.
//! Each benchmark has a module of its own that says what is run ([`files`]); everything else is
//! shared: a folder in memory that is gone afterwards ([`scratch`]), programs with a time limit
//! ([`program`]), what they used ([`usage`]), the rounds ([`measure`]) and the table ([`report`]).
//!
//! Nothing here judges by an exit code: a target that is not reached is printed, and the run still
//! succeeds. It fails when something could not be measured. A peer that is not installed is
//! skipped, with the reason in the table.

mod files;
mod machine;
mod measure;
mod program;
mod report;
mod scratch;
mod usage;

use std::{fmt::Write as _, path::PathBuf};

use crate::{context::Context, outcome::Outcome};

/// Rounds when nobody says otherwise: enough for a median that one bad run does not move.
pub(crate) const ROUNDS: usize = 5;

/// Debian's tmpfs for everybody.
const FOLDER: &str = "/dev/shm";

/// The benchmarks that there are.
pub(crate) const NAMES: [&str; 1] = ["files"];

/// What to measure, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// One of [`NAMES`].
    pub(crate) name: String,
    /// How often each program does each task.
    pub(crate) rounds: usize,
    /// Names of tasks and of programs to run; all when empty.
    pub(crate) only: Vec<String>,
    /// Little work, to see that the benchmark itself works.
    pub(crate) small: bool,
    /// Keep the report in the documentation.
    pub(crate) write: bool,
    /// Install the peers that are missing.
    pub(crate) install: bool,
    /// A folder on a tmpfs; a folder for this run is made in it.
    pub(crate) folder: PathBuf,
}

impl Options {
    /// The benchmark of this name as it is meant.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            rounds: ROUNDS,
            only: Vec::new(),
            small: false,
            write: false,
            install: false,
            folder: PathBuf::from(FOLDER),
        }
    }

    /// Why these options make no sense together, or name what is not there.
    pub(crate) fn check(&self) -> Result<(), String> {
        if !NAMES.contains(&self.name.as_str()) {
            let known = NAMES.join(", ");
            return Err(format!("there is no benchmark `{}`; there is {known}", self.name));
        }
        if self.rounds == 0 {
            return Err("--rounds must be above 0".to_owned());
        }
        if let Some(name) = self.only.iter().find(|name| !files::WORDS.contains(&name.as_str())) {
            let known = files::WORDS.join(", ");
            return Err(format!("--only does not know `{name}`; it knows {known}"));
        }
        if self.write && (self.small || !self.only.is_empty()) {
            return Err("--write keeps whole runs: no --small and no --only with it".to_owned());
        }
        Ok(())
    }

    /// Whether a task or a program of this name is wanted. `--only upload` means every program
    /// for this task, `--only nc` this program in every task.
    pub(crate) fn wants(&self, task: &str, contender: &str) -> bool {
        let named = |names: &[&str], name: &str| {
            let mut chosen = self.only.iter().filter(|only| names.contains(&only.as_str()));
            chosen.clone().next().is_none() || chosen.any(|only| only == name)
        };
        named(&files::TASKS, task) && named(&files::CONTENDERS, contender)
    }

    /// The command as it would be typed.
    pub(crate) fn command(&self) -> String {
        let mut command = format!("cargo xtask bench {} --rounds {}", self.name, self.rounds);
        for name in &self.only {
            command.push_str(" --only ");
            command.push_str(name);
        }
        if self.small {
            command.push_str(" --small");
        }
        if *self.folder != *FOLDER {
            let _ = write!(command, " --on {}", self.folder.display());
        }
        if self.write {
            command.push_str(" --write");
        }
        command
    }
}

/// Measures, prints the report and keeps it if that was asked for.
pub(crate) fn run(context: &Context, options: &Options) -> Outcome {
    match files::run(context, options) {
        Ok(report) => finish(context, options, &report),
        Err(problem) => Outcome::Failed(problem),
    }
}

fn finish(context: &Context, options: &Options, report: &report::Report) -> Outcome {
    let text = report.text();
    println!("\n{text}");
    let failures = report.failures();
    if !failures.is_empty() {
        // Nor is it kept: it would replace a report that has all its figures.
        return Outcome::Failed(format!("not measured: {}", failures.join("; ")));
    }
    if !options.write {
        return Outcome::Passed;
    }
    let kept = report::keep(&context.root, &options.name, &text);
    kept.map(|path| println!("kept in {path}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_narrows_tasks_and_programs_each_for_itself() {
        let mut options = Options::new("files");
        assert!(options.wants("upload", "nc") && options.wants("small", "rsync"));
        options.only = vec!["nc".into(), "colok".into()];
        assert!(options.wants("upload", "nc") && options.wants("small", "colok"));
        assert!(!options.wants("upload", "rsync"));
        options.only.push("upload".into());
        assert!(options.wants("upload", "nc") && !options.wants("small", "colok"));
    }

    #[test]
    fn the_command_is_the_one_that_repeats_the_run() {
        let mut options = Options::new("files");
        assert_eq!(options.command(), "cargo xtask bench files --rounds 5");
        options.only.push("nc".into());
        options.small = true;
        options.folder = "/mnt".into();
        let expected = "cargo xtask bench files --rounds 5 --only nc --small --on /mnt";
        assert_eq!(options.command(), expected);
    }

    #[test]
    fn a_part_of_a_run_is_not_kept() {
        let mut options = Options { write: true, ..Options::new("files") };
        assert_eq!(options.check(), Ok(()));
        options.small = true;
        assert!(options.check().is_err());
        assert!(Options::new("flies").check().unwrap_err().contains("there is files"));
        let unknown = Options { only: vec!["scp".into()], ..Options::new("files") };
        assert!(unknown.check().unwrap_err().contains("`scp`"));
    }
}
