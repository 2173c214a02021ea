//! The engine on rings of any size, watched by a tap that can hold up its workers. Where there is
//! no io_uring, tests say so and end. What needs no more than a server is in
//! `tests/uring_faults.rs`.

mod pressure;
mod stopping;
mod waiting;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use colok_sys::uring::{Size, Uring};

use crate::clock::Clock;
use crate::engine::gate::{Gate, LocalGate};
use crate::engine::port::Port;
use crate::engine::{Limits, Stop};
use crate::error::Result;
use crate::net::listen::bind_all;
use crate::net::service_address::{ServiceDefaults, parse_service_address};
use crate::observe::{Calls, Event, Tap, Totals};

/// Longer than anything here takes on a busy machine; only a failure waits this long.
const PATIENCE: Duration = Duration::from_secs(40);

/// A ring as a server has it, small enough for many tests at once.
const MEDIUM: Size = Size { entries: 256, completions: 4096, buffers: 64, buffer_bytes: 16 * 1024 };

/// Everything about it is too small for what the tests do.
const TINY: Size = Size { entries: 8, completions: 8, buffers: 8, buffer_bytes: 16 };

/// Sees what is told of connections, and can hold a worker where it tells of a new one.
#[derive(Clone, Debug)]
struct Watch(Arc<(Mutex<Seen>, Condvar)>);

#[derive(Debug, Default)]
struct Seen {
    hold: Hold,
    accepted: usize,
    /// Reason, bytes received and sent of every connection that was closed.
    closed: Vec<(String, u64, u64)>,
    paused: usize,
    resumed: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hold {
    #[default]
    No,
    /// The next worker that accepts is held.
    Next,
    /// One is.
    Holding,
}

impl Watch {
    fn new() -> Self {
        Self(Arc::new((Mutex::default(), Condvar::new())))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.0.lock().expect("nobody panics with it")
    }

    fn set(&self, hold: Hold) {
        self.seen().hold = hold;
        self.0.1.notify_all();
    }

    /// Waits until what was seen is as `wanted`.
    fn until(&self, wanted: impl Fn(&Seen) -> bool) {
        let result = self.0.1.wait_timeout_while(self.seen(), PATIENCE, |seen| !wanted(seen));
        let (seen, timeout) = result.expect("nobody panics with it");
        assert!(!timeout.timed_out(), "it never came to that: {seen:?}");
    }
}

impl Tap for Watch {
    const DETAIL: bool = false;

    fn event(&self, event: impl FnOnce() -> Event) {
        let mut seen = self.seen();
        match event() {
            Event::Accepted { .. } => {
                seen.accepted += 1;
                if seen.hold == Hold::Next {
                    seen.hold = Hold::Holding;
                    self.0.1.notify_all();
                    let holding = |seen: &mut Seen| seen.hold == Hold::Holding;
                    let held = self.0.1.wait_timeout_while(seen, PATIENCE, holding);
                    seen = held.expect("nobody panics with it").0;
                }
            }
            Event::Closed { reason, bytes_received, bytes_sent, .. } => {
                seen.closed.push((reason, bytes_received, bytes_sent));
            }
            Event::Paused { .. } => seen.paused += 1,
            Event::Resumed { .. } => seen.resumed += 1,
            _ => {}
        }
        drop(seen);
        self.0.1.notify_all();
    }
}

/// A server that runs until it is finished or dropped.
struct Server {
    url: String,
    watch: Watch,
    stop: Stop,
    gate: Arc<dyn Gate>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Server {
    /// Serves one service on one worker; `None` where there is no io_uring.
    fn start(service: &str, size: Size) -> Option<Self> {
        Self::start_with(service, size, Limits { workers: 1, ..Limits::default() })
    }

    fn start_with(service: &str, size: Size, limits: Limits) -> Option<Self> {
        if let Err(error) = Uring::new(MEDIUM) {
            let _ = writeln!(std::io::stderr(), "skipped: no io_uring here: {error}");
            return None;
        }
        let watch = Watch::new();
        let addresses = parse_service_address(service, ServiceDefaults::default());
        let addresses = addresses.expect("a service address");
        let listeners = bind_all(&addresses, &watch, Calls::new(&watch)).expect("it can be bound");
        let url = listeners[0].url();
        let gate: Arc<dyn Gate> = Arc::new(LocalGate::new(&limits));
        let clock = Clock::start();
        let port = |listener| Port::new(listener, &limits, gate.clone(), clock, &watch);
        let ports: Vec<_> = listeners.into_iter().map(port).collect();
        let stop = Stop::new().expect("a descriptor is left");
        let stopping = stop.clone();
        let run = move || {
            let ran = super::run_with(size, &ports, &limits, &stopping);
            ports.into_iter().for_each(Port::close);
            ran
        };
        let thread = Some(std::thread::spawn(run));
        Some(Self { url, watch, stop, gate, thread })
    }

    fn address(&self) -> SocketAddr {
        let address = self.url.strip_prefix("tcp://").expect("a TCP server");
        address.parse().expect("an address")
    }

    fn connect(&self) -> TcpStream {
        let client = TcpStream::connect(self.address()).expect("it listens");
        client.set_nodelay(true).expect("an option");
        client.set_read_timeout(Some(PATIENCE)).expect("an option");
        client.set_write_timeout(Some(PATIENCE)).expect("an option");
        client
    }

    fn connect_unix(&self) -> UnixStream {
        let name = self.url.strip_prefix("unix:@").expect("a Unix server");
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name).expect("a name");
        let client = UnixStream::connect_addr(&address).expect("it listens");
        client.set_read_timeout(Some(PATIENCE)).expect("an option");
        client.set_write_timeout(Some(PATIENCE)).expect("an option");
        client
    }

    /// Holds a worker up: with a connection that it has just accepted, which is returned.
    fn hold(&self) -> TcpStream {
        self.watch.set(Hold::Next);
        let client = self.connect();
        self.watch.until(|seen| seen.hold == Hold::Holding);
        client
    }

    /// Lets the held worker go on.
    fn release(&self) {
        self.watch.set(Hold::No);
    }

    /// Stops, lets what is in flight finish, and tells what was done.
    fn finish(mut self) -> Totals {
        self.stop.drain();
        self.join();
        self.gate.totals()
    }

    fn join(&mut self) {
        let thread = self.thread.take().expect("it runs");
        thread.join().expect("no worker panics").expect("the rings work");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.watch.set(Hold::No);
        self.stop.at_once();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A name that no other test uses, as the address of a Unix server.
fn fresh_unix() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("unix:@colok-uring-{}-{number}", std::process::id())
}

/// Bytes whose order is known by their values, different for each `seed`.
fn pattern(seed: usize, length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from((index + seed) % 251).expect("below 251")).collect()
}

/// The client with little room on both sides, so that it blocks soon. With less, segments would be
/// dropped and sent again ever later, instead of waiting for a window.
fn narrow(client: TcpStream) -> TcpStream {
    use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
    set_socket_recv_buffer_size(&client, 32 * 1024).expect("an option");
    set_socket_send_buffer_size(&client, 4096).expect("an option");
    client
}

fn ask(client: &mut (impl Read + Write), bytes: &[u8]) {
    client.write_all(bytes).expect("it can be sent");
    let mut reply = vec![0; bytes.len()];
    client.read_exact(&mut reply).expect("the echo comes");
    assert!(reply == bytes, "the echo is what was sent");
}
