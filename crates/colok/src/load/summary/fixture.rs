//! A load made of numbers, for tests: healthy unless a test changes something about it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, UNIX_EPOCH};

use super::super::plan::{Address, Arrivals, Call, Io, Length, Pace, Plan, Sizes};
use super::super::report::{Machine, Report, ServerUse};
use super::super::samples::{Ending, Phase, Slice, ThreadFigures};
use super::{Processors, Totals};

/// Intervals that measure in one run. One of warm-up is before them, one of ending behind them.
pub(in super::super) const MEASURING: u32 = 20;

/// Seconds of each.
pub(in super::super) const INTERVAL_S: f64 = 0.5;

/// Messages in each.
pub(in super::super) const MESSAGES: u64 = 100;

/// Echo over TCP on loopback, closed loop, 10 s.
pub(in super::super) fn plan() -> Plan {
    Plan {
        url: "tcp://127.0.0.1:5001".to_owned(),
        address: Address::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 5001))),
        call: Call::Echo,
        connections: 2,
        active: 2,
        depth: 1,
        pace: Pace::Closed,
        sizes: Sizes::Fixed(64),
        messages_per_connection: None,
        ramp_up_s: Duration::ZERO,
        warm_up_s: Duration::from_millis(500),
        length: Length::For(Duration::from_secs(10)),
        until: None,
        reply_timeout_s: Duration::from_secs(5),
        connect_timeout_s: Duration::from_secs(5),
        threads: 1,
        pin: Vec::new(),
        processes: 1,
        io: Io::Auto,
        seed: 1,
        server_pid: None,
    }
}

/// The same as an open loop at the rate that the fixture answers, times `factor`.
pub(in super::super) fn open(factor: f64) -> Plan {
    let rate_per_s = f64::from(u32::try_from(MESSAGES).expect("small")) / INTERVAL_S * factor;
    Plan { pace: Pace::Open { rate_per_s, arrivals: Arrivals::Poisson }, ..plan() }
}

/// A load; its report is made when every change has been said.
pub(in super::super) struct Load {
    pub(in super::super) plan: Plan,
    /// How many runs; more than one needs `plan.until`.
    pub(in super::super) runs: u32,
    /// Changes each slice before it is handed in.
    pub(in super::super) each: fn(&mut Slice),
    pub(in super::super) ending: Ending,
    pub(in super::super) machine: Machine,
    pub(in super::super) processors: Processors,
    pub(in super::super) server: Option<ServerUse>,
    pub(in super::super) error: Option<&'static str>,
    pub(in super::super) interrupted: bool,
}

impl Load {
    pub(in super::super) fn of(plan: Plan) -> Self {
        Self {
            plan,
            runs: 1,
            each: |_| (),
            ending: Ending {
                threads: vec![thread(0.4, 0.0)],
                descriptors: 12,
                descriptors_max: 1024,
                ports_max: Some(28_232),
                ..Ending::default()
            },
            machine: Machine { processors: 2, path: "loopback".to_owned(), ..Machine::default() },
            processors: Processors { own: vec![0], server: Some(vec![1]) },
            server: None,
            error: None,
            interrupted: false,
        }
    }

    pub(in super::super) fn report(self) -> Report {
        self.totals().report()
    }

    pub(in super::super) fn totals(self) -> Totals {
        let command = vec!["colok".to_owned(), "load".to_owned(), self.plan.url.clone()];
        let mut totals = Totals::new(&self.plan, command, UNIX_EPOCH, 1);
        let last = 1 + self.runs * MEASURING;
        for index in 0..=last {
            let mut slice = healthy(index, last);
            (self.each)(&mut slice);
            totals.take(0, &slice);
        }
        totals.ended(0, &self.ending);
        totals.io = "epoll".to_owned();
        totals.machine = self.machine;
        totals.processors = self.processors;
        totals.server = self.server;
        totals.error = self.error.map(ToOwned::to_owned);
        totals.interrupted = self.interrupted;
        totals
    }
}

/// What a thread used in the time of one run.
pub(in super::super) fn thread(busy: f64, delayed: f64) -> ThreadFigures {
    ThreadFigures { seconds: 10.0, processor_s: busy * 10.0, delayed_s: Some(delayed * 10.0) }
}

/// An interval in which every message was answered, in 50 to 149 us.
fn healthy(index: u32, last: u32) -> Slice {
    let phase = match index {
        0 => Phase::WarmUp,
        index if index < last => Phase::Measuring,
        _ => Phase::Ending,
    };
    let (start_s, seconds) = (f64::from(index) * INTERVAL_S, INTERVAL_S);
    let run = index.saturating_sub(1) / MEASURING;
    let mut slice = Slice { index, run, phase, start_s, seconds, ..Slice::default() };
    slice.connections_open = 2;
    if index == 0 {
        slice.connections_opened = 2;
        slice.connect.record_ns(30_000);
    }
    if phase == Phase::Ending {
        slice.connections_open = 0;
        return slice;
    }
    // A little more in every other interval: throughput is never quite even.
    let messages = MESSAGES + u64::from(index % 2);
    (slice.counts.sent, slice.counts.answered) = (messages, messages);
    (slice.counts.sent_bytes, slice.counts.received_bytes) = (messages * 64, messages * 64);
    if phase == Phase::Measuring {
        slice.measured = slice.counts;
        for message in 0..messages {
            slice.service.record_ns(50_000 + message * 1000);
            slice.response.record_ns(60_000 + message * 1000);
            slice.slip.record_ns(10_000);
            slice.own_slip.record_ns(1000);
        }
    }
    slice
}
