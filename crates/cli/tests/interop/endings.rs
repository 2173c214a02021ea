//! How `colok connect` ends, with servers that misbehave: they close early, reset, say nothing,
//! answer late. And how a script succeeds and fails.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::{Output, colok, colok_with, command, wait};
use crate::support::{PythonServer, free_port, installed};

/// One connection after the other, each served as the first argument says.
const SERVER: &str = r#"
import socket, struct, sys, time

def read_to_end(connection):
    received = 0
    while data := connection.recv(65536):
        received += len(data)
    return received

def limit(connection, count):
    "Echoes so many bytes, ends its side in good order, and takes what else comes."
    while count > 0:
        data = connection.recv(min(count, 65536))
        connection.sendall(data)
        count -= len(data)
    connection.shutdown(socket.SHUT_WR)
    read_to_end(connection)

def reset(connection, count):
    "Reads so many bytes and breaks the connection."
    connection.recv(count)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

def silent(connection, count):
    "Takes everything and says nothing, even after the end."
    read_to_end(connection)
    time.sleep(3600)

def late(connection, count):
    "Answers only after the end of what comes, later than many clients wait, and slowly."
    received = read_to_end(connection)
    time.sleep(1)
    for _ in range(count):
        connection.sendall(b"x" * 100000)
        time.sleep(0.02)
    connection.sendall(b"%d" % received)

def after(connection, count):
    "Answers when so many bytes have come, and never ends by itself."
    while count > 0:
        count -= len(connection.recv(count))
    connection.sendall(b"answer")
    read_to_end(connection)
    time.sleep(3600)

