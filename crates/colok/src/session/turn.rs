//! Turns: an arrival goes to the machine, and what it says goes out.
//!
//! A turn lends the session an arrival and a desk; what is left of either when it ends is copied
//! into the session. Nothing here looks at deadlines.

use std::io::IoSlice;
use std::mem;

use colok_proto::{Input, Machine as _, Peer, Reason, Service, Time};
use rustix::io::Errno;

use super::desk::{Backlog, Turn};
use super::{Desk, Phase, ROOM, SLICES_MAX, Session};
use crate::observe::Tap;

/// Writes and rooms of one turn at most: a fast reader of `chargen` would otherwise keep its worker
/// for ever. 16 rooms are 256 KiB.
const TURN_ROUNDS_MAX: usize = 32;

impl<T: Tap> Session<T> {
    /// Gives the machine the arrival from `from` on.
    #[inline]
    pub(super) fn offer(&mut self, now: Time, input: &[u8], from: usize, desk: &mut Desk) {
        let offered = &input[from..];
        let consumed = self.run(now, Input::Received(offered), offered, Some(from), desk);
        // What a machine that has closed did not consume is thrown away with what follows.
        let over = self.phase != Phase::Open;
        desk.offered_up_to = if over { input.len() } else { from + consumed };
        if let Some(preview) = &mut self.preview {
            preview.keep(&offered[..consumed]);
        }
    }

    /// Gives the machine the input that an earlier turn held back. It is no longer in the engine's
    /// buffer, so what is forwarded of it is copied.
    pub(super) fn offer_held(&mut self, now: Time, mut backlog: Box<Backlog>, desk: &mut Desk) {
        let offered = backlog.input();
        let consumed = self.run(now, Input::Received(offered), offered, None, desk);
        if let Some(preview) = &mut self.preview {
            preview.keep(&offered[..consumed]);
        }
        backlog.consumed(consumed);
        if self.phase == Phase::Open && backlog.holds_input() {
            self.backlog = Some(backlog);
        }
    }

    /// Runs the machine on one input and takes what follows from it.
    #[inline]
    pub(super) fn run(
        &mut self,
        now: Time,
        input: Input<'_>,
        offered: &[u8],
        base: Option<usize>,
        desk: &mut Desk,
    ) -> usize {
        let waiting = self.backlog_bytes();
        let asked = self.stored.as_mut().map(|stored| &mut stored.asked);
        let preview = self.preview.as_deref_mut();
        let mut turn = Turn::new(desk, waiting, offered, base, preview);
        turn.asked = asked;
        let consumed = self.machine.input(now, input, &mut turn);
        self.waits_for_room |= turn.full;
        if let Some(reason) = turn.closed {
            self.waits_for_room = false;
            // `limit` and `shutdown` closes are ours: they give the peer the linger time. After
            // `quit` or the peer's own end it may take what is due at its own pace.
            let ours = matches!(reason, Reason::Limit | Reason::Shutdown | Reason::Idle);
            let until = ours.then(|| now + self.context.linger);
            self.phase = Phase::Flushing { reason, until };
        }
        self.report_messages();
        consumed
    }

    /// The output that waits, in order; at most [`SLICES_MAX`] slices at a time. `input` is the
    /// arrival of this turn.
    #[inline]
    pub fn pending<'a>(
        &'a self,
        input: &'a [u8],
        desk: &'a Desk,
        slices: &mut [IoSlice<'a>; SLICES_MAX],
    ) -> usize {
        let mut count = 0;
        if let Some(backlog) = &self.backlog
            && backlog.output_len() > 0
        {
            slices[0] = IoSlice::new(backlog.output());
            count = 1;
        }
        desk.pending(input, slices, count)
    }

    /// Ends a turn: copies what was not sent or not consumed into the session and clears the desk.
    #[inline]
    pub fn detach(&mut self, input: &[u8], desk: &mut Desk) {
        if !desk.is_settled(input) {
            let backlog = self.backlog.get_or_insert_default();
            desk.move_to(backlog, input);
        }
        desk.clear();
    }

