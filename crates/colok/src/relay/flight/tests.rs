//! Flights by a clock that only the test moves: which datagrams leave, in which order, and when.

use proptest::prelude::*;

use super::*;
use crate::relay::active::rules_for;
use crate::relay::fault::{Direction, Fault, Rule};

fn rules(faults: &[&str]) -> Vec<Active> {
    let read = |text: &&str| Rule::of(&text.parse::<Fault>().expect(text)).expect("it was checked");
    rules_for(&faults.iter().map(read).collect::<Vec<_>>(), 1, 1, Direction::Up)
}

/// Everything that may leave until this time, each as its first byte and when it left.
fn leave(flight: &mut Flight, until_ms: u64) -> Vec<(u8, u64)> {
    let (mut now, until) = (Time::ZERO, Time::from_millis(until_ms));
    let mut left = Vec::new();
    loop {
        match flight.next(now) {
            Step::Send(bytes) => {
                left.push((bytes[0], now.as_nanos() / 1_000_000));
                flight.done(true);
            }
            Step::Wait(time) if time <= until => now = time,
            Step::Wait(_) | Step::Nothing => return left,
        }
    }
}

/// What leaves of datagrams 1, 2, 3... that come at once.
fn order(faults: &[&str], count: u8) -> Vec<u8> {
    let mut flight = Flight::new(rules(faults), Time::ZERO);
    for number in 1..=count {
        flight.receive(&[number], Time::ZERO);
    }
    balanced(&flight);
    let left = leave(&mut flight, u64::MAX / 2_000_000).into_iter().map(|(number, _)| number);
    let left = left.collect();
    balanced(&flight);
    left
}

fn balanced(flight: &Flight) {
    for (tally, added) in [(flight.datagrams, flight.added.0), (flight.bytes, flight.added.1)] {
        assert_eq!(tally.received + added, tally.sent + tally.dropped + tally.held, "{flight:?}");
    }
}

#[test]
fn exactly_those_that_are_named() {
    for (faults, expected) in [
        (&[][..], &[1, 2, 3, 4, 5, 6][..]),
        (&["lose=2,4-5"], &[1, 3, 6]),
        (&["lose=3-"], &[1, 2]),
        (&["lose=100%"], &[]),
        (&["lose=0%"], &[1, 2, 3, 4, 5, 6]),
        (&["black_hole=5"], &[1, 2, 3, 4]),
        (&["black_hole=0"], &[]),
        (&["duplicate=1,6"], &[1, 1, 2, 3, 4, 5, 6, 6]),
        (&["reorder=2"], &[1, 3, 2, 4, 5, 6]),
        // The next one is never held back itself.
        (&["reorder=2,3"], &[1, 3, 2, 4, 5, 6]),
        (&["reorder=100%"], &[2, 1, 4, 3, 6, 5]),
        // One that is lost has not passed.
        (&["reorder=2", "lose=3"], &[1, 4, 2, 5, 6]),
        (&["reorder=2", "duplicate=2"], &[1, 3, 2, 2, 4, 5, 6]),
        // Nothing comes after the last one.
        (&["reorder=6"], &[1, 2, 3, 4, 5]),
        (&["corrupt=3"], &[1, 2, !3, 4, 5, 6]),
    ] {
        assert_eq!(order(faults, 6), expected, "{faults:?}");
    }
}

#[test]
fn each_effect_is_counted() {
    let faults = ["lose=1", "duplicate=2", "reorder=3", "corrupt=4", "delay=1ms"];
    let mut flight = Flight::new(rules(&faults), Time::ZERO);
    for number in 1..=5 {
        flight.receive(&[number], Time::ZERO);
    }
    let news: Vec<_> = flight.take_news().map(|news| (news.index, news.at, news.count)).collect();
    assert_eq!(
        news,
        [(0, Some(1), 1), (1, Some(2), 1), (2, Some(3), 1), (3, Some(4), 1), (4, Some(2), 5)]
    );
    assert_eq!(flight.take_news().count(), 0);
}

#[test]
fn what_nothing_has_passed_was_not_reordered() {
    let mut flight = Flight::new(rules(&["reorder=2"]), Time::ZERO);
    flight.receive(b"a", Time::ZERO);
    flight.receive(b"b", Time::ZERO);
    assert_eq!(flight.take_news().count(), 0, "the last one only waits");
    flight.receive(b"c", Time::ZERO);
    let news: Vec<_> = flight.take_news().map(|news| (news.at, news.count)).collect();
    assert_eq!(news, [(Some(2), 1)]);
}

#[test]
fn a_delay_and_a_rate_are_kept() {
    let mut flight = Flight::new(rules(&["delay=50ms"]), Time::ZERO);
    flight.receive(b"a", Time::from_millis(1));
    flight.receive(b"b", Time::from_millis(2));
    assert_eq!(leave(&mut flight, 1000), [(b'a', 51), (b'b', 52)]);
    let mut flight = Flight::new(rules(&["rate=1000"]), Time::ZERO);
    for byte in *b"abc" {
        flight.receive(&[byte; 100], Time::ZERO);
    }
    assert_eq!(leave(&mut flight, 1000), [(b'a', 100), (b'b', 200), (b'c', 300)]);
}

#[test]
fn jitter_may_change_the_order() {
    let mut flight = Flight::new(rules(&["delay=50ms jitter=50ms"]), Time::ZERO);
    for number in 0..100 {
        flight.receive(&[number], Time::ZERO);
    }
    let left = leave(&mut flight, 100);
    assert_eq!(left.len(), 100);
    assert!(!left.is_sorted_by_key(|(number, _)| *number), "{left:?}");
}

#[test]
fn a_slow_link_throws_away_what_it_has_no_room_for() {
    let mut flight = Flight::new(rules(&["rate=1"]), Time::ZERO);
    for _ in 0..1000 {
        flight.receive(&[7; 1000], Time::ZERO);
    }
    balanced(&flight);
    let held = flight.bytes.held;
    assert!(held <= LINK_BYTES_MAX as u64 && held > LINK_BYTES_MAX as u64 / 2, "{held}");
}

proptest! {
    #[test]
    fn every_datagram_is_accounted_for(
        lengths in prop::collection::vec(1_usize..2000, 0..200),
        set in prop::sample::select(vec![
            &["lose=20%", "duplicate=20%", "reorder=20%"][..],
            &["delay=5ms jitter=5ms", "duplicate=3"],
            &["rate=10K", "reorder=50%"],
            &["black_hole=20", "corrupt=3"],
        ]),
        other in prop::sample::select(vec![&[][..], &["lose=50%"]]),
    ) {
        let mut flight = Flight::new(rules(set), Time::ZERO);
        for (index, length) in lengths.iter().enumerate() {
            flight.receive(&vec![1; *length], Time::from_millis(index as u64));
            if index == 100 {
                flight.replace(rules(other), Time::from_millis(100));
            }
            if index % 7 == 0 {
                leave(&mut flight, index as u64);
            }
            balanced(&flight);
        }
        leave(&mut flight, 10_000_000);
        balanced(&flight);
        prop_assert!(flight.datagrams.held <= 2, "only what waits for a next one");
    }

    #[test]
    fn chance_is_the_same_each_time(count in 1_u8..=255) {
        let faults = ["lose=30%", "duplicate=30%", "reorder=30%"];
        prop_assert_eq!(order(&faults, count), order(&faults, count));
    }
}
