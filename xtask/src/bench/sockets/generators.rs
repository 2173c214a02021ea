//! The generators: how each is started, and how its report is read.
//!
//! Servers are always loaded by `colok load`; the others are here to be compared with it, each in
//! what it can do. A report that does not say that every reply was right is a failure.

use std::net::SocketAddr;

use super::{
    json::Json,
    plan::{Load, Service, Work},
    programs::{Found, Programs},
};

/// A generator of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generator {
    ColokLoad,
    CLoad,
    Sockperf,
    Iperf3,
}

/// What is sent at once where bytes in one direction are measured.
const BULK_BYTES: u32 = 64 * 1024;

/// How long a generator works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Times {
    /// Not measured.
    pub(super) warm_up_ms: u64,
    pub(super) measured_ms: u64,
}

/// What a generator reports.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// Messages (bulk: MiB) per second.
    pub(super) rate: f64,
    pub(super) p50_us: Option<f64>,
    pub(super) p99_us: Option<f64>,
    /// Processor time of the generator per message (bulk: per MiB), if it tells.
    pub(super) own_us: Option<f64>,
    /// Of the server per message, if it was told to look.
    pub(super) server_us: Option<f64>,
    /// Share of the time in which the busiest thread of the generator worked, in percent.
    pub(super) busy_percent: Option<f64>,
    /// In all, warm-up included: for those who do not tell their processor time.
    pub(super) messages: f64,
}

impl Generator {
    /// In the order of the tables.
    pub(super) const ALL: [Self; 4] = [Self::ColokLoad, Self::CLoad, Self::Sockperf, Self::Iperf3];

