//! `colok relay` from outside: what clients and targets see of each fault, and what is told of it.
//!
//! Lower bounds of time are exact. Upper bounds hold for the best of several tries, so that a busy
//! machine does not fail them.

#[path = "../common/mod.rs"]
mod common;

mod chance;
mod datagrams;
mod endings;
mod orders;
mod streams;
mod support;
mod timing;
mod words;
