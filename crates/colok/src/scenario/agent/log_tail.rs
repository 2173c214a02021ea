//! A log of JSON lines that a program writes, read while it grows.
//!
//! A line is given when its newline has come, exactly once. What is no JSON object is passed over:
//! a scenario can expect nothing of it. What is too long is passed over too, and said.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use serde_json::Value;

/// The longest line in bytes; a longer one is passed over.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// How much of a log is read at most.
const LOG_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How much is read at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// The reading end of a log.
#[derive(Debug)]
pub(super) struct LogTail {
    file: File,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// The line is too long, and the rest of it is passed over.
    passing: bool,
    read: u64,
    /// Not all of it was given.
    cut: bool,
}

impl LogTail {
    /// Begins at the beginning.
    pub(super) fn new(file: File) -> Self {
        Self { file, line: Vec::new(), passing: false, read: 0, cut: false }
    }

    /// Gives the lines that have come since; tells whether there was anything.
    pub(super) fn read(&mut self, mut give: impl FnMut(Value)) -> bool {
        self.begin_again_if_shortened();
        let mut piece = vec![0; PIECE_BYTES];
        let before = self.read;
        while self.read < LOG_BYTES_MAX {
            // An error (of a disk) ends a look, not the program.
            let Ok(count @ 1..) = self.file.read(&mut piece) else { break };
            self.read += count as u64;
            self.take(&piece[..count], &mut give);
        }
        self.read > before
    }

    /// Gives what came last without a newline, if it is whole; tells whether some of the log was
    /// too long to be given.
    pub(super) fn finish(&mut self, mut give: impl FnMut(Value)) -> bool {
        self.read(&mut give);
        self.take(b"\n", &mut give);
        let more = self.file.read(&mut [0]);
        self.cut || more.map_or(true, |count| count > 0)
    }

    fn begin_again_if_shortened(&mut self) {
        let length = self.file.metadata().map_or(0, |metadata| metadata.len());
        let at = self.file.stream_position().unwrap_or(0);
        if length < at && self.file.seek(SeekFrom::Start(0)).is_ok() {
            self.line.clear();
            self.passing = false;
        }
    }

    fn take(&mut self, bytes: &[u8], give: &mut impl FnMut(Value)) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let whole = part.last() == Some(&b'\n');
            if self.line.len() + part.len() > LINE_BYTES_MAX {
                self.passing = true;
                self.cut = true;
            }
            if !self.passing {
                self.line.extend_from_slice(part);
            }
            if whole {
                let value = serde_json::from_slice::<Value>(&self.line);
                if let Ok(value @ Value::Object(_)) = value {
                    give(value);
                }
                self.line.clear();
                self.passing = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write as _;
    use std::path::PathBuf;

    use super::*;

    /// A file that is gone with it.
    struct Log(PathBuf, File);

    impl Log {
        fn new(name: &str) -> (Self, LogTail) {
            let name = format!("colok-log-tail-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let file = OpenOptions::new().create(true).append(true).open(&path).expect("a file");
            let tail = LogTail::new(File::open(&path).expect("it was just made"));
            (Self(path, file), tail)
        }

        fn add(&mut self, bytes: &[u8]) {
            self.1.write_all(bytes).expect("there is room");
        }
    }

    impl Drop for Log {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn numbers(tail: &mut LogTail) -> Vec<u64> {
        let mut numbers = Vec::new();
        tail.read(|value| numbers.push(value["n"].as_u64().expect("a number")));
        numbers
    }

    #[test]
    fn lines_come_once_however_they_are_written() {
        let (mut log, mut tail) = Log::new("torn");
        let text = "{\"n\":1}\n{\"n\":2,\"text\":\"\u{e9}\\n\"}\nno\n[3]\n{\"n\":4}\n";
        let mut found = Vec::new();
        for byte in text.as_bytes() {
            log.add(&[*byte]);
            found.extend(numbers(&mut tail));
        }
        assert_eq!(found, [1, 2, 4]);
        log.add(b"{\"n\":5}\n{\"n\":6}");
        assert_eq!(numbers(&mut tail), [5]);
        let mut last = Vec::new();
        tail.finish(|value| last.push(value));
        assert_eq!(last, [serde_json::json!({"n": 6})]);
    }

    #[test]
    fn a_line_without_end_fills_no_memory() {
        let (mut log, mut tail) = Log::new("long");
        log.add(b"{\"n\":1,\"x\":\"");
        for _ in 0..3 {
            log.add(&vec![b'x'; LINE_BYTES_MAX]);
            assert!(numbers(&mut tail).is_empty());
            assert!(tail.line.len() <= LINE_BYTES_MAX);
        }
        log.add(b"\"}\n{\"n\":2}\n");
        assert_eq!(numbers(&mut tail), [2]);
        assert!(tail.finish(drop), "the long line was not given");
    }

    #[test]
    fn a_log_that_is_too_long_is_known_to_be_cut() {
        let (mut log, mut tail) = Log::new("cut");
        log.add(b"{\"n\":1}\n");
        assert!(!tail.finish(drop));
        tail.read = LOG_BYTES_MAX;
        log.add(b"{\"n\":2}\n");
        assert!(numbers(&mut tail).is_empty());
        assert!(tail.finish(drop));
    }

    #[test]
    fn a_log_that_was_made_anew_is_read_from_its_beginning() {
        let (mut log, mut tail) = Log::new("anew");
        log.add(b"{\"n\":1}\n{\"n\":2}\n{\"n\"");
        assert_eq!(numbers(&mut tail), [1, 2]);
        log.1.set_len(0).expect("it is ours");
        log.add(b"{\"n\":3}\n");
        assert_eq!(numbers(&mut tail), [3]);
    }
}
