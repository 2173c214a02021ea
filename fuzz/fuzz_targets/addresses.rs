//! Fuzzes the readers of addresses.
//!
//! It never checks anything itself: the body is `colok::fuzz::check_addresses`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colok::fuzz::check_addresses(data));
