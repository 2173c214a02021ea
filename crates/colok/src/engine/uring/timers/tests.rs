//! Timers beside a map that keeps every tick, and at the edges of the wheel.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const TICK: u64 = 1 << TICK_BITS;

fn ticks(number: u64) -> Time {
    Time::from_nanos(number << TICK_BITS)
}

fn expired(timers: &mut Timers, now: Time) -> Vec<u32> {
    let mut out = Vec::new();
    timers.expire(now, &mut out);
    out.sort_unstable();
    out
}

/// What timers mean, without a wheel: the tick at which each fires.
#[derive(Default)]
struct Model {
    current: u64,
    fires: BTreeMap<u32, (u64, Time)>,
}

impl Model {
    fn set(&mut self, index: u32, due: Time) {
        let tick = due.as_nanos().div_ceil(TICK).min(u64::MAX / TICK);
        let tick = tick.max(self.current).min(self.current + HORIZON);
        self.fires.insert(index, (tick, due));
    }

    fn expire(&mut self, now: Time) -> Vec<u32> {
        self.current = self.current.max(now.as_nanos() / TICK);
        let due = self.fires.extract_if(.., |_, (tick, _)| *tick <= self.current);
        due.map(|(index, _)| index).collect()
    }

    fn first(&self) -> Option<Time> {
        self.fires.values().map(|(tick, _)| ticks(*tick)).min()
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Set, so many nanoseconds after (or before) now.
    Set(u32, i64),
    SetTo(u32, u64),
    Clear(u32),
    Sleep(u64),
    /// Sleep as long as the timers say, so many times.
    SleepUntilDue(u8),
}

/// Spans of every magnitude, so that every level and the horizon have their share.
fn spans() -> impl Strategy<Value = u64> {
    (0_u32..62, any::<u64>()).prop_map(|(bits, random)| random >> (63 - bits))
}

/// Spans are shorter than half of all time.
const fn signed(span: u64) -> i64 {
    span.cast_signed()
}

fn steps() -> impl Strategy<Value = Step> {
    let index = 0_u32..12;
    prop_oneof![
        6 => (index.clone(), spans()).prop_map(|(index, span)| Step::Set(index, signed(span))),
        1 => (index.clone(), 0_i64..1 << 40).prop_map(|(index, span)| Step::Set(index, -span)),
        1 => (index.clone(), any::<u64>()).prop_map(|(index, nanos)| Step::SetTo(index, nanos)),
        1 => index.clone().prop_map(|index| Step::SetTo(index, u64::MAX)),
        2 => index.prop_map(Step::Clear),
        3 => spans().prop_map(Step::Sleep),
        3 => (1_u8..12).prop_map(Step::SleepUntilDue),
    ]
}

/// Timers and their model, held against each other after every step.
struct Pair {
    timers: Timers,
    model: Model,
    now: Time,
}

impl Pair {
    fn starting_at(now: Time) -> Self {
        let mut pair = Self { timers: Timers::new(), model: Model::default(), now };
        pair.expire();
        pair
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Set(index, span) => {
                let due = Time::from_nanos(self.now.as_nanos().saturating_add_signed(span));
                self.set(index, due);
            }
            Step::SetTo(index, nanos) => self.set(index, Time::from_nanos(nanos)),
            Step::Clear(index) => {
                self.timers.clear(index as usize);
                self.model.fires.remove(&index);
            }
            Step::Sleep(span) => self.sleep_until(self.now.as_nanos().saturating_add(span)),
            Step::SleepUntilDue(times) => {
                for _ in 0..times {
                    let Some(due) = self.timers.next_due() else { break };
                    self.sleep_until(due.as_nanos());
                    self.compare();
                }
            }
        }
        self.compare();
    }

    fn set(&mut self, index: u32, due: Time) {
        self.timers.set(index as usize, due);
        self.model.set(index, due);
    }

    fn sleep_until(&mut self, nanos: u64) {
        self.now = self.now.max(Time::from_nanos(nanos));
        self.expire();
    }

    fn expire(&mut self) {
        assert_eq!(expired(&mut self.timers, self.now), self.model.expire(self.now));
    }

    fn compare(&self) {
        for index in 0..14 {
            let armed = self.timers.armed(index as usize);
            let Some(&(tick, due)) = self.model.fires.get(&index) else {
                assert_eq!(armed, None);
                continue;
            };
            let armed = armed.expect("a timer that is set");
            assert!(armed <= due, "{armed:?} is later than {due:?}");
            let passed = tick == self.model.current && armed == Time::ZERO;
            assert!(passed || ticks(tick) - armed < ticks(1) - Time::ZERO, "too early: {armed:?}");
        }
        assert_eq!(self.timers.next_due().is_some(), self.model.first().is_some());
        assert!(self.timers.next_due() <= self.model.first());
    }
}

