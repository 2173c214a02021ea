//! Relays, targets for them, and clients.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::common::{PATIENCE, Serving};

/// A running `colok relay`. Dropping it stops it.
pub(crate) struct Relay {
    pub(crate) serving: Serving,
    /// `host:port` where it listens.
    pub(crate) place: String,
}

impl Relay {
    /// A relay of TCP to `target` with these faults.
    pub(crate) fn tcp(target: &str, faults: &[&str]) -> Self {
        Self::start("tcp://127.0.0.1:0", &format!("tcp://{target}"), faults, &[])
    }

    /// A relay of datagrams.
    pub(crate) fn udp(target: &str, faults: &[&str]) -> Self {
        Self::start("udp://127.0.0.1:0", &format!("udp://{target}"), faults, &[])
    }

    pub(crate) fn start(listen: &str, target: &str, faults: &[&str], more: &[&str]) -> Self {
        let faults = faults.iter().flat_map(|fault| ["--fault", fault]);
        let mut arguments = vec!["relay", "--log", "json:-", listen, target];
        arguments.extend(faults);
        arguments.extend(more);
        let serving = Serving::plain(&arguments);
        let started = serving.event("started");
        let address = started["address"].as_str().expect("it is text").to_owned();
        let place = address.split_once("://").map_or(address.as_str(), |(_, place)| place);
        Self { place: place.to_owned(), serving }
    }

    /// A relay of TCP that keeps no log, as people start it: then bytes need not be looked at.
    pub(crate) fn without_log(target: &str, more: &[&str]) -> Self {
        let target = format!("tcp://{target}");
        let arguments = [&["relay", "tcp://127.0.0.1:0", &target], more].concat();
        let serving = Serving::plain(&arguments);
        let row = serving.line_with(&target);
        let place = row.trim().strip_prefix("tcp://").and_then(|row| row.split_whitespace().next());
        Self { place: place.expect("it is told").to_owned(), serving }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        patient(TcpStream::connect(&self.place).expect("it listens"))
    }

    /// The next event of this name.
    pub(crate) fn event(&self, name: &str) -> Value {
        self.serving.event(name)
    }

    /// Stops it; the events that were not looked at, the last of which is its account.
    pub(crate) fn stop(self) -> Vec<Value> {
        self.serving.signal(Signal::TERM);
        let (code, lines) = self.serving.end();
        assert_eq!(code, Some(0));
        let events: Vec<Value> =
            lines.iter().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
        assert_eq!(events.last().map(|it| it["event"].as_str()), Some(Some("stopped")));
        events
    }

    /// Stops it; how often each fault was applied, over all sets.
    pub(crate) fn applied(self) -> Vec<u64> {
        let events = self.stop();
        let sets = events[events.len() - 1]["sets"].as_array().expect("it is there").clone();
        let faults = sets.iter().flat_map(|set| set["faults"].as_array().expect("it is there"));
        faults.map(|fault| fault["applied"].as_u64().expect("it is a number")).collect()
    }
}

/// A stream that gives up before the test does.
pub(crate) fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    stream.set_write_timeout(Some(PATIENCE)).expect("it is a socket");
    stream.set_nodelay(true).expect("it is a socket");
    stream
}

/// A target whose connections the test holds.
pub(crate) struct Target {
    pub(crate) place: String,
    accepted: Receiver<TcpStream>,
}

impl Target {
    pub(crate) fn new() -> Self {
        let (sender, accepted) = channel();
        let place = listen(move |stream| drop(sender.send(stream)));
        Self { place, accepted }
    }

    /// The next connection of the relay.
    pub(crate) fn accept(&self) -> TcpStream {
        self.accepted.recv_timeout(PATIENCE).expect("the relay connects")
    }
}

/// A server that gives back what it gets, for `host:port`.
pub(crate) fn echo() -> String {
    listen(|mut stream| {
        thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                if stream.write_all(&buffer[..length]).is_err() {
                    return;
                }
            }
            let _ = stream.shutdown(Shutdown::Write);
        });
    })
}

/// A server that sends these bytes to everybody and closes.
pub(crate) fn sends(bytes: Vec<u8>) -> String {
    listen(move |mut stream| {
        let bytes = bytes.clone();
        thread::spawn(move || {
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        });
    })
}

fn listen(each: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let place = listener.local_addr().expect("it is bound").to_string();
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| each(patient(stream))));
    place
}

/// A datagram socket on loopback that gives up before the test does.
pub(crate) fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback can be bound");
    socket.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    socket
}

/// All that comes until the end, and how it ends: `None` in order, else the error.
pub(crate) fn read_all(stream: &mut TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 65_536];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (bytes, None),
            Ok(length) => bytes.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (bytes, Some(error.kind())),
        }
    }
}

/// Sends a byte and ends; what comes back, and how that ends. A reset that comes early is told by
/// the write, and then no more by a read.
pub(crate) fn ask(mut stream: TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    if let Err(error) = stream.write_all(b"x") {
        return (Vec::new(), Some(error.kind()));
    }
    // It fails after a reset, which the read tells.
    let _ = stream.shutdown(Shutdown::Write);
    read_all(&mut stream)
}

/// Exactly so many bytes.
pub(crate) fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).expect("so many come");
    bytes
}

/// Bytes that differ from place to place (splitmix64).
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let words = std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb).to_le_bytes()
    });
    words.flatten().take(length).collect()
}

/// The control socket of a relay, for `--control`.
pub(crate) struct Control {
    folder: PathBuf,
}

impl Control {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("colok-relay-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().expect("it is text").to_owned()
    }

    pub(crate) fn url(&self) -> String {
        format!("unix:{}", self.path("control"))
    }

    /// The answer to one line.
    pub(crate) fn ask(&self, line: &str) -> Value {
        let mut stream = UnixStream::connect(self.path("control")).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
        writeln!(stream, "{line}").expect("it takes a line");
        stream.shutdown(Shutdown::Write).expect("it is open");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{answer}"))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // What cannot be removed lies in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Tries so often until one try takes no longer than `most`; each must take `least` or more.
pub(crate) fn best_of(tries: usize, least: Duration, most: Duration, mut run: impl FnMut()) {
    let mut best = Duration::MAX;
    for _ in 0..tries {
        let start = Instant::now();
        run();
        let took = start.elapsed();
        assert!(took >= least, "{took:?} is less than {least:?}");
        best = best.min(took);
        if best <= most {
            return;
        }
    }
    panic!("{best:?} is more than {most:?} each of {tries} times");
}
