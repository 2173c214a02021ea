//! 100 MiB through netcat and back, on every model, byte for byte.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::Stdio;

use crate::common::{Serving, runnable, wait};
use crate::support::{Folder, installed, program};

const BYTES: usize = 100 * 1024 * 1024;

/// Random bytes in which the word that ends an echo stands alone on a line, again and again.
fn random_bytes() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(BYTES);
    while bytes.len() < BYTES {
        // Xorshift (Marsaglia, 2003): enough to be like no pattern.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    for at in (0..BYTES).step_by(1_000_003) {
        bytes[at..][..6].copy_from_slice(b"\nquit\n");
    }
    bytes
}

#[test]
fn a_hundred_mebibytes_through_netcat_on_every_model() {
    if !installed("nc.openbsd") {
        return;
    }
    let bytes = random_bytes();
    let folder = Folder::new();
    let path = folder.path().join("random");
    File::create(&path).and_then(|mut file| file.write_all(&bytes)).expect("there is room");
    for model in runnable(&["sequential", "threads", "processes", "events", "uring"]) {
        let serving = Serving::start(&["--model", model, "echo=tcp://127.0.0.1:0?quit=off"], 1);
        let port = serving.place().rsplit_once(':').expect("it has a port").1;
        let words = ["nc.openbsd", "-N", "127.0.0.1", port].map(str::to_owned);
        let mut child = program(&words)
            .stdin(File::open(&path).expect("it was written"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("netcat starts");
        let mut stdout = child.stdout.take().expect("it is piped");
        let mut buffer = vec![0; 64 * 1024];
        let mut at = 0;
        while let length @ 1.. = stdout.read(&mut buffer).expect("a pipe can be read") {
            let expected = bytes.get(at..at + length);
            assert!(expected == Some(&buffer[..length]), "{model}: they differ after {at} bytes");
            at += length;
        }
        assert_eq!(at, BYTES, "{model}");
        assert_eq!(wait(&mut child).code(), Some(0), "{model}");
        let closed = serving.event("closed");
        assert_eq!(closed["bytes_received"], BYTES, "{model}: {closed}");
        assert_eq!(closed["bytes_sent"], BYTES, "{model}: {closed}");
    }
}
