//! Happy Eyeballs: one TCP connection out of several addresses (RFC 8305).
//!
//! Addresses are tried in order, families taking turns; the next one starts when the last has
//! failed or has been silent for 250 ms, and the first that connects wins. A connection of a
//! socket to itself, which the kernel allows on a local port where nothing listens, counts as
//! refused.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use colok_proto::{Address, Time};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, sockopt};

use super::connect::Source;
use super::wait::{earliest, wait};
use crate::clock::Clock;
use crate::observe::{Calls, Tap};

/// How long an attempt is waited for before the next begins (RFC 8305 section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Why an attempt could not begin.
#[derive(Clone, Copy, Debug)]
pub(super) enum Failed {
    /// The source that was asked for cannot be had; that holds for every address.
    Source(Errno),
    /// This address cannot be had; another one may.
    Address(Errno),
}

impl From<Errno> for Failed {
    fn from(errno: Errno) -> Self {
        Self::Address(errno)
    }
}

/// Why nobody won.
#[derive(Debug)]
pub(super) enum Lost {
    /// The source that was asked for cannot be had.
    Source(Errno),
    /// Every address failed: each with its error number.
    Failed(Vec<(String, Errno)>),
    /// The time was over and some had not answered.
    Silent,
    /// Waiting itself failed.
    Poll(Errno),
}

/// The attempt that won.
#[derive(Debug)]
pub(super) struct Won {
    /// The connected socket.
    pub(super) socket: OwnedFd,
    /// Our end.
    pub(super) local: Address,
    /// Their end.
    pub(super) remote: SocketAddr,
}

/// The attempts for one target.
pub(super) struct Race<'a, T: Tap> {
    calls: Calls<'a, T>,
    clock: &'a Clock,
    source: Option<Source>,
    waiting: VecDeque<SocketAddr>,
    pending: Vec<(OwnedFd, SocketAddr)>,
    failed: Vec<(String, Errno)>,
    next_start: Time,
}

impl<'a, T: Tap> Race<'a, T> {
    /// A race over these addresses, which all have the source's family.
    pub(super) fn new(
        calls: Calls<'a, T>,
        clock: &'a Clock,
        source: Option<Source>,
        addresses: &[SocketAddr],
    ) -> Self {
        let waiting = interleave(addresses);
        let next_start = clock.now();
        Self { calls, clock, source, waiting, pending: vec![], failed: vec![], next_start }
    }

    /// Runs it until someone wins, all have failed, or `limit` has come.
    pub(super) fn run(mut self, limit: Option<Time>) -> Result<Won, Lost> {
        let result = self.until_decided(limit);
        for (loser, _) in self.pending.drain(..) {
            self.calls.close(loser);
        }
        result
    }

    fn until_decided(&mut self, limit: Option<Time>) -> Result<Won, Lost> {
        loop {
            let now = self.clock.now();
            if (self.pending.is_empty() || now >= self.next_start)
                && let Some(address) = self.waiting.pop_front()
            {
                match self.start(address) {
                    Ok(Some(won)) => return Ok(won),
                    Ok(None) => self.next_start = now + ATTEMPT_DELAY,
                    Err(Failed::Source(errno)) => return Err(Lost::Source(errno)),
                    Err(Failed::Address(errno)) => self.failed.push((address.to_string(), errno)),
                }
                continue;
            }
            if self.pending.is_empty() {
                return Err(Lost::Failed(std::mem::take(&mut self.failed)));
            }
            let next_start = (!self.waiting.is_empty()).then_some(self.next_start);
            let ready = self.wait(earliest(limit, next_start)).map_err(Lost::Poll)?;
            if let Some(won) = self.finish(&ready) {
                return Ok(won);
            }
            if ready.is_empty() && limit.is_some_and(|limit| self.clock.now() >= limit) {
                return Err(Lost::Silent);
            }
        }
    }

