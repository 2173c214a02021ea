//! What a file machine asks of a store, and what a store answers: plain data.
//!
//! Requests are answered in the order in which they were made, one answer each. Nothing here
//! opens a file or knows where files live.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::str::FromStr;

use super::{Name, Prefix};

/// The largest file that `PUSH` sends without waiting, in bytes. Its server must be able to read
/// and drop it, and its sender to hold it in memory, so it is small.
pub const PUSH_BYTES_MAX: u64 = 64 * 1024;

/// A BLAKE3 hash: 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = ();

    /// Reads 64 hexadecimal digits of either case.
    fn from_str(text: &str) -> Result<Self, ()> {
        let digit =
            |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let text: &[u8; 64] = text.as_bytes().try_into().map_err(|_| ())?;
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
            *byte =
                digit(pair[0]).zip(digit(pair[1])).map(|(high, low)| high << 4 | low).ok_or(())?;
        }
        Ok(Self(hash))
    }
}

/// How safe stored bytes are when the server says that they are stored. Ordered: more is safer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// Written: they survive the end of the server process, not the loss of power.
    None,
    /// The file is synced; its name may be lost with the power.
    File,
    /// The file and every directory that names it are synced.
    #[default]
    Full,
}

impl Durability {
    /// The word for it in flags, headers and receipts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::File => "file",
            Self::Full => "full",
        }
    }

    /// The durability with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::File, Self::Full].into_iter().find(|one| one.name() == name)
    }
}

/// Who may write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WritePolicy {
    /// Whoever comes to a loopback address or a Unix socket.
    #[default]
    Loopback,
    /// Whoever shows the token in `HELLO`, from anywhere; nobody else.
    Token,
    /// Anyone, from anywhere.
    Anyone,
    /// Nobody: the store is read only.
    Nobody,
}

/// The options of the service `files` that its machine decides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilesOptions {
    /// Who may write.
    pub write: WritePolicy,
    /// Whether names may be listed.
    pub list: bool,
    /// The least durability of what is stored; a client may ask for more.
    pub durability_min: Durability,
}

impl Default for FilesOptions {
    fn default() -> Self {
        Self { write: WritePolicy::default(), list: true, durability_min: Durability::None }
    }
}

/// The secret of whoever may resume an upload: 16 to 64 of `A-Z a-z 0-9 - _`.
#[derive(Clone, PartialEq, Eq)]
pub struct UploadToken(Box<str>);

impl UploadToken {
    /// Checks a text.
    pub fn new(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let fits = (16..=64).contains(&text.len()) && text.bytes().all(plain);
        fits.then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UploadToken {
    /// Never shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UploadToken")
    }
}

/// What a machine asks of its store. At most one upload and one download are open at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreRequest {
    /// Is this the token that allows to write? Answered by `Allowed` or [`StoreError::WrongToken`].
    Authenticate(Box<str>),
    /// Opens an upload whose bytes follow as a body. Answered by `SendFrom`, by `Exists` when the
    /// name is there and no hash was given to decide by, by `HaveIt`, or by an error.
    Put {
        /// Its name.
        name: Name,
        /// Its size, when the client knows it.
        size: Option<u64>,
        /// Its hash, when the client knows it already.
        hash: Option<Hash>,
        /// Makes a broken upload resumable, by its holder.
        upload: Option<UploadToken>,
        /// How safe a file that is there already is to be before `HaveIt` is answered.
        durability: Durability,
        /// What an earlier try left is dropped instead of resumed.
        from_start: bool,
    },
    /// Ends the upload: checks size and hash and publishes. Answered by `Stored`, `HaveIt` or an
    /// error. Without a hash here or in `Put` there is nothing to check the bytes against.
    Finish {
        /// The hash of the whole file, if it followed the bytes.
        hash: Option<Hash>,
        /// How safe the file is to be before the answer.
        durability: Durability,
    },
    /// Drops the upload and what it left. Answered by `Cancelled`.
    Cancel,
    /// A whole small file whose `size` bytes follow at once as a body, whatever the answer will be.
    /// Answered by `Stored`, `HaveIt` or an error, perhaps together with those that follow.
    Push {
        /// Its name.
        name: Name,
        /// Its size in bytes, at most [`PUSH_BYTES_MAX`].
        size: u64,
        /// Its hash, if the client sent it.
        hash: Option<Hash>,
        /// How safe the file is to be before the answer.
        durability: Durability,
    },
    /// Opens a file for reading. Answered by `Opened`.
    Get {
        /// Its name.
        name: Name,
        /// First byte, and the byte after the last (or the end of the file).
        range: Option<(u64, Option<u64>)>,
        /// Whether the hash of the range itself is wanted too.
        range_hash: bool,
    },
    /// What is known of a file. Answered by `Entry`.
    Stat {
        /// Its name.
        name: Name,
        /// Its bytes are read again, whatever was known of them.
        reread: bool,
    },
    /// The names that start with a text, in byte order. Answered by `Listing`.
    List {
        /// What they start with.
        prefix: Prefix,
        /// Only names behind this one.
        after: Option<Name>,
        /// At most so many; the store has its own bound as well.
        limit: Option<u64>,
    },
}

