//! Many streams on one io_uring: receiving into buffers that the kernel chooses, sending in
//! batches, waiting for any.
//!
//! The ring **owns** its sockets ([`Uring::add`]) and every byte that the kernel may touch: a
//! message that is being sent, the pool that arrivals are put into. So no safe caller can close a
//! descriptor or free memory that an operation still uses. Operations are only queued; they leave
//! together with [`Uring::wait`] or [`Uring::submit`], in the order they were asked for. Each
//! stream has at most one operation per direction.
//!
//! Receiving is armed once and goes on by itself: where the kernel ends it (the pool ran dry, its
//! own fairness), it is armed again as soon as there are buffers, so that running dry is
//! back-pressure and loses nothing. An idle stream holds no buffer.
//!
//! Nothing here reads a clock, blocks outside of `wait`, or knows what the bytes mean.

mod buffers;
mod slots;
#[cfg(test)]
mod tests;

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

use io_uring::{IoUring, cqueue, opcode, squeue, types};
use rustix::io::Errno;

use buffers::Buffers;
pub use buffers::Lease;
use slots::{Receiving, Slot, Slots};

/// A stream of a ring: its place there, which is used again after [`Event::Closed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream(u32);

impl Stream {
    /// Its place as an index; places are used again, lowest numbers first come.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// How large a ring is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Operations that are queued before they are submitted by themselves; up to 32 768.
    pub entries: u32,
    /// Completions that find room before the kernel must put them aside; up to 65 536.
    pub completions: u32,
    /// Buffers for arrivals: a power of two, up to 32 768.
    pub buffers: u16,
    /// Bytes of each.
    pub buffer_bytes: u32,
}

/// What has happened.
#[derive(Debug)]
pub enum Event {
    /// Bytes arrived. Read them with [`Uring::bytes`], and give them back.
    Received(Stream, Lease),
    /// The peer will send no more.
    Ended(Stream),
    /// Receiving failed, and has ended.
    Failed(Stream, Errno),
    /// A send has ended: so many bytes left, counted from where it began; fewer than were asked for
    /// only where the sender did not want to wait, or the connection broke meanwhile.
    Sent(Stream, Vec<u8>, Result<usize, Errno>),
    /// What was polled for is there, or an error that the next call will tell.
    Ready(Stream, Result<(), Errno>),
    /// Everything of the stream has ended and its socket is closed. Its place may be used again.
    Closed(Stream),
}

/// What to do when a socket has no room for all of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Wait for it, until everything has left.
    Wait,
    /// Take what has room; nothing at all is [`Errno::AGAIN`].
    Take,
}

/// What to poll for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// There is something to read, or the end, or an error.
    Read,
    /// There is room to write, a connection is made, or an error.
    Write,
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Until so many completions are there; 0 only looks.
    pub completions: u32,
    /// No longer than this; `None`: until they are there.
    pub at_most: Option<Duration>,
    /// For this long insist on that number, and be content with one afterwards. Zero: insist until
    /// the end. Whole microseconds; where the kernel cannot (before 6.12) one is always enough.
    pub insist: Duration,
}

impl Wait {
    /// Only look.
    pub const LOOK: Self = Self { completions: 0, at_most: None, insist: Duration::ZERO };

    /// Until something happens, or the time is over.
    pub fn for_one(at_most: Option<Duration>) -> Self {
        Self { completions: 1, at_most, insist: Duration::ZERO }
    }
}

/// A ring. It stays in the thread that made it: only that thread may submit to it, which saves the
/// kernel a lock and lets it complete operations when that thread waits, and at no other time.
pub struct Uring {
    /// Before the memory that it knows of: fields are dropped in this order.
    ring: IoUring,
    buffers: Buffers,
    slots: Slots,
    /// Streams that wait for a buffer to receive into.
    dry: Vec<u32>,
    /// Streams that are closed and have not been told of.
    closed: Vec<u32>,
    /// Operations that the kernel has or will have, cancellations included.
    in_flight: usize,
    ran_dry: u64,
    /// Completions of the last wait that were not read yet.
    waited: usize,
    not_send: PhantomData<*const ()>,
}

/// The one group of buffers in a ring.
const GROUP: u16 = 0;

impl Uring {
    /// Makes a ring. Fails where there is no io_uring, where it is refused (a sandbox,
    /// `kernel.io_uring_disabled`), and before Linux 6.1, which lacks what this needs.
    pub fn new(size: Size) -> io::Result<Self> {
        let mut builder = IoUring::builder();
        builder.setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag();
        builder.setup_submit_all().setup_clamp().setup_cqsize(size.completions);
        let ring = builder.build(size.entries)?;
        let buffers = Buffers::register(&ring.submitter(), GROUP, size.buffers, size.buffer_bytes)?;
        Ok(Self {
            ring,
            buffers,
            slots: Slots::default(),
            dry: Vec::new(),
            closed: Vec::new(),
            in_flight: 0,
            ran_dry: 0,
            waited: 0,
            not_send: PhantomData,
        })
    }

