//! One line to a Unix stream socket, one line back. Every wait has an end.

use std::io::{BufRead as _, BufReader, Error, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

/// How long an exchange takes at most.
const EXCHANGE_MAX: Duration = Duration::from_secs(5);

/// The longest answer in bytes.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// Connects, writes the line, and returns the one that comes back, without its newline.
pub(super) fn exchange(path: &Path, line: &str) -> Result<String, Error> {
    if line.contains('\n') {
        return Err(Error::new(ErrorKind::InvalidInput, "more than one line"));
    }
    let until = Instant::now() + EXCHANGE_MAX;
    let mut socket = connected(path).map_err(in_words)?;
    socket.write_all(format!("{line}\n").as_bytes())?;
    let mut answer = Vec::new();
    let mut lines = BufReader::new(&socket);
    // Byte by byte the bound must hold too, so it is set again for each reading.
    while answer.last() != Some(&b'\n') {
        let left = until.saturating_duration_since(Instant::now());
        socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let piece = read_some(&mut lines).map_err(in_words)?;
        if piece.is_empty() {
            return Err(Error::new(ErrorKind::UnexpectedEof, "it was closed without an answer"));
        }
        answer.extend_from_slice(&piece);
        if answer.len() as u64 > LINE_BYTES_MAX || until <= Instant::now() {
            return Err(Error::new(ErrorKind::TimedOut, "no line came back in time"));
        }
    }
    answer.pop();
    String::from_utf8(answer).map_err(|_| Error::from(ErrorKind::InvalidData))
}

/// With the bound set before it connects: a listener that stands still lets clients wait.
fn connected(path: &Path) -> Result<UnixStream, Error> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    set_socket_timeout(&socket, Timeout::Send, Some(EXCHANGE_MAX))?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(UnixStream::from(socket))
}

/// What has come, to the end of the line at most; empty at the end of the stream.
fn read_some(lines: &mut BufReader<&UnixStream>) -> Result<Vec<u8>, Error> {
    let count = {
        let there = lines.fill_buf()?;
        there.iter().position(|byte| *byte == b'\n').map_or(there.len(), |newline| newline + 1)
    };
    let mut piece = vec![0; count];
    lines.read_exact(&mut piece)?;
    Ok(piece)
}

fn in_words(error: Error) -> Error {
    if error.kind() == ErrorKind::WouldBlock {
        return Error::new(ErrorKind::TimedOut, "no line came back in time");
    }
    error
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    use super::*;

    /// Answers the first client with these pieces; returns what was exchanged.
    fn answered(name: &str, pieces: &'static [&'static [u8]]) -> Result<String, Error> {
        let path: PathBuf =
            std::env::temp_dir().join(format!("colok-exchange-{}-{name}", std::process::id()));
        let listener = UnixListener::bind(&path).expect("a free name");
        let serving = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("it comes");
            let mut line = String::new();
            BufReader::new(&client).read_line(&mut line).expect("a line");
            assert_eq!(line, "{\"status\":true}\n");
            for piece in pieces {
                // Refused once the client has what it wants.
                let _ = client.write_all(piece);
            }
        });
        let answer = exchange(&path, "{\"status\":true}");
        serving.join().expect("it only answers");
        std::fs::remove_file(&path).expect("it is ours");
        answer
    }

    #[test]
    fn a_line_comes_back_in_pieces() {
        let answer = answered("pieces", &[b"{\"a\"", b":1}", b"\nmore"]);
        assert_eq!(answer.expect("an answer"), "{\"a\":1}");
        assert_eq!(answered("empty", &[b"\n"]).expect("an answer"), "");
    }

    #[test]
    fn an_end_without_a_line_is_an_error() {
        let error = answered("end", &[b"{\"a\""]).expect_err("there was no newline");
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert!(exchange(Path::new("/nonexistent"), "x").is_err());
        assert!(exchange(Path::new("/nonexistent"), "x\ny").is_err());
    }
}
