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

mod chargen;
mod count;
mod discard;
mod echo;
mod machine;
mod message;
mod refuse;
mod service;
pub mod sim;
mod time;

pub use chargen::Chargen;
pub use count::{Count, CountLanguage, CountOptions, CountUnit};
pub use discard::Discard;
pub use echo::{Echo, EchoOptions};
pub use machine::{Address, Full, Input, Machine, Outbox, Peer, Reason};
pub use refuse::{Refusal, Refuse};
pub use service::{Service, ServiceKind, ServiceMachine};
pub use time::Time;
