//! A listener in service: accepting, admission, and the pause when the system has nothing left.
//!
//! Nothing here waits or serves; engines do.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use colok_proto::{Address, Peer, ServiceMachine};
use rustix::io::Errno;
use rustix::net::Shutdown;

use super::gate::{Admission, Gate, ip_of};
use super::served::Served;
use crate::clock::Clock;
use crate::engine::Limits;
use crate::net::listen::Listener;
use crate::net::url::Transport;
use crate::observe::{Calls, Event, Tap};
use crate::session::{Context, Session};

/// How long a stopping server waits for handshakes that had begun before newcomers were turned
/// away. On one computer they take microseconds; from far away one may come too late.
pub(crate) const SETTLE: Duration = Duration::from_millis(20);

/// A stream listener in service.
#[derive(Debug)]
pub(crate) struct Port<T: Tap> {
    listener: Listener,
    context: Arc<Context<T>>,
    gate: Arc<dyn Gate>,
    clock: Clock,
    /// Whether each accepted socket must be asked for its own address, because the listener is
    /// bound to all of them.
    ask_local: bool,
    /// Whether what it receives is thrown away; see [`Port::discards`].
    discards: bool,
    /// Whether accepting waits until the system has something left; of all workers together.
    paused: AtomicBool,
}

/// What accepting brought.
#[derive(Debug)]
pub(crate) enum Accepted<T: Tap> {
    /// A connection, to be served or told why not.
    Connection(Box<Served<T>>),
    /// Nobody waits.
    Nobody,
    /// Someone waited and is gone, or was refused without a word: try again.
    Again,
    /// The system has no descriptors or memory left.
    Exhausted(Errno),
}

impl<T: Tap> Port<T> {
    /// Puts a listener in service.
    pub(crate) fn new(
        listener: Listener,
        limits: &Limits,
        gate: Arc<dyn Gate>,
        clock: Clock,
        tap: &T,
    ) -> Self {
        let context = Context {
            service: listener.service,
            idle_timeout: listener.idle_timeout,
            linger: limits.linger,
            linger_bytes: limits.linger_bytes,
            store: listener.store.clone(),
            bytes_per_second_max: limits.bytes_per_second_max,
            tap: tap.clone(),
        };
        let ask_local = matches!(&listener.address,
            Address::Inet(address) if address.ip().is_unspecified());
        let discards =
            listener.transport == Transport::Tcp && context.service.machine().ignores_input();
        Self {
            discards,
            listener,
            context: Arc::new(context),
            gate,
            clock,
            ask_local,
            paused: AtomicBool::new(false),
        }
    }

