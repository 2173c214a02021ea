//! What an agent says: words as whole lines, in the order in which they were said.
//!
//! One thread writes. Whoever follows a program waits while much is still to be written, so that a
//! runner that reads slowly slows programs down instead of filling the memory here. Whoever takes
//! orders never waits, so that an order can always reach it. Of words that nobody can hear any more
//! nothing is kept.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::words::Word;
use crate::scenario::in_words;

/// How many bytes wait to be written before [`Voice::say`] waits.
const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// Where words are said.
#[derive(Debug, Default)]
pub(super) struct Voice {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Nothing more is to be said.
    closed: bool,
    /// Nobody listens.
    unheard: bool,
}

impl Voice {
    /// Says a word, after there is room for it.
    pub(super) fn say(&self, word: &Word) {
        let line = line_of(word);
        let full = |waiting: &mut Waiting| waiting.bytes > WAITING_BYTES_MAX && !waiting.unheard;
        let waiting = self.changed.wait_while(self.lock(), full);
        self.push(waiting.unwrap_or_else(PoisonError::into_inner), line);
    }

    /// Says a word without waiting: for answers, of which there are no more than orders.
    pub(super) fn say_at_once(&self, word: &Word) {
        let line = line_of(word);
        self.push(self.lock(), line);
    }

    /// Lets [`Voice::write`] return when all has been written.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Writes what is said until there is no more, or nobody listens.
    pub(super) fn write(&self, mut output: impl Write) {
        while let Some(line) = self.next() {
            if output.write_all(&line).and_then(|()| output.flush()).is_err() {
                let mut waiting = self.lock();
                waiting.unheard = true;
                waiting.lines.clear();
                self.changed.notify_all();
                return;
            }
        }
    }

    /// The next line; `None` at the end.
    fn next(&self) -> Option<Vec<u8>> {
        let empty = |waiting: &mut Waiting| waiting.lines.is_empty() && !waiting.closed;
        let waiting = self.changed.wait_while(self.lock(), empty);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        let line = waiting.lines.pop_front()?;
        waiting.bytes -= line.len();
        self.changed.notify_all();
        Some(line)
    }

    fn push(&self, mut waiting: MutexGuard<'_, Waiting>, line: Vec<u8>) {
        if !waiting.unheard {
            waiting.bytes += line.len();
            waiting.lines.push_back(line);
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line_of(word: &Word) -> Vec<u8> {
    // Whatever failed, people read it.
    let plain = match word {
        Word::Failed { step, error, errno } => {
            Some(Word::Failed { step: *step, error: in_words(error), errno: *errno })
        }
        Word::Answer { ask, answer: Err(error) } => {
            Some(Word::Answer { ask: *ask, answer: Err(in_words(error)) })
        }
        _ => None,
    };
    let mut line = serde_json::to_vec(plain.as_ref().unwrap_or(word))
        .expect("a word is made of texts and numbers");
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_written_in_order() {
        let voice = Voice::default();
        let mut written = Vec::new();
        (1..4).for_each(|process| voice.say(&Word::Ready { process }));
        voice.close();
        voice.write(&mut written);
        let text = String::from_utf8(written).expect("JSON");
        let processes: Vec<_> = text.lines().map(serde_json::from_str::<Word>).collect();
        assert_eq!(processes.len(), 3);
        for (process, word) in (1..4).zip(processes) {
            assert_eq!(word.expect("a word"), Word::Ready { process });
        }
    }

    #[test]
    fn a_voice_that_nobody_hears_holds_nobody_up() {
        let voice = Voice::default();
        let bytes = "x".repeat(WAITING_BYTES_MAX);
        let word = Word::Failed { step: 1, error: bytes, errno: None };
        std::thread::scope(|scope| {
            let saying = scope.spawn(|| (0..8).for_each(|_| voice.say(&word)));
            // An output that takes nothing.
            voice.write([].as_mut_slice());
            saying.join().expect("it does not wait for ever");
        });
        assert!(voice.lock().lines.is_empty());
    }
}
