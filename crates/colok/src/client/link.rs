//! Sending and receiving on a [`Connection`], whichever kind of socket it is.
//!
//! One call here is one system call, reported as the call it is: `read` and `write` on streams,
//! `recvfrom` and `sendto` for datagrams. It never waits.

use std::io::IoSlice;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use colok_proto::{Address, Time};
use rustix::event::PollFd;
use rustix::io::Errno;
use rustix::net::Shutdown;

use super::connect::Connection;
use super::end::EndReason;
use super::wait::{READABLE, earliest, wait};
use crate::clock::Clock;
use crate::error::Error;
use crate::net::url::Transport;
use crate::observe::{Calls, Tap};

/// How long a close that we start waits for the peer to end.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// How many bytes a close that we start throws away while it waits.
pub(super) const LINGER_BYTES: u64 = 256 * 1024;

/// What a receive brought.
#[derive(Debug)]
pub(super) enum Received {
    /// This many bytes; for datagrams of a group, with the address they came from.
    Bytes(usize, Option<Address>),
    /// The stream has ended.
    End,
    /// Nothing is there now.
    Nothing,
}

/// A connection and how its calls are made.
#[derive(Debug)]
pub(super) struct Link<'a, T: Tap> {
    connection: &'a Connection,
    calls: Calls<'a, T>,
}

impl<'a, T: Tap> Link<'a, T> {
    pub(super) fn new(connection: &'a Connection, tap: &'a T) -> Self {
        Self { connection, calls: Calls::new(tap) }
    }

    pub(super) fn socket(&self) -> BorrowedFd<'a> {
        self.connection.socket()
    }

    pub(super) fn is_stream(&self) -> bool {
        self.connection.transport() != Transport::Udp
    }

    /// Sends what the kernel takes now; `Ok(0)` when it takes nothing now.
    pub(super) fn send(&self, bytes: &[u8]) -> Result<usize, EndReason> {
        // Held meanwhile, so that an answer is never told before its question.
        let mut account = self.connection.account();
        let result = match (self.is_stream(), self.connection.group()) {
            (true, _) => self.calls.write(self.socket(), &[IoSlice::new(bytes)]),
            (false, None) => self.calls.send(self.socket(), bytes),
            (false, Some(group)) => self.calls.send_to(self.socket(), bytes, group),
        };
        match result {
            Ok(length) => {
                if let Some(account) = &mut account {
                    account.sent(&bytes[..length]);
                }
                Ok(length)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(errno) => {
                if let Some(account) = &mut account {
                    account.failed(self.sends_with(), errno);
                }
                Err(EndReason::Reset(errno))
            }
        }
    }

    /// The call that sends.
    fn sends_with(&self) -> &'static str {
        if self.is_stream() { "write" } else { "sendto" }
    }

    /// Receives what is there. A datagram longer than `buffer` is cut to it.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> Result<Received, EndReason> {
        let result = if self.is_stream() {
            self.calls.read(self.socket(), buffer).map(|length| match length {
                0 => Received::End,
                length => Received::Bytes(length, None),
            })
        } else {
            let received = self.calls.receive_from(self.socket(), buffer);
            received.map(|(length, source)| Received::Bytes(length.min(buffer.len()), source))
        };
        match result {
            Err(Errno::AGAIN | Errno::INTR) => Ok(Received::Nothing),
            result => {
                self.account_for(&result, buffer);
                result.map_err(EndReason::Reset)
            }
        }
    }

    /// Tells observers what a receive brought.
    fn account_for(&self, result: &Result<Received, Errno>, buffer: &[u8]) {
        let Some(mut account) = self.connection.account() else { return };
        match result {
            Ok(Received::Bytes(length, source)) => {
                let from = source.as_ref().filter(|_| self.connection.group().is_some());
                account.received(&buffer[..*length], from);
            }
            Ok(Received::End) => account.peer_ended(),
            Ok(Received::Nothing) => {}
            Err(errno) => {
                account.failed(if self.is_stream() { "read" } else { "recvfrom" }, *errno);
            }
        }
    }

    /// It is over for this reason.
    pub(super) fn ended(&self, reason: EndReason) {
        self.connection.ended(reason);
    }

    /// What the step of a script expected has come, so long after the last text was sent.
    pub(super) fn answered(&self, step: usize, after: Duration) {
        if let Some(account) = self.connection.account() {
            account.answered(step, after);
        }
    }

    /// Tells the peer that no more will come. Datagrams have no such thing. An error means that
    /// the connection is gone, which the next receive tells with its reason.
    pub(super) fn end_sending(&self) {
        if self.is_stream() {
            if let Some(mut account) = self.connection.account() {
                account.ended_sending();
            }
            let _ = self.calls.shutdown(self.socket(), Shutdown::Write);
        }
    }

    /// After the end of sending: receives and throws away until the peer ends, for a bounded time
    /// and number of bytes. Closing with unread input would send a reset, and that destroys what
    /// the peer has not read yet (RFC 9293 section 3.10.4).
    pub(super) fn linger(&self, until: Option<Time>, clock: &Clock) {
        if !self.is_stream() {
            return;
        }
        let mut buffer = [0; 16 * 1024];
        let mut discarded = 0;
        let until = earliest(until, Some(clock.now() + LINGER));
        while discarded < LINGER_BYTES {
            let mut descriptors = [PollFd::from_borrowed_fd(self.socket(), READABLE)];
            match wait(&mut descriptors, until, clock) {
                Ok(1..) => {}
                _ => return,
            }
            match self.receive(&mut buffer) {
                Ok(Received::Bytes(length, _)) => discarded += length as u64,
                Ok(Received::Nothing) => {}
                Ok(Received::End) | Err(_) => return,
            }
        }
    }

    /// A send that failed, as an error with the name of its call.
    pub(super) fn send_failed(&self, errno: Errno) -> Error {
        self.failed(self.sends_with(), errno)
    }

    /// A failed call on this connection.
    pub(super) fn failed(&self, call: &'static str, errno: Errno) -> Error {
        self.connection.failed(call, errno)
    }
}
