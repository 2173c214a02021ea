//! Facts in words, each with its source. Nothing here writes.

use std::fmt::Write as _;

use colok::explain::{Explanation, Fact, PortRange, Purpose, Scope};

use crate::messages::{Id, Messages};
use crate::say;
use crate::style::Style;

/// The width of a terminal that nobody has changed.
const COLUMNS: usize = 80;

/// One explanation: the subject, then a line for each fact with its source. At a terminal a
/// source that does not fit stands on a line of its own; elsewhere a fact is one line.
pub(super) fn text(
    explanation: &Explanation,
    messages: &Messages,
    style: Style,
    terminal: bool,
) -> String {
    let mut text = String::new();
    let subject = colok::observe::printable(explanation.subject.as_bytes());
    let _ = writeln!(text, "{}", style.bold(subject));
    for found in &explanation.facts {
        let (fact, source) = (words(&found.fact, messages), format!("[{}]", found.source));
        let width = 4 + fact.chars().count() + source.chars().count();
        let between = if terminal && width > COLUMNS { "\n    " } else { "  " };
        let _ = writeln!(text, "  {fact}{between}{}", style.dim(source));
        if let Fact::UdpHeader { destination_port, data_bytes_max, .. } = found.fact {
            text.push_str(&udp_header(destination_port, data_bytes_max, messages));
        }
    }
    text
}

fn words(fact: &Fact, messages: &Messages) -> String {
    match fact {
        Fact::Transport { transport } => messages.text(match transport.as_str() {
            "tcp" => Id::ExplainTcp,
            "udp" => Id::ExplainUdp,
            _ => Id::ExplainUnix,
        }),
        Fact::HostName { host } => say!(messages, Id::ExplainHostName, host = host.as_str()),
        Fact::Localhost => messages.text(Id::ExplainLocalhost),
        Fact::EveryAddress => messages.text(Id::ExplainEveryAddress),
        Fact::Ipv4 { binary, .. } => {
            say!(messages, Id::ExplainIpv4, binary = binary.as_str())
        }
        Fact::Class { class, first_bits, network_bytes, network, host } => {
            self::class(*class, first_bits, *network_bytes, network, host, messages)
        }
        Fact::Ipv6 { full, .. } => say!(messages, Id::ExplainIpv6, full = full.as_str()),
        Fact::Zone { zone } => {
            let zone = colok::observe::printable(zone.as_bytes());
            say!(messages, Id::ExplainZone, zone = zone)
        }
        Fact::Purpose { purpose, block } => {
            let purpose = messages.text(purpose_id(*purpose));
            say!(messages, Id::ExplainPurpose, purpose = purpose, block = block.as_str())
        }
        Fact::MulticastScope { scope } => {
            let scope = messages.text(scope_id(*scope));
            say!(messages, Id::ExplainScope, scope = scope)
        }
        Fact::Embedded { address } => {
            say!(messages, Id::ExplainEmbedded, address = address.as_str())
        }
        Fact::Port { port, range } => self::port(*port, *range, messages),
        Fact::Service { name, port, transport } => say!(
            messages,
            Id::ExplainService,
            name = name.as_str(),
            port = port.to_string(),
            transport = transport.as_str()
        ),
        Fact::UdpHeader { header_bytes, .. } => {
            say!(messages, Id::ExplainUdpHeader, bytes = header_bytes.to_string())
        }
        Fact::UnixPath { path } => {
            let path = colok::observe::printable(path.as_bytes());
            say!(messages, Id::ExplainUnixPath, path = path)
        }
        Fact::UnixAbstract { name } => {
            let name = colok::observe::printable(name.as_bytes());
            say!(messages, Id::ExplainUnixAbstract, name = name)
        }
        other => format!("{other:?}"),
    }
}

fn class(
    class: char,
    first_bits: &str,
    network_bytes: u8,
    network: &str,
    host: &str,
    messages: &Messages,
) -> String {
    let letter = class.to_string();
    match class {
        'D' => say!(messages, Id::ExplainClassD, bits = first_bits),
        'E' => say!(messages, Id::ExplainClassE, bits = first_bits),
        _ => say!(
            messages,
            Id::ExplainClass,
            class = letter,
            bits = first_bits,
            bytes = network_bytes,
            network = network,
            host = host
        ),
    }
}

