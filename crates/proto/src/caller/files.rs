//! How the receipts of a file store are judged.
//!
//! Each message is a `PUSH` of a small file of its own, and [`Client`] reads the answers: a receipt
//! must have the size and the hash that were sent. Receipts come in the order of the pushes; one
//! that does not fit the push that is due is looked for among the others, so that lost, doubled
//! and swapped ones are told apart. That way allocates; the usual way allocates the name of a file
//! and nothing else.
//!
//! It holds at most one line, and the hashes of open messages and of a few closed ones.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::content::Content;
use super::messages::{Closed, Messages};
use super::{CallerKind, Judged, Times, unexpected};
use crate::files::{Answer, Client, Hash, LINE_BYTES_MAX, Name, PUSH_BYTES_MAX};

/// How many closed messages are remembered, to know their receipts when they come again.
const CLOSED_MAX: usize = 64;

/// The maker of pushes and reader of receipts; see the module.
#[derive(Debug)]
pub(super) struct FilesCaller {
    hash: fn(&[u8]) -> Hash,
    connection: u64,
    kind: Arc<CallerKind>,
    /// Expects the receipts of `due`, in that order.
    client: Client,
    due: VecDeque<Asked>,
    closed: VecDeque<Asked>,
    /// The beginning of a line.
    held: Vec<u8>,
    /// The rest of a line that is too long is thrown away.
    is_skipping: bool,
    content: Vec<u8>,
    text: String,
}

/// A push that was sent.
#[derive(Clone, Copy, Debug)]
struct Asked {
    sequence: u64,
    size: u64,
    hash: Hash,
}

impl FilesCaller {
    pub(super) fn new(kind: &Arc<CallerKind>, hash: fn(&[u8]) -> Hash, connection: u64) -> Self {
        Self {
            hash,
            connection,
            kind: Arc::clone(kind),
            client: Client::default(),
            due: VecDeque::new(),
            closed: VecDeque::new(),
            held: Vec::new(),
            is_skipping: false,
            content: Vec::new(),
            text: String::new(),
        }
    }

    /// Makes the next message: a line, and behind it the file.
    pub(super) fn message(
        &mut self,
        messages: &mut Messages,
        times: Times,
        size: u32,
        out: &mut Vec<u8>,
    ) {
        let size = size.clamp(1, u32::try_from(PUSH_BYTES_MAX).unwrap_or(u32::MAX));
        let sequence = messages.add(times, size);
        self.content.clear();
        Content::new(messages.base, sequence, size).append(&mut self.content);
        let hash = (self.hash)(&self.content);
        let name = self.name(sequence);
        self.client.push(&name, size.into(), Some(&hash), None, out);
        out.extend_from_slice(&self.content);
        self.due.push_back(Asked { sequence, size: size.into(), hash });
    }

    fn name(&mut self, sequence: u64) -> Name {
        let CallerKind::Files { folder, .. } = &*self.kind else {
            unreachable!("made for files only");
        };
        self.text.clear();
        let written = write!(self.text, "{folder}/{:x}/{sequence:x}", self.connection);
        debug_assert!(written.is_ok(), "a string takes everything");
        Name::new(&self.text).expect("the folder is the name of one")
    }

    pub(super) fn received(
        &mut self,
        messages: &mut Messages,
        bytes: &[u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let newline = memchr::memchr(b'\n', rest);
            let (part, after) = rest.split_at(newline.map_or(rest.len(), |at| at + 1));
            rest = after;
            self.part(messages, part, newline.is_some(), judge);
        }
    }

    /// A line, or a part of one.
    fn part(
        &mut self,
        messages: &mut Messages,
        part: &[u8],
        is_end: bool,
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        if self.is_skipping {
            self.is_skipping = !is_end;
        } else if is_end && self.held.is_empty() {
            self.line(messages, part, judge);
        } else if self.held.len() + part.len() >= LINE_BYTES_MAX {
            let length = self.held.len() + part.len();
            self.held.clear();
            self.is_skipping = !is_end;
            self.wrong(messages, length, judge);
            self.expect_due();
        } else {
            self.held.extend_from_slice(part);
            if is_end {
                let mut line = core::mem::take(&mut self.held);
                self.line(messages, &line, judge);
                line.clear();
                self.held = line;
            }
        }
    }

