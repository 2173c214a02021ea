//! Readiness of a descriptor in tokio's event loop, for loops that make their own calls.
//!
//! Tokio's own type for this asks its users to uphold an unsafe contract (the descriptor stays
//! open and the same while registered). This one owns the descriptor and never lends it mutably,
//! so it cannot be broken from safe code. It reads and writes nothing.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A descriptor registered with the current tokio runtime.
#[derive(Debug)]
pub struct Registered(AsyncFd<OwnedFd>);

impl Registered {
    /// Registers a descriptor for reading (urgent data included) and writing. On failure it is
    /// given back.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O enabled.
    pub fn new(descriptor: OwnedFd) -> Result<Self, (OwnedFd, io::Error)> {
        let interest = Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY;
        // SAFETY: the OwnedFd keeps the descriptor open, and nothing here or outside can replace
        // it before `into_inner` takes both apart.
        let registered = unsafe { AsyncFd::register_with_interest(descriptor, interest) };
        registered.map(Self).map_err(tokio::io::unix::AsyncFdRegisterError::into_parts)
    }

    /// Ready when it may be readable (or broken), since [`Registered::clear_readable`].
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.0.poll_read_ready(context).map(drop)
    }

    /// Ready when it may be writable (or broken), since [`Registered::clear_writable`].
    pub fn poll_writable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.0.poll_write_ready(context).map(drop)
    }

    /// A read found nothing: wait for the next news of it.
    pub fn clear_readable(&self) {
        self.clear(Interest::READABLE);
    }

    /// A read found less than was asked for, so a stream is empty and the next news of it can be
    /// waited for (epoll(7), "Do I need to continuously read"). Not so on a connection that has
    /// had urgent data: a read stops there with more behind it (tcp(7)), and false is returned:
    /// read until nothing is found.
    pub fn clear_after_short_read(&self) -> bool {
        let urgent = self.0.try_io(Interest::PRIORITY, |_| Ok(())).is_ok();
        if !urgent {
            self.clear_readable();
        }
        !urgent
    }

    /// A write took less than was offered: wait for the next news of it.
    pub fn clear_writable(&self) {
        self.clear(Interest::WRITABLE);
    }

    fn clear(&self, interest: Interest) {
        // This is how readiness is given back without a guard; news that the event loop took in
        // since is kept.
        let nothing = || Err::<(), _>(io::Error::from(io::ErrorKind::WouldBlock));
        let _ = self.0.try_io(interest, |_| nothing());
    }

    /// Takes the descriptor out of the event loop.
    pub fn into_inner(self) -> OwnedFd {
        self.0.into_inner()
    }
}

impl AsFd for Registered {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[test]
    fn readiness_comes_and_can_be_given_back() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        runtime.expect("a runtime can be made").block_on(async {
            let (reader, writer) = rustix::pipe::pipe().expect("a pipe can be made");
            let reader = Registered::new(reader).expect("it can be registered");
            rustix::io::write(&writer, b"x").expect("there is room");
            poll_fn(|context| reader.poll_readable(context)).await;
            let mut buffer = [0; 8];
            assert_eq!(rustix::io::read(&reader, &mut buffer), Ok(1));
            reader.clear_readable();
            let again = poll_fn(|context| Poll::Ready(reader.poll_readable(context))).await;
            assert!(again.is_pending());
            drop(writer);
            poll_fn(|context| reader.poll_readable(context)).await;
        });
    }
}
