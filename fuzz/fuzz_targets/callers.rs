//! Fuzzes callers with any replies in any cuts.
//!
//! It never checks anything itself: the body is `colok_proto::sim::fuzz::check_callers`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colok_proto::sim::fuzz::check_callers(data));
