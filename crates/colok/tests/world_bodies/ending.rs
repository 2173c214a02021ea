//! Worlds end, and take everything with them: processes, namespaces, mounts, files.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use colok::scenario::host::{Heard, channel};
use colok::scenario::world::World;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use super::agent::Task;
use super::{PATIENCE, Talk, spec};

/// The argument that makes this program a runner to be killed.
const RUNNER_ARGUMENT: &str = "__runner_of_a_test";
/// The namespaces that a world has to itself.
const NAMESPACES: [&str; 5] = ["pid", "mnt", "net", "uts", "ipc"];
/// How often each way to die is tried.
const TIMES: usize = 20;

/// Becomes a runner that makes a world, says where its files are, and drops the world when its
/// input ends.
pub(crate) fn become_if_asked() {
    if std::env::args().nth(1).as_deref() != Some(RUNNER_ARGUMENT) {
        return;
    }
    let mut talk = Talk::with(3);
    for host in 0..3 {
        talk.does(host, &Task::Leave);
        talk.does(host, &Task::Write { bytes: 1 << 16 });
    }
    println!("{}", talk.world.hosts[0].folder);
    let mut nothing = Vec::new();
    std::io::stdin().lock().read_to_end(&mut nothing).expect("input ends");
    drop(talk);
    println!("dropped");
    loop {
        std::thread::park();
    }
}

/// A process, so that another one with the same number is not taken for it.
type Process = (u32, String);

/// A runner with a world, and all that must vanish.
struct Runner {
    child: Child,
    folder: PathBuf,
    words: BufReader<std::process::ChildStdout>,
    /// The outer process, PID 1, and those in the world; the runner itself is not among them.
    processes: Vec<Process>,
    /// By which the end of each is heard of.
    pidfds: Vec<OwnedFd>,
    namespaces: BTreeSet<PathBuf>,
}

