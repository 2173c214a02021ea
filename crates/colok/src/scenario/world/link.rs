//! Links, addresses and routes of a world, as requests of rtnetlink (rtnetlink(7)).
//!
//! Interfaces are made with numbers of our choice, far from those that a kernel gives to what it
//! makes itself, so nothing has to be asked back. Every host's interface is [`INTERFACE`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd as _, BorrowedFd};

use super::netlink::{
    Attributes, CREATE, EXCLUSIVE, Message, Netlink, NetlinkError, number_u32, number_u64, text,
};

/// The interface of a host.
pub(super) const INTERFACE: &str = "eth0";
/// The number of that interface, and of the bridge among the interfaces of PID 1.
pub(super) const INTERFACE_INDEX: u32 = 1000;
/// What the alias of a host's interface begins with: only a world sets it.
pub(super) const ALIAS: &str = "colok world: ";
/// The number of the loopback interface (net/core/dev.c makes it the first one).
const LOOPBACK_INDEX: u32 = 1;

// linux/rtnetlink.h.
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
// linux/if_link.h.
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_MASTER: u16 = 10;
const IFLA_OPERSTATE: u16 = 16;
const IFLA_LINKINFO: u16 = 18;
const IFLA_IFALIAS: u16 = 20;
const IFLA_STATS64: u16 = 23;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_CARRIER: u16 = 33;
const IFLA_CARRIER_CHANGES: u16 = 35;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_BR_MCAST_SNOOPING: u16 = 23;
const VETH_INFO_PEER: u16 = 1;
/// `struct ifinfomsg` and, of the same size by chance, `struct rtmsg` is 12.
const LINK_BYTES: usize = 16;
const ROUTE_BYTES: usize = 12;
/// `IFF_UP` (linux/if.h).
const UP: u32 = 1;
/// `IF_OPER_UP` (linux/if.h).
const OPERATES: u8 = 6;

/// `struct ifinfomsg`: family, kind, number, flags, which flags are meant.
fn link(index: u32, flags: u32, meant: u32) -> [u8; LINK_BYTES] {
    let mut fixed = [0; LINK_BYTES];
    fixed[4..8].copy_from_slice(&index.to_ne_bytes());
    fixed[8..12].copy_from_slice(&flags.to_ne_bytes());
    fixed[12..16].copy_from_slice(&meant.to_ne_bytes());
    fixed
}

/// The bridge, up, without an address. It does not listen to what it passes on: multicast reaches
/// every host, as on a plain switch.
pub(super) fn bridge(mtu: u32) -> Message {
    Message::new(RTM_NEWLINK, CREATE | EXCLUSIVE, &link(INTERFACE_INDEX, UP, UP))
        .with_text(IFLA_IFNAME, "bridge")
        .with_u32(IFLA_MTU, mtu)
        .with_nest(IFLA_LINKINFO, |info| {
            info.with_text(IFLA_INFO_KIND, "bridge")
                .with_nest(IFLA_INFO_DATA, |data| data.with(IFLA_BR_MCAST_SNOOPING, &[0]))
        })
}

/// A cable from the bridge to a host: a port here, up; `eth0` in that namespace, down.
pub(super) fn cable(host: u32, namespace: BorrowedFd<'_>, mtu: u32) -> Message {
    let namespace = namespace.as_raw_fd().to_ne_bytes();
    let [.., high, low] = host.to_be_bytes();
    Message::new(RTM_NEWLINK, CREATE | EXCLUSIVE, &link(port_index(host), UP, UP))
        .with_text(IFLA_IFNAME, &format!("port{host}"))
        .with_u32(IFLA_MTU, mtu)
        .with_u32(IFLA_MASTER, INTERFACE_INDEX)
        .with_nest(IFLA_LINKINFO, |info| {
            info.with_text(IFLA_INFO_KIND, "veth").with_nest(IFLA_INFO_DATA, |data| {
                data.with_nest(VETH_INFO_PEER, |peer| {
                    peer.with_fixed(&link(INTERFACE_INDEX, 0, 0))
                        .with_text(IFLA_IFNAME, INTERFACE)
                        // Locally administered, and the same in every run.
                        .with(IFLA_ADDRESS, &[0x02, 0x63, 0x6f, 0x6c, high, low])
                        .with_u32(IFLA_MTU, mtu)
                        .with(IFLA_NET_NS_FD, &namespace)
                })
            })
        })
}

