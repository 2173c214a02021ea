//! A host that is this computer itself: an agent as a child process, with a folder that it makes
//! and removes.
//!
//! A runner that is killed leaves nothing behind either: the agent's orders end with it.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{Heard, HeardSender, Host, Transport, WORD_BYTES_MAX, patient, word_of};
use crate::scenario::agent::{AGENT_ARGUMENT, SetUp};
use crate::scenario::file::HostKind;

/// How long an agent may take to end once its orders have.
const END_MAX: Duration = Duration::from_secs(15);

/// How often is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Starts a local host, which is number `index` of its case: its first word is `ready`.
pub fn local(name: &str, index: usize, heard: &HeardSender) -> io::Result<Host> {
    let beside = std::env::temp_dir().join(format!("colok-{}", random_name()?));
    let folder = beside.join(name);
    let text = |path: &Path| path.to_str().map(str::to_owned);
    let (beside, folder) =
        text(&beside).zip(text(&folder)).ok_or(io::ErrorKind::InvalidFilename)?;
    let set_up =
        SetUp { folder: folder.clone(), beside: beside.clone(), own: true, namespaces: false };
    let mut child = Command::new("/proc/self/exe")
        .arg0("colok")
        .arg(AGENT_ARGUMENT)
        .arg(serde_json::to_string(&set_up)?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A terminal's Ctrl-C is for the runner.
        .process_group(0)
        .spawn()?;
    let (orders, words) = (child.stdin.take(), child.stdout.take());
    let link = Link { orders, child, beside: PathBuf::from(&beside) };
    let words = words.ok_or(io::ErrorKind::BrokenPipe)?;
    let heard = heard.clone();
    // It ends when the agent has, or when nobody hears any more.
    thread::Builder::new()
        .name(format!("host-{name}"))
        .spawn(move || listen(words, index, &heard))?;
    Ok(Host {
        name: name.to_owned(),
        kind: HostKind::Local,
        folder,
        beside,
        addresses: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        transport: Box::new(link),
    })
}

/// Sixteen hexadecimal digits that nobody can guess: the directory may be one of everybody.
fn random_name() -> io::Result<String> {
    let mut number = [0; 8];
    rustix::rand::getrandom(&mut number, rustix::rand::GetRandomFlags::empty())?;
    Ok(format!("{:016x}", u64::from_ne_bytes(number)))
}

/// Passes on what an agent says, until it has ended.
fn listen(words: ChildStdout, index: usize, heard: &HeardSender) {
    let mut words = BufReader::with_capacity(64 * 1024, words);
    let mut line = Vec::new();
    let why = loop {
        line.clear();
        match (&mut words).take(WORD_BYTES_MAX).read_until(b'\n', &mut line) {
            Err(error) => break crate::scenario::in_words(error),
            // Perhaps in the middle of a word.
            Ok(_) if line.last() != Some(&b'\n') => break "its agent has ended".to_owned(),
            Ok(_) => {}
        }
        match word_of(&line) {
            Ok(word) => {
                if heard.send((index, Heard::Word(word))).is_err() {
                    return;
                }
            }
            Err(error) => break format!("its agent said what makes no sense: {error}"),
        }
    };
    let _ = heard.send((index, Heard::Gone(why)));
}

/// A child process and its orders.
struct Link {
    /// `None`: orders have ended.
    orders: Option<ChildStdin>,
    child: Child,
    beside: PathBuf,
}

impl Transport for Link {
    fn send(&mut self, line: &[u8]) -> io::Result<()> {
        let orders = self.orders.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let sent = patient::write_all(orders, &[line, b"\n"].concat(), patient::PATIENCE);
        if sent.is_err() {
            // It may have half a line.
            self.orders = None;
        }
        sent
    }
}

impl Link {
    /// Waits for the end of the agent; whether it could do all that belongs to it.
    fn ended_in_order(&mut self) -> bool {
        let until = Instant::now() + END_MAX;
        while Instant::now() < until {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(LOOK_EVERY),
                Ok(Some(status)) => return status.success(),
                Err(_) => return false,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        false
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.orders = None;
        if !self.ended_in_order() {
            // Somebody killed it: what it would have done is done here as well as it can be.
            kill_those_of(&self.beside);
            let _ = fs::remove_dir_all(&self.beside);
        }
    }
}

/// Kills every process that the agent of this directory, which belongs to nobody else, has brought
/// into the world: each was born with a variable that names a place in it.
fn kill_those_of(directory: &Path) {
    let until = Instant::now() + END_MAX;
    // What is born while it is looked at is found by looking again.
    while kill_found(directory) && Instant::now() < until {
        thread::sleep(LOOK_EVERY);
    }
}

/// Looks once; whether there was anybody.
fn kill_found(directory: &Path) -> bool {
    let mut found = false;
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let process = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(process) = process.and_then(Pid::from_raw) else { continue };
        // The descriptor names the process for good, so it is asked for first.
        let Ok(descriptor) = pidfd_open(process, PidfdFlags::empty()) else { continue };
        if is_of(&entry.path(), directory) {
            found |= pidfd_send_signal(&descriptor, Signal::KILL).is_ok();
        }
    }
    found
}

/// Whether a process has a working directory or a variable in this directory. One that has ended
/// has neither.
fn is_of(process: &Path, directory: &Path) -> bool {
    let name = directory.as_os_str().as_bytes();
    let is_here = |place: PathBuf| place.starts_with(directory);
    fs::read_link(process.join("cwd")).is_ok_and(is_here)
        || fs::read(process.join("environ"))
            .is_ok_and(|variables| variables.windows(name.len()).any(|part| part == name))
}