    /// As `--only` and the tables know it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ColokLoad => "colok-load",
            Self::CLoad => "c-load",
            Self::Sockperf => "sockperf",
            Self::Iperf3 => "iperf3",
        }
    }

    /// What it is, for the list below the tables.
    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::ColokLoad => "`colok load`: every reply checked and timed, every message counted",
            Self::CLoad => {
                "plain C, epoll, one thread (`bench/peers/c/load.c`): every reply checked with \
                 memcmp and timed to the wake-up it came with"
            }
            Self::Sockperf => {
                "`sockperf ping-pong`, and `under-load` where more is on the way: replies are \
                 timed and their sequence is looked at, their bytes are not"
            }
            Self::Iperf3 => "`iperf3` against its own server: nothing is checked or timed",
        }
    }

    /// The one that others are divided by, for this work.
    pub(super) fn base(work: &Work) -> Self {
        match work {
            Work::Bulk => Self::Iperf3,
            Work::Generate(load) if load.service == Service::UdpEcho => Self::Sockperf,
            _ => Self::CLoad,
        }
    }

    /// Whether it can do this at all; the reason is for the row.
    pub(super) fn takes(self, work: &Work) -> Result<(), String> {
        let reason = match (self, work) {
            (Self::ColokLoad, _) | (Self::Iperf3, Work::Bulk) => return Ok(()),
            (Self::CLoad, Work::Generate(load)) if load.service == Service::Echo => return Ok(()),
            (Self::Sockperf, Work::Generate(load)) if load.service == Service::UdpEcho => {
                return Ok(());
            }
            (Self::CLoad, _) => "speaks TCP echo only",
            (Self::Sockperf, Work::Bulk) => "its throughput mode tells no result of the receiver",
            (Self::Sockperf, _) => "has one message on its way, whatever the connections",
            (Self::Iperf3, _) => "has no mode with replies",
        };
        Err(reason.to_owned())
    }

    /// The service of `bench/peers/c/serve.c` that answers it.
    pub(super) fn served_by(self, work: &Work) -> &'static str {
        match (self, work) {
            (_, Work::Bulk) => "discard",
            // It does not take its own bytes back; the server clears one bit for it.
            (Self::Sockperf, _) => "sockperf",
            (_, Work::Generate(load)) if load.service == Service::UdpEcho => "udp-echo",
            _ => "echo",
        }
    }

    /// The program.
    pub(super) fn program(self, programs: &Programs) -> &Found {
        match self {
            Self::ColokLoad => &programs.colok,
            Self::CLoad => &programs.load,
            Self::Sockperf => &programs.sockperf,
            Self::Iperf3 => &programs.iperf3,
        }
    }

    /// Its words. `server` is the process to look at.
    pub(super) fn words(
        self,
        work: &Work,
        at: SocketAddr,
        times: Times,
        server: Option<u32>,
    ) -> Vec<String> {
        let (ip, port) = (at.ip().to_string(), at.port().to_string());
        match (self, work) {
            (Self::ColokLoad, _) => colok_words(work, at, times, server),
            (Self::CLoad, Work::Serve(load) | Work::Generate(load)) => {
                let seconds = |ms: u64| format!("{}.{:03}", ms / 1000, ms % 1000);
                let numbers = [load.connections, load.depth, load.size].map(|n| n.to_string());
                let [connections, depth, size] = numbers;
                let (warm_up, measured) = (seconds(times.warm_up_ms), seconds(times.measured_ms));
                vec![ip, port, connections, depth, size, warm_up, measured]
            }
            (Self::Sockperf, Work::Serve(load) | Work::Generate(load)) => {
                let time = whole_seconds(times).to_string();
                let size = load.size.to_string();
                let words = ["--full-rtt", "-i", &ip, "-p", &port, "-m", &size, "-t", &time];
                // One at a time, or as many as it can send, each to be answered.
                let (mode, pace): (_, &[&str]) = match load.depth {
                    1 => ("ping-pong", &[]),
                    _ => ("under-load", &["--mps=max", "--reply-every=1"]),
                };
                [&[mode], &words[..], pace].concat().into_iter().map(str::to_owned).collect()
            }
            _ => {
                let (time, size) = (whole_seconds(times).to_string(), BULK_BYTES.to_string());
                let words = ["-c", &ip, "-p", &port, "-t", &time, "-l", &size, "-J"];
                words.map(str::to_owned).to_vec()
            }
        }
    }

    /// What it said, read.
    pub(super) fn read(self, work: &Work, text: &str) -> Result<Outcome, String> {
        let json = || Json::parse(text).ok_or_else(|| "its report is no JSON".to_owned());
        match self {
            Self::ColokLoad => colok_outcome(work, &json()?),
            Self::CLoad => c_outcome(&json()?).ok_or_else(|| "its report is not whole".to_owned()),
            Self::Sockperf => {
                sockperf_outcome(text).ok_or_else(|| "its summary is not whole".to_owned())
            }
            Self::Iperf3 => {
                iperf3_outcome(&json()?).ok_or_else(|| "its report is not whole".to_owned())
            }
        }
    }
}

/// For those who count in seconds.
fn whole_seconds(times: Times) -> u64 {
    times.measured_ms.div_ceil(1000)
}

fn colok_words(work: &Work, at: SocketAddr, times: Times, server: Option<u32>) -> Vec<String> {
    let bulk = Load {
        service: Service::Discard,
        connections: 1,
        size: BULK_BYTES,
        depth: 1,
        sockets: super::plan::Sockets::Same,
    };
    let load = match work {
        Work::Serve(load) | Work::Generate(load) => load,
        _ => &bulk,
    };
    let address = match load.service {
        Service::Echo => format!("tcp://{at}"),
        Service::UdpEcho => format!("udp://{at}"),
        Service::Count => format!("count=tcp://{at}"),
        Service::Discard => format!("discard=tcp://{at}"),
    };
    let mut words = vec!["load".to_owned(), address];
    let mut add = |name: &str, value: String| words.extend([format!("--{name}"), value]);
    add("connections", load.connections.to_string());
    // Nothing comes back that could be waited for; the flag is refused there.
    if load.service != Service::Discard {
        add("depth", load.depth.to_string());
    }
    add("size", load.size.to_string());
    add("warm-up", format!("{}ms", times.warm_up_ms));
    add("for", format!("{}ms", times.measured_ms));
    add("threads", "1".to_owned());
    // Whoever starts a process for each of hundreds of connections needs longer than 5 s for it on
    // a slow machine.
    add("connect-timeout", "20s".to_owned());
    add("reply-timeout", "20s".to_owned());
    if let Some(server) = server {
        add("server-pid", server.to_string());
    }
    words.extend(["--json".to_owned(), "--quiet".to_owned()]);
    words
}

