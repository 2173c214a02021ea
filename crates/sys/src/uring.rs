//! Many streams on one io_uring: accepting, receiving into buffers that the kernel chooses, sending
//! in batches, waiting for any.
//!
//! The ring **owns** its sockets ([`Uring::add`]) and every byte that the kernel may touch: a
//! message that is being sent, the pool that arrivals are put into. So no safe caller can close a
//! descriptor or free memory that an operation still uses. Operations are only queued; they leave
//! together with [`Uring::wait`] or [`Uring::submit`], in the order they were asked for. Each
//! stream has at most one operation per direction.
//!
//! Receiving and accepting are armed once and go on by themselves: where the kernel ends them (the
//! pool ran dry, its own fairness), they are armed again as soon as there are buffers, so that
//! running dry is back-pressure and loses nothing. An idle stream holds no buffer, and eight bytes.
//!
//! Nothing here reads a clock, blocks outside of `wait`, or knows what the bytes mean.

mod buffers;
mod completions;
mod dry;
mod operation;
mod sends;
mod setup;
mod slots;
mod teardown;
#[cfg(test)]
mod tests;

use std::io;
use std::marker::PhantomData;
use std::mem;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use io_uring::{IoUring, opcode, squeue, types};
use rustix::io::Errno;

pub use buffers::Lease;
use buffers::{Buffers, Filling};
use dry::Dry;
use operation::Operation;
pub use sends::Payload;
use sends::Sends;
use slots::{Receiving, Slot, Slots};

/// A stream of a ring: its place there, which is used again after [`Event::Closed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream(u32);

impl Stream {
    /// Its place as an index; places are used again, so indexes stay small.
    #[inline]
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
    /// Buffers for arrivals: a power of two, up to 32 768. Memory is touched as they are needed.
    pub buffers: u16,
    /// Bytes of each; one arrival is at most as long.
    pub buffer_bytes: u32,
}

/// What has happened.
#[derive(Debug)]
pub enum Event {
    /// Bytes arrived. Read them with [`Uring::bytes`], and give them back.
    Received(Stream, Lease),
    /// The peer will send no more.
    Ended(Stream),
    /// Receiving or accepting failed, and has ended.
    Failed(Stream, Errno),
    /// A listener has a connection.
    Accepted(Stream, OwnedFd),
    /// A send has ended: so many bytes left, counted from where it began; fewer than were asked for
    /// only where the sender did not want to wait, or the connection broke meanwhile.
    Sent(Stream, Payload, Result<usize, Errno>),
    /// What was polled for is there, or an error that the next call will tell; or polling was
    /// stopped, which is [`Errno::CANCELED`].
    Ready(Stream, Result<(), Errno>),
    /// Everything of the stream has ended and its socket is closed. Its place may be used again.
    Closed(Stream),
}

/// What to do when a socket has no room for all of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Wait for it, until everything has left.
    Wait,
    /// Take what has room; nothing at all is [`Errno::AGAIN`]. Has ended when what was queued was
    /// submitted.
    Take,
}

