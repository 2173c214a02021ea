//! Datagrams with the address they came to: recvmsg(2) and sendmsg(2) with packet information.
//!
//! A server with several addresses must answer from the one that was asked (ip(7) `IP_PKTINFO`,
//! RFC 3542 section 6). Never blocks by itself; the socket decides.

use std::io::IoSliceMut;
use std::mem::{MaybeUninit, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

use crate::datagrams::control::{self, CONTROL_BYTES, Control};

/// A datagram as it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its length; more than the buffer when it was cut.
    pub length: usize,
    /// Who sent it.
    pub source: SocketAddr,
    /// Where a reply should leave from; `None` when the kernel did not say.
    pub reply_from: Option<ReplyFrom>,
}

/// The address and interface a reply should leave from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyFrom {
    /// The address the datagram came to, or, when that was multicast or broadcast, the
    /// interface's own (IPv4) or none (IPv6: the kernel chooses on that interface).
    pub address: IpAddr,
    /// The interface that it came in on; 0 when any will do.
    pub interface: u32,
    /// Whether it was sent to a group or to everyone rather than to us.
    pub to_many: bool,
}

/// Makes the socket tell with each datagram the address that it came to. A socket for both
/// families needs it for each: only IPv4's own form tells a broadcast from an address of ours.
pub fn receive_destination(socket: BorrowedFd<'_>, ipv6: bool) -> Result<(), Errno> {
    let on: libc::c_int = 1;
    let (level, name) = if ipv6 {
        (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)
    } else {
        (libc::IPPROTO_IP, libc::IP_PKTINFO)
    };
    // SAFETY: the value is a c_int that lives across the call, and its size is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const on).cast(),
            socklen::<libc::c_int>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

/// Receives one datagram. A datagram longer than the buffer is cut; its real length is returned.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<Received, Errno> {
    let mut name = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut control = Control::NONE;
    let mut slice = IoSliceMut::new(buffer);
    let mut header = message_header();
    header.msg_name = name.as_mut_ptr().cast();
    header.msg_namelen = socklen::<libc::sockaddr_storage>();
    header.msg_iov = (&raw mut slice).cast();
    header.msg_iovlen = 1;
    header.msg_control = control.pointer();
    header.msg_controllen = CONTROL_BYTES as _;
    // SAFETY: every pointer in the header points to memory that lives across the call and has the
    // length given; IoSliceMut has the layout of iovec.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, libc::MSG_TRUNC) };
    let Ok(length) = usize::try_from(length) else { return Err(last_errno()) };
    // SAFETY: it was zeroed above, and all-zero bytes are a sockaddr_storage.
    let name = unsafe { name.assume_init() };
    let source = socket_address(&name).ok_or(Errno::AFNOSUPPORT)?;
    Ok(Received { length, source, reply_from: control::read(&header).reply_from })
}

/// Sends one datagram, from a given address when there is one.
pub fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    destination: SocketAddr,
    from: Option<ReplyFrom>,
) -> Result<usize, Errno> {
    let slice = std::io::IoSlice::new(bytes);
    let mut control = Control::NONE;
    let (name, name_length) = raw_address(destination);
    let mut header = message_header();
    header.msg_name = (&raw const name).cast_mut().cast();
    header.msg_namelen = name_length;
    header.msg_iov = (&raw const slice).cast_mut().cast();
    header.msg_iovlen = 1;
    if from.is_some() {
        header.msg_controllen = control.write(from, None) as _;
        header.msg_control = control.pointer();
    }
    // SAFETY: every pointer in the header points to memory that lives across the call and has the
    // length given; sendmsg only reads; IoSlice has the layout of iovec.
    let length =
        unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL) };
    usize::try_from(length).map_err(|_| last_errno())
}

pub(crate) fn message_header() -> libc::msghdr {
    // SAFETY: msghdr is plain old data, for which all-zero bytes are a valid value (no pointers
    // that must not be null).
    unsafe { MaybeUninit::<libc::msghdr>::zeroed().assume_init() }
}

pub(crate) fn socklen<V>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<V>()).unwrap_or(libc::socklen_t::MAX)
}

