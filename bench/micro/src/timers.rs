//! The timers of a worker with 1000 connections.

use std::hint::black_box;
use std::time::Duration;

use colok_proto::Time;

use crate::wheel::Timers;
use crate::{ROUND_NS, Work};

const CONNECTIONS: usize = 1000;

/// How long connections may be idle.
const IDLE: Duration = Duration::from_secs(5);

/// More than any run takes by its own clock, and within the reach of the wheel.
const NEVER: Duration = Duration::from_hours(240);

/// A connection comes and goes.
pub fn timer_set_and_clear() -> Work {
    let mut timers = armed();
    rounds(move |now| {
        timers.set(CONNECTIONS, black_box(now + IDLE));
        timers.clear(black_box(CONNECTIONS));
    })
}

/// Another deadline for one connection after the other.
pub fn timer_move() -> Work {
    let mut timers = armed();
    let mut index = 0;
    let mut spans = [IDLE, Duration::from_millis(50)];
    rounds(move |now| {
        index = (index + 1) % CONNECTIONS;
        spans.reverse();
        timers.set(black_box(index), now + spans[0]);
    })
}

/// A deadline that moves away, as with every message: the timer stays where it is.
pub fn timer_stay() -> Work {
    let mut timers = armed();
    let mut index = 0;
    rounds(move |now| {
        index = (index + 1) % CONNECTIONS;
        let deadline = black_box(now + IDLE);
        // As the engine does it.
        if timers.armed(black_box(index)).is_none_or(|armed| deadline < armed) {
            timers.set(index, deadline);
        }
    })
}

/// A timer fires and is set again; it passed two levels of the wheel.
pub fn timer_expire() -> Work {
    let mut timers = Timers::new();
    let mut due = Vec::with_capacity(CONNECTIONS);
    let mut now = Time::ZERO;
    Box::new(move || {
        timers.set(black_box(0), now + IDLE);
        while due.is_empty() {
            now = timers.next_due().expect("it is set");
            timers.expire(now, &mut due);
        }
        assert_eq!(black_box(&due)[..], [0], "it fires");
        due.clear();
    })
}

pub fn timer_expire_nothing() -> Work {
    let mut timers = armed_for(NEVER);
    let mut due = Vec::new();
    rounds(move |now| {
        timers.expire(black_box(now), &mut due);
        assert!(black_box(&due).is_empty(), "nothing is due");
    })
}

pub fn timer_next_due() -> Work {
    let timers = armed();
    rounds(move |_| {
        black_box(black_box(&timers).next_due());
    })
}

fn armed() -> Timers {
    armed_for(IDLE)
}

/// Timers of connections that were active one after the other.
fn armed_for(span: Duration) -> Timers {
    let mut timers = Timers::new();
    for index in 0..CONNECTIONS {
        timers.set(index, Time::from_millis(index as u64) + span);
    }
    timers
}

/// Begins when the last connection was active.
fn rounds(mut work: impl FnMut(Time) + 'static) -> Work {
    let mut now = Time::from_millis(CONNECTIONS as u64).as_nanos();
    Box::new(move || {
        now += ROUND_NS;
        work(Time::from_nanos(now));
    })
}
