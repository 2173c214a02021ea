//! What the verbs about files tell programs, whatever goes wrong: every line of `--json` is an
//! object, the last one says how it ended, and what was found before is not lost.

mod common;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use common::{Output, Serving, colok, command, finish, wait};
use rustix::process::{Pid, Signal};
use serde_json::Value;

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("colok-file-events-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("it is text").to_owned()
    }

    fn write(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        std::fs::write(Path::new(&path), content).expect("a file can be written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A port that nobody listens on: it was just given back.
fn dead_place() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    listener.local_addr().expect("it is bound").to_string()
}

fn events(output: &Output) -> Vec<Value> {
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    output.text().lines().map(read).collect()
}

/// The last two events are these: what ended it, and the end.
fn ended(output: &Output, reason: &str, path: Option<&str>, exit: i32) {
    assert_eq!(output.code, Some(exit), "{}", output.err);
    assert!(output.err.starts_with("colok: "), "{}", output.err);
    let events = events(output);
    let [.., failed, done] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&failed["event"], &failed["name"]), (&"failed".into(), &Value::Null));
    assert_eq!((&failed["reason"], failed["path"].as_str()), (&reason.into(), path));
    assert_eq!((&done["event"], &done["exit"]), (&"done".into(), &exit.into()));
}

#[test]
fn what_ends_everything_is_an_event_too() {
    let folder = Folder::new("ends");
    let (here, gone, place) = (folder.write("here", "here"), folder.path("gone"), dead_place());
    let send = colok(&["send", "--json", &place, &here]);
    ended(&send, "connection", None, 1);
    assert_eq!(events(&send).last().map(|done| done["failed"].clone()), Some(1.into()));
    ended(&colok(&["get", "--json", &place, "x", "-o", &gone]), "connection", None, 1);
    ended(&colok(&["send", "--json", &place, &gone]), "local-file", Some(&gone), 1);
    ended(&colok(&["get", "--json", &place, "x", "-o", &here]), "exists", Some(&here), 3);

    let silent = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let place = silent.local_addr().expect("it is bound").to_string();
    let send = colok(&["send", "--json", "--deadline", "200ms", &place, &here]);
    ended(&send, "time-ran-out", None, 4);
}

#[test]
fn what_was_verified_is_shown_when_the_next_server_is_gone() {
    let folder = Folder::new("verify");
    let root = folder.path("store");
    let server = Serving::start(&["files=tcp://127.0.0.1:0", "--root", &root], 1);
    let (file, receipts) = (folder.write("file", "content"), folder.path("receipts"));
    assert_eq!(colok(&["send", server.place(), &file, "--receipt", &receipts]).code, Some(0));
    let there = std::fs::read_to_string(&receipts).expect("it was kept");
    let elsewhere = there.replace(server.place(), &dead_place());
    assert_ne!(there, elsewhere);
    let both = folder.write("both", &format!("{there}{elsewhere}"));

    let verify = colok(&["verify", &both]);
    assert_eq!(verify.code, Some(1));
    assert!(verify.text().starts_with("file: whole, 7 B"), "{}", verify.text());
    assert_eq!(verify.text().lines().count(), 1, "no summary of what was not looked at");
    assert!(verify.err.contains("Connection refused"), "{}", verify.err);
    let verify = colok(&["verify", "--json", &both]);
    let verdicts: Vec<_> = events(&verify).iter().map(|one| one["verdict"].clone()).collect();
    assert_eq!(verdicts, ["whole"]);
}

#[test]
fn a_receipt_never_replaces_the_file_that_it_is_for() {
    let folder = Folder::new("receipt");
    let file = folder.write("file", "precious");
    let sent = colok(&["send", &dead_place(), &file, "--receipt", &file]);
    assert_eq!(sent.code, Some(2));
    assert!(sent.err.contains("its receipt would replace it"), "{}", sent.err);
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "precious");
}

#[test]
fn without_standard_input_nothing_is_sent() {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "exec \"$0\" send \"$1\" - --name x <&-"]);
    shell
        .args([env!("CARGO_BIN_EXE_colok"), &dead_place()])
        .env_remove("COLOK_LANG")
        .env("LC_ALL", "C");
    let sent = finish(shell, b"");
    assert_eq!(sent.code, Some(1));
    assert!(sent.err.starts_with("colok: read stdin: Bad file descriptor\n"), "{}", sent.err);
}

/// Whether a process has a handler for SIGINT, as the kernel tells it.
fn heeds_interrupts(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (Signal::INT.as_raw() - 1)) != 0)
}

#[test]
fn one_interrupt_ends_what_cannot_be_interrupted() {
    let folder = Folder::new("interrupt");
    let (file, pipe) = (folder.write("file", "content"), folder.path("pipe"));
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).expect("a pipe can be made");
    // Nobody will ever read the pipe, so opening it has no end.
    let arguments = ["send", &dead_place(), &file, "--receipt", &pipe];
    let mut child = command(&arguments).stderr(Stdio::piped()).spawn().expect("the program starts");
    while !heeds_interrupts(child.id()) {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("it has a pid");
    rustix::process::kill_process(pid, Signal::INT).expect("it runs");
    assert_eq!(wait(&mut child).code(), Some(130));
    let told = std::io::read_to_string(child.stderr.take().expect("it is piped"));
    assert!(told.expect("errors are text").starts_with("colok: interrupted\n"));
}
