//! Who asks: operations become requests, answers become outcomes.

use std::collections::VecDeque;
use std::mem;

use colok_proto::files::{Answer, Client, Hash, HaveIt, Name, Put, PutHash, code};
use colok_proto::sim::MemoryStore;

use crate::model::{How, Operation, Outcome, Said};

/// Pushes that may be without an answer before the customer waits.
const DUE_MAX: usize = 20;

/// A client with things to do. It keeps requests on their way wherever the protocol allows it.
#[derive(Debug)]
pub(crate) struct Customer {
    client: Client,
    todo: VecDeque<Operation>,
    /// Asked for and not answered, in order.
    asked: VecDeque<Operation>,
    done: Vec<(Operation, Outcome)>,
    outgoing: Vec<u8>,
    /// The rest of a file that is coming, and what has come of it.
    file: Option<(usize, Vec<u8>)>,
    body_bytes_sent: usize,
}

impl Customer {
    pub(crate) fn new(operations: Vec<Operation>) -> Self {
        Self {
            client: Client::default(),
            todo: operations.into(),
            asked: VecDeque::new(),
            done: Vec::new(),
            outgoing: Vec::new(),
            file: None,
            body_bytes_sent: 0,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.todo.is_empty() && self.asked.is_empty()
    }

    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        self.done.iter().map(|(_, outcome)| outcome.clone()).collect()
    }

    /// What this customer was told is stored now.
    pub(crate) fn stored(&self) -> Vec<(String, Vec<u8>)> {
        let stored = self.done.iter().filter(|(_, outcome)| *outcome == Outcome::Stored);
        let named = stored.filter_map(|(operation, _)| match operation {
            Operation::Put { name, content, .. } | Operation::Push { name, content, .. } => {
                Some((name.as_str().to_owned(), content.clone()))
            }
            _ => None,
        });
        named.collect()
    }

    pub(crate) fn body_bytes_sent(&self) -> usize {
        self.body_bytes_sent
    }

    /// One that has asked for the same and heard nothing.
    pub(crate) fn clone_unanswered(&self) -> Self {
        assert!(self.done.is_empty() && self.todo.is_empty());
        let mut other = Self::new(self.asked.iter().cloned().collect());
        while !other.todo.is_empty() {
            other.ask();
        }
        other
    }

    /// Makes the next request, if the protocol allows one now.
    pub(crate) fn ask(&mut self) {
        let in_upload = matches!(self.asked.back(), Some(Operation::Put { .. }));
        if in_upload || self.asked.len() >= DUE_MAX {
            return;
        }
        let Some(operation) = self.todo.pop_front() else { return };
        self.write(&operation);
        self.asked.push_back(operation);
    }

    /// Up to `count` bytes for the server.
    pub(crate) fn send(&mut self, count: usize) -> Vec<u8> {
        let rest = self.outgoing.split_off(count.min(self.outgoing.len()));
        mem::replace(&mut self.outgoing, rest)
    }

