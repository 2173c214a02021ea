//! Interop with programs that are not ours: netcat, Ncat, socat, telnet, and clients and servers
//! written with Python's `socket` or in C as beginners write them.
//!
//! Every program here is real; none is imitated. A test whose program is not installed prints
//! `skipped: PROGRAM is not installed` and ends. All traffic is on loopback or Unix sockets.

#[path = "../common/mod.rs"]
mod common;

mod beginners;
mod datagrams;
mod endings;
mod support;
mod their_clients;
mod their_servers;
mod typed_clients;
mod whole;
