//! Unix sockets: a file that nobody listens on is replaced, a live one is an error, and the file
//! goes when the server does.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::process::Signal;

use crate::common::{PATIENCE, colok};
use crate::support::{Folder, MODELS, children, each_of, runs, serve, signal, wait_until};

#[test]
fn a_stale_socket_file_is_replaced_and_a_live_one_is_an_error() {
    let folder = Folder::new();
    each_of(&MODELS, |model| {
        let file = folder.file(&format!("{model}.sock"));
        let service = format!("echo=unix://{file}?mode=600");
        let first = serve(model, &["--workers", "2", &service]);
        check(&file);
        let count = if model == "processes" { 2 } else { 0 };
        wait_until("the workers are there", || children(first.pid()).len() == count);
        let workers = children(first.pid());
        signal(first.pid(), Signal::KILL);
        wait_until("all of it is gone", || {
            !runs(first.pid()) && workers.iter().all(|&worker| !runs(worker))
        });
        assert!(Path::new(&file).exists(), "{model}: a killed server leaves its file");

        let second = serve(model, &[&service]);
        check(&file);
        let third = colok(&["serve", "--model", model, &service]);
        assert_eq!(third.code, Some(1), "{model}: {}", third.err);
        let what = format!("colok: unix://{file}: bind: Address already in use");
        assert_eq!(third.err.lines().next(), Some(what.as_str()), "{model}");
        check(&file);

        second.signal(Signal::TERM);
        assert_eq!(second.end().0, Some(0), "{model}");
        assert!(!Path::new(&file).exists(), "{model}: the file is gone with the server");
    });
}

/// The file is a socket that only its owner may use, and it answers.
fn check(file: &str) {
    let metadata = fs::metadata(file).expect("it is there");
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let mut client = UnixStream::connect(file).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
    client.write_all(b"hello\n").expect("it is taken");
    let mut answer = [0; 6];
    client.read_exact(&mut answer).expect("it answers");
    assert_eq!(&answer, b"hello\n");
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let folder = Folder::new();
    let file = folder.file("letter.txt");
    fs::write(&file, "dear reader").expect("the folder is ours");
    let output = colok(&["serve", &format!("echo=unix://{file}")]);
    assert_eq!(output.code, Some(1), "{}", output.err);
    assert_eq!(fs::read_to_string(&file).expect("it is still there"), "dear reader");
}
