//! The epoll loop for TCP and Unix streams: moves bytes and times between traffic and sockets.
//!
//! At depth 1 a message costs one read and one write, and a share of one wait. Sockets are
//! registered once, edge-triggered: nothing is asked again of the kernel while a connection lives,
//! and a wait looks only at sockets that have something new.
//!
//! Unlike everywhere else in this library no call goes through [`Calls`](crate::observe::Calls):
//! nobody watches single calls of a load, and the loop is the instrument.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::Duration;

use colok_proto::Time;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown, sockopt};

use super::plan::Address;
use super::run::Driver;
use super::sources::errno_name;
use super::traffic::{Step, Traffic};

/// One arrival: what a fast stream brings in one read.
const ARRIVAL_BYTES: usize = 64 * 1024;

/// Events taken from one wait.
const EVENTS: usize = 256;

/// Full reads of one connection before the others have their turn.
const READS_PER_TURN: u32 = 16;

/// Steps carried out before what has come is looked at.
const STEPS_PER_TURN: u32 = 256;

/// How long to wait for room in the backlog of a Unix listener, which cannot be polled for.
const BACKLOG_PAUSE: Duration = Duration::from_millis(2);

/// Closer than this to a message that is due, the loop does not sleep: waking up takes as long.
const AWAKE_BEFORE: Duration = Duration::from_micros(100);

/// Runs the connections of one thread until all is over.
pub(super) fn run(driver: &mut Driver<'_>, traffic: &mut Traffic) -> Result<(), String> {
    let mut streams = Streams::new(driver, traffic).map_err(|errno| errno.to_string())?;
    loop {
        let now = streams.driver.clock.now();
        if !streams.driver.heed(streams.traffic, now) {
            return Ok(());
        }
        let rested = streams.take_steps();
        streams.look_at_pending_connects(now);
        streams.wait(rested).map_err(|errno| errno.to_string())?;
        streams.take_events();
    }
}

/// One connection.
struct Line {
    socket: Option<OwnedFd>,
    /// Counts sockets in this place, so that an event of an earlier one is told from its own.
    generation: u32,
    /// When it was begun; it is not made yet.
    connecting: Option<Time>,
    /// Bytes that the socket did not take.
    pending: Vec<u8>,
    /// How many of them have left since.
    left: usize,
    /// The sending side ends when `pending` has left.
    half_close: bool,
}

struct Streams<'a, 'd> {
    driver: &'a mut Driver<'d>,
    traffic: &'a mut Traffic,
    epoll: OwnedFd,
    lines: Vec<Line>,
    events: Vec<Event>,
    arrival: Vec<u8>,
    out: Vec<u8>,
    /// Connections that had more to read than was their turn.
    unread: VecDeque<u32>,
    /// Connects that are given up at this time; all may take equally long, so they are in order.
    connect_ends: VecDeque<(Time, u32, u32)>,
    /// Connects that found a full backlog, and since when they are wanted.
    refused: VecDeque<(Time, u32)>,
    refused_until: Time,
}

impl<'a, 'd> Streams<'a, 'd> {
    fn new(driver: &'a mut Driver<'d>, traffic: &'a mut Traffic) -> Result<Self, Errno> {
        let line = |_| Line {
            socket: None,
            generation: 0,
            connecting: None,
            pending: Vec::new(),
            left: 0,
            half_close: false,
        };
        let lines = (0..driver.connections()).map(line).collect();
        Ok(Self {
            driver,
            traffic,
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            lines,
            events: Vec::with_capacity(EVENTS),
            arrival: vec![0; ARRIVAL_BYTES],
            out: Vec::with_capacity(ARRIVAL_BYTES),
            unread: VecDeque::new(),
            connect_ends: VecDeque::new(),
            refused: VecDeque::new(),
            refused_until: Time::ZERO,
        })
    }

    /// Carries out what the traffic wants. Returns whether that was all.
    #[inline]
    fn take_steps(&mut self) -> bool {
        for _ in 0..STEPS_PER_TURN {
            let now = self.driver.clock.now();
            let Some(step) = self.traffic.next_step(now) else { return true };
            match step {
                Step::Fill(connection) => self.fill(connection, now),
                Step::Connect(connection) => self.connect(connection, now),
                Step::HalfClose(connection) => self.half_close(connection, now),
                Step::Close(connection) => self.lines[connection as usize].close(),
            }
        }
        false
    }