fn port_index(host: u32) -> u32 {
    INTERFACE_INDEX + 1 + host
}

/// The interfaces of a host, up: the alias is set last, so a namespace that has it is whole.
pub(super) fn host_links(name: &str) -> Vec<Message> {
    let up = |index| Message::new(RTM_NEWLINK, 0, &link(index, UP, UP));
    vec![up(LOOPBACK_INDEX), up(INTERFACE_INDEX).with_text(IFLA_IFALIAS, &format!("{ALIAS}{name}"))]
}

/// The interface of a host up or down.
pub(super) fn set_up(up: bool) -> Message {
    Message::new(RTM_NEWLINK, 0, &link(INTERFACE_INDEX, u32::from(up), UP))
}

/// An IPv4 address of a host, with its subnet's broadcast address.
pub(super) fn ipv4(address: Ipv4Addr, prefix: u8) -> Message {
    /// `linux/if_addr.h`.
    const IFA_ADDRESS: u16 = 1;
    const IFA_LOCAL: u16 = 2;
    const IFA_BROADCAST: u16 = 4;
    let hosts = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
    let broadcast = Ipv4Addr::from(u32::from(address) | hosts);
    Message::new(RTM_NEWADDR, CREATE | EXCLUSIVE, &interface_address(2, prefix))
        .with(IFA_LOCAL, &address.octets())
        .with(IFA_ADDRESS, &address.octets())
        .with(IFA_BROADCAST, &broadcast.octets())
}

/// An IPv6 address of a host, usable at once.
pub(super) fn ipv6(address: Ipv6Addr) -> Message {
    /// `linux/if_addr.h`.
    const IFA_LOCAL: u16 = 2;
    const IFA_FLAGS: u16 = 8;
    /// `IFA_F_NODAD | IFA_F_PERMANENT`: nobody else can have it.
    const FLAGS: u32 = 0x02 | 0x80;
    Message::new(RTM_NEWADDR, CREATE | EXCLUSIVE, &interface_address(10, 64))
        .with(IFA_LOCAL, &address.octets())
        .with_u32(IFA_FLAGS, FLAGS)
}

/// `struct ifaddrmsg`: family, length of the prefix, flags, scope, number of the interface.
fn interface_address(family: u8, prefix: u8) -> [u8; 8] {
    let [a, b, c, d] = INTERFACE_INDEX.to_ne_bytes();
    [family, prefix, 0, 0, a, b, c, d]
}

/// The routes that a host needs besides that to its subnet; they are gone after its link was down.
/// There is no default route: what is outside of the world is unreachable at once.
pub(super) fn routes() -> Vec<Message> {
    /// linux/rtnetlink.h: `RTA_DST`, `RTA_OIF`; the kinds of routes.
    const RTA_DESTINATION: u16 = 1;
    const RTA_INTERFACE: u16 = 4;
    const UNICAST: u8 = 1;
    const BROADCAST: u8 = 3;
    let to = |address: Ipv4Addr, prefix: u8, kind: u8| {
        Message::new(RTM_NEWROUTE, CREATE | super::netlink::REPLACE, &route(2, prefix, kind))
            .with(RTA_DESTINATION, &address.octets())
            .with_u32(RTA_INTERFACE, INTERFACE_INDEX)
    };
    vec![to(Ipv4Addr::new(224, 0, 0, 0), 4, UNICAST), to(Ipv4Addr::BROADCAST, 32, BROADCAST)]
}

/// `struct rtmsg`: family, lengths of destination and source, TOS, table, origin, scope, kind.
fn route(family: u8, prefix: u8, kind: u8) -> [u8; ROUTE_BYTES] {
    const MAIN: u8 = 254;
    const STATIC: u8 = 4;
    const LINK: u8 = 253;
    [family, prefix, 0, 0, MAIN, STATIC, LINK, kind, 0, 0, 0, 0]
}

/// What is known of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) name: String,
    pub(super) alias: String,
    pub(super) mtu: u32,
    pub(super) up: bool,
    pub(super) carrier: bool,
    pub(super) carrier_changes: u32,
    pub(super) operates: bool,
    pub(super) packets_received: u64,
    pub(super) packets_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) bytes_sent: u64,
}

