//! Properties that hold for any bytes, any fragmentation and any times.
//!
//! The machines are compared with the model of `colok_proto::sim`, which shares no code with them.

use std::time::Duration;

use colok_proto::sim::fuzz::{Operation, check_count_run, check_echo_run};
use colok_proto::sim::{Journal, Link, Model, Script, Seen, count_reply, simulate};
use colok_proto::{CountLanguage, CountOptions, CountUnit, EchoOptions, Service, Time};
use proptest::collection::vec;
use proptest::prelude::*;

const GAP: Duration = Duration::from_millis(50);

/// Bytes that matter to the rule are frequent, others are anything.
fn bytes(length_max: usize) -> impl Strategy<Value = Vec<u8>> {
    let chunk = prop_oneof![
        4 => Just(b"quit".to_vec()),
        4 => Just(b"\n".to_vec()),
        2 => Just(b"\r\n".to_vec()),
        2 => Just(b"\r".to_vec()),
        2 => Just("\u{e9}\u{20ac}\u{1f600}".as_bytes().to_vec()),
        3 => vec(any::<u8>(), 0..6),
        3 => "[a-z ]{0,12}".prop_map(String::into_bytes),
    ];
    vec(chunk, 0..length_max).prop_map(|chunks| chunks.concat())
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => bytes(4).prop_map(Operation::Received),
        2 => (0..60_u64).prop_map(|millis| Operation::Wait(Duration::from_millis(millis))),
        2 => Just(Operation::Wait(GAP)),
        4 => Just(Operation::Deadline),
        3 => (0..200_usize).prop_map(Operation::Room),
        1 => Just(Operation::End),
        1 => Just(Operation::Drain),
    ]
}

fn link() -> impl Strategy<Value = Link> {
    let sizes = (1..200_usize, 1..300_usize, 72..400_usize);
    let times = (0..49_u64, 0..200_u64, 0..200_u64);
    (sizes, times, 0..300_u16).prop_map(|(sizes, times, early_permille)| Link {
        segment_max: sizes.0,
        delay_max: Duration::from_millis(times.0),
        late_max: Duration::from_millis(times.1),
        read_max: sizes.1,
        early_permille,
        capacity: sizes.2,
        room_delay_max: Duration::from_millis(times.2),
    })
}

fn service() -> impl Strategy<Value = Service> {
    let language = prop_oneof![Just(CountLanguage::Indonesian), Just(CountLanguage::English)];
    let unit = prop_oneof![Just(CountUnit::Characters), Just(CountUnit::Bytes)];
    let count = (language, unit)
        .prop_map(|(language, unit)| Service::Count(CountOptions { language, unit, gap: GAP }));
    let echo = any::<bool>().prop_map(|quit| Service::Echo(EchoOptions { quit, gap: GAP }));
    prop_oneof![count, echo, Just(Service::Discard)]
}

fn run(service: &Service, seed: u64, script: &Script, link: &Link) -> Journal {
    simulate(seed, &mut service.machine(), script, link)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn fragmentation_does_not_matter(
        service in service(), seed: u64, bytes in bytes(60), link in link(), ends: bool,
    ) {
        let end = ends.then_some(Time::ZERO);
        let script = Script { sends: vec![(Time::ZERO, bytes)], end, drain: None };
        let whole = run(&service, seed, &script, &Link::default());
        let cut = run(&service, seed, &script, &link);
        prop_assert_eq!(whole.out.bytes(), cut.out.bytes());
        prop_assert_eq!(whole.out.messages(), cut.out.messages());
        prop_assert_eq!(whole.out.closed(), cut.out.closed());
    }

    #[test]
    fn the_same_bytes_and_times_give_the_same_output(
        service in service(), seed: u64, link in link(),
        sends in vec((0..300_u64, bytes(10)), 0..8),
    ) {
        let script = script(sends);
        let first = run(&service, seed, &script, &link);
        let second = run(&service, seed, &script, &link);
        prop_assert_eq!(first.seen, second.seen);
        prop_assert_eq!(first.out.bytes(), second.out.bytes());
        prop_assert_eq!(first.out.closed(), second.out.closed());
    }

    #[test]
    fn echo_sends_what_it_received_up_to_quit(
        quit: bool, capacity in 0..60_usize, operations in vec(operation(), 0..60),
    ) {
        check_echo_run(EchoOptions { quit, gap: GAP }, capacity, &operations);
    }

    #[test]
    fn count_answers_each_message_once(
        bytes: bool, english: bool, capacity in 72..300_usize,
        operations in vec(operation(), 0..60),
    ) {
        let unit = if bytes { CountUnit::Bytes } else { CountUnit::Characters };
        let language = if english { CountLanguage::English } else { CountLanguage::Indonesian };
        check_count_run(CountOptions { language, unit, gap: GAP }, capacity, &operations);
    }

    /// With an engine that is never late, the times alone say where the gaps are.
    #[test]
    fn a_pause_longer_than_the_gap_is_a_gap(
        sends in vec((0..120_u64, bytes(4)), 1..12), end in 0..120_u64,
    ) {
        let mut script = script(sends);
        let last = script.sends.last().map_or(Time::ZERO, |(time, _)| *time);
        script.end = Some(last + Duration::from_millis(end));
        let options = CountOptions::default();
        let journal = run(&Service::Count(options), 0, &script, &Link::default());
        let messages = by_times(&script).messages();
        let expected: String = messages.iter().map(|one| count_reply(&options, one)).collect();
        prop_assert_eq!(journal.out.bytes(), expected.as_bytes());
    }
}

/// A script of sends with the pauses before them, in milliseconds.
fn script(sends: Vec<(u64, Vec<u8>)>) -> Script {
    let mut now = Time::ZERO;
    let sends = sends.into_iter().map(|(pause, bytes)| {
        now = now + Duration::from_millis(pause);
        (now, bytes)
    });
    Script { sends: sends.collect(), end: None, drain: None }
}

/// The model of a script as the sender sees it. At the very moment of the deadline the bytes win:
/// input is drained before time is fired.
fn by_times(script: &Script) -> Model {
    let mut model = Model::new(GAP);
    let mut last = Time::ZERO;
    let sends = script.sends.iter().map(|(time, bytes)| (*time, Seen::Received(bytes.clone())));
    let end = script.end.map(|time| (time, Seen::End));
    for (time, seen) in sends.filter(|(_, seen)| *seen != Seen::Received(Vec::new())).chain(end) {
        if time > last + GAP {
            model.deadline(time);
        }
        match seen {
            Seen::Received(bytes) => model.received(time, &bytes),
            _ => model.end(),
        }
        last = time;
    }
    model
}
