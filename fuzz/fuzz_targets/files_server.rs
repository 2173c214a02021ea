//! Fuzzes the file server against its own answers to the same bytes, cut otherwise.
//!
//! It never checks anything itself: the body is `colok_proto::sim::fuzz::check_files_server`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colok_proto::sim::fuzz::check_files_server(data));
