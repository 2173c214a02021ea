//! `colok check`: scenarios are run, shown while they last, and judged; what comes of it is a
//! record with all evidence in a folder, and a summary.
//!
//! Standard output holds the summary and nothing else, or with `--json` one object on every way
//! out; what is shown on the way goes to standard error.

mod book;
mod choose;
#[cfg(test)]
mod example;
mod failure;
mod junit;
mod list;
mod live;
mod markdown;
mod page;
mod repeat;
mod reports;
mod summary;
mod transcript;
mod trouble;
mod words;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use colok::scenario::evidence::{self, Folder};
use colok::scenario::record::{Outcome, Run};
use colok::scenario::run::{self, Options};
use colok::scenario::schema::{run_schema, scenario_schema};
use colok::server::Stop;
use serde_json::Value;

use crate::arguments::{CheckArguments, CheckPlan};
use crate::load::{repeating, signals};
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem};
use crate::style::Style;
use book::MessageBook;
use choose::{Chosen, choose, none_left, options};
use failure::Failure;
use live::Live;

/// The program and its version, as it stands in records.
const TOOL: &str = concat!("colok ", env!("CARGO_PKG_VERSION"));

/// Where the evidence goes when nobody says where, in the current directory.
const EVIDENCE: &str = "colok-check";

/// Carries out what was asked for; `words` is the whole command line, for whoever repeats it.
pub(crate) fn run(
    arguments: &CheckArguments,
    words: &[OsString],
    messages: &Messages,
) -> Result<Exit, Problem> {
    match arguments {
        CheckArguments::Run(asked) => {
            told(carry_out(asked, words, messages), asked.json)?.show(asked.json, messages)
        }
        CheckArguments::List(asked) => {
            let (book, style) = (MessageBook::new(), Style::of(&io::stdout()));
            let (chosen, planned) = told(look(asked, &book, messages), asked.json)?;
            print(&if asked.json {
                list::list_object(&chosen, &planned)
            } else {
                list::list(&chosen, &planned, style, messages)
            })
        }
        CheckArguments::DryRun(asked) => {
            let (book, style) = (MessageBook::new(), Style::of(&io::stdout()));
            let (chosen, planned) = told(look(asked, &book, messages), asked.json)?;
            print(&if asked.json {
                list::dry_run_object(&chosen, &planned, asked.seed, &book)
            } else {
                list::dry_run(&chosen, &planned, &book, style, messages)
            })
        }
        CheckArguments::Recover { folder, json } => {
            told(recover(folder, messages), *json)?.show(*json, messages)
        }
        CheckArguments::Schema => print_schema(&scenario_schema()),
        CheckArguments::RunSchema => print_schema(&run_schema()),
    }
}

/// Tells whoever asked for JSON that the command line could not be understood.
pub(crate) fn tell_of_usage(words: &[OsString], problem: &Problem) {
    let mut words = words.iter().skip(1).take_while(|word| *word != "--");
    let is_check = words.by_ref().any(|word| word == "check");
    if is_check && words.any(|word| word == "--json") {
        // The problem itself is told on standard error, and by the exit code.
        let _ = print(&failure::object(problem, &[]));
    }
}

/// A failure, told to programs too.
fn told<T>(result: Result<T, Failure>, json: bool) -> Result<T, Problem> {
    result.map_err(|failure| {
        if json {
            let _ = print(&failure.object());
        }
        failure.problem
    })
}

/// The scenarios and their cases; nothing is run.
fn look(
    asked: &CheckPlan,
    book: &MessageBook,
    messages: &Messages,
) -> Result<(Vec<Chosen>, Vec<run::Planned>), Failure> {
    let chosen = choose(asked, book, messages)?;
    let planned = run::plan(&options(asked, &chosen, Vec::new()))
        .map_err(|error| Failure::of_run(error, messages))?;
    if planned.is_empty() {
        return Err(none_left(asked, messages).into());
    }
    Ok((chosen, planned))
}

/// What is left of a run: its record, its evidence, and what went wrong with either.
struct Done {
    run: Run,
    folder: PathBuf,
    no_skip: bool,
    trouble: Option<Problem>,
}

fn carry_out(asked: &CheckPlan, words: &[OsString], messages: &Messages) -> Result<Done, Failure> {
    let book = MessageBook::new();
    let (chosen, _) = look(asked, &book, messages)?;
    let command = repeating(words, asked.seed, asked.seed_given);
    let mut folder = make_folder(asked, messages)?;
    let options = Options { folder: folder.path().to_owned(), ..options(asked, &chosen, command) };
    let stop = Stop::new().map_err(|error| Problem::of(&error, messages))?;
    signals::watch(&stop)?;
    let mut live = Live::new(!asked.quiet, messages);
    let mut trouble = None;
    let ran = run::run(&options, &book, &stop, &mut |happening| {
        live.update(happening);
        if trouble.is_none()
            && let Err(error) = folder.append(happening)
        {
            // A run without evidence proves nothing.
            trouble = Some(of_evidence(&folder.path().join("run.jsonl"), &error));
            stop.drain();
        }
    });
    live.clear();
    drop(live);
    let mut run = ran.map_err(|error| Failure::of_run(error, messages))?;
    let written = write_all(&mut run, folder.path(), messages);
    let trouble = trouble.or(written.err());
    Ok(Done { run, folder: folder.path().to_owned(), no_skip: asked.no_skip, trouble })
}

