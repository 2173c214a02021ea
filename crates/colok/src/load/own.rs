//! What the generator itself uses: processor time and delay of its threads, descriptors, ports,
//! and datagrams that its own sockets lost.
//!
//! It only looks and, at most, raises the limit of descriptors of this process as far as the
//! system allows. What cannot be known is `None`, never zero.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use colok_proto::Time;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::plan::Address;
use super::samples::ThreadFigures;
use super::socket_table::{self, Row};

/// What the calling thread has used since it started. Two of them, taken on the same thread, say
/// what it used in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadUse {
    /// Time on a processor.
    pub processor: Duration,
    /// Time ready to run and without a processor; `None` where the kernel does not count it.
    pub delayed: Option<Duration>,
}

impl ThreadUse {
    /// Of the calling thread, now. A clock and one small file: a few microseconds.
    pub fn now() -> Self {
        let processor = clock_gettime(ClockId::ThreadCPUTime);
        Self {
            processor: Duration::try_from(processor).unwrap_or_default(),
            delayed: fs::read_to_string("/proc/thread-self/schedstat")
                .ok()
                .and_then(|text| delay_of(&text)),
        }
    }

    /// What was used since an earlier look.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        let delayed = self.delayed.zip(earlier.delayed);
        Self {
            processor: self.processor.saturating_sub(earlier.processor),
            delayed: delayed.map(|(now, then)| now.saturating_sub(then)),
        }
    }
}

/// A stretch of a thread's time that has begun: what it used in it is known at its end.
///
/// The time is read first at the beginning and last at the end. A thread that loses its processor
/// between two looks would otherwise have waited for longer than the stretch lasted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    since: Time,
    used: ThreadUse,
}

impl Stretch {
    /// Begins, on this thread: `now` reads the clock, `used` is [`ThreadUse::now`].
    pub(super) fn begin(now: impl FnOnce() -> Time, used: impl FnOnce() -> ThreadUse) -> Self {
        let since = now();
        Self { since, used: used() }
    }

    /// Ends, on the same thread. `spun` is processor time that was not work.
    pub(super) fn end(
        self,
        now: impl FnOnce() -> Time,
        used: impl FnOnce() -> ThreadUse,
        spun: Duration,
    ) -> ThreadFigures {
        let used = used().since(self.used);
        ThreadFigures {
            seconds: now().since(self.since).as_secs_f64(),
            processor_s: used.processor.saturating_sub(spun).as_secs_f64(),
            delayed_s: used.delayed.map(|delayed| delayed.as_secs_f64()),
        }
    }
}

/// The second figure of a `schedstat` file: nanoseconds on a run queue (sched-stats in the
/// kernel's documentation).
fn delay_of(text: &str) -> Option<Duration> {
    text.split_ascii_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

/// What this process holds of things that run out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Descriptors in use.
    pub descriptors: u64,
    /// How many this process may have.
    pub descriptors_max: u64,
    /// Local ports in use toward the service, on the source address that has most. Inet only.
    pub ports: Option<u64>,
    /// How many there are per source address.
    pub ports_max: Option<u64>,
    /// Datagrams that the kernel dropped at sockets of this process. UDP only.
    pub receive_drops: Option<u64>,
}

impl Resources {
    /// Now, while the connections are still open. Reads the system's table of sockets, which
    /// takes some hundred milliseconds with 100 000 of them: not for the measured time.
    pub fn now(service: &Address) -> Self {
        let (descriptors, descriptors_max) = descriptors();
        Self {
            descriptors,
            descriptors_max,
            ports: ports_used(service),
            ports_max: ports_available(service),
            receive_drops: receive_drops(service),
        }
    }
}

/// Descriptors in use and how many this process may have.
pub fn descriptors() -> (u64, u64) {
    // The listing itself takes one while it lasts.
    let used = fs::read_dir("/proc/self/fd").map_or(0, |all| all.count().saturating_sub(1));
    (used as u64, getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
}

/// Raises the limit of descriptors as far as this process may, and returns what it is then.
pub fn raise_descriptors() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current.unwrap_or(u64::MAX);
    }
    // Not allowed to: then the old limit stands, and plans are made with it.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// How many local ports the kernel chooses from for one source address; `None` for Unix sockets.
pub fn ports_available(service: &Address) -> Option<u64> {
    // IPv6 goes by the same range (ip-sysctl in the kernel's documentation).
    inet(service)?;
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let reserved = fs::read_to_string("/proc/sys/net/ipv4/ip_local_reserved_ports");
    count_ports(&range, &reserved.unwrap_or_default())
}

fn count_ports(range: &str, reserved: &str) -> Option<u64> {
    let mut bounds = range.split_ascii_whitespace().map(str::parse::<u16>);
    let range = bounds.next()?.ok()?..=bounds.next()?.ok()?;
    let taken: u64 = reserved
        .trim()
        .split(',')
        .filter_map(port_range)
        .map(|reserved| {
            let first = *reserved.start().max(range.start());
            let last = *reserved.end().min(range.end());
            (u64::from(last) + 1).saturating_sub(u64::from(first))
        })
        .sum();
    let all = (u64::from(*range.end()) + 1).saturating_sub(u64::from(*range.start()));
    Some(all.saturating_sub(taken))
}

/// `8080` or `9000-9100`.
fn port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