    /// Puts messages together and sends them.
    #[inline]
    fn fill(&mut self, connection: u32, now: Time) {
        let line = &mut self.lines[connection as usize];
        if !line.pending.is_empty() {
            // They leave behind what waits; how many there can be is bounded by the depth.
            self.traffic.fill(connection, now, &mut line.pending);
            return;
        }
        self.out.clear();
        if self.traffic.fill(connection, now, &mut self.out) == 0 {
            return;
        }
        let Some(socket) = &line.socket else { return };
        match retry_on_intr(|| send(socket, &self.out, SendFlags::NOSIGNAL)) {
            Ok(sent) if sent == self.out.len() => self.traffic.flushed(connection),
            Ok(sent) => line.pending.extend_from_slice(&self.out[sent..]),
            Err(Errno::AGAIN) => line.pending.extend_from_slice(&self.out),
            Err(errno) => self.closed(connection, &errno_name(errno), now),
        }
    }

    /// Sends what waits.
    fn flush(&mut self, connection: u32, now: Time) {
        let line = &mut self.lines[connection as usize];
        let Some(socket) = &line.socket else { return };
        while line.left < line.pending.len() {
            let rest = &line.pending[line.left..];
            match retry_on_intr(|| send(socket, rest, SendFlags::NOSIGNAL)) {
                Ok(sent) => line.left += sent,
                Err(Errno::AGAIN) => return,
                Err(errno) => return self.closed(connection, &errno_name(errno), now),
            }
        }
        if line.left > 0 {
            line.pending.clear();
            line.left = 0;
            self.traffic.flushed(connection);
            if self.lines[connection as usize].half_close {
                self.half_close(connection, now);
            }
        }
    }

    fn half_close(&mut self, connection: u32, now: Time) {
        let line = &mut self.lines[connection as usize];
        line.half_close = true;
        let Some(socket) = line.socket.as_ref().filter(|_| line.pending.is_empty()) else { return };
        if let Err(errno) = shutdown(socket, Shutdown::Write) {
            self.closed(connection, &errno_name(errno), now);
        }
    }

    fn closed(&mut self, connection: u32, reason: &str, now: Time) {
        self.lines[connection as usize].close();
        self.traffic.closed(connection, reason, now);
    }

    fn connect(&mut self, connection: u32, since: Time) {
        match self.driver.places.connect() {
            Ok((socket, made)) => {
                let line = &mut self.lines[connection as usize];
                line.generation += 1;
                let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
                let data = u64::from(line.generation) << 32 | u64::from(connection);
                let added = epoll::add(&self.epoll, &socket, EventData::new_u64(data), flags);
                if let Err(errno) = added {
                    let now = self.driver.clock.now();
                    return self.traffic.failed(connection, &errno_name(errno), now);
                }
                line.socket = Some(socket);
                line.connecting = Some(since);
                if made {
                    self.made(connection);
                } else {
                    let end = since + self.driver.plan.connect_timeout_s;
                    self.connect_ends.push_back((end, connection, line.generation));
                }
            }
            Err(Errno::AGAIN) if matches!(self.driver.plan.address, Address::Unix(_)) => {
                self.refused.push_back((since, connection));
            }
            Err(errno) => {
                self.traffic.failed(connection, &errno_name(errno), self.driver.clock.now());
            }
        }
    }

    /// A connection was made, or could not be.
    fn made(&mut self, connection: u32) {
        let now = self.driver.clock.now();
        let line = &mut self.lines[connection as usize];
        let Some(since) = line.connecting.take() else { return };
        let Some(socket) = &line.socket else { return };
        match sockopt::socket_error(socket).and_then(|result| result) {
            Ok(()) => self.traffic.opened(connection, since, now),
            Err(errno) => {
                line.close();
                self.traffic.failed(connection, &errno_name(errno), now);
            }
        }
    }

    /// Gives up connects that take too long, and tries those again that found a full backlog.
    fn look_at_pending_connects(&mut self, now: Time) {
        while let Some((end, connection, generation)) = self.connect_ends.front().copied() {
            let line = &mut self.lines[connection as usize];
            let waits = line.connecting.is_some() && line.generation == generation;
            if waits && end > now {
                break;
            }
            self.connect_ends.pop_front();
            if waits {
                line.close();
                self.traffic.failed(connection, "timeout", now);
            }
        }
        if self.refused.is_empty() || now < self.refused_until {
            return;
        }
        self.refused_until = now + BACKLOG_PAUSE;
        for _ in 0..self.refused.len() {
            let Some((since, connection)) = self.refused.pop_front() else { return };
            if now.since(since) < self.driver.plan.connect_timeout_s {
                self.connect(connection, since);
            } else {
                self.traffic.failed(connection, "timeout", now);
            }
        }
    }

