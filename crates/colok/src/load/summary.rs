//! From samples to a report: what all threads handed in, put together.
//!
//! [`Totals`] takes slices and endings in any order between threads, merges them in bounded
//! memory, and becomes a [`Report`] whatever happened: complete, interrupted or failed. It
//! measures nothing and reads no clock.

mod figures;
mod rows;

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::plan::{Call, Length, Pace, Plan};
use super::report::{
    ConfidenceInterval, Interval, Machine, Report, RunFigures, ServerUse, SummaryLatency,
};
use super::samples::{Counts, Ending, Histogram, Phase, Slice, add_reasons};
use super::statistics::interval_of_mean;
use rows::Rows;

/// An interval is never shorter: handing in one costs a thread some hundred microseconds.
const INTERVAL_MIN_S: f64 = 0.05;

/// An interval is longer only where a run would have too many: people watch them go by.
const INTERVAL_USUAL_MAX_S: f64 = 1.0;

/// Intervals of a run as far as the two bounds above allow: twice as many as the parts that its
/// confidence interval is made from.
const INTERVALS: f64 = 40.0;

/// Intervals of one run at most.
const INTERVALS_MAX: f64 = 600.0;

/// The length of an interval where that of the run is not known.
const INTERVAL_UNKNOWN_S: f64 = 0.25;

/// A run that lasted for this part of its length is whole: the rest is rounding.
const WHOLE: f64 = 0.999;

/// Everything known of a load so far.
#[derive(Debug)]
pub struct Totals {
    /// Where it runs.
    pub machine: Machine,
    /// How the kernel is asked: `epoll` or `uring`.
    pub io: String,
    /// What the server used in the measured time.
    pub server: Option<ServerUse>,
    /// Which processors the generator's threads may use, and those of the server when known.
    pub processors: Processors,
    /// Why it could not be carried out. The report's outcome is then `failed`.
    pub error: Option<String>,
    /// The user stopped it.
    pub interrupted: bool,
    plan: Plan,
    command: Vec<String>,
    started: SystemTime,
    threads: Vec<Thread>,
    /// Intervals that some threads have not handed in yet.
    pending: BTreeMap<u32, Slice>,
    /// Slices to use again.
    spare: Vec<Slice>,
    /// All finished intervals as one.
    sum: Slice,
    /// What happened in the finished intervals that measure, and how long they were.
    window: Counts,
    measured_s: f64,
    rows: Rows,
    runs: Vec<Run>,
    ending: Ending,
}

/// Processors by number, as in `--pin`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processors {
    /// Those that the generator's threads may use.
    pub own: Vec<u32>,
    /// Those that the server may use; `None` when it is elsewhere or not known.
    pub server: Option<Vec<u32>>,
}

/// An interval for which every thread has handed in its slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// What the report will say of it.
    pub interval: Interval,
    /// What part of the load it is.
    pub phase: Phase,
    /// Number of the run, from 0.
    pub run: u32,
    /// Open loop: response time; closed loop: service time. Of this interval.
    pub latency: Option<SummaryLatency>,
}

/// A thread that hands in slices.
#[derive(Clone, Copy, Debug, Default)]
struct Thread {
    /// The first interval that it has not handed in.
    next: u32,
    /// Nothing more comes from it.
    over: bool,
    /// Its open connections when it last sent.
    open: u64,
}

/// One run of several.
#[derive(Debug)]
struct Run {
    seconds: f64,
    counts: Counts,
    /// Only of the run that is going on.
    latency: Option<Box<Histogram>>,
    figures: RunFigures,
}

impl Totals {
    /// Nothing has happened yet. So many threads will hand in slices, over all processes.
    pub fn new(plan: &Plan, command: Vec<String>, started: SystemTime, threads: u32) -> Self {
        Self {
            machine: Machine::default(),
            io: String::new(),
            server: None,
            processors: Processors::default(),
            error: None,
            interrupted: false,
            plan: plan.clone(),
            command,
            started,
            threads: vec![Thread::default(); threads as usize],
            pending: BTreeMap::new(),
            spare: Vec::new(),
            sum: Slice::default(),
            window: Counts::default(),
            measured_s: 0.0,
            rows: Rows::of(plan),
            runs: Vec::new(),
            ending: Ending::default(),
        }
    }

