//! A connection that rested cannot be told from one that did not: random conversations on two
//! sessions, one of which rests whenever it can, and lets a stranger use it meanwhile.
//!
//! Every run has a seed, and a failure names it.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use colok_proto::sim::Random;
use colok_proto::{CountOptions, EchoOptions, Service};

use super::*;
use crate::observe::{Event, NoTap};
use crate::session::{Context, Desk, Next};
use rustix::io::Errno;

const GAP: Duration = Duration::from_millis(50);
const IDLE: Duration = Duration::from_secs(5);
const CONVERSATIONS: u64 = 3000;
const STEPS: usize = 60;

fn context<T: Tap>(service: Service, tap: T) -> Arc<Context<T>> {
    Arc::new(Context {
        service,
        idle_timeout: IDLE,
        linger: Duration::from_secs(1),
        linger_bytes: 10_000,
        store: None,
        bytes_per_second_max: None,
        tap,
    })
}

fn peer(index: u64) -> Peer {
    let inet = |text: &str| Address::Inet(text.parse().expect("an address"));
    match index % 3 {
        0 => Peer { local: inet("127.0.0.1:5001"), remote: inet("10.1.2.3:50000") },
        1 => Peer { local: inet("[fe80::1%3]:5001"), remote: inet("[::1]:50000") },
        _ => Peer { local: Address::Unix("/run/echo".into()), remote: Address::Unix("".into()) },
    }
}

/// What a connection is told, and how its socket takes output.
#[derive(Clone, Debug)]
enum Happens {
    Arrives(Vec<u8>),
    Nothing,
    Ends,
    Drains,
}

/// One of the two: a session, and what it said.
struct Side<T: Tap> {
    session: Session<T>,
    desk: Desk,
    at_rest: Option<Rest>,
    said: Vec<u8>,
}

/// What can be told of a connection between turns.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    said: Vec<u8>,
    deadline: Time,
    next: Next,
    reason: Option<colok_proto::Reason>,
    moved: (u64, u64),
    opened_at: Time,
    peer: Peer,
    connection: u64,
}

impl<T: Tap> Side<T> {
    fn new(context: &Arc<Context<T>>, connection: u64) -> Self {
        let machine = context.service.machine();
        let now = Time::from_millis(connection);
        let session = Session::new(context.clone(), machine, connection, peer(connection), now);
        Self { session, desk: Desk::new(), at_rest: None, said: Vec::new() }
    }

    /// The end of a turn: the socket takes all, a part or nothing, by turns as `takes` says.
    fn pump(&mut self, now: Time, input: &[u8], mut takes: Random) {
        let said = &mut self.said;
        self.session.pump(now, input, &mut self.desk, |slices| {
            let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter()).copied().collect();
            let part = match takes.below(8) {
                0 => return Err(Errno::AGAIN),
                1 => 1 + takes.below(bytes.len()),
                _ => bytes.len(),
            };
            said.extend_from_slice(&bytes[..part]);
            Ok(part)
        });
    }

    fn turn(&mut self, now: Time, happens: &Happens, takes: &Random) {
        let receives = matches!(self.session.next(&self.desk), Next::Wait { receive: true, .. });
        let mut input = &[][..];
        match happens {
            Happens::Arrives(bytes) if receives => {
                input = bytes;
                self.session.received(now, input, &mut self.desk);
            }
            Happens::Ends if receives => self.session.ended(now, &mut self.desk),
            Happens::Arrives(_) | Happens::Ends | Happens::Nothing => {}
            Happens::Drains => {
                self.session.drain(now + Duration::from_secs(2));
                self.session.tick(now, &mut self.desk);
            }
        }
        self.pump(now, input, takes.clone());
        if self.session.next(&self.desk) == Next::ShutdownWrite {
            self.session.write_was_shut(now);
        }
    }

    fn tick(&mut self, now: Time, takes: &Random) {
        self.session.tick(now, &mut self.desk);
        self.pump(now, &[], takes.clone());
    }

    fn seen(&mut self) -> Seen {
        Seen {
            said: mem::take(&mut self.said),
            deadline: self.session.deadline(),
            next: self.session.next(&self.desk),
            reason: self.session.reason(),
            moved: self.session.bytes_moved(),
            opened_at: self.session.opened_at,
            peer: self.session.peer.clone(),
            connection: self.session.connection,
        }
    }

    /// Rests if it can, and has what is left of the session serve `stranger` meanwhile.
    fn rests(&mut self, now: Time, stranger: &mut Rest) -> bool {
        let Some(rest) = self.session.rest(7) else { return false };
        assert_eq!((rest.tag, rest.bytes_moved()), (7, self.session.bytes_moved()));
        self.session.restore(mem::replace(stranger, rest));
        let all = |slices: &[IoSlice<'_>]| Ok(slices.iter().map(|slice| slice.len()).sum());
        for part in [&b"qui"[..], b"ck\n"] {
            self.session.received(now, part, &mut self.desk);
            self.session.pump(now, part, &mut self.desk, all);
        }
        let other = self.session.rest(8).expect("a stranger rests after a whole line");
        self.at_rest = Some(mem::replace(stranger, other));
        true
    }

    fn wakes(&mut self) {
        if let Some(rest) = self.at_rest.take() {
            self.session.restore(rest);
        }
    }
}