    /// Waits until something has come or is due.
    fn wait(&mut self, rested: bool) -> Result<(), Errno> {
        self.events.clear();
        let now = self.driver.clock.now();
        let mut until = self.driver.wait_until(self.traffic, now);
        if let Some((end, ..)) = self.connect_ends.front() {
            until = until.min(*end);
        }
        if !self.refused.is_empty() {
            until = until.min(self.refused_until);
        }
        let busy = !rested || !self.unread.is_empty();
        let rest = if busy { Duration::ZERO } else { until.since(now) };
        if !self.traffic.is_open_loop() {
            // A millisecond is near enough when only timeouts and orders are waited for.
            return self.take_ready(rest);
        }
        self.take_ready(Duration::ZERO)?;
        if !self.events.is_empty() || rest.is_zero() {
            return Ok(());
        }
        let Some(sleep) = rest.checked_sub(AWAKE_BEFORE).filter(|sleep| !sleep.is_zero()) else {
            self.driver.spun(self.driver.clock.now().since(now));
            return Ok(());
        };
        let timeout = Timespec::try_from(sleep).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        let mut one = [PollFd::new(&self.epoll, PollFlags::IN)];
        retry_on_intr(|| poll(&mut one, Some(&timeout))).map(drop)?;
        self.take_ready(Duration::ZERO)
    }

    /// Takes events, waiting for the first so long: to the millisecond.
    #[inline]
    fn take_ready(&mut self, rest: Duration) -> Result<(), Errno> {
        let millis = rest.as_nanos().div_ceil(1_000_000).min(1000);
        let millis = i64::try_from(millis).unwrap_or(1000);
        let timeout = Timespec { tv_sec: millis / 1000, tv_nsec: millis % 1000 * 1_000_000 };
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Carries out what has come.
    #[inline]
    fn take_events(&mut self) {
        for _ in 0..self.unread.len() {
            if let Some(connection) = self.unread.pop_front() {
                self.read(connection, false);
            }
        }
        for place in 0..self.events.len() {
            let Event { flags, data } = self.events[place];
            let data = data.u64();
            #[expect(clippy::cast_possible_truncation, reason = "the low half is the number")]
            let (connection, generation) = (data as u32, (data >> 32) as u32);
            let line = &self.lines[connection as usize];
            if line.generation != generation || line.socket.is_none() {
                continue;
            }
            if line.connecting.is_some() {
                self.made(connection);
            }
            if !self.lines[connection as usize].pending.is_empty()
                && flags.contains(EventFlags::OUT)
            {
                self.flush(connection, self.driver.clock.now());
            }
            let ending = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
            let ends = flags.intersects(ending);
            if ends || flags.contains(EventFlags::IN) {
                self.read(connection, ends);
            }
            if self.traffic.is_open_loop() {
                // What is due does not wait for the rest of the events.
                self.take_steps();
            }
        }
    }

    /// Reads what has come, until a read finds less than it has room for: then there is no more,
    /// and when there is, the kernel says so. When the peer `ends`, until the end.
    #[inline]
    fn read(&mut self, connection: u32, ends: bool) {
        for _ in 0..READS_PER_TURN {
            let Some(socket) = &self.lines[connection as usize].socket else { return };
            let result = retry_on_intr(|| recv(socket, &mut self.arrival[..], RecvFlags::empty()));
            let now = self.driver.clock.now();
            match result.map(|(count, _)| count) {
                Ok(0) => return self.closed(connection, "peer-closed", now),
                Ok(count) => {
                    if self.traffic.received(connection, &self.arrival[..count], now) {
                        self.fill(connection, now);
                    }
                    if count < ARRIVAL_BYTES && !ends {
                        return;
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(errno) => return self.closed(connection, &errno_name(errno), now),
            }
        }
        self.unread.push_back(connection);
    }
}

impl Line {
    /// Closes the socket; what waited is gone.
    fn close(&mut self) {
        self.socket = None;
        self.connecting = None;
        self.pending.clear();
        self.left = 0;
        self.half_close = false;
    }
}
