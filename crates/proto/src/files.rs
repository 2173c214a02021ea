//! The file store protocol: its words and the pure machines of both sides.
//!
//! Header lines in UTF-8 that a person can type, followed by raw bytes. What a server machine
//! needs of the disk it asks for with [`StoreRequest`]s; it never touches a file itself.
//! `docs/file-protocol.md` is the specification.

mod client;
pub mod code;
mod limits;
mod name;
mod request;
mod server;
mod store;
mod wire;

pub use client::{
    Answer, Client, FileFollows, ProtocolError, Put, PutHash, Refused, ServerHello, WriteAccess,
};
pub use limits::{BLOCK_BYTES_MAX, PAGE_ENTRIES_MAX, PUSHES_MAX, VERSION};
pub use name::{
    COMPONENT_BYTES_MAX, COMPONENTS_MAX, NAME_BYTES_MAX, Name, NameProblem, Prefix, RESERVED,
};
pub use server::Files;
pub use store::{
    Durability, Entry, FilesOptions, Hash, HaveIt, Listing, PUSH_BYTES_MAX, Receipt, StoreAnswer,
    StoreError, StoreRequest, UploadToken, WritePolicy,
};
pub use wire::{Encoded, LINE_BYTES_MAX};
