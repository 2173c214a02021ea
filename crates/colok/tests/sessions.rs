//! Sessions on a simulated socket with a virtual clock: any split of reads and writes, any
//! back-pressure, gives the output of the machine alone, and closing follows the rules.
//!
//! Every run has a seed, and a failure names it.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use colok::observe::NoTap;
use colok::proto::sim::{Random, Recorder};
use colok::proto::{
    Count, CountOptions, Echo, EchoOptions, Input, Machine, Peer, Reason, Service, ServiceMachine,
    Time,
};
use colok::session::{Context, Desk, HIGH_WATER, Next, ROOM, SLICES_MAX, Session};
use rustix::io::Errno;

/// A gap that the simulated time of one run never reaches, so that splits do not end messages.
const GAP: Duration = Duration::from_hours(1);
const IDLE: Duration = Duration::from_hours(2);
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 10_000;
const STEPS_MAX: usize = 1_000_000;

fn context(service: Service) -> Arc<Context<NoTap>> {
    Arc::new(Context {
        service,
        idle_timeout: IDLE,
        linger: LINGER,
        linger_bytes: LINGER_BYTES,
        store: None,
        bytes_per_second_max: None,
        tap: NoTap,
    })
}

fn session(service: Service) -> Session<NoTap> {
    let machine = service.machine();
    Session::new(context(service), machine, 1, Peer::unnamed(), Time::ZERO)
}

/// A peer: what it will send, and what it has received.
struct Peers {
    random: Random,
    input: Vec<u8>,
    sent: usize,
    output: Vec<u8>,
}

