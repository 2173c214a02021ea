//! Addresses as URLs: `tcp://host:port`, `udp://host:port`, `unix:///path`, `unix:@name`.
//!
//! A bare `host:port`, `:port` or `port` is TCP. Options follow as a query: `?idle=30s&quit=off`.
//! Reading an address never resolves a name and never touches a socket.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use thiserror::Error as ThisError;

use super::nearest_name;

/// Longest path or abstract name of a Unix socket in bytes: `sun_path` is 108 bytes with a
/// terminating or leading NUL (unix(7)).
pub const UNIX_NAME_LENGTH_MAX: usize = 107;

/// Longest address text in bytes. A host name has at most 253 characters (RFC 1035), a Unix name
/// 107; the rest is for options.
pub const URL_LENGTH_MAX: usize = 4096;

/// Which kind of socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// A TCP stream.
    Tcp,
    /// UDP datagrams.
    Udp,
    /// A Unix stream.
    Unix,
}

impl Transport {
    /// The scheme and the word in logs: `tcp`, `udp`, `unix`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Unix => "unix",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where: a host and port, or the name of a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A host name or address (IPv6 without brackets, perhaps with `%zone`) and a port.
    Inet {
        /// Name or address; never empty.
        host: String,
        /// 0 to 65535; `None` when the text named none.
        port: Option<u16>,
    },
    /// The path of a Unix socket.
    Path(String),
    /// The name of an abstract Unix socket (Linux), without the `@`.
    Abstract(String),
}

/// An address with its options.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    /// Which kind of socket.
    pub transport: Transport,
    /// Where.
    pub place: Place,
    /// The options of the query, in order, `name=value` split; a name alone has an empty value.
    pub options: Vec<(String, String)>,
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum UrlError {
    /// There is no text.
    #[error("the address is empty; write for example tcp://localhost:5001")]
    Empty,
    /// The text is longer than [`URL_LENGTH_MAX`].
    #[error("the address is longer than {URL_LENGTH_MAX} bytes")]
    TooLong,
    /// A scheme that does not exist (yet).
    #[error("there is no scheme `{scheme}`; there are tcp, udp and unix")]
    Scheme {
        /// What was given.
        scheme: String,
        /// The scheme that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A port that is not a number from 0 to 65535.
    #[error("`{port}` is not a port; a port is a number from 0 to 65535")]
    Port {
        /// What was given.
        port: String,
    },
    /// A port is needed and none was given.
    #[error("`{address}` names no port; write {address}:5001, say")]
    PortMissing {
        /// The address without it.
        address: String,
    },
    /// A host that cannot be one.
    #[error("`{host}` is not a host name or address")]
    Host {
        /// What was given.
        host: String,
    },
    /// An IPv6 address with a port needs brackets.
    #[error("an IPv6 address with a port needs brackets: [{host}]:5001")]
    Brackets {
        /// What was given.
        host: String,
    },
    /// A path behind a host, as in `tcp://host:5001/path`.
    #[error("`{rest}` follows the port; a tcp or udp address has no path")]
    Path {
        /// What was given.
        rest: String,
    },
    /// A Unix socket name that is empty, too long or holds a NUL.
    #[error("`{name}` cannot name a Unix socket: 1 to {UNIX_NAME_LENGTH_MAX} bytes, no NUL")]
    UnixName {
        /// What was given.
        name: String,
    },
}

impl Url {
    /// An internet address without options.
    pub fn inet(transport: Transport, host: impl Into<String>, port: u16) -> Self {
        let place = Place::Inet { host: host.into(), port: Some(port) };
        Self { transport, place, options: Vec::new() }
    }

    /// The host and port, or an error that says that the port is missing; `None` for a Unix
    /// socket.
    pub fn host_and_port(&self) -> Result<Option<(&str, u16)>, UrlError> {
        match &self.place {
            Place::Inet { host, port: Some(port) } => Ok(Some((host, *port))),
            Place::Inet { port: None, .. } => {
                Err(UrlError::PortMissing { address: self.without_options() })
            }
            Place::Path(_) | Place::Abstract(_) => Ok(None),
        }
    }

    /// The address alone, as text.
    pub fn without_options(&self) -> String {
        Self { options: Vec::new(), ..self.clone() }.to_string()
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.is_empty() {
            return Err(UrlError::Empty);
        }
        if text.len() > URL_LENGTH_MAX {
            return Err(UrlError::TooLong);
        }
        let (transport, rest) = split_scheme(text)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let place = match transport {
            Transport::Unix => unix_place(rest)?,
            Transport::Tcp | Transport::Udp => inet_place(rest)?,
        };
        Ok(Self { transport, place, options: split_options(query) })
    }
}

/// Splits `scheme://rest`; `unix:` needs no slashes. Without a scheme it is TCP.
fn split_scheme(text: &str) -> Result<(Transport, &str), UrlError> {
    if let Some(rest) = text.strip_prefix("unix:") {
        return Ok((Transport::Unix, rest.strip_prefix("//").unwrap_or(rest)));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Ok((Transport::Tcp, text));
    };
    match scheme {
        "tcp" => Ok((Transport::Tcp, rest)),
        "udp" => Ok((Transport::Udp, rest)),
        _ => Err(UrlError::Scheme {
            scheme: scheme.to_owned(),
            nearest: nearest_name(scheme, ["tcp", "udp", "unix"]),
        }),
    }
}

fn unix_place(rest: &str) -> Result<Place, UrlError> {
    let wrong = || UrlError::UnixName { name: rest.to_owned() };
    let name = rest.strip_prefix('@').unwrap_or(rest);
    if name.is_empty() || name.len() > UNIX_NAME_LENGTH_MAX || name.contains('\0') {
        return Err(wrong());
    }
    Ok(if rest.starts_with('@') {
        Place::Abstract(name.to_owned())
    } else {
        Place::Path(name.to_owned())
    })
}

fn inet_place(rest: &str) -> Result<Place, UrlError> {
    let (rest, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    if path.len() > 1 {
        return Err(UrlError::Path { rest: path.to_owned() });
    }
    // A number alone is a port of this computer: `colok connect 5001`.
    if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Place::Inet { host: "localhost".to_owned(), port: Some(port(rest)?) });
    }
    let (host, port) = split_host(rest)?;
    let host = if host.is_empty() { "localhost" } else { host };
    check_host(host)?;
    Ok(Place::Inet { host: host.to_owned(), port })
}

