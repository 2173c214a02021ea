//! The course of a load in time: beginning, intervals, giving up, ending, and what is due next.

use std::time::Duration;

use colok_proto::Time;

use super::{Answers, PROVING_MAX, Phase, State, Step, Timetable, Traffic};
use crate::load::samples::{self, Ending};

/// How often messages without a reply are looked for, as a part of the time that they have.
const SEARCHES_PER_TIMEOUT: u32 = 64;

/// In how many searches every connection is looked at once.
const SEARCHES_PER_PASS: usize = 8;

/// The longest and the shortest time between two searches.
const SEARCH_EVERY_MAX: Duration = Duration::from_millis(50);
/// See `SEARCH_EVERY_MAX`.
const SEARCH_EVERY_MIN: Duration = Duration::from_millis(1);

/// How long replies are awaited when the user wants to stop.
const AWAIT_INTERRUPTED: Duration = Duration::from_secs(1);

/// When asking idle connections ends if nothing answers from `now` on: with time enough that those
/// asked at this moment are given up before.
pub(super) fn proving_ends(now: Time, reply_timeout: Duration) -> Time {
    now + reply_timeout + SEARCH_EVERY_MAX
}

impl Traffic {
    /// Says when sending begins. Connections may be opened before; nothing is sent until then.
    pub fn begin(&mut self, timetable: Timetable) {
        if let Some(arrivals) = &mut self.arrivals {
            arrivals.begin(timetable.start);
        }
        self.timetable = Some(timetable);
        self.slice_start = timetable.start;
    }

    /// Says when sending ends; the earliest word counts.
    pub fn end_at(&mut self, end: Time) {
        self.end = self.end.min(end);
        if let Phase::Sending { until } = &mut self.phase {
            *until = self.end;
        }
    }

    /// The user wants to stop: sending ends now, and replies are awaited for a moment only.
    pub fn interrupt(&mut self, now: Time) {
        if !self.interrupted {
            self.interrupted = true;
            self.end_at(now);
            if matches!(self.phase, Phase::Opening) {
                self.phase = Phase::Awaiting { until: now };
            }
        }
    }

    /// Everything ends at this moment; what is on its way stays so.
    pub fn abandon(&mut self, now: Time) {
        self.interrupt(now);
        self.enter_end(now);
        self.phase = Phase::Over;
        self.hand_over_rest(now);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Time) {
        if self.phase == Phase::Over {
            return;
        }
        if let (Phase::Opening, Some(timetable)) = (self.phase, self.timetable)
            && now >= timetable.start
        {
            self.phase = Phase::Sending { until: self.end };
            self.book.measure_from = timetable.measure_from;
        }
        if now >= self.search_at {
            self.search_unanswered(now);
        }
        self.cut(match self.phase {
            // A thread that wakes up late must not make the measured time longer.
            Phase::Sending { until } => now.min(until),
            _ => now,
        });
        self.advance(now);
    }

    /// Whether all is over: nothing is to be sent and nothing is awaited.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Whether each connection has been tried.
    pub fn is_settled(&self) -> bool {
        self.settled == self.options.connections
    }

    /// How many connections were opened, those made anew included.
    pub fn opened_ever(&self) -> u64 {
        self.opened_ever
    }

    /// Whether messages leave by a schedule.
    #[inline]
    pub fn is_open_loop(&self) -> bool {
        self.arrivals.is_some()
    }

    /// Whether the measured time is over.
    pub fn is_sent(&self) -> bool {
        self.ended
    }

    /// Until when a loop may wait if nothing comes.
    pub fn next_time(&self, now: Time) -> Time {
        if !self.steps.is_empty() {
            return now;
        }
        let mut next = self.search_at;
        let mut earlier = |time: Option<Time>| next = time.map_or(next, |time| time.min(next));
        earlier(self.next_opening());
        earlier(self.timetable.map(|timetable| timetable.end_of(self.index)));
        match self.phase {
            Phase::Opening => earlier(self.timetable.map(|timetable| timetable.start)),
            Phase::Sending { until } => {
                earlier(Some(until));
                let arrival = self.arrivals.as_ref().map_or(now, super::Arrivals::next);
                earlier((!self.ready.is_empty() && self.quota > 0).then_some(arrival));
            }
            Phase::Awaiting { until } | Phase::Proving { until } => earlier(Some(until)),
            Phase::Over => return now,
        }
        next
    }

