//! How long to wait for how much: the difference between a wake-up per message and one for many.
//!
//! A worker wakes for the first thing that happens, so a lone client pays for nobody. Where it has
//! no rest anyway, waking for many at a time costs less and makes the others no later: the kernel
//! works on more at once, and those who are answered together wake together. So a worker looks from
//! time to time whether it rests, and how many connections have something to say; if it does not,
//! its waits insist for a moment on a part of them.
//!
//! Nothing here looks at what has happened.

use std::io;
use std::time::Duration;

use colok_proto::Time;
use colok_sys::uring::{Uring, Wait};
use rustix::time::{ClockId, clock_gettime};

use crate::clock::Clock;

/// How long it is looked whether the worker rests, with waits for one: some hundred messages.
const PROBE: Duration = Duration::from_millis(2);

/// How long what was found is believed.
const BELIEVE: Duration = Duration::from_millis(50);

/// How long a wait insists on more than one: far less than what one waits for its turn with a
/// worker that has so much to do. With 200 us, closed loops became slower.
const INSIST: Duration = Duration::from_micros(50);

/// A worker that rests for less than a third of the time has so much to do that waits may insist.
const REST_PART: u32 = 3;

/// Connections that have something to say, for each that is insisted on: to wait for all of them
/// would make everyone as late as the latest.
const OF_CONNECTIONS: u32 = 4;

/// With fewer there is nothing to gain.
const INSIST_ON_MIN: u32 = 8;

/// More than these, with 16 KiB each, do not stay in a processor's cache until they are sent.
const INSIST_ON_MAX: u32 = 24;

/// Decides how a worker waits.
#[derive(Debug)]
pub(super) struct Pace {
    /// How long to look for work before sleeping.
    busy_poll: Duration,
    phase: Phase,
    /// When the phase is over.
    until: Time,
    /// When this probe began, and what processor time the worker had taken then.
    began: (Time, Duration),
    /// One bit for each connection that had something to say in this probe, and how many there are.
    spoke: Vec<u64>,
    speakers: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Looking whether the worker rests.
    Probing,
    /// It does not: waits are for so many.
    Insisting(u32),
    /// It does.
    Resting,
}

impl Pace {
    pub(super) fn new(busy_poll: Duration) -> Self {
        Self {
            busy_poll,
            phase: Phase::Resting,
            until: Time::ZERO,
            began: (Time::ZERO, Duration::ZERO),
            spoke: Vec::new(),
            speakers: 0,
        }
    }

    /// A connection had something to say.
    #[inline]
    pub(super) fn heard(&mut self, index: usize) {
        if self.phase != Phase::Probing {
            return;
        }
        let (word, bit) = (index / 64, 1 << (index % 64));
        if self.spoke.len() <= word {
            self.spoke.resize(word + 1, 0);
        }
        if self.spoke[word] & bit == 0 {
            self.spoke[word] |= bit;
            self.speakers += 1;
        }
    }

    /// Waits until something has happened or is due, and says what time it is then. The end of a
    /// send counts as something only if someone waits for it.
    pub(super) fn wait(
        &mut self,
        ring: &mut Uring,
        clock: Clock,
        due: Option<Time>,
        awaits_sends: bool,
    ) -> io::Result<Time> {
        let mut now = clock.now();
        self.turn(now);
        if !self.busy_poll.is_zero() {
            let until = due.map_or(now + self.busy_poll, |due| due.min(now + self.busy_poll));
            loop {
                ring.wait(Wait::LOOK)?;
                now = clock.now();
                if ring.has_events() || until <= now {
                    break;
                }
                std::hint::spin_loop();
            }
            if ring.has_events() {
                return Ok(now);
            }
        }
        ring.wait(Wait { besides_sends: !awaits_sends, ..self.how(now, due) })?;
        Ok(clock.now())
    }

    fn how(&self, now: Time, due: Option<Time>) -> Wait {
        let at_most = due.map(|due| due.since(now));
        match (self.phase, at_most) {
            (_, Some(Duration::ZERO)) => Wait::LOOK,
            (Phase::Insisting(completions), at_most)
                if at_most.is_none_or(|time| time > INSIST) =>
            {
                Wait { completions, insist: INSIST, ..Wait::for_one(at_most) }
            }
            _ => Wait::for_one(at_most),
        }
    }

    /// Goes on to the next phase when it is time.
    fn turn(&mut self, now: Time) {
        if now < self.until {
            return;
        }
        if self.phase == Phase::Probing {
            let worked = processor_time().saturating_sub(self.began.1);
            let insist_on = (self.speakers / OF_CONNECTIONS).min(INSIST_ON_MAX);
            let rested = now.since(self.began.0).saturating_sub(worked);
            let rests = rested * REST_PART > now.since(self.began.0);
            self.phase = match insist_on {
                INSIST_ON_MIN.. if !rests => Phase::Insisting(insist_on),
                _ => Phase::Resting,
            };
            self.until = now + BELIEVE;
        } else {
            self.phase = Phase::Probing;
            self.began = (now, processor_time());
            self.until = now + PROBE;
        }
        self.spoke.fill(0);
        self.speakers = 0;
    }
}

/// The processor time that this thread has taken.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
