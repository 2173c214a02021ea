//! What a run has on this computer while it lasts, and whether any of it is left afterwards:
//! processes, network namespaces, mounts, links, rules, files.
//!
//! A run is known by a mark in the environment of its processes and by the tree below its runner.
//! Nothing is changed or killed by looking.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::Folder;

/// How long the kernel may take to remove what a killed run had, on a busy machine.
const CLEARING: Duration = Duration::from_mins(1);

/// What is said of a process in a network namespace of the run.
const IN_NETWORK: &str = "is in a network of the run";

/// The variable that marks the processes of a run.
const MARK: &str = "MARK_OF_A_TEST";

/// Prints the tables of nftables and the queueing disciplines of this network namespace, without
/// their counters, as netlink(7) tells them.
const RULES: &str = r#"
import socket, struct
def dump(protocol, kind, body):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
    s.settimeout(20)
    s.send(struct.pack("=IHHII", 16 + len(body), kind, 0x301, 1, 0) + body)
    while True:
        data = s.recv(1 << 20)
        while data:
            length, kind = struct.unpack_from("=IH", data)
            if kind in (2, 3):
                return
            yield data[16:length]
            data = data[(length + 3) & ~3:]
try:
    for table in dump(12, (10 << 8) | 1, struct.pack("=BBH", 0, 0, 0)):
        print("table", table.hex())
except OSError as error:
    print("no nftables:", error)
for queue in dump(0, 38, struct.pack("=BBHiIII", 0, 0, 0, 0, 0, 0, 0)):
    print("queue", queue[4:16].hex())
"#;

/// The outer computer before a run.
#[derive(Debug)]
pub(crate) struct Before {
    mark: String,
    outside: Outside,
}

/// What a run must not change.
#[derive(Debug, PartialEq, Eq)]
struct Outside {
    mounts: BTreeSet<String>,
    links: BTreeSet<String>,
    rules: String,
}

/// A run at one moment.
#[derive(Debug, Default)]
pub(crate) struct Moment {
    /// Its processes: pid and when each began, in ticks.
    pub(crate) processes: BTreeMap<i32, u64>,
    /// Their network namespaces, but that of this test.
    pub(crate) networks: BTreeSet<PathBuf>,
}

impl Before {
    /// Looks at the computer, and marks a program that is about to be started.
    pub(crate) fn new(program: &mut Command) -> Self {
        let mark = format!("{}-{}", std::process::id(), crate::support::random(usize::MAX));
        program.env(MARK, &mark);
        Self { mark, outside: Outside::now() }
    }

    /// What there is of the run now, below the process of its runner and marked elsewhere.
    pub(crate) fn moment(&self, runner: i32) -> Moment {
        let all = processes();
        let mut found: BTreeMap<i32, u64> = BTreeMap::new();
        let mut grew = true;
        while grew {
            grew = false;
            for (pid, process) in &all {
                let of_it = *pid == runner
                    || found.contains_key(&process.parent)
                    || (!found.contains_key(pid) && self.is_marked(*pid));
                if of_it && found.insert(*pid, process.began).is_none() {
                    grew = true;
                }
            }
        }
        let own = network(std::process::id());
        let networks = found.keys().filter_map(network).collect::<BTreeSet<_>>();
        let networks = networks.into_iter().filter(|it| Some(it) != own.as_ref()).collect();
        Moment { processes: found, networks }
    }

    fn is_marked(&self, pid: i32) -> bool {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let wanted = format!("{MARK}={}", self.mark);
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    }

    /// Whether there is anything of it now, in network namespaces of its own if it is said to have
    /// them: what a test may look for afterwards.
    pub(crate) fn is_there(&self, moment: &Moment, folder: &Folder, networks: bool) -> bool {
        let left = self.left(moment, folder);
        let networked = left.iter().any(|it| it.contains(IN_NETWORK));
        left.iter().any(|it| it.starts_with("process ")) && networked == networks
    }

    /// Waits until nothing is left of a run that had this at some moment.
    pub(crate) fn wait_until_gone(&self, moment: &Moment, folder: &Folder) {
        let start = Instant::now();
        loop {
            let left = self.left(moment, folder);
            if left.is_empty() {
                return;
            }
            assert!(start.elapsed() < CLEARING, "still there: {left:#?}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// What is left of it; empty when nothing is.
    fn left(&self, moment: &Moment, folder: &Folder) -> Vec<String> {
        let mut left = Vec::new();
        for (pid, process) in processes() {
            let known = moment.processes.get(&pid) == Some(&process.began);
            if process.state != 'Z' && (known || self.is_marked(pid)) {
                left.push(format!("process {pid} ({})", command_line(pid)));
            }
            if network(pid).is_some_and(|it| moment.networks.contains(&it)) {
                left.push(format!("process {pid} {IN_NETWORK}"));
            }
        }
        for place in ["tmp", "home"] {
            list(&folder.path(place), &mut left);
        }
        let now = Outside::now();
        if now != self.outside {
            left.push(format!("outside: {now:?}, before: {:?}", self.outside));
        }
        left
    }
}

impl Outside {
    fn now() -> Self {
        let mounts = fs::read_to_string("/proc/self/mounts").expect("/proc is there");
        let links = fs::read_dir("/sys/class/net").into_iter().flatten();
        let links = links.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Self {
            mounts: mounts.lines().map(str::to_owned).collect(),
            links: links.collect(),
            rules: rules(),
        }
    }
}

/// The rules of this network namespace; empty without Python.
fn rules() -> String {
    let output = Command::new("python3").args(["-c", RULES]).stdin(Stdio::null()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// A process, as `proc_pid_stat(5)` tells it.
struct Process {
    parent: i32,
    began: u64,
    state: char,
}

fn processes() -> BTreeMap<i32, Process> {
    let entries = fs::read_dir("/proc").expect("/proc is there");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, process(pid)?))).collect()
}

fn process(pid: i32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of a process may hold anything; what follows it does not.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Process {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        began: fields.get(19)?.parse().ok()?,
    })
}

/// The words of a process, or nothing when it is gone.
pub(crate) fn command_line(pid: i32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&words).replace('\0', " ")
}

/// The network namespace of a process: `net:[4026531840]`.
fn network(pid: impl std::fmt::Display) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/net")).ok()
}

/// Everything below a folder, as what is left.
fn list(folder: &Path, left: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        left.push(format!("file {}", entry.path().display()));
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            list(&entry.path(), left);
        }
    }
}
