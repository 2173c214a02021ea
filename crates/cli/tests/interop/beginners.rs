//! Clients as beginners write them, in Python and in C: no newline at the end of a message, a
//! write and then a read that blocks, buffers of 255 and 1024 bytes.

use std::process::Command;

use crate::common::{Output, Serving, finish, runnable};
use crate::support::{Folder, MODELS, installed};

/// Connects, sends one message as it is, and prints what one read gives.
const ONE_MESSAGE: &str = r#"
import socket, sys
host, port, message = sys.argv[1], int(sys.argv[2]), sys.argv[3]
client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
client.connect((host, port))
client.send(message.encode("utf-8"))
print(client.recv(1024).decode("utf-8"), end="")
client.close()
"#;

/// One datagram and one answer.
const ONE_DATAGRAM: &str = r#"
import socket, sys
host, port, message = sys.argv[1], int(sys.argv[2]), sys.argv[3]
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(1)
for _ in range(20):
    client.sendto(message.encode("utf-8"), (host, port))
    try:
        print(client.recvfrom(1024)[0].decode("utf-8"), end="")
        break
    except socket.timeout:
        pass
"#;

/// Sends each line without its newline and reads once for each, up to `quit`, and then waits for
/// the server to close. A person thinks before `quit`: a message without a mark at its end is
/// ended by a pause, and this one must stand alone.
const CONVERSATION: &str = r#"
import socket, sys, time
client = socket.create_connection((sys.argv[1], int(sys.argv[2])))
for line in sys.stdin:
    if line == "quit\n":
        time.sleep(1)
    client.sendall(line.rstrip("\n").encode())
    print(client.recv(1024).decode())
print("closed" if client.recv(1024) == b"" else "not closed")
"#;

/// Says something and then nothing, and waits for the server to lose patience.
const SILENT: &str = r#"
import socket, sys
client = socket.create_connection((sys.argv[1], int(sys.argv[2])))
client.sendall(b"hello")
print(client.recv(1024).decode())
print("closed" if client.recv(1024) == b"" else "not closed")
"#;

/// The well-known simple client in C: a name looked up, lines of at most 254 bytes written, and
/// after each a read of at most 255.
const C_CLIENT: &str = r#"
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static void error(const char *what) { perror(what); exit(1); }

int main(int argc, char **argv) {
    char buffer[256];
    struct sockaddr_in serv_addr;
    if (argc < 3) { fprintf(stderr, "usage %s hostname port\n", argv[0]); exit(0); }
    int portno = atoi(argv[2]);
    int sockfd = socket(AF_INET, SOCK_STREAM, 0);
    if (sockfd < 0) error("ERROR opening socket");
    struct hostent *server = gethostbyname(argv[1]);
    if (server == NULL) { fprintf(stderr, "ERROR, no such host\n"); exit(0); }
    bzero((char *) &serv_addr, sizeof(serv_addr));
    serv_addr.sin_family = AF_INET;
    bcopy(server->h_addr, (char *) &serv_addr.sin_addr.s_addr, server->h_length);
    serv_addr.sin_port = htons(portno);
    if (connect(sockfd, (struct sockaddr *) &serv_addr, sizeof(serv_addr)) < 0)
        error("ERROR connecting");
    for (;;) {
        bzero(buffer, 256);
        if (fgets(buffer, 255, stdin) == NULL) break;
        if (write(sockfd, buffer, strlen(buffer)) < 0) error("ERROR writing to socket");
        bzero(buffer, 256);
        int n = read(sockfd, buffer, 255);
        if (n < 0) error("ERROR reading from socket");
        if (n == 0) { printf("closed\n"); break; }
        printf("%s|", buffer);
    }
    close(sockfd);
    return 0;
}
"#;

fn python(script: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new("python3");
    command.args(["-c", script]).args(arguments).env("PYTHONIOENCODING", "utf-8");
    finish(command, input)
}

fn port_of(serving: &Serving) -> &str {
    serving.place().rsplit_once(':').expect("it has a port").1
}

