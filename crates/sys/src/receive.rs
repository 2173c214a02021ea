//! How much must have come before a socket counts as readable.
//!
//! Nothing here reads.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;

/// Sets `SO_RCVLOWAT` (socket(7)): poll and epoll report a TCP socket as readable once `bytes` are
/// there, or the peer has ended, or the receive buffer is full. A read that does not wait takes
/// what there is all the same. The kernel makes room for that many bytes, and takes fewer for the
/// bound where it cannot.
pub fn set_low_water(socket: BorrowedFd<'_>, bytes: usize) -> Result<(), Errno> {
    let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    crate::option::set(socket, libc::SO_RCVLOWAT, &bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd as _;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn readable(socket: &TcpStream, at_most_ms: i64) -> bool {
        let mut watched = [PollFd::new(socket, PollFlags::IN)];
        let time = Timespec { tv_sec: 0, tv_nsec: at_most_ms * 1_000_000 };
        poll(&mut watched, Some(&time)).expect("it can be polled") > 0
    }

    #[test]
    fn a_socket_is_readable_once_enough_has_come_or_nothing_more_will() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        let mut sender = TcpStream::connect(listener.local_addr().expect("it is bound"));
        let sender = sender.as_mut().expect("it listens");
        let (receiver, _) = listener.accept().expect("it waits");
        set_low_water(receiver.as_fd(), 1000).expect("it needs no privilege");
        sender.write_all(&[0; 999]).expect("there is room");
        assert!(!readable(&receiver, 20));
        sender.write_all(&[0]).expect("there is room");
        assert!(readable(&receiver, 900));
        set_low_water(receiver.as_fd(), 2000).expect("it needs no privilege");
        sender.shutdown(std::net::Shutdown::Write).expect("it is open");
        assert!(readable(&receiver, 900));
    }
}
