//! Callers: the client's side of a service under load.
//!
//! A [`Caller`] is one connection's worth of asking: it makes messages, keeps which of them have
//! no verdict yet, and judges what comes back byte for byte. It never keeps what it sent: what
//! must come back is computed again from the number of the connection, the number of the message
//! and its size, so a caller is small, and a reply may be larger than any buffer and come in any
//! pieces.
//!
//! It never touches a socket or a clock, and it never grows with what a peer sends. Every message
//! gets exactly one verdict: [`Judged::Answered`], [`Judged::Wrong`] or [`Judged::Lost`], so what
//! was sent is always the sum of these and [`Caller::open`]. The other verdicts say what came on
//! top.
//!
//! ```
//! use colok_proto::{Caller, CallerKind, CallerOptions, Framing, Judged, Time, Times};
//!
//! let options = CallerOptions::new(CallerKind::Echo, 1, Framing::Stream);
//! let mut caller = Caller::new(&options, 7);
//! let now = Times::at(Time::ZERO);
//! let mut wire = Vec::new();
//! assert_eq!(caller.message(now, 64, &mut wire), 64);
//! let mut verdicts = Vec::new();
//! caller.received(&wire, &mut |judged| verdicts.push(judged));
//! let answered = Judged::Answered { times: now, reply_bytes: 64, in_order: true };
//! assert_eq!(verdicts, [answered]);
//! ```

mod chargen;
mod content;
mod count;
mod custom;
mod echo;
mod files;
mod identify;
mod messages;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::files::Hash;
use crate::{CountLanguage, CountUnit, Time};
use chargen::ChargenCaller;
use count::CountCaller;
use custom::CustomCaller;
use echo::EchoCaller;
use files::FilesCaller;
use messages::Messages;

pub use content::MESSAGE_BYTES_MAX;

/// The most bytes of a UDP datagram over IPv4.
pub const DATAGRAM_BYTES_MAX: u32 = 65_507;

/// When a message was due and when it left (open loop: due <= sent; closed loop: equal).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When the schedule wanted it to leave.
    pub due: Time,
    /// When it was made, to leave at once.
    pub sent: Time,
}

impl Times {
    /// Due and sent at the same time.
    pub const fn at(time: Time) -> Self {
        Self { due: time, sent: time }
    }
}

/// What has been found out about messages and replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The right reply, byte for byte.
    Answered {
        /// Those of the message.
        times: Times,
        /// The size of the reply, in bytes.
        reply_bytes: u32,
        /// False when a later message was answered before.
        in_order: bool,
    },
    /// A reply that differs; it is counted against this message, which is closed by it.
    Wrong {
        /// Those of the message.
        times: Times,
    },
    /// No reply in time, or the connection ended before it.
    Lost {
        /// Those of the message.
        times: Times,
    },
    /// A second reply to an answered (or wrong) message.
    Duplicate,
    /// The right reply to a message that was given up.
    Late,
    /// Bytes that nothing asked for (also: wrong bytes of chargen's stream).
    Unexpected {
        /// How many.
        bytes: u64,
    },
    /// Payload of a stream without messages (chargen), checked.
    Streamed {
        /// How many.
        bytes: u64,
    },
}

/// What is asked, and what must come back.
#[derive(Clone, Debug)]
pub enum CallerKind {
    /// Every message comes back as it was sent. Messages are lines, and no two are alike.
    Echo,
    /// Every line is answered with the number of its characters (or bytes).
    Count {
        /// The language of the replies.
        language: CountLanguage,
        /// What is counted.
        unit: CountUnit,
    },
    /// Nothing comes back. Messages are never open and never judged.
    Discard,
    /// Nothing is asked; the lines of RFC 864 come, from any of them on.
    Chargen,
    /// Small files are pushed, each under a name of its own in `folder`; every receipt must match.
    /// The size of a message is that of its file.
    Files {
        /// The folder of the store that they go to, such as `load/1`, without a slash at its end.
        /// Must be the beginning of a [`crate::files::Name`]; a message panics if it is not.
        folder: String,
        /// The hash that the store uses: BLAKE3.
        hash: fn(&[u8]) -> Hash,
    },
    /// A text, and the pattern that each reply matches from its first byte to its last.
    Custom {
        /// Each message, whatever size is asked for.
        send: Vec<u8>,
        /// The pattern.
        pieces: Vec<Piece>,
    },
}

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These bytes.
    Literal(Vec<u8>),
    /// Any one byte.
    AnyByte,
    /// Any bytes, none included, up to the first place where what follows in the pattern matches.
    /// At the end of a pattern: what came in the same arrival.
    AnyBytes,
}

/// Whether bytes come as a stream or in datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A stream, cut anywhere.
    Stream,
    /// One datagram is one message or one reply.
    Datagram,
}

/// What callers are told. Cheap to clone: the kind is shared.
#[derive(Clone, Debug)]
pub struct CallerOptions {
    /// What is asked.
    pub kind: Arc<CallerKind>,
    /// Messages that may wait for their reply: at least 1.
    pub depth: u32,
    /// How bytes come.
    pub framing: Framing,
}

