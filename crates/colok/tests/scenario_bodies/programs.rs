//! What scenarios of these tests start as `colok`: this very program, with a verb as its first
//! argument. Each does as little as a test needs; logs are written where `--log` says, line by
//! line, as the real ones are.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::exit;
use std::sync::{Arc, Mutex};

use colok::engine::{Limits, Model};
use colok::net::service_address::{ServiceDefaults, parse_service_address};
use colok::net::url::Url;
use colok::observe::{Event, Record, Tap, now_unix_micros};
use colok::relay::{Relay, RelayOptions};
use colok::server::{Server, Stop};

/// Becomes one of the programs, and never returns, if the first argument is its verb.
pub(crate) fn become_if_asked() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((verb, rest)) = arguments.split_first() else { return };
    match verb.as_str() {
        "serve" => serve(rest),
        "relay" => relay(rest),
        "connect" => connect(rest),
        "listen" => listen(rest),
        "reach" => exit(i32::from(TcpStream::connect((Ipv4Addr::LOCALHOST, port(rest))).is_err())),
        "get" => open_all(rest),
        "stat" => tell(rest),
        "out" => exit(0),
        _ => {}
    }
}

/// The value of a flag.
fn flag<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let place = arguments.iter().position(|argument| argument == name)?;
    Some(&arguments[place + 1])
}

/// The URLs among the arguments, in order.
fn urls(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).filter(|text| text.starts_with("tcp://")).collect()
}

fn port(arguments: &[String]) -> u16 {
    arguments[0].parse().expect("it is a port")
}

/// A log that has every line on disk before anything else happens.
#[derive(Clone)]
struct FileTap(Arc<Mutex<File>>);

impl FileTap {
    fn of(arguments: &[String]) -> Self {
        let log = flag(arguments, "--log").expect("the runner asks for a log");
        let path = log.strip_prefix("json:").expect("it is JSON");
        let path = if path == "-" { "/dev/stdout" } else { path };
        let file = File::options().create(true).append(true).open(path);
        Self(Arc::new(Mutex::new(file.expect("it can be written"))))
    }
}

impl Tap for FileTap {
    const DETAIL: bool = false;

    fn event(&self, event: impl FnOnce() -> Event) {
        self.record(Record { time_unix_us: now_unix_micros(), event: event() });
    }

    fn record(&self, record: Record) {
        let mut line = serde_json::to_vec(&record).expect("it is JSON");
        line.push(b'\n');
        self.0.lock().expect("nobody panicked").write_all(&line).expect("it can be written");
    }
}

/// An echo server.
fn serve(arguments: &[String]) {
    assert!(arguments.iter().any(|argument| argument == "--log-hashes"), "{arguments:?}");
    let tap = FileTap::of(arguments);
    let address = format!("echo={}", urls(arguments)[0]);
    let addresses = parse_service_address(&address, ServiceDefaults::default());
    let addresses = addresses.expect("it is a service");
    let limits = Limits::default();
    let server = Server::bind(&addresses, Model::Threads, limits, None, &tap).expect("it is free");
    let stop = Stop::new().expect("there is a descriptor");
    server.run(&stop, &tap).expect("it serves");
    exit(0);
}

/// A relay, with its control socket. It does not survive SIGTERM, so it never says `stopped`.
fn relay(arguments: &[String]) {
    let tap = FileTap::of(arguments);
    let urls: Vec<Url> = urls(arguments).iter().map(|url| url.parse().expect("a URL")).collect();
    let faults = arguments.windows(2).filter(|pair| pair[0] == "--fault");
    let options = RelayOptions {
        listen: urls[0].clone(),
        target: urls[1].clone(),
        faults: faults.map(|pair| pair[1].parse().expect("it is a fault")).collect(),
        seed: flag(arguments, "--seed").and_then(|seed| seed.parse().ok()).expect("it has a seed"),
        control: flag(arguments, "--control").map(|url| url.parse().expect("it is a URL")),
        hashes: false,
    };
    let relay = Relay::bind(options, &tap).expect("it can be bound");
    let stop = Stop::new().expect("there is a descriptor");
    relay.run(&stop, &tap).expect("it relays");
    exit(0);
}

/// Sends its input, ends its sending, and writes what comes back.
fn connect(arguments: &[String]) {
    let address = urls(arguments)[0].trim_start_matches("tcp://");
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input).expect("there is an input");
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    let _ = stream.write_all(&input);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    std::io::stdout().write_all(&answer).expect("there is an output");
    exit(0);
}

/// Listens, and stays.
fn listen(arguments: &[String]) {
    let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port(arguments))).expect("it is free");
    loop {
        std::thread::park();
    }
}

/// Opens descriptors until it is refused one, tells that in its log, and exits with the number of
/// the error.
fn open_all(arguments: &[String]) {
    let tap = FileTap::of(arguments);
    let mut open = Vec::new();
    let errno = loop {
        match File::open("/dev/null") {
            Ok(file) => open.push(file),
            Err(error) => break error.raw_os_error().unwrap_or_default(),
        }
        assert!(open.len() < 1000, "there is no limit");
    };
    tap.event(|| Event::Paused { address: String::new(), errno });
    exit(errno);
}

/// Tells one event; with `full`, that its log had no room for others.
fn tell(arguments: &[String]) {
    let full = arguments.iter().any(|argument| argument == "full");
    FileTap::of(arguments).event(|| {
        if full { Event::Dropped { records: 7 } } else { Event::Resumed { address: String::new() } }
    });
    exit(0);
}
