//! The verbs about files: `send`, `get`, `list`, `stat`, `verify`.
//!
//! The work is the library's; here are the plan from the arguments, what is shown meanwhile, the
//! words for how it went and the exit code. Names are shown only through
//! [`colok::observe::printable`].

mod client;
mod event;
mod get;
mod interrupt;
mod list;
mod progress;
mod receipts;
mod screen;
mod send;
mod stat;
mod verify;

pub(crate) use get::run as get;
pub(crate) use list::run as list;
pub(crate) use send::run as send;
pub(crate) use stat::run as stat;
pub(crate) use verify::run as verify;
