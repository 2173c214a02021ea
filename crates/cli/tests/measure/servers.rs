//! Servers of these tests: one thread per connection, until the test program ends. They read lines,
//! since every message is one, and do not depend on how a message looks.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::pause;

/// A connection of either kind.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Ends it in both directions.
    pub(crate) fn end(&self) {
        // It may have ended by itself.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => { stream }.read(buffer),
            Stream::Unix(stream) => { stream }.read(buffer),
        }
    }
}

impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => { stream }.write(bytes),
            Stream::Unix(stream) => { stream }.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Serves TCP on a free port: gives the place. Connections are numbered from 0.
pub(crate) fn tcp(each: impl Fn(Stream, u64) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let place = listener.local_addr().expect("it is bound").to_string();
    let each = Arc::new(each);
    thread::spawn(move || {
        for (number, stream) in (0..).zip(listener.incoming().flatten()) {
            // Replies leave as they are written.
            let _ = stream.set_nodelay(true);
            let each = Arc::clone(&each);
            thread::spawn(move || each(Stream::Tcp(stream), number));
        }
    });
    place
}

/// The same on an abstract Unix address.
pub(crate) fn unix(each: impl Fn(Stream, u64) + Send + Sync + 'static) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("colok-measure-{}-{number}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("it is short");
    let listener = UnixListener::bind_addr(&address).expect("nobody else has this name");
    let each = Arc::new(each);
    thread::spawn(move || {
        for (number, stream) in (0..).zip(listener.incoming().flatten()) {
            let each = Arc::clone(&each);
            thread::spawn(move || each(Stream::Unix(stream), number));
        }
    });
    format!("unix:@{name}")
}

/// Calls `each` with every line, its newline included, until the connection ends or `each` says
/// so with an error.
pub(crate) fn lines(stream: &Stream, mut each: impl FnMut(&mut Vec<u8>) -> io::Result<()>) {
    let mut held = Vec::new();
    let mut line = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = { stream }.read(&mut buffer) {
        held.extend_from_slice(&buffer[..length]);
        let mut begin = 0;
        while let Some(at) = held[begin..].iter().position(|&byte| byte == b'\n') {
            line.clear();
            line.extend_from_slice(&held[begin..=begin + at]);
            begin += at + 1;
            if each(&mut line).is_err() {
                return;
            }
        }
        held.drain(..begin);
    }
}

/// An echo that lets each reply wait for as long as `delay` says of its number on its connection.
pub(crate) fn delaying(delay: impl Fn(u64) -> Duration + Send + Sync + 'static) -> String {
    tcp(move |stream, _| {
        let mut number = 0;
        lines(&stream, |line| {
            pause(delay(number));
            number += 1;
            { &stream }.write_all(line)
        });
    })
}

/// An echo as it should be.
pub(crate) fn echo() -> String {
    delaying(|_| Duration::ZERO)
}
