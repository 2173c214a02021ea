//! What `colok load` says is what happened: servers that are slow, wrong or gone by an exact plan
//! of their own keep their own account, and the report must say the same.
//!
//! Faults and messages are counted exactly. Times are only held against what a server makes sure
//! of: a reply that it holds back for 20 ms takes no less, on however busy a machine.
//! `COLOK_TEST_FULL=1` sends millions (build with `--release` for that).

#[path = "../common/mod.rs"]
mod common;

mod alive;
mod broken;
mod fault_server;
mod faults;
mod latency;
mod open_loop;
mod proof;
mod seen;
mod servers;
mod services;
mod support;
