//! Relayed datagrams: a socket of its own towards the target for each client, so that the target
//! sees as many clients as there are, and replies find their way back.
//!
//! What happens to datagrams is the flights' business; here they are received, sent and counted.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use colok_proto::{Address, Time};
use colok_sys::datagram::ReplyFrom;
use colok_sys::readiness::Registered;
use rustix::io::Errno;
use rustix::net::SocketType;
use tokio::task::{spawn_local, yield_now};

use super::course::Tally;
use super::event::{ClosedConnection, DatagramAccount};
use super::fault::Direction;
use super::flight::{Flight, Step};
use super::run::{Names, SERVICE};
use super::shared::{Set, Shared};
use super::side::{Alarm, Failure, Reached, Target, connect_inet};
use super::stream::Outcome;
use crate::engine::descriptor_limit;
use crate::observe::{Calls, Event, Tap};

/// The longest datagram, with room to spare.
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// How long a client that says nothing, and is told nothing, is remembered.
const IDLE: Duration = Duration::from_mins(1);

/// The most clients at once, as far as there are descriptors.
const CLIENTS_MAX: usize = 16_384;

/// Datagrams that are received before others get their turn.
const AT_ONCE_MAX: usize = 64;

/// When a socket whose buffer is full is tried again.
const FULL_PAUSE: Duration = Duration::from_millis(1);

thread_local! {
    /// The buffer of the relay's thread, never lent across an await.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; DATAGRAM_BYTES_MAX]);
}

/// One direction of a client.
#[derive(Debug)]
struct Lane {
    flight: Flight,
    direction: Direction,
    told: Vec<usize>,
    hashes: Option<Box<[blake3::Hasher; 2]>>,
}

/// A client as the listening socket knows it.
#[derive(Debug)]
struct Client {
    connection: u64,
    address: SocketAddr,
    /// Where replies leave from.
    reply_from: Option<ReplyFrom>,
    up: Lane,
    down: Lane,
    set: Rc<Set>,
    last: Time,
    /// The target, once there is a socket towards it.
    target: String,
    /// Whether something came from it since its last turn.
    stirred: bool,
    /// Whether a failure was told.
    failed: bool,
}

/// Everybody who sends to one listening socket.
struct Hub<T: Tap> {
    listener: Registered,
    address: Address,
    target: Rc<Target>,
    shared: Rc<Shared<T>>,
    clients: RefCell<HashMap<SocketAddr, Rc<RefCell<Client>>>>,
}

/// Relays the datagrams of a listening socket as long as the relay runs.
pub(super) async fn serve<T: Tap>(
    listener: Registered,
    address: Address,
    target: Rc<Target>,
    shared: Rc<Shared<T>>,
) {
    let hub = Rc::new(Hub { listener, address, target, shared, clients: RefCell::default() });
    while !hub.shared.is_stopping() {
        poll_fn(|context| hub.listener.poll_readable(context)).await;
        BUFFER.with_borrow_mut(|buffer| {
            for _ in 0..AT_ONCE_MAX {
                match colok_sys::datagram::receive(hub.listener.as_fd(), buffer) {
                    Ok(received) => {
                        let length = received.length.min(buffer.len());
                        take(&hub, received.source, received.reply_from, &buffer[..length]);
                    }
                    Err(Errno::AGAIN) => {
                        hub.listener.clear_readable();
                        break;
                    }
                    // News of a reply that nobody took; the datagram's own trouble.
                    Err(_) => {}
                }
            }
        });
        yield_now().await;
    }
}

/// A datagram of a client came.
fn take<T: Tap>(hub: &Rc<Hub<T>>, source: SocketAddr, reply_from: Option<ReplyFrom>, bytes: &[u8]) {
    let known = hub.clients.borrow().get(&source).cloned();
    let Some(client) = known.or_else(|| welcome(hub, source)) else { return };
    let now = hub.shared.now();
    let mut client = client.borrow_mut();
    client.reply_from = reply_from;
    client.last = now;
    client.take_new_faults(&hub.shared);
    if let Some(hashes) = &mut client.up.hashes {
        hashes[0].update(bytes);
    }
    client.up.flight.receive(bytes, now);
    client.stirred = true;
    hub.shared.wake(client.connection);
}

/// A client that was not here before.
fn welcome<T: Tap>(hub: &Rc<Hub<T>>, source: SocketAddr) -> Option<Rc<RefCell<Client>>> {
    let shared = &hub.shared;
    // IPv4 clients of a socket for both families have one name.
    let name = SocketAddr::new(source.ip().to_canonical(), source.port());
    let names = Names { local: hub.address.to_string(), remote: name.to_string() };
    if hub.clients.borrow().len() >= CLIENTS_MAX.min(descriptor_limit() / 5 * 4) {
        shared.refuse(&names, "max-connections");
        return None;
    }
    let connection = shared.arrives(&names);
    let (set, now) = (shared.set(), shared.now());
    let lane = |direction| Lane {
        flight: Flight::new(shared.rules(&set, connection, direction), now),
        direction,
        told: Vec::new(),
        hashes: shared.hashes.then(Box::default),
    };
    let client = Rc::new(RefCell::new(Client {
        connection,
        address: source,
        reply_from: None,
        up: lane(Direction::Up),
        down: lane(Direction::Down),
        set,
        last: now,
        target: String::new(),
        stirred: true,
        failed: false,
    }));
    hub.clients.borrow_mut().insert(source, client.clone());
    spawn_local(live(hub.clone(), client.clone(), names));
    Some(client)
}

