//! The client side: requests become bytes, bytes become typed answers.
//!
//! [`Client`] remembers which answers are due and takes nothing else: an answer that was not asked
//! for, contradicts the request or is no line of the protocol is a [`ProtocolError`]. It holds at
//! most one line and one page of names, whatever a server sends. It never touches a file or a
//! socket, and never sees the bytes of files: those are the caller's, both ways.
//!
//! Requests may be made while answers are due, except behind [`Client::put`]: nothing may follow
//! it until its final answer but, after [`Answer::SendFrom`], its bytes and their end.

mod answer;
mod decode;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::wire::{Encoded, LINE_BYTES_MAX, LineBuffer, TooLong, append};
use super::{Durability, Hash, Name, PUSH_BYTES_MAX, Prefix, UploadToken};
pub use answer::{Answer, FileFollows, ProtocolError, Refused, ServerHello, WriteAccess};
use decode::{Due, Ending, Expecting, Sent};

/// The client side of one connection; see the module.
#[derive(Debug, Default)]
pub struct Client {
    lines: LineBuffer,
    expecting: Expecting,
}

/// A request to store a file whose bytes follow when the server says so.
#[derive(Clone, Copy, Debug)]
pub struct Put<'a> {
    /// Its name.
    pub name: &'a Name,
    /// Its size in bytes; without one the bytes go in blocks, see [`Client::data`].
    pub size: Option<u64>,
    /// When its hash is said.
    pub hash: PutHash,
    /// Makes a broken upload resumable for whoever knows this.
    pub upload: Option<&'a UploadToken>,
    /// How safe it is to be; without it, what the server says in its answer to `HELLO`.
    pub durability: Option<Durability>,
    /// What an earlier try left is dropped instead of resumed.
    pub from_start: bool,
}

/// When the hash of an upload is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutHash {
    /// Never, or, in blocks, perhaps at their end.
    Unsaid,
    /// In the request.
    Known(Hash),
    /// Behind the bytes, with [`Client::end`].
    Trailer,
}

impl Client {
    /// Says which protocol is meant, shows the token, chooses a durability for all that follows.
    pub fn hello(
        &mut self,
        token: Option<&str>,
        durability: Option<Durability>,
        out: &mut Vec<u8>,
    ) {
        append(out, format_args!("HELLO {}", super::VERSION));
        if let Some(token) = token {
            append(out, format_args!(" token={}", Encoded(token)));
        }
        durability_field(durability, out);
        self.request(Due::Hello, out);
    }

    /// Asks to store a file. Answered by `SendFrom`, `Exists`, `Stored` (it is there already) or
    /// `Refused`. After `SendFrom` send the bytes from its offset, and with [`PutHash::Trailer`] or
    /// without a size their end; then `Stored`, `Cancelled` or `Refused` comes. `Refused` may come
    /// at any time before.
    pub fn put(&mut self, put: &Put<'_>, out: &mut Vec<u8>) {
        append(out, format_args!("PUT {} ", Encoded(put.name.as_str())));
        match put.size {
            Some(size) => append(out, format_args!("{size}")),
            None => out.push(b'-'),
        }
        match put.hash {
            PutHash::Unsaid => {}
            PutHash::Known(hash) => append(out, format_args!(" {hash}")),
            PutHash::Trailer => out.extend_from_slice(b" trailer"),
        }
        if let Some(upload) = put.upload {
            append(out, format_args!(" upload={}", upload.as_str()));
        }
        durability_field(put.durability, out);
        if put.from_start {
            out.extend_from_slice(b" from=0");
        }
        let hash = if let PutHash::Known(hash) = put.hash { Some(hash) } else { None };
        let at_once = put.size.is_some() && put.hash != PutHash::Trailer;
        let ending = if at_once { Ending::AtOnce } else { Ending::Open };
        self.request(Due::Put(Sent { size: put.size, hash, ending, blocks: 0 }), out);
    }

    /// The line before a block of `length` bytes, of an upload without a size: from 1 to
    /// [`super::BLOCK_BYTES_MAX`].
    pub fn data(&mut self, length: u64, out: &mut Vec<u8>) {
        debug_assert!((1..=super::BLOCK_BYTES_MAX).contains(&length), "a block of {length} bytes");
        append(out, format_args!("DATA {length}\n"));
        if let Some(sent) = self.upload() {
            sent.blocks += length;
        }
    }

    /// Ends an upload whose bytes have all been sent.
    pub fn end(&mut self, hash: Option<&Hash>, out: &mut Vec<u8>) {
        match hash {
            Some(hash) => append(out, format_args!("END {hash}\n")),
            None => out.extend_from_slice(b"END\n"),
        }
        if let Some(sent) = self.upload() {
            sent.ending = Ending::Ended;
            sent.hash = hash.copied().or(sent.hash);
            sent.size.get_or_insert(sent.blocks);
        }
    }

