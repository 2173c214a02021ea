//! The loop of one thread's UDP sockets: connected, non-blocking, waited for with epoll.
//!
//! A socket with one message on its way makes one `send` and one `recv` per message; one with more
//! sends and receives what it can together. Datagrams get lost, and what is lost is found by its
//! time: [`Traffic`] gives it up. A port where nobody listens is told by the socket's error, and
//! then it is closed and opened again a moment later. Nothing here decides about messages.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use colok_proto::Time;
use colok_sys::datagrams::{Arrivals, Departure, Departures, Tell};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::{RecvFlags, SendFlags, recv, send, sockopt};

use super::plan::{Call, Pace};
use super::run::Driver;
use super::sources::errno_name;
use super::traffic::{Step, Traffic};

/// Datagrams that are sent or received with one call at most: beyond it a call costs next to
/// nothing compared with the datagrams. Letting the kernel cut one send into them (`UDP_SEGMENT`)
/// was measured too, and saved 1 % toward a server that takes them one by one: not worth its ways
/// to fail.
const TOGETHER_MAX: usize = 64;

/// The largest datagram there is, and a byte by which a reply is seen to be too long.
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// Sockets that are told of by one wait.
const EVENTS_MAX: usize = 256;

/// Closer than this to a message that is due, the loop does not sleep: waking up takes as long.
const AWAKE_BEFORE: Duration = Duration::from_micros(100);

/// No send waits, not even on the socket that is alone and may wait for its reply.
const SEND_FLAGS: SendFlags = SendFlags::NOSIGNAL.union(SendFlags::DONTWAIT);

/// How long a socket that is alone waits for its reply before the loop looks at the time: an
/// interval ends no later than this when no replies come.
const ALONE_WAIT: Duration = Duration::from_millis(5);

/// Steps before the loop looks at the time again: where nothing is answered there is always another
/// one, for loopback never has no room.
const STEPS_PER_TURN: usize = 256;

/// Runs until the traffic is over.
pub(in crate::load) fn run(driver: &mut Driver<'_>, traffic: &mut Traffic) -> Result<(), String> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)
        .map_err(|errno| format!("epoll_create: {errno}"))?;
    let connections = driver.connections() as usize;
    let together = (driver.plan.depth as usize).clamp(1, TOGETHER_MAX);
    let answered = driver.plan.call != Call::Discard;
    let closed = matches!(driver.plan.pace, Pace::Closed) && answered;
    let mut sockets = Sockets {
        epoll,
        open: (0..connections).map(|_| None).collect(),
        waiting: BTreeMap::new(),
        ending: BTreeSet::new(),
        together,
        alone: connections == 1 && together == 1 && closed,
        outgoing: Outgoing::default(),
        departures: Departures::new(together),
        arrivals: Arrivals::new(together, DATAGRAM_BYTES_MAX + LINE, Tell::default()),
        buffer: Vec::with_capacity(DATAGRAM_BYTES_MAX),
    };
    sockets.run(driver, traffic).map_err(|errno| format!("epoll_wait: {errno}"))
}

/// A cache line more than a power of two, or the beginnings of all datagrams of a batch would
/// compete for the same few lines of the cache.
const LINE: usize = 64;

/// The sockets of one thread.
struct Sockets {
    epoll: OwnedFd,
    /// By connection.
    open: Vec<Option<OwnedFd>>,
    /// What had no room in its socket, by connection: rare.
    waiting: BTreeMap<u32, Outgoing>,
    /// Those of them that end when it has left.
    ending: BTreeSet<u32>,
    /// Datagrams that are sent or received with one call.
    together: usize,
    /// There is one socket, and nothing to be done but to wait for its reply: then receiving
    /// itself waits, which saves a call per message.
    alone: bool,
    outgoing: Outgoing,
    departures: Departures,
    arrivals: Arrivals,
    buffer: Vec<u8>,
}

/// Datagrams one after another.
#[derive(Debug, Default)]
struct Outgoing {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    /// How many of them have left.
    sent: usize,
}

impl Outgoing {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.sent = 0;
    }

    fn is_sent(&self) -> bool {
        self.sent == self.ends.len()
    }

    /// The one datagram that has not left, when it is one.
    #[inline]
    fn only(&self) -> Option<&[u8]> {
        (self.ends.len() == self.sent + 1).then(|| self.datagram(self.sent))
    }

    /// Datagrams that have not left.
    fn rest(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (self.sent..self.ends.len()).map(|index| self.datagram(index))
    }

    #[inline]
    fn datagram(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }
}

