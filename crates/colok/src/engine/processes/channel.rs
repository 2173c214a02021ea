//! A channel between two processes: whole messages as JSON over a `SOCK_SEQPACKET` socket pair,
//! with descriptors passed along where asked.
//!
//! Blocking; a closed other end is an answer, not an error that ends anything here.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest message in bytes: a set-up with some hundreds of listeners, or a log record.
const MESSAGE_BYTES_MAX: usize = 128 * 1024;

/// Descriptors that one message can carry (`SCM_MAX_FD` in the kernel).
pub(super) const DESCRIPTORS_MAX: usize = 253;

/// One end of a channel.
#[derive(Debug)]
pub(super) struct Channel {
    socket: OwnedFd,
}

/// Makes both ends.
pub(super) fn pair() -> Result<(Channel, OwnedFd), Errno> {
    let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
    let (ours, theirs) = rustix::net::socketpair(family, kind, SocketFlags::CLOEXEC, None)?;
    Ok((Channel { socket: ours }, theirs))
}

impl Channel {
    /// A channel on a socket that another process gave us.
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self { socket }
    }

    /// The socket, to wait on.
    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Sends a message.
    pub(super) fn send(&self, message: &impl Serialize) -> Result<(), Errno> {
        self.send_with(message, &[])
    }

    /// Sends a message and descriptors with it.
    pub(super) fn send_with(
        &self,
        message: &impl Serialize,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), Errno> {
        let bytes = serde_json::to_vec(message).map_err(|_| Errno::INVAL)?;
        if bytes.len() > MESSAGE_BYTES_MAX || descriptors.len() > DESCRIPTORS_MAX {
            return Err(Errno::MSGSIZE);
        }
        let mut space =
            vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        let slices = [IoSlice::new(&bytes)];
        retry(|| rustix::net::sendmsg(&self.socket, &slices, &mut control, SendFlags::NOSIGNAL))?;
        Ok(())
    }

    /// Receives a message; `None` when the other end is closed.
    pub(super) fn receive<M: DeserializeOwned>(&self) -> Result<Option<M>, Errno> {
        self.receive_with(&mut Vec::new())
    }

    /// Receives a message and the descriptors that came with it.
    pub(super) fn receive_with<M: DeserializeOwned>(
        &self,
        descriptors: &mut Vec<OwnedFd>,
    ) -> Result<Option<M>, Errno> {
        let mut bytes = vec![0; MESSAGE_BYTES_MAX];
        let mut space =
            vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = retry(|| {
            let mut slices = [IoSliceMut::new(&mut bytes)];
            let flags = RecvFlags::CMSG_CLOEXEC;
            rustix::net::recvmsg(&self.socket, &mut slices, &mut control, flags)
        });
        let length = match received {
            Ok(received) => received.bytes,
            Err(Errno::CONNRESET) => 0,
            Err(errno) => return Err(errno),
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(passed) = message {
                descriptors.extend(passed);
            }
        }
        if length == 0 {
            return Ok(None);
        }
        serde_json::from_slice(&bytes[..length]).map(Some).map_err(|_| Errno::BADMSG)
    }
}

fn retry<R>(mut run: impl FnMut() -> Result<R, Errno>) -> Result<R, Errno> {
    loop {
        match run() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}
