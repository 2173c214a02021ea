//! The clients that ask one thing only: plain C, from `bench/peers/c`, the same against every
//! server, so that nothing differs but the server.
//!
//! Each prints one line of JSON. They are no contenders: nobody is compared with them.

use std::net::SocketAddr;

use super::{
    generators::Times,
    plan::{Reader, Sender, Waiting, Work},
    programs::{Found, Programs},
};

/// A client of one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    Trip,
    Push,
    Hold,
    Datagrams,
}

/// Messages of 64 KiB over the first connection before others are opened: more bytes than any
/// server has in buffers that all connections share, so that these are not counted with those.
const ROUNDS_BEFORE: u32 = 1024;

/// Of one plain sender; all of them together stay below what a socket with the default buffer of
/// this kernel holds (some 270 datagrams of this size), so that a server which keeps up loses none.
const PLAIN: [u32; 2] = [8, 16];

/// One sender that gives 64 datagrams at once, four times before it waits.
const GATHERED: [u32; 2] = [1, 256];

/// Of a datagram, in bytes.
const DATAGRAM_BYTES: u32 = 64;

/// A line of what is counted, in bytes.
const LINE_BYTES: u32 = 64 * 1024;

/// Of a message that goes there and back, in bytes.
const TRIP_BYTES: u32 = 64;

impl Client {
    /// In the order of the list below the tables.
    pub(super) const ALL: [Self; 4] = [Self::Trip, Self::Push, Self::Hold, Self::Datagrams];

    /// The one that does this work; others do without.
    pub(super) const fn of(work: &Work) -> Option<Self> {
        match work {
            Work::Trip(_) => Some(Self::Trip),
            Work::Held => Some(Self::Hold),
            Work::Receive(_) => Some(Self::Push),
            Work::Datagrams(_) => Some(Self::Datagrams),
            _ => None,
        }
    }

    /// Its source is `bench/peers/c/NAME.c`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Trip => "trip",
            Self::Push => "push",
            Self::Hold => "hold",
            Self::Datagrams => "datagrams",
        }
    }

    /// What it is, for the list below the tables.
    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::Trip => "plain C, one connection: sleeps in `read`, or asks without sleeping",
            Self::Push => "plain C, one connection: writes 128 KiB at a time, throws answers away",
            Self::Hold => "plain C: opens connections, has each answered once, and says nothing",
            Self::Datagrams => {
                "plain C: a number of datagrams on the way on each socket, every answer counted"
            }
        }
    }

    /// The program.
    pub(super) const fn program(self, programs: &Programs) -> &Found {
        match self {
            Self::Trip => &programs.trip,
            Self::Push => &programs.push,
            Self::Hold => &programs.hold,
            Self::Datagrams => &programs.datagrams,
        }
    }
}

/// The words of the client for this work. `connections` are those to hold.
pub(super) fn words(work: &Work, at: SocketAddr, times: Times, connections: u32) -> Vec<String> {
    let mut words = vec![at.ip().to_string(), at.port().to_string()];
    let mut add = |more: &[&dyn ToString]| words.extend(more.iter().map(|word| word.to_string()));
    match work {
        Work::Trip(waiting) => {
            let how = if *waiting == Waiting::Asleep { "blocking" } else { "spinning" };
            add(&[&how, &TRIP_BYTES]);
        }
        // Long lines: an answer to each short one would make this a measurement of answers.
        Work::Receive(Reader::Count) => add(&[&LINE_BYTES]),
        Work::Receive(Reader::Discard) => add(&[&0]),
        Work::Datagrams(sender) => {
            let (how, [sockets, window]) = match sender {
                Sender::Plain => ("plain", PLAIN),
                Sender::Gathered => ("gso", GATHERED),
            };
            add(&[&how, &DATAGRAM_BYTES, &sockets, &window]);
        }
        _ => {
            // A short run is about the benchmark itself.
            add(&[&connections, &ROUNDS_BEFORE.min(connections)]);
            return words;
        }
    }
    let seconds = |ms: u64| format!("{}.{:03}", ms / 1000, ms % 1000);
    add(&[&seconds(times.warm_up_ms), &seconds(times.measured_ms)]);
    words
}
