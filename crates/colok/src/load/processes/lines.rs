//! Lines of JSON over a socket pair between two processes.
//!
//! Blocking; an end of the other side is an answer, not an error. A line has a bound, so that a
//! worker gone mad cannot fill the memory of the collector.

use std::io::{BufRead as _, BufReader, Error, ErrorKind, Read as _, Result, Write as _};
use std::os::unix::net::UnixStream;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest line in bytes: five full histograms are less than a tenth of it.
const LINE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Writes one line.
pub(super) fn tell(mut socket: &UnixStream, what: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    socket.write_all(&line)
}

/// The reading side.
#[derive(Debug)]
pub(super) struct Lines {
    socket: BufReader<UnixStream>,
    line: Vec<u8>,
}

impl Lines {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self { socket: BufReader::with_capacity(64 * 1024, socket), line: Vec::new() }
    }

    /// The next line; `None` when the other side has ended, also in the middle of a line.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        self.line.clear();
        let mut bounded = (&mut self.socket).take(LINE_BYTES_MAX);
        match bounded.read_until(b'\n', &mut self.line) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(None),
            Err(error) => return Err(error),
        }
        if self.line.last() != Some(&b'\n') {
            let long = self.line.len() as u64 == LINE_BYTES_MAX;
            return if long { Err(Error::from(ErrorKind::InvalidData)) } else { Ok(None) };
        }
        Ok(Some(serde_json::from_slice(&self.line)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_and_an_end_is_no_error() {
        let (ours, theirs) = UnixStream::pair().expect("descriptors");
        let writer = std::thread::spawn(move || {
            for number in 0..3_u32 {
                tell(&ours, &(number, "x".repeat(200_000))).expect("it is read");
            }
            (&ours).write_all(b"[3,\"cut").expect("it is read");
        });
        let mut lines = Lines::new(theirs);
        for number in 0..3_u32 {
            let (found, text) = lines.next::<(u32, String)>().expect("a line").expect("a line");
            assert_eq!((found, text.len()), (number, 200_000));
        }
        assert!(lines.next::<(u32, String)>().expect("an end").is_none());
        writer.join().expect("it only writes");
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let (ours, theirs) = UnixStream::pair().expect("descriptors");
        let writer = std::thread::spawn(move || {
            let digits = vec![b'1'; 65_536];
            // Refused by the time that the reader is gone.
            while (&ours).write_all(&digits).is_ok() {}
        });
        let mut lines = Lines::new(theirs);
        assert!(lines.next::<u32>().is_err());
        drop(lines);
        writer.join().expect("it only writes");
    }

    #[test]
    fn a_line_that_is_no_such_thing_is_refused() {
        let (ours, theirs) = UnixStream::pair().expect("descriptors");
        tell(&ours, &"text").expect("it is read");
        assert!(Lines::new(theirs).next::<u32>().is_err());
    }
}
