//! Traffic in virtual time, against a server that is a queue with one clerk.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use colok_proto::{CallerKind, CallerOptions, Framing, Time};

use super::{Answers, Step, Timetable, Traffic, TrafficOptions};
use crate::load::plan::{Arrivals, Sizes};
use crate::load::samples::{Ending, Phase, Slice};

const fn millis(millis: u64) -> Time {
    Time::from_millis(millis)
}

fn options(connections: u32) -> TrafficOptions {
    TrafficOptions {
        caller: CallerOptions::new(CallerKind::Echo, 1, Framing::Stream),
        number_first: 0,
        number_step: 1,
        connections,
        active: connections,
        open_loop: None,
        sizes: Sizes::Fixed(64),
        phase: 0.0,
        seed: 1,
        messages: None,
        messages_per_connection: None,
        ramp_up: Duration::ZERO,
        reply_timeout: Duration::from_secs(5),
        answers: Answers::Replies,
    }
}

fn open(connections: u32, rate_per_s: f64, arrivals: Arrivals) -> TrafficOptions {
    TrafficOptions { open_loop: Some((rate_per_s, arrivals)), ..options(connections) }
}

/// Sends from 100 ms on, measures from 200 ms on, in intervals of 100 ms.
fn timetable() -> Timetable {
    Timetable {
        start: millis(100),
        measure_from: millis(200),
        interval: Duration::from_millis(100),
        intervals_per_run: 10,
    }
}

/// A server that answers one message after another, each after the same time.
struct Server {
    service: Duration,
    /// It does nothing in this span.
    stopped: (Time, Time),
    free_at: Time,
    /// Replies, when they are there, in order.
    replies: VecDeque<(Time, u32, Vec<u8>)>,
    /// It ends each connection that sent this many messages; the last one is not answered.
    ends_after: Option<u64>,
    seen: u64,
    /// It takes everything and says nothing.
    silent: bool,
}

impl Server {
    fn new(service: Duration) -> Self {
        let never = Time::from_nanos(u64::MAX);
        Self {
            service,
            stopped: (never, never),
            free_at: Time::ZERO,
            replies: VecDeque::new(),
            ends_after: None,
            seen: 0,
            silent: false,
        }
    }

    /// Takes what a connection sent.
    fn take(&mut self, connection: u32, bytes: &[u8], now: Time) {
        if self.silent {
            return;
        }
        for message in bytes.split_inclusive(|byte| *byte == b'\n') {
            let mut begin = now.max(self.free_at);
            let mut end = begin + self.service;
            if end > self.stopped.0 && begin < self.stopped.1 {
                begin = begin.max(self.stopped.1);
                end = begin + self.service;
            }
            self.free_at = end;
            self.seen += 1;
            let ends = self.ends_after.is_some_and(|after| self.seen.is_multiple_of(after));
            let reply = if ends { Vec::new() } else { message.to_vec() };
            self.replies.push_back((end, connection, reply));
        }
    }
}

struct Outcome {
    slices: Vec<Slice>,
    sum: Slice,
    ending: Ending,
    over: Time,
    /// When each message left.
    left: Vec<Time>,
    connects: u64,
}

impl Outcome {
    fn ms(histogram: &crate::load::samples::Histogram, quantile: f64) -> u64 {
        histogram.quantile_ns(quantile) / 1_000_000
    }
}

