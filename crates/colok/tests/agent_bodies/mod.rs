//! The tests, and an agent on a local host as each of them sees it.

mod endings;
pub(crate) mod helpers;
mod limits;
mod outputs;
mod questions;
mod signals;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use colok::scenario::agent::{Answer, Order, Question, Start, Stream, Word};
use colok::scenario::host::{Heard, Host, channel, local};
use serde_json::Value;

/// Longer than anything here takes on a busy machine; only a failure waits this long.
const PATIENCE: Duration = Duration::from_mins(1);

/// A test.
type Body = (&'static str, fn());

/// All of them.
pub(crate) fn bodies() -> Vec<Body> {
    [outputs::BODIES, signals::BODIES, limits::BODIES, questions::BODIES, endings::BODIES].concat()
}

/// A local host, and all that it said.
struct Local {
    host: Option<Host>,
    heard: Receiver<(usize, Heard)>,
    /// Words that a wait has passed over.
    words: Vec<Word>,
    asked: u64,
}

/// What came of a program.
#[derive(Debug, Default)]
struct Ended {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    records: Vec<Value>,
    exit: Option<i32>,
    signal: Option<String>,
    proofs: BTreeMap<String, Value>,
    bytes: (u64, u64),
    left_open: bool,
}

impl Local {
    fn start() -> Self {
        let (sender, heard) = channel();
        let host = local("alpha", 3, &sender).expect("a process and a folder");
        let mut local = Self { host: Some(host), heard, words: Vec::new(), asked: 0 };
        assert!(matches!(local.next(), Heard::Word(Word::Ready { .. })));
        local
    }

    fn host(&mut self) -> &mut Host {
        self.host.as_mut().expect("it was not dropped")
    }

    fn folder(&self) -> PathBuf {
        PathBuf::from(&self.host.as_ref().expect("it was not dropped").folder)
    }

    fn beside(&self) -> PathBuf {
        PathBuf::from(&self.host.as_ref().expect("it was not dropped").beside)
    }

    fn order(&mut self, order: &Order) {
        self.host().order(order).expect("it takes orders");
    }

    fn next(&mut self) -> Heard {
        let (host, heard) = self.heard.recv_timeout(PATIENCE).expect("a word");
        assert_eq!(host, 3);
        heard
    }

    /// Waits for a word that `wanted` accepts; others are kept.
    fn wait<R>(&mut self, mut wanted: impl FnMut(&Word) -> Option<R>) -> R {
        loop {
            let word = match self.next() {
                Heard::Word(word) => word,
                Heard::Gone(why) => panic!("{why} after {:?}", self.words),
            };
            let found = wanted(&word);
            self.words.push(word);
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Starts a program; returns its process id.
    fn run(&mut self, start: &Start) -> u32 {
        self.order(&Order::Start(start.clone()));
        self.wait(|word| match word {
            Word::Started { step, process, .. } if *step == start.step => Some(*process),
            Word::Failed { step, error, .. } if *step == start.step => panic!("{error}"),
            _ => None,
        })
    }

    /// Waits for the end of a program, and puts together what was told of it.
    fn ended(&mut self, wanted: u64) -> Ended {
        let is_end = |word: &Word| matches!(word, Word::Ended { step, .. } if *step == wanted);
        if !self.words.iter().any(is_end) {
            self.wait(|word| is_end(word).then_some(()));
        }
        let mut ended = Ended::default();
        for word in &self.words {
            ended.take(word, wanted);
        }
        ended
    }

    /// Starts a program and waits for its end.
    fn run_to_end(&mut self, start: &Start) -> Ended {
        self.run(start);
        self.ended(start.step)
    }

    fn ask(&mut self, question: Question) -> Result<Answer, String> {
        self.asked += 1;
        let ask = self.asked;
        self.order(&Order::Ask { ask, question });
        self.answer(ask)
    }

    fn answer(&mut self, wanted: u64) -> Result<Answer, String> {
        self.wait(|word| match word {
            Word::Answer { ask, answer } if *ask == wanted => Some(answer.clone()),
            _ => None,
        })
    }

    /// Waits until the agent has nothing more to say.
    fn gone(&mut self) -> String {
        loop {
            match self.next() {
                Heard::Word(word) => self.words.push(word),
                Heard::Gone(why) => return why,
            }
        }
    }
}

impl Ended {
    fn take(&mut self, word: &Word, wanted: u64) {
        match word {
            Word::Output { step, stream, bytes, .. } if *step == wanted => {
                let bytes = STANDARD.decode(bytes).expect("base64");
                match stream {
                    Stream::Stdout => self.stdout.extend(bytes),
                    Stream::Stderr => self.stderr.extend(bytes),
                }
            }
            Word::Record { step, record } if *step == wanted => self.records.push(record.clone()),
            Word::Ended {
                step,
                exit,
                signal,
                proofs,
                stdout_bytes,
                stderr_bytes,
                left_open,
                ..
            } if *step == wanted => {
                (self.exit, self.signal) = (*exit, signal.clone());
                self.proofs.clone_from(proofs);
                self.bytes = (*stdout_bytes, *stderr_bytes);
                self.left_open = *left_open;
            }
            _ => {}
        }
    }
}

/// A shell that runs this script as step 1.
fn shell(script: &str) -> Start {
    words(&["sh", "-c", script])
}

/// A program as step 1.
fn words(words: &[&str]) -> Start {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Start { step: 1, words, ..Start::default() }
}

/// Whether a process lives; one that has ended and waits to be reaped does not.
fn lives(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
    stat.is_ok_and(|line| !line.contains(") Z "))
}

/// Waits until it holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// Waits for a file that has a whole line, and reads the number in it.
fn number_in(path: &Path) -> u32 {
    let mut number = None;
    until("a number in a file", || {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        number = text.strip_suffix('\n').and_then(|text| text.parse().ok());
        number.is_some()
    });
    number.expect("it was waited for")
}
