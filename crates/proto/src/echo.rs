//! Echo: sends back what it receives.
//!
//! Bytes go back as they come, lent and not copied. Unless `quit` is off, a message that is
//! exactly `quit` is echoed first and then ends the connection; when a message ends is said in
//! [`crate::message`]. Only the recognition of `quit` uses the message gap, so the gap never
//! delays a byte. With `quit` off this is RFC 862 to the letter and nothing is looked at.
//!
//! It never holds a byte of a message: `quit` is recognised by how much of it has matched. It
//! never echoes anything after `quit`.
//!
//! Sources: RFC 862 (Echo Protocol); seed document 003 (the message `quit`).

use core::mem;
use core::time::Duration;

use crate::message::{DEFAULT_GAP, Piece, Splitter};
use crate::{Input, Machine, Outbox, Reason, Residue, Time};

/// The message that ends the connection.
const QUIT: &[u8; 4] = b"quit";

/// What an echo service may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EchoOptions {
    /// Whether the message `quit` ends the connection. Off is RFC 862. Default: on.
    pub quit: bool,
    /// The pause that ends a message; used only to recognise `quit`. Default: 50 ms.
    pub gap: Duration,
}

impl Default for EchoOptions {
    fn default() -> Self {
        Self { quit: true, gap: DEFAULT_GAP }
    }
}

/// The echo machine; see the module.
#[derive(Clone, Debug)]
pub struct Echo {
    splitter: Splitter,
    matched: Matched,
    quit: bool,
    /// Bytes were offered and not consumed, because the outbox was full; they come again.
    owed: bool,
    draining: bool,
}

impl Echo {
    /// A machine for one conversation.
    pub fn new(options: EchoOptions) -> Self {
        Self {
            splitter: Splitter::new(options.gap),
            matched: Matched::NOTHING,
            quit: options.quit,
            owed: false,
            draining: false,
        }
    }

    /// What is left of it, if nothing is owed. That includes an open message: `quit` goes on from
    /// what has matched.
    #[inline]
    pub(crate) fn rest(&self, active_at: Time) -> Option<Residue> {
        if self.owed || self.draining {
            return None;
        }
        let splitter = self.splitter.rest(active_at)?;
        Some(Residue(splitter | self.matched.rest() << Splitter::REST_BITS))
    }

    /// The machine that rested as `residue`, last active at `active_at`.
    #[inline]
    pub(crate) fn restored(options: EchoOptions, residue: Residue, active_at: Time) -> Self {
        Self {
            splitter: Splitter::restored(options.gap, residue.0, active_at),
            matched: Matched(usize::from(residue.0 >> Splitter::REST_BITS)),
            ..Self::new(options)
        }
    }

    fn receive(&mut self, now: Time, arrival: &[u8], out: &mut dyn Outbox) -> usize {
        if arrival.is_empty() {
            // Only a datagram can be empty; RFC 862 answers it with an empty one.
            self.owed = out.forward(0..0).is_err();
            return 0;
        }
        let quit_end = if self.quit { self.quit_end(arrival) } else { None };
        let echoed = quit_end.unwrap_or(arrival.len());
        self.owed = out.forward(0..echoed).is_err();
        if self.owed {
            return 0;
        }
        if self.quit {
            self.splitter.arrived(now);
            self.follow(&arrival[..echoed], out);
        }
        if quit_end.is_some() {
            out.close(Reason::Quit);
        } else if self.draining {
            out.close(Reason::Shutdown);
        }
        arrival.len()
    }

    /// Where in the arrival the message `quit` and its newline end, if it ends there. Changes
    /// nothing, since the outbox may yet be full.
    fn quit_end(&self, arrival: &[u8]) -> Option<usize> {
        // Looking at the ends of lines alone is several times faster than looking at every message.
        let begun = self.matched != Matched::NOTHING && self.matched != Matched::MISMATCH;
        if !begun && !has_line_ending_in_quit(arrival) {
            return None;
        }
        let mut ahead = self.clone();
        let mut quit_end = None;
        let mut next = 0;
        while next < arrival.len() && quit_end.is_none() {
            let (piece, quit) = ahead.step(arrival, next);
            next = piece.next;
            quit_end = quit.then_some(next);
        }
        quit_end
    }

