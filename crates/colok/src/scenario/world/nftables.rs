//! Packets that vanish: a table of nftables per fault, and what its rules counted (nft(8)).
//!
//! What comes is dropped where it would reach a program (`input`); what goes, where it leaves the
//! interface (`egress`): dropped earlier, the sender would be told, and it should not be.

use std::ops::RangeInclusive;

use super::link::INTERFACE;
use super::netlink::{APPEND, Attributes, CREATE, EXCLUSIVE, Message, Netlink, NetlinkError};
use crate::scenario::file::{Protocol, Way};

// linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h.
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
const SUBSYSTEM: u16 = 10 << 8;
const NEWTABLE: u16 = SUBSYSTEM;
const DELTABLE: u16 = SUBSYSTEM | 2;
const NEWCHAIN: u16 = SUBSYSTEM | 3;
const NEWRULE: u16 = SUBSYSTEM | 6;
const GETRULE: u16 = SUBSYSTEM | 7;
const TABLE_NAME: u16 = 1;
const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_EXPRESSIONS: u16 = 4;
const LIST_ELEMENT: u16 = 1;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
/// `struct nfgenmsg`.
const FIXED_BYTES: usize = 4;
/// `NFPROTO_INET`: IPv4 and IPv6; `NFPROTO_NETDEV`: an interface.
const INET: u8 = 1;
const NETDEV: u8 = 5;
/// `NFT_REG_1`.
const REGISTER: u32 = 1;

/// The table of one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    name: String,
    family: u8,
}

impl Table {
    /// That of a fault.
    pub(super) fn new(number: u64, way: Way) -> Self {
        let family = match way {
            Way::In => INET,
            Way::Out => NETDEV,
        };
        Self { name: format!("colok-{number}"), family }
    }

    /// Drops packets of a protocol to these ports, or all of it when there are none.
    pub(super) fn begin(
        &self,
        netlink: &mut Netlink,
        protocol: Protocol,
        ports: &[(u16, u16)],
    ) -> Result<(), NetlinkError> {
        let every = [(0, u16::MAX)];
        let ports = if ports.is_empty() { &every[..] } else { ports };
        let mut messages = vec![
            Message::bracket(BATCH_BEGIN, &[0, 0, 0, 10]),
            Message::new(NEWTABLE, CREATE | EXCLUSIVE, &self.fixed())
                .with_text(TABLE_NAME, &self.name),
            self.chain(),
        ];
        messages.extend(ports.iter().map(|(first, last)| self.rule(protocol, *first..=*last)));
        messages.push(Message::bracket(BATCH_END, &[0, 0, 0, 10]));
        netlink.request(messages).map_err(|(_, error)| error)
    }

    /// Takes it away.
    pub(super) fn end(&self, netlink: &mut Netlink) -> Result<(), NetlinkError> {
        let delete = Message::new(DELTABLE, 0, &self.fixed()).with_text(TABLE_NAME, &self.name);
        let messages = vec![
            Message::bracket(BATCH_BEGIN, &[0, 0, 0, 10]),
            delete,
            Message::bracket(BATCH_END, &[0, 0, 0, 10]),
        ];
        netlink.request(messages).map_err(|(_, error)| error)
    }

    /// How many packets, and bytes, it dropped.
    pub(super) fn dropped(&self, netlink: &mut Netlink) -> Result<(u64, u64), NetlinkError> {
        let ask = Message::new(GETRULE, 0, &self.fixed()).with_text(RULE_TABLE, &self.name);
        let rules = netlink.ask(ask, true)?;
        Ok(rules.iter().map(|rule| read_counter(rule)).fold((0, 0), |sum, (packets, bytes)| {
            (sum.0.saturating_add(packets), sum.1.saturating_add(bytes))
        }))
    }

    fn fixed(&self) -> [u8; FIXED_BYTES] {
        [self.family, 0, 0, 0]
    }

    fn chain(&self) -> Message {
        const TABLE: u16 = 1;
        const NAME: u16 = 3;
        const HOOK: u16 = 4;
        const POLICY: u16 = 5;
        const TYPE: u16 = 7;
        const HOOK_NUMBER: u16 = 1;
        const HOOK_PRIORITY: u16 = 2;
        const HOOK_DEVICE: u16 = 3;
        /// `NF_INET_LOCAL_IN`, `NF_NETDEV_EGRESS`: both are 1.
        const HOOKED: u32 = 1;
        const ACCEPT: u32 = 1;
        Message::new(NEWCHAIN, CREATE, &self.fixed())
            .with_text(TABLE, &self.name)
            .with_text(NAME, CHAIN)
            .with_nest(HOOK, |hook| {
                let hook = hook
                    .with(HOOK_NUMBER, &HOOKED.to_be_bytes())
                    .with(HOOK_PRIORITY, &0_u32.to_be_bytes());
                if self.family == NETDEV { hook.with_text(HOOK_DEVICE, INTERFACE) } else { hook }
            })
            .with(POLICY, &ACCEPT.to_be_bytes())
            .with_text(TYPE, "filter")
    }

