//! Fuzzes the reader of scenario files.
//!
//! It never checks anything itself: the body is `colok::fuzz::check_scenarios`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colok::fuzz::check_scenarios(data));