fn recover(folder: &Path, messages: &Messages) -> Result<Done, Failure> {
    let shown = folder.display().to_string();
    let mut run =
        evidence::recover(folder).map_err(|error| Failure::of_recover(&shown, &error, messages))?;
    let trouble = write_all(&mut run, folder, messages).err();
    Ok(Done { run, folder: folder.to_owned(), no_skip: false, trouble })
}

fn make_folder(asked: &CheckPlan, messages: &Messages) -> Result<Folder, Problem> {
    let (made, path) = if let Some(path) = &asked.keep {
        (Folder::create(path), path.as_path())
    } else {
        let parent = Path::new(EVIDENCE);
        (Folder::new_in(parent, SystemTime::now()), parent)
    };
    made.map_err(|error| match error.kind() {
        io::ErrorKind::DirectoryNotEmpty => {
            of_evidence(path, &error).why(messages.text(Id::CheckKeepNotEmpty))
        }
        _ => of_evidence(path, &error),
    })
}

/// The record first: whatever becomes of the reports, it is there. Then again, for it lists them.
fn write_all(run: &mut Run, folder: &Path, messages: &Messages) -> Result<(), Problem> {
    let finish = |run: &mut Run| {
        let file = folder.join("run.json");
        evidence::finish(folder, run).map_err(|error| of_evidence(&file, &error))
    };
    finish(run)?;
    reports::write(run, folder, messages).map_err(|(file, error)| of_evidence(&file, &error))?;
    finish(run)
}

fn of_evidence(path: &Path, error: &io::Error) -> Problem {
    Problem::of_file("write", &words::one_line(&path.display().to_string()), error)
}

impl Done {
    /// Prints the summary or the record, and gives the exit code.
    fn show(self, json: bool, messages: &Messages) -> Result<Exit, Problem> {
        if json {
            // A record is plain data: it always has a JSON form.
            print(&(serde_json::to_string(&self.run).unwrap_or_default() + "\n"))?;
        } else {
            let style = Style::of(&io::stdout());
            print(&summary::write(&self.run, &self.folder, style, messages))?;
        }
        match self.trouble {
            Some(problem) => Err(problem),
            None => Ok(exit_of(&self.run, self.no_skip)),
        }
    }
}

/// What was broken off is not judged; a failure weighs more than what is not proved.
fn exit_of(run: &Run, no_skip: bool) -> Exit {
    let totals = &run.totals;
    let unproved = totals.invalid + totals.unknown > 0 || run.outcome == Outcome::Killed;
    match run.outcome {
        Outcome::Interrupted => Exit::Interrupted,
        _ if totals.fail > 0 => Exit::Refused,
        _ if unproved || (no_skip && totals.skipped > 0) => Exit::NotProved,
        _ => Exit::Done,
    }
}

fn print_schema(schema: &Value) -> Result<Exit, Problem> {
    // A schema is plain data: it always has a JSON form.
    print(&(serde_json::to_string_pretty(schema).unwrap_or_default() + "\n"))
}

fn print(text: &str) -> Result<Exit, Problem> {
    let mut output = io::stdout();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|error| Problem::of_output(&error))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use colok::scenario::record::Verdict::{Fail, Invalid, Pass, Skipped, Unknown};

    use super::example::{case, run, troubled};
    use super::*;

    #[test]
    fn the_exit_code_says_what_weighs_most() {
        let of = |verdicts: &[_], no_skip| {
            let cases = verdicts.iter().map(|verdict| case("a", *verdict)).collect();
            exit_of(&run(cases), no_skip)
        };
        assert_eq!(of(&[Pass, Skipped], false), Exit::Done);
        assert_eq!(of(&[Pass, Skipped], true), Exit::NotProved);
        assert_eq!(of(&[Pass], true), Exit::Done);
        assert_eq!(of(&[Pass, Invalid], false), Exit::NotProved);
        assert_eq!(of(&[Pass, Unknown], false), Exit::NotProved);
        assert_eq!(of(&[Invalid, Fail, Skipped], true), Exit::Refused);
        let mut ended = troubled();
        ended.outcome = Outcome::Interrupted;
        assert_eq!(exit_of(&ended, false), Exit::Interrupted);
        ended = run(vec![case("a", Pass)]);
        ended.outcome = Outcome::Killed;
        assert_eq!(exit_of(&ended, false), Exit::NotProved);
    }
}