fn split_host(rest: &str) -> Result<(&str, Option<u16>), UrlError> {
    let wrong = || UrlError::Host { host: rest.to_owned() };
    if let Some(inner) = rest.strip_prefix('[') {
        let (host, behind) = inner.split_once(']').ok_or_else(wrong)?;
        if !is_ipv6(host) {
            return Err(wrong());
        }
        return match behind.strip_prefix(':') {
            Some(text) => Ok((host, Some(port(text)?))),
            None if behind.is_empty() => Ok((host, None)),
            None => Err(wrong()),
        };
    }
    if is_ipv6(rest) {
        return Ok((rest, None));
    }
    match rest.split_once(':') {
        Some((_, behind)) if behind.contains(':') => {
            Err(UrlError::Brackets { host: rest.to_owned() })
        }
        Some((host, text)) => Ok((host, Some(port(text)?))),
        None if rest.is_empty() => Err(UrlError::Empty),
        None => Ok((rest, None)),
    }
}

/// An IPv6 address, perhaps with a zone: the name or number of a network interface, which has at
/// most 15 bytes (`IFNAMSIZ` in netdevice(7)).
fn is_ipv6(host: &str) -> bool {
    let (address, zone) = host.split_once('%').unwrap_or((host, "any"));
    let zone_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let zone_fits = (1..=15).contains(&zone.len()) && zone.bytes().all(zone_byte);
    zone_fits && address.parse::<Ipv6Addr>().is_ok()
}

