//! Carries a plan out: threads or processes that send, one collector that listens to them.
//!
//! The collector gives the start, watches the clock and the server, decides whether another run
//! is wanted, and puts the report together. It sends no message of a load and prints nothing; a
//! report comes back on every way out.

mod threads;

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

pub(super) use threads::{Driver, run_threads};

use super::own;
use super::plan::{Address, Length, Plan};
use super::processes::{Orders, Share, Word, run_processes, shares};
use super::report::{Interval, Report, SummaryLatency};
pub use super::samples::Phase;
use super::summary::{Finished, Totals};
use super::watch::{Look, Watch};
use crate::engine::{Stop, StopState};

/// The start is so far ahead that every thread hears of it before.
const START_AHEAD: Duration = Duration::from_millis(20);

/// How often the collector looks at the clock when nobody says anything.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Before so many runs nothing is said about how well the throughput is known.
const RUNS_MIN: u32 = 3;

/// Descriptors that it takes to lead one worker process, and those for all else.
const WORKER_DESCRIPTORS: u64 = 3;
/// See `WORKER_DESCRIPTORS`.
const OTHER_DESCRIPTORS: u64 = 24;

/// Bars of the histogram of [`Progress`].
const BUCKETS: usize = 24;

/// How a load is getting on, once for each interval that is over.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The interval.
    pub interval: Interval,
    /// Since sending began, in seconds.
    pub elapsed_s: f64,
    /// How long it is going to be in all, as far as that is known.
    pub total_s: Option<f64>,
    /// What the interval was part of.
    pub phase: Phase,
    /// The run, from 1.
    pub run: u32,
    /// Messages answered so far.
    pub answered: u64,
    /// Errors so far.
    pub errors: u64,
    /// Connections opened so far.
    pub opened: u64,
    /// Latency of the interval.
    pub latency: Option<SummaryLatency>,
    /// The latencies of the measured time so far: upper bounds in microseconds, with how many.
    pub buckets: Vec<(f64, u64)>,
}

/// Carries a plan out. `watch` is called from the caller's thread for every interval that is over.
/// Whatever goes wrong is said in the report.
pub fn run(
    plan: &Plan,
    command: Vec<String>,
    stop: &Stop,
    watch: &mut dyn FnMut(&Progress),
) -> Report {
    let descriptors_max = own::raise_descriptors();
    let shares = shares(plan, descriptors_max);
    let threads = shares.iter().map(|share| share.plan.threads.max(1)).sum();
    // The report says how many there were in the end, when descriptors did not suffice for one.
    let processes = u32::try_from(shares.len()).unwrap_or(u32::MAX);
    let threads_each = shares.first().map_or(plan.threads, |share| share.plan.threads);
    let resolved = Plan { processes, threads: threads_each, ..plan.clone() };
    let mut totals = Totals::new(&resolved, command, SystemTime::now(), threads);
    totals.machine = super::machine::machine(&plan.address);
    threads::io_of(plan).clone_into(&mut totals.io);
    let enough = plan.check().map_err(|error| error.to_string());
    let orders = match enough.and_then(|()| enough_for(processes, descriptors_max)) {
        Ok(()) => Orders::new(stop.clone(), plan.until.map_or(1, |until| until.runs_max))
            .map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    match orders {
        Ok(orders) => collect(plan, &shares, &orders, totals, watch),
        Err(error) => {
            totals.error = Some(error);
            totals.report()
        }
    }
}

/// Whether this process may have the descriptors that it needs to lead others.
fn enough_for(processes: u32, descriptors_max: u64) -> Result<(), String> {
    let needed = OTHER_DESCRIPTORS + u64::from(processes) * WORKER_DESCRIPTORS;
    if processes > 1 && needed > descriptors_max {
        return Err(format!(
            "this takes {processes} processes, and to lead them {needed} descriptors; there are \
             {descriptors_max}: raise the limit (ulimit -n), or use fewer connections"
        ));
    }
    Ok(())
}

/// Runs the shares and listens to them.
fn collect(
    plan: &Plan,
    shares: &[Share],
    orders: &Orders,
    mut totals: Totals,
    watch: &mut dyn FnMut(&Progress),
) -> Report {
    let server = match plan.server_pid.map(Watch::begin).transpose() {
        Ok(server) => server,
        Err(error) => {
            totals.error = Some(error.to_string());
            return totals.report();
        }
    };
    let (words, heard) = channel();
    thread::scope(|scope| {
        scope.spawn(move || match shares {
            [share] => run_threads(share, orders, &words),
            shares => run_processes(shares, orders, &words),
        });
        Collector::new(plan, shares, orders, totals, server).listen(&heard, watch)
    })
}

/// Listens to threads until all have said their last.
struct Collector<'a> {
    plan: &'a Plan,
    orders: &'a Orders,
    totals: Totals,
    server: Option<Watch>,
    /// What the server had used as the measured time began, and as it ended.
    looks: (Option<Look>, Option<Look>),
    /// Threads in all, those that send, those that are connected, and those that have ended.
    threads: usize,
    senders: usize,
    connected: usize,
    ended: usize,
    opened: u64,
    started: Option<Instant>,
    /// How many runs are over.
    runs_over: u32,
    errors: Vec<String>,
}

