//! Servers to load, right and wrong ones, and reports as values.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::Value;

use crate::common::{Output, Serving, colok};

/// Enough traffic to have something to say, and no more.
pub(crate) const SHORT: [&str; 6] = ["-c", "4", "--threads", "1", "--for", "300ms"];

/// `colok serve` with one service on loopback.
pub(crate) fn serve(service: &str) -> Serving {
    Serving::start(&[&format!("{service}=tcp://127.0.0.1:0")], 1)
}

/// An address where nobody listens.
pub(crate) fn dead_place() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    listener.local_addr().expect("it is bound").to_string()
}

/// A server for `host:port`, each connection on a thread of its own, until the test ends.
pub(crate) fn server(each: impl Fn(TcpStream) + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let place = listener.local_addr().expect("it is bound").to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let each = each.clone();
            thread::spawn(move || each(stream));
        }
    });
    place
}

/// An echo that changes the last character of every tenth line.
pub(crate) fn corrupting(mut stream: TcpStream) {
    let mut lines = 0_u32;
    let mut buffer = [0; 4096];
    let mut last = b'\n';
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        for index in 0..length {
            let byte = buffer[index];
            if byte == b'\n' {
                lines += 1;
                if lines.is_multiple_of(10) && index > 0 {
                    buffer[index - 1] = if last == b'x' { b'y' } else { b'x' };
                }
            }
            last = byte;
        }
        if stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

/// Takes everything and answers nothing.
pub(crate) fn silent(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(1..) = stream.read(&mut buffer) {}
}

/// Ends every connection at once.
pub(crate) fn closing(stream: TcpStream) {
    drop(stream);
}

/// Answers every `PING` with `+PONG`, as a key-value store does.
pub(crate) fn ponging(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        let lines = buffer[..length].split(|byte| *byte == b'\n').count() - 1;
        if stream.write_all("+PONG\r\n".repeat(lines).as_bytes()).is_err() {
            return;
        }
    }
}

/// `colok load` with these arguments and those of a short load.
pub(crate) fn load(arguments: &[&str]) -> Output {
    colok(&[&["load"], arguments, &SHORT].concat())
}

/// The one JSON object that was printed.
pub(crate) fn report(output: &Output) -> Value {
    let text = output.text();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {output:?}"))
}
