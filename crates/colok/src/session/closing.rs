//! Time and closing: what is due when, and how a connection comes to its end.
//!
//! No byte is read or written here; a close only decides what may still happen until when.

use colok_proto::{Input, Machine as _, Reason, Time};

use super::{Desk, Drain, Phase, Session};
use crate::observe::Tap;

impl<T: Tap> Session<T> {
    /// Fires what is due. Call at [`Session::deadline`] and after [`Session::drain`], and only
    /// when a read found nothing (or when `next` does not want to receive): input is drained
    /// before time is fired.
    pub fn tick(&mut self, now: Time, desk: &mut Desk) {
        self.end_rest(now);
        match self.phase {
            Phase::Open => self.tick_open(now, desk),
            Phase::Flushing { .. } => self.tick_flushing(now),
            Phase::Lingering { reason, until } if until <= now => {
                self.phase = Phase::Closed { reason };
            }
            Phase::Lingering { .. } | Phase::Closed { .. } => {}
        }
    }

    fn tick_open(&mut self, now: Time, desk: &mut Desk) {
        // With a backlog above the mark, or input held back, nothing was read: the machine's own
        // deadlines speak of input, so they must wait. Idleness and the end of a stop do not.
        if self.found_nothing(desk.pending_bytes()) {
            if self.machine.deadline().is_some_and(|due| due <= now) {
                self.run(now, Input::Deadline, &[], None, desk);
            }
            if let (Phase::Open, Drain::Asked { until }) = (self.phase, self.drain) {
                self.drain = Drain::Told { until };
                self.run(now, Input::Drain, &[], None, desk);
            }
        }
        if self.idle_at() <= now {
            self.close(now, Reason::Idle);
        }
        self.close_when_overdue(now);
    }

    fn tick_flushing(&mut self, now: Time) {
        self.close_when_overdue(now);
        if let Phase::Flushing { reason, until } = self.phase
            && (until.is_some_and(|until| until <= now) || self.idle_at() <= now)
        {
            self.phase = Phase::Closed { reason };
        }
    }

    /// Closes what a stop has waited for long enough.
    #[inline]
    pub(super) fn close_when_overdue(&mut self, now: Time) {
        if let Drain::Asked { until } | Drain::Told { until } = self.drain
            && until <= now
        {
            self.close(now, Reason::Shutdown);
        }
    }

    /// The server stops: at the next [`Session::tick`] the machine is told to finish, and at
    /// `until` it is closed whether it has or not.
    pub fn drain(&mut self, until: Time) {
        if self.drain == Drain::No {
            self.drain = Drain::Asked { until };
        }
    }

    /// Starts a close that the machine did not ask for: `idle`, `limit`, `shutdown`. A close that
    /// has begun keeps its reason, but the peer gets no more than the linger time from now on.
    pub fn close(&mut self, now: Time, reason: Reason) {
        let limit = Some(now + self.context.linger);
        match self.phase {
            Phase::Open => self.phase = Phase::Flushing { reason, until: limit },
            Phase::Flushing { reason, until: None } => {
                self.phase = Phase::Flushing { reason, until: limit };
            }
            Phase::Flushing { .. } | Phase::Lingering { .. } | Phase::Closed { .. } => {}
        }
    }

    /// Writing was shut down, as [`Session::next`] asked.
    pub fn write_was_shut(&mut self, now: Time) {
        if let Phase::Flushing { reason, until } = self.phase {
            let until = until.unwrap_or(now + self.context.linger);
            self.phase = Phase::Lingering { reason, until };
        }
    }

    /// When [`Session::tick`] is due. Ask between turns.
    #[inline]
    pub fn deadline(&self) -> Time {
        match self.phase {
            Phase::Open => self.deadline_open(),
            Phase::Flushing { until: Some(until), .. } => until.min(self.idle_at()),
            Phase::Flushing { until: None, .. } => match self.drain {
                Drain::No => self.idle_at(),
                Drain::Asked { until } | Drain::Told { until } => until.min(self.idle_at()),
            },
            Phase::Lingering { until, .. } => until,
            Phase::Closed { .. } => Time::ZERO,
        }
    }

    #[inline]
    fn deadline_open(&self) -> Time {
        let mut due = self.idle_at();
        if let Some(rested) = self.rests_until() {
            due = due.min(rested);
        }
        if self.found_nothing(0) {
            due = self.machine.deadline().map_or(due, |machine| machine.min(due));
        }
        match self.drain {
            Drain::No => due,
            Drain::Asked { .. } if self.found_nothing(0) => Time::ZERO,
            Drain::Asked { until } | Drain::Told { until } => due.min(until),
        }
    }

    #[inline]
    pub(super) fn idle_at(&self) -> Time {
        self.active_at.max(self.rested_at()) + self.context.idle_timeout
    }
}
