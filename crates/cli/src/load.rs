//! `colok load`: a plan is carried out and shown while it lasts; what comes of it is a report, as
//! text, as JSON, as a page.
//!
//! Standard output holds the report and nothing else; what is shown on the way goes to standard
//! error. With `--json` one object is printed on every way out.

mod choose;
mod compare;
#[cfg(test)]
mod example;
mod failure;
mod figures;
mod live;
mod page;
mod paper;
pub(crate) mod signals;
mod text;
mod verdict;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;

use colok::load::report::{Finding, Outcome, Report};
use colok::server::Stop;

use crate::arguments::{LoadArguments, LoadPlan};
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem};
use live::Live;
use paper::Paper;

/// Carries out what was asked for; `words` is the whole command line, for whoever repeats it.
pub(crate) fn run(
    arguments: &LoadArguments,
    words: &[OsString],
    messages: &Messages,
) -> Result<Exit, Problem> {
    match arguments {
        LoadArguments::Run(asked) => {
            let report = carry_out(asked, words, messages)
                .inspect_err(|problem| tell_programs(problem, asked.json))?;
            show(&report, asked, messages)
        }
        LoadArguments::Compare { first, second, json } => {
            compare::run(first, second, *json, messages)
                .inspect_err(|problem| tell_programs(problem, *json))
        }
        LoadArguments::Schema => {
            // A schema is plain data: it always has a JSON form.
            let text = serde_json::to_string_pretty(&colok::load::schema()).unwrap_or_default();
            print(&(text + "\n")).map(|()| Exit::Done)
        }
    }
}

/// Tells whoever asked for JSON that the command line could not be understood.
pub(crate) fn tell_of_usage(words: &[OsString], problem: &Problem) {
    let mut words = words.iter().skip(1).take_while(|word| *word != "--");
    let is_load = words.by_ref().any(|word| word == "load");
    tell_programs(problem, is_load && words.any(|word| word == "--json"));
}

fn tell_programs(problem: &Problem, json: bool) {
    if json {
        // The problem itself is told on standard error, and by the exit code.
        let _ = print(&failure::object(problem));
    }
}

fn carry_out(asked: &LoadPlan, words: &[OsString], messages: &Messages) -> Result<Report, Problem> {
    let plan = asked.plan(choose::choose(asked, messages)?);
    plan.check().map_err(|error| failure::of_plan(&error, messages))?;
    let command = repeating(words, plan.seed, asked.seed.is_some());
    let stop = Stop::new().map_err(|error| Problem::of(&error, messages))?;
    signals::watch(&stop)?;
    let mut live = Live::new(&plan, !asked.quiet, messages);
    let report = colok::load::run(&plan, command, &stop, &mut |progress| live.update(progress));
    live.clear();
    Ok(report)
}

/// The command that repeats this one: the same words, and the seed that was drawn.
pub(crate) fn repeating(words: &[OsString], seed: u64, was_given: bool) -> Vec<String> {
    let rest = words.iter().skip(1).map(|word| word.to_string_lossy().into_owned());
    let mut command: Vec<String> = std::iter::once("colok".to_owned()).chain(rest).collect();
    if !was_given {
        // Behind `--` nothing is an option.
        let end = command.iter().position(|word| word == "--").unwrap_or(command.len());
        command.splice(end..end, ["--seed".to_owned(), seed.to_string()]);
    }
    command
}

/// Prints the report in the form that was asked for, and gives the exit code.
fn show(report: &Report, asked: &LoadPlan, messages: &Messages) -> Result<Exit, Problem> {
    let failed = report.outcome == Outcome::Failed;
    if asked.json {
        // A report is plain data: it always has a JSON form.
        print(&(serde_json::to_string(report).unwrap_or_default() + "\n"))?;
    } else if !failed {
        print(&text::write(Paper::of(&io::stdout()), report, messages))?;
    }
    let page = asked.html.as_deref().map_or(Ok(()), |path| write_page(report, path, messages));
    if failed {
        // Why it failed matters more than a page that could not be written; both are told.
        page.unwrap_or_else(|problem| problem.tell(messages));
        return Err(failure::problem(report, messages));
    }
    page?;
    if let Some(path) = asked.html.as_deref().filter(|_| !asked.json) {
        print(&crate::say!(messages, Id::ReportPage, path = path.display().to_string()))?;
        print("\n")?;
    }
    Ok(exit_of(report))
}

fn write_page(report: &Report, path: &Path, messages: &Messages) -> Result<(), Problem> {
    page::write(report, messages, path)
        .map_err(|error| Problem::of_file("write", &path.display().to_string(), &error))
}

/// Wrong and lost replies weigh more than a figure that is not known well enough.
fn exit_of(report: &Report) -> Exit {
    let unreliable = report.findings.contains(&Finding::Unreliable);
    match report.outcome {
        Outcome::Interrupted => Exit::Interrupted,
        Outcome::Failed => Exit::Failed,
        _ if unreliable => Exit::Refused,
        Outcome::Errors => Exit::Failed,
        Outcome::NotProved => Exit::NotProved,
        Outcome::Ok => Exit::Done,
    }
}

fn print(text: &str) -> Result<(), Problem> {
    let mut output = io::stdout();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|error| Problem::of_output(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_repeats_has_its_seed_where_options_are_read() {
        let command = |words: &[&str], was_given| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            repeating(&words, 7, was_given).join(" ")
        };
        assert_eq!(command(&["/bin/colok", "load", "x"], false), "colok load x --seed 7");
        assert_eq!(command(&["colok", "load", "--", "x"], false), "colok load --seed 7 -- x");
        let given = ["colok", "load", "x", "--seed", "9"];
        assert_eq!(command(&given, true), "colok load x --seed 9");
    }
}