    /// Bytes from the server.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if let Some((left, content)) = &mut self.file {
                let (part, after) = rest.split_at((*left).min(rest.len()));
                content.extend_from_slice(part);
                *left -= part.len();
                rest = after;
                self.end_file();
                continue;
            }
            let (used, answer) = self.client.answer(rest).expect("the server keeps the protocol");
            rest = &rest[used..];
            if let Some(answer) = answer {
                self.answered(answer);
            }
        }
    }

    fn end_file(&mut self) {
        if let Some((0, content)) = &mut self.file {
            let content = mem::take(content);
            self.file = None;
            self.finish(Outcome::File(content));
        }
    }

    fn finish(&mut self, outcome: Outcome) {
        let operation = self.asked.pop_front().expect("an outcome was asked for");
        self.done.push((operation, outcome));
        assert_eq!(self.client.due(), self.asked.len());
    }

    fn answered(&mut self, answer: Answer) {
        let outcome = match answer {
            Answer::SendFrom { offset, hash } => return self.send_from(offset, hash),
            Answer::FileFollows(file) => {
                let length = usize::try_from(file.range.end - file.range.start).unwrap();
                self.file = Some((length, Vec::new()));
                return self.end_file();
            }
            Answer::Stored { have_it: HaveIt::Stored, .. } => Outcome::Stored,
            Answer::Stored { have_it: HaveIt::Already, .. } => Outcome::HaveIt,
            Answer::Exists { size, hash } => Outcome::Exists(size, hash),
            Answer::Cancelled => Outcome::Cancelled,
            Answer::Entry(entry) => Outcome::Entry(entry.size, entry.hash.unwrap()),
            Answer::Listing(listing) => {
                let names = listing.entries.iter().map(|entry| entry.name.as_str().to_owned());
                Outcome::Names(names.collect(), listing.more)
            }
            Answer::Hello(_) => Outcome::Greeting,
            Answer::Help(_) => Outcome::Help,
            Answer::Bye => panic!("nobody said good bye"),
            Answer::Refused(refused) => {
                assert!(!refused.closes, "{refused:?}");
                match (refused.code, refused.size, refused.hash) {
                    (code::NAME_TAKEN, Some(size), Some(hash)) => Outcome::NameTaken(size, hash),
                    (code::NAME_TAKEN, None, None) => Outcome::NotAFile,
                    (code::WRONG_HASH, None, Some(hash)) => Outcome::WrongHash(hash),
                    (code::NOT_FOUND, None, None) => Outcome::NotFound,
                    (code::OUT_OF_RANGE, Some(size), None) => Outcome::OutOfRange(size),
                    _ => panic!("not expected: {refused:?}"),
                }
            }
        };
        self.finish(outcome);
    }

    fn write(&mut self, operation: &Operation) {
        let (client, out) = (&mut self.client, &mut self.outgoing);
        match operation {
            Operation::Put { name, content, how, said, upload, .. } => {
                let hash = match (how, said_hash(content, *said)) {
                    (How::Sized, Some(hash)) => PutHash::Known(hash),
                    (How::Trailer, _) => PutHash::Trailer,
                    _ => PutHash::Unsaid,
                };
                let size = (*how != How::Blocks).then_some(content.len() as u64);
                let (upload, durability) = (upload.as_ref(), None);
                let put = Put { name, size, hash, upload, durability, from_start: false };
                client.put(&put, out);
            }
            Operation::Push { name, content, said } => {
                let hash = said_hash(content, *said);
                client.push(name, content.len() as u64, hash.as_ref(), None, out);
                out.extend_from_slice(content);
            }
            Operation::Get { name, range } => client.get(name, *range, range.is_some(), out),
            Operation::Stat { name } => client.stat(name, false, out),
            Operation::List { prefix, after, limit } => {
                client.list(prefix, after.as_ref(), Some(*limit as u64), out);
            }
            Operation::Hello => client.hello(None, None, out),
            Operation::Help => client.help(out),
        }
    }

    /// The server wants the bytes of the upload, from an offset.
    fn send_from(&mut self, offset: u64, hash: Option<Hash>) {
        let Some(Operation::Put { content, how, said, abort, .. }) = self.asked.back() else {
            panic!("nothing is being uploaded");
        };
        let (before, rest) = content.split_at(usize::try_from(offset).unwrap());
        assert_eq!(hash, (offset > 0).then(|| MemoryStore::hash(before)));
        let (client, out) = (&mut self.client, &mut self.outgoing);
        self.body_bytes_sent += rest.len();
        if *how == How::Blocks {
            for block in rest.chunks(17) {
                client.data(block.len() as u64, out);
                out.extend_from_slice(block);
            }
        } else {
            out.extend_from_slice(rest);
        }
        match how {
            How::Sized => {}
            _ if *abort => client.abort(out),
            _ => client.end(said_hash(content, *said).as_ref(), out),
        }
    }
}

fn said_hash(content: &[u8], said: Said) -> Option<Hash> {
    match said {
        Said::Nothing => None,
        Said::Right => Some(MemoryStore::hash(content)),
        Said::Wrong => Some(Hash([0xee; 32])),
    }
}

/// A resumable upload as it goes to a server that has nothing of it, and its length in bytes.
pub(crate) fn resumable(client: &mut Client, name: &Name, content: &[u8]) -> (Vec<u8>, usize) {
    let Operation::Put { upload, .. } = Operation::resumable(name, content) else {
        unreachable!("a resumable upload is an upload");
    };
    let hash = PutHash::Known(MemoryStore::hash(content));
    let (size, upload, durability) = (Some(content.len() as u64), upload.as_ref(), None);
    let mut bytes = Vec::new();
    client.put(&Put { name, size, hash, upload, durability, from_start: false }, &mut bytes);
    bytes.extend_from_slice(content);
    let length = bytes.len();
    (bytes, length)
}
