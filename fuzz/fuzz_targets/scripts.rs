//! Fuzzes the readers of script texts and patterns.
//!
//! It never checks anything itself: the body is `colok::fuzz::check_scripts`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colok::fuzz::check_scripts(data));
