//! A file machine with a store in memory, run one small step at a time.
//!
//! It keeps the contract of a machine with a store to the letter, and whoever drives it decides how
//! unkind it is: how much is read at once, how much room there is, what leaves when, and which
//! step comes next. It never reads a clock.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;

use super::recorder::Asked;
use super::{MemoryConversation, MemoryStore, Point, Recorder};
use crate::files::{Files, FilesOptions, StoreAnswer, StoreError, StoreRequest};
use crate::{Input, Peer, Reason, Time};

/// More steps than any conversation of a test takes; one that takes more never rests.
const STEPS_MAX: usize = 4_000_000;

/// One connection of a file server; see the module.
#[derive(Debug)]
pub struct Hosted {
    machine: Files,
    out: Recorder,
    conversation: MemoryConversation,
    work: VecDeque<Work>,
    answers: VecDeque<Result<StoreAnswer, StoreError>>,
    /// What is left of a file that is being sent, and how much of it has been.
    file: Option<(Range<u64>, u64)>,
    /// Arrived and used by nobody.
    input: Vec<u8>,
    peer_ended: bool,
    end_given: bool,
    /// How much output its peer has taken.
    taken: usize,
}

#[derive(Debug)]
enum Work {
    Request(StoreRequest),
    /// A body: how much of it is left, and how much has come.
    Body(u64, u64),
}

impl Hosted {
    /// A connection that was just opened. `capacity` is the room of its outbox, in bytes.
    pub fn new(options: FilesOptions, peer: &Peer, capacity: usize) -> Self {
        let mut hosted = Self {
            machine: Files::new(options),
            out: Recorder::with_capacity(capacity),
            conversation: MemoryConversation::default(),
            work: VecDeque::new(),
            answers: VecDeque::new(),
            file: None,
            input: Vec::new(),
            peer_ended: false,
            end_given: false,
            taken: 0,
        };
        hosted.give(Input::Opened { peer });
        hosted
    }

    /// The machine.
    pub fn machine(&self) -> &Files {
        &self.machine
    }

    /// What it said.
    pub fn out(&self) -> &Recorder {
        &self.out
    }

    /// Why it closed, if it has.
    pub fn closed(&self) -> Option<Reason> {
        self.out.closed()
    }

