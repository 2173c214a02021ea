//! A slow link: a token bucket (`tc-tbf(8)`) on what a host sends, and what it counted.

use super::link::INTERFACE_INDEX;
use super::netlink::{
    Attributes, CREATE, EXCLUSIVE, Message, Netlink, NetlinkError, number_u32, number_u64, text,
};

// linux/rtnetlink.h, linux/pkt_sched.h.
const RTM_NEWQDISC: u16 = 36;
const RTM_DELQDISC: u16 = 37;
const RTM_GETQDISC: u16 = 38;
const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TCA_STATS2: u16 = 7;
const ROOT: u32 = u32::MAX;
/// `struct tcmsg`.
const FIXED_BYTES: usize = 20;
/// What the kernel calls it.
const KIND: &str = "tbf";
/// Ethernet's header, which is counted.
const HEADER_BYTES: u64 = 14;

/// `struct tcmsg`: family, number of the interface, handle, parent, info.
fn queue(parent: u32) -> [u8; FIXED_BYTES] {
    let mut fixed = [0; FIXED_BYTES];
    fixed[4..8].copy_from_slice(&INTERFACE_INDEX.to_ne_bytes());
    fixed[12..16].copy_from_slice(&parent.to_ne_bytes());
    fixed
}

/// Makes what the host sends leave at so many bytes a second, headers included. What may leave at
/// once is 10 ms' worth, and at least one packet; what waits is 50 ms' worth and at least 32
/// packets, beyond which packets are lost, as at a real slow link.
pub(super) fn begin(bytes_per_second: u64, mtu: u32) -> Message {
    /// `linux/pkt_sched.h`.
    const TCA_TBF_PARMS: u16 = 1;
    const TCA_TBF_RATE64: u16 = 4;
    const TCA_TBF_BURST: u16 = 6;
    /// `TC_LINKLAYER_ETHERNET`: no table of times is needed.
    const ETHERNET: u8 = 1;
    let packet_bytes = u64::from(mtu) + HEADER_BYTES;
    let burst_bytes = (bytes_per_second / 100).max(packet_bytes);
    let limit_bytes = (bytes_per_second / 20).max(32 * packet_bytes) + burst_bytes;
    let low = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    // `struct tc_tbf_qopt`: rate, peak rate (12 bytes each), limit, bucket, mtu. Of a rate the
    // second byte is the link layer and the last four are bytes a second.
    let mut options = [0; 36];
    options[1] = ETHERNET;
    options[8..12].copy_from_slice(&low(bytes_per_second).to_ne_bytes());
    options[24..28].copy_from_slice(&low(limit_bytes).to_ne_bytes());
    Message::new(RTM_NEWQDISC, CREATE | EXCLUSIVE, &queue(ROOT))
        .with_text(TCA_KIND, KIND)
        .with_nest(TCA_OPTIONS, |inner| {
            let inner =
                inner.with(TCA_TBF_PARMS, &options).with_u32(TCA_TBF_BURST, low(burst_bytes));
            // The kernel takes it only when the 32 bits are not enough.
            if bytes_per_second > u64::from(u32::MAX) {
                inner.with(TCA_TBF_RATE64, &bytes_per_second.to_ne_bytes())
            } else {
                inner
            }
        })
}

/// Lets it leave at once again.
pub(super) fn end() -> Message {
    Message::new(RTM_DELQDISC, 0, &queue(ROOT)).with_text(TCA_KIND, KIND)
}

/// What the bucket counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Statistics {
    /// Bytes that left.
    pub(super) bytes: u64,
    /// Packets that left.
    pub(super) packets: u32,
    /// Packets that were lost.
    pub(super) drops: u32,
    /// How often something had to wait.
    pub(super) overlimits: u32,
}

/// Asks for it; `None` if there is no bucket.
pub(super) fn statistics(netlink: &mut Netlink) -> Result<Option<Statistics>, NetlinkError> {
    let told = netlink.ask(Message::new(RTM_GETQDISC, 0, &queue(0)), true)?;
    Ok(told.iter().find_map(|body| read(body)))
}

/// Reads what `RTM_NEWQDISC` says, if it is about the bucket of our interface.
pub(super) fn read(body: &[u8]) -> Option<Statistics> {
    /// `linux/gen_stats.h`.
    const TCA_STATS_BASIC: u16 = 1;
    const TCA_STATS_QUEUE: u16 = 3;
    let attributes = Attributes::after(body, FIXED_BYTES);
    let index = body.get(4..).and_then(number_u32)?;
    if index != INTERFACE_INDEX || attributes.find(TCA_KIND).map(text).as_deref() != Some(KIND) {
        return None;
    }
    let statistics = attributes.within(TCA_STATS2);
    let basic = statistics.find(TCA_STATS_BASIC)?;
    let queue = statistics.find(TCA_STATS_QUEUE)?;
    Some(Statistics {
        bytes: number_u64(basic)?,
        packets: number_u32(basic.get(8..)?)?,
        // `struct gnet_stats_queue`: packets, bytes, drops, requeues, overlimits.
        drops: number_u32(queue.get(8..)?)?,
        overlimits: number_u32(queue.get(16..)?)?,
    })
}