    /// What is left to say when all is over. What concerns the thread is not filled in.
    pub fn ending(&self) -> Ending {
        let mut ending = Ending {
            in_flight: self.book.in_flight,
            backlog: self.backlog,
            own_backlog: self.own_backlog,
            ..Ending::default()
        };
        for one in &self.connections[..self.options.active as usize] {
            ending.answered_per_connection.connection(one.answered);
        }
        ending
    }

    /// Goes on to the next phase when this one is over.
    fn advance(&mut self, now: Time) {
        if let Phase::Sending { until } = self.phase {
            if now >= until {
                self.enter_end(until);
                self.await_replies(now);
            } else if self.quota == 0 && self.options.active > 0 {
                // The last replies still belong to the measured time.
                self.await_replies(now);
            }
        }
        if let Phase::Awaiting { until } = self.phase
            && (self.nothing_awaited() || now >= until)
        {
            self.give_up_rest(now);
            self.enter_end(now);
            let proves = self.options.answers == Answers::Replies
                && self.options.active < self.options.connections
                && !self.interrupted;
            let until = proving_ends(now, self.options.reply_timeout);
            self.phase = if proves { Phase::Proving { until } } else { Phase::Over };
        }
        if let Phase::Proving { until } = self.phase
            && (self.proving == self.options.connections && self.book.in_flight == 0
                || now >= until)
        {
            self.give_up_rest(now);
            self.count_unasked();
            self.phase = Phase::Over;
        }
        if self.phase == Phase::Over {
            self.hand_over_rest(now);
        }
    }

    fn nothing_awaited(&self) -> bool {
        self.book.in_flight == 0 || self.options.answers == Answers::Stream
    }

    fn await_replies(&mut self, now: Time) {
        let longest = self.options.reply_timeout;
        let wait = if self.interrupted { longest.min(AWAIT_INTERRUPTED) } else { longest };
        self.phase = Phase::Awaiting { until: now + wait };
        if self.options.answers == Answers::End {
            (0..self.options.active).for_each(|connection| self.half_close(connection));
        }
    }

    /// Ends the measured time, once; the interval ends with it.
    fn enter_end(&mut self, end: Time) {
        if self.ended {
            return;
        }
        self.book.measure_until = end;
        self.count_backlog(end);
        self.cut(end);
        if self.timetable.is_some() && end > self.slice_start {
            self.hand_over(end);
        }
        self.ended = true;
    }

    /// What was due and not sent when sending ended, and how much of that is our own doing: a
    /// thread that was stopped or had no processor leaves it though connections are free.
    fn count_backlog(&mut self, end: Time) {
        let free_since = self.free_since();
        let (Some(arrivals), true) = (&mut self.arrivals, self.quota > 0) else { return };
        // Until a connection was free the service was waited for.
        let waited = free_since.map(|since| arrivals.clone().skip_until(since.min(end)));
        let backlog = arrivals.skip_until(end);
        self.backlog = backlog.min(self.quota);
        let own = waited.map_or(0, |waited| backlog.saturating_sub(waited));
        self.own_backlog = own.min(self.backlog);
    }

    /// Since when there is a connection that a message could have been put on, if it is known:
    /// where nothing answers nobody says when there was room again.
    fn free_since(&self) -> Option<Time> {
        if self.options.answers != Answers::Replies {
            return None;
        }
        let sent_max = self.sent_max();
        let ready = self.ready.iter().map(|connection| &self.connections[*connection as usize]);
        ready.filter(|one| one.has_room(sent_max)).map(|one| one.free_since).min()
    }

    /// Idle connections are asked one after another whether they live.
    pub(super) fn take_for_proof(&mut self) -> Option<u32> {
        let Phase::Proving { .. } = self.phase else { return None };
        if self.book.in_flight >= PROVING_MAX as u64 {
            return None;
        }
        while self.proving < self.options.connections {
            self.proving += 1;
            let connection = self.proving - 1;
            if self.connections[connection as usize].state == State::Open {
                return Some(connection);
            }
        }
        None
    }

