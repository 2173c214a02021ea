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

/// Looks between two readings of the clock, which takes longer than a look.
const LOOKS_PER_TIME: u32 = 16;

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

impl Phase {
    /// What follows from a probe of this length, in which the worker worked for so long and so many
    /// connections had something to say.
    fn after(length: Duration, worked: Duration, speakers: u32) -> Self {
        let insist_on = (speakers / OF_CONNECTIONS).min(INSIST_ON_MAX);
        let rests = length.saturating_sub(worked) * REST_PART > length;
        match insist_on {
            INSIST_ON_MIN.. if !rests => Self::Insisting(insist_on),
            _ => Self::Resting,
        }
    }
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

    /// Waits until something has happened or is due, and says what time it is then.
    pub(super) fn wait(
        &mut self,
        ring: &mut Uring,
        clock: Clock,
        due: Option<Time>,
    ) -> io::Result<Time> {
        let mut now = clock.now();
        self.turn(now);
        if !self.busy_poll.is_zero() {
            now = self.look_for_work(ring, clock, now, due)?;
            if ring.has_events() {
                return Ok(now);
            }
        }
        ring.wait(self.how(now, due))?;
        Ok(clock.now())
    }

    /// Looks until something has happened, is due, or it is time to sleep.
    fn look_for_work(
        &self,
        ring: &mut Uring,
        clock: Clock,
        mut now: Time,
        due: Option<Time>,
    ) -> io::Result<Time> {
        let until = due.map_or(now + self.busy_poll, |due| due.min(now + self.busy_poll));
        while now < until && !ring.has_events() {
            for _ in 0..LOOKS_PER_TIME {
                ring.wait(Wait::LOOK)?;
                if ring.has_events() {
                    break;
                }
                std::hint::spin_loop();
            }
            now = clock.now();
        }
        Ok(now)
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
            self.phase = Phase::after(now.since(self.began.0), worked, self.speakers);
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

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_worker_without_rest_insists_on_a_part_of_its_connections() {
        for (speakers, phase) in [
            (10_000, Phase::Insisting(24)),
            (64, Phase::Insisting(16)),
            (32, Phase::Insisting(8)),
            (31, Phase::Resting),
            (1, Phase::Resting),
        ] {
            assert_eq!(Phase::after(2 * MS, 2 * MS, speakers), phase, "{speakers}");
        }
    }

    #[test]
    fn a_worker_that_rests_insists_on_nothing() {
        assert_eq!(Phase::after(3 * MS, 2 * MS, 512), Phase::Insisting(24));
        assert_eq!(Phase::after(3 * MS, Duration::from_micros(1999), 512), Phase::Resting);
        assert_eq!(Phase::after(Duration::from_secs(9), MS, 512), Phase::Resting);
    }

    #[test]
    fn a_connection_speaks_once_in_a_probe() {
        let mut pace = Pace::new(Duration::ZERO);
        pace.heard(7);
        assert_eq!(pace.speakers, 0, "nobody listens");
        pace.turn(Time::from_millis(1));
        for index in [7, 7, 64, 1000, 7, 64] {
            pace.heard(index);
        }
        assert_eq!((pace.phase, pace.speakers), (Phase::Probing, 3));
        pace.turn(Time::from_millis(2));
        assert_eq!(pace.phase, Phase::Probing, "it is not over");
        pace.turn(Time::from_millis(4));
        assert_eq!((pace.phase, pace.speakers), (Phase::Resting, 0));
        pace.turn(Time::from_millis(100));
        assert_eq!(pace.phase, Phase::Probing, "what was found is not believed for ever");
    }
}
