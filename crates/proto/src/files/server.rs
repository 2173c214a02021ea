//! The server side of the file store protocol.
//!
//! [`Files`] reads lines, asks a store for what they mean and says what became of it. The bytes of
//! files pass it by: [`Outbox::body`] and [`Outbox::file`] name them and the session moves them. It
//! never touches a file and never keeps more than one line, the answers that did not fit into the
//! outbox (at most [`PUSHES_MAX`] short ones) and the rest of one page of names.
//!
//! # Order
//!
//! Requests are answered in order. Pushes do not wait for each other's answers; everything else
//! waits until all before it is answered, and input behind it is not consumed until then. A push
//! that is refused waits too, so that its answer comes in its place.
//!
//! # Errors
//!
//! What may leave the two sides in disagreement about where the next request begins closes the
//! connection, after a line that says why.

mod answers;
mod pages;
mod requests;

use alloc::vec::Vec;
use core::ops::Range;

use super::request::{self, BodyLine, PushRequest, Request};
use super::wire::{self, LineBuffer};
use super::{Durability, Entry, FilesOptions, PUSHES_MAX, WriteAccess, WritePolicy};
use crate::{Address, Input, Machine, Outbox, Peer, Reason, Time};

/// The machine of the service `files`; see the module.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "four facts that do not depend on each other")]
pub struct Files {
    options: FilesOptions,
    write: WriteAccess,
    /// What is stored is made this safe when a request asks for nothing else.
    durability: Durability,
    lines: LineBuffer,
    state: State,
    /// Pushes without an answer.
    pushes: usize,
    /// What was said and did not fit.
    unsent: Vec<u8>,
    /// The next request waits until no push is without an answer.
    behind_pushes: bool,
    /// Bytes of a request were offered and not consumed.
    owed: bool,
    ended: bool,
    draining: bool,
    /// Why to close, once everything said has left the machine.
    closing: Option<Reason>,
}

/// What a conversation is at, pushes apart.
#[derive(Debug)]
enum State {
    /// Reads requests.
    Ready,
    /// Waits for the answer to the one request that it made.
    Waiting(Asked),
    /// The bytes of an upload come; then, or between its blocks, lines.
    Upload(Plan),
    /// The bytes of a refused push are thrown away, so many are left; then this is said.
    Skipping(u64, Refusal),
    /// The line before a file has been said, but not left.
    FileReady(Range<u64>),
    /// The file is on its way.
    Sending,
    /// The rest of a page of names.
    Page(Vec<Entry>),
}

/// What the store was asked for.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Authenticate,
    Put(Plan),
    /// Whether all bytes are known to have come.
    Finish {
        all_came: bool,
    },
    Cancel,
    Get,
    Stat,
    List,
}

/// How an upload goes on when the store takes it.
#[derive(Clone, Copy, Debug)]
struct Plan {
    size: Option<u64>,
    trailer: bool,
    durability: Durability,
}

/// Why the machine itself refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    TokenNeeded,
    ReadOnly,
    LoopbackOnly,
    NoListing,
    Name(super::NameProblem),
}

/// What a line turned out to be.
enum Parsed {
    Blank,
    Request(Request),
    Body(BodyLine),
    Wrong(&'static str),
}

impl Files {
    /// A machine for one conversation.
    pub fn new(options: FilesOptions) -> Self {
        Self {
            options,
            write: WriteAccess::No,
            durability: Durability::default().max(options.durability_min),
            lines: LineBuffer::default(),
            state: State::Ready,
            pushes: 0,
            unsent: Vec::new(),
            behind_pushes: false,
            owed: false,
            ended: false,
            draining: false,
            closing: None,
        }
    }

    /// How much it holds of what is unfinished, in bytes: a line, answers that wait for room, names
    /// of a page. For tests of the bounds.
    pub fn held_bytes(&self) -> usize {
        let page = match &self.state {
            State::Page(entries) => entries.iter().map(|entry| entry.name.as_str().len()).sum(),
            _ => 0,
        };
        self.lines.held_bytes() + self.unsent.capacity() + page
    }

    fn open(&mut self, peer: &Peer) {
        let allowed = |allowed| if allowed { WriteAccess::Yes } else { WriteAccess::No };
        self.write = match self.options.write {
            WritePolicy::Loopback => allowed(is_loopback(&peer.local)),
            WritePolicy::Token => WriteAccess::Token,
            WritePolicy::Anyone => WriteAccess::Yes,
            WritePolicy::Nobody => WriteAccess::No,
        };
    }

    fn receive(&mut self, bytes: &[u8], out: &mut dyn Outbox) -> usize {
        let mut place = 0;
        let mut body = false;
        while place < bytes.len() && !body && self.takes_input() {
            let rest = &bytes[place..];
            let used = match self.state {
                State::Skipping(left, refusal) => self.skip(left, refusal, rest, out),
                _ => self.line(rest, &mut body, out),
            };
            place += used;
        }
        self.owed = !body && place < bytes.len();
        place
    }

    /// Whether the next bytes are for this machine, and may be taken now.
    fn takes_input(&self) -> bool {
        if !self.unsent.is_empty() || self.closing.is_some() {
            return false;
        }
        match self.state {
            // What is in flight is finished, nothing is begun.
            State::Ready => !self.draining && !self.behind_pushes && self.pushes < PUSHES_MAX,
            State::Upload(_) | State::Skipping(..) => true,
            State::Waiting(_) | State::FileReady(_) | State::Sending | State::Page(_) => false,
        }
    }

