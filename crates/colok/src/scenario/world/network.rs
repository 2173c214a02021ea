//! What an agent does to, and asks of, the network of its host.
//!
//! A host of a world comes to its agent whole: its namespace, addresses and routes are there before
//! the agent is started. Faults are made only in a namespace that a world made: its interface says
//! so by its alias.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::link::{self, ALIAS, INTERFACE, Link};
use super::netlink::{Message, Netlink, NetlinkError};
use super::nftables::Table;
use super::rate;
use crate::scenario::agent::{Answer, KernelFault};

/// The loopback interface, which is all that a local host has for itself.
const LOOPBACK: &str = "lo";

/// Why a request came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {error}")]
pub struct NetworkError {
    /// What was tried.
    pub call: String,
    /// What the system said.
    pub error: String,
}

impl NetworkError {
    fn new(call: &str, error: impl std::fmt::Display) -> Self {
        Self { call: call.to_owned(), error: crate::scenario::in_words(error) }
    }

    fn netlink(call: &str) -> impl FnOnce(NetlinkError) -> Self + '_ {
        move |error| Self::new(call, error)
    }
}

/// What proves a fault.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proof {
    /// Whether it took effect.
    pub proved: bool,
    /// What was seen.
    pub seen: BTreeMap<String, Value>,
}

impl Proof {
    fn new<const N: usize>(proved: bool, seen: [(&str, Value); N]) -> Self {
        Self { proved, seen: seen.map(|(name, value)| (name.to_owned(), value)).into() }
    }
}

/// A fault that is in place.
#[derive(Debug)]
pub struct Broken {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Drop(Table),
    LinkDown { carrier_changes_before: u32 },
    Rate { bytes_per_second: u64 },
}

/// Begins `drop`, `link-down` or `rate`; an error for the other faults, which are not of the
/// network, and wherever the network is not that of a world. `number` tells the fault from others
/// of this host.
pub fn begin(number: u64, what: &KernelFault) -> Result<Broken, NetworkError> {
    let (mut netlink, before) = own_link()?;
    let kind = match what {
        KernelFault::Drop { way, protocol, ports } => {
            let table = Table::new(number, *way);
            Netlink::netfilter()
                .and_then(|mut netfilter| table.begin(&mut netfilter, *protocol, ports))
                .map_err(NetworkError::netlink("nftables: rules"))?;
            Kind::Drop(table)
        }
        KernelFault::LinkDown => {
            request(&mut netlink, "link down", vec![link::set_up(false)])?;
            Kind::LinkDown { carrier_changes_before: before.carrier_changes }
        }
        KernelFault::Rate { bytes_per_second } => {
            let bucket = rate::begin(*bytes_per_second, before.mtu);
            request(&mut netlink, "tbf", vec![bucket])?;
            Kind::Rate { bytes_per_second: *bytes_per_second }
        }
        KernelFault::FillDisk | KernelFault::HoldAddress(_) => {
            return Err(NetworkError::new("fault", "it is not one of the network"));
        }
    };
    Ok(Broken { kind })
}

fn request(netlink: &mut Netlink, what: &str, messages: Vec<Message>) -> Result<(), NetworkError> {
    netlink.request(messages).map_err(|(_, error)| NetworkError::new(what, error))
}

/// The interface of this host, if a world made it.
fn own_link() -> Result<(Netlink, Link), NetworkError> {
    let foreign = |error: &dyn std::fmt::Display| {
        NetworkError::new("fault", format!("this is no network of our own: {error}"))
    };
    let mut netlink = Netlink::route().map_err(|error| foreign(&error))?;
    let link =
        Link::numbered(&mut netlink, link::INTERFACE_INDEX).map_err(|error| foreign(&error))?;
    if link.name != INTERFACE || !link.alias.starts_with(ALIAS) {
        return Err(foreign(&format!("interface `{}`", link.name)));
    }
    Ok((netlink, link))
}

