//! The bounds of a server: every one has a name, a default and a reason.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The bounds of a server. Idle timeouts and message gaps belong to each service address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Connections held at once, over all workers. Default: 80 % of the descriptor limit, so
    /// that logs, listeners and refusals always find a descriptor.
    pub connections_max: usize,
    /// Connections held at once by one internet address; `None`: no limit. Default: 256, plenty
    /// for one person or one proxy and too few to fill the server.
    pub connections_per_ip_max: Option<usize>,
    /// Whether `connections_per_ip_max` also holds for loopback addresses. Default: false.
    pub limit_loopback: bool,
    /// Worker threads (events) or processes, at most [`WORKERS_MAX`]. Default: the number of cores,
    /// at least 2 for processes so that one death leaves the service up.
    pub workers: usize,
    /// Sequential: how long a client keeps its turn while another waits. Default 30 s.
    pub turn: Duration,
    /// How long a stopping server lets what is in flight finish. Default 5 s.
    pub drain: Duration,
    /// Bytes that a lingering close reads and throws away at most. Default 256 KiB.
    pub linger_bytes: u64,
    /// How long a lingering close lasts at most. Default 1 s.
    pub linger: Duration,
    /// Bytes per second of one connection to the file store, both ways together. Default: no
    /// limit; a file store is there to be fast.
    pub bytes_per_second_max: Option<u64>,
    /// How long a worker of `uring` looks for work before it sleeps; zero: not at all. It makes a
    /// single client's round trip shorter and keeps a processor busy. Default: zero.
    pub busy_poll: Duration,
    /// Datagrams answered per second and source, loopback excepted. Default 100.
    pub replies_per_second_max: u32,
    /// Bytes sent to a datagram source per byte received from it, both counted with their IP and
    /// UDP headers, loopback excepted. Default 3 (RFC 9000 section 8 uses the same figure).
    pub amplification_max: u32,
}

/// The most workers: more than any machine has cores to run, few enough to start and stop at once.
pub const WORKERS_MAX: usize = 256;

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            connections_max: descriptor_limit() / 5 * 4,
            connections_per_ip_max: Some(256),
            limit_loopback: false,
            workers: cores,
            turn: Duration::from_secs(30),
            drain: Duration::from_secs(5),
            linger_bytes: 256 * 1024,
            linger: Duration::from_secs(1),
            bytes_per_second_max: None,
            busy_poll: Duration::ZERO,
            replies_per_second_max: 100,
            amplification_max: 3,
        }
    }
}

/// How many descriptors this process may have open (the soft limit).
pub fn descriptor_limit() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Raises the soft descriptor limit to the hard one; returns the limit that holds then.
pub fn raise_descriptor_limit() -> usize {
    let resource = rustix::process::Resource::Nofile;
    let mut limit = rustix::process::getrlimit(resource);
    limit.current = limit.maximum;
    // It fails only where a sandbox forbids it; then the old limit holds, and is what we return.
    let _ = rustix::process::setrlimit(resource, limit);
    descriptor_limit()
}
