//! `colok connect udp://` with servers of others: what one datagram is, and what silence means.

use crate::common::{Output, colok_with};
use crate::support::{Background, PythonServer, RETRY, free_port, installed, wait_for_udp};

/// Answers each datagram with its length and a newline, or not at all.
const SERVER: &str = r#"
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    data, source = server.recvfrom(65536)
    if sys.argv[1] == "lengths":
        server.sendto(b"%d\n" % len(data), source)
    if sys.argv[1] == "thrice":
        for number in b"1", b"2", b"3":
            server.sendto(number, source)
"#;

fn server(kind: &str) -> Option<PythonServer> {
    installed("python3").then(|| PythonServer::start(SERVER, &[kind]))
}

/// Loopback loses datagrams when a machine is short of memory: asks again when fewer answers came
/// than there should be.
fn connect(port: u16, options: &[&str], input: &[u8], answers: usize) -> Output {
    let url = format!("udp://127.0.0.1:{port}");
    let talk = || colok_with(&[&["connect", &url][..], options].concat(), input);
    let enough = |output: &Output| output.out.len() >= answers;
    let first = talk();
    if enough(&first) { first } else { talk() }
}

#[test]
fn what_a_datagram_is() {
    let Some(server) = server("lengths") else { return };
    let input = b"one\ntwo\nthree\n";
    for (options, expected) in [
        (&[][..], "14\n"),
        (&["--datagram", "line"], "3\n3\n5\n"),
        (&["--datagram", "4"], "4\n4\n4\n2\n"),
        (&["--datagram", "65507"], "14\n"),
    ] {
        let output = connect(server.port, options, input, expected.len());
        assert_eq!(output.text(), expected, "{options:?}: {output:?}");
        assert_eq!(output.code, Some(0), "{options:?}: {output:?}");
    }
}

#[test]
fn the_longest_datagram_and_one_byte_more() {
    let Some(server) = server("lengths") else { return };
    let mut input = vec![b'x'; 65_507];
    let output = connect(server.port, &[], &input, 6);
    assert_eq!(output.text(), "65507\n", "{output:?}");
    input.push(b'x');
    let output = connect(server.port, &[], &input, 0);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.out.is_empty(), "{output:?}");
    assert!(output.err.contains("65507") || output.err.contains("65 507"), "{output:?}");
}

#[test]
fn every_answer_is_waited_for() {
    let Some(server) = server("thrice") else { return };
    let output = connect(server.port, &["--wait", "1s", "-v"], b"hello", 3);
    assert_eq!(output.text(), "123", "{output:?}");
    assert_eq!(output.code, Some(0), "{output:?}");
    let told = "ended: the wait for an answer was over; 3 B in, 5 B out, 0 B unsent\n";
    assert_eq!(output.err, told);
}

#[test]
fn no_answer_is_an_error() {
    let Some(server) = server("silent") else { return };
    let output = connect(server.port, &["--wait", "300ms"], b"hello", 0);
    assert_eq!(output.code, Some(1), "{output:?}");
    let first = format!("colok: udp://127.0.0.1:{}: no reply within 300 ms", server.port);
    assert_eq!(output.err.lines().next(), Some(first.as_str()), "{output:?}");
    assert_eq!(output.err.lines().count(), 3, "{output:?}");
}

#[test]
fn a_refusal_is_told_at_once() {
    // The system answers with an ICMP message when no socket has the port.
    let output = connect(free_port(), &["--wait", "30s"], b"hello", 0);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.err.contains("Connection refused"), "{output:?}");
}

#[test]
fn socat_answers_each_datagram() {
    if !installed("socat") {
        return;
    }
    let port = free_port();
    let listen = format!("UDP-RECVFROM:{port},bind=127.0.0.1,fork");
    let _server = Background::start(&["socat", &listen, "EXEC:cat"], b"");
    wait_for_udp(port);
    let output = connect(port, &["--wait", "3s"], b"hello", 5);
    assert_eq!(output.text(), "hello", "{output:?}");
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[test]
fn netcat_answers_a_datagram() {
    if !installed("nc.openbsd") {
        return;
    }
    let port = free_port();
    let words = ["nc.openbsd", "-u", "-l", "127.0.0.1", &port.to_string()];
    let server = Background::start(&words, b"an answer\n");
    wait_for_udp(port);
    let output = connect(port, &["--wait", "3s"], b"a question\n", 10);
    drop(server);
    assert_eq!(output.text(), "an answer\n", "{output:?}");
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[test]
fn ncat_echoes_datagrams() {
    if !installed("ncat") {
        return;
    }
    let port = free_port();
    let place = ["127.0.0.1", &port.to_string()];
    let words = [&["ncat", "-u", "-l", "--exec", "/bin/cat"][..], &place].concat();
    let _server = Background::start(&words, b"");
    wait_for_udp(port);
    let output = connect(port, &["--wait", "3s"], b"hello", 5);
    assert_eq!(output.text(), "hello", "{output:?}");
}

#[test]
fn datagrams_to_a_script() {
    let Some(server) = server("lengths") else { return };
    let url = format!("udp://127.0.0.1:{}", server.port);
    let script = ["--send", "four", "--expect", "4\\n", "--send", "x\\n", "--expect", "2\\n"];
    let arguments = [&["connect", RETRY, &url, "--within", "30s"][..], &script].concat();
    let output = colok_with(&arguments, b"");
    assert_eq!(output.text(), "4\n2\n", "{output:?}");
    assert_eq!(output.code, Some(0), "{output:?}");
}
