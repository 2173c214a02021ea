//! Binding: from service addresses to sockets that listen.
//!
//! Either all addresses are bound or none. `SO_REUSEPORT` is never set: a port in use is an error
//! even between two copies of colok. Nothing here accepts or serves.

mod unix;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use colok_proto::{Address, Service};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, sockopt};

use super::holder;
use super::resolve::{interface_index, resolve};
use super::service_address::ServiceAddress;
use super::url::{Place, Transport, Url};
use crate::error::{Error, Result};
use crate::observe::{Calls, Event, Tap, notices};
use crate::store::Store;

pub use unix::SocketFile;

/// The backlog asked for: connections that wait to be accepted. The kernel cuts it to
/// `net.core.somaxconn`, 4096 on current systems.
const BACKLOG: i32 = 4096;

/// How often a port chosen by the kernel is tried on the other addresses of a name.
const PORT_ATTEMPTS_MAX: usize = 16;

/// One address that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The name of the service.
    pub service: &'static str,
    /// The kind of socket.
    pub transport: Transport,
    /// The address that was bound, as a URL, with the real port.
    pub address: String,
}

/// A socket that listens, or a UDP socket, with what it serves.
#[derive(Debug)]
pub struct Listener {
    /// The socket, non-blocking.
    pub socket: OwnedFd,
    /// The address that was bound, with the real port.
    pub address: Address,
    /// The kind of socket.
    pub transport: Transport,
    /// What is served.
    pub service: Service,
    /// How long a connection may be idle.
    pub idle_timeout: Duration,
    /// Where its files live, if it has some.
    pub store: Option<Arc<Store>>,
    /// The socket file to remove when the server ends; dropping it does so.
    pub file: Option<SocketFile>,
}

impl Listener {
    /// What is served where.
    pub fn listening(&self) -> Listening {
        Listening {
            service: self.service.kind().name(),
            transport: self.transport,
            address: self.url(),
        }
    }

    /// A listener whose socket another process bound.
    pub(crate) fn passed(socket: OwnedFd, bound: Address, address: &ServiceAddress) -> Self {
        listener(socket, bound, address)
    }

    /// What is served, with every option, for a process that gets the socket as well. A Unix name
    /// is left out: the socket knows it, and as text it may not read back as it was.
    pub(crate) fn service_address(&self) -> ServiceAddress {
        let place = match &self.address {
            Address::Inet(at) => Place::Inet { host: at.ip().to_string(), port: Some(at.port()) },
            Address::Unix(_) => Place::Abstract("passed".to_owned()),
        };
        ServiceAddress {
            service: self.service,
            url: Url { transport: self.transport, place, options: Vec::new() },
            idle_timeout: self.idle_timeout,
            unix_mode: None,
            join: Vec::new(),
            // The socket has it.
            congestion: None,
        }
    }

    /// Its address as a URL.
    pub fn url(&self) -> String {
        url_of(self.transport, &self.address)
    }
}

/// An address as a URL.
pub fn url_of(transport: Transport, address: &Address) -> String {
    match address {
        Address::Inet(address) => format!("{transport}://{address}"),
        Address::Unix(name) if name.starts_with('@') => format!("unix:{name}"),
        Address::Unix(name) => format!("unix://{name}"),
    }
}

/// Binds every address.
pub fn bind_all<T: Tap>(
    addresses: &[ServiceAddress],
    tap: &T,
    calls: Calls<'_, T>,
) -> Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        let until = Instant::now() + ORPHAN_WAIT;
        let bound = loop {
            match bind(address, tap, calls) {
                Err(error) if is_orphaned(&error) && Instant::now() < until => {
                    std::thread::park_timeout(ORPHAN_STEP);
                }
                bound => break bound,
            }
        };
        listeners.extend(bound?);
    }
    Ok(listeners)
}

/// How long to wait for an address that nobody has. When a process is killed that listened with an
/// io_uring, the kernel takes the ring down after it, and the listener is open until then: for
/// milliseconds, on a busy computer longer.
const ORPHAN_WAIT: Duration = Duration::from_millis(500);

const ORPHAN_STEP: Duration = Duration::from_millis(10);

/// Whether an address is in use by no process that could be found.
fn is_orphaned(error: &Error) -> bool {
    matches!(error, Error::Bind { errno: Errno::ADDRINUSE, holder: None, .. })
}

fn bind<T: Tap>(address: &ServiceAddress, tap: &T, calls: Calls<'_, T>) -> Result<Vec<Listener>> {
    match &address.url.place {
        Place::Inet { host, port } => {
            let port = port.unwrap_or(address.service.kind().default_port());
            bind_inet(address, host, port, tap, calls)
        }
        Place::Path(_) | Place::Abstract(_) => Ok(vec![unix::bind(address, tap, calls)?]),
    }
}

