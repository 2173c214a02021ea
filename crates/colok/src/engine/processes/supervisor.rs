//! The supervisor: starts workers, admits their connections, collects their reports, replaces
//! those that die, and stops them all.
//!
//! One thread per worker does its talking. The supervisor opens no connection and reads no byte
//! of any.

use std::collections::HashMap;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use colok_proto::Reason;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::WORKER_ARGUMENT;
use super::channel::{self, Channel, DESCRIPTORS_MAX};
use super::messages::{Answer, Order, Reporting, Request, SetUp};
use crate::engine::datagram::own_ports;
use crate::engine::gate::{Gate, LocalGate};
use crate::engine::{Limits, Stop, StopState, WORKERS_MAX};
use crate::error::{Error, Result};
use crate::net::listen::Listener;
use crate::net::url::Transport;
use crate::observe::notices;
use crate::observe::{Event, Record, Tap, Totals};

/// A worker that lives less than this counts as one that could not start.
const SHORT_LIFE: Duration = Duration::from_millis(500);

/// Short lives in a row before the supervisor gives up, if no other worker serves.
const SHORT_LIVES_MAX: usize = 5;

/// How long a worker slot waits after a short life: what a worker lacks (descriptors, processes)
/// comes back with time. Beyond `SHORT_LIVES_MAX` of them it waits longer, so that the log is not
/// filled.
const RESTART_PAUSE: Duration = Duration::from_millis(100);
const RESTART_PAUSE_LONG: Duration = Duration::from_secs(1);

/// Beyond the drain and linger times, how long workers may take to end before they are killed.
const STOP_SLACK: Duration = Duration::from_secs(1);

/// How often a stopping supervisor looks whether its workers have ended.
const LOOK: Duration = Duration::from_millis(20);

/// What the threads of a supervisor share.
struct Supervisor<'s, T: Tap> {
    listeners: &'s [Listener],
    limits: &'s Limits,
    stop: &'s Stop,
    tap: &'s T,
    gate: LocalGate,
    reporting: Reporting,
    /// The process of each worker slot, while it lives.
    processes: Mutex<Vec<Option<Running>>>,
    failed: Mutex<Option<String>>,
}

/// A worker process as the stopping thread sees it.
struct Running {
    process: rustix::process::Pid,
    control: std::os::fd::OwnedFd,
    since: Instant,
}

/// One worker, as its thread sees it.
struct Held {
    child: Child,
    control: Channel,
    admission: Channel,
    connections: HashMap<u64, Connection>,
    refusing: usize,
}

/// A connection that a worker holds.
struct Connection {
    service: String,
    local: String,
    remote: String,
    address: Option<IpAddr>,
    since: Instant,
}

/// Runs workers until stopped; returns what was done.
pub(crate) fn supervise<T: Tap>(
    listeners: &[Listener],
    limits: &Limits,
    stop: &Stop,
    tap: &T,
) -> Result<Totals> {
    // One death must leave the service up, so there are at least two.
    let workers = limits.workers.clamp(2, WORKERS_MAX);
    let reporting = match (tap.listens(), T::DETAIL) {
        (false, _) => Reporting::Nothing,
        (true, false) => Reporting::Events,
        (true, true) => {
            Reporting::Detail { messages: tap.messages(), calls: tap.calls(), hashes: tap.hashes() }
        }
    };
    let supervisor = Supervisor {
        listeners,
        limits,
        stop,
        tap,
        gate: LocalGate::new(limits),
        reporting,
        processes: Mutex::new((0..workers).map(|_| None).collect()),
        failed: Mutex::default(),
    };
    thread::scope(|scope| {
        for worker in 0..workers {
            let supervisor = &supervisor;
            scope.spawn(move || supervisor.keep_alive(worker, workers));
        }
        supervisor.stop_when_asked();
    });
    let failed = supervisor.failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    match failed {
        Some(detail) => Err(Error::Workers { detail }),
        None => Ok(supervisor.gate.totals()),
    }
}

