//! The file store on disk: write-once files below a root directory, proven by hash.
//!
//! A [`Store`] is shared by all connections of a process; each connection has a [`Conversation`]
//! that carries out what a file machine asks for, one request at a time, and may block. Several
//! stores (threads, processes, servers) may work on one root at the same time.
//!
//! Stored files lie under their own names, regular, mode 0400. What the store needs for itself is
//! in `.colok`: `lock`, held shared by everyone who may write; `partial/`, broken uploads;
//! `hashes`, the table of known hashes; `usage`, where a total is kept.
//!
//! What it never does: replace or change a stored file, show a part of one under its name, follow
//! a symbolic link, or touch anything outside its root. The one step that makes a file visible
//! cannot replace anything; it comes after size and hash were checked.

mod conversation;
pub mod disk;
mod event;
mod existing;
mod fresh;
mod group;
mod hashes;
mod listing;
mod open;
mod options;
mod parents;
mod partial;
mod places;
mod problem;
mod publish;
mod push;
mod room;
#[cfg(test)]
mod tests;
mod tidy;
pub mod tree_hash;
mod upload;
mod verify;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use colok_proto::Address;
use colok_proto::files::StoreError;
use rustix::io::Errno;

pub use conversation::{Conversation, StoreResult};
use disk::{Disk, Linux};
pub use event::FileEvent;
use group::Group;
use hashes::Hashes;
use listing::Aheads;
pub use options::{Secret, StoreOpenError, StoreOptions};
use parents::SafeDirectories;
use places::Places;
use room::Room;
pub use verify::{Soundness, VerifyStep, VerifyTotals};

/// A store on disk, shared by all conversations of a process.
#[derive(Debug)]
pub struct Store<D: Disk = Linux> {
    disk: D,
    options: StoreOptions,
    created: bool,
    /// `None` if the store is only read.
    private: Option<Private<D::Handle>>,
    /// `None` where not even a table in memory can be had.
    hashes: Option<Hashes<D::Handle>>,
    room: Room<D::Handle>,
    places: Arc<Places>,
    bytes_group: Group<D::Handle>,
    names_group: Group<D::Handle>,
    safe_directories: SafeDirectories,
    aheads: Aheads,
    /// Pushes that wait for a commit with their descriptors open, of all conversations.
    waiting: AtomicUsize,
}

/// The store's own directory.
#[derive(Debug)]
struct Private<H> {
    directory: H,
    partials: H,
    /// Locked, shared, as long as the store is open.
    lock: H,
}

impl<D: Disk> Store<D> {
    /// What it was opened with.
    pub fn options(&self) -> &StoreOptions {
        &self.options
    }

    /// Whether opening it made its root directory.
    pub fn created(&self) -> bool {
        self.created
    }

    /// Starts the conversation of a connection. `client` is whom uploads are counted for.
    pub fn conversation(self: &Arc<Self>, client: &Address) -> Conversation<D> {
        Conversation::new(Arc::clone(self), client)
    }

    /// A store that was opened for reading stays as it is, whoever asks.
    fn may_write(&self) -> Result<(), StoreError> {
        match self.private {
            Some(_) => Ok(()),
            None => Err(problem::failed(Errno::ROFS)),
        }
    }

    #[cfg(test)]
    fn disk(&self) -> &D {
        &self.disk
    }

    /// Where partials are, if the store may be written.
    fn partials(&self) -> Option<&D::Handle> {
        self.private.as_ref().map(|private| &private.partials)
    }
}
