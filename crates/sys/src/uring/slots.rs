//! The streams of a ring, and what goes on for each. Nothing here knows the kernel.

use std::os::fd::OwnedFd;

/// What goes on for one stream.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) socket: OwnedFd,
    /// What is being sent: the kernel reads it until the completion.
    pub(super) sending: Option<Vec<u8>>,
    pub(super) receiving: Receiving,
    pub(super) polling: bool,
    /// Cancellations on their way.
    pub(super) cancels: u8,
    /// It is closed when nothing goes on any more.
    pub(super) closing: bool,
}

/// Whether bytes are taken as they arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiving {
    /// Nobody asked, or it has ended.
    Off,
    /// The kernel does.
    Armed,
    /// It will be armed when there is a buffer.
    Dry,
}

impl Slot {
    pub(super) fn new(socket: OwnedFd) -> Self {
        let receiving = Receiving::Off;
        Self { socket, sending: None, receiving, polling: false, cancels: 0, closing: false }
    }

    /// How many operations the kernel has of it.
    pub(super) fn flight(&self) -> usize {
        usize::from(self.receiving == Receiving::Armed)
            + usize::from(self.sending.is_some())
            + usize::from(self.polling)
            + usize::from(self.cancels)
    }
}

/// All streams, each at a place that stays the same.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
}

impl Slots {
    pub(super) fn add(&mut self, slot: Slot) -> u32 {
        if let Some(index) = self.free.pop() {
            self.slots[index as usize] = Some(slot);
            return index;
        }
        let index = u32::try_from(self.slots.len()).expect("descriptors are fewer than 2^32");
        self.slots.push(Some(slot));
        index
    }

    /// Closes the socket. Its place stays taken until whoever knows of it has been told.
    pub(super) fn close(&mut self, index: u32) {
        self.slots[index as usize] = None;
    }

    /// Lets the place be used again.
    pub(super) fn free(&mut self, index: u32) {
        self.free.push(index);
    }

    /// A stream that something completes for: it is there until the last of it has ended.
    pub(super) fn get_mut(&mut self, index: u32) -> &mut Slot {
        self.slots[index as usize].as_mut().expect("a stream outlives its operations")
    }

    pub(super) fn open(&self, index: u32) -> &Slot {
        let slot = self.slots.get(index as usize).and_then(Option::as_ref);
        slot.filter(|slot| !slot.closing).expect("the stream is open")
    }

    pub(super) fn open_mut(&mut self, index: u32) -> &mut Slot {
        let slot = self.slots.get_mut(index as usize).and_then(Option::as_mut);
        slot.filter(|slot| !slot.closing).expect("the stream is open")
    }

    pub(super) fn is_dry(&self, index: u32) -> bool {
        let slot = self.slots.get(index as usize).and_then(Option::as_ref);
        slot.is_some_and(|slot| slot.receiving == Receiving::Dry && !slot.closing)
    }

    /// Leaves sockets and bytes to a kernel that may still use them.
    pub(super) fn leak(&mut self) {
        std::mem::forget(std::mem::take(&mut self.slots));
    }
}
