//! What is written down about messages: verdicts become counts and samples of the interval.
//!
//! It knows no connection and decides nothing.

use std::time::Duration;

use colok_proto::{Judged, Time, Times};

use crate::load::samples::{Counts, Slice};

/// The times of a load, on the clock of its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timetable {
    /// When the first message may leave.
    pub start: Time,
    /// What is due from here on is measured.
    pub measure_from: Time,
    /// How long an interval is. A boundary lies on `measure_from`; the first one may be shorter.
    pub interval: Duration,
    /// How many of them are one run.
    pub intervals_per_run: u32,
}

impl Timetable {
    /// When a run ends, the first of them being 1.
    pub fn end_of_run(&self, run: u32) -> Time {
        let intervals = self.intervals_per_run.saturating_mul(run);
        self.measure_from + self.interval.saturating_mul(intervals)
    }

    /// How many intervals lie before the measured time.
    pub fn intervals_before(&self) -> u32 {
        let lead = self.measure_from.since(self.start).as_nanos();
        u32::try_from(lead.div_ceil(self.interval.as_nanos().max(1))).unwrap_or(u32::MAX)
    }

    /// When interval `index` ends.
    pub fn end_of(&self, index: u32) -> Time {
        let before = self.intervals_before();
        if let Some(behind) = (index + 1).checked_sub(before) {
            return self.measure_from + self.interval * behind;
        }
        let span = self.interval * (before - 1 - index);
        Time::ZERO + self.measure_from.since(Time::ZERO).saturating_sub(span)
    }
}

/// The open interval of one thread, and the totals that decide when all is over.
pub(super) struct Book {
    /// The interval that is being filled.
    pub(super) slice: Slice,
    /// Messages due in this span are measured; empty before the start is known.
    pub(super) measure_from: Time,
    /// See `measure_from`.
    pub(super) measure_until: Time,
    /// There is a schedule, so response times and slip mean something.
    pub(super) open_loop: bool,
    /// Messages that wait for a verdict, over all connections.
    pub(super) in_flight: u64,
    /// Answered since the last look, for the connection at hand.
    pub(super) answered: u64,
}

impl Book {
    pub(super) fn new(slice: Slice, open_loop: bool) -> Self {
        let never = Time::from_nanos(u64::MAX);
        Self {
            slice,
            measure_from: never,
            measure_until: never,
            open_loop,
            in_flight: 0,
            answered: 0,
        }
    }

    #[inline]
    pub(super) fn measures(&self, due: Time) -> bool {
        due >= self.measure_from && due < self.measure_until
    }

    /// A message left. `free_since` is when its connection had room for it.
    #[inline]
    pub(super) fn sent(&mut self, times: Times, free_since: Time, bytes: usize) {
        self.in_flight += 1;
        let measured = self.measures(times.due);
        self.count(measured, |counts| {
            counts.sent += 1;
            counts.sent_bytes += bytes as u64;
        });
        if measured && self.open_loop {
            self.slice.slip.record_ns(nanos(times.sent.since(times.due)));
            let possible = times.due.max(free_since);
            self.slice.own_slip.record_ns(nanos(times.sent.since(possible)));
        }
    }

    /// Bytes came, whatever they are.
    #[inline]
    pub(super) fn received(&mut self, bytes: usize) {
        self.slice.counts.received_bytes += bytes as u64;
    }

    /// A verdict, at this time.
    #[inline]
    pub(super) fn judged(&mut self, judged: Judged, now: Time) {
        match judged {
            Judged::Answered { times, reply_bytes, in_order } => {
                self.answered_at(times, reply_bytes, in_order, now);
            }
            other => self.judged_otherwise(&other, now),
        }
    }

    #[inline]
    fn answered_at(&mut self, times: Times, reply_bytes: u32, in_order: bool, now: Time) {
        self.in_flight -= 1;
        self.answered += 1;
        self.slice.counts.answered += 1;
        self.slice.counts.out_of_order += u64::from(!in_order);
        if !self.measures(times.due) {
            return;
        }
        let slice = &mut self.slice;
        slice.measured.answered += 1;
        slice.measured.out_of_order += u64::from(!in_order);
        slice.measured.received_bytes += u64::from(reply_bytes);
        slice.service.record_ns(nanos(now.since(times.sent)));
        if self.open_loop {
            slice.response.record_ns(nanos(now.since(times.due)));
        }
    }

    /// Everything but a right reply; kept out of the way of those.
    #[cold]
    fn judged_otherwise(&mut self, judged: &Judged, now: Time) {
        let measured_now = self.measures(now);
        match judged {
            Judged::Answered { .. } => {} // handled above
            Judged::Wrong { times } => {
                self.in_flight -= 1;
                self.count(self.measures(times.due), |counts| counts.wrong += 1);
            }
            Judged::Lost { times } => {
                self.in_flight -= 1;
                self.count(self.measures(times.due), |counts| counts.lost += 1);
            }
            Judged::Duplicate => self.count(measured_now, |counts| counts.duplicates += 1),
            Judged::Late => self.count(measured_now, |counts| counts.late += 1),
            Judged::Unexpected { bytes } => self.count(measured_now, |counts| {
                counts.unexpected += 1;
                counts.unexpected_bytes += bytes;
            }),
            Judged::Streamed { bytes } => {
                if measured_now {
                    self.slice.measured.received_bytes += bytes;
                }
            }
        }
    }

    /// Messages of a service that does not answer, settled by how their connection ended.
    pub(super) fn settled(&mut self, count: u64, taken: bool) {
        self.in_flight -= count;
        let counts = &mut self.slice.counts;
        *(if taken { &mut counts.answered } else { &mut counts.lost }) += count;
    }

    #[inline]
    fn count(&mut self, measured: bool, mut add: impl FnMut(&mut Counts)) {
        add(&mut self.slice.counts);
        if measured {
            add(&mut self.slice.measured);
        }
    }
}

#[inline]
fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
