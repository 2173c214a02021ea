//! What a server can answer, typed, and what is wrong with an answer that is none.
//!
//! Plain data; how lines become answers is in `decode.rs`.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::ops::Range;

use crate::files::{Durability, Entry, Hash, HaveIt, Listing, Receipt, code};

/// The answer to a request, or a step of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Who the server is (200).
    Hello(ServerHello),
    /// Send the bytes of the upload from `offset` (100); the final answer comes after them.
    SendFrom {
        /// How many bytes the server has already; at most the size that was said.
        offset: u64,
        /// The hash of those; always there when there are any.
        hash: Option<Hash>,
    },
    /// The name is there with this content (110). Nothing may be sent; this upload is over.
    Exists {
        /// Size in bytes.
        size: u64,
        /// BLAKE3 of the whole file.
        hash: Hash,
    },
    /// The file is in the store (201 new, 202 was there). Size and hash are those that were said.
    Stored {
        /// New or not.
        have_it: HaveIt,
        /// What the server vouches for.
        receipt: Receipt,
    },
    /// The upload was dropped, as asked for (204).
    Cancelled,
    /// The next bytes are the file's (150): exactly as many as `range` is long. They belong to the
    /// caller; give the decoder only what follows them.
    FileFollows(FileFollows),
    /// What is known of a file (210).
    Entry(Entry),
    /// A page of names (220): in byte order, behind `after`, all with the prefix.
    Listing(Listing),
    /// The requests that there are (214).
    Help(Box<str>),
    /// Good bye (221); the server closes.
    Bye,
    /// It was not done (4xx, 5xx).
    Refused(Refused),
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The version spoken from here on.
    pub version: u64,
    /// The words of what it can do, with commas between; see [`Self::can`].
    pub abilities: Box<str>,
    /// Whether this connection may write.
    pub write: WriteAccess,
    /// How safe a file is made when a request asks for nothing else.
    pub durability: Durability,
    /// The largest file for `PUSH`, in bytes.
    pub push_bytes_max: u64,
}

impl ServerHello {
    /// Whether the server has this ability: `put`, `push`, `get`, `stat`, `list`, `resume`.
    pub fn can(&self, ability: &str) -> bool {
        self.abilities.split(',').any(|one| one == ability)
    }
}

/// Whether a connection may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteAccess {
    /// It may.
    Yes,
    /// It may not.
    No,
    /// It may once it has shown the token in `HELLO`.
    Token,
}

impl WriteAccess {
    /// The word for it in the answer to `HELLO`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Token => "token",
        }
    }

    /// The one with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Yes, Self::No, Self::Token].into_iter().find(|one| one.name() == name)
    }
}

/// A file, or a range of it, whose bytes follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFollows {
    /// The name that was asked for, and what the server knows of the whole file; its hash always.
    pub entry: Entry,
    /// Which bytes follow: within the file and within what was asked for.
    pub range: Range<u64>,
    /// Their hash; always there when it was asked for.
    pub range_hash: Option<Hash>,
}

/// Why something was not done. Fields are there when the answer had them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// One of [`code`]; a later version may have more.
    pub code: u16,
    /// For people, printable, in English.
    pub text: Box<str>,
    /// The size of the file that is there, in bytes (409, 416).
    pub size: Option<u64>,
    /// The hash of the file that is there (409), or of the bytes that came (411).
    pub hash: Option<Hash>,
    /// The most bytes that the server takes (413).
    pub limit: Option<u64>,
    /// The error number of the server's call (500).
    pub errno: Option<i32>,
    /// The server closes after this: no other request will be answered.
    pub closes: bool,
}

impl Refused {
    /// Whether other content has the name.
    pub const fn is_name_taken(&self) -> bool {
        self.code == code::NAME_TAKEN
    }
}

/// The server broke the protocol: what was due, and the beginning of what came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError {
    /// What would have been right.
    pub expected: &'static str,
    /// The line that came, cut and escaped.
    pub got: Box<str>,
}

/// The most characters of a wrong line that are kept to be shown.
const GOT_CHARACTERS_MAX: usize = 160;

impl ProtocolError {
    pub(super) fn new(expected: &'static str, line: &[u8]) -> Self {
        let start = &line[..line.len().min(4 * GOT_CHARACTERS_MAX)];
        let text = String::from_utf8_lossy(start);
        let escaped = text.chars().take(GOT_CHARACTERS_MAX).flat_map(char::escape_debug);
        Self { expected, got: escaped.collect::<String>().into() }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, got \"{}\"", self.expected, self.got)
    }
}

impl core::error::Error for ProtocolError {}
