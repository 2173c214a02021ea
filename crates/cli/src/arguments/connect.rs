//! What `colok connect` was asked for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use colok::client::{
    DEFAULT_WITHIN, Datagrams, OnEof, Pattern, PatternError, Source, Step, unescape,
};
use colok::net::url::Url;

use super::reach::without_options;
use super::serve::log_file;
use super::values::Values;
use crate::flags;
use crate::messages::Id;
use crate::problem::Problem;

/// `colok connect`, read. What is `None` was not given.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct ConnectArguments {
    pub(crate) url: Url,
    /// The script; empty when there is none.
    pub(crate) steps: Vec<Step>,
    pub(crate) on_eof: OnEof,
    pub(crate) datagrams: Datagrams,
    pub(crate) wait: Option<Duration>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) retry: Option<Duration>,
    pub(crate) source: Option<Source>,
    pub(crate) hex: bool,
    pub(crate) crlf: bool,
    pub(crate) reconnect: bool,
    pub(crate) verbose: bool,
    pub(crate) calls: bool,
    /// Where the JSON log goes.
    pub(crate) log: Option<PathBuf>,
    /// Where the session is written as a scenario.
    pub(crate) save: Option<PathBuf>,
    /// The names of the options that were given.
    pub(crate) given: Vec<&'static str>,
}

impl ConnectArguments {
    pub(super) fn read(values: &Values<'_>) -> Result<Self, Problem> {
        Ok(Self {
            url: url(values)?,
            steps: steps(values)?,
            on_eof: values.word("on-eof", Id::ValueOnEof)?.unwrap_or(OnEof::HalfClose),
            datagrams: values.word("datagram", Id::ValueDatagram)?.unwrap_or(Datagrams::Whole),
            wait: values.time("wait")?,
            connect_timeout: values.positive_time("connect-timeout")?,
            idle_timeout: values.positive_time("idle-timeout")?,
            deadline: values.positive_time("deadline")?,
            retry: values.time("retry")?,
            source: values.word("source", Id::ValueSource)?,
            hex: values.switch("hex"),
            crlf: values.switch("crlf"),
            reconnect: values.switch("reconnect"),
            verbose: values.switch("verbose"),
            calls: values.switch("calls"),
            log: log_file(values)?,
            save: values.path("save").map(Path::to_owned),
            given: flags::verb("connect").map_or_else(Vec::new, |verb| values.given(verb)),
        })
    }
}

/// The address; it has a port and no options, which belong to servers.
fn url(values: &Values<'_>) -> Result<Url, Problem> {
    let messages = values.messages;
    let text = values.text("URL").unwrap_or_default();
    let read = || {
        let url: Url = text.parse()?;
        url.host_and_port()?;
        Ok(url)
    };
    let url: Url = read().map_err(|error| Problem::of(&colok::Error::Url(error), messages))?;
    without_options(url, "connect", messages)
}

/// An option of the script and its value.
enum Scripted<'a> {
    Send(&'a str),
    Expect(&'a str),
    Within(&'a str),
}

/// `--send` and `--expect` in the order they were given. A `--within` belongs to the `--expect`
/// before it; before the first one it holds for all that have none of their own.
fn steps(values: &Values<'_>) -> Result<Vec<Step>, Problem> {
    let sends = values.placed("send").map(|(place, text)| (place, Scripted::Send(text)));
    let expects = values.placed("expect").map(|(place, text)| (place, Scripted::Expect(text)));
    let withins = values.placed("within").map(|(place, text)| (place, Scripted::Within(text)));
    let mut given: Vec<_> = sends.chain(expects).chain(withins).collect();
    given.sort_by_key(|(place, _)| *place);

    let mut usual = DEFAULT_WITHIN;
    let mut steps = Vec::new();
    for (_, option) in given {
        match option {
            Scripted::Send(text) => {
                let bytes =
                    unescape(text).map_err(|error| pattern(values, "send", text, &error))?;
                steps.push(Step::Send(bytes));
            }
            Scripted::Expect(text) => {
                let pattern = Pattern::parse(text)
                    .map_err(|error| pattern(values, "expect", text, &error))?;
                steps.push(Step::Expect { pattern, within: usual });
            }
            Scripted::Within(text) => {
                let time = values.read_time("within", text)?;
                match steps.iter_mut().rev().find_map(|step| match step {
                    Step::Expect { within, .. } => Some(within),
                    Step::Send(_) => None,
                }) {
                    Some(within) => *within = time,
                    None => usual = time,
                }
            }
        }
    }
    Ok(steps)
}

fn pattern(values: &Values<'_>, name: &str, text: &str, error: &PatternError) -> Problem {
    let expected = match error {
        PatternError::Empty => Id::ValuePatternEmpty,
        PatternError::Escape { .. } => Id::ValueEscape,
    };
    values.wrong(name, text, expected)
}
