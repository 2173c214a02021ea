//! Hosts as a runner sees them: orders go to each, words come from all of them.
//!
//! What is between a runner and the agent of a host is a [`Transport`]: JSON lines over byte
//! streams, nothing else. A host may so be a process of this computer ([`local()`]), a network
//! namespace (`world`), or one day another computer over SSH. Words of all hosts of a case come
//! over one channel, each with the number of its host, so that one thread can wait for all.
//!
//! Nothing here knows what orders and words mean.

mod local;
pub(super) mod patient;

use std::io;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

pub use local::local;

use super::agent::{Order, Word};
use super::file::HostKind;

/// Words that wait at most until a runner takes them; then agents wait, and their programs.
const WORDS_MAX: usize = 1024;

/// The longest word in bytes: what a program wrote comes in pieces of 64 KiB, a record has 1 MiB at
/// most.
pub const WORD_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The longest order in bytes: a file that a scenario holds as text is in one.
pub const ORDER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What came from a host.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// Its agent said this.
    Word(Word),
    /// Nothing more comes: its agent has ended, or said something that makes no sense.
    Gone(String),
}

/// Where words of hosts go: the number of the host among those of the case, and what came.
pub type HeardSender = SyncSender<(usize, Heard)>;

/// A channel for the words of all hosts of a case. It is bounded: a runner must go on taking them
/// until it has dropped every host, or drop the receiver.
pub fn channel() -> (HeardSender, Receiver<(usize, Heard)>) {
    sync_channel(WORDS_MAX)
}

/// How orders get to an agent. When it is dropped the orders end, and so does the agent with all
/// that it started; a transport waits for that (with a bound) where it can.
pub trait Transport: Send {
    /// Sends one line; it comes without its newline and has none inside. A host that takes nothing
    /// for long is an error, and so is everything that is sent to it after that.
    fn send(&mut self, line: &[u8]) -> io::Result<()>;
}

/// A host of a case. Dropping it ends everything on it.
pub struct Host {
    /// Its name in the scenario.
    pub name: String,
    /// What it is.
    pub kind: HostKind,
    /// Its folder: an absolute path on that host, in which programs run and files are.
    pub folder: String,
    /// The directory in which `folder` is: also only of this case, for logs and sockets that must
    /// not lie in a folder that may be served, or on a full disk.
    pub beside: String,
    /// How other hosts of the case reach it, IPv4 first; those of loopback for a local one.
    pub addresses: Vec<IpAddr>,
    /// How orders get there.
    pub transport: Box<dyn Transport>,
}

impl Host {
    /// Sends an order. An error means that the host is gone.
    pub fn order(&mut self, order: &Order) -> io::Result<()> {
        self.transport.send(&serde_json::to_vec(order)?)
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Host").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Reads the line of a word.
pub fn word_of(line: &[u8]) -> io::Result<Word> {
    Ok(serde_json::from_slice(line)?)
}
