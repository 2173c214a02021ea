//! The stage of a case: its hosts, the programs on them, and one ear for all that hosts say.
//!
//! Every word is filed where it belongs as it comes; whoever waits for something pumps words until
//! it has come. No wait is without a bound: each ends with its own time, with that of the case,
//! when the run is stopped, and when a host is gone. Nothing here knows what steps mean.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::program::Program;
use super::teller::Teller;
use crate::engine::{Stop, StopState};
use crate::observe::now_unix_micros;
use crate::scenario::agent::{Answer, Order, Question, Word};
use crate::scenario::host::{Heard, Host};

/// How often a wait looks whether the run is stopped.
const STOP_LOOK: Duration = Duration::from_millis(50);

/// How many words are filed before whoever waits looks again.
const WORDS_AT_ONCE: usize = 256;

/// How long an agent may take for an answer that needs no waiting of its own. It is generous: a
/// computer may be busy, and a case that is broken off for nothing is worse than a late one.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(20);

/// Why a case is broken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The run is stopped.
    Stopped,
    /// The time of the case is over.
    Time,
    /// A step that others need could not be done; the step's record says why.
    Step,
    /// We could not work: a host is gone, or does not answer.
    Runner(String),
}

/// When a case began, on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Began {
    /// On ours.
    pub(super) at: Instant,
    /// In microseconds since 1970.
    pub(super) unix_us: u64,
}

impl Began {
    /// Now.
    pub(super) fn now() -> Self {
        Self { at: Instant::now(), unix_us: now_unix_micros() }
    }
}

/// The hosts of a case, and what came from them.
pub(super) struct Stage {
    /// Dropped before the hosts: one whose words nobody takes any more ends at once.
    heard: Receiver<(usize, Heard)>,
    /// In the order of their numbers.
    pub(super) hosts: Vec<Host>,
    ready: usize,
    gone: Option<String>,
    /// Every program that was started, by the number in its orders.
    pub(super) programs: Vec<Program>,
    answers: HashMap<u64, Result<Answer, String>>,
    asked: u64,
    began: Instant,
    began_unix_us: u64,
    deadline: Instant,
    stop: Stop,
    /// Who hears what happens.
    pub(super) teller: Teller,
}

impl Stage {
    /// The stage of a case that began at `began` and may take `time_limit` from then.
    pub(super) fn new(
        hosts: Vec<Host>,
        heard: Receiver<(usize, Heard)>,
        began: Began,
        time_limit: Duration,
        stop: Stop,
        teller: Teller,
    ) -> Self {
        let Began { at: began, unix_us: began_unix_us } = began;
        Self {
            heard,
            hosts,
            ready: 0,
            gone: None,
            programs: Vec::new(),
            answers: HashMap::new(),
            asked: 0,
            began,
            began_unix_us,
            deadline: began + time_limit,
            stop,
            teller,
        }
    }

