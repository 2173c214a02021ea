//! What `colok serve` was asked for.

use std::path::PathBuf;
use std::time::Duration;

use colok::engine::Model;
use colok::net::duration::parse_duration;
use colok::net::service_address::{ServiceAddress, ServiceDefaults, parse_service_address};
use colok::proto::ServiceKind;

use super::StoreArguments;
use super::values::Values;
use crate::flags::{self, Verb};
use crate::messages::Id;
use crate::problem::{Exit, Problem};
use crate::say;

/// Where the JSON log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JsonLog {
    /// Standard output, instead of the plain lines.
    Output,
    /// A file, which is made or added to.
    File(PathBuf),
}

/// `colok serve`, read. What is `None` was not given.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct ServeArguments {
    pub(crate) addresses: Vec<ServiceAddress>,
    pub(crate) model: Model,
    pub(crate) connections_max: Option<usize>,
    /// 0: no limit was asked for.
    pub(crate) connections_per_ip_max: Option<usize>,
    pub(crate) workers: Option<usize>,
    pub(crate) busy_poll: Option<Duration>,
    pub(crate) turn: Option<Duration>,
    pub(crate) drain: Option<Duration>,
    pub(crate) quiet: bool,
    pub(crate) verbose: bool,
    pub(crate) calls: bool,
    pub(crate) json_log: Option<JsonLog>,
    /// Whether the log has the hashes of what connections carried.
    pub(crate) log_hashes: bool,
    /// Means something only when files are among what is served.
    pub(crate) store: StoreArguments,
}

impl ServeArguments {
    pub(super) fn read(values: &Values<'_>) -> Result<Self, Problem> {
        let store = StoreArguments::read(values, store_option(values))?;
        let addresses = addresses(values, &store)?;
        if let Some(option) = store.given
            && !addresses.iter().any(|it| it.service.kind() == ServiceKind::Files)
        {
            let what = say!(values.messages, Id::UsageNoEffect, option = format!("--{option}"));
            return Err(Problem::new(Exit::Usage, what)
                .why(values.messages.text(Id::OnlyFiles))
                .next("colok serve files --help"));
        }
        // The parser took only names of models.
        let model = values.text("model").and_then(|name| name.parse().ok()).unwrap_or(Model::Auto);
        Ok(Self {
            addresses,
            model,
            connections_max: values.number("max-connections", 1)?,
            connections_per_ip_max: values.number("max-per-ip", 0)?,
            workers: values.number("workers", 1)?,
            busy_poll: busy_poll(values, model)?,
            turn: values.positive_time("turn")?,
            drain: values.time("drain")?,
            quiet: values.switch("quiet"),
            verbose: values.switch("verbose"),
            calls: values.switch("calls"),
            json_log: json_log(values)?,
            log_hashes: log_hashes(values)?,
            store,
        })
    }
}

/// The first option that was given and concerns files alone.
fn store_option(values: &Values<'_>) -> Option<&'static str> {
    let verb: &'static Verb = flags::verb("serve")?;
    let of_files = verb.topic?.flags;
    values.given(verb).into_iter().find(|name| of_files.iter().any(|flag| flag.long == *name))
}

/// The services named, or echo, count and files.
fn addresses(values: &Values<'_>, store: &StoreArguments) -> Result<Vec<ServiceAddress>, Problem> {
    let mut defaults = ServiceDefaults {
        idle_timeout: values.positive_time("idle-timeout")?,
        files: store.options,
        ..<_>::default()
    };
    if let Some(gap) = values.positive_time("message-gap")? {
        defaults.message_gap = gap;
    }
    let mut texts: Vec<&str> = values.texts("SERVICE").collect();
    if texts.is_empty() {
        texts = vec!["echo", "count", "files"];
    }
    let mut addresses = Vec::new();
    for text in texts {
        let found = parse_service_address(text, defaults)
            .map_err(|error| Problem::of(&error.into(), values.messages))?;
        addresses.extend(found);
    }
    Ok(addresses)
}

/// How long to poll at most. What polling saves is the wake-up of a thread, tens of microseconds;
/// of a wait of 10 ms that is less than a hundredth, and a processor would be busy for all of it.
const BUSY_POLL_MAX: Duration = Duration::from_millis(10);

/// Workers that have a ring poll; others do not.
fn busy_poll(values: &Values<'_>, model: Model) -> Result<Option<Duration>, Problem> {
    let read = |text: &str| {
        let time = parse_duration(text).ok()?;
        (!time.is_zero() && time <= BUSY_POLL_MAX).then_some(time)
    };
    let time = values.read("busy-poll", Id::ValueBusyPoll, read)?;
    let model = model.resolved();
    if time.is_some() && model != Model::Uring {
        let what = say!(values.messages, Id::UsageNoEffect, option = "--busy-poll");
        let why = say!(values.messages, Id::OnlyUring, model = model.name());
        return Err(Problem::new(Exit::Usage, what).why(why).next("--model uring"));
    }
    Ok(time)
}

/// Hashes are told in the JSON log alone.
fn log_hashes(values: &Values<'_>) -> Result<bool, Problem> {
    let wanted = values.switch("log-hashes");
    if wanted && values.text("log").is_none() {
        let what = say!(values.messages, Id::UsageNoEffect, option = "--log-hashes");
        let why = values.messages.text(Id::OnlyLog);
        return Err(Problem::new(Exit::Usage, what).why(why).next("--log json:FILE"));
    }
    Ok(wanted)
}

/// The log of a client: a file, because standard output belongs to what the server says.
pub(super) fn log_file(values: &Values<'_>) -> Result<Option<PathBuf>, Problem> {
    let Some(text) = values.text("log") else { return Ok(None) };
    match text.strip_prefix("json:") {
        Some(path) if !path.is_empty() && path != "-" => Ok(Some(path.into())),
        _ => Err(values.wrong("log", text, Id::ValueLogFile)),
    }
}

pub(super) fn json_log(values: &Values<'_>) -> Result<Option<JsonLog>, Problem> {
    let Some(text) = values.text("log") else { return Ok(None) };
    match text.strip_prefix("json:") {
        Some("-") => Ok(Some(JsonLog::Output)),
        Some(path) if !path.is_empty() => Ok(Some(JsonLog::File(path.into()))),
        _ => Err(values.wrong("log", text, Id::ValueLog)),
    }
}