proptest! {
    #[test]
    fn they_are_what_the_model_is(
        start in prop_oneof![Just(0), spans(), Just(u64::MAX >> 1), Just((1_u64 << 52) - 1)],
        steps in prop::collection::vec(steps(), 1..120),
    ) {
        let mut pair = Pair::starting_at(Time::from_nanos(start));
        for step in &steps {
            pair.run(step);
        }
    }
}

#[test]
fn a_timer_fires_at_the_first_tick_that_is_not_before_it() {
    let mut timers = Timers::new();
    timers.set(3, Time::from_nanos(5 * TICK + 1));
    assert_eq!(timers.armed(3), Some(Time::from_nanos(5 * TICK + 1)));
    assert_eq!(timers.next_due(), Some(ticks(6)));
    assert_eq!(expired(&mut timers, Time::from_nanos(6 * TICK - 1)), Vec::<u32>::new());
    assert_eq!(expired(&mut timers, ticks(6)), [3]);
    assert_eq!((timers.armed(3), timers.next_due()), (None, None));
    timers.set(3, ticks(8));
    assert_eq!(expired(&mut timers, ticks(8)), [3]);
}

#[test]
fn what_has_passed_fires_at_once_and_only_once() {
    let mut timers = Timers::new();
    let now = Time::from_nanos(1000 * TICK + 7);
    assert_eq!(expired(&mut timers, now), Vec::<u32>::new());
    timers.set(0, Time::from_millis(2));
    timers.set(1, now);
    assert_eq!(timers.armed(0), Some(Time::ZERO));
    assert!(timers.next_due().expect("two are set") <= now);
    assert_eq!(expired(&mut timers, now), [0]);
    assert_eq!(expired(&mut timers, now), Vec::<u32>::new());
    assert_eq!(expired(&mut timers, ticks(1001)), [1]);
}

#[test]
fn a_moved_timer_fires_when_it_was_moved_to() {
    let mut timers = Timers::new();
    for index in 0..3 {
        timers.set(index, ticks(70));
    }
    timers.set(1, ticks(5000));
    timers.set(2, ticks(3));
    timers.clear(7);
    assert_eq!(expired(&mut timers, ticks(69)), [2]);
    assert_eq!(expired(&mut timers, ticks(4999)), [0]);
    timers.clear(1);
    assert_eq!(expired(&mut timers, ticks(6000)), Vec::<u32>::new());
}

#[test]
fn a_deadline_that_never_comes_is_looked_at_before_the_horizon() {
    let mut timers = Timers::new();
    let never = Time::from_nanos(u64::MAX);
    timers.set(0, never);
    let looked_at = timers.next_due().expect("it is set");
    assert!(looked_at > Time::from_millis(12 * 24 * 3600 * 1000));
    assert_eq!(expired(&mut timers, ticks(HORIZON - 1)), Vec::<u32>::new());
    assert_eq!(expired(&mut timers, ticks(HORIZON)), [0]);
    // And at the end of time, where no later tick exists.
    assert_eq!(expired(&mut timers, never), Vec::<u32>::new());
    timers.set(0, never);
    assert_eq!(expired(&mut timers, never), [0]);
}

#[test]
fn a_sleep_of_centuries_costs_no_step_per_tick() {
    let mut timers = Timers::new();
    for index in 0..1000 {
        timers.set(index, ticks(1 << (index % 30)));
    }
    // 2^43 ticks: whoever stepped through them would not come back.
    assert_eq!(expired(&mut timers, ticks(1 << 43)).len(), 1000);
    assert_eq!(timers.next_due(), None);
}

/// Whoever sleeps as long as is said wakes at most once per level for a timer, and is never late.
#[test]
fn few_sleeps_lead_to_a_timer() {
    for due in [1, 63, 64, 4095, 4096, 4769, 262_143, 262_145, 1 << 24, HORIZON] {
        for start in [0, 1, 63, 100, 4095, (1 << 24) - 1, (1 << 30) - 2, (1 << 32) - 3] {
            let mut timers = Timers::new();
            assert_eq!(expired(&mut timers, ticks(start)), Vec::<u32>::new());
            timers.set(0, ticks(start + due));
            let mut wakes = 0;
            loop {
                let now = timers.next_due().expect("it has not fired");
                wakes += 1;
                if !expired(&mut timers, now).is_empty() {
                    assert_eq!(now, ticks(start + due), "from {start}, {due} ticks");
                    break;
                }
            }
            assert!(wakes <= LEVELS, "{wakes} wakes from {start} for {due} ticks");
        }
    }
}

#[test]
fn a_clock_that_steps_back_changes_nothing() {
    let mut timers = Timers::new();
    assert_eq!(expired(&mut timers, ticks(500)), Vec::<u32>::new());
    timers.set(0, ticks(501));
    assert_eq!(expired(&mut timers, ticks(400)), Vec::<u32>::new());
    assert_eq!(expired(&mut timers, ticks(501)), [0]);
}
