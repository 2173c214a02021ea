//! PID 1 of a world: makes it, starts an agent on every host, passes lines on, buries orphans.
//!
//! It makes each host's namespace by leaving the one it is in, and keeps a netlink socket there, so
//! an agent is born into a network that is whole. It ends when its orders end, and everything in
//! the world with it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::os::fd::AsFd as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio, exit};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Signal, WaitOptions, set_parent_process_death_signal, wait};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use super::link::{self, Link};
use super::netlink::{Message, Netlink, NetlinkError};
use super::transport::{Said, read_line, split};
use super::{WorldError, WorldHost, WorldSpec, mounts, say};
use crate::scenario::agent::{AGENT_ARGUMENT, SetUp};
use crate::scenario::host::{ORDER_BYTES_MAX, WORD_BYTES_MAX};

/// Both ends of a cable are up at once; a port that is not yet would lose a first packet.
const PORTS: Duration = Duration::from_secs(5);

/// Is PID 1 of a world: the spec is the first line of standard input, orders follow.
pub(super) fn run() -> ! {
    // The outer process is not seen from in here; only its death is.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let mut orders = io::stdin().lock();
    match begin(&mut orders) {
        Ok((agents, scratch)) => {
            say(&Said::Ready { scratch });
            pass_on(agents, &mut orders);
        }
        Err(error) => say(&Said::Failed(error)),
    }
    exit(0)
}

fn begin(orders: &mut impl io::BufRead) -> Result<(Vec<Agent>, String), WorldError> {
    let mut line = Vec::new();
    let whole = read_line(orders, &mut line, ORDER_BYTES_MAX);
    if !whole.map_err(|error| WorldError::new("reading of the spec", error))? {
        return Err(WorldError::new("reading of the spec", "it is not whole"));
    }
    let spec: WorldSpec =
        serde_json::from_slice(&line).map_err(|error| WorldError::new("spec", error))?;
    let scratch = mounts::make(&spec)?;
    let agents = hosts(&spec, &scratch)?;
    Ok((agents, scratch))
}

/// An agent and both of its ends.
struct Agent {
    name: String,
    orders: ChildStdin,
    words: ChildStdout,
}

/// Makes the bridge here, and a host at a time.
fn hosts(spec: &WorldSpec, scratch: &str) -> Result<Vec<Agent>, WorldError> {
    set("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")?;
    let home = Home::here()?;
    let mut netlink = Netlink::route().map_err(|error| refused("netlink", &error))?;
    request(&mut netlink, "bridge", vec![link::bridge(spec.mtu)])?;
    let mut agents = Vec::new();
    for (number, host) in (0..).zip(&spec.hosts) {
        let (namespace, mut inside) = leave_for(host)?;
        // Only while these namespaces are this process's own can the agent be born into them.
        let agent = start(host, scratch);
        home.come_back()?;
        agents.push(agent?);
        let cable = link::cable(number, namespace.as_fd(), spec.mtu);
        request(&mut netlink, "cable", vec![cable])?;
        request(&mut inside, "network of a host", network(host, spec.prefix))?;
    }
    for number in (0..).take(spec.hosts.len()) {
        wait_for_port(&mut netlink, number)?;
    }
    Ok(agents)
}

/// All that makes a host reachable, in the order in which the kernel must take it.
fn network(host: &WorldHost, prefix: u8) -> Vec<Message> {
    let mut messages = link::host_links(&host.name);
    messages.push(link::ipv4(host.ipv4, prefix));
    messages.extend(host.ipv6.map(link::ipv6));
    messages.extend(link::routes());
    messages
}

fn request(netlink: &mut Netlink, what: &str, messages: Vec<Message>) -> Result<(), WorldError> {
    netlink
        .request(messages)
        .map_err(|(number, error)| refused(&format!("netlink: {what}, request {number}"), &error))
}

fn refused(call: &str, error: &NetlinkError) -> WorldError {
    WorldError::new(call, error)
}

/// The namespaces of PID 1 itself, to come back to.
struct Home {
    namespaces: [(File, LinkNameSpaceType); 3],
}

impl Home {
    fn here() -> Result<Self, WorldError> {
        let namespaces = [
            (open("/proc/self/ns/net")?, LinkNameSpaceType::Network),
            (open("/proc/self/ns/uts")?, LinkNameSpaceType::HostNameAndNISDomainName),
            (open("/proc/self/ns/mnt")?, LinkNameSpaceType::Mount),
        ];
        Ok(Self { namespaces })
    }

    fn come_back(&self) -> Result<(), WorldError> {
        for (namespace, kind) in &self.namespaces {
            move_into_link_name_space(namespace.as_fd(), Some(*kind))
                .map_err(|error| WorldError::new("setns", io::Error::from(error)))?;
        }
        Ok(())
    }
}

