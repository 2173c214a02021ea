//! One worker: its ring, what it holds of each place there, and the loop.
//!
//! A turn of the loop is: wait, read the clock once, heed what has happened, fire what is due. What
//! a turn wants to send leaves with the next wait. Nothing here knows a session's life; see
//! `turns.rs` for that.

use std::io;
use std::mem;
use std::os::fd::OwnedFd;
use std::time::Duration;

use colok_proto::Time;
use colok_sys::uring::{Event, Payload, Readiness, Stream, Uring};

use super::Shared;
use super::accepting::Accepting;
use super::connection::{Awake, Place};
use super::inbox::Handed;
use super::pace::Pace;
use super::timers::Timers;
use crate::clock::Clock;
use crate::engine::StopState;
use crate::engine::port::Port;
use crate::observe::{Calls, Tap};
use crate::session::Desk;

/// Vectors that are kept to be filled again with what machines say.
const SPARE_VECTORS_MAX: usize = 256;

/// A vector that has grown beyond this is not kept, in bytes.
const SPARE_BYTES_MAX: usize = 64 * 1024;

/// How long a timer waits that may not fire because not all that has arrived is known.
const AFTERWARDS: Duration = Duration::from_millis(1);

/// A worker; see the module.
pub(super) struct Worker<'p, T: Tap> {
    pub(super) ports: &'p [Port<T>],
    pub(super) shared: &'p Shared<T>,
    /// Which of the workers it is.
    pub(super) number: usize,
    pub(super) clock: Clock,
    pub(super) ring: Uring,
    /// When the last wait ended.
    pub(super) now: Time,
    /// Streams whose receive was queued in this turn of the loop: what they have to tell is not
    /// known yet.
    pub(super) just_armed: Vec<Stream>,
    pub(super) desk: Desk,
    pub(super) places: Vec<Place<T>>,
    pub(super) timers: Timers,
    /// Sessions to unfold resting connections in, by port.
    #[expect(clippy::vec_box, reason = "they go into places and come back as boxes")]
    pub(super) husks: Vec<Vec<Box<Awake<T>>>>,
    pub(super) accepting: Vec<Accepting>,
    pub(super) heard: StopState,
    /// Connections that it has, or that are on their way to it.
    pub(super) held: usize,
    pub(super) pace: Pace,
    expired: Vec<u32>,
    pub(super) spare_vectors: Vec<Vec<u8>>,
    /// Why the ring is of no use any more.
    broken: Option<io::Error>,
}

impl<'p, T: Tap> Worker<'p, T> {
    /// A worker that has nothing yet.
    pub(super) fn new(
        ports: &'p [Port<T>],
        shared: &'p Shared<T>,
        number: usize,
        clock: Clock,
        ring: Uring,
    ) -> Self {
        Self {
            ports,
            shared,
            number,
            clock,
            ring,
            now: clock.now(),
            just_armed: Vec::new(),
            desk: Desk::new(),
            places: Vec::new(),
            timers: Timers::new(),
            husks: ports.iter().map(|_| Vec::new()).collect(),
            accepting: Vec::new(),
            heard: StopState::Run,
            held: 0,
            pace: Pace::new(shared.busy_poll),
            expired: Vec::new(),
            spare_vectors: Vec::new(),
            broken: None,
        }
    }

    /// Serves until stopped and its last connection has ended. Fails when the ring does.
    pub(super) fn run(mut self) -> io::Result<()> {
        self.watch(self.shared.inbox(self.number).descriptor().try_clone_to_owned()?, Place::Inbox);
        self.watch_stop()?;
        self.begin_accepting()?;
        while !self.is_over() {
            self.wait();
            if let Some(error) = self.broken.take() {
                return Err(error);
            }
            while let Some(event) = self.ring.next_event() {
                self.heed(event);
            }
            self.fire();
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.heard > StopState::Run
            && self.held == 0
            && self.accepting_is_over()
            && self.shared.inbox(self.number).close()
    }

    fn wait(&mut self) {
        let due = self.timers.next_due();
        match self.pace.wait(&mut self.ring, self.clock, due) {
            Ok(now) => self.now = now,
            Err(error) => self.note(Err(error)),
        }
        self.just_armed.clear();
    }

    /// Queues operations; where that fails the ring is of no use any more.
    pub(super) fn queued(&mut self, queue: impl FnOnce(&mut Uring) -> io::Result<()>) {
        let queued = queue(&mut self.ring);
        self.note(queued);
    }

    pub(super) fn note(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.broken.get_or_insert(error);
        }
    }

    fn watch(&mut self, descriptor: OwnedFd, place: Place<T>) {
        let stream = self.ring.add(descriptor);
        self.occupy(stream, place);
        self.queued(|ring| ring.poll(stream, Readiness::Read));
    }

