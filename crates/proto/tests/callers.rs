//! Callers against real services and against peers that do wrong: every fault is found and counted.
//!
//! The services are the machines of the crate. A faulty peer stands between them and the caller and
//! keeps count of what it did; the caller must find exactly that. A failure names the seed.

#[path = "callers/peer.rs"]
mod peer;

use colok_proto::sim::fuzz::check_callers;
use colok_proto::sim::{MemoryStore, Random};
use colok_proto::{CallerKind, CallerOptions, CountLanguage, CountUnit, Framing, Piece};
use peer::{Case, Faults, Tally};
use proptest::prelude::*;

const ALL: Faults = Faults {
    corrupt: 100,
    drop: 100,
    duplicate: 100,
    swap: 100,
    late: 100,
    is_byte_possible: |_, _, _| true,
};
const NONE: Faults = Faults { corrupt: 0, drop: 0, duplicate: 0, swap: 0, late: 0, ..ALL };

/// An early newline with one byte before it at most looks like a line of its own.
fn no_early_newline(position: usize, _old: u8, new: u8) -> bool {
    position >= 2 || new != b'\n'
}

/// A number that is another number, or a line that is two, is a reply like any other.
fn no_number(_position: usize, _old: u8, new: u8) -> bool {
    !new.is_ascii_digit() && new != b'\n'
}

/// What a receipt says for people is not looked at; its fields are.
fn in_receipt(position: usize, old: u8, new: u8) -> bool {
    position < 80 && new.is_ascii_alphabetic() && !new.eq_ignore_ascii_case(&old)
}

fn count(language: CountLanguage, unit: CountUnit) -> CallerKind {
    CallerKind::Count { language, unit }
}

fn files() -> CallerKind {
    CallerKind::Files { folder: "load/1".into(), hash: MemoryStore::hash }
}

fn pong() -> CallerKind {
    let literal = |text: &str| Piece::Literal(text.into());
    let pieces = vec![literal("+PONG "), Piece::AnyByte, Piece::AnyBytes, literal("!\r\n")];
    CallerKind::Custom { send: b"PING\r\n".to_vec(), pieces }
}

fn kinds() -> [CallerKind; 7] {
    use CountLanguage::{English, Indonesian};
    [
        CallerKind::Echo,
        count(Indonesian, CountUnit::Characters),
        count(English, CountUnit::Characters),
        count(Indonesian, CountUnit::Bytes),
        count(English, CountUnit::Bytes),
        files(),
        pong(),
    ]
}

fn case(kind: CallerKind, depth: u32, sizes: (u32, u32), faults: Faults) -> Case {
    let options = CallerOptions::new(kind, depth, Framing::Stream);
    Case { options, sizes, messages: 300, arrival_max: 1000, faults }
}

#[test]
fn every_kind_finds_its_own_service_right() {
    for kind in kinds() {
        for depth in [1, 4, 64] {
            for arrival_max in [1, 7, 100_000] {
                let case = Case { arrival_max, ..case(kind.clone(), depth, (1, 200), NONE) };
                let found = case.check(1);
                let expected = Tally { sent: 300, answered: 300, ..Tally::default() };
                assert_eq!(found, expected, "{case:?}");
            }
        }
        let large = Case { messages: 5, ..case(kind, 4, (102_400, 102_400), NONE) };
        assert_eq!(large.check(2).answered, 5, "{large:?}");
    }
}

#[test]
fn datagrams_are_replies() {
    for kind in [&kinds()[..5], &[pong()]].concat() {
        for depth in [1, 4, 64] {
            let options = CallerOptions::new(kind.clone(), depth, Framing::Datagram);
            let case = Case { options, ..case(kind.clone(), depth, (1, 200), NONE) };
            assert_eq!(case.check(1).answered, 300, "{case:?}");
        }
    }
    for depth in [1, 4, 64] {
        for sizes in [(64, 64), (6, 16), (17, 200), (60_000, 65_507)] {
            let options = CallerOptions::new(CallerKind::Echo, depth, Framing::Datagram);
            let case = Case { options, ..case(CallerKind::Echo, depth, sizes, ALL) };
            case.check(depth.into());
        }
    }
}

#[test]
fn every_byte_of_an_echo_is_compared() {
    for size in [1_u32, 2, 5, 16, 17, 18, 64, 200] {
        for position in 0..size as usize {
            for new in [b'\n', b'\0', b'0', b'~', 0xff] {
                // Among several, one of which so little is right is nobody's.
                for depth in if size < 5 { vec![1] } else { vec![1, 4] } {
                    let case = case(CallerKind::Echo, depth, (size, size), NONE);
                    case.check_one_byte(position, new);
                }
            }
        }
    }
}

#[test]
fn faults_of_echo_are_counted_exactly() {
    let faults = Faults { is_byte_possible: no_early_newline, ..ALL };
    for depth in [1, 4, 64] {
        for sizes in [(64, 64), (17, 200), (17, 17), (6, 16), (6, 200)] {
            for arrival_max in [1, 64, 100_000] {
                let case =
                    Case { arrival_max, ..case(CallerKind::Echo, depth, sizes, faults.clone()) };
                for seed in 0..5 {
                    case.check(seed);
                }
            }
        }
        let large = case(CallerKind::Echo, depth, (102_400, 102_400), faults.clone());
        Case { messages: 40, arrival_max: 65_536, ..large }.check(3);
    }
}

