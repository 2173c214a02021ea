//! What an address, a port or a URL means, as facts with their sources.
//!
//! Pure: nothing is resolved, opened or read; the names of services are given by the caller. The
//! facts are values, and the words for them are chosen by whoever shows them.
//!
//! ```
//! use colok::explain::{Fact, ServiceNames, explain};
//!
//! let explanation = explain("127.0.0.1", &ServiceNames::built_in()).unwrap();
//! let class_a = |fact: &Fact| matches!(fact, Fact::Class { class: 'A', .. });
//! assert!(explanation.facts.iter().any(|found| class_a(&found.fact)));
//! ```

mod ipv4;
mod ipv6;
mod ports;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use thiserror::Error as ThisError;

use crate::net::url::{Place, Transport, Url, UrlError};
pub use ports::{PortRange, ServiceNames};

/// What is known about one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// What was asked about, as it was written.
    pub subject: String,
    /// The facts, the most general first.
    pub facts: Vec<SourcedFact>,
}

/// A fact and where it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcedFact {
    /// The fact.
    #[serde(flatten)]
    pub fact: Fact,
    /// Its source: an RFC with its section, a manual page, or `colok`.
    pub source: String,
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fact {
    /// The transport of a URL.
    Transport {
        /// `tcp`, `udp` or `unix`.
        transport: String,
    },
    /// A name that has to be resolved.
    HostName {
        /// The name.
        host: String,
    },
    /// The name `localhost`.
    Localhost,
    /// The name `*`: every address of this computer.
    EveryAddress,
    /// An IPv4 address.
    Ipv4 {
        /// In dotted decimal.
        address: String,
        /// Its four bytes in binary, separated by dots.
        binary: String,
    },
    /// The class of an IPv4 address by its first bits, with its network and host part.
    Class {
        /// `A` to `E`.
        class: char,
        /// The first bits that make the class: `0`, `10`, `110`, `1110`, `1111`.
        first_bits: String,
        /// How many bytes are the network part; 0 for D and E, which have none.
        network_bytes: u8,
        /// The network part, as dotted decimal without the host part; empty for D and E.
        network: String,
        /// The host part; empty for D and E.
        host: String,
    },
    /// An IPv6 address.
    Ipv6 {
        /// In its short form (RFC 5952).
        address: String,
        /// All eight groups with four digits each.
        full: String,
    },
    /// The interface that a link-local address belongs to.
    Zone {
        /// Its name or number.
        zone: String,
    },
    /// What an address is for.
    Purpose {
        /// Which purpose.
        purpose: Purpose,
        /// The block of addresses with this purpose, as prefix and length.
        block: String,
    },
    /// How far multicast packets of a group go.
    MulticastScope {
        /// How far.
        scope: Scope,
    },
    /// The IPv4 address inside an IPv6 address.
    Embedded {
        /// In dotted decimal.
        address: String,
    },
    /// A port and the range it lies in.
    Port {
        /// Its number.
        port: u16,
        /// The range.
        range: PortRange,
    },
    /// A service that uses a port.
    Service {
        /// Its name.
        name: String,
        /// The port.
        port: u16,
        /// `tcp` or `udp`.
        transport: String,
    },
    /// The header of a UDP datagram to this port; the other fields depend on the datagram.
    UdpHeader {
        /// The destination port; `None` when the URL names none.
        destination_port: Option<u16>,
        /// The length of the header in bytes: always 8.
        header_bytes: u8,
        /// The most bytes of data that one datagram carries over IPv4.
        data_bytes_max: u16,
    },
    /// A Unix socket with a path.
    UnixPath {
        /// The path.
        path: String,
    },
    /// A Unix socket in the abstract name space.
    UnixAbstract {
        /// Its name without the `@`.
        name: String,
    },
}

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// No address: every address of this computer when listening.
    Unspecified,
    /// Addresses of "this network", usable only as a source.
    ThisNetwork,
    /// This computer itself.
    Loopback,
    /// Private networks.
    Private,
    /// Between a provider and its customers (carrier-grade NAT).
    Shared,
    /// This link only; no router passes it on.
    LinkLocal,
    /// Every computer on this link.
    Broadcast,
    /// A group of computers.
    Multicast,
    /// Examples in documents.
    Documentation,
    /// Measurements of network devices.
    Benchmarking,
    /// Assignments of protocols.
    ProtocolAssignments,
    /// Reserved for experiments or the future.
    Reserved,
    /// The public internet.
    Global,
    /// Private networks of IPv6.
    UniqueLocal,
    /// Site-local: deprecated, unique local took its place.
    SiteLocalDeprecated,
    /// An IPv4 address as IPv6 sockets show it.
    Ipv4Mapped,
    /// An IPv4 address reached through a translator (NAT64).
    Nat64,
    /// An IPv6 network inside IPv4 (6to4).
    SixToFour,
    /// Packets to be thrown away.
    DiscardOnly,
}