    /// Seconds since the case began.
    pub(super) fn now_s(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// When the case began, in microseconds since 1970.
    pub(super) fn began_unix_us(&self) -> u64 {
        self.began_unix_us
    }

    /// Puts the end of the case off until `grace` from now, for what must be done after its end.
    pub(super) fn grant(&mut self, grace: Duration) {
        self.deadline = self.deadline.max(Instant::now() + grace);
    }

    /// The number of the host with this name.
    pub(super) fn host(&self, name: &str) -> Result<usize, Broken> {
        let found = self.hosts.iter().position(|host| host.name == name);
        found.ok_or_else(|| Broken::Runner(format!("there is no host {name}")))
    }

    /// Waits until every agent takes orders.
    pub(super) fn await_agents(&mut self) -> Result<(), Broken> {
        let all = self.hosts.len();
        let until = Instant::now() + ANSWER_MAX;
        let ready = self.wait(until, |stage| (stage.ready >= all).then_some(()))?;
        ready.ok_or_else(|| Broken::Runner("an agent is not ready".to_owned()))
    }

    /// Sends an order, and files what has come meanwhile, so that neither side waits for the
    /// other.
    pub(super) fn order(&mut self, host: usize, order: &Order) -> Result<(), Broken> {
        let sent = self.hosts[host].order(order);
        sent.map_err(|error| self.lost(host, &error))?;
        while let Ok((host, heard)) = self.heard.try_recv() {
            self.file(host, heard);
        }
        Ok(())
    }

    fn lost(&self, host: usize, error: &io::Error) -> Broken {
        let why = self.gone.clone();
        Broken::Runner(why.unwrap_or_else(|| {
            format!("the agent of {} takes no orders: {error}", self.hosts[host].name)
        }))
    }

    /// Asks a question; the answer is waited for with [`Stage::answer`].
    pub(super) fn ask(&mut self, host: usize, question: Question) -> Result<u64, Broken> {
        let ask = self.number();
        self.order(host, &Order::Ask { ask, question })?;
        Ok(ask)
    }

    /// A number for a question.
    pub(super) fn number(&mut self) -> u64 {
        self.asked += 1;
        self.asked
    }

    /// Waits for an answer. The inner error is the agent's: what it could not do.
    pub(super) fn answer(&mut self, ask: u64) -> Result<Result<Answer, String>, Broken> {
        let until = Instant::now() + ANSWER_MAX;
        let answer = self.wait(until, |stage| stage.answers.remove(&ask))?;
        answer.ok_or_else(|| Broken::Runner("an agent did not answer".to_owned()))
    }

    /// Asks, and waits for the answer.
    pub(super) fn question(
        &mut self,
        host: usize,
        question: Question,
    ) -> Result<Result<Answer, String>, Broken> {
        let ask = self.ask(host, question)?;
        self.answer(ask)
    }

    /// Files words until `done` gives something, or until `until`: then `None`.
    pub(super) fn wait<T>(
        &mut self,
        until: Instant,
        mut done: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<Option<T>, Broken> {
        loop {
            if let Some(found) = done(self) {
                return Ok(Some(found));
            }
            let now = Instant::now();
            if self.stop.state() != StopState::Run {
                return Err(Broken::Stopped);
            }
            if let Some(why) = &self.gone {
                return Err(Broken::Runner(why.clone()));
            }
            if now >= until {
                return Ok(None);
            }
            if now >= self.deadline {
                return Err(Broken::Time);
            }
            let rest = until.min(self.deadline).duration_since(now);
            self.listen(rest.min(STOP_LOOK));
        }
    }

    /// Waits for words for `longest`, and files those that have come.
    fn listen(&mut self, longest: Duration) {
        match self.heard.recv_timeout(longest) {
            Ok((host, heard)) => self.file(host, heard),
            Err(RecvTimeoutError::Timeout) => return,
            Err(RecvTimeoutError::Disconnected) => {
                self.gone.get_or_insert_with(|| "every host is gone".to_owned());
                return;
            }
        }
        for _ in 0..WORDS_AT_ONCE {
            let Ok((host, heard)) = self.heard.try_recv() else { return };
            self.file(host, heard);
        }
    }

    fn file(&mut self, host: usize, heard: Heard) {
        match heard {
            Heard::Word(Word::Ready { .. }) => self.ready += 1,
            Heard::Word(Word::Answer { ask, answer }) => {
                self.answers.insert(ask, answer);
            }
            Heard::Word(word) => self.file_of_program(word),
            Heard::Gone(why) => {
                let name = &self.hosts[host].name;
                self.gone.get_or_insert_with(|| format!("the agent of {name} is gone: {why}"));
            }
        }
    }

    /// Files a word about a program.
    fn file_of_program(&mut self, word: Word) {
        let (Word::Started { step, .. }
        | Word::Failed { step, .. }
        | Word::Output { step, .. }
        | Word::Record { step, .. }
        | Word::Ended { step, .. }) = &word
        else {
            return;
        };
        let number = usize::try_from(*step).unwrap_or(usize::MAX);
        let (teller, began_unix_us) = (&self.teller, self.began_unix_us);
        if let Some(program) = self.programs.get_mut(number) {
            program.file(word, began_unix_us, teller);
        }
    }
}
