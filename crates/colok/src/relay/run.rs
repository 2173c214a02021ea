//! Running a relay: accepting clients, reaching the target, and stopping.

use std::future::poll_fn;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use colok_proto::Address;
use colok_sys::readiness::Registered;
use rustix::io::Errno;
use tokio::task::{LocalSet, spawn_local, yield_now};
use tokio::time::sleep;

use super::control;
use super::datagram;
use super::event::{ClosedConnection, RelayTotals};
use super::shared::Shared;
use super::side::{Failure, Side, Target, registered, reset};
use super::stream::{Outcome, Stream};
use crate::engine::{Stop, descriptor_limit};
use crate::error::{Error, Result};
use crate::net::listen::{Listener, SocketFile};
use crate::net::url::Transport;
use crate::observe::{Calls, Event, Tap};

/// How long accepting pauses when there is no descriptor left.
const PAUSE: Duration = Duration::from_millis(50);

/// Clients that are accepted before those who are here get their turn.
const ACCEPTS_AT_ONCE_MAX: usize = 64;

/// The name of the service in events.
pub(super) const SERVICE: &str = "relay";

/// Runs until told to stop.
pub(super) fn run<T: Tap>(
    listeners: Vec<Listener>,
    target: Target,
    control: Option<Listener>,
    shared: &Rc<Shared<T>>,
    stop: &Stop,
) -> Result<RelayTotals> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(|error| {
        Error::call("epoll_create1", SERVICE, Errno::from_io_error(&error).unwrap_or(Errno::IO))
    })?;
    let tasks = LocalSet::new();
    let target = Rc::new(target);
    runtime.block_on(tasks.run_until(async {
        // Files of Unix sockets go when the relay does.
        let mut files = Vec::new();
        let stopped = register(copy_of(stop)?)?;
        for listener in listeners {
            files.push(serve(listener, &target, shared)?);
        }
        if let Some(listener) = control {
            let (socket, file) = (register(listener.socket)?, listener.file);
            files.push(file);
            spawn_local(control::serve(socket, shared.clone()));
        }
        // Never read, so it stays readable.
        poll_fn(|context| stopped.poll_readable(context)).await;
        shared.stop();
        // Each of them tells its end.
        while shared.open() > 0 {
            yield_now().await;
        }
        drop(files);
        Ok::<_, Error>(())
    }))?;
    Ok(shared.final_totals())
}

fn copy_of(stop: &Stop) -> Result<OwnedFd> {
    rustix::io::fcntl_dupfd_cloexec(stop.descriptor(), 0)
        .map_err(|errno| Error::call("fcntl", "stop", errno))
}

fn register(socket: OwnedFd) -> Result<Registered> {
    Registered::new(socket).map_err(|(_, error)| {
        Error::call("epoll_ctl", SERVICE, Errno::from_io_error(&error).unwrap_or(Errno::IO))
    })
}

/// Serves a listener in a task of its own; what is returned is to be kept as long.
fn serve<T: Tap>(
    listener: Listener,
    target: &Rc<Target>,
    shared: &Rc<Shared<T>>,
) -> Result<Option<SocketFile>> {
    let socket = register(listener.socket)?;
    let (target, shared) = (target.clone(), shared.clone());
    if listener.transport == Transport::Udp {
        spawn_local(datagram::serve(socket, listener.address, target, shared));
    } else {
        spawn_local(accept(socket, listener.address, target, shared));
    }
    Ok(listener.file)
}

/// Accepts clients as long as the relay runs.
async fn accept<T: Tap>(
    listener: Registered,
    address: Address,
    target: Rc<Target>,
    shared: Rc<Shared<T>>,
) {
    // Each connection has two, and logs and the like need some.
    let connections_max = descriptor_limit() as u64 / 5 * 2;
    let everywhere = matches!(&address, Address::Inet(address) if address.ip().is_unspecified());
    let mut accepted = 0;
    while !shared.is_stopping() {
        let calls = Calls::new(&shared.tap);
        match calls.accept(listener.as_fd()) {
            Ok((socket, remote)) => {
                let asked = everywhere.then(|| calls.local_address(socket.as_fd()).ok()).flatten();
                let local = asked.unwrap_or_else(|| address.clone()).to_string();
                let names = Names { local, remote: remote.to_string() };
                if shared.open() >= connections_max {
                    shared.refuse(&names, "max-connections");
                    reset(socket, calls);
                } else {
                    let (target, shared) = (target.clone(), shared.clone());
                    spawn_local(connection(socket, names, target, shared));
                }
                accepted += 1;
                if accepted % ACCEPTS_AT_ONCE_MAX == 0 {
                    yield_now().await;
                }
            }
            Err(Errno::AGAIN) => {
                listener.clear_readable();
                poll_fn(|context| listener.poll_readable(context)).await;
            }
            Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => sleep(PAUSE).await,
            // Everything else is the connection's own trouble (accept(2), "Error handling").
            Err(_) => {}
        }
    }
}

/// The two ends of a client's connection.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) local: String,
    pub(super) remote: String,
}

/// One client, from the first to the last.
async fn connection<T: Tap>(
    client: OwnedFd,
    names: Names,
    target: Rc<Target>,
    shared: Rc<Shared<T>>,
) {
    let began = shared.now();
    let connection = shared.arrives(&names);
    let (outcome, account) = if shared.fails(connection) {
        reset(client, Calls::new(&shared.tap));
        (Outcome::new("fail-first", "fault"), ClosedConnection::default())
    } else {
        relay(connection, client, &target, &shared).await
    };
    shared.leaves(ClosedConnection {
        connection,
        service: SERVICE.to_owned(),
        local: names.local,
        remote: names.remote,
        reason: outcome.reason,
        by: outcome.by.to_owned(),
        duration_ms: u64::try_from(shared.now().since(began).as_millis()).unwrap_or(u64::MAX),
        ..account
    });
}

/// Reaches the target and relays until one of the two, a fault or the relay ends it.
async fn relay<T: Tap>(
    connection: u64,
    client: OwnedFd,
    target: &Target,
    shared: &Rc<Shared<T>>,
) -> (Outcome, ClosedConnection) {
    let began = shared.now();
    let failed = |failure: &Failure| shared.failed(connection, failure);
    let reached = target.connect(&shared.tap, failed);
    let reached = match shared.unless_stopped(connection, reached).await {
        Some(Ok(reached)) => reached,
        Some(Err(errno)) => {
            reset(client, Calls::new(&shared.tap));
            let reason = format!("io({})", errno.raw_os_error());
            return (Outcome { reason, by: "target" }, ClosedConnection::default());
        }
        None => return (Outcome::new("shutdown", "relay"), ClosedConnection::default()),
    };
    let duration = shared.now().since(began);
    shared.tap.event(|| Event::Connected {
        connection,
        local: reached.local.clone(),
        remote: reached.remote.clone(),
        duration_us: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
    });
    let client = match registered(client, Calls::new(&shared.tap)) {
        Ok(client) => Side::new(client),
        Err(errno) => {
            let reason = format!("io({})", errno.raw_os_error());
            return (Outcome { reason, by: "relay" }, ClosedConnection::default());
        }
    };
    let stream = Stream::new(shared.clone(), connection, client, reached.side);
    let (outcome, account) = stream.run().await;
    (outcome, ClosedConnection { target: reached.remote, ..account })
}