/// A damaged reply of a service whose replies name no message is counted against the oldest one,
/// which may then be the one whose reply is late; and 16 sizes of lines are soon used up.
fn is_late_told_apart(kind: &CallerKind, depth: u32) -> bool {
    depth == 1 && !matches!(kind, CallerKind::Count { unit: CountUnit::Bytes, .. })
}

#[test]
fn faults_of_count_and_files_are_counted_exactly() {
    let count_faults = Faults { is_byte_possible: no_number, ..ALL };
    let files_faults = Faults { is_byte_possible: in_receipt, ..ALL };
    for kind in &kinds()[1..6] {
        let is_files = matches!(kind, CallerKind::Files { .. });
        let faults = if is_files { &files_faults } else { &count_faults };
        for depth in [1, 4, 64] {
            // A dropped reply stays due while others come: all must be different.
            let is_bytes = matches!(kind, CallerKind::Count { unit: CountUnit::Bytes, .. });
            if is_bytes && depth > 1 {
                continue;
            }
            let size = if is_files { 100 } else { 1100 };
            let late = if is_late_told_apart(kind, depth) { 100 } else { 0 };
            for arrival_max in [1, 64, 100_000] {
                let faults = Faults { late, ..faults.clone() };
                let case = case(kind.clone(), depth, (size, size), faults);
                for seed in 0..3 {
                    Case { arrival_max, ..case.clone() }.check(seed);
                }
            }
        }
    }
}

#[test]
fn faults_of_a_service_of_the_user_are_counted_exactly() {
    // Replies are all the same: one that comes twice or late answers the next message.
    let faults = Faults {
        swap: 0,
        duplicate: 0,
        late: 0,
        is_byte_possible: |at, _, new| at < 6 && new != b'\n',
        ..ALL
    };
    for arrival_max in [1, 3, 100_000] {
        let case = case(pong(), 1, (1, 1), faults.clone());
        for seed in 0..5 {
            Case { arrival_max, ..case.clone() }.check(seed);
        }
    }
}

#[test]
fn a_connection_that_ends_loses_what_is_open() {
    for kind in kinds() {
        case(kind, 64, (1, 200), ALL).check_end(5);
    }
}

#[test]
fn discard_is_always_ready_and_expects_nothing() {
    let options = CallerOptions::new(CallerKind::Discard, 1, Framing::Stream);
    let mut caller = colok_proto::Caller::new(&options, 1);
    let (mut wire, mut tally) = (Vec::new(), Tally::default());
    for _ in 0..10 {
        assert!(caller.can_send());
        assert_eq!(caller.message(peer::now(1), 100, &mut wire), 100);
    }
    assert_eq!((wire.len(), caller.open()), (1000, 0));
    caller.received(b"surprise", &mut |judged| tally.add(judged));
    assert_eq!(tally, Tally { unexpected: 8, ..Tally::default() });
}

#[test]
fn the_lines_of_chargen_are_compared() {
    for arrival_max in [1, 10, 100_000] {
        peer::check_chargen(arrival_max, 0, |_| {}, 0..=0);
        // A server may begin with any line.
        peer::check_chargen(arrival_max, 74, |_| {}, 0..=0);
        let wrong: fn(&mut Vec<u8>) = |stream| {
            for at in [1, 73, 5000, 9000] {
                stream[at] ^= 1;
            }
        };
        peer::check_chargen(arrival_max, 0, wrong, 4..=4);
        // Where a byte is missing, the rest of the line is lost and no more.
        let missing: fn(&mut Vec<u8>) = |stream| {
            stream.remove(5000);
        };
        peer::check_chargen(arrival_max, 0, missing, 8..=74);
    }
}

#[test]
fn idle_callers_are_small() {
    // 100 000 of them are held at once; what is on the heap comes with the first message.
    assert!(size_of::<colok_proto::Caller>() <= 168, "{}", size_of::<colok_proto::Caller>());
}

fn faults() -> impl Strategy<Value = Faults> {
    let permille = 0..300_u16;
    (permille.clone(), permille.clone(), permille.clone(), permille.clone(), permille).prop_map(
        |(corrupt, drop, duplicate, swap, late)| Faults {
            corrupt,
            drop,
            duplicate,
            swap,
            late,
            is_byte_possible: no_early_newline,
        },
    )
}

proptest! {
    #[test]
    fn any_faults_of_echo_are_counted_exactly(
        seed: u64,
        depth in prop_oneof![Just(1_u32), Just(4), Just(64), 1..200_u32],
        sizes in (17..300_u32, 0..300_u32),
        arrival_max in 1..2000_usize,
        is_datagram: bool,
        faults in faults(),
    ) {
        let framing = if is_datagram { Framing::Datagram } else { Framing::Stream };
        let options = CallerOptions::new(CallerKind::Echo, depth, framing);
        let sizes = (sizes.0, sizes.0 + sizes.1);
        Case { options, sizes, messages: 200, arrival_max, faults }.check(seed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_comes_the_sum_is_right(
        seed: u64,
        kind in 0..7_usize,
        depth in 1..70_u32,
        arrival_max in 1..300_usize,
    ) {
        let case = case(kinds()[kind].clone(), depth, (1, 40), ALL);
        Case { arrival_max, ..case }.check_sum(&mut Random::new(seed));
    }
}

proptest! {
    #[test]
    fn no_conversation_breaks_a_caller(data in proptest::collection::vec(any::<u8>(), 0..600)) {
        check_callers(&data);
    }
}
