//! Closing a TCP listener without resetting anyone: newcomers are turned away first.
//!
//! Between the last accept(2) and the close of a listener another connection may be established,
//! which the close then resets. A socket filter (socket(7) `SO_ATTACH_FILTER`) that drops the
//! segments which ask for a connection makes the backlog final: whoever comes later is heard by
//! nobody, asks again a second later and is refused. Nothing here accepts or closes.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;

/// Where the flags are in a TCP segment (RFC 9293 section 3.1), which is what the filter of a TCP
/// socket sees.
const FLAGS_OFFSET: u32 = 13;

/// The flags SYN and ACK, and the value that a first segment has: SYN alone.
const SYN_AND_ACK: u32 = 0x12;
const SYN: u32 = 0x02;

/// A segment that a filter lets pass is passed whole.
const WHOLE: u32 = u32::MAX;

/// Drops every segment that asks for a new connection from now on. Connections that are being
/// established, or wait to be accepted, go on.
pub fn turn_away_newcomers(listener: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut program = [
        statement(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, FLAGS_OFFSET),
        statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, SYN_AND_ACK),
        // Equal: the next statement; else the one behind it.
        libc::sock_filter { jf: 1, ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, SYN) },
        statement(libc::BPF_RET | libc::BPF_K, 0),
        statement(libc::BPF_RET | libc::BPF_K, WHOLE),
    ];
    let filter = libc::sock_fprog { len: 5, filter: program.as_mut_ptr() };
    crate::option::set(listener, libc::SO_ATTACH_FILTER, &filter)
}

/// One statement of a filter. Operation codes have 16 bits.
fn statement(code: u32, operand: u32) -> libc::sock_filter {
    let code = u16::try_from(code).unwrap_or(0);
    libc::sock_filter { code, jt: 0, jf: 0, k: operand }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd as _;
    use std::time::Duration;

    use super::*;

    #[test]
    fn newcomers_are_not_heard_and_those_who_wait_are_served() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        let address = listener.local_addr().expect("it is bound");
        let mut early = TcpStream::connect(address).expect("it listens");
        turn_away_newcomers(listener.as_fd()).expect("filters need no privilege");
        let late = TcpStream::connect_timeout(&address, Duration::from_millis(300));
        assert_eq!(late.map_err(|error| error.kind()).err(), Some(ErrorKind::TimedOut));
        early.write_all(b"hello").expect("it is taken");
        let (mut accepted, _) = listener.accept().expect("it waits");
        let mut bytes = [0; 5];
        accepted.read_exact(&mut bytes).expect("data passes the filter");
        assert_eq!(&bytes, b"hello");
    }
}
