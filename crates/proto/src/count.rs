//! Count: answers each message with its number of characters.
//!
//! A message is UTF-8 text, spaces count, and characters are Unicode scalar values. When a
//! message ends is said in [`crate::message`]; a reply ends as its message ended, so a client
//! that sends no newline gets none. A message that is not UTF-8 gets one line that names the
//! first invalid byte instead, and the conversation goes on. As a datagram machine the whole
//! datagram is one message: only a newline at its very end is not part of it.
//!
//! It never holds a byte of a message but the start of an unfinished character, so a message of
//! any length takes the same memory. It never sends part of a reply: a reply that does not fit
//! waits, and nothing is consumed until it has gone. The texts are part of the wire contract and
//! are never translated; the language is an option of the service.
//!
//! Source: seed document 002 (the reply text, the meaning of a character).

mod known;
mod reply;
mod tally;

use core::time::Duration;

use crate::message::{DEFAULT_GAP, Ending, Piece, Splitter};
use crate::{Input, Machine, Outbox, Reason, Residue, Time};
use known::Known;
use reply::Reply;
use tally::{Outcome, Tally};

pub(crate) use reply::REPLY_BYTES_MAX;

/// What a count service may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountOptions {
    /// The language of the replies. Default: Indonesian, as in the seed.
    pub language: CountLanguage,
    /// What is counted. Default: characters.
    pub unit: CountUnit,
    /// The pause that ends a message. Default: 50 ms.
    pub gap: Duration,
}

impl Default for CountOptions {
    fn default() -> Self {
        Self { language: CountLanguage::default(), unit: CountUnit::default(), gap: DEFAULT_GAP }
    }
}

/// The language of the replies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CountLanguage {
    /// `Jumlah karakter dalam kalimat tersebut ada: 23`, to the byte as in the seed.
    #[default]
    Indonesian,
    /// `Number of characters in this sentence: 23`.
    English,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CountUnit {
    /// Unicode scalar values; a message must be UTF-8.
    #[default]
    Characters,
    /// Bytes; any message will do.
    Bytes,
}

/// The reply to a line of `number` units, for those who must know what will come back.
#[inline]
pub(crate) fn line_reply(language: CountLanguage, unit: CountUnit, number: u64) -> Reply {
    let mut reply = Reply::new(language, unit);
    reply.to(Outcome::Count(number), Ending::LineFeed);
    reply
}

/// An arrival, and what is found out or put together once for all its messages.
struct Arrival<'a> {
    bytes: &'a [u8],
    known: Known,
    reply: Option<Reply>,
}

impl<'a> Arrival<'a> {
    #[inline]
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, known: Known::default(), reply: None }
    }
}

/// The count machine; see the module.
#[derive(Clone, Debug)]
pub struct Count {
    splitter: Splitter,
    tally: Tally,
    language: CountLanguage,
    unit: CountUnit,
    datagram: bool,
    /// A message has ended and its reply has not been sent; `tally` is still that message's.
    due: Option<Ending>,
    /// Bytes were offered and not consumed; they come again after the reply has gone.
    owed: bool,
    /// Why to close once everything that has come is answered.
    closing: Option<Reason>,
}

impl Count {
    /// A machine for one stream conversation.
    pub fn new(options: CountOptions) -> Self {
        Self {
            splitter: Splitter::new(options.gap),
            tally: Tally::default(),
            language: options.language,
            unit: options.unit,
            datagram: false,
            due: None,
            owed: false,
            closing: None,
        }
    }

    /// A machine for one datagram. An empty datagram is an empty message.
    pub fn for_datagram(options: CountOptions) -> Self {
        Self { datagram: true, ..Self::new(options) }
    }

    /// What is left of it, if no message is open and no reply is due.
    #[inline]
    pub(crate) fn rest(&self, active_at: Time) -> Option<Residue> {
        let settled = self.due.is_none() && !self.owed && !self.splitter.is_open();
        if !settled || self.datagram || self.closing.is_some() {
            return None;
        }
        self.splitter.rest(active_at).map(Residue)
    }

    /// The machine that rested as `residue`, last active at `active_at`.
    #[inline]
    pub(crate) fn restored(options: CountOptions, residue: Residue, active_at: Time) -> Self {
        Self {
            splitter: Splitter::restored(options.gap, residue.0, active_at),
            ..Self::new(options)
        }
    }

