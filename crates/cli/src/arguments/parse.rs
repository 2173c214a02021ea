//! The words of the command line, split by clap, dispatched by verb; clap's errors in our words.

use std::ffi::OsString;

use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::values::Values;
use super::{
    CheckArguments, ConnectArguments, GetArguments, ListArguments, LoadArguments, RelayArguments,
    Request, SendArguments, ServeArguments, StatArguments, VerifyArguments,
};
use crate::flags::{self, Purpose, Topic, Verb, clap_command};
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem};
use crate::say;

/// Reads the command line; `words` starts with the name of the program.
pub(crate) fn parse(words: Vec<OsString>, messages: &Messages) -> Result<Request, Problem> {
    if words.len() <= 1 {
        return Ok(Request::Nothing);
    }
    let verb = words.iter().skip(1).find_map(|word| flags::verb(word.to_str()?));
    let help = verb
        .map_or_else(|| "colok --help".to_owned(), |verb| format!("colok {} --help", verb.name));
    let matches = clap_command(messages, Purpose::Parsing)
        .try_get_matches_from(words)
        .map_err(|error| problem_of(&error, &help, messages))?;
    request(&matches, messages)
}

fn request(matches: &ArgMatches, messages: &Messages) -> Result<Request, Problem> {
    if matches.get_count("version") > 0 {
        return Ok(Request::Version);
    }
    let Some((name, matches)) = matches.subcommand() else {
        let asked = matches.get_count("help") > 0;
        return Ok(if asked { Request::Help(None) } else { Request::Nothing });
    };
    let Some(verb) = flags::verb(name) else { return Ok(Request::Nothing) };
    let values = Values::new(matches, messages);
    if matches.get_count("help") > 0 {
        return Ok(help_request(verb, &values));
    }
    let missing = verb.positionals.iter().find(|it| it.required && !values.is_given(it.name));
    if let Some(missing) = missing {
        return Err(problem_of_missing(verb, missing.name, messages));
    }
    Ok(match verb.name {
        "serve" => Request::Serve(Box::new(ServeArguments::read(&values)?)),
        "connect" => Request::Connect(Box::new(ConnectArguments::read(&values)?)),
        "send" => Request::Send(Box::new(SendArguments::read(&values)?)),
        "get" => Request::Get(Box::new(GetArguments::read(&values)?)),
        "list" => Request::List(Box::new(ListArguments::read(&values)?)),
        "stat" => Request::Stat(Box::new(StatArguments::read(&values)?)),
        "verify" => Request::Verify(Box::new(VerifyArguments::read(&values)?)),
        "load" => Request::Load(LoadArguments::read(&values)?),
        "check" => Request::Check(CheckArguments::read(&values)?),
        "relay" => Request::Relay(Box::new(RelayArguments::read(&values)?)),
        "explain" => Request::Explain {
            subjects: values.texts("ADDRESS").map(str::to_owned).collect(),
            json: values.switch("json"),
        },
        "completions" => Request::Completions(values.text("SHELL").unwrap_or_default().to_owned()),
        "man" => Request::Man(values.text("VERB").map(str::to_owned)),
        _ => Request::Help(values.text("VERB").and_then(flags::verb)),
    })
}

/// Which help was asked for: an argument can name a topic of the verb.
fn help_request(verb: &'static Verb, values: &Values<'_>) -> Request {
    let asked = |topic: &&Topic| {
        let positional = verb.positionals.first();
        positional.is_some_and(|it| values.texts(it.name).any(|text| text == topic.name))
    };
    match verb.topic.filter(asked) {
        Some(topic) => Request::HelpOfTopic(verb, topic),
        None => Request::Help(Some(verb)),
    }
}

fn problem_of_missing(verb: &Verb, name: &str, messages: &Messages) -> Problem {
    let missing = say!(messages, Id::UsageMissing, verb = verb.name, name = name);
    let problem = if verb.name == "send" {
        // These words are part of a contract, in every language.
        let what = "Usage Error: colok send node_name file_name";
        Problem::new(Exit::Usage, what).why(missing)
    } else {
        Problem::new(Exit::Usage, missing)
    };
    problem.next(flags::usage(verb, messages))
}

/// A clap error in our words; `help` is the command that tells more.
fn problem_of(error: &clap::Error, help: &str, messages: &Messages) -> Problem {
    let plain = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    let context = |kind| bare(&plain(kind));
    let argument = context(ContextKind::InvalidArg);
    let value = plain(ContextKind::InvalidValue);
    let what = match error.kind() {
        ErrorKind::UnknownArgument => {
            let argument = argument.as_str();
            if argument.starts_with('-') {
                say!(messages, Id::UsageUnknownOption, option = argument)
            } else {
                say!(messages, Id::UsageTooMany, word = argument)
            }
        }
        ErrorKind::InvalidSubcommand => {
            let verb = context(ContextKind::InvalidSubcommand);
            say!(messages, Id::UsageUnknownVerb, verb = verb)
        }
        ErrorKind::InvalidValue if value.is_empty() => {
            say!(messages, Id::UsageValueMissing, option = argument.clone())
        }
        ErrorKind::WrongNumberOfValues => {
            let count = match error.get(ContextKind::ExpectedNumValues) {
                Some(ContextValue::Number(count)) => count.to_string(),
                _ => String::new(),
            };
            say!(messages, Id::UsageValuesMissing, option = argument.clone(), count = count)
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            say!(messages, Id::UsageValue, option = argument.clone(), value = value.clone())
        }
        ErrorKind::ArgumentConflict => {
            let other = context(ContextKind::PriorArg);
            say!(messages, Id::UsageConflict, option = argument.clone(), other = other)
        }
        ErrorKind::TooManyValues => {
            say!(messages, Id::UsageNoValue, option = argument.clone(), value = value.clone())
        }
        ErrorKind::InvalidUtf8 => messages.text(Id::UsageUtf8),
        // What is left cannot come from our table; clap's first line says what it is.
        _ => error.to_string().lines().next().unwrap_or_default().to_owned(),
    };
    with_advice(Problem::new(Exit::Usage, what), error, &value, help, messages)
}

/// The name of an argument without the marks of clap: `--model <MODEL>`, `--quiet...`, `[SHELL]`.
fn bare(argument: &str) -> String {
    let name = argument.split(" <").next().unwrap_or(argument);
    name.trim_end_matches("...").trim_matches(['[', ']', '<', '>']).to_owned()
}

/// The nearest name and the possible values, else where the help is.
fn with_advice(
    problem: Problem,
    error: &clap::Error,
    value: &str,
    help: &str,
    messages: &Messages,
) -> Problem {
    let texts = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    };
    let choices = texts(ContextKind::ValidValue);
    if !choices.is_empty() {
        let nearest = colok::net::nearest_name(value, choices.iter().map(String::as_str));
        let why = say!(messages, Id::UsageChoices, choices = choices.join(", "));
        let problem = problem.why(why);
        return match nearest {
            Some(nearest) => problem.next(say!(messages, Id::MeantPerhaps, name = nearest)),
            None => problem,
        };
    }
    let kinds =
        [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    match kinds.into_iter().flat_map(texts).next() {
        Some(name) => problem.next(say!(messages, Id::MeantPerhaps, name = name)),
        None => problem.next(help),
    }
}
