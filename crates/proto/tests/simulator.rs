//! Random scripts over unkind links, many seeds, compared with the model.
//!
//! A failure prints its seed; to see it again, run that seed alone.

use std::thread;
use std::time::Duration;

use colok_proto::sim::{
    Fate, Journal, Link, Message, Random, Script, answer, count_reply, deliver, echoed, simulate,
};
use colok_proto::{CountOptions, EchoOptions, Reason, Service, Time};

const GAP: Duration = Duration::from_millis(50);

/// Names the seed when the test dies under it.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the seed was {}", self.0);
        }
    }
}

fn for_seeds(count: u64, body: impl Fn(u64, &mut Random)) {
    for seed in 0..count {
        let seed = Seed(seed);
        body(seed.0, &mut Random::new(seed.0 ^ 0x5eed));
    }
}

fn millis(random: &mut Random, end: usize) -> Duration {
    Duration::from_millis(random.below(end) as u64)
}

fn random_link(random: &mut Random) -> Link {
    let delay_max = millis(random, 100);
    let late_max = millis(random, 100);
    let room_delay_max = millis(random, 300);
    Link {
        segment_max: 1 + random.below(60),
        delay_max,
        late_max,
        read_max: 1 + random.below(100),
        early_permille: if random.chance(500) { 300 } else { 0 },
        capacity: 72 + random.below(300),
        room_delay_max,
    }
}

fn random_bytes(random: &mut Random) -> Vec<u8> {
    const WORDS: [&str; 10] =
        ["quit", "quit\n", "\n", "\r\n", "\r", "hello", " ", "\u{e9}", "\u{20ac}", "\u{1f600}"];
    let mut bytes = Vec::new();
    for _ in 0..random.below(12) {
        if random.chance(100) {
            bytes.push(random.byte());
        } else {
            bytes.extend_from_slice(WORDS[random.below(WORDS.len())].as_bytes());
        }
    }
    bytes
}

fn random_script(random: &mut Random) -> Script {
    let mut script = Script::default();
    let mut now = Time::ZERO;
    for _ in 0..random.below(10) {
        now = now + millis(random, 120);
        script.sends.push((now, random_bytes(random)));
    }
    if random.chance(600) {
        script.end = Some(now + millis(random, 120));
    }
    if random.chance(300) {
        script.drain = Some(Time::ZERO + millis(random, 1000));
    }
    script
}

fn count_replies(options: &CountOptions, messages: &[Message]) -> String {
    messages.iter().map(|message| count_reply(options, message)).collect()
}

#[test]
fn echo_follows_the_model() {
    for_seeds(5000, |seed, random| {
        let (script, link) = (random_script(random), random_link(random));
        let mut machine = Service::Echo(EchoOptions::default()).machine();
        let journal = simulate(seed, &mut machine, &script, &link);
        let (expected, quit) = echoed(&journal.model(GAP));
        assert_eq!(journal.out.bytes(), expected);
        assert_eq!(journal.out.closed() == Some(Reason::Quit), quit);
        assert_closed(&script, &journal);
    });
}

#[test]
fn count_follows_the_model() {
    for_seeds(5000, |seed, random| {
        let (script, link) = (random_script(random), random_link(random));
        let options = CountOptions::default();
        let journal = simulate(seed, &mut Service::Count(options).machine(), &script, &link);
        let model = journal.model(GAP);
        let expected = count_replies(&options, &model.messages());
        assert_eq!(String::from_utf8_lossy(journal.out.bytes()), expected);
        assert!(!model.is_open(), "at rest nothing is open: the gap has ended it");
        assert_closed(&script, &journal);
    });
}

/// It closes if it has a reason to, and only then.
fn assert_closed(script: &Script, journal: &Journal) {
    match journal.out.closed() {
        None => assert!(script.end.is_none() && script.drain.is_none()),
        Some(Reason::PeerClosed) => assert!(script.end.is_some()),
        Some(Reason::Shutdown) => assert!(script.drain.is_some()),
        Some(reason) => assert_eq!(reason, Reason::Quit),
    }
}

#[test]
fn chargen_runs_until_the_server_stops() {
    for_seeds(50, |seed, random| {
        let mut script = random_script(random);
        script.drain = Some(Time::from_millis(2000));
        let link = Link { room_delay_max: Duration::from_millis(20), ..random_link(random) };
        let journal = simulate(seed, &mut Service::Chargen.machine(), &script, &link);
        assert_eq!(journal.out.closed(), Some(Reason::Shutdown));
        assert!(journal.now >= Time::from_millis(2000));
        assert!(journal.out.bytes().starts_with(b" !\"#$%&'"));
        assert!(journal.out.bytes().len() > 10 * link.capacity);
    });
}