impl Runner {
    fn start() -> Self {
        let mut child = Command::new("/proc/self/exe")
            .arg(RUNNER_ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started");
        let mut words = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut folder = String::new();
        words.read_line(&mut folder).expect("a runner says where it is");
        let processes = descendants(child.id());
        // Outer, PID 1, three agents and what they left.
        assert_eq!(processes.len(), 8, "{processes:?}");
        let foreign = |path: &PathBuf| {
            let own = namespaces_of(std::process::id());
            !own.contains(path)
        };
        let namespaces: BTreeSet<PathBuf> =
            processes.iter().flat_map(|(pid, _)| namespaces_of(*pid)).filter(foreign).collect();
        assert!(namespaces.len() >= NAMESPACES.len() + 2, "{namespaces:?}");
        let folder = PathBuf::from(folder.trim_end());
        assert!(folder.is_absolute(), "{}", folder.display());
        let pidfds = processes
            .iter()
            .map(|(pid, _)| pidfd_open(numbered(*pid), PidfdFlags::empty()).expect("it is there"));
        let pidfds = pidfds.collect();
        Self { child, folder, words, processes, pidfds, namespaces }
    }

    /// What is still there.
    fn left(&self) -> Vec<String> {
        let processes = self.processes.iter().filter(|(pid, start)| {
            started(*pid).is_some_and(|(found, state)| found == *start && state != "Z")
        });
        let mut left: Vec<String> =
            processes.map(|(pid, _)| format!("process {pid}: {}", command(*pid))).collect();
        for pid in everybody() {
            let used = namespaces_of(pid);
            let found = used.intersection(&self.namespaces);
            left.extend(found.map(|name| format!("namespace {} of process {pid}", name.display())));
        }
        if self.folder.exists() {
            left.push(format!("folder {}", self.folder.display()));
        }
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("there are mounts");
        let beside = self.folder.parent().expect("a folder is in a directory");
        let ours = format!(" {} ", beside.display());
        left.extend(mounts.lines().filter(|line| line.contains(&ours)).map(str::to_owned));
        left
    }

    /// Waits until nothing is there any more.
    fn vanishes(&self) {
        for pidfd in &self.pidfds {
            let mut ended = [PollFd::new(pidfd, PollFlags::IN)];
            let patience = Timespec::try_from(PATIENCE).expect("it is short");
            assert_eq!(poll(&mut ended, Some(&patience)), Ok(1), "still there: {:#?}", self.left());
        }
        let patience = Instant::now() + PATIENCE;
        while !self.left().is_empty() {
            assert!(Instant::now() < patience, "still there: {:#?}", self.left());
            std::thread::yield_now();
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn everybody() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("there is /proc").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn namespaces_of(pid: u32) -> BTreeSet<PathBuf> {
    let names = NAMESPACES.iter();
    names.filter_map(|name| std::fs::read_link(format!("/proc/{pid}/ns/{name}")).ok()).collect()
}

/// The fields of `/proc/PID/stat` after the name (`proc_pid_stat(5)`), from the third one on.
fn fields(pid: u32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let rest = &stat[stat.rfind(')')? + 2..];
    Some(rest.split_ascii_whitespace().map(str::to_owned).collect())
}

/// When a process was started, and its state.
fn started(pid: u32) -> Option<(String, String)> {
    let fields = fields(pid)?;
    Some((fields.get(19)?.clone(), fields.first()?.clone()))
}

fn command(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ")
}

/// Children before their own children.
fn descendants(of: u32) -> Vec<Process> {
    let mut found = Vec::new();
    let mut parents = vec![of];
    while let Some(parent) = parents.pop() {
        for pid in everybody() {
            let is_child = fields(pid).is_some_and(|fields| fields[1] == parent.to_string());
            if let Some((start, _)) = started(pid).filter(|_| is_child) {
                found.push((pid, start));
                parents.insert(0, pid);
            }
        }
    }
    found
}

fn kill(pid: u32) {
    kill_process(numbered(pid), Signal::KILL).expect("it is there");
}

fn numbered(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed()).expect("it is a process")
}

pub(crate) fn nothing_is_left_when_the_runner_is_killed() {
    for _ in 0..TIMES {
        let runner = Runner::start();
        kill(runner.child.id());
        runner.vanishes();
    }
}

pub(crate) fn nothing_is_left_when_the_outer_process_is_killed() {
    for _ in 0..TIMES {
        let runner = Runner::start();
        let (outer, _) = runner.processes[0];
        assert!(command(outer).contains("__world"), "{}", command(outer));
        kill(outer);
        runner.vanishes();
    }
}

pub(crate) fn nothing_is_left_when_the_first_process_is_killed() {
    for _ in 0..TIMES {
        let runner = Runner::start();
        let (init, _) = runner.processes[1];
        assert!(command(init).contains("__init"), "{}", command(init));
        kill(init);
        runner.vanishes();
    }
}

pub(crate) fn a_dropped_world_is_gone() {
    let mut runner = Runner::start();
    drop(runner.child.stdin.take());
    let mut line = String::new();
    runner.words.read_line(&mut line).expect("it says so");
    assert_eq!(line, "dropped\n");
    // Dropping has waited for the processes; the kernel may put namespaces away a moment later.
    runner.vanishes();
}

pub(crate) fn an_agent_that_dies_is_told_of() {
    let mut talk = Talk::with(2);
    talk.begin(0, &Task::Die);
    let gone = talk.hear();
    assert!(matches!(gone, (0, Heard::Gone(_))), "{gone:?}");
    talk.does(1, &Task::Who);
    // An agent whose orders end, ends.
    let host = talk.world.hosts.remove(1);
    drop(host);
    let gone = talk.hear();
    assert!(matches!(gone, (1, Heard::Gone(_))), "{gone:?}");
}

pub(crate) fn a_wrong_world_says_why() {
    let (heard, _words) = channel();
    let mut wrong = spec(1);
    for name in ["", "..", "../x", "a/b", ".x", "a b", "a\n", &"x".repeat(65)] {
        wrong.hosts[0].name = name.into();
        let error = World::make(&wrong, &heard).expect_err("it is no name");
        assert!(error.to_string().contains("no name for a host"), "{error}");
    }
    let mut wrong = spec(1);
    wrong.prefix = 40;
    let error = World::make(&wrong, &heard).expect_err("IPv4 has 32 bits");
    assert!(error.call.contains("network of a host"), "{error}");
    let mut wrong = spec(1);
    wrong.mtu = 1;
    let error = World::make(&wrong, &heard).expect_err("no packet is so small");
    assert!(error.call.contains("netlink"), "{error}");
    println!("{error}");
    let mut wrong = spec(2);
    wrong.hosts[1].name = "h0".into();
    let error = World::make(&wrong, &heard).expect_err("two hosts of one name");
    assert!(error.call.contains("mkdir"), "{error}");
}
