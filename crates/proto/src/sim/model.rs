//! The message rule written the naive way, to compare the machines with.
//!
//! It keeps everything that was seen, in order, as a list of bytes and pauses, and splits the
//! whole list afterwards with as much looking ahead as it likes. It shares no code with the
//! machines. It is never fast and never bounded.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::{CountLanguage, CountOptions, CountUnit, Time};

/// One message of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its bytes, without its newline.
    pub bytes: Vec<u8>,
    /// The newline that ended it; empty when a gap or the end of the stream did.
    pub newline: &'static str,
    /// How many bytes of the stream there are up to and including its newline.
    pub stream_end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    Byte(u8),
    /// A deadline was given that is due if a message is open.
    Pause,
    End,
}

/// What was seen, and what follows from it; see the module.
#[derive(Clone, Debug)]
pub struct Model {
    gap: Duration,
    last_arrival: Time,
    symbols: Vec<Symbol>,
}

impl Model {
    /// Nothing has been seen yet.
    pub fn new(gap: Duration) -> Self {
        Self { gap, last_arrival: Time::ZERO, symbols: Vec::new() }
    }

    /// These bytes were consumed at this time.
    pub fn received(&mut self, now: Time, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.last_arrival = now;
            self.symbols.extend(bytes.iter().copied().map(Symbol::Byte));
        }
    }

    /// A read found nothing and the machine was told the time.
    pub fn deadline(&mut self, now: Time) {
        if now >= self.last_arrival + self.gap {
            self.symbols.push(Symbol::Pause);
        }
    }

    /// The stream ended.
    pub fn end(&mut self) {
        self.symbols.push(Symbol::End);
    }

    /// Every byte seen, in order.
    pub fn stream(&self) -> Vec<u8> {
        let bytes = self.symbols.iter().filter_map(|symbol| match symbol {
            Symbol::Byte(byte) => Some(*byte),
            Symbol::Pause | Symbol::End => None,
        });
        bytes.collect()
    }

    /// The messages that have ended.
    pub fn messages(&self) -> Vec<Message> {
        self.split().0
    }

    /// Whether a message has begun and not ended.
    pub fn is_open(&self) -> bool {
        self.split().1
    }

    /// The messages that have ended, and whether another has begun.
    fn split(&self) -> (Vec<Message>, bool) {
        let mut messages = Vec::new();
        let mut open: Vec<u8> = Vec::new();
        let mut seen = 0;
        let mut index = 0;
        while let Some(&symbol) = self.symbols.get(index) {
            index += 1;
            match symbol {
                Symbol::Byte(b'\n') => {
                    seen += 1;
                    let carriage_return = open.pop_if(|byte| *byte == b'\r').is_some();
                    let newline = if carriage_return { "\r\n" } else { "\n" };
                    let bytes = core::mem::take(&mut open);
                    messages.push(Message { bytes, newline, stream_end: seen });
                }
                Symbol::Byte(byte) => {
                    seen += 1;
                    open.push(byte);
                }
                Symbol::Pause | Symbol::End if open.is_empty() => {}
                Symbol::Pause | Symbol::End => {
                    let bytes = core::mem::take(&mut open);
                    messages.push(Message { bytes, newline: "", stream_end: seen });
                    let swallowed = self.newline_after(index);
                    index = swallowed.0;
                    seen += swallowed.1;
                }
            }
        }
        // A carriage return after a gap is counted as open until the next byte decides; so is it
        // in the rule, which gives it a deadline.
        (messages, !open.is_empty())
    }

    /// After a message that a gap ended: where to go on, and how many bytes of newline that skips.
    /// Pauses in which nothing was open are not there.
    fn newline_after(&self, mut index: usize) -> (usize, usize) {
        while self.symbols.get(index) == Some(&Symbol::Pause) {
            index += 1;
        }
        match self.symbols[index..] {
            [Symbol::Byte(b'\n'), ..] => (index + 1, 1),
            [Symbol::Byte(b'\r'), Symbol::Byte(b'\n'), ..] => (index + 2, 2),
            _ => (index, 0),
        }
    }
}

/// What echo sends for what the model saw, and whether `quit` ended it.
pub fn echoed(model: &Model) -> (Vec<u8>, bool) {
    let mut stream = model.stream();
    let messages = model.messages();
    let quit = messages.iter().find(|message| message.bytes == b"quit");
    if let Some(message) = quit {
        stream.truncate(message.stream_end);
    }
    (stream, quit.is_some())
}

/// What count sends for a message.
pub fn count_reply(options: &CountOptions, message: &Message) -> String {
    let indonesian = options.language == CountLanguage::Indonesian;
    let newline = message.newline;
    if options.unit == CountUnit::Bytes {
        let count = message.bytes.len();
        return if indonesian {
            format!("Jumlah byte dalam kalimat tersebut ada: {count}{newline}")
        } else {
            format!("Number of bytes in this sentence: {count}{newline}")
        };
    }
    match String::from_utf8(message.bytes.clone()) {
        Ok(text) => {
            let count = text.chars().count();
            if indonesian {
                format!("Jumlah karakter dalam kalimat tersebut ada: {count}{newline}")
            } else {
                format!("Number of characters in this sentence: {count}{newline}")
            }
        }
        Err(error) => {
            let offset = error.utf8_error().valid_up_to();
            if indonesian {
                format!("Kesalahan: UTF-8 tidak sah pada offset byte {offset}{newline}")
            } else {
                format!("Error: invalid UTF-8 at byte offset {offset}{newline}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Duration = Duration::from_millis(50);

    /// `|` is a pause of a gap, `.` the end of the stream.
    fn split(seen: &str) -> Vec<String> {
        let mut model = Model::new(GAP);
        let mut now = Time::ZERO;
        for byte in seen.bytes() {
            match byte {
                b'|' => {
                    now = now + GAP;
                    model.deadline(now);
                }
                b'.' => model.end(),
                byte => model.received(now, &[byte]),
            }
        }
        let text = |message: Message| String::from_utf8(message.bytes).unwrap() + message.newline;
        model.messages().into_iter().map(text).collect()
    }

    #[test]
    fn the_rule_by_example() {
        assert_eq!(split("a\nb\r\nc"), ["a\n", "b\r\n"]);
        assert_eq!(split("\n\r\n."), ["\n", "\r\n"]);
        assert_eq!(split("a\rb."), ["a\rb"]);
        assert_eq!(split("a|b|"), ["a", "b"]);
        assert_eq!(split("a|\nb."), ["a", "b"]);
        assert_eq!(split("a|\r\n\n"), ["a", "\n"]);
        assert_eq!(split("a|\rb\n"), ["a", "\rb\n"]);
        assert_eq!(split("a|\r|\n."), ["a", "\r"]);
        assert_eq!(split("|a||\n||\n"), ["a", "\n"]);
        assert_eq!(split("\r\r\n"), ["\r\r\n"]);
    }
}
