//! An outbox that remembers: what a machine sent, reported and why it closed.
//!
//! It also holds the machine to the contract: a range outside the lent slice, bytes forwarded and
//! not consumed, or output after a close is a panic that says so. It never drops what it accepted.

use alloc::vec::Vec;
use core::ops::Range;

use crate::files::StoreRequest;
use crate::{Full, Input, Machine, Outbox, Reason, Time};

/// Room of a recorder unless another is asked for, in bytes. It has a bound because chargen fills
/// whatever it is given.
const DEFAULT_CAPACITY: usize = 1 << 20;

/// What a machine asked of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// See [`Outbox::store`].
    Store(StoreRequest),
    /// See [`Outbox::body`].
    Body(u64),
    /// See [`Outbox::file`].
    File(Range<u64>),
}

/// Collects what a machine says; see the module.
///
/// Bytes count against the capacity until [`Recorder::make_room`] says that they have left. An
/// empty outbox takes any lent slice whole, whatever its capacity, since lending needs no memory.
#[derive(Clone, Debug)]
pub struct Recorder {
    bytes: Vec<u8>,
    messages: Vec<u64>,
    asked: Vec<Asked>,
    closed: Option<Reason>,
    capacity: usize,
    waiting: usize,
    full: bool,
}

impl Default for Recorder {
    fn default() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY)
    }
}

impl Recorder {
    /// A recorder that says [`Full`] when more than `capacity` bytes wait.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: Vec::new(),
            messages: Vec::new(),
            asked: Vec::new(),
            closed: None,
            capacity,
            waiting: 0,
            full: false,
        }
    }

    /// Everything sent so far, in order.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The lengths of the messages reported so far, in bytes, in order.
    pub fn messages(&self) -> &[u64] {
        &self.messages
    }

    /// Why the machine closed, if it has.
    pub fn closed(&self) -> Option<Reason> {
        self.closed
    }

    /// Whether the outbox has said [`Full`] since room was last made: the machine waits for
    /// [`Input::Room`].
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// How many bytes wait to leave.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Up to `count` waiting bytes have left. Returns how much room there is now, in bytes.
    pub fn make_room(&mut self, count: usize) -> usize {
        self.waiting -= count.min(self.waiting);
        self.full = false;
        self.capacity.saturating_sub(self.waiting)
    }

    /// Gives `arrival` to the machine and returns how many bytes it consumed.
    pub fn receive<M: Machine + ?Sized>(
        &mut self,
        machine: &mut M,
        now: Time,
        arrival: &[u8],
    ) -> usize {
        let mut lent = Lent { recorder: self, arrival, forwarded: 0 };
        let consumed = machine.input(now, Input::Received(arrival), &mut lent);
        let forwarded = lent.forwarded;
        assert!(consumed <= arrival.len(), "consumed more than was offered");
        assert!(forwarded <= consumed, "forwarded bytes that were not consumed");
        consumed
    }

    /// Gives any input but bytes to the machine.
    pub fn give<M: Machine + ?Sized>(&mut self, machine: &mut M, now: Time, input: Input<'_>) {
        let is_bytes = matches!(input, Input::Received(_));
        assert!(!is_bytes, "bytes are given with Recorder::receive");
        let consumed = machine.input(now, input, self);
        assert_eq!(consumed, 0, "consumed bytes that were not offered");
    }

    /// What the machine asked of a store since the last call, in order.
    pub fn take_asked(&mut self) -> Vec<Asked> {
        core::mem::take(&mut self.asked)
    }

    /// Bytes of a file that a machine asked to be sent, as many as there is room for. Returns how
    /// many that is.
    pub fn send_file(&mut self, bytes: &[u8]) -> usize {
        let room = self.capacity.saturating_sub(self.waiting).min(bytes.len());
        self.bytes.extend_from_slice(&bytes[..room]);
        self.waiting += room;
        room
    }

    fn ask(&mut self, asked: Asked) {
        assert_eq!(self.closed, None, "asked for something after close");
        self.asked.push(asked);
    }

    fn push(&mut self, bytes: &[u8], lent: bool) -> Result<(), Full> {
        assert_eq!(self.closed, None, "output after close");
        let fits = self.waiting.saturating_add(bytes.len()) <= self.capacity;
        if fits || (lent && self.waiting == 0) {
            self.bytes.extend_from_slice(bytes);
            self.waiting += bytes.len();
            Ok(())
        } else {
            self.full = true;
            Err(Full)
        }
    }

    fn push_message(&mut self, part: &Range<usize>, length: u64) {
        assert!(part.len() as u64 <= length, "a message shorter than its part");
        self.messages.push(length);
    }
}

/// With no slice lent, nothing can be forwarded.
impl Outbox for Recorder {
    fn forward(&mut self, _range: Range<usize>) -> Result<(), Full> {
        panic!("forwarded where no bytes were received");
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.push(bytes, false)
    }

    fn message(&mut self, part: Range<usize>, length: u64) {
        assert!(part.is_empty(), "reported a part where no bytes were received");
        self.push_message(&part, length);
    }

    fn store(&mut self, request: StoreRequest) {
        self.ask(Asked::Store(request));
    }

    fn body(&mut self, length: u64) {
        self.ask(Asked::Body(length));
    }

    fn file(&mut self, range: Range<u64>) {
        self.ask(Asked::File(range));
    }

    fn close(&mut self, reason: Reason) {
        assert_eq!(self.closed, None, "closed twice");
        self.closed = Some(reason);
    }
}

/// The recorder while a slice is lent to the machine.
struct Lent<'a> {
    recorder: &'a mut Recorder,
    arrival: &'a [u8],
    /// The end of what was forwarded.
    forwarded: usize,
}

impl Outbox for Lent<'_> {
    fn forward(&mut self, range: Range<usize>) -> Result<(), Full> {
        self.recorder.push(&self.arrival[range.clone()], true)?;
        self.forwarded = self.forwarded.max(range.end);
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.recorder.push(bytes, false)
    }

    fn message(&mut self, part: Range<usize>, length: u64) {
        assert!(part.end <= self.arrival.len(), "reported a part outside the slice");
        self.recorder.push_message(&part, length);
    }

    fn store(&mut self, request: StoreRequest) {
        self.recorder.store(request);
    }

    fn body(&mut self, length: u64) {
        self.recorder.body(length);
    }

    fn file(&mut self, range: Range<u64>) {
        self.recorder.file(range);
    }

    fn close(&mut self, reason: Reason) {
        self.recorder.close(reason);
    }
}
