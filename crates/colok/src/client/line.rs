//! The socket side of a person at a terminal: lines go out, answers come in as events.
//!
//! A [`LineSession`] sends on the caller's thread and receives on one of its own, so that an
//! answer or the end of the connection is told while a line is being typed. It knows no terminal,
//! prints nothing, and adds nothing to what it is given.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use colok_proto::{Address, Peer, Time};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};
use rustix::io::Errno;

use super::connect::{ConnectOptions, Connection, connect};
use super::datagram::DATAGRAM_LENGTH_MAX;
use super::end::EndReason;
use super::link::{Link, Received};
use super::wait::{earliest, wait};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::net::url::{Transport, Url};
use crate::observe::Tap;

/// Events that may wait to be taken: with 64 KiB each at most 4 MiB. When they are not taken the
/// server has to wait.
const EVENTS_MAX: usize = 64;

/// Bytes received at once: the longest datagram and one more.
const RECEIVE_BYTES: usize = 64 * 1024;

/// How often a full queue of events is tried again.
const QUEUE_PAUSE: Duration = Duration::from_millis(20);

/// How long a line may take to be sent when the server does not read.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// How long a session may last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineOptions {
    /// The longest time without a byte either way. Default: none.
    pub idle_timeout: Option<Duration>,
    /// When it ends in any case. Default: never.
    pub deadline: Option<Time>,
}

/// What happens on a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineEvent {
    /// The connection is made; the first event of each connection.
    Connected {
        /// Its four-part address.
        peer: Peer,
    },
    /// Bytes came.
    Received {
        /// The bytes, 1 to 65 536; over UDP a whole datagram, which may be empty.
        bytes: Vec<u8>,
        /// Who sent a datagram.
        source: Option<Address>,
        /// The time from the last send to these bytes, when they are the first after it.
        round_trip: Option<Duration>,
    },
    /// The connection ended by itself; the last event of its connection.
    Closed {
        /// Why.
        reason: EndReason,
        /// Bytes sent on this connection.
        bytes_sent: u64,
        /// Bytes received on it.
        bytes_received: u64,
    },
}

/// How a session went, over all its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineReport {
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Why the last connection ended.
    pub ended_by: EndReason,
}

/// A conversation with a person; see the module. Dropping it closes it.
#[derive(Debug)]
pub struct LineSession<T: Tap> {
    url: Url,
    connect: ConnectOptions,
    options: LineOptions,
    clock: Clock,
    tap: T,
    events: SyncSender<LineEvent>,
    live: Option<Live>,
    peer: Peer,
    report: LineReport,
}

/// One connection and the thread that receives on it.
#[derive(Debug)]
struct Live {
    shared: Arc<Shared>,
    reader: JoinHandle<()>,
}

/// What both threads see.
#[derive(Debug)]
struct Shared {
    connection: Connection,
    /// An eventfd that ends the reader's wait.
    wake: OwnedFd,
    stop: AtomicBool,
    bytes_received: AtomicU64,
    /// When a byte last came or went, in nanoseconds of the clock.
    last_moved: AtomicU64,
    /// Locked around each send, so that the reader never sees an answer before its question.
    sending: Mutex<Sending>,
}

#[derive(Debug, Default)]
struct Sending {
    bytes_sent: u64,
    /// The last send, until its answer comes.
    sent: Option<Time>,
    /// A send failed for this reason.
    send_failed: Option<EndReason>,
    /// The connection ended for this reason.
    ended: Option<EndReason>,
    /// The server was told that no more will come.
    finished: bool,
}

impl<T: Tap> LineSession<T> {
    /// Connects and starts to receive. Waits as long as `connect` says.
    pub fn open(
        url: &Url,
        connect: &ConnectOptions,
        options: &LineOptions,
        clock: &Clock,
        tap: &T,
    ) -> Result<(Self, Receiver<LineEvent>)> {
        let (events, receiver) = sync_channel(EVENTS_MAX);
        let report =
            LineReport { bytes_sent: 0, bytes_received: 0, ended_by: EndReason::ClosedByUs };
        let mut session = Self {
            url: url.clone(),
            connect: connect.clone(),
            options: *options,
            clock: *clock,
            tap: tap.clone(),
            events,
            live: None,
            peer: Peer::unnamed(),
            report,
        };
        session.reconnect()?;
        Ok((session, receiver))
    }

    /// The four-part address of the connection, or of the last one.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Which kind of socket.
    pub fn transport(&self) -> Transport {
        self.url.transport
    }