    /// One line, or the beginning of one. Returns how many bytes were used.
    fn line(&mut self, bytes: &[u8], body: &mut bool, out: &mut dyn Outbox) -> usize {
        let blocks = match self.state {
            State::Upload(plan) => Some(plan.size.is_none()),
            _ => None,
        };
        let (parsed, used) = match self.lines.line(bytes) {
            Ok(None) => return bytes.len(),
            Ok(Some((line, used))) => (parse(line, blocks), used),
            Err(wire::TooLong) => (Parsed::Wrong("a line has at most 8192 bytes"), bytes.len()),
        };
        if self.pushes > 0 && !self.goes_beside_pushes(&parsed) {
            self.lines.unread();
            self.behind_pushes = true;
            return 0;
        }
        self.lines.done();
        match parsed {
            Parsed::Blank => {}
            Parsed::Request(request) => *body = self.request(request, out),
            Parsed::Body(line) => *body = self.body_line(line, out),
            Parsed::Wrong(why) => self.wrong(why, out),
        }
        used
    }

    /// Whether it may be carried out while pushes are without answers.
    fn goes_beside_pushes(&self, parsed: &Parsed) -> bool {
        match parsed {
            Parsed::Blank => true,
            Parsed::Request(Request::Push(push)) => self.may_push(push),
            Parsed::Request(_) | Parsed::Body(_) | Parsed::Wrong(_) => false,
        }
    }

    fn may_push(&self, push: &PushRequest) -> bool {
        self.write == WriteAccess::Yes && push.name.is_ok() && push.is_small()
    }

    /// Throws away bytes of a refused push.
    fn skip(&mut self, left: u64, refusal: Refusal, bytes: &[u8], out: &mut dyn Outbox) -> usize {
        let used = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - used as u64;
        if left > 0 {
            self.state = State::Skipping(left, refusal);
        } else {
            self.state = State::Ready;
            self.refuse(refusal, out);
        }
        used
    }

    fn room(&mut self, room: usize, out: &mut dyn Outbox) {
        if !self.unsent.is_empty() {
            self.flush(room, out);
        } else if matches!(self.state, State::Sending) {
            self.state = State::Ready;
        }
    }

    /// Says what did not fit, in pieces if it must be. What is left then has met [`crate::Full`].
    fn flush(&mut self, room: usize, out: &mut dyn Outbox) {
        if out.bytes(&self.unsent).is_err() {
            let piece = room.min(self.unsent.len());
            if piece == 0 || out.bytes(&self.unsent[..piece]).is_err() {
                return;
            }
            self.unsent.drain(..piece);
            if !self.unsent.is_empty() && out.bytes(&self.unsent).is_err() {
                return;
            }
        }
        self.unsent = Vec::new();
    }

    /// Says a line, or keeps it until there is room.
    fn say(&mut self, line: &[u8], out: &mut dyn Outbox) {
        if !self.unsent.is_empty() || out.bytes(line).is_err() {
            self.unsent.extend_from_slice(line);
        }
    }

    /// What follows once everything said has left the machine.
    fn settle(&mut self, out: &mut dyn Outbox) {
        if self.unsent.is_empty() {
            match &mut self.state {
                State::FileReady(range) => {
                    out.file(range.clone());
                    self.state = State::Sending;
                }
                State::Page(entries) => {
                    let entries = core::mem::take(entries);
                    self.page(&entries, out);
                }
                _ => {}
            }
        }
        self.decide_to_close(out);
        if self.unsent.is_empty()
            && let Some(reason) = self.closing
        {
            out.close(reason);
        }
    }

    fn decide_to_close(&mut self, out: &mut dyn Outbox) {
        if self.closing.is_some() {
            return;
        }
        let idle = matches!(self.state, State::Ready) && self.pushes == 0;
        let unfinished = matches!(self.state, State::Upload(_) | State::Skipping(..));
        if self.ended && !self.owed && (idle || unfinished) {
            self.closing = Some(Reason::PeerClosed);
        } else if self.draining && idle {
            self.closing = Some(Reason::Shutdown);
            if self.owed || !self.lines.begun().is_empty() {
                self.say_stopping(out);
            }
        }
    }
}

/// Reads a line; `blocks` is there within an upload and says whether it goes in blocks.
fn parse(line: &[u8], blocks: Option<bool>) -> Parsed {
    let Some(line) = wire::text(line) else {
        return Parsed::Wrong("a line is UTF-8 without control characters");
    };
    if request::is_blank(line) {
        return Parsed::Blank;
    }
    let parsed = match blocks {
        None => request::parse(line).map(Parsed::Request),
        Some(blocks) => request::parse_body_line(line, blocks).map(Parsed::Body),
    };
    parsed.unwrap_or_else(|wrong| Parsed::Wrong(wrong.0))
}

/// Whether nobody but this computer can come to this address.
fn is_loopback(address: &Address) -> bool {
    match address {
        Address::Inet(address) => address.ip().to_canonical().is_loopback(),
        Address::Unix(_) => true,
    }
}

impl Machine for Files {
    fn input(&mut self, _now: Time, input: Input<'_>, out: &mut dyn Outbox) -> usize {
        let mut consumed = 0;
        match input {
            Input::Opened { peer } => self.open(peer),
            Input::Received(bytes) => consumed = self.receive(bytes, out),
            Input::Stored(result) => self.stored(result, out),
            Input::Room(room) => self.room(room, out),
            Input::End => self.ended = true,
            Input::Drain => self.draining = true,
            Input::Deadline => {}
        }
        self.settle(out);
        consumed
    }

    fn deadline(&self) -> Option<Time> {
        None
    }
}

#[cfg(test)]
mod tests;
