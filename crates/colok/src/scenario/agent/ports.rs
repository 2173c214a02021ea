//! Ports of a host: which are free, and on which somebody listens.
//!
//! Nobody is connected to for that. Free ports are below those that the kernel gives to outgoing
//! connections, so that none of these takes one before a server does. A port that was given is
//! given to nobody else for as long as the agent lives, on this computer too, by a name that only
//! one process can hold: an abstract Unix socket, which is gone with its process.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with, sockopt,
};

/// From where ports are taken when the kernel's own range leaves room below it.
const PORTS: Range<u16> = 20_001..32_000;

/// From where else.
const OTHER_PORTS: Range<u16> = 10_001..20_000;

/// The most ports that are given at once.
const COUNT_MAX: u32 = 1000;

/// Free ports, and what keeps others from getting them.
pub(super) struct Ports {
    pub(super) ports: Vec<u16>,
    pub(super) names: Vec<OwnedFd>,
}

/// Ports that are free for TCP and UDP, IPv4 and IPv6.
pub(super) fn free(count: u32) -> Result<Ports, String> {
    if count > COUNT_MAX {
        return Err(format!("no more than {COUNT_MAX} ports are given at once"));
    }
    let range = if first_of_kernel() > u32::from(PORTS.start) + 1000 { PORTS } else { OTHER_PORTS };
    let length = range.len();
    let mut number = [0; 8];
    rustix::rand::getrandom(&mut number, rustix::rand::GetRandomFlags::empty())
        .map_err(|errno| errno.to_string())?;
    let first = usize::try_from(u64::from_ne_bytes(number) % length as u64).unwrap_or(0);
    let (mut found, mut held) = (Ports { ports: Vec::new(), names: Vec::new() }, Vec::new());
    for port in range.clone().cycle().skip(first).take(length) {
        if found.ports.len() == count as usize {
            break;
        }
        let Some(name) = reserve(port) else { continue };
        if let Some(sockets) = hold(port) {
            // All are held until the last is found, so that they are free at the same time.
            held.push(sockets);
            found.ports.push(port);
            found.names.push(name);
        }
    }
    if found.ports.len() < count as usize {
        return Err(format!("only {} ports are free in {range:?}", found.ports.len()));
    }
    Ok(found)
}

/// The first port that the kernel gives to outgoing connections.
fn first_of_kernel() -> u32 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let range = range.unwrap_or_default();
    range.split_ascii_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(32_768)
}

/// The name of a port, unless another agent has it.
fn reserve(port: u16) -> Option<OwnedFd> {
    let name = format!("colok-port-{port}");
    let address = SocketAddrUnix::new_abstract_name(name.as_bytes()).ok()?;
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None).ok()?;
    bind(&socket, &address).ok()?;
    Some(socket)
}

/// Sockets of all kinds on this port; `None` when one is taken.
fn hold(port: u16) -> Option<Vec<OwnedFd>> {
    let mut sockets = Vec::new();
    for kind in [SocketType::STREAM, SocketType::DGRAM] {
        for address in
            [SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), (Ipv6Addr::UNSPECIFIED, port).into()]
        {
            match bound(kind, address) {
                Ok(socket) => sockets.push(socket),
                // A kernel without IPv6.
                Err(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL) if address.is_ipv6() => {}
                Err(_) => return None,
            }
        }
    }
    Some(sockets)
}

fn bound(kind: SocketType, address: SocketAddr) -> rustix::io::Result<OwnedFd> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    bind(&socket, &address)?;
    if kind == SocketType::STREAM {
        // Two may be bound where only one may listen (SO_REUSEPORT).
        listen(&socket, 1)?;
    }
    Ok(socket)
}

/// Whether somebody listens on this TCP port, of any address of this network namespace.
pub(super) fn listens(port: u16) -> bool {
    ["tcp", "tcp6"].iter().any(|table| has_row(table, port, Some(LISTENING)))
}

/// Whether somebody has bound this UDP port.
pub(super) fn bound_datagrams(port: u16) -> bool {
    ["udp", "udp6"].iter().any(|table| has_row(table, port, None))
}

/// The state of a socket that listens, as the tables write it.
const LISTENING: &str = "0A";

fn has_row(table: &str, port: u16, state: Option<&str>) -> bool {
    let Ok(file) = File::open(format!("/proc/thread-self/net/{table}")) else { return false };
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    let mut rows = lines.filter_map(|line| row(&line));
    rows.any(|(found, row_state)| found == port && state.is_none_or(|state| state == row_state))
}

/// The local port and the state of a row.
fn row(line: &str) -> Option<(u16, String)> {
    let mut fields = line.split_ascii_whitespace();
    let (_, port) = fields.nth(1)?.split_once(':')?;
    Some((u16::from_str_radix(port, 16).ok()?, fields.nth(1)?.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn free_ports_can_be_bound_and_are_given_once() {
        let (first, second) = (free(20).expect("free ports"), free(20).expect("free ports"));
        let mut ports: Vec<_> = first.ports.iter().chain(&second.ports).copied().collect();
        for port in &ports {
            let _tcp = TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).expect("it is free");
            let _udp = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, *port)).expect("it is free");
            assert!(listens(*port) && bound_datagrams(*port), "{port}");
        }
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 40);
        assert!(!listens(ports[0]));
    }

    #[test]
    fn a_port_that_is_taken_is_not_given() {
        let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = taken.local_addr().expect("it is bound").port();
        assert!(hold(port).is_none());
        drop(taken);
        let taken = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("a port");
        let port = taken.local_addr().expect("it is bound").port();
        assert!(hold(port).is_none() && listens(port));
    }

    #[test]
    fn more_ports_than_there_are_is_an_error() {
        assert!(free(COUNT_MAX + 1).is_err());
        assert!(free(0).expect("nothing").ports.is_empty());
    }
}
