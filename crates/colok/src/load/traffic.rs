//! The heart of a load: which message leaves when and on which connection, and what came of it.
//!
//! One [`Traffic`] per thread. It owns the callers, the schedule and the samples, and knows no
//! socket and no clock: a loop moves bytes and times between it and the kernel, so all of it is
//! tested in virtual time and every loop sends the same load. Per message it allocates nothing.
//!
//! # The loop
//!
//! 1. [`tick`](Traffic::tick) once per wake-up; over when [`is_over`](Traffic::is_over).
//! 2. Take [`next_step`](Traffic::next_step)s until there is none, and carry each out.
//! 3. After a read: [`received`](Traffic::received); when it says so,
//!    [`fill`](Traffic::fill) the same connection and send, then take steps again.
//! 4. After everything of a connection has left: [`flushed`](Traffic::flushed).
//! 5. Wait until something is ready, at most until [`next_time`](Traffic::next_time).

mod book;
mod connections;
mod course;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use colok_proto::Time;
use colok_proto::{Caller, CallerOptions, Times};

use super::arrivals::{Arrivals, MessageSizes, mixed_seed};
use super::plan::{self, Sizes};
use super::samples::Slice;

use book::Book;
pub use book::Timetable;

/// Connections that are being made at once, per thread: no more than fit into the usual smallest
/// backlog of a server (128), so that none waits a second for its SYN to be sent again.
pub const CONNECTING_MAX: usize = 128;

/// How long a connection that ended early or could not be made waits before it is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// Bytes that are put together at once for a service that does not answer.
const BURST_BYTES: usize = 64 * 1024;

/// Bytes that wait for room in a socket before no more messages join them, whatever the depth: it
/// bounds memory, and keeps a socket busy while it is refilled.
const WAITING_BYTES_MAX: usize = 256 * 1024;

/// Idle connections that are asked at once, at the end, whether they still live.
const PROVING_MAX: usize = 256;

/// What one thread is to do.
#[derive(Clone, Debug)]
pub struct TrafficOptions {
    /// How messages are made and judged.
    pub caller: CallerOptions,
    /// The number of this thread's first connection, and how far it is to its next: no two
    /// connections of a load have the same number, those that replace another included.
    pub number_first: u64,
    /// See `number_first`.
    pub number_step: u64,
    /// Connections of this thread.
    pub connections: u32,
    /// How many of them send; those with the lowest numbers.
    pub active: u32,
    /// Open loop: this thread's messages per second, and how they are spread.
    pub open_loop: Option<(f64, plan::Arrivals)>,
    /// How large messages are.
    pub sizes: Sizes,
    /// Open loop, even arrivals: the place of the first within a gap, 0 to 1, so that those of
    /// several threads interleave.
    pub phase: f64,
    /// Seeds sizes and arrivals; another one for each thread.
    pub seed: u64,
    /// Send no more than this many messages in all.
    pub messages: Option<u64>,
    /// Close and connect anew after so many.
    pub messages_per_connection: Option<u64>,
    /// Over what time connections are opened.
    pub ramp_up: Duration,
    /// A message without a reply for so long is lost.
    pub reply_timeout: Duration,
    /// What kind of answers there are.
    pub answers: Answers,
}

impl TrafficOptions {
    /// The caller of the connection that is made after `count` others.
    fn caller(&self, count: u64) -> Caller {
        Caller::new(&self.caller, self.number_first + count * self.number_step)
    }
}

/// What comes back from a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// A reply to each message.
    Replies,
    /// Nothing, and an end when everything was taken (discard).
    End,
    /// A stream that nobody asks for (chargen).
    Stream,
}

/// What the loop is to do with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Open a socket and begin to connect; then [`Traffic::opened`] or [`Traffic::failed`].
    Connect(u32),
    /// Call [`Traffic::fill`] and send what it appended.
    Fill(u32),
    /// When everything has left, end the sending side. Then wait for the peer's end.
    HalfClose(u32),
    /// Close the socket. [`Traffic::closed`] is not called.
    Close(u32),
}

/// Takes a finished interval and gives an empty one for the next.
pub type Exchange = Box<dyn FnMut(Slice) -> Slice + Send>;

