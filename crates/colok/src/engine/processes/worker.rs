//! A worker process: takes its orders and sockets from the supervisor, serves with the event
//! loop, and asks the supervisor for every admission.
//!
//! It handles no signals (it is in a process group of its own, so a terminal's Ctrl-C goes to the
//! supervisor) and prints nothing. When the supervisor is gone it ends at once.

use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use colok_proto::{Peer, Refusal, ServiceKind};
use rustix::io::Errno;

use super::channel::Channel;
use super::messages::{Answer, Order, Reporting, Request, SetUp};
use crate::engine::gate::{DatagramsDone, Gate, Moved, ip_of};
use crate::engine::{Limits, Stop};
use crate::engine::{Model, run_here};
use crate::net::listen::Listener;
use crate::net::service_address::{ServiceDefaults, parse_service_address};
use crate::observe::{NoTap, RecordReceiver, Tap, Totals, address_of, log_queue};
use crate::store::Store;

/// Exit code of a worker that could not do its work.
const FAILED: i32 = 1;

/// Serves until told to stop; returns the exit code.
pub(super) fn main() -> i32 {
    // The name that tools show; the program itself is `/proc/self/exe` to them.
    let _ = rustix::thread::set_name(c"colok-worker");
    match rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3) {
        Ok(control) => work(Channel::new(control)).map_or(FAILED, |()| 0),
        Err(_) => FAILED,
    }
}

/// What a worker needs to run.
struct Job {
    listeners: Vec<Listener>,
    own_ports: Vec<u16>,
    limits: Limits,
    gate: Arc<dyn Gate>,
    stop: Stop,
}

fn work(control: Channel) -> Result<(), Errno> {
    let mut descriptors = Vec::new();
    let set_up: Option<SetUp> = control.receive_with(&mut descriptors)?;
    let set_up = set_up.ok_or(Errno::PIPE)?;
    let mut descriptors = descriptors.into_iter();
    let admission = descriptors.next().ok_or(Errno::BADMSG)?;
    let store = set_up.store.map(Store::reopen).transpose().map_err(|_| Errno::IO)?;
    let listeners = set_up
        .services
        .iter()
        .zip(descriptors)
        .map(|(text, socket)| listener(text, socket, store.as_ref()))
        .collect::<Result<Vec<_>, Errno>>()?;
    let stop = Stop::new().map_err(|_| Errno::MFILE)?;
    let gate = Arc::new(RemoteGate { channel: Mutex::new(Channel::new(admission)) });
    let control = Arc::new(control);
    let job = Job {
        listeners,
        own_ports: set_up.own_ports,
        limits: set_up.limits,
        gate,
        stop: stop.clone(),
    };
    let orders = control.clone();
    // Ends with the process; nothing waits for it.
    thread::spawn(move || obey(&orders, &stop));
    match set_up.reporting {
        Reporting::Nothing => serve(job, &NoTap),
        Reporting::Events => {
            let (tap, records) = log_queue::<false>(false, false);
            report(job, tap, records, &control)
        }
        Reporting::Detail { messages, calls, hashes } => {
            let (tap, records) = log_queue::<true>(messages, calls);
            report(job, tap.with_hashes(hashes), records, &control)
        }
    }
}

fn listener(text: &str, socket: OwnedFd, store: Option<&Arc<Store>>) -> Result<Listener, Errno> {
    let addresses = parse_service_address(text, ServiceDefaults::default());
    let address = addresses.ok().and_then(|all| all.into_iter().next()).ok_or(Errno::BADMSG)?;
    let bound = rustix::net::getsockname(&socket).map(address_of)?;
    let mut listener = Listener::passed(socket, bound, &address);
    if listener.service.kind() == ServiceKind::Files {
        listener.store = store.cloned();
    }
    Ok(listener)
}

/// Listens to the supervisor; its end is ours.
fn obey(control: &Channel, stop: &Stop) {
    while let Ok(Some(Order::Drain)) = control.receive() {
        stop.drain();
    }
    std::process::exit(FAILED);
}

fn serve<T: Tap>(job: Job, tap: &T) -> Result<(), Errno> {
    let Job { listeners, own_ports, limits, gate, stop } = job;
    let served = run_here(Model::Processes, listeners, &own_ports, &limits, &stop, tap, &gate);
    served.map_err(|error| error.errno().unwrap_or(Errno::IO))
}

/// Serves while a thread passes the records on to the supervisor.
fn report<T: Tap>(
    job: Job,
    tap: T,
    records: RecordReceiver,
    control: &Channel,
) -> Result<(), Errno> {
    thread::scope(|scope| {
        scope.spawn(|| {
            for record in records {
                if control.send(&record).is_err() {
                    return;
                }
            }
        });
        let served = serve(job, &tap);
        // The queue ends with its last tap, and the thread with the queue.
        drop(tap);
        served
    })
}

/// A gate that asks the supervisor. One request at a time; each takes one exchange of messages.
#[derive(Debug)]
struct RemoteGate {
    channel: Mutex<Channel>,
}

impl RemoteGate {
    fn tell(&self, request: &Request) {
        let channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        // Without a supervisor the process ends; see `obey`.
        let _ = channel.send(request);
    }

    fn ask(&self, request: &Request) -> Option<Answer> {
        let channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        channel.send(request).ok()?;
        channel.receive().ok().flatten()
    }
}

impl Gate for RemoteGate {
    fn admit(&self, service: &'static str, peer: &Peer) -> Result<u64, Refusal> {
        let request = Request::Admit {
            service: service.to_owned(),
            local: peer.local.to_string(),
            remote: peer.remote.to_string(),
            address: ip_of(&peer.remote),
        };
        self.ask(&request).map_or(Err(Refusal::Stopping), Into::into)
    }

    fn release(&self, connection: u64, _remote: Option<IpAddr>, moved: Moved) {
        self.tell(&Request::Release { connection, moved });
    }

    fn begin_refusal(&self) -> bool {
        matches!(self.ask(&Request::BeginRefusal), Some(Answer::Yes(_)))
    }

    fn end_refusal(&self) {
        self.tell(&Request::EndRefusal);
    }

    fn datagrams(&self, done: &DatagramsDone) {
        self.tell(&Request::Datagrams(*done));
    }

    fn totals(&self) -> Totals {
        // The supervisor has them; a worker never prints any.
        Totals::default()
    }
}
