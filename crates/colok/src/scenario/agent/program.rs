//! A program that an agent started: how it is started, signalled, and how it ended.
//!
//! It has a process group of its own. Its number is not used again while anyone here may signal it:
//! it is reaped under the same lock under which signals are sent.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Stdio};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::log_tail::LogTail;
use super::places::Places;
use super::words::{Content, Start};
use super::{content, launch, processes, signals};

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// Its exit code, if it ended by itself.
    pub(super) exit: Option<i32>,
    /// The signal that ended it, without `SIG`.
    pub(super) signal: Option<String>,
    pub(super) time_unix_us: u64,
}

/// A program, as everyone here sees it.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) process: Pid,
    ending: Mutex<Option<Ending>>,
    ended: Condvar,
}

impl Program {
    /// How it ended, if it has.
    pub(super) fn ending(&self) -> Option<Ending> {
        self.lock().clone()
    }

    /// Waits for its end, but not longer than this.
    pub(super) fn ending_within(&self, time: Duration) -> Option<Ending> {
        let waited = self.ended.wait_timeout_while(self.lock(), time, |ending| ending.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Sends a signal to its group. `false`: there is nobody any more.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<bool> {
        let ending = self.lock();
        // The number may be another group's once it has been reaped and the group is empty.
        if ending.is_some() && !processes::group_lives(self.process) {
            return Ok(false);
        }
        kill_process_group(self.process, signal)?;
        Ok(true)
    }

    /// Takes the status of a program that has ended.
    pub(super) fn reap(&self, child: &mut Child, time_unix_us: u64) -> Ending {
        let mut ending = self.lock();
        let status = child.wait().ok();
        let exit = status.and_then(|status| status.code());
        let signal = status.and_then(|status| status.signal()).map(signals::name_of);
        let ending = ending.insert(Ending { exit, signal, time_unix_us }).clone();
        self.ended.notify_all();
        ending
    }

    fn lock(&self) -> MutexGuard<'_, Option<Ending>> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What whoever follows a program needs of it.
pub(super) struct Running {
    pub(super) child: Child,
    /// Readable when it has ended.
    pub(super) end: OwnedFd,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
    /// What is still to be given to it, and where.
    pub(super) stdin: Option<(ChildStdin, Box<dyn Read + Send>)>,
    pub(super) log: Option<LogTail>,
}

/// Why a program was not started.
#[derive(Debug)]
pub(super) struct NotStarted {
    pub(super) error: String,
    pub(super) errno: Option<i32>,
}

impl NotStarted {
    fn of(what: &str, error: &io::Error) -> Self {
        Self { error: format!("{what}: {error}"), errno: error.raw_os_error() }
    }
}

impl From<String> for NotStarted {
    fn from(error: String) -> Self {
        Self { error, errno: None }
    }
}

/// Starts a program.
pub(super) fn start(start: &Start, places: &Places) -> Result<(Program, Running), NotStarted> {
    let mut command = launch::command(start).ok_or_else(|| "there is no program".to_owned())?;
    let directory = places.path(&start.directory)?;
    fs::create_dir_all(&directory).map_err(|error| NotStarted::of(&start.directory, &error))?;
    let log = start.log.as_deref().map(|log| log_tail(log, places)).transpose()?;
    let (stdin, given) = stdin(&start.stdin, places)?;
    command
        .current_dir(directory)
        .envs(own_folders(&start.words, places)?)
        .envs(&start.environment)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let name = &start.words[0];
    let mut child = command.spawn().map_err(|error| NotStarted::of(name, &error))?;
    match followed(&mut child) {
        Ok((process, end, stdout, stderr)) => {
            let program = Program { process, ending: Mutex::default(), ended: Condvar::new() };
            let stdin = child.stdin.take().zip(given);
            Ok((
                program,
                Running { child, end, stdout: Some(stdout), stderr: Some(stderr), stdin, log },
            ))
        }
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(NotStarted::of(name, &error))
        }
    }
}

/// The variables of the folders that a program finds outside of its own: those for temporary files,
/// and for colok those of its user, end with the host, so that no case sees what another one or
/// the user has left. Other programs may need what their user has: compilers, packages.
fn own_folders(
    words: &[String],
    places: &Places,
) -> Result<Vec<(&'static str, PathBuf)>, NotStarted> {
    let mut variables = vec![("TMPDIR", "temporary")];
    if words.first().is_some_and(|program| program == "colok") {
        variables.extend([
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_STATE_HOME", "state"),
        ]);
    }
    let made = variables.into_iter().map(|(variable, name)| {
        let folder = places.kept().join(name);
        fs::create_dir_all(&folder).map_err(|error| NotStarted::of(variable, &error))?;
        Ok((variable, folder))
    });
    made.collect()
}

/// What is needed to follow it; its outputs and input are made such that reading and writing never
/// waits. That is a property of our ends of the pipes alone.
fn followed(child: &mut Child) -> io::Result<(Pid, OwnedFd, ChildStdout, ChildStderr)> {
    let process = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let process = process.ok_or(io::ErrorKind::InvalidData)?;
    let end = pidfd_open(process, PidfdFlags::empty())?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = stdout.zip(stderr).ok_or(io::ErrorKind::BrokenPipe)?;
    fcntl_setfl(&stdout, fcntl_getfl(&stdout)? | OFlags::NONBLOCK)?;
    fcntl_setfl(&stderr, fcntl_getfl(&stderr)? | OFlags::NONBLOCK)?;
    if let Some(stdin) = &child.stdin {
        fcntl_setfl(stdin, fcntl_getfl(stdin)? | OFlags::NONBLOCK)?;
    }
    Ok((process, end, stdout, stderr))
}

/// A reader of what is given to a program.
type Given = Option<Box<dyn Read + Send>>;

fn stdin(content: &Content, places: &Places) -> Result<(Stdio, Given), NotStarted> {
    Ok(match content {
        Content::Nothing => (Stdio::null(), None),
        Content::File(path) => {
            let file = content::open(&places.path(path)?);
            (file.map_err(|error| NotStarted::of(path, &error))?.into(), None)
        }
        Content::Text(_) | Content::Random { .. } => {
            (Stdio::piped(), Some(content::reader(content, places)?))
        }
    })
}

/// The log is made here, empty, so that the program's first line is not waited for; a program that
/// makes it anew does no harm.
fn log_tail(log: &str, places: &Places) -> Result<LogTail, NotStarted> {
    let path = places.path(log)?;
    let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
        OpenOptions::new().create(true).append(true).open(&path)?;
        File::open(&path)
    });
    made.map(LogTail::new).map_err(|error| NotStarted::of(log, &error))
}