/// See the module.
pub struct Traffic {
    options: TrafficOptions,
    connections: Vec<Connection>,
    /// Connections that have room for a message, the one that has had it longest first. Entries
    /// may be stale; they are looked at again when they are taken.
    ready: VecDeque<u32>,
    /// Steps that are due at once.
    steps: VecDeque<Step>,
    /// Connections to be tried again, and when; all wait equally long, so they are in order.
    retries: VecDeque<(Time, u32)>,
    arrivals: Option<Arrivals>,
    sizes: MessageSizes,
    book: Book,
    timetable: Option<Timetable>,
    phase: Phase,
    exchange: Exchange,
    /// Messages that may still be begun.
    quota: u64,
    /// Due and not sent at the end, and how much of that though a connection had room.
    backlog: u64,
    own_backlog: u64,
    /// When the first connection was asked for.
    opening_since: Option<Time>,
    /// How many connections were asked for the first time, and how many of them are settled.
    tried: u32,
    settled: u32,
    connecting: usize,
    open: u64,
    /// The next number for a caller.
    numbered: u64,
    opened_ever: u64,
    /// Where the search for messages without a reply goes on, and when.
    search: usize,
    search_at: Time,
    /// The idle connection that is asked next.
    proving: u32,
    /// When sending ends, whether the measured time has, and whether the user wanted that.
    end: Time,
    ended: bool,
    interrupted: bool,
    /// The number of the open interval, and when it began.
    index: u32,
    slice_start: Time,
}

/// How far the load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is sent yet.
    Opening,
    /// Messages leave.
    Sending {
        /// When no more do.
        until: Time,
    },
    /// Replies are awaited.
    Awaiting {
        /// No longer than this.
        until: Time,
    },
    /// Idle connections show that they live.
    Proving {
        /// No longer than this.
        until: Time,
    },
    /// All is over.
    Over,
}

/// One connection.
struct Connection {
    caller: Caller,
    state: State,
    /// It is in `ready`.
    queued: bool,
    /// Since when it has room for a message.
    free_since: Time,
    /// Messages of this connection, and of all connections in its place that were answered.
    sent: u64,
    answered: u64,
    /// Messages to a service that does not answer, and whose fate is not known yet.
    unanswered: u64,
    half_closed: bool,
    /// It was tried once, and that is over.
    settled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is none, and none is on its way.
    Absent,
    /// It is being made.
    Connecting,
    Open,
}

impl Connection {
    fn new(caller: Caller) -> Self {
        Self {
            caller,
            state: State::Absent,
            queued: false,
            free_since: Time::ZERO,
            sent: 0,
            answered: 0,
            unanswered: 0,
            half_closed: false,
            settled: false,
        }
    }

    /// Whether a message may be put on it, as far as it is concerned.
    #[inline]
    fn has_room(&self, sent_max: u64) -> bool {
        self.state == State::Open && self.sent < sent_max && self.caller.can_send()
    }
}

impl Traffic {
    /// Traffic that has not begun. `slice` is an empty one; `exchange` takes each full one.
    pub fn new(options: TrafficOptions, slice: Slice, exchange: Exchange) -> Self {
        let seed = options.seed;
        let arrivals = options
            .open_loop
            .map(|(rate, kind)| Arrivals::new(kind, rate, options.phase, mixed_seed(seed, 1)));
        let connections: Vec<_> = (0..u64::from(options.connections))
            .map(|count| Connection::new(options.caller(count)))
            .collect();
        let room = connections.len();
        Self {
            ready: VecDeque::with_capacity(room),
            steps: VecDeque::with_capacity(room.min(1024)),
            retries: VecDeque::new(),
            sizes: MessageSizes::new(options.sizes.clone(), mixed_seed(seed, 2)),
            book: Book::new(slice, arrivals.is_some()),
            arrivals,
            timetable: None,
            phase: Phase::Opening,
            exchange,
            quota: options.messages.unwrap_or(u64::MAX),
            backlog: 0,
            own_backlog: 0,
            opening_since: None,
            tried: 0,
            settled: 0,
            connecting: 0,
            open: 0,
            numbered: u64::from(options.connections),
            opened_ever: 0,
            search: 0,
            search_at: Time::ZERO,
            proving: options.active,
            end: Time::from_nanos(u64::MAX),
            ended: false,
            interrupted: false,
            index: 0,
            slice_start: Time::ZERO,
            connections,
            options,
        }
    }

