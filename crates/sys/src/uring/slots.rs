//! The streams of a ring, and what goes on for each, in eight bytes. Nothing here knows the kernel.

use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};

/// What goes on for one stream.
#[derive(Debug)]
pub(super) struct Slot {
    /// `None`: the place is free, or is about to be.
    socket: Option<OwnedFd>,
    pub(super) receiving: Receiving,
    /// Cancellations on their way.
    pub(super) cancels: u8,
    pub(super) sending: bool,
    /// The lowest bits, see the constants below.
    flags: u8,
}

// A server holds one for each idle connection.
const _: () = assert!(size_of::<Slot>() == 8);

/// Whether bytes, or connections, are taken as they arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiving {
    /// Nobody asked, or it has ended.
    Off,
    /// The kernel does.
    Armed,
    /// It will be armed when there is a buffer.
    Dry,
    /// It is being cancelled.
    Stopping,
    /// It is being cancelled, and is wanted again.
    Restarting,
}

const POLLING: u8 = 1;
const CLOSING: u8 = 2;
const LISTENING: u8 = 4;
const STOPPING_POLL: u8 = 8;
const FED: u8 = 16;
const QUEUED: u8 = 32;

impl Slot {
    pub(super) fn new(socket: OwnedFd) -> Self {
        let receiving = Receiving::Off;
        Self { socket: Some(socket), receiving, cancels: 0, sending: false, flags: 0 }
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.socket.as_ref().map_or(-1, OwnedFd::as_raw_fd)
    }

    pub(super) fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(OwnedFd::as_fd)
    }

    /// Something is polled for.
    pub(super) fn polling(&self) -> bool {
        self.flags & POLLING != 0
    }

    pub(super) fn set_polling(&mut self, polling: bool) {
        self.flags = self.flags & !POLLING | if polling { POLLING } else { 0 };
    }

    /// It is closed when nothing goes on any more.
    pub(super) fn closing(&self) -> bool {
        self.flags & CLOSING != 0
    }

    pub(super) fn set_closing(&mut self) {
        self.flags |= CLOSING;
    }

    /// It is a listener: connections arrive, not bytes.
    pub(super) fn listening(&self) -> bool {
        self.flags & LISTENING != 0
    }

    pub(super) fn set_listening(&mut self) {
        self.flags |= LISTENING;
    }

    /// It has received something since it was armed.
    pub(super) fn fed(&self) -> bool {
        self.flags & FED != 0
    }

    pub(super) fn set_fed(&mut self, fed: bool) {
        self.flags = self.flags & !FED | if fed { FED } else { 0 };
    }

    /// It is in the queue of those that wait for a buffer.
    pub(super) fn queued(&self) -> bool {
        self.flags & QUEUED != 0
    }

    pub(super) fn set_queued(&mut self, queued: bool) {
        self.flags = self.flags & !QUEUED | if queued { QUEUED } else { 0 };
    }

    /// A poll is being stopped, and its end has not been told.
    pub(super) fn stopping_poll(&self) -> bool {
        self.flags & STOPPING_POLL != 0
    }

    pub(super) fn set_stopping_poll(&mut self, stopping: bool) {
        self.flags = self.flags & !STOPPING_POLL | if stopping { STOPPING_POLL } else { 0 };
    }

    /// Whether the kernel has an operation of it.
    pub(super) fn in_flight(&self) -> bool {
        use Receiving::{Armed, Restarting, Stopping};
        matches!(self.receiving, Armed | Stopping | Restarting)
            || self.sending
            || self.polling()
            || self.cancels > 0
    }
}

/// All streams, each at a place that stays the same.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Slots {
    pub(super) fn add(&mut self, slot: Slot) -> u32 {
        if let Some(index) = self.free.pop() {
            self.slots[index as usize] = slot;
            return index;
        }
        let index = u32::try_from(self.slots.len()).expect("descriptors are fewer than 2^32");
        self.slots.push(slot);
        index
    }

    /// Takes the socket out. Its place stays taken until whoever knows of it has been told.
    pub(super) fn close(&mut self, index: u32) -> Option<OwnedFd> {
        self.slots[index as usize].socket.take()
    }

    /// Lets the place be used again.
    pub(super) fn free(&mut self, index: u32) {
        self.free.push(index);
    }

    /// A stream that something completes for: it is there until the last of it has ended.
    pub(super) fn get_mut(&mut self, index: u32) -> &mut Slot {
        let slot = &mut self.slots[index as usize];
        assert!(slot.socket.is_some(), "a stream outlives its operations");
        slot
    }

    pub(super) fn open(&self, index: u32) -> &Slot {
        let slot = self.slots.get(index as usize).filter(|slot| slot.socket.is_some());
        slot.filter(|slot| !slot.closing()).expect("the stream is open")
    }

    pub(super) fn open_mut(&mut self, index: u32) -> &mut Slot {
        let slot = self.slots.get_mut(index as usize).filter(|slot| slot.socket.is_some());
        slot.filter(|slot| !slot.closing()).expect("the stream is open")
    }

    pub(super) fn descriptor(&self, index: u32) -> RawFd {
        self.slots.get(index as usize).map_or(-1, Slot::descriptor)
    }

    pub(super) fn is_dry(&self, index: u32) -> bool {
        let slot = self.slots.get(index as usize).filter(|slot| slot.socket.is_some());
        slot.is_some_and(|slot| slot.receiving == Receiving::Dry && !slot.closing())
    }

    /// Notes that a stream has left the queue of those that wait for a buffer.
    pub(super) fn left_queue(&mut self, index: u32) {
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.set_queued(false);
        }
    }

    /// Leaves sockets to a kernel that may still use them.
    pub(super) fn leak(&mut self) {
        std::mem::forget(std::mem::take(&mut self.slots));
    }
}
