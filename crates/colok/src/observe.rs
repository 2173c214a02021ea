//! What happens, as values: events, socket calls, and where they go.
//!
//! Observation is a type parameter ([`Tap`]) of sessions, engines and clients. [`NoTap`] compiles
//! away; [`LogTap`] hands records to a bounded queue that drops and counts rather than stall
//! service. Nothing here decides how a record looks or where it ends up; the reader of the queue
//! does.

mod calls;
mod errno;
mod event;
mod file_event;
mod queue;
mod transcript;

pub use calls::{Calls, address_of};
pub use errno::{errno_name, errno_named};
pub use event::{Call, Event, Record, Totals, now_unix_micros, printable};
pub use file_event::FileEvent;
pub use queue::{LogTap, RecordReceiver, log_queue};
pub use transcript::{Said, Talk, Transcript};

/// Sees what happens. Cloned into every worker and session, so it is a handle.
pub trait Tap: Clone + Send + Sync + 'static {
    /// Whether per-message and per-call reports exist at all. When false they are compiled away,
    /// and [`Tap::messages`] and [`Tap::calls`] are not asked.
    const DETAIL: bool;

    /// Takes an event. The closure runs only when someone listens.
    fn event(&self, event: impl FnOnce() -> Event);

    /// Passes on a record that was made elsewhere, in a worker process.
    fn record(&self, record: Record) {
        self.event(|| record.event);
    }

    /// Whether anyone listens at all.
    fn listens(&self) -> bool {
        true
    }

    /// Whether each message is to be reported.
    fn messages(&self) -> bool {
        false
    }

    /// Whether the bytes of each connection are to be hashed, both ways.
    fn hashes(&self) -> bool {
        false
    }

    /// Where what is said on the connections of a client is kept, if it is.
    fn transcript(&self) -> Option<&Transcript> {
        None
    }

    /// How many records were lost because there was no room for them.
    fn records_dropped(&self) -> u64 {
        0
    }

    /// Whether each socket call is to be reported.
    fn calls(&self) -> bool {
        false
    }
}

/// Somebody watches, or nobody, which is known only when the program runs.
impl<T: Tap> Tap for Option<T> {
    const DETAIL: bool = T::DETAIL;

    fn event(&self, event: impl FnOnce() -> Event) {
        if let Some(tap) = self {
            tap.event(event);
        }
    }

    fn record(&self, record: Record) {
        if let Some(tap) = self {
            tap.record(record);
        }
    }

    fn listens(&self) -> bool {
        self.as_ref().is_some_and(T::listens)
    }

    fn messages(&self) -> bool {
        self.as_ref().is_some_and(T::messages)
    }

    fn hashes(&self) -> bool {
        self.as_ref().is_some_and(T::hashes)
    }

    fn transcript(&self) -> Option<&Transcript> {
        self.as_ref().and_then(T::transcript)
    }

    fn records_dropped(&self) -> u64 {
        self.as_ref().map_or(0, T::records_dropped)
    }

    fn calls(&self) -> bool {
        self.as_ref().is_some_and(T::calls)
    }
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTap;

impl Tap for NoTap {
    const DETAIL: bool = false;

    #[inline]
    fn event(&self, _event: impl FnOnce() -> Event) {}

    fn listens(&self) -> bool {
        false
    }
}

/// What a notice is about; see [`Event::Notice`].
pub mod notices {
    /// One of the addresses of a name could not be bound; the others are served. The subject is
    /// the address and the reason.
    pub const ADDRESS_SKIPPED: &str = "address-skipped";
    /// A socket file that nobody listened on was removed. The subject is its path.
    pub const STALE_SOCKET_REMOVED: &str = "stale-socket-removed";
    /// There is no `io_uring` here (an old kernel, `kernel.io_uring_disabled`, a sandbox); `events`
    /// is used, which does the same. The subject is the call that failed, and why.
    pub const FELL_BACK_TO_EVENTS: &str = "fell-back-to-events";
    /// The event loop could not be set up, threads are used. The subject is the reason.
    pub const FELL_BACK_TO_THREADS: &str = "fell-back-to-threads";
    /// Datagrams came faster than they could be read, and some are lost; told once for each socket.
    /// The subject is its address.
    pub const DATAGRAMS_DROPPED: &str = "datagrams-dropped";
    /// A worker process could not be started; it is tried again. The subject is which, and why.
    pub const WORKER_NOT_STARTED: &str = "worker-not-started";
}