/// Plays a load until it is over; sending ends at `end`, if it is given.
fn play(options: TrafficOptions, end: Option<Time>, mut server: Server) -> Outcome {
    let slices = Arc::new(Mutex::new(Vec::new()));
    let taken = slices.clone();
    let exchange = move |full: Slice| {
        taken.lock().expect("no panic").push(full);
        Slice::default()
    };
    let mut traffic = Traffic::new(options, Slice::default(), Box::new(exchange));
    traffic.begin(timetable());
    if let Some(end) = end {
        traffic.end_at(end);
    }
    let (mut now, mut left, mut connects) = (Time::ZERO, Vec::new(), 0);
    let mut out = Vec::new();
    loop {
        traffic.tick(now);
        if traffic.is_over() {
            break;
        }
        while let Some(step) = traffic.next_step(now) {
            out.clear();
            match step {
                Step::Connect(connection) => {
                    connects += 1;
                    traffic.opened(connection, now, now);
                }
                Step::Fill(connection) => {
                    let count = traffic.fill(connection, now, &mut out);
                    left.extend(std::iter::repeat_n(now, count));
                    server.take(connection, &out, now);
                    if count > 0 {
                        traffic.flushed(connection);
                    }
                }
                Step::HalfClose(connection) => {
                    server.replies.push_back((now, connection, Vec::new()));
                }
                Step::Close(connection) => server.replies.retain(|(_, one, _)| *one != connection),
            }
        }
        let reply = server.replies.front().map(|(at, ..)| *at);
        let next = traffic.next_time(now);
        match reply.filter(|at| *at <= next) {
            Some(at) => {
                now = now.max(at);
                let (_, connection, bytes) = server.replies.pop_front().expect("it is there");
                out.clear();
                if bytes.is_empty() {
                    server.replies.retain(|(_, one, _)| *one != connection);
                    traffic.closed(connection, "peer-closed", now);
                } else if traffic.received(connection, &bytes, now) {
                    let count = traffic.fill(connection, now, &mut out);
                    left.extend(std::iter::repeat_n(now, count));
                    server.take(connection, &out, now);
                }
            }
            None => now = now.max(next),
        }
        assert!(now < Time::from_millis(1_000_000), "it never ends");
    }
    let slices = std::mem::take(&mut *slices.lock().expect("no panic"));
    let mut sum = Slice::default();
    for slice in &slices {
        sum.merge(slice);
    }
    let outcome = Outcome { slices, sum, ending: traffic.ending(), over: now, left, connects };
    assert!(outcome.sum.counts.is_balanced(outcome.ending.in_flight), "{:?}", outcome.sum.counts);
    outcome
}

#[test]
fn a_closed_loop_keeps_the_depth_on_its_way() {
    let caller = CallerOptions::new(CallerKind::Echo, 4, Framing::Stream);
    let options = TrafficOptions { caller, ..options(2) };
    let outcome = play(options, Some(millis(1200)), Server::new(Duration::from_millis(1)));
    // One clerk, 1 ms each, from 100 ms to 1200 ms, and the 8 that were on their way.
    assert_eq!(outcome.sum.counts.answered, 1100 + 7);
    assert_eq!(outcome.sum.counts.sent, outcome.sum.counts.answered);
    // Each waits for the 7 before it and for itself.
    assert_eq!(Outcome::ms(&outcome.sum.service, 0.5), 8);
    assert_eq!(outcome.sum.measured.sent, 1000);
    assert_eq!(outcome.sum.response.count(), 0);
    assert_eq!(outcome.ending.answered_per_connection.count, 2);
}

#[test]
fn intervals_have_no_gap_and_lie_in_one_phase_each() {
    let outcome = play(options(2), Some(millis(750)), Server::new(Duration::from_millis(3)));
    let phases: Vec<_> = outcome.slices.iter().map(|slice| slice.phase).collect();
    let mut expected = vec![Phase::WarmUp];
    expected.extend([Phase::Measuring; 6]);
    expected.push(Phase::Ending);
    assert_eq!(phases, expected);
    let mut at = 0.0;
    for (index, slice) in outcome.slices.iter().enumerate() {
        assert_eq!(slice.index as usize, index);
        assert!((slice.start_s - at).abs() < 1e-9, "{index}: {}", slice.start_s);
        at += slice.seconds;
    }
    // The last measured one is cut where sending ended.
    assert!((outcome.slices[6].seconds - 0.05).abs() < 1e-9);
    assert!(outcome.over >= millis(750) && outcome.over <= millis(760), "{:?}", outcome.over);
}

