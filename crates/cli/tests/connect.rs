//! `colok connect` from outside, against small servers made here.

mod common;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::thread;

use common::{Serving, colok, colok_with, command, finish, wait};

/// Serves one connection with this function, on a port that the system chose.
fn serve_one(serve: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback can be bound");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client comes");
        serve(stream);
    });
    address
}

/// Sends back what comes until the client ends, or `limit` bytes went back.
fn echo(mut stream: TcpStream, limit: usize) {
    let mut buffer = [0; 4096];
    let mut left = limit;
    while left > 0 {
        let length = match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => length.min(left),
        };
        if stream.write_all(&buffer[..length]).is_err() {
            return;
        }
        left -= length;
    }
}

fn echo_server() -> String {
    serve_one(|stream| echo(stream, usize::MAX)).to_string()
}

#[test]
fn bytes_in_bytes_out_exactly() {
    for input in [&b"hello"[..], b"", b"\x00\xff\r\n\x1b", &vec![7; 300_000]] {
        let talk = colok_with(&["connect", &echo_server()], input);
        assert_eq!((talk.code, talk.err.as_str()), (Some(0), ""));
        assert!(talk.out == input, "{} bytes of {}", talk.out.len(), input.len());
    }
}

#[test]
fn the_last_line_says_why_it_ended() {
    let place = echo_server();
    let talk = colok_with(&["c", &place, "-v"], b"hello");
    assert_eq!(
        talk.err,
        "ended: the server closed the connection (FIN); 5 B in, 5 B out, 0 B unsent\n"
    );
    let talk = colok_with(&["c", &echo_server(), "-v", "--lang", "id"], b"hello");
    assert_eq!(
        talk.err,
        "berakhir: server menutup koneksi (FIN); 5 B masuk, 5 B keluar, 0 B tidak terkirim\n"
    );
}

#[test]
fn calls_are_shown_before_the_last_line() {
    let place = echo_server();
    let talk = colok_with(&["connect", &place, "-v", "--calls"], b"hello");
    assert_eq!(talk.text(), "hello");
    let lines: Vec<&str> = talk.err.lines().collect();
    assert!(lines[0].starts_with("socket(AF_INET, SOCK_STREAM) = "), "{}", lines[0]);
    let connect = format!("connect({place}) = ");
    assert!(lines.iter().any(|line| line.starts_with(&connect)), "{lines:#?}");
    for call in ["write(", "shutdown(", "read(", "close("] {
        assert!(lines.iter().any(|line| line.starts_with(call)), "{call}: {lines:#?}");
    }
    assert!(lines.last().is_some_and(|line| line.starts_with("ended: ")), "{lines:#?}");
}

#[test]
fn a_refused_call_shows_its_error() {
    let talk = colok(&["connect", "127.9.8.7:5001", "--calls"]);
    assert_eq!(talk.code, Some(1));
    assert!(talk.err.contains("= -1 ECONNREFUSED ("), "{}", talk.err);
    assert!(talk.err.contains("\ncolok: connect tcp://127.9.8.7:5001: Conn"), "{}", talk.err);
}

#[test]
fn an_echo_that_stops_early_is_told() {
    let address = serve_one(|stream| echo(stream, 3));
    let talk = colok_with(&["connect", &address.to_string()], b"hello");
    assert_eq!((talk.code, talk.text().as_str()), (Some(1), "hel"));
    assert!(talk.err.contains("why: 3 of 5 B came back"), "{}", talk.err);
}

#[test]
fn scripts_meet_their_expectations_or_say_what_came() {
    let serving = Serving::start(&["count=tcp://127.0.0.1:0"], 1);
    let place = serving.place();
    let met = colok(&[
        "connect",
        place,
        "--send",
        "halo\\n",
        "--expect",
        "ada: 4\\n",
        "-s",
        "x\\n",
        "-e",
        ": ?\\n",
    ]);
    assert_eq!((met.code, met.err.as_str()), (Some(0), ""));
    assert!(met.text().ends_with("ada: 1\n"), "{}", met.text());

    let unmet =
        colok(&["connect", place, "--send", "halo\\n", "--expect", "ada: 5", "--within", "300ms"]);
    assert_eq!(unmet.code, Some(3));
    let first = unmet.err.lines().next().expect("it says what came");
    assert_eq!(
        first,
        "colok: step 2: expected \"ada: 5\", got \
         \"Jumlah karakter dalam kalimat tersebut ada: 4\\n\""
    );

    let silent = serve_one(|mut stream| drop(stream.read_to_end(&mut Vec::new())));
    let silent = silent.to_string();
    let nothing = colok(&["connect", &silent, "--within", "50ms", "--expect", "x"]);
    assert_eq!(nothing.code, Some(3));
    assert!(nothing.err.contains("got nothing"), "{}", nothing.err);
}

#[test]
fn times_run_out_with_their_own_exit_code() {
    for option in ["--idle-timeout", "--deadline"] {
        let silent = serve_one(|mut stream| drop(stream.read_to_end(&mut Vec::new())));
        let mut command = command(&["connect", &silent.to_string(), option, "50ms"]);
        // The input stays open: nothing else can end it.
        let mut child =
            command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stdin = child.stdin.take();
        assert_eq!(wait(&mut child).code(), Some(4), "{option}");
        drop(stdin);
        let mut text = String::new();
        child.stderr.take().expect("it is piped").read_to_string(&mut text).expect("it is text");
        assert!(text.contains("why: the limit was 50 ms"), "{text}");
    }
}