listener = socket.create_server(("127.0.0.1", int(sys.argv[3]) if len(sys.argv) > 3 else 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    globals()[sys.argv[1]](connection, int(sys.argv[2]))
    connection.close()
"#;

/// A server of this kind, unless there is no Python.
fn server(kind: &str, count: &str) -> Option<PythonServer> {
    installed("python3").then(|| PythonServer::start(SERVER, &[kind, count]))
}

fn connect(server: &PythonServer, options: &[&str], input: &[u8]) -> Output {
    let place = server.place();
    colok_with(&[&["connect", &place][..], options].concat(), input)
}

#[test]
fn an_echo_that_ends_too_early_is_an_error_that_says_how_far_it_came() {
    let Some(server) = server("limit", "1000") else { return };
    let input: Vec<u8> = (0..5000_u32).map(|number| (number % 251) as u8).collect();
    let output = connect(&server, &[], &input);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert_eq!(output.out, input[..1000]);
    let lines: Vec<&str> = output.err.lines().collect();
    let place = server.place();
    assert_eq!(lines[0], format!("colok: tcp://{place}: the server closed the connection (FIN)"));
    assert_eq!(lines[1], "  why: 1000 of 5000 B came back");
}

#[test]
fn an_echo_that_ends_when_it_has_everything_is_fine() {
    let Some(server) = server("limit", "1000") else { return };
    let output = connect(&server, &["-v"], &[b'x'; 1000]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(output.out, [b'x'; 1000]);
    let told = "ended: the server closed the connection (FIN); 1000 B in, 1000 B out, 0 B unsent\n";
    assert_eq!(output.err, told);
}

#[test]
fn a_server_that_ends_in_the_middle_of_much_input() {
    let Some(server) = server("limit", "100000") else { return };
    let input: Vec<u8> = (0..8_000_000_u32).map(|number| (number % 253) as u8).collect();
    let output = connect(&server, &[], &input);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.out == input[..100_000], "{} bytes came back", output.out.len());
    assert!(output.err.contains("  why: "), "{}", output.err);
}

#[test]
fn a_reset_is_an_error() {
    let Some(server) = server("reset", "5") else { return };
    let output = connect(&server, &["-v"], b"hello");
    assert_eq!(output.code, Some(1), "{output:?}");
    let first =
        format!("colok: tcp://{}: the connection broke: Connection reset by peer", server.place());
    assert_eq!(output.err.lines().next(), Some(first.as_str()), "{output:?}");
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_beyond_the_limits() {
    for (option, reason) in [
        ("--idle-timeout=300ms", "nothing came or went for too long"),
        ("--deadline=500ms", "the time was over"),
    ] {
        let Some(server) = server("silent", "0") else { return };
        let start = Instant::now();
        let output = connect(&server, &[option], b"hello");
        assert!(start.elapsed() >= Duration::from_millis(300), "{option}");
        assert_eq!(output.code, Some(4), "{option}: {output:?}");
        assert!(output.err.contains(reason), "{option}: {output:?}");
        let limit = option.split_once('=').expect("it has a value").1;
        let number = limit.trim_end_matches("ms");
        assert!(output.err.contains(&format!("the limit was {number} ms")), "{output:?}");
    }
}

#[test]
fn an_answer_that_comes_long_after_our_end_is_complete() {
    let Some(server) = server("late", "20") else { return };
    let output = connect(&server, &[], &vec![b'q'; 300_000]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    let expected = [vec![b'x'; 2_000_000], b"300000".to_vec()].concat();
    assert_eq!(output.out.len(), expected.len());
    assert!(output.out == expected);
}

#[test]
fn at_the_end_of_the_input_it_can_close_at_once() {
    let Some(server) = server("silent", "0") else { return };
    let output = connect(&server, &["--on-eof", "close", "-v"], b"hello");
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(output.err, "ended: all input was sent; 0 B in, 5 B out, 0 B unsent\n");
}

#[test]
fn at_the_end_of_the_input_it_can_wait_for_a_while() {
    let Some(server) = server("after", "5") else { return };
    let start = Instant::now();
    let output = connect(&server, &["--on-eof", "wait=700ms", "-v"], b"hello");
    assert!(start.elapsed() >= Duration::from_millis(700));
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(output.out, b"answer");
    let told = "ended: the wait for an answer was over; 6 B in, 5 B out, 0 B unsent\n";
    assert_eq!(output.err, told);
}

#[test]
fn retry_lasts_until_the_server_is_up() {
    if !installed("python3") {
        return;
    }
    let port = free_port();
    let place = format!("127.0.0.1:{port}");
    let mut client = command(&["connect", &place, "--retry", "60s", "--calls"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("colok starts");
    let mut stdin = client.stdin.take().expect("it is piped");
    stdin.write_all(b"hello").expect("a pipe holds this much");
    drop(stdin);
    let mut calls = BufReader::new(client.stderr.take().expect("it is piped"));
    let mut line = String::new();
    while !(line.starts_with("connect(") && line.contains("ECONNREFUSED")) {
        line.clear();
        assert_ne!(calls.read_line(&mut line).expect("it is text"), 0, "it has not waited");
    }
    let _server = PythonServer::start(SERVER, &["limit", "5", &port.to_string()]);
    let mut reply = Vec::new();
    let mut rest = String::new();
    calls.read_to_string(&mut rest).expect("it is text");
    client.stdout.take().expect("it is piped").read_to_end(&mut reply).expect("a pipe is read");
    assert_eq!(wait(&mut client).code(), Some(0), "{rest}");
    assert_eq!(reply, b"hello", "{rest}");
}

#[test]
fn retry_gives_up_in_the_end() {
    let place = format!("127.0.0.1:{}", free_port());
    let output = colok(&["connect", &place, "--retry", "300ms"]);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.err.contains("Connection refused"), "{output:?}");
}

#[test]
fn a_script_whose_expectations_are_met() {
    let Some(server) = server("limit", "12") else { return };
    let script = ["--send", "hello\\n", "--expect", "h*o\\n", "--send", "world\\n"];
    let more = ["--expect", "wor?d", "--within", "30s"];
    let output = connect(&server, &[&script[..], &more].concat(), b"");
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(output.out, b"hello\nworld\n");
    assert_eq!(output.err, "");
}

#[test]
fn a_script_that_gets_something_else_says_what() {
    let Some(server) = server("limit", "1000") else { return };
    let script = ["--send", "hello\\x1b[2J\\n", "--expect", "goodbye", "--within", "300ms"];
    let output = connect(&server, &script, b"");
    assert_eq!(output.code, Some(3), "{output:?}");
    let first = output.err.lines().next().unwrap_or_default();
    assert!(first.contains("step 2: expected \"goodbye\", got "), "{output:?}");
    assert!(first.contains("\"hello\\u{1b}[2J\\n\""), "{output:?}");
}

#[test]
fn a_script_that_gets_nothing_says_so() {
    for (kind, reason) in [("silent", "was over"), ("reset", "the connection broke")] {
        let Some(server) = server(kind, "1") else { return };
        let output = connect(&server, &["--send", "a", "--expect", "b", "--within", "300ms"], b"");
        assert_eq!(output.code, Some(3), "{kind}: {output:?}");
        assert!(output.err.contains("expected \"b\", got nothing"), "{kind}: {output:?}");
        assert!(output.err.contains(reason), "{kind}: {output:?}");
    }
}

#[test]
fn a_script_that_runs_out_of_all_its_time() {
    let Some(server) = server("silent", "0") else { return };
    let script = ["--send", "a", "--expect", "b", "--within", "30s", "--deadline", "300ms"];
    let output = connect(&server, &script, b"");
    assert_eq!(output.code, Some(4), "{output:?}");
}
