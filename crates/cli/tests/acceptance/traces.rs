//! `--calls` beside `strace` of the same run: the same calls with the same results, in the same
//! order, on every socket.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::common::{finish, wait};
use crate::support::{
    Folder, children, connect, connect_udp, each_of, place_of, receive_once, signal, wait_until,
};

/// A call as both tell it: its name, the descriptor it was made on, and what came of it: a number
/// or the name of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    name: String,
    descriptor: Option<i32>,
    result: String,
}

/// Why the comparison cannot be made here; `None` when it can.
fn no_strace() -> Option<String> {
    let mut strace = Command::new("strace");
    match strace.args(["-o", "/dev/null", "true"]).output() {
        Err(_) => Some("strace is not installed".to_owned()),
        Ok(output) if output.status.success() => None,
        Ok(_) => Some("tracing is not allowed here".to_owned()),
    }
}

/// `strace` of `colok` with these arguments.
fn strace(trace: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("strace");
    command
        .args(["-f", "-s", "0", "-o", trace, "-e", "trace=network,read,write,close"])
        .arg(env!("CARGO_BIN_EXE_colok"))
        .args(arguments)
        .env("LC_ALL", "C");
    command
}

/// The calls on internet sockets that strace saw, in the order in which they returned.
fn traced(file: &str) -> Vec<Call> {
    let text = fs::read_to_string(file).expect("strace wrote it");
    let mut unfinished: BTreeMap<&str, &str> = BTreeMap::new();
    let mut sockets = HashSet::new();
    let mut calls = Vec::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        let (head, tail) = if let Some(head) = rest.strip_suffix(" <unfinished ...>") {
            unfinished.insert(thread, head);
            continue;
        } else if rest.starts_with("<... ") {
            (unfinished.remove(thread).expect("it began"), rest)
        } else {
            (rest, rest)
        };
        // Signals and exits are no calls.
        let (Some((name, arguments)), Some((_, result))) =
            (head.split_once('('), tail.rsplit_once(" = "))
        else {
            continue;
        };
        if let Some(call) = of_socket(name, arguments, result, &mut sockets) {
            calls.push(call);
        }
    }
    calls
}

/// The call, if it was made on an internet socket or made one; keeps count of which are.
fn of_socket(
    name: &str,
    arguments: &str,
    result: &str,
    sockets: &mut HashSet<i32>,
) -> Option<Call> {
    let result = outcome(result);
    if name == "socket" {
        if !arguments.starts_with("AF_INET") {
            return None;
        }
        sockets.extend(result.parse::<i32>());
        return Some(Call { name: name.to_owned(), descriptor: None, result });
    }
    let first = arguments.split([',', ')']).next()?;
    let descriptor: i32 = first.trim().parse().ok()?;
    if !sockets.contains(&descriptor) {
        return None;
    }
    match name {
        "accept4" => sockets.extend(result.parse::<i32>()),
        "close" => drop(sockets.remove(&descriptor)),
        _ => {}
    }
    Some(Call { name: name.to_owned(), descriptor: Some(descriptor), result })
}

/// `-1 EAGAIN (Resource temporarily unavailable)` is `EAGAIN`; a number is itself.
fn outcome(result: &str) -> String {
    let mut words = result.split_whitespace();
    let first = words.next().unwrap_or_default();
    if first == "-1" { words.next().unwrap_or_default().to_owned() } else { first.to_owned() }
}

/// A line of `--calls`: `name(descriptor, ...) = result (time)`; other lines are none.
fn told(line: &str) -> Option<Call> {
    let (head, result) = line.rsplit_once(") = ")?;
    let (name, arguments) = head.split_once('(')?;
    // The server's lines begin with the time.
    let name = name.rsplit(' ').next()?;
    let first = arguments.split(',').next()?;
    // The one call that shows no descriptor; and this one is no system call.
    let descriptor = if name == "connect" { None } else { first.trim().parse().ok() };
    let call = Call { name: name.to_owned(), descriptor, result: outcome(result) };
    (name != "getaddrinfo").then_some(call)
}

/// Calls by the descriptor they were made on.
fn by_descriptor(calls: Vec<Call>) -> BTreeMap<Option<i32>, Vec<Call>> {
    let mut sorted: BTreeMap<_, Vec<Call>> = BTreeMap::new();
    for call in calls {
        sorted.entry(call.descriptor).or_default().push(call);
    }
    sorted
}

/// A server under strace, with its calls in one file and its JSON log in another.
struct Traced {
    strace: Child,
    trace: String,
    output: String,
    log: String,
    addresses: Vec<String>,
}

