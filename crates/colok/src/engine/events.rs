//! The `events` model: event loops on tokio, one per worker thread.
//!
//! Every worker runs a single-threaded runtime and accepts from every listener itself, so a
//! connection never changes threads. Buffers belong to the worker: an idle connection owns none,
//! because readiness is awaited first and the read follows into the worker's buffer.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::os::fd::BorrowedFd;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Duration;

use colok_proto::{Reason, Time};
use colok_sys::readiness::Registered;
use rustix::io::Errno;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::task::{JoinSet, spawn_blocking, yield_now};
use tokio::time::{Instant, Sleep, sleep};

use super::blocking::PAUSE;
use super::disk;
use super::port::{Accepted, Port, SETTLE};
use super::served::{Found, Served, Worker};
use crate::clock::Clock;
use crate::engine::{Limits, Stop, StopState, WORKERS_MAX};
use crate::error::{Error, Result};
use crate::observe::Tap;
use crate::session::{Desk, Next};

/// What a worker reads at a time, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// Reads of one connection before the others get their turn.
const READS_AT_ONCE_MAX: usize = 16;

thread_local! {
    /// The buffer and the desk of this worker thread, lent to one connection at a time and never
    /// across an await.
    static LENT: RefCell<(Vec<u8>, Desk)> = RefCell::new((vec![0; BUFFER_BYTES], Desk::new()));
}

/// What all connections of a worker share.
#[derive(Debug)]
struct Shared {
    stop: Stop,
    /// Wakes every connection when a stop is asked for, and again when an end at once is.
    stopping: Notify,
    drain: Duration,
}

impl Shared {
    /// Whether the server stops, and all must be over by now.
    fn drain_is_over(&self, clock: Clock) -> bool {
        self.stop.state() == StopState::Drain
            && self.stop.drain_end(clock, self.drain) <= clock.now()
    }
}

/// Serves the ports until stopped, on `limits.workers` threads.
pub(crate) fn run<T: Tap>(ports: &Arc<Vec<Port<T>>>, limits: &Limits, stop: &Stop) -> Result<()> {
    let workers = limits.workers.clamp(1, WORKERS_MAX);
    // All runtimes are made before any serves, so that a system without them is an error at once.
    let runtimes: Vec<_> = (0..workers).map(|_| runtime(workers)).collect::<Result<_>>()?;
    let drain = limits.drain;
    thread::scope(|scope| {
        for (index, runtime) in runtimes.into_iter().enumerate() {
            let ports = ports.clone();
            let body = move || runtime.block_on(work(ports, stop.clone(), drain));
            let named = thread::Builder::new().name(format!("worker-{index}"));
            let spawned = named.spawn_scoped(scope, body);
            if let Err(error) = spawned
                && index == 0
            {
                return Err(failed("thread", &error));
            }
        }
        Ok(())
    })
}

fn runtime(workers: usize) -> Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.max_blocking_threads(disk::threads_per_worker(workers));
    builder.enable_io().enable_time().build().map_err(|error| failed("epoll_create1", &error))
}

fn failed(call: &'static str, error: &io::Error) -> Error {
    let errno = Errno::from_io_error(error).unwrap_or(Errno::IO);
    Error::call(call, "event loop", errno)
}

/// One worker: accepts on every port, and ends when its last connection has.
async fn work<T: Tap>(ports: Arc<Vec<Port<T>>>, stop: Stop, drain: Duration) {
    let shared = Arc::new(Shared { stop, stopping: Notify::new(), drain });
    let mut acceptors = JoinSet::new();
    for index in 0..ports.len() {
        acceptors.spawn(accept(ports.clone(), index, shared.clone()));
    }
    wait_for_more(&shared.stop, StopState::Run).await;
    shared.stopping.notify_waiters();
    let mut at_once = pin!(wait_for_more(&shared.stop, StopState::Drain));
    let mut told = false;
    poll_fn(|context| {
        if !told && at_once.as_mut().poll(context).is_ready() {
            told = true;
            shared.stopping.notify_waiters();
        }
        while let Some(_ended) = ready!(acceptors.poll_join_next(context)) {}
        Poll::Ready(())
    })
    .await;
}

/// Waits until more is asked for than what was `heard`.
async fn wait_for_more(stop: &Stop, heard: StopState) {
    match register(stop.descriptor_beyond(heard)) {
        // Never read, so it stays readable.
        Ok(stopped) => poll_fn(|context| stopped.poll_readable(context)).await,
        // No room in the event loop for it: look from time to time.
        Err(_) => {
            while stop.state() <= heard {
                sleep(PAUSE).await;
            }
        }
    }
}

