//! The loop of one thread's streams on one io_uring: sends of many connections leave with one
//! call, and what has arrived on any of them comes back with it.
//!
//! It never waits for more than one arrival, so no reply lies unread for the sake of a fuller
//! batch; and what is to be sent is handed to the kernel after every few messages, so that the
//! time a message carries is the time it left. It decides nothing about messages: [`Traffic`] does.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use colok_proto::Time;
use colok_sys::uring::{Event, Readiness, Room, Size, Stream, Uring, Wait};
use rustix::io::Errno;
use rustix::net::{Shutdown, shutdown, sockopt::socket_error};

use super::plan::{Address, Pace, Plan};
use super::run::Driver;
use super::sources::errno_name;
use super::traffic::{Step, Traffic};

/// Messages after which those that are waiting are handed to the kernel: few enough that the first
/// of them is not held up for longer than the others take to be made (about 1 us each).
const SUBMIT_AFTER: u32 = 8;

/// Arrivals that have room at once. Running out only makes the rest wait in their sockets.
const BUFFERS: u16 = 512;

/// Room for one arrival; larger ones come in pieces. 16 KiB and more need fewer pieces, and are no
/// faster.
const BUFFER_BYTES: u32 = 16 * 1024;

/// Operations that may be queued between two calls.
const ENTRIES: u32 = 1024;

/// Vectors that are kept to be filled again; each holds what one connection sends at once.
const SPARE_MAX: usize = 256;

/// A vector that has grown beyond this is not kept.
const SPARE_BYTES_MAX: usize = 256 * 1024;

/// Closer than this to a message that is due, the loop does not sleep: waking up takes as long.
const AWAKE_BEFORE: Duration = Duration::from_micros(100);

/// Connections that are begun before the loop looks whether the first of them are made: the time
/// that this takes is a part of the time to connect.
const CONNECTS_PER_TURN: u32 = 8;

/// How long to wait for room in the backlog of a Unix listener, which cannot be polled for.
const BACKLOG_PAUSE: Duration = Duration::from_millis(2);

/// Runs until the traffic is over.
pub(in crate::load) fn run(driver: &mut Driver<'_>, traffic: &mut Traffic) -> Result<(), String> {
    let connections = driver.connections();
    let ring = ring(connections).map_err(|error| unavailable(&error))?;
    let mut streams = Streams {
        ring,
        links: (0..connections).map(|_| None).collect(),
        owners: Vec::new(),
        connecting: VecDeque::new(),
        refused: VecDeque::new(),
        refused_until: Time::ZERO,
        spare: Vec::new(),
        unsubmitted: 0,
    };
    let ran = streams.run(driver, traffic);
    ran.map_err(|error| format!("io_uring: {error}"))
}

/// Whether this loop is the better one for a plan, and can be had here.
///
/// Measured beside the epoll loop, in turn, against a plain epoll echo server, each on a processor
/// of its own: in a closed loop it makes 1 to 4 % more messages at 64 connections of 64 bytes, up
/// to 6 % more at 512 of 1 KiB and 3 to 17 % more at depth 16, each at less time per message. In
/// an open loop at a third of capacity it took a fifth more time per message; and where
/// connections are made anew for each message, replies took longer.
pub(in crate::load) fn is_best_for(plan: &Plan) -> bool {
    let closed = matches!(plan.pace, Pace::Closed);
    closed && plan.messages_per_connection.is_none() && ring(1).is_ok()
}

/// What to tell a user who asked for io_uring where there is none.
fn unavailable(error: &io::Error) -> String {
    format!(
        "io_uring cannot be used here: {error}; try --io epoll (needs Linux 6.1 or later, \
         and that neither kernel.io_uring_disabled nor a sandbox refuses it)"
    )
}

fn ring(connections: u32) -> io::Result<Uring> {
    // A reply and the end of a send for each connection, and as much again.
    let completions = connections.saturating_mul(4).clamp(1024, 65_536);
    let buffers = u16::try_from(connections.next_power_of_two()).unwrap_or(BUFFERS);
    let buffers = buffers.clamp(64, BUFFERS);
    Uring::new(Size { entries: ENTRIES, completions, buffers, buffer_bytes: BUFFER_BYTES })
}