/// How far multicast goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// This computer.
    InterfaceLocal,
    /// This link.
    LinkLocal,
    /// The realm: larger than the link, made by the network itself.
    RealmLocal,
    /// The smallest scope that an administrator sets.
    AdminLocal,
    /// This site.
    SiteLocal,
    /// This organization.
    OrganizationLocal,
    /// A scope that an administrator sets (IPv4, outside the named ones).
    Administrative,
    /// A sender that the receiver chooses (source-specific).
    SourceSpecific,
    /// The internet.
    Global,
    /// Not assigned.
    Unassigned,
}

/// Why a text cannot be explained.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum ExplainError {
    /// Four numbers with dots that are not an IPv4 address.
    #[error("`{text}` is not an IPv4 address: four numbers from 0 to 255")]
    Ipv4 {
        /// What was given.
        text: String,
    },
    /// Not an address of any kind.
    #[error(transparent)]
    Url(#[from] UrlError),
}

/// Explains an address (`192.168.1.1`, `::1`), a port (`5001`), a host or a URL.
pub fn explain(text: &str, names: &ServiceNames) -> Result<Explanation, ExplainError> {
    let mut facts = Facts::default();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if is_port(text) {
        facts.port_of(&text.parse::<Url>()?, names);
    } else if let Some((address, zone)) = address_and_zone(bare) {
        facts.address(address, zone);
    } else {
        let url: Url = text.parse()?;
        // Without a scheme nobody asked about the transport.
        if text.contains("://") || url.transport == Transport::Unix {
            facts.transport(url.transport);
        }
        facts.url(&url, names)?;
    }
    Ok(Explanation { subject: text.to_owned(), facts: facts.0 })
}

fn is_port(text: &str) -> bool {
    let digits = text.strip_prefix(':').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// An address with its zone, as in `fe80::1%eth0`.
fn address_and_zone(text: &str) -> Option<(IpAddr, Option<&str>)> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some((address, None));
    }
    let (address, zone) = text.split_once('%')?;
    let address: Ipv6Addr = address.parse().ok()?;
    (!zone.is_empty()).then_some((address.into(), Some(zone)))
}