#[test]
fn a_long_message_in_many_fragments_is_counted_right() {
    let text = "a\u{e9}\u{20ac}\u{1f600}".repeat(104_858);
    let fragment = text.len().div_ceil(1000);
    assert!(text.len() > 1 << 20 && !fragment.is_multiple_of(10));
    let fragments = text.as_bytes().chunks(fragment).zip(0_u64..);
    let sends: Vec<_> =
        fragments.map(|(bytes, index)| (Time::from_millis(index * 10), bytes.to_vec())).collect();
    let options = CountOptions::default();
    let machine = || Service::Count(options).machine();

    let script = Script { sends: sends.clone(), ..Script::default() };
    let journal = simulate(0, &mut machine(), &script, &Link::default());
    let reply = "Jumlah karakter dalam kalimat tersebut ada: 419432";
    assert_eq!(String::from_utf8_lossy(journal.out.bytes()), reply);

    // One pause of 200 ms inside makes two messages, each judged by itself.
    let late = sends.into_iter().enumerate().map(|(index, (time, bytes))| {
        let pause = if index < 500 { Duration::ZERO } else { Duration::from_millis(200) };
        (time + pause, bytes)
    });
    let script = Script { sends: late.collect(), ..Script::default() };
    let journal = simulate(0, &mut machine(), &script, &Link::default());
    let parts = text.as_bytes().split_at(500 * fragment);
    let messages = [parts.0, parts.1].map(|bytes| Message {
        bytes: bytes.to_vec(),
        newline: "",
        stream_end: 0,
    });
    let expected = count_replies(&options, &messages);
    assert_eq!(String::from_utf8_lossy(journal.out.bytes()), expected);
}

#[test]
fn random_bytes_with_quit_in_them_come_back_whole_without_quit() {
    for_seeds(20, |seed, random| {
        let mut bytes: Vec<u8> = (0..100_000).map(|_| random.byte()).collect();
        for place in (0..bytes.len()).step_by(5000) {
            bytes.splice(place..place, *b"\nquit\n");
        }
        let end = Some(Time::ZERO);
        let script = Script { sends: vec![(Time::ZERO, bytes.clone())], end, drain: None };
        let options = EchoOptions { quit: false, ..EchoOptions::default() };
        let link = Link { segment_max: 3000, read_max: 4096, ..random_link(random) };
        let journal = simulate(seed, &mut Service::Echo(options).machine(), &script, &link);
        assert!(journal.out.bytes() == bytes, "bytes were changed");
        assert_eq!(journal.out.closed(), Some(Reason::PeerClosed));
    });
}

#[test]
fn each_datagram_that_arrives_gets_its_own_answer() {
    for_seeds(500, |seed, random| {
        let fate = Fate { drop_permille: 200, duplicate_permille: 200, reorder_permille: 200 };
        let datagrams: Vec<_> = (0..30).map(|_| random_bytes(random)).collect();
        let options = CountOptions::default();
        for arrived in deliver(seed, datagrams.len(), fate) {
            let datagram = &datagrams[arrived];
            let echo = answer(&Service::Echo(EchoOptions::default()), datagram);
            assert_eq!(echo.bytes(), datagram);
            assert_eq!(echo.closed(), Some(Reason::PeerClosed));
            let count = answer(&Service::Count(options), datagram);
            let expected = count_reply(&options, &datagram_message(datagram));
            assert_eq!(String::from_utf8_lossy(count.bytes()), expected);
            let discard = answer(&Service::Discard, datagram);
            assert!(discard.bytes().is_empty());
        }
    });
}

/// One newline at the end is not part of the message; others are.
fn datagram_message(datagram: &[u8]) -> Message {
    let newline = ["\r\n", "\n"].into_iter().find(|end| datagram.ends_with(end.as_bytes()));
    let newline = newline.unwrap_or_default();
    let bytes = datagram[..datagram.len() - newline.len()].to_vec();
    Message { bytes, newline, stream_end: datagram.len() }
}

#[test]
fn misfortune_is_what_was_asked_for() {
    let order: Vec<_> = (0..1000).collect();
    assert_eq!(deliver(1, 1000, Fate::default()), order);
    let none = Fate { drop_permille: 1000, ..Fate::default() };
    assert!(deliver(1, 1000, none).is_empty());
    let twice = Fate { duplicate_permille: 1000, ..Fate::default() };
    assert_eq!(deliver(1, 1000, twice).len(), 2000);
    let mixed = deliver(1, 1000, Fate { reorder_permille: 500, ..Fate::default() });
    assert_ne!(mixed, order);
    let mut sorted = mixed;
    sorted.sort_unstable();
    assert_eq!(sorted, order);
}
