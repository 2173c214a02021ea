//! What the interop tests share: our server with every service and transport, their programs in
//! the background, ports, a folder of one's own. Everything is ended when it is dropped.

use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use crate::common::{Output, PATIENCE, Serving, finish, wait};

/// The models that every client of others is tried on, where they can run; one test body covers all
/// of them elsewhere.
pub(crate) const MODELS: [&str; 3] = ["events", "threads", "uring"];

/// How long our client tries to reach a server of others that is still starting.
pub(crate) const RETRY: &str = "--retry=30s";

/// Whether a program is here; says so when it is not.
pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let here = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !here {
        println!("skipped: {program} is not installed");
    }
    here
}

/// A number that no other test of this run and, most likely, no other run uses.
fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A port that was free a moment ago, below those that the system gives to outgoing connections.
pub(crate) fn free_port() -> u16 {
    loop {
        let number = std::process::id().wrapping_mul(37).wrapping_add(unique()) % 10_000;
        let port = u16::try_from(20_000 + number).expect("it is below 30 000");
        let tcp = std::net::TcpListener::bind(("127.0.0.1", port));
        let udp = std::net::UdpSocket::bind(("127.0.0.1", port));
        if tcp.is_ok() && udp.is_ok() {
            return port;
        }
    }
}

/// Waits until a UDP socket is bound to this port: a datagram sent before that is lost.
pub(crate) fn wait_for_udp(port: u16) {
    let bound = format!(":{port:04X} ");
    let start = Instant::now();
    loop {
        let table = std::fs::read_to_string("/proc/net/udp").expect("Linux has it");
        if table.lines().any(|line| line.contains(&bound)) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "nothing is bound to the UDP port {port}");
        thread::park_timeout(std::time::Duration::from_millis(5));
    }
}

/// A folder that only we may enter and that is gone afterwards.
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let name = format!("colok-interop-{}-{}", std::process::id(), unique());
        let path = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&path).expect("the folder is new");
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it, as text.
    pub(crate) fn file(&self, name: &str) -> String {
        self.path.join(name).to_str().expect("it is text").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Our server with `echo` and `count` on TCP (both families), UDP and Unix sockets.
pub(crate) struct Site {
    pub(crate) serving: Serving,
    /// Pairs of a word for command lines and what it stands for.
    words: Vec<(String, String)>,
    _folder: Folder,
}

impl Site {
    /// Starts it and waits until everything listens.
    pub(crate) fn start(model: &str) -> Self {
        let folder = Folder::new();
        let name = format!("colok-interop-{}-{}", std::process::id(), unique());
        let mut services = Vec::new();
        for service in ["echo", "count"] {
            services.push(format!("{service}=tcp://127.0.0.1:0"));
            services.push(format!("{service}=udp://127.0.0.1:0"));
            services.push(format!("{service}=unix://{}", folder.file(service)));
            services.push(format!("{service}=unix:@{name}-{service}"));
            if has_ipv6() {
                services.push(format!("{service}=tcp://[::1]:0"));
            }
        }
        // A busy machine must not make a client idle.
        let mut arguments = vec!["serve", "--log", "json:-", "--model", model];
        arguments.extend(["--idle-timeout", "60s"]);
        arguments.extend(services.iter().map(String::as_str));
        let serving = Serving::plain(&arguments);
        let words = services.iter().map(|_| word(&serving.event("started"))).collect();
        Self { serving, words, _folder: folder }
    }

    /// Replaces words like `ECHO_TCP` (the port) and `COUNT_UNIX` (the path) in a command line.
    pub(crate) fn fill(&self, words: &str) -> Vec<String> {
        let replace = |text: String, (word, value): &(String, String)| text.replace(word, value);
        words.split(' ').map(|word| self.words.iter().fold(word.to_owned(), replace)).collect()
    }

    /// Runs a client of others to its end with this input, which ends after it.
    pub(crate) fn talk(&self, words: &str, input: &[u8]) -> Output {
        finish(program(&self.fill(words)), input)
    }

    /// Like [`Self::talk`] for datagrams, which may get lost: asks again when nothing came.
    pub(crate) fn talk_datagram(&self, words: &str, input: &[u8]) -> Output {
        let talks = (0..5).map(|_| self.talk(words, input));
        let mut last = None;
        for output in talks {
            if !output.out.is_empty() {
                return output;
            }
            last = Some(output);
        }
        last.expect("there were tries")
    }
}

/// The word for the address of a `started` event, and what it stands for.
fn word(event: &serde_json::Value) -> (String, String) {
    let text = |name: &str| event[name].as_str().expect("it is text").to_owned();
    let (service, address) = (text("service").to_uppercase(), text("address"));
    let (kind, value) = match address.split_once(':').expect("it is a URL") {
        ("unix", rest) => match rest.strip_prefix('@') {
            Some(name) => ("ABSTRACT", name),
            None => ("UNIX", rest.trim_start_matches("//")),
        },
        ("udp", rest) => ("UDP", after_colon(rest)),
        (_, rest) if rest.contains('[') => ("V6", after_colon(rest)),
        (_, rest) => ("TCP", after_colon(rest)),
    };
    (format!("{service}_{kind}"), value.to_owned())
}

fn after_colon(place: &str) -> &str {
    place.rsplit_once(':').expect("it has a port").1
}

/// Whether this machine has the IPv6 loopback address.
pub(crate) fn has_ipv6() -> bool {
    std::net::TcpListener::bind("[::1]:0").is_ok()
}

/// A command from its words.
pub(crate) fn program<Word: AsRef<OsStr>>(words: &[Word]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env("LC_ALL", "C");
    command
}

/// A program with its output line by line or byte by byte, that is typed to.
pub(crate) struct Typed {
    child: Child,
    stdin: Option<ChildStdin>,
    bytes: Receiver<Vec<u8>>,
    /// All that came so far.
    pub(crate) seen: Vec<u8>,
}

impl Typed {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let stdin = child.stdin.take();
        let mut stdout = child.stdout.take().expect("it is piped");
        let (sender, bytes) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, stdin, bytes, seen: Vec::new() }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("it is open");
        stdin.write_all(bytes).expect("it reads");
        stdin.flush().expect("it reads");
    }

    /// Waits until this has come after all that was waited for before.
    pub(crate) fn wait_for(&mut self, expected: &[u8]) {
        while !self.seen.ends_with(expected) {
            let more = self.bytes.recv_timeout(PATIENCE);
            let seen = String::from_utf8_lossy(&self.seen);
            self.seen.extend(more.unwrap_or_else(|_| panic!("only this came: {seen:?}")));
        }
    }

    /// Ends its input and waits for its end.
    pub(crate) fn end(mut self) {
        drop(self.stdin.take());
        wait(&mut self.child);
    }
}

impl Drop for Typed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server of others.
pub(crate) struct Background {
    child: Child,
}

impl Background {
    /// Starts a program that reads this and then the end of its input.
    pub(crate) fn start(words: &[&str], input: &[u8]) -> Self {
        let mut child = program(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(input).expect("a pipe holds this much");
        Self { child }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server in Python that prints its port first.
pub(crate) struct PythonServer {
    _background: Background,
    pub(crate) port: u16,
}

impl PythonServer {
    pub(crate) fn start(script: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new("python3")
            .args(["-c", script])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it prints a line");
        let port = line.trim().parse().expect("the line is a port");
        Self { _background: Background { child }, port }
    }

    /// `127.0.0.1:port`.
    pub(crate) fn place(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}