    /// Runs a turn to its end: sends what waits with `write` until nothing waits or `write` would
    /// block, gives the machine room as it comes, then detaches. `input` is the arrival that was
    /// just given to [`Session::received`], or empty. Says whether `write` would have blocked.
    #[inline]
    pub fn pump(
        &mut self,
        now: Time,
        input: &[u8],
        desk: &mut Desk,
        mut write: impl FnMut(&[IoSlice<'_>]) -> Result<usize, Errno>,
    ) -> bool {
        let before = self.bytes_sent;
        // Taken out meanwhile, because what is written is lent from the session.
        let mut hashes = if T::DETAIL { self.hashes.take() } else { None };
        let blocked = self.turn(now, input, desk, |slices| {
            let written = write(slices);
            if T::DETAIL
                && let (Some(hashes), Ok(length)) = (&mut hashes, &written)
            {
                hashes.sent(slices, *length);
            }
            written
        });
        if T::DETAIL {
            self.hashes = hashes;
        }
        self.report_reply(self.bytes_sent - before);
        blocked
    }

    /// Runs a turn to its end; see [`Session::pump`] and [`Session::lend`].
    #[inline]
    pub(super) fn turn(
        &mut self,
        now: Time,
        input: &[u8],
        desk: &mut Desk,
        mut write: impl FnMut(&[IoSlice<'_>]) -> Result<usize, Errno>,
    ) -> bool {
        let mut blocked = false;
        for _ in 0..TURN_ROUNDS_MAX {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let count = self.pending(input, desk, &mut slices);
            if count == 0 {
                if !self.advance(now, input, desk) {
                    break;
                }
                continue;
            }
            match write(&slices[..count]) {
                Ok(length) => self.sent(now, length, desk),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    blocked = true;
                    break;
                }
                Err(errno) => {
                    self.failed(errno);
                    break;
                }
            }
        }
        self.detach(input, desk);
        self.settle_store();
        blocked
    }

    /// All output has left: lets a machine that waits go on. False when nothing more comes of it.
    pub fn advance(&mut self, now: Time, input: &[u8], desk: &mut Desk) -> bool {
        if self.phase != Phase::Open {
            return false;
        }
        let mut moved = false;
        if mem::take(&mut self.waits_for_room) {
            self.run(now, Input::Room(ROOM), &[], None, desk);
            moved = true;
        }
        if self.stored.is_some() {
            moved |= self.work(now, input, desk);
        } else if self.phase == Phase::Open && !self.waits_for_room {
            if let Some(backlog) = self.backlog.take() {
                self.offer_held(now, backlog, desk);
                moved = true;
            } else if desk.offered_up_to < input.len() {
                self.offer(now, input, desk.offered_up_to, desk);
                moved = true;
            }
        }
        if self.waits_for_room && self.pending_bytes(desk) == 0 {
            // A machine that finds an empty outbox full would be offered room for ever.
            debug_assert!(false, "a machine found an empty outbox full");
            self.close(now, Reason::Protocol);
        }
        moved
    }
}

/// Runs one datagram through a fresh machine: a datagram is a machine's whole life. The answer is
/// one datagram, put together on the desk; `None` when there is none. The desk must be clear, and
/// is to be cleared afterwards with [`Desk::reset`].
pub fn answer_datagram<'a>(
    service: &Service,
    peer: &Peer,
    now: Time,
    datagram: &'a [u8],
    desk: &'a mut Desk,
) -> Option<&'a [u8]> {
    let mut machine = service.datagram_machine();
    let mut answered = false;
    for input in [Input::Opened { peer }, Input::Received(datagram), Input::End] {
        let offered = if let Input::Received(bytes) = input { bytes } else { &[] };
        let mut turn = Turn::new(desk, 0, offered, Some(0), None);
        machine.input(now, input, &mut turn);
        answered |= turn.answered;
    }
    answered.then(|| desk.contiguous(datagram))
}
