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

mod desk;
mod observed;

use std::io::IoSlice;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use colok_proto::{Input, Machine, Peer, Reason, Service, ServiceMachine, Time};
use rustix::io::Errno;

use desk::{Backlog, Turn};
pub use desk::{Desk, SLICES_MAX};
use observed::Preview;

use crate::observe::Tap;

/// Output that may wait in a session before it stops reading, in bytes. A default socket buffer
/// holds more, so this is only reached by peers that do not read.
pub const HIGH_WATER: usize = 64 * 1024;

/// Output that a machine may put together before it must wait for room, in bytes: about 340
/// replies of `count`.
pub const ROOM: usize = 16 * 1024;

/// Writes and rooms of one turn at most: a fast reader of `chargen` would otherwise keep its worker
/// for ever. 16 rooms are 256 KiB, about 100 us of work.
const TURN_ROUNDS_MAX: usize = 32;

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
    /// Bytes thrown away since the close began.
    discarded: u64,
    /// Bytes counted as sent that the kernel has not taken yet; see [`Session::lent`].
    with_kernel: usize,
    phase: Phase,
    backlog: Option<Box<Backlog>>,
    preview: Option<Box<Preview>>,
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
        Self {
            context,
            machine,
            connection,
            peer,
            opened_at: now,
            active_at: now,
            bytes_received: 0,
            bytes_sent: 0,
            discarded: 0,
            with_kernel: 0,
            phase: Phase::Open,
            backlog: None,
            preview,
            waits_for_room: false,
            peer_ended: false,
            drain: Drain::No,
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
        if self.phase == Phase::Open {
            self.active_at = now;
            self.offer(now, input, 0, desk);
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
                self.run(now, Input::End, &[], None, desk);
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
        }
        let from_backlog = self.backlog.as_mut().map_or(0, |backlog| backlog.sent(length));
        desk.sent(length - from_backlog);
        if self.backlog.as_ref().is_some_and(|backlog| backlog.is_empty()) {
            self.backlog = None;
        }
    }

    /// For engines whose writes complete later: `length` bytes that `write` of [`Session::pump`]
    /// accepted are with the kernel. The session does not let go of the connection before they
    /// have [`returned`](Session::returned), except when a deadline forces it.
    pub fn lent(&mut self, length: usize) {
        self.with_kernel += length;
    }

    /// `length` bytes that were lent have left, or never will.
    pub fn returned(&mut self, now: Time, length: usize) {
        self.active_at = now;
        self.with_kernel -= length;
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

    /// Fires what is due. Call at [`Session::deadline`] and after [`Session::drain`], and only
    /// when a read found nothing (or when `next` does not want to receive): input is drained
    /// before time is fired.
    pub fn tick(&mut self, now: Time, desk: &mut Desk) {
        match self.phase {
            Phase::Open => self.tick_open(now, desk),
            Phase::Flushing { .. } => self.tick_flushing(now),
            Phase::Lingering { reason, until } if until <= now => {
                self.phase = Phase::Closed { reason };
            }
            Phase::Lingering { .. } | Phase::Closed { .. } => {}
        }
    }

    fn tick_open(&mut self, now: Time, desk: &mut Desk) {
        // With a backlog above the mark, or input held back, nothing was read: the machine's own
        // deadlines speak of input, so they must wait. Idleness and the end of a stop do not.
        if self.found_nothing(desk.pending_bytes()) {
            if self.machine.deadline().is_some_and(|due| due <= now) {
                self.run(now, Input::Deadline, &[], None, desk);
            }
            if let (Phase::Open, Drain::Asked { until }) = (self.phase, self.drain) {
                self.drain = Drain::Told { until };
                self.run(now, Input::Drain, &[], None, desk);
            }
        }
        if self.idle_at() <= now {
            self.close(now, Reason::Idle);
        }
        self.close_when_overdue(now);
    }

    fn tick_flushing(&mut self, now: Time) {
        self.close_when_overdue(now);
        if let Phase::Flushing { reason, until } = self.phase
            && (until.is_some_and(|until| until <= now) || self.idle_at() <= now)
        {
            self.phase = Phase::Closed { reason };
        }
    }

    /// Closes what a stop has waited for long enough.
    #[inline]
    fn close_when_overdue(&mut self, now: Time) {
        if let Drain::Asked { until } | Drain::Told { until } = self.drain
            && until <= now
        {
            self.close(now, Reason::Shutdown);
        }
    }

    /// The server stops: at the next [`Session::tick`] the machine is told to finish, and at
    /// `until` it is closed whether it has or not.
    pub fn drain(&mut self, until: Time) {
        if self.drain == Drain::No {
            self.drain = Drain::Asked { until };
        }
    }

    /// Starts a close that the machine did not ask for: `idle`, `limit`, `shutdown`. A close that
    /// has begun keeps its reason, but the peer gets no more than the linger time from now on.
    pub fn close(&mut self, now: Time, reason: Reason) {
        let limit = Some(now + self.context.linger);
        match self.phase {
            Phase::Open => self.phase = Phase::Flushing { reason, until: limit },
            Phase::Flushing { reason, until: None } => {
                self.phase = Phase::Flushing { reason, until: limit };
            }
            Phase::Flushing { .. } | Phase::Lingering { .. } | Phase::Closed { .. } => {}
        }
    }

    /// Writing was shut down, as [`Session::next`] asked.
    pub fn write_was_shut(&mut self, now: Time) {
        if let Phase::Flushing { reason, until } = self.phase {
            let until = until.unwrap_or(now + self.context.linger);
            self.phase = Phase::Lingering { reason, until };
        }
    }

    /// What to do now. Call after a turn's output was sent or detached.
    #[inline]
    pub fn next(&self, desk: &Desk) -> Next {
        let send = self.pending_bytes(desk) > 0;
        match self.phase {
            Phase::Open => {
                let receive = self.may_receive(desk.pending_bytes());
                let send = send || self.waits_for_room || self.holds_input();
                Next::Wait { receive, send }
            }
            Phase::Flushing { reason, .. } if send || self.with_kernel > 0 => {
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
        !self.peer_ended && !self.holds_input() && pending < HIGH_WATER
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

    /// When [`Session::tick`] is due. Ask between turns.
    #[inline]
    pub fn deadline(&self) -> Time {
        match self.phase {
            Phase::Open => self.deadline_open(),
            Phase::Flushing { until: Some(until), .. } => until.min(self.idle_at()),
            Phase::Flushing { until: None, .. } => match self.drain {
                Drain::No => self.idle_at(),
                Drain::Asked { until } | Drain::Told { until } => until.min(self.idle_at()),
            },
            Phase::Lingering { until, .. } => until,
            Phase::Closed { .. } => Time::ZERO,
        }
    }

    #[inline]
    fn deadline_open(&self) -> Time {
        let mut due = self.idle_at();
        if self.found_nothing(0) {
            due = self.machine.deadline().map_or(due, |machine| machine.min(due));
        }
        match self.drain {
            Drain::No => due,
            Drain::Asked { .. } if self.found_nothing(0) => Time::ZERO,
            Drain::Asked { until } | Drain::Told { until } => due.min(until),
        }
    }

    #[inline]
    fn idle_at(&self) -> Time {
        self.active_at + self.context.idle_timeout
    }

    /// Gives the machine the arrival from `from` on.
    #[inline]
    fn offer(&mut self, now: Time, input: &[u8], from: usize, desk: &mut Desk) {
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
    fn offer_held(&mut self, now: Time, mut backlog: Box<Backlog>, desk: &mut Desk) {
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
    fn run(
        &mut self,
        now: Time,
        input: Input<'_>,
        offered: &[u8],
        base: Option<usize>,
        desk: &mut Desk,
    ) -> usize {
        let waiting = self.backlog_bytes();
        let mut turn = Turn::new(desk, waiting, offered, base, self.preview.as_deref_mut());
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

    /// Bytes of output that wait, on the desk and in the backlog.
    #[inline]
    fn pending_bytes(&self, desk: &Desk) -> usize {
        self.backlog_bytes() + desk.pending_bytes()
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
        let mut blocked = false;
        let before = self.bytes_sent;
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
        self.report_reply(self.bytes_sent - before);
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
        if self.phase == Phase::Open && !self.waits_for_room {
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
