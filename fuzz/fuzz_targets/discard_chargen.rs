//! Fuzzes discard and chargen.
//!
//! It never checks anything itself: the body is `colok_proto::sim::fuzz::check_discard_chargen`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colok_proto::sim::fuzz::check_discard_chargen(data));
