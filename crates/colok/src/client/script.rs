//! Send and expect: a conversation written down beforehand, as data.
//!
//! Steps are done in order. An expectation is met as soon as its [`Pattern`] is found in what has
//! come and was not matched before; everything up to the end of the match is used up. What came
//! before the step counts too, so a fast server is not missed. At most 1 MiB that may still match
//! is held, and bytes that cannot begin a match any more are dropped above that.

use std::time::Duration;

use colok_proto::Time;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::connect::Connection;
use super::datagram::DATAGRAM_LENGTH_MAX;
use super::end::EndReason;
use super::link::{LINGER, LINGER_BYTES, Link, Received};
use super::pattern::{Pattern, Search};
use super::wait::{READABLE, WRITABLE, earliest, wait};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::observe::Tap;

/// How long an expectation waits unless told otherwise: the seeds' longest pause, an idle
/// connection that is closed, is five seconds.
pub const DEFAULT_WITHIN: Duration = Duration::from_secs(5);

/// How long a text may take to be sent when the server does not read.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// How long a script that is done goes on receiving from a server that never falls silent.
const FINISH_WITHIN: Duration = Duration::from_secs(5);

/// Received bytes held at most, unmatched.
const HELD_BYTES_MAX: usize = 1024 * 1024;

/// How many of the last unmatched bytes are kept to be shown when an expectation fails.
const SHOWN_BYTES: usize = 64 * 1024;

/// Bytes received at once: the longest datagram and one more.
const RECEIVE_BYTES: usize = 64 * 1024;

/// One step of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send these bytes; over UDP they are one datagram.
    Send(Vec<u8>),
    /// Wait until the pattern is found.
    Expect {
        /// What is expected.
        pattern: Pattern,
        /// For how long to wait, from the moment that the step before was done.
        within: Duration,
    },
}

/// How a script is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptOptions {
    /// When it ends in any case. Default: never.
    pub deadline: Option<Time>,
}

/// How a script went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptReport {
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Steps that were done, from the first.
    pub steps_done: usize,
    /// Whether all were.
    pub outcome: ScriptOutcome,
}

/// Whether a script was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptOutcome {
    /// Every step was done.
    Met,
    /// An expectation was not met.
    NotMet {
        /// The index of the step.
        step: usize,
        /// The pattern as it was written.
        expected: String,
        /// What came since the last match: its end, if it was long.
        got: Vec<u8>,
        /// How many bytes came before `got` and are not shown.
        got_dropped: u64,
        /// Why no more was waited for: [`EndReason::WaitOver`], [`EndReason::Deadline`], or how
        /// the conversation ended.
        because: EndReason,
    },
    /// Every step was done, but not all that came was passed on: nobody took it until the deadline.
    NotPassedOn,
    /// A text could not be sent, or what came could not be passed on.
    NotSent {
        /// The index of the step.
        step: usize,
        /// How many bytes of it were sent.
        sent: u64,
        /// How many it has.
        length: u64,
        /// Why: [`EndReason::WaitOver`] when the server did not read for ten seconds.
        because: EndReason,
    },
}

/// Runs a script and closes the connection. Every byte that comes is handed to `on_received` as
/// it comes; an error of it ends the script, and is the result (`write`) unless it is `EPIPE`:
/// then nobody wants the bytes, and the outcome is all there is to tell. One of the kind `TimedOut`
/// once the deadline has passed (as [`Output`](super::Output) makes it) is the deadline's end.
///
/// A text that no datagram can hold is [`Error::DatagramTooLong`], before anything is sent.
pub fn run_script<T: Tap>(
    connection: Connection,
    steps: &[Step],
    options: &ScriptOptions,
    clock: &Clock,
    tap: &T,
    on_received: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<ScriptReport> {
    let link = Link::new(&connection, tap);
    let result = check(&link, steps).and_then(|()| {
        let mut script = Script::new(&link, options.deadline, clock, on_received);
        script.run(steps)
    });
    connection.close(tap);
    result
}

fn check<T: Tap>(link: &Link<'_, T>, steps: &[Step]) -> Result<()> {
    for step in steps {
        if let Step::Send(text) = step
            && !link.is_stream()
            && text.len() > DATAGRAM_LENGTH_MAX
        {
            let (length, limit) = (text.len(), DATAGRAM_LENGTH_MAX);
            return Err(Error::DatagramTooLong { length, limit });
        }
    }
    Ok(())
}

struct Script<'a, T: Tap> {
    link: &'a Link<'a, T>,
    deadline: Option<Time>,
    clock: &'a Clock,
    on_received: &'a mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    buffer: Vec<u8>,
    /// What came since the last match.
    held: Vec<u8>,
    /// Bytes since the last match that are not held any more.
    dropped: u64,
    bytes_sent: u64,
    bytes_received: u64,
    /// When the last text was sent.
    sent_at: Option<Time>,
    /// Nothing more will come.
    ended: Option<EndReason>,
}

