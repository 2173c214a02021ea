//! `cargo xtask bench [SUITE]`: colok and its peers, measured in turn on this machine.
//!
//! A suite is a list of tasks; a task is one piece of work and the programs that can do it. Each
//! suite has a module of its own that says what is run ([`files`], [`sockets`], [`relay`]). They
//! share a folder in memory that is gone afterwards ([`scratch`]), programs with a time limit
//! ([`program`]), what they used ([`usage`]) and the document ([`report`]). [`measure`] has the
//! rounds of `files`.
//!
//! Nothing here judges by an exit code: a target that is not reached is printed, and the run still
//! succeeds. It fails when something could not be measured. A peer that is not installed is
//! skipped, with the reason in the table.
//!
//! [`instructions`] is apart: it counts instead of measuring, and does judge.

mod files;
pub(crate) mod instructions;
mod json;
mod machine;
mod measure;
mod program;
mod relay;
mod report;
mod scratch;
mod sockets;
mod usage;

use std::{fmt::Write as _, path::PathBuf};

use crate::{
    context::Context,
    outcome::Outcome,
    setup::{self, Consent},
};

/// Rounds when nobody says otherwise: enough for a median that one bad run does not move.
pub(crate) const ROUNDS: usize = 5;

/// Debian's tmpfs for everybody.
const FOLDER: &str = "/dev/shm";

/// Where pictures are kept, beside the document.
const PICTURES: &str = "benchmarks";

/// The suites that there are, in the order in which all of them run.
pub(crate) const NAMES: [&str; 3] = ["files", "sockets", "relay"];

/// What a suite has to tell.
#[derive(Debug)]
pub(crate) struct Section {
    /// Its section of the document.
    pub(crate) text: String,
    /// What had to be measured and could not be.
    pub(crate) failures: Vec<String>,
    pub(crate) pictures: Vec<Picture>,
}

/// A picture of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// Of its file.
    pub(crate) name: String,
    /// What it shows.
    pub(crate) about: String,
    pub(crate) svg: String,
}

/// Which loads are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Those that tell most.
    Usual,
    /// Every number of connections with every size and depth.
    Full,
}

/// What to measure, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// One of [`NAMES`]; empty: each of them.
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
    /// Which loads there are in `sockets`.
    pub(crate) extent: Extent,
    /// A program to measure instead of building one from the tree.
    pub(crate) colok: Option<PathBuf>,
    /// A folder on a tmpfs; a folder for this run is made in it.
    pub(crate) folder: PathBuf,
}

