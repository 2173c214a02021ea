//! From an address to a connected socket.
//!
//! Every address of a name is tried (see [`race`]); a server that is not up yet is
//! tried again for as long as the caller allows. A datagram socket is connected too when one
//! address answers, because only then does the kernel tell that nothing listens there; towards
//! multicast and broadcast, where many may answer, it stays unconnected.
//!
//! It never sends a byte of a conversation.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use colok_proto::{Address, Peer, Time};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, sockopt};
use thiserror::Error as ThisError;

use super::account::{Account, tell_failure};
use super::end::EndReason;
use super::look_up::addresses_until;
use super::race::{self, Failed, Race, family_of};
use super::wait::{earliest, pause};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::net::resolve::interface_index;
use crate::net::url::{Place, Transport, Url};
use crate::observe::{Calls, Tap, address_of};

/// How long connecting may take unless told otherwise: four retransmissions of a SYN on Linux
/// fall into the first ten seconds (1, 3 and 7 s after the first), and people wait no longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause before the second try of `retry`; each later one is twice as long.
const RETRY_PAUSE_FIRST: Duration = Duration::from_millis(100);

/// The longest pause between two tries: a server that comes up is found within a second.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(1);

/// The pause while a Unix listener's backlog is full: connect(2) then fails with `EAGAIN` and
/// nothing can be polled.
const BACKLOG_PAUSE: Duration = Duration::from_millis(10);

/// How to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectOptions {
    /// How long one try, over all addresses, may take. Default: 10 s.
    pub connect_timeout: Duration,
    /// For how long to try again when nothing listens there yet; it never shortens the first try.
    /// Default: one try.
    pub retry: Option<Duration>,
    /// The local address to connect from. Default: the system chooses. Unix sockets have none.
    pub source: Option<Source>,
    /// When to give up in any case.
    pub deadline: Option<Time>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self { connect_timeout: CONNECT_TIMEOUT, retry: None, source: None, deadline: None }
    }
}

/// A local address to connect from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// An address of this computer.
    pub address: IpAddr,
    /// A port; 0 lets the system choose.
    pub port: u16,
    /// The index of the network interface, which a link-local IPv6 address needs; 0 for none.
    pub interface: u32,
}

impl Source {
    /// The address to bind.
    pub(super) fn socket_address(self) -> SocketAddr {
        match self.address {
            IpAddr::V4(_) => SocketAddr::new(self.address, self.port),
            IpAddr::V6(address) => SocketAddrV6::new(address, self.port, 0, self.interface).into(),
        }
    }
}

/// A text that is not a [`Source`].
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error(
    "`{text}` is not a local address; write for example 127.0.0.1, 127.0.0.1:4000 or [::1]:4000"
)]
pub struct SourceError {
    /// What was given.
    pub text: String,
}

impl FromStr for Source {
    type Err = SourceError;

    /// Reads `IP`, `IPv4:port` or `[IPv6]:port`; an IPv6 address may have a zone, the name or
    /// number of an interface of this computer (`fe80::1%eth0`).
    fn from_str(text: &str) -> Result<Self, SourceError> {
        if let Ok(address) = text.parse() {
            return Ok(Self { address, port: 0, interface: 0 });
        }
        if let Some(source) = Self::with_zone(text) {
            return Ok(source);
        }
        let both = text.parse::<SocketAddr>();
        both.map(|both| Self { address: both.ip(), port: both.port(), interface: 0 })
            .map_err(|_| SourceError { text: text.to_owned() })
    }
}

impl Source {
    /// `IPv6%zone` or `[IPv6%zone]:port`.
    fn with_zone(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once("]:")?;
                (host, port.parse().ok()?)
            }
            None => (text, 0),
        };
        let (address, zone) = host.split_once('%')?;
        let address: Ipv6Addr = address.parse().ok()?;
        Some(Self { address: address.into(), port, interface: interface_index(zone)? })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket_address().fmt(f)
    }
}

/// A socket that is ready to talk.
#[derive(Debug)]
pub struct Connection {
    socket: OwnedFd,
    peer: Peer,
    transport: Transport,
    group: Option<SocketAddr>,
    address: String,
    /// Last, so that its end is told when the socket is closed.
    account: Option<Mutex<Account>>,
}

impl Connection {
    /// The four-part address.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Which kind of socket.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The target as a URL, for messages.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The multicast or broadcast destination, when it is one: many may answer, each from an
    /// address of its own.
    pub fn group(&self) -> Option<SocketAddr> {
        self.group
    }

    /// Closes the socket at once.
    pub fn close<T: Tap>(self, tap: &T) {
        let Self { socket, account, .. } = self;
        Calls::new(tap).close(socket);
        drop(account);
    }

