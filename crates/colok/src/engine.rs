//! Engines: thin loops that move bytes and time between sessions and the kernel, one per
//! concurrency model. An engine never names a protocol.

mod blocking;
mod datagram;
mod disk;
mod events;
mod gate;
mod limits;
mod port;
pub mod processes;
mod sequential;
mod served;
mod stop;
mod threads;
mod uring;

use std::str::FromStr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub use limits::{Limits, WORKERS_MAX, descriptor_limit, raise_descriptor_limit};
pub use stop::{Stop, StopState};

use gate::{Gate, LocalGate};
use port::Port;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::net::listen::Listener;
use crate::net::url::Transport;
use crate::observe::{Calls, Event, Tap, Totals, notices};
use crate::store::Store;

/// How often what broken uploads left is looked through: often enough for a bound in hours.
const TIDY_EVERY: Duration = Duration::from_mins(5);

/// A concurrency model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// The best that works here: `uring`, then `events`, then `threads`.
    Auto,
    /// One client at a time per listener; others wait in the backlog.
    Sequential,
    /// One thread per connection.
    Threads,
    /// Worker processes that share the listeners.
    Processes,
    /// Event loops, one per worker thread.
    Events,
    /// Event loops on io_uring, one per worker thread.
    Uring,
}

impl Model {
    /// Every model, in the order in which help lists them.
    pub const ALL: [Self; 6] =
        [Self::Auto, Self::Sequential, Self::Threads, Self::Processes, Self::Events, Self::Uring];

    /// The word for it in flags, logs and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Sequential => "sequential",
            Self::Threads => "threads",
            Self::Processes => "processes",
            Self::Events => "events",
            Self::Uring => "uring",
        }
    }

    /// The model that `auto` stands for here; every other is itself.
    #[must_use]
    pub fn resolved(self) -> Self {
        match self {
            Self::Auto if uring::is_available() => Self::Uring,
            Self::Auto => Self::Events,
            other => other,
        }
    }
}

impl FromStr for Model {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|model| model.name() == text).ok_or(())
    }
}

/// Runs the listeners on a model until stopped; returns what was done.
pub(crate) fn run<T: Tap>(
    model: Model,
    listeners: Vec<Listener>,
    limits: &Limits,
    stop: &Stop,
    tap: &T,
) -> Result<Totals> {
    let store = listeners.iter().find_map(|listener| listener.store.clone());
    thread::scope(|scope| {
        if let Some(store) = store {
            scope.spawn(move || keep_tidy(&store, stop));
        }
        if model.resolved() == Model::Processes {
            let ended = processes::supervise(&listeners, limits, stop, tap);
            if ended.is_err() {
                stop.at_once();
            }
            return ended;
        }
        let gate: Arc<dyn Gate> = Arc::new(LocalGate::new(limits));
        let own_ports = datagram::own_ports(&listeners);
        run_here(model, listeners, &own_ports, limits, stop, tap, &gate)?;
        Ok(gate.totals())
    })
}

/// Removes what broken uploads left and nobody came back for, from time to time.
fn keep_tidy(store: &Store, stop: &Stop) {
    while stop.state() == StopState::Run {
        blocking::wait(stop.descriptor(), true, false, None, TIDY_EVERY);
        store.tidy_partials();
    }
}

/// Runs the listeners in this process. Streams go to the model's engine; every UDP socket has a
/// loop of its own, the same for every model.
fn run_here<T: Tap>(
    model: Model,
    listeners: Vec<Listener>,
    own_ports: &[u16],
    limits: &Limits,
    stop: &Stop,
    tap: &T,
    gate: &Arc<dyn Gate>,
) -> Result<()> {
    let clock = Clock::start();
    let sequential = model == Model::Sequential;
    let limits = if sequential { sequential::limits(limits) } else { limits.clone() };
    let (datagrams, streams): (Vec<_>, Vec<_>) =
        listeners.into_iter().partition(|listener| listener.transport == Transport::Udp);
    let port = |listener| Port::new(listener, &limits, gate.clone(), clock, tap);
    let ports: Vec<Port<T>> = streams.into_iter().map(port).collect();
    thread::scope(|scope| {
        for listener in &datagrams {
            let gate = gate.as_ref();
            let serve = datagram::Service::new(listener, &limits, gate, own_ports, tap);
            scope.spawn(move || serve.run(stop, clock));
        }
        let served = run_streams(model, ports, &limits, stop, tap);
        if served.is_err() {
            stop.at_once();
        }
        served
    })?;
    for listener in datagrams {
        Calls::new(tap).close(listener.socket);
    }
    Ok(())
}

fn run_streams<T: Tap>(
    model: Model,
    ports: Vec<Port<T>>,
    limits: &Limits,
    stop: &Stop,
    tap: &T,
) -> Result<()> {
    let ports = Arc::new(ports);
    match model {
        Model::Sequential => sequential::run(&ports, limits, stop),
        Model::Threads => threads::run(&ports, limits, stop),
        Model::Events | Model::Processes => events::run(&ports, limits, stop)?,
        Model::Uring => uring::run(&ports, limits, stop)?,
        Model::Auto => run_best(&ports, limits, stop, tap)?,
    }
    // Every engine has ended its tasks by now, so nobody else holds the ports.
    Arc::into_inner(ports).into_iter().flatten().for_each(Port::close);
    Ok(())
}

/// Runs the best engine that can be had here. The next best has the ports as they were: an engine
/// that cannot be had says so before it has accepted anyone.
fn run_best<T: Tap>(
    ports: &Arc<Vec<Port<T>>>,
    limits: &Limits,
    stop: &Stop,
    tap: &T,
) -> Result<()> {
    match uring::run(ports, limits, stop) {
        Err(error) if uring::had_begun(&error) => return Err(error),
        Err(error) => fell_back(notices::FELL_BACK_TO_EVENTS, &error, tap),
        Ok(()) => return Ok(()),
    }
    if let Err(error) = events::run(ports, limits, stop) {
        fell_back(notices::FELL_BACK_TO_THREADS, &error, tap);
        threads::run(ports, limits, stop);
    }
    Ok(())
}

fn fell_back<T: Tap>(notice: &str, error: &Error, tap: &T) {
    tap.event(|| Event::Notice { notice: notice.to_owned(), subject: error.to_string() });
}
