//! Replies of one turn, put together so that few calls send them.
//!
//! Replies that go to the same place from the same address and are of one length (the last may be
//! shorter) leave with one call as one large send, which the kernel cuts again (`UDP_SEGMENT`): a
//! *train*. Bytes that only go back are lent from where they arrived; others are copied. Replies to
//! one place keep their order; those to others may overtake them. Pure: nothing here makes a call.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::ops::Range;

use colok_sys::datagram::ReplyFrom;
use colok_sys::datagrams::{DATAGRAM_BYTES_MAX, SEGMENTS_MAX};

/// The most pieces of memory that replies are sent from with one call: as many as one full train of
/// datagrams that arrived one by one.
pub(super) const PIECES_MAX: usize = SEGMENTS_MAX;

/// Among how many of the last trains one for a reply is looked for. Where more sources than that
/// take turns, few have several replies at once, and looking would cost more than it saves.
const TRAINS_LOOKED_AT: usize = 16;

/// Copied bytes at which what there is leaves: more than a call's worth of short replies. One more
/// reply may come on top, so this and the longest datagram bound the memory.
const OWN_BYTES_MAX: usize = 16 * 1024;

/// Where the bytes of a reply are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// A part of the memory that datagrams arrive in.
    Lent(Range<usize>),
    /// Elsewhere; they are copied.
    Elsewhere(&'a [u8]),
}

impl Place<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Lent(range) => range.len(),
            Self::Elsewhere(bytes) => bytes.len(),
        }
    }
}

/// Where replies go, and where they leave from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) to: SocketAddr,
    pub(super) from: Option<ReplyFrom>,
}

/// Datagrams that leave with one send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Train {
    pub(super) route: Route,
    /// The length of each of its datagrams but the last, which may be shorter.
    pub(super) segment_bytes: usize,
    /// How many datagrams.
    pub(super) count: usize,
    /// All their bytes.
    pub(super) bytes: usize,
    /// How many pieces of memory they are in.
    piece_count: usize,
    /// The last of them, by its place in the list of all.
    last_piece: usize,
}

impl Train {
    /// The lengths of its datagrams.
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> {
        let last = self.bytes - self.segment_bytes * (self.count - 1);
        std::iter::repeat_n(self.segment_bytes, self.count - 1).chain([last])
    }

    /// Whether a datagram of this length may follow the others. An empty one leaves alone: the
    /// kernel would not see where it is to cut.
    fn takes(&self, length: usize, segment_bytes_max: usize) -> bool {
        length > 0
            && length <= self.segment_bytes
            && self.segment_bytes <= segment_bytes_max
            && self.bytes == self.segment_bytes * self.count
            && self.count < SEGMENTS_MAX
            && self.bytes + length <= DATAGRAM_BYTES_MAX
    }
}

/// A piece of memory: of the arrivals, or of the replies that were copied.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    lent: bool,
    range: Range<usize>,
    /// The train that it belongs to.
    train: usize,
}

/// The pieces of all trains as the kernel takes them: those of a train one after another.
#[derive(Debug)]
pub(super) struct Slices<'a> {
    all: [IoSlice<'a>; PIECES_MAX],
    /// Where those of each train end.
    ends: [usize; PIECES_MAX],
}

impl<'a> Slices<'a> {
    /// The bytes of a train.
    pub(super) fn of(&self, train: usize) -> &[IoSlice<'a>] {
        let start = if train == 0 { 0 } else { self.ends[train - 1] };
        &self.all[start..self.ends[train]]
    }
}

/// What is to leave. Bounded: see [`Replies::is_full`].
#[derive(Debug, Default)]
pub(super) struct Replies {
    own: Vec<u8>,
    pieces: Vec<Piece>,
    trains: Vec<Train>,
}

