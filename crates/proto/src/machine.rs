//! The contract between a machine and whoever runs it: inputs, outputs, reasons, peers.
//!
//! The rules are in the crate documentation; here are the words. No I/O, no clock.

use alloc::boxed::Box;
use core::fmt;
use core::net::SocketAddr;
use core::ops::Range;

use crate::Time;
use crate::files::{StoreAnswer, StoreError, StoreRequest};

/// One side of one conversation.
pub trait Machine {
    /// Takes one input, writes what follows from it to `out`, and returns how many bytes of an
    /// [`Input::Received`] were consumed (0 for every other input).
    fn input(&mut self, now: Time, input: Input<'_>, out: &mut dyn Outbox) -> usize;

    /// When the machine wants an [`Input::Deadline`], if it does. Asked after every input.
    fn deadline(&self) -> Option<Time>;
}

/// What can happen to a machine.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// The conversation starts.
    Opened {
        /// Who is on the other side.
        peer: &'a Peer,
    },
    /// Bytes came; they are lent for this call only. Bytes read together are one arrival.
    Received(&'a [u8]),
    /// The peer will send no more (end of stream, or end of the datagram).
    End,
    /// There is room for about this many bytes of output; given after a [`Full`].
    Room(usize),
    /// The time that [`Machine::deadline`] named has come and a read found nothing.
    Deadline,
    /// The server stops: finish what is in flight, then close with [`Reason::Shutdown`].
    Drain,
    /// The store's answer to the oldest request that has none yet; or, without a request, why a
    /// body could not be kept or a file not be sent to its end.
    Stored(&'a Result<StoreAnswer, StoreError>),
}

/// What a machine must remember while nothing is on its way, in one byte.
///
/// Together with the service and the time of the last arrival it is enough to build the machine
/// again, so that a connection without traffic holds no machine. Its bits mean something only to
/// the service that it came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Residue(pub(crate) u8);

/// Where a machine puts what it has to say. Bounded: [`Full`] means nothing was written.
pub trait Outbox {
    /// Sends a part of the slice just received, without copying it.
    fn forward(&mut self, range: Range<usize>) -> Result<(), Full>;

    /// Sends `bytes`. One call leaves in one write where the kernel takes it whole.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Full>;

    /// Reports, for observers only, that a message has ended: it was `length` bytes long in all,
    /// and `part` of the slice just received belongs to it (empty when a gap or the end ended it).
    fn message(&mut self, part: Range<usize>, length: u64);

    /// Asks the store for something. The answer comes as [`Input::Stored`], never within this call.
    fn store(&mut self, request: StoreRequest);

    /// The next `length` bytes of input, behind what this call consumes, go to the upload that was
    /// last asked for with [`Outbox::store`]; the machine does not see them. Requests made after
    /// this are carried out once they have come. Call at most once per input.
    fn body(&mut self, length: u64);

    /// Sends a range, not empty, of the file that the store opened last, behind everything sent
    /// before. The
    /// machine is given [`Input::Room`] when it has left, and must send nothing until then.
    fn file(&mut self, range: Range<u64>);

    /// Closes the conversation once everything sent so far has left.
    fn close(&mut self, reason: Reason);
}

/// The outbox has no room; nothing was written. Wait for [`Input::Room`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Why a conversation was closed. Every close has one, and it is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The peer ended its side and everything due to it was sent.
    PeerClosed,
    /// The peer sent the message `quit`.
    Quit,
    /// No byte was accepted from or by the peer for the idle time.
    Idle,
    /// A bound was reached: connections, turn, sizes.
    Limit,
    /// The peer broke the protocol.
    Protocol,
    /// A system call failed with this error number.
    Io(i32),
    /// The worker process that held the connection died.
    WorkerLost,
    /// The server stopped.
    Shutdown,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerClosed => f.write_str("peer-closed"),
            Self::Quit => f.write_str("quit"),
            Self::Idle => f.write_str("idle"),
            Self::Limit => f.write_str("limit"),
            Self::Protocol => f.write_str("protocol"),
            Self::Io(errno) => write!(f, "io({errno})"),
            Self::WorkerLost => f.write_str("worker-lost"),
            Self::Shutdown => f.write_str("shutdown"),
        }
    }
}

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// IPv4 or IPv6 address and port.
    Inet(SocketAddr),
    /// A Unix socket: its path, `@name` for an abstract one, empty for one without a name.
    Unix(Box<str>),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Unix(name) if name.is_empty() => f.write_str("unix:(unnamed)"),
            Self::Unix(name) => write!(f, "unix:{}", name.escape_debug()),
        }
    }
}

/// The four-part address of a connection: local and remote host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Our end.
    pub local: Address,
    /// Their end.
    pub remote: Address,
}

impl Peer {
    /// A peer without names on either end, for tests and socket pairs.
    pub fn unnamed() -> Self {
        Self { local: Address::Unix("".into()), remote: Address::Unix("".into()) }
    }
}
