//! What other threads hand to a worker: new connections, and those that come back from a disk.
//!
//! Handing over is the only moment at which a connection changes threads.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

use super::files::Filing;
use crate::observe::Tap;

/// Something for a worker.
#[derive(Debug)]
pub(super) enum Handed<T: Tap> {
    /// A connection that another worker has accepted, and the number of its port.
    Newcomer(OwnedFd, u16),
    /// A connection that a disk thread is done with.
    Filed(Box<Filing<T>>, OwnedFd),
}

/// The inbox of one worker.
#[derive(Debug)]
pub(super) struct Inbox<T: Tap> {
    handed: Mutex<Handover<T>>,
    /// Readable while there is something in it.
    wake: OwnedFd,
    /// Connections that the worker has or will have.
    connections: AtomicUsize,
}

/// What was handed over and not taken yet.
#[derive(Debug)]
struct Handover<T: Tap> {
    waiting: VecDeque<Handed<T>>,
    /// The worker has ended and takes nothing any more.
    closed: bool,
}

impl<T: Tap> Inbox<T> {
    /// An empty inbox. Fails when no descriptor is left.
    pub(super) fn new() -> Result<Self, Errno> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let handed = Mutex::new(Handover { waiting: VecDeque::new(), closed: false });
        Ok(Self { handed, wake, connections: AtomicUsize::new(0) })
    }

    /// Hands over a new connection and wakes the worker. It comes back when the worker has ended,
    /// as those of a stopping server do, each in its time.
    pub(super) fn put_newcomer(&self, socket: OwnedFd, port: u16) -> Result<(), OwnedFd> {
        {
            let mut handed = self.lock();
            if handed.closed {
                return Err(socket);
            }
            self.one_more();
            handed.waiting.push_back(Handed::Newcomer(socket, port));
        }
        self.wake();
        Ok(())
    }

    /// Hands back what a disk thread is done with, and wakes the worker, which waits for it.
    pub(super) fn put_filed(&self, filing: Box<Filing<T>>, socket: OwnedFd) {
        self.lock().waiting.push_back(Handed::Filed(filing, socket));
        self.wake();
    }

    fn wake(&self) {
        // The counter can only be full after 2^64 - 2 of these; then it is readable anyway.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// Takes nothing any more, if nothing waits; says whether that is so.
    pub(super) fn close(&self) -> bool {
        let mut handed = self.lock();
        handed.closed |= handed.waiting.is_empty();
        handed.closed
    }

    /// Takes all that was handed over.
    pub(super) fn take(&self) -> VecDeque<Handed<T>> {
        // Before looking, so that what comes after it wakes again.
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
        std::mem::take(&mut self.lock().waiting)
    }

    /// Readable while there is something in it.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// How many connections the worker has, or will have.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// The worker has, or will have, one more.
    pub(super) fn one_more(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// One of its connections is over.
    pub(super) fn one_less(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Handover<T>> {
        // It is whole after every statement, so a panic elsewhere does not spoil it.
        self.handed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