/// The life of a client.
async fn live<T: Tap>(hub: Rc<Hub<T>>, client: Rc<RefCell<Client>>, names: Names) {
    let began = hub.shared.now();
    let connection = client.borrow().connection;
    let outcome = match reach(&hub, connection).await {
        Ok(reached) => {
            let duration = hub.shared.now().since(began);
            hub.shared.tap.event(|| Event::Connected {
                connection,
                local: reached.local.clone(),
                remote: reached.remote.clone(),
                duration_us: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
            });
            client.borrow_mut().target = reached.remote;
            relay(&hub, &client, &reached.side.socket).await
        }
        Err(errno) => {
            let reason = format!("io({})", errno.raw_os_error());
            Outcome { reason, by: "target" }
        }
    };
    let client = client.borrow();
    hub.clients.borrow_mut().remove(&client.address);
    let mut account = ClosedConnection {
        connection,
        service: SERVICE.to_owned(),
        local: names.local,
        remote: names.remote,
        target: client.target.clone(),
        reason: outcome.reason,
        by: outcome.by.to_owned(),
        duration_ms: u64::try_from(hub.shared.now().since(began).as_millis()).unwrap_or(u64::MAX),
        ..ClosedConnection::default()
    };
    client.account(&mut account);
    hub.shared.leaves(account);
}

/// A socket towards the target.
async fn reach<T: Tap>(hub: &Hub<T>, connection: u64) -> Result<Reached, Errno> {
    let mut last = Errno::ADDRNOTAVAIL;
    let Target::Inet(addresses) = &*hub.target else { return Err(Errno::AFNOSUPPORT) };
    for address in addresses {
        match connect_inet(*address, SocketType::DGRAM, &hub.shared.tap).await {
            Ok(reached) => return Ok(reached),
            Err(failure) => {
                hub.shared.failed(connection, &failure);
                last = failure.errno;
            }
        }
    }
    Err(last)
}

/// Relays a client's datagrams until it is idle for long, or the relay stops.
async fn relay<T: Tap>(hub: &Hub<T>, client: &RefCell<Client>, target: &Registered) -> Outcome {
    let mut alarm = Alarm::new(hub.shared.clock);
    loop {
        let until = {
            let mut client = client.borrow_mut();
            client.take_new_faults(&hub.shared);
            let until = client.turn(hub, target);
            client.note(&hub.shared);
            until
        };
        if hub.shared.is_stopping() {
            return Outcome::new("shutdown", "relay");
        }
        let Some(until) = until else { return Outcome::new("idle", "relay") };
        poll_fn(|context| wait(hub, client, target, context, &mut alarm, until)).await;
    }
}

fn wait<T: Tap>(
    hub: &Hub<T>,
    client: &RefCell<Client>,
    target: &Registered,
    context: &mut Context<'_>,
    alarm: &mut Alarm,
    until: Time,
) -> Poll<()> {
    let client = client.borrow();
    hub.shared.watch(client.connection, context.waker());
    let changed = hub.shared.is_stopping() || hub.shared.set().number != client.set.number;
    let readable = target.poll_readable(context).is_ready();
    if client.stirred || changed || readable || alarm.poll(context, until) {
        Poll::Ready(())
    } else {
        Poll::Pending
    }
}

impl Client {
    /// Moves what can be moved; when to come back, or `None` when it has been idle for long.
    fn turn<T: Tap>(&mut self, hub: &Hub<T>, target: &Registered) -> Option<Time> {
        let now = hub.shared.now();
        self.stirred = false;
        if let Some(errno) = self.receive(target, now) {
            self.tell_failure(hub, "read", errno);
        }
        let up = self.send_up(hub, target, now);
        let down = self.send_down(hub, now);
        let idle_at = self.last + IDLE;
        let waits = self.up.flight.has_waiting() || self.down.flight.has_waiting();
        if idle_at <= now && !waits && !self.stirred {
            return None;
        }
        let idle_at = (idle_at > now).then_some(idle_at);
        up.into_iter().chain(down).chain(idle_at).min().or(Some(now + IDLE))
    }

