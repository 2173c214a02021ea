//! The UDP loop, the same for every model: one thread per socket, as many datagrams at a time as
//! have come.
//!
//! A call brings what is there (`recvmmsg`), of one sender also several datagrams in one piece
//! (`UDP_GRO`); each of them is a machine's whole life, and their replies leave with few calls. A
//! datagram that comes alone is answered at once: nothing ever waits for another one to come.
//!
//! Two rules keep it from becoming a weapon. A datagram from a source port below 1024, or equal to
//! a port that one of our UDP services uses, is never answered, whatever its address: two echo
//! services would answer each other for ever. And sources that are not loopback get only so many
//! replies per second, and only so many bytes per byte they sent.

mod departure;
mod losses;
mod outlet;
mod rate;
mod replies;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use colok_proto::{Address, Peer, Time};
use colok_sys::datagram::ReplyFrom;
use colok_sys::datagrams::{Arrival, Arrivals, Departures, Tell, receive_merged};
use rustix::io::Errno;
use rustix::net::sockopt;

use super::blocking::wait;
use super::gate::{DatagramsDone, Gate};
use crate::clock::Clock;
use crate::engine::{Limits, Stop, StopState};
use crate::net::listen::Listener;
use crate::net::url::Transport;
use crate::observe::{Calls, Event, Tap, printable};
use crate::session::{Desk, answer_datagram};
use departure::{Segmenting, send_all};
use losses::Losses;
use outlet::SocketOutlet;
use rate::SourceRates;
use replies::{PIECES_MAX, Place, Replies, Route, Train};

/// Datagrams, or merged ones, that are taken with one call, and between two looks at the stop flag.
/// With the room of each that makes 4 MiB of address space per socket; of that only what datagrams
/// have filled is memory.
const BATCH: usize = 64;

/// Room for what the kernel merges into one, which is never longer than a datagram can be (65 507
/// bytes), and a cache line more than a power of two would leave: else the beginnings of all would
/// compete for the same few lines of the cache.
const ROOM_BYTES: usize = 65_536 + 64;

/// The receive buffer asked for. The kernel counts about 800 bytes for the smallest datagram, so
/// its default (208 KiB) holds some hundred of them: less than a millisecond of a busy sender. It
/// doubles what it is asked, and gives no more than `net.core.rmem_max`.
const RECEIVE_BUFFER_BYTES: usize = 1024 * 1024;

/// Ports below this one belong to well-known services (RFC 6335 section 6).
const RESERVED_PORTS_END: u16 = 1024;

/// How long replies wait for room in the socket before they are dropped, as networks drop.
const SEND_WAIT: Duration = Duration::from_millis(10);

/// Refusals told in the log per second and socket; the rest is only counted.
const REFUSALS_TOLD_PER_SECOND: u32 = 10;

/// The ports of our UDP services.
pub(crate) fn own_ports(listeners: &[Listener]) -> Vec<u16> {
    let port = |listener: &Listener| match &listener.address {
        Address::Inet(address) => Some(address.port()),
        Address::Unix(_) => None,
    };
    let datagrams = listeners.iter().filter(|listener| listener.transport == Transport::Udp);
    datagrams.filter_map(port).collect()
}

/// One UDP socket in service.
pub(crate) struct Service<'s, T: Tap> {
    listener: &'s Listener,
    gate: &'s dyn Gate,
    own_ports: &'s [u16],
    tap: &'s T,
    drain: Duration,
    /// The address that every reply leaves from when nothing is said, if there is one.
    bound: Option<IpAddr>,
    rates: SourceRates,
    told: Told,
    losses: Losses,
    desk: Desk,
    replies: Replies,
    departures: Departures,
    segmenting: Segmenting,
    done: DatagramsDone,
}

/// Refusals told in this second.
#[derive(Default)]
struct Told {
    second: u64,
    count: u32,
}

/// What a turn found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Nothing.
    Nothing,
    /// One, which came alone.
    One,
    /// Several, and perhaps not all: where they come fast, others have come since.
    Some,
}

impl<'s, T: Tap> Service<'s, T> {
    /// Puts a UDP socket in service.
    pub(crate) fn new(
        listener: &'s Listener,
        limits: &Limits,
        gate: &'s dyn Gate,
        own_ports: &'s [u16],
        tap: &'s T,
    ) -> Self {
        set_options(listener.socket.as_fd(), Calls::new(tap));
        let bound = match &listener.address {
            Address::Inet(address) => Some(address.ip()),
            Address::Unix(_) => None,
        };
        Self {
            listener,
            gate,
            own_ports,
            tap,
            drain: limits.drain,
            bound,
            rates: SourceRates::new(limits.replies_per_second_max, limits.amplification_max),
            told: Told::default(),
            losses: Losses::begin(listener.socket.as_fd(), Calls::new(tap)),
            desk: Desk::new(),
            replies: Replies::default(),
            departures: Departures::new(PIECES_MAX),
            segmenting: Segmenting::ANY,
            done: DatagramsDone::default(),
        }
    }