/// The connections of one thread and their ring.
struct Streams {
    ring: Uring,
    /// By connection.
    links: Vec<Option<Link>>,
    /// The connection of each place in the ring.
    owners: Vec<Option<u32>>,
    /// Connections in the making, in the order in which they were begun.
    connecting: VecDeque<(Time, u32, Stream)>,
    /// Connections that found a full backlog, since when they are wanted, and until when to wait.
    refused: VecDeque<(Time, u32)>,
    refused_until: Time,
    spare: Vec<Vec<u8>>,
    /// Messages that were queued since the last call.
    unsubmitted: u32,
}

/// One connection as the loop knows it.
struct Link {
    stream: Stream,
    /// When it was begun, while it is in the making.
    begun: Option<Time>,
    /// From where on the send that is on its way began.
    sending_from: Option<usize>,
    /// What leaves after that.
    waiting: Vec<u8>,
    /// The sending side ends when everything has left.
    half_close: bool,
}

impl Streams {
    fn run(&mut self, driver: &mut Driver<'_>, traffic: &mut Traffic) -> io::Result<()> {
        loop {
            let now = driver.clock.now();
            if !driver.heed(traffic, now) {
                return Ok(());
            }
            self.expire(driver, traffic, now);
            self.try_again(driver, traffic, now)?;
            self.carry_out(driver, traffic, now)?;
            self.wait(driver, traffic)?;
            let mut now = driver.clock.now();
            while let Some(event) = self.ring.next_event() {
                if matches!(event, Event::Received(..) | Event::Ready(..)) {
                    // A reply has come when it is its turn, as if it was read now: what it waited
                    // for others of its batch is time that this program took, and is not hidden.
                    now = driver.clock.now();
                }
                self.heed(traffic, event, now)?;
                // Before the next event of the same connection, which may be gone by then.
                self.carry_out(driver, traffic, now)?;
            }
        }
    }

    /// Hands over what is queued and waits until something has come or is due.
    fn wait(&mut self, driver: &mut Driver<'_>, traffic: &Traffic) -> io::Result<()> {
        let sends = std::mem::take(&mut self.unsubmitted) > 0;
        let now = driver.clock.now();
        let mut until = driver.wait_until(traffic, now);
        if !self.refused.is_empty() {
            until = until.min(self.refused_until);
        }
        let awake = if traffic.is_open_loop() { AWAKE_BEFORE } else { Duration::ZERO };
        let rest = until.since(now).saturating_sub(awake);
        if !rest.is_zero() {
            return self.ring.wait(Wait::for_one(Some(rest)));
        }
        self.ring.wait(Wait::LOOK)?;
        if !sends && !self.ring.has_events() {
            driver.spun(driver.clock.now().since(now));
        }
        Ok(())
    }

    /// Carries out what the traffic wants.
    #[inline]
    fn carry_out(
        &mut self,
        driver: &mut Driver<'_>,
        traffic: &mut Traffic,
        mut now: Time,
    ) -> io::Result<()> {
        let mut connects = 0;
        while connects < CONNECTS_PER_TURN
            && let Some(step) = traffic.next_step(now)
        {
            connects += u32::from(matches!(step, Step::Connect(_)));
            match step {
                Step::Connect(connection) => self.connect(driver, traffic, connection, now)?,
                Step::Fill(connection) => self.fill(traffic, connection, now)?,
                Step::HalfClose(connection) => self.half_close(connection),
                Step::Close(connection) => self.close(connection)?,
            }
            now = driver.clock.now();
        }
        Ok(())
    }