impl<T: Tap> Supervisor<'_, T> {
    /// Runs one worker slot: a worker, and another when it dies, until stopped.
    fn keep_alive(&self, worker: usize, workers: usize) {
        let mut short_lives = 0;
        while self.stop.state() == StopState::Run {
            let started = Instant::now();
            let detail = match self.start(worker, workers) {
                Ok(held) => self.attend(worker, held),
                Err(errno) => self.not_started(worker, errno, short_lives == 0),
            };
            if self.stop.state() != StopState::Run {
                return;
            }
            if started.elapsed() >= SHORT_LIFE {
                short_lives = 0;
                continue;
            }
            short_lives += 1;
            let many = short_lives >= SHORT_LIVES_MAX;
            if many && !self.another_serves() {
                let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                *failed = Some(detail);
                self.stop.at_once();
                return;
            }
            let pause = if many { RESTART_PAUSE_LONG } else { RESTART_PAUSE };
            wait_readable(self.stop.descriptor(), Some(pause));
        }
    }

    /// A worker could not be started, which is told once until one is.
    fn not_started(&self, worker: usize, errno: Errno, tell: bool) -> String {
        let detail = format!("worker {worker}: {errno}");
        if tell {
            self.tap.event(|| Event::Notice {
                notice: notices::WORKER_NOT_STARTED.to_owned(),
                subject: detail.clone(),
            });
        }
        detail
    }

    /// Whether a worker has lived long enough to serve: as long as one does, a slot that cannot
    /// start its own is no reason to end the clients of others.
    fn another_serves(&self) -> bool {
        let processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        processes.iter().flatten().any(|running| running.since.elapsed() >= SHORT_LIFE)
    }

    /// Starts a worker and gives it its set-up.
    fn start(&self, worker: usize, workers: usize) -> Result<Held, Errno> {
        let (control, their_control) = channel::pair()?;
        let (admission, their_admission) = channel::pair()?;
        // Every worker has every stream listener. A UDP socket is served by one worker, so that
        // its limits per source hold.
        let datagram_worker = |index: usize| index % workers;
        let mut mine = Vec::new();
        for (index, listener) in self.listeners.iter().enumerate() {
            if listener.transport != Transport::Udp || datagram_worker(index) == worker {
                mine.push(listener);
            }
        }
        let set_up = SetUp {
            limits: Limits { workers: 1, ..self.limits.clone() },
            services: mine.iter().map(|listener| listener.service_address().to_string()).collect(),
            own_ports: own_ports(self.listeners),
            store: self
                .listeners
                .iter()
                .find_map(|listener| listener.store.as_ref().map(|store| store.options().clone())),
            reporting: self.reporting,
        };
        let mut descriptors = vec![their_admission.as_fd()];
        descriptors.extend(mine.iter().map(|listener| listener.socket.as_fd()));
        if descriptors.len() > DESCRIPTORS_MAX {
            return Err(Errno::TOOBIG);
        }
        let child = spawn(worker, their_control)?;
        let mut held = Held { child, control, admission, connections: HashMap::new(), refusing: 0 };
        // The set-up goes first: a worker takes no order before it.
        let sent = held.control.send_with(&set_up, &descriptors);
        if let Err(errno) = sent.and_then(|()| self.remember(worker, &held)) {
            // Nobody else knows of it, so it is ended and reaped here.
            let _ = held.child.kill();
            let _ = held.child.wait();
            return Err(errno);
        }
        Ok(held)
    }

    /// Lets the stopping thread reach this worker.
    fn remember(&self, worker: usize, held: &Held) -> Result<(), Errno> {
        let process = i32::try_from(held.child.id()).ok();
        let process = process.and_then(rustix::process::Pid::from_raw).ok_or(Errno::SRCH)?;
        let control = held.control.socket().try_clone_to_owned().map_err(|_| Errno::MFILE)?;
        let mut processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        processes[worker] = Some(Running { process, control, since: Instant::now() });
        // A stop that was asked for before the worker was known would never reach it.
        if self.stop.state() != StopState::Run {
            let _ = held.control.send(&Order::Drain);
        }
        Ok(())
    }

    /// Talks with a worker until it ends; returns how it ended.
    fn attend(&self, worker: usize, mut held: Held) -> String {
        let (mut control_open, mut admission_open) = (true, true);
        while control_open || admission_open {
            let [records, requests] = wait_for_either(&held, control_open, admission_open);
            // All requests first: a worker gives a place back before it tells of the close, and
            // whoever hears of the close may count on the place.
            if requests {
                admission_open = self.take_request(&mut held);
            } else if records {
                control_open = self.take_record(&held.control);
            }
        }
        {
            let mut processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
            processes[worker] = None;
        }
        let status = held.child.wait();
        let text = status.as_ref().map_or_else(ToString::to_string, ToString::to_string);
        let well = status.is_ok_and(|status: ExitStatus| status.success());
        match self.stop.state() {
            StopState::Drain if well => {}
            // It was told to end at once, or killed because it was: nothing is wrong with it.
            StopState::AtOnce => self.release_all(&mut held, Reason::Shutdown),
            StopState::Run | StopState::Drain => self.lost(worker, &mut held, &text),
        }
        text
    }

    /// A worker died: its connections are over, and the log says so.
    fn lost(&self, worker: usize, held: &mut Held, status: &str) {
        self.gate.worker_lost();
        self.tap.event(|| Event::WorkerLost {
            worker,
            process: held.child.id(),
            connections: held.connections.len() as u64,
            status: status.to_owned(),
        });
        self.release_all(held, Reason::WorkerLost);
    }

    /// Gives back the places of all connections that a worker held when it ended.
    fn release_all(&self, held: &mut Held, reason: Reason) {
        for (connection, of) in held.connections.drain() {
            self.gate.release(connection, of.address, (0, 0));
            let duration_ms = of.since.elapsed().as_millis();
            self.tap.event(|| Event::Closed {
                connection,
                service: of.service,
                local: of.local,
                remote: of.remote,
                reason: reason.to_string(),
                bytes_received: 0,
                bytes_sent: 0,
                // They died with the worker.
                received_blake3: None,
                sent_blake3: None,
                duration_ms: u64::try_from(duration_ms).unwrap_or(u64::MAX),
            });
        }
        for _ in 0..held.refusing {
            self.gate.end_refusal();
        }
    }

    /// Passes one record on; false when the worker has closed its end.
    fn take_record(&self, control: &Channel) -> bool {
        match control.receive::<Record>() {
            Ok(Some(record)) => {
                if let Event::Dropped { records } = record.event {
                    self.gate.records_dropped(records);
                }
                self.tap.record(record);
                true
            }
            Ok(None) => false,
            // A record that cannot be read is lost; the channel is not.
            Err(errno) => errno == Errno::BADMSG,
        }
    }

    /// Answers one request; false when the worker has closed its end.
    fn take_request(&self, held: &mut Held) -> bool {
        let request = match held.admission.receive() {
            Ok(Some(request)) => request,
            Ok(None) => return false,
            Err(_) => {
                // A worker whose words make no sense waits for an answer that cannot be given.
                let _ = held.child.kill();
                return false;
            }
        };
        match request {
            Request::Admit { service, local, remote, address } => {
                let admitted = self.gate.admit_address(address);
                if let Ok(connection) = admitted {
                    let since = Instant::now();
                    let of = Connection { service, local, remote, address, since };
                    held.connections.insert(connection, of);
                }
                let _ = held.admission.send(&Answer::from(admitted));
            }
            Request::Release { connection, moved } => {
                if let Some(of) = held.connections.remove(&connection) {
                    self.gate.release(connection, of.address, moved);
                }
            }
            Request::BeginRefusal => {
                let told = self.gate.begin_refusal();
                held.refusing += usize::from(told);
                let answer = if told { Answer::Yes(0) } else { Answer::Full };
                let _ = held.admission.send(&answer);
            }
            Request::EndRefusal => {
                held.refusing = held.refusing.saturating_sub(1);
                self.gate.end_refusal();
            }
            Request::Datagrams(done) => self.gate.datagrams(&done),
        }
        true
    }

    /// Waits for the stop, passes it on, and kills what has not ended in time.
    fn stop_when_asked(&self) {
        wait_readable(self.stop.descriptor(), None);
        self.each_running(|running| {
            let _ = Channel::new(running.control.try_clone()?).send(&Order::Drain);
            Ok(())
        });
        let until = Instant::now() + self.limits.drain + self.limits.linger + STOP_SLACK;
        while self.stop.state() != StopState::AtOnce && Instant::now() < until {
            if self.each_running(|_| Ok(())) == 0 {
                return;
            }
            thread::park_timeout(LOOK);
        }
        self.each_running(|running| {
            let _ = rustix::process::kill_process(running.process, rustix::process::Signal::KILL);
            Ok(())
        });
    }

    /// Does something with each worker that lives; returns how many there are.
    fn each_running(&self, run: impl Fn(&Running) -> std::io::Result<()>) -> usize {
        let processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        let running = processes.iter().flatten();
        running.inspect(|running| drop(run(running))).count()
    }
}

