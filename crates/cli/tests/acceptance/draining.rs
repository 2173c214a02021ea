//! SIGTERM at its worst moments: into streams that never pause, and into clients that connect all
//! the time.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::PATIENCE;
use crate::support::{CONCURRENT_MODELS, MODELS, connect, each_of, pace, serve, wait_until};

/// Clients that stream, and bytes that each has had back before the signal.
const STREAMS: usize = 10;
const STREAMED_MIN: u64 = 1024 * 1024;

/// How far writing may be ahead of reading. It is more than a lingering close throws away for
/// other reasons (256 KiB), and is soon read to its end also on a busy machine.
const AHEAD_MAX: u64 = 1024 * 1024;

/// The byte at a place of a stream: what comes back can be checked anywhere.
fn byte_at(place: u64) -> u8 {
    (place % 251) as u8
}

/// One client: writes as fast as it can, and counts what was taken and what came back.
#[derive(Default)]
struct Stream {
    /// The client's port.
    port: AtomicU64,
    taken: AtomicU64,
    came_back: AtomicU64,
    ended: AtomicBool,
}

impl Stream {
    fn write(&self, mut stream: TcpStream) {
        while !self.ended.load(Ordering::Acquire) {
            let start = self.taken.load(Ordering::Relaxed);
            if start - self.came_back.load(Ordering::Relaxed) > AHEAD_MAX {
                pace(Duration::from_millis(1));
                continue;
            }
            let block: Vec<u8> = (start..start + 4096).map(byte_at).collect();
            // Once the server has ended, writing may fail; reading tells what counts.
            let Ok(length) = stream.write(&block) else { return };
            self.taken.fetch_add(length as u64, Ordering::Release);
        }
    }

    /// Reads to the end; a reset, or another byte than was sent, is told.
    fn read(&self, mut stream: TcpStream) -> Result<(), String> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let start = self.came_back.load(Ordering::Relaxed);
            let length = match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) => return Err(format!("after {start} bytes: {error}")),
            };
            let wrong = (start..).zip(&buffer[..length]).find(|(at, byte)| byte_at(*at) != **byte);
            if let Some((place, byte)) = wrong {
                return Err(format!("at {place} came {byte}"));
            }
            self.came_back.fetch_add(length as u64, Ordering::Release);
        }
        self.ended.store(true, Ordering::Release);
        Ok(())
    }
}

/// Bytes of each stream that are in the server's socket, or were read from it: those that were
/// taken from the writer and acknowledged by the other end.
fn arrived(streams: &[Stream]) -> Vec<u64> {
    let taken: Vec<u64> =
        streams.iter().map(|stream| stream.taken.load(Ordering::Acquire)).collect();
    // Read afterwards, so that it tells of all that was taken before.
    let table = fs::read_to_string("/proc/net/tcp").expect("this is Linux");
    let rows: Vec<Vec<&str>> = table.lines().map(|row| row.split_whitespace().collect()).collect();
    let ports = streams.iter().map(|stream| stream.port.load(Ordering::Relaxed));
    taken.iter().zip(ports).map(|(taken, port)| taken - unacknowledged(&rows, port)).collect()
}

/// Bytes that the socket with this local port holds until they are acknowledged: `tx_queue` of
/// /proc/net/tcp, see proc(5). State 01 is an open connection.
fn unacknowledged(rows: &[Vec<&str>], port: u64) -> u64 {
    let ours = format!(":{port:04X}");
    let row = rows.iter().find(|row| row[1].ends_with(&ours) && row[3] == "01");
    let (sending, _) = row.expect("it is open")[4].split_once(':').expect("tx_queue:rx_queue");
    u64::from_str_radix(sending, 16).expect("a number")
}