    fn line(
        &mut self,
        messages: &mut Messages,
        line: &[u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        match self.client.answer(line) {
            Ok((_, Some(Answer::Stored { .. }))) => {
                if let Some(asked) = self.due.pop_front() {
                    self.right(messages, asked, line, judge);
                }
            }
            Ok((_, Some(Answer::Refused(_)))) => {
                self.refused(messages, line, judge);
                self.expect_due();
            }
            _ => {
                self.other_line(messages, line, judge);
                self.expect_due();
            }
        }
    }

    /// A receipt for a push that was sent, open or not.
    fn right(
        &mut self,
        messages: &mut Messages,
        asked: Asked,
        line: &[u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        if self.closed.len() == CLOSED_MAX {
            self.closed.pop_front();
        }
        self.closed.push_back(asked);
        if let Some(place) = messages.find(asked.sequence) {
            messages.answered(place, u32::try_from(line.len()).unwrap_or(u32::MAX), judge);
            return;
        }
        match messages.reply_to_closed(asked.sequence) {
            Closed::GivenUp => judge(Judged::Late),
            Closed::Replied => judge(Judged::Duplicate),
        }
    }

    /// A line that says that the push that is due was not done.
    fn refused(
        &mut self,
        messages: &mut Messages,
        line: &[u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        let place = self.due.front().and_then(|asked| messages.find(asked.sequence));
        self.due.pop_front();
        match place {
            Some(place) => messages.wrong(place, judge),
            None => unexpected(line.len(), judge),
        }
    }

    /// A line that is not the receipt that is due.
    fn other_line(
        &mut self,
        messages: &mut Messages,
        line: &[u8],
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        if let Some(place) = self.due.iter().position(|asked| asked.has_receipt(line)) {
            // What was asked for behind it is answered next; what was asked before it may have
            // lost its answer.
            self.due.rotate_left(place);
            if let Some(asked) = self.due.pop_front() {
                self.right(messages, asked, line, judge);
            }
        } else if let Some(place) = self.closed.iter().position(|asked| asked.has_receipt(line)) {
            if let Some(asked) = self.closed.remove(place) {
                self.right(messages, asked, line, judge);
            }
        } else {
            self.wrong(messages, line.len(), judge);
        }
    }

    fn wrong(
        &mut self,
        messages: &mut Messages,
        length: usize,
        judge: &mut (impl FnMut(Judged) + ?Sized),
    ) {
        let Some(sequence) = messages.oldest().map(|open| open.sequence) else {
            return unexpected(length, judge);
        };
        if let Some(place) = self.due.iter().position(|asked| asked.sequence == sequence) {
            self.closed.extend(self.due.remove(place));
        }
        messages.wrong(0, judge);
    }

    /// After something wrong: expects what is due, as if nothing else had been asked for.
    fn expect_due(&mut self) {
        let depth = self.closed.len().saturating_sub(CLOSED_MAX);
        self.closed.drain(..depth);
        self.client = Client::default();
        self.content.clear();
        for asked in &self.due {
            asked.expect(&mut self.client, &mut self.content);
        }
    }
}

impl Asked {
    fn expect(&self, client: &mut Client, scratch: &mut Vec<u8>) {
        // Receipts do not say names.
        if let Ok(name) = Name::new("any") {
            client.push(&name, self.size, Some(&self.hash), None, scratch);
        }
    }

    /// Whether a line is its receipt.
    fn has_receipt(&self, line: &[u8]) -> bool {
        let mut client = Client::default();
        self.expect(&mut client, &mut Vec::new());
        matches!(client.answer(line), Ok((_, Some(Answer::Stored { .. }))))
    }
}
