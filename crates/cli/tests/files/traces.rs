//! System call traces of the server: what is on the disk before a receipt leaves, and how few
//! syncs many small files need.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use rustix::process::Signal;
use serde_json::Value;

use crate::common::wait;
use crate::support::{
    Background, Folder, Together, at_home, children, daily_or_full, each_of, noise, signal,
    wait_until,
};
use crate::wire::Wire;

/// Calls that make bytes safe or visible, and those that tell a client so.
const CALLS: &str = "trace=fsync,fdatasync,syncfs,linkat,renameat2,mkdirat,\
                     write,sendto,sendmsg,writev";

/// Why nothing can be traced here; `None` when it can.
fn no_strace() -> Option<String> {
    let mut strace = Command::new("strace");
    match strace
        .args(["-f", "--seccomp-bpf", "-e", "trace=fsync", "-o", "/dev/null", "true"])
        .output()
    {
        Err(_) => Some("strace is not installed".to_owned()),
        Ok(output) if output.status.success() => None,
        Ok(_) => Some("tracing is not allowed here, or strace is old".to_owned()),
    }
}

/// Why a sync means nothing in this folder; `None` when it means something.
fn no_disk(folder: &Path) -> Option<String> {
    let kind = rustix::fs::statfs(folder).expect("it is there").f_type;
    // From linux/magic.h: tmpfs, ramfs, overlayfs.
    let memory = [0x0102_1994, 0x8584_58f6, 0x794c_7630].contains(&kind);
    memory.then(|| format!("{} is not on a disk", folder.display()))
}

/// A server under strace.
struct Traced {
    strace: Background,
    trace: String,
    place: String,
}

impl Traced {
    fn start(folder: &Folder, model: &str, calls: &str) -> Self {
        let file = |kind: &str| folder.file(&format!("{model}.{kind}"));
        let (trace, log) = (file("strace"), file("json"));
        let (json, root) = (format!("json:{log}"), file("store"));
        let options = ["--model", model, "--log", &json, "--root", &root, "--quiet"];
        let arguments = [&["serve"], &options[..], &["files=tcp://127.0.0.1:0"]].concat();
        let server = at_home(folder.path(), &arguments);
        let mut command = Command::new("strace");
        command
            .args(["-f", "--seccomp-bpf", "-y", "-s", "24", "-o", &trace, "-e", calls])
            .arg(server.get_program())
            .args(server.get_args())
            .envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdin(Stdio::null())
            .stdout(File::create(file("out")).expect("the folder is ours"));
        let strace = Background(command.spawn().expect("strace starts"));
        let mut place = None;
        wait_until("it listens", || {
            let log = fs::read_to_string(&log).unwrap_or_default();
            let mut events =
                log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let started = events.find(|event| event["event"] == "started");
            place = started.and_then(|event| Some(event["address"].as_str()?.to_owned()));
            place.is_some()
        });
        let place = place.expect("it has one").trim_start_matches("tcp://").to_owned();
        Self { strace, trace, place }
    }

    /// Stops the server; gives what was traced.
    fn stop(mut self) -> String {
        for server in children(self.strace.0.id()) {
            signal(server, Signal::TERM);
        }
        assert_eq!(wait(&mut self.strace.0).code(), Some(0));
        fs::read_to_string(&self.trace).expect("strace wrote it")
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // A killed strace lets its program run on.
        if matches!(self.strace.0.try_wait(), Ok(None)) {
            for server in children(self.strace.0.id()) {
                signal(server, Signal::KILL);
            }
        }
    }
}

/// A call that succeeded.
#[derive(Debug)]
struct Call<'a> {
    name: &'a str,
    arguments: String,
    /// The lines of the trace on which it began and returned.
    began: usize,
    returned: usize,
}

impl Call<'_> {
    /// The paths that strace shows for descriptors, in order: `7</path>` or `7</path>(deleted)`.
    fn paths(&self) -> Vec<&str> {
        let parts = self.arguments.split('<').skip(1);
        parts.filter_map(|part| part.split('>').next()).collect()
    }

    /// The last text in quotes: the name that something gets.
    fn last_text(&self) -> Option<&str> {
        self.arguments.rsplit('"').nth(1)
    }

    fn is_sync(&self) -> bool {
        ["fsync", "fdatasync", "syncfs"].contains(&self.name)
    }

    fn is_publish(&self) -> bool {
        ["linkat", "renameat2"].contains(&self.name)
    }

    fn is_receipt(&self) -> bool {
        ["write", "sendto", "sendmsg", "writev"].contains(&self.name)
            && self.arguments.contains("\"201 size=")
    }
}

/// The successful calls of a trace, in the order in which they began.
fn calls(trace: &str) -> Vec<Call<'_>> {
    let mut unfinished: HashMap<&str, (usize, &str)> = HashMap::new();
    let mut calls = Vec::new();
    for (number, line) in trace.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(head) = rest.strip_suffix(" <unfinished ...>") {
            unfinished.insert(thread, (number, head));
            continue;
        }
        let (began, head, tail) = match rest.strip_prefix("<... ") {
            Some(tail) => {
                let (began, head) = unfinished.remove(thread).expect("it began");
                (began, head, tail.split_once(" resumed>").map_or("", |(_, tail)| tail))
            }
            None => (number, rest, ""),
        };
        let whole = format!("{head}{tail}");
        let Some((arguments, result)) = whole.rsplit_once(" = ") else { continue };
        let Some((name, _)) = head.split_once('(') else { continue };
        if !result.starts_with('-') {
            let arguments = arguments.to_owned();
            calls.push(Call { name, arguments, began, returned: number });
        }
    }
    calls.sort_by_key(|call| call.began);
    calls
}

