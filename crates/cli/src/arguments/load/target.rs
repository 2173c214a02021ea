//! `[SERVICE=]URL`, `SERVICE`, or a URL with `--send` and `--expect`: where, and what is asked.

use colok::client::{Pattern, PatternError, unescape};
use colok::load::plan::Call;
use colok::net::service_address::{ServiceDefaults, parse_service_address};
use colok::net::url::{Place, Url};
use colok::proto::{Service, ServiceKind};

use crate::arguments::reach::without_options;
use crate::arguments::values::Values;
use crate::flags;
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem};
use crate::say;

/// Where, and what is asked there.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) call: Call,
}

impl Target {
    pub(super) fn read(values: &Values<'_>) -> Result<Self, Problem> {
        let messages = values.messages;
        let Some(text) = values.text("TARGET") else { return Err(missing(messages)) };
        let service = named_service(text);
        if let Some(call) = custom(values)? {
            if service.is_some() {
                let what = say!(messages, Id::UsageConflict, option = "--send", other = text);
                return Err(Problem::new(Exit::Usage, what).why(messages.text(Id::LoadOneService)));
            }
            return Ok(Self { url: custom_url(text, messages)?, call });
        }
        let whole = if service.is_some() { text.to_owned() } else { format!("echo={text}") };
        of_service(&whole, messages)
    }
}

fn missing(messages: &Messages) -> Problem {
    let what = say!(messages, Id::UsageMissing, verb = "load", name = "TARGET");
    let problem = Problem::new(Exit::Usage, what).next("colok load localhost:5001");
    match flags::verb("load") {
        Some(verb) => problem.next(flags::usage(verb, messages)),
        None => problem,
    }
}

/// The name of a service that stands alone (`echo`, `count?lang=en`) or before `=` (`echo=URL`).
fn named_service(text: &str) -> Option<&str> {
    let name = text.split(['=', '?']).next().unwrap_or_default();
    // What holds a mark of addresses is one, whatever follows: `unix:///tmp/a=b`, `h:7?quit=off`.
    let is_word = !name.contains([':', '/', '.', '[', '@', '*']);
    let is_known = ServiceKind::from_name(name).is_some();
    (is_word && (is_known || text[name.len()..].starts_with('='))).then_some(name)
}

/// A service of ours; of the options of its address only those that change replies mean something.
fn of_service(text: &str, messages: &Messages) -> Result<Target, Problem> {
    let found = parse_service_address(text, ServiceDefaults::default())
        .map_err(|error| Problem::of(&error.into(), messages))?;
    let Some(found) = found.into_iter().next() else { return Err(missing(messages)) };
    let (name, query) = text.split_once('?').unwrap_or((text, ""));
    let options = query.split('&').filter(|option| !option.is_empty());
    for option in options {
        let option = option.split('=').next().unwrap_or_default();
        if found.service.kind() != ServiceKind::Count || !matches!(option, "lang" | "unit") {
            let option = colok::observe::printable(option.as_bytes());
            let what = say!(messages, Id::UrlOptionsHere, option = option);
            let target = colok::observe::printable(name.as_bytes());
            return Err(Problem::new(Exit::Usage, what).next(format!("colok load {target}")));
        }
    }
    let call = call_of(&found.service);
    Ok(Target { url: found.url, call })
}

fn call_of(service: &Service) -> Call {
    use colok::proto::{CountLanguage, CountUnit};
    match service {
        Service::Count(options) => {
            let language = match options.language {
                CountLanguage::Indonesian => "id",
                CountLanguage::English => "en",
            };
            let unit = match options.unit {
                CountUnit::Characters => "chars",
                CountUnit::Bytes => "bytes",
            };
            Call::Count { language: language.to_owned(), unit: unit.to_owned() }
        }
        Service::Discard => Call::Discard,
        Service::Chargen => Call::Chargen,
        Service::Files(_) => Call::Files,
        Service::Echo(_) => Call::Echo,
    }
}

/// `--send` and `--expect`: both or neither.
fn custom(values: &Values<'_>) -> Result<Option<Call>, Problem> {
    let messages = values.messages;
    match (values.text("send"), values.text("expect")) {
        (None, None) => Ok(None),
        (Some(send), Some(expect)) => {
            let wrong = |name, text, error: PatternError| {
                let expected = match error {
                    PatternError::Empty => Id::ValuePatternEmpty,
                    PatternError::Escape { .. } => Id::ValueEscape,
                };
                values.wrong(name, text, expected)
            };
            let bytes = unescape(send).map_err(|error| wrong("send", send, error))?;
            if bytes.is_empty() {
                return Err(values.wrong("send", send, Id::LoadSendEmpty));
            }
            Pattern::parse(expect).map_err(|error| wrong("expect", expect, error))?;
            Ok(Some(Call::Custom { send: send.to_owned(), expect: expect.to_owned() }))
        }
        (send, _) => {
            let option = if send.is_some() { "--send" } else { "--expect" };
            let what = say!(messages, Id::UsageNoEffect, option = option);
            let problem = Problem::new(Exit::Usage, what).why(messages.text(Id::LoadSendExpect));
            Err(problem.next("colok load localhost:7 --send 'hello\\n' --expect 'hello\\n'"))
        }
    }
}

/// Any service: it has no port that we would know.
fn custom_url(text: &str, messages: &Messages) -> Result<Url, Problem> {
    let read = || {
        let url: Url = text.parse()?;
        if let Place::Inet { .. } = url.place {
            url.host_and_port()?;
        }
        Ok(url)
    };
    let url: Url = read().map_err(|error| Problem::of(&colok::Error::Url(error), messages))?;
    without_options(url, "load", messages)
}
