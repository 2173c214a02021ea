//! What to serve and where, as people write it: `echo`, `count=udp://127.0.0.1:12345`,
//! `echo=tcp://[::]:7?quit=off`.
//!
//! Reading one never resolves a name and never touches a socket. Options belong to one service
//! and one transport; one that does not fit is an error that names those that do.

use std::fmt;
use std::time::Duration;

use colok_proto::files::{Durability, FilesOptions, WritePolicy};
use colok_proto::{CountLanguage, CountOptions, CountUnit, EchoOptions, Service, ServiceKind};
use thiserror::Error as ThisError;

use super::duration::parse_duration;
use super::nearest_name;
use super::url::{Place, Transport, Url, UrlError};

/// Who may write to a file store, as an option says it.
const WRITERS: [(&str, WritePolicy); 4] = [
    ("loopback", WritePolicy::Loopback),
    ("token", WritePolicy::Token),
    ("anyone", WritePolicy::Anyone),
    ("off", WritePolicy::Nobody),
];

/// One service on one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAddress {
    /// The service and its options.
    pub service: Service,
    /// Where, without options; an internet address always has a port.
    pub url: Url,
    /// How long a connection may be idle.
    pub idle_timeout: Duration,
    /// The permission bits of a Unix socket file; by default what the umask leaves.
    pub unix_mode: Option<u32>,
    /// Multicast groups to join, each an address with an optional `%interface` (UDP only).
    pub join: Vec<String>,
    /// The congestion control of its connections (TCP only); by default the system's.
    pub congestion: Option<String>,
}

/// The whole of it, every option named, so that reading it again gives the same.
impl fmt::Display for ServiceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.service.kind().name(), self.url)?;
        write!(f, "?idle={}us", self.idle_timeout.as_micros())?;
        match self.service {
            Service::Echo(EchoOptions { quit, gap }) => {
                let quit = if quit { "on" } else { "off" };
                write!(f, "&quit={quit}&gap={}us", gap.as_micros())?;
            }
            Service::Count(CountOptions { language, unit, gap }) => {
                let language = match language {
                    CountLanguage::Indonesian => "id",
                    CountLanguage::English => "en",
                };
                let unit = match unit {
                    CountUnit::Characters => "chars",
                    CountUnit::Bytes => "bytes",
                };
                write!(f, "&lang={language}&unit={unit}&gap={}us", gap.as_micros())?;
            }
            Service::Files(FilesOptions { write, list, durability_min }) => {
                let list = if list { "on" } else { "off" };
                let durability = durability_min.name();
                let (write, _) =
                    WRITERS.iter().find(|(_, one)| *one == write).unwrap_or(&WRITERS[0]);
                write!(f, "&write={write}&list={list}&durability={durability}")?;
            }
            Service::Discard | Service::Chargen => {}
        }
        if let Some(mode) = self.unix_mode {
            write!(f, "&mode={mode:03o}")?;
        }
        self.join.iter().try_for_each(|group| write!(f, "&join={group}"))?;
        self.congestion.iter().try_for_each(|name| write!(f, "&congestion={name}"))
    }
}

/// What holds where an address says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceDefaults {
    /// Overrides each service's own idle timeout.
    pub idle_timeout: Option<Duration>,
    /// How long a pause ends a message.
    pub message_gap: Duration,
    /// What a file service allows.
    pub files: FilesOptions,
}

impl Default for ServiceDefaults {
    fn default() -> Self {
        Self {
            idle_timeout: None,
            message_gap: Duration::from_millis(50),
            files: FilesOptions::default(),
        }
    }
}

/// Why a text is not a service address.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum ServiceAddressError {
    /// There is no such service.
    #[error("there is no service `{name}`; there are echo, count, files, discard and chargen")]
    Service {
        /// What was given.
        name: String,
        /// The service that was probably meant.
        nearest: Option<&'static str>,
    },
    /// The address behind the `=`.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// A service that this transport cannot carry.
    #[error("{service} is not served over {transport}")]
    Transport {
        /// The service.
        service: &'static str,
        /// The transport.
        transport: Transport,
    },
    /// An option that does not exist, does not fit, or has a value that it cannot have.
    #[error("option `{name}` of {service}: {problem}")]
    Option {
        /// The service.
        service: &'static str,
        /// The option.
        name: String,
        /// What is wrong with it.
        problem: OptionProblem,
    },
}