    /// Idle connections that were not asked, because those before them are silent, are not known to
    /// live.
    fn count_unasked(&mut self) {
        let unasked = &self.connections[self.proving as usize..];
        let count = unasked.iter().filter(|one| one.state == State::Open).count() as u64;
        if count > 0 {
            *self.book.slice.ended_early.entry("timeout".to_owned()).or_default() += count;
        }
    }

    /// Ends the sending side of a connection, once.
    pub(super) fn half_close(&mut self, connection: u32) {
        let one = &mut self.connections[connection as usize];
        if one.state == State::Open && !one.half_closed {
            one.half_closed = true;
            self.steps.push_back(Step::HalfClose(connection));
        }
    }

    /// The system took everything of a connection to a service that does not answer.
    pub(super) fn taken_over(&mut self, connection: u32) {
        let sent_max = self.sent_max();
        if self.connections[connection as usize].sent >= sent_max {
            self.half_close(connection);
        } else {
            self.enqueue(connection);
        }
    }

    /// Looks at some connections for messages whose time is over.
    fn search_unanswered(&mut self, now: Time) {
        let every = self.options.reply_timeout / SEARCHES_PER_TIMEOUT;
        self.search_at = now + every.clamp(SEARCH_EVERY_MIN, SEARCH_EVERY_MAX);
        let count = self.connections.len();
        for _ in 0..count.div_ceil(SEARCHES_PER_PASS) {
            self.search = if self.search + 1 < count { self.search + 1 } else { 0 };
            self.give_up(self.search, now);
        }
    }

    fn give_up_rest(&mut self, now: Time) {
        (0..self.connections.len()).for_each(|place| self.give_up(place, now));
    }

    /// Gives up the messages of one connection whose time is over.
    fn give_up(&mut self, place: usize, now: Time) {
        let timeout = self.options.reply_timeout;
        let one = &mut self.connections[place];
        if one.caller.oldest().is_none_or(|oldest| oldest.sent + timeout > now) {
            return;
        }
        let had_room = one.has_room(u64::MAX);
        let book = &mut self.book;
        // A nanosecond more, so that those of exactly that age are given up too.
        let age = Duration::from_nanos(now.as_nanos().saturating_add(1));
        let before = Time::ZERO + age.saturating_sub(timeout);
        one.caller.give_up(before, &mut |judged| book.judged(judged, now));
        let connection = u32::try_from(place).unwrap_or(u32::MAX);
        if self.has_room_again(connection, had_room, now) {
            self.enqueue(connection);
        }
    }

    /// Hands over every interval that is over.
    fn cut(&mut self, now: Time) {
        let Some(timetable) = self.timetable else { return };
        while self.phase != Phase::Opening && now >= timetable.end_of(self.index) {
            self.hand_over(timetable.end_of(self.index));
        }
    }

    /// Hands over what is left when all is over, also when there never was a start.
    fn hand_over_rest(&mut self, now: Time) {
        self.cut(now);
        self.hand_over(now.max(self.slice_start));
        self.open = 0;
    }

    /// Hands the interval over as one that ends here.
    fn hand_over(&mut self, end: Time) {
        let start = self.timetable.map_or(self.slice_start, |timetable| timetable.start);
        let (run, phase) = self.part();
        let slice = &mut self.book.slice;
        (slice.index, slice.run, slice.phase) = (self.index, run, phase);
        slice.start_s = self.slice_start.since(start).as_secs_f64();
        slice.seconds = end.since(self.slice_start).as_secs_f64();
        slice.connections_open = self.open;
        let full = std::mem::take(slice);
        *slice = (self.exchange)(full);
        self.slice_start = end;
        self.index += 1;
    }

    /// The run and the part of the load that the open interval lies in.
    fn part(&self) -> (u32, samples::Phase) {
        let Some(timetable) = self.timetable else { return (0, samples::Phase::Connecting) };
        let behind = self.index.saturating_sub(timetable.intervals_before());
        let run = behind / timetable.intervals_per_run.max(1);
        let phase = if self.ended {
            samples::Phase::Ending
        } else if self.slice_start >= timetable.measure_from {
            samples::Phase::Measuring
        } else if self.slice_start < timetable.start + self.options.ramp_up {
            samples::Phase::Connecting
        } else {
            samples::Phase::WarmUp
        };
        (run, phase)
    }
}