/// Whether this looks like an IPv4 address, right or wrong: digits and dots only.
fn looks_like_ipv4(host: &str) -> bool {
    host.contains('.') && host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Facts being collected.
#[derive(Default)]
struct Facts(Vec<SourcedFact>);

impl Facts {
    fn add(&mut self, fact: Fact, source: impl Into<String>) {
        self.0.push(SourcedFact { fact, source: source.into() });
    }

    fn transport(&mut self, transport: Transport) {
        let source = match transport {
            Transport::Tcp => "RFC 9293",
            Transport::Udp => "RFC 768",
            Transport::Unix => "unix(7)",
        };
        self.add(Fact::Transport { transport: transport.name().to_owned() }, source);
    }

    fn url(&mut self, url: &Url, names: &ServiceNames) -> Result<(), ExplainError> {
        match &url.place {
            Place::Path(path) => self.add(Fact::UnixPath { path: path.clone() }, "unix(7)"),
            Place::Abstract(name) => {
                self.add(Fact::UnixAbstract { name: name.clone() }, "unix(7)");
            }
            Place::Inet { host, port } => {
                self.host(host)?;
                if let Some(port) = port {
                    self.port(*port, &[url.transport.name()], names);
                }
                if url.transport == Transport::Udp {
                    self.udp_header(*port);
                }
            }
        }
        Ok(())
    }

    fn host(&mut self, host: &str) -> Result<(), ExplainError> {
        if let Some((address, zone)) = address_and_zone(host) {
            self.address(address, zone);
        } else if looks_like_ipv4(host) {
            return Err(ExplainError::Ipv4 { text: host.to_owned() });
        } else if host == "localhost" {
            self.add(Fact::Localhost, "RFC 6761 section 6.3");
        } else if host == "*" {
            self.add(Fact::EveryAddress, "ip(7)");
        } else {
            self.add(Fact::HostName { host: host.to_owned() }, "RFC 1123 section 2.1");
        }
        Ok(())
    }

    fn address(&mut self, address: IpAddr, zone: Option<&str>) {
        match address {
            IpAddr::V4(address) => self.ipv4(address),
            IpAddr::V6(address) => self.ipv6(address),
        }
        if let Some(zone) = zone {
            self.add(Fact::Zone { zone: zone.to_owned() }, "RFC 4007 section 11");
        }
    }

    fn ipv4(&mut self, address: Ipv4Addr) {
        let binary = address.octets().map(|byte| format!("{byte:08b}")).join(".");
        self.add(Fact::Ipv4 { address: address.to_string(), binary }, "RFC 791 section 3.2");
        let (class, source) = ipv4::class(address);
        self.add(class, source);
        let (purpose, block, source) = ipv4::purpose(address);
        self.add(Fact::Purpose { purpose, block: block.to_owned() }, source);
        if let Some((scope, source)) = ipv4::scope(address) {
            self.add(Fact::MulticastScope { scope }, source);
        }
    }

    fn ipv6(&mut self, address: Ipv6Addr) {
        let full = address.segments().map(|group| format!("{group:04x}")).join(":");
        self.add(Fact::Ipv6 { address: address.to_string(), full }, "RFC 4291 section 2.2");
        let (purpose, block, source) = ipv6::purpose(address);
        self.add(Fact::Purpose { purpose, block: block.to_owned() }, source);
        if let Some((scope, source)) = ipv6::scope(address) {
            self.add(Fact::MulticastScope { scope }, source);
        }
        if let Some((embedded, source)) = ipv6::embedded(address) {
            self.add(Fact::Embedded { address: embedded.to_string() }, source);
        }
    }

    /// A number alone: the URL reader made a TCP address of it, but it is about both transports.
    fn port_of(&mut self, url: &Url, names: &ServiceNames) {
        if let Place::Inet { port: Some(port), .. } = &url.place {
            self.port(*port, &["tcp", "udp"], names);
        }
    }

    fn port(&mut self, port: u16, transports: &[&str], names: &ServiceNames) {
        self.add(Fact::Port { port, range: PortRange::of(port) }, "RFC 6335 section 6");
        for transport in transports {
            for (name, source) in names.of(port, transport) {
                let (name, transport) = (name.to_owned(), (*transport).to_owned());
                self.add(Fact::Service { name, port, transport }, source);
            }
        }
    }

    fn udp_header(&mut self, destination_port: Option<u16>) {
        // 65 535 bytes of IPv4 packet, less 20 of its header and 8 of UDP's.
        let header = Fact::UdpHeader { destination_port, header_bytes: 8, data_bytes_max: 65_507 };
        self.add(header, "RFC 768");
    }
}
