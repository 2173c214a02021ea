//! The codes of answers: one table, which the machines, the client and the specification share.
//!
//! A code never changes its meaning; the texts behind it are for people and may.

/// Send the bytes of the upload from `offset`.
pub const SEND_FROM: u16 = 100;
/// The name is there; decide with its size and hash.
pub const EXISTS: u16 = 110;
/// `length` raw bytes of the file follow this line.
pub const FILE_FOLLOWS: u16 = 150;
/// The answer to `HELLO`.
pub const HELLO: u16 = 200;
/// The file was stored.
pub const STORED: u16 = 201;
/// The same content was there already.
pub const HAVE_IT: u16 = 202;
/// The upload was dropped, as asked for.
pub const ABORTED: u16 = 204;
/// What is known of a file.
pub const ENTRY: u16 = 210;
/// The requests that there are.
pub const HELP: u16 = 214;
/// `count` lines with names follow.
pub const LISTING: u16 = 220;
/// Good bye.
pub const BYE: u16 = 221;
/// The request is not understood; closes.
pub const BAD_REQUEST: u16 = 400;
/// A token is needed, or the token is wrong (which closes).
pub const TOKEN: u16 = 401;
/// Not allowed, with a token or without.
pub const FORBIDDEN: u16 = 403;
/// There is no such file.
pub const NOT_FOUND: u16 = 404;
/// Other content has this name (with `size` and `hash`), or something that is not a file.
pub const NAME_TAKEN: u16 = 409;
/// Another connection took the upload over; closes.
pub const TAKEN_OVER: u16 = 410;
/// The bytes have another hash than was said.
pub const WRONG_HASH: u16 = 411;
/// Larger than the server takes.
pub const TOO_LARGE: u16 = 413;
/// The range lies outside the file.
pub const OUT_OF_RANGE: u16 = 416;
/// More or fewer bytes came than was said.
pub const WRONG_SIZE: u16 = 417;
/// The name is not one.
pub const BAD_NAME: u16 = 422;
/// Too many uploads are open.
pub const TOO_MANY_UPLOADS: u16 = 429;
/// A call of the server failed.
pub const FAILED: u16 = 500;
/// The server stops; closes.
pub const STOPPING: u16 = 503;
/// No space, or the share of this store is used up.
pub const NO_SPACE: u16 = 507;

/// Every code with the fields that its answer always has, in order of number.
pub const TABLE: [(u16, &[&str]); 26] = [
    (SEND_FROM, &["offset"]),
    (EXISTS, &["size", "hash"]),
    (FILE_FOLLOWS, &["size", "offset", "length", "hash", "modified"]),
    (HELLO, &["version", "abilities", "write", "durability", "max-push"]),
    (STORED, &["size", "hash", "durability"]),
    (HAVE_IT, &["size", "hash", "durability"]),
    (ABORTED, &[]),
    (ENTRY, &["size", "hash", "modified"]),
    (HELP, &[]),
    (LISTING, &["count", "more"]),
    (BYE, &[]),
    (BAD_REQUEST, &[]),
    (TOKEN, &[]),
    (FORBIDDEN, &[]),
    (NOT_FOUND, &[]),
    (NAME_TAKEN, &[]),
    (TAKEN_OVER, &[]),
    (WRONG_HASH, &["hash"]),
    (TOO_LARGE, &["limit"]),
    (OUT_OF_RANGE, &["size"]),
    (WRONG_SIZE, &[]),
    (BAD_NAME, &[]),
    (TOO_MANY_UPLOADS, &[]),
    (FAILED, &["errno"]),
    (STOPPING, &[]),
    (NO_SPACE, &[]),
];
