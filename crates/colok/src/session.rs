//! One connection: a machine, the bytes on their way, and the deadlines. Engines see only this.
//!
//! A session owns no socket and makes no call. An engine tells it what happened
//! ([`Session::opened`], [`received`](Session::received), [`ended`](Session::ended),
//! [`sent`](Session::sent), [`failed`](Session::failed), [`tick`](Session::tick),
//! [`drain`](Session::drain)) and does what [`Session::next`] says. It knows what is in flight and
//! says when the connection may be closed.
//!
//! **Leases.** The bytes of an arrival belong to the engine (a worker's buffer, a ring buffer) and
//! are lent for one turn, as is the [`Desk`] on which output is put together. What could not be
//! sent when the turn ends is copied into the session by [`Session::detach`]; so an idle
//! connection owns no buffer, and an echo is sent out of the very buffer it was received in.
//! [`Session::pump`] runs a whole turn for engines that write at once.
//!
//! **Bounds.** At most [`HIGH_WATER`] plus one arrival of output waits; above that nothing is
//! read, and the peer's own window stops it.
//!
//! **Closing.** Every close that we start is: flush, shut down writing, read and throw away until
//! the peer ends or the linger bounds are reached, then close. Otherwise unread input would turn
//! into a reset that destroys the last reply (RFC 9293 section 3.10.4, RFC 9112 section 9.6).

mod blind;
mod closing;
mod desk;
mod lending;
mod observed;
mod pace;
mod rest;
mod stored;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use colok_proto::{Input, Peer, Reason, Service, ServiceMachine, Time};
use rustix::io::Errno;

use desk::Backlog;
pub use desk::{Desk, SLICES_MAX};
use observed::{Hashes, Preview};
pub use rest::Rest;
use stored::Stored;
pub use turn::answer_datagram;

use crate::clock::Clock;
use crate::observe::Tap;
use crate::store::Store;

/// Output that may wait in a session before it stops reading, in bytes. A default socket buffer
/// holds more, so this is only reached by peers that do not read.
pub const HIGH_WATER: usize = 64 * 1024;

/// Output that a machine may put together before it must wait for room, in bytes: about 340
/// replies of `count`.
pub const ROOM: usize = 16 * 1024;

/// What all sessions of one listener share.
#[derive(Clone, Debug)]
pub struct Context<T> {
    /// What is served.
    pub service: Service,
    /// How long a connection may be idle.
    pub idle_timeout: Duration,
    /// How long a lingering close lasts at most.
    pub linger: Duration,
    /// Bytes that a lingering close throws away at most.
    pub linger_bytes: u64,
    /// Where the files live, for a service that has some.
    pub store: Option<Arc<Store>>,
    /// Bytes per second of one connection to the store, both ways together.
    pub bytes_per_second_max: Option<u64>,
    /// Who watches.
    pub tap: T,
}

/// What an engine is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Wait for the socket (or for [`Session::deadline`]).
    Wait {
        /// For bytes to receive.
        receive: bool,
        /// For room to send.
        send: bool,
    },
    /// Shut down the sending side, then call [`Session::write_was_shut`].
    ShutdownWrite,
    /// Close the socket; the session is over.
    Close,
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The machine runs.
    Open,
    /// The machine is done; what it said is on its way out. `until` is set when the peer gets no
    /// more than the linger time for it.
    Flushing { reason: Reason, until: Option<Time> },
    /// Everything left; writing is shut down; what comes is thrown away.
    Lingering { reason: Reason, until: Time },
    /// Over.
    Closed { reason: Reason },
}

/// One connection. See the module for how to run it.
#[derive(Debug)]
pub struct Session<T: Tap> {
    context: Arc<Context<T>>,
    machine: ServiceMachine,
    connection: u64,
    peer: Peer,
    opened_at: Time,
    active_at: Time,
    bytes_received: u64,
    bytes_sent: u64,
    /// Bytes of those sent that the peer had taken when last looked at.
    bytes_taken: u64,
    /// Bytes thrown away since the close began.
    discarded: u64,
    phase: Phase,
    backlog: Option<Box<Backlog>>,
    preview: Option<Box<Preview>>,
    hashes: Option<Box<Hashes>>,
    stored: Option<Box<Stored>>,
    /// The machine met a full outbox and waits for room.
    waits_for_room: bool,
    /// The peer sends no more.
    peer_ended: bool,
    drain: Drain,
}

