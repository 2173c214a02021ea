//! A server: services bound to addresses, run on one engine until it is told to stop.
//!
//! [`Server::bind`] makes every socket before anything is served, so that a wrong address is an
//! error at once; [`Server::run`] blocks until the server has stopped.

mod limits;
mod stop;

pub use limits::{Limits, WORKERS_MAX, descriptor_limit, raise_descriptor_limit};
pub use stop::{Stop, StopState};

use crate::engine::{self, Model};
use crate::error::Result;
use crate::net::listen::{Listener, bind_all};
use crate::net::service_address::ServiceAddress;
use crate::net::url::Transport;
use crate::observe::{Calls, Event, Tap, Totals};

/// What a notice is about; see [`Event::Notice`].
pub mod notices {
    /// One of the addresses of a name could not be bound; the others are served. The subject is
    /// the address and the reason.
    pub const ADDRESS_SKIPPED: &str = "address-skipped";
    /// A socket file that nobody listened on was removed. The subject is its path.
    pub const STALE_SOCKET_REMOVED: &str = "stale-socket-removed";
    /// The event loop could not be set up, threads are used. The subject is the reason.
    pub const FELL_BACK_TO_THREADS: &str = "fell-back-to-threads";
    /// A worker process could not be started; it is tried again. The subject is which, and why.
    pub const WORKER_NOT_STARTED: &str = "worker-not-started";
}

/// One address that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The name of the service.
    pub service: &'static str,
    /// The kind of socket.
    pub transport: Transport,
    /// The address that was bound, as a URL, with the real port.
    pub address: String,
}

/// Services bound to addresses.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Listener>,
    model: Model,
    limits: Limits,
}

impl Server {
    /// Binds every address. Either all are bound or none: the first that fails is the error. Of a
    /// name with several addresses (`localhost`) it is enough that one can be bound when the
    /// others do not exist on this computer.
    pub fn bind<T: Tap>(
        addresses: &[ServiceAddress],
        model: Model,
        limits: Limits,
        tap: &T,
    ) -> Result<Self> {
        let listeners = bind_all(addresses, tap, Calls::new(tap))?;
        Ok(Self { listeners, model, limits })
    }

    /// What is served where, in the order of the addresses.
    pub fn listening(&self) -> Vec<Listening> {
        self.listeners.iter().map(Listener::listening).collect()
    }

    /// The model that will run it; `auto` is resolved.
    pub fn model(&self) -> Model {
        self.model.resolved()
    }

    /// Serves until `stop` says so, then lets what is in flight finish. Returns what was done.
    pub fn run<T: Tap>(self, stop: &Stop, tap: &T) -> Result<Totals> {
        let model = self.model();
        for listening in self.listening() {
            tap.event(|| Event::Started {
                service: listening.service.to_owned(),
                address: listening.address.clone(),
                model: model.name().to_owned(),
            });
        }
        let mut totals = engine::run(self.model, self.listeners, &self.limits, stop, tap)?;
        // To those that worker processes had no room for.
        totals.records_dropped += tap.records_dropped();
        tap.event(|| Event::Stopped { totals });
        Ok(totals)
    }
}