    fn connect(
        &mut self,
        driver: &mut Driver<'_>,
        traffic: &mut Traffic,
        connection: u32,
        begun: Time,
    ) -> io::Result<()> {
        if self.unsubmitted > 0 {
            // Making a connection takes long; what is to be sent does not wait for it.
            self.unsubmitted = 0;
            self.ring.submit()?;
        }
        let socket = match driver.places.connect() {
            Ok((socket, _)) => socket,
            Err(Errno::AGAIN) if matches!(driver.plan.address, Address::Unix(_)) => {
                self.refused.push_back((begun, connection));
                return Ok(());
            }
            Err(errno) => {
                traffic.failed(connection, &errno_name(errno), driver.clock.now());
                return Ok(());
            }
        };
        let stream = self.ring.add(socket);
        if self.owners.len() <= stream.index() {
            self.owners.resize(stream.index() + 1, None);
        }
        self.owners[stream.index()] = Some(connection);
        self.ring.poll(stream, Readiness::Write)?;
        self.connecting.push_back((begun, connection, stream));
        self.links[connection as usize] = Some(Link {
            stream,
            begun: Some(begun),
            sending_from: None,
            waiting: Vec::new(),
            half_close: false,
        });
        Ok(())
    }

    /// Gives up connections that are not made in time.
    fn expire(&mut self, driver: &Driver<'_>, traffic: &mut Traffic, now: Time) {
        let patience = driver.plan.connect_timeout_s;
        while let Some((begun, connection, stream)) = self.connecting.front().copied() {
            let link = self.links[connection as usize].as_ref();
            let waits = link.is_some_and(|link| link.stream == stream && link.begun == Some(begun));
            if waits && now.since(begun) < patience {
                return;
            }
            self.connecting.pop_front();
            if waits {
                // Whether the ring takes the order to close is told by the next wait.
                let _ = self.close(connection);
                traffic.failed(connection, "timeout", now);
            }
        }
    }

    /// Tries those connections again that found a full backlog.
    fn try_again(
        &mut self,
        driver: &mut Driver<'_>,
        traffic: &mut Traffic,
        now: Time,
    ) -> io::Result<()> {
        if self.refused.is_empty() || now < self.refused_until {
            return Ok(());
        }
        self.refused_until = now + BACKLOG_PAUSE;
        for _ in 0..self.refused.len() {
            let Some((begun, connection)) = self.refused.pop_front() else { break };
            if now.since(begun) < driver.plan.connect_timeout_s {
                self.connect(driver, traffic, connection, begun)?;
            } else {
                traffic.failed(connection, "timeout", now);
            }
        }
        Ok(())
    }

    /// Carries out what has happened.
    #[inline]
    fn heed(&mut self, traffic: &mut Traffic, event: Event, now: Time) -> io::Result<()> {
        match event {
            Event::Received(stream, lease) => {
                let owner = self.owner(stream);
                let again = owner.is_some_and(|connection| {
                    traffic.received(connection, self.ring.bytes(&lease), now)
                });
                self.ring.give_back(lease);
                match owner {
                    Some(connection) if again => self.fill(traffic, connection, now),
                    _ => Ok(()),
                }
            }
            Event::Sent(stream, payload, sent) => {
                self.sent(traffic, stream, payload.into_bytes(), sent, now)
            }
            Event::Ended(stream) => self.ended(traffic, stream, "peer-closed", now),
            Event::Failed(stream, errno) => self.ended(traffic, stream, &errno_name(errno), now),
            Event::Ready(stream, _) => self.connected(traffic, stream, now),
            Event::Closed(_) | Event::Accepted(..) => Ok(()),
        }
    }

    fn owner(&self, stream: Stream) -> Option<u32> {
        self.owners.get(stream.index()).copied().flatten()
    }

    /// A connection is made, or cannot be made.
    fn connected(&mut self, traffic: &mut Traffic, stream: Stream, now: Time) -> io::Result<()> {
        let Some(connection) = self.owner(stream) else { return Ok(()) };
        let Some(link) = &mut self.links[connection as usize] else { return Ok(()) };
        let Some(begun) = link.begun.take() else { return Ok(()) };
        match socket_error(self.ring.socket(stream)).flatten() {
            Ok(()) => {
                self.ring.receive(stream)?;
                traffic.opened(connection, begun, now);
                Ok(())
            }
            Err(errno) => {
                self.close(connection)?;
                traffic.failed(connection, &errno_name(errno), now);
                Ok(())
            }
        }
    }