/// Local ports in use toward the service, of the source address that uses most, those that wait
/// in `TIME_WAIT` too; `None` for Unix sockets.
pub fn ports_used(service: &Address) -> Option<u64> {
    let remote = inet(service)?;
    let mut used: HashMap<IpAddr, u64> = HashMap::new();
    socket_table::each(tables(service), |row: &Row| {
        if row.remote == remote {
            *used.entry(row.local.ip()).or_default() += 1;
        }
    });
    Some(used.values().copied().max().unwrap_or(0))
}

/// Datagrams that the kernel dropped at sockets of this process since they were opened; `None`
/// for streams.
pub fn receive_drops(service: &Address) -> Option<u64> {
    let Address::Udp(_) = service else { return None };
    let ours = own_sockets();
    let mut drops = 0;
    socket_table::each(tables(service), |row: &Row| {
        if ours.contains(&row.inode) {
            drops += row.drops;
        }
    });
    Some(drops)
}

/// The inodes of the sockets that this process holds.
fn own_sockets() -> HashSet<u64> {
    let Ok(descriptors) = fs::read_dir("/proc/self/fd") else { return HashSet::new() };
    let links = descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    links
        .filter_map(|link| {
            let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            inode.parse().ok()
        })
        .collect()
}

fn inet(service: &Address) -> Option<SocketAddr> {
    match service {
        Address::Tcp(address) | Address::Udp(address) => Some(*address),
        Address::Unix(_) => None,
    }
}

fn tables(service: &Address) -> &'static [&'static str] {
    match service {
        Address::Tcp(_) => &["/proc/net/tcp", "/proc/net/tcp6"],
        Address::Udp(_) => &["/proc/net/udp", "/proc/net/udp6"],
        Address::Unix(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    #[test]
    fn a_thread_that_works_uses_its_processor() {
        let before = ThreadUse::now();
        while ThreadUse::now().since(before).processor < Duration::from_millis(2) {}
        let used = ThreadUse::now().since(before);
        assert!(used.processor >= Duration::from_millis(2));
    }

    #[test]
    fn the_delay_is_the_second_figure() {
        assert_eq!(delay_of("865329 42 1\n"), Some(Duration::from_nanos(42)));
        assert_eq!(delay_of("865329\n"), None);
        assert_eq!(delay_of(""), None);
    }

    #[test]
    fn nobody_waits_for_longer_than_it_lasts() {
        let (time, delayed) = (Cell::new(0), Cell::new(0));
        let wait = |millis| {
            time.set(time.get() + millis);
            delayed.set(delayed.get() + millis);
        };
        let now = || Time::from_millis(time.get());
        // Reading takes a file: the processor may be gone before and after that.
        let used = || {
            wait(80);
            let processor = Duration::from_millis(time.get() - delayed.get());
            let used = ThreadUse { processor, delayed: Some(Duration::from_millis(delayed.get())) };
            wait(80);
            used
        };
        let stretch = Stretch::begin(now, used);
        time.set(time.get() + 16);
        let figures = stretch.end(now, used, Duration::from_millis(2));
        assert_eq!(
            figures,
            ThreadFigures { seconds: 0.336, processor_s: 0.014, delayed_s: Some(0.16) }
        );
    }

    #[test]
    fn reserved_ports_are_not_there_to_be_used() {
        assert_eq!(count_ports("32768\t60999\n", "\n"), Some(28_232));
        assert_eq!(count_ports("32768\t60999\n", "33000,40000-40009,1-10\n"), Some(28_221));
        assert_eq!(count_ports("32768\t60999\n", "60990-65535"), Some(28_222));
        assert_eq!(count_ports("1024\t65535\n", ""), Some(64_512));
        assert_eq!(count_ports("", ""), None);
    }

    #[test]
    fn ports_toward_a_service_are_counted_per_source() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        let address = listener.local_addr().expect("it is bound");
        let service = Address::Tcp(address);
        assert_eq!(ports_used(&service), Some(0));
        let held: Vec<_> =
            (0..3).map(|_| TcpStream::connect(address).expect("it listens")).collect();
        assert_eq!(ports_used(&service), Some(3));
        assert_eq!(ports_used(&Address::Unix("@name".into())), None);
        drop(held);
    }

    #[test]
    fn datagrams_that_find_no_room_are_dropped_and_counted() {
        let receiver = UdpSocket::bind("127.0.0.1:0").expect("loopback can be bound");
        let address = receiver.local_addr().expect("it is bound");
        let service = Address::Udp(address);
        let before = receive_drops(&service).expect("a datagram socket");
        rustix::net::sockopt::set_socket_recv_buffer_size(&receiver, 4096).expect("a small room");
        let sender = UdpSocket::bind("127.0.0.1:0").expect("loopback can be bound");
        for _ in 0..200 {
            sender.send_to(&[7; 1000], address).expect("loopback takes it");
        }
        receiver.set_nonblocking(true).expect("it is open");
        let mut taken = 0;
        while receiver.recv(&mut [0; 1000]).is_ok() {
            taken += 1;
        }
        assert_eq!(receive_drops(&service), Some(before + 200 - taken));
        assert_eq!(receive_drops(&Address::Tcp(address)), None);
    }

    #[test]
    fn resources_are_those_of_this_process() {
        let (before, max) = descriptors();
        assert!(before >= 3 && before < max, "{before} of {max}");
        assert!(raise_descriptors() >= max);
        let resources = Resources::now(&Address::Unix("@name".into()));
        assert_eq!((resources.ports, resources.receive_drops), (None, None));
    }
}