    /// As `nft` says it: `meta l4proto tcp th dport 1-5 counter drop`.
    fn rule(&self, protocol: Protocol, ports: RangeInclusive<u16>) -> Message {
        let protocol: u8 = match protocol {
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
        };
        Message::new(NEWRULE, CREATE | APPEND, &self.fixed())
            .with_text(RULE_TABLE, &self.name)
            .with_text(RULE_CHAIN, CHAIN)
            .with_nest(RULE_EXPRESSIONS, |list| {
                let list = expression(list, "meta", load_protocol);
                let list = expression(list, "cmp", |inner| compare(inner, EQUAL, &[protocol]));
                let list = expression(list, "payload", load_port);
                let list = expression(list, "cmp", |inner| {
                    compare(inner, NOT_LESS, &ports.start().to_be_bytes())
                });
                let list = expression(list, "cmp", |inner| {
                    compare(inner, NOT_MORE, &ports.end().to_be_bytes())
                });
                let list = expression(list, "counter", |inner| inner);
                expression(list, "immediate", drop_packet)
            })
    }
}

/// The chain of a table, and the operators of `cmp`: `NFT_CMP_EQ`, `NFT_CMP_GTE`, `NFT_CMP_LTE`.
const CHAIN: &str = "fault";
const EQUAL: u32 = 0;
const NOT_LESS: u32 = 5;
const NOT_MORE: u32 = 3;

fn expression(list: Message, name: &str, data: impl FnOnce(Message) -> Message) -> Message {
    list.with_nest(LIST_ELEMENT, |element| {
        element.with_text(EXPRESSION_NAME, name).with_nest(EXPRESSION_DATA, data)
    })
}

/// `meta load l4proto => reg 1`.
fn load_protocol(inner: Message) -> Message {
    const DESTINATION: u16 = 1;
    const KEY: u16 = 2;
    const L4PROTO: u32 = 16;
    inner.with(DESTINATION, &REGISTER.to_be_bytes()).with(KEY, &L4PROTO.to_be_bytes())
}

/// `payload load 2b @ transport header + 2 => reg 1`: the destination port of TCP and UDP.
fn load_port(inner: Message) -> Message {
    const DESTINATION: u16 = 1;
    const BASE: u16 = 2;
    const OFFSET: u16 = 3;
    const LENGTH: u16 = 4;
    const TRANSPORT_HEADER: u32 = 2;
    inner
        .with(DESTINATION, &REGISTER.to_be_bytes())
        .with(BASE, &TRANSPORT_HEADER.to_be_bytes())
        .with(OFFSET, &2_u32.to_be_bytes())
        .with(LENGTH, &2_u32.to_be_bytes())
}

/// `cmp`: goes on only if what was loaded compares so.
fn compare(inner: Message, operator: u32, with: &[u8]) -> Message {
    const SOURCE: u16 = 1;
    const OPERATOR: u16 = 2;
    const DATA: u16 = 3;
    const VALUE: u16 = 1;
    inner
        .with(SOURCE, &REGISTER.to_be_bytes())
        .with(OPERATOR, &operator.to_be_bytes())
        .with_nest(DATA, |data| data.with(VALUE, with))
}

/// `immediate drop`.
fn drop_packet(inner: Message) -> Message {
    const DESTINATION: u16 = 1;
    const DATA: u16 = 2;
    const VERDICT: u16 = 2;
    const CODE: u16 = 1;
    const VERDICT_REGISTER: u32 = 0;
    const DROP: u32 = 0;
    inner.with(DESTINATION, &VERDICT_REGISTER.to_be_bytes()).with_nest(DATA, |data| {
        data.with_nest(VERDICT, |verdict| verdict.with(CODE, &DROP.to_be_bytes()))
    })
}

/// What the counter of a rule says: packets and bytes. Zero when there is none.
pub(super) fn read_counter(rule: &[u8]) -> (u64, u64) {
    const BYTES: u16 = 1;
    const PACKETS: u16 = 2;
    let number = |value: Option<&[u8]>| {
        value.and_then(|bytes| bytes.first_chunk().copied()).map_or(0, u64::from_be_bytes)
    };
    Attributes::after(rule, FIXED_BYTES)
        .within(RULE_EXPRESSIONS)
        .filter(|(kind, _)| *kind == LIST_ELEMENT)
        .map(|(_, element)| Attributes::new(element))
        .find(|element| element.find(EXPRESSION_NAME).is_some_and(|name| name == b"counter\0"))
        .map_or((0, 0), |element| {
            let data = element.within(EXPRESSION_DATA);
            (number(data.find(PACKETS)), number(data.find(BYTES)))
        })
}