impl<'a> Collector<'a> {
    fn new(
        plan: &'a Plan,
        shares: &[Share],
        orders: &'a Orders,
        mut totals: Totals,
        mut server: Option<Watch>,
    ) -> Self {
        totals.processors.own = threads::processors(plan);
        totals.processors.server = server.as_mut().map(Watch::processors);
        let of = |share: &Share| share.plan.threads.max(1) as usize;
        let sending = |share: &Share| of(share).min(share.plan.active as usize);
        Self {
            plan,
            orders,
            totals,
            server,
            looks: (None, None),
            threads: shares.iter().map(of).sum(),
            senders: shares.iter().map(sending).sum(),
            connected: 0,
            ended: 0,
            opened: 0,
            started: None,
            runs_over: 0,
            errors: Vec::new(),
        }
    }

    fn listen(mut self, heard: &Receiver<Word>, watch: &mut dyn FnMut(&Progress)) -> Report {
        if !self.plan.ramp_up_s.is_zero() {
            self.start();
        }
        loop {
            match heard.recv_timeout(LOOK_EVERY) {
                Ok(word) => self.hear(word, watch),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.look_at_server();
        }
        self.finish()
    }

    fn hear(&mut self, word: Word, watch: &mut dyn FnMut(&Progress)) {
        let finished = match word {
            Word::Connected { opened, .. } => {
                self.connected += 1;
                self.opened += opened;
                self.all_connected();
                Vec::new()
            }
            Word::Slice { thread, slice } => self.totals.take(thread, &slice),
            Word::Ending { thread, ending } => {
                self.ended += 1;
                self.end_idle_threads();
                self.totals.ended(thread, &ending)
            }
            Word::Failed { text } => {
                self.errors.push(text);
                // Nothing that the others still do makes a whole load of it.
                self.orders.end_after(0);
                Vec::new()
            }
            Word::Gone { process, threads, status } => {
                self.errors.push(format!("worker process {process} ended: {status}"));
                // It will never be connected.
                self.orders.end_after(0);
                threads.flat_map(|thread| self.totals.gone(thread)).collect()
            }
        };
        for one in finished {
            self.interval_over(one, watch);
        }
    }

    /// Gives the start when every thread has its connections.
    fn all_connected(&mut self) {
        if self.connected < self.threads {
            return;
        }
        if self.opened == 0 {
            // Who was stopped before the first connection did not fail to make it, and what went
            // wrong before is the reason for this too.
            if self.orders.stop().state() == StopState::Run && self.errors.is_empty() {
                self.errors.push(self.nothing_opened());
            }
            self.orders.end_after(0);
        }
        self.start();
    }

    fn start(&mut self) {
        let start = *self.started.get_or_insert_with(|| Instant::now() + START_AHEAD);
        self.orders.start(start);
    }

    fn nothing_opened(&self) -> String {
        let kind = match self.plan.address {
            Address::Udp(_) => "no socket could be made",
            Address::Tcp(_) | Address::Unix(_) => "no connection could be made",
        };
        format!("{kind} to {}; is the service running there?", self.plan.url)
    }

    /// Threads that only hold connections do not know when all messages were sent.
    fn end_idle_threads(&self) {
        if self.ended == self.senders && matches!(self.plan.length, Length::Messages(_)) {
            self.orders.end_after(0);
        }
    }

    fn interval_over(&mut self, finished: Finished, watch: &mut dyn FnMut(&Progress)) {
        let elapsed_s = finished.interval.start_s + finished.interval.seconds;
        self.run_over(elapsed_s);
        watch(&Progress {
            elapsed_s,
            total_s: self.total_s(),
            phase: finished.phase,
            run: finished.run + 1,
            answered: self.totals.answered(),
            errors: self.totals.errors(),
            opened: self.totals.opened(),
            latency: finished.latency,
            buckets: self.totals.buckets(BUCKETS),
            interval: finished.interval,
        });
    }

    fn total_s(&self) -> Option<f64> {
        let Length::For(length) = self.plan.length else { return None };
        let runs = self.orders.runs().max(1);
        let whole = self.plan.until.is_none() || runs <= self.runs_over;
        let lead = self.plan.ramp_up_s + self.plan.warm_up_s;
        whole.then(|| (lead + length * runs).as_secs_f64())
    }

    /// Ends the repetition when a run is over and the throughput is known well enough.
    fn run_over(&mut self, elapsed_s: f64) {
        let (Some(until), Length::For(length)) = (self.plan.until, self.plan.length) else {
            return;
        };
        let lead = (self.plan.ramp_up_s + self.plan.warm_up_s).as_secs_f64();
        // Half of the shortest interval off is the same moment.
        let near = 0.025_f64.min(length.as_secs_f64() / 80.0);
        let next = lead + length.as_secs_f64() * f64::from(self.runs_over + 1);
        if elapsed_s + near < next || self.orders.runs() == self.runs_over {
            return;
        }
        self.runs_over += 1;
        let known = self.totals.interval_of_runs(self.runs_over);
        let enough = known.is_some_and(|interval| interval.percent <= until.percent);
        // A service that is gone is not asked again and again.
        let gone = self.totals.run_was_empty(self.runs_over);
        if self.runs_over >= RUNS_MIN && enough || gone {
            self.orders.end_after(self.runs_over);
        }
    }

    /// Looks at the server when the measured time begins, and when it ends.
    fn look_at_server(&mut self) {
        let (Some(server), Some(started)) = (&mut self.server, self.started) else { return };
        let begin = started + self.plan.ramp_up_s + self.plan.warm_up_s;
        let now = Instant::now();
        if self.looks.0.is_none() && now >= begin {
            self.looks.0 = Some(server.look());
        }
        let over = match self.plan.length {
            Length::For(length) => now >= begin + length * self.orders.runs(),
            Length::Messages(_) => self.ended > 0,
        };
        let stopped = self.orders.stop().state() != StopState::Run;
        if self.looks.0.is_some() && self.looks.1.is_none() && (over || stopped) {
            self.looks.1 = Some(server.look());
        }
    }

    fn finish(mut self) -> Report {
        if let (Some(server), (Some(before), after)) = (&mut self.server, self.looks) {
            let after = after.unwrap_or_else(|| server.look());
            let (seconds, messages) = (self.totals.measured_s(), self.totals.messages());
            let connections = self.opened;
            self.totals.server = server.used(&before, &after, seconds, messages, connections);
        }
        self.totals.interrupted = self.orders.stop().state() != StopState::Run;
        if !self.errors.is_empty() {
            self.errors.dedup();
            self.totals.error = Some(self.errors.join("; "));
        }
        self.totals.report()
    }
}