#[test]
fn a_server_that_stops_shows_in_response_time_and_not_in_service_time() {
    let mut server = Server::new(Duration::from_micros(100));
    server.stopped = (millis(3000), millis(4000));
    // Half of what the server can do, for 10 s; 10 connections.
    let options = open(10, 5000.0, Arrivals::Poisson);
    let outcome = play(options, Some(millis(10_200)), server);
    let (service, response) = (&outcome.sum.service, &outcome.sum.response);
    assert_eq!(outcome.sum.counts.lost, 0);
    assert_eq!(outcome.sum.counts.sent, outcome.sum.counts.answered);
    // At most 10 messages saw the second; 5000 were due in it, and as many while the rest was
    // worked off.
    assert!(Outcome::ms(service, 0.999) < 10, "{}", Outcome::ms(service, 0.999));
    assert!(Outcome::ms(response, 0.95) > 500, "{}", Outcome::ms(response, 0.95));
    assert!(Outcome::ms(response, 1.0).abs_diff(1000) < 20);
    assert!(Outcome::ms(&outcome.sum.slip, 0.95) > 500);
    // None of it was our own fault.
    assert_eq!(Outcome::ms(&outcome.sum.own_slip, 1.0), 0);
    assert_eq!(outcome.ending.backlog, 0);
}

#[test]
fn a_rate_that_is_too_high_leaves_a_backlog() {
    // The server can do 1000 a second; 1500 are wanted.
    let options = open(4, 1500.0, Arrivals::Even);
    let outcome = play(options, Some(millis(2100)), Server::new(Duration::from_millis(1)));
    let sent = outcome.sum.counts.sent;
    assert!(sent.abs_diff(2003) <= 2, "{sent}");
    // Due from 100 ms to 2100 ms: 3000.
    assert_eq!(sent + outcome.ending.backlog, 3000);
    assert!(Outcome::ms(&outcome.sum.service, 1.0) <= 5);
    assert!(Outcome::ms(&outcome.sum.response, 1.0) > 600);
    assert_eq!(Outcome::ms(&outcome.sum.own_slip, 1.0), 0);
}

#[test]
fn a_backlog_is_the_servers_unless_a_connection_was_free() {
    let options = open(4, 1500.0, Arrivals::Even);
    let outcome = play(options.clone(), Some(millis(2100)), Server::new(Duration::from_millis(1)));
    // The clerk is done with one in the very moment: what was due since then may be ours.
    assert!(outcome.ending.backlog > 900 && outcome.ending.own_backlog <= 2);
    // The thread sleeps from 1100 ms to 1600 ms, beyond the end of its 1000 ms.
    let mut traffic = Traffic::new(options, Slice::default(), Box::new(|full| full));
    traffic.begin(timetable());
    traffic.end_at(millis(1500));
    traffic.tick(millis(90));
    while let Some(Step::Connect(connection)) = traffic.next_step(millis(90)) {
        traffic.opened(connection, millis(90), millis(90));
    }
    traffic.tick(millis(100));
    let mut bytes = Vec::new();
    let Some(Step::Fill(busy)) = traffic.next_step(millis(100)) else { panic!("one is due") };
    assert_eq!(traffic.fill(busy, millis(100), &mut bytes), 1);
    traffic.received(busy, &bytes, millis(101));
    traffic.tick(millis(1600));
    let ending = traffic.ending();
    assert_eq!((ending.backlog, ending.own_backlog), (2099, 2099));
}