impl Replies {
    /// Adds a reply. `segment_bytes_max` is the longest datagram that may be one of several.
    pub(super) fn push(&mut self, route: Route, place: &Place<'_>, segment_bytes_max: usize) {
        let length = place.len();
        let index = match self.last_to(&route) {
            Some(index) if self.trains[index].takes(length, segment_bytes_max) => index,
            _ => {
                let (segment_bytes, count, bytes) = (length, 0, 0);
                let (piece_count, last_piece) = (0, 0);
                let train = Train { route, segment_bytes, count, bytes, piece_count, last_piece };
                self.trains.push(train);
                self.trains.len() - 1
            }
        };
        self.trains[index].count += 1;
        self.trains[index].bytes += length;
        self.add_piece(index, place);
    }

    /// The last train to this place, which alone may take another reply: order is kept.
    fn last_to(&self, route: &Route) -> Option<usize> {
        let latest = self.trains.iter().enumerate().rev().take(TRAINS_LOOKED_AT);
        latest.into_iter().find(|(_, train)| train.route == *route).map(|(index, _)| index)
    }

    /// Adds the bytes to a train, to its last piece where they follow it in memory.
    fn add_piece(&mut self, index: usize, place: &Place<'_>) {
        let (lent, range) = match place {
            Place::Lent(range) => (true, range.clone()),
            Place::Elsewhere(bytes) => {
                let start = self.own.len();
                self.own.extend_from_slice(bytes);
                (false, start..self.own.len())
            }
        };
        let train = &mut self.trains[index];
        if train.piece_count > 0 {
            let last = &mut self.pieces[train.last_piece];
            if last.lent == lent && last.range.end == range.start {
                last.range.end = range.end;
                return;
            }
        }
        train.piece_count += 1;
        train.last_piece = self.pieces.len();
        self.pieces.push(Piece { lent, range, train: index });
    }

    /// Whether it must leave before another reply is added.
    pub(super) fn is_full(&self) -> bool {
        self.pieces.len() >= PIECES_MAX || self.own.len() >= OWN_BYTES_MAX
    }

    /// What is to leave, in order.
    pub(super) fn trains(&self) -> &[Train] {
        &self.trains
    }

    /// The pieces as the kernel takes them; `memory` is what datagrams arrive in.
    pub(super) fn slices<'a>(&'a self, memory: &'a [u8]) -> Slices<'a> {
        let mut slices = Slices { all: [IoSlice::new(&[]); PIECES_MAX], ends: [0; PIECES_MAX] };
        let mut start = 0;
        for (end, train) in slices.ends.iter_mut().zip(&self.trains) {
            // For now where they start: it moves to the end as they are put there.
            *end = start;
            start += train.piece_count;
        }
        for piece in &self.pieces {
            let from = if piece.lent { memory } else { &self.own };
            let next = &mut slices.ends[piece.train];
            slices.all[*next] = IoSlice::new(&from[piece.range.clone()]);
            *next += 1;
        }
        slices
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.own.clear();
        // A long reply may have grown it; what stays is what turns need.
        self.own.shrink_to(2 * OWN_BYTES_MAX);
        self.pieces.clear();
        self.trains.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MEMORY_BYTES: usize = 256;

    /// More than are looked at, so that some are not found again.
    const SOURCES: Range<u8> = 1..20;

    fn memory() -> Vec<u8> {
        (0..=u8::MAX).cycle().take(MEMORY_BYTES).collect()
    }

    fn route(number: u8) -> Route {
        Route { to: SocketAddr::from(([127, 0, 0, number], 9000)), from: None }
    }

    /// The datagrams as they would leave.
    fn datagrams(replies: &Replies) -> Vec<(Route, Vec<u8>)> {
        let memory = memory();
        let slices = replies.slices(&memory);
        let mut all = Vec::new();
        for (index, train) in replies.trains().iter().enumerate() {
            let pieces = slices.of(index);
            let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_vec()).collect();
            assert_eq!(bytes.len(), train.bytes);
            let mut rest = &bytes[..];
            for length in train.lengths() {
                let (datagram, others) = rest.split_at(length);
                all.push((train.route, datagram.to_vec()));
                rest = others;
            }
        }
        all
    }

