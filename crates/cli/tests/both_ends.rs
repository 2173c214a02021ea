//! Both ends of a connection write what they did, and it is the same: addresses, bytes, hashes.
//! Every event and field of either log is in `docs/log.md`.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{PATIENCE, Serving, colok, colok_with, runnable};
use serde_json::Value;

/// A folder of a test, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("colok-both-ends-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// The events of a log in it, up to the last whole line.
    fn events(&self, name: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path(name)).expect("the log is there");
        let event = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(event).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn named<'e>(events: &'e [Value], name: &str) -> Vec<&'e Value> {
    events.iter().filter(|event| event["event"] == name).collect()
}

/// What two ends must agree on: what one sent is what the other received.
fn check_both(client: &Value, server: &Value) {
    for (one, other) in [
        ("local", "remote"),
        ("remote", "local"),
        ("bytes_sent", "bytes_received"),
        ("bytes_received", "bytes_sent"),
        ("sent_blake3", "received_blake3"),
        ("received_blake3", "sent_blake3"),
    ] {
        assert_eq!(client[one], server[other], "{client}\n{server}");
        assert!(!client[one].is_null(), "{one}: {client}");
    }
}

const MODELS: [&str; 5] = ["sequential", "threads", "events", "processes", "uring"];

#[test]
fn both_ends_agree_in_every_model() {
    for model in runnable(&MODELS) {
        let arguments = ["--log-hashes", "--model", model, "echo=tcp://127.0.0.1:0?quit=off"];
        let serving = Serving::start(&arguments, 1);
        let folder = Folder::new();
        let log = format!("json:{}", folder.path("client"));
        let script = ["connect", serving.place(), "--log", &log, "-s", "hi\\n", "-e", "hi\\n"];
        assert_eq!(colok(&script).code, Some(0), "{model}");
        let server = serving.event("closed");
        let events = folder.events("client");
        check_both(named(&events, "closed")[0], &server);
        // So much is not seen in one piece by either end.
        let much = noise(3_000_000);
        let piped = colok_with(&["connect", serving.place(), "--log", &log], &much);
        assert!(piped.out == much, "{model}");
        let server = serving.event("closed");
        let events = folder.events("client");
        let closed = named(&events, "closed");
        check_both(closed[1], &server);
        assert_eq!(closed[1]["sent_blake3"], blake3::hash(&much).to_string());
    }
}

#[test]
fn files_are_hashed_on_both_ends_also_where_nobody_would_see_them() {
    for model in runnable(&MODELS) {
        let folder = Folder::new();
        let root = folder.path("store");
        let arguments =
            ["--log-hashes", "--model", model, "--root", &root, "files=tcp://127.0.0.1:0"];
        let serving = Serving::start(&arguments, 1);
        let file = folder.path("file");
        std::fs::write(&file, noise(2_000_000)).expect("a file can be made");
        let log = format!("json:{}", folder.path("client"));
        let place = serving.place();
        let got = folder.path("got");
        for arguments in [
            &["send", place, &file, "--log", &log][..],
            &["get", place, "file", "-o", &got, "--log", &log],
            &["list", place, "--log", &log],
            &["stat", place, "file", "--log", &log],
        ] {
            let done = colok(arguments);
            assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{arguments:?}");
            let events = folder.events("client");
            let closed = named(&events, "closed");
            check_both(closed.last().expect("it is over"), &serving.event("closed"));
        }
        assert_eq!(std::fs::read(&got).expect("it was got"), noise(2_000_000));
    }
}

#[test]
fn without_the_flag_a_server_hashes_nothing() {
    let serving = Serving::start(&["echo=tcp://127.0.0.1:0"], 1);
    assert_eq!(colok_with(&["connect", serving.place()], b"hello").code, Some(0));
    let closed = serving.event("closed");
    assert_eq!(closed["bytes_received"], 5);
    assert!(closed.get("received_blake3").is_none() && closed.get("sent_blake3").is_none());
    let useless = colok(&["serve", "echo=tcp://127.0.0.1:0", "--log-hashes"]);
    assert_eq!(useless.code, Some(2));
    assert!(useless.err.contains("why: it adds hashes to the JSON log"), "{}", useless.err);
}

#[test]
fn datagrams_and_unix_sockets_are_told_too() {
    let folder = Folder::new();
    let unix = format!("echo=unix:{}", folder.path("socket"));
    let arguments = ["--log-hashes", "count=udp://127.0.0.1:0", &unix];
    let serving = Serving::start(&arguments, 2);
    let log = format!("json:{}", folder.path("client"));
    for url in &serving.addresses {
        let talk = colok(&["connect", url, "--log", &log, "-s", "hi\\n", "-e", "?"]);
        assert_eq!((talk.code, talk.err.as_str()), (Some(0), ""), "{url}");
    }
    let events = folder.events("client");
    let closed = named(&events, "closed");
    assert_eq!(
        (closed[0]["reason"].as_str(), closed[0]["bytes_sent"].as_u64()),
        (Some("closed-by-us"), Some(3))
    );
    check_both(closed[1], &serving.event("closed"));
    assert_eq!(named(&events, "answered").len(), 2);
}