/// Where the calls for one upload stand, and what they must be: data, name, folders, receipt.
fn assert_order(calls: &[Call<'_>], root: &str, name: &str) {
    let (folder, base) = name.rsplit_once('/').expect("it has a folder");
    let folder = format!("{root}/{folder}");
    let publish = calls.iter().find(|call| call.is_publish() && call.last_text() == Some(base));
    let publish = publish.unwrap_or_else(|| panic!("{name} was not published: {calls:#?}"));
    let receipt = calls.last().expect("there is one");
    let is_data = |call: &&Call<'_>| {
        let file = call
            .paths()
            .first()
            .is_some_and(|path| path.contains("/#") || path.contains("/.colok/partial/"));
        call.is_sync() && (call.name == "syncfs" || file) && call.returned < publish.began
    };
    assert!(calls.iter().any(|call| is_data(&call)), "{name}: no data sync: {calls:#?}");
    let synced = |directory: &str, since: usize| {
        let is_it = |call: &&Call<'_>| {
            let here = call.paths().first().is_some_and(|path| *path == directory);
            call.is_sync() && (here || call.name == "syncfs")
        };
        let mut found = calls.iter().filter(is_it);
        found.any(|call| call.began > since && call.returned < receipt.began)
    };
    assert!(synced(&folder, publish.returned), "{name}: {folder} not synced: {calls:#?}");
    for made in calls.iter().filter(|call| call.name == "mkdirat") {
        let parent = made.paths()[0];
        // Not its own folders, which it made when it started.
        let is_ours = parent.starts_with(root) && made.last_text() != Some(".colok");
        if !is_ours || parent.contains("/.colok") {
            continue;
        }
        assert!(synced(parent, made.returned), "{name}: {parent} not synced: {calls:#?}");
    }
}

#[test]
fn a_receipt_leaves_when_everything_is_on_the_disk() {
    if let Some(reason) = no_strace() {
        println!("skipped: {reason}");
        return;
    }
    each_of(&["threads", "events"], |model| {
        let folder = Folder::on_disk();
        let uploads = daily_or_full(60, 1000);
        let server = Traced::start(&folder, model, CALLS);
        let mut wire = Wire::connect(&server.place);
        // New folders come in between: every upload in d0/e0, d0/e1, d1/e0...
        let names: Vec<_> = (0..uploads)
            .map(|number| format!("d{}/e{}/file-{number}", number / 20, number / 10 % 2))
            .collect();
        for (number, name) in names.iter().enumerate() {
            let bytes = noise(number as u64, 1000 + number);
            let answer = match number % 3 {
                0 => wire.put(name, &bytes, ""),
                1 => wire.put(name, &bytes, &format!("upload=traced-upload-{number:05}")),
                _ => {
                    wire.push(name, &bytes, "");
                    wire.answer()
                }
            };
            assert_eq!(answer.code, 201, "{model}: {}", answer.line);
            assert_eq!(answer.field("durability"), Some("full"), "{model}");
        }
        drop(wire);
        let trace = server.stop();
        let calls = calls(&trace);
        let root = folder.file(&format!("{model}.store"));
        let root = fs::canonicalize(root).expect("it is there");
        let root = root.to_str().expect("it is text");
        let mut rest = &calls[..];
        for name in &names {
            let end = rest.iter().position(Call::is_receipt).expect("there is a receipt");
            assert_order(&rest[..=end], root, name);
            rest = &rest[end + 1..];
        }
        assert!(!rest.iter().any(Call::is_receipt), "{model}: more receipts than uploads");
        println!("{model}: the order holds for {uploads} uploads, {} calls", calls.len());
    });
}

/// Clients that push at the same time, and how many pushes each has on the way.
const CLIENTS: usize = 64;
const ON_THE_WAY: usize = 100;

#[test]
fn many_small_files_share_their_syncs() {
    let folder = Folder::on_disk();
    if let Some(reason) = no_strace().or_else(|| no_disk(folder.path())) {
        println!("skipped: {reason}");
        return;
    }
    // One after the other: each has the disk for itself.
    for &model in daily_or_full(&["threads"][..], &["threads", "events", "processes"]) {
        let files = daily_or_full(48, 1000);
        let server = Traced::start(&folder, model, "trace=fsync,fdatasync,syncfs");
        let start = Together::new(CLIENTS);
        thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (place, start) = (&server.place, &start);
                scope.spawn(move || push_files(place, client, files, start));
            }
        });
        let trace = server.stop();
        let syncs = calls(&trace).len();
        let stored = CLIENTS * files;
        println!("{model}: {stored} files, {syncs} syncs, one for {}", stored / syncs.max(1));
        assert!(syncs > 0, "{model}: nothing was synced");
        assert!(syncs * 8 <= stored, "{model}: {syncs} syncs for {stored} files");
    }
}

/// Pushes so many files of 4 KiB, with at most [`ON_THE_WAY`] without an answer.
fn push_files(place: &str, client: usize, files: usize, start: &Together) {
    let mut wire = Wire::connect(place);
    let mut bytes = noise(client as u64, 4096);
    start.wait();
    for number in 0..files + ON_THE_WAY {
        if number < files {
            bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
            wire.push(&format!("client-{client}/file-{number}"), &bytes, "");
        }
        if (ON_THE_WAY..files + ON_THE_WAY).contains(&number) {
            let answer = wire.answer();
            assert_eq!(answer.code, 201, "client {client}: {}", answer.line);
        }
    }
}
