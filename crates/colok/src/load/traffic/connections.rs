//! The life of connections: which is opened, tried again, closed, and why.

use colok_proto::Time;

use super::{Answers, CONNECTING_MAX, Phase, RETRY_AFTER, State, Step, Traffic};

impl Traffic {
    /// What the loop is to do now. Take steps until there is none.
    #[inline]
    pub fn next_step(&mut self, now: Time) -> Option<Step> {
        if let Some(step) = self.steps.pop_front() {
            return Some(step);
        }
        if let Some(connection) = self.take_ready(now) {
            return Some(Step::Fill(connection));
        }
        self.connect_due(now).map(|connection| {
            self.connecting += 1;
            self.connections[connection as usize].state = State::Connecting;
            Step::Connect(connection)
        })
    }

    /// A connection on which a message is due.
    #[inline]
    fn take_ready(&mut self, now: Time) -> Option<u32> {
        let Phase::Sending { until } = self.phase else { return self.take_for_proof() };
        if now >= until
            || self.quota == 0
            || self.arrivals.as_ref().is_some_and(|arrivals| arrivals.next() > now)
        {
            return None;
        }
        let sent_max = self.sent_max();
        while let Some(connection) = self.ready.pop_front() {
            let one = &mut self.connections[connection as usize];
            one.queued = false;
            if one.has_room(sent_max) {
                return Some(connection);
            }
        }
        None
    }

    /// A connection that is to be opened.
    fn connect_due(&mut self, now: Time) -> Option<u32> {
        if self.connecting >= CONNECTING_MAX || !self.opens() {
            return None;
        }
        if let Some((at, connection)) = self.retries.front().copied()
            && at <= now
        {
            self.retries.pop_front();
            return Some(connection);
        }
        if self.tried < self.options.connections && self.opening_at(now) <= now {
            self.tried += 1;
            return Some(self.tried - 1);
        }
        None
    }

    /// When the next connection that was never tried is to be opened.
    fn opening_at(&mut self, now: Time) -> Time {
        let since = *self.opening_since.get_or_insert(now);
        let share = f64::from(self.tried) / f64::from(self.options.connections.max(1));
        since + self.options.ramp_up.mul_f64(share)
    }

    /// Whether connections are opened in this phase.
    fn opens(&self) -> bool {
        matches!(self.phase, Phase::Opening | Phase::Sending { .. })
    }

    /// When a connection is to be opened next, if that is known.
    pub(super) fn next_opening(&self) -> Option<Time> {
        if self.connecting >= CONNECTING_MAX || !self.opens() {
            return None;
        }
        let retry = self.retries.front().map(|(at, _)| *at);
        let fresh = (self.tried < self.options.connections).then(|| {
            let share = f64::from(self.tried) / f64::from(self.options.connections.max(1));
            self.opening_since.map_or(Time::ZERO, |s| s + self.options.ramp_up.mul_f64(share))
        });
        [retry, fresh].into_iter().flatten().min()
    }

    /// A connection was made that was begun at `since`.
    pub fn opened(&mut self, connection: u32, since: Time, now: Time) {
        self.settle(connection);
        let one = &mut self.connections[connection as usize];
        one.state = State::Open;
        one.free_since = now;
        one.sent = 0;
        one.half_closed = false;
        self.open += 1;
        self.opened_ever += 1;
        let slice = &mut self.book.slice;
        slice.connections_opened += 1;
        let nanos = u64::try_from(now.since(since).as_nanos()).unwrap_or(u64::MAX);
        slice.connect.record_ns(nanos);
        self.enqueue(connection);
    }

    /// A connection could not be made, for this reason: the name of an errno, or `timeout`.
    pub fn failed(&mut self, connection: u32, reason: &str, now: Time) {
        let first = self.settle(connection);
        self.connections[connection as usize].state = State::Absent;
        add(&mut self.book.slice.failed, reason);
        // One that never was there is given up; one that was is wanted back.
        if !first && connection < self.options.active {
            self.retries.push_back((now + RETRY_AFTER, connection));
        }
    }

    /// A try is over. Returns whether it was this connection's first.
    fn settle(&mut self, connection: u32) -> bool {
        self.connecting -= 1;
        let one = &mut self.connections[connection as usize];
        let first = !std::mem::replace(&mut one.settled, true);
        self.settled += u32::from(first);
        first
    }

    /// The peer or the network ended a connection, for this reason: `peer-closed` or the name of
    /// an errno. The loop has closed it, or does so now.
    pub fn closed(&mut self, connection: u32, reason: &str, now: Time) {
        let wanted = {
            let one = &self.connections[connection as usize];
            one.half_closed && reason == "peer-closed"
        };
        if !wanted && matches!(self.phase, Phase::Sending { .. } | Phase::Opening) {
            add(&mut self.book.slice.ended_early, reason);
            if connection < self.options.active {
                self.retries.push_back((now + RETRY_AFTER, connection));
            }
        } else if !wanted && !matches!(self.phase, Phase::Over) {
            add(&mut self.book.slice.ended_early, reason);
        } else if wanted && self.opens() {
            self.retries.push_front((now, connection));
        }
        self.forget(connection, wanted, now);
    }

    /// The caller of a connection that is gone is replaced; what was open is lost, and what nobody
    /// answers was `taken` or is lost.
    pub(super) fn forget(&mut self, connection: u32, taken: bool, now: Time) {
        let fresh = self.options.caller(self.numbered);
        self.numbered += 1;
        let one = &mut self.connections[connection as usize];
        let book = &mut self.book;
        one.caller.ended(&mut |judged| book.judged(judged, now));
        let unanswered = std::mem::take(&mut one.unanswered);
        book.settled(unanswered, taken);
        one.answered += if taken { unanswered } else { 0 };
        one.caller = fresh;
        one.state = State::Absent;
        self.open -= 1;
    }

    /// A connection has carried as many messages as it may: it is closed and made anew.
    pub(super) fn used_up(&mut self, connection: u32, now: Time) {
        if self.options.answers == Answers::End {
            self.half_close(connection);
            return;
        }
        self.steps.push_back(Step::Close(connection));
        self.forget(connection, true, now);
        if self.opens() {
            self.retries.push_front((now, connection));
        }
    }
}

fn add(reasons: &mut std::collections::BTreeMap<String, u64>, reason: &str) {
    match reasons.get_mut(reason) {
        Some(count) => *count += 1,
        None => drop(reasons.insert(reason.to_owned(), 1)),
    }
}
