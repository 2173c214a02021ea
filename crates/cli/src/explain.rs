//! `colok explain`: the facts of the library as text or JSON.

mod words;

use std::io::{IsTerminal as _, Write as _};

use colok::explain::{ExplainError, ServiceNames, explain};

use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem};
use crate::say;
use crate::style::Style;

/// Where the system keeps the names of services (services(5)).
const SERVICES_FILE: &str = "/etc/services";

/// Explains each subject; a wrong one is told after the others, and makes a usage error.
pub(crate) fn run(subjects: &[String], json: bool, messages: &Messages) -> Result<Exit, Problem> {
    let names = std::fs::read_to_string(SERVICES_FILE).unwrap_or_default();
    let names = ServiceNames::built_in().with_services_file(&names);
    let mut explanations = Vec::new();
    let mut problem = None;
    for subject in subjects {
        match explain(subject, &names) {
            Ok(explanation) => explanations.push(explanation),
            Err(error) => problem = problem.or_else(|| Some(problem_of(error, messages))),
        }
    }
    let mut output = std::io::stdout();
    let text = if json {
        // Explanations are plain data: they always have a JSON form.
        let text = serde_json::to_string_pretty(&explanations).unwrap_or_default();
        text + "\n"
    } else {
        let (style, terminal) = (Style::of(&output), output.is_terminal());
        let texts: Vec<String> = explanations
            .iter()
            .map(|explanation| words::text(explanation, messages, style, terminal))
            .collect();
        texts.join("\n")
    };
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|error| Problem::of_output(&error))?;
    problem.map_or(Ok(Exit::Done), Err)
}

fn problem_of(error: ExplainError, messages: &Messages) -> Problem {
    match error {
        ExplainError::Url(error) => Problem::of(&error.into(), messages),
        ExplainError::Ipv4 { text } => {
            let text = colok::observe::printable(text.as_bytes());
            Problem::new(Exit::Usage, say!(messages, Id::ExplainIpv4Wrong, text = text))
                .why(messages.text(Id::ExplainIpv4WrongWhy))
                .next("colok explain 127.0.0.1")
        }
    }
}
