//! From what was named to scenarios that can be run: files, folders and built-in ones, all read and
//! checked before anything is started.

use std::path::Path;

use colok::net::nearest_name;
use colok::scenario::judge::Book;
use colok::scenario::read::{self, FileProblem, Source};
use colok::scenario::run::Options;
use colok::scenario::{built_in, file::Scenario};

use super::book::MessageBook;
use super::failure::Failure;
use super::words::one_line;
use crate::arguments::CheckPlan;
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem};
use crate::say;

/// A scenario that can be run.
pub(super) struct Chosen {
    pub(super) source: Source,
    pub(super) scenario: Scenario,
}

/// Every scenario that was named, in that order, each file once; or every mistake in them.
pub(super) fn choose(
    asked: &CheckPlan,
    book: &MessageBook,
    messages: &Messages,
) -> Result<Vec<Chosen>, Failure> {
    let mut sources: Vec<Source> = Vec::new();
    let mut problems = Vec::new();
    if asked.scenarios.is_empty() {
        sources = built_in::sources();
    }
    for path in &asked.scenarios {
        match sources_of(path, messages)? {
            Ok(found) => {
                for source in found {
                    if sources.iter().all(|known| known.file != source.file) {
                        sources.push(source);
                    }
                }
            }
            Err(more) => problems.extend(more),
        }
    }
    let ids = book.ids();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut chosen = Vec::new();
    for source in sources {
        match read::read(&source) {
            Ok(scenario) => {
                problems.extend(read::check_messages(&source, &scenario, &ids));
                chosen.push(Chosen { source, scenario });
            }
            Err(more) => problems.extend(more),
        }
    }
    if problems.is_empty() { Ok(chosen) } else { Err(Failure::of_files(problems, messages)) }
}

/// What can be wrong with files that are there is told for all of them; a name that means nothing
/// is told at once.
fn sources_of(
    path: &Path,
    messages: &Messages,
) -> Result<Result<Vec<Source>, Vec<FileProblem>>, Problem> {
    if path.exists() {
        return Ok(read::find(&[path.to_owned()]));
    }
    let text = path.to_string_lossy();
    let name = text.strip_prefix("built-in:").unwrap_or(&text);
    let name = name.strip_suffix(".toml").unwrap_or(name);
    match built_in::find(name) {
        Some(source) => Ok(Ok(vec![source])),
        None => Err(unknown(path, name, messages)),
    }
}

fn unknown(path: &Path, name: &str, messages: &Messages) -> Problem {
    let shown = one_line(&path.display().to_string());
    let what = say!(messages, Id::CheckNoScenario, name = shown);
    let problem = Problem::new(Exit::Usage, what).why(messages.text(Id::CheckNoScenarioWhy));
    let last = name.rsplit('/').next().unwrap_or(name);
    let names = built_in::all().iter().map(|(name, _)| *name);
    match nearest_name(last, names) {
        Some(nearest) => {
            let meant = say!(messages, Id::MeantPerhaps, name = nearest);
            problem.next(meant).next("colok check --list")
        }
        None => problem.next("colok check --list"),
    }
}

/// What the library is to run. The folder is known when there is one.
pub(super) fn options(asked: &CheckPlan, chosen: &[Chosen], command: Vec<String>) -> Options {
    Options {
        sources: chosen.iter().map(|it| it.source.clone()).collect(),
        only: asked.only.clone(),
        repeat: asked.repeat,
        seed: asked.seed,
        jobs: usize::try_from(asked.jobs).unwrap_or(1),
        faults_off: asked.faults_off,
        folder: std::path::PathBuf::new(),
        command,
        tool: super::TOOL.to_owned(),
    }
}

/// No case has what `--only` asks for.
pub(super) fn none_left(asked: &CheckPlan, messages: &Messages) -> Problem {
    let patterns = asked.only.join(", ");
    Problem::new(Exit::Usage, say!(messages, Id::CheckNoCase, patterns = one_line(&patterns)))
        .next("colok check --list")
}
