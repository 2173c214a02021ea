//! Options of netlink sockets (netlink(7)) that nothing safe wraps.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;

/// Errors come with the kernel's own text, and without a copy of the request.
pub fn explain_errors(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    let on: libc::c_int = 1;
    crate::option::set_at(socket, libc::SOL_NETLINK, libc::NETLINK_CAP_ACK, &on)?;
    crate::option::set_at(socket, libc::SOL_NETLINK, libc::NETLINK_EXT_ACK, &on)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use rustix::net::{AddressFamily, SocketType, ipproto, socket};

    use super::*;

    #[test]
    fn netlink_sockets_take_it_and_others_do_not() {
        let netlink = socket(AddressFamily::NETLINK, SocketType::RAW, None).expect("it is Linux");
        assert_eq!(explain_errors(netlink.as_fd()), Ok(()));
        let udp = socket(AddressFamily::INET, SocketType::DGRAM, Some(ipproto::UDP))
            .expect("there is IPv4");
        assert!(explain_errors(udp.as_fd()).is_err());
    }
}
