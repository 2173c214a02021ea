//! The built-in scenarios as a whole, and what a run of them leaves behind: all pass, each notices
//! when its fault is missing, a killed run leaves its record and nothing else, a seed repeats
//! every choice, and programs that are not ours read what is written.
//!
//! What single keys of a scenario do is tested elsewhere. `COLOK_TEST_FULL=1` runs the long forms:
//! the whole set in every test, and twenty kills (build with `--release` for that). A test that
//! needs what is missing here says so on its output and passes.

#[path = "../common/mod.rs"]
mod common;

mod faults_off;
mod killed;
mod parts;
mod readers;
mod remains;
mod seeds;
mod support;
mod users;
mod whole;
