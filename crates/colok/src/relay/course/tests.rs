//! Courses by a clock that only the test moves: what leaves, when, and how it ends.

use proptest::prelude::*;

use super::*;
use crate::relay::active::rules_for;
use crate::relay::fault::{Direction, Fault, Rule};

fn rules(faults: &[&str]) -> Vec<Active> {
    let read = |text: &&str| Rule::of(&text.parse::<Fault>().expect(text)).expect("it was checked");
    rules_for(&faults.iter().map(read).collect::<Vec<_>>(), 1, 1, Direction::Up)
}

/// A course, the time, and all that has left it.
struct Bench {
    course: Course,
    now: Time,
    sent: Vec<u8>,
    /// When how many bytes left.
    writes: Vec<(u64, usize)>,
    ends: Vec<End>,
}

impl Bench {
    fn new(faults: &[&str]) -> Self {
        let course = Course::new(rules(faults), Time::ZERO);
        Self { course, now: Time::ZERO, sent: Vec::new(), writes: Vec::new(), ends: Vec::new() }
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.course.receive(bytes, self.now);
    }

    /// Does all there is to do until this many milliseconds after the start.
    fn run(&mut self, until_ms: u64) {
        let until = Time::from_millis(until_ms);
        loop {
            match self.course.next(self.now) {
                Step::Send(bytes) => {
                    let length = bytes.len();
                    self.sent.extend_from_slice(bytes);
                    self.writes.push((self.now.as_nanos() / 1_000_000, length));
                    self.course.sent(length);
                }
                Step::End(end) => {
                    self.ends.push(end);
                    self.course.end_is_done();
                }
                Step::Wait(time) if time <= until => self.now = time,
                Step::Wait(_) | Step::Nothing => break,
            }
        }
        self.now = until;
        let Tally { received, sent, dropped, held } = self.course.tally;
        assert_eq!(received, sent + dropped + held);
    }

    /// How often each rule was applied.
    fn applied(&mut self) -> Vec<(usize, u64)> {
        self.course.take_news().map(|news| (news.index, news.count)).collect()
    }
}

#[test]
fn without_rules_it_is_plain() {
    let mut bench = Bench::new(&[]);
    assert!(bench.course.is_plain());
    bench.course.pass(b"hello", 2, bench.now);
    assert!(!bench.course.is_plain() && bench.course.room() == 0, "first what waits");
    bench.run(0);
    assert_eq!((&bench.sent[..], bench.course.tally.sent), (&b"llo"[..], 5));
    assert!(bench.course.is_plain());
    bench.course.source_ended(bench.now);
    bench.run(1);
    assert_eq!(bench.ends, [End::Shut]);
}

#[test]
fn a_delay_moves_everything_the_end_too() {
    let mut bench = Bench::new(&["delay=50ms"]);
    bench.receive(b"a");
    bench.run(10);
    bench.receive(b"b");
    bench.course.source_ended(bench.now);
    bench.run(59);
    assert_eq!((&bench.writes[..], &bench.ends[..]), (&[(50, 1)][..], &[][..]));
    bench.run(60);
    assert_eq!((&bench.writes[..], &bench.ends[..]), (&[(50, 1), (60, 1)][..], &[End::Shut][..]));
    assert_eq!(bench.applied(), [(0, 2)]);
}

#[test]
fn jitter_never_changes_the_order() {
    let mut bench = Bench::new(&["delay=50ms jitter=40ms"]);
    let bytes: Vec<u8> = (0..=255).collect();
    for (index, byte) in bytes.iter().enumerate() {
        bench.receive(&[*byte]);
        bench.run(index as u64 + 1);
    }
    bench.run(1000);
    assert_eq!(bench.sent, bytes);
    let first = bench.writes[0].0;
    assert!((10..=90).contains(&first), "{first}");
}

#[test]
fn a_rate_is_kept_and_made_up_for_lateness_but_never_exceeded() {
    let mut bench = Bench::new(&["rate=1000"]);
    bench.receive(&[7; 500]);
    // Nobody looks for a while; then what could have left does.
    bench.now = Time::from_millis(100);
    bench.run(100);
    assert_eq!(bench.course.tally.sent, 100);
    bench.run(499);
    assert_eq!(bench.course.tally.sent, 498, "two milliseconds' worth leaves at once");
    bench.run(500);
    assert_eq!(bench.course.tally.sent, 500);
    // What was not used is not saved up.
    bench.run(900);
    bench.receive(&[7; 100]);
    bench.run(950);
    assert_eq!(bench.course.tally.sent, 550);
    // Nor is the time in which the receiver took nothing.
    bench.now = Time::from_millis(2000);
    bench.course.sink_goes_on(bench.now);
    bench.run(2010);
    assert_eq!(bench.course.tally.sent, 560);
    assert_eq!(bench.applied(), [(0, 560)]);
}