#[test]
fn a_service_that_does_not_read_makes_no_backlog_of_ours() {
    let caller = CallerOptions::new(CallerKind::Echo, 4, Framing::Stream);
    let options = TrafficOptions { caller, ..open(1, 1000.0, Arrivals::Even) };
    let mut traffic = Traffic::new(options, Slice::default(), Box::new(|full| full));
    traffic.begin(timetable());
    traffic.end_at(millis(1500));
    traffic.tick(millis(100));
    let Some(Step::Connect(0)) = traffic.next_step(millis(100)) else { panic!("none is open") };
    traffic.opened(0, millis(100), millis(100));
    let mut bytes = Vec::new();
    assert_eq!(traffic.next_step(millis(100)), Some(Step::Fill(0)));
    assert_eq!(traffic.fill(0, millis(100), &mut bytes), 1);
    assert_eq!(traffic.next_step(millis(1400)), Some(Step::Fill(0)));
    assert_eq!(traffic.fill(0, millis(1400), &mut vec![0; super::WAITING_BYTES_MAX]), 0);
    traffic.received(0, &bytes, millis(1450));
    traffic.tick(millis(1500));
    let ending = traffic.ending();
    assert_eq!((ending.backlog, ending.own_backlog), (1399, 100));
}

#[test]
fn messages_leave_when_they_are_due() {
    let left = |seed, arrivals| {
        let options = TrafficOptions { seed, ..open(100, 10_000.0, arrivals) };
        play(options, Some(millis(1100)), Server::new(Duration::from_micros(1))).left
    };
    let even = left(1, Arrivals::Even);
    assert_eq!(even.len(), 10_000);
    for (count, time) in (0_u64..).zip(&even) {
        assert_eq!(*time, Time::from_nanos(100_000_000 + count * 100_000));
    }
    let poisson = left(1, Arrivals::Poisson);
    assert!(poisson.len().abs_diff(10_000) < 500, "{}", poisson.len());
    assert_eq!(poisson, left(1, Arrivals::Poisson));
    assert_ne!(poisson, left(2, Arrivals::Poisson));
}

#[test]
fn slip_of_our_own_is_told_from_that_of_full_connections() {
    let options = open(2, 1000.0, Arrivals::Even);
    let taken = Arc::new(Mutex::new(Slice::default()));
    let sum = taken.clone();
    let exchange = move |full: Slice| {
        sum.lock().expect("no panic").merge(&full);
        Slice::default()
    };
    let mut traffic = Traffic::new(options, Slice::default(), Box::new(exchange));
    traffic.begin(timetable());
    let mut out = Vec::new();
    let connects: Vec<_> = std::iter::from_fn(|| traffic.next_step(Time::ZERO)).collect();
    assert_eq!(connects, [Step::Connect(0), Step::Connect(1)]);
    for connection in 0..2 {
        traffic.opened(connection, Time::ZERO, Time::ZERO);
    }
    let start = Time::from_millis(300);
    // Due from 100 ms on, each millisecond: the loop was away until 300 ms.
    traffic.tick(start);
    for connection in 0..2 {
        assert_eq!(traffic.next_step(start), Some(Step::Fill(connection)));
        assert_eq!(traffic.fill(connection, start, &mut out), 1);
    }
    assert_eq!(traffic.next_step(start), None, "no connection is free");
    traffic.abandon(millis(301));
    let sum = taken.lock().expect("no panic");
    assert_eq!(sum.slip.count(), 0, "they were due in the warm-up");
    assert_eq!(traffic.ending().in_flight, 2);
    assert_eq!(traffic.ending().backlog, 199);
}

#[test]
fn a_number_of_messages_is_kept_to_the_message() {
    let options = TrafficOptions { messages: Some(1003), ..options(7) };
    let outcome = play(options, None, Server::new(Duration::from_micros(10)));
    assert_eq!((outcome.sum.counts.sent, outcome.sum.counts.answered), (1003, 1003));
    let ending = outcome.slices.iter().filter(|slice| slice.phase == Phase::Ending);
    assert_eq!(ending.map(|slice| slice.counts.answered).sum::<u64>(), 0);
}