    /// Takes a slice of a thread (numbered from 0, over all processes). Tells the intervals that
    /// every thread has handed in by now, in order; mostly none or one.
    ///
    /// Threads that count further ahead than the others make slices wait here; they share a
    /// clock, so that is at most a few.
    pub fn take(&mut self, thread: u32, slice: &Slice) -> Vec<Finished> {
        if let Some(known) = self.threads.get_mut(thread as usize) {
            known.next = slice.index + 1;
            if slice.phase < Phase::Ending {
                known.open = slice.connections_open;
            }
        }
        if let Some(pending) = self.pending.get_mut(&slice.index) {
            pending.merge(slice);
        } else {
            let mut pending = self.spare.pop().unwrap_or_default();
            (pending.index, pending.run, pending.phase) = (slice.index, slice.run, slice.phase);
            (pending.start_s, pending.seconds) = (slice.start_s, slice.seconds);
            pending.merge(slice);
            self.pending.insert(slice.index, pending);
        }
        self.finish()
    }

    /// A thread has ended; no slice comes from it any more.
    pub fn ended(&mut self, thread: u32, ending: &Ending) -> Vec<Finished> {
        self.ending.merge(ending);
        self.over(thread)
    }

    /// A thread is gone without a word (its process died); no slice comes from it any more.
    pub fn gone(&mut self, thread: u32) -> Vec<Finished> {
        if let Some(thread) = self.threads.get_mut(thread as usize) {
            thread.open = 0;
        }
        self.over(thread)
    }

    fn over(&mut self, thread: u32) -> Vec<Finished> {
        if let Some(thread) = self.threads.get_mut(thread as usize) {
            thread.over = true;
        }
        self.finish()
    }

    /// Takes every interval that is whole into the sums.
    fn finish(&mut self) -> Vec<Finished> {
        let whole = self.threads.iter().filter(|thread| !thread.over).map(|thread| thread.next);
        let whole = whole.min().unwrap_or(u32::MAX);
        let mut finished = Vec::new();
        while let Some(first) = self.pending.first_entry().filter(|first| *first.key() < whole) {
            let mut slice = first.remove();
            finished.push(self.finish_one(&slice));
            slice.clear();
            self.spare.push(slice);
        }
        finished
    }

    fn finish_one(&mut self, slice: &Slice) -> Finished {
        self.sum.counts.add(&slice.counts);
        self.sum.measured.add(&slice.measured);
        self.sum.merge_histograms(slice);
        self.sum.connections_opened += slice.connections_opened;
        add_reasons(&mut self.sum.failed, &slice.failed);
        add_reasons(&mut self.sum.ended_early, &slice.ended_early);
        if slice.phase == Phase::Measuring {
            self.window.add(&slice.counts);
            self.measured_s += slice.seconds;
            self.add_to_run(slice);
        }
        let interval = self.row(slice);
        self.rows.push(&interval, slice);
        let latency = self.latency_of(slice).summary();
        Finished { interval, phase: slice.phase, run: slice.run, latency }
    }

