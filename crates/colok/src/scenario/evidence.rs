//! The folder of the evidence of a run: what is in it, and how it gets there so that a killed run
//! leaves something of use.
//!
//! `run.jsonl` grows by a line, written at once, for everything that happens; `run.json` is made
//! beside its place and renamed into it when all is known. Nothing that a run did not write itself
//! is ever changed, and only folders that runs made are ever removed.

mod list;
mod recover;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub use recover::{RecoverError, recover};

use super::record::{Case, Output, Run, Totals, Verdict};
use super::run::Happening;
use crate::load::timestamp::rfc3339;
use crate::observe::printable;

/// Folders of runs that are kept in one place.
const KEPT: usize = 10;

/// Folders that begin in one second at most.
const RUNS_A_SECOND: u32 = 1000;

/// Bytes of an output that a record has; the rest is in its file.
const SHOWN_BYTES: usize = 16 << 10;

/// Bytes that the name of a file may have with whatever is put behind it.
const NAME_BYTES: usize = 200;

/// The folder of a run.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    happenings: File,
}

impl Folder {
    /// Makes the folder of a run; one that is there must be empty.
    pub fn create(path: &Path) -> io::Result<Self> {
        make(path)?;
        if fs::read_dir(path)?.next().is_some() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        let happenings = OpenOptions::new().append(true).create_new(true).open(path.join(JSONL))?;
        Ok(Self { path: path.to_owned(), happenings })
    }

    /// Makes a folder named after the time (UTC, `2026-01-31T235959Z`) in `parent`, lets
    /// `parent/latest` point to it, and removes all but the ten latest of such folders.
    pub fn new_in(parent: &Path, time: SystemTime) -> io::Result<Self> {
        make(parent)?;
        let name = rfc3339(time).replace(':', "");
        let mut made = DirBuilder::new().mode(0o755).create(parent.join(&name));
        let mut unique = name.clone();
        for number in 2..=RUNS_A_SECOND {
            match &made {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                _ => break,
            }
            unique = format!("{name}-{number}");
            made = DirBuilder::new().mode(0o755).create(parent.join(&unique));
        }
        made?;
        let folder = Self::create(&parent.join(&unique))?;
        point_to(parent, &unique);
        list::prune(parent, KEPT, &unique);
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line to `run.jsonl`: it is with the kernel when this returns, so that it outlives
    /// whoever called.
    pub fn append(&mut self, happening: &Happening) -> io::Result<()> {
        let mut line = serde_json::to_vec(happening)?;
        line.push(b'\n');
        self.happenings.write_all(&line)
    }

    /// Lists and hashes every file, and puts `run.json` in its place. It may be called again when
    /// there are more files.
    pub fn finish(&mut self, run: &mut Run) -> io::Result<()> {
        self.happenings.sync_all()?;
        finish(&self.path, run)
    }
}

const JSONL: &str = "run.jsonl";
const JSON: &str = "run.json";
const JSON_IN_THE_MAKING: &str = "run.json.new";

/// Lists and hashes every file of the folder of a run, and puts `run.json` in its place: after
/// [`recover()`], when the reports are made.
pub fn finish(folder: &Path, run: &mut Run) -> io::Result<()> {
    run.evidence = list::files(folder, &[JSON, JSON_IN_THE_MAKING])?;
    let making = folder.join(JSON_IN_THE_MAKING);
    let mut json = serde_json::to_vec_pretty(run)?;
    json.push(b'\n');
    let mut file = File::create(&making)?;
    file.write_all(&json)?;
    file.sync_all()?;
    fs::rename(&making, folder.join(JSON))?;
    File::open(folder)?.sync_all()
}

/// The folder of a case: `FOLDER/cases/ID`, made when it is not there.
pub fn case_folder(folder: &Path, id: &str) -> io::Result<PathBuf> {
    let path = folder.join("cases").join(file_name(id));
    make(&path)?;
    Ok(path)
}

/// Makes a folder and those above it.
fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}

/// A name as a file may have it: letters, digits and `._=,#[]-` stay, other bytes become `%HH`;
/// what is longer than 200 bytes ends in a hash of itself. Different names stay different.
pub fn file_name(name: &str) -> String {
    let mut safe = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        let stays = byte.is_ascii_alphanumeric()
            || b"_=,#[]-".contains(&byte)
            // `.`, `..` and hidden files are no names.
            || (byte == b'.' && at > 0);
        if stays {
            safe.push(char::from(byte));
        } else {
            let _ = write!(safe, "%{byte:02X}");
        }
    }
    if safe.len() > NAME_BYTES {
        let hash = blake3::hash(name.as_bytes()).to_hex();
        safe.truncate(NAME_BYTES - 17);
        safe.push('~');
        safe.push_str(&hash[..16]);
    }
    if safe.is_empty() { "%".to_owned() } else { safe }
}

/// Lets `parent/latest` point to a folder in `parent`. Best effort: it only saves typing, and
/// something else of that name stays.
fn point_to(parent: &Path, name: &str) {
    let latest = parent.join("latest");
    let making = parent.join(format!(".latest-{}", std::process::id()));
    let is_other = fs::symlink_metadata(&latest).is_ok_and(|status| !status.is_symlink());
    if !is_other && symlink(name, &making).is_ok() && fs::rename(&making, &latest).is_err() {
        let _ = fs::remove_file(&making);
    }
}

/// What a program wrote, as the record has it; `file` is where all of it is, in the evidence.
pub fn output(bytes: &[u8], file: Option<String>) -> Output {
    let mut end = bytes.len().min(SHOWN_BYTES);
    // Not in the middle of a character.
    while end > 0 && end < bytes.len() && bytes[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    let hash = || blake3::hash(bytes).to_hex().to_string();
    Output {
        bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        blake3: if bytes.is_empty() { String::new() } else { hash() },
        text: bytes[..end].split_inclusive(|byte| *byte == b'\n').map(line).collect(),
        shortened: end < bytes.len(),
        file,
    }
}

/// A line made printable; its newline stays one.
fn line(bytes: &[u8]) -> String {
    match bytes.strip_suffix(b"\n") {
        Some(line) => printable(line) + "\n",
        None => printable(bytes),
    }
}

/// Counts the verdicts.
pub fn totals(cases: &[Case]) -> Totals {
    let mut totals = Totals::default();
    for case in cases {
        let count = match case.verdict {
            Verdict::Pass => &mut totals.pass,
            Verdict::Fail => &mut totals.fail,
            Verdict::Invalid => &mut totals.invalid,
            Verdict::Unknown => &mut totals.unknown,
            Verdict::Skipped => &mut totals.skipped,
        };
        *count += 1;
    }
    totals
}