    /// Whether the connection has not ended by itself.
    pub fn is_open(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.shared.sending().ended.is_none())
    }

    /// Sends these bytes: a line with its newline, or one datagram. Waits at most ten seconds for
    /// a server that does not read; that is `ETIMEDOUT`, and a part may have been sent.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let shared = self.open_connection()?;
        let link = Link::new(&shared.connection, &self.tap);
        if !link.is_stream() && bytes.len() > DATAGRAM_LENGTH_MAX {
            let (length, limit) = (bytes.len(), DATAGRAM_LENGTH_MAX);
            return Err(Error::DatagramTooLong { length, limit });
        }
        let until = earliest(Some(self.clock.now() + SEND_WITHIN), self.options.deadline);
        let mut sent = 0;
        while sent < bytes.len() || (bytes.is_empty() && !link.is_stream()) {
            let mut watched = [PollFd::from_borrowed_fd(link.socket(), PollFlags::OUT)];
            match wait(&mut watched, until, &self.clock) {
                Ok(0) => return Err(link.send_failed(Errno::TIMEDOUT)),
                Ok(_) => {}
                Err(errno) => return Err(link.failed("poll", errno)),
            }
            let result = shared.send(&link, &bytes[sent..], self.clock.now());
            sent += result.map_err(|errno| link.send_failed(errno))?;
            if bytes.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Tells the server that no more will come; what it still sends is received, up to its end.
    /// Over UDP it does nothing.
    pub fn half_close(&mut self) -> Result<()> {
        let shared = self.open_connection()?;
        shared.end_sending(&Link::new(&shared.connection, &self.tap));
        Ok(())
    }

    /// Connects again, to the same target with the same options; an open connection is closed
    /// first.
    pub fn reconnect(&mut self) -> Result<()> {
        self.end_connection();
        let connection = connect(&self.url, &self.connect, &self.clock, &self.tap)?;
        self.peer = connection.peer().clone();
        let failed = |errno| connection.failed("eventfd2", errno);
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let wake = eventfd(0, flags).map_err(failed)?;
        let shared = Arc::new(Shared::new(connection, wake, self.clock.now()));
        let reader = Reader {
            shared: shared.clone(),
            events: self.events.clone(),
            options: self.options,
            clock: self.clock,
            tap: self.tap.clone(),
        };
        let thread = Builder::new().name("receive".into()).spawn(move || reader.run());
        let reader = thread.map_err(|error| {
            let errno = Errno::from_io_error(&error).unwrap_or(Errno::AGAIN);
            shared.connection.failed("clone", errno)
        })?;
        self.live = Some(Live { shared, reader });
        Ok(())
    }

    /// Ends the session: the server is told and waited for, for at most a second.
    pub fn close(mut self) -> LineReport {
        self.end_connection();
        self.report
    }

    fn open_connection(&self) -> Result<&Shared> {
        match &self.live {
            Some(live) if live.shared.sending().ended.is_none() => Ok(&live.shared),
            _ => Err(Error::call("write", self.url.without_options(), Errno::NOTCONN)),
        }
    }

    fn end_connection(&mut self) {
        let Some(Live { shared, reader }) = self.live.take() else { return };
        shared.stop.store(true, Ordering::Release);
        shared.wake();
        // The reader cannot panic; if it did, its connection is closed all the same.
        let _ = reader.join();
        self.report.bytes_sent += shared.sending().bytes_sent;
        self.report.bytes_received += shared.bytes_received.load(Ordering::Relaxed);
        let ended = shared.sending().ended;
        self.report.ended_by = ended.unwrap_or(EndReason::ClosedByUs);
        if ended.is_none() {
            let link = Link::new(&shared.connection, &self.tap);
            link.ended(EndReason::ClosedByUs);
            link.end_sending();
            link.linger(self.options.deadline, &self.clock);
        }
        if let Some(shared) = Arc::into_inner(shared) {
            shared.connection.close(&self.tap);
        }
    }
}

impl<T: Tap> Drop for LineSession<T> {
    fn drop(&mut self) {
        self.end_connection();
    }
}

impl Shared {
    fn new(connection: Connection, wake: OwnedFd, now: Time) -> Self {
        Self {
            connection,
            wake,
            stop: AtomicBool::new(false),
            bytes_received: AtomicU64::new(0),
            last_moved: AtomicU64::new(now.as_nanos()),
            sending: Mutex::default(),
        }
    }

    fn sending(&self) -> MutexGuard<'_, Sending> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        // An eventfd refuses only when its counter is full, and then the reader wakes anyway.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// Tells the server, once, that no more will come.
    fn end_sending<T: Tap>(&self, link: &Link<'_, T>) {
        if !std::mem::replace(&mut self.sending().finished, true) {
            link.end_sending();
        }
    }

    /// Sends what the kernel takes now. A failure is left for the reader, which tells the end.
    fn send<T: Tap>(&self, link: &Link<'_, T>, bytes: &[u8], now: Time) -> Result<usize, Errno> {
        let mut sending = self.sending();
        match link.send(bytes) {
            Ok(length) => {
                sending.bytes_sent += length as u64;
                sending.sent = Some(now);
                self.last_moved.fetch_max(now.as_nanos(), Ordering::Relaxed);
                Ok(length)
            }
            Err(reason) => {
                sending.send_failed = Some(reason);
                self.wake();
                Err(if let EndReason::Reset(errno) = reason { errno } else { Errno::PIPE })
            }
        }
    }
}