impl<'a, T: Tap> Script<'a, T> {
    fn new(
        link: &'a Link<'a, T>,
        deadline: Option<Time>,
        clock: &'a Clock,
        on_received: &'a mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Self {
        Self {
            link,
            deadline,
            clock,
            on_received,
            buffer: vec![0; RECEIVE_BYTES],
            held: Vec::new(),
            dropped: 0,
            bytes_sent: 0,
            bytes_received: 0,
            sent_at: None,
            ended: None,
        }
    }

    fn run(&mut self, steps: &[Step]) -> Result<ScriptReport> {
        let mut outcome = ScriptOutcome::Met;
        let mut steps_done = 0;
        for (index, step) in steps.iter().enumerate() {
            let failed = match step {
                Step::Send(text) => self.send(index, text)?,
                Step::Expect { pattern, within } => self.expect(index, pattern, *within)?,
            };
            if let Some(failed) = failed {
                outcome = failed;
                break;
            }
            steps_done += 1;
        }
        self.finish(&outcome, matches!(steps.last(), Some(Step::Send(_))))?;
        if let Some(EndReason::OutputFailed(errno)) = self.ended
            && errno != Errno::PIPE
        {
            return Err(Error::call("write", "output", errno));
        }
        if outcome == ScriptOutcome::Met && self.ended == Some(EndReason::Deadline) {
            outcome = ScriptOutcome::NotPassedOn;
        }
        self.link.ended(match &outcome {
            ScriptOutcome::Met => self.ended.unwrap_or(EndReason::ClosedByUs),
            ScriptOutcome::NotPassedOn => EndReason::Deadline,
            ScriptOutcome::NotMet { because, .. } | ScriptOutcome::NotSent { because, .. } => {
                *because
            }
        });
        let (bytes_sent, bytes_received) = (self.bytes_sent, self.bytes_received);
        Ok(ScriptReport { bytes_sent, bytes_received, steps_done, outcome })
    }

    /// Ends in good order: what the server still says is passed on until it ends, has been silent
    /// for a second, or has said 256 KiB, and for five seconds at most. Datagrams are waited for
    /// only when the last step sent one.
    fn finish(&mut self, outcome: &ScriptOutcome, sent_last: bool) -> Result<()> {
        let all_done = *outcome == ScriptOutcome::Met;
        self.link.end_sending();
        if !(all_done && (sent_last || self.link.is_stream())) {
            self.link.linger(self.deadline, self.clock);
            return Ok(());
        }
        let received_before = self.bytes_received;
        let last_moment = self.until(FINISH_WITHIN);
        while self.ended.is_none() && self.bytes_received - received_before < LINGER_BYTES {
            self.held.clear();
            let until = earliest(self.until(LINGER), last_moment);
            if self.wait(PollFlags::empty(), until)?.is_none() || self.passed(last_moment) {
                break;
            }
        }
        Ok(())
    }