    /// Drops an upload instead of ending it, at the place where [`Self::end`] or [`Self::data`]
    /// could be said.
    pub fn abort(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"ABORT\n");
        if let Some(sent) = self.upload() {
            sent.ending = Ending::Aborted;
        }
    }

    /// The line before a whole small file of `size` bytes, at most [`PUSH_BYTES_MAX`], which the
    /// caller appends at once. Answered by `Stored` or `Refused`.
    pub fn push(
        &mut self,
        name: &Name,
        size: u64,
        hash: Option<&Hash>,
        durability: Option<Durability>,
        out: &mut Vec<u8>,
    ) {
        debug_assert!(size <= PUSH_BYTES_MAX, "a push of {size} bytes");
        append(out, format_args!("PUSH {} {size}", Encoded(name.as_str())));
        if let Some(hash) = hash {
            append(out, format_args!(" {hash}"));
        }
        durability_field(durability, out);
        let ending = Ending::AtOnce;
        let sent = Sent { size: Some(size), hash: hash.copied(), ending, blocks: 0 };
        self.request(Due::Push(sent), out);
    }

    /// Asks for a file, or for its bytes from the first of `range` to before the second, or to the
    /// end. Answered by `FileFollows` or `Refused`.
    pub fn get(
        &mut self,
        name: &Name,
        range: Option<(u64, Option<u64>)>,
        range_hash: bool,
        out: &mut Vec<u8>,
    ) {
        append(out, format_args!("GET {}", Encoded(name.as_str())));
        match range {
            None => {}
            Some((first, None)) => append(out, format_args!(" {first}-")),
            Some((first, Some(end))) => {
                debug_assert!(first < end, "an empty range");
                append(out, format_args!(" {first}-{}", end.saturating_sub(1)));
            }
        }
        if range_hash {
            out.extend_from_slice(b" hash=range");
        }
        self.request(Due::Get { name: name.clone(), range, range_hash }, out);
    }

    /// Asks what is known of a file; with `reread` after reading its bytes again. Answered by
    /// `Entry` or `Refused`.
    pub fn stat(&mut self, name: &Name, reread: bool, out: &mut Vec<u8>) {
        append(out, format_args!("STAT {}", Encoded(name.as_str())));
        if reread {
            out.extend_from_slice(b" reread=yes");
        }
        self.request(Due::Stat { name: name.clone() }, out);
    }

    /// Asks for a page of names: those with this beginning, behind `after`, at most `limit` (from
    /// 1). Answered by `Listing` or `Refused`.
    pub fn list(
        &mut self,
        prefix: &Prefix,
        after: Option<&Name>,
        limit: Option<u64>,
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(b"LIST");
        if !prefix.as_str().is_empty() {
            append(out, format_args!(" {}", Encoded(prefix.as_str())));
        }
        if let Some(after) = after {
            append(out, format_args!(" after={}", Encoded(after.as_str())));
        }
        if let Some(limit) = limit {
            append(out, format_args!(" limit={limit}"));
        }
        self.request(Due::List { prefix: prefix.clone(), after: after.cloned() }, out);
    }

    /// Asks which requests there are. Answered by `Help`.
    pub fn help(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"HELP");
        self.request(Due::Help, out);
    }

    /// Says good bye. Answered by `Bye`; nothing may follow.
    pub fn quit(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"QUIT");
        self.request(Due::Quit, out);
    }

    /// How many requests have no final answer yet. `SendFrom` is none.
    pub fn due(&self) -> usize {
        self.expecting.due.len()
    }

    /// How much it holds of what the server has begun to say, in bytes. For tests of the bounds.
    pub fn held_bytes(&self) -> usize {
        self.lines.held_bytes() + self.expecting.held_bytes()
    }

    /// Takes bytes from the server and returns how many were used and the answer that they made
    /// whole, if any. Call it again with the rest, except for the bytes of a file that
    /// [`Answer::FileFollows`] announces. When no answer came, all bytes were used.
    pub fn answer(&mut self, bytes: &[u8]) -> Result<(usize, Option<Answer>), ProtocolError> {
        let mut used = 0;
        while used < bytes.len() {
            let rest = &bytes[used..];
            let line = match self.lines.line(rest) {
                Ok(line) => line,
                Err(TooLong) => return Err(self.too_long(rest)),
            };
            let Some((line, length)) = line else { return Ok((bytes.len(), None)) };
            used += length;
            let answer = self.expecting.line(line)?;
            self.lines.done();
            if answer.is_some() {
                return Ok((used, answer));
            }
        }
        Ok((used, None))
    }

    fn too_long(&self, rest: &[u8]) -> ProtocolError {
        let start = self.lines.begun().iter().chain(rest).take(LINE_BYTES_MAX);
        ProtocolError::new("a line of at most 8192 bytes", &start.copied().collect::<Vec<_>>())
    }

    /// Ends the line of a request and remembers that its answer is due.
    fn request(&mut self, due: Due, out: &mut Vec<u8>) {
        out.push(b'\n');
        self.expecting.due.push_back(due);
    }

    /// The upload whose bytes are on their way.
    fn upload(&mut self) -> Option<&mut Sent> {
        match self.expecting.due.back_mut() {
            Some(Due::Upload(sent)) => Some(sent),
            _ => None,
        }
    }
}

fn durability_field(durability: Option<Durability>, out: &mut Vec<u8>) {
    if let Some(durability) = durability {
        append(out, format_args!(" durability={}", durability.name()));
    }
}

/// What is due, in the order in which it was asked for.
type DueQueue = VecDeque<Due>;

#[cfg(test)]
mod tests;