#[test]
fn a_slow_link_of_one_byte_a_second_is_one() {
    let mut bench = Bench::new(&["rate=1"]);
    bench.receive(b"abc");
    bench.run(3000);
    assert_eq!(bench.writes, [(1000, 1), (2000, 1), (3000, 1)]);
}

#[test]
fn chunks_are_writes() {
    let mut bench = Bench::new(&["chunk=3"]);
    bench.receive(b"abcdefgh");
    bench.run(0);
    assert_eq!(bench.writes, [(0, 3), (0, 3), (0, 2)]);
    assert!(bench.course.keeps_writes_apart());
    assert_eq!(bench.applied(), [(0, 6)]);
}

#[test]
fn exactly_one_byte_is_corrupted_however_they_come() {
    for split in 0..=5 {
        let mut bench = Bench::new(&["corrupt=3"]);
        bench.receive(&b"abcde"[..split]);
        bench.receive(&b"abcde"[split..]);
        bench.run(0);
        assert_eq!(bench.sent, [b'a', b'b', b'c', !b'd', b'e'], "{split}");
        assert_eq!(bench.applied(), [(0, 1)]);
    }
}

#[test]
fn what_closes_does_so_after_exactly_so_many_bytes() {
    for (fault, end) in
        [("cut=3", End::CutBoth), ("reset=3", End::ResetBoth), ("half_close=3", End::Shut)]
    {
        for split in 0..=5 {
            let mut bench = Bench::new(&[fault]);
            bench.receive(&b"abcde"[..split]);
            bench.receive(&b"abcde"[split..]);
            bench.run(0);
            assert_eq!((&bench.sent[..], &bench.ends[..]), (&b"abc"[..], &[end][..]), "{fault}");
            assert_eq!((bench.course.tally.dropped, bench.applied()), (2, vec![(0, 1)]));
            // What comes later is thrown away, and the source is never held up.
            assert_eq!(bench.course.room(), usize::MAX);
            bench.receive(b"more");
            bench.course.source_ended(bench.now);
            bench.run(1);
            assert_eq!((bench.sent.len(), bench.ends.len()), (3, 1), "{fault}");
        }
    }
}

#[test]
fn a_close_after_no_bytes_needs_none() {
    let mut bench = Bench::new(&["reset=0"]);
    bench.run(0);
    assert_eq!(bench.ends, [End::ResetBoth]);
}

#[test]
fn the_half_close_leaves_room_for_the_cut() {
    let mut bench = Bench::new(&["half_close=2", "cut=4"]);
    bench.receive(b"abcdef");
    bench.run(0);
    assert_eq!((&bench.sent[..], &bench.ends[..]), (&b"ab"[..], &[End::Shut, End::CutBoth][..]));
    assert_eq!(bench.applied(), [(0, 1), (1, 1)]);
}

#[test]
fn nothing_leaves_a_black_hole_not_even_the_end() {
    let mut bench = Bench::new(&["black_hole=2"]);
    bench.receive(b"abcd");
    bench.course.source_ended(bench.now);
    bench.run(1000);
    assert_eq!((&bench.sent[..], bench.ends.len(), bench.course.tally.dropped), (&b"ab"[..], 0, 2));
    assert_eq!(bench.applied(), [(0, 3)], "two bytes and an end");
    bench.course.replace(Vec::new(), bench.now);
    bench.run(1001);
    assert_eq!(bench.ends, [End::Shut], "now it may");
}

#[test]
fn a_reset_of_the_source_follows_its_end() {
    let mut bench = Bench::new(&["delay=5ms"]);
    bench.receive(b"ab");
    bench.course.source_ended(bench.now);
    assert!(bench.course.source_was_reset(bench.now));
    assert!(!bench.course.source_was_reset(bench.now), "once");
    bench.run(5);
    assert_eq!((&bench.sent[..], &bench.ends[..]), (&b"ab"[..], &[End::Shut, End::Reset][..]));
}

#[test]
fn rules_are_replaced_for_what_comes_and_not_for_what_is_under_way() {
    let mut bench = Bench::new(&["delay=100ms", "corrupt=5"]);
    bench.receive(b"ab");
    bench.course.replace(rules(&["cut=3"]), bench.now);
    bench.receive(b"cdef");
    bench.run(99);
    assert!(bench.sent.is_empty(), "what waits is not overtaken");
    bench.run(100);
    assert_eq!((&bench.sent[..], &bench.ends[..]), (&b"abc"[..], &[End::CutBoth][..]));
}

#[test]
fn a_cut_before_what_has_come_is_a_cut_now() {
    let mut bench = Bench::new(&["delay=10ms"]);
    bench.receive(b"abcdef");
    bench.course.replace(rules(&["cut=3"]), bench.now);
    bench.run(10);
    assert_eq!((&bench.sent[..], &bench.ends[..]), (&b"abcdef"[..], &[End::CutBoth][..]));
}