/// Registers a copy of a descriptor: every worker has shared ones in its own event loop.
fn register(descriptor: BorrowedFd<'_>) -> io::Result<Registered> {
    Registered::new(descriptor.try_clone_to_owned()?).map_err(|(_, error)| error)
}

/// Accepts on one port until stopped, then until nobody waits or the drain time is over; ends when
/// its connections have.
async fn accept<T: Tap>(ports: Arc<Vec<Port<T>>>, index: usize, shared: Arc<Shared>) {
    let port = &ports[index];
    let mut connections = JoinSet::new();
    let mut last_look = false;
    let listener = loop {
        match register(port.socket()) {
            Ok(listener) => break listener,
            Err(_) if shared.stop.state() == StopState::Run => sleep(PAUSE).await,
            Err(_) => return,
        }
    };
    while shared.stop.state() != StopState::AtOnce {
        if shared.drain_is_over(port.clock()) {
            port.stop_listening();
            break;
        }
        match port.accept() {
            Accepted::Connection(served) => {
                port.goes_on();
                connections.spawn(connection(served, port.clock(), shared.clone()));
                // Their records are freed as they end, not when the server does.
                while connections.try_join_next().is_some() {}
            }
            Accepted::Again => port.goes_on(),
            Accepted::Exhausted(errno) => {
                port.pauses(errno);
                sleep(PAUSE).await;
            }
            Accepted::Nobody if shared.stop.state() == StopState::Drain => {
                if last_look {
                    port.stop_listening();
                    break;
                }
                last_look = true;
                port.turn_away_newcomers();
                sleep(SETTLE).await;
            }
            Accepted::Nobody => someone_or_stop(&listener, &shared).await,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Waits until someone may wait to be accepted, or a stop is asked for. The accept before found
/// nobody, so what is known of readiness is given back first.
async fn someone_or_stop(listener: &Registered, shared: &Shared) {
    listener.clear_readable();
    let mut stopping = pin!(shared.stopping.notified());
    poll_fn(|context| {
        // Registered before the flag is read, so that a stop in between is not missed.
        let stopping = stopping.as_mut().poll(context).is_ready();
        if stopping || shared.stop.state() != StopState::Run {
            return Poll::Ready(());
        }
        listener.poll_readable(context)
    })
    .await;
}

/// What ended a connection's wait.
enum Woken {
    Readable,
    Writable,
    Due,
    Stopping,
}

/// Serves one connection to its end.
async fn connection<T: Tap>(served: Box<Served<T>>, clock: Clock, shared: Arc<Shared>) {
    let Some(mut served) = served.register(clock.now()) else { return };
    with_worker(|worker| served.opened(clock.now(), worker));
    if let Some(served) = serve(Box::new(served), &shared, clock).await {
        served.finish(clock.now());
    }
}

/// Serves a connection to its end, and gives it back to be finished unless it already is.
async fn serve<T: Tap>(
    mut served: Box<Served<T, Registered>>,
    shared: &Shared,
    clock: Clock,
) -> Option<Box<Served<T, Registered>>> {
    let mut now = clock.now();
    let alarm = Alarm { clock, armed_for: served.session.deadline() };
    let timer = pin!(sleep(alarm.armed_for.since(now)));
    let stopping = pin!(shared.stopping.notified());
    let heard = StopState::Run;
    let mut waiter = Waiter { shared, alarm, timer, stopping, registered: false, heard };
    let mut goes_on = false;
    loop {
        let next = with_worker(|worker| served.step(now, worker));
        let Next::Wait { receive, send } = next else { return Some(served) };
        let deadline = served.session.deadline();
        let socket = served.socket();
        // Only this wait is shortened: a turn may have ended the conversation, and so all turns.
        let at_once = mem::take(&mut goes_on) && served.session.may_block();
        let woken =
            poll_fn(|context| waiter.poll(context, socket, receive, send, deadline, at_once)).await;
        now = clock.now();
        let has_more = match woken {
            Woken::Readable | Woken::Writable | Woken::Due if served.session.may_block() => {
                (served, goes_on) = on_disk_thread(served, clock).await?;
                now = clock.now();
                false
            }
            Woken::Readable => read(&mut served, now),
            Woken::Writable => write(&mut served, now),
            Woken::Due => {
                with_worker(|worker| served.due(now, worker));
                false
            }
            Woken::Stopping if waiter.heard == StopState::AtOnce => {
                served.session.close(now, Reason::Shutdown);
                return Some(served);
            }
            Woken::Stopping => {
                served.session.drain(shared.stop.drain_end(clock, shared.drain));
                waiter.listen_again();
                false
            }
        };
        if has_more {
            // The others first: without this it would go on until tokio's own budget is used up,
            // a hundred times as much.
            yield_now().await;
        }
    }
}

/// What a connection waits with.
struct Waiter<'p, 's> {
    shared: &'s Shared,
    alarm: Alarm,
    timer: Pin<&'p mut Sleep>,
    stopping: Pin<&'p mut Notified<'s>>,
    /// Whether `stopping` will wake this task.
    registered: bool,
    heard: StopState,
}

impl Waiter<'_, '_> {
    /// Ready with what has happened; `at_once` if the connection goes on anyway.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        socket: &Registered,
        receive: bool,
        send: bool,
        deadline: Time,
        at_once: bool,
    ) -> Poll<Woken> {
        if !self.registered {
            // Once is enough: the task stays the same. The flag is read after it, so that a stop
            // in between is not missed.
            self.registered = true;
            let _ = self.stopping.as_mut().poll(context);
        }
        let state = self.shared.stop.state();
        if state > self.heard {
            self.heard = state;
            return Poll::Ready(Woken::Stopping);
        }
        if at_once || receive && socket.poll_readable(context).is_ready() {
            return Poll::Ready(Woken::Readable);
        }
        if send && socket.poll_writable(context).is_ready() {
            return Poll::Ready(Woken::Writable);
        }
        self.alarm.poll(self.timer.as_mut(), context, deadline).map(|()| Woken::Due)
    }

    /// The notification that was waited for is used up.
    fn listen_again(&mut self) {
        self.stopping.set(self.shared.stopping.notified());
        self.registered = false;
    }
}

/// Serves the connection on a thread where it may wait for a disk, while it is busy. Says whether
/// it is to go on without waiting; `None` when the event loop had no room for it any more.
async fn on_disk_thread<T: Tap>(
    served: Box<Served<T, Registered>>,
    clock: Clock,
) -> Option<(Box<Served<T, Registered>>, bool)> {
    // Taken out of the event loop, which would be woken by every segment that comes meanwhile.
    let mut served = Box::new(served.unregister());
    let turn = spawn_blocking(move || {
        let goes_on = disk::turn(&mut served, clock);
        (served, goes_on)
    });
    // A turn is never cancelled, so an error is a panic of ours.
    let ended = turn.await;
    let (served, goes_on) =
        ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    let served = served.register(clock.now())?;
    Some((Box::new(served), goes_on))
}

/// A timer that is re-armed lazily: a deadline that moves away with every message costs nothing
/// until it is reached.
struct Alarm {
    clock: Clock,
    armed_for: Time,
}

impl Alarm {
    fn poll(
        &mut self,
        mut timer: Pin<&mut Sleep>,
        context: &mut Context<'_>,
        deadline: Time,
    ) -> Poll<()> {
        if deadline < self.armed_for {
            self.arm(timer.as_mut(), deadline);
        }
        while timer.as_mut().poll(context).is_ready() {
            if deadline <= self.clock.now() {
                return Poll::Ready(());
            }
            self.arm(timer.as_mut(), deadline);
        }
        Poll::Pending
    }

    fn arm(&mut self, timer: Pin<&mut Sleep>, deadline: Time) {
        self.armed_for = deadline;
        timer.reset(Instant::now() + self.clock.until(deadline));
    }
}

fn with_worker<R>(run: impl FnOnce(&mut Worker<'_>) -> R) -> R {
    LENT.with_borrow_mut(|(buffer, desk)| run(&mut Worker { buffer, desk }))
}

/// Reads while there is more, then gives the readiness back. Says whether it stopped only because
/// others want their turn.
fn read<T: Tap>(served: &mut Served<T, Registered>, now: Time) -> bool {
    with_worker(|worker| {
        for _ in 0..READS_AT_ONCE_MAX {
            let empty = match served.readable(now, worker) {
                Found::More => false,
                Found::All => served.socket().clear_after_short_read(),
                Found::Nothing => {
                    served.socket().clear_readable();
                    true
                }
            };
            if empty {
                return false;
            }
            let more = matches!(served.step(now, worker), Next::Wait { receive: true, .. });
            if !more {
                return false;
            }
        }
        true
    })
}

/// Sends what waits; when the socket took less, its readiness is given back. Says whether it would
/// have taken more.
fn write<T: Tap>(served: &mut Served<T, Registered>, now: Time) -> bool {
    with_worker(|worker| {
        let blocked = served.writable(now, worker);
        if blocked {
            served.socket().clear_writable();
        }
        !blocked
    })
}