    /// Sends a text, receiving meanwhile: a server that echoes would otherwise stop reading.
    fn send(&mut self, step: usize, text: &[u8]) -> Result<Option<ScriptOutcome>> {
        let until = self.until(SEND_WITHIN);
        let mut sent = 0;
        // An empty text is nothing on a stream and a datagram over UDP.
        let mut done = text.is_empty() && self.link.is_stream();
        let mut failed = None;
        while !done && failed.is_none() {
            let last_look = self.passed(until);
            match self.wait(PollFlags::OUT, until)? {
                Some(ready) if ready.intersects(WRITABLE) => match self.link.send(&text[sent..]) {
                    Ok(length) => {
                        sent += length;
                        done = sent == text.len();
                    }
                    Err(reason) => failed = Some(reason),
                },
                Some(_) if !last_look => {}
                _ => failed = Some(self.out_of_time()),
            }
            if let Some(EndReason::OutputFailed(_) | EndReason::Deadline) = self.ended {
                failed = self.ended;
            }
        }
        self.bytes_sent += sent as u64;
        self.sent_at = Some(self.clock.now());
        let (sent, length) = (sent as u64, text.len() as u64);
        Ok(failed.map(|because| ScriptOutcome::NotSent { step, sent, length, because }))
    }

    fn expect(
        &mut self,
        step: usize,
        pattern: &Pattern,
        within: Duration,
    ) -> Result<Option<ScriptOutcome>> {
        let until = self.until(within);
        let mut search = Search::new(pattern);
        // Whatever has come when the time is over is looked at; what comes later is not, however
        // steadily it comes.
        let mut last_look = false;
        let because = loop {
            if let Some(end) = search.find(&self.held) {
                self.held.drain(..end);
                self.dropped = 0;
                if let Some(sent_at) = self.sent_at {
                    self.link.answered(step, self.clock.now().since(sent_at));
                }
                return Ok(None);
            }
            self.forget(&mut search);
            if let Some(reason) = self.ended {
                break reason;
            }
            if last_look {
                break self.out_of_time();
            }
            last_look = self.passed(until) || self.wait(PollFlags::empty(), until)?.is_none();
        };
        let shown_from = self.held.len().saturating_sub(SHOWN_BYTES);
        Ok(Some(ScriptOutcome::NotMet {
            step,
            expected: pattern.text().to_owned(),
            got: self.held[shown_from..].to_vec(),
            got_dropped: self.dropped + shown_from as u64,
            because,
        }))
    }

    /// Drops bytes that cannot match any more, once there are many.
    fn forget(&mut self, search: &mut Search<'_>) {
        if self.held.len() > HELD_BYTES_MAX / 2 {
            let length = search.done().min(self.held.len() - SHOWN_BYTES);
            self.held.drain(..length);
            search.dropped(length);
            self.dropped += length as u64;
        }
    }

    /// Waits for input, and for room when `events` says so; receives what is there. `None` when
    /// the time was over and nothing was there.
    fn wait(&mut self, events: PollFlags, until: Option<Time>) -> Result<Option<PollFlags>> {
        let mut events = events;
        let room = self.held.len() <= HELD_BYTES_MAX - RECEIVE_BYTES && self.ended.is_none();
        events.set(PollFlags::IN, room);
        let mut watched = [PollFd::from_borrowed_fd(self.link.socket(), events)];
        let count = wait(&mut watched, until, self.clock);
        if count.map_err(|errno| self.link.failed("poll", errno))? == 0 {
            return Ok(None);
        }
        let ready = watched[0].revents();
        if room && ready.intersects(READABLE) {
            self.receive();
        }
        Ok(Some(ready))
    }

    fn receive(&mut self) {
        match self.link.receive(&mut self.buffer) {
            Ok(Received::Bytes(length, _)) => {
                let bytes = &self.buffer[..length];
                self.bytes_received += length as u64;
                self.held.extend(bytes);
                if let Err(error) = (self.on_received)(bytes) {
                    let passed = self.passed(self.deadline);
                    self.ended = Some(EndReason::of_output(&error, passed));
                }
            }
            Ok(Received::Nothing) => {}
            Ok(Received::End) => self.ended = Some(EndReason::PeerClosed),
            Err(reason) => self.ended = Some(reason),
        }
    }

    fn until(&self, within: Duration) -> Option<Time> {
        earliest(Some(self.clock.now() + within), self.deadline)
    }

    fn passed(&self, time: Option<Time>) -> bool {
        time.is_some_and(|time| self.clock.now() >= time)
    }

    fn out_of_time(&self) -> EndReason {
        if self.passed(self.deadline) { EndReason::Deadline } else { EndReason::WaitOver }
    }
}