#[test]
fn it_waits_for_a_server_that_comes_up_later() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback can be bound");
    let address = listener.local_addr().expect("it is bound");
    // Shut down, because a program that another test is just starting has a copy of it.
    rustix::net::shutdown(&listener, rustix::net::Shutdown::Both).expect("it listens");
    drop(listener);
    let arguments = ["connect", &address.to_string(), "--retry", "60s", "--calls"];
    let mut child = command(&arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // The first refusal is seen before the server is started.
    let mut stderr = child.stderr.take().expect("it is piped");
    let mut seen = String::new();
    while !seen.contains("ECONNREFUSED") {
        let mut byte = [0];
        stderr.read_exact(&mut byte).expect("it is refused");
        seen.push(char::from(byte[0]));
    }
    let draining = thread::spawn(move || drop(stderr.read_to_end(&mut Vec::new())));
    let listener = TcpListener::bind(address).expect("nobody took the port");
    let (mut stream, _) = listener.accept().expect("it comes");
    stream.write_all(b"at last").expect("it is connected");
    drop(stream);
    assert_eq!(wait(&mut child).code(), Some(0));
    draining.join().expect("it ends");
    let mut text = String::new();
    child.stdout.take().expect("it is piped").read_to_string(&mut text).expect("it is text");
    assert_eq!(text, "at last");
}

#[test]
fn datagrams() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback can be bound");
    let url = format!("udp://{}", socket.local_addr().expect("it is bound"));
    let silent = colok_with(&["connect", &url, "--wait", "50ms"], b"anybody?");
    assert_eq!(silent.code, Some(1));
    assert_eq!(silent.err.lines().next(), Some(&*format!("colok: {url}: no reply within 50 ms")));

    let serving = Serving::start(&["count=udp://127.0.0.1:0"], 1);
    let url = &serving.addresses[0];
    let reply = colok_with(&["connect", url, "--wait", "200ms"], b"Handy Arfiano Hastyawan");
    assert_eq!(reply.code, Some(0));
    assert_eq!(reply.text(), "Jumlah karakter dalam kalimat tersebut ada: 23");

    let long = colok_with(&["connect", url], &vec![b'x'; 65_508]);
    assert_eq!(long.code, Some(1));
    assert!(long.err.contains("why: a datagram carries at most 65507 bytes"), "{}", long.err);
    assert!(long.err.contains("try: --datagram line\n"), "{}", long.err);
    let long = colok_with(&["connect", url, "--datagram", "line"], &vec![b'x'; 65_508]);
    assert!(long.err.ends_with("try: --datagram 1400\n"), "{}", long.err);
    assert!(!long.err.contains("--datagram line"), "{}", long.err);

    let empty = colok(&["connect", url, "--datagram", "line", "--wait", "50ms"]);
    assert_eq!(empty.code, Some(1));
    assert!(empty.err.starts_with(&format!("colok: {url}: nothing was sent\n")), "{}", empty.err);
}

#[test]
fn unix_sockets() {
    let path = std::env::temp_dir().join(format!("colok-connect-{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path).expect("a socket file can be made");
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client comes");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("it ends");
        stream.write_all(text.to_uppercase().as_bytes()).expect("it is connected");
    });
    let talk = colok_with(&["connect", &format!("unix:{}", path.display())], b"hello");
    std::fs::remove_file(&path).expect("the file is ours");
    assert_eq!((talk.code, talk.text().as_str()), (Some(0), "HELLO"));
    serving.join().expect("it ends");
}

#[test]
fn a_reader_that_goes_is_no_news() {
    let address = serve_one(|mut stream| while stream.write_all(&[b'x'; 4096]).is_ok() {});
    let mut child = command(&["connect", &address.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdout = child.stdout.take().expect("it is piped");
    stdout.read_exact(&mut [0; 100]).expect("bytes come");
    drop(stdout);
    assert_eq!(wait(&mut child).code(), Some(1));
    let mut text = String::new();
    child.stderr.take().expect("it is piped").read_to_string(&mut text).expect("it is text");
    assert_eq!(text, "");
}

#[test]
fn both_ends_of_the_connection_are_ours_to_choose() {
    let address = serve_one(|mut stream| {
        let peer = stream.peer_addr().expect("it is connected");
        stream.write_all(peer.ip().to_string().as_bytes()).expect("it is connected");
    });
    let arguments = ["connect", &address.to_string(), "--source", "127.5.6.7"];
    assert_eq!(finish(command(&arguments), b"").text(), "127.5.6.7");
}

#[test]
fn the_deadline_is_kept_when_nobody_reads_the_output() {
    for expected in ["END", "x"] {
        let address = serve_one(|mut stream| while stream.write_all(&[b'x'; 4096]).is_ok() {});
        let address = address.to_string();
        let script =
            ["connect", &address, "--deadline", "1s", "--send", "go", "--expect", expected];
        let mut child = command(&script)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        // It is held, and never read.
        let stdout = child.stdout.take();
        assert_eq!(wait(&mut child).code(), Some(4), "{expected}");
        drop(stdout);
        let mut text = String::new();
        child.stderr.take().expect("it is piped").read_to_string(&mut text).expect("it is text");
        assert!(text.contains("the time was over"), "{text}");
    }
}
