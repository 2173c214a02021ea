//! The UDP loop, the same for every model: one thread per socket, one datagram at a time.
//!
//! Two rules keep it from becoming a weapon. A datagram from a source port below 1024, or equal to
//! a port that one of our UDP services uses, is never answered, whatever its address: two echo
//! services would answer each other for ever. And sources that are not loopback get only so many
//! replies per second, and only so many bytes per byte they sent.

mod rate;

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use colok_proto::{Address, Peer, Time};
use colok_sys::datagram::{self, Received, ReplyFrom};
use rustix::io::Errno;

use super::blocking::wait;
use super::gate::Gate;
use crate::clock::Clock;
use crate::engine::{Limits, Stop, StopState};
use crate::net::listen::Listener;
use crate::net::url::Transport;
use crate::observe::{Calls, Event, Tap, printable};
use crate::session::{Desk, answer_datagram};
use rate::SourceRates;

/// The longest datagram: 65 535 bytes less the IP and UDP headers fit; one byte more tells a cut.
const BUFFER_BYTES: usize = 65_536;

/// Datagrams served between two looks at the stop flag and two reports to the gate.
const BATCH: usize = 64;

/// Ports below this one belong to well-known services (RFC 6335 section 6).
const RESERVED_PORTS_END: u16 = 1024;

/// How long a reply waits for room in the socket before it is dropped, as networks drop.
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
    rates: SourceRates,
    told: Told,
}

/// What one batch did.
#[derive(Default)]
struct Done {
    served: u64,
    refused: u64,
    received: u64,
    sent: u64,
}

/// Refusals told in this second.
#[derive(Default)]
struct Told {
    second: u64,
    count: u32,
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
        let rates = SourceRates::new(limits.replies_per_second_max, limits.amplification_max);
        Self { listener, gate, own_ports, tap, drain: limits.drain, rates, told: Told::default() }
    }

    /// Serves until stopped, then until nothing is left to read or the drain time is over.
    pub(crate) fn run(mut self, stop: &Stop, clock: Clock) {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut desk = Desk::new();
        let mut drain_until = None;
        while stop.state() != StopState::AtOnce {
            let now = clock.now();
            let emptied = self.serve_batch(&mut buffer, &mut desk, now);
            if stop.state() == StopState::Drain {
                // Datagrams may come faster than they are read, so emptiness alone is no bound.
                let until = *drain_until.get_or_insert(now + self.drain);
                if emptied || until <= now {
                    return;
                }
            }
            if !emptied {
                continue;
            }
            let socket = self.listener.socket.as_fd();
            wait(socket, true, false, Some(stop.descriptor()), Duration::MAX);
        }
    }

    /// Serves what is there, at most a batch; says whether nothing is left.
    fn serve_batch(&mut self, buffer: &mut [u8], desk: &mut Desk, now: Time) -> bool {
        let mut done = Done::default();
        let mut emptied = false;
        for _ in 0..BATCH {
            match self.receive(buffer) {
                Ok(received) => {
                    let length = received.length.min(buffer.len());
                    done.received += length as u64;
                    match self.serve(&buffer[..length], &received, desk, now) {
                        Ok(sent) => {
                            done.served += 1;
                            done.sent += sent;
                        }
                        Err(reason) => {
                            done.refused += 1;
                            self.tell_refused(received.source, reason, now);
                        }
                    }
                }
                Err(Errno::AGAIN) => {
                    emptied = true;
                    break;
                }
                // Anything else concerns one datagram (a wrong checksum, a late ICMP error).
                Err(_) => {}
            }
        }
        let Done { served, refused, received, sent } = done;
        if served + refused > 0 {
            self.gate.datagrams(served, refused, (received, sent));
        }
        emptied
    }

    fn receive(&self, buffer: &mut [u8]) -> Result<Received, Errno> {
        let socket = self.listener.socket.as_fd();
        let length = buffer.len();
        let run = || datagram::receive(socket, buffer);
        let value = |received: &Received| i64::try_from(received.length).unwrap_or(i64::MAX);
        Calls::new(self.tap).observe("recvmsg", Some(socket), || length.to_string(), run, value)
    }

    /// Answers one datagram; returns the bytes sent, or the rule that forbids an answer.
    fn serve(
        &mut self,
        bytes: &[u8],
        received: &Received,
        desk: &mut Desk,
        now: Time,
    ) -> Result<u64, &'static str> {
        let source = SocketAddr::new(received.source.ip().to_canonical(), received.source.port());
        if source.port() < RESERVED_PORTS_END {
            return Err("reserved-port");
        }
        if self.own_ports.contains(&source.port()) {
            return Err("own-port");
        }
        self.tell_message(source, bytes);
        let peer = Peer { local: self.listener.address.clone(), remote: Address::Inet(source) };
        let reply = answer_datagram(&self.listener.service, &peer, now, bytes, desk);
        let Some(reply) = reply else {
            desk.reset();
            return Ok(0);
        };
        let allowed = if source.ip().is_loopback() {
            Ok(())
        } else {
            self.rates.allow(source.ip(), bytes.len(), reply.len(), now)
        };
        let sent = allowed.map(|()| self.send(reply, received.source, received.reply_from));
        desk.reset();
        let sent = sent?;
        self.tell_reply(source, sent);
        Ok(sent)
    }

    /// Sends a reply; one that the system does not take is lost, as datagrams may be.
    fn send(&self, reply: &[u8], destination: SocketAddr, from: Option<ReplyFrom>) -> u64 {
        let socket = self.listener.socket.as_fd();
        let arguments = || format!("{} bytes, {destination}", reply.len());
        let value = |length: &usize| i64::try_from(*length).unwrap_or(i64::MAX);
        let once = || {
            let run = || datagram::send(socket, reply, destination, from);
            Calls::new(self.tap).observe("sendmsg", Some(socket), arguments, run, value)
        };
        let sent = match once() {
            Err(Errno::AGAIN) => {
                wait(socket, false, true, None, SEND_WAIT);
                once()
            }
            sent => sent,
        };
        sent.map_or(0, |length| length as u64)
    }

    fn tell_refused(&mut self, source: SocketAddr, reason: &'static str, now: Time) {
        let second = now.as_nanos() / 1_000_000_000;
        if self.told.second != second {
            self.told = Told { second, count: 0 };
        }
        self.told.count += 1;
        if self.told.count <= REFUSALS_TOLD_PER_SECOND {
            self.tap.event(|| Event::Refused {
                service: self.listener.service.kind().name().to_owned(),
                local: self.listener.address.to_string(),
                remote: source.to_string(),
                reason: reason.to_owned(),
            });
        }
    }

    fn tell_message(&self, source: SocketAddr, bytes: &[u8]) {
        if T::DETAIL && self.tap.messages() {
            self.tap.event(|| Event::Message {
                connection: 0,
                service: self.listener.service.kind().name().to_owned(),
                remote: source.to_string(),
                bytes: bytes.len() as u64,
                text: printable(&bytes[..bytes.len().min(64)]),
            });
        }
    }

    fn tell_reply(&self, source: SocketAddr, bytes: u64) {
        if T::DETAIL && self.tap.messages() {
            self.tap.event(|| Event::Replied {
                connection: 0,
                service: self.listener.service.kind().name().to_owned(),
                remote: source.to_string(),
                bytes,
            });
        }
    }
}

/// Bytes that a datagram takes on the wire besides its own: IP and UDP headers.
fn header_bytes(source: IpAddr) -> u64 {
    if source.is_ipv4() { 20 + 8 } else { 40 + 8 }
}
