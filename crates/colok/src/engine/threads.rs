//! The `threads` model: one thread per connection, with a small stack.
//!
//! Bounded by the gate (connections) and by the system (threads): when no thread can be started,
//! accepting pauses like when descriptors run out.

use std::sync::mpsc::{Sender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;

use super::blocking::{self, Unlimited};
use super::port::Port;
use super::served::{Served, Worker};
use crate::clock::Clock;
use crate::engine::{Limits, Stop};
use crate::observe::Tap;
use crate::session::Desk;

/// Stack of a connection's thread in bytes: four times the 64 KiB that a debug build touched of it
/// with every detail on, the buffer included (measured). Only pages that are touched cost memory.
const STACK_BYTES: usize = 256 * 1024;

/// What a connection's thread reads at a time, in bytes. Smaller than an event loop's because
/// every connection has one.
const BUFFER_BYTES: usize = 16 * 1024;

/// The same where a service works with a disk, which likes large pieces: a quarter of an event
/// loop's, because every connection has one.
const STORE_BUFFER_BYTES: usize = 256 * 1024;

/// Serves the ports until stopped.
pub(crate) fn run<T: Tap>(ports: &[Port<T>], limits: &Limits, stop: &Stop) {
    thread::scope(|scope| {
        for port in ports {
            scope.spawn(|| accept(port, limits.drain, stop));
        }
    });
}

fn accept<T: Tap>(port: &Port<T>, drain: Duration, stop: &Stop) {
    // Every thread holds a sender; when all are gone, so are all connections.
    let (alive, all_done) = channel::<()>();
    let clock = port.clock();
    blocking::accept_loop(port, stop, drain, |served| {
        start(served, clock, drain, stop.clone(), alive.clone())
    });
    drop(alive);
    // Nothing is ever sent: this waits for the last sender to go.
    let _ = all_done.recv();
}

/// Starts a thread and then gives it the connection, so that a connection that no thread could be
/// started for is still ours to end.
fn start<T: Tap>(
    mut served: Box<Served<T>>,
    clock: Clock,
    drain: Duration,
    stop: Stop,
    alive: Sender<()>,
) -> Result<(), Errno> {
    let (give, take) = sync_channel::<Box<Served<T>>>(1);
    let body = move || {
        if let Ok(served) = take.recv() {
            serve(served, clock, &stop, drain);
        }
        drop(alive);
    };
    let thread = thread::Builder::new().name("connection".into()).stack_size(STACK_BYTES);
    if thread.spawn(body).is_err() {
        served.session.failed(Errno::AGAIN);
        served.finish(clock.now());
        return Err(Errno::AGAIN);
    }
    // The thread waits for exactly this.
    let _ = give.send(served);
    Ok(())
}

/// Serves one connection with a buffer on the stack: the system takes a stack's pages back when its
/// thread ends, while the allocator would keep those of a thousand threads (30 MiB, measured).
fn serve<T: Tap>(served: Box<Served<T>>, clock: Clock, stop: &Stop, drain: Duration) {
    let (mut on_stack, mut desk) = ([0; BUFFER_BYTES], Desk::new());
    let mut large = if served.session.may_block() { vec![0; STORE_BUFFER_BYTES] } else { vec![] };
    let buffer = if large.is_empty() { &mut on_stack[..] } else { &mut large };
    let mut worker = Worker { buffer, desk: &mut desk };
    blocking::serve(served, &mut worker, clock, stop, drain, &mut Unlimited);
}