/// What is wrong with an option.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum OptionProblem {
    /// It does not exist here.
    #[error("does not exist here; there are {}", known.join(", "))]
    Unknown {
        /// The option that was probably meant.
        nearest: Option<&'static str>,
        /// The options that exist for this service and transport.
        known: Vec<&'static str>,
    },
    /// Its value is none of those it can have.
    #[error("`{value}` is not {expected}")]
    Value {
        /// What was given.
        value: String,
        /// What it can be, for people: `on or off`.
        expected: &'static str,
    },
    /// It is for connections over TCP, and the address is of something else.
    #[error("is for tcp alone, and this is {transport}")]
    TcpOnly {
        /// The transport of the address.
        transport: Transport,
    },
}

/// Reads one service address. A service without an address is served on loopback at its own port,
/// over every transport that has ports and that it can use.
pub fn parse_service_address(
    text: &str,
    defaults: ServiceDefaults,
) -> Result<Vec<ServiceAddress>, ServiceAddressError> {
    let (name, address) = text.split_once('=').map_or((text, None), |(n, a)| (n, Some(a)));
    // `echo?quit=off` has options and no address.
    let (name, bare_query) = match address {
        None => name.split_once('?').unwrap_or((name, "")),
        Some(_) if name.contains('?') => {
            let (name, query) = text.split_once('?').unwrap_or((text, ""));
            return on_default_ports(kind_named(name)?, query, defaults);
        }
        Some(_) => (name, ""),
    };
    let kind = kind_named(name)?;
    match address {
        None => on_default_ports(kind, bare_query, defaults),
        Some(address) => Ok(vec![on_url(kind, address.parse()?, defaults)?]),
    }
}

fn kind_named(name: &str) -> Result<ServiceKind, ServiceAddressError> {
    ServiceKind::from_name(name).ok_or_else(|| ServiceAddressError::Service {
        name: name.to_owned(),
        nearest: nearest_name(name, ServiceKind::ALL.map(ServiceKind::name)),
    })
}

fn on_default_ports(
    kind: ServiceKind,
    query: &str,
    defaults: ServiceDefaults,
) -> Result<Vec<ServiceAddress>, ServiceAddressError> {
    let transports = [Transport::Tcp, Transport::Udp];
    let usable = transports.into_iter().filter(|t| *t == Transport::Tcp || kind.over_udp());
    let on = |transport: Transport| {
        let url: Url = format!("{transport}://localhost?{query}").parse()?;
        on_url(kind, url, defaults)
    };
    usable.map(on).collect()
}

fn on_url(
    kind: ServiceKind,
    mut url: Url,
    defaults: ServiceDefaults,
) -> Result<ServiceAddress, ServiceAddressError> {
    if url.transport == Transport::Udp && !kind.over_udp() {
        let transport = url.transport;
        return Err(ServiceAddressError::Transport { service: kind.name(), transport });
    }
    if let Place::Inet { port, .. } = &mut url.place {
        port.get_or_insert(kind.default_port());
    }
    let options = std::mem::take(&mut url.options);
    let mut built = Builder::new(kind, url, defaults);
    for (name, value) in options {
        built.set(&name, &value).map_err(|problem| ServiceAddressError::Option {
            service: kind.name(),
            name,
            problem,
        })?;
    }
    Ok(built.finish())
}

/// A service address under construction: every option of every service, set one by one.
struct Builder {
    kind: ServiceKind,
    echo: EchoOptions,
    count: CountOptions,
    files: FilesOptions,
    address: ServiceAddress,
}

impl Builder {
    fn new(kind: ServiceKind, url: Url, defaults: ServiceDefaults) -> Self {
        let gap = defaults.message_gap;
        let idle_timeout = defaults.idle_timeout.unwrap_or(kind.default_idle_timeout());
        let service = Service::Discard; // replaced by `finish`
        Self {
            kind,
            echo: EchoOptions { gap, ..EchoOptions::default() },
            count: CountOptions { gap, ..CountOptions::default() },
            files: defaults.files,
            address: ServiceAddress {
                service,
                url,
                idle_timeout,
                unix_mode: None,
                join: Vec::new(),
                congestion: None,
            },
        }
    }

