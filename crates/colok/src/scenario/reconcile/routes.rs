//! Which way packets went between hosts, and whether it was the one that was meant.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Told;
use super::ends::address_of;
use crate::scenario::record::Path;

/// The interface that hosts have for the network between them.
const INTERFACE: &str = "eth0";

/// A host and its addresses.
#[derive(Clone, Debug)]
pub struct HostAddresses {
    /// Its name.
    pub name: String,
    /// Its addresses, without ports.
    pub addresses: Vec<IpAddr>,
}

/// How packets from one host to another go, as the kernel of the first one says.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// From which host.
    pub from: String,
    /// To which host.
    pub to: String,
    /// To which address.
    pub address: IpAddr,
    /// How, or why that is not known.
    pub way: Result<Way, String>,
    /// How many packets the interface of `from` sent and received in this case.
    pub packets: u64,
}

/// The next hop of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// By which interface.
    pub interface: String,
    /// From which address.
    pub source: IpAddr,
    /// How large packets may be.
    pub mtu: u32,
}

/// The ways of packets, and whether each is the one that was meant, where anything was said.
/// Second addresses (IPv6) of hosts that said nothing to them are left out.
pub fn paths(told: &[Told<'_>], hosts: &[HostAddresses], routes: &[Route]) -> Vec<Path> {
    let spoken = spoken(told);
    let path = |route: &Route| {
        let said = is_spoken(&spoken, hosts, route);
        let (interface, source, mtu) = match &route.way {
            Ok(way) => (way.interface.clone(), way.source.to_string(), way.mtu),
            Err(_) => (String::new(), String::new(), 0),
        };
        let proved = interface == INTERFACE && route.packets > 0;
        Path {
            from: route.from.clone(),
            to: route.to.clone(),
            address: route.address.to_string(),
            interface,
            source,
            mtu,
            packets: route.packets,
            proved: said.then_some(proved),
        }
    };
    let all = routes.iter().map(path).zip(routes);
    let kept = all.filter(|(path, route)| path.proved.is_some() || route.address.is_ipv4());
    kept.map(|(path, _)| path).collect()
}

/// Which hosts told of which addresses.
fn spoken<'a>(told: &[Told<'a>]) -> BTreeSet<(&'a str, IpAddr)> {
    let remotes = told.iter().flat_map(|told| {
        let remote = |event: &serde_json::Value| address_of(event["remote"].as_str()?);
        told.events.iter().filter_map(remote).map(|remote| (told.host, remote.ip()))
    });
    remotes.collect()
}

/// Whether one of two hosts told of the other, in the family of the route.
fn is_spoken(spoken: &BTreeSet<(&str, IpAddr)>, hosts: &[HostAddresses], route: &Route) -> bool {
    let from = hosts.iter().filter(|host| host.name == route.from);
    let mut back = from.flat_map(|host| &host.addresses);
    spoken.contains(&(route.from.as_str(), route.address))
        || back.any(|address| {
            address.is_ipv4() == route.address.is_ipv4()
                && spoken.contains(&(route.to.as_str(), *address))
        })
}
