//! Fuzzes the reader of answers of a file server with any answers.
//!
//! It never checks anything itself: the body is `colok_proto::sim::fuzz::check_files_client`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colok_proto::sim::fuzz::check_files_client(data));
