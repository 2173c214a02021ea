//! Where output is put together during one turn, and where what is left of it waits.
//!
//! A [`Desk`] belongs to a worker and is lent to one session at a time; a backlog belongs to a
//! session and exists only while something waits. Nothing here knows a machine's rules.

use std::io::IoSlice;
use std::ops::Range;

use colok_proto::files::StoreRequest;
use colok_proto::{Full, Outbox, Reason};

use super::observed::Preview;
use super::stored::Asked;
use super::{HIGH_WATER, ROOM};

/// The most slices that are sent with one call. Machines answer in few pieces; an echo with
/// `quit` in it is one piece, `count` writes replies next to each other.
pub const SLICES_MAX: usize = 8;

/// The output of one turn. Keep one per worker and use it for every session.
#[derive(Debug, Default)]
pub struct Desk {
    /// Bytes that machines wrote.
    output: Vec<u8>,
    /// What is to be sent, in order.
    segments: Vec<Segment>,
    /// Segments sent in full.
    segments_sent: usize,
    /// Bytes of all segments that are not sent yet.
    pending_bytes: usize,
    /// How far into the arrival of this turn the machine got.
    pub(super) offered_up_to: usize,
}

#[derive(Clone, Debug)]
enum Segment {
    /// A range of the arrival.
    Forward(Range<usize>),
    /// A range of `output`.
    Own(Range<usize>),
}

impl Desk {
    /// An empty desk. It makes room for a full turn when it is first written to, and keeps it, so
    /// that turns allocate nothing and a desk that only forwards has no buffer.
    pub fn new() -> Self {
        Self::default()
    }

    #[inline]
    pub(super) fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    fn push(&mut self, segment: Segment) {
        let (Segment::Forward(range) | Segment::Own(range)) = &segment;
        if range.is_empty() {
            return;
        }
        self.pending_bytes += range.len();
        match (self.segments.last_mut(), &segment) {
            (Some(Segment::Forward(last)), Segment::Forward(next))
            | (Some(Segment::Own(last)), Segment::Own(next))
                if last.end == next.start =>
            {
                last.end = next.end;
            }
            _ => self.segments.push(segment),
        }
    }

    /// Appends bytes that are not part of the arrival.
    fn write(&mut self, bytes: &[u8]) {
        let start = self.output.len();
        if self.output.capacity() == 0 {
            self.output.reserve(ROOM);
        }
        self.output.extend_from_slice(bytes);
        self.push(Segment::Own(start..self.output.len()));
    }

    fn resolve<'a>(&'a self, segment: &Segment, input: &'a [u8]) -> &'a [u8] {
        match segment {
            Segment::Forward(range) => &input[range.clone()],
            Segment::Own(range) => &self.output[range.clone()],
        }
    }

    pub(super) fn pending<'a>(
        &'a self,
        input: &'a [u8],
        slices: &mut [IoSlice<'a>; SLICES_MAX],
        mut count: usize,
    ) -> usize {
        for segment in &self.segments[self.segments_sent..] {
            if count == SLICES_MAX {
                break;
            }
            slices[count] = IoSlice::new(self.resolve(segment, input));
            count += 1;
        }
        count
    }

    pub(super) fn sent(&mut self, mut length: usize) {
        self.pending_bytes -= length;
        while length > 0 {
            let segment = &mut self.segments[self.segments_sent];
            let (Segment::Forward(range) | Segment::Own(range)) = segment;
            if length < range.len() {
                range.start += length;
                return;
            }
            length -= range.len();
            self.segments_sent += 1;
        }
        if self.pending_bytes == 0 {
            // All room is free again for a machine that goes on within this turn.
            self.output.clear();
            self.segments.clear();
            self.segments_sent = 0;
        }
    }

    /// Whether nothing of this turn is left to keep.
    #[inline]
    pub(super) fn is_settled(&self, input: &[u8]) -> bool {
        self.pending_bytes == 0 && self.offered_up_to >= input.len()
    }

    /// All output of this turn as one slice, copied together only when it is in pieces.
    pub(super) fn contiguous<'a>(&'a mut self, input: &'a [u8]) -> &'a [u8] {
        if let [] | [_] = self.segments[..] {
            return self.segments.first().map_or(&[], |segment| self.resolve(segment, input));
        }
        let pieces: Vec<u8> = self
            .segments
            .iter()
            .flat_map(|segment| self.resolve(segment, input))
            .copied()
            .collect();
        self.output = pieces;
        &self.output
    }

    /// Forgets everything; for datagrams, whose answers are never kept.
    pub fn reset(&mut self) {
        self.clear();
    }

