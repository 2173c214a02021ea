//! Hosts, the network between them, and the files that are there from the beginning.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::super::{HOSTS_MAX, Problem};
use super::values::file_spec;
use crate::scenario::file::{At, HostKind, Scenario};
use crate::scenario::fill;

use super::super::parse::suggestion;

/// The longest name of a host: a label of a domain name (RFC 1035).
const HOST_NAME_MAX: usize = 63;
/// The subnet when none is given.
const SUBNET: &str = "10.99.0.0/24";
/// The least largest packet: below it there is no IPv6 (RFC 8200).
const MTU_MIN: u32 = 1280;
/// The most that Linux lets a virtual link have.
const MTU_MAX: u32 = 65_535;

pub(super) fn check(scenario: &Scenario, problems: &mut Vec<Problem>) {
    names(scenario, problems);
    let local = scenario.hosts.values().filter(|host| host.kind == HostKind::Local).count();
    if local > 0 && local < scenario.hosts.len() {
        let what = "some hosts are `local` and some are not: they could not reach each other";
        problems.push(Problem::new(0, what));
    }
    addresses(scenario, local > 0, problems);
    if scenario.network.mtu.is_some_and(|mtu| !(MTU_MIN..=MTU_MAX).contains(&mtu)) {
        let what = format!("`network.mtu` must be {MTU_MIN} to {MTU_MAX}");
        problems.push(Problem::new(0, what));
    }
    for file in &scenario.files {
        file_spec(&file.value, file.offset, problems);
        if let Some(host) = &file.host {
            problems.extend(known_host(scenario, host));
        }
    }
}

fn names(scenario: &Scenario, problems: &mut Vec<Problem>) {
    if scenario.hosts.len() > HOSTS_MAX {
        problems.push(Problem::new(0, format!("there may be {HOSTS_MAX} hosts")));
    }
    for name in scenario.hosts.keys() {
        let fine = name.len() <= HOST_NAME_MAX
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|one| one.is_ascii_alphanumeric() || one == '-')
            && !fill::COMMON.contains(&name.as_str())
            && name != "localhost";
        if !fine {
            problems.push(Problem::new(
                0,
                format!(
                    "`{name}` cannot be the name of a host: it begins with a letter, has letters, \
                     digits and `-`, at most {HOST_NAME_MAX}, and is none of localhost, {}",
                    fill::COMMON.join(", ")
                ),
            ));
        }
    }
}

/// The problem of a host that does not exist.
pub(super) fn known_host(scenario: &Scenario, host: &At<String>) -> Option<Problem> {
    let hosts = scenario.all_hosts();
    if hosts.iter().any(|(name, _)| *name == host.value) {
        return None;
    }
    let names: Vec<_> = hosts.into_iter().map(|(name, _)| name).collect();
    let what = format!("there is no host `{}`", host.value);
    Some(Problem::new(host.offset, what).hint(suggestion(host, &names, "there are")))
}

/// Addresses: in the subnet, none twice, and room for the others.
fn addresses(scenario: &Scenario, local: bool, problems: &mut Vec<Problem>) {
    let (text, offset) = match &scenario.network.subnet {
        Some(subnet) => (subnet.value.as_str(), subnet.offset),
        None => (SUBNET, 0),
    };
    let Some((network, prefix)) = subnet(text) else {
        let what = format!("`{text}` is not a subnet");
        let hint = "write an IPv4 network of /8 to /29, such as `10.99.0.0/24`";
        problems.push(Problem::new(offset, what).hint(hint));
        return;
    };
    let size = 1_u32 << (32 - prefix);
    if scenario.hosts.len() as u64 > u64::from(size) - 2 {
        problems.push(Problem::new(offset, format!("`{text}` has no room for all hosts")));
    }
    let mut taken: BTreeMap<IpAddr, &str> = BTreeMap::new();
    for (name, host) in &scenario.hosts {
        let Some(address) = host.address else { continue };
        let mut tell = |what: String| problems.push(Problem::new(0, what));
        if local {
            tell(format!("host `{name}` is `local` and cannot be given an address"));
            continue;
        }
        let inside = match address {
            IpAddr::V4(v4) => {
                let number = u32::from(v4).wrapping_sub(u32::from(network));
                (1..size - 1).contains(&number)
            }
            IpAddr::V6(_) => false,
        };
        if !inside {
            tell(format!("the address {address} of host `{name}` is not one of `{text}`"));
        }
        if let Some(other) = taken.insert(address, name) {
            tell(format!("hosts `{other}` and `{name}` have the same address {address}"));
        }
    }
}

/// An IPv4 network and the length of its prefix.
fn subnet(text: &str) -> Option<(Ipv4Addr, u32)> {
    let (address, prefix) = text.split_once('/')?;
    let (address, prefix): (Ipv4Addr, u32) = (address.parse().ok()?, prefix.parse().ok()?);
    let fits = (8..=29).contains(&prefix) && u32::from(address).trailing_zeros() >= 32 - prefix;
    fits.then_some((address, prefix))
}
