//! Control data of datagrams (cmsg(3)): where a datagram came to, where it is to leave from, and
//! the size of those that are merged into one. Reads what the kernel wrote, and writes what it
//! reads; it makes no call.

use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::datagram::ReplyFrom;

/// Room for all that a datagram may be told with: 32 and 40 bytes for where it came to, of both
/// families, and 24 for the size of merged datagrams, each with its header.
pub(crate) const CONTROL_BYTES: usize = 128;

/// Memory for control data.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub(crate) struct Control([u8; CONTROL_BYTES]);

/// What the control data of a datagram that was received says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Where a reply should leave from.
    pub(crate) reply_from: Option<ReplyFrom>,
    /// The size of merged datagrams.
    pub(crate) segment_bytes: Option<usize>,
}

impl Control {
    /// Memory without anything in it.
    pub(crate) const NONE: Self = Self([0; CONTROL_BYTES]);

    /// Where it is, for a header that points to it.
    pub(crate) fn pointer(&mut self) -> *mut libc::c_void {
        self.0.as_mut_ptr().cast()
    }

    /// Writes where a datagram is to leave from and the size that it is to be cut into, as far as
    /// they are given; returns the length of both.
    pub(crate) fn write(&mut self, from: Option<ReplyFrom>, segment_bytes: Option<u16>) -> usize {
        let mut length = 0;
        match from.map(|from| (from.address, from.interface)) {
            Some((IpAddr::V4(address), interface)) => {
                let information = libc::in_pktinfo {
                    ipi_ifindex: i32::try_from(interface).unwrap_or(0),
                    ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                length = self.push(length, (libc::IPPROTO_IP, libc::IP_PKTINFO), information);
            }
            Some((IpAddr::V6(address), interface)) => {
                let information = libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr { s6_addr: address.octets() },
                    ipi6_ifindex: interface,
                };
                length = self.push(length, (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO), information);
            }
            None => {}
        }
        if let Some(size) = segment_bytes {
            length = self.push(length, (libc::SOL_UDP, libc::UDP_SEGMENT), size);
        }
        length
    }

    /// Appends one message behind `start` bytes; returns where it ends.
    fn push<V: Copy>(
        &mut self,
        start: usize,
        (level, kind): (libc::c_int, libc::c_int),
        value: V,
    ) -> usize {
        let size = u32::try_from(size_of::<V>()).unwrap_or(u32::MAX);
        // SAFETY: CMSG_LEN only computes.
        let length = unsafe { libc::CMSG_LEN(size) };
        // SAFETY: CMSG_SPACE only computes.
        let space = unsafe { libc::CMSG_SPACE(size) } as usize;
        assert!(start + space <= CONTROL_BYTES, "control memory holds one message of each kind");
        // Within the memory, and aligned as it is: messages take whole spaces.
        let message = self.pointer().wrapping_byte_add(start).cast::<libc::cmsghdr>();
        let head = libc::cmsghdr { cmsg_len: length as _, cmsg_level: level, cmsg_type: kind };
        // SAFETY: there are `space` bytes of control memory here, more than a header has.
        unsafe { message.write_unaligned(head) };
        // SAFETY: CMSG_DATA only computes where the data begins, within the `space` bytes.
        let data = unsafe { libc::CMSG_DATA(message) };
        // SAFETY: the `space` bytes hold the header and, behind it, a whole `V`.
        unsafe { data.cast::<V>().write_unaligned(value) };
        start + space
    }
}

/// Reads the control data of a received header. An IPv4 datagram on a socket for both families may
/// have both kinds of packet information; then IPv4's is the one that tells more.
pub(crate) fn read(header: &libc::msghdr) -> Told {
    let mut told = Told::default();
    // SAFETY: the header was filled by the kernel and its control memory is still alive.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR return null or a pointer to a whole cmsghdr
        // inside the control memory.
        let kind = unsafe { message.read_unaligned() };
        // SAFETY: as above; the data follows the header inside the control memory.
        let data = unsafe { libc::CMSG_DATA(message) };
        match (kind.cmsg_level, kind.cmsg_type) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                // SAFETY: the kernel puts a whole in_pktinfo behind this header (ip(7)).
                let information = unsafe { data.cast::<libc::in_pktinfo>().read_unaligned() };
                told.reply_from = Some(reply_from_ipv4(&information));
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) if !told.is_from_ipv4() => {
                // SAFETY: the kernel puts a whole in6_pktinfo behind this header (ipv6(7)).
                let information = unsafe { data.cast::<libc::in6_pktinfo>().read_unaligned() };
                told.reply_from = Some(reply_from_ipv6(&information));
            }
            (libc::SOL_UDP, libc::UDP_GRO) => {
                // SAFETY: the kernel puts a whole int behind this header (udp(7)).
                let size = unsafe { data.cast::<libc::c_int>().read_unaligned() };
                told.segment_bytes = usize::try_from(size).ok().filter(|size| *size > 0);
            }
            _ => {}
        }
        // SAFETY: `message` came from CMSG_FIRSTHDR or CMSG_NXTHDR on this very header.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    told
}

impl Told {
    fn is_from_ipv4(&self) -> bool {
        self.reply_from.is_some_and(|from| from.address.is_ipv4())
    }
}

fn reply_from_ipv4(information: &libc::in_pktinfo) -> ReplyFrom {
    let destination = Ipv4Addr::from(information.ipi_addr.s_addr.to_ne_bytes());
    let local = Ipv4Addr::from(information.ipi_spec_dst.s_addr.to_ne_bytes());
    let interface = u32::try_from(information.ipi_ifindex).unwrap_or(0);
    let to_many = destination != local;
    // To a unicast address the routes may lead back another way than the query came.
    let interface = if to_many { interface } else { 0 };
    ReplyFrom { address: local.into(), interface, to_many }
}

fn reply_from_ipv6(information: &libc::in6_pktinfo) -> ReplyFrom {
    let destination = Ipv6Addr::from(information.ipi6_addr.s6_addr);
    let to_many = destination.is_multicast();
    let address = if to_many { Ipv6Addr::UNSPECIFIED } else { destination };
    // Link-local addresses mean nothing without their interface.
    let needs_interface = to_many || destination.is_unicast_link_local();
    let interface = if needs_interface { information.ipi6_ifindex } else { 0 };
    ReplyFrom { address: address.into(), interface, to_many }
}
