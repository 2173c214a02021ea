//! Acceptance: what colok promises to its users, proved from outside on the real program, on every
//! model. One file per promise; nothing here looks inside the server.
//!
//! Times have lower bounds that must hold and upper bounds that a busy machine keeps; the measured
//! values are printed.

#[path = "../common/mod.rs"]
mod common;

mod counting;
mod crowds;
mod draining;
mod ends;
mod groups;
mod growth;
mod limits;
mod ports;
mod socket_files;
mod stopping;
mod streams;
mod support;
mod traces;
mod turns;
mod workers;