impl Link {
    /// Asks about the interface with this name.
    pub(super) fn named(netlink: &mut Netlink, name: &str) -> Result<Self, NetlinkError> {
        Self::asked(
            netlink,
            Message::new(RTM_GETLINK, 0, &link(0, 0, 0)).with_text(IFLA_IFNAME, name),
        )
    }

    /// Asks about the interface with this number.
    pub(super) fn numbered(netlink: &mut Netlink, index: u32) -> Result<Self, NetlinkError> {
        Self::asked(netlink, Message::new(RTM_GETLINK, 0, &link(index, 0, 0)))
    }

    /// Asks about the port of a host.
    pub(super) fn port(netlink: &mut Netlink, host: u32) -> Result<Self, NetlinkError> {
        Self::numbered(netlink, port_index(host))
    }

    fn asked(netlink: &mut Netlink, message: Message) -> Result<Self, NetlinkError> {
        let told = netlink.ask(message, false)?;
        Ok(told.first().map(|body| Self::read(body)).unwrap_or_default())
    }

    /// Reads what `RTM_NEWLINK` says; what is missing is zero.
    pub(super) fn read(body: &[u8]) -> Self {
        let attributes = Attributes::after(body, LINK_BYTES);
        let number = |kind| attributes.find(kind).and_then(number_u32).unwrap_or(0);
        let byte = |kind| attributes.find(kind).and_then(|value| value.first().copied());
        let words = |kind| attributes.find(kind).map(text).unwrap_or_default();
        // `struct rtnl_link_stats64` begins with these four.
        let statistics = attributes.find(IFLA_STATS64).unwrap_or_default();
        let count = |at: usize| statistics.get(at * 8..).and_then(number_u64).unwrap_or(0);
        let flags = body.get(8..).and_then(number_u32).unwrap_or(0);
        Self {
            name: words(IFLA_IFNAME),
            alias: words(IFLA_IFALIAS),
            mtu: number(IFLA_MTU),
            up: flags & UP != 0,
            carrier: byte(IFLA_CARRIER) == Some(1),
            carrier_changes: number(IFLA_CARRIER_CHANGES),
            operates: byte(IFLA_OPERSTATE) == Some(OPERATES),
            packets_received: count(0),
            packets_sent: count(1),
            bytes_received: count(2),
            bytes_sent: count(3),
        }
    }
}

/// The way to an address: the number of the interface, the source, and the largest packet if the
/// route has one of its own.
pub(super) fn route_to(
    netlink: &mut Netlink,
    to: IpAddr,
) -> Result<(u32, Option<IpAddr>, Option<u32>), NetlinkError> {
    let message = match to {
        IpAddr::V4(to) => Message::new(RTM_GETROUTE, 0, &asked_route(2, 32)).with(1, &to.octets()),
        IpAddr::V6(to) => {
            Message::new(RTM_GETROUTE, 0, &asked_route(10, 128)).with(1, &to.octets())
        }
    };
    let told = netlink.ask(message, false)?;
    Ok(read_route(told.first().map(Vec::as_slice).unwrap_or_default()))
}

fn asked_route(family: u8, prefix: u8) -> [u8; ROUTE_BYTES] {
    [family, prefix, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

/// Reads what `RTM_NEWROUTE` says.
pub(super) fn read_route(body: &[u8]) -> (u32, Option<IpAddr>, Option<u32>) {
    /// linux/rtnetlink.h: `RTA_OIF`, `RTA_PREFSRC`, `RTA_METRICS`, `RTAX_MTU`.
    const INTERFACE: u16 = 4;
    const SOURCE: u16 = 7;
    const METRICS: u16 = 8;
    const MTU: u16 = 2;
    let attributes = Attributes::after(body, ROUTE_BYTES);
    let source = attributes.find(SOURCE).and_then(|bytes| match bytes.len() {
        4 => bytes.first_chunk::<4>().map(|octets| IpAddr::from(*octets)),
        16 => bytes.first_chunk::<16>().map(|octets| IpAddr::from(*octets)),
        _ => None,
    });
    let interface = attributes.find(INTERFACE).and_then(number_u32).unwrap_or(0);
    (interface, source, attributes.within(METRICS).find(MTU).and_then(number_u32))
}
