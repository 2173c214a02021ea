//! From a host and a port to socket addresses, all of them, in the order to try them.
//!
//! `localhost` is always `127.0.0.1` and then `::1`, whatever the system's files say; an address is
//! itself; every other name goes to the system's resolver. Nothing here connects.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};

use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::observe::{Calls, Tap};

/// The most addresses of one name that are tried; more are ignored. A name with more is a mistake
/// or an attack, and each costs a connection attempt.
pub const ADDRESSES_MAX: usize = 16;

/// Every address of `host` with this port, at least one, at most [`ADDRESSES_MAX`], without
/// doubles. May block for as long as the system's resolver does.
pub fn resolve<T: Tap>(host: &str, port: u16, calls: Calls<'_, T>) -> Result<Vec<SocketAddr>> {
    if host == "localhost" {
        let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
        return Ok(loopback.map(|address| SocketAddr::new(address, port)).into());
    }
    if let Some(address) = literal(host, port)? {
        return Ok(vec![address]);
    }
    look_up(host, port, calls)
}

/// An address written as one, with a zone (`fe80::1%eth0`) or without.
fn literal(host: &str, port: u16) -> Result<Option<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(Some(SocketAddr::new(address, port)));
    }
    let Some((address, zone)) = host.split_once('%') else { return Ok(None) };
    let Ok(address) = address.parse::<Ipv6Addr>() else { return Ok(None) };
    let index = interface_index(zone).ok_or_else(|| Error::Resolve {
        host: host.to_owned(),
        detail: format!("there is no network interface `{zone}`"),
    })?;
    Ok(Some(SocketAddrV6::new(address, port, 0, index).into()))
}

/// The index of a network interface, by name or written as a number.
pub fn interface_index(zone: &str) -> Option<u32> {
    if let Ok(index) = zone.parse() {
        return Some(index);
    }
    let path = std::path::Path::new("/sys/class/net").join(zone).join("ifindex");
    let plain = !zone.is_empty() && !zone.contains('/') && !zone.starts_with('.');
    plain.then(|| std::fs::read_to_string(path).ok()?.trim().parse().ok())?
}

fn look_up<T: Tap>(host: &str, port: u16, calls: Calls<'_, T>) -> Result<Vec<SocketAddr>> {
    // The library function has errors of its own kind (EAI_*); its text is kept beside the number
    // that the call trace shows.
    let mut detail = String::new();
    let run = || {
        let found = (host, port).to_socket_addrs().map_err(|error| {
            detail = readable(&error);
            Errno::NOENT
        })?;
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for address in found {
            if !addresses.contains(&address) && addresses.len() < ADDRESSES_MAX {
                addresses.push(address);
            }
        }
        if addresses.is_empty() { Err(Errno::NOENT) } else { Ok(addresses) }
    };
    let value = |addresses: &Vec<SocketAddr>| i64::try_from(addresses.len()).unwrap_or(i64::MAX);
    let result = calls.observe("getaddrinfo", None, || format!("\"{host}\""), run, value);
    result.map_err(|_| Error::Resolve { host: host.to_owned(), detail })
}

/// What the resolver said, without the words that the standard library puts in front.
fn readable(error: &std::io::Error) -> String {
    let text = error.to_string();
    let prefix = "failed to lookup address information: ";
    text.strip_prefix(prefix).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::NoTap;

    fn addresses(host: &str) -> Vec<String> {
        let found = resolve(host, 7, Calls::new(&NoTap)).expect("it has addresses");
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_and_addresses() {
        assert_eq!(addresses("localhost"), ["127.0.0.1:7", "[::1]:7"]);
        assert_eq!(addresses("10.1.2.3"), ["10.1.2.3:7"]);
        assert_eq!(addresses("fe80::1%1"), ["[fe80::1%1]:7"]);
        assert_eq!(addresses("::1%lo"), ["[::1%1]:7"]);
    }

    #[test]
    fn a_name_that_does_not_exist_says_so() {
        // The name ends in the top-level domain that never exists (RFC 6761).
        let error = resolve("no-such-host.invalid", 7, Calls::new(&NoTap));
        assert!(matches!(error, Err(Error::Resolve { .. })), "{error:?}");
        assert!(resolve("::1%no-such-interface", 7, Calls::new(&NoTap)).is_err());
    }
}
