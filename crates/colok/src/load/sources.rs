//! Where connections come from and go to: sockets, made and on their way.
//!
//! A local address has some 28 000 ports. Toward a loopback service more connections than
//! that, or connections that are made anew all the time and leave their ports waiting after it, are
//! spread over the addresses of 127.0.0.0/8. Nothing here waits.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use colok_sys::source::bind_address_without_port;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, socket_with, sockopt,
};

use super::plan::Address;
use super::processes::{CONNECTIONS_PER_SOURCE, Share, Sources};

/// Connections made anew at this many a second would use up one address's ports within the 60
/// seconds for which the system keeps a closed one; they move on to the next address before.
const REUSED_PER_SOURCE: u64 = 1000;

/// The places of one thread.
#[derive(Debug)]
pub(super) struct Places {
    to: Address,
    sources: Sources,
    /// Connections that this process opens from one address before the next one's turn; `None`:
    /// the system chooses the address.
    per_source: Option<u64>,
    /// Which threads' connections these are, so that threads start at different addresses.
    place: u64,
    threads: u64,
    opened: u64,
    used: BTreeSet<IpAddr>,
}

impl Places {
    pub(super) fn new(share: &Share, place: u32) -> Self {
        let plan = &share.plan;
        let many = share.connections_total > CONNECTIONS_PER_SOURCE;
        let per_source = match (share.sources, plan.messages_per_connection) {
            (Sources::System, _) => None,
            (Sources::Loopback { .. }, Some(_)) => Some(REUSED_PER_SOURCE),
            (Sources::Loopback { .. }, None) => many.then_some(CONNECTIONS_PER_SOURCE.into()),
        };
        Self {
            to: plan.address.clone(),
            sources: share.sources,
            per_source,
            place: place.into(),
            threads: plan.threads.max(1).into(),
            opened: 0,
            used: BTreeSet::new(),
        }
    }

    /// The addresses that were used.
    pub(super) fn used(&self) -> BTreeSet<IpAddr> {
        self.used.clone()
    }

    /// A non-blocking socket with a connection on its way, or made: `true`.
    pub(super) fn connect(&mut self) -> Result<(OwnedFd, bool), Errno> {
        let to = self.to.clone();
        match to {
            Address::Tcp(to) => self.connect_inet(to, SocketType::STREAM),
            Address::Udp(to) => self.connect_inet(to, SocketType::DGRAM),
            Address::Unix(name) => connect_unix(&name),
        }
    }

    fn connect_inet(&mut self, to: SocketAddr, kind: SocketType) -> Result<(OwnedFd, bool), Errno> {
        let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = new_socket(family, kind)?;
        if kind == SocketType::STREAM {
            sockopt::set_tcp_nodelay(&socket, true)?;
        }
        if let Some(source) = self.next_source() {
            // The port is chosen at connect, where one that is taken toward another address will
            // do; a bind alone would need one that nobody uses.
            bind_address_without_port(&socket)?;
            bind(&socket, &SocketAddr::new(source, 0))?;
            self.used.insert(source);
        }
        let made = begun(connect(&socket, &to))?;
        if self.used.is_empty() {
            self.note_source(&socket);
        }
        Ok((socket, made))
    }

    /// The address that the next connection comes from; `None`: the system chooses.
    fn next_source(&mut self) -> Option<IpAddr> {
        let per_source = self.per_source?;
        let count = self.opened * self.threads + self.place;
        self.opened += 1;
        let number = count / per_source % u64::from(self.sources.count());
        self.sources.address(u32::try_from(number).unwrap_or(0))
    }

    /// Notes the address that the system chose: the same for all.
    fn note_source(&mut self, socket: &OwnedFd) {
        let name = rustix::net::getsockname(socket).ok().and_then(|any| any.try_into().ok());
        self.used.extend(name.map(|address: SocketAddr| address.ip()));
    }
}

fn connect_unix(name: &str) -> Result<(OwnedFd, bool), Errno> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddrUnix::new_abstract_name(name.as_bytes())?,
        None => SocketAddrUnix::new(name)?,
    };
    let socket = new_socket(AddressFamily::UNIX, SocketType::STREAM)?;
    Ok((begun(connect(&socket, &address))?, socket)).map(|(made, socket)| (socket, made))
}

fn new_socket(family: AddressFamily, kind: SocketType) -> Result<OwnedFd, Errno> {
    socket_with(family, kind, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)
}

/// What became of a connect that does not wait.
fn begun(result: Result<(), Errno>) -> Result<bool, Errno> {
    match result {
        Ok(()) => Ok(true),
        Err(Errno::INPROGRESS) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// The name of an error number as reports show it: `ECONNREFUSED`.
pub(crate) fn errno_name(errno: Errno) -> String {
    const NAMES: [(Errno, &str); 20] = [
        (Errno::ACCESS, "EACCES"),
        (Errno::ADDRINUSE, "EADDRINUSE"),
        (Errno::ADDRNOTAVAIL, "EADDRNOTAVAIL"),
        (Errno::AGAIN, "EAGAIN"),
        (Errno::CONNABORTED, "ECONNABORTED"),
        (Errno::CONNREFUSED, "ECONNREFUSED"),
        (Errno::CONNRESET, "ECONNRESET"),
        (Errno::HOSTDOWN, "EHOSTDOWN"),
        (Errno::HOSTUNREACH, "EHOSTUNREACH"),
        (Errno::MFILE, "EMFILE"),
        (Errno::NETDOWN, "ENETDOWN"),
        (Errno::NETUNREACH, "ENETUNREACH"),
        (Errno::NFILE, "ENFILE"),
        (Errno::NOBUFS, "ENOBUFS"),
        (Errno::NOENT, "ENOENT"),
        (Errno::NOMEM, "ENOMEM"),
        (Errno::NOTCONN, "ENOTCONN"),
        (Errno::PERM, "EPERM"),
        (Errno::PIPE, "EPIPE"),
        (Errno::TIMEDOUT, "ETIMEDOUT"),
    ];
    let known = NAMES.iter().find(|(one, _)| *one == errno);
    known.map_or_else(|| format!("errno {}", errno.raw_os_error()), |(_, name)| (*name).to_owned())
}