    /// Bytes arrive.
    pub fn arrive(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// The peer sends no more.
    pub fn end(&mut self) {
        self.peer_ended = true;
    }

    /// The server stops.
    pub fn drain(&mut self) {
        if self.closed().is_none() {
            self.give(Input::Drain);
        }
    }

    /// Up to `count` bytes of output leave, and are the peer's.
    pub fn leave(&mut self, count: usize) -> Vec<u8> {
        let count = count.min(self.out.waiting());
        let left = self.out.bytes()[self.taken..self.taken + count].to_vec();
        self.taken += count;
        let was_full = self.out.is_full();
        let room = self.out.make_room(count);
        if was_full && self.closed().is_none() {
            self.give(Input::Room(room));
        }
        left
    }

    /// One step: an answer, a request to the store, a part of a body or of a file, or up to
    /// `read_max` bytes for the machine. Returns whether anything could be done.
    pub fn step(&mut self, store: &mut MemoryStore, read_max: usize) -> bool {
        if self.closed().is_some() || self.out.is_full() {
            return false;
        }
        if let Some((range, sent)) = self.file.take() {
            return self.send_file(store, range, sent);
        }
        if let Some(answer) = self.answers.pop_front() {
            self.give(Input::Stored(&answer));
            return true;
        }
        match self.work.pop_front() {
            Some(Work::Request(request)) => {
                self.answers.extend(self.conversation.perform(store, request));
                true
            }
            Some(Work::Body(left, come)) => self.body(store, left, come, read_max),
            None => self.offer(store, read_max),
        }
    }

    /// Steps until nothing can be done any more, with output leaving as it must. Returns all of
    /// the output.
    pub fn run(&mut self, store: &mut MemoryStore, read_max: usize) -> &[u8] {
        for _ in 0..STEPS_MAX {
            if self.step(store, read_max) {
                continue;
            }
            let is_full = self.out.is_full();
            if self.leave(usize::MAX).is_empty() && (!is_full || self.closed().is_some()) {
                if self.closed().is_some() {
                    self.conversation.close(store);
                }
                return self.out.bytes();
            }
        }
        panic!("not at rest after {STEPS_MAX} steps");
    }

    /// The connection is gone, whatever was under way.
    pub fn lose(&mut self, store: &mut MemoryStore) {
        self.conversation.close(store);
    }

    fn body(&mut self, store: &mut MemoryStore, left: u64, come: u64, read_max: usize) -> bool {
        let length = self.input.len().min(read_max);
        let length = length.min(usize::try_from(left).unwrap_or(usize::MAX));
        if length == 0 {
            if self.peer_ended {
                self.work.clear();
                self.answers.extend(self.conversation.cut(store, come));
                return true;
            }
            self.work.push_front(Work::Body(left, come));
            return self.commit(store);
        }
        let part: Vec<_> = self.input.drain(..length).collect();
        if let Err(error) = self.conversation.body(store, &part) {
            // Nothing behind the body of a failed upload is carried out.
            self.work.clear();
            self.answers.push_back(Err(error));
        } else if left > length as u64 {
            let come = come + length as u64;
            self.work.push_front(Work::Body(left - length as u64, come));
        }
        true
    }

    fn offer(&mut self, store: &mut MemoryStore, read_max: usize) -> bool {
        let length = self.input.len().min(read_max);
        if length > 0 {
            let offered = &self.input[..length];
            let consumed = self.out.receive(&mut self.machine, Time::ZERO, offered);
            self.input.drain(..consumed);
            self.take_asked();
            let rests = self.out.is_full() || self.closed().is_some() || self.file.is_some();
            if consumed > 0 || !self.work.is_empty() || rests {
                return true;
            }
            assert!(self.conversation.staged() > 0, "bytes were not consumed, but nothing is due");
        }
        if self.commit(store) {
            return true;
        }
        if self.peer_ended && !self.end_given {
            self.end_given = true;
            self.give(Input::End);
            return true;
        }
        false
    }

    /// Nothing more has come: what is staged is not kept waiting.
    fn commit(&mut self, store: &mut MemoryStore) -> bool {
        let staged = self.conversation.staged() > 0;
        self.answers.extend(self.conversation.commit(store));
        staged
    }

    fn send_file(&mut self, store: &MemoryStore, range: Range<u64>, sent: u64) -> bool {
        let mut part = range.clone();
        if let Some((Point::File(at), error)) = store.failing {
            if sent >= at {
                self.give(Input::Stored(&Err(error)));
                return true;
            }
            part.end = part.end.min(part.start + (at - sent));
        }
        if range.is_empty() {
            if self.out.waiting() > 0 {
                self.file = Some((range, sent));
                return false;
            }
            self.give(Input::Room(usize::MAX));
            return true;
        }
        let length = self.out.send_file(self.conversation.read(&part)) as u64;
        self.file = Some((range.start + length..range.end, sent + length));
        length > 0
    }

    fn give(&mut self, input: Input<'_>) {
        self.out.give(&mut self.machine, Time::ZERO, input);
        self.take_asked();
    }

    fn take_asked(&mut self) {
        for asked in self.out.take_asked() {
            match asked {
                Asked::Store(request) => self.work.push_back(Work::Request(request)),
                Asked::Body(length) => {
                    assert!(length > 0, "a body of no bytes");
                    self.work.push_back(Work::Body(length, 0));
                }
                Asked::File(range) => {
                    assert!(self.file.is_none() && !range.is_empty(), "one file, of some bytes");
                    self.file = Some((range, 0));
                }
            }
        }
    }
}