    /// Serves until stopped, then until nothing is left to read or the drain time is over.
    pub(crate) fn run(mut self, stop: &Stop, clock: Clock) {
        let tell = Tell { sources: true, details: true };
        let mut arrivals = Arrivals::new(BATCH, ROOM_BYTES, tell);
        let mut drain_until = None;
        while stop.state() != StopState::AtOnce {
            let now = clock.now();
            let found = self.turn(&mut arrivals, now);
            if stop.state() == StopState::Drain {
                // Datagrams may come faster than they are read, so emptiness alone is no bound.
                let until = *drain_until.get_or_insert(now + self.drain);
                if found == Found::Nothing || until <= now {
                    break;
                }
            }
            // Looking again costs less than asking whether to look.
            if found != Found::Some {
                let socket = self.listener.socket.as_fd();
                let at_most = self.losses.look_again_within();
                wait(socket, true, false, Some(stop.descriptor()), at_most);
            }
        }
        self.look_for_losses(clock.now(), true);
        self.report();
    }

    /// Serves what is there, at most a batch.
    fn turn(&mut self, arrivals: &mut Arrivals, now: Time) -> Found {
        let found = match self.receive(arrivals) {
            Ok(1) => Found::One,
            Err(Errno::AGAIN) => Found::Nothing,
            // Any other error concerns one datagram (a wrong checksum, a late ICMP error).
            Ok(_) | Err(_) => Found::Some,
        };
        for index in 0..arrivals.len() {
            self.serve(&arrivals.arrival(index), arrivals.memory(), now);
        }
        self.send(arrivals.memory());
        self.look_for_losses(now, false);
        self.report();
        found
    }

    fn receive(&self, arrivals: &mut Arrivals) -> Result<usize, Errno> {
        let socket = self.listener.socket.as_fd();
        let run = || arrivals.receive(socket);
        let value = |count: &usize| i64::try_from(*count).unwrap_or(i64::MAX);
        let arguments = || format!("up to {BATCH}");
        Calls::new(self.tap).observe("recvmmsg", Some(socket), arguments, run, value)
    }

    /// Answers a datagram, or several that were merged.
    fn serve(&mut self, arrival: &Arrival<'_>, memory: &[u8], now: Time) {
        let Some(from) = arrival.source else { return };
        let source = SocketAddr::new(from.ip().to_canonical(), from.port());
        let ruled_out = self.rule_against(source);
        let peer = Peer { local: self.listener.address.clone(), remote: Address::Inet(source) };
        let route =
            Route { to: from, from: arrival.reply_from.filter(|from| self.is_needed(from)) };
        let mut at = arrival.at;
        // Of nothing there are no pieces, but an empty datagram is one.
        let size = arrival.segment_bytes.unwrap_or(arrival.bytes.len()).max(1);
        let mut rest = arrival.bytes;
        loop {
            let (datagram, others) = rest.split_at(size.min(rest.len()));
            self.done.moved.0 += datagram.len() as u64;
            let served = match ruled_out {
                Some(rule) => Err(rule),
                None => self.answer(datagram, at, route, &peer, now),
            };
            match served {
                Ok(()) => self.done.served += 1,
                Err(rule) => {
                    self.done.refused += 1;
                    self.tell_refused(source, rule, now);
                }
            }
            if self.replies.is_full() {
                self.send(memory);
            }
            if others.is_empty() {
                return;
            }
            at += datagram.len();
            rest = others;
        }
    }