impl CallerOptions {
    /// Options for this kind.
    pub fn new(kind: CallerKind, depth: u32, framing: Framing) -> Self {
        Self { kind: Arc::new(kind), depth: depth.max(1), framing }
    }
}

/// One connection's caller; see the module.
#[derive(Debug)]
pub struct Caller {
    messages: Messages,
    machine: Kind,
    framing: Framing,
}

/// What differs between kinds. The large and rare ones are boxed.
#[derive(Debug)]
enum Kind {
    Echo(EchoCaller),
    Count(CountCaller),
    Discard,
    Chargen(ChargenCaller),
    Files(Box<FilesCaller>),
    Custom(Box<CustomCaller>),
}

impl Caller {
    /// A caller for a connection that was just opened. `connection` is different for every
    /// connection of all threads and processes, those that replace another included.
    pub fn new(options: &CallerOptions, connection: u64) -> Self {
        let machine = match &*options.kind {
            CallerKind::Echo => Kind::Echo(EchoCaller::default()),
            CallerKind::Count { language, unit } => Kind::Count(CountCaller::new(*language, *unit)),
            CallerKind::Discard => Kind::Discard,
            CallerKind::Chargen => Kind::Chargen(ChargenCaller::default()),
            CallerKind::Files { hash, .. } => {
                Kind::Files(Box::new(FilesCaller::new(&options.kind, *hash, connection)))
            }
            CallerKind::Custom { .. } => Kind::Custom(Box::new(CustomCaller::new(&options.kind))),
        };
        Self {
            messages: Messages::new(connection, options.depth),
            machine,
            framing: options.framing,
        }
    }

    /// How many messages have no verdict.
    pub fn open(&self) -> u32 {
        self.messages.open()
    }

    /// Whether another message may leave now: fewer than `depth` are open. Always for discard,
    /// never for chargen.
    pub fn can_send(&self) -> bool {
        match self.machine {
            Kind::Chargen(_) => false,
            _ => self.messages.has_room(),
        }
    }

    /// Of the oldest open message.
    pub fn oldest(&self) -> Option<Times> {
        self.messages.oldest().map(|message| message.times)
    }

    /// Appends the next message. `size` is clamped to what the kind can carry: in bytes, of the
    /// whole message, for files of the file. Returns the bytes appended. Times never go back from
    /// one message to the next. Call it only when [`Self::can_send`].
    #[inline]
    pub fn message(&mut self, times: Times, size: u32, out: &mut Vec<u8>) -> usize {
        let size = match self.framing {
            Framing::Stream => size,
            Framing::Datagram => size.min(DATAGRAM_BYTES_MAX),
        };
        let before = out.len();
        let messages = &mut self.messages;
        match &mut self.machine {
            Kind::Echo(_) => echo::message(messages, times, size, out),
            Kind::Count(count) => count.message(messages, times, size, out),
            Kind::Discard => echo::unanswered_message(messages, size, out),
            Kind::Chargen(_) => {}
            Kind::Files(files) => files.message(messages, times, size, out),
            Kind::Custom(custom) => custom.message(messages, times, out),
        }
        out.len() - before
    }

    /// Bytes that came; all are used. A datagram is given whole.
    #[inline]
    pub fn received(&mut self, bytes: &[u8], judge: &mut (impl FnMut(Judged) + ?Sized)) {
        let messages = &mut self.messages;
        let is_datagram = self.framing == Framing::Datagram;
        match &mut self.machine {
            Kind::Echo(_) if is_datagram => echo::received_datagram(messages, bytes, judge),
            Kind::Echo(echo) => echo.received(messages, bytes, judge),
            Kind::Count(count) if is_datagram => {
                count.received_datagram(messages, bytes, judge);
            }
            Kind::Count(count) => count.received(messages, bytes, judge),
            Kind::Discard => unexpected(bytes.len(), judge),
            Kind::Chargen(chargen) => {
                if is_datagram {
                    *chargen = ChargenCaller::default();
                }
                chargen.received(bytes, judge);
            }
            Kind::Files(files) => files.received(messages, bytes, judge),
            Kind::Custom(custom) if is_datagram => {
                custom.received_datagram(messages, bytes, judge);
            }
            Kind::Custom(custom) => custom.received(messages, bytes, judge),
        }
    }

    /// Gives up messages sent before this time: they are lost.
    pub fn give_up(&mut self, sent_before: Time, judge: &mut (impl FnMut(Judged) + ?Sized)) {
        self.messages.give_up(sent_before, judge);
    }

    /// The connection is gone: everything open is lost. Nothing may follow.
    pub fn ended(&mut self, judge: &mut (impl FnMut(Judged) + ?Sized)) {
        self.messages.ended(judge);
    }
}

/// Bytes that nothing asked for.
fn unexpected(bytes: usize, judge: &mut (impl FnMut(Judged) + ?Sized)) {
    if bytes > 0 {
        judge(Judged::Unexpected { bytes: bytes as u64 });
    }
}