/// What the session knows of the server's stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drain {
    /// Nothing.
    No,
    /// It stops; the machine is told once a read found nothing. All must be over by `until`.
    Asked { until: Time },
    /// The machine knows.
    Told { until: Time },
}

impl<T: Tap> Session<T> {
    /// A session that is not open yet. `connection` is its number in the log.
    pub fn new(
        context: Arc<Context<T>>,
        machine: ServiceMachine,
        connection: u64,
        peer: Peer,
        now: Time,
    ) -> Self {
        let preview = (T::DETAIL && context.tap.messages()).then(Box::default);
        let hashes = (T::DETAIL && context.tap.hashes()).then(Box::default);
        Self {
            context,
            machine,
            connection,
            peer,
            opened_at: now,
            active_at: now,
            bytes_received: 0,
            bytes_sent: 0,
            bytes_taken: 0,
            discarded: 0,
            phase: Phase::Open,
            backlog: None,
            preview,
            hashes,
            stored: None,
            waits_for_room: false,
            peer_ended: false,
            drain: Drain::No,
        }
    }

    /// Gives a machine that wants a store its own conversation with it, before the connection is
    /// opened. `clock` is the one that the session lives by.
    pub fn converse(&mut self, clock: Clock) {
        if let Some(store) = &self.context.store {
            let mut conversation = store.conversation(&self.peer.remote);
            conversation.listen(self.context.tap.listens());
            let rate = self.context.bytes_per_second_max;
            self.stored = Some(Box::new(Stored::new(conversation, clock, rate)));
        }
    }

    /// The connection is there. Call once, first; then [`Session::pump`].
    pub fn opened(&mut self, now: Time, desk: &mut Desk) {
        let peer = self.peer.clone();
        self.run(now, Input::Opened { peer: &peer }, &[], None, desk);
    }

    /// Bytes came. `input` is lent until [`Session::detach`]. Only when [`Session::next`] said
    /// `receive`.
    #[inline]
    pub fn received(&mut self, now: Time, input: &[u8], desk: &mut Desk) {
        self.bytes_received += input.len() as u64;
        if T::DETAIL
            && let Some(hashes) = &mut self.hashes
        {
            hashes.received.update(input);
        }
        self.pace(now, input.len() as u64);
        if self.phase == Phase::Open {
            self.active_at = now;
            if self.stored.is_some() {
                self.work(now, input, desk);
            } else {
                self.offer(now, input, 0, desk);
            }
            // A peer that never pauses must not outlast the stop: no read ever finds nothing.
            self.close_when_overdue(now);
        } else {
            // Thrown away, so no sign of life; and nothing is decided by input any more, so time
            // need not wait for a read that finds nothing.
            self.discarded += input.len() as u64;
            self.tick(now, desk);
        }
    }

    /// The peer sends no more.
    pub fn ended(&mut self, now: Time, desk: &mut Desk) {
        self.peer_ended = true;
        match self.phase {
            Phase::Open => {
                self.work_to_end(now, desk);
                if self.phase == Phase::Open {
                    self.run(now, Input::End, &[], None, desk);
                }
            }
            Phase::Lingering { reason, .. } => self.phase = Phase::Closed { reason },
            Phase::Flushing { .. } | Phase::Closed { .. } => {}
        }
    }

    /// `length` bytes of what [`Session::pending`] showed have left.
    #[inline]
    pub fn sent(&mut self, now: Time, length: usize, desk: &mut Desk) {
        if length > 0 {
            self.active_at = now;
            self.bytes_sent += length as u64;
            self.pace(now, length as u64);
        }
        let from_backlog = self.backlog.as_mut().map_or(0, |backlog| backlog.sent(length));
        desk.sent(length - from_backlog);
        if self.backlog.as_ref().is_some_and(|backlog| backlog.is_empty()) {
            self.backlog = None;
        }
    }

    /// Whether the connection will be closed for idleness unless the peer is found to take what was
    /// sent; see [`Session::left_with_kernel`].
    pub fn seems_idle(&self, now: Time) -> bool {
        matches!(self.phase, Phase::Open | Phase::Flushing { .. }) && self.idle_at() <= now
    }