fn port(text: &str) -> Result<u16, UrlError> {
    let wrong = || UrlError::Port { port: text.to_owned() };
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

/// Host names: at most 253 bytes of letters, digits, `-`, `.` and `_` (RFC 1123; the underscore
/// is seen in the wild), or anything beyond ASCII, which the resolver judges. `*` means every
/// address of this computer.
fn check_host(host: &str) -> Result<(), UrlError> {
    let name_byte = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    let named = host.len() <= 253 && host.chars().all(name_byte);
    if named || host == "*" || is_ipv6(host) {
        Ok(())
    } else {
        Err(UrlError::Host { host: host.to_owned() })
    }
}

fn split_options(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let split = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    };
    pairs.map(split).collect()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet { host, port } => {
                if host.contains(':') {
                    write!(f, "[{host}]")?;
                } else {
                    f.write_str(host)?;
                }
                port.map_or(Ok(()), |port| write!(f, ":{port}"))
            }
            Self::Path(path) => write!(f, "{}", path.escape_debug()),
            Self::Abstract(name) => write!(f, "@{}", name.escape_debug()),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slashes = if matches!(self.place, Place::Abstract(_)) { ":" } else { "://" };
        write!(f, "{}{slashes}{}", self.transport, self.place)?;
        for (index, (name, value)) in self.options.iter().enumerate() {
            let separator = if index == 0 { '?' } else { '&' };
            write!(f, "{separator}{name}={value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        text.parse::<Url>().map_or_else(|error| format!("{error:?}"), |url| url.to_string())
    }

    #[test]
    fn every_form_is_read() {
        for (text, expected) in [
            ("localhost:5001", "tcp://localhost:5001"),
            ("5001", "tcp://localhost:5001"),
            (":5001", "tcp://localhost:5001"),
            ("tcp://127.0.0.1:7/", "tcp://127.0.0.1:7"),
            ("udp://[::1]:7", "udp://[::1]:7"),
            ("tcp://[fe80::1%eth0]:7", "tcp://[fe80::1%eth0]:7"),
            ("tcp://::1", "tcp://[::1]"),
            ("tcp://*:80", "tcp://*:80"),
            ("unix:///tmp/x.sock", "unix:///tmp/x.sock"),
            ("unix:/tmp/x.sock", "unix:///tmp/x.sock"),
            ("unix:x.sock", "unix://x.sock"),
            ("unix:@name", "unix:@name"),
            ("unix://@name", "unix:@name"),
            ("tcp://h:1?idle=30s&quit=off", "tcp://h:1?idle=30s&quit=off"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            ("", "Empty"),
            ("tcp://", "Empty"),
            ("tpc://h:1", r#"Scheme { scheme: "tpc", nearest: Some("tcp") }"#),
            ("http://h:1", r#"Scheme { scheme: "http", nearest: None }"#),
            ("h:99999", r#"Port { port: "99999" }"#),
            ("70000", r#"Port { port: "70000" }"#),
            ("h:", r#"Port { port: "" }"#),
            ("h:+1", r#"Port { port: "+1" }"#),
            ("a b:1", r#"Host { host: "a b" }"#),
            ("[::1:5", r#"Host { host: "[::1:5" }"#),
            ("::1%]:", r#"Brackets { host: "::1%]:" }"#),
            ("a:b:1", r#"Brackets { host: "a:b:1" }"#),
            ("tcp://h:1/path", r#"Path { rest: "/path" }"#),
            ("unix:", r#"UnixName { name: "" }"#),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        let long = format!("unix:/{}", "x".repeat(107));
        assert!(matches!(long.parse::<Url>(), Err(UrlError::UnixName { .. })));
        assert_eq!("x".repeat(5000).parse::<Url>(), Err(UrlError::TooLong));
    }

    #[test]
    fn a_missing_port_is_told_when_it_is_needed() {
        let url: Url = "localhost".parse().expect("a host alone is an address");
        assert!(matches!(url.host_and_port(), Err(UrlError::PortMissing { .. })));
    }
}
