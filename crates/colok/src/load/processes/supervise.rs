//! The collector's side: starts workers, passes orders on and words back, and ends them all.
//!
//! One thread per worker listens to it. When this returns, no worker is left, however it ended.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use super::WORKER_ARGUMENT;
use super::lines::{Lines, tell};
use super::orders::{Order, Orders, Word, monotonic_of};
use super::share::Share;
use super::told::Told;
use super::worker::SetUp;
use crate::engine::StopState;

/// How long workers may take to end at once before they are killed.
const END_MAX: Duration = Duration::from_secs(2);

/// One worker, as all threads here see it.
struct Worker {
    child: Mutex<Child>,
    socket: UnixStream,
}

/// Carries shares out on a process each. Blocks until all have ended; what they say goes to
/// `words`, and of a worker that ends before its threads have said their last, [`Word::Gone`].
pub fn run_processes(shares: &[Share], orders: &Orders, words: &Sender<Word>) {
    let done = match eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK) {
        Ok(done) => done,
        Err(errno) => return shares.iter().for_each(|share| not_started(share, &errno, words)),
    };
    let mut workers = Vec::new();
    for share in shares {
        match start(share, orders) {
            Ok(worker) => workers.push((share, worker)),
            Err(error) => not_started(share, &error, words),
        }
    }
    thread::scope(|scope| {
        for (share, worker) in &workers {
            let done = &done;
            scope.spawn(move || {
                listen(share, worker, words);
                let _ = rustix::io::write(done, &1_u64.to_ne_bytes());
            });
        }
        pass_orders_on(&workers, orders, &done);
    });
}

/// A worker with its share.
fn start(share: &Share, orders: &Orders) -> std::io::Result<Worker> {
    let (socket, theirs) = UnixStream::pair()?;
    let child = Command::new("/proc/self/exe")
        .arg0("colok-load")
        .arg(WORKER_ARGUMENT)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()?;
    let worker = Worker { child: Mutex::new(child), socket };
    let set_up = SetUp { share: share.clone(), runs: orders.runs() };
    if let Err(error) = tell(&worker.socket, &set_up) {
        worker.kill();
        worker.wait();
        return Err(error);
    }
    Ok(worker)
}

impl Worker {
    fn kill(&self) {
        // Not an error for one that has ended: nobody else can have its number before `wait`.
        let _ = self.child.lock().unwrap_or_else(PoisonError::into_inner).kill();
    }

    /// How it ended.
    fn wait(&self) -> String {
        let status = self.child.lock().unwrap_or_else(PoisonError::into_inner).wait();
        status.as_ref().map_or_else(ToString::to_string, ToString::to_string)
    }
}

fn not_started(share: &Share, why: &dyn std::fmt::Display, words: &Sender<Word>) {
    let status = format!("not started: {why}");
    for word in Told::new(share).gone(status) {
        let _ = words.send(word);
    }
}

/// Passes on what one worker says, until it has ended.
fn listen(share: &Share, worker: &Worker, words: &Sender<Word>) {
    let mut told = Told::new(share);
    if let Ok(socket) = worker.socket.try_clone() {
        let mut lines = Lines::new(socket);
        while let Ok(Some(word)) = lines.next::<Word>() {
            told.note(&word);
            // A collector that listens no more has seen enough; the worker still ends in order.
            let _ = words.send(word);
        }
    }
    // It has ended by itself, or what it says makes no sense.
    let ended = told.all_ended();
    if !ended {
        worker.kill();
    }
    let status = worker.wait();
    if !ended {
        for word in told.gone(status) {
            let _ = words.send(word);
        }
    }
}

/// Tells all workers what is ordered, until the last has ended.
fn pass_orders_on(workers: &[(&Share, Worker)], orders: &Orders, done: &OwnedFd) {
    // Whatever was ordered while workers were being started, not all of them know of it.
    let (mut started, mut runs, mut stop) = (false, None, StopState::Run);
    let (mut ended, mut kill_at) = (0, None::<Instant>);
    while ended < workers.len() as u64 {
        orders.heard();
        let tell_all = |order: Order| {
            for (_, worker) in workers {
                // One that has ended is told of by the thread that listens to it.
                let _ = tell(&worker.socket, &order);
            }
        };
        if let Some(at) = orders.started().filter(|_| !started) {
            started = true;
            tell_all(Order::Start { monotonic_ns: monotonic_of(at) });
        }
        let wanted = orders.runs();
        if runs.replace(wanted) != Some(wanted) {
            tell_all(Order::EndAfter(wanted));
        }
        if orders.stop().state() > stop {
            stop = orders.stop().state();
            tell_all(if stop == StopState::Drain { Order::Drain } else { Order::AtOnce });
            kill_at = (stop == StopState::AtOnce).then(|| Instant::now() + END_MAX);
        }
        if kill_at.is_some_and(|at| at <= Instant::now()) {
            for (_, worker) in workers {
                worker.kill();
            }
            kill_at = None;
        }
        wait(orders, stop, done, kill_at);
        let mut count = [0; 8];
        if rustix::io::read(done, &mut count).is_ok() {
            ended += u64::from_ne_bytes(count);
        }
    }
}

/// Until something is ordered, a worker has ended, or the time has come.
fn wait(orders: &Orders, stop: StopState, done: &OwnedFd, until: Option<Instant>) {
    let mut waiting = vec![
        PollFd::from_borrowed_fd(orders.wake(), PollFlags::IN),
        PollFd::new(done, PollFlags::IN),
    ];
    // Once the most is asked for there is nothing more to hear.
    if stop < StopState::AtOnce {
        let more = orders.stop().descriptor_beyond(stop);
        waiting.push(PollFd::from_borrowed_fd(more, PollFlags::IN));
    }
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let left = left.and_then(|left| Timespec::try_from(left).ok());
    // A poll that fails for another reason than a signal would turn this into a busy loop.
    match poll(&mut waiting, left.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(_) => thread::park_timeout(Duration::from_millis(10)),
    }
}