#[test]
fn what_fails_is_told_by_its_name_and_calls_are_too() {
    let folder = Folder::new();
    let log = format!("json:{}", folder.path("client"));
    let refused = colok(&["connect", "127.9.8.7:5001", "--log", &log, "--calls"]);
    assert_eq!(refused.code, Some(1));
    let events = folder.events("client");
    let failed = named(&events, "failed");
    assert_eq!(failed[0]["error"], "ECONNREFUSED");
    assert_eq!(failed[0]["call"], "connect");
    assert_eq!(failed[0]["address"], "127.9.8.7:5001");
    let calls = named(&events, "call");
    assert!(calls.iter().any(|call| call["errno"] == failed[0]["errno"]), "{events:#?}");
    // Nobody is told of what is only between our threads.
    assert!(named(&events, "notice").is_empty());
    let unknown = colok(&["connect", "no-such-host.invalid:1", "--log", &log]);
    assert_eq!(unknown.code, Some(1));
    let events = folder.events("client");
    assert_eq!(named(&events, "failed")[1]["call"], "getaddrinfo");
}

#[test]
fn a_log_that_cannot_be_written_stops_everything_before_it_begins() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback can be bound");
    listener.set_nonblocking(true).expect("it is a socket");
    let place = listener.local_addr().expect("it is bound").to_string();
    let log = "json:/no-such-folder/log";
    for arguments in [
        &["connect", &place, "--log", log][..],
        &["send", &place, "/dev/null", "--log", log],
        &["get", &place, "x", "--log", log],
        &["list", &place, "--log", log],
        &["stat", &place, "x", "--log", log],
    ] {
        let failed = colok(arguments);
        assert_eq!(failed.code, Some(1), "{arguments:?}");
        let first = "colok: open /no-such-folder/log: No such file or directory\n";
        assert_eq!(failed.err, first, "{arguments:?}");
    }
    assert!(listener.accept().is_err(), "nobody came");
    let output = colok(&["connect", &place, "--log", "json:-"]);
    assert_eq!(output.code, Some(2));
}

/// The events of `docs/log.md` with the fields that their rows name, and the fields of all.
fn documented() -> (BTreeMap<String, BTreeSet<String>>, BTreeSet<String>) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("docs/log.md")).expect("the document is there");
    let quoted = |text: &str| -> Vec<String> {
        text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let (mut events, mut common) = (BTreeMap::<_, BTreeSet<_>>::new(), BTreeSet::new());
    let mut in_events = false;
    for line in text.lines() {
        in_events |= line.starts_with("| event |");
        let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
        if !line.starts_with("| `") {
            in_events &= line.starts_with('|');
            continue;
        }
        if in_events {
            for name in quoted(cells[0]) {
                events.entry(name).or_default().extend(quoted(cells[2]));
            }
        } else {
            common.extend(quoted(cells[0]));
        }
    }
    (events, common)
}

/// Logs of conversations of many kinds, in this folder: `server` and `client`.
fn have_conversations(folder: &Folder) {
    let (root, log) = (folder.path("store"), format!("json:{}", folder.path("server")));
    let options = ["serve", "--log", &log, "--log-hashes", "--calls", "--root", &root];
    let services = ["files=tcp://127.0.0.1:0", "count=udp://127.0.0.1:0", "echo=tcp://127.0.0.1:0"];
    let serving = Serving::plain(&[&options[..], &services].concat());
    serving.line_with("Ctrl-C stops.");
    let log = format!("json:{}", folder.path("client"));
    // Its lines are written by a thread of their own.
    let since = Instant::now();
    let started = loop {
        let events = folder.events("server");
        if named(&events, "started").len() == services.len() {
            break events;
        }
        assert!(since.elapsed() < PATIENCE, "{events:?}");
        std::thread::park_timeout(Duration::from_millis(5));
    };
    let address = |service: &str| {
        let found = named(&started, "started").into_iter().find(|it| it["service"] == service);
        found.expect("it listens")["address"].as_str().expect("it is text").to_owned()
    };
    let file = folder.path("file");
    std::fs::write(&file, "x").expect("it can be made");
    colok(&["send", &address("files"), &file, "--log", &log]);
    colok(&["get", &address("files"), "file", "-o", &folder.path("got"), "--log", &log]);
    for service in ["echo", "count"] {
        let url = address(service);
        colok(&["connect", &url, "--log", &log, "--calls", "-s", "hi\\n", "-e", "?"]);
    }
    colok(&["connect", "127.9.8.7:5001", "--log", &log]);
    serving.signal(rustix::process::Signal::INT);
    assert_eq!(serving.end().0, Some(0));
}

#[test]
fn everything_that_is_logged_is_documented() {
    let folder = Folder::new();
    have_conversations(&folder);
    let (events, common) = documented();
    let mut seen = BTreeSet::new();
    for event in [folder.events("server"), folder.events("client")].concat() {
        let name = event["event"].as_str().expect("it has a name");
        seen.insert(name.to_owned());
        let fields = events.get(name).unwrap_or_else(|| panic!("{name} is not documented"));
        for field in event.as_object().expect("it is an object").keys() {
            assert!(common.contains(field) || fields.contains(field), "{name}.{field}: {event}");
        }
    }
    let of_server = "accepted closed file message replied started stopped stopping";
    let of_client = "answered call closed connected failed received sent";
    for name in of_server.split(' ').chain(of_client.split(' ')) {
        assert!(seen.contains(name), "{name} was not seen: {seen:?}");
    }
}

/// Bytes that look random and are always the same.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}
