//! Sessions that `colok connect --save` wrote are had again by `colok check`, unchanged.

mod common;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Output, Serving, colok, colok_with};

/// A folder of a test, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("colok-saved-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Has a session again and returns how that went.
    fn check(&self, file: &str) -> Output {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        colok(&["check", file, "--keep", &self.path(&format!("kept-{number}"))])
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Has a session with these arguments and this input, and then once more by its file.
fn again(arguments: &[&str], input: &[u8], exit: i32) -> String {
    let folder = Folder::new();
    let file = folder.path("session.toml");
    let talk = colok_with(&[&["connect"], arguments, &["--save", &file]].concat(), input);
    assert_eq!(talk.code, Some(exit), "{arguments:?}: {}", talk.err);
    let saved = format!("saved; to have it again: colok check {file}\n");
    assert!(talk.err.contains(&saved), "{}", talk.err);
    let text = std::fs::read_to_string(&file).expect("it was saved");
    let check = folder.check(&file);
    assert_eq!(check.code, Some(0), "{text}\n{}\n{}", check.text(), check.err);
    text
}

#[test]
fn scripts_pipes_and_datagrams() {
    let addresses = ["count=tcp://127.0.0.1:0", "count=udp://127.0.0.1:0"];
    let serving = Serving::start(&addresses, 2);
    let [tcp, udp] = [&serving.addresses[0], &serving.addresses[1]];
    let script = again(&[tcp, "-s", "halo\\n", "-e", "ada: ?\\n", "--within", "9s"], b"", 0);
    assert!(script.contains("\"--expect\", \"ada: ?\\\\n\", \"--within\", \"9s\","), "{script}");
    let piped = again(&[tcp], b"Handy Arfiano Hastyawan", 0);
    let reply = "stdout = \"Jumlah karakter dalam kalimat tersebut ada: 23\"";
    assert!(piped.contains(reply), "{piped}");
    let lines = again(&[udp, "--datagram", "line", "--wait", "300ms"], b"a\nbb\n", 0);
    assert_eq!(lines.matches("--send").count(), 2, "{lines}");
    // Bytes that are no text, and a source of our own choice.
    let noise: Vec<u8> = (0..=255).collect();
    again(&[tcp, "--source", "127.5.6.7"], &noise, 0);
    again(&[tcp], b"", 0);
}

#[test]
fn what_went_wrong_goes_wrong_again() {
    again(&["127.9.8.7:5001"], b"hello", 1);
    let serving = Serving::start(&["echo=tcp://127.0.0.1:0"], 1);
    let unmet = ["-s", "one\\n", "-e", "two", "--within", "200ms"];
    again(&[&[serving.place()], &unmet[..]].concat(), b"", 3);
}

#[test]
fn another_answer_is_noticed() {
    let folder = Folder::new();
    let file = folder.path("session.toml");
    let serving = Serving::start(&["count=tcp://127.0.0.1:0"], 1);
    let talk = colok_with(&["connect", serving.place(), "--save", &file], b"hello\n");
    assert_eq!(talk.code, Some(0));
    let text = std::fs::read_to_string(&file).expect("it was saved");
    std::fs::write(&file, text.replace("ada: 5", "ada: 6")).expect("it is ours");
    let check = folder.check(&file);
    assert_eq!(check.code, Some(3), "{}\n{}", check.text(), check.err);
}

#[test]
fn nothing_is_written_over_and_what_is_too_long_is_told() {
    let folder = Folder::new();
    let file = folder.path("session.toml");
    std::fs::write(&file, "mine").expect("it can be made");
    let serving = Serving::start(&["echo=tcp://127.0.0.1:0?quit=off"], 1);
    let refused = colok_with(&["connect", serving.place(), "--save", &file], b"hello");
    assert_eq!((refused.code, refused.text().as_str()), (Some(1), ""));
    assert!(refused.err.starts_with(&format!("colok: open {file}: File exists\n")));
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "mine");
    let nowhere = colok(&["connect", serving.place(), "--save", "/no-such-folder/x"]);
    assert_eq!(nowhere.code, Some(1));

    let long = folder.path("long.toml");
    let talk = colok_with(&["connect", serving.place(), "--save", &long], &vec![b'x'; 600_000]);
    assert_eq!((talk.code, talk.out.len()), (Some(1), 600_000));
    assert!(talk.err.contains("too long to be saved"), "{}", talk.err);
    assert!(!std::path::Path::new(&long).exists());
}