    /// Takes a socket (or whatever else can be polled) into the ring.
    pub fn add(&mut self, socket: OwnedFd) -> Stream {
        Stream(self.slots.add(Slot::new(socket)))
    }

    /// The socket of a stream, for options and addresses. Panics after it was closed.
    pub fn socket(&self, stream: Stream) -> BorrowedFd<'_> {
        self.slots.open(stream.0).socket.as_fd()
    }

    /// Starts receiving. Without effect while it goes on. Panics after the stream was closed.
    pub fn receive(&mut self, stream: Stream) -> io::Result<()> {
        let slot = self.slots.open_mut(stream.0);
        if slot.receiving != Receiving::Off {
            return Ok(());
        }
        self.arm(stream.0)
    }

    /// Sends the bytes from `from` on. The vector comes back with [`Event::Sent`]. Panics when
    /// there is nothing to send, while another send of this stream goes on, and after it was
    /// closed.
    pub fn send(
        &mut self,
        stream: Stream,
        bytes: Vec<u8>,
        from: usize,
        room: Room,
    ) -> io::Result<()> {
        let slot = self.slots.open_mut(stream.0);
        assert!(slot.sending.is_none(), "one send of a stream at a time");
        assert!(from < bytes.len(), "there is something to send");
        let descriptor = types::Fd(slot.socket.as_raw_fd());
        let rest = &bytes[from..];
        let length = u32::try_from(rest.len()).unwrap_or(u32::MAX);
        let flags = match room {
            Room::Wait => libc::MSG_NOSIGNAL | libc::MSG_WAITALL,
            Room::Take => libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT,
        };
        let entry = opcode::Send::new(descriptor, rest.as_ptr(), length).flags(flags).build();
        slot.sending = Some(bytes);
        self.push(Operation::Send, stream.0, &entry)
    }

    /// Waits for readiness, once. Panics while another poll of this stream goes on, and after it
    /// was closed.
    pub fn poll(&mut self, stream: Stream, readiness: Readiness) -> io::Result<()> {
        let slot = self.slots.open_mut(stream.0);
        assert!(!slot.polling, "one poll of a stream at a time");
        let events = match readiness {
            Readiness::Read => libc::POLLIN,
            Readiness::Write => libc::POLLOUT,
        };
        let descriptor = types::Fd(slot.socket.as_raw_fd());
        let entry = opcode::PollAdd::new(descriptor, u32::from(events.unsigned_abs())).build();
        slot.polling = true;
        self.push(Operation::Poll, stream.0, &entry)
    }

    /// Stops everything that goes on for a stream and closes its socket after the last of it has
    /// ended; [`Event::Closed`] says when. What was queued before is still sent if there is room
    /// for it at once. Panics when it was closed before.
    pub fn close(&mut self, stream: Stream) -> io::Result<()> {
        let slot = self.slots.open_mut(stream.0);
        slot.closing = true;
        let flight = slot.flight();
        if flight == 0 {
            self.finish(stream.0);
            return Ok(());
        }
        if slot.receiving == Receiving::Dry {
            slot.receiving = Receiving::Off;
        }
        let kinds = [
            (slot.receiving == Receiving::Armed, Operation::Receive),
            (slot.sending.is_some(), Operation::Send),
            (slot.polling, Operation::Poll),
        ];
        for (goes_on, operation) in kinds {
            if goes_on {
                let target = operation.user_data(stream.0);
                let entry = opcode::AsyncCancel::new(target).build();
                self.push(Operation::Cancel, stream.0, &entry)?;
            }
        }
        Ok(())
    }

    /// The bytes of a lease. Panics when it is not of this ring.
    pub fn bytes(&self, lease: &Lease) -> &[u8] {
        self.buffers.bytes(lease)
    }

    /// Gives a buffer back to be received into. Panics when the lease is not of this ring.
    pub fn give_back(&mut self, lease: Lease) {
        self.buffers.give_back(lease);
    }

    /// How often receiving had to pause because all buffers were in use.
    pub fn ran_dry(&self) -> u64 {
        self.ran_dry
    }

    /// Hands what was queued to the kernel, without waiting.
    pub fn submit(&mut self) -> io::Result<()> {
        excuse(self.ring.submit())
    }

    /// Hands what was queued to the kernel and waits. That time is over, and that a signal came,
    /// are no errors.
    pub fn wait(&mut self, wait: Wait) -> io::Result<()> {
        self.arm_dry()?;
        let told = !self.closed.is_empty() || !self.ring.completion().is_empty();
        let result = if told || wait.completions == 0 { self.look() } else { self.sleep(wait) };
        self.waited = self.ring.completion().len();
        result
    }

    /// Takes what is there. Where nothing is queued and the kernel has nothing to finish, that
    /// costs no call.
    fn look(&mut self) -> io::Result<()> {
        let queue = self.ring.submission();
        let idle = queue.is_empty() && !queue.taskrun() && !queue.cq_overflow();
        drop(queue);
        if idle { Ok(()) } else { excuse(self.ring.submit()) }
    }

    fn sleep(&mut self, wait: Wait) -> io::Result<()> {
        let time = wait.at_most.map(types::Timespec::from);
        let insist = u32::try_from(wait.insist.as_micros()).unwrap_or(u32::MAX);
        let can_insist = insist > 0 && self.ring.params().is_feature_min_timeout();
        let mut arguments = types::SubmitArgs::new();
        if let Some(time) = &time {
            arguments = arguments.timespec(time);
        }
        let mut completions = wait.completions as usize;
        if can_insist {
            arguments = arguments.min_wait_usec(insist);
        } else if insist > 0 {
            completions = 1;
        }
        excuse(self.ring.submitter().submit_with_args(completions, &arguments))
    }

    /// The next event of those that were there when the last wait ended. Never waits; what comes
    /// meanwhile is for the next wait, so that reading events ends, and their time is known.
    pub fn next_event(&mut self) -> Option<Event> {
        loop {
            if let Some(closed) = self.closed.pop() {
                self.slots.free(closed);
                return Some(Event::Closed(Stream(closed)));
            }
            self.waited = self.waited.checked_sub(1)?;
            let entry = self.ring.completion().next()?;
            if let Some(event) = self.complete(&entry) {
                return Some(event);
            }
        }
    }

    /// Whether [`Self::next_event`] has something to look at.
    pub fn has_events(&self) -> bool {
        self.waited > 0 || !self.closed.is_empty()
    }

    fn complete(&mut self, entry: &cqueue::Entry) -> Option<Event> {
        let (operation, index) = Operation::of(entry.user_data());
        if !cqueue::more(entry.flags()) {
            self.in_flight -= 1;
        }
        let stream = Stream(index);
        let slot = self.slots.get_mut(index);
        let outcome = outcome(entry.result());
        let event = match operation {
            Operation::Receive => return self.received(entry, index, outcome),
            Operation::Send => {
                let bytes = slot.sending.take().unwrap_or_default();
                Some(Event::Sent(stream, bytes, outcome.map(|count| count as usize)))
            }
            Operation::Poll => {
                slot.polling = false;
                Some(Event::Ready(stream, outcome.map(drop)))
            }
            Operation::Cancel => {
                slot.cancels -= 1;
                None
            }
        };
        self.finish_if_closing(index);
        event
    }

    /// A receive has brought something, has ended, or both.
    fn received(
        &mut self,
        entry: &cqueue::Entry,
        index: u32,
        outcome: Result<u32, Errno>,
    ) -> Option<Event> {
        let stream = Stream(index);
        let chosen = cqueue::buffer_select(entry.flags());
        let length = outcome.unwrap_or(0);
        let lease = chosen.map(|buffer| self.buffers.lend(buffer, length));
        let goes_on = cqueue::more(entry.flags());
        let slot = self.slots.get_mut(index);
        if !goes_on {
            slot.receiving = Receiving::Off;
        }
        let event = match (outcome, lease) {
            (Ok(1..), Some(lease)) => {
                if !goes_on && !slot.closing {
                    slot.receiving = Receiving::Dry;
                    self.dry.push(index);
                }
                Some(Event::Received(stream, lease))
            }
            (outcome, lease) => {
                if let Some(lease) = lease {
                    self.buffers.give_back(lease);
                }
                self.stopped(index, outcome.err())
            }
        };
        self.finish_if_closing(index);
        event
    }

    /// A receive has ended without bytes.
    fn stopped(&mut self, index: u32, failure: Option<Errno>) -> Option<Event> {
        let slot = self.slots.get_mut(index);
        if slot.closing {
            return None;
        }
        match failure {
            None => Some(Event::Ended(Stream(index))),
            Some(Errno::NOBUFS) => {
                self.ran_dry += 1;
                slot.receiving = Receiving::Dry;
                self.dry.push(index);
                None
            }
            Some(errno) => Some(Event::Failed(Stream(index), errno)),
        }
    }

    /// Arms the receives that the kernel has ended, as soon as there is something to receive into.
    fn arm_dry(&mut self) -> io::Result<()> {
        while !self.dry.is_empty() && !self.buffers.is_dry() {
            let Some(index) = self.dry.pop() else { break };
            // A stream that was closed meanwhile, and perhaps its place taken by another.
            if self.slots.is_dry(index) {
                self.arm(index)?;
            }
        }
        Ok(())
    }

    fn arm(&mut self, index: u32) -> io::Result<()> {
        let slot = self.slots.open_mut(index);
        slot.receiving = Receiving::Armed;
        let descriptor = types::Fd(slot.socket.as_raw_fd());
        let entry = opcode::RecvMulti::new(descriptor, GROUP).build();
        self.push(Operation::Receive, index, &entry)
    }

    fn push(&mut self, operation: Operation, index: u32, entry: &squeue::Entry) -> io::Result<()> {
        let entry = entry.clone().user_data(operation.user_data(index));
        if operation == Operation::Cancel {
            self.slots.get_mut(index).cancels += 1;
        }
        self.in_flight += 1;
        loop {
            // SAFETY: what the entry points into lives until its completion: the socket and the
            // bytes to send are in the slot, which is not given up before, and `drop` waits for
            // the completion or leaks them.
            if unsafe { self.ring.submission().push(&entry) }.is_ok() {
                return Ok(());
            }
            excuse(self.ring.submit())?;
        }
    }

    fn finish_if_closing(&mut self, index: u32) {
        let slot = self.slots.get_mut(index);
        if slot.closing && slot.flight() == 0 {
            self.finish(index);
        }
    }

    fn finish(&mut self, index: u32) {
        self.slots.close(index);
        self.closed.push(index);
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        self.cancel_all();
        if self.in_flight > 0 {
            self.buffers.leak();
            self.slots.leak();
        }
    }
}

