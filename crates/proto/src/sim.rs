//! Test tools: run a machine without sockets, threads or a clock.
//!
//! [`Recorder`] is an outbox that remembers. [`simulate`] plays a [`Script`] of bytes and times to
//! a machine over a [`Link`] that splits, delays and joins arrivals, with an engine that is late,
//! ticks when it need not and has little room. [`deliver`] is the same for datagrams. [`Model`] is
//! the message rule written the naive way, from the whole of what was seen, to compare with.
//! [`MemoryStore`] is a file store without a disk, and [`Hosted`] runs a file machine on it.
//! [`fuzz`] holds the bodies of the fuzz targets.
//!
//! Everything here is deterministic: the same machine, bytes, times and seed give the same
//! result, and a failure names the seed. Nothing here reads a clock, sleeps or performs I/O. It is
//! for tests: it allocates freely and panics when the contract is broken.

mod datagrams;
mod driver;
pub mod fuzz;
mod hosted;
mod memory_store;
mod model;
mod random;
mod recorder;

pub use datagrams::{Fate, answer, deliver};
pub use driver::{Journal, Link, Script, Seen, simulate};
pub use hosted::Hosted;
pub use memory_store::{MemoryConversation, MemoryStore, Point};
pub use model::{Message, Model, count_reply, echoed};
pub use random::Random;
pub use recorder::{Asked, Recorder};
