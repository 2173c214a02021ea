//! Servers, pipes and bounds for the tests beside this file.

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::sync::mpsc::channel;
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use colok::client::{ConnectOptions, Connection, PipeOptions, PipeReport, connect, pipe};
use colok::clock::Clock;
use colok::net::url::{Transport, Url};
use colok::observe::NoTap;

/// Longer than anything here takes on the busiest machine.
pub(crate) const LONG: Duration = Duration::from_mins(3);

/// Runs `body` on a thread of its own and panics when it takes longer than [`LONG`].
pub(crate) fn bounded<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> R {
    let (sender, receiver) = channel();
    let thread = spawn(move || sender.send(body()));
    match receiver.recv_timeout(LONG) {
        Ok(result) => result,
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("still running after {LONG:?}"),
        Err(_) => std::panic::resume_unwind(thread.join().expect_err("it sent nothing")),
    }
}

/// A TCP server for one client.
pub(crate) fn tcp_server(serve: impl FnOnce(TcpStream) + Send + 'static) -> (Url, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let thread = spawn(move || serve(listener.accept().expect("a client comes").0));
    (Url::inet(Transport::Tcp, "127.0.0.1", port), thread)
}

/// A UDP socket and its address.
pub(crate) fn udp_socket() -> (UdpSocket, Url) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    socket.set_read_timeout(Some(LONG)).expect("it is not zero");
    let port = socket.local_addr().expect("it is bound").port();
    (socket, Url::inet(Transport::Udp, "127.0.0.1", port))
}

/// Echoes until the client ends, or until `limit` bytes were echoed; then closes in good order.
pub(crate) fn echo(mut stream: &TcpStream, limit: u64) {
    let mut buffer = vec![0; 64 * 1024];
    let mut left = limit;
    while left > 0 {
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let length = stream.read(&mut buffer[..wanted]).expect("the client sends");
        if length == 0 {
            return;
        }
        stream.write_all(&buffer[..length]).expect("the client reads");
        left -= length as u64;
    }
}

/// Sends the end and throws away what comes, up to the client's end.
pub(crate) fn end_gently(mut stream: &TcpStream) {
    stream.shutdown(Shutdown::Write).expect("it is connected");
    let mut buffer = vec![0; 64 * 1024];
    while stream.read(&mut buffer).is_ok_and(|length| length > 0) {}
}

/// Closes with a reset.
pub(crate) fn reset(stream: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).expect("it is a socket");
    drop(stream);
}

/// Connects with the usual options.
pub(crate) fn open(url: &Url) -> Connection {
    connect(url, &ConnectOptions::default(), &Clock::start(), &NoTap).expect("it listens")
}

/// Runs a piped conversation whose input ends after `input`; returns what came out as well.
pub(crate) fn converse(url: &Url, input: Vec<u8>, options: PipeOptions) -> (PipeReport, Vec<u8>) {
    let (reader, mut writer) = std::io::pipe().expect("there are descriptors");
    // The writer may find that nobody reads on: that is the server's doing and is in the report.
    let feeder = spawn(move || writer.write_all(&input).is_ok());
    let result = converse_with(url, reader, options);
    feeder.join().expect("it cannot panic");
    result
}

/// Runs a piped conversation with this input.
pub(crate) fn converse_with(
    url: &Url,
    input: PipeReader,
    options: PipeOptions,
) -> (PipeReport, Vec<u8>) {
    let (mut output, writer) = std::io::pipe().expect("there are descriptors");
    let collector = spawn(move || {
        let mut bytes = Vec::new();
        output.read_to_end(&mut bytes).expect("a pipe can be read");
        bytes
    });
    let report = run(url, &input, &writer, options);
    drop((input, writer));
    (report, collector.join().expect("it cannot panic"))
}

/// Runs a piped conversation with this input and output.
pub(crate) fn run(
    url: &Url,
    input: &PipeReader,
    output: &PipeWriter,
    options: PipeOptions,
) -> PipeReport {
    let clock = Clock::start();
    let connection = open(url);
    pipe(connection, input.as_fd(), output.as_fd(), &options, &clock, &NoTap).expect("it can wait")
}

/// `length` bytes that look random and are always the same.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