/// Binds every address of a host. When the kernel chooses the port, all get the same one.
fn bind_inet<T: Tap>(
    address: &ServiceAddress,
    host: &str,
    port: u16,
    tap: &T,
    calls: Calls<'_, T>,
) -> Result<Vec<Listener>> {
    if host == "*" {
        // One socket for both families; where there is no IPv6, one for IPv4.
        let both = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
        return match bind_one(address, both, calls) {
            Err(error) if is_absent(&error) => {
                let ipv4 = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
                Ok(vec![bind_one(address, ipv4, calls)?])
            }
            bound => Ok(vec![bound?]),
        };
    }
    let candidates = resolve(host, port, calls)?;
    let mut attempts = if port == 0 { PORT_ATTEMPTS_MAX } else { 1 };
    loop {
        attempts -= 1;
        match bind_same_port(address, &candidates, tap, calls) {
            Err(error) if attempts > 0 && error.errno() == Some(Errno::ADDRINUSE) => {}
            bound => return bound,
        }
    }
}

fn bind_same_port<T: Tap>(
    address: &ServiceAddress,
    candidates: &[SocketAddr],
    tap: &T,
    calls: Calls<'_, T>,
) -> Result<Vec<Listener>> {
    let mut bound: Vec<Listener> = Vec::new();
    let mut absent = None;
    for candidate in candidates {
        let mut candidate = *candidate;
        if let Some(Address::Inet(first)) = bound.first().map(|listener| &listener.address) {
            candidate.set_port(first.port());
        }
        match bind_one(address, candidate, calls) {
            Ok(listener) => bound.push(listener),
            // `localhost` is two addresses, and a computer may have one of them only.
            Err(error) if is_absent(&error) && candidates.len() > 1 => {
                tap.event(|| Event::Notice {
                    notice: notices::ADDRESS_SKIPPED.to_owned(),
                    subject: error.to_string(),
                });
                absent = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match absent {
        Some(error) if bound.is_empty() => Err(error),
        _ => Ok(bound),
    }
}

/// Whether the address (or its whole family) does not exist on this computer.
fn is_absent(error: &Error) -> bool {
    matches!(error.errno(), Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT))
}

fn bind_one<T: Tap>(
    address: &ServiceAddress,
    at: SocketAddr,
    calls: Calls<'_, T>,
) -> Result<Listener> {
    let transport = address.url.transport;
    let fail = |call: &'static str| {
        move |errno: Errno| Error::Bind {
            call,
            address: url_of(transport, &Address::Inet(at)),
            errno,
            holder: (errno == Errno::ADDRINUSE)
                .then(|| holder::of_port(transport, at.ip(), at.port()))
                .flatten(),
        }
    };
    let family = if at.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let stream = transport == Transport::Tcp;
    let kind = if stream { SocketType::STREAM } else { SocketType::DGRAM };
    let socket = calls.socket(family, kind).map_err(fail("socket"))?;
    if at.is_ipv6() {
        // `[::]` serves IPv4 clients too; every other IPv6 address is only itself.
        let only = !at.ip().is_unspecified();
        let set = || sockopt::set_ipv6_v6only(&socket, only);
        calls.set_option(socket.as_fd(), "IPV6_V6ONLY", set).map_err(fail("setsockopt"))?;
    }
    if stream {
        set_stream_options(&socket, calls).map_err(fail("setsockopt"))?;
        set_congestion_control(&socket, address, at, calls)?;
    } else {
        set_datagram_options(&socket, address, at, calls)?;
    }
    calls.bind(socket.as_fd(), at).map_err(fail("bind"))?;
    if stream {
        calls.listen(socket.as_fd(), BACKLOG).map_err(fail("listen"))?;
    }
    let bound = calls.local_address(socket.as_fd()).map_err(fail("getsockname"))?;
    Ok(listener(socket, bound, address))
}

fn listener(socket: OwnedFd, bound: Address, from: &ServiceAddress) -> Listener {
    Listener {
        socket,
        address: bound,
        transport: from.url.transport,
        service: from.service,
        idle_timeout: from.idle_timeout,
        store: None,
        file: None,
    }
}

/// Accepted sockets inherit these from the listener, which saves two calls per connection (Linux).
fn set_stream_options<T: Tap>(socket: &OwnedFd, calls: Calls<'_, T>) -> Result<(), Errno> {
    // Lets a restarted server bind while old connections are in TIME_WAIT; a listening socket on
    // the same address still makes it fail (socket(7)).
    let reuse = || sockopt::set_socket_reuseaddr(socket, true);
    calls.set_option(socket.as_fd(), "SO_REUSEADDR", reuse)?;
    // A reply leaves at once, also while an earlier one is not acknowledged yet.
    let no_delay = || sockopt::set_tcp_nodelay(socket, true);
    calls.set_option(socket.as_fd(), "TCP_NODELAY", no_delay)
}

/// Chooses the congestion control, where the address names one; it is inherited, too. The kernel
/// says
/// `ENOENT` for one that it does not have, and `EPERM` for one that is for root alone.
fn set_congestion_control<T: Tap>(
    socket: &OwnedFd,
    address: &ServiceAddress,
    at: SocketAddr,
    calls: Calls<'_, T>,
) -> Result<()> {
    let Some(name) = &address.congestion else { return Ok(()) };
    let set = || sockopt::set_tcp_congestion(socket, name);
    calls.set_option(socket.as_fd(), "TCP_CONGESTION", set).map_err(|errno| Error::Bind {
        call: "setsockopt",
        address: format!("{}?congestion={name}", url_of(Transport::Tcp, &Address::Inet(at))),
        errno,
        holder: None,
    })
}

fn set_datagram_options<T: Tap>(
    socket: &OwnedFd,
    address: &ServiceAddress,
    at: SocketAddr,
    calls: Calls<'_, T>,
) -> Result<()> {
    let url = &address.url;
    let fail =
        |errno| Error::Bind { call: "setsockopt", address: url.to_string(), errno, holder: None };
    // Tells with each datagram the address that it came to, so that the reply leaves from there.
    let both = at.is_ipv6() && at.ip().is_unspecified();
    let options = [("IPV6_RECVPKTINFO", true, at.is_ipv6()), ("IP_PKTINFO", false, at.is_ipv4())];
    for (option, ipv6, wanted) in options {
        if wanted || both {
            let set = || colok_sys::datagram::receive_destination(socket.as_fd(), ipv6);
            calls.set_option(socket.as_fd(), option, set).map_err(fail)?;
        }
    }
    for group in &address.join {
        join(socket, url, group, calls)?;
    }
    Ok(())
}

/// Joins a multicast group, on the interface named behind `%` or on the one that the routes give.
fn join<T: Tap>(socket: &OwnedFd, url: &Url, group: &str, calls: Calls<'_, T>) -> Result<()> {
    let (text, zone) = group.split_once('%').map_or((group, None), |(a, z)| (a, Some(z)));
    let fail = |errno| Error::Bind {
        call: "setsockopt",
        address: format!("{}?join={group}", url.without_options()),
        errno,
        holder: None,
    };
    let index = match zone {
        Some(zone) => interface_index(zone).ok_or_else(|| fail(Errno::NODEV))?,
        None => 0,
    };
    let address: IpAddr = text.parse().map_err(|_| fail(Errno::INVAL))?;
    let result = match address {
        IpAddr::V4(address) => {
            let any = Ipv4Addr::UNSPECIFIED;
            let run = || sockopt::set_ip_add_membership_with_ifindex(socket, &address, &any, index);
            calls.set_option(socket.as_fd(), "IP_ADD_MEMBERSHIP", run)
        }
        IpAddr::V6(address) => {
            let run = || sockopt::set_ipv6_add_membership(socket, &address, index);
            calls.set_option(socket.as_fd(), "IPV6_ADD_MEMBERSHIP", run)
        }
    };
    result.map_err(fail)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;
    use crate::net::service_address::{ServiceDefaults, parse_service_address};
    use crate::observe::NoTap;

    fn bound(text: &str) -> Result<Listener> {
        let address = parse_service_address(text, ServiceDefaults::default()).expect("an address");
        let mut listeners = bind_all(&address, &NoTap, Calls::new(&NoTap))?;
        Ok(listeners.remove(0))
    }

    #[test]
    fn connections_inherit_the_congestion_control_of_their_address() {
        // Every kernel has it, and lets everybody choose it.
        let listener = bound("echo=tcp://127.0.0.1:0?congestion=reno").expect("it can be bound");
        let Address::Inet(at) = listener.address else { panic!("it is an internet address") };
        let _client = TcpStream::connect(at).expect("it listens");
        let accepted = rustix::net::accept(&listener.socket).expect("a client is there");
        let name = sockopt::tcp_congestion(&accepted).expect("it is a TCP socket");
        assert_eq!(name, "reno");
    }

    #[test]
    fn a_congestion_control_that_is_not_there_is_named() {
        let error = bound("echo=tcp://127.0.0.1:0?congestion=none-such").expect_err("no such");
        assert_eq!(error.errno(), Some(Errno::NOENT));
        assert!(error.to_string().contains("tcp://127.0.0.1:0?congestion=none-such"), "{error}");
    }
}
