//! The loop of the io_uring spike: about what an engine is, without its limits.

use std::collections::HashMap;
use std::io::IoSlice;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use colok::clock::Clock;
use colok::net::service_address::{ServiceDefaults, parse_service_address};
use colok::observe::NoTap;
use colok::proto::{Peer, Time};
use colok::server::{Stop, StopState};
use colok::session::{Context, Desk, Next, Session};
use colok_sys::ring::{Completion, Outcome, Ring, Token};
use rustix::io::Errno;
use rustix::net::Shutdown;

const BUFFER_BYTES: usize = 64 * 1024;
const ACCEPT: Token = 0;
const STOP: Token = 1;

/// What a run did.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Sends whose bytes had to be copied, because they were not one part of an arrival.
    pub(crate) copied_sends: u64,
}

/// A running spike.
pub(crate) struct Spike {
    pub(crate) url: String,
    stop: Stop,
    thread: Option<JoinHandle<Report>>,
}

impl Spike {
    pub(crate) fn start(address: &str) -> Self {
        let address = parse_service_address(address, ServiceDefaults::default());
        let address = address.expect("an address").remove(0);
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
        let url = format!("tcp://{}", listener.local_addr().expect("it is bound"));
        let context = Context {
            service: address.service,
            idle_timeout: address.idle_timeout,
            linger: Duration::from_secs(1),
            linger_bytes: 256 * 1024,
            store: None,
            bytes_per_second_max: None,
            tap: NoTap,
        };
        let stop = Stop::new().expect("a descriptor is left");
        let stopping = stop.clone();
        let run = move || Loop::new(listener.into(), context).run(&stopping);
        Self { url, stop, thread: Some(std::thread::spawn(run)) }
    }

    pub(crate) fn finish(mut self) -> Report {
        self.stop.at_once();
        self.thread.take().expect("it runs").join().expect("it does not panic")
    }
}

impl Drop for Spike {
    fn drop(&mut self) {
        self.stop.at_once();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it does not panic");
        }
    }
}

/// One connection and what is in flight of it.
struct Connection {
    session: Session<NoTap>,
    socket: OwnedFd,
    receiving: bool,
    /// The part of the send in flight that is not sent yet.
    sending: Option<std::ops::Range<usize>>,
    /// An arrival that completed while the session could not take it.
    kept: Option<(Vec<u8>, usize)>,
    closing: bool,
}

struct Loop {
    listener: OwnedFd,
    context: Arc<Context<NoTap>>,
    ring: Ring,
    clock: Clock,
    desk: Desk,
    connections: HashMap<Token, Connection>,
    next_token: Token,
    report: Report,
}

impl Loop {
    fn new(listener: OwnedFd, context: Context<NoTap>) -> Self {
        Self {
            listener,
            context: Arc::new(context),
            ring: Ring::new(256).expect("io_uring is here"),
            clock: Clock::start(),
            desk: Desk::new(),
            connections: HashMap::new(),
            next_token: 2,
            report: Report::default(),
        }
    }

    fn run(mut self, stop: &Stop) -> Report {
        self.ring.accept(self.listener.as_fd(), ACCEPT).expect("room in the ring");
        self.ring.readable(stop.descriptor(), STOP).expect("room in the ring");
        while stop.state() == StopState::Run {
            let deadlines = self.connections.values().filter(|held| !held.closing);
            let due = deadlines.map(|held| held.session.deadline()).min();
            let until = due.map_or(Duration::from_mins(1), |due| self.clock.until(due));
            let completed = self.ring.wait(until).expect("the ring works");
            for completion in completed {
                self.complete(completion);
            }
            self.tick();
        }
        self.report
    }

    /// Tokens: a connection has two, an even one for receiving and the odd one after for sending.
    fn complete(&mut self, completion: Completion) {
        let Completion { token, outcome, buffer } = completion;
        match (token, outcome) {
            (ACCEPT, Ok(Outcome::Accepted(socket))) => self.accepted(socket),
            (ACCEPT, _) => self.ring.accept(self.listener.as_fd(), ACCEPT).expect("room"),
            (STOP, _) => {}
            (token, outcome) if token % 2 == 0 => {
                let length = count(outcome);
                self.received(token, length, buffer.expect("it was lent"));
            }
            (token, outcome) => self.sent(token - 1, count(outcome), buffer.expect("it was lent")),
        }
    }

    fn accepted(&mut self, socket: OwnedFd) {
        let token = self.next_token;
        self.next_token += 2;
        let now = self.clock.now();
        let machine = self.context.service.machine();
        let context = self.context.clone();
        let mut session = Session::new(context, machine, token, Peer::unnamed(), now);
        session.opened(now, &mut self.desk);
        let held = Connection {
            session,
            socket,
            receiving: false,
            sending: None,
            kept: None,
            closing: false,
        };
        self.connections.insert(token, held);
        self.turn(token, Vec::new(), 0);
        self.ring.accept(self.listener.as_fd(), ACCEPT).expect("room in the ring");
    }

