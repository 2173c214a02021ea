//! What came of a load: plain result values. No printing, no measuring.
//!
//! Every figure says in its name what unit it has; every percentile says how many samples lie
//! beyond it; what was not measured is absent (`null`), never zero.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::plan::Plan;

/// The name of this form of report; it changes when a reader of the old form would be misled.
pub const FORM: &str = "colok-load-1";

/// Name and version of the program, as a report tells them.
pub const TOOL: &str = concat!("colok ", env!("CARGO_PKG_VERSION"));

/// A whole report. The same shape on every way out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`FORM`].
    pub form: String,
    /// Name and version of the program.
    pub tool: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What went wrong, when `outcome` is `failed`.
    pub error: Option<String>,
    /// The few figures that scripts want.
    pub summary: Summary,
    /// What was asked for, every default filled in.
    pub plan: Plan,
    /// The command, as words, that repeats it.
    pub command: Vec<String>,
    /// Where it ran.
    pub machine: Machine,
    /// When it started, UTC, RFC 3339.
    pub started: String,
    /// How the kernel was asked, as it turned out: `epoll` or `uring`.
    pub io: String,
    /// Messages and bytes per second, with what is known of their error.
    pub throughput: Throughput,
    /// From the first byte sent of a message to the last byte of its reply.
    pub service_time: Option<Latency>,
    /// Open loop: from when a message was due to the last byte of its reply.
    pub response_time: Option<Latency>,
    /// Open loop: from when a message was due to when it was sent.
    pub schedule_slip: Option<Latency>,
    /// From the call of `connect` to the connection.
    pub connect_time: Option<Latency>,
    /// Every message, accounted for.
    pub reconciliation: Reconciliation,
    /// The connections.
    pub connections: Connections,
    /// What happened in each interval, in order, warm-up included.
    pub intervals: Vec<Interval>,
    /// The means of the whole runs, when several were asked for.
    pub runs: Vec<RunFigures>,
    /// What the generator itself used and how it kept up.
    pub generator: Generator,
    /// What the server used, when it is on this machine and its process was named.
    pub server: Option<ServerUse>,
    /// What a reader must know before believing the figures; the gravest first.
    pub findings: Vec<Finding>,
}

/// What is told instead of a report when there was nothing to carry out, because the command was
/// not understood or its host not found: the part of a report that needs no plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// [`FORM`].
    pub form: String,
    /// Name and version of the program.
    pub tool: String,
    /// `failed`.
    pub outcome: Outcome,
    /// Why.
    pub error: String,
    /// Nothing is known; `ok` is false.
    pub summary: Summary,
}

impl Refusal {
    /// Says why there is no report.
    pub fn new(error: impl Into<String>) -> Self {
        Self {
            form: FORM.to_owned(),
            tool: TOOL.to_owned(),
            outcome: Outcome::Failed,
            error: error.into(),
            summary: Summary::default(),
        }
    }
}

/// How a load ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As planned, and every reply was right.
    Ok,
    /// As planned, but replies were wrong or lost, or connections failed.
    Errors,
    /// As planned, but the throughput is not known as well as was asked for, or at all: nothing
    /// was measured.
    NotProved,
    /// Stopped by the user; the figures are those until then.
    Interrupted,
    /// It could not be carried out.
    Failed,
}

/// The few figures that scripts want. Absent is `null`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Every message sent in the measured time got its right reply.
    pub ok: bool,
    /// Answered messages per second (discard: sent; chargen: none).
    pub messages_per_s: Option<f64>,
    /// Payload bytes received (discard: sent) per second.
    pub bytes_per_s: Option<f64>,
    /// Half the 95 % confidence interval of the throughput, in percent of it.
    pub throughput_error_percent: Option<f64>,
    /// Open loop: response time; closed loop: service time.
    pub latency_us: Option<SummaryLatency>,
    /// Wrong, lost, duplicated and unexpected replies, on a stream also those out of order, and
    /// connections that failed or ended early; over all time.
    pub errors: u64,
    /// The generator was the bottleneck.
    pub generator_limited: bool,
}

/// Percentiles in microseconds; `null` where fewer than 10 samples lie beyond.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SummaryLatency {
    pub min: f64,
    pub mean: f64,
    pub p50: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub p999: Option<f64>,
    pub max: f64,
}

/// Throughput over the measured time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Throughput {
    /// The measured time, warm-up not in it.
    pub seconds: f64,
    /// Messages answered (discard: sent) in it. In an open loop these may be more than were asked
    /// for, when messages that were due in the warm-up had to wait and are answered now.
    pub messages: u64,
    /// Per second. `None` for chargen, which has no messages.
    pub messages_per_s: Option<f64>,
    /// Payload bytes sent per second.
    pub sent_bytes_per_s: f64,
    /// Payload bytes received per second.
    pub received_bytes_per_s: f64,
    /// The 95 % confidence interval, from the parts of the run (one run) or the runs (several).
    pub interval: Option<ConfidenceInterval>,
    /// Open loop: messages per second that were asked for.
    pub requested_per_s: Option<f64>,
    /// Open loop: how many messages were due and not yet sent when the run ended.
    pub backlog: Option<u64>,
}

