//! The life of a connection in a ring: what arrives is given to its session, what the session says
//! is lent to the kernel, and when nothing is on its way it rests.
//!
//! A send never waits for room, so it has ended when what was queued was submitted: in the next
//! turn of the loop at the latest. What had no room goes back to the session, whose backlog is
//! bounded, and the ring's buffer is free. Above the high-water mark receiving stops; what has
//! arrived until then is kept.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::mem;
use std::ops::Range;
use std::time::Duration;

use colok_proto::{Reason, Time};
use colok_sys::uring::{Lease, Payload, Readiness, Room, Stream, Uring};
use rustix::io::Errno;
use rustix::net::Shutdown;

use super::connection::{Awake, Kept, Place};
use super::worker::Worker;
use crate::engine::StopState;
use crate::engine::blocking::wait;
use crate::observe::Tap;
use crate::session::Next;

/// Sessions that are kept per port to unfold resting connections in. More are in use at a time only
/// where many connections have something on its way.
const HUSKS_MAX: usize = 64;

/// What one turn hands to the ring.
enum Outgoing {
    Nothing,
    /// A part of the arrival, sent from where it lies.
    Arrival(Range<usize>),
    Copied(Vec<u8>),
}

impl Outgoing {
    #[inline]
    fn take(slices: &[IoSlice<'_>], arrival: &[u8], spare: &mut Vec<Vec<u8>>) -> Self {
        if let [slice] = slices {
            let start = slice.as_ptr().addr().wrapping_sub(arrival.as_ptr().addr());
            if start.checked_add(slice.len()).is_some_and(|end| end <= arrival.len()) {
                return Self::Arrival(start..start + slice.len());
            }
        }
        let mut bytes = spare.pop().unwrap_or_default();
        for slice in slices {
            bytes.extend_from_slice(slice);
        }
        Self::Copied(bytes)
    }
}

impl<T: Tap> Worker<'_, T> {
    /// A connection is there.
    pub(super) fn opened(&mut self, stream: Stream, mut awake: Box<Awake<T>>) {
        match self.heard {
            StopState::Run => {}
            StopState::Drain => awake.session.drain(self.drain_end()),
            StopState::AtOnce => {
                awake.session.close(self.now, Reason::Shutdown);
                return self.close(stream, awake);
            }
        }
        awake.session.opened(self.now, &mut self.desk);
        self.turn_over(stream, &mut awake, None);
        self.go_on(stream, awake);
    }

    /// Bytes have arrived.
    #[inline]
    pub(super) fn received(&mut self, stream: Stream, lease: Lease) {
        self.pace.heard(stream.index());
        let Some(mut awake) = self.wake(stream) else { return self.ring.give_back(lease) };
        if awake.closing {
            self.ring.give_back(lease);
            self.places[stream.index()] = Place::Awake(awake);
            return;
        }
        self.completed("recv", stream, Ok(lease.length()));
        if awake.kept.is_empty() && !self.ring.is_sending(stream) && self.wants(&awake) {
            self.arrived(stream, &mut awake, lease);
        } else {
            awake.kept.push_back(Kept::Lease(lease));
        }
        self.go_on(stream, awake);
    }

    /// Receiving has ended: with the end of what the peer sends, or with an error.
    pub(super) fn ended(&mut self, stream: Stream, how: Result<(), Errno>) {
        let Some(mut awake) = self.wake(stream) else { return };
        self.completed("recv", stream, how.map(|()| 0));
        awake.ended = Some(how);
        self.go_on(stream, awake);
    }

    /// A send has ended.
    #[inline]
    pub(super) fn sent(&mut self, stream: Stream, payload: Payload, sent: Result<usize, Errno>) {
        let index = stream.index();
        self.completed("send", stream, sent);
        let length = match &payload {
            Payload::Lease(lease) => lease.length(),
            Payload::Bytes(bytes) => bytes.len(),
        };
        if sent != Ok(length) {
            return self.sent_less(stream, payload, sent);
        }
        if let Place::Awake(_) = self.places[index] {
            let Some(mut awake) = self.wake(stream) else { return };
            if T::DETAIL {
                awake.session.left(payload_bytes(&self.ring, &payload));
            }
            self.reuse(payload);
            self.go_on(stream, awake);
        } else {
            // It rests, and it has counted these bytes already.
            self.reuse(payload);
        }
    }

