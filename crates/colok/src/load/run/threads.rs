//! The threads of one process: each with its own share of the connections and of the rate, its
//! own loop, and a driver that carries orders to its traffic and words to the collector.
//!
//! It decides nothing about messages and merges nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, SystemTime};

use colok_proto::{CallerOptions, Framing, Time};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::clock::Clock;
use crate::engine::StopState;
use crate::load::own::{Resources, Stretch, ThreadUse, descriptors};
use crate::load::plan::{Call, Io, Length, Pace, Plan, caller_kind};
use crate::load::processes::{Orders, Share, Word};
use crate::load::samples::{Ending, Slice, ThreadFigures};
use crate::load::sources::Places;
use crate::load::traffic::{Answers, Timetable, Traffic, TrafficOptions};
use crate::load::{datagram, stream, summary, uring};

/// How long a loop waits at most before it hears orders: while connections are opened, when a
/// start may be near, and later.
const HEED_OPENING: Duration = Duration::from_millis(5);
/// See `HEED_OPENING`.
const HEED: Duration = Duration::from_millis(50);

/// A look that finds nothing takes one to two microseconds; when it took longer than this, the
/// thread had no processor for the rest, and that must not be taken off its processor time.
const SPIN_MAX: Duration = Duration::from_micros(5);

/// Runs the threads of one process until all have ended; the last word of each is its ending.
pub(in crate::load) fn run_threads(share: &Share, orders: &Orders, words: &Sender<Word>) {
    let clock = Clock::start();
    let threads = share.plan.threads.max(1);
    let looked = &AtomicBool::new(false);
    thread::scope(|scope| {
        for place in 0..threads {
            let words = words.clone();
            scope.spawn(move || Driver::new(share, place, orders, words, clock, looked).run());
        }
    });
}

/// What is this thread's, of `amount` that all threads have together; the first ones have more.
pub(in crate::load) fn part(amount: u32, place: u32, threads: u32) -> u32 {
    amount / threads + u32::from(place < amount % threads)
}

/// What a loop is given beside its traffic.
pub(in crate::load) struct Driver<'a> {
    /// The plan of this process.
    pub(in crate::load) plan: &'a Plan,
    /// The clock of this process.
    pub(in crate::load) clock: Clock,
    /// Where this thread's connections come from and go to.
    pub(in crate::load) places: Places,
    share: &'a Share,
    orders: &'a Orders,
    words: Sender<Word>,
    /// Which thread of this process.
    place: u32,
    timetable: Option<Timetable>,
    said_connected: bool,
    /// The measured time of this thread since it began; and what was used in it.
    used: Option<Stretch>,
    figures: Option<ThreadFigures>,
    /// Processor time spent on waiting awake; and how much of it before the measured time.
    spun: Duration,
    spun_before: Duration,
    /// A thread of this process has looked at its resources.
    looked: &'a AtomicBool,
    resources: Option<Resources>,
    /// Descriptors of this process when this thread had its connections.
    descriptors: u64,
}

impl<'a> Driver<'a> {
    fn new(
        share: &'a Share,
        place: u32,
        orders: &'a Orders,
        words: Sender<Word>,
        clock: Clock,
        looked: &'a AtomicBool,
    ) -> Self {
        let plan = &share.plan;
        let places = Places::new(share, place);
        Self {
            plan,
            clock,
            places,
            share,
            orders,
            words,
            place,
            timetable: None,
            said_connected: false,
            used: None,
            figures: None,
            spun: Duration::ZERO,
            spun_before: Duration::ZERO,
            looked,
            resources: None,
            descriptors: 0,
        }
    }

    /// The number of this thread among all of all processes.
    fn number(&self) -> u32 {
        self.share.thread_first + self.place
    }

    fn say(&self, word: Word) {
        // A collector that is gone needs no words.
        let _ = self.words.send(word);
    }

    fn run(mut self) {
        self.pin();
        let traffic = self.options().map(|options| self.traffic(options));
        let ending = match traffic {
            Ok(mut traffic) => {
                let ran = self.run_loop(&mut traffic);
                if let Err(text) = ran {
                    self.say(Word::Failed { text });
                    traffic.abandon(self.clock.now());
                }
                // All may have been sent before each connection was tried.
                self.say_connected(traffic.opened_ever());
                traffic.ending()
            }
            Err(text) => {
                self.say(Word::Failed { text });
                Ending::default()
            }
        };
        self.end(ending);
    }

    fn run_loop(&mut self, traffic: &mut Traffic) -> Result<(), String> {
        match Loop::of(self.plan) {
            Loop::Stream => stream::run(self, traffic),
            Loop::Uring => uring::run(self, traffic),
            Loop::Datagram => datagram::run(self, traffic),
        }
    }

