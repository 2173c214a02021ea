//! The client against servers that follow a script by hand: what goes over the wire, and what odd
//! answers, silence and lost connections come to.
//!
//! A script is the server's side of one connection after another, on a thread of its own. It waits
//! for what it expects and panics at anything else; the panic becomes the test's.

mod asking;
mod getting;
mod hostile;
mod refusals;
pub(in crate::client::files) mod script;
mod sending;
mod streaming;
