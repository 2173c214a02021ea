//! What a conversation with a store did, for the activity log.
//!
//! Plain facts; the words for them belong to whoever writes the log.

use colok_proto::files::{Name, StoreError};

/// Something that happened to a file of the store. In the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileEvent {
    /// A client named a file that it wants to store (`server read NAME`).
    ServerRead {
        /// Its name.
        name: Name,
    },
    /// It is not in the store (`file do not exist, get it from client`).
    DoesNotExist {
        /// Its name.
        name: Name,
    },
    /// An earlier upload of it goes on.
    Resumed {
        /// Its name.
        name: Name,
        /// How much of it was here and verified, in bytes.
        offset: u64,
    },
    /// It is stored now (`copied N bytes`).
    Copied {
        /// Its name.
        name: Name,
        /// Its size in bytes.
        bytes: u64,
    },
    /// The same content was there.
    HaveIt {
        /// Its name.
        name: Name,
    },
    /// The upload was dropped because the client asked for that.
    Cancelled {
        /// Its name.
        name: Name,
    },
    /// A file was opened for reading.
    Opened {
        /// Its name.
        name: Name,
        /// How many bytes of it were asked for.
        bytes: u64,
    },
    /// A request about a file failed: name taken, wrong hash, no space and so on.
    Failed {
        /// Its name.
        name: Name,
        /// Why.
        error: StoreError,
    },
    /// The bytes of a stored file are no longer those that were stored.
    Damaged {
        /// Its name.
        name: Name,
    },
}
