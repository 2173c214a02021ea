//! Connections to a store: the ring waits for them, and a thread that may wait for the disk serves
//! them while they are busy, as with `events`.
//!
//! The ring holds the socket only between two such turns.

use std::os::fd::OwnedFd;

use colok_proto::Reason;
use colok_sys::uring::{Readiness, Stream};

use super::connection::Place;
use super::worker::Worker;
use crate::engine::served::{Parked, Served};
use crate::engine::{StopState, disk, served};
use crate::observe::Tap;
use crate::session::Next;

/// A connection to a store between two turns.
#[derive(Debug)]
pub(super) struct Filing<T: Tap> {
    parked: Parked<T>,
    /// It is to have another turn without waiting: its last one was cut short.
    goes_on: bool,
}

impl<T: Tap> Worker<'_, T> {
    /// A connection to a store is there.
    pub(super) fn begin_filing(&mut self, served: Box<Served<T>>) {
        self.turn_on_disk(served, true);
    }

    /// Gives a connection to a disk thread, which gives it back when it is no longer busy.
    fn turn_on_disk(&mut self, mut served: Box<Served<T>>, is_new: bool) {
        let (clock, inbox) = (self.clock, self.shared.inbox(self.number));
        let turn = move || {
            let goes_on = if is_new {
                disk::begin(&mut served, clock)
            } else {
                disk::turn(&mut served, clock)
            };
            let (parked, socket) = served.park();
            inbox.put_filed(Box::new(Filing { parked, goes_on }), socket);
        };
        self.shared.on_disk_thread(turn);
    }

    /// A disk thread is done with a connection for now.
    pub(super) fn filed(&mut self, filing: Filing<T>, socket: OwnedFd) {
        let Filing { parked, goes_on } = filing;
        let mut served = Box::new(parked.unpark(socket));
        match self.heard {
            StopState::Run => {}
            StopState::Drain => served.session.drain(self.drain_end()),
            StopState::AtOnce => {
                served.session.close(self.now, Reason::Shutdown);
                return self.finish_filing(*served);
            }
        }
        if goes_on && served.session.may_block() {
            return self.turn_on_disk(served, false);
        }
        let lent = served::Worker { buffer: &mut [], desk: &mut self.desk };
        let Next::Wait { receive, send } = served.step(self.now, &lent) else {
            return self.finish_filing(*served);
        };
        let deadline = served.session.deadline();
        let (parked, socket) = served.park();
        let stream = self.ring.add(socket);
        self.occupy(stream, Place::Filing(Box::new(Filing { parked, goes_on: false })));
        self.timers.set(stream.index(), deadline);
        let readiness = match (receive, send) {
            (true, true) => Readiness::Both,
            (true, false) => Readiness::Read,
            (false, true) => Readiness::Write,
            (false, false) => return,
        };
        self.queued(|ring| ring.poll(stream, readiness));
    }

    /// Something is there for a connection that the ring holds, or its time has come.
    pub(super) fn filing_ready(&mut self, stream: Stream) {
        let Place::Filing(filing) = self.vacate(stream) else { return };
        self.timers.clear(stream.index());
        let socket = self.ring.remove(stream);
        let served = Box::new(filing.parked.unpark(socket));
        if self.heard == StopState::AtOnce {
            return self.finish_filing(*served);
        }
        self.turn_on_disk(served, false);
    }

    /// The deadline of a connection that the ring holds may have come, or a stop.
    pub(super) fn filing_due(&mut self, stream: Stream) {
        let Place::Filing(filing) = &self.places[stream.index()] else { return };
        let deadline = filing.parked.session.deadline();
        if deadline > self.now {
            self.timers.set(stream.index(), deadline);
        } else if self.ring.is_polling(stream) {
            self.queued(|ring| ring.stop_polling(stream));
        } else {
            self.filing_ready(stream);
        }
    }

    /// The server stops.
    pub(super) fn stop_filing(&mut self, stream: Stream) {
        let (heard, now, drain_end) = (self.heard, self.now, self.drain_end());
        let Place::Filing(filing) = &mut self.places[stream.index()] else { return };
        if heard == StopState::AtOnce {
            filing.parked.session.close(now, Reason::Shutdown);
        } else {
            filing.parked.session.drain(drain_end);
        }
        let deadline = filing.parked.session.deadline();
        self.timers.set(stream.index(), deadline);
        if heard == StopState::AtOnce {
            if self.ring.is_polling(stream) {
                self.queued(|ring| ring.stop_polling(stream));
            } else {
                self.filing_ready(stream);
            }
        }
    }

    fn finish_filing(&mut self, served: Served<T>) {
        served.finish(self.now);
        self.one_less();
    }
}