    /// Appends every message that may leave on this connection now, as far as `out` does not grow
    /// too large; the others follow when it has left. Returns how many.
    #[inline]
    pub fn fill(&mut self, connection: u32, now: Time, out: &mut Vec<u8>) -> usize {
        let mut count = 0;
        if out.len() >= WAITING_BYTES_MAX {
            // The service does not read: that a message may join them later is not our lateness.
            self.connections[connection as usize].free_since = now;
        }
        while out.len() < WAITING_BYTES_MAX && self.message(connection, now, out) {
            count += 1;
            // Whoever else has room takes the next one of a schedule.
            let shared = self.arrivals.is_some() && self.ready.len() > 1;
            if shared || out.len() >= BURST_BYTES && self.options.answers != Answers::Replies {
                break;
            }
        }
        count
    }

    /// Appends one message if one may leave on this connection now: a datagram, for example.
    #[inline]
    pub fn message(&mut self, connection: u32, now: Time, out: &mut Vec<u8>) -> bool {
        let Some(due) = self.due_on(connection, now) else { return false };
        let one = &mut self.connections[connection as usize];
        let times = Times { due, sent: now };
        let bytes = one.caller.message(times, self.sizes.take(), out);
        one.sent += 1;
        if self.options.answers == Answers::End {
            one.unanswered += 1;
        }
        self.book.sent(times, one.free_since, bytes);
        // Asking idle connections whether they live is beside the plan's number of messages.
        self.quota = self.quota.saturating_sub(1);
        if let Some(arrivals) = &mut self.arrivals {
            arrivals.advance();
            if self.options.answers == Answers::Replies {
                self.enqueue(connection);
            }
        }
        true
    }

    /// When the message that may leave on this connection now was due.
    #[inline]
    fn due_on(&self, connection: u32, now: Time) -> Option<Time> {
        let one = &self.connections[connection as usize];
        match self.phase {
            Phase::Sending { until } if now < until && self.quota > 0 => {
                let due = self.arrivals.as_ref().map_or(now, Arrivals::next);
                let may = one.has_room(self.sent_max()) && connection < self.options.active;
                (may && due <= now && self.options.answers != Answers::Stream).then_some(due)
            }
            Phase::Proving { .. } => {
                let may = connection >= self.options.active && one.has_room(1);
                may.then_some(now)
            }
            _ => None,
        }
    }

    /// Bytes came on a connection; a datagram is given whole. Returns whether messages may leave
    /// on it at once: then [`fill`](Self::fill) it.
    #[inline]
    pub fn received(&mut self, connection: u32, bytes: &[u8], now: Time) -> bool {
        let one = &mut self.connections[connection as usize];
        let book = &mut self.book;
        let had_room = one.has_room(u64::MAX);
        book.received(bytes.len());
        book.answered = 0;
        one.caller.received(bytes, &mut |judged| book.judged(judged, now));
        one.answered += book.answered;
        if let Phase::Proving { until } = &mut self.phase
            && book.answered > 0
        {
            // Many thousands take their time; only silence ends the asking early.
            *until = course::proving_ends(now, self.options.reply_timeout);
        }
        self.has_room_again(connection, had_room, now)
    }

    /// What follows when a connection may have more room than before.
    #[inline]
    fn has_room_again(&mut self, connection: u32, had_room: bool, now: Time) -> bool {
        let sent_max = self.sent_max();
        let one = &mut self.connections[connection as usize];
        if !had_room {
            one.free_since = now;
        }
        if one.sent >= sent_max && one.caller.open() == 0 && one.state == State::Open {
            self.used_up(connection, now);
            return false;
        }
        if self.arrivals.is_some() {
            self.enqueue(connection);
            return false;
        }
        true
    }

    /// Puts a connection with room into the queue.
    #[inline]
    fn enqueue(&mut self, connection: u32) {
        let sent_max = self.sent_max();
        let active = connection < self.options.active;
        let one = &mut self.connections[connection as usize];
        if active && !one.queued && one.has_room(sent_max) {
            one.queued = true;
            self.ready.push_back(connection);
        }
    }

    #[inline]
    fn sent_max(&self) -> u64 {
        self.options.messages_per_connection.unwrap_or(u64::MAX)
    }

    /// Everything that was put together for this connection has left.
    #[inline]
    pub fn flushed(&mut self, connection: u32) {
        if self.options.answers == Answers::End {
            self.taken_over(connection);
        } else if self.arrivals.is_none() {
            // A closed loop whose messages did not all fit.
            self.enqueue(connection);
        }
    }
}
