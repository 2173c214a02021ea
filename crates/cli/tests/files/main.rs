//! The file store as its users meet it: `colok serve files` and the verbs `send`, `get`, `list`,
//! `stat` and `verify`, run as programs, and the protocol typed by hand.
//!
//! One file per subject. Nothing here looks inside the server; the folder of the store is looked
//! at, because other tools read it too. Some tests run shorter than they can, for a busy machine;
//! `COLOK_TEST_FULL=1` runs them whole (build with `--release` for that).

#[path = "../common/mod.rs"]
mod common;

mod first;
mod get;
mod hostile;
mod limits;
mod network;
mod paper;
mod pipelined;
mod races;
mod resume;
mod stdin;
mod support;
mod traces;
mod typed;
mod wire;
