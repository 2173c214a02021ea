//! `colok load` as its users meet it: what it understands, what it prints on every way out, and how
//! it ends.
//!
//! How fast anything is, is not looked at: these tests run beside others. Servers are `colok serve`
//! and a few that are wrong on purpose.

#[path = "../common/mod.rs"]
mod common;

mod compare;
mod screen;
mod shown;
mod support;
mod ways_out;
mod words;
