//! Pure protocol machines.
//!
//! A [`Machine`] is one side of one conversation. Bytes and time go in; bytes, deadlines and a
//! reason to close come out. A machine never touches a socket, a file, a clock, a thread or the
//! terminal, and it allocates nothing per message; that is why one machine runs on every engine
//! and is tested in microseconds with a virtual clock.
//!
//! # The contract
//!
//! 1. The first input is [`Input::Opened`], once. [`Input::End`] comes at most once; no
//!    [`Input::Received`] follows it.
//! 2. [`Machine::input`] returns how many bytes of a `Received` it consumed. What it did not
//!    consume is offered again, in front of anything newer, after a [`Input::Room`].
//! 3. Output is bounded. An [`Outbox`] call that returns [`Full`] wrote nothing; the machine keeps
//!    its place, returns, and is given [`Input::Room`] when there is space again.
//! 4. **The drain rule.** A deadline is given as [`Input::Deadline`] only after a read that found
//!    nothing: input is drained before time is fired. A busy computer therefore never splits a
//!    message that its sender did not split.
//! 5. After [`Outbox::close`] a machine gets no further input.
//!
//! A datagram is a machine's whole life: `Opened`, one `Received`, `End`.
//!
//! # Files
//!
//! A machine that keeps files asks for them to be moved, and never sees their bytes:
//!
//! 1. What is asked for with [`Outbox::store`] is carried out in order and answered in order, one
//!    [`Input::Stored`] each. Answers to pushes may come together, once the store has committed
//!    them; whoever runs the machine has it commit when the input is used up or not consumed.
//! 2. [`Outbox::body`] gives the next `length` bytes of input to the upload or push that was asked
//!    for last. What is asked for behind it is carried out when they have come. There is no body
//!    of no bytes.
//! 3. A push whose body cannot be kept is answered by the error in its place; the rest of its body
//!    is thrown away. An upload whose body cannot be kept gives `Stored(Err)` at once, and nothing
//!    that was asked for behind that body is carried out; the machine says why and closes.
//!    [`files::StoreError::NameTaken`], [`files::StoreError::NotAFile`] and
//!    [`files::StoreError::WrongHash`] never come in the middle of a body.
//! 4. When the peer ends in the middle of a body, that is an error of the body:
//!    [`files::StoreError::WrongSize`]. `End` comes behind it.
//! 5. What the machine did not consume while it waited is offered again after a `Stored`, too.
//! 6. A range given to [`Outbox::file`] leaves behind all output before it; then comes `Room`. If
//!    it cannot be sent to its end, `Stored(Err)` comes instead.
//!
//! # The loop
//!
//! ```
//! use colok_proto::{Echo, EchoOptions, Input, Machine, Peer, Time, sim::Recorder};
//!
//! let mut echo = Echo::new(EchoOptions::default());
//! let mut out = Recorder::default();
//! let now = Time::ZERO;
//! echo.input(now, Input::Opened { peer: &Peer::unnamed() }, &mut out);
//! let consumed = out.receive(&mut echo, now, b"hello\n");
//! assert_eq!(consumed, 6);
//! assert_eq!(out.bytes(), b"hello\n");
//! assert_eq!(echo.deadline(), None);
//! ```

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod caller;
mod chargen;
mod count;
mod discard;
mod echo;
pub mod files;
mod machine;
mod message;
mod refuse;
mod service;
pub mod sim;
mod time;

pub use caller::{
    Caller, CallerKind, CallerOptions, DATAGRAM_BYTES_MAX, Framing, Judged, MESSAGE_BYTES_MAX,
    Piece, Times,
};
pub use chargen::Chargen;
pub use count::{Count, CountLanguage, CountOptions, CountUnit};
pub use discard::Discard;
pub use echo::{Echo, EchoOptions};
pub use machine::{Address, Full, Input, Machine, Outbox, Peer, Reason, Residue};
pub use refuse::{Refusal, Refuse};
pub use service::{Service, ServiceKind, ServiceMachine};
pub use time::Time;