    /// `length` bytes of what was sent have not been taken by the peer. While some are on their way
    /// and fewer than before, it is not idle.
    pub fn left_with_kernel(&mut self, now: Time, length: u64) {
        let taken = self.bytes_sent.saturating_sub(length);
        if length > 0 && taken > self.bytes_taken {
            self.active_at = now;
        }
        self.bytes_taken = taken;
    }

    /// A call on the socket failed: the connection is over.
    pub fn failed(&mut self, errno: Errno) {
        let broken = matches!(errno, Errno::CONNRESET | Errno::PIPE);
        let reason = match self.phase {
            Phase::Open if broken && self.peer_ended => Reason::PeerClosed,
            Phase::Open => Reason::Io(errno.raw_os_error()),
            // The close had its reason; that the peer did not wait for its end changes nothing.
            Phase::Flushing { reason, .. }
            | Phase::Lingering { reason, .. }
            | Phase::Closed { reason } => reason,
        };
        self.phase = Phase::Closed { reason };
    }

    /// What to do now. Call after a turn's output was sent or detached.
    #[inline]
    pub fn next(&self, desk: &Desk) -> Next {
        let send = self.pending_bytes(desk) > 0;
        match self.phase {
            Phase::Open if self.rests_until().is_some() => {
                Next::Wait { receive: false, send: false }
            }
            Phase::Open => {
                let receive = self.may_receive(desk.pending_bytes());
                let more = self.waits_for_room || self.holds_input() || self.sends_file();
                let send = send || more;
                Next::Wait { receive, send }
            }
            Phase::Flushing { reason, .. } if send => {
                Next::Wait { receive: !self.peer_ended && self.may_discard(reason), send }
            }
            Phase::Flushing { .. } if self.peer_ended => Next::Close,
            Phase::Flushing { .. } => Next::ShutdownWrite,
            Phase::Lingering { reason, .. } if self.may_discard(reason) => {
                Next::Wait { receive: true, send: false }
            }
            Phase::Lingering { .. } | Phase::Closed { .. } => Next::Close,
        }
    }

    /// Whether a close may read and throw away more. A peer that streams when the server stops
    /// has done nothing wrong, so that close is bounded by its time alone.
    #[inline]
    fn may_discard(&self, reason: Reason) -> bool {
        reason == Reason::Shutdown || self.discarded < self.context.linger_bytes
    }

    /// Whether more may be read, with `on_desk` bytes of output on the desk.
    #[inline]
    fn may_receive(&self, on_desk: usize) -> bool {
        let pending = self.backlog_bytes() + on_desk;
        let resting = self.rests_until().is_some();
        !self.peer_ended && !self.holds_input() && pending < HIGH_WATER && !resting
    }

    /// Whether a tick means that a read found nothing, or that nothing can come any more.
    #[inline]
    fn found_nothing(&self, on_desk: usize) -> bool {
        self.peer_ended || self.may_receive(on_desk)
    }

    #[inline]
    fn holds_input(&self) -> bool {
        self.backlog.as_ref().is_some_and(|backlog| backlog.holds_input())
    }

    #[inline]
    fn backlog_bytes(&self) -> usize {
        self.backlog.as_ref().map_or(0, |backlog| backlog.output_len())
    }

    /// Bytes of output that wait, on the desk and in the backlog.
    #[inline]
    fn pending_bytes(&self, desk: &Desk) -> usize {
        self.backlog_bytes() + desk.pending_bytes()
    }

    /// Why it was closed; `None` while it is open.
    pub fn reason(&self) -> Option<Reason> {
        match self.phase {
            Phase::Open => None,
            Phase::Flushing { reason, .. }
            | Phase::Lingering { reason, .. }
            | Phase::Closed { reason } => Some(reason),
        }
    }

    /// Bytes received and sent so far.
    pub fn bytes_moved(&self) -> (u64, u64) {
        (self.bytes_received, self.bytes_sent)
    }

    /// Its number in the log.
    pub fn connection(&self) -> u64 {
        self.connection
    }

    /// Both ends.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }
}
