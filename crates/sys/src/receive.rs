//! How much must have come before a socket counts as readable, and throwing away what came.
//!
//! Nothing here brings bytes into this process, and nothing waits.

use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::ptr;

use rustix::io::Errno;

/// Sets `SO_RCVLOWAT` (socket(7)): poll and epoll report a TCP socket as readable once `bytes` are
/// there, or the peer has ended, or the receive buffer is full. A read that does not wait takes
/// what there is all the same. The kernel makes room for that many bytes, and takes fewer for the
/// bound where it cannot.
pub fn set_low_water(socket: BorrowedFd<'_>, bytes: usize) -> Result<(), Errno> {
    let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    crate::option::set(socket, libc::SO_RCVLOWAT, &bytes)
}

/// Throws away up to `at_most` bytes that a TCP socket has received, without copying them: recv(2)
/// with `MSG_TRUNC` (tcp(7)). Returns how many; 0 when the peer has ended; `AGAIN` when nothing is
/// there. One call takes less than 2 GiB.
///
/// Only for TCP: on any other kind of socket the flag means something else, and the call fails with
/// `FAULT` when bytes have come. `at_most` must not be 0, which could not be told from the end.
pub fn discard(socket: BorrowedFd<'_>, at_most: usize) -> Result<usize, Errno> {
    let flags = libc::MSG_TRUNC | libc::MSG_DONTWAIT;
    // SAFETY: the kernel checks the address before it writes to it, and nothing is ever mapped at
    // address 0, where every write would begin: it fails with `EFAULT` before a byte is written.
    let length = unsafe { libc::recv(socket.as_raw_fd(), ptr::null_mut(), at_most, flags) };
    usize::try_from(length)
        .map_err(|_| Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd as _;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn readable(socket: &TcpStream, at_most_ms: i64) -> bool {
        let mut watched = [PollFd::new(socket, PollFlags::IN)];
        let time = Timespec { tv_sec: at_most_ms / 1000, tv_nsec: at_most_ms % 1000 * 1_000_000 };
        poll(&mut watched, Some(&time)).expect("it can be polled") > 0
    }

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        let address = listener.local_addr().expect("it is bound");
        let sender = TcpStream::connect(address).expect("it listens");
        (sender, listener.accept().expect("it waits").0)
    }

    #[test]
    fn what_is_thrown_away_is_counted_and_what_follows_is_not_touched() {
        let (mut sender, mut receiver) = pair();
        assert_eq!(discard(receiver.as_fd(), 10), Err(Errno::AGAIN), "nothing has come");
        sender.write_all(&[1; 3000]).expect("there is room");
        sender.write_all(b"kept").expect("there is room");
        let mut left = 3000;
        while left > 0 {
            assert!(readable(&receiver, 10_000));
            left -= discard(receiver.as_fd(), left).expect("something has come");
        }
        let mut kept = [0; 4];
        receiver.read_exact(&mut kept).expect("it comes");
        assert_eq!(&kept, b"kept");
        sender.shutdown(std::net::Shutdown::Write).expect("it is open");
        assert!(readable(&receiver, 10_000));
        assert_eq!(discard(receiver.as_fd(), 10), Ok(0), "the end");
    }

    #[test]
    fn megabytes_are_thrown_away_to_the_byte() {
        const TOTAL: usize = 20_000_003;
        let (mut sender, receiver) = pair();
        let sending = std::thread::spawn(move || sender.write_all(&vec![7; TOTAL]));
        let mut total = 0;
        while readable(&receiver, 10_000) {
            match discard(receiver.as_fd(), 1 << 20).expect("it works") {
                0 => break,
                length => total += length,
            }
        }
        assert_eq!(total, TOTAL);
        sending.join().expect("it does not panic").expect("all was taken");
    }

    #[test]
    fn another_kind_of_socket_says_so_and_no_memory_is_touched() {
        let (mut sender, receiver) = std::os::unix::net::UnixStream::pair().expect("a pair");
        sender.write_all(&[1; 100]).expect("there is room");
        assert_eq!(discard(receiver.as_fd(), usize::MAX / 2), Err(Errno::FAULT));
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback can be bound");
        let receiver = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback can be bound");
        let address = receiver.local_addr().expect("it is bound");
        sender.send_to(&[1; 100], address).expect("it is sent");
        assert_eq!(discard(receiver.as_fd(), 100), Err(Errno::FAULT));
    }

    #[test]
    fn a_socket_is_readable_once_enough_has_come_or_nothing_more_will() {
        let (mut sender, receiver) = pair();
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