    #[test]
    fn what_lies_side_by_side_is_one_piece() {
        let mut replies = Replies::default();
        for start in [0, 8, 16] {
            replies.push(route(1), &Place::Lent(start..start + 8), DATAGRAM_BYTES_MAX);
        }
        replies.push(route(1), &Place::Lent(100..104), DATAGRAM_BYTES_MAX);
        let [train] = replies.trains() else { panic!("{replies:?}") };
        assert_eq!((train.count, train.segment_bytes, train.bytes), (4, 8, 28));
        assert_eq!(replies.slices(&memory()).of(0).len(), 2);
        // The shorter one was the last.
        replies.push(route(1), &Place::Lent(104..108), DATAGRAM_BYTES_MAX);
        assert_eq!(replies.trains().len(), 2);
    }

    #[test]
    fn sources_that_take_turns_have_a_train_each() {
        let mut replies = Replies::default();
        for start in [0, 8, 16, 24] {
            for number in [1, 2] {
                replies.push(route(number), &Place::Lent(start..start + 4), DATAGRAM_BYTES_MAX);
            }
        }
        let trains: Vec<_> =
            replies.trains().iter().map(|train| (train.route, train.count)).collect();
        assert_eq!(trains, [(route(1), 4), (route(2), 4)]);
    }

    #[test]
    fn trains_are_no_longer_than_the_kernel_takes() {
        let mut replies = Replies::default();
        for _ in 0..=SEGMENTS_MAX {
            replies.push(route(1), &Place::Lent(7..8), DATAGRAM_BYTES_MAX);
        }
        let counts: Vec<_> = replies.trains().iter().map(|train| train.count).collect();
        assert_eq!((counts, replies.is_full()), (vec![SEGMENTS_MAX, 1], true));
        replies.clear();
        let half = vec![0; DATAGRAM_BYTES_MAX / 2 + 1];
        replies.push(route(1), &Place::Elsewhere(&half), DATAGRAM_BYTES_MAX);
        replies.push(route(1), &Place::Elsewhere(&half), DATAGRAM_BYTES_MAX);
        assert_eq!((replies.trains().len(), replies.is_full()), (2, true));
    }

    fn reply() -> impl Strategy<Value = (u8, bool, usize, usize)> {
        (
            SOURCES,
            any::<bool>(),
            0..MEMORY_BYTES,
            prop_oneof![Just(0), Just(4), Just(8), 1..20_usize],
        )
    }

    proptest! {
        #[test]
        fn every_reply_leaves_whole_and_in_the_order_of_its_source(
            all in prop::collection::vec(reply(), 0..PIECES_MAX),
            segment_bytes_max in prop_oneof![Just(DATAGRAM_BYTES_MAX), 0..10_usize],
        ) {
            let memory = memory();
            let mut replies = Replies::default();
            let mut expected = Vec::new();
            for (number, lent, start, length) in all {
                let range = start..(start + length).min(MEMORY_BYTES);
                let bytes = &memory[range.clone()];
                let place = if lent { Place::Lent(range) } else { Place::Elsewhere(bytes) };
                prop_assert!(!replies.is_full());
                replies.push(route(number), &place, segment_bytes_max);
                expected.push((route(number), bytes.to_vec()));
            }
            for train in replies.trains() {
                prop_assert!(train.count == 1 || train.segment_bytes <= segment_bytes_max);
            }
            let left = datagrams(&replies);
            for number in SOURCES {
                let to = |all: &[(Route, Vec<u8>)]| -> Vec<_> {
                    all.iter().filter(|(to, _)| *to == route(number)).cloned().collect()
                };
                prop_assert_eq!(to(&left), to(&expected));
            }
            prop_assert_eq!(left.len(), expected.len());
        }
    }
}
