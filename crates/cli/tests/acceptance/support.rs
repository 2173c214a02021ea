//! What the acceptance tests share: the models, clients with bounded waits, a look at processes
//! from outside, and load on the machine.

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Signal};

use crate::common::{PATIENCE, Serving, runnable};

/// Every concurrency model, by the name of its flag.
pub(crate) const MODELS: [&str; 5] = ["sequential", "threads", "processes", "events", "uring"];

/// Models that serve many clients at once.
pub(crate) const CONCURRENT_MODELS: [&str; 4] = ["threads", "processes", "events", "uring"];

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Runs the body for each of these side by side, without models that cannot run here; fails when it
/// fails for any, and names it.
pub(crate) fn each_of(names: &[&'static str], body: impl Fn(&'static str) + Sync) {
    let failed: Vec<&str> = thread::scope(|scope| {
        let names = runnable(names);
        let running: Vec<_> =
            names.into_iter().map(|name| (name, scope.spawn(|| body(name)))).collect();
        let ended = running.into_iter().map(|(name, thread)| (name, thread.join()));
        ended.filter_map(|(name, result)| result.is_err().then_some(name)).collect()
    });
    assert!(failed.is_empty(), "it failed for {failed:?}, see above");
}

/// Starts a server of this model with one listener.
pub(crate) fn serve(model: &str, arguments: &[&str]) -> Serving {
    Serving::start(&[&["--model", model], arguments].concat(), 1)
}

/// `host:port` or the path of an address given as a URL.
pub(crate) fn place_of(url: &str) -> &str {
    url.split_once("://").expect("it is a URL").1
}

/// A TCP client whose every wait has an end.
pub(crate) fn connect(place: &str) -> TcpStream {
    let stream = TcpStream::connect(place).expect("it listens");
    bounded(&stream);
    stream
}

fn bounded(stream: &TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).expect("the timeout is not zero");
    stream.set_write_timeout(Some(PATIENCE)).expect("the timeout is not zero");
    stream.set_nodelay(true).expect("it is a TCP socket");
}

/// A UDP client of one server whose every wait has an end.
pub(crate) fn connect_udp(place: &str) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback can be bound");
    socket.connect(place).expect("an address");
    socket.set_read_timeout(Some(PATIENCE)).expect("the timeout is not zero");
    socket
}

/// One `recv(1024)`.
pub(crate) fn receive_once(stream: &mut TcpStream) -> Vec<u8> {
    let mut buffer = [0; 1024];
    let length = stream.read(&mut buffer).expect("an answer comes");
    buffer[..length].to_vec()
}

/// Sends a line (with its newline) and takes as many bytes back, which must be the same.
pub(crate) fn echo_line(stream: &mut TcpStream, line: &str) -> io::Result<()> {
    stream.write_all(line.as_bytes())?;
    let mut answer = vec![0; line.len()];
    stream.read_exact(&mut answer)?;
    assert_eq!(String::from_utf8_lossy(&answer), line, "another answer than the line");
    Ok(())
}

/// Everything until the server ends.
pub(crate) fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("it ends without a reset");
    bytes
}

/// Writes until nothing is taken any more for a while: every buffer on the way is full, because
/// the answers are not read. Returns the bytes written.
pub(crate) fn flood(stream: &mut TcpStream) -> usize {
    let block = vec![b'x'; 64 * 1024];
    let full = Some(Duration::from_millis(200));
    stream.set_write_timeout(full).expect("the timeout is not zero");
    let mut written = 0;
    loop {
        match stream.write(&block) {
            Ok(length) => written += length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return written;
            }
            Err(error) => panic!("after {written} bytes: {error}"),
        }
    }
}

/// Waits until something holds, and says how long it took.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        thread::park_timeout(LOOK);
    }
    start.elapsed()
}

/// Lets time pass between two sends. This is the pace of the traffic; it waits for nothing.
pub(crate) fn pace(time: Duration) {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
}

/// Allows this process as many descriptors as the system does.
pub(crate) fn allow_many_descriptors() {
    let mut limit = rustix::process::getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    rustix::process::setrlimit(Resource::Nofile, limit).expect("up to the hard limit");
}

/// Threads that use every core until this is dropped.
pub(crate) struct Hog {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Hog {
    pub(crate) fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let spin = |_| {
            let stop = stop.clone();
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        };
        let threads = (0..cores).map(spin).collect();
        Self { stop, threads }
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A folder for one test, gone at its end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("colok-acceptance-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("the temporary folder takes a new one");
        Self(path)
    }

    /// The path of a file in it, as text.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("the temporary folder has a plain name").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Sends a signal to a process that this test started, or to a child of such a one.
pub(crate) fn signal(process: u32, signal: Signal) {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process id");
    rustix::process::kill_process(process, signal).expect("it runs");
}

/// The processes whose parent this is.
pub(crate) fn children(process: u32) -> HashSet<u32> {
    let entries = fs::read_dir("/proc").expect("this is Linux");
    let processes = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    processes.filter(|&child| parent(child) == Some(process)).collect()
}

fn parent(process: u32) -> Option<u32> {
    stat_fields(process)?.get(1)?.parse().ok()
}

/// The fields of `/proc/PID/stat` from the state on (field 3 of proc(5)); `None` for a process
/// that is gone or only waits to be collected.
fn stat_fields(process: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before it may hold anything, even a parenthesis.
    let fields: Vec<String> =
        text.rsplit_once(") ")?.1.split_whitespace().map(str::to_owned).collect();
    (fields[0] != "Z").then_some(fields)
}

/// Whether a process runs, or still holds what it had: its first thread may have ended before the
/// others.
pub(crate) fn runs(process: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task")).map_or(0, Iterator::count);
    threads > 1 || stat_fields(process).is_some()
}

/// User and system time of a process, in clock ticks (1/100 s).
pub(crate) fn processor_ticks(process: u32) -> u64 {
    let fields = stat_fields(process).expect("it runs");
    let ticks = |field: usize| fields[field - 3].parse::<u64>().expect("a number");
    ticks(14) + ticks(15)
}

/// Resident memory of a process in KiB that is its own: pages of the program file come and go as
/// the system likes, and no leak is among them.
pub(crate) fn resident_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line =
        status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("it has memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).expect("it runs").count()
}