/// A 95 % confidence interval of the mean of messages (chargen: bytes) per second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfidenceInterval {
    /// The mean.
    pub mean: f64,
    /// Half the width.
    pub half_width: f64,
    /// Half the width in percent of the mean.
    pub percent: f64,
    /// From so many parts or runs.
    pub samples: u32,
    /// `parts` of one run, or `runs`.
    pub of: String,
}

/// A distribution of times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// How many samples.
    pub count: u64,
    /// The smallest, in microseconds.
    pub min_us: f64,
    /// The mean.
    pub mean_us: f64,
    /// The standard deviation.
    pub deviation_us: f64,
    /// The largest.
    pub max_us: f64,
    /// Percentiles, ascending: 50, 75, 90, 95, 99, 99.9, 99.99, 99.999 as far as there are samples.
    pub percentiles: Vec<Percentile>,
    /// The whole distribution in nanoseconds: `HdrHistogram` V2, 3 significant digits,
    /// deflate, base64. Such histograms of several runs add up exactly.
    pub histogram: String,
}

/// One percentile, and what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Percentile {
    /// 0 to 100.
    pub percentile: f64,
    /// The value in microseconds.
    pub us: f64,
    /// How many samples lie beyond it. Below 10 the value says little.
    pub samples_beyond: u64,
}

/// Every message, accounted for, warm-up included. `sent == answered + wrong + lost + in_flight`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reconciliation {
    /// Messages sent whole, or begun.
    pub sent: u64,
    /// Their right reply came.
    pub answered: u64,
    /// A reply came that differs from what must come.
    pub wrong: u64,
    /// No reply came in time, or the connection ended before it.
    pub lost: u64,
    /// On their way when the run ended and the wait for them was over.
    pub in_flight: u64,
    /// Second replies to a message that had its reply. Not part of the sum.
    pub duplicates: u64,
    /// Right replies that came after one to a later message. Part of `answered`.
    pub out_of_order: u64,
    /// Replies to messages that had been given up as lost. Not part of the sum.
    pub late: u64,
    /// Bytes that nothing had asked for. Not part of the sum.
    pub unexpected_bytes: u64,
    /// Whether the sum is right. It always is; a `false` is a fault of the generator.
    pub balanced: bool,
}

/// What became of the connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Connections {
    /// Opened, connections made anew included.
    pub opened: u64,
    /// Could not be made, by reason.
    pub failed: Vec<CountedReason>,
    /// Ended by the server or the network before the end of the run, by reason.
    pub ended_early: Vec<CountedReason>,
    /// Open at the end of the run.
    pub open_at_end: u64,
    /// Addresses that connections were made from; more than one when ports ran short.
    pub source_addresses: u32,
    /// How evenly active connections were served: Jain's index, 1 is even, 1/n is one got all.
    pub fairness: Option<f64>,
    /// The fewest and the most messages answered on one active connection.
    pub answered_min: Option<u64>,
    /// See `answered_min`.
    pub answered_max: Option<u64>,
}

/// How often something happened for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountedReason {
    /// The name of an errno (`ECONNREFUSED`), `peer-closed` or `timeout`.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// One interval.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Since the first message, in seconds.
    pub start_s: f64,
    /// How long it was.
    pub seconds: f64,
    /// It lies in the warm-up.
    pub warm_up: bool,
    /// Messages sent in it.
    pub sent: u64,
    /// Messages answered in it.
    pub answered: u64,
    /// Payload bytes received in it.
    pub received_bytes: u64,
    /// Wrong, lost, duplicated, unexpected in it; on a stream also out of order.
    pub errors: u64,
    /// Open connections at its end.
    pub connections: u64,
    /// Service time of the messages answered in it.
    pub p50_us: Option<f64>,
    /// See `p50_us`.
    pub p99_us: Option<f64>,
    /// See `p50_us`.
    pub max_us: Option<f64>,
    /// Open loop: response time, 99th percentile.
    pub response_p99_us: Option<f64>,
}

/// One run of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RunFigures {
    pub seconds: f64,
    pub messages_per_s: f64,
    pub p50_us: Option<f64>,
    pub p99_us: Option<f64>,
}

