//! Netlink: requests to the kernel's network, and its answers (netlink(7), rtnetlink(7)).
//!
//! One writer and one reader serve links, addresses, routes, queues and nftables. Nothing here
//! knows what a request means. What comes back is bounded and never trusted to be whole.

mod message;
#[cfg(test)]
mod tests;

use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

pub(super) use message::{Attributes, Message, number_u32, number_u64, text};
use message::{Reply, replies};

/// `NLM_F_REQUEST` (linux/netlink.h), as all of these.
const REQUEST: u16 = 0x1;
/// `NLM_F_ACK`: say that it was done.
const ACK: u16 = 0x4;
/// `NLM_F_DUMP`: tell all there are.
pub(super) const DUMP: u16 = 0x300;
/// `NLM_F_REPLACE`.
pub(super) const REPLACE: u16 = 0x100;
/// `NLM_F_EXCL`: not if it is there.
pub(super) const EXCLUSIVE: u16 = 0x200;
/// `NLM_F_CREATE`.
pub(super) const CREATE: u16 = 0x400;
/// `NLM_F_APPEND`.
pub(super) const APPEND: u16 = 0x800;

/// Room for one datagram of answers; the kernel writes at most 32 KiB at once.
const BUFFER_BYTES: usize = 64 * 1024;
/// No answer of ours is larger: a host has two interfaces and a handful of rules.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// The kernel answers within the call; this only ends a wait that would never end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a request came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub(super) struct NetlinkError {
    /// The error number.
    pub(super) errno: Errno,
    /// What the kernel said about it, if anything.
    pub(super) text: String,
}

impl NetlinkError {
    fn told(&self) -> String {
        let error = std::io::Error::from(self.errno);
        if self.text.is_empty() { error.to_string() } else { format!("{error}: {}", self.text) }
    }
}

impl From<Errno> for NetlinkError {
    fn from(errno: Errno) -> Self {
        Self { errno, text: String::new() }
    }
}

/// A socket to the kernel's network. It stays in the network namespace in which it was made.
#[derive(Debug)]
pub(super) struct Netlink {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Netlink {
    /// To links, addresses, routes and queues.
    pub(super) fn route() -> Result<Self, NetlinkError> {
        Self::open(None)
    }

    /// To nftables.
    pub(super) fn netfilter() -> Result<Self, NetlinkError> {
        Self::open(Some(netlink::NETFILTER))
    }

    fn open(protocol: Option<rustix::net::Protocol>) -> Result<Self, NetlinkError> {
        let family = AddressFamily::NETLINK;
        let socket = socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        // Without this errors are only less well told.
        let _ = colok_sys::netlink::explain_errors(socket.as_fd());
        Ok(Self { socket, sequence: 0, buffer: vec![0; BUFFER_BYTES] })
    }

    /// Has requests carried out, in their order, by one call. Those after a failed one are carried
    /// out too, unless they are a batch of nftables. The number of the failed one is in the error.
    pub(super) fn request(&mut self, messages: Vec<Message>) -> Result<(), (usize, NetlinkError)> {
        let failed = |error: Errno| (0, NetlinkError::from(error));
        // The last word of a batch is not acknowledged by itself; the last that has `ACK` is.
        let Some(last) = messages.iter().rposition(|message| !message.is_bracket()) else {
            return Ok(());
        };
        let first = self.sequence.wrapping_add(1);
        let mut bytes = Vec::new();
        for (index, message) in messages.into_iter().enumerate() {
            self.sequence = self.sequence.wrapping_add(1);
            let ack = if index == last { ACK } else { 0 };
            bytes.extend(message.finish(REQUEST | ack, self.sequence));
        }
        self.send(&bytes).map_err(failed)?;
        loop {
            let datagram = self.receive().map_err(failed)?;
            for reply in replies(&datagram) {
                let index = reply.sequence.wrapping_sub(first) as usize;
                let Some(result) = reply.error() else { continue };
                match result {
                    // An older request's answer that nobody waited for.
                    _ if index > last + 1 => {}
                    Err(error) => return Err((index, error)),
                    Ok(()) if index == last => return Ok(()),
                    Ok(()) => {}
                }
            }
        }
    }

    /// Asks, and returns the bodies of what is told: all of a dump, else one.
    pub(super) fn ask(
        &mut self,
        message: Message,
        dump: bool,
    ) -> Result<Vec<Vec<u8>>, NetlinkError> {
        self.sequence = self.sequence.wrapping_add(1);
        let flags = REQUEST | if dump { DUMP } else { ACK };
        let bytes = message.finish(flags, self.sequence);
        self.send(&bytes)?;
        let mut told = Vec::new();
        let mut total_bytes = 0;
        loop {
            let datagram = self.receive()?;
            total_bytes += datagram.len();
            if total_bytes > ANSWER_BYTES {
                return Err(Errno::MSGSIZE.into());
            }
            for reply in replies(&datagram).filter(|reply| reply.sequence == self.sequence) {
                match reply.error() {
                    Some(Ok(())) => return Ok(told),
                    Some(Err(error)) => return Err(error),
                    None => told.push(reply.body.to_vec()),
                }
            }
        }
    }

    fn send(&self, bytes: &[u8]) -> Result<(), Errno> {
        let sent = send(&self.socket, bytes, SendFlags::empty())?;
        if sent == bytes.len() { Ok(()) } else { Err(Errno::MSGSIZE) }
    }

    fn receive(&mut self) -> Result<Vec<u8>, Errno> {
        loop {
            // With `TRUNC` the length is that of the datagram, which may be more than was given.
            match recv(&self.socket, &mut self.buffer[..], RecvFlags::TRUNC) {
                Ok((_, length)) => {
                    let datagram = self.buffer.get(..length).ok_or(Errno::MSGSIZE)?;
                    return Ok(datagram.to_vec());
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Reply<'_> {
    /// What an acknowledgement, an error or the end of a dump says; `None` for what was asked.
    fn error(&self) -> Option<Result<(), NetlinkError>> {
        /// `NLMSG_ERROR`, `NLMSG_DONE` (linux/netlink.h).
        const ERROR: u16 = 2;
        const DONE: u16 = 3;
        /// `struct nlmsgerr`: the number, then the header of the request.
        const ATTRIBUTES_AT: usize = 20;
        /// `NLMSGERR_ATTR_MSG`.
        const TEXT: u16 = 1;
        if self.kind != ERROR && self.kind != DONE {
            return None;
        }
        let number = number_u32(self.body).unwrap_or(0).cast_signed();
        if number == 0 {
            return Some(Ok(()));
        }
        let attributes = self.body.get(ATTRIBUTES_AT..).unwrap_or_default();
        let text = Attributes::new(attributes).find(TEXT).map(text).unwrap_or_default();
        let errno =
            Errno::from_raw_os_error(number.checked_neg().unwrap_or(i32::MAX).clamp(1, 4095));
        Some(Err(NetlinkError { errno, text }))
    }
}