fn happens(random: &mut Random) -> Happens {
    match random.below(40) {
        0 => Happens::Ends,
        1 => Happens::Drains,
        2..8 => Happens::Nothing,
        _ => {
            const PARTS: [&str; 12] = [
                "q",
                "qu",
                "it",
                "quit",
                "quit\n",
                "\n",
                "\r",
                "\r\n",
                "a line\n",
                "\u{20ac}",
                "x",
                "\u{e9}t\n",
            ];
            let parts = 1 + random.below(3);
            let mut bytes: Vec<u8> =
                (0..parts).flat_map(|_| PARTS[random.below(PARTS.len())].bytes()).collect();
            if random.chance(50) {
                bytes.push(random.byte());
            }
            Happens::Arrives(bytes)
        }
    }
}

fn pause(random: &mut Random) -> Duration {
    match random.below(8) {
        0 => GAP,
        1 => GAP.saturating_sub(Duration::from_nanos(1)),
        2 => Duration::from_millis(120),
        3 => Duration::from_secs(2),
        4 if random.chance(200) => IDLE,
        4 => Duration::ZERO,
        _ => Duration::from_millis(1),
    }
}

/// Runs one conversation on two sessions; returns how often one of them rested, and how often
/// with a deadline sooner than that of idleness.
fn conversation(service: Service, seed: u64) -> (u32, u32) {
    let context = context(service, NoTap);
    let mut random = Random::new(seed);
    let mut awake = Side::new(&context, seed);
    let mut resting = Side::new(&context, seed);
    let mut stranger = Side::new(&context, seed + 1).session.rest(8).expect("it is fresh");
    let mut now = Time::from_millis(seed);
    let (mut rests, mut rests_open) = (0, 0);
    for side in [&mut awake, &mut resting] {
        side.session.opened(now, &mut side.desk);
    }
    for step in 0..STEPS {
        let (what, until) = (happens(&mut random), now + pause(&mut random));
        let mut takes = Random::new(random.bits());
        // What is due before the next thing happens is fired at its time.
        while awake.session.next(&awake.desk) != Next::Close && awake.session.deadline() <= until {
            now = now.max(awake.session.deadline());
            takes.bits();
            for side in [&mut awake, &mut resting] {
                side.wakes();
                side.tick(now, &takes);
            }
            assert_eq!(awake.seen(), resting.seen(), "seed {seed} step {step}: a deadline");
        }
        now = until;
        resting.wakes();
        awake.turn(now, &what, &takes);
        resting.turn(now, &what, &takes);
        let state = awake.seen();
        assert_eq!(state, resting.seen(), "seed {seed} step {step}: {what:?}");
        if resting.rests(now, &mut stranger) {
            rests += 1;
            rests_open += u32::from(state.deadline <= now + GAP);
        }
    }
    (rests, rests_open)
}

#[test]
fn a_connection_that_rested_cannot_be_told_from_one_that_did_not() {
    let services = [
        (Service::Echo(EchoOptions { quit: true, gap: GAP }), true),
        (Service::Echo(EchoOptions { quit: false, gap: GAP }), false),
        (Service::Count(CountOptions { gap: GAP, ..CountOptions::default() }), false),
        (Service::Discard, false),
    ];
    for (service, with_open_messages) in services {
        let (mut rests, mut rests_open) = (0, 0);
        for seed in 0..CONVERSATIONS {
            let (all, open) = conversation(service, seed);
            rests += all;
            rests_open += open;
        }
        assert!(u64::from(rests) > CONVERSATIONS, "{service:?} rested only {rests} times");
        assert_eq!(rests_open > 1000, with_open_messages, "{service:?}: {rests_open}");
    }
}

#[test]
fn only_a_connection_with_nothing_on_its_way_rests() {
    let mut side = Side::new(&context(Service::Echo(EchoOptions::default()), NoTap), 0);
    side.session.opened(Time::ZERO, &mut side.desk);
    side.session.received(Time::ZERO, b"hello\n", &mut side.desk);
    side.session.pump(Time::ZERO, b"hello\n", &mut side.desk, |_| Err(Errno::AGAIN));
    assert!(side.session.rest(0).is_none(), "output waits");
    let now = Time::from_millis(1);
    side.session.pump(now, &[], &mut side.desk, |slices| Ok(slices[0].len()));
    assert!(side.session.rest(0).is_some(), "it has left");
    side.session.drain(now);
    assert!(side.session.rest(0).is_none(), "the server stops");
}

#[test]
fn services_with_something_to_do_of_their_own_never_rest() {
    for service in [Service::Chargen, Service::Files(colok_proto::files::FilesOptions::default())] {
        let mut side = Side::new(&context(service, NoTap), 0);
        assert!(side.session.rest(0).is_none(), "{service:?}");
    }
}

/// Sees all there is to see of a connection.
#[derive(Clone, Debug)]
struct Watches {
    messages: bool,
    hashes: bool,
}

impl Tap for Watches {
    const DETAIL: bool = true;

    fn event(&self, _event: impl FnOnce() -> Event) {}

    fn messages(&self) -> bool {
        self.messages
    }

    fn hashes(&self) -> bool {
        self.hashes
    }
}

#[test]
fn a_connection_that_is_watched_closely_never_rests() {
    for (messages, hashes) in [(false, false), (true, false), (false, true)] {
        let mut side = Side::new(&context(Service::Discard, Watches { messages, hashes }), 0);
        assert_eq!(side.session.rest(0).is_some(), !messages && !hashes);
    }
}

#[test]
fn the_ends_are_kept_whatever_they_are() {
    for index in 0..3 {
        let mut taken = peer(index);
        assert_eq!(Ends::take(&mut taken).peer(), peer(index));
    }
}
