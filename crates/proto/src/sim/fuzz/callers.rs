//! The body of the fuzz target of callers.
//!
//! Any bytes become a conversation: messages of any size, right replies in any order and any
//! number, damaged or not, anything else, in any cuts, and messages given up at any time. Nothing
//! may panic, and every message must have one verdict at most and one in the end.

use alloc::string::String;
use alloc::vec::Vec;

use crate::caller::{Caller, CallerKind, CallerOptions, Framing, Judged, Piece, Times};
use crate::count::line_reply;
use crate::sim::MemoryStore;
use crate::{CountLanguage, CountUnit, Time};

/// What random bytes hit too seldom.
const WORDS: [&[u8]; 8] = [
    b"\n",
    b"Jumlah karakter dalam kalimat tersebut ada: 1",
    b"201 size=1 durability=full : stored\n",
    b"500 : no\n",
    b"refused: full\n",
    b"+PONG ",
    b"!\r\n",
    b" !\"#$%&'()*+,-./0123456789",
];

/// Goes through a conversation with a caller, and checks its sums at every step.
pub fn check_callers(data: &[u8]) {
    let [kind, depth, framing, steps @ ..] = data else { return };
    let framing = if framing % 4 == 0 { Framing::Datagram } else { Framing::Stream };
    let kind = kind_of(*kind);
    let options = CallerOptions::new(kind.clone(), u32::from(*depth), framing);
    let mut run = Run {
        caller: Caller::new(&options, u64::from(*depth)),
        depth: options.depth,
        kind,
        replies: Vec::new(),
        sent: 0,
        closed: 0,
    };
    let mut rest = steps;
    while let [step, argument, after @ ..] = rest {
        let used = run.step(*step, *argument, after);
        rest = &after[used..];
    }
    let Run { caller, closed, .. } = &mut run;
    caller.ended(&mut |judged| *closed += verdicts(judged));
    assert_eq!((run.caller.open(), run.closed), (0, run.sent));
}

struct Run {
    caller: Caller,
    kind: CallerKind,
    depth: u32,
    /// The right replies to the last messages.
    replies: Vec<Vec<u8>>,
    sent: u64,
    /// Messages with a verdict.
    closed: u64,
}

impl Run {
    /// One step; returns how many of the bytes behind it were used.
    fn step(&mut self, step: u8, argument: u8, after: &[u8]) -> usize {
        let size = usize::from(argument);
        match step % 16 {
            0..=4 => self.send(argument),
            5..=8 => self.reply(size, None),
            9..=10 => {
                let change = after.first_chunk().copied();
                self.reply(size, change);
                return change.map_or(0, |bytes: [u8; 2]| bytes.len());
            }
            11 => {
                let bytes = &after[..size.min(after.len()).min(100)];
                self.receive(bytes);
                return bytes.len();
            }
            12..=13 => self.receive(WORDS[size % WORDS.len()]),
            14 => {
                let until = Time::from_nanos(self.sent.saturating_sub(u64::from(argument % 4)));
                let Self { caller, closed, .. } = self;
                caller.give_up(until, &mut |judged| *closed += verdicts(judged));
            }
            _ => self.replies.truncate(size % 4),
        }
        self.check();
        0
    }

    fn send(&mut self, size: u8) {
        if !self.caller.can_send() {
            return;
        }
        let mut message = Vec::new();
        let now = Times::at(Time::from_nanos(self.sent));
        let before = self.caller.open();
        let length = self.caller.message(now, u32::from(size), &mut message);
        assert_eq!(length, message.len());
        self.sent += u64::from(self.caller.open() - before);
        self.replies.push(right_reply(&self.kind, &message));
        if self.replies.len() > 8 {
            self.replies.remove(0);
        }
    }

    /// The right reply to one of the last messages arrives, perhaps cut in two or damaged.
    fn reply(&mut self, choice: usize, change: Option<[u8; 2]>) {
        let Some(place) = (choice % 8).checked_rem(self.replies.len()) else { return };
        let mut reply = self.replies[place].clone();
        let cut = choice / 8 % (reply.len() + 1);
        if let Some([at, byte]) = change {
            let at = usize::from(at) % reply.len().max(1);
            if let Some(place) = reply.get_mut(at) {
                *place = byte;
            }
        }
        self.receive(&reply[..cut]);
        self.receive(&reply[cut..]);
    }

    fn receive(&mut self, bytes: &[u8]) {
        let Self { caller, closed, .. } = self;
        caller.received(bytes, &mut |judged| *closed += verdicts(judged));
        self.check();
    }

    fn check(&self) {
        assert_eq!(self.closed + u64::from(self.caller.open()), self.sent);
        assert!(self.caller.open() <= self.depth);
    }
}

/// How many messages a verdict closes.
fn verdicts(judged: Judged) -> u64 {
    match judged {
        Judged::Answered { .. } | Judged::Wrong { .. } | Judged::Lost { .. } => 1,
        Judged::Duplicate | Judged::Late => 0,
        Judged::Unexpected { bytes } | Judged::Streamed { bytes } => {
            assert!(bytes > 0, "nothing was judged");
            0
        }
    }
}

fn kind_of(byte: u8) -> CallerKind {
    let language = if byte & 8 == 0 { CountLanguage::Indonesian } else { CountLanguage::English };
    let unit = if byte & 16 == 0 { CountUnit::Characters } else { CountUnit::Bytes };
    match byte % 8 {
        0 | 1 => CallerKind::Echo,
        2 | 3 => CallerKind::Count { language, unit },
        4 => CallerKind::Files { folder: String::from("load"), hash: MemoryStore::hash },
        5 => CallerKind::Discard,
        6 => CallerKind::Chargen,
        _ => {
            let pieces = [
                Piece::Literal(b"+PONG ".to_vec()),
                Piece::AnyByte,
                Piece::AnyBytes,
                Piece::Literal(b"!\r\n".to_vec()),
            ];
            let pieces = pieces.into_iter().cycle().skip(usize::from(byte >> 5 & 3));
            let pieces = pieces.take(usize::from(byte >> 3 & 3)).collect();
            CallerKind::Custom { send: b"PING\r\n".to_vec(), pieces }
        }
    }
}

/// What the service says to a message.
fn right_reply(kind: &CallerKind, message: &[u8]) -> Vec<u8> {
    match kind {
        CallerKind::Count { language, unit } => {
            let line = message.strip_suffix(b"\n").unwrap_or(message);
            let number = match unit {
                CountUnit::Bytes => line.len(),
                CountUnit::Characters => String::from_utf8_lossy(line).chars().count(),
            };
            line_reply(*language, *unit, number as u64).bytes().to_vec()
        }
        CallerKind::Files { .. } => {
            let end = memchr::memchr(b'\n', message).unwrap_or(0);
            let content = message.get(end + 1..).unwrap_or_default();
            let (size, hash) = (content.len(), MemoryStore::hash(content));
            alloc::format!("201 size={size} hash={hash} durability=full : stored\n").into_bytes()
        }
        CallerKind::Custom { .. } => b"+PONG 1!\r\n".to_vec(),
        _ => message.to_vec(),
    }
}
