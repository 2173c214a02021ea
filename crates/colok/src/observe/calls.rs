//! Socket calls, each reported to the tap with its result or error number and its time.
//!
//! Engines and clients make every call on a socket through [`Calls`], so what `--calls` shows is
//! what `strace` would show. With a tap that has no detail these are the plain calls. Nothing here
//! loops, retries or decides.

use std::fmt::Display;
use std::io::IoSlice;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Instant;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketAddrAny, SocketAddrUnix, SocketFlags,
    SocketType, sockopt,
};

use colok_proto::Address;

use super::{Call, Event, Tap};

/// Makes calls and reports them to a tap.
#[derive(Debug)]
pub struct Calls<'t, T: Tap> {
    tap: &'t T,
}

// Derived, these would ask that the tap itself can be copied.
impl<T: Tap> Copy for Calls<'_, T> {}

#[expect(clippy::expl_impl_clone_on_copy, reason = "deriving would ask too much")]
impl<T: Tap> Clone for Calls<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

type Result<T> = std::result::Result<T, Errno>;

impl<'t, T: Tap> Calls<'t, T> {
    /// Calls that this tap sees.
    pub fn new(tap: &'t T) -> Self {
        Self { tap }
    }

    /// Runs a call and reports it. `value` is what the call returned, as a number.
    #[inline]
    pub fn observe<R>(
        &self,
        call: &'static str,
        descriptor: Option<BorrowedFd<'_>>,
        arguments: impl FnOnce() -> String,
        run: impl FnOnce() -> Result<R>,
        value: impl FnOnce(&R) -> i64,
    ) -> Result<R> {
        if !T::DETAIL || !self.tap.calls() {
            return run();
        }
        let descriptor = descriptor.map(|descriptor| descriptor.as_raw_fd());
        let start = Instant::now();
        let result = run();
        let duration_ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let (value, errno) = match &result {
            Ok(returned) => (value(returned), 0),
            Err(errno) => (-1, errno.raw_os_error()),
        };
        let call = call.to_owned();
        let arguments = arguments();
        let record = Call { call, descriptor, arguments, result: value, errno, duration_ns };
        self.tap.event(|| Event::Call(record));
        result
    }

