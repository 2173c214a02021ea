//! `IP_BIND_ADDRESS_NO_PORT`: a local address that is chosen before its port.
//!
//! Nothing here binds or connects.

use std::os::fd::{AsFd, AsRawFd as _};

use rustix::io::Errno;

/// Makes a later bind to port 0 set the address only (ip(7), Linux 4.2). The port is then chosen
/// at connect, where one that is in use toward another destination will do.
pub fn bind_address_without_port(socket: impl AsFd) -> Result<(), Errno> {
    let on: libc::c_int = 1;
    let length = libc::socklen_t::try_from(size_of_val(&on)).map_err(|_| Errno::INVAL)?;
    let descriptor = socket.as_fd().as_raw_fd();
    let pointer = std::ptr::from_ref(&on).cast();
    let option = libc::IP_BIND_ADDRESS_NO_PORT;
    // SAFETY: the number lives across the call, which copies as many bytes as it has.
    let result = unsafe { libc::setsockopt(descriptor, libc::IPPROTO_IP, option, pointer, length) };
    if result == 0 {
        return Ok(());
    }
    Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, TcpListener};

    use rustix::net::{AddressFamily, SocketType, bind, connect, getsockname, socket};

    use super::*;

    #[test]
    fn the_port_is_chosen_at_connect() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let to = listener.local_addr().expect("it is bound");
        let client = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind_address_without_port(&client).expect("an option");
        bind(&client, &SocketAddr::new(Ipv4Addr::new(127, 9, 8, 7).into(), 0)).expect("it is ours");
        let name = || SocketAddr::try_from(getsockname(&client).expect("a name")).expect("inet");
        assert_eq!(name().port(), 0);
        connect(&client, &to).expect("it listens");
        assert_eq!(name().ip(), Ipv4Addr::new(127, 9, 8, 7));
        assert_ne!(name().port(), 0);
    }
}
