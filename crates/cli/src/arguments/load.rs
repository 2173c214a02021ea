//! What `colok load` was asked for: a plan, or a look at reports, or the schema of a report.
//!
//! Options that would have no effect on what was asked for are told; names are not looked up.

mod target;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use colok::load::plan::{
    Arrivals, CONNECTIONS_MAX, Call, DEPTH_MAX, Io, Length, Pace, Plan, Sizes, THREADS_MAX, Until,
};
use colok::load::processes::PROCESSES_MAX;
use colok::net::url::{Transport, Url};

use super::values::Values;
use crate::flags;
use crate::messages::Id;
use crate::problem::{Exit, Problem};
use crate::say;

use target::Target;
use words::{parse_cores, parse_percent, parse_rate, parse_sizes};

/// Connections, unless another number is asked for.
const CONNECTIONS: u32 = 64;
/// Size of a message in bytes.
const SIZE: u32 = 64;
/// The measured time.
const LENGTH: Duration = Duration::from_secs(10);
/// The longest warm-up that nobody asked for; a tenth of the measured time if that is less.
const WARM_UP_MAX: Duration = Duration::from_secs(2);
/// For `--until-ci`: runs.
const RUNS_MAX: u32 = 20;
/// For a reply, and for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// Fewer runs have no confidence interval.
const RUNS_MIN: u32 = 3;

/// `colok load`, read.
#[derive(Debug)]
pub(crate) enum LoadArguments {
    /// Traffic.
    Run(Box<LoadPlan>),
    /// Two reports, side by side.
    Compare { first: PathBuf, second: PathBuf, json: bool },
    /// The schema of the JSON report.
    Schema,
}

/// Traffic, and what is to be shown of it.
#[derive(Debug)]
pub(crate) struct LoadPlan {
    pub(crate) url: Url,
    /// The whole plan, but for the address: that is known when the name has been looked up.
    pub(crate) call: Call,
    pub(crate) connections: u32,
    pub(crate) active: u32,
    pub(crate) depth: u32,
    pub(crate) pace: Pace,
    pub(crate) sizes: Sizes,
    pub(crate) messages_per_connection: Option<u64>,
    pub(crate) ramp_up: Duration,
    pub(crate) warm_up: Duration,
    pub(crate) length: Length,
    pub(crate) until: Option<Until>,
    pub(crate) reply_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    /// `None`: as many as suit this computer; the same for `processes` and `seed`.
    pub(crate) threads: Option<u32>,
    pub(crate) pin: Vec<u32>,
    pub(crate) processes: Option<u32>,
    pub(crate) io: Io,
    pub(crate) seed: Option<u64>,
    pub(crate) server_pid: Option<u32>,
    pub(crate) json: bool,
    pub(crate) html: Option<PathBuf>,
    pub(crate) quiet: bool,
}

impl LoadArguments {
    pub(super) fn read(values: &Values<'_>) -> Result<Self, Problem> {
        if values.switch("schema") {
            return Ok(Self::Schema);
        }
        let mut reports = values.paths("compare");
        if let (Some(first), Some(second)) = (reports.next(), reports.next()) {
            only_with_compare(values)?;
            let (first, second) = (first.to_owned(), second.to_owned());
            return Ok(Self::Compare { first, second, json: values.switch("json") });
        }
        LoadPlan::read(values).map(|plan| Self::Run(Box::new(plan)))
    }
}

/// Beside `--compare` nothing else has an effect but `--json`.
fn only_with_compare(values: &Values<'_>) -> Result<(), Problem> {
    let given = flags::verb("load").map_or_else(Vec::new, |verb| values.given(verb));
    let other = given.iter().find(|name| !matches!(**name, "compare" | "json"));
    let other = other.map(|name| format!("--{name}"));
    match other.or_else(|| values.text("TARGET").map(str::to_owned)) {
        Some(option) => {
            let what =
                say!(values.messages, Id::UsageConflict, option = option, other = "--compare");
            Err(Problem::new(Exit::Usage, what).next("colok load --compare A.json B.json"))
        }
        None => Ok(()),
    }
}

impl LoadPlan {
    fn read(values: &Values<'_>) -> Result<Self, Problem> {
        let Target { url, call } = Target::read(values)?;
        let connections = values.count("connections", CONNECTIONS_MAX)?.unwrap_or(CONNECTIONS);
        let length = length(values)?;
        let plan = Self {
            connections,
            active: active(values, connections)?,
            depth: values.count("depth", DEPTH_MAX)?.unwrap_or(1),
            pace: pace(values)?,
            sizes: sizes(values, &call)?,
            messages_per_connection: long_count(values, "messages-per-connection")?,
            ramp_up: values.time("ramp-up")?.unwrap_or_default(),
            warm_up: values.time("warm-up")?.unwrap_or_else(|| usual_warm_up(length)),
            length,
            until: until(values)?,
            reply_timeout: values.positive_time("reply-timeout")?.unwrap_or(PATIENCE),
            connect_timeout: values.positive_time("connect-timeout")?.unwrap_or(PATIENCE),
            threads: values.count("threads", THREADS_MAX)?,
            pin: values.read("pin", Id::ValueCores, parse_cores)?.unwrap_or_default(),
            processes: values.count("processes", PROCESSES_MAX)?,
            io: io(values, &url)?,
            seed: values.read("seed", Id::ValueNumber, |text| text.parse().ok())?,
            server_pid: values.read("server-pid", Id::ValueNumberPositive, |text| {
                text.parse().ok().filter(|pid| *pid > 0)
            })?,
            json: values.switch("json"),
            html: values.path("html").map(PathBuf::from),
            quiet: values.switch("quiet"),
            url,
            call,
        };
        plan.check_effects(values)?;
        Ok(plan)
    }