    /// Starts an attempt; `Some` when it connected at once.
    fn start(&mut self, address: SocketAddr) -> Result<Option<Won>, Failed> {
        let socket = self.calls.socket(family_of(address), SocketType::STREAM)?;
        let started = self.bind(&socket).map_err(Failed::Source).and_then(|()| {
            self.calls.connect(socket.as_fd(), address)?;
            Ok(self.local_end(&socket, address)?)
        });
        match started {
            Ok(local) => Ok(Some(Won { socket, local, remote: address })),
            Err(Failed::Address(Errno::INPROGRESS)) => {
                self.pending.push((socket, address));
                Ok(None)
            }
            Err(failed) => {
                self.calls.close(socket);
                Err(failed)
            }
        }
    }

    fn bind(&self, socket: &OwnedFd) -> Result<(), Errno> {
        let Some(source) = self.source else { return Ok(()) };
        if source.port != 0 {
            // A port that was asked for may still be in TIME_WAIT from the last run.
            let set = || sockopt::set_socket_reuseaddr(socket, true);
            self.calls.set_option(socket.as_fd(), "SO_REUSEADDR", set)?;
        }
        self.calls.bind(socket.as_fd(), source.socket_address())
    }

    /// Waits for pending attempts and returns the indexes of those that are decided.
    fn wait(&self, until: Option<Time>) -> Result<Vec<usize>, Errno> {
        let sockets = self.pending.iter().map(|(socket, _)| socket);
        let mut descriptors: Vec<PollFd<'_>> =
            sockets.map(|socket| PollFd::new(socket, PollFlags::OUT)).collect();
        wait(&mut descriptors, until, self.clock)?;
        let decided = |(index, descriptor): (usize, &PollFd<'_>)| {
            (!descriptor.revents().is_empty()).then_some(index)
        };
        Ok(descriptors.iter().enumerate().filter_map(decided).collect())
    }

    /// Asks decided attempts how they ended; returns the first that connected.
    fn finish(&mut self, ready: &[usize]) -> Option<Won> {
        // From the back, so that removing one does not move the others.
        let mut decided: Vec<_> = ready.iter().rev().map(|&at| self.pending.remove(at)).collect();
        while let Some((socket, address)) = decided.pop() {
            // A second connect(2) tells how the first ended, and the call trace then shows it.
            let connected = self.calls.connect(socket.as_fd(), address);
            match connected.and_then(|()| self.local_end(&socket, address)) {
                Ok(local) => {
                    self.pending.append(&mut decided);
                    return Some(Won { socket, local, remote: address });
                }
                Err(Errno::ALREADY | Errno::INPROGRESS) => self.pending.push((socket, address)),
                Err(errno) => {
                    self.calls.close(socket);
                    self.failed.push((address.to_string(), errno));
                    self.next_start = self.clock.now();
                }
            }
        }
        None
    }

    /// Our end of a new connection. Fails when both ends are the same socket: TCP's simultaneous
    /// open makes that connection when the system happens to choose the target as the source port
    /// (RFC 9293 section 3.5).
    fn local_end(&self, socket: &OwnedFd, remote: SocketAddr) -> Result<Address, Errno> {
        let local = self.calls.local_address(socket.as_fd())?;
        if local == Address::Inet(remote) { Err(Errno::CONNREFUSED) } else { Ok(local) }
    }
}

/// The address family of an internet address.
pub(super) fn family_of(address: SocketAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 }
}

/// The addresses with their families taking turns, the first family first, otherwise in the order
/// given (RFC 8305 section 4).
fn interleave(addresses: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let Some(first) = addresses.first() else { return VecDeque::new() };
    let (mut same, mut other): (VecDeque<SocketAddr>, VecDeque<SocketAddr>) =
        addresses.iter().partition(|address| address.is_ipv4() == first.is_ipv4());
    let mut order = VecDeque::with_capacity(addresses.len());
    while let Some(address) = same.pop_front() {
        order.push_back(address);
        order.extend(other.pop_front());
    }
    order.append(&mut other);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let read = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().expect("an address")).collect()
        };
        let given = read(&["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1", "1.0.0.2:1"]);
        let wanted = read(&["[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1", "[::3]:1"]);
        assert_eq!(interleave(&given), wanted);
        assert_eq!(interleave(&wanted[1..2]), &wanted[1..2]);
        assert!(interleave(&[]).is_empty());
    }
}
