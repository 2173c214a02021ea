//! Accepting: connections come from the kernel as they are made, go to the worker that has fewest,
//! and pause when the system has nothing left.
//!
//! The kernel does not tell whose connection it has accepted, so each is asked before limits apply.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};

use colok_proto::Time;
use colok_sys::uring::Stream;
use rustix::io::Errno;

use super::connection::{Awake, Place};
use super::worker::Worker;
use crate::engine::StopState;
use crate::engine::blocking::PAUSE;
use crate::engine::gate::Admission;
use crate::engine::port::{Accepted, SETTLE};
use crate::engine::served::Served;
use crate::observe::Tap;
use crate::session::Session;

/// What a worker does about one port.
#[derive(Debug)]
pub(super) struct Accepting {
    stream: Stream,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The kernel accepts.
    Armed,
    /// The system had nothing left; looks again then.
    Paused(Time),
    /// The server stops: those who wait are let in, and newcomers turned away. Looks again then.
    Draining { until: Time, turned_away: bool },
    /// Nobody is let in any more.
    Over,
}

/// Connections that are taken before it is looked at what they have sent.
const ACCEPTS_AT_ONCE_MAX: usize = 256;

impl<T: Tap> Worker<'_, T> {
    /// Starts accepting on every port.
    pub(super) fn begin_accepting(&mut self) -> io::Result<()> {
        for (number, port) in (0_u16..).zip(self.ports) {
            let stream = self.ring.add(port.socket().try_clone_to_owned()?);
            self.occupy(stream, Place::Listener(number));
            self.queued(|ring| ring.accept(stream));
            self.accepting.push(Accepting { stream, state: State::Armed });
        }
        Ok(())
    }

    /// Whether nobody can come any more.
    pub(super) fn accepting_is_over(&self) -> bool {
        self.accepting.iter().all(|accepting| accepting.state == State::Over)
    }

    /// The kernel has accepted a connection.
    pub(super) fn accepted(&mut self, listener: Stream, socket: OwnedFd) {
        let Place::Listener(port) = self.places[listener.index()] else { return };
        let number = usize::try_from(socket.as_raw_fd()).unwrap_or_default();
        self.calls().completed("accept", || self.ring.descriptor(listener), Ok(number));
        self.ports[usize::from(port)].goes_on();
        let worker = self.shared.worker_with_fewest(self.number);
        let kept = if worker == self.number {
            Some(socket)
        } else {
            self.shared.inbox(worker).put_newcomer(socket, port).err()
        };
        if let Some(socket) = kept {
            self.shared.inbox(self.number).one_more();
            self.welcome(port, socket);
        }
    }

    /// A connection was accepted for this worker.
    pub(super) fn welcome(&mut self, port: u16, socket: OwnedFd) {
        self.held += 1;
        self.begin(port, socket);
    }

    /// Asks who a connection is and for its admission, and starts to serve it.
    fn begin(&mut self, number: u16, socket: OwnedFd) {
        let port = &self.ports[usize::from(number)];
        let calls = self.calls();
        // A peer that is gone already has nothing to be told.
        let admitted = calls.peer_address(socket.as_fd()).ok();
        let admitted = admitted.and_then(|remote| port.admit(socket.as_fd(), remote));
        let Some((session, admission)) = admitted else {
            calls.close(socket);
            return self.one_less();
        };
        self.begin_admitted(number, session, socket, admission);
    }

    fn begin_admitted(
        &mut self,
        number: u16,
        session: Session<T>,
        socket: OwnedFd,
        admission: Admission,
    ) {
        let port = &self.ports[usize::from(number)];
        if port.has_store() && admission.is_admitted() {
            let served = Served::new(session, socket, admission, port.tap().clone());
            return self.begin_filing(Box::new(served));
        }
        let mut awake = Box::new(Awake::new(session, number));
        if admission.is_admitted() {
            admission.keep();
        } else {
            awake.refusal = Some(admission);
        }
        let stream = self.ring.add(socket);
        self.occupy(stream, Place::Free);
        self.opened(stream, awake);
    }

    /// The kernel has stopped accepting because the system has nothing left.
    pub(super) fn accepting_failed(&mut self, number: u16, errno: Errno) {
        let port = &self.ports[usize::from(number)];
        let accepting = &mut self.accepting[usize::from(number)];
        if accepting.state != State::Armed {
            return;
        }
        match errno {
            Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM => {
                port.pauses(errno);
                accepting.state = State::Paused(self.now + PAUSE);
            }
            // Another worker has stopped the listener.
            Errno::INVAL if self.shared.stop.state() > StopState::Run => {}
            // Everything else is a connection's own trouble (accept(2), "Error handling"), but it
            // must not be told of without end.
            _ => accepting.state = State::Paused(self.now + SETTLE),
        }
        self.wake_for_accepting();
    }

    /// The server stops: accepts by hand from now on.
    pub(super) fn stop_accepting(&mut self) {
        for accepting in &mut self.accepting {
            if matches!(accepting.state, State::Armed | State::Paused(_)) {
                if accepting.state == State::Armed {
                    let paused = self.ring.pause(accepting.stream);
                    debug_assert!(paused.is_ok(), "a ring that works takes a cancellation");
                }
                accepting.state = State::Draining { until: self.now, turned_away: false };
            }
            if self.heard == StopState::AtOnce {
                accepting.state = State::Over;
            }
        }
        self.go_on_accepting();
    }

    /// Looks at those ports whose time has come.
    pub(super) fn go_on_accepting(&mut self) {
        for number in 0..self.accepting.len() {
            match self.accepting[number].state {
                State::Paused(until) if until <= self.now => self.resume(number),
                State::Draining { until, turned_away } if until <= self.now => {
                    self.drain_port(number, turned_away);
                }
                _ => {}
            }
        }
        self.wake_for_accepting();
    }

    /// Tries whether the system has something left again.
    fn resume(&mut self, number: usize) {
        let port = &self.ports[number];
        match self.accept_waiting(number) {
            Ok(()) => {
                port.goes_on();
                self.accepting[number].state = State::Armed;
                let stream = self.accepting[number].stream;
                self.queued(|ring| ring.accept(stream));
            }
            Err(errno) => {
                port.pauses(errno);
                self.accepting[number].state = State::Paused(self.now + PAUSE);
            }
        }
    }

    /// Lets those in who wait, turns newcomers away, and looks once more.
    fn drain_port(&mut self, number: usize, turned_away: bool) {
        let port = &self.ports[number];
        let waiting = self.accept_waiting(number);
        if self.drain_end() <= self.now || (turned_away && waiting.is_ok()) {
            port.stop_listening();
            self.accepting[number].state = State::Over;
            return;
        }
        if waiting.is_ok() {
            port.turn_away_newcomers();
        }
        let until = self.now + if waiting.is_ok() { SETTLE } else { PAUSE };
        self.accepting[number].state =
            State::Draining { until, turned_away: turned_away || waiting.is_ok() };
    }

    /// Accepts everyone who waits, by hand.
    fn accept_waiting(&mut self, number: usize) -> Result<(), Errno> {
        let index = u16::try_from(number).unwrap_or(u16::MAX);
        for _ in 0..ACCEPTS_AT_ONCE_MAX {
            match self.ports[number].accept() {
                Accepted::Connection(served) => {
                    self.held += 1;
                    self.shared.inbox(self.number).one_more();
                    let (session, socket, admission) = served.into_parts();
                    self.begin_admitted(index, session, socket, admission);
                }
                Accepted::Nobody => break,
                Accepted::Again => {}
                Accepted::Exhausted(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// The loop wakes for those ports that wait for a time.
    fn wake_for_accepting(&mut self) {
        for accepting in &self.accepting {
            if let State::Paused(until) | State::Draining { until, .. } = accepting.state {
                let index = accepting.stream.index();
                if self.timers.armed(index).is_none_or(|armed| until < armed) {
                    self.timers.set(index, until);
                }
            }
        }
    }
}