    /// Follows the messages of what was echoed and reports each that ends.
    fn follow(&mut self, echoed: &[u8], out: &mut dyn Outbox) {
        let mut next = 0;
        while next < echoed.len() {
            let (piece, _) = self.step(echoed, next);
            next = piece.next;
            if piece.ending.is_some() {
                out.message(piece.content, piece.length);
            }
        }
    }

    /// One piece of an arrival, and whether it ends the message `quit`.
    #[inline]
    fn step(&mut self, arrival: &[u8], start: usize) -> (Piece, bool) {
        let piece = self.splitter.piece(arrival, start);
        let matched = self.matched.and(&piece, arrival);
        let ended = piece.ending.is_some();
        self.matched = if ended { Matched::NOTHING } else { matched };
        (piece, ended && matched.is_quit())
    }

    /// A message ended without a newline. Returns whether it was `quit`.
    fn finish(&mut self, piece: &Piece, out: &mut dyn Outbox) -> bool {
        out.message(0..0, piece.length);
        mem::take(&mut self.matched).and(piece, &[]).is_quit()
    }

    fn gap(&mut self, now: Time, out: &mut dyn Outbox) {
        if self.owed {
            return;
        }
        if let Some(piece) = self.splitter.gap(now)
            && self.finish(&piece, out)
        {
            out.close(Reason::Quit);
        }
    }

    fn end(&mut self, out: &mut dyn Outbox) {
        let quit = self.splitter.end().is_some_and(|piece| self.finish(&piece, out));
        out.close(if quit { Reason::Quit } else { Reason::PeerClosed });
    }

    fn drain(&mut self, out: &mut dyn Outbox) {
        self.draining = true;
        if !self.owed {
            out.close(Reason::Shutdown);
        }
    }
}

impl Machine for Echo {
    fn input(&mut self, now: Time, input: Input<'_>, out: &mut dyn Outbox) -> usize {
        match input {
            Input::Received(arrival) => return self.receive(now, arrival, out),
            Input::Opened { .. } | Input::Room(_) | Input::Stored(_) => {}
            Input::End => self.end(out),
            Input::Deadline => self.gap(now, out),
            Input::Drain => self.drain(out),
        }
        0
    }

    fn deadline(&self) -> Option<Time> {
        // Bytes that wait to be offered again have come already: the message goes on.
        if self.owed { None } else { self.splitter.deadline() }
    }
}

/// Whether a line of the arrival ends with the word: only there can a message that began in this
/// arrival be `quit` and end.
fn has_line_ending_in_quit(arrival: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', arrival).any(|line_feed| {
        let line = &arrival[..line_feed];
        line.strip_suffix(b"\r").unwrap_or(line).ends_with(QUIT)
    })
}

/// How many bytes of `quit` the open message has matched; more than four: it is something else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Matched(usize);

impl Matched {
    const NOTHING: Self = Self(0);
    const MISMATCH: Self = Self(5);

    /// The match after `piece` of `arrival`, which belongs to the same message.
    #[inline]
    fn and(self, piece: &Piece, arrival: &[u8]) -> Self {
        if piece.carriage_return {
            return Self::MISMATCH;
        }
        let content = &arrival[piece.content.clone()];
        match QUIT.get(self.0..) {
            Some(rest) if rest.starts_with(content) => Self(self.0 + content.len()),
            _ => Self::MISMATCH,
        }
    }

    /// As a number below 8.
    fn rest(self) -> u8 {
        u8::try_from(self.0).unwrap_or(u8::MAX).min(7)
    }

    fn is_quit(self) -> bool {
        self.0 == QUIT.len()
    }
}

#[cfg(test)]
mod tests;