pub(crate) fn socket_address(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let raw = &raw const *name;
    match i32::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: a sockaddr_storage is at least as large and as aligned as a sockaddr_in, and
            // its family says that it is one.
            let inet = unsafe { raw.cast::<libc::sockaddr_in>().read() };
            let address = Ipv4Addr::from(inet.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddrV4::new(address, u16::from_be(inet.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above, for sockaddr_in6.
            let inet = unsafe { raw.cast::<libc::sockaddr_in6>().read() };
            let address = Ipv6Addr::from(inet.sin6_addr.s6_addr);
            let port = u16::from_be(inet.sin6_port);
            Some(SocketAddrV6::new(address, port, inet.sin6_flowinfo, inet.sin6_scope_id).into())
        }
        _ => None,
    }
}

pub(crate) fn raw_address(address: SocketAddr) -> (libc::sockaddr_storage, libc::socklen_t) {
    // SAFETY: all-zero bytes are a valid sockaddr_storage.
    let mut storage = unsafe { MaybeUninit::<libc::sockaddr_storage>::zeroed().assume_init() };
    let raw = &raw mut storage;
    match address {
        SocketAddr::V4(inet) => {
            let value = libc::sockaddr_in {
                sin_family: family(libc::AF_INET),
                sin_port: inet.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(inet.ip().octets()) },
                sin_zero: [0; 8],
            };
            // SAFETY: a sockaddr_storage has room and alignment for every socket address.
            unsafe { raw.cast::<libc::sockaddr_in>().write(value) };
            (storage, socklen::<libc::sockaddr_in>())
        }
        SocketAddr::V6(inet) => {
            let value = libc::sockaddr_in6 {
                sin6_family: family(libc::AF_INET6),
                sin6_port: inet.port().to_be(),
                sin6_flowinfo: inet.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: inet.ip().octets() },
                sin6_scope_id: inet.scope_id(),
            };
            // SAFETY: as above.
            unsafe { raw.cast::<libc::sockaddr_in6>().write(value) };
            (storage, socklen::<libc::sockaddr_in6>())
        }
    }
}

fn family(number: libc::c_int) -> libc::sa_family_t {
    libc::sa_family_t::try_from(number).expect("address families are small numbers")
}

pub(crate) fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    use super::*;

    fn answers_from_where_it_was_asked(bind: &str, ask: &str) {
        let server = UdpSocket::bind(bind).expect("the address can be bound");
        let address: IpAddr = ask.parse().expect("an address");
        receive_destination(server.as_fd(), server.local_addr().expect("bound").is_ipv6())
            .expect("the option exists");
        let port = server.local_addr().expect("bound").port();
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let client = UdpSocket::bind(any).expect("a client socket");
        client.send_to(b"hello", SocketAddr::new(address, port)).expect("it is sent");

        let mut buffer = [0; 3];
        let received = receive(server.as_fd(), &mut buffer).expect("it is received");
        assert_eq!((received.length, &buffer), (5, b"hel"));
        let from = received.reply_from.expect("the kernel says where it came to");
        assert_eq!(from.address.to_canonical(), address);
        assert!(!from.to_many);
        send(server.as_fd(), b"reply", received.source, Some(from)).expect("it is sent");

        let mut reply = [0; 16];
        let (length, source) = client.recv_from(&mut reply).expect("a reply comes");
        assert_eq!(&reply[..length], b"reply");
        assert_eq!(source, SocketAddr::new(address, port));
    }

    #[test]
    fn ipv4_replies_leave_from_the_address_asked() {
        answers_from_where_it_was_asked("0.0.0.0:0", "127.0.0.7");
    }

    #[test]
    fn ipv6_replies_leave_from_the_address_asked() {
        answers_from_where_it_was_asked("[::]:0", "::1");
    }

    #[test]
    fn ipv4_over_a_dual_stack_socket_too() {
        answers_from_where_it_was_asked("[::]:0", "127.0.0.9");
    }

    #[test]
    fn a_broadcast_is_answered_from_our_own_address() {
        for bind in ["0.0.0.0:0", "[::]:0"] {
            let server = UdpSocket::bind(bind).expect("the address can be bound");
            let bound = server.local_addr().expect("bound");
            receive_destination(server.as_fd(), false).expect("the option exists");
            if bound.is_ipv6() {
                receive_destination(server.as_fd(), true).expect("the option exists");
            }
            let client = UdpSocket::bind("127.0.0.1:0").expect("a client socket");
            client.set_broadcast(true).expect("the option exists");
            client.send_to(b"?", ("127.255.255.255", bound.port())).expect("it is sent");

            let received = receive(server.as_fd(), &mut [0; 8]).expect("it is received");
            let from = received.reply_from.expect("the kernel says where it came to");
            assert!(from.to_many, "{bind}: {from:?}");
            send(server.as_fd(), b"!", received.source, Some(from)).expect("it is sent");
            let (_, source) = client.recv_from(&mut [0; 8]).expect("a reply comes");
            assert_eq!(source, SocketAddr::from(([127, 0, 0, 1], bound.port())));
        }
    }
}