    /// Copies what is left of this turn into a session's backlog.
    pub(super) fn move_to(&self, backlog: &mut Backlog, input: &[u8]) {
        for segment in &self.segments[self.segments_sent..] {
            backlog.output.extend_from_slice(self.resolve(segment, input));
        }
        if self.offered_up_to < input.len() {
            backlog.input.extend_from_slice(&input[self.offered_up_to..]);
        }
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.output.clear();
        // One turn of copied held input may have grown it; a worker keeps only what turns need.
        self.output.shrink_to(HIGH_WATER);
        self.segments.clear();
        self.segments_sent = 0;
        self.pending_bytes = 0;
        self.offered_up_to = 0;
    }
}

/// What a session keeps between turns: output not sent and input not consumed. Bounded by the
/// rule that nothing is read above [`HIGH_WATER`] or while input is held.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    output: Vec<u8>,
    output_sent: usize,
    input: Vec<u8>,
    input_consumed: usize,
}

impl Backlog {
    pub(super) fn output(&self) -> &[u8] {
        &self.output[self.output_sent..]
    }

    #[inline]
    pub(super) fn output_len(&self) -> usize {
        self.output.len() - self.output_sent
    }

    #[inline]
    pub(super) fn holds_input(&self) -> bool {
        self.input_consumed < self.input.len()
    }

    pub(super) fn input(&self) -> &[u8] {
        &self.input[self.input_consumed..]
    }

    pub(super) fn consumed(&mut self, length: usize) {
        self.input_consumed += length;
        if !self.holds_input() {
            self.drop_input();
        }
    }

    pub(super) fn drop_input(&mut self) {
        self.input = Vec::new();
        self.input_consumed = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.output_len() == 0 && !self.holds_input()
    }

    /// Bytes that were taken to be sent have not left: they go first.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        let start = self.output_sent;
        self.output.splice(start..start, bytes.iter().copied());
    }

    /// Takes note that up to `length` bytes were sent; returns how many of them were ours.
    pub(super) fn sent(&mut self, length: usize) -> usize {
        let ours = length.min(self.output_len());
        self.output_sent += ours;
        if self.output_len() == 0 {
            self.output.clear();
            self.output_sent = 0;
        } else if self.output_sent > self.output.len() / 2 {
            // Keeps a slow reader's backlog from growing by what it has already read.
            self.output.drain(..self.output_sent);
            self.output_sent = 0;
        }
        ours
    }
}

/// The outbox of one machine call.
pub(super) struct Turn<'a> {
    desk: &'a mut Desk,
    /// Bytes that wait in the session already.
    waiting: usize,
    /// The slice that was offered.
    offered: &'a [u8],
    /// Where `offered` starts in the arrival; `None` when it is not part of the arrival, so that
    /// what is forwarded must be copied.
    base: Option<usize>,
    preview: Option<&'a mut Preview>,
    /// Where a machine asks for what only a store can do.
    pub(super) asked: Option<&'a mut Asked>,
    /// Something was sent, perhaps nothing: an empty datagram is answered by an empty one.
    pub(super) answered: bool,
    pub(super) full: bool,
    pub(super) closed: Option<Reason>,
}

impl<'a> Turn<'a> {
    #[inline]
    pub(super) fn new(
        desk: &'a mut Desk,
        waiting: usize,
        offered: &'a [u8],
        base: Option<usize>,
        preview: Option<&'a mut Preview>,
    ) -> Self {
        let (answered, full, closed) = (false, false, None);
        Self { desk, waiting, offered, base, preview, asked: None, answered, full, closed }
    }
}

impl Outbox for Turn<'_> {
    #[inline]
    fn forward(&mut self, range: Range<usize>) -> Result<(), Full> {
        // Never full: an arrival was read only because less than the high-water mark waited.
        self.answered = true;
        match self.base {
            Some(base) => {
                self.desk.push(Segment::Forward(base + range.start..base + range.end));
            }
            None => self.desk.write(&self.offered[range]),
        }
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let waiting = self.waiting + self.desk.pending_bytes;
        if waiting > 0 && waiting + bytes.len() > ROOM {
            self.full = true;
            return Err(Full);
        }
        self.answered = true;
        self.desk.write(bytes);
        Ok(())
    }

    fn message(&mut self, part: Range<usize>, length: u64) {
        if let Some(preview) = &mut self.preview {
            preview.message(self.offered, part, length);
        }
    }

    fn store(&mut self, request: StoreRequest) {
        self.asked.as_mut().map_or_else(no_store, |asked| asked.store(request));
    }

    fn body(&mut self, length: u64) {
        self.asked.as_mut().map_or_else(no_store, |asked| asked.body(length));
    }

    fn file(&mut self, range: Range<u64>) {
        self.asked.as_mut().map_or_else(no_store, |asked| asked.file(range));
    }

    fn close(&mut self, reason: Reason) {
        self.closed = Some(reason);
    }
}

/// A machine asked for a store in a session that has none: a service was wired wrongly.
fn no_store() {
    debug_assert!(false, "a machine without a store asked for one");
}