    fn watch_stop(&mut self) -> io::Result<()> {
        let descriptor = self.shared.stop.descriptor_beyond(self.heard).try_clone_to_owned()?;
        self.watch(descriptor, Place::Stop);
        Ok(())
    }

    /// Puts something in a place of the ring.
    pub(super) fn occupy(&mut self, stream: Stream, place: Place<T>) {
        let index = stream.index();
        if self.places.len() <= index {
            self.places.resize_with(index + 1, || Place::Free);
        }
        self.places[index] = place;
    }

    /// Takes what is in a place.
    #[inline]
    pub(super) fn vacate(&mut self, stream: Stream) -> Place<T> {
        mem::replace(&mut self.places[stream.index()], Place::Free)
    }

    #[inline]
    fn heed(&mut self, event: Event) {
        match event {
            Event::Received(stream, lease) => self.received(stream, lease),
            Event::Sent(stream, payload, sent) => self.sent(stream, payload, sent),
            Event::Ended(stream) => self.ended(stream, Ok(())),
            Event::Failed(stream, errno) => match self.places[stream.index()] {
                Place::Listener(port) => self.accepting_failed(port, errno),
                _ => self.ended(stream, Err(errno)),
            },
            Event::Accepted(stream, socket) => self.accepted(stream, socket),
            Event::Ready(stream, _) => self.ready(stream),
            Event::Closed(stream) => self.closed(stream),
        }
    }

    fn ready(&mut self, stream: Stream) {
        match &self.places[stream.index()] {
            Place::Inbox => {
                self.queued(|ring| ring.poll(stream, Readiness::Read));
                for handed in self.shared.inbox(self.number).take() {
                    match handed {
                        Handed::Newcomer(socket, port) => self.welcome(port, socket),
                        Handed::Filed(filing, socket) => self.filed(*filing, socket),
                    }
                }
            }
            Place::Stop => {
                self.queued(|ring| ring.close(stream));
                self.vacate(stream);
                self.stop();
            }
            Place::Filing(_) => self.filing_ready(stream),
            Place::Awake(_) | Place::Resting(_) => self.polled(stream),
            Place::Listener(_) | Place::Free => {}
        }
    }

    /// More was asked for than what was heard.
    fn stop(&mut self) {
        self.heard = self.shared.stop.state().max(self.heard);
        if self.heard < StopState::AtOnce {
            let watched = self.watch_stop();
            self.note(watched);
        }
        self.stop_accepting();
        for index in 0..self.places.len() {
            let stream = self.ring.stream(index);
            match self.places[index] {
                Place::Resting(_) | Place::Awake(_) => self.stop_connection(stream),
                Place::Filing(_) => self.stop_filing(stream),
                Place::Free | Place::Listener(_) | Place::Inbox | Place::Stop => {}
            }
        }
    }

    /// When all must be over.
    pub(super) fn drain_end(&self) -> Time {
        self.shared.stop.drain_end(self.clock, self.shared.drain)
    }

    /// Fires what is due. What is still held by the kernel comes first.
    fn fire(&mut self) {
        self.go_on_accepting();
        if self.timers.next_due().is_none_or(|due| due > self.now) || self.ring.is_behind() {
            return;
        }
        let mut expired = mem::take(&mut self.expired);
        self.timers.expire(self.now, &mut expired);
        for index in expired.drain(..) {
            let stream = self.ring.stream(index as usize);
            match self.places[index as usize] {
                Place::Resting(_) | Place::Awake(_) => self.due(stream),
                Place::Filing(_) => self.filing_due(stream),
                // Its time may have been put off since the timer was set.
                Place::Listener(_) => self.go_on_accepting(),
                Place::Free | Place::Inbox | Place::Stop => {}
            }
        }
        self.expired = expired;
    }

    /// Looks at a timer again a little later.
    pub(super) fn look_again(&mut self, stream: Stream) {
        self.timers.set(stream.index(), self.now + AFTERWARDS);
    }

    /// What was sent is free again.
    #[inline]
    pub(super) fn reuse(&mut self, payload: Payload) {
        match payload {
            Payload::Lease(lease) => self.ring.give_back(lease),
            Payload::Bytes(mut bytes) => {
                let keep = bytes.capacity() <= SPARE_BYTES_MAX;
                if keep && self.spare_vectors.len() < SPARE_VECTORS_MAX {
                    bytes.clear();
                    self.spare_vectors.push(bytes);
                }
            }
        }
    }

    /// One connection is over.
    pub(super) fn one_less(&mut self) {
        self.held -= 1;
        self.shared.inbox(self.number).one_less();
    }

    /// The calls of this worker on sockets.
    pub(super) fn calls(&self) -> Calls<'p, T> {
        Calls::new(self.shared_tap())
    }

    fn shared_tap(&self) -> &'p T {
        self.ports[0].tap()
    }
}
