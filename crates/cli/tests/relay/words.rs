//! What `colok relay` understands, and what people read.

use std::io::Write as _;

use rustix::process::Signal;

use crate::common::{Serving, colok};
use crate::support::{echo, patient, read_all};

#[test]
fn what_is_wrong_is_told_before_anything_happens() {
    for (arguments, expected) in [
        (&["relay"][..], "LISTEN"),
        (&["relay", "5002"], "TARGET"),
        (&["relay", "tcp://localhost:0", "udp://localhost:1"], "tcp cannot be relayed to udp"),
        (&["relay", "tcp://localhost:5", "127.0.0.1:5"], "the same address"),
        (&["relay", "unix:a.sock", "unix:a.sock"], "the same address"),
        (&["relay", "localhost", "localhost:1"], "names no port"),
        (&["relay", "0", "1", "--fault", "cutt=1"], "perhaps cut"),
        (&["relay", "0", "1", "--fault", "cut=1 reset=2"], "two faults"),
        (&["relay", "0", "1", "--fault", "lose=1"], "for datagrams"),
        (&["relay", "0", "1", "--control", "tcp://localhost:3"], "unix:"),
        (&["relay", "0", "1", "--log", "x"], "json:FILE"),
        (&["relay", "0", "1", "--seed", "x"], "--seed"),
        (&["relay", "0", "1", "-q", "-v"], "--verbose"),
    ] {
        let output = colok(arguments);
        assert_eq!((output.code, output.text().as_str()), (Some(2), ""), "{arguments:?}");
        assert!(output.err.contains(expected), "{arguments:?}: {}", output.err);
    }
}

#[test]
fn a_target_without_an_address_is_an_error_at_once() {
    let output = colok(&["relay", "tcp://127.0.0.1:0", "no-such-host.invalid:1"]);
    assert_eq!(output.code, Some(1));
    assert!(output.err.contains("getaddrinfo no-such-host.invalid"), "{}", output.err);
}

#[test]
fn people_read_what_listens_where_what_happens_and_what_was_done() {
    let target = echo();
    let fault = "cut=3 direction=down";
    let relay = Serving::plain(&["relay", "tcp://127.0.0.1:0", &target, "-v", "-f", fault]);
    assert_eq!(relay.line(), "colok relays:");
    assert!(relay.line().trim_end().ends_with("target"));
    let row = relay.line();
    let (listen, to) = row.trim().split_once("  ").expect("it has two columns");
    assert_eq!(to.trim(), format!("tcp://{target}"));
    assert_eq!(relay.line(), format!("fault: {fault}"));
    assert_eq!(relay.line(), "Ctrl-C stops.");
    let place = listen.strip_prefix("tcp://").expect("it is a URL");
    let mut client = patient(std::net::TcpStream::connect(place).expect("it listens"));
    client.write_all(b"hello").expect("it is taken");
    assert_eq!(read_all(&mut client), (b"hel".to_vec(), None));
    drop(client);
    for expected in [
        "Z #1: connected 127.0.0.1:",
        &format!("Z #1: reached {target}"),
        "Z #1 down: cut=3 direction=down @3",
        "Z #1: closed after ",
    ] {
        let line = relay.line();
        assert!(line.contains(expected), "{line}");
    }
    relay.signal(Signal::INT);
    let (code, lines) = relay.end();
    assert_eq!(code, Some(0));
    assert_eq!(
        lines,
        ["stopped: 1 connection, 5 B up, 3 B down, 0 refused", "  cut=3 direction=down: applied 1"]
    );
}

#[test]
fn quiet_is_quiet() {
    let relay =
        Serving::plain(&["relay", "tcp://127.0.0.1:0", "localhost:1", "-q", "--log", "json:-"]);
    let started = relay.event("started");
    assert_eq!((&started["service"], &started["model"]), (&"relay".into(), &"relay".into()));
    relay.signal(Signal::TERM);
    let (code, lines) = relay.end();
    assert_eq!((code, lines.len()), (Some(0), 1), "{lines:?}");
}