    /// Not everything had room, or the connection broke.
    fn sent_less(&mut self, stream: Stream, payload: Payload, sent: Result<usize, Errno>) {
        let Some(mut awake) = self.wake(stream) else { return self.reuse(payload) };
        let (left, rest) = payload_bytes(&self.ring, &payload).split_at(sent.unwrap_or(0));
        awake.session.left(left);
        awake.session.came_back(rest);
        match sent {
            Ok(_) | Err(Errno::AGAIN) => awake.blocked = true,
            Err(Errno::INTR) => {}
            Err(errno) => awake.session.failed(errno),
        }
        self.reuse(payload);
        if awake.blocked && !awake.closing {
            self.queued(|ring| ring.poll(stream, Readiness::Write));
        }
        self.go_on(stream, awake);
    }

    /// The socket has room again, or something to throw away.
    pub(super) fn polled(&mut self, stream: Stream) {
        let Some(mut awake) = self.wake(stream) else { return };
        // An error is told by the call that follows.
        awake.blocked = false;
        if !awake.closing && self.is_blind(&awake) {
            self.throw_away(stream, &mut awake);
        }
        self.go_on(stream, awake);
    }

    /// The deadline of a connection may have come.
    pub(super) fn due(&mut self, stream: Stream) {
        let Some(mut awake) = self.wake(stream) else { return };
        if awake.closing || awake.session.deadline() > self.now {
            return self.go_on(stream, awake);
        }
        if !self.all_is_known(stream, &awake) {
            self.places[stream.index()] = Place::Awake(awake);
            return self.look_again(stream);
        }
        if awake.session.seems_idle(self.now) {
            self.look_at_what_was_sent(stream, &mut awake);
        }
        awake.session.tick(self.now, &mut self.desk);
        self.turn_over(stream, &mut awake, None);
        self.go_on(stream, awake);
    }

    /// The server stops.
    pub(super) fn stop_connection(&mut self, stream: Stream) {
        let drain_end = self.drain_end();
        let Some(mut awake) = self.wake(stream) else { return };
        if awake.closing {
            self.places[stream.index()] = Place::Awake(awake);
            return;
        }
        if self.heard == StopState::AtOnce {
            awake.session.close(self.now, Reason::Shutdown);
            return self.close(stream, awake);
        }
        awake.session.drain(drain_end);
        self.go_on(stream, awake);
    }

    /// The socket is closed and nothing of the connection is left in the ring.
    pub(super) fn closed(&mut self, stream: Stream) {
        let Place::Awake(awake) = self.vacate(stream) else { return };
        let Awake { session, port, refusal, .. } = *awake;
        let admitted = refusal.is_none();
        let port = &self.ports[usize::from(port)];
        let mut admission =
            refusal.unwrap_or_else(|| port.admission(session.peer(), session.connection()));
        admission.moved = session.bytes_moved();
        // In this order, because whoever hears of the close may count on the place.
        drop(admission);
        if admitted {
            session.report_closed(self.now);
        }
        self.one_less();
    }

    /// A connection to be worked with; `None` for a place that has none. Put it back with
    /// [`Self::go_on`].
    #[inline]
    fn wake(&mut self, stream: Stream) -> Option<Box<Awake<T>>> {
        match self.vacate(stream) {
            Place::Awake(awake) => Some(awake),
            Place::Resting(rest) => {
                let port = rest.tag;
                let mut awake = match self.husks[usize::from(port)].pop() {
                    Some(husk) => husk,
                    None => Box::new(Awake::new(self.ports[usize::from(port)].husk(), port)),
                };
                awake.session.restore(rest);
                Some(awake)
            }
            other => {
                self.places[stream.index()] = other;
                None
            }
        }
    }

    /// Lets a connection go on as far as it can, and puts it back: at rest, if nothing of it is on
    /// its way.
    #[inline]
    fn go_on(&mut self, stream: Stream, awake: Box<Awake<T>>) {
        if awake.closing {
            self.places[stream.index()] = Place::Awake(awake);
            return;
        }
        let Err(mut awake) = self.rest(stream, awake) else { return };
        self.advance(stream, &mut awake);
        if let Err(awake) = self.rest(stream, awake) {
            self.step(stream, awake);
        }
    }

    /// Folds a connection of which nothing is on its way; gives it back otherwise.
    #[inline]
    fn rest(&mut self, stream: Stream, mut awake: Box<Awake<T>>) -> Result<(), Box<Awake<T>>> {
        if !awake.may_rest() {
            return Err(awake);
        }
        let deadline = awake.session.deadline();
        let Some(rest) = awake.session.rest(awake.port) else { return Err(awake) };
        self.set_timer(stream, deadline);
        if self.is_blind(&awake) {
            self.poll_blindly(stream);
        } else if !self.ring.is_receiving(stream) {
            self.receive(stream);
        }
        let husks = &mut self.husks[usize::from(awake.port)];
        if husks.len() < HUSKS_MAX {
            husks.push(awake);
        }
        self.places[stream.index()] = Place::Resting(rest);
        Ok(())
    }

