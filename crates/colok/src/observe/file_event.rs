//! What happened in the file store, for the activity log.
//!
//! Names are made printable where an event is made, because they come from peers.

use colok_proto::files::{Name, StoreError};
use serde::{Deserialize, Serialize};

use super::printable;
use crate::store::FileEvent as Happened;

/// Something that was done for a client of the file store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum FileEvent {
    /// The server read a name: someone wants to store or to have it.
    Read {
        /// The name.
        name: String,
    },
    /// The file does not exist and is got from the client.
    Missing {
        /// The name.
        name: String,
        /// How much of it was here from an earlier try, in bytes.
        offset: u64,
    },
    /// It was stored.
    Copied {
        /// The name.
        name: String,
        /// Its size in bytes.
        bytes: u64,
    },
    /// The same content was there already.
    HaveIt {
        /// The name.
        name: String,
    },
    /// Other content has the name; nothing changed.
    NameTaken {
        /// The name.
        name: String,
    },
    /// It was not stored for another reason; nothing changed.
    NotStored {
        /// The name.
        name: String,
        /// Why, for people.
        reason: String,
    },
    /// It was opened to be sent to the client.
    Opened {
        /// The name.
        name: String,
        /// How many bytes of it were asked for.
        bytes: u64,
    },
    /// The bytes of a stored file are no longer those that were stored.
    Damaged {
        /// The name.
        name: String,
    },
}

/// A name, made harmless.
fn shown(name: &Name) -> String {
    printable(name.as_str().as_bytes())
}

impl From<Happened> for FileEvent {
    fn from(happened: Happened) -> Self {
        match happened {
            Happened::ServerRead { name } => Self::Read { name: shown(&name) },
            Happened::DoesNotExist { name } => Self::Missing { name: shown(&name), offset: 0 },
            Happened::Resumed { name, offset } => Self::Missing { name: shown(&name), offset },
            Happened::Copied { name, bytes } => Self::Copied { name: shown(&name), bytes },
            Happened::HaveIt { name } => Self::HaveIt { name: shown(&name) },
            Happened::Cancelled { name } => {
                Self::NotStored { name: shown(&name), reason: "aborted by the client".to_owned() }
            }
            Happened::Opened { name, bytes } => Self::Opened { name: shown(&name), bytes },
            Happened::Failed { name, error: StoreError::NameTaken { .. } } => {
                Self::NameTaken { name: shown(&name) }
            }
            Happened::Failed { name, error } => {
                Self::NotStored { name: shown(&name), reason: error.to_string() }
            }
            Happened::Damaged { name } => Self::Damaged { name: shown(&name) },
        }
    }
}