    /// The listening socket.
    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.listener.socket.as_fd()
    }

    /// Whether its service works with a disk.
    pub(crate) fn has_store(&self) -> bool {
        self.context.store.is_some()
    }

    /// The clock that its sessions live by.
    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Its address as a URL.
    pub(crate) fn url(&self) -> String {
        self.listener.url()
    }

    /// Lets no more clients in, so that a look at the backlog that finds nobody is the last. Those
    /// who have just been let in are there within [`SETTLE`].
    pub(crate) fn turn_away_newcomers(&self) {
        if self.listener.transport == Transport::Tcp {
            let run = || colok_sys::listener::turn_away_newcomers(self.socket());
            // Where it is forbidden a client may still come in between, as everywhere else.
            let calls = Calls::new(&self.context.tap);
            let _ = calls.set_option(self.socket(), "SO_ATTACH_FILTER", run);
        }
    }

    /// Stops listening in every process that shares the socket: nobody else can connect, and
    /// nobody is left waiting in a backlog that no one will look at again.
    pub(crate) fn stop_listening(&self) {
        // It fails when another worker has done it already.
        let _ = Calls::new(&self.context.tap).shutdown(self.socket(), Shutdown::Both);
    }

    /// Ends its service: closes the listening socket.
    pub(crate) fn close(self) {
        Calls::new(&self.context.tap).close(self.listener.socket);
    }

    /// Accepting failed for want of something: tells it, once.
    pub(crate) fn pauses(&self, errno: Errno) {
        if !self.paused.swap(true, Ordering::Relaxed) {
            let errno = errno.raw_os_error();
            self.context.tap.event(|| Event::Paused { address: self.url(), errno });
        }
    }

    /// Accepting works: tells it, when it had paused.
    #[inline]
    pub(crate) fn goes_on(&self) {
        if self.paused.load(Ordering::Relaxed) && self.paused.swap(false, Ordering::Relaxed) {
            self.context.tap.event(|| Event::Resumed { address: self.url() });
        }
    }

    /// Takes one connection from the backlog, if one waits.
    pub(crate) fn accept(&self) -> Accepted<T> {
        let calls = Calls::new(&self.context.tap);
        match calls.accept(self.socket()) {
            Ok((socket, remote)) => self.accepted(socket, remote, calls),
            // Invalid is what a listener says once another worker has stopped it.
            Err(Errno::AGAIN | Errno::INVAL) => {
                // The kernel looks for a descriptor before it looks for a client.
                self.goes_on();
                Accepted::Nobody
            }
            Err(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)) => {
                Accepted::Exhausted(errno)
            }
            // Everything else is the connection's own trouble (accept(2), "Error handling").
            Err(_) => Accepted::Again,
        }
    }

    fn accepted(&self, socket: OwnedFd, remote: Address, calls: Calls<'_, T>) -> Accepted<T> {
        let Some((session, admission)) = self.admit(socket.as_fd(), remote) else {
            calls.close(socket);
            return Accepted::Again;
        };
        let tap = self.context.tap.clone();
        Accepted::Connection(Box::new(Served::new(session, socket, admission, tap)))
    }

    /// Asks the gate for a connection that was accepted: a session that serves it or tells it why
    /// not; `None` when it is to be closed without a word.
    pub(crate) fn admit(
        &self,
        socket: BorrowedFd<'_>,
        remote: Address,
    ) -> Option<(Session<T>, Admission)> {
        let calls = Calls::new(&self.context.tap);
        let asked = self.ask_local.then(|| calls.local_address(socket).ok()).flatten();
        let local = asked.unwrap_or_else(|| self.listener.address.clone());
        let peer = Peer { local, remote };
        let address = ip_of(&peer.remote);
        let (machine, admission, connection) =
            match self.gate.admit(self.context.service.kind().name(), &peer) {
                Ok(connection) => {
                    let admission = Admission::admitted(self.gate.clone(), address, connection);
                    (self.context.service.machine(), admission, connection)
                }
                Err(refusal) => {
                    self.context.tap.event(|| Event::Refused {
                        service: self.context.service.kind().name().to_owned(),
                        local: peer.local.to_string(),
                        remote: peer.remote.to_string(),
                        reason: refusal.name().to_owned(),
                    });
                    if !self.gate.begin_refusal() {
                        return None;
                    }
                    (ServiceMachine::refuse(refusal), Admission::refused(self.gate.clone()), 0)
                }
            };
        let mut session =
            Session::new(self.context.clone(), machine, connection, peer, self.clock.now());
        if admission.is_admitted() {
            session.converse(self.clock);
            session.report_accepted();
        }
        Some((session, admission))
    }

    /// Whether what it receives is thrown away, by a kernel that can do so without copying it.
    pub(crate) fn discards(&self) -> bool {
        self.discards
    }

    /// A session without a connection, for one that rested to be restored in.
    pub(crate) fn husk(&self) -> Session<T> {
        let machine = self.context.service.machine();
        Session::new(self.context.clone(), machine, 0, Peer::unnamed(), self.clock.now())
    }

    /// The place at the gate of a connection that was admitted.
    pub(crate) fn admission(&self, peer: &Peer, connection: u64) -> Admission {
        Admission::admitted(self.gate.clone(), ip_of(&peer.remote), connection)
    }

    /// Who watches.
    pub(crate) fn tap(&self) -> &T {
        &self.context.tap
    }
}
