//! The client library against small servers made with the standard library.
//!
//! Every server is a thread of the test; every wait has a bound that only a hung program reaches.
//! Nothing here sleeps for a fixed time.

mod accounts;
mod connecting;
mod datagrams;
mod lines;
mod outputs;
mod piping;
mod scripts;
mod support;
