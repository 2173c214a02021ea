//! Running `colok` in tests: with a bound on every wait, on ports that the system chooses.
#![allow(dead_code, reason = "each test file uses its own part of this one")]

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use colok::Error;
use colok::engine::Model;
use colok::net::service_address::{ServiceDefaults, parse_service_address};
use colok::observe::NoTap;
use colok::server::{Limits, Server, Stop};
use rustix::process::{Pid, Signal};
use serde_json::Value;

/// How long anything may take; a busy machine needs a fraction of it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Those of these models that this system can run; says which it cannot. Names of other things are
/// left as they are.
pub(crate) fn runnable(models: &[&'static str]) -> Vec<&'static str> {
    static NO_RING: OnceLock<Option<String>> = OnceLock::new();
    let is_runnable = |model: &&'static str| {
        let reason =
            (*model == "uring").then(|| NO_RING.get_or_init(why_no_ring).as_ref()).flatten();
        if let Some(reason) = reason {
            println!("skipped: {model}: {reason}");
        }
        reason.is_none()
    };
    models.iter().copied().filter(is_runnable).collect()
}

/// Why there is no `io_uring` here; `None` where there is. A server that is stopped before it
/// starts makes its ring all the same.
fn why_no_ring() -> Option<String> {
    let name = format!("echo=unix:@colok-ring-{}", std::process::id());
    let address = parse_service_address(&name, ServiceDefaults::default()).expect("an address");
    let limits = Limits { workers: 1, ..Limits::default() };
    let server = Server::bind(&address, Model::Uring, limits, None, &NoTap).expect("nobody has it");
    let stop = Stop::new().expect("a descriptor is left");
    stop.at_once();
    let error = server.run(&stop, &NoTap).err()?;
    assert!(matches!(error, Error::Call { call: "io_uring_setup", .. }), "{error}");
    Some(error.to_string())
}

/// What a program printed and how it ended.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Output {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.out.clone()).expect("the output is text")
    }
}

/// `colok` with these arguments, speaking English, without colours, without a history.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_colok"));
    command.args(arguments).env_remove("COLOK_LANG").env("LC_ALL", "C").env("NO_COLOR", "1");
    command
}

/// Runs `colok` to its end without input.
pub(crate) fn colok(arguments: &[&str]) -> Output {
    colok_with(arguments, b"")
}

/// Runs `colok` to its end, with this input.
pub(crate) fn colok_with(arguments: &[&str], input: &[u8]) -> Output {
    finish(command(arguments), input)
}

/// Runs a command to its end, with this input.
pub(crate) fn finish(mut command: Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let stdin = child.stdin.take().expect("it is piped");
    let writing = write_all(stdin, input.to_vec());
    let output = gather(child);
    writing.join().expect("the writer ends");
    output
}

/// What a program says until it ends.
pub(crate) fn gather(mut child: Child) -> Output {
    let out = collect(child.stdout.take().expect("it is piped"));
    let err = collect(child.stderr.take().expect("it is piped"));
    let status = wait(&mut child);
    let bytes = |receiver: Receiver<Vec<u8>>| receiver.recv_timeout(PATIENCE).expect("it ends");
    let err = String::from_utf8(bytes(err)).expect("errors are text");
    Output { code: status.code(), out: bytes(out), err }
}

/// A program may end before it has read its input; that is not the writer's fault.
fn write_all(mut stdin: ChildStdin, input: Vec<u8>) -> thread::JoinHandle<()> {
    thread::spawn(move || drop(stdin.write_all(&input)))
}

fn collect(mut stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("a pipe can be read");
        let _ = sender.send(bytes);
    });
    receiver
}

/// Waits for the end; a program that does not end is killed, and the test fails.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            return status;
        }
        if start.elapsed() > PATIENCE {
            child.kill().expect("it is our child");
            panic!("it did not end within {PATIENCE:?}");
        }
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// A running `colok serve`, with the lines of its standard output. Dropping it stops it.
pub(crate) struct Serving {
    child: Child,
    lines: Receiver<String>,
    /// The addresses that were bound, as URLs, in order.
    pub(crate) addresses: Vec<String>,
}

impl Serving {
    /// Starts `colok serve --log json:-` with these arguments and waits until `listeners`
    /// addresses are bound.
    pub(crate) fn start(arguments: &[&str], listeners: usize) -> Self {
        let all = [&["serve", "--log", "json:-"], arguments].concat();
        let mut serving = Self::plain(&all);
        while serving.addresses.len() < listeners {
            let event = serving.event("started");
            serving.addresses.push(event["address"].as_str().expect("it is text").to_owned());
        }
        serving
    }

    /// The same, with one listener and so many descriptors for each process from the beginning: a
    /// ring that accepts by itself goes by the limit that it began with.
    pub(crate) fn with_descriptors(descriptors: u64, arguments: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_colok"), "serve", "--log", "json:-"]);
        shell.args(arguments).env("LC_ALL", "C");
        let mut serving = Self::spawn(shell);
        let event = serving.event("started");
        serving.addresses.push(event["address"].as_str().expect("it is text").to_owned());
        serving
    }

    /// Starts `colok` with exactly these arguments.
    pub(crate) fn plain(arguments: &[&str]) -> Self {
        Self::spawn(command(arguments))
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines() {
                let line = line.expect("the log is text");
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, addresses: Vec::new() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `host:port` of the first address.
    pub(crate) fn place(&self) -> &str {
        self.addresses[0].split_once("://").expect("it is a URL").1
    }

    /// The next line of standard output.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("there is one more line")
    }

    /// The first line that holds this text.
    pub(crate) fn line_with(&self, text: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// The next event of this name in the JSON log.
    pub(crate) fn event(&self, name: &str) -> Value {
        loop {
            let line = self.line();
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            if event["event"] == name {
                return event;
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        rustix::process::kill_process(pid.expect("it has a pid"), signal).expect("it runs");
    }

    /// Waits for the end; gives the exit code and the lines that were left.
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<String>) {
        let status = wait(&mut self.child);
        (status.code(), self.lines.iter().collect())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