impl Options {
    /// The suite of this name as it is meant.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            rounds: ROUNDS,
            only: Vec::new(),
            small: false,
            write: false,
            install: false,
            extent: Extent::Usual,
            colok: None,
            folder: PathBuf::from(FOLDER),
        }
    }

    /// Why these options make no sense together, or name what is not there.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.name == instructions::NAME {
            return self.check_instructions();
        }
        if !self.name.is_empty() && !NAMES.contains(&self.name.as_str()) {
            let known = [&NAMES[..], &[instructions::NAME]].concat().join(", ");
            return Err(format!("there is no suite `{}`; there is {known}", self.name));
        }
        if self.rounds == 0 {
            return Err("--rounds must be above 0".to_owned());
        }
        self.check_only()?;
        if self.name != "sockets" && self.extent == Extent::Full {
            return Err("--full belongs to `bench sockets`".to_owned());
        }
        if !["sockets", "files"].contains(&self.name.as_str()) && self.colok.is_some() {
            return Err("--colok belongs to `bench sockets` and `bench files`".to_owned());
        }
        if self.write && (self.small || !self.only.is_empty()) {
            return Err("--write keeps whole runs: no --small and no --only with it".to_owned());
        }
        Ok(())
    }

    fn check_instructions(&self) -> Result<(), String> {
        if *self == (Self { write: self.write, ..Self::new(instructions::NAME) }) {
            return Ok(());
        }
        Err("`bench instructions` knows --write alone".to_owned())
    }

    fn check_only(&self) -> Result<(), String> {
        if self.name.is_empty() && !self.only.is_empty() {
            return Err("--only needs the name of a suite".to_owned());
        }
        let is_known = |name: &str| match self.name.as_str() {
            "files" => files::WORDS.contains(&name),
            "relay" => relay::WORDS.contains(&name),
            _ => sockets::knows(name),
        };
        let Some(name) = self.only.iter().find(|name| !is_known(name)) else { return Ok(()) };
        let known = match self.name.as_str() {
            "files" => files::WORDS.join(", "),
            "relay" => relay::WORDS.join(", "),
            _ => sockets::words().join(", "),
        };
        Err(format!("--only does not know `{name}`; it knows {known}"))
    }

    /// The names of the suites to run.
    fn suites(&self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().filter(|&name| self.name.is_empty() || self.name == name)
    }

    /// Whether a task or a program of `files` is wanted. `--only upload` means every program
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
        let space = if self.name.is_empty() { "" } else { " " };
        let mut command = format!("cargo xtask bench{space}{} --rounds {}", self.name, self.rounds);
        for name in &self.only {
            command.push_str(" --only ");
            command.push_str(name);
        }
        if self.small {
            command.push_str(" --small");
        }
        if self.extent == Extent::Full {
            command.push_str(" --full");
        }
        if let Some(program) = &self.colok {
            let _ = write!(command, " --colok {}", program.display());
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

/// Measures, prints the reports and keeps them if that was asked for. A suite that fails does not
/// keep the next from its run.
pub(crate) fn run(context: &Context, options: &Options) -> Outcome {
    if options.name == instructions::NAME {
        return instructions::run(context, options.write);
    }
    let mut problems = Vec::new();
    for suite in options.suites() {
        let section = match suite {
            "files" => files::run(context, options).map(|report| Section {
                text: report.text(),
                failures: report.failures(),
                pictures: Vec::new(),
            }),
            "relay" => relay::run(context, options),
            _ => sockets::run(context, options),
        };
        let done = section.and_then(|section| finish(context, options, suite, &section));
        problems.extend(done.err().map(|problem| format!("{suite}: {problem}")));
    }
    if problems.is_empty() { Outcome::Passed } else { Outcome::Failed(problems.join("; ")) }
}

fn finish(
    context: &Context,
    options: &Options,
    suite: &str,
    section: &Section,
) -> Result<(), String> {
    println!("\n{}", section.text);
    if !section.failures.is_empty() {
        // Nor is it kept: it would replace a report that has all its figures.
        return Err(format!("not measured: {}", section.failures.join("; ")));
    }
    if !options.write {
        return Ok(());
    }
    report::keep_pictures(&context.root, PICTURES, &section.pictures)?;
    let path = report::keep(&context.root, suite, &section.text)?;
    println!("kept in {path}");
    Ok(())
}

/// Installs the Debian packages of those programs that are not here.
fn install(context: &Context, programs: &[(&str, &'static str)]) -> Result<(), String> {
    let missing = programs.iter().filter(|(program, _)| scratch::find(program).is_none());
    let missing: Vec<_> = missing.map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    setup::install(context, &missing, Consent::Given)
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
        assert!(
            Options::new("flies").check().unwrap_err().contains("there is files, sockets, relay")
        );
        let unknown = Options { only: vec!["scp".into()], ..Options::new("files") };
        assert!(unknown.check().unwrap_err().contains("`scp`"));
    }

    #[test]
    fn without_a_name_each_suite_runs_whole() {
        let all = Options::new("");
        assert!(all.suites().eq(NAMES) && Options::new("files").suites().eq(["files"]));
        assert_eq!(all.check(), Ok(()));
        assert_eq!(all.command(), "cargo xtask bench --rounds 5");
        let some = Options { only: vec!["go".into()], ..Options::new("") };
        assert!(some.check().unwrap_err().contains("name of a suite"));
        assert_eq!(Options { only: vec!["go".into()], ..Options::new("sockets") }.check(), Ok(()));
        let full = Options { extent: Extent::Full, ..Options::new("files") };
        assert!(full.check().unwrap_err().contains("bench sockets"));
    }
}
