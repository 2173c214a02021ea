//! A fault as one line of text: `cut=1000 direction=up`. What is written reads back the same.

use std::fmt;
use std::str::FromStr;

use thiserror::Error as ThisError;

use super::{Direction, Fault};
use crate::net::nearest_name;

/// Every key, in the order in which they are written.
const KEYS: [&str; 15] = [
    "delay",
    "jitter",
    "rate",
    "black_hole",
    "corrupt",
    "chunk",
    "cut",
    "reset",
    "half_close",
    "fail_first",
    "lose",
    "duplicate",
    "reorder",
    "direction",
    "connections",
];

/// Why a text is not a fault.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum FaultError {
    /// A word that is not `key=value`.
    #[error("`{word}` is not KEY=VALUE")]
    Form {
        /// The word.
        word: String,
    },
    /// A key that does not exist.
    #[error("there is no key `{key}`; there are {}", KEYS.join(", "))]
    Key {
        /// What was given.
        key: String,
        /// The key that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A key that is given twice.
    #[error("`{key}` is given twice")]
    Twice {
        /// The key.
        key: String,
    },
    /// A value that its key cannot have, or keys that do not fit together.
    #[error("{what}")]
    Value {
        /// What is wrong, for people.
        what: String,
    },
}

impl FromStr for Fault {
    type Err = FaultError;

    /// Reads `KEY=VALUE` words with spaces between them, and checks the whole. Numbers may have
    /// the letters K, M and G (powers of 1024).
    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut fault = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for word in text.split_whitespace() {
            let form = || FaultError::Form { word: word.to_owned() };
            let (key, value) = word.split_once('=').ok_or_else(form)?;
            if seen.contains(&key) {
                return Err(FaultError::Twice { key: key.to_owned() });
            }
            seen.push(key);
            fault.set(key, value)?;
        }
        fault.check().map_err(|what| FaultError::Value { what })?;
        Ok(fault)
    }
}

impl Fault {
    fn set(&mut self, key: &str, value: &str) -> Result<(), FaultError> {
        let wrong =
            |expected: &str| FaultError::Value { what: format!("`{key}={value}`: {expected}") };
        if let Some(place) = self.text_of(key) {
            *place = Some(value.to_owned());
        } else if let Some(place) = self.number_of(key) {
            let number =
                size(value).ok_or_else(|| wrong("write a whole number, as 1000 or 64K"))?;
            *place = Some(number);
        } else if key == "direction" {
            self.direction = Some(match value {
                "up" => Direction::Up,
                "down" => Direction::Down,
                _ => return Err(wrong("write up or down")),
            });
        } else {
            let nearest = nearest_name(key, KEYS);
            return Err(FaultError::Key { key: key.to_owned(), nearest });
        }
        Ok(())
    }

    fn text_of(&mut self, key: &str) -> Option<&mut Option<String>> {
        Some(match key {
            "delay" => &mut self.delay,
            "jitter" => &mut self.jitter,
            "rate" => &mut self.rate,
            "lose" => &mut self.lose,
            "duplicate" => &mut self.duplicate,
            "reorder" => &mut self.reorder,
            "connections" => &mut self.connections,
            _ => return None,
        })
    }

    fn number_of(&mut self, key: &str) -> Option<&mut Option<u64>> {
        Some(match key {
            "black_hole" => &mut self.black_hole,
            "corrupt" => &mut self.corrupt,
            "chunk" => &mut self.chunk,
            "cut" => &mut self.cut,
            "reset" => &mut self.reset,
            "half_close" => &mut self.half_close,
            "fail_first" => &mut self.fail_first,
            _ => return None,
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys have one order, and a copy is cheap where texts are made.
        let mut copy = self.clone();
        let mut gap = "";
        for key in KEYS {
            let value = if let Some(text) = copy.text_of(key) {
                // As in `3, 7`: a value is one word here.
                text.take().map(|text| text.split_whitespace().collect())
            } else if let Some(number) = copy.number_of(key) {
                number.map(|number| number.to_string())
            } else {
                copy.direction.map(|direction| direction.name().to_owned())
            };
            if let Some(value) = value {
                write!(f, "{gap}{key}={value}")?;
                gap = " ";
            }
        }
        Ok(())
    }
}

/// Reads `100`, `64K`, `1M`, `2G`: units are powers of 1024.
pub(super) fn size(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'K' => (&text[..text.len() - 1], 10),
        b'M' => (&text[..text.len() - 1], 20),
        b'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse::<u64>().ok()?.checked_mul(1 << shift))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for text in [
            "delay=50ms jitter=10ms direction=down",
            "rate=100K",
            "black_hole=0",
            "corrupt=7 connections=1-3,9-",
            "chunk=1",
            "cut=1000 direction=up connections=50%",
            "reset=0",
            "half_close=5",
            "fail_first=2",
            "lose=3,7,10-12",
            "duplicate=10%",
            "reorder=0.5%",
        ] {
            let fault: Fault = text.parse().expect(text);
            assert_eq!(fault.to_string(), text);
        }
        let short: Fault = "direction=up  cut=64K".parse().expect("any order, any space");
        assert_eq!(short.to_string(), "cut=65536 direction=up");
        let spaced = Fault { lose: Some("3, 7".into()), ..Fault::default() };
        assert_eq!(
            spaced.to_string().parse::<Fault>().map(|it| it.to_string()).as_deref(),
            Ok("lose=3,7")
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            ("", "there is no kind of fault"),
            ("delay", "`delay` is not KEY=VALUE"),
            ("dealy=5ms", "there is no key `dealy`"),
            ("cut=1 cut=2", "`cut` is given twice"),
            ("cut=x", "`cut=x`: write a whole number"),
            ("cut=1 reset=2", "`cut` and `reset` are two faults"),
            ("delay=5", "`5` is not a length of time"),
            ("jitter=5ms delay=0 rate=1", "`delay` and `rate` are two faults"),
            ("cut=1 jitter=5ms", "`jitter` belongs to `delay`"),
            ("rate=0", "`rate` must be at least 1"),
            ("chunk=0", "`chunk` must be at least 1"),
            ("fail_first=0", "`fail_first` must be at least 1"),
            ("lose=0", "`0` is not"),
            ("lose=101%", "`101%` is not"),
            ("lose=7-3", "`7-3` is not"),
            ("lose=", "`` is not"),
            ("cut=1 direction=left", "write up or down"),
            ("fail_first=1 direction=up", "`fail_first` has no direction"),
        ] {
            let error = text.parse::<Fault>().expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let Err(FaultError::Key { nearest, .. }) = "dealy=5ms".parse::<Fault>() else {
            panic!("it is a wrong key")
        };
        assert_eq!(nearest, Some("delay"));
    }
}