#[test]
fn connections_are_closed_and_made_anew() {
    let options =
        TrafficOptions { messages: Some(1000), messages_per_connection: Some(3), ..options(4) };
    let outcome = play(options, None, Server::new(Duration::from_micros(10)));
    assert_eq!(outcome.sum.counts.answered, 1000);
    assert_eq!(outcome.sum.connections_opened, outcome.connects);
    assert!(outcome.connects.abs_diff(1000 / 3 + 4) <= 4, "{}", outcome.connects);
    assert_eq!(outcome.sum.connect.count(), outcome.connects);
    assert!(outcome.sum.ended_early.is_empty());
}

#[test]
fn a_connection_that_ends_loses_its_message_and_is_made_anew() {
    let mut server = Server::new(Duration::from_micros(100));
    server.ends_after = Some(50);
    let outcome = play(options(5), Some(millis(1100)), server);
    let counts = outcome.sum.counts;
    assert!(counts.lost > 0);
    assert_eq!(outcome.sum.ended_early.get("peer-closed"), Some(&counts.lost));
    assert_eq!(counts.sent, counts.answered + counts.lost);
    // Those that had to wait 100 ms for a new connection are back.
    assert!(outcome.connects > 5 + counts.lost / 2);
}

#[test]
fn a_message_without_a_reply_is_lost_in_time() {
    let mut server = Server::new(Duration::from_micros(100));
    server.stopped = (millis(500), millis(1_000_000));
    let options = TrafficOptions { reply_timeout: Duration::from_millis(200), ..options(3) };
    let outcome = play(options, Some(millis(1500)), server);
    let counts = outcome.sum.counts;
    // Every 200 ms and a little, each of the three loses one.
    assert!((10..=18).contains(&counts.lost), "{}", counts.lost);
    assert_eq!(outcome.ending.in_flight, 0);
    assert!(outcome.over <= millis(1500 + 210), "{:?}", outcome.over);
}

#[test]
fn idle_connections_prove_that_they_live() {
    let options = TrafficOptions { active: 10, ..options(1000) };
    let outcome = play(options, Some(millis(300)), Server::new(Duration::from_micros(10)));
    let ending = outcome.slices.iter().filter(|slice| slice.phase == Phase::Ending);
    let proved: u64 = ending.map(|slice| slice.counts.sent).sum();
    assert_eq!(proved, 990);
    assert_eq!(outcome.sum.counts.sent, outcome.sum.counts.answered);
    assert_eq!(outcome.ending.answered_per_connection.count, 10);
    assert!(outcome.sum.measured.sent + 990 < outcome.sum.counts.sent);
}

/// Traffic that has begun, for a test that plays the loop itself; and what it hands over.
fn quiet(options: TrafficOptions) -> (Traffic, Arc<Mutex<Slice>>) {
    let taken = Arc::new(Mutex::new(Slice::default()));
    let sum = taken.clone();
    let exchange = move |full: Slice| {
        sum.lock().expect("no panic").merge(&full);
        Slice::default()
    };
    let mut traffic = Traffic::new(options, Slice::default(), Box::new(exchange));
    traffic.begin(timetable());
    (traffic, taken)
}

#[test]
fn idle_connections_that_were_never_asked_are_not_passed_over() {
    let (mut traffic, taken) = quiet(TrafficOptions { active: 10, ..options(1000) });
    traffic.end_at(millis(300));
    for now in (0..).map(|step| millis(step * 10)) {
        traffic.tick(now);
        if traffic.is_over() {
            break;
        }
        while let Some(step) = traffic.next_step(now) {
            match step {
                Step::Connect(connection) => traffic.opened(connection, now, now),
                // The service never says anything.
                Step::Fill(connection) => drop(traffic.fill(connection, now, &mut Vec::new())),
                Step::HalfClose(_) | Step::Close(_) => {}
            }
        }
    }
    let sum = taken.lock().expect("no panic");
    let unasked = sum.ended_early.get("timeout").copied().unwrap_or(0);
    assert_eq!(sum.counts.sent + unasked, 1000);
    assert!(unasked > 0 && sum.counts.lost >= 10 + 256, "{:?}", sum.counts);
}