/// Starts this very program again, as a worker.
fn spawn(worker: usize, control: std::os::fd::OwnedFd) -> Result<Child, Errno> {
    Command::new("/proc/self/exe")
        .arg0("colok")
        .arg(WORKER_ARGUMENT)
        .arg(worker.to_string())
        .stdin(Stdio::from(control))
        .stdout(Stdio::null())
        // A terminal's Ctrl-C is for the supervisor, which then drains its workers.
        .process_group(0)
        .spawn()
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

/// Waits until a worker says something on either channel; says which.
fn wait_for_either(held: &Held, control: bool, admission: bool) -> [bool; 2] {
    let events = |open: bool| if open { PollFlags::IN } else { PollFlags::empty() };
    let mut descriptors = [
        PollFd::from_borrowed_fd(held.control.socket(), events(control)),
        PollFd::from_borrowed_fd(held.admission.socket(), events(admission)),
    ];
    let found = poll(&mut descriptors, None).unwrap_or(0);
    let ready =
        |index: usize, open: bool| found > 0 && open && !descriptors[index].revents().is_empty();
    [ready(0, control), ready(1, admission)]
}

fn wait_readable(descriptor: BorrowedFd<'_>, at_most: Option<Duration>) {
    let timeout = at_most.and_then(|at_most| Timespec::try_from(at_most).ok());
    let mut descriptors = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
    while poll(&mut descriptors, timeout.as_ref()) == Err(Errno::INTR) {}
}