    /// The options that exist for this service and transport.
    fn known(&self) -> Vec<&'static str> {
        let mut known = vec!["idle"];
        match self.kind {
            ServiceKind::Echo => known.extend(["quit", "gap"]),
            ServiceKind::Count => known.extend(["lang", "unit", "gap"]),
            ServiceKind::Files => known.extend(["write", "list", "durability"]),
            ServiceKind::Discard | ServiceKind::Chargen => {}
        }
        match self.address.url.transport {
            Transport::Unix if matches!(self.address.url.place, Place::Path(_)) => {
                known.push("mode");
            }
            Transport::Udp => known.push("join"),
            Transport::Tcp => known.push("congestion"),
            Transport::Unix => {}
        }
        known
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), OptionProblem> {
        let known = self.known();
        let transport = self.address.url.transport;
        if name == "congestion" && transport != Transport::Tcp {
            return Err(OptionProblem::TcpOnly { transport });
        }
        if !known.contains(&name) {
            let nearest = nearest_name(name, known.iter().copied());
            return Err(OptionProblem::Unknown { nearest, known });
        }
        match name {
            "idle" => self.address.idle_timeout = positive_duration(value)?,
            "gap" => {
                let gap = positive_duration(value)?;
                self.echo.gap = gap;
                self.count.gap = gap;
            }
            "quit" => self.echo.quit = choice(value, &[("on", true), ("off", false)], "on or off")?,
            "lang" => {
                let languages = [("id", CountLanguage::Indonesian), ("en", CountLanguage::English)];
                self.count.language = choice(value, &languages, "id or en")?;
            }
            "unit" => {
                let units = [("chars", CountUnit::Characters), ("bytes", CountUnit::Bytes)];
                self.count.unit = choice(value, &units, "chars or bytes")?;
            }
            "write" => {
                self.files.write = choice(value, &WRITERS, "loopback, token, anyone or off")?;
            }
            "list" => {
                self.files.list = choice(value, &[("on", true), ("off", false)], "on or off")?;
            }
            "durability" => {
                let durability = Durability::from_name(value);
                self.files.durability_min =
                    durability.ok_or_else(|| wrong(value, "none, file or full"))?;
            }
            "mode" => self.address.unix_mode = Some(permission_bits(value)?),
            "join" => self.address.join.push(multicast_group(value)?),
            "congestion" => self.address.congestion = Some(congestion_control(value)?),
            _ => {} // `known` holds exactly the names above
        }
        Ok(())
    }

    fn finish(mut self) -> ServiceAddress {
        self.address.service = match self.kind {
            ServiceKind::Echo => Service::Echo(self.echo),
            ServiceKind::Count => Service::Count(self.count),
            ServiceKind::Files => Service::Files(self.files),
            ServiceKind::Discard => Service::Discard,
            ServiceKind::Chargen => Service::Chargen,
        };
        self.address
    }
}

fn wrong(value: &str, expected: &'static str) -> OptionProblem {
    OptionProblem::Value { value: value.to_owned(), expected }
}

fn choice<T: Copy>(
    value: &str,
    choices: &[(&str, T)],
    expected: &'static str,
) -> Result<T, OptionProblem> {
    let found = choices.iter().find(|(name, _)| *name == value);
    found.map(|(_, choice)| *choice).ok_or_else(|| wrong(value, expected))
}

fn positive_duration(value: &str) -> Result<Duration, OptionProblem> {
    let expected = "a length of time such as 5s or 100ms";
    let duration = parse_duration(value).map_err(|_| wrong(value, expected))?;
    if duration.is_zero() { Err(wrong(value, expected)) } else { Ok(duration) }
}

fn permission_bits(value: &str) -> Result<u32, OptionProblem> {
    let expected = "three octal digits such as 600 or 666";
    let digits = value.strip_prefix('0').filter(|rest| rest.len() == 3).unwrap_or(value);
    let mode = u32::from_str_radix(digits, 8).map_err(|_| wrong(value, expected))?;
    if digits.len() == 3 { Ok(mode) } else { Err(wrong(value, expected)) }
}

fn multicast_group(value: &str) -> Result<String, OptionProblem> {
    let expected = "a multicast address such as 239.1.2.3 or ff02::1%eth0";
    let address = value.split_once('%').map_or(value, |(address, _)| address);
    match address.parse::<std::net::IpAddr>() {
        Ok(address) if address.is_multicast() => Ok(value.to_owned()),
        _ => Err(wrong(value, expected)),
    }
}