    /// How many connections this thread has.
    pub(in crate::load) fn connections(&self) -> u32 {
        part(self.plan.connections, self.place, self.plan.threads.max(1))
    }

    /// The loop looked for something to do for so long, awake, and found nothing. That is not
    /// work, and is not reported as such.
    pub(in crate::load) fn spun(&mut self, time: Duration) {
        self.spun += time.min(SPIN_MAX);
    }

    fn end(mut self, mut ending: Ending) {
        self.say_connected(0);
        ending.threads = vec![self.figures.take().unwrap_or_default()];
        ending.source_addresses = self.places.used();
        ending.descriptors = self.descriptors;
        if let Some(own) = self.resources {
            // Some may have been closed since they were made.
            ending.descriptors = own.descriptors.max(self.descriptors);
            ending.descriptors_max = own.descriptors_max;
            (ending.ports, ending.ports_max) = (own.ports, own.ports_max);
            ending.receive_drops = own.receive_drops;
        }
        self.say(Word::Ending { thread: self.number(), ending: Box::new(ending) });
    }

    /// Pins this thread to its processor, when the plan names any.
    fn pin(&self) {
        let pins = &self.plan.pin;
        if pins.is_empty() {
            return;
        }
        let processor = pins[self.number() as usize % pins.len()];
        let mut set = CpuSet::new();
        set.set(processor as usize);
        if let Err(errno) = sched_setaffinity(None, &set) {
            self.say(Word::Failed { text: format!("pin to processor {processor}: {errno}") });
        }
    }

    fn traffic(&self, options: TrafficOptions) -> Traffic {
        let (words, thread) = (self.words.clone(), self.number());
        let exchange = move |full: Slice| {
            let _ = words.send(Word::Slice { thread, slice: Box::new(full) });
            Slice::default()
        };
        Traffic::new(options, Slice::default(), Box::new(exchange))
    }

    /// This thread's part of the plan.
    fn options(&self) -> Result<TrafficOptions, String> {
        let plan = self.plan;
        let threads = plan.threads.max(1);
        let active = part(plan.active, self.place, threads);
        let share_of_active = f64::from(active) / f64::from(plan.active.max(1));
        let open_loop = match plan.pace {
            Pace::Open { rate_per_s, arrivals } if active > 0 => {
                Some((rate_per_s * share_of_active, arrivals))
            }
            _ => None,
        };
        Ok(TrafficOptions {
            caller: self.caller()?,
            number_first: self.share.connection_first + u64::from(self.place),
            number_step: u64::from(threads),
            connections: self.connections(),
            active,
            open_loop,
            phase: f64::from(self.number()) / f64::from(threads * self.share.processes.max(1)),
            sizes: plan.sizes.clone(),
            seed: crate::load::arrivals::mixed_seed(plan.seed, u64::from(self.number())),
            messages: self.messages(active),
            messages_per_connection: plan.messages_per_connection,
            ramp_up: plan.ramp_up_s,
            reply_timeout: plan.reply_timeout_s,
            answers: match plan.call {
                Call::Discard => Answers::End,
                Call::Chargen => Answers::Stream,
                _ => Answers::Replies,
            },
        })
    }

    /// This thread's part of the messages; those of all threads add up to the plan's.
    fn messages(&self, active: u32) -> Option<u64> {
        let Length::Messages(all) = self.plan.length else { return None };
        let threads = self.plan.threads.max(1);
        let before: u32 = (0..self.place).map(|place| part(self.plan.active, place, threads)).sum();
        let up_to = |connections: u32| {
            let share = u128::from(all) * u128::from(connections);
            let share = share / u128::from(self.plan.active.max(1));
            u64::try_from(share).unwrap_or(u64::MAX)
        };
        Some(up_to(before + active) - up_to(before))
    }

    fn caller(&self) -> Result<CallerOptions, String> {
        let framing =
            if self.plan.address.is_stream() { Framing::Stream } else { Framing::Datagram };
        let kind = caller_kind(&self.plan.call, folder()).map_err(|error| error.to_string())?;
        Ok(CallerOptions::new(kind, self.plan.depth, framing))
    }

    /// Carries orders to the traffic and words to the collector. Once per wake-up of a loop; says
    /// whether to go on.
    pub(in crate::load) fn heed(&mut self, traffic: &mut Traffic, now: Time) -> bool {
        match self.orders.stop().state() {
            StopState::Run => {}
            StopState::Drain => traffic.interrupt(now),
            StopState::AtOnce => traffic.abandon(now),
        }
        if traffic.is_settled() {
            self.say_connected(traffic.opened_ever());
        }
        self.heed_start(traffic);
        self.heed_end(traffic, now);
        traffic.tick(now);
        // After it: with nothing left to await, one tick takes the traffic from sending to over.
        self.look_at_self(traffic, now);
        if traffic.is_over() && !self.looked.swap(true, Ordering::Relaxed) {
            // The first thread that awaits nothing any more: the connections of all are still
            // open, and what sockets have counted is gone with them.
            self.resources = Some(Resources::now(&self.plan.address));
        }
        !traffic.is_over()
    }

