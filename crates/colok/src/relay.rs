//! The relay: passes traffic on between clients and a target, and does to it what it is told.
//!
//! It is how a bad network is made on a good computer: delay, a slow link, a cut in the middle of a
//! reply, datagrams that are lost or come twice. Every fault is counted where it happens, so that
//! nobody has to believe that it happened.
//!
//! What happens to bytes is decided by `course` and `flight`, which know neither sockets nor
//! clocks; one thread moves bytes between them and the kernel.

mod active;
mod control;
mod course;
mod datagram;
mod event;
mod fault;
mod flight;
mod pipe;
mod run;
mod shared;
mod side;
mod stream;

use std::time::Duration;

use colok_proto::Service;
use rustix::io::Errno;
use rustix::net::SocketAddrUnix;

pub use event::{
    ClosedConnection, DatagramAccount, FaultCount, FaultSet, RelayEvent, RelayStatus, RelayTotals,
};
pub use fault::{Direction, Fault, FaultError};

use crate::engine::Stop;
use crate::error::{Error, Result};
use crate::net::listen::{Listener, bind_all};
use crate::net::resolve::resolve;
use crate::net::service_address::ServiceAddress;
use crate::net::url::{Place, Transport, Url};
use crate::observe::{Calls, Event, Tap};
use shared::{Set, Shared};
use side::Target;

/// What a relay is to do.
#[derive(Clone, Debug, PartialEq)]
pub struct RelayOptions {
    /// Where clients come.
    pub listen: Url,
    /// Where they are passed on to; the same transport.
    pub target: Url,
    /// What is done to the traffic at first.
    pub faults: Vec<Fault>,
    /// What chance depends on.
    pub seed: u64,
    /// A Unix socket that takes orders while the relay runs.
    pub control: Option<Url>,
    /// Whether bytes are hashed; it costs time per byte.
    pub hashes: bool,
}

/// A relay that is bound to its addresses.
#[derive(Debug)]
pub struct Relay {
    listeners: Vec<Listener>,
    control: Option<Listener>,
    target: Target,
    options: RelayOptions,
}

impl RelayOptions {
    /// Whether it can be done at all; the error says what is wrong, for people.
    pub fn check(&self) -> std::result::Result<(), String> {
        let (listen, target) = (self.listen.transport, self.target.transport);
        if listen != target {
            return Err(format!("{listen} cannot be relayed to {target}"));
        }
        if self.control.as_ref().is_some_and(|url| url.transport != Transport::Unix) {
            return Err("the control socket is a Unix socket: unix:/path".to_owned());
        }
        Set::read(&self.faults, listen).map(drop)
    }
}

impl Relay {
    /// Looks the target up and binds every address; a target that cannot be reached is found out
    /// only when a client comes.
    ///
    /// Options that do not pass [`RelayOptions::check`] are an error of the call `relay`.
    pub fn bind<T: Tap>(options: RelayOptions, tap: &T) -> Result<Self> {
        if options.check().is_err() {
            return Err(Error::call("relay", options.listen.to_string(), Errno::INVAL));
        }
        let calls = Calls::new(tap);
        let target = match &options.target.place {
            Place::Inet { .. } => {
                let (host, port) = options.target.host_and_port()?.unwrap_or_default();
                Target::Inet(resolve(host, port, calls)?)
            }
            Place::Path(path) => Target::Unix(unix(&options.target, SocketAddrUnix::new(path))?),
            Place::Abstract(name) => {
                let address = SocketAddrUnix::new_abstract_name(name.as_bytes());
                Target::Unix(unix(&options.target, address)?)
            }
        };
        options.listen.host_and_port()?;
        let listeners = bind_all(&[address(&options.listen)], tap, calls)?;
        let control = options.control.as_ref().map(|control| {
            let bound = bind_all(
                &[ServiceAddress { unix_mode: Some(0o600), ..address(control) }],
                tap,
                calls,
            )?;
            Ok::<_, Error>(bound.into_iter().next())
        });
        let control = control.transpose()?.flatten();
        Ok(Self { listeners, control, target, options })
    }

    /// The addresses that were bound, as URLs, with real ports.
    pub fn listening(&self) -> Vec<String> {
        self.listeners.iter().map(Listener::url).collect()
    }

    /// Relays until it is told to stop; then every connection is let go at once. Returns what was
    /// done.
    pub fn run<T: Tap>(self, stop: &Stop, tap: &T) -> Result<RelayTotals> {
        let RelayOptions { listen, faults, seed, hashes, .. } = self.options;
        let set = Set::read(&faults, listen.transport);
        let set = set.map_err(|_| Error::call("relay", listen.to_string(), Errno::INVAL))?;
        for listener in &self.listeners {
            tap.event(|| Event::Started {
                service: run::SERVICE.to_owned(),
                address: listener.url(),
                model: run::SERVICE.to_owned(),
            });
        }
        let shared = Shared::new(seed, listen.transport, hashes, set, tap.clone());
        let totals = run::run(self.listeners, self.target, self.control, &shared, stop)?;
        tap.event(|| Event::Relay(RelayEvent::Stopped(totals.clone())));
        Ok(totals)
    }
}

/// An address to bind; a relay has no service of its own.
fn address(url: &Url) -> ServiceAddress {
    ServiceAddress {
        service: Service::Discard,
        url: url.clone(),
        idle_timeout: Duration::MAX,
        unix_mode: None,
        join: Vec::new(),
        congestion: None,
    }
}

fn unix(url: &Url, address: std::result::Result<SocketAddrUnix, Errno>) -> Result<SocketAddrUnix> {
    address.map_err(|errno| Error::Connect {
        address: url.to_string(),
        attempts: vec![(url.to_string(), errno)],
    })
}
