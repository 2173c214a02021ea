//! Bytes through `echo?quit=off` and `colok connect`: all of them, in order, nothing else.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use crate::common::{command, wait};
use crate::support::{MODELS, each_of, serve};

const STREAM_BYTES: usize = 100 * 1024 * 1024;

/// How often the word that ends an echo connection stands in the stream, in bytes.
const QUIT_EVERY_BYTES: usize = 1_000_003;

fn random_bytes_with_quit() -> Vec<u8> {
    let mut bytes = vec![0; STREAM_BYTES];
    let mut source = File::open("/dev/urandom").expect("this is Linux");
    source.read_exact(&mut bytes).expect("it never ends");
    let word = b"\nquit\n";
    for start in (0..STREAM_BYTES - word.len()).step_by(QUIT_EVERY_BYTES) {
        bytes[start..start + word.len()].copy_from_slice(word);
    }
    bytes
}

#[test]
fn a_hundred_mebibytes_come_back_whole() {
    let bytes = random_bytes_with_quit();
    each_of(&MODELS, |model| {
        let serving = serve(model, &["echo=tcp://127.0.0.1:0?quit=off"]);
        let start = Instant::now();
        let mut client = command(&["connect", &serving.addresses[0]])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut input = client.stdin.take().expect("it is piped");
        let mut output = client.stdout.take().expect("it is piped");
        thread::scope(|scope| {
            let bytes = &bytes;
            scope.spawn(move || input.write_all(bytes).expect("it takes all"));
            let mut came_back = 0;
            let mut buffer = vec![0; 256 * 1024];
            loop {
                let length = output.read(&mut buffer).expect("a pipe can be read");
                if length == 0 {
                    break;
                }
                let expected = bytes.get(came_back..came_back + length);
                assert!(expected == Some(&buffer[..length]), "not the same from {came_back} on");
                came_back += length;
            }
            assert_eq!(came_back, STREAM_BYTES);
        });
        assert_eq!(wait(&mut client).code(), Some(0));
        println!("{model}: 100 MiB there and back in {:?}", start.elapsed());
    });
}
