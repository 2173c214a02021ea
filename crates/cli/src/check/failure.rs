//! Runs that could not begin, as problems for people and as objects for programs.

use colok::scenario::evidence::RecoverError;
use colok::scenario::read::FileProblem;
use colok::scenario::record::{FORM, Refusal, RefusalOutcome, RefusedFile};
use colok::scenario::run::RunError;

use super::words::{harmless, one_line};
use crate::messages::{Id, Messages};
use crate::problem::{Exit, Problem};
use crate::say;

/// Why nothing was run.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) problem: Problem,
    /// What is wrong with the files, for programs.
    files: Vec<FileProblem>,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { problem, files: Vec::new() }
    }
}

impl Failure {
    /// Scenario files with mistakes; every one of them is told.
    pub(super) fn of_files(files: Vec<FileProblem>, messages: &Messages) -> Self {
        let problem = match files.as_slice() {
            [one] => {
                let problem = Problem::new(Exit::Usage, place_and_what(one));
                match &one.hint {
                    Some(hint) => problem.next(one_line(hint)),
                    None => problem,
                }
            }
            many => Problem::new(Exit::Usage, list(many, messages)),
        };
        Self { problem, files }
    }

    /// What kept the library from running.
    pub(super) fn of_run(error: RunError, messages: &Messages) -> Self {
        match error {
            RunError::Files(files) => Self::of_files(files, messages),
            RunError::Thread(error) => Problem::of_file("clone", "thread", &error).into(),
        }
    }

    /// A record that could not be made.
    pub(super) fn of_recover(folder: &str, error: &RecoverError, messages: &Messages) -> Self {
        let folder = one_line(folder);
        let file = format!("{folder}/run.jsonl");
        match error {
            RecoverError::Read(error) => {
                let problem = Problem::of_file("open", &file, error);
                problem.why(messages.text(Id::CheckRecoverNoRun)).into()
            }
            RecoverError::Nothing => {
                Problem::new(Exit::Failed, say!(messages, Id::CheckRecoverNothing, file = file))
                    .into()
            }
            other => {
                Problem::new(Exit::Failed, format!("{folder}: {}", one_line(&other.to_string())))
                    .into()
            }
        }
    }

    /// It as the object of `--json`, a line.
    pub(super) fn object(&self) -> String {
        object(&self.problem, &self.files)
    }
}

/// A problem as the object of `--json`, a line.
pub(super) fn object(problem: &Problem, files: &[FileProblem]) -> String {
    let one = |it: &FileProblem| RefusedFile {
        file: it.file.clone(),
        line: it.line,
        column: it.column,
        what: it.what.clone(),
        hint: it.hint.clone(),
    };
    let refusal = Refusal {
        form: FORM.to_owned(),
        tool: super::TOOL.to_owned(),
        outcome: RefusalOutcome::Failed,
        error: problem.what().to_owned(),
        problems: files.iter().map(one).collect(),
    };
    // Plain data always has a JSON form.
    serde_json::to_string(&refusal).unwrap_or_default() + "\n"
}

/// `scenarios/echo.toml:23:5: there is no key exitt`
fn place_and_what(problem: &FileProblem) -> String {
    let (file, what) = (one_line(&problem.file), harmless(&problem.what));
    match problem.line {
        0 => format!("{file}: {what}"),
        line => format!("{file}:{line}:{}: {what}", problem.column),
    }
}

/// All of them below a first line; what would be right is below each.
fn list(files: &[FileProblem], messages: &Messages) -> String {
    let count = i64::try_from(files.len()).unwrap_or(i64::MAX);
    let mut text = say!(messages, Id::CheckFileProblems, count = count);
    for file in files {
        text.push_str("\n  ");
        text.push_str(&place_and_what(file));
        if let Some(hint) = &file.hint {
            text.push_str("\n      ");
            text.push_str(&one_line(hint));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Language;
    use crate::style::Style;

    fn mistake(line: u32, hint: Option<&str>) -> FileProblem {
        FileProblem {
            file: "a.toml".to_owned(),
            line,
            column: 5,
            what: "there is no key exitt".to_owned(),
            hint: hint.map(str::to_owned),
        }
    }

    #[test]
    fn one_mistake_is_the_problem_and_many_are_a_list() {
        let messages = Messages::new(Language::English);
        let told =
            |files| Failure::of_files(files, &messages).problem.render(&messages, Style::PLAIN);
        let one = told(vec![mistake(3, Some("perhaps exit"))]);
        assert_eq!(one, "colok: a.toml:3:5: there is no key exitt\n  try: perhaps exit\n");
        let two = told(vec![mistake(3, Some("perhaps exit")), mistake(0, None)]);
        let expected = "colok: 2 mistakes in the scenario files; nothing was run\n  \
                        a.toml:3:5: there is no key exitt\n      perhaps exit\n  \
                        a.toml: there is no key exitt\n";
        assert_eq!(two, expected);
    }

    #[test]
    fn programs_are_told_where() {
        let messages = Messages::new(Language::English);
        let failure = Failure::of_files(vec![mistake(3, None)], &messages);
        let object: Refusal = serde_json::from_str(&failure.object()).expect("it is JSON");
        assert_eq!((object.form.as_str(), object.problems[0].line), (FORM, 3));
        assert_eq!(object.error, "a.toml:3:5: there is no key exitt");
    }
}
