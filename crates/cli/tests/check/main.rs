//! `colok check` as its users meet it: what it understands, what it prints on every way out, what
//! it leaves behind, and how it ends.
//!
//! The scenarios are small ones, on this computer itself, so that they run everywhere and at once.
//! What scenarios can do is tested where they are run.

#[path = "../common/mod.rs"]
mod common;

mod expectations;
mod listing;
mod mistakes;
mod reports;
mod screen;
mod stopping;
mod support;
mod ways_out;
