//! A network that loses, doubles and reorders datagrams.
//!
//! It never changes the bytes of one. The same seed loses the same ones.

use alloc::vec::Vec;

use super::{Random, Recorder};
use crate::{Input, Machine, Peer, Service, Time};

/// How likely each misfortune is, in permille for each datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// It does not arrive.
    pub drop_permille: u16,
    /// It arrives twice.
    pub duplicate_permille: u16,
    /// It arrives behind the one that was sent after it.
    pub reorder_permille: u16,
}

/// Which of `count` datagrams arrive, in order of arrival, as numbers from 0.
pub fn deliver(seed: u64, count: usize, fate: Fate) -> Vec<usize> {
    let mut random = Random::new(seed);
    let mut arrived = Vec::new();
    for datagram in 0..count {
        if random.chance(fate.drop_permille) {
            continue;
        }
        arrived.push(datagram);
        if random.chance(fate.duplicate_permille) {
            arrived.push(datagram);
        }
    }
    for place in 1..arrived.len() {
        if random.chance(fate.reorder_permille) {
            arrived.swap(place - 1, place);
        }
    }
    arrived
}

/// The whole life of a machine for one datagram; returns what it sends back.
pub fn answer(service: &Service, datagram: &[u8]) -> Recorder {
    let mut machine = service.datagram_machine();
    let mut out = Recorder::default();
    out.give(&mut machine, Time::ZERO, Input::Opened { peer: &Peer::unnamed() });
    let consumed = out.receive(&mut machine, Time::ZERO, datagram);
    assert_eq!(consumed, datagram.len(), "a datagram is consumed whole");
    assert_eq!(machine.deadline(), None, "a datagram waits for nothing");
    out.give(&mut machine, Time::ZERO, Input::End);
    out
}