fn open(path: &str) -> Result<File, WorldError> {
    File::open(path).map_err(|error| WorldError::new(format!("open of {path}"), error))
}

/// Moves into new namespaces for a host: its network, still without any cable, its name, and what
/// `/sys` says of both.
fn leave_for(host: &WorldHost) -> Result<(File, Netlink), WorldError> {
    let failed = |call: &str, error: Errno| WorldError::new(call, io::Error::from(error));
    let own = UnshareFlags::NEWNET | UnshareFlags::NEWUTS | UnshareFlags::NEWNS;
    colok_sys::namespace::unshare(own).map_err(|error| failed("unshare", error))?;
    mounts::system();
    rustix::system::sethostname(host.name.as_bytes())
        .map_err(|error| failed("sethostname", error))?;
    // Addresses are usable at once: nobody else can have them. They stay while the link is down.
    // And nobody here would answer a question for routers.
    set("/proc/sys/net/ipv6/conf/default/accept_dad", "0")?;
    set("/proc/sys/net/ipv6/conf/default/keep_addr_on_down", "1")?;
    set("/proc/sys/net/ipv6/conf/default/router_solicitations", "0")?;
    let netlink = Netlink::route().map_err(|error| refused("netlink", &error))?;
    Ok((open("/proc/self/ns/net")?, netlink))
}

/// Sets what the kernel has; without IPv6 there is nothing to set.
fn set(path: &str, value: &str) -> Result<(), WorldError> {
    match std::fs::write(path, value) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(WorldError::new(format!("write of {path}"), error))
        }
        _ => Ok(()),
    }
}

fn start(host: &WorldHost, scratch: &str) -> Result<Agent, WorldError> {
    let folder = format!("{scratch}/{}", host.name);
    let set_up =
        SetUp { folder: folder.clone(), beside: scratch.to_owned(), own: false, namespaces: true };
    let set_up =
        serde_json::to_string(&set_up).map_err(|error| WorldError::new("set-up", error))?;
    let mut child: Child = Command::new("/proc/self/exe")
        .args([AGENT_ARGUMENT, &set_up])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| WorldError::new("start of an agent", error))?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(orders), Some(words)) => Ok(Agent { name: host.name.clone(), orders, words }),
        _ => Err(WorldError::new("start of an agent", "no pipes")),
    }
}

/// Waits until the bridge passes packets on to a host.
fn wait_for_port(netlink: &mut Netlink, number: u32) -> Result<(), WorldError> {
    let patience = Instant::now() + PORTS;
    loop {
        let port = Link::port(netlink, number).map_err(|error| refused("netlink: port", &error))?;
        if port.operates {
            return Ok(());
        }
        if Instant::now() > patience {
            return Err(WorldError::new("netlink: port", "its cable has no carrier"));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Passes orders on to agents until they end, and words of agents, on a thread each, to the runner.
fn pass_on(agents: Vec<Agent>, orders: &mut impl io::BufRead) {
    let mut inboxes = HashMap::new();
    for agent in agents {
        let name = agent.name.clone();
        std::thread::spawn(move || tell(&name, agent.words));
        inboxes.insert(agent.name.into_bytes(), agent.orders);
    }
    std::thread::spawn(bury);
    let mut line = Vec::new();
    while let Ok(true) = read_line(orders, &mut line, ORDER_BYTES_MAX) {
        let (name, order) = split(&line);
        match (inboxes.get_mut(name), order) {
            (Some(inbox), Some(order)) => {
                // The runner hears of the agent's end from the agent's own silence.
                let _ = inbox.write_all(&[order, b"\n"].concat());
            }
            (Some(_), None) => drop(inboxes.remove(name)),
            (None, _) => {}
        }
    }
}

/// Tells what an agent says, with the name of its host before it, and its end.
fn tell(name: &str, words: ChildStdout) {
    let mut words = BufReader::new(words);
    let mut line = Vec::new();
    while let Ok(true) = read_line(&mut words, &mut line, WORD_BYTES_MAX) {
        write_out(&[name.as_bytes(), b" ", &line, b"\n"].concat());
    }
    write_out(&[name.as_bytes(), b"\n"].concat());
}

/// Without a runner there is no world.
fn write_out(line: &[u8]) {
    if io::stdout().lock().write_all(line).is_err() {
        exit(0);
    }
}

/// Buries whoever died without a living parent, as PID 1 must, until there is nobody left.
fn bury() {
    while matches!(wait(WaitOptions::empty()), Ok(_) | Err(Errno::INTR)) {}
}
