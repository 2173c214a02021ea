//! Ports: their ranges (RFC 6335), and the names of services.

use serde::{Deserialize, Serialize};

/// The range that a port lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortRange {
    /// 0 to 1023: system ports; listening needs a privilege.
    WellKnown,
    /// 1024 to 49151: user ports.
    Registered,
    /// 49152 to 65535: private or ephemeral ports, never assigned.
    Dynamic,
}

impl PortRange {
    /// The range of a port.
    pub const fn of(port: u16) -> Self {
        match port {
            0..=1023 => Self::WellKnown,
            1024..=49_151 => Self::Registered,
            49_152.. => Self::Dynamic,
        }
    }

    /// Its first and last port.
    pub const fn bounds(self) -> (u16, u16) {
        match self {
            Self::WellKnown => (0, 1023),
            Self::Registered => (1024, 49_151),
            Self::Dynamic => (49_152, 65_535),
        }
    }
}

/// Names of services by port and transport.
#[derive(Clone, Debug, Default)]
pub struct ServiceNames {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    port: u16,
    transport: String,
    name: String,
    source: &'static str,
}

/// The names that colok brings along: port, transports, name, source.
const BUILT_IN: [(u16, &[&str], &str, &str); 6] = [
    (7, &["tcp", "udp"], "echo", "RFC 862"),
    (9, &["tcp", "udp"], "discard", "RFC 863"),
    (19, &["tcp", "udp"], "chargen", "RFC 864"),
    (5001, &["tcp", "udp"], "echo (colok)", "colok"),
    (12_345, &["tcp", "udp"], "count (colok)", "colok"),
    (25_563, &["tcp"], "files (colok)", "colok"),
];

/// Longest `/etc/services` that is read, in bytes; Debian's has 13 KiB.
const SERVICES_TEXT_MAX: usize = 4 << 20;

impl ServiceNames {
    /// The names that colok brings along: its own services and those of RFC 862 to 864.
    pub fn built_in() -> Self {
        let entries = BUILT_IN.iter().flat_map(|(port, transports, name, source)| {
            transports.iter().map(|transport| Entry {
                port: *port,
                transport: (*transport).to_owned(),
                name: (*name).to_owned(),
                source,
            })
        });
        Self { entries: entries.collect() }
    }

    /// Adds the names of a text in the format of services(5): `name port/transport aliases`.
    /// Lines that cannot be read are passed over, as the system does, and so is what lies behind
    /// the first 4 MiB.
    #[must_use]
    pub fn with_services_file(mut self, text: &str) -> Self {
        let end =
            (0..=SERVICES_TEXT_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        for line in text[..end.unwrap_or(0)].lines() {
            let Some(entry) = entry_of(line) else { continue };
            let known = |other: &Entry| {
                other.port == entry.port
                    && other.transport == entry.transport
                    && other.name == entry.name
            };
            if !self.entries.iter().any(known) {
                self.entries.push(entry);
            }
        }
        self
    }

    /// The services on a port, each with its source.
    pub(super) fn of<'a>(
        &'a self,
        port: u16,
        transport: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'static str)> {
        let here = move |entry: &&Entry| entry.port == port && entry.transport == transport;
        self.entries.iter().filter(here).map(|entry| (entry.name.as_str(), entry.source))
    }
}

fn entry_of(line: &str) -> Option<Entry> {
    let line = line.split('#').next()?;
    let mut words = line.split_ascii_whitespace();
    let name = words.next()?;
    let (port, transport) = words.next()?.split_once('/')?;
    Some(Entry {
        port: port.parse().ok()?,
        transport: transport.to_owned(),
        name: crate::observe::printable(name.as_bytes()),
        source: "services(5)",
    })
}
