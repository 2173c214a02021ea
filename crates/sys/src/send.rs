//! How much of what was sent still lies with the kernel.
//!
//! Nothing here sends.

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

/// How many bytes were sent that the peer has not taken (`SIOCOUTQ`, tcp(7), unix(7)): of TCP those
/// that it has not acknowledged. A Unix socket counts its bookkeeping as well.
pub fn bytes_not_taken(socket: BorrowedFd<'_>) -> Result<u64, Errno> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the call writes one int, which lives across it. `SIOCOUTQ` is the same number.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result == 0 {
        return Ok(u64::try_from(bytes).unwrap_or(0));
    }
    Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn what_a_peer_reads_is_taken() {
        let noise = vec![7; 65_536];
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        let address = listener.local_addr().expect("it is bound");
        let mut receiver = TcpStream::connect(address).expect("it listens");
        let (mut sender, _) = listener.accept().expect("it waits");
        assert_eq!(bytes_not_taken(sender.as_fd()), Ok(0));
        sender.set_nonblocking(true).expect("it is open");
        let mut sent = 0;
        let blocked = loop {
            match sender.write(&noise) {
                Ok(length) => sent += length,
                Err(error) => break error.kind(),
            }
        };
        assert_eq!(blocked, ErrorKind::WouldBlock);
        let waiting = bytes_not_taken(sender.as_fd()).expect("it is a socket");
        assert!(waiting > 0 && waiting <= sent as u64, "{waiting} of {sent}");
        receiver.read_exact(&mut vec![0; sent]).expect("all of it comes");
        while bytes_not_taken(sender.as_fd()) != Ok(0) {
            std::thread::yield_now();
        }
    }
}
