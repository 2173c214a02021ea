//! What all connections of a relay share: the faults that hold, what they did, and who is to be
//! woken when they change. One thread uses it; nothing here waits.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use colok_proto::Time;

use super::active::{self, Active, News};
use super::event::{ClosedConnection, FaultCount, FaultSet, RelayEvent, RelayStatus, RelayTotals};
use super::fault::{Direction, Fault, Kind, Rule};
use super::run::{Names, SERVICE};
use super::side::Failure;
use crate::clock::Clock;
use crate::net::url::Transport;
use crate::observe::{Event, Tap, errno_name};

/// How many sets of faults are remembered; the oldest are forgotten.
const SETS_MAX: usize = 1000;

/// How many faults a set may have.
const FAULTS_MAX: usize = 100;

/// A set of faults.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) number: u64,
    rules: Vec<Rule>,
    texts: Vec<String>,
    applied: Vec<Cell<u64>>,
}

impl Set {
    /// Reads faults for this transport; the error says which is wrong and why.
    pub(super) fn read(faults: &[Fault], transport: Transport) -> Result<Self, String> {
        if faults.len() > FAULTS_MAX {
            return Err(format!("more than {FAULTS_MAX} faults at once"));
        }
        let mut rules = Vec::new();
        for fault in faults {
            let read = Rule::of(fault).and_then(|rule| rule.fits(transport).map(|()| rule));
            rules.push(read.map_err(|what| format!("`{fault}`: {what}"))?);
        }
        let texts = faults.iter().map(ToString::to_string).collect();
        let applied = faults.iter().map(|_| Cell::new(0)).collect();
        Ok(Self { number: 0, rules, texts, applied })
    }

    fn counts(&self) -> FaultSet {
        let pairs = self.texts.iter().zip(&self.applied);
        let count = |(fault, applied): (&String, &Cell<u64>)| FaultCount {
            fault: fault.clone(),
            applied: applied.get(),
        };
        FaultSet { set: self.number, faults: pairs.map(count).collect() }
    }
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared<T: Tap> {
    pub(super) clock: Clock,
    pub(super) tap: T,
    /// Whether bytes are hashed.
    pub(super) hashes: bool,
    seed: u64,
    transport: Transport,
    /// Every set, the one that holds last.
    sets: RefCell<Vec<Rc<Set>>>,
    sets_made: Cell<u64>,
    stopping: Cell<bool>,
    /// Those to wake when something changes, by connection.
    wakers: RefCell<BTreeMap<u64, Waker>>,
    totals: RefCell<RelayTotals>,
    open: Cell<u64>,
}

impl<T: Tap> Shared<T> {
    pub(super) fn new(
        seed: u64,
        transport: Transport,
        hashes: bool,
        faults: Set,
        tap: T,
    ) -> Rc<Self> {
        let shared = Self {
            clock: Clock::start(),
            tap,
            hashes,
            seed,
            transport,
            sets: RefCell::default(),
            sets_made: Cell::new(0),
            stopping: Cell::new(false),
            wakers: RefCell::default(),
            totals: RefCell::default(),
            open: Cell::new(0),
        };
        let told = !faults.rules.is_empty();
        shared.put(faults, told);
        Rc::new(shared)
    }

    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    /// The set that holds.
    pub(super) fn set(&self) -> Rc<Set> {
        let sets = self.sets.borrow();
        sets.last().map_or_else(|| unreachable!("`new` puts the first one there"), Rc::clone)
    }

    /// Puts other faults in place of those that hold, for every connection at once.
    pub(super) fn replace(&self, faults: &[Fault]) -> Result<(), String> {
        let set = Set::read(faults, self.transport)?;
        // What the old ones did is told first, with the old ones.
        self.put(set, true);
        self.wake_all();
        Ok(())
    }

    fn put(&self, mut set: Set, told: bool) {
        set.number = self.sets_made.get() + 1;
        self.sets_made.set(set.number);
        if told {
            self.tell(|| RelayEvent::Faults { set: set.counts() });
        }
        let mut sets = self.sets.borrow_mut();
        if sets.len() == SETS_MAX {
            sets.remove(0);
        }
        sets.push(Rc::new(set));
    }

    pub(super) fn tell(&self, event: impl FnOnce() -> RelayEvent) {
        self.tap.event(|| Event::Relay(event()));
    }

    /// The rules of this set for one direction of a connection.
    pub(super) fn rules(&self, set: &Set, connection: u64, direction: Direction) -> Vec<Active> {
        active::rules_for(&set.rules, self.seed, connection, direction)
    }