/// How long a ring that is dropped waits for its operations to end. Cancelling takes microseconds
/// each; what is not over by then is leaked, which is safe.
const DROP_PATIENCE: Duration = Duration::from_secs(1);

impl Uring {
    fn cancel_all(&mut self) {
        // What is queued must have been submitted to be cancelled.
        let queued = |ring: &mut IoUring| !ring.submission().is_empty();
        for _ in 0..2 {
            if queued(&mut self.ring) {
                let _ = self.ring.submit();
            }
        }
        if self.in_flight > 0 && !queued(&mut self.ring) {
            let patience = types::Timespec::from(DROP_PATIENCE);
            let all = types::CancelBuilder::any();
            let _ = self.ring.submitter().register_sync_cancel(Some(patience), all);
        }
        let began = std::time::Instant::now();
        while self.in_flight > 0 && began.elapsed() < DROP_PATIENCE {
            if self.ring.completion().is_empty() {
                let step = Wait::for_one(Some(DROP_PATIENCE / 20));
                let time = types::Timespec::from(step.at_most.unwrap_or_default());
                let arguments = types::SubmitArgs::new().timespec(&time);
                if excuse(self.ring.submitter().submit_with_args(1, &arguments)).is_err() {
                    return;
                }
            }
            while let Some(entry) = self.ring.completion().next() {
                if !cqueue::more(entry.flags()) {
                    self.in_flight -= 1;
                }
            }
        }
    }
}

impl std::fmt::Debug for Uring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uring").field("in_flight", &self.in_flight).finish_non_exhaustive()
    }
}

/// What an operation is, told to the kernel with its stream and told back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Receive,
    Send,
    Poll,
    Cancel,
}

impl Operation {
    const ALL: [Self; 4] = [Self::Receive, Self::Send, Self::Poll, Self::Cancel];

    fn user_data(self, index: u32) -> u64 {
        (self as u64) << 32 | u64::from(index)
    }

    fn of(user_data: u64) -> (Self, u32) {
        let index = u32::try_from(user_data & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        (Self::ALL[(user_data >> 32) as usize & 3], index)
    }
}

fn outcome(result: i32) -> Result<u32, Errno> {
    u32::try_from(result).map_err(|_| Errno::from_raw_os_error(result.wrapping_neg()))
}

/// Time that is over, a signal, a kernel that wants its completions read first: the caller goes
/// on, and comes back.
fn excuse(result: io::Result<usize>) -> io::Result<()> {
    match result {
        Ok(_) => Ok(()),
        Err(error) => match error.raw_os_error() {
            Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
            _ => Err(error),
        },
    }
}