/// The receiving thread.
struct Reader<T: Tap> {
    shared: Arc<Shared>,
    events: SyncSender<LineEvent>,
    options: LineOptions,
    clock: Clock,
    tap: T,
}

impl<T: Tap> Reader<T> {
    fn run(self) {
        let mut buffer = vec![0; RECEIVE_BYTES];
        let connected = LineEvent::Connected { peer: self.shared.connection.peer().clone() };
        if !self.tell(connected) {
            return;
        }
        let reason = loop {
            match self.turn(&mut buffer) {
                Turn::GoOn => {}
                Turn::Stop => return,
                Turn::Ended(reason) => break reason,
            }
        };
        self.shared.connection.ended(reason);
        let bytes_sent = {
            let mut sending = self.shared.sending();
            sending.ended = Some(reason);
            sending.bytes_sent
        };
        // The socket is kept until the person goes on; a server that has closed must not have to
        // wait for that, and a sequential one would keep its next client waiting as well.
        self.shared.end_sending(&Link::new(&self.shared.connection, &self.tap));
        self.tell(LineEvent::Closed {
            reason,
            bytes_sent,
            bytes_received: self.shared.bytes_received.load(Ordering::Relaxed),
        });
    }

    fn turn(&self, buffer: &mut [u8]) -> Turn {
        let link = Link::new(&self.shared.connection, &self.tap);
        let last_moved = Time::from_nanos(self.shared.last_moved.load(Ordering::Relaxed));
        let idle = self.options.idle_timeout.map(|idle| last_moved + idle);
        let until = earliest(idle, self.options.deadline);
        let mut watched = [
            PollFd::from_borrowed_fd(link.socket(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.shared.wake.as_fd(), PollFlags::IN),
        ];
        match wait(&mut watched, until, &self.clock) {
            Ok(0) => return self.time_over(),
            Ok(_) => {}
            Err(errno) => return Turn::Ended(EndReason::InputFailed(errno)),
        }
        let woken = !watched[1].revents().is_empty();
        if woken && let Some(turn) = self.woken(link.is_stream()) {
            return turn;
        }
        if watched[0].revents().is_empty() {
            return Turn::GoOn;
        }
        match link.receive(buffer) {
            Ok(Received::Bytes(length, source)) => self.received(&buffer[..length], source),
            Ok(Received::Nothing) => Turn::GoOn,
            // A send that failed has already taken the reason from the socket.
            Ok(Received::End) => {
                let failed = self.shared.sending().send_failed;
                Turn::Ended(failed.unwrap_or(EndReason::PeerClosed))
            }
            Err(reason) => Turn::Ended(reason),
        }
    }

    /// A time has come: an end, unless something was sent meanwhile.
    fn time_over(&self) -> Turn {
        let now = self.clock.now();
        let last_moved = Time::from_nanos(self.shared.last_moved.load(Ordering::Relaxed));
        if self.options.deadline.is_some_and(|deadline| now >= deadline) {
            Turn::Ended(EndReason::Deadline)
        } else if self.options.idle_timeout.is_some_and(|idle| now >= last_moved + idle) {
            Turn::Ended(EndReason::IdleTimeout)
        } else {
            Turn::GoOn
        }
    }

    /// The other thread wants something: to stop, or to tell that a send failed. A stream is
    /// received to its end first.
    fn woken(&self, is_stream: bool) -> Option<Turn> {
        let _ = rustix::io::read(&self.shared.wake, &mut [0; 8]);
        if self.shared.stop.load(Ordering::Acquire) {
            return Some(Turn::Stop);
        }
        let failed = self.shared.sending().send_failed.filter(|_| !is_stream);
        failed.map(Turn::Ended)
    }

    fn received(&self, bytes: &[u8], source: Option<Address>) -> Turn {
        let now = self.clock.now();
        self.shared.last_moved.fetch_max(now.as_nanos(), Ordering::Relaxed);
        self.shared.bytes_received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let sent = self.shared.sending().sent.take();
        let round_trip = sent.map(|sent| now.since(sent));
        let told = self.tell(LineEvent::Received { bytes: bytes.to_vec(), source, round_trip });
        if told { Turn::GoOn } else { Turn::Stop }
    }

    /// Hands over an event, waiting while the queue is full. False when nobody takes it any more
    /// or the session is to stop.
    fn tell(&self, event: LineEvent) -> bool {
        let mut event = event;
        loop {
            match self.events.try_send(event) {
                Ok(()) => return true,
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(back)) => event = back,
            }
            let until = Some(self.clock.now() + QUEUE_PAUSE);
            let waited = wait(&mut [], until, &self.clock);
            if waited.is_err() || self.shared.stop.load(Ordering::Acquire) {
                return false;
            }
        }
    }
}

/// What follows from one wait of the reader.
enum Turn {
    GoOn,
    Stop,
    Ended(EndReason),
}