    /// Options that would have no effect on this service.
    fn check_effects(&self, values: &Values<'_>) -> Result<(), Problem> {
        let without_messages: &[&str] =
            &["depth", "rate", "messages", "messages-per-connection", "size"];
        let useless: &[&str] = match self.call {
            Call::Chargen => without_messages,
            Call::Discard => &["depth"],
            Call::Custom { .. } => &["size"],
            _ => &[],
        };
        let name = match self.call {
            Call::Chargen => "chargen",
            Call::Discard => "discard",
            _ => "--send",
        };
        match useless.iter().find(|option| values.is_given(option)) {
            Some(option) => {
                let why = say!(values.messages, Id::LoadNotWith, service = name);
                Err(no_effect(values, option, why))
            }
            None => Ok(()),
        }
    }

    /// The plan, once the address is known and what was left open has been chosen.
    pub(crate) fn plan(&self, chosen: Chosen) -> Plan {
        let Chosen { address, threads, processes, seed } = chosen;
        Plan {
            url: self.url.without_options(),
            address,
            call: self.call.clone(),
            connections: self.connections,
            active: self.active,
            depth: self.depth,
            pace: self.pace,
            sizes: self.sizes.clone(),
            messages_per_connection: self.messages_per_connection,
            ramp_up_s: self.ramp_up,
            warm_up_s: self.warm_up,
            length: self.length,
            until: self.until,
            reply_timeout_s: self.reply_timeout,
            connect_timeout_s: self.connect_timeout,
            threads,
            pin: self.pin.clone(),
            processes,
            io: self.io,
            seed,
            server_pid: self.server_pid,
        }
    }
}

/// What the command line leaves open.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) address: colok::load::plan::Address,
    pub(crate) threads: u32,
    pub(crate) processes: u32,
    pub(crate) seed: u64,
}

/// A whole number from 1 on.
fn long_count(values: &Values<'_>, name: &str) -> Result<Option<u64>, Problem> {
    values.read(name, Id::ValueNumberPositive, |text| text.parse().ok().filter(|count| *count > 0))
}

fn active(values: &Values<'_>, connections: u32) -> Result<u32, Problem> {
    values.count("active", connections).map(|active| active.unwrap_or(connections))
}

fn pace(values: &Values<'_>) -> Result<Pace, Problem> {
    let rate = values.read("rate", Id::ValueRate, parse_rate)?;
    // The parser took only these two.
    let arrivals = match values.text("arrivals") {
        Some("even") => Arrivals::Even,
        _ => Arrivals::Poisson,
    };
    match rate {
        Some(rate_per_s) => Ok(Pace::Open { rate_per_s, arrivals }),
        None if values.is_given("arrivals") => {
            Err(no_effect(values, "arrivals", values.messages.text(Id::OnlyRate)))
        }
        None => Ok(Pace::Closed),
    }
}

fn sizes(values: &Values<'_>, call: &Call) -> Result<Sizes, Problem> {
    let usual = match call {
        // What is sent is what was given.
        Call::Custom { send, .. } => {
            let bytes = colok::client::unescape(send).map_or(send.len(), |bytes| bytes.len());
            u32::try_from(bytes).unwrap_or(u32::MAX)
        }
        _ => SIZE,
    };
    let sizes = values.read("size", Id::ValueSizes, parse_sizes)?;
    Ok(sizes.unwrap_or(Sizes::Fixed(usual)))
}

fn length(values: &Values<'_>) -> Result<Length, Problem> {
    match long_count(values, "messages")? {
        Some(messages) => Ok(Length::Messages(messages)),
        None => Ok(Length::For(values.positive_time("for")?.unwrap_or(LENGTH))),
    }
}

/// Nothing is cut off where messages are counted: whoever counts wants them all.
fn usual_warm_up(length: Length) -> Duration {
    match length {
        Length::For(time) => (time / 10).min(WARM_UP_MAX),
        Length::Messages(_) => Duration::ZERO,
    }
}

fn until(values: &Values<'_>) -> Result<Option<Until>, Problem> {
    let runs_max = values.number("runs-max", 1)?.map(|runs| u32::try_from(runs).unwrap_or(0));
    match values.read("until-ci", Id::ValueUntil, parse_percent)? {
        Some(percent) => {
            let runs_max = runs_max.unwrap_or(RUNS_MAX);
            if runs_max < RUNS_MIN {
                let text = values.text("runs-max").unwrap_or_default();
                return Err(values.wrong("runs-max", text, Id::ValueRuns));
            }
            Ok(Some(Until { percent, runs_max }))
        }
        None if runs_max.is_some() => {
            Err(no_effect(values, "runs-max", values.messages.text(Id::OnlyUntil)))
        }
        None => Ok(None),
    }
}

fn io(values: &Values<'_>, url: &Url) -> Result<Io, Problem> {
    match values.text("io") {
        Some("epoll") => Ok(Io::Epoll),
        Some("uring") if url.transport == Transport::Udp => {
            Err(values.wrong("io", "uring", Id::OnlyStreams))
        }
        Some("uring") => Ok(Io::Uring),
        _ => Ok(Io::Auto),
    }
}

fn no_effect(values: &Values<'_>, option: &str, why: String) -> Problem {
    let what = say!(values.messages, Id::UsageNoEffect, option = format!("--{option}"));
    Problem::new(Exit::Usage, what).why(why)
}