impl Broken {
    /// What it has done so far.
    pub fn prove(&self) -> Result<Proof, NetworkError> {
        match &self.kind {
            Kind::Drop(table) => {
                let (packets, bytes) = Netlink::netfilter()
                    .and_then(|mut netfilter| table.dropped(&mut netfilter))
                    .map_err(NetworkError::netlink("nftables: counters"))?;
                Ok(Proof::new(
                    packets > 0,
                    [("packets_dropped", json!(packets)), ("bytes_dropped", json!(bytes))],
                ))
            }
            Kind::LinkDown { carrier_changes_before } => {
                let (_, link) = own_link()?;
                let before = *carrier_changes_before;
                Ok(Proof::new(
                    !link.up && !link.carrier && link.carrier_changes > before,
                    [
                        ("up", json!(link.up)),
                        ("carrier", json!(link.carrier)),
                        ("carrier_changes_before", json!(before)),
                        ("carrier_changes", json!(link.carrier_changes)),
                    ],
                ))
            }
            Kind::Rate { bytes_per_second } => {
                let (mut netlink, _) = own_link()?;
                let counted = rate::statistics(&mut netlink)
                    .map_err(NetworkError::netlink("tbf: statistics"))?
                    .ok_or_else(|| NetworkError::new("tbf: statistics", "there are none"))?;
                Ok(Proof::new(
                    counted.overlimits > 0,
                    [
                        ("bytes_per_second", json!(bytes_per_second)),
                        ("waited", json!(counted.overlimits)),
                        ("packets_sent", json!(counted.packets)),
                        ("bytes_sent", json!(counted.bytes)),
                        ("packets_dropped", json!(counted.drops)),
                    ],
                ))
            }
        }
    }

    /// Ends it and tells what it did.
    pub fn end(self) -> Result<Proof, NetworkError> {
        let mut proof = self.prove()?;
        match self.kind {
            Kind::Drop(table) => Netlink::netfilter()
                .and_then(|mut netfilter| table.end(&mut netfilter))
                .map_err(NetworkError::netlink("nftables: end"))?,
            Kind::LinkDown { .. } => {
                let (mut netlink, _) = own_link()?;
                // Addresses stayed; routes that were made by hand did not.
                let mut messages = vec![link::set_up(true)];
                messages.extend(link::routes());
                request(&mut netlink, "link up", messages)?;
                let (_, link) = own_link()?;
                proof.seen.insert("up_afterwards".into(), json!(link.up));
                proof.proved &= link.up;
            }
            Kind::Rate { .. } => {
                let (mut netlink, _) = own_link()?;
                request(&mut netlink, "tbf: end", vec![rate::end()])?;
            }
        }
        Ok(proof)
    }
}

/// How a packet gets to an address: an `Answer::Route`. Works on every host.
pub fn route(to: IpAddr) -> Result<Answer, NetworkError> {
    let failed = |error: NetlinkError| NetworkError::new(&format!("route to {to}"), error);
    let mut netlink = Netlink::route().map_err(failed)?;
    let (index, source, mtu) = link::route_to(&mut netlink, to).map_err(failed)?;
    let link = Link::numbered(&mut netlink, index).map_err(failed)?;
    let source = source.ok_or_else(|| NetworkError::new("route", "it has no source address"))?;
    Ok(Answer::Route { interface: link.name, source, mtu: mtu.unwrap_or(link.mtu) })
}

/// What the interface of a host of a world carried, else what loopback carried: an
/// `Answer::Counters`.
pub fn counters() -> Result<Answer, NetworkError> {
    let link = own_link().map(|(_, link)| link).or_else(|_| {
        Netlink::route()
            .and_then(|mut netlink| Link::named(&mut netlink, LOOPBACK))
            .map_err(NetworkError::netlink("counters"))
    })?;
    Ok(Answer::Counters {
        packets_received: link.packets_received,
        packets_sent: link.packets_sent,
        bytes_received: link.bytes_received,
        bytes_sent: link.bytes_sent,
    })
}
