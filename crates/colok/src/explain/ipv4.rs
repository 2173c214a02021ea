//! IPv4: classes by the first bits, and special blocks (the IANA special-purpose registry).

use std::net::Ipv4Addr;

use super::{Fact, Purpose, Scope};

/// The class of an address, with its network and host part.
pub(super) fn class(address: Ipv4Addr) -> (Fact, &'static str) {
    let bytes = address.octets();
    let (class, first_bits, network_bytes) = match bytes[0].leading_ones() {
        0 => ('A', "0", 1),
        1 => ('B', "10", 2),
        2 => ('C', "110", 3),
        3 => ('D', "1110", 0),
        _ => ('E', "1111", 0),
    };
    let source = match class {
        'D' => "RFC 1112 section 4",
        'E' => "RFC 1112 section 4 (reserved)",
        _ => "RFC 791 section 3.2",
    };
    let text = |part: &[u8]| part.iter().map(u8::to_string).collect::<Vec<_>>().join(".");
    let (network, host) = bytes.split_at(usize::from(network_bytes));
    let fact = Fact::Class {
        class,
        first_bits: first_bits.to_owned(),
        network_bytes,
        network: text(network),
        host: if network_bytes == 0 { String::new() } else { text(host) },
    };
    (fact, source)
}

/// A block of addresses with one purpose.
type Block = (Ipv4Addr, u32, Purpose, &'static str, &'static str);

const fn block(
    bytes: [u8; 4],
    length: u32,
    purpose: Purpose,
    text: &'static str,
    source: &'static str,
) -> Block {
    (Ipv4Addr::from_octets(bytes), length, purpose, text, source)
}

/// The special blocks; the first that holds an address wins, so single addresses come first.
const BLOCKS: [Block; 17] = [
    block([0; 4], 32, Purpose::Unspecified, "0.0.0.0/32", "RFC 1122 section 3.2.1.3"),
    block([255; 4], 32, Purpose::Broadcast, "255.255.255.255/32", "RFC 919 section 7"),
    block([0; 4], 8, Purpose::ThisNetwork, "0.0.0.0/8", "RFC 1122 section 3.2.1.3"),
    block([127, 0, 0, 0], 8, Purpose::Loopback, "127.0.0.0/8", "RFC 1122 section 3.2.1.3"),
    block([10, 0, 0, 0], 8, Purpose::Private, "10.0.0.0/8", "RFC 1918 section 3"),
    block([172, 16, 0, 0], 12, Purpose::Private, "172.16.0.0/12", "RFC 1918 section 3"),
    block([192, 168, 0, 0], 16, Purpose::Private, "192.168.0.0/16", "RFC 1918 section 3"),
    block([100, 64, 0, 0], 10, Purpose::Shared, "100.64.0.0/10", "RFC 6598 section 7"),
    block([169, 254, 0, 0], 16, Purpose::LinkLocal, "169.254.0.0/16", "RFC 3927 section 2.1"),
    block([192, 0, 2, 0], 24, Purpose::Documentation, "192.0.2.0/24", "RFC 5737 section 3"),
    block([198, 51, 100, 0], 24, Purpose::Documentation, "198.51.100.0/24", "RFC 5737 section 3"),
    block([203, 0, 113, 0], 24, Purpose::Documentation, "203.0.113.0/24", "RFC 5737 section 3"),
    block([233, 252, 0, 0], 24, Purpose::Documentation, "233.252.0.0/24", "RFC 5771 section 9.2"),
    block([192, 0, 0, 0], 24, Purpose::ProtocolAssignments, "192.0.0.0/24", "RFC 6890 section 2"),
    block([198, 18, 0, 0], 15, Purpose::Benchmarking, "198.18.0.0/15", "RFC 2544 appendix C"),
    block([224, 0, 0, 0], 4, Purpose::Multicast, "224.0.0.0/4", "RFC 5771 section 3"),
    block([240, 0, 0, 0], 4, Purpose::Reserved, "240.0.0.0/4", "RFC 1112 section 4"),
];

/// What the address is for: purpose, block, source.
pub(super) fn purpose(address: Ipv4Addr) -> (Purpose, &'static str, &'static str) {
    let found = BLOCKS.iter().find(|(prefix, length, ..)| within(address, *prefix, *length));
    match found {
        Some((_, _, purpose, text, source)) => (*purpose, text, source),
        None => (Purpose::Global, "0.0.0.0/0", "RFC 6890 section 2"),
    }
}

/// How far a multicast group reaches; `None` for an address that is no group.
pub(super) fn scope(address: Ipv4Addr) -> Option<(Scope, &'static str)> {
    if !address.is_multicast() {
        return None;
    }
    let within = |bytes: [u8; 4], length| within(address, Ipv4Addr::from_octets(bytes), length);
    Some(if within([224, 0, 0, 0], 24) {
        (Scope::LinkLocal, "RFC 5771 section 4")
    } else if within([232, 0, 0, 0], 8) {
        (Scope::SourceSpecific, "RFC 4607 section 1")
    } else if within([239, 255, 0, 0], 16) {
        (Scope::SiteLocal, "RFC 2365 section 6.1")
    } else if within([239, 192, 0, 0], 14) {
        (Scope::OrganizationLocal, "RFC 2365 section 6.2")
    } else if within([239, 0, 0, 0], 8) {
        (Scope::Administrative, "RFC 2365 section 6")
    } else {
        (Scope::Global, "RFC 2365 section 6.3")
    })
}

fn within(address: Ipv4Addr, prefix: Ipv4Addr, length: u32) -> bool {
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    (address.to_bits() ^ prefix.to_bits()) & mask == 0
}