fn port(port: u16, range: PortRange, messages: &Messages) -> String {
    let id = match range {
        PortRange::WellKnown => Id::ExplainPortWellKnown,
        PortRange::Registered => Id::ExplainPortRegistered,
        PortRange::Dynamic => Id::ExplainPortDynamic,
    };
    let (first, last) = range.bounds();
    say!(messages, id, port = port.to_string(), first = first.to_string(), last = last.to_string())
}

fn purpose_id(purpose: Purpose) -> Id {
    match purpose {
        Purpose::Unspecified => Id::PurposeUnspecified,
        Purpose::ThisNetwork => Id::PurposeThisNetwork,
        Purpose::Loopback => Id::PurposeLoopback,
        Purpose::Private => Id::PurposePrivate,
        Purpose::Shared => Id::PurposeShared,
        Purpose::LinkLocal => Id::PurposeLinkLocal,
        Purpose::Broadcast => Id::PurposeBroadcast,
        Purpose::Multicast => Id::PurposeMulticast,
        Purpose::Documentation => Id::PurposeDocumentation,
        Purpose::Benchmarking => Id::PurposeBenchmarking,
        Purpose::ProtocolAssignments => Id::PurposeProtocolAssignments,
        Purpose::Reserved => Id::PurposeReserved,
        Purpose::Global => Id::PurposeGlobal,
        Purpose::UniqueLocal => Id::PurposeUniqueLocal,
        Purpose::SiteLocalDeprecated => Id::PurposeSiteLocal,
        Purpose::Ipv4Mapped => Id::PurposeMapped,
        Purpose::Nat64 => Id::PurposeTranslated,
        Purpose::SixToFour => Id::PurposeTunnelled,
        Purpose::DiscardOnly => Id::PurposeDiscardOnly,
    }
}

fn scope_id(scope: Scope) -> Id {
    match scope {
        Scope::InterfaceLocal => Id::ScopeInterface,
        Scope::LinkLocal => Id::ScopeLink,
        Scope::RealmLocal => Id::ScopeRealm,
        Scope::AdminLocal => Id::ScopeAdmin,
        Scope::SiteLocal => Id::ScopeSite,
        Scope::OrganizationLocal => Id::ScopeOrganization,
        Scope::Administrative => Id::ScopeAdministrative,
        Scope::SourceSpecific => Id::ScopeSourceSpecific,
        Scope::Global => Id::ScopeGlobal,
        Scope::Unassigned => Id::ScopeUnassigned,
    }
}

/// Width of one field of 16 bits in the diagram.
const FIELD_COLUMNS: usize = 31;

/// The header as RFC 768 draws it: two rows of two fields of 16 bits.
fn udp_header(port: Option<u16>, data_bytes_max: u16, messages: &Messages) -> String {
    let destination = messages.text(Id::HeaderDestination);
    let destination = port.map_or(destination.clone(), |port| format!("{destination} = {port}"));
    let source = messages.text(Id::HeaderSource);
    let length = messages.text(Id::HeaderLength);
    let checksum = messages.text(Id::HeaderChecksum);
    let data = say!(messages, Id::HeaderData, bytes = data_bytes_max.to_string());
    let rule = format!("    +{0}+{0}+", "-".repeat(FIELD_COLUMNS));
    let row =
        |left: &str, right: &str| format!("    |{left:^FIELD_COLUMNS$}|{right:^FIELD_COLUMNS$}|");
    let wide = FIELD_COLUMNS * 2 + 1;
    let bits = format!("     0{:>31}{:>32}", "15 16", "31");
    let lines = [
        bits,
        rule.clone(),
        row(&source, &destination),
        rule.clone(),
        row(&length, &checksum),
        rule.clone(),
        format!("    |{data:^wide$}|"),
        format!("    +{}+", "-".repeat(wide)),
    ];
    lines.join("\n") + "\n"
}