    /// socket(2), always close-on-exec and non-blocking: a handler of another program must never
    /// inherit a connection, and every loop here waits with poll.
    pub fn socket(&self, family: AddressFamily, kind: SocketType) -> Result<OwnedFd> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let arguments = || format!("{}, {}", family_name(family), kind_name(kind));
        let run = || rustix::net::socket_with(family, kind, flags, None);
        self.observe("socket", None, arguments, run, descriptor_value)
    }

    /// bind(2) to an internet address.
    pub fn bind(&self, socket: BorrowedFd<'_>, address: SocketAddr) -> Result<()> {
        let run = || rustix::net::bind(socket, &address);
        self.observe("bind", Some(socket), || address.to_string(), run, zero)
    }

    /// bind(2) to a Unix name.
    pub fn bind_unix(&self, socket: BorrowedFd<'_>, address: &SocketAddrUnix) -> Result<()> {
        let run = || rustix::net::bind(socket, address);
        self.observe("bind", Some(socket), || unix_name(address), run, zero)
    }

    /// listen(2). The kernel cuts the backlog to `net.core.somaxconn`.
    pub fn listen(&self, socket: BorrowedFd<'_>, backlog: i32) -> Result<()> {
        let run = || rustix::net::listen(socket, backlog);
        self.observe("listen", Some(socket), || backlog.to_string(), run, zero)
    }

    /// accept4(2), close-on-exec and non-blocking, with the peer's address.
    pub fn accept(&self, listener: BorrowedFd<'_>) -> Result<(OwnedFd, Address)> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let run = || {
            let (socket, address) = rustix::net::acceptfrom_with(listener, flags)?;
            Ok((socket, address.map_or_else(|| Address::Unix("".into()), address_of)))
        };
        let value = |accepted: &(OwnedFd, Address)| i64::from(accepted.0.as_raw_fd());
        self.observe("accept4", Some(listener), String::new, run, value)
    }

    /// connect(2) to an internet address.
    pub fn connect(&self, socket: BorrowedFd<'_>, address: SocketAddr) -> Result<()> {
        let run = || rustix::net::connect(socket, &address);
        self.observe("connect", Some(socket), || address.to_string(), run, zero)
    }

    /// connect(2) to a Unix name.
    pub fn connect_unix(&self, socket: BorrowedFd<'_>, address: &SocketAddrUnix) -> Result<()> {
        let run = || rustix::net::connect(socket, address);
        self.observe("connect", Some(socket), || unix_name(address), run, zero)
    }

    /// The error of a connect that was in progress: getsockopt(2) `SO_ERROR`.
    pub fn connect_error(&self, socket: BorrowedFd<'_>) -> Result<()> {
        let run = || sockopt::socket_error(socket);
        self.observe("getsockopt", Some(socket), || "SO_ERROR".into(), run, |_| 0)?
    }

    /// setsockopt(2); `option` names it for people, `run` makes the call.
    pub fn set_option(
        &self,
        socket: BorrowedFd<'_>,
        option: impl Display,
        run: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        self.observe("setsockopt", Some(socket), || option.to_string(), run, zero)
    }

    /// getsockname(2).
    pub fn local_address(&self, socket: BorrowedFd<'_>) -> Result<Address> {
        let run = || rustix::net::getsockname(socket).map(address_of);
        self.observe("getsockname", Some(socket), String::new, run, |_| 0)
    }

    /// getpeername(2).
    pub fn peer_address(&self, socket: BorrowedFd<'_>) -> Result<Address> {
        let run = || {
            let address = rustix::net::getpeername(socket)?;
            Ok(address.map_or_else(|| Address::Unix("".into()), address_of))
        };
        self.observe("getpeername", Some(socket), String::new, run, |_| 0)
    }

    /// Reports an operation of an io_uring that has ended: no call was made for it alone, and its
    /// time is not known.
    #[inline]
    pub fn completed(
        &self,
        operation: &'static str,
        descriptor: impl FnOnce() -> RawFd,
        result: std::result::Result<usize, Errno>,
    ) {
        if !T::DETAIL || !self.tap.calls() {
            return;
        }
        let (value, errno) = match result {
            Ok(length) => (count(&length), 0),
            Err(errno) => (-1, errno.raw_os_error()),
        };
        self.tap.event(|| {
            Event::Call(Call {
                call: operation.to_owned(),
                descriptor: Some(descriptor()),
                arguments: Call::RING.to_owned(),
                result: value,
                errno,
                duration_ns: 0,
            })
        });
    }

    /// read(2).
    #[inline]
    pub fn read(&self, socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
        let length = buffer.len();
        let run = || rustix::io::read(socket, buffer);
        self.observe("read", Some(socket), || length.to_string(), run, count)
    }

    /// Writes slices with one call: write(2) for one slice, sendmsg(2) for more.
    #[inline]
    pub fn write(&self, socket: BorrowedFd<'_>, slices: &[IoSlice<'_>]) -> Result<usize> {
        if let [slice] = slices {
            let run = || rustix::io::write(socket, slice);
            return self.observe("write", Some(socket), || slice.len().to_string(), run, count);
        }
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        let run = || {
            let mut control = rustix::net::SendAncillaryBuffer::default();
            rustix::net::sendmsg(socket, slices, &mut control, SendFlags::NOSIGNAL)
        };
        self.observe("sendmsg", Some(socket), || length.to_string(), run, count)
    }

    /// sendfile(2): a part of a file, without its bytes passing through this process.
    pub fn send_file(
        &self,
        socket: BorrowedFd<'_>,
        file: BorrowedFd<'_>,
        offset: u64,
        length: u64,
    ) -> Result<usize> {
        let at_most = usize::try_from(length).unwrap_or(usize::MAX);
        let run = || {
            let mut offset = offset;
            rustix::fs::sendfile(socket, file, Some(&mut offset), at_most)
        };
        let arguments = || format!("descriptor {}, {offset}, {length}", file.as_raw_fd());
        self.observe("sendfile", Some(socket), arguments, run, count)
    }

    /// sendto(2) with a destination.
    pub fn send_to(
        &self,
        socket: BorrowedFd<'_>,
        bytes: &[u8],
        destination: SocketAddr,
    ) -> Result<usize> {
        let run = || rustix::net::sendto(socket, bytes, SendFlags::empty(), &destination);
        let arguments = || format!("{} bytes, {destination}", bytes.len());
        self.observe("sendto", Some(socket), arguments, run, count)
    }

    /// Sends one datagram on a connected socket: sendto(2) without a destination.
    pub fn send(&self, socket: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize> {
        let run = || rustix::net::send(socket, bytes, SendFlags::empty());
        self.observe("sendto", Some(socket), || format!("{} bytes", bytes.len()), run, count)
    }

    /// recvfrom(2): how long the datagram was and where it came from.
    pub fn receive_from(
        &self,
        socket: BorrowedFd<'_>,
        buffer: &mut [u8],
    ) -> Result<(usize, Option<Address>)> {
        let length = buffer.len();
        let run = || {
            let (_, received, from) = rustix::net::recvfrom(socket, buffer, RecvFlags::TRUNC)?;
            Ok((received, from.map(address_of)))
        };
        let value = |received: &(usize, Option<Address>)| count(&received.0);
        self.observe("recvfrom", Some(socket), || length.to_string(), run, value)
    }

    /// shutdown(2).
    pub fn shutdown(&self, socket: BorrowedFd<'_>, how: Shutdown) -> Result<()> {
        let name = match how {
            Shutdown::Read => "SHUT_RD",
            Shutdown::Write => "SHUT_WR",
            Shutdown::Both => "SHUT_RDWR",
        };
        let run = || rustix::net::shutdown(socket, how);
        self.observe("shutdown", Some(socket), || name.to_owned(), run, zero)
    }

    /// close(2).
    pub fn close(&self, socket: OwnedFd) {
        if !T::DETAIL || !self.tap.calls() {
            drop(socket);
            return;
        }
        // The number is told, but the descriptor is gone once the call returns.
        let number = socket.as_raw_fd();
        let start = Instant::now();
        drop(socket);
        let duration_ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.tap.event(|| {
            Event::Call(Call {
                call: "close".into(),
                descriptor: Some(number),
                arguments: String::new(),
                result: 0,
                errno: 0,
                duration_ns,
            })
        });
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is called with what calls return")]
fn zero((): &()) -> i64 {
    0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is called with what calls return")]
fn count(length: &usize) -> i64 {
    i64::try_from(*length).unwrap_or(i64::MAX)
}

fn descriptor_value(descriptor: &OwnedFd) -> i64 {
    i64::from(descriptor.as_fd().as_raw_fd())
}

fn family_name(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::INET => "AF_INET",
        AddressFamily::INET6 => "AF_INET6",
        AddressFamily::UNIX => "AF_UNIX",
        _ => "AF_?",
    }
}

fn kind_name(kind: SocketType) -> &'static str {
    match kind {
        SocketType::STREAM => "SOCK_STREAM",
        SocketType::DGRAM => "SOCK_DGRAM",
        _ => "SOCK_?",
    }
}

fn unix_name(address: &SocketAddrUnix) -> String {
    address_of(address.clone().into()).to_string()
}

/// An address of the system as ours. IPv4 addresses that a dual-stack socket shows as
/// `::ffff:a.b.c.d` become IPv4 again, so that one client has one name.
pub fn address_of(address: SocketAddrAny) -> Address {
    if let Ok(inet) = SocketAddr::try_from(address.clone()) {
        return Address::Inet(SocketAddr::new(inet.ip().to_canonical(), inet.port()));
    }
    let Ok(unix) = SocketAddrUnix::try_from(address) else {
        return Address::Unix("".into());
    };
    // A client without a name has an empty one in this sense.
    if let Some(name) = unix.abstract_name().filter(|name| !name.is_empty()) {
        return Address::Unix(format!("@{}", String::from_utf8_lossy(name)).into());
    }
    let path = unix.path().map(|path| path.to_string_lossy().into_owned());
    Address::Unix(path.unwrap_or_default().into())
}