impl Traced {
    fn start(model: &str, folder: &Folder) -> Self {
        let file = |kind: &str| folder.file(&format!("{model}.{kind}"));
        let (trace, output, log) = (file("strace"), file("out"), file("json"));
        let json = format!("json:{log}");
        let services = ["echo=tcp://127.0.0.1:0", "count=udp://127.0.0.1:0"];
        let options = ["serve", "--calls", "--model", model, "--log", &json];
        let strace = strace(&trace, &[&options[..], &services].concat())
            .stdin(Stdio::null())
            .stdout(File::create(&output).expect("the folder is ours"))
            .spawn()
            .expect("strace starts");
        let mut server = Self { strace, trace, output, log, addresses: Vec::new() };
        wait_until("it listens", || {
            let started = server.events("started");
            let address = |event: &Value| event["address"].as_str().expect("it is text").to_owned();
            server.addresses = started.iter().map(address).collect();
            server.addresses.len() == services.len()
        });
        server
    }

    fn events(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|event| event["event"] == name).collect()
    }

    /// Waits until so many sockets were closed: their descriptors are used again, and only then
    /// is the order between threads certain.
    fn wait_for_closes(&self, count: usize) {
        wait_until("the connections are closed", || {
            self.events("call").iter().filter(|event| event["call"] == "close").count() == count
        });
    }

    /// Stops the server and waits for its end.
    fn stop(&mut self) {
        for server in children(self.strace.id()) {
            signal(server, Signal::TERM);
        }
        assert_eq!(wait(&mut self.strace).code(), Some(0));
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if matches!(self.strace.try_wait(), Ok(None)) {
            for server in children(self.strace.id()) {
                signal(server, Signal::KILL);
            }
            let _ = self.strace.wait();
        }
    }
}

#[test]
fn the_calls_of_the_server_are_those_that_strace_sees() {
    if let Some(reason) = no_strace() {
        println!("skipped: {reason}");
        return;
    }
    let folder = Folder::new();
    each_of(&["sequential", "threads"], |model| {
        let mut server = Traced::start(model, &folder);
        let tcp = place_of(&server.addresses[0]).to_owned();
        let udp = place_of(&server.addresses[1]).to_owned();
        let at_once = if model == "sequential" { 1 } else { 3 };
        for batch in 1..=3 {
            let mut clients: Vec<_> = (0..at_once).map(|_| connect(&tcp)).collect();
            for client in &mut clients {
                for message in ["hello\n", "a longer message\n", "no newline"] {
                    client.write_all(message.as_bytes()).expect("it is taken");
                    assert_eq!(receive_once(client), message.as_bytes());
                }
            }
            for (number, client) in clients.iter_mut().enumerate() {
                match number {
                    0 => client.write_all(b"\nquit\n").expect("it is taken"),
                    _ => client.shutdown(Shutdown::Write).expect("it is connected"),
                }
                client.read_to_end(&mut Vec::new()).expect("it ends");
            }
            drop(clients);
            server.wait_for_closes(batch * at_once);
            let client = connect_udp(&udp);
            client.send(b"Handy Arfiano Hastyawan").expect("it is taken");
            assert_eq!(client.recv(&mut [0; 64]).expect("it answers"), 46);
        }
        server.stop();
        let output = fs::read_to_string(&server.output).expect("it is ours");
        let ours = by_descriptor(output.lines().filter_map(told).collect());
        let theirs = by_descriptor(traced(&server.trace));
        let count: usize = ours.values().map(Vec::len).sum();
        println!("{model}: {count} calls on {} descriptors", ours.len());
        assert!(count > 50, "{model}: only {count} calls");
        for descriptor in ours.keys().chain(theirs.keys()) {
            assert_eq!(ours.get(descriptor), theirs.get(descriptor), "{model}: {descriptor:?}");
        }
    });
}

#[test]
fn the_calls_of_the_client_are_those_that_strace_sees() {
    if let Some(reason) = no_strace() {
        println!("skipped: {reason}");
        return;
    }
    let folder = Folder::new();
    let services = ["echo=tcp://127.0.0.1:0", "count=udp://127.0.0.1:0"];
    let serving = crate::common::Serving::start(&services, 2);
    // The last is a port of an address that nobody listens on.
    let urls = [&serving.addresses[0], &serving.addresses[1], &"tcp://127.9.9.9:5001".to_owned()];
    for (number, url) in urls.into_iter().enumerate() {
        let trace = folder.file(&format!("client{number}.strace"));
        let wait: &[&str] = if url.starts_with("udp:") { &["--wait", "100ms"] } else { &[] };
        let command = strace(&trace, &[&["connect", "--calls", url][..], wait].concat());
        let output = finish(command, b"hello\nyou\n");
        assert_eq!(output.code, Some(i32::from(number == 2)), "{}", output.err);
        // One socket: the whole sequence is compared.
        let mut theirs = traced(&trace);
        for call in theirs.iter_mut().filter(|call| call.name == "connect") {
            call.descriptor = None;
        }
        let ours: Vec<Call> = output.err.lines().filter_map(told).collect();
        println!("{url}: {} calls", ours.len());
        assert!(ours.iter().any(|call| call.name == "connect"), "{}", output.err);
        assert_eq!(ours, theirs, "{url}");
    }
}