    /// The latency that the plan is about: what a user of the service would see.
    fn latency_of<'a>(&self, slice: &'a Slice) -> &'a Histogram {
        if self.is_open_loop() { &slice.response } else { &slice.service }
    }

    fn add_to_run(&mut self, slice: &Slice) {
        if self.plan.until.is_none() {
            return;
        }
        if self.runs.len() <= slice.run as usize {
            if let Some(before) = self.runs.last_mut() {
                // Only its figures are kept: a histogram for each of many runs is much memory.
                before.latency = None;
            }
            self.runs.push(Run {
                seconds: 0.0,
                counts: Counts::default(),
                latency: Some(Box::default()),
                figures: no_figures(),
            });
        }
        let latency = if self.is_open_loop() { &slice.response } else { &slice.service };
        if let Some(run) = self.runs.last_mut() {
            run.seconds += slice.seconds;
            run.counts.add(&slice.counts);
            if let Some(all) = &mut run.latency {
                all.merge(latency);
            }
            run.figures = run_figures(run, &self.plan.call);
        }
    }

    fn row(&self, slice: &Slice) -> Interval {
        let max = slice.service.summary().map(|latency| latency.max);
        Interval {
            start_s: slice.start_s,
            seconds: slice.seconds,
            warm_up: slice.phase < Phase::Measuring,
            sent: slice.counts.sent,
            answered: slice.counts.answered,
            received_bytes: slice.counts.received_bytes,
            errors: self.errors_in(&slice.counts),
            connections: slice.connections_open,
            p50_us: slice.service.percentile_us(50.0),
            p99_us: slice.service.percentile_us(99.0),
            max_us: max,
            response_p99_us: slice.response.percentile_us(99.0),
        }
    }

    /// Messages answered (discard: sent) in the finished intervals that measure.
    pub fn messages(&self) -> u64 {
        messages_in(&self.window, &self.plan.call)
    }

    /// How long those intervals are together.
    pub fn measured_s(&self) -> f64 {
        self.measured_s
    }

    /// Messages answered so far, warm-up included.
    pub fn answered(&self) -> u64 {
        self.sum.counts.answered
    }

    /// Errors so far, failed connections included.
    pub fn errors(&self) -> u64 {
        let failed: u64 = self.sum.failed.values().sum();
        let ended: u64 = self.sum.ended_early.values().sum();
        self.errors_in(&self.sum.counts) + failed + ended
    }

    /// Datagrams may overtake each other; on a stream a reply out of order is the server's doing.
    fn errors_in(&self, counts: &Counts) -> u64 {
        let out_of_order = if self.plan.address.is_stream() { counts.out_of_order } else { 0 };
        counts.errors() + out_of_order
    }

    /// Connections opened so far.
    pub fn opened(&self) -> u64 {
        self.sum.connections_opened
    }

    /// The measured latencies so far: upper bounds in microseconds, ascending, with the number of
    /// samples; at most `most`, equally wide on a log scale.
    pub fn buckets(&self, most: usize) -> Vec<(f64, u64)> {
        let buckets = self.latency_of(&self.sum).log_buckets(most);
        buckets.into_iter().map(|(ns, count)| (super::histogram::microseconds(ns), count)).collect()
    }

    /// How well the throughput is known after the first `runs` runs; `None` for fewer than two.
    pub fn interval_of_runs(&self, runs: u32) -> Option<ConfidenceInterval> {
        let runs = self.runs.iter().take(runs as usize);
        let rates: Vec<f64> = runs.map(|run| run.rate(&self.plan.call)).collect();
        interval_of_mean(&rates, "runs")
    }

    /// Whether nothing was done in this run, the first being 1, which is over.
    pub fn run_was_empty(&self, run: u32) -> bool {
        let run = run.checked_sub(1).and_then(|index| self.runs.get(index as usize));
        run.is_some_and(|run| amount_in(&run.counts, &self.plan.call) == 0)
    }

    /// Runs that were not broken off: by the user, or because enough was known as they began.
    fn whole_runs(&self) -> usize {
        let Length::For(length) = self.plan.length else { return self.runs.len() };
        let whole_s = length.as_secs_f64() * WHOLE;
        self.runs.iter().take_while(|run| run.seconds >= whole_s).count()
    }

    fn is_open_loop(&self) -> bool {
        matches!(self.plan.pace, Pace::Open { .. })
    }

    /// The report. What never came is absent or zero; the shape is always the same.
    pub fn report(mut self) -> Report {
        // A thread that never said its end may have left some.
        for thread in &mut self.threads {
            thread.over = true;
        }
        self.finish();
        figures::report(self)
    }
}

impl Run {
    fn rate(&self, call: &Call) -> f64 {
        per_second(amount_in(&self.counts, call), self.seconds)
    }
}

fn run_figures(run: &Run, call: &Call) -> RunFigures {
    let percentile = |percentile| run.latency.as_ref()?.percentile_us(percentile);
    RunFigures {
        seconds: run.seconds,
        messages_per_s: per_second(messages_in(&run.counts, call), run.seconds),
        p50_us: percentile(50.0),
        p99_us: percentile(99.0),
    }
}

fn no_figures() -> RunFigures {
    RunFigures { seconds: 0.0, messages_per_s: 0.0, p50_us: None, p99_us: None }
}

/// What counts as done: answered messages, or sent ones where nothing is answered.
fn messages_in(counts: &Counts, call: &Call) -> u64 {
    match call {
        Call::Discard => counts.sent,
        Call::Chargen => 0,
        _ => counts.answered,
    }
}

/// What throughput is measured in: messages, or bytes where there are no messages.
fn amount_in(counts: &Counts, call: &Call) -> u64 {
    match call {
        Call::Chargen => counts.received_bytes,
        _ => messages_in(counts, call),
    }
}

/// 0 in no time, so that every figure is a number.
#[expect(clippy::cast_precision_loss, reason = "a rate needs no more digits than a float has")]
fn per_second(amount: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { amount as f64 / seconds } else { 0.0 }
}

/// How long an interval of this plan is, in seconds. A run is a whole number of them.
pub fn interval_s(plan: &Plan) -> f64 {
    let Length::For(length) = plan.length else { return INTERVAL_UNKNOWN_S };
    let length_s = length.as_secs_f64();
    let usual_s = (length_s / INTERVALS).clamp(INTERVAL_MIN_S, INTERVAL_USUAL_MAX_S);
    // Rounded first, so that 40 equal pieces are not 41 for the last digit of a float.
    let count = (length_s / usual_s * 1e6).round() / 1e6;
    length_s / count.ceil().clamp(1.0, INTERVALS_MAX)
}

#[cfg(test)]
pub(super) mod fixture;
#[cfg(test)]
mod tests;