    fn receive(&mut self, stream: Stream) {
        self.just_armed.push(stream);
        self.queued(|ring| ring.receive(stream));
    }

    #[inline]
    fn set_timer(&mut self, stream: Stream, deadline: Time) {
        if self.timers.armed(stream.index()).is_none_or(|armed| deadline < armed) {
            self.timers.set(stream.index(), deadline);
        }
    }

    /// Gives what is kept to the session and sends what waits, as long as the one allows the other.
    fn advance(&mut self, stream: Stream, awake: &mut Box<Awake<T>>) {
        while !self.ring.is_sending(stream) {
            if !awake.blocked && self.sends(awake) {
                self.turn_over(stream, awake, None);
                if self.ring.is_sending(stream) {
                    break;
                }
            }
            if !self.wants(awake) {
                break;
            }
            match awake.kept.pop_front() {
                Some(Kept::Lease(lease)) => self.arrived(stream, awake, lease),
                Some(Kept::Copy(bytes)) => {
                    awake.session.received(self.now, &bytes, &mut self.desk);
                    self.turn_over(stream, awake, Some(&bytes));
                }
                None => break,
            }
        }
        if !self.ring.is_sending(stream) && awake.kept.is_empty() {
            self.end(stream, awake);
        }
        // Only a send of this batch is waited for with a buffer in hand.
        if !self.ring.is_sending(stream) {
            self.copy_what_is_kept(awake);
        }
    }

    /// Tells the session how receiving has ended. The end of what the peer sends is told like an
    /// arrival: not before the session has taken what came before it, unless it takes no more.
    fn end(&mut self, stream: Stream, awake: &mut Box<Awake<T>>) {
        let too_early = !self.wants(awake) && awake.session.reason().is_none();
        if too_early && awake.ended == Some(Ok(())) {
            return;
        }
        match awake.ended.take() {
            Some(Ok(())) => {
                awake.session.ended(self.now, &mut self.desk);
                self.turn_over(stream, awake, None);
            }
            Some(Err(errno)) => awake.session.failed(errno),
            None => {}
        }
    }

    /// What waits for longer than a batch gives the ring's buffers back.
    fn copy_what_is_kept(&mut self, awake: &mut Awake<T>) {
        if awake.kept.iter().all(|kept| matches!(kept, Kept::Copy(_))) {
            return;
        }
        let kept = mem::take(&mut awake.kept);
        let copies: VecDeque<Kept> = kept
            .into_iter()
            .map(|kept| match kept {
                Kept::Lease(lease) => {
                    let copy = self.ring.bytes(&lease).to_vec();
                    self.ring.give_back(lease);
                    Kept::Copy(copy)
                }
                copy @ Kept::Copy(_) => copy,
            })
            .collect();
        awake.kept = copies;
    }

    /// Gives an arrival to the session and lends what it says to the kernel, unless there is no
    /// room; nothing is being sent.
    #[inline]
    fn arrived(&mut self, stream: Stream, awake: &mut Awake<T>, lease: Lease) {
        let bytes = self.ring.bytes(&lease);
        awake.session.received(self.now, bytes, &mut self.desk);
        if awake.blocked {
            awake.session.detach(bytes, &mut self.desk);
            return self.ring.give_back(lease);
        }
        let mut outgoing = Outgoing::Nothing;
        let spare = &mut self.spare_vectors;
        awake.session.lend(self.now, bytes, &mut self.desk, |slices| {
            outgoing = Outgoing::take(slices, bytes, spare);
            slices.iter().map(|slice| slice.len()).sum()
        });
        let queued = match outgoing {
            Outgoing::Nothing => {
                self.ring.give_back(lease);
                Ok(())
            }
            Outgoing::Arrival(range) => self.ring.send_lease(stream, lease.part(range)),
            Outgoing::Copied(bytes) => {
                self.ring.give_back(lease);
                self.ring.send(stream, bytes, 0, Room::Take)
            }
        };
        self.note(queued);
    }

    /// Ends a turn that had no arrival in the ring's buffers: sends what waits, if nothing is being
    /// sent and there may be room.
    fn turn_over(&mut self, stream: Stream, awake: &mut Awake<T>, arrival: Option<&[u8]>) {
        let arrival = arrival.unwrap_or_default();
        let mut outgoing = Vec::new();
        if awake.blocked || self.ring.is_sending(stream) {
            awake.session.detach(arrival, &mut self.desk);
            return;
        }
        let spare = &mut self.spare_vectors;
        awake.session.lend(self.now, arrival, &mut self.desk, |slices| {
            outgoing = spare.pop().unwrap_or_default();
            for slice in slices {
                outgoing.extend_from_slice(slice);
            }
            outgoing.len()
        });
        if !outgoing.is_empty() {
            self.queued(|ring| ring.send(stream, outgoing, 0, Room::Take));
        }
    }

