//! A server: services bound to addresses, run on one engine until it is told to stop.
//!
//! [`Server::bind`] makes every socket before anything is served, so that a wrong address is an
//! error at once; [`Server::run`] blocks until the server has stopped.

pub use crate::engine::{
    Limits, Stop, StopState, WORKERS_MAX, descriptor_limit, raise_descriptor_limit,
};
pub use crate::net::listen::Listening;
pub use crate::observe::notices;

use colok_proto::ServiceKind;

use crate::engine::{self, Model};
use crate::error::Result;
use crate::net::listen::{Listener, bind_all};
use crate::net::service_address::ServiceAddress;
use crate::observe::{Calls, Event, Tap, Totals};
use crate::store::{Store, StoreOptions};

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
    ///
    /// A service that has files needs `store`; without such a service no store is opened.
    pub fn bind<T: Tap>(
        addresses: &[ServiceAddress],
        model: Model,
        limits: Limits,
        store: Option<StoreOptions>,
        tap: &T,
    ) -> Result<Self> {
        let has_files = |address: &ServiceAddress| address.service.kind() == ServiceKind::Files;
        let wanted = addresses.iter().any(has_files);
        let mut listeners = bind_all(addresses, tap, Calls::new(tap))?;
        // After binding: a second server on the same port must not touch the first one's store.
        let store = store.filter(|_| wanted).map(Store::open).transpose()?;
        for listener in &mut listeners {
            if listener.service.kind() == ServiceKind::Files {
                listener.store.clone_from(&store);
            }
        }
        Ok(Self { listeners, model, limits })
    }

    /// What is served where, in the order of the addresses.
    pub fn listening(&self) -> Vec<Listening> {
        self.listeners.iter().map(Listener::listening).collect()
    }

    /// Whether the root directory of the store was made just now.
    pub fn store_created(&self) -> bool {
        self.listeners
            .iter()
            .filter_map(|listener| listener.store.as_ref())
            .any(|store| store.created())
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
