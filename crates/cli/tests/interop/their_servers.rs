//! `colok connect` talks to netcat, Ncat and socat as servers.

use std::fs::File;
use std::process::Stdio;
use std::thread;

use crate::common::{Output, colok_with, command, finish, gather};
use crate::support::{Background, Folder, RETRY, free_port, installed, program};

/// Input that is larger than all buffers on its way.
fn megabytes() -> Vec<u8> {
    (0..2_500_000_u32).flat_map(u32::to_le_bytes).collect()
}

/// A pipe through an echo of others gives everything back, however much it is.
fn check_echo(url: &str) {
    check_echo_up_to(megabytes(), url, &[]);
}

fn check_echo_up_to(most: Vec<u8>, url: &str, options: &[&str]) {
    for input in [b"hello".to_vec(), b"one\r\n\0two\n".to_vec(), Vec::new(), most] {
        let output = colok_with(&[&["connect", RETRY, url], options].concat(), &input);
        assert_eq!(output.code, Some(0), "{url}: {}", output.err);
        assert_eq!(output.err, "", "{url}");
        assert_eq!(output.out.len(), input.len(), "{url}");
        assert!(output.out == input, "{url}: the bytes differ");
    }
}

/// Runs a server of others beside our client; gives how the server and the client ended. The end
/// of our input is kept back for a while: a netcat that listens ends when its client ends its side,
/// whether it has read its own input by then or not. And our input is a file, which is there at
/// once: such a netcat may end its side right after it accepted, and the client then ends too,
/// whether an input that comes by a pipe has come by then or not.
fn beside(words: &str, answer: &[u8], url: &str, input: &[u8]) -> (Output, Output) {
    let folder = Folder::new();
    let path = folder.file("input");
    std::fs::write(&path, input).expect("it can be written");
    let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
    let answer = answer.to_vec();
    let server = thread::spawn(move || finish(program(&words), &answer));
    let client = command(&["connect", RETRY, "--on-eof", "wait=1s", url])
        .stdin(File::open(path).expect("it was written"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let client = gather(client);
    (server.join().expect("the server ends"), client)
}

#[test]
fn netcat_listens() {
    if !installed("nc.openbsd") {
        return;
    }
    // With -N it ends its side first, without it only after ours.
    for flags in ["-l -N", "-l"] {
        let port = free_port();
        let words = format!("nc.openbsd {flags} 127.0.0.1 {port}");
        let url = format!("127.0.0.1:{port}");
        let (server, client) = beside(&words, b"an answer\n", &url, b"a question\n");
        assert_eq!(server.out, b"a question\n", "{words}: {server:?}");
        assert_eq!(client.out, b"an answer\n", "{words}: {client:?}");
        assert_eq!(client.code, Some(0), "{words}: {client:?}");
    }
}

#[test]
fn netcat_listens_on_a_unix_socket() {
    if !installed("nc.openbsd") {
        return;
    }
    let folder = Folder::new();
    let path = folder.file("nc");
    let words = format!("nc.openbsd -l -N -U {path}");
    let url = format!("unix:{path}");
    let (server, client) = beside(&words, b"an answer", &url, b"a question");
    assert_eq!(server.out, b"a question", "{server:?}");
    assert_eq!(client.out, b"an answer", "{client:?}");
    assert_eq!(client.code, Some(0), "{client:?}");
}

/// When its client ends its side, Ncat ends the connection and drops what the program it runs
/// still says. For such servers the end of the input is kept back for a while. With more than the
/// pipes to that program hold, both of them stop for ever, each writing what the other does not
/// read; so they get less.
fn check_ncat_echo(url: &str) {
    check_echo_up_to(vec![b'x'; 30_000], url, &["--on-eof", "wait=2s"]);
}

#[test]
fn ncat_runs_cat_for_everybody() {
    if !installed("ncat") {
        return;
    }
    let port = free_port();
    let place = ["127.0.0.1", &port.to_string()];
    let words = [&["ncat", "-l", "--keep-open", "--exec", "/bin/cat"][..], &place].concat();
    let _server = Background::start(&words, b"");
    check_ncat_echo(&format!("localhost:{port}"));
}

#[test]
fn ncat_on_a_unix_socket() {
    if !installed("ncat") {
        return;
    }
    let folder = Folder::new();
    let path = folder.file("ncat");
    let _server = Background::start(&["ncat", "-lkU", "--exec", "/bin/cat", &path], b"");
    check_ncat_echo(&format!("unix:{path}"));
}

#[test]
fn ncat_greets_and_listens() {
    if !installed("ncat") {
        return;
    }
    let port = free_port();
    let words = format!("ncat -l 127.0.0.1 {port}");
    let url = format!("127.0.0.1:{port}");
    let (server, client) = beside(&words, b"an answer\n", &url, b"a question\n");
    assert_eq!(server.out, b"a question\n", "{server:?}");
    assert_eq!(client.out, b"an answer\n", "{client:?}");
    assert_eq!(client.code, Some(0), "{client:?}");
}

#[test]
fn socat_on_every_stream() {
    if !installed("socat") {
        return;
    }
    let folder = Folder::new();
    let (port, path) = (free_port(), folder.file("socat"));
    let name = format!("colok-interop-socat-{}", std::process::id());
    for (listen, url) in [
        (format!("TCP-LISTEN:{port},bind=127.0.0.1,fork"), format!("127.0.0.1:{port}")),
        (format!("UNIX-LISTEN:{path},fork"), format!("unix://{path}")),
        (format!("ABSTRACT-LISTEN:{name},fork"), format!("unix:@{name}")),
    ] {
        let _server = Background::start(&["socat", "-t30", &listen, "EXEC:cat"], b"");
        check_echo(&url);
    }
}

#[test]
fn socat_answers_only_when_our_input_has_ended() {
    if !installed("socat") {
        return;
    }
    let port = free_port();
    let listen = format!("TCP-LISTEN:{port},bind=127.0.0.1,fork");
    // `wc` can say something only after the end of what it reads.
    let _server = Background::start(&["socat", "-t30", &listen, "EXEC:wc -c"], b"");
    let output = colok_with(&["connect", RETRY, &format!("127.0.0.1:{port}")], &megabytes());
    assert_eq!(output.text().trim(), "10000000", "{output:?}");
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[test]
fn socat_runs_a_shell_and_is_spoken_to_by_a_script() {
    if !installed("socat") {
        return;
    }
    let port = free_port();
    let listen = format!("TCP-LISTEN:{port},bind=127.0.0.1,fork");
    let shell = "SYSTEM:echo who?; read name; echo hello $name";
    let _server = Background::start(&["socat", "-t30", &listen, shell], b"");
    let url = format!("127.0.0.1:{port}");
    let script = ["--expect", "who\\?\n", "--send", "Handy\\n", "--expect", "hello Handy\\n"];
    let arguments = [&["connect", RETRY, &url, "--within", "30s"][..], &script].concat();
    let output = colok_with(&arguments, b"");
    assert_eq!(output.text(), "who?\nhello Handy\n", "{output:?}");
    assert_eq!(output.code, Some(0), "{output:?}");
}