/// What to poll for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// There is something to read, or the end, or an error.
    Read,
    /// There is room to write, a connection is made, or an error.
    Write,
    /// Either.
    Both,
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Until so many completions are there; 0 only looks.
    pub completions: u32,
    /// No longer than this; `None`: until they are there.
    pub at_most: Option<Duration>,
    /// For this long insist on that number, not counting sends that do not wait for room, and be
    /// content with one of any kind afterwards. Zero: that number of any kind, until the end. Whole
    /// microseconds; where the kernel cannot (before 6.12) one is always enough.
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
    sends: Sends,
    /// Streams that wait for a buffer to receive into.
    dry: Dry,
    /// Streams that are closed and have not been told of.
    closed: Vec<u32>,
    /// Operations that the kernel has or will have, cancellations included.
    in_flight: usize,
    ran_dry: u64,
    /// Sends that are queued and will have ended when they were submitted.
    prompt: usize,
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
        Self::with_buffers(size, Filling::Behind)
    }

    fn with_buffers(size: Size, filling: Filling) -> io::Result<Self> {
        let (ring, buffers) = setup::ring(size, filling)?;
        Ok(Self {
            ring,
            buffers,
            slots: Slots::default(),
            sends: Sends::default(),
            dry: Dry::default(),
            closed: Vec::new(),
            in_flight: 0,
            ran_dry: 0,
            prompt: 0,
            waited: 0,
            not_send: PhantomData,
        })
    }

    /// Takes a socket (or whatever else can be polled) into the ring.
    pub fn add(&mut self, socket: OwnedFd) -> Stream {
        Stream(self.slots.add(Slot::new(socket)))
    }

    /// Takes a socket out of the ring again; its place is free. Panics while anything of it is in
    /// flight (see [`Uring::in_flight`]), and after it was closed.
    pub fn remove(&mut self, stream: Stream) -> OwnedFd {
        assert!(!self.slots.open(stream.0).in_flight(), "nothing of it is in flight");
        let socket = self.slots.close(stream.0);
        self.slots.free(stream.0);
        socket.expect("an open stream has a socket")
    }

    /// The stream whose place has this index.
    pub fn stream(&self, index: usize) -> Stream {
        Stream(u32::try_from(index).expect("places are fewer than 2^32"))
    }

    /// The socket of a stream, for options and addresses. Panics after it was closed.
    pub fn socket(&self, stream: Stream) -> BorrowedFd<'_> {
        self.slots.open(stream.0).socket().expect("an open stream has a socket")
    }

    /// The number of its descriptor, for logs; -1 when there is none any more.
    pub fn descriptor(&self, stream: Stream) -> RawFd {
        self.slots.descriptor(stream.0)
    }

    /// Starts receiving. Without effect while it goes on. Panics after the stream was closed.
    pub fn receive(&mut self, stream: Stream) -> io::Result<()> {
        let slot = self.slots.open_mut(stream.0);
        match slot.receiving {
            Receiving::Off => self.arm(stream.0),
            Receiving::Stopping => {
                slot.receiving = Receiving::Restarting;
                Ok(())
            }
            Receiving::Armed | Receiving::Dry | Receiving::Restarting => Ok(()),
        }
    }

    /// Whether the kernel takes what arrives, so that nothing that has come is unknown after a
    /// wait.
    #[inline]
    pub fn is_receiving(&self, stream: Stream) -> bool {
        self.slots.open(stream.0).receiving == Receiving::Armed
    }

    /// Starts accepting on a listener; connections come as [`Event::Accepted`]. No effect while
    /// it goes on. Panics after the stream was closed.
    pub fn accept(&mut self, listener: Stream) -> io::Result<()> {
        self.slots.open_mut(listener.0).set_listening();
        self.receive(listener)
    }

    /// Stops receiving or accepting. What has arrived until the kernel does is still told of.
    pub fn pause(&mut self, stream: Stream) -> io::Result<()> {
        let slot = self.slots.open_mut(stream.0);
        match slot.receiving {
            Receiving::Armed => {
                slot.receiving = Receiving::Stopping;
                self.cancel(Operation::Receive, stream.0)
            }
            Receiving::Restarting => {
                slot.receiving = Receiving::Stopping;
                Ok(())
            }
            Receiving::Dry => {
                slot.receiving = Receiving::Off;
                Ok(())
            }
            Receiving::Off | Receiving::Stopping => Ok(()),
        }
    }

    /// Whether a send of this stream goes on.
    #[inline]
    pub fn is_sending(&self, stream: Stream) -> bool {
        self.slots.open(stream.0).sending
    }

    /// Whether the kernel has any operation of this stream.
    pub fn in_flight(&self, stream: Stream) -> bool {
        self.slots.open(stream.0).in_flight()
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
        let rest = &bytes[from..];
        let (start, length) = (rest.as_ptr(), rest.len());
        self.send_payload(stream, Payload::Bytes(bytes), (start, length), room)
    }

    /// Sends the bytes of a lease from where they lie, without waiting for room. It comes back with
    /// [`Event::Sent`]. Panics as [`Uring::send`].
    pub fn send_lease(&mut self, stream: Stream, lease: Lease) -> io::Result<()> {
        let bytes = self.buffers.bytes(&lease);
        let (start, length) = (bytes.as_ptr(), bytes.len());
        self.send_payload(stream, Payload::Lease(lease), (start, length), Room::Take)
    }

    fn send_payload(
        &mut self,
        stream: Stream,
        payload: Payload,
        (start, length): (*const u8, usize),
        room: Room,
    ) -> io::Result<()> {
        assert!(length > 0, "there is something to send");
        let slot = self.slots.open_mut(stream.0);
        assert!(!slot.sending, "one send of a stream at a time");
        slot.sending = true;
        let descriptor = types::Fd(slot.descriptor());
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let flags = match room {
            Room::Wait => libc::MSG_NOSIGNAL | libc::MSG_WAITALL,
            Room::Take => libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT,
        };
        let entry = opcode::Send::new(descriptor, start, length).flags(flags).build();
        let send = self.sends.add(payload);
        self.push(Operation::Send.user_data(stream.0, send), entry)?;
        self.prompt += usize::from(room == Room::Take);
        Ok(())
    }

    /// Waits for readiness, once. Panics while another poll of this stream goes on, and after it
    /// was closed.
    pub fn poll(&mut self, stream: Stream, readiness: Readiness) -> io::Result<()> {
        let slot = self.slots.open_mut(stream.0);
        assert!(!slot.polling(), "one poll of a stream at a time");
        let events = match readiness {
            Readiness::Read => libc::POLLIN,
            Readiness::Write => libc::POLLOUT,
            Readiness::Both => libc::POLLIN | libc::POLLOUT,
        };
        let descriptor = types::Fd(slot.descriptor());
        let entry = opcode::PollAdd::new(descriptor, u32::from(events.unsigned_abs())).build();
        slot.set_polling(true);
        self.push(Operation::Poll.user_data(stream.0, 0), entry)
    }

    /// Whether a poll of this stream goes on.
    pub fn is_polling(&self, stream: Stream) -> bool {
        self.slots.open(stream.0).polling()
    }

    /// Stops a poll that goes on; [`Event::Ready`] tells of its end, whatever came first, when
    /// nothing of it is left in flight. Without effect where there is none, or it is being stopped.
    pub fn stop_polling(&mut self, stream: Stream) -> io::Result<()> {
        let slot = self.slots.open_mut(stream.0);
        if !slot.polling() || slot.stopping_poll() {
            return Ok(());
        }
        slot.set_stopping_poll(true);
        self.cancel(Operation::Poll, stream.0)
    }

    /// Stops everything that goes on for a stream and closes its socket after the last of it has
    /// ended; [`Event::Closed`] says when. What was queued before is still sent if there is room
    /// for it at once. Panics when it was closed before.
    pub fn close(&mut self, stream: Stream) -> io::Result<()> {
        let slot = self.slots.open_mut(stream.0);
        slot.set_closing();
        if !slot.in_flight() {
            self.finish(stream.0);
            return Ok(());
        }
        if slot.receiving == Receiving::Dry {
            slot.receiving = Receiving::Off;
        }
        let all = types::CancelBuilder::fd(types::Fd(slot.descriptor())).all();
        slot.cancels += 1;
        let entry = opcode::AsyncCancel2::new(all).build();
        self.push(Operation::Cancel.user_data(stream.0, 0), entry)
    }

    /// The bytes of a lease. Panics when it is not of this ring.
    #[inline]
    pub fn bytes(&self, lease: &Lease) -> &[u8] {
        self.buffers.bytes(lease)
    }

    /// Gives a buffer back to be received into. Panics when the lease is not of this ring.
    #[inline]
    pub fn give_back(&mut self, lease: Lease) {
        self.buffers.give_back(lease);
    }

    /// Whether the kernel holds completions that had no room, so that not all that has happened is
    /// known.
    pub fn is_behind(&mut self) -> bool {
        self.ring.submission().cq_overflow()
    }

    /// Whether the kernel has noticed something that the last wait did not bring: it works through
    /// a part of it at a time (since Linux 6.13), and goes on noticing.
    pub fn has_unheard(&mut self) -> bool {
        self.ring.submission().taskrun()
    }

    /// How often receiving had to pause because the kernel had no buffer.
    pub fn ran_dry(&self) -> u64 {
        self.ran_dry
    }

    /// Hands what was queued to the kernel, without waiting.
    pub fn submit(&mut self) -> io::Result<()> {
        self.prompt = 0;
        excuse(self.ring.submit())
    }

    /// Hands what was queued to the kernel and waits. That time is over, and that a signal came,
    /// are no errors.
    pub fn wait(&mut self, wait: Wait) -> io::Result<()> {
        self.arm_dry()?;
        // Those who wait for a buffer though there are some have their turn in the next wait.
        let more = !self.dry.is_empty() && !self.buffers.is_dry();
        let told = more || !self.closed.is_empty() || !self.ring.completion().is_empty();
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
        if idle { Ok(()) } else { self.submit() }
    }

    fn sleep(&mut self, wait: Wait) -> io::Result<()> {
        let time = wait.at_most.map(types::Timespec::from);
        let mut arguments = types::SubmitArgs::new();
        if let Some(time) = &time {
            arguments = arguments.timespec(time);
        }
        let prompt = mem::take(&mut self.prompt);
        let mut completions = wait.completions as usize;
        let insist = u32::try_from(wait.insist.as_micros()).unwrap_or(u32::MAX);
        if insist > 0 && self.ring.params().is_feature_min_timeout() {
            // A send out of a buffer that others wait for is waited for like anything else.
            let short_of_buffers = !self.dry.is_empty() || self.buffers.is_dry();
            completions += if short_of_buffers { 0 } else { prompt };
            arguments = arguments.min_wait_usec(insist);
        } else if insist > 0 {
            completions = 1;
        }
        excuse(self.ring.submitter().submit_with_args(completions, &arguments))
    }

    /// The next event of those that were there when the last wait ended. Never waits; what comes
    /// meanwhile is for the next wait, so that reading events ends, and their time is known.
    #[inline]
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

    fn arm(&mut self, index: u32) -> io::Result<()> {
        let slot = self.slots.open_mut(index);
        slot.receiving = Receiving::Armed;
        slot.set_fed(false);
        let descriptor = types::Fd(slot.descriptor());
        let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        let entry = if slot.listening() {
            opcode::AcceptMulti::new(descriptor).flags(flags).build()
        } else {
            opcode::RecvMulti::new(descriptor, GROUP).build()
        };
        self.push(Operation::Receive.user_data(index, 0), entry)
    }

    fn cancel(&mut self, operation: Operation, index: u32) -> io::Result<()> {
        self.slots.get_mut(index).cancels += 1;
        let entry = opcode::AsyncCancel::new(operation.user_data(index, 0)).build();
        self.push(Operation::Cancel.user_data(index, 0), entry)
    }

    #[inline]
    fn push(&mut self, user_data: u64, entry: squeue::Entry) -> io::Result<()> {
        let entry = entry.user_data(user_data);
        self.in_flight += 1;
        loop {
            // SAFETY: what the entry points into lives until its completion: the socket is in its
            // slot and the bytes to send are with the sends, which are not given up before, and
            // `drop` waits for the completion or leaks them.
            if unsafe { self.ring.submission().push(&entry) }.is_ok() {
                return Ok(());
            }
            self.hand_over()?;
        }
    }

    /// Hands what was queued to the kernel without hearing from it: what has arrived meanwhile is
    /// for the next wait, like everything that comes after the last one.
    fn hand_over(&mut self) -> io::Result<()> {
        self.prompt = 0;
        let queued = u32::try_from(self.ring.submission().len()).unwrap_or(u32::MAX);
        // SAFETY: the entries were pushed by `push`, which says why they are sound; there is no
        // argument that could point anywhere.
        excuse(unsafe { self.ring.submitter().enter::<libc::sigset_t>(queued, 0, 0, None) })
    }

    fn finish_if_closing(&mut self, index: u32) {
        let slot = self.slots.get_mut(index);
        if slot.closing() && !slot.in_flight() {
            self.finish(index);
        }
    }

    fn finish(&mut self, index: u32) {
        drop(self.slots.close(index));
        self.closed.push(index);
    }
}

impl std::fmt::Debug for Uring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uring").field("in_flight", &self.in_flight).finish_non_exhaustive()
    }
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