fn colok_outcome(work: &Work, json: &Json) -> Result<Outcome, String> {
    let outcome = json.text("outcome").unwrap_or("not known");
    if outcome != "ok" {
        let count = |name: &str| json.number(&format!("reconciliation.{name}")).unwrap_or(0.0);
        let error = json.text("error").unwrap_or("no error named");
        let (wrong, lost) = (count("wrong"), count("lost"));
        return Err(format!("outcome {outcome}: {error}; {wrong} wrong, {lost} lost"));
    }
    let whole = || -> Option<Outcome> {
        let mebibytes = json.number("throughput.sent_bytes_per_s")? / (1024.0 * 1024.0);
        let per_message = json.number("generator.processor_us_per_message");
        let bulk = *work == Work::Bulk;
        let rate = json.number("summary.messages_per_s")?;
        // Not the two figures per message: they need a clock tick of 10 ms to tell user from system
        // time, and their sum is not better known by that.
        let server = json.number("server.busy").zip(json.number("throughput.seconds"));
        let measured = json.number("throughput.messages").filter(|&messages| messages > 0.0);
        let busy = json.numbers("generator.thread_busy").into_iter().reduce(f64::max);
        Some(Outcome {
            rate: if bulk { mebibytes } else { rate },
            p50_us: json.number("summary.latency_us.p50"),
            p99_us: json.number("summary.latency_us.p99"),
            own_us: if bulk { per_message.map(|us| us * rate / mebibytes) } else { per_message },
            server_us: server
                .zip(measured)
                .map(|((busy, seconds), messages)| busy * seconds * 1e6 / messages),
            busy_percent: busy.map(|share| share * 100.0),
            messages: json.number("reconciliation.sent")?,
        })
    };
    whole().ok_or_else(|| "its report is not whole".to_owned())
}

fn c_outcome(json: &Json) -> Option<Outcome> {
    let messages = json.number("messages").filter(|&messages| messages > 0.0)?;
    let processor = json.number("processor_us")?;
    Some(Outcome {
        rate: json.number("messages_per_s")?,
        p50_us: json.number("p50_us"),
        p99_us: json.number("p99_us"),
        own_us: Some(processor / messages),
        server_us: None,
        busy_percent: Some(processor / json.number("seconds")? / 1e4),
        messages,
    })
}

/// The lines `[Valid Duration] RunTime=0.550 sec; SentMessages=10; ReceivedMessages=10`, the same
/// of the whole run, and `percentile 50.000 = 52.037`.
fn sockperf_outcome(text: &str) -> Option<Outcome> {
    let line = |start: &str| text.lines().find_map(|line| line.split_once(start));
    let field = |start: &str, name: &str| -> Option<f64> {
        let (_, rest) = line(start)?.1.split_once(name)?;
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
        rest[..end.unwrap_or(rest.len())].parse().ok()
    };
    let valid = "[Valid Duration]";
    let percentile = |name: &str| line(name)?.1.trim().parse().ok();
    let received = field(valid, "ReceivedMessages=").filter(|&count| count > 0.0)?;
    Some(Outcome {
        rate: received / field(valid, "RunTime=")?,
        p50_us: percentile("percentile 50.000 ="),
        p99_us: percentile("percentile 99.000 ="),
        messages: field("[Total Run]", "ReceivedMessages=")?,
        ..Outcome::default()
    })
}

fn iperf3_outcome(json: &Json) -> Option<Outcome> {
    let bits = json.number("end.sum_received.bits_per_second").filter(|&bits| bits > 0.0)?;
    let mebibytes = bits / 8.0 / (1024.0 * 1024.0);
    let busy = json.number("end.cpu_utilization_percent.host_total");
    Some(Outcome {
        rate: mebibytes,
        own_us: busy.map(|percent| percent / 100.0 * 1e6 / mebibytes),
        busy_percent: busy,
        ..Outcome::default()
    })
}

#[cfg(test)]
#[path = "generators_tests.rs"]
mod tests;
