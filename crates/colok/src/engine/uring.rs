//! The `uring` model: one io_uring per worker thread.
//!
//! Connections and bytes come from the kernel by themselves, into buffers that belong to the
//! worker; an echo leaves from the very buffer it came in; and all that a turn of the loop sends
//! leaves with one call, which is also the next wait. An idle connection takes less than a hundred
//! bytes. A connection stays with its worker for life.
//!
//! It never names a protocol, and it never waits for one connection while another could go on.

mod accepting;
mod blind;
mod connection;
mod files;
mod inbox;
mod pace;
#[cfg(test)]
mod tests;
mod timers;
mod turns;
mod worker;

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use colok_sys::uring::{Size, Uring};
use rustix::io::Errno;

use super::disk;
use super::port::Port;
use crate::engine::{Limits, Stop, WORKERS_MAX};
use crate::error::{Error, Result};
use crate::observe::Tap;
use inbox::Inbox;
use worker::Worker;

/// The ring of a worker. Operations: what a turn of the loop queues before it submits in between.
/// Completions: an arrival and the end of a send for thousands of connections; the kernel keeps
/// what has no room. Buffers: 16 MiB at most, of which the memory is taken as arrivals need it.
const SIZE: Size =
    Size { entries: 4096, completions: 32_768, buffers: 256, buffer_bytes: 64 * 1024 };

/// What all workers share.
#[derive(Debug)]
struct Shared<T: Tap> {
    /// How large each worker's ring is.
    size: Size,
    stop: Stop,
    drain: Duration,
    busy_poll: Duration,
    inboxes: Vec<Arc<Inbox<T>>>,
    /// Threads that may wait for a disk.
    disk: Option<tokio::runtime::Runtime>,
}

impl<T: Tap> Shared<T> {
    fn new(size: Size, ports: &[Port<T>], limits: &Limits, stop: &Stop) -> Result<Self> {
        let workers = limits.workers.clamp(1, WORKERS_MAX);
        let inbox = || Inbox::new().map(Arc::new);
        let inboxes: std::result::Result<_, Errno> = (0..workers).map(|_| inbox()).collect();
        let inboxes = inboxes.map_err(|errno| Error::call("eventfd", "event loop", errno))?;
        let disk = ports.iter().any(Port::has_store).then(|| {
            // It is never entered: of a runtime only the threads for blocking work are used.
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.max_blocking_threads(disk::threads_per_worker(1)).build()
        });
        let disk = disk.transpose().map_err(|error| failed("thread", &error))?;
        let (drain, busy_poll) = (limits.drain, limits.busy_poll);
        Ok(Self { size, stop: stop.clone(), drain, busy_poll, inboxes, disk })
    }

    fn inbox(&self, worker: usize) -> Arc<Inbox<T>> {
        self.inboxes[worker].clone()
    }

    /// The worker that a new connection is for; the one that has accepted it, unless another has
    /// clearly fewer, because handing over costs a wake-up.
    fn worker_with_fewest(&self, own: usize) -> usize {
        let held = |worker: &usize| self.inboxes[*worker].connections();
        let fewest = (0..self.inboxes.len()).min_by_key(held).unwrap_or(own);
        let spread = 1 + held(&fewest) / 8;
        if held(&own) <= held(&fewest) + spread { own } else { fewest }
    }

    fn on_disk_thread(&self, turn: impl FnOnce() + Send + 'static) {
        if let Some(disk) = &self.disk {
            disk.spawn_blocking(turn);
        }
    }
}

/// Whether rings can be made here.
pub(crate) fn is_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| Uring::new(Size { buffers: 1, buffer_bytes: 4096, ..SIZE }).is_ok())
}

/// Serves the ports until stopped, on `limits.workers` threads. Fails at once where there is no
/// io_uring.
pub(crate) fn run<T: Tap>(ports: &[Port<T>], limits: &Limits, stop: &Stop) -> Result<()> {
    run_with(SIZE, ports, limits, stop)
}

/// The same on rings of any size.
fn run_with<T: Tap>(size: Size, ports: &[Port<T>], limits: &Limits, stop: &Stop) -> Result<()> {
    if ports.is_empty() {
        return Ok(());
    }
    let shared = Shared::new(size, ports, limits, stop)?;
    let (tell, told) = channel();
    thread::scope(|scope| {
        let mut starts = Vec::new();
        for number in 0..shared.inboxes.len() {
            let (start, started) = channel();
            let (shared, tell) = (&shared, tell.clone());
            let body = move || work(ports, shared, number, &tell, &started);
            let named = thread::Builder::new().name(format!("worker-{number}"));
            named.spawn_scoped(scope, body).map_err(|error| failed("thread", &error))?;
            starts.push(start);
        }
        // All rings are made before any serves, so that a system without them is an error at once.
        for _ in &starts {
            told.recv().unwrap_or(Ok(())).map_err(|error| failed(SETUP, &error))?;
        }
        drop(tell);
        for start in starts {
            // It waits for exactly this.
            let _ = start.send(());
        }
        let mut ended = Ok(());
        while let Ok(result) = told.recv() {
            if result.is_err() {
                stop.at_once();
            }
            ended = ended.and(result);
        }
        ended.map_err(|error| failed(ENTER, &error))
    })
}

const SETUP: &str = "io_uring_setup";
const ENTER: &str = "io_uring_enter";

/// Whether an engine that failed with this had begun to serve.
pub(crate) fn had_begun(error: &Error) -> bool {
    matches!(error, Error::Call { call: ENTER, .. })
}

/// One worker: makes its ring, which stays in its thread, tells so, and serves when told to.
fn work<T: Tap>(
    ports: &[Port<T>],
    shared: &Shared<T>,
    number: usize,
    tell: &Sender<io::Result<()>>,
    started: &Receiver<()>,
) {
    // Whoever listens to what is told outlives this thread.
    let ring = match Uring::new(shared.size) {
        Ok(ring) => ring,
        Err(error) => return drop(tell.send(Err(error))),
    };
    let _ = tell.send(Ok(()));
    if started.recv().is_ok() {
        let clock = ports[0].clock();
        let _ = tell.send(Worker::new(ports, shared, number, clock, ring).run());
    }
}

fn failed(call: &'static str, error: &io::Error) -> Error {
    let errno = Errno::from_io_error(error).unwrap_or(Errno::IO);
    Error::call(call, "event loop", errno)
}