    /// Does what the session says is next, and puts the connection back.
    fn step(&mut self, stream: Stream, mut awake: Box<Awake<T>>) {
        loop {
            match awake.session.next(&self.desk) {
                Next::Wait { receive, .. } => {
                    self.want_to_receive(stream, &mut awake, receive);
                    let deadline = awake.session.deadline();
                    self.set_timer(stream, deadline);
                    break;
                }
                // What is lent must have left before; it has in the next turn of the loop.
                Next::ShutdownWrite | Next::Close if self.ring.is_sending(stream) => {
                    let deadline = awake.session.deadline();
                    self.set_timer(stream, deadline);
                    break;
                }
                Next::ShutdownWrite => {
                    let socket = self.ring.socket(stream);
                    // A peer that is gone already is noticed by the receive that goes on.
                    let _ = self.calls().shutdown(socket, Shutdown::Write);
                    awake.session.write_was_shut(self.now);
                }
                Next::Close => return self.close(stream, awake),
            }
        }
        self.places[stream.index()] = Place::Awake(awake);
    }

    /// Starts or stops receiving, as the session can take more or not.
    fn want_to_receive(&mut self, stream: Stream, awake: &mut Awake<T>, receive: bool) {
        if awake.ended.is_some() {
            return;
        }
        if receive && self.is_blind(awake) {
            self.poll_blindly(stream);
        } else if !receive {
            self.queued(|ring| ring.pause(stream));
        } else if !self.ring.is_receiving(stream) {
            self.receive(stream);
        }
    }

    fn close(&mut self, stream: Stream, mut awake: Box<Awake<T>>) {
        for kept in mem::take(&mut awake.kept) {
            if let Kept::Lease(lease) = kept {
                self.ring.give_back(lease);
            }
        }
        awake.closing = true;
        self.timers.clear(stream.index());
        self.places[stream.index()] = Place::Awake(awake);
        self.completed("close", stream, Ok(0));
        self.queued(|ring| ring.close(stream));
    }

    /// Whether the session has something to send, or would have if it was given room.
    #[inline]
    fn sends(&self, awake: &Awake<T>) -> bool {
        matches!(awake.session.next(&self.desk), Next::Wait { send: true, .. })
    }

    /// Whether the session can take an arrival.
    #[inline]
    fn wants(&self, awake: &Awake<T>) -> bool {
        matches!(awake.session.next(&self.desk), Next::Wait { receive: true, .. })
    }

    /// Whether everything that had arrived when the last wait ended is known to the session, or it
    /// does not want to know: input is drained before time is fired.
    fn all_is_known(&mut self, stream: Stream, awake: &Awake<T>) -> bool {
        if !self.wants(awake) {
            return true;
        }
        let armed =
            self.ring.is_receiving(stream) || self.is_blind(awake) && self.ring.is_polling(stream);
        if !armed
            || self.just_armed.contains(&stream)
            || !awake.kept.is_empty()
            || awake.ended.is_some()
        {
            return false;
        }
        // The kernel works through what it has noticed in parts: it may not have come to this one.
        !self.ring.has_unheard()
            || !wait(self.ring.socket(stream), true, false, None, Duration::ZERO).readable
    }

    /// A socket that takes nothing may still be sending: it has room again only when a third of its
    /// buffer is free, which takes a slow reader minutes.
    fn look_at_what_was_sent(&mut self, stream: Stream, awake: &mut Awake<T>) {
        let socket = self.ring.socket(stream);
        let run = || colok_sys::send::bytes_not_taken(socket);
        let value = |bytes: &u64| bytes.cast_signed();
        let arguments = || "SIOCOUTQ".into();
        if let Ok(bytes) = self.calls().observe("ioctl", Some(socket), arguments, run, value) {
            awake.session.left_with_kernel(self.now, bytes);
        }
    }

    #[inline]
    fn completed(&self, call: &'static str, stream: Stream, result: Result<usize, Errno>) {
        if T::DETAIL {
            self.calls().completed(call, || self.ring.descriptor(stream), result);
        }
    }
}

fn payload_bytes<'r>(ring: &'r Uring, payload: &'r Payload) -> &'r [u8] {
    match payload {
        Payload::Lease(lease) => ring.bytes(lease),
        Payload::Bytes(bytes) => bytes,
    }
}