#[test]
fn what_waits_for_room_is_bounded_and_all_of_it_leaves() {
    let caller = CallerOptions::new(CallerKind::Echo, 100, Framing::Stream);
    let sizes = Sizes::Fixed(64 * 1024);
    let (mut traffic, _) = quiet(TrafficOptions { caller, sizes, ..options(1) });
    assert_eq!(traffic.next_step(Time::ZERO), Some(Step::Connect(0)));
    traffic.opened(0, Time::ZERO, Time::ZERO);
    traffic.tick(millis(250));
    let mut count = 0;
    while let Some(step) = traffic.next_step(millis(250)) {
        assert_eq!(step, Step::Fill(0));
        let mut out = Vec::new();
        count += traffic.fill(0, millis(250), &mut out);
        assert!(out.len() <= super::WAITING_BYTES_MAX + 64 * 1024, "{}", out.len());
        // A connection that is full takes no more until some of it has left.
        assert_eq!(traffic.fill(0, millis(250), &mut vec![0; super::WAITING_BYTES_MAX]), 0);
        traffic.flushed(0);
    }
    assert_eq!(count, 100);
}

#[test]
fn ramping_up_opens_connections_over_time() {
    let options = TrafficOptions { ramp_up: Duration::from_secs(1), ..options(100) };
    let outcome = play(options, Some(millis(1200)), Server::new(Duration::from_micros(10)));
    let opened: Vec<_> = outcome.slices.iter().map(|slice| slice.connections_opened).collect();
    // 10 are opened before sending begins at 100 ms, and counted with those of the first interval.
    assert_eq!(opened.iter().sum::<u64>(), 100);
    assert!(opened[1..9].iter().all(|opened| (9..=11).contains(opened)), "{opened:?}");
}

#[test]
fn what_a_silent_service_took_is_known_when_it_ends() {
    let caller = CallerOptions::new(CallerKind::Discard, 1, Framing::Stream);
    let options =
        TrafficOptions { caller, answers: Answers::End, messages: Some(5000), ..options(3) };
    let server = Server { silent: true, ..Server::new(Duration::ZERO) };
    let outcome = play(options, None, server);
    let counts = outcome.sum.counts;
    assert_eq!((counts.sent, counts.answered, counts.lost), (5000, 5000, 0));
    assert_eq!(counts.sent_bytes, 5000 * 64);
}

#[test]
fn interrupting_waits_for_replies_and_abandoning_does_not() {
    for (abandon, in_flight) in [(false, 0), (true, 1)] {
        let (mut traffic, taken) = quiet(options(1));
        let mut out = Vec::new();
        assert_eq!(traffic.next_step(Time::ZERO), Some(Step::Connect(0)));
        traffic.opened(0, Time::ZERO, Time::ZERO);
        traffic.tick(millis(250));
        assert_eq!(traffic.next_step(millis(250)), Some(Step::Fill(0)));
        assert_eq!(traffic.fill(0, millis(250), &mut out), 1);
        if abandon {
            traffic.abandon(millis(260));
        } else {
            traffic.interrupt(millis(260));
            traffic.tick(millis(260));
            assert!(!traffic.is_over());
            assert!(
                !traffic.received(0, &out, millis(270)) || out.is_empty() || {
                    let mut more = Vec::new();
                    traffic.fill(0, millis(270), &mut more) == 0
                }
            );
            traffic.tick(millis(270));
        }
        assert!(traffic.is_over());
        assert_eq!(traffic.ending().in_flight, in_flight);
        let sum = taken.lock().expect("no panic");
        assert_eq!(sum.counts.sent, 1);
        assert_eq!(sum.counts.answered, 1 - in_flight);
    }
}