#[test]
fn a_message_without_a_newline_is_counted() {
    if !installed("python3") {
        return;
    }
    for model in runnable(&MODELS) {
        for (scheme, script) in [("tcp", ONE_MESSAGE), ("udp", ONE_DATAGRAM)] {
            let service = format!("count={scheme}://127.0.0.1:0");
            let serving = Serving::start(&["--model", model, &service], 1);
            for (message, count) in [
                ("Handy Arfiano Hastyawan", 23),
                (" ", 1),
                ("\u{1f50c} colok \u{f1}", 9),
                ("baris\n", 5),
            ] {
                let output = python(script, &["127.0.0.1", port_of(&serving), message], b"");
                let end = if message.ends_with('\n') { "\n" } else { "" };
                let expected = format!("Jumlah karakter dalam kalimat tersebut ada: {count}{end}");
                assert_eq!(output.text(), expected, "{model} {scheme}: {output:?}");
                assert_eq!(output.code, Some(0), "{model} {scheme}: {output:?}");
            }
        }
    }
}

#[test]
fn a_conversation_without_newlines() {
    if !installed("python3") {
        return;
    }
    for model in runnable(&MODELS) {
        let serving = Serving::start(&["--model", model, "echo=tcp://127.0.0.1:0?idle=60s"], 1);
        let input = "satu\ndua kata\n\u{f1}\nquit\n";
        let output = python(CONVERSATION, &["127.0.0.1", port_of(&serving)], input.as_bytes());
        assert_eq!(output.text(), format!("{input}closed\n"), "{model}: {output:?}");
        assert_eq!(serving.event("closed")["reason"], "quit", "{model}");
    }
}

#[test]
fn a_silent_client_is_closed_and_sees_the_end() {
    if !installed("python3") {
        return;
    }
    for model in runnable(&MODELS) {
        let serving = Serving::start(&["--model", model, "echo=tcp://127.0.0.1:0?idle=500ms"], 1);
        let output = python(SILENT, &["127.0.0.1", port_of(&serving)], b"");
        assert_eq!(output.text(), "hello\nclosed\n", "{model}: {output:?}");
        assert_eq!(serving.event("closed")["reason"], "idle", "{model}");
    }
}

#[test]
fn the_simple_client_in_c() {
    if !installed("cc") {
        return;
    }
    let folder = Folder::new();
    let (source, client) = (folder.file("client.c"), folder.file("client"));
    std::fs::write(&source, C_CLIENT).expect("the folder is ours");
    let mut compiler = Command::new("cc");
    compiler.args(["-o", &client, &source]);
    let output = finish(compiler, b"");
    assert_eq!(output.code, Some(0), "{}", output.err);
    for model in runnable(&MODELS) {
        let echo = Serving::start(&["--model", model, "echo=tcp://127.0.0.1:0?idle=60s"], 1);
        let talk = |serving: &Serving, input: &str| {
            let mut command = Command::new(&client);
            command.args(["localhost", port_of(serving)]);
            let output = finish(command, input.as_bytes());
            assert_eq!(output.code, Some(0), "{model}: {output:?}");
            output.text()
        };
        // A long line goes out in three writes, and each read gives back exactly one of them.
        let (first, last) = ("x".repeat(254), "y".repeat(92));
        let long = format!("{first}{first}{last}");
        assert_eq!(
            talk(&echo, &format!("hello\n{long}\nquit\nmore\n")),
            format!("hello\n|{first}|{first}|{last}\n|quit\n|closed\n"),
            "{model}"
        );
        let count = Serving::start(&["--model", model, "count=tcp://127.0.0.1:0"], 1);
        let reply = "Jumlah karakter dalam kalimat tersebut ada:";
        assert_eq!(
            talk(&count, &format!("Handy Arfiano Hastyawan\n{long}\n")),
            format!("{reply} 23\n|{reply} 254|{reply} 254|{reply} 92\n|"),
            "{model}"
        );
    }
}