#[test]
fn what_is_under_way_counts_for_the_rule_that_caused_it() {
    let mut bench = Bench::new(&["delay=10ms", "cut=2"]);
    bench.receive(b"abcd");
    assert_eq!(bench.applied(), [(0, 2)], "not yet");
    bench.course.settle();
    assert_eq!(bench.applied(), [(1, 1)]);
    bench.course.replace(Vec::new(), bench.now);
    bench.run(10);
    assert_eq!(bench.applied(), []);
    assert_eq!(bench.ends, [End::CutBoth]);
}

#[test]
fn what_waits_is_bounded() {
    for (fault, most) in [("delay=1h", DELAYED_BYTES_MAX), ("rate=1", HELD_BYTES_MAX)] {
        let mut bench = Bench::new(&[fault]);
        while bench.course.room() > 0 {
            let length = bench.course.room().min(1000);
            bench.receive(&vec![0; length]);
        }
        let held = usize::try_from(bench.course.tally.held).expect("it is small");
        assert!(held <= most + ITEM_BYTES && held > most / 2, "{fault}: {held}");
        bench.course.sink_was_lost();
        assert_eq!((bench.course.tally.held, bench.course.room()), (0, usize::MAX));
        bench.run(1);
    }
}

/// What may happen to a course.
#[derive(Clone, Debug)]
enum Happening {
    Receive(u8, usize),
    Run(u64),
    /// Send so many of what may be sent.
    Send(usize),
    Replace(usize),
    End,
    Reset,
    LoseSink,
}

/// Sets of faults to change between.
const SETS: [&[&str]; 7] = [
    &[],
    &["delay=20ms jitter=15ms"],
    &["rate=5000", "chunk=7"],
    &["cut=300", "delay=3ms"],
    &["black_hole=100", "corrupt=50"],
    &["half_close=200", "reset=250"],
    &["rate=1M", "delay=1ms", "corrupt=10", "chunk=100"],
];

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (any::<u8>(), 1_usize..400).prop_map(|(byte, count)| Happening::Receive(byte, count)),
        4 => (1_u64..40).prop_map(Happening::Run),
        4 => (1_usize..50).prop_map(Happening::Send),
        1 => (0..SETS.len()).prop_map(Happening::Replace),
        1 => Just(Happening::End),
        1 => Just(Happening::Reset),
        1 => Just(Happening::LoseSink),
    ]
}

proptest! {
    #[test]
    fn every_byte_is_accounted_for(
        first in 0..SETS.len(),
        happenings in prop::collection::vec(happening(), 0..60),
    ) {
        let mut bench = Bench::new(SETS[first]);
        let mut millis = 0;
        for happening in happenings {
            match happening {
                Happening::Receive(byte, count) => {
                    let count = count.min(bench.course.room());
                    bench.receive(&vec![byte; count]);
                }
                Happening::Run(time) => {
                    millis += time;
                    bench.run(millis);
                }
                Happening::Send(most) => {
                    if let Step::Send(bytes) = bench.course.next(bench.now) {
                        let length = bytes.len().min(most);
                        bench.sent.extend_from_slice(&bytes[..length]);
                        bench.course.sent(length);
                    }
                }
                Happening::Replace(set) => {
                    bench.course.settle();
                    bench.course.replace(rules(SETS[set]), bench.now);
                }
                Happening::End => {
                    bench.course.source_ended(bench.now);
                }
                Happening::Reset => {
                    bench.course.source_was_reset(bench.now);
                }
                Happening::LoseSink => bench.course.sink_was_lost(),
            }
            let Tally { received, sent, dropped, held } = bench.course.tally;
            prop_assert_eq!(received, sent + dropped + held);
            prop_assert_eq!(sent, bench.sent.len() as u64);
            prop_assert!(bench.ends.iter().filter(|end| **end == End::Shut).count() <= 1);
        }
    }

    #[test]
    fn what_goes_in_comes_out_in_any_pieces(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        cuts in prop::collection::vec(1_usize..300, 1..40),
        set in prop::sample::select(vec![0_usize, 1, 2]),
    ) {
        let mut bench = Bench::new(SETS[set]);
        let (mut rest, mut cuts, mut millis) = (&bytes[..], cuts.iter().cycle(), 0);
        while !rest.is_empty() {
            let room = bench.course.room();
            let length = (*cuts.next().expect("it is a cycle")).min(rest.len()).min(room);
            let (now, later) = rest.split_at(length);
            bench.receive(now);
            rest = later;
            millis += 1;
            bench.run(millis);
        }
        bench.course.source_ended(bench.now);
        bench.run(millis + 10_000);
        prop_assert_eq!(&bench.sent, &bytes);
        prop_assert_eq!(&bench.ends, &[End::Shut]);
    }
}
