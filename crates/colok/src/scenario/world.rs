//! A world: hosts as network namespaces on one bridge, made for a case and gone with it.
//!
//! Nothing of a world has a name outside of it, and nothing outside is changed: its namespaces,
//! mounts, rules and files belong to one process, PID 1 of a PID namespace, and the kernel takes
//! all of it away when that process dies. It dies when the runner closes its orders, or dies
//! itself.
//!
//! Two processes stand between a runner and the agents of a world, both this same program:
//! `outer` leaves the namespaces of the runner and watches over `init`, the PID 1, which makes
//! the world and passes lines on: `NAME JSON` each way.

mod init;
mod link;
mod mounts;
mod netlink;
pub mod network;
mod nftables;
mod outer;
mod rate;
mod transport;

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, mpsc};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, pidfd_open};

use super::file::HostKind;
use super::host::{HeardSender, Host, Transport, channel};
use transport::{Orders, Said, Shared};

/// The argument that makes a program the outer process of a world.
const OUTER_ARGUMENT: &str = "__world";
/// The argument that makes a program PID 1 of a world.
const INIT_ARGUMENT: &str = "__init";
/// A world is made in a fraction of a second; longer than this it never will be.
const MAKING: Duration = Duration::from_secs(30);
/// The kernel ends a world in milliseconds; then the outer process is killed as well.
const ENDING: Duration = Duration::from_secs(5);
/// A host name of Linux has at most 64 bytes (uname(2)).
const NAME_BYTES_MAX: usize = 64;
/// A bridge has at most 1023 ports (`BR_MAX_PORTS`, net/bridge).
const HOSTS_MAX: usize = 1000;

/// What a world is made of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WorldSpec {
    /// Its hosts; names are distinct.
    pub hosts: Vec<WorldHost>,
    /// The length of the prefix of the IPv4 subnet: 24.
    pub prefix: u8,
    /// The largest packet, in bytes.
    pub mtu: u32,
}

/// A host of a world.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WorldHost {
    /// Its name, which is also the name of its folder.
    pub name: String,
    /// Its IPv4 address.
    pub ipv4: Ipv4Addr,
    /// Its IPv6 address, in a subnet of 64 bits; `None` where the kernel has no IPv6.
    pub ipv6: Option<Ipv6Addr>,
    /// The size of its disk in bytes; without it files share the memory of all hosts.
    pub disk_bytes: Option<u64>,
}

/// Why there is no world.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("{call}: {error}")]
pub struct WorldError {
    /// What was tried: a system call, a netlink request.
    pub call: String,
    /// What the system said.
    pub error: String,
}

impl WorldError {
    fn new(call: impl Into<String>, error: impl std::fmt::Display) -> Self {
        Self { call: call.into(), error: super::in_words(error) }
    }
}

/// A world. Dropping it destroys it, whatever still goes on in it, and waits for that.
#[derive(Debug)]
pub struct World {
    /// Its hosts, in the order of the spec, which is also their number in what is heard. They may
    /// be taken out; the world must live longer than they.
    pub hosts: Vec<Host>,
    orders: Shared,
    outer: Child,
}

