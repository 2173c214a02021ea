//! Fuzzes echo against the model.
//!
//! It never checks anything itself: the body is `colok_proto::sim::fuzz::check_echo`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colok_proto::sim::fuzz::check_echo(data));