#[test]
fn streams_that_never_pause_lose_nothing_that_was_sent_before_sigterm() {
    each_of(&MODELS, |model| {
        let serving = serve(model, &["--drain", "10s", "echo=tcp://127.0.0.1:0?quit=off"]);
        let count = if model == "sequential" { 1 } else { STREAMS };
        let streams: Vec<Stream> = (0..count).map(|_| Stream::default()).collect();
        let arrived = thread::scope(|scope| {
            let readers: Vec<_> = streams
                .iter()
                .map(|stream| {
                    let socket = connect(serving.place());
                    let port = socket.local_addr().expect("it is connected").port();
                    stream.port.store(port.into(), Ordering::Relaxed);
                    let writing = socket.try_clone().expect("a descriptor is left");
                    scope.spawn(|| stream.write(writing));
                    scope.spawn(|| stream.read(socket))
                })
                .collect();
            let busy = |stream: &Stream| stream.came_back.load(Ordering::Relaxed) > STREAMED_MIN;
            wait_until("every stream flows", || streams.iter().all(busy));
            let arrived = arrived(&streams);
            serving.signal(Signal::TERM);
            for reader in readers {
                let result = reader.join().expect("no panic");
                assert_eq!(result, Ok(()), "{model}");
            }
            arrived
        });
        for (stream, arrived) in streams.iter().zip(arrived) {
            let came_back = stream.came_back.load(Ordering::Acquire);
            println!("{model}: {came_back} bytes came back, {arrived} had arrived before");
            assert!(came_back >= arrived, "{model}: {came_back} of {arrived} bytes");
        }
        assert_eq!(serving.end().0, Some(0), "{model}");
    });
}

/// Clients that come and go.
const VISITORS: usize = 16;
const VISITS_MIN: usize = 50;

/// Connects, exchanges a line and leaves, until nobody listens any more, or until the server ends
/// without an answer to a line that was sent at the returned time. Resets are told.
fn visit(place: &str, visits: &AtomicUsize) -> Result<Option<Instant>, String> {
    loop {
        let mut client = match TcpStream::connect(place) {
            Ok(client) => client,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Ok(None),
            Err(error) => return Err(format!("connect: {error}")),
        };
        let number = visits.load(Ordering::Relaxed);
        client.write_all(b"good day\n").map_err(|error| format!("write {number}: {error}"))?;
        let sent = Instant::now();
        client.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
        let mut answer = Vec::new();
        while answer.len() < 9 {
            let mut byte = [0];
            match client.read(&mut byte) {
                Ok(0) if answer.is_empty() => return Ok(Some(sent)),
                Ok(0) => return Err(format!("answer {number} was cut")),
                Ok(_) => answer.push(byte[0]),
                Err(error) => return Err(format!("read {number}: {error}")),
            }
        }
        assert_eq!(answer, b"good day\n");
        visits.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn clients_that_come_at_the_moment_of_sigterm_see_no_reset() {
    each_of(&CONCURRENT_MODELS, |model| {
        let serving = serve(model, &["echo=tcp://127.0.0.1:0"]);
        let place = serving.place().to_owned();
        let visits: Vec<AtomicUsize> = (0..VISITORS).map(|_| AtomicUsize::new(0)).collect();
        let failed: Vec<String> = thread::scope(|scope| {
            let visitors: Vec<_> =
                visits.iter().map(|visits| scope.spawn(|| visit(&place, visits))).collect();
            wait_until("everybody visits", || {
                visits.iter().all(|count| count.load(Ordering::Relaxed) >= VISITS_MIN)
            });
            let signalled = Instant::now();
            serving.signal(Signal::TERM);
            let results = visitors.into_iter().map(|visitor| visitor.join().expect("no panic"));
            let failure = |result| match result {
                Ok(Some(sent)) if sent < signalled => Some("no answer".to_owned()),
                Ok(_) => None,
                Err(how) => Some(how),
            };
            results.filter_map(failure).collect()
        });
        assert_eq!(failed, [""; 0], "{model}");
        assert_eq!(serving.end().0, Some(0), "{model}");
    });
}