impl World {
    /// Makes a world, and an agent on each of its hosts, whose first word is yet to come. What
    /// agents say goes to `heard` with the number of the host in the spec.
    pub fn make(spec: &WorldSpec, heard: &HeardSender) -> Result<Self, WorldError> {
        check(spec)?;
        let mut outer = Command::new("/proc/self/exe")
            .arg(OUTER_ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What a terminal sends to those in front of it (Ctrl-C) is for the runner alone.
            .process_group(0)
            .spawn()
            .map_err(|error| WorldError::new("start of /proc/self/exe", error))?;
        let orders = Shared::new(outer.stdin.take());
        let words = outer.stdout.take();
        // From here on an error destroys what there is.
        let mut world = Self { hosts: Vec::new(), orders, outer };
        let (said, made) = mpsc::channel();
        if let Some(words) = words {
            let names = spec.hosts.iter().map(|host| host.name.clone()).collect();
            transport::listen(words, names, said, heard.clone());
        }
        let mut line = serde_json::to_vec(spec).map_err(|error| WorldError::new("spec", error))?;
        line.push(b'\n');
        // When it cannot be written the world has said why, or will say nothing more.
        let _ = world.orders.write(&line);
        let scratch = match made.recv_timeout(MAKING) {
            Ok(Said::Ready { scratch }) => scratch,
            Ok(Said::Failed(error)) => return Err(error),
            Err(error) => return Err(WorldError::new("making of namespaces", error)),
        };
        world.hosts = spec.hosts.iter().map(|host| world.host(host, &scratch)).collect();
        Ok(world)
    }

    fn host(&self, host: &WorldHost, scratch: &str) -> Host {
        let addresses = std::iter::once(IpAddr::from(host.ipv4)).chain(host.ipv6.map(IpAddr::from));
        let transport: Box<dyn Transport> = Box::new(Orders::new(&host.name, &self.orders));
        Host {
            name: host.name.clone(),
            kind: HostKind::Netns,
            folder: format!("{scratch}/{}", host.name),
            beside: scratch.to_owned(),
            addresses: addresses.collect(),
            transport,
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.orders.close();
        if !ends_within(&self.outer, ENDING) {
            // Its death takes PID 1 along.
            let _ = self.outer.kill();
        }
        let _ = self.outer.wait();
    }
}

/// Whether a child ends within this time.
fn ends_within(child: &Child, time: Duration) -> bool {
    let pid = rustix::process::Pid::from_child(child);
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    let time = Timespec { tv_sec: time.as_secs().cast_signed(), tv_nsec: 0 };
    loop {
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&time)) {
            Err(rustix::io::Errno::INTR) => {}
            result => return result.is_ok_and(|ready| ready > 0),
        }
    }
}

/// Refuses what cannot be made, and names that would not stay in their place.
fn check(spec: &WorldSpec) -> Result<(), WorldError> {
    if spec.hosts.len() > HOSTS_MAX {
        return Err(WorldError::new("hosts", format!("at most {HOSTS_MAX}")));
    }
    for host in &spec.hosts {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        let name = &host.name;
        let right = name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
            && name.chars().all(plain)
            && name.len() <= NAME_BYTES_MAX;
        if !right {
            return Err(WorldError::new(format!("host `{name}`"), "no name for a host"));
        }
    }
    Ok(())
}

/// Whether worlds can be made here; if not, why not. Found out once, by making one.
pub fn available() -> Result<(), String> {
    static AVAILABLE: LazyLock<Result<(), String>> = LazyLock::new(|| {
        let host = WorldHost {
            name: "host".into(),
            ipv4: Ipv4Addr::new(10, 99, 0, 1),
            ipv6: None,
            disk_bytes: None,
        };
        let (heard, _words) = channel();
        let spec = WorldSpec { hosts: vec![host], prefix: 24, mtu: 1500 };
        World::make(&spec, &heard).map(drop).map_err(|error| error.to_string())
    });
    AVAILABLE.clone()
}

/// Whether hosts of a world have IPv6 here.
pub fn has_ipv6() -> bool {
    std::path::Path::new("/proc/sys/net/ipv6").exists()
}

/// Becomes a process of a world, and never returns, if this process was started as one.
pub(super) fn become_if_asked() {
    match std::env::args_os().nth(1) {
        Some(argument) if argument == OUTER_ARGUMENT => outer::run(),
        Some(argument) if argument == INIT_ARGUMENT => init::run(),
        _ => {}
    }
}

/// Says a line of the world itself: one without the name of a host.
fn say(said: &Said) {
    let Ok(mut line) = serde_json::to_vec(said) else { return };
    line.insert(0, b' ');
    line.push(b'\n');
    let _ = std::io::stdout().lock().write_all(&line);
}
