//! What is being sent: bytes that the kernel may read until their completion.
//!
//! Kept beside the streams, because most of them send nothing at any one time.

use super::buffers::Lease;

/// Bytes to be sent.
#[derive(Debug)]
pub enum Payload {
    /// Bytes of ours.
    Bytes(Vec<u8>),
    /// An arrival, sent out of the buffer in which it came.
    Lease(Lease),
}

impl Payload {
    /// The bytes, if they are ours; empty for a lease.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Lease(_) => Vec::new(),
        }
    }
}

/// The most sends at a time of one ring: their number shares a word with the number of the stream.
pub(super) const SENDS_MAX: usize = 1 << 24;

/// All that is being sent, each at a place that stays the same.
#[derive(Debug, Default)]
pub(super) struct Sends {
    sends: Vec<Option<Payload>>,
    free: Vec<u32>,
}

impl Sends {
    pub(super) fn add(&mut self, payload: Payload) -> u32 {
        if let Some(index) = self.free.pop() {
            self.sends[index as usize] = Some(payload);
            return index;
        }
        assert!(self.sends.len() < SENDS_MAX, "sends are fewer than streams");
        self.sends.push(Some(payload));
        u32::try_from(self.sends.len() - 1).unwrap_or(u32::MAX)
    }

    pub(super) fn take(&mut self, index: u32) -> Payload {
        self.free.push(index);
        self.sends[index as usize].take().expect("a send has one completion")
    }

    /// Leaves the bytes to a kernel that may still read them.
    pub(super) fn leak(&mut self) {
        std::mem::forget(std::mem::take(&mut self.sends));
    }
}