    /// Takes what the target has sent; the result is news of what was sent to it, if there is bad
    /// news. (It comes with the next read or write, whichever is first.)
    fn receive(&mut self, target: &Registered, now: Time) -> Option<Errno> {
        let mut failure = None;
        BUFFER.with_borrow_mut(|buffer| {
            for _ in 0..AT_ONCE_MAX {
                match rustix::io::read(target, &mut buffer[..]) {
                    Ok(length) => {
                        if let Some(hashes) = &mut self.down.hashes {
                            hashes[0].update(&buffer[..length]);
                        }
                        self.down.flight.receive(&buffer[..length], now);
                        self.last = now;
                    }
                    Err(Errno::AGAIN) => {
                        target.clear_readable();
                        return;
                    }
                    Err(errno) => failure = Some(errno),
                }
            }
            self.stirred = true;
        });
        failure
    }

    /// Tells of a failure, the first time.
    fn tell_failure<T: Tap>(&mut self, hub: &Hub<T>, call: &'static str, errno: Errno) {
        if !std::mem::replace(&mut self.failed, true) {
            let address = self.target.clone();
            hub.shared.failed(self.connection, &Failure { call, address, errno });
        }
    }

    /// Sends what is due to the target; when to come back.
    fn send_up<T: Tap>(&mut self, hub: &Hub<T>, target: &Registered, now: Time) -> Option<Time> {
        let calls = Calls::new(&hub.shared.tap);
        let mut failure = None;
        let until = self.up.send(now, |bytes| {
            match calls.send(target.as_fd(), bytes) {
                // What is told is the fate of an earlier one; this one is still to be sent.
                Err(errno @ Errno::CONNREFUSED) => {
                    failure = Some(errno);
                    calls.send(target.as_fd(), bytes)
                }
                result => result,
            }
            .inspect_err(|errno| failure = Some(*errno).filter(|errno| *errno != Errno::AGAIN))
        });
        if let Some(errno) = failure {
            self.tell_failure(hub, "sendto", errno);
        }
        until
    }

    /// Sends what is due to the client; when to come back.
    fn send_down<T: Tap>(&mut self, hub: &Hub<T>, now: Time) -> Option<Time> {
        let (listener, address) = (hub.listener.as_fd(), self.address);
        let reply_from = self.reply_from;
        self.down.send(now, |bytes| colok_sys::datagram::send(listener, bytes, address, reply_from))
    }

    fn take_new_faults<T: Tap>(&mut self, shared: &Shared<T>) {
        let set = shared.set();
        if set.number == self.set.number {
            return;
        }
        self.note(shared);
        let now = shared.now();
        for lane in [&mut self.up, &mut self.down] {
            let rules = shared.rules(&set, self.connection, lane.direction);
            lane.flight.replace(rules, now);
            lane.told.clear();
        }
        self.set = set;
    }

    /// Counts what faults did.
    fn note<T: Tap>(&mut self, shared: &Shared<T>) {
        for lane in [&mut self.up, &mut self.down] {
            let news = lane.flight.take_news();
            shared.note(&self.set, self.connection, lane.direction, &mut lane.told, news);
        }
    }

    /// Writes what became of its datagrams.
    fn account(&self, account: &mut ClosedConnection) {
        let (up, down) = (&self.up.flight, &self.down.flight);
        account.up_received = up.bytes.received;
        account.up_sent = up.bytes.sent;
        account.up_dropped = up.bytes.dropped;
        account.up_held = up.bytes.held;
        account.up_added = up.added.1;
        account.down_received = down.bytes.received;
        account.down_sent = down.bytes.sent;
        account.down_dropped = down.bytes.dropped;
        account.down_held = down.bytes.held;
        account.down_added = down.added.1;
        account.up_datagrams = Some(datagrams(up));
        account.down_datagrams = Some(datagrams(down));
        (account.up_received_blake3, account.up_sent_blake3) = self.up.hashes();
        (account.down_received_blake3, account.down_sent_blake3) = self.down.hashes();
    }
}

fn datagrams(flight: &Flight) -> DatagramAccount {
    let Tally { received, sent, dropped, held } = flight.datagrams;
    DatagramAccount { received, sent, dropped, held, added: flight.added.0 }
}

impl Lane {
    /// Sends what is due; when to come back.
    fn send(
        &mut self,
        now: Time,
        mut send: impl FnMut(&[u8]) -> Result<usize, Errno>,
    ) -> Option<Time> {
        loop {
            let bytes = match self.flight.next(now) {
                Step::Nothing => return None,
                Step::Wait(until) => return Some(until),
                Step::Send(bytes) => bytes,
            };
            match send(bytes) {
                Err(Errno::AGAIN | Errno::NOBUFS) => return Some(now + FULL_PAUSE),
                Err(_) => self.flight.done(false),
                Ok(_) => {
                    if let Some(hashes) = &mut self.hashes {
                        hashes[1].update(bytes);
                    }
                    self.flight.done(true);
                }
            }
        }
    }

    fn hashes(&self) -> (Option<String>, Option<String>) {
        let text = |index: usize| {
            self.hashes.as_ref().map(|hashes| hashes[index].finalize().to_hex().to_string())
        };
        (text(0), text(1))
    }
}