    /// Until when a loop may wait.
    pub(in crate::load) fn wait_until(&self, traffic: &Traffic, now: Time) -> Time {
        let longest = if self.timetable.is_none() { HEED_OPENING } else { HEED };
        traffic.next_time(now).min(now + longest)
    }

    fn say_connected(&mut self, opened: u64) {
        if !std::mem::replace(&mut self.said_connected, true) {
            if self.place == 0 {
                self.descriptors = descriptors().0;
            }
            self.say(Word::Connected { thread: self.number(), opened });
        }
    }

    fn heed_start(&mut self, traffic: &mut Traffic) {
        if self.timetable.is_some() {
            return;
        }
        if let Some(start) = self.orders.started() {
            let timetable = timetable(self.plan, self.clock.time_of(start));
            self.timetable = Some(timetable);
            traffic.begin(timetable);
        }
    }

    fn heed_end(&mut self, traffic: &mut Traffic, now: Time) {
        let runs = self.orders.runs();
        if runs == 0 && self.timetable.is_none() {
            traffic.interrupt(now);
        } else if runs == 0 {
            // Idle connections still prove that they live.
            traffic.end_at(now);
        } else if let (Some(timetable), Length::For(_)) = (self.timetable, self.plan.length) {
            // An order that comes after that moment means now.
            traffic.end_at(timetable.end_of_run(runs).max(now));
        }
    }

    /// Notes what this thread used in the measured time.
    fn look_at_self(&mut self, traffic: &Traffic, now: Time) {
        let Some(timetable) = self.timetable else { return };
        let clock = self.clock;
        if self.used.is_none() && now >= timetable.measure_from {
            self.used = Some(Stretch::begin(|| clock.now(), ThreadUse::now));
            self.spun_before = self.spun;
        }
        if let (Some(stretch), None, true) = (self.used, self.figures, traffic.is_sent()) {
            let spun = self.spun.saturating_sub(self.spun_before);
            self.figures = Some(stretch.end(|| clock.now(), ThreadUse::now, spun));
        }
    }
}

/// A folder for the files of this load: another for each load and each process.
fn folder() -> String {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("load/{:x}-{}", since_epoch.as_millis(), std::process::id())
}

/// How the kernel is asked for this plan.
pub(super) fn io_of(plan: &Plan) -> &'static str {
    match Loop::of(plan) {
        Loop::Stream | Loop::Datagram => "epoll",
        Loop::Uring => "uring",
    }
}

/// The loops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loop {
    Stream,
    Uring,
    Datagram,
}

impl Loop {
    /// The one that carries out this plan.
    fn of(plan: &Plan) -> Self {
        match plan.io {
            _ if !plan.address.is_stream() => Self::Datagram,
            Io::Uring => Self::Uring,
            Io::Auto if uring::is_best_for(plan) => Self::Uring,
            Io::Auto | Io::Epoll => Self::Stream,
        }
    }
}

/// The processors that threads of this plan run on.
pub(super) fn processors(plan: &Plan) -> Vec<u32> {
    if !plan.pin.is_empty() {
        let mut all = plan.pin.clone();
        all.sort_unstable();
        all.dedup();
        return all;
    }
    let Ok(set) = sched_getaffinity(None) else { return Vec::new() };
    (0..CpuSet::MAX_CPU).filter(|one| set.is_set(*one)).filter_map(|n| n.try_into().ok()).collect()
}

/// The times of a plan that starts at `start`.
pub(in crate::load) fn timetable(plan: &Plan, start: Time) -> Timetable {
    let wanted = Duration::from_secs_f64(summary::interval_s(plan).max(0.001));
    let measure_from = start + plan.ramp_up_s + plan.warm_up_s;
    match plan.length {
        Length::Messages(_) => {
            Timetable { start, measure_from, interval: wanted, intervals_per_run: u32::MAX }
        }
        Length::For(length) => {
            let count = length.as_nanos().div_ceil(wanted.as_nanos()).max(1);
            let intervals_per_run = u32::try_from(count).unwrap_or(u32::MAX);
            let interval = (length / intervals_per_run).max(Duration::from_nanos(1));
            Timetable { start, measure_from, interval, intervals_per_run }
        }
    }
}