    /// What observers are told of it, when they want to be told.
    pub(super) fn account(&self) -> Option<MutexGuard<'_, Account>> {
        // A panic elsewhere leaves the counts as they were.
        self.account.as_ref().map(|it| it.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// It is over for this reason; to be told when it is closed.
    pub(super) fn ended(&self, reason: EndReason) {
        if let Some(mut account) = self.account() {
            account.ended(reason);
        }
    }

    /// The socket, for waiting.
    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// A failed call on this socket.
    pub(super) fn failed(&self, call: &'static str, errno: Errno) -> Error {
        Error::call(call, self.address.clone(), errno)
    }
}

/// Connects. Waits at most as long as the options say.
///
/// A dead port fails at once with [`Error::Connect`], which lists every address tried; silence is
/// [`Error::ConnectTimeout`]. With [`ConnectOptions::retry`] a target that may yet come up
/// (refused, no socket file, unreachable, silent) is tried again until that time is over; the last
/// error is returned. A source that cannot be had is [`Error::Call`] of `bind`.
pub fn connect<T: Tap>(
    url: &Url,
    options: &ConnectOptions,
    clock: &Clock,
    tap: &T,
) -> Result<Connection> {
    let retry_until = options.retry.map(|retry| clock.now() + retry);
    let last_moment = earliest(retry_until, options.deadline);
    let mut next_pause = RETRY_PAUSE_FIRST;
    // A server that answers slowly is reached without `retry`, so it must be with it as well.
    let mut try_until = options.deadline;
    loop {
        let started = clock.now();
        let limit = earliest(Some(started + options.connect_timeout), try_until);
        let calls = Calls::new(tap);
        let attempt = Attempt { url, options, clock, tap, calls, started, limit };
        let error = match attempt.run() {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        tell_failure(tap, &error);
        let again = clock.now() + next_pause;
        let time_left = last_moment.is_none_or(|last_moment| again < last_moment);
        if retry_until.is_none() || !time_left || !can_heal(&error) {
            return Err(error);
        }
        pause(again, clock).map_err(|errno| Error::call("poll", url.to_string(), errno))?;
        try_until = last_moment;
        next_pause = (next_pause * 2).min(RETRY_PAUSE_MAX);
    }
}

/// Whether the same try may succeed later without anyone changing the command.
fn can_heal(error: &Error) -> bool {
    let heals = |errno: &Errno| {
        matches!(
            *errno,
            Errno::CONNREFUSED
                | Errno::CONNRESET
                | Errno::NOENT
                | Errno::HOSTUNREACH
                | Errno::NETUNREACH
                | Errno::NETDOWN
                | Errno::HOSTDOWN
                | Errno::TIMEDOUT
                | Errno::AGAIN
        )
    };
    match error {
        Error::ConnectTimeout { .. } => true,
        Error::Connect { attempts, .. } => attempts.iter().any(|(_, errno)| heals(errno)),
        _ => false,
    }
}

/// One try.
struct Attempt<'a, T: Tap> {
    url: &'a Url,
    options: &'a ConnectOptions,
    clock: &'a Clock,
    tap: &'a T,
    calls: Calls<'a, T>,
    started: Time,
    limit: Option<Time>,
}

impl<T: Tap> Attempt<'_, T> {
    fn run(&self) -> Result<Connection> {
        let unix = match &self.url.place {
            Place::Inet { .. } => return self.inet(),
            Place::Path(path) => SocketAddrUnix::new(path.as_str()),
            Place::Abstract(name) => SocketAddrUnix::new_abstract_name(name.as_bytes()),
        };
        self.unix(&unix.map_err(|errno| self.refused(errno))?)
    }

    fn inet(&self) -> Result<Connection> {
        let Some((host, port)) = self.url.host_and_port()? else {
            return Err(self.refused(Errno::AFNOSUPPORT));
        };
        let found = addresses_until(host, port, self.limit, self.clock, self.tap)?;
        let addresses = self.reachable(found.ok_or_else(|| self.timeout())?)?;
        if self.url.transport == Transport::Udp {
            return self.datagram(&addresses);
        }
        let race = Race::new(self.calls, self.clock, self.options.source, &addresses);
        let won = race.run(self.limit).map_err(|lost| match lost {
            race::Lost::Failed(attempts) => {
                Error::Connect { address: self.url.to_string(), attempts }
            }
            race::Lost::Source(errno) => self.source_failed(errno),
            race::Lost::Silent => self.timeout(),
            race::Lost::Poll(errno) => Error::call("poll", self.url.to_string(), errno),
        })?;
        let set = || sockopt::set_tcp_nodelay(&won.socket, true);
        // A line typed by hand must leave at once. If the option cannot be set the bytes still
        // arrive, only later.
        let _ = self.calls.set_option(won.socket.as_fd(), "TCP_NODELAY", set);
        let peer = Peer { local: won.local, remote: Address::Inet(won.remote) };
        Ok(self.connection(won.socket, peer, None))
    }

