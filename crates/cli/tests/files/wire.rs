//! The protocol of the file store spoken by hand: lines out, lines in, raw bytes both ways. Every
//! wait has an end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::common::PATIENCE;

/// A connection to a file server.
pub(crate) struct Wire {
    stream: BufReader<TcpStream>,
}

/// An answer line.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) line: String,
}

impl Answer {
    /// The value of a field.
    pub(crate) fn field(&self, key: &str) -> Option<&str> {
        let fields = self.line.split(" : ").next()?;
        let pairs = fields.split(' ').filter_map(|word| word.split_once('='));
        pairs.filter(|(found, _)| *found == key).map(|(_, value)| value).next()
    }

    /// The value of a field that is a number.
    pub(crate) fn number(&self, key: &str) -> u64 {
        let value = self.field(key).and_then(|value| value.parse().ok());
        value.unwrap_or_else(|| panic!("no number {key} in {:?}", self.line))
    }
}

impl Wire {
    pub(crate) fn connect(place: &str) -> Self {
        let stream = TcpStream::connect(place).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("the timeout is not zero");
        stream.set_write_timeout(Some(PATIENCE)).expect("the timeout is not zero");
        stream.set_nodelay(true).expect("it is a TCP socket");
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.stream.get_ref().local_addr().expect("it is connected")
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        self.stream.get_ref()
    }

    /// Sends raw bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server reads");
    }

    /// Sends a line.
    pub(crate) fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    /// The next line, without its end; `None` at the end of the stream.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).expect("an answer comes, or an end");
        let line = String::from_utf8(line).expect("answers are text");
        line.strip_suffix('\n').map(str::to_owned)
    }

    /// The next answer.
    pub(crate) fn answer(&mut self) -> Answer {
        let line = self.line().expect("an answer comes");
        let code = line.get(..3).and_then(|digits| digits.parse().ok());
        let code = code.unwrap_or_else(|| panic!("this is no answer: {line:?}"));
        assert!(line.contains(" : "), "an answer has a text: {line:?}");
        Answer { code, line }
    }

    /// Says a line and takes the answer.
    pub(crate) fn ask(&mut self, line: &str) -> Answer {
        self.say(line);
        self.answer()
    }

    /// Raw bytes that follow an answer.
    pub(crate) fn raw(&mut self, length: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(length).expect("it fits into memory")];
        self.stream.read_exact(&mut bytes).expect("the bytes come");
        bytes
    }

    /// `PUT NAME SIZE OPTIONS` with its bytes, when the server wants them; the last answer.
    pub(crate) fn put(&mut self, name: &str, bytes: &[u8], options: &str) -> Answer {
        let answer = self.ask(format!("PUT {name} {} {options}", bytes.len()).trim_end());
        if answer.code != 100 {
            return answer;
        }
        let offset = usize::try_from(answer.number("offset")).expect("it fits into memory");
        self.send(&bytes[offset..]);
        self.answer()
    }

    /// Sends a push and does not wait.
    pub(crate) fn push(&mut self, name: &str, bytes: &[u8], options: &str) {
        let line = format!("PUSH {name} {} {options}", bytes.len());
        let mut message = format!("{}\n", line.trim_end()).into_bytes();
        message.extend(bytes);
        self.send(&message);
    }

    /// `GET NAME`: the bytes, and the answer before them.
    pub(crate) fn get(&mut self, words: &str) -> (Answer, Vec<u8>) {
        let answer = self.ask(&format!("GET {words}"));
        let bytes = if answer.code == 150 { self.raw(answer.number("length")) } else { Vec::new() };
        (answer, bytes)
    }

    /// Everything until the server ends; a reset is a failure.
    pub(crate) fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes).expect("it ends without a reset");
        String::from_utf8(bytes).expect("answers are text")
    }
}