    fn receive(&mut self, now: Time, arrival: &[u8], out: &mut dyn Outbox) -> usize {
        let mut next = 0;
        if self.due.is_none() {
            if self.datagram {
                next = self.receive_datagram(arrival, out);
            } else {
                next = self.receive_stream(now, arrival, out);
            }
        }
        self.owed = next < arrival.len();
        self.close_if_finished(out);
        next
    }

    fn receive_stream(&mut self, now: Time, arrival: &[u8], out: &mut dyn Outbox) -> usize {
        let mut next = 0;
        let mut arrival = Arrival::new(arrival);
        self.splitter.arrived(now);
        while next < arrival.bytes.len() && self.due.is_none() {
            let piece = self.splitter.piece(arrival.bytes, next);
            next = piece.next;
            self.take(&piece, &mut arrival, out);
        }
        next
    }

    fn receive_datagram(&mut self, arrival: &[u8], out: &mut dyn Outbox) -> usize {
        let (content, ending) = if let Some(content) = arrival.strip_suffix(b"\r\n") {
            (content, Ending::CarriageReturnLineFeed)
        } else if let Some(content) = arrival.strip_suffix(b"\n") {
            (content, Ending::LineFeed)
        } else {
            (arrival, Ending::End)
        };
        let piece = Piece {
            carriage_return: false,
            content: 0..content.len(),
            next: arrival.len(),
            length: content.len() as u64,
            ending: Some(ending),
        };
        self.take(&piece, &mut Arrival::new(arrival), out);
        arrival.len()
    }

    /// Counts a piece of the open message, and replies if it is the last.
    #[inline]
    fn take(&mut self, piece: &Piece, arrival: &mut Arrival<'_>, out: &mut dyn Outbox) {
        let (held, content) = (piece.carriage_return, piece.content.clone());
        match self.unit {
            CountUnit::Bytes => self.tally.add_bytes(held, content.len()),
            CountUnit::Characters => {
                self.tally.add_text(held, arrival.bytes, content, &mut arrival.known);
            }
        }
        if let Some(ending) = piece.ending {
            out.message(piece.content.clone(), piece.length);
            self.due = Some(ending);
            self.reply(&mut arrival.reply, out);
        }
    }

    /// Sends the reply that is due, if there is one and there is room.
    #[inline]
    fn reply(&mut self, reply: &mut Option<Reply>, out: &mut dyn Outbox) {
        if let Some(ending) = self.due {
            let reply = reply.get_or_insert_with(|| Reply::new(self.language, self.unit));
            if out.bytes(reply.to(self.tally.result(), ending)).is_ok() {
                self.due = None;
                self.tally = Tally::default();
            }
        }
    }

    fn gap(&mut self, now: Time, out: &mut dyn Outbox) {
        if self.deadline().is_some()
            && let Some(piece) = self.splitter.gap(now)
        {
            self.take(&piece, &mut Arrival::new(&[]), out);
            self.close_if_finished(out);
        }
    }

    fn end(&mut self, out: &mut dyn Outbox) {
        self.closing.get_or_insert(Reason::PeerClosed);
        if let Some(piece) = self.splitter.end() {
            self.take(&piece, &mut Arrival::new(&[]), out);
        }
        self.close_if_finished(out);
    }

    fn drain(&mut self, out: &mut dyn Outbox) {
        self.closing.get_or_insert(Reason::Shutdown);
        self.close_if_finished(out);
    }

    /// Closes when closing is wanted and everything that has come is answered.
    #[inline]
    fn close_if_finished(&mut self, out: &mut dyn Outbox) {
        let answered = self.due.is_none() && !self.owed && !self.splitter.is_open();
        if let Some(reason) = self.closing
            && answered
        {
            out.close(reason);
        }
    }
}

impl Machine for Count {
    fn input(&mut self, now: Time, input: Input<'_>, out: &mut dyn Outbox) -> usize {
        match input {
            Input::Received(arrival) => return self.receive(now, arrival, out),
            Input::Opened { .. } | Input::Stored(_) => {}
            Input::Room(_) => {
                self.reply(&mut None, out);
                self.close_if_finished(out);
            }
            Input::End => self.end(out),
            Input::Deadline => self.gap(now, out),
            Input::Drain => self.drain(out),
        }
        0
    }

    fn deadline(&self) -> Option<Time> {
        self.splitter.deadline()
    }
}

#[cfg(test)]
mod tests;