    /// Whether this newcomer is one of the first ones, which fail.
    pub(super) fn fails(&self, connection: u64) -> bool {
        let set = self.set();
        for (index, rule) in set.rules.iter().enumerate() {
            let Kind::FailFirst(first) = rule.kind else { continue };
            let failed = set.applied[index].get();
            if failed < first && active::holds(rule, index, self.seed, connection) {
                set.applied[index].set(failed + 1);
                self.tell(|| RelayEvent::Fault {
                    connection,
                    direction: None,
                    set: set.number,
                    fault: set.texts[index].clone(),
                    at: None,
                    count: 1,
                });
                return true;
            }
        }
        false
    }

    /// Counts what rules did, and tells it where it is the first time.
    pub(super) fn note(
        &self,
        set: &Set,
        connection: u64,
        direction: Direction,
        told: &mut Vec<usize>,
        news: impl Iterator<Item = News>,
    ) {
        for News { index, at, count } in news {
            set.applied[index].set(set.applied[index].get() + count);
            if told.contains(&index) {
                continue;
            }
            told.push(index);
            self.tell(|| RelayEvent::Fault {
                connection,
                direction: Some(direction),
                set: set.number,
                fault: set.texts[index].clone(),
                at,
                count,
            });
        }
    }

    pub(super) fn status(&self) -> RelayStatus {
        let mut sets: Vec<_> = self.sets.borrow().iter().map(|set| set.counts()).collect();
        let now = sets.pop().unwrap_or_default();
        let connections = self.totals.borrow().connections;
        RelayStatus { now, earlier: sets, connections, open: self.open.get() }
    }

    /// The account of the whole.
    pub(super) fn final_totals(&self) -> RelayTotals {
        let mut totals = self.totals.borrow().clone();
        totals.sets = self.sets.borrow().iter().map(|set| set.counts()).collect();
        // A set without faults has nothing to tell.
        totals.sets.retain(|set| !set.faults.is_empty());
        totals.records_dropped = self.tap.records_dropped();
        totals
    }

    /// A newcomer came; its number.
    pub(super) fn arrives(&self, names: &Names) -> u64 {
        self.open.set(self.open.get() + 1);
        let connection = {
            let mut totals = self.totals.borrow_mut();
            totals.connections += 1;
            totals.connections
        };
        self.tap.event(|| Event::Accepted {
            connection,
            service: SERVICE.to_owned(),
            local: names.local.clone(),
            remote: names.remote.clone(),
        });
        connection
    }

    /// A connection is over, and this is its account.
    pub(super) fn leaves(&self, closed: ClosedConnection) {
        self.open.set(self.open.get().saturating_sub(1));
        self.wakers.borrow_mut().remove(&closed.connection);
        let mut totals = self.totals.borrow_mut();
        totals.up_received += closed.up_received;
        totals.up_sent += closed.up_sent;
        totals.down_received += closed.down_received;
        totals.down_sent += closed.down_sent;
        drop(totals);
        self.tell(|| RelayEvent::Closed(Box::new(closed)));
    }

    /// There is no room for a newcomer.
    pub(super) fn refuse(&self, names: &Names, reason: &str) {
        self.totals.borrow_mut().refused += 1;
        self.tap.event(|| Event::Refused {
            service: SERVICE.to_owned(),
            local: names.local.clone(),
            remote: names.remote.clone(),
            reason: reason.to_owned(),
        });
    }

    /// A call for a connection failed.
    pub(super) fn failed(&self, connection: u64, failure: &Failure) {
        let errno = failure.errno.raw_os_error();
        self.tap.event(|| Event::Failed {
            connection: Some(connection),
            call: failure.call.to_owned(),
            address: failure.address.clone(),
            errno,
            error: errno_name(errno),
        });
    }

    pub(super) fn open(&self) -> u64 {
        self.open.get()
    }

    /// Wakes this connection when something changes.
    pub(super) fn watch(&self, connection: u64, waker: &Waker) {
        let mut wakers = self.wakers.borrow_mut();
        match wakers.get_mut(&connection) {
            Some(known) => known.clone_from(waker),
            None => {
                wakers.insert(connection, waker.clone());
            }
        }
    }

    /// Runs this for a connection, unless the relay stops before it is done.
    pub(super) async fn unless_stopped<R>(
        &self,
        connection: u64,
        work: impl Future<Output = R>,
    ) -> Option<R> {
        let mut work = pin!(work);
        poll_fn(|context| {
            self.watch(connection, context.waker());
            if self.is_stopping() {
                return Poll::Ready(None);
            }
            work.as_mut().poll(context).map(Some)
        })
        .await
    }

    /// Wakes this connection.
    pub(super) fn wake(&self, connection: u64) {
        if let Some(waker) = self.wakers.borrow().get(&connection) {
            waker.wake_by_ref();
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// Lets every connection go.
    pub(super) fn stop(&self) {
        self.stopping.set(true);
        self.wake_all();
    }

    fn wake_all(&self) {
        for waker in self.wakers.borrow().values() {
            waker.wake_by_ref();
        }
    }
}