    /// The rule that forbids any answer to a source.
    fn rule_against(&self, source: SocketAddr) -> Option<&'static str> {
        if source.port() < RESERVED_PORTS_END {
            return Some("reserved-port");
        }
        self.own_ports.contains(&source.port()).then_some("own-port")
    }

    /// Puts the answer to a datagram, which begins at `at` of the memory, to the replies; or says
    /// the rule that forbids one.
    fn answer(
        &mut self,
        datagram: &[u8],
        at: usize,
        route: Route,
        peer: &Peer,
        now: Time,
    ) -> Result<(), &'static str> {
        let source = route.to.ip().to_canonical();
        self.tell_message(&peer.remote, datagram);
        let reply = answer_datagram(&self.listener.service, peer, now, datagram, &mut self.desk);
        let allowed = match reply {
            Some(reply) if !source.is_loopback() => {
                self.rates.allow(source, datagram.len(), reply.len(), now)
            }
            _ => Ok(()),
        };
        if let Some(reply) = reply.filter(|_| allowed.is_ok()) {
            let place = place_of(reply, datagram, at);
            self.replies.push(route, &place, self.segmenting.bytes_max);
        }
        self.desk.reset();
        allowed
    }

    /// Whether a reply must be told to leave from there, because it would not by itself.
    fn is_needed(&self, from: &ReplyFrom) -> bool {
        from.to_many || from.interface != 0 || self.bound != Some(from.address)
    }

    /// Sends the replies; one that the system does not take is lost, as datagrams may be.
    fn send(&mut self, memory: &[u8]) {
        let Self { replies, departures, segmenting, done, listener, tap, .. } = self;
        let socket = listener.socket.as_fd();
        let mut outlet = SocketOutlet { descriptor: socket, departures, calls: Calls::new(*tap) };
        send_all(replies, memory, segmenting, &mut outlet, |train, count| {
            let lengths = train.lengths().take(count).map(|length| length as u64);
            done.moved.1 += lengths.sum::<u64>();
            tell_replies(*tap, listener, train, count);
        });
        replies.clear();
    }

    /// Tells the gate what was done since it was told last.
    fn report(&mut self) {
        let done = std::mem::take(&mut self.done);
        if done != DatagramsDone::default() {
            self.gate.datagrams(&done);
        }
    }

    fn look_for_losses(&mut self, now: Time, at_end: bool) {
        let busy = self.done != DatagramsDone::default();
        let calls = Calls::new(self.tap);
        let lost = self.losses.look(self.listener.socket.as_fd(), calls, now, busy, at_end);
        self.done.dropped += lost;
        if lost > 0 && self.losses.is_news() {
            self.tap.event(|| Event::Notice {
                notice: crate::observe::notices::DATAGRAMS_DROPPED.to_owned(),
                subject: self.listener.url(),
            });
        }
    }

    fn tell_refused(&mut self, source: SocketAddr, reason: &'static str, now: Time) {
        let second = now.as_nanos() / 1_000_000_000;
        if self.told.second != second {
            self.told = Told { second, count: 0 };
        }
        self.told.count = self.told.count.saturating_add(1);
        if self.told.count <= REFUSALS_TOLD_PER_SECOND {
            self.tap.event(|| Event::Refused {
                service: self.listener.service.kind().name().to_owned(),
                local: self.listener.address.to_string(),
                remote: source.to_string(),
                reason: reason.to_owned(),
            });
        }
    }

    fn tell_message(&self, remote: &Address, bytes: &[u8]) {
        if T::DETAIL && self.tap.messages() {
            self.tap.event(|| Event::Message {
                connection: 0,
                service: self.listener.service.kind().name().to_owned(),
                remote: remote.to_string(),
                bytes: bytes.len() as u64,
                text: printable(&bytes[..bytes.len().min(64)]),
            });
        }
    }
}

/// Tells of the replies of a train: so many of them have left, the others are lost.
fn tell_replies<T: Tap>(tap: &T, listener: &Listener, train: &Train, left: usize) {
    if !T::DETAIL || !tap.messages() {
        return;
    }
    let to = train.route.to;
    let remote = SocketAddr::new(to.ip().to_canonical(), to.port()).to_string();
    for (index, length) in train.lengths().enumerate() {
        tap.event(|| Event::Replied {
            connection: 0,
            service: listener.service.kind().name().to_owned(),
            remote: remote.clone(),
            bytes: if index < left { length as u64 } else { 0 },
        });
    }
}

/// Makes the socket ready for much at once. Where the system refuses, it serves all the same.
fn set_options<T: Tap>(socket: BorrowedFd<'_>, calls: Calls<'_, T>) {
    let merged = || receive_merged(socket, true);
    let _ = calls.set_option(socket, "UDP_GRO", merged);
    let ask = || sockopt::socket_recv_buffer_size(socket);
    let name = || "SO_RCVBUF".into();
    let has = calls.observe("getsockopt", Some(socket), name, ask, |_| 0).unwrap_or(usize::MAX);
    if has < 2 * RECEIVE_BUFFER_BYTES {
        let larger = || sockopt::set_socket_recv_buffer_size(socket, RECEIVE_BUFFER_BYTES);
        let _ = calls.set_option(socket, format_args!("SO_RCVBUF {RECEIVE_BUFFER_BYTES}"), larger);
    }
}

/// Where the bytes of a reply are: in the memory of arrivals, when they are those of the datagram,
/// which begins at `at` of it.
fn place_of<'a>(reply: &'a [u8], datagram: &[u8], at: usize) -> Place<'a> {
    let offset = reply.as_ptr().addr().wrapping_sub(datagram.as_ptr().addr());
    let is_part = offset <= datagram.len() && reply.len() <= datagram.len() - offset;
    if is_part {
        Place::Lent(at + offset..at + offset + reply.len())
    } else {
        Place::Elsewhere(reply)
    }
}

/// Bytes that a datagram takes on the wire besides its own: IP and UDP headers.
fn header_bytes(source: IpAddr) -> u64 {
    if source.is_ipv4() { 20 + 8 } else { 40 + 8 }
}
