//! IPv6: special blocks (RFC 4291 and the IANA special-purpose registry), scopes of groups, and
//! IPv4 addresses inside.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Purpose, Scope};

/// A block: its first bits as the first four groups, how many of them, its purpose, its text, its
/// source.
type Block = ([u16; 8], u32, Purpose, &'static str, &'static str);

/// The special blocks; the first that holds an address wins.
const BLOCKS: [Block; 15] = [
    ([0; 8], 128, Purpose::Unspecified, "::/128", "RFC 4291 section 2.5.2"),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, Purpose::Loopback, "::1/128", "RFC 4291 section 2.5.3"),
    (
        [0, 0, 0, 0, 0, 0xffff, 0, 0],
        96,
        Purpose::Ipv4Mapped,
        "::ffff:0:0/96",
        "RFC 4291 section 2.5.5.2",
    ),
    (head(0x64, 0xff9b), 96, Purpose::Nat64, "64:ff9b::/96", "RFC 6052 section 2.1"),
    (head(0x100, 0), 64, Purpose::DiscardOnly, "100::/64", "RFC 6666 section 4"),
    (head(0x2001, 0xdb8), 32, Purpose::Documentation, "2001:db8::/32", "RFC 3849 section 4"),
    (head(0x3fff, 0), 20, Purpose::Documentation, "3fff::/20", "RFC 9637 section 4"),
    ([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, Purpose::Benchmarking, "2001:2::/48", "RFC 5180 section 8"),
    (head(0x2001, 0), 23, Purpose::ProtocolAssignments, "2001::/23", "RFC 2928 section 2"),
    (head(0x2002, 0), 16, Purpose::SixToFour, "2002::/16", "RFC 3056 section 2"),
    (head(0xfc00, 0), 7, Purpose::UniqueLocal, "fc00::/7", "RFC 4193 section 3.1"),
    (head(0xfe80, 0), 10, Purpose::LinkLocal, "fe80::/10", "RFC 4291 section 2.5.6"),
    (head(0xfec0, 0), 10, Purpose::SiteLocalDeprecated, "fec0::/10", "RFC 3879 section 4"),
    (head(0xff00, 0), 8, Purpose::Multicast, "ff00::/8", "RFC 4291 section 2.7"),
    (head(0x2000, 0), 3, Purpose::Global, "2000::/3", "RFC 4291 section 2.5.4"),
];

const fn head(first: u16, second: u16) -> [u16; 8] {
    [first, second, 0, 0, 0, 0, 0, 0]
}

/// What the address is for: purpose, block, source.
pub(super) fn purpose(address: Ipv6Addr) -> (Purpose, &'static str, &'static str) {
    let found = BLOCKS.iter().find(|(prefix, length, ..)| within(address, *prefix, *length));
    match found {
        Some((_, _, purpose, text, source)) => (*purpose, text, source),
        None => (Purpose::Reserved, "::/0", "RFC 4291 section 2.4"),
    }
}

/// How far a multicast group reaches; `None` for an address that is no group.
pub(super) fn scope(address: Ipv6Addr) -> Option<(Scope, &'static str)> {
    if !address.is_multicast() {
        return None;
    }
    // The last four bits of the second byte (RFC 4291 section 2.7; RFC 7346 for realm-local).
    let scope = match address.octets()[1] & 0x0f {
        0x1 => Scope::InterfaceLocal,
        0x2 => Scope::LinkLocal,
        0x3 => Scope::RealmLocal,
        0x4 => Scope::AdminLocal,
        0x5 => Scope::SiteLocal,
        0x8 => Scope::OrganizationLocal,
        0xe => Scope::Global,
        _ => Scope::Unassigned,
    };
    Some((scope, "RFC 4291 section 2.7, RFC 7346"))
}

/// The IPv4 address that an address carries, if it carries one.
pub(super) fn embedded(address: Ipv6Addr) -> Option<(Ipv4Addr, &'static str)> {
    let bytes = address.octets();
    let four = |at: usize| Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
    match purpose(address).0 {
        Purpose::Ipv4Mapped => Some((four(12), "RFC 4291 section 2.5.5.2")),
        Purpose::Nat64 => Some((four(12), "RFC 6052 section 2.2")),
        Purpose::SixToFour => Some((four(2), "RFC 3056 section 2")),
        _ => None,
    }
}

fn within(address: Ipv6Addr, prefix: [u16; 8], length: u32) -> bool {
    let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
    (address.to_bits() ^ Ipv6Addr::from(prefix).to_bits()) & mask == 0
}