    /// The addresses that can be reached from the source that was asked for.
    fn reachable(&self, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>> {
        let Some(source) = self.options.source else { return Ok(addresses) };
        let same = |to: &SocketAddr| to.is_ipv4() == source.address.is_ipv4();
        if addresses.iter().any(same) {
            return Ok(addresses.into_iter().filter(same).collect());
        }
        let attempts = addresses.iter().map(|to| (to.to_string(), Errno::AFNOSUPPORT)).collect();
        Err(Error::Connect { address: self.url.to_string(), attempts })
    }

    fn unix(&self, address: &SocketAddrUnix) -> Result<Connection> {
        let kind = SocketType::STREAM;
        let socket = self.calls.socket(AddressFamily::UNIX, kind);
        let socket = socket.map_err(|errno| self.refused(errno))?;
        loop {
            let again = self.clock.now() + BACKLOG_PAUSE;
            match self.calls.connect_unix(socket.as_fd(), address) {
                Ok(()) => break,
                Err(Errno::AGAIN) if self.limit.is_none_or(|limit| again < limit) => {
                    pause(again, self.clock).map_err(|errno| self.refused(errno))?;
                }
                Err(errno) => {
                    self.calls.close(socket);
                    return Err(match errno {
                        Errno::AGAIN => self.timeout(),
                        errno => self.refused(errno),
                    });
                }
            }
        }
        // A client's Unix socket has no name of its own.
        let remote = address_of(address.clone().into());
        let peer = Peer { local: Address::Unix("".into()), remote };
        Ok(self.connection(socket, peer, None))
    }

    /// Takes the first address that a datagram socket can be aimed at; nothing is sent.
    fn datagram(&self, addresses: &[SocketAddr]) -> Result<Connection> {
        let mut attempts = Vec::new();
        for &address in addresses {
            match self.aim(address) {
                Ok((socket, local, group)) => {
                    let peer = Peer { local, remote: Address::Inet(address) };
                    return Ok(self.connection(socket, peer, group));
                }
                Err(Failed::Source(errno)) => return Err(self.source_failed(errno)),
                Err(Failed::Address(errno)) => attempts.push((address.to_string(), errno)),
            }
        }
        Err(Error::Connect { address: self.url.to_string(), attempts })
    }

    fn aim(&self, to: SocketAddr) -> Result<(OwnedFd, Address, Option<SocketAddr>), Failed> {
        let socket = self.calls.socket(family_of(to), SocketType::DGRAM)?;
        let aimed = self.aim_socket(socket.as_fd(), to).and_then(|group| {
            let local = self.calls.local_address(socket.as_fd())?;
            Ok((local, group))
        });
        match aimed {
            Ok((local, group)) => Ok((socket, local, group)),
            Err(failed) => {
                self.calls.close(socket);
                Err(failed)
            }
        }
    }

    fn aim_socket(
        &self,
        socket: BorrowedFd<'_>,
        to: SocketAddr,
    ) -> Result<Option<SocketAddr>, Failed> {
        if let Some(source) = self.options.source {
            let bound = self.calls.bind(socket, source.socket_address());
            bound.map_err(Failed::Source)?;
        }
        if to.ip().is_multicast() {
            // The kernel's defaults are what is wanted: one hop, and this computer hears it too.
            self.multicast_interface(socket)?;
            return Ok(Some(to));
        }
        let limited_broadcast = matches!(to.ip(), IpAddr::V4(address) if address.is_broadcast());
        if !limited_broadcast {
            match self.calls.connect(socket, to) {
                Ok(()) => return Ok(None),
                // The kernel knows every subnet's broadcast address and wants permission for it
                // (ip(7)).
                Err(Errno::ACCESS) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        let set = || sockopt::set_socket_broadcast(socket, true);
        self.calls.set_option(socket, "SO_BROADCAST", set)?;
        Ok(Some(to))
    }

    /// Multicast leaves by the interface that has the source address, when one is asked for. An
    /// IPv6 group names its interface in its zone.
    fn multicast_interface(&self, socket: BorrowedFd<'_>) -> Result<(), Errno> {
        let Some(Source { address: IpAddr::V4(address), .. }) = self.options.source else {
            return Ok(());
        };
        let set = || sockopt::set_ip_multicast_if(socket, &address);
        self.calls.set_option(socket, "IP_MULTICAST_IF", set)
    }

    fn connection(&self, socket: OwnedFd, peer: Peer, group: Option<SocketAddr>) -> Connection {
        let (address, transport) = (self.url.without_options(), self.url.transport);
        let took = self.clock.now().since(self.started);
        let is_stream = transport != Transport::Udp;
        let account = Account::open(self.tap, &peer, is_stream, took).map(Mutex::new);
        Connection { socket, peer, transport, group, address, account }
    }

    /// The error of a target with a single address.
    fn refused(&self, errno: Errno) -> Error {
        let attempts = vec![(self.url.place.to_string(), errno)];
        Error::Connect { address: self.url.to_string(), attempts }
    }

    /// The local address to connect from cannot be had.
    fn source_failed(&self, errno: Errno) -> Error {
        let source = self.options.source.map(|source| source.to_string());
        Error::call("bind", source.unwrap_or_default(), errno)
    }

    fn timeout(&self) -> Error {
        let after = self.clock.now().since(self.started);
        Error::ConnectTimeout { address: self.url.to_string(), after }
    }
}
