//! The kernel calls that have no safe wrapper elsewhere. The only crate with `unsafe`.
//!
//! Each module wraps one kernel feature behind a safe function; each `unsafe` block holds one
//! operation and states why it is sound. Nothing here knows a protocol, an engine or an address
//! text.

#[cfg(feature = "count-allocations")]
pub mod allocations;
pub mod datagram;
pub mod datagrams;
pub mod descriptors;
pub mod listener;
pub mod namespace;
pub mod netlink;
mod option;
pub mod processor_time;
pub mod readiness;
pub mod receive;
pub mod send;
pub mod source;
pub mod uring;