    fn received(&mut self, token: Token, length: Result<usize, Errno>, buffer: Vec<u8>) {
        let now = self.clock.now();
        let held = self.connections.get_mut(&token).expect("it is in flight");
        held.receiving = false;
        match length {
            Ok(length) => held.kept = Some((buffer, length)),
            Err(errno) => held.session.failed(errno),
        }
        self.take_kept(token, now);
    }

    /// Gives a completed arrival to the session if it can take one.
    fn take_kept(&mut self, token: Token, now: Time) {
        let held = self.connections.get_mut(&token).expect("it is held");
        let ready = matches!(held.session.next(&self.desk), Next::Wait { receive: true, .. });
        let Some((buffer, length)) = held.kept.take_if(|_| ready) else {
            return self.turn(token, Vec::new(), 0);
        };
        if length == 0 {
            held.session.ended(now, &mut self.desk);
        } else {
            held.session.received(now, &buffer[..length], &mut self.desk);
        }
        self.turn(token, buffer, length);
    }

    fn sent(&mut self, token: Token, length: Result<usize, Errno>, buffer: Vec<u8>) {
        let now = self.clock.now();
        let held = self.connections.get_mut(&token).expect("it is in flight");
        let mut rest = held.sending.take().expect("it was sent");
        match length {
            Ok(length) => {
                held.session.returned(now, length);
                rest.start += length;
            }
            Err(errno) => {
                held.session.failed(errno);
                rest.start = rest.end;
            }
        }
        if rest.is_empty() {
            return self.take_kept(token, now);
        }
        held.sending = Some(rest.clone());
        self.ring.send(held.socket.as_fd(), buffer, rest, token + 1).expect("room in the ring");
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        let due: Vec<Token> = self
            .connections
            .iter()
            .filter(|(_, held)| !held.closing && held.session.deadline() <= now)
            .map(|(token, _)| *token)
            .collect();
        for token in due {
            let held = self.connections.get_mut(&token).expect("it was found above");
            // A receive in flight that has not completed is a read that found nothing.
            held.session.tick(now, &mut self.desk);
            self.turn(token, Vec::new(), 0);
        }
    }

    /// Sends what the turn brought, if nothing is being sent, and does what the session says.
    fn turn(&mut self, token: Token, arrival: Vec<u8>, length: usize) {
        let now = self.clock.now();
        let held = self.connections.get_mut(&token).expect("it is held");
        let input = &arrival[..length];
        let mut outgoing = Outgoing::None;
        let free = held.sending.is_none();
        held.session.pump(now, input, &mut self.desk, |slices| {
            if !free || !matches!(outgoing, Outgoing::None) {
                return Err(Errno::AGAIN);
            }
            outgoing = Outgoing::take(slices, input);
            Ok(slices.iter().map(|slice| slice.len()).sum())
        });
        let (buffer, range) = match outgoing {
            Outgoing::None => return self.step(token),
            Outgoing::Lent(range) => (arrival, range),
            Outgoing::Copied(bytes) => {
                self.report.copied_sends += 1;
                let range = 0..bytes.len();
                (bytes, range)
            }
        };
        held.session.lent(range.len());
        held.sending = Some(range.clone());
        self.ring.send(held.socket.as_fd(), buffer, range, token + 1).expect("room in the ring");
        self.step(token);
    }

    fn step(&mut self, token: Token) {
        let now = self.clock.now();
        let held = self.connections.get_mut(&token).expect("it is held");
        loop {
            match held.session.next(&self.desk) {
                Next::Wait { receive, .. } => {
                    if receive && !held.receiving && held.kept.is_none() && !held.closing {
                        held.receiving = true;
                        let buffer = vec![0; BUFFER_BYTES];
                        let socket = held.socket.as_fd();
                        self.ring.receive(socket, buffer, token).expect("room in the ring");
                    }
                    return;
                }
                Next::ShutdownWrite => {
                    let _ = rustix::net::shutdown(&held.socket, Shutdown::Write);
                    held.session.write_was_shut(now);
                }
                Next::Close => {
                    if held.sending.is_none() && !held.receiving {
                        self.connections.remove(&token);
                    } else if !held.closing {
                        // What is in flight ends by itself once the socket is shut down.
                        held.closing = true;
                        let _ = rustix::net::shutdown(&held.socket, Shutdown::Both);
                    }
                    return;
                }
            }
        }
    }
}

/// What one turn hands to the ring.
enum Outgoing {
    None,
    /// A range of the arrival, sent from where it lies.
    Lent(std::ops::Range<usize>),
    Copied(Vec<u8>),
}

impl Outgoing {
    fn take(slices: &[IoSlice<'_>], input: &[u8]) -> Self {
        if let [slice] = slices {
            let start = (slice.as_ptr() as usize).wrapping_sub(input.as_ptr() as usize);
            if start.checked_add(slice.len()).is_some_and(|end| end <= input.len()) {
                return Self::Lent(start..start + slice.len());
            }
        }
        Self::Copied(slices.iter().flat_map(|slice| slice.iter()).copied().collect())
    }
}

fn count(outcome: Result<Outcome, Errno>) -> Result<usize, Errno> {
    outcome.map(|outcome| match outcome {
        Outcome::Count(count) => count,
        Outcome::Accepted(_) => 0,
    })
}