/// What the generator itself used and how it kept up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    /// Threads in all, over all processes.
    pub threads: u32,
    /// Processes.
    pub processes: u32,
    /// Processor time per measured time of each thread: 1 is a thread that was never idle. Looks
    /// that found nothing, close before a message was due, are not counted.
    pub thread_busy: Vec<f64>,
    /// How long its threads were ready and had no processor, as a share of the measured time;
    /// empty where the kernel does not say.
    pub thread_delayed: Vec<f64>,
    /// Processor time per message, in microseconds.
    pub processor_us_per_message: Option<f64>,
    /// Open loop: how late messages left though a connection was free, 99th percentile, in
    /// microseconds: the generator's own share of the slip.
    pub own_slip_p99_us: Option<f64>,
    /// Open loop: how much of the backlog was due while a connection was free: the generator
    /// itself did not send it.
    pub own_backlog: Option<u64>,
    /// Descriptors in use, and how many one process may have.
    pub descriptors: u64,
    /// See `descriptors`.
    pub descriptors_max: u64,
    /// Local ports in use per source address, and how many there are. Inet only.
    pub ports: Option<u64>,
    /// See `ports`.
    pub ports_max: Option<u64>,
    /// Datagrams that the kernel dropped at our own sockets because we read too slowly.
    pub receive_drops: Option<u64>,
    /// The generator's own slowness limited the figures.
    pub limited: bool,
}

/// What the server used in the measured time, children included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerUse {
    /// The process that was named.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// How many processes were counted.
    pub processes: u32,
    /// Processor time per measured time: 1 is one processor, always busy.
    pub busy: f64,
    /// Processor time per measured time of its busiest thread, where threads can be told apart: a
    /// server whose only working thread is always busy can do no more, whatever else is idle.
    pub busiest_thread: Option<f64>,
    /// User and system time per message, in microseconds.
    pub user_us_per_message: Option<f64>,
    /// See `user_us_per_message`.
    pub system_us_per_message: Option<f64>,
    /// Proportional set size (PSS; resident where that is not to be had) at the end, in KiB.
    pub memory_kib: u64,
    /// How much that grew from before the first connection, per connection, in bytes.
    pub memory_bytes_per_connection: Option<f64>,
    /// How much it grew during the measured time, per message, in bytes.
    pub memory_bytes_per_message: Option<f64>,
}

/// Where a load ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Machine {
    pub processor: String,
    pub processors: u32,
    pub memory_mib: u64,
    pub kernel: String,
    pub system: String,
    /// Other work: average number of runnable processes in the minute before.
    pub load_average: f64,
    /// `loopback`, `unix`, or the interface that leads there.
    pub path: String,
}

/// What a reader must know before believing the figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Finding {
    /// The generator was the bottleneck; the server may be able to do more.
    GeneratorLimited {
        /// Why, each as a fact with its figure.
        reasons: Vec<LimitReason>,
    },
    /// The server did not keep up with the rate: latencies grow for as long as the load lasts.
    /// Where the generator itself could not send so fast, that is told instead.
    RateNotReached {
        /// Asked for, messages per second.
        requested_per_s: f64,
        /// Reached.
        achieved_per_s: f64,
        /// Due and not sent when the run ended.
        backlog: u64,
    },
    /// The confidence interval asked for was not reached.
    NotSteady {
        /// Wanted and reached, percent.
        wanted_percent: f64,
        /// See `wanted_percent`; `None` when there were too few runs to say.
        reached_percent: Option<f64>,
        /// After so many runs.
        runs: u32,
    },
    /// Replies were wrong, lost, doubled or unexpected, or, on a stream, out of order.
    Unreliable,
    /// Connections could not be made or ended early.
    ConnectionsFailed,
    /// Fewer samples than a percentile needs: the figure says how many there were. 0 also where
    /// nothing at all was measured.
    FewSamples {
        /// How many.
        count: u64,
    },
    /// The server was on this machine and shared processors with the generator.
    SharedProcessors,
}

/// Why the generator was the bottleneck.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum LimitReason {
    /// A thread was never idle.
    Processor {
        /// Of the busiest thread, 0 to 1.
        busy: f64,
    },
    /// Threads waited for a processor.
    Delayed {
        /// Share of the time, worst thread.
        share: f64,
    },
    /// Messages left late although a connection was free.
    Slip {
        /// 99th percentile in microseconds.
        p99_us: f64,
    },
    /// Messages were due and connections free, and it did not send: it was stopped, or had no
    /// processor for long.
    Backlog {
        /// How many messages.
        count: u64,
    },
    /// It ran out of descriptors.
    Descriptors {
        /// The limit.
        limit: u64,
    },
    /// It ran out of local ports.
    Ports {
        /// How many there are per address.
        available: u64,
    },
    /// The kernel dropped datagrams at its own sockets.
    ReceiveDrops {
        /// How many.
        count: u64,
    },
}