impl Peers {
    /// What a write to this peer does: takes all, some or nothing.
    fn take(&mut self, slices: &[IoSlice<'_>]) -> Result<usize, Errno> {
        if self.random.chance(300) {
            return Err(Errno::AGAIN);
        }
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter()).copied().collect();
        let taken =
            if self.random.chance(500) { bytes.len() } else { self.random.below(bytes.len()) };
        if taken == 0 {
            return Err(Errno::AGAIN);
        }
        self.output.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn arrival(&mut self) -> Vec<u8> {
        let rest = &self.input[self.sent..];
        let most =
            if self.random.chance(500) { rest.len().min(65_536) } else { rest.len().min(40) };
        let length = 1 + self.random.below(most);
        self.sent += length;
        rest[..length].to_vec()
    }
}

/// Runs a session against a peer until it is closed; returns the reason.
fn run(session: &mut Session<NoTap>, peer: &mut Peers, seed: u64) -> Reason {
    let mut desk = Desk::new();
    let mut now = Time::from_millis(1);
    session.opened(now, &mut desk);
    session.pump(now, &[], &mut desk, |slices| peer.take(slices));
    for _ in 0..STEPS_MAX {
        now = now + Duration::from_micros(1);
        let waiting = waiting(session, &desk);
        assert!(waiting <= HIGH_WATER + 65_536 + ROOM, "seed {seed}: {waiting} bytes wait");
        match session.next(&desk) {
            Next::Close => return session.reason().expect("a closed session has a reason"),
            Next::ShutdownWrite => session.write_was_shut(now),
            Next::Wait { receive, send } => {
                assert!(receive || send, "seed {seed}: it waits for nothing");
                let arrives = receive && (!send || peer.random.chance(500));
                if !arrives {
                    session.pump(now, &[], &mut desk, |slices| peer.take(slices));
                } else if peer.sent < peer.input.len() {
                    let arrival = peer.arrival();
                    session.received(now, &arrival, &mut desk);
                    session.pump(now, &arrival, &mut desk, |slices| peer.take(slices));
                } else {
                    session.ended(now, &mut desk);
                    session.pump(now, &[], &mut desk, |slices| peer.take(slices));
                }
            }
        }
    }
    panic!("seed {seed}: it does not come to an end");
}

fn waiting(session: &Session<NoTap>, desk: &Desk) -> usize {
    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
    let count = session.pending(&[], desk, &mut slices);
    slices[..count].iter().map(|slice| slice.len()).sum()
}

/// What the machine alone says to all of the input at once.
fn alone(mut machine: ServiceMachine, input: &[u8]) -> (Vec<u8>, Option<Reason>) {
    let mut out = Recorder::default();
    out.give(&mut machine, Time::ZERO, Input::Opened { peer: &Peer::unnamed() });
    out.receive(&mut machine, Time::ZERO, input);
    if out.closed().is_none() {
        out.give(&mut machine, Time::ZERO, Input::End);
    }
    (out.bytes().to_vec(), out.closed())
}

/// Text with many short lines and some long ones, now and then `quit`, now and then no UTF-8.
fn conversation(random: &mut Random, quit: bool) -> Vec<u8> {
    let mut input = Vec::new();
    for _ in 0..random.below(3000) {
        match random.below(40) {
            0 => input.extend("é漢🦀".repeat(random.below(400)).as_bytes()),
            1 => input.push(random.byte()),
            2 if quit && random.chance(20) => input.extend(b"\nquit"),
            3 => input.extend(b"\r"),
            4..20 => input.extend(b"\n"),
            _ => input.extend(&b"a line of text\r\n"[..=random.below(15)]),
        }
    }
    input
}

#[test]
fn any_split_and_any_back_pressure_give_the_output_of_the_machine() {
    let services = [
        Service::Echo(EchoOptions { quit: false, gap: GAP }),
        Service::Echo(EchoOptions { quit: true, gap: GAP }),
        Service::Count(CountOptions { gap: GAP, ..CountOptions::default() }),
        Service::Discard,
    ];
    for seed in 0..400 {
        for (index, service) in services.into_iter().enumerate() {
            let mut random = Random::new(seed * 10 + index as u64);
            let input = conversation(&mut random, index == 1);
            let (expected, reason) = alone(service.machine(), &input);
            let mut session = session(service);
            let mut peer = Peers { random, input, sent: 0, output: Vec::new() };
            let closed = run(&mut session, &mut peer, seed);
            let name = service.kind().name();
            assert!(peer.output == expected, "seed {seed}: {name} said something else");
            assert_eq!(Some(closed), reason, "seed {seed}: {name}");
            assert_eq!(session.bytes_moved().1, expected.len() as u64, "seed {seed}: {name}");
        }
    }
}

#[test]
fn a_settled_turn_leaves_no_buffer_behind() {
    let mut desk = Desk::new();
    let mut session = session(Service::Echo(EchoOptions::default()));
    session.opened(Time::ZERO, &mut desk);
    for _ in 0..10 {
        session.received(Time::ZERO, b"hello\n", &mut desk);
        let all = |slices: &[IoSlice<'_>]| Ok(slices.iter().map(|slice| slice.len()).sum());
        session.pump(Time::ZERO, b"hello\n", &mut desk, all);
        assert!(session.owns_no_buffer(&desk));
    }
    session.received(Time::ZERO, b"hello\n", &mut desk);
    session.pump(Time::ZERO, b"hello\n", &mut desk, |_| Err(Errno::AGAIN));
    assert!(!session.owns_no_buffer(&desk), "what was not sent is kept");
}

#[test]
fn our_closes_flush_shut_down_discard_and_end() {
    let all = |slices: &[IoSlice<'_>]| Ok(slices.iter().map(|slice| slice.len()).sum());
    let mut desk = Desk::new();
    let mut session = session(Service::Echo(EchoOptions::default()));
    session.opened(Time::ZERO, &mut desk);
    session.received(Time::ZERO, b"quit\nmore", &mut desk);
    let mut left = Vec::new();
    session.pump(Time::ZERO, b"quit\nmore", &mut desk, |slices| {
        left.extend_from_slice(&slices[0]);
        all(slices)
    });
    assert_eq!(left, b"quit\n");
    assert_eq!(session.next(&desk), Next::ShutdownWrite);
    session.write_was_shut(Time::ZERO);
    assert_eq!(session.next(&desk), Next::Wait { receive: true, send: false });
    // What comes is thrown away, up to the bound.
    session.received(Time::ZERO, &[0; 5000], &mut desk);
    session.pump(Time::ZERO, &[0; 5000], &mut desk, |_| panic!("nothing is due"));
    assert_eq!(session.next(&desk), Next::Wait { receive: true, send: false });
    assert_eq!(session.deadline(), Time::ZERO + LINGER);
    session.received(Time::ZERO, &[0; 5000], &mut desk);
    session.pump(Time::ZERO, &[0; 5000], &mut desk, |_| panic!("nothing is due"));
    assert_eq!(session.next(&desk), Next::Close);
    assert_eq!(session.reason(), Some(Reason::Quit));
}

#[test]
fn a_peer_that_never_reads_is_let_go() {
    let mut desk = Desk::new();
    let mut session = session(Service::Echo(EchoOptions::default()));
    session.opened(Time::ZERO, &mut desk);
    let chunk = vec![0; 65_536];
    let mut taken = 0;
    while let Next::Wait { receive: true, .. } = session.next(&desk) {
        session.received(Time::ZERO, &chunk, &mut desk);
        session.pump(Time::ZERO, &chunk, &mut desk, |_| Err(Errno::AGAIN));
        taken += chunk.len();
    }
    assert!(taken <= HIGH_WATER + chunk.len(), "{taken} bytes were taken");
    let idle = session.deadline();
    assert_eq!(idle, Time::ZERO + IDLE);
    session.tick(idle, &mut desk);
    session.pump(idle, &[], &mut desk, |_| Err(Errno::AGAIN));
    assert!(matches!(session.next(&desk), Next::Wait { .. }), "it may take what is due to it");
    session.tick(idle + LINGER, &mut desk);
    assert_eq!((session.next(&desk), session.reason()), (Next::Close, Some(Reason::Idle)));
}

#[test]
fn a_peer_that_reads_slowly_is_not_idle() {
    let mut desk = Desk::new();
    let mut session = session(Service::Chargen);
    session.opened(Time::ZERO, &mut desk);
    let mut room = 1000;
    session.pump(Time::ZERO, &[], &mut desk, |slices| {
        let length = slices[0].len().min(std::mem::take(&mut room));
        if length > 0 { Ok(length) } else { Err(Errno::AGAIN) }
    });
    // The socket takes no more for a long time, but the peer takes what is there.
    let mut now = Time::ZERO;
    for not_taken in [700, 200, 100] {
        now = session.deadline();
        assert!(session.seems_idle(now));
        session.left_with_kernel(now, not_taken);
        session.tick(now, &mut desk);
        assert_eq!((session.reason(), session.deadline()), (None, now + IDLE));
    }
    now = now + IDLE;
    session.left_with_kernel(now, 100);
    session.tick(now, &mut desk);
    assert_eq!(session.reason(), Some(Reason::Idle));
}

#[test]
fn a_stop_waits_for_the_message_and_no_longer_than_told() {
    let options = CountOptions::default();
    let gap = options.gap;
    let all = |slices: &[IoSlice<'_>]| Ok(slices.iter().map(|slice| slice.len()).sum());
    for ends in [true, false] {
        let mut desk = Desk::new();
        let mut session = session(Service::Count(options));
        session.opened(Time::ZERO, &mut desk);
        session.received(Time::ZERO, b"half", &mut desk);
        session.pump(Time::ZERO, b"half", &mut desk, all);
        let until = Time::ZERO + gap / 2;
        session.drain(if ends { until + gap } else { until });
        assert_eq!(session.deadline(), Time::ZERO, "it is told as soon as a read finds nothing");
        session.tick(Time::ZERO, &mut desk);
        session.pump(Time::ZERO, &[], &mut desk, all);
        assert_eq!(session.reason(), None, "the message is not over");
        let due = session.deadline();
        assert_eq!(due, if ends { Time::ZERO + gap } else { until });
        session.tick(due, &mut desk);
        let mut reply = Vec::new();
        session.pump(due, &[], &mut desk, |slices| {
            reply.extend_from_slice(&slices[0]);
            all(slices)
        });
        assert_eq!(session.reason(), Some(Reason::Shutdown));
        assert_eq!(!reply.is_empty(), ends, "the reply to a message that ended in time");
    }
}

#[test]
fn a_peer_that_never_pauses_does_not_outlast_a_stop() {
    let all = |slices: &[IoSlice<'_>]| Ok(slices.iter().map(|slice| slice.len()).sum());
    let mut desk = Desk::new();
    let mut session = session(Service::Echo(EchoOptions { quit: false, gap: GAP }));
    session.opened(Time::ZERO, &mut desk);
    session.drain(Time::from_millis(10));
    for millis in [5, 10] {
        let now = Time::from_millis(millis);
        session.received(now, b"flood", &mut desk);
        session.pump(now, b"flood", &mut desk, all);
    }
    assert_eq!(session.reason(), Some(Reason::Shutdown));
    assert_eq!(session.bytes_moved(), (10, 10), "what came before is answered");
}

#[test]
fn a_close_ends_in_time_whatever_the_peer_sends() {
    let all = |slices: &[IoSlice<'_>]| Ok(slices.iter().map(|slice| slice.len()).sum());
    let mut desk = Desk::new();
    let mut session = session(Service::Discard);
    session.opened(Time::ZERO, &mut desk);
    session.close(Time::ZERO, Reason::Shutdown);
    assert_eq!(session.next(&desk), Next::ShutdownWrite);
    session.write_was_shut(Time::ZERO);
    session.received(Time::from_millis(500), b"flood", &mut desk);
    session.pump(Time::from_millis(500), b"flood", &mut desk, all);
    assert_eq!(session.next(&desk), Next::Wait { receive: true, send: false });
    session.received(Time::ZERO + LINGER, b"flood", &mut desk);
    session.pump(Time::ZERO + LINGER, b"flood", &mut desk, all);
    assert_eq!(session.next(&desk), Next::Close);
}

#[test]
fn a_quitter_that_does_not_read_cannot_outlast_a_stop_or_a_turn() {
    for stop in [true, false] {
        let mut desk = Desk::new();
        let mut session = session(Service::Echo(EchoOptions::default()));
        session.opened(Time::ZERO, &mut desk);
        session.received(
            Time::ZERO,
            b"quit
",
            &mut desk,
        );
        session.pump(
            Time::ZERO,
            b"quit
",
            &mut desk,
            |_| Err(Errno::AGAIN),
        );
        assert_eq!(session.deadline(), Time::ZERO + IDLE, "it may take its time");
        // What it sends behind it is thrown away and is no sign of life.
        let later = Time::from_millis(10);
        session.received(later, b"more", &mut desk);
        session.pump(later, b"more", &mut desk, |_| Err(Errno::AGAIN));
        assert_eq!(session.deadline(), Time::ZERO + IDLE);
        if stop {
            session.drain(Time::from_millis(20));
            assert_eq!(session.deadline(), Time::from_millis(20));
            session.tick(Time::from_millis(20), &mut desk);
        } else {
            session.close(Time::from_millis(20), Reason::Limit);
        }
        let end = Time::from_millis(20) + LINGER;
        assert_eq!(session.deadline(), end);
        session.tick(end, &mut desk);
        assert_eq!((session.next(&desk), session.reason()), (Next::Close, Some(Reason::Quit)));
    }
}

#[test]
fn what_was_lent_and_comes_back_leaves_first() {
    let mut desk = Desk::new();
    let mut session = session(Service::Echo(EchoOptions::default()));
    session.opened(Time::ZERO, &mut desk);
    let mut lent = Vec::new();
    session.received(Time::ZERO, b"hello\nquit\n", &mut desk);
    session.lend(Time::ZERO, b"hello\nquit\n", &mut desk, |slices| {
        lent.extend(slices.iter().flat_map(|slice| slice.to_vec()));
        lent.len()
    });
    assert_eq!((&lent[..], session.bytes_moved()), (&b"hello\nquit\n"[..], (11, 11)));
    assert_eq!(session.next(&desk), Next::ShutdownWrite, "nothing is known to be left");
    session.came_back(b"quit\n");
    session.came_back(b"lo\n");
    assert_eq!(session.bytes_moved(), (11, 3));
    assert_eq!(session.next(&desk), Next::Wait { receive: true, send: true });
    let mut rest = Vec::new();
    session.lend(Time::ZERO, &[], &mut desk, |slices| {
        rest.extend(slices.iter().flat_map(|slice| slice.to_vec()));
        rest.len()
    });
    assert_eq!((&rest[..], session.bytes_moved()), (&b"lo\nquit\n"[..], (11, 11)));
    assert_eq!(session.next(&desk), Next::ShutdownWrite);
}

#[test]
fn machines_alone_are_what_sessions_run() {
    // The comparison above would hold for two wrongs; these are the plain facts.
    let mut out = Recorder::default();
    let mut echo = Echo::new(EchoOptions::default());
    assert_eq!(out.receive(&mut echo, Time::ZERO, b"a\n"), 2);
    assert_eq!((out.bytes(), echo.deadline()), (&b"a\n"[..], None));
    let mut out = Recorder::default();
    let mut count = Count::new(CountOptions::default());
    out.receive(&mut count, Time::ZERO, b"a\n");
    assert_eq!(out.bytes(), b"Jumlah karakter dalam kalimat tersebut ada: 1\n");
}
