//! What a server sees of a load: its sizes, its number, its connections, its times.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::servers::{Stream, lines, tcp};
use crate::support::{load, wait_until};

/// What an echo saw.
#[derive(Debug, Default)]
struct Seen {
    connections: u64,
    /// How many lines of each size.
    sizes: BTreeMap<usize, u64>,
    /// No two messages are alike, so this many lines are this many messages.
    different: BTreeSet<Vec<u8>>,
    /// When each came, and on which connection.
    times: Vec<(Instant, u64)>,
}

impl Seen {
    fn messages(&self) -> u64 {
        self.sizes.values().sum()
    }

    /// The times between one message and the next.
    fn gaps(&self) -> Vec<Duration> {
        let mut times: Vec<Instant> = self.times.iter().map(|(time, _)| *time).collect();
        times.sort_unstable();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

/// An echo that remembers.
fn watching() -> (String, Arc<Mutex<Seen>>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mine = Arc::clone(&seen);
    let place = tcp(move |stream: Stream, number| {
        mine.lock().expect("nobody fails with it").connections += 1;
        lines(&stream, |line| {
            {
                let mut seen = mine.lock().expect("nobody fails with it");
                *seen.sizes.entry(line.len()).or_default() += 1;
                seen.different.insert(line.clone());
                seen.times.push((Instant::now(), number));
            }
            { &stream }.write_all(line)
        });
    });
    (place, seen)
}

/// A load that must be right; what the server saw of it.
fn seen_of(words: &str) -> Seen {
    let (place, seen) = watching();
    let told = load(&place, words);
    told.assert_ended("ok", 0);
    let opened = told.whole("/connections/opened");
    // A connection that sent nothing may be accepted later than it is closed.
    wait_until("all are accepted", || seen.lock().is_ok_and(|seen| seen.connections >= opened));
    let seen = std::mem::take(&mut *seen.lock().expect("nobody fails with it"));
    assert_eq!(told.count("sent"), seen.messages(), "{words}: {}", told.report);
    assert_eq!(seen.connections, opened, "{words}: {}", told.report);
    if !words.contains("-n ") {
        // What comes after the end of the time is in no interval.
        return seen;
    }
    let bytes: u64 = seen.sizes.iter().map(|(size, count)| *size as u64 * count).sum();
    let intervals = told.report["intervals"].as_array().expect("there are some").iter();
    let received: u64 = intervals.filter_map(|interval| interval["received_bytes"].as_u64()).sum();
    assert_eq!(received, bytes, "{words}: {}", told.report);
    seen
}

#[test]
fn exactly_so_many_messages() {
    for words in [
        "-n 1 -c 8",
        "-n 1000 -c 7 --threads 2 --io epoll",
        "-n 1000 -c 7 --threads 2 --depth 16 --io auto",
        "-n 777 -c 5 --processes 2",
        "-n 101 -c 3 --rate 500 --threads 2",
        "-n 64 -c 4 --messages-per-connection 3",
    ] {
        let seen = seen_of(words);
        let number: u64 = words.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
        assert_eq!(seen.messages(), number, "{words}");
        assert_eq!(seen.different.len() as u64, number, "{words}");
    }
}

#[test]
fn all_was_sent_before_all_are_connected() {
    let (place, seen) = watching();
    let told = load(&place, "-n 40 -c 4 --threads 1 --ramp-up 400ms");
    // It is no failure to connect, though perhaps nothing was measured.
    assert_eq!((told.count("sent"), told.count("answered")), (40, 40), "{}", told.report);
    assert_eq!(told.report["error"], serde_json::Value::Null, "{}", told.report);
    assert_ne!(told.report["outcome"], "failed", "{}", told.report);
    assert_eq!(seen.lock().expect("nobody fails with it").messages(), 40);
}

#[test]
fn sizes_as_they_were_announced() {
    assert_eq!(seen_of("-n 500 -c 2").sizes.into_keys().collect::<Vec<_>>(), [64]);
    for size in [1, 2, 16, 17, 18, 1460, 65_536] {
        let seen = seen_of(&format!("-n 30 -c 2 --size {size}"));
        assert_eq!(seen.sizes.into_iter().collect::<Vec<_>>(), [(size, 30)]);
    }
    // Each as likely: 300 of each, give or take six standard deviations.
    let seen = seen_of("-n 3000 -c 3 --size 20-29 --seed 5");
    assert_eq!(seen.sizes.keys().copied().collect::<Vec<_>>(), (20..=29).collect::<Vec<_>>());
    assert!(seen.sizes.values().all(|count| (200..=400).contains(count)), "{:?}", seen.sizes);
    // By weight: a tenth, two tenths, seven tenths.
    let seen = seen_of("-n 3000 -c 3 --size 30:1,700:2,2K:7 --depth 4 --seed 6");
    assert_eq!(seen.sizes.keys().copied().collect::<Vec<_>>(), [30, 700, 2048]);
    let near = |size, middle: u64| seen.sizes[&size].abs_diff(middle) <= 160;
    assert!(near(30, 300) && near(700, 600) && near(2048, 2100), "{:?}", seen.sizes);
    // The same seed is the same load.
    let twice = [7, 7, 8].map(|seed| {
        seen_of(&format!("-n 300 -c 1 --threads 1 --size 20-2000 --seed {seed}")).sizes
    });
    assert!(twice[0] == twice[1] && twice[0] != twice[2]);
}

#[test]
fn connections_anew_for_each_message() {
    let seen = seen_of("-n 60 -c 4 --threads 1 --messages-per-connection 1");
    let on: BTreeSet<u64> = seen.times.iter().map(|(_, number)| *number).collect();
    assert_eq!((on.len(), seen.messages()), (60, 60));
    let seen = seen_of("-n 60 -c 2 --threads 1 --messages-per-connection 5 --depth 3");
    let mut on = BTreeMap::new();
    seen.times.iter().for_each(|(_, number)| *on.entry(number).or_insert(0) += 1);
    assert!(on.values().all(|count| *count <= 5), "{on:?}");
    assert!(on.len() >= 12, "{on:?}");
}

#[test]
fn only_some_connections_send() {
    let seen = seen_of("-c 12 --active 3 --for 500ms --warm-up 0 --threads 2");
    let mut on = BTreeMap::new();
    seen.times.iter().for_each(|(_, number)| *on.entry(number).or_insert(0) += 1);
    // The idle ones show at the end that they live: one message each.
    let once = on.values().filter(|count| **count == 1).count();
    assert_eq!((seen.connections, on.len()), (12, 12), "{on:?}");
    assert!(once >= 9, "{on:?}");
    let last_idle = seen.times.iter().rev().take(9);
    assert_eq!(last_idle.map(|(_, number)| on[number]).max(), Some(1), "{on:?}");
}

#[test]
fn even_and_poisson_arrivals() {
    // 20 in a second: even gaps are 50 ms. Of exponential ones three of ten are about as long.
    let about_even = |words: &str| {
        let words = format!("-c 4 --rate 20 --threads 1 --warm-up 0 --seed 11 {words}");
        let gaps = seen_of(&words).gaps();
        let even = gaps.iter().filter(|gap| (30..=70).contains(&gap.as_millis())).count();
        even * 10 >= gaps.len() * 6
    };
    // A busy machine may bring messages together, but not always and never into this order.
    assert!((0..8).any(|_| about_even("-n 30 --arrivals even")));
    assert!(!about_even("-n 60 --arrivals poisson"));
}