/// A file of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: Name,
    /// Its size in bytes.
    pub size: u64,
    /// Seconds since 1970 when it was last written.
    pub modified_unix_s: i64,
    /// Its hash; a listing tells only what is known already.
    pub hash: Option<Hash>,
}

/// One page of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The files, in byte order of their names.
    pub entries: Vec<Entry>,
    /// Whether there are more behind the last.
    pub more: bool,
}

/// What the server vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Size in bytes.
    pub size: u64,
    /// BLAKE3 of the whole file.
    pub hash: Hash,
    /// How safe the bytes are.
    pub durability: Durability,
}

/// Whether a stored file is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HaveIt {
    /// It was stored now.
    Stored,
    /// The same content was there: nothing changed.
    Already,
}

/// What a store answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAnswer {
    /// The token is right.
    Allowed,
    /// The upload is open.
    SendFrom {
        /// How much of it is here already, verified, in bytes.
        offset: u64,
        /// The hash of those bytes; `None` when there are none.
        hash: Option<Hash>,
    },
    /// The name is taken; by this content.
    Exists {
        /// Size in bytes.
        size: u64,
        /// BLAKE3 of the whole file.
        hash: Hash,
    },
    /// The file is in the store under its name.
    Stored {
        /// New or not.
        have_it: HaveIt,
        /// What the server vouches for.
        receipt: Receipt,
    },
    /// The upload is gone.
    Cancelled,
    /// The file is open; send a range of it with [`crate::Outbox::file`].
    Opened {
        /// What is known of it; its hash always is.
        entry: Entry,
        /// The bytes asked for, within the file.
        range: Range<u64>,
        /// Their hash, if it was asked for.
        range_hash: Option<Hash>,
    },
    /// What is known of a file; its hash always is.
    Entry(Entry),
    /// A page of names.
    Listing(Listing),
}

/// Why a store did not do it. Nothing visible changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The token is wrong.
    WrongToken,
    /// There is no such file.
    NotFound,
    /// The name is taken by other content; of this size and hash.
    NameTaken {
        /// Size in bytes.
        size: u64,
        /// BLAKE3 of the whole file.
        hash: Hash,
    },
    /// Something that is not a file has this name, or a file has the name of a directory on the
    /// way to it.
    NotAFile,
    /// The bytes have another hash than the client said.
    WrongHash {
        /// The hash of the bytes that came.
        computed: Hash,
    },
    /// Another connection took this upload over.
    TakenOver,
    /// The file is larger than this server takes.
    TooLarge {
        /// The most, in bytes.
        limit: u64,
    },
    /// More bytes were sent, or fewer, than was said.
    WrongSize {
        /// How many came, in bytes.
        received: u64,
    },
    /// The range lies outside the file.
    OutOfRange {
        /// The size of the file in bytes.
        size: u64,
    },
    /// As many uploads as the server, or one client, may have are open.
    TooManyUploads,
    /// The store holds as many bytes as it may, or the disk as few free ones.
    NoSpace,
    /// A call failed with this error number.
    Io(i32),
}

impl fmt::Display for StoreError {
    /// In English, for logs and for the human text of an answer.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongToken => f.write_str("wrong token"),
            Self::NotFound => f.write_str("no such file"),
            Self::NameTaken { .. } => f.write_str("name taken"),
            Self::NotAFile => f.write_str("not a file"),
            Self::WrongHash { .. } => f.write_str("wrong hash"),
            Self::TakenOver => f.write_str("taken over by another connection"),
            Self::TooLarge { limit } => write!(f, "too large, at most {limit} bytes"),
            Self::WrongSize { received } => write!(f, "wrong size, {received} bytes came"),
            Self::OutOfRange { size } => write!(f, "range outside the file of {size} bytes"),
            Self::TooManyUploads => f.write_str("too many uploads, try again later"),
            Self::NoSpace => f.write_str("no space"),
            Self::Io(errno) => write!(f, "i/o error {errno}"),
        }
    }
}
