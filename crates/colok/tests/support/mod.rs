//! Servers in this process and clients to talk to them, for tests. Every wait has an end.

#![allow(dead_code, reason = "each test program uses its part of the support")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use colok::engine::Model;
use colok::net::service_address::{ServiceDefaults, parse_service_address};
use colok::observe::{Event, LogTap, RecordReceiver, Totals, log_queue};
use colok::server::{Limits, Server, Stop};
use colok::store::StoreOptions;

/// Longer than anything here takes on a busy machine; only a failure waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The models that engines exist for.
pub(crate) const MODELS: [Model; 5] =
    [Model::Sequential, Model::Threads, Model::Processes, Model::Events, Model::Uring];

/// A server that runs until it is dropped or stopped.
pub(crate) struct Running {
    /// The URLs that were bound, in order.
    pub(crate) urls: Vec<String>,
    stop: Stop,
    thread: Option<JoinHandle<Totals>>,
    records: RecordReceiver,
}

impl Running {
    /// Starts services, given as service addresses, on a model.
    pub(crate) fn start(model: Model, services: &[&str], limits: Limits) -> Self {
        Self::start_with_store(model, services, limits, None)
    }

    /// The same with a log that sees no message, so that engines may take every short way.
    pub(crate) fn start_unwatched(model: Model, services: &[&str], limits: Limits) -> Self {
        Self::begin(model, services, limits, None, log_queue::<false>(false, false))
    }

    /// The same, with a store for a service that wants one.
    pub(crate) fn start_with_store(
        model: Model,
        services: &[&str],
        limits: Limits,
        store: Option<StoreOptions>,
    ) -> Self {
        Self::begin(model, services, limits, store, log_queue::<true>(true, false))
    }

    fn begin<const DETAIL: bool>(
        model: Model,
        services: &[&str],
        limits: Limits,
        store: Option<StoreOptions>,
        (tap, records): (LogTap<DETAIL>, RecordReceiver),
    ) -> Self {
        let parse = |text: &&str| {
            parse_service_address(text, ServiceDefaults::default()).expect("an address")
        };
        let addresses: Vec<_> = services.iter().flat_map(parse).collect();
        let server = Server::bind(&addresses, model, limits, store, &tap).expect("it can be bound");
        let urls = server.listening().into_iter().map(|listening| listening.address).collect();
        let stop = Stop::new().expect("a descriptor is left");
        let stopping = stop.clone();
        let run = move || server.run(&stopping, &tap).expect("it runs");
        let thread = Some(std::thread::spawn(run));
        Self { urls, stop, thread, records }
    }

    /// Connects to the first address.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(&self.urls[0])
    }

    /// Asks for a graceful stop, without waiting for it.
    pub(crate) fn drain(&self) {
        self.stop.drain();
    }

    /// Asks for an end now, without waiting for it.
    pub(crate) fn at_once(&self) {
        self.stop.at_once();
    }

    /// Stops and returns what was done.
    pub(crate) fn finish(mut self) -> Totals {
        self.stop.drain();
        self.thread.take().expect("it runs").join().expect("the server does not panic")
    }

    /// Waits for an event that `wanted` accepts, throwing away those before it.
    pub(crate) fn wait_for<R>(&mut self, wanted: impl Fn(&Event) -> Option<R>) -> R {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            match self.records.try_next() {
                Some(record) => {
                    if let Some(found) = wanted(&record.event) {
                        return found;
                    }
                }
                None => std::thread::yield_now(),
            }
        }
        panic!("the event did not come");
    }

    /// Waits for a connection to be closed; returns the reason.
    pub(crate) fn closed(&mut self) -> String {
        self.wait_for(|event| match event {
            Event::Closed { reason, .. } => Some(reason.clone()),
            _ => None,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.at_once();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A stream client of either kind.
pub(crate) enum Client {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Client {
    /// Connects to a URL.
    pub(crate) fn connect(url: &str) -> Self {
        let client = if let Some(name) = url.strip_prefix("unix:@") {
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name);
            let address = address.expect("a name");
            Self::Unix(UnixStream::connect_addr(&address).expect("it listens"))
        } else if let Some(path) = url.strip_prefix("unix://") {
            Self::Unix(UnixStream::connect(path).expect("it listens"))
        } else {
            let address = url.strip_prefix("tcp://").expect("a stream URL");
            Self::Tcp(TcpStream::connect(address).expect("it listens"))
        };
        match &client {
            Self::Tcp(stream) => {
                stream.set_nodelay(true).expect("an option");
                stream.set_read_timeout(Some(PATIENCE)).expect("an option");
                stream.set_write_timeout(Some(PATIENCE)).expect("an option");
            }
            Self::Unix(stream) => {
                stream.set_read_timeout(Some(PATIENCE)).expect("an option");
                stream.set_write_timeout(Some(PATIENCE)).expect("an option");
            }
        }
        client
    }

    /// A second handle on the same connection.
    pub(crate) fn duplicate(&self) -> Self {
        match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone().expect("a descriptor")),
            Self::Unix(stream) => Self::Unix(stream.try_clone().expect("a descriptor")),
        }
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.write_all(bytes).expect("it can be sent");
    }

    /// Sends one byte of urgent data (TCP).
    pub(crate) fn send_urgent(&self, byte: u8) {
        let Self::Tcp(stream) = self else { panic!("only TCP has urgent data") };
        let sent = rustix::net::send(stream, &[byte], rustix::net::SendFlags::OOB);
        assert_eq!(sent, Ok(1));
    }

    /// Ends the sending side.
    pub(crate) fn half_close(&self) {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write).expect("it is open"),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write).expect("it is open"),
        }
    }

    /// Reads exactly this many bytes.
    pub(crate) fn receive(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.read_exact(&mut bytes).expect("that many bytes come");
        bytes
    }

    /// Reads until the server ends.
    pub(crate) fn receive_all(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).expect("the server ends without a reset");
        bytes
    }

    /// Sends, and reads as many bytes as `expected` has.
    pub(crate) fn ask(&mut self, bytes: &[u8], expected: &[u8]) {
        self.send(bytes);
        let reply = self.receive(expected.len());
        assert_eq!(String::from_utf8_lossy(&reply), String::from_utf8_lossy(expected));
    }
}

impl Read for Client {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Client {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A UDP client with an ephemeral port, connected to a URL.
pub(crate) fn udp_client(url: &str) -> UdpSocket {
    let address: SocketAddr = url.strip_prefix("udp://").expect("a UDP URL").parse().expect("one");
    let any = if address.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    let socket = UdpSocket::bind(any).expect("a socket");
    socket.connect(address).expect("an address");
    socket.set_read_timeout(Some(PATIENCE)).expect("an option");
    socket
}

/// Bytes that look random, the same for the same seed (splitmix64).
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let mut bytes: Vec<u8> =
        std::iter::repeat_with(|| next().to_le_bytes()).flatten().take(length.max(8)).collect();
    bytes.truncate(length);
    bytes
}

/// A name for an abstract socket that no other test uses.
pub(crate) fn fresh_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("colok-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
