//! Connecting, in a way that can be interrupted.
//!
//! A connection attempt ends when the network or a time says so, and no sooner. So that a person
//! need not wait for it, it runs on a thread of its own, which is left to itself when it is
//! interrupted; a connection that it still makes is closed at once.

use std::sync::mpsc::sync_channel;
use std::thread;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::FileClient;
use super::interrupt::Interrupt;
use super::problem::FilesError;
use crate::client::connect::{Connection, connect};
use crate::client::wait::wait;
use crate::error::Error;
use crate::observe::Tap;

/// Tells that the thread is done, however it ended.
struct Done(Interrupt);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.raise();
    }
}

impl<T: Tap> FileClient<'_, T> {
    /// Connects to the server; the options say how long that may take.
    pub(super) fn connect(&self) -> Result<Connection, FilesError> {
        self.stop_if_interrupted()?;
        let Some(interrupt) = &self.options.interrupt else {
            return Ok(connect(self.url, &self.options.connect, self.clock, self.tap)?);
        };
        let failed = |call, errno| FilesError::Net(Error::call(call, self.server(), errno));
        let done = Interrupt::new()?;
        let (sender, receiver) = sync_channel(1);
        let (url, options) = (self.url.clone(), self.options.connect.clone());
        let (clock, tap, guard) = (*self.clock, self.tap.clone(), Done(done.clone()));
        let attempt = move || {
            let _guard = guard;
            // Nobody takes what comes after an interrupt.
            let _ = sender.send(connect(&url, &options, &clock, &tap));
        };
        let started = thread::Builder::new().name("connect".into()).spawn(attempt);
        let errno = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::AGAIN);
        started.map_err(|error| failed("clone", errno(error)))?;
        let watched = |one| PollFd::from_borrowed_fd(one, PollFlags::IN);
        let mut both = [watched(done.wake()), watched(interrupt.wake())];
        wait(&mut both, None, self.clock).map_err(|errno| failed("poll", errno))?;
        self.stop_if_interrupted()?;
        // Without a word the thread panicked, and said so.
        let made = receiver.recv().map_err(|_| failed("connect", Errno::CANCELED))?;
        Ok(made?)
    }
}