/// The most bytes of the name of a congestion control: `TCP_CA_NAME_MAX` without the zero at its
/// end. The kernel would cut a longer one and look for what is left.
const CONGESTION_NAME_LENGTH_MAX: usize = 15;

fn congestion_control(value: &str) -> Result<String, OptionProblem> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if (1..=CONGESTION_NAME_LENGTH_MAX).contains(&value.len()) && value.bytes().all(plain) {
        Ok(value.to_owned())
    } else {
        Err(wrong(value, "the name of a congestion control such as reno, cubic or bbr"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<ServiceAddress>, ServiceAddressError> {
        parse_service_address(text, ServiceDefaults::default())
    }

    fn urls(text: &str) -> Vec<String> {
        read(text).expect("it can be read").iter().map(|found| found.url.to_string()).collect()
    }

    #[test]
    fn services_and_addresses() {
        assert_eq!(urls("echo"), ["tcp://localhost:5001", "udp://localhost:5001"]);
        assert_eq!(urls("echo?quit=off"), ["tcp://localhost:5001", "udp://localhost:5001"]);
        assert_eq!(urls("chargen"), ["tcp://localhost:19"]);
        assert_eq!(urls("count=udp://127.0.0.1"), ["udp://127.0.0.1:12345"]);
        assert_eq!(urls("discard=unix:///tmp/x.sock?mode=600"), ["unix:///tmp/x.sock"]);
        assert_eq!(urls("echo=[::]:7?quit=off"), ["tcp://[::]:7"]);
    }

    #[test]
    fn options_are_set() {
        let found = read("echo=tcp://[::]:7?quit=off&idle=30s&gap=10ms").expect("it can be read");
        let gap = Duration::from_millis(10);
        assert_eq!(found[0].service, Service::Echo(EchoOptions { quit: false, gap }));
        assert_eq!(found[0].idle_timeout, Duration::from_secs(30));
        let found = read("count=udp://*:1?lang=en&unit=bytes&join=239.1.2.3").expect("readable");
        assert_eq!(found[0].join, ["239.1.2.3"]);
        let Service::Count(options) = found[0].service else { panic!("it is count") };
        assert_eq!((options.language, options.unit), (CountLanguage::English, CountUnit::Bytes));
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for text in [
            "echo=tcp://[::1]:7?quit=off&idle=2.5s",
            "count=udp://*:1?lang=en&unit=bytes&gap=70ms&join=239.1.2.3&join=ff02::1%lo",
            "discard=unix:///tmp/x.sock?mode=600",
            "chargen=unix:@name",
            "discard=tcp://localhost:9?congestion=reno",
        ] {
            let first = read(text).expect("it can be read");
            assert_eq!(read(&first[0].to_string()), Ok(first), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            ("ehco", "there is no service `ehco`"),
            ("", "there is no service ``"),
            ("chargen=udp://localhost", "chargen is not served over udp"),
            (
                "echo=tcp://h:1?quite=off",
                "option `quite` of echo: does not exist here; there are idle",
            ),
            ("echo=tcp://h:1?quit=no", "option `quit` of echo: `no` is not on or off"),
            ("echo=tcp://h:1?idle=0", "option `idle` of echo: `0` is not a length of time"),
            ("echo=tcp://h:1?mode=600", "option `mode` of echo: does not exist here"),
            ("echo=unix:/x?mode=999", "option `mode` of echo: `999` is not three octal digits"),
            (
                "echo=udp://h:1?join=10.0.0.1",
                "option `join` of echo: `10.0.0.1` is not a multicast",
            ),
            ("echo=tcp://h:1?congestion=a+b", "option `congestion` of echo: `a+b` is not the name"),
            (
                "echo=tcp://h:1?congestion=sixteen_letters_",
                "option `congestion` of echo: `sixteen_letters_` is not the name",
            ),
            ("count?congestion=reno", "option `congestion` of count: is for tcp alone"),
            (
                "echo=unix:/x?congestion=reno",
                "option `congestion` of echo: is for tcp alone, and this is unix",
            ),
            ("echo=http://h", "there is no scheme `http`"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