    /// Sends what may leave on a connection now.
    #[inline]
    fn fill(&mut self, traffic: &mut Traffic, connection: u32, now: Time) -> io::Result<()> {
        let Some(link) = &mut self.links[connection as usize] else { return Ok(()) };
        if link.sending_from.is_some() {
            if link.waiting.capacity() == 0 {
                link.waiting = self.spare.pop().unwrap_or_default();
            }
            traffic.fill(connection, now, &mut link.waiting);
            return Ok(());
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        traffic.fill(connection, now, &mut bytes);
        self.send(connection, bytes, 0)?;
        self.unsubmitted += 1;
        if self.unsubmitted >= SUBMIT_AFTER {
            self.unsubmitted = 0;
            self.ring.submit()?;
        }
        Ok(())
    }

    fn send(&mut self, connection: u32, bytes: Vec<u8>, from: usize) -> io::Result<()> {
        let Some(link) = &mut self.links[connection as usize] else { return Ok(()) };
        if from >= bytes.len() {
            keep(&mut self.spare, bytes);
            return Ok(());
        }
        link.sending_from = Some(from);
        self.ring.send(link.stream, bytes, from, Room::Wait)
    }

    fn sent(
        &mut self,
        traffic: &mut Traffic,
        stream: Stream,
        bytes: Vec<u8>,
        sent: Result<usize, Errno>,
        now: Time,
    ) -> io::Result<()> {
        let owner = self.owner(stream);
        let link = owner.and_then(|connection| self.links[connection as usize].as_mut());
        let (Some(connection), Some(link)) = (owner, link) else {
            keep(&mut self.spare, bytes);
            return Ok(());
        };
        let from = link.sending_from.take().unwrap_or(0);
        let left = match sent {
            Ok(count) => from + count,
            Err(errno) => {
                keep(&mut self.spare, bytes);
                return self.ended(traffic, stream, &errno_name(errno), now);
            }
        };
        if left < bytes.len() {
            return self.send(connection, bytes, left);
        }
        let waiting = std::mem::take(&mut link.waiting);
        let half_close = link.half_close;
        keep(&mut self.spare, bytes);
        if !waiting.is_empty() {
            return self.send(connection, waiting, 0);
        }
        traffic.flushed(connection);
        if half_close {
            self.half_close(connection);
        }
        Ok(())
    }

    /// Ends the sending side, at once or after what is on its way.
    fn half_close(&mut self, connection: u32) {
        let Some(link) = &mut self.links[connection as usize] else { return };
        link.half_close = true;
        if link.sending_from.is_none() && link.begun.is_none() {
            // A connection that is already gone is told by its receive.
            let _ = shutdown(self.ring.socket(link.stream), Shutdown::Write);
        }
    }

    /// The peer or the network has ended a connection.
    fn ended(
        &mut self,
        traffic: &mut Traffic,
        stream: Stream,
        why: &str,
        now: Time,
    ) -> io::Result<()> {
        let Some(connection) = self.owner(stream) else { return Ok(()) };
        self.close(connection)?;
        traffic.closed(connection, why, now);
        Ok(())
    }

    /// Closes a connection, whatever goes on for it; the ring knows when that is over.
    fn close(&mut self, connection: u32) -> io::Result<()> {
        let Some(link) = self.links[connection as usize].take() else { return Ok(()) };
        self.owners[link.stream.index()] = None;
        self.ring.close(link.stream)
    }
}

/// Keeps a vector to be filled again.
fn keep(spare: &mut Vec<Vec<u8>>, mut bytes: Vec<u8>) {
    if spare.len() < SPARE_MAX && bytes.capacity() <= SPARE_BYTES_MAX {
        bytes.clear();
        spare.push(bytes);
    }
}