impl Sockets {
    fn run(&mut self, driver: &mut Driver<'_>, traffic: &mut Traffic) -> Result<(), Errno> {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        loop {
            let now = driver.clock.now();
            if !driver.heed(traffic, now) {
                return Ok(());
            }
            self.carry_out(driver, traffic, now);
            if self.alone && self.open[0].is_some() {
                self.heed(driver, traffic, 0);
                continue;
            }
            self.wait(driver, traffic, &mut events)?;
            for event in &events {
                let Ok(connection) = u32::try_from(event.data.u64()) else { continue };
                self.heed(driver, traffic, connection);
            }
        }
    }

    /// Waits until something has come or is due.
    fn wait(
        &self,
        driver: &mut Driver<'_>,
        traffic: &Traffic,
        events: &mut Vec<epoll::Event>,
    ) -> Result<(), Errno> {
        events.clear();
        let now = driver.clock.now();
        let awake = if traffic.is_open_loop() { AWAKE_BEFORE } else { Duration::ZERO };
        let rest = driver.wait_until(traffic, now).since(now).saturating_sub(awake);
        let time = Timespec::try_from(rest).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        match epoll::wait(&self.epoll, spare_capacity(events), Some(&time)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        if events.is_empty() && rest.is_zero() {
            driver.spun(driver.clock.now().since(now));
        }
        Ok(())
    }

    /// Carries out what the traffic wants.
    #[inline]
    fn carry_out(&mut self, driver: &mut Driver<'_>, traffic: &mut Traffic, now: Time) {
        for _ in 0..STEPS_PER_TURN {
            let Some(step) = traffic.next_step(now) else { return };
            match step {
                Step::Connect(connection) => self.open(driver, traffic, connection),
                Step::Fill(connection) => self.fill(driver, traffic, connection, now),
                Step::HalfClose(connection) => self.end(traffic, connection, now),
                Step::Close(connection) => self.close(connection),
            }
        }
    }

    fn open(&mut self, driver: &mut Driver<'_>, traffic: &mut Traffic, connection: u32) {
        let begun = driver.clock.now();
        let opened = driver.places.connect().and_then(|(socket, _)| {
            let data = epoll::EventData::new_u64(u64::from(connection));
            epoll::add(&self.epoll, &socket, data, epoll::EventFlags::IN)?;
            if self.alone {
                sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(ALONE_WAIT))?;
                ioctl_fionbio(&socket, false)?;
            }
            Ok(socket)
        });
        match opened {
            Ok(socket) => {
                self.open[connection as usize] = Some(socket);
                traffic.opened(connection, begun, driver.clock.now());
            }
            Err(errno) => traffic.failed(connection, &errno_name(errno), begun),
        }
    }

    fn close(&mut self, connection: u32) {
        self.waiting.remove(&connection);
        self.ending.remove(&connection);
        self.open[connection as usize] = None;
    }

    /// A service that does not answer a datagram says no end either: what has left is settled when
    /// all of it has.
    fn end(&mut self, traffic: &mut Traffic, connection: u32, now: Time) {
        if self.waiting.contains_key(&connection) {
            self.ending.insert(connection);
        } else if self.open[connection as usize].is_some() {
            self.close(connection);
            traffic.closed(connection, "peer-closed", now);
        }
    }

    /// A socket is gone, for this reason.
    fn gone(&mut self, traffic: &mut Traffic, connection: u32, errno: Errno, now: Time) {
        self.close(connection);
        traffic.closed(connection, &errno_name(errno), now);
    }

    /// Something is to be read or to be learnt from a socket, or it has room again.
    fn heed(&mut self, driver: &mut Driver<'_>, traffic: &mut Traffic, connection: u32) {
        if !self.waiting.is_empty() && self.waiting.contains_key(&connection) {
            self.send_waiting(driver, traffic, connection);
        }
        let received = if self.together > 1 {
            self.receive_many(driver, traffic, connection)
        } else {
            self.receive_one(driver, traffic, connection)
        };
        match received {
            Ok(again) => {
                let now = driver.clock.now();
                if again {
                    self.fill(driver, traffic, connection, now);
                }
                self.carry_out(driver, traffic, now);
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(errno) => self.gone(traffic, connection, errno, driver.clock.now()),
        }
    }

    /// Takes one datagram, if there is one. Returns whether the connection is to be filled.
    #[inline]
    fn receive_one(
        &mut self,
        driver: &Driver<'_>,
        traffic: &mut Traffic,
        connection: u32,
    ) -> Result<bool, Errno> {
        let Some(socket) = &self.open[connection as usize] else { return Err(Errno::AGAIN) };
        self.buffer.clear();
        recv(socket, spare_capacity(&mut self.buffer), RecvFlags::empty())?;
        Ok(traffic.received(connection, &self.buffer, driver.clock.now()))
    }

    /// Takes what datagrams there are.
    fn receive_many(
        &mut self,
        driver: &Driver<'_>,
        traffic: &mut Traffic,
        connection: u32,
    ) -> Result<bool, Errno> {
        let Some(socket) = &self.open[connection as usize] else { return Err(Errno::AGAIN) };
        self.arrivals.receive(socket.as_fd())?;
        let now = driver.clock.now();
        let mut again = false;
        for arrival in self.arrivals.iter() {
            again = traffic.received(connection, arrival.bytes, now);
        }
        Ok(again)
    }

    /// Sends what may leave on a connection now.
    #[inline]
    fn fill(&mut self, driver: &Driver<'_>, traffic: &mut Traffic, connection: u32, mut now: Time) {
        // What may leave on a socket that has no room leaves when it has.
        while !self.waiting.contains_key(&connection) {
            self.outgoing.clear();
            while self.outgoing.ends.len() < self.together
                && traffic.message(connection, now, &mut self.outgoing.bytes)
            {
                self.outgoing.ends.push(self.outgoing.bytes.len());
            }
            if self.outgoing.ends.is_empty() {
                return;
            }
            let full = self.outgoing.ends.len() == self.together;
            let mut outgoing = std::mem::take(&mut self.outgoing);
            match self.send(connection, &mut outgoing) {
                Ok(()) => traffic.flushed(connection),
                Err(Errno::AGAIN) => return self.wait_for_room(connection, outgoing),
                Err(errno) => self.gone(traffic, connection, errno, now),
            }
            self.outgoing = outgoing;
            if !full || self.together == 1 {
                return;
            }
            now = driver.clock.now();
        }
    }

    /// Sends datagrams until all have left.
    #[inline]
    fn send(&mut self, connection: u32, outgoing: &mut Outgoing) -> Result<(), Errno> {
        let Some(socket) = &self.open[connection as usize] else { return Ok(()) };
        while !outgoing.is_sent() {
            let sent = if let Some(bytes) = outgoing.only() {
                send(socket, bytes, SEND_FLAGS).map(|_| 1)
            } else {
                let each = outgoing.rest().map(Departure::of);
                self.departures.send(socket.as_fd(), each)
            };
            match sent {
                Ok(count) => outgoing.sent += count,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Remembers what had no room, and asks to be told when there is some.
    fn wait_for_room(&mut self, connection: u32, outgoing: Outgoing) {
        self.waiting.insert(connection, outgoing);
        self.tell_of(connection, epoll::EventFlags::IN | epoll::EventFlags::OUT);
    }

    /// Sends what had no room before.
    fn send_waiting(&mut self, driver: &Driver<'_>, traffic: &mut Traffic, connection: u32) {
        let Some(mut outgoing) = self.waiting.remove(&connection) else { return };
        match self.send(connection, &mut outgoing) {
            Ok(()) => {
                self.tell_of(connection, epoll::EventFlags::IN);
                traffic.flushed(connection);
                let now = driver.clock.now();
                if self.ending.remove(&connection) {
                    return self.end(traffic, connection, now);
                }
                self.fill(driver, traffic, connection, now);
            }
            Err(Errno::AGAIN) => drop(self.waiting.insert(connection, outgoing)),
            Err(errno) => self.gone(traffic, connection, errno, driver.clock.now()),
        }
    }

    fn tell_of(&self, connection: u32, what: epoll::EventFlags) {
        let Some(socket) = &self.open[connection as usize] else { return };
        let data = epoll::EventData::new_u64(u64::from(connection));
        // It was added when it was opened, and has been there since.
        let _ = epoll::modify(&self.epoll, socket, data, what);
    }
}
