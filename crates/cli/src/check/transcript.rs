//! What programs said last: the part of a transcript that explains most.
//!
//! The end is read from the evidence where the record has only the beginning. What a program wrote
//! reaches nobody's terminal as it was: it is made harmless first.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use colok::scenario::record::{Case, Output, StepRecord, Verdict};

use super::trouble::Trouble;
use super::words::{clipped, harmless};

/// How much of the end of a file is looked at.
const READ_MAX: u64 = 16 * 1024;

/// Characters of one line; what is longer is no text for people.
const LINE_MAX: usize = 160;

/// The end of what a program wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) step: String,
    /// `stdout` or `stderr`.
    pub(super) stream: &'static str,
    pub(super) lines: Vec<String>,
    /// Whether there were lines before.
    pub(super) cut: bool,
}

/// The tails that explain why a case did not pass: those of the programs that a failed expectation
/// is about, else of those that went wrong, else of the last one. What stands in the troubles that
/// are told above them is left out. `folder` is that of the run.
pub(super) fn of_trouble(folder: &Path, case: &Case, lines: usize, told: &[Trouble]) -> Vec<Tail> {
    let steps = steps_in_trouble(case);
    let all = steps.into_iter().flat_map(|step| tails(folder, step, lines));
    all.filter(|tail| !is_told(tail, told)).collect()
}

/// Whether one of the values that were seen has every line of a tail.
fn is_told(tail: &Tail, told: &[Trouble]) -> bool {
    let values = told.iter().flat_map(|trouble| &trouble.seen).map(|(_, value)| value);
    let has = |value: &String, line: &String| value.contains(line.trim());
    values.into_iter().any(|value| tail.lines.iter().all(|line| has(value, line)))
}

/// The tails of every program of a case.
pub(super) fn of_all(folder: &Path, case: &Case, lines: usize) -> Vec<Tail> {
    case.steps.iter().flat_map(|step| tails(folder, step, lines)).collect()
}

fn steps_in_trouble(case: &Case) -> Vec<&StepRecord> {
    let judged = |step: &&StepRecord| {
        let of_step = case.checks.iter().filter(|check| check.verdict != Verdict::Pass);
        of_step.into_iter().any(|check| is_about(&check.step, step, case))
    };
    let wrong = |step: &&StepRecord| step.timed_out || step.error.is_some();
    let wrote = |step: &&StepRecord| step.stdout.bytes + step.stderr.bytes > 0;
    let mut found: Vec<_> = case.steps.iter().filter(judged).filter(wrote).collect();
    if found.is_empty() {
        found = case.steps.iter().filter(wrong).filter(wrote).collect();
    }
    if found.is_empty() {
        found.extend(case.steps.iter().rfind(wrote));
    }
    found
}

/// Whether an expectation of this step is about this program: it is the step itself, one of its
/// copies, or the step waits for it or stops it.
fn is_about(name: &str, program: &StepRecord, case: &Case) -> bool {
    let own = program.name == name
        || program.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
    let other = case.steps.iter().find(|step| step.name == name);
    let waits = other.filter(|step| matches!(step.action.as_str(), "wait" | "stop"));
    own || waits.is_some_and(|step| step.text.split_whitespace().any(|word| word == program.name))
}

fn tails(folder: &Path, step: &StepRecord, lines: usize) -> Vec<Tail> {
    let streams = [("stdout", &step.stdout), ("stderr", &step.stderr)];
    let there = streams.into_iter().filter(|(_, output)| output.bytes > 0);
    there.map(|(stream, output)| tail(folder, step, stream, output, lines)).collect()
}

fn tail(
    folder: &Path,
    step: &StepRecord,
    stream: &'static str,
    output: &Output,
    most: usize,
) -> Tail {
    let end = output.file.as_deref().filter(|_| output.shortened);
    let (text, mut cut) = match end.and_then(|file| end_of(&folder.join(file))) {
        Some(end) => end,
        None => (output.text.clone(), false),
    };
    let all: Vec<&str> = text.lines().collect();
    cut |= all.len() > most;
    let lines = all[all.len().saturating_sub(most)..].iter();
    let lines = lines.map(|line| clipped(&harmless(line), LINE_MAX)).collect();
    Tail { step: step.name.clone(), stream, lines, cut }
}

/// The last bytes of a file as text, and whether there is more before them; `None` when it cannot
/// be read: the record has the beginning.
fn end_of(path: &Path) -> Option<(String, bool)> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
    let from = length.saturating_sub(READ_MAX);
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    file.take(READ_MAX).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match text.split_once('\n').filter(|_| from > 0) {
        // The first line has no beginning.
        Some((_, whole)) if !whole.is_empty() => Some((whole.to_owned(), true)),
        _ => Some((text, from > 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::example::{case, check, step};

    /// The step and the lines of each tail.
    fn told(tails: &[Tail]) -> Vec<(&str, &str, Vec<&str>, bool)> {
        tails
            .iter()
            .map(|it| {
                (it.step.as_str(), it.stream, it.lines.iter().map(String::as_str).collect(), it.cut)
            })
            .collect()
    }

    #[test]
    fn the_end_of_what_the_program_in_question_wrote() {
        let mut case = case("a", Verdict::Fail);
        case.steps = vec![step("server", "start", "up\n"), step("ask", "run", "1\n2\n3\n")];
        case.checks = vec![check("ask", "stdout", Verdict::Fail)];
        let tails = of_trouble(Path::new("/nonexistent"), &case, 2, &[]);
        assert_eq!(told(&tails), [("ask", "stdout", vec!["2", "3"], true)]);
        case.steps.push(step("wait-3", "wait", ""));
        case.steps[2].text = "server".to_owned();
        case.checks = vec![check("wait-3", "events", Verdict::Fail)];
        let tails = of_trouble(Path::new("/nonexistent"), &case, 2, &[]);
        assert_eq!(told(&tails), [("server", "stdout", vec!["up"], false)]);
        case.checks.clear();
        case.steps[0].timed_out = true;
        assert_eq!(of_trouble(Path::new("/nonexistent"), &case, 9, &[])[0].step, "server");
        case.steps[0].timed_out = false;
        assert_eq!(of_trouble(Path::new("/nonexistent"), &case, 9, &[])[0].step, "ask");
    }

    #[test]
    fn what_an_expectation_shows_already_is_not_told_again() {
        let mut case = case("a", Verdict::Fail);
        case.steps = vec![step("ask", "run", "one\ntwo\n")];
        case.checks = vec![check("ask", "stdout", Verdict::Fail)];
        let seen = |got: &str| Trouble {
            place: String::new(),
            what: String::new(),
            seen: vec![("got".to_owned(), got.to_owned())],
        };
        let lines = |told: &[Trouble]| of_trouble(Path::new("/"), &case, 9, told).len();
        assert_eq!(lines(&[seen("\"one\\ntwo\\n\"")]), 0);
        assert_eq!(lines(&[seen("\"one\\n\""), seen("0")]), 1);
    }

    #[test]
    fn copies_belong_to_their_step() {
        let mut case = case("a", Verdict::Fail);
        case.steps =
            vec![step("ask/1", "run", "x"), step("ask/2", "run", "y"), step("asks", "run", "z")];
        case.checks = vec![check("ask", "stdout", Verdict::Fail)];
        let steps: Vec<_> =
            of_trouble(Path::new("/"), &case, 3, &[]).into_iter().map(|tail| tail.step).collect();
        assert_eq!(steps, ["ask/1", "ask/2"]);
    }

    #[test]
    fn a_long_transcript_is_read_from_its_end() {
        let folder = std::env::temp_dir().join(format!("colok-check-tail-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("there is room");
        let all: Vec<String> = (0..10_000).map(|number| format!("line {number} \x07\n")).collect();
        let text = all.concat();
        std::fs::write(folder.join("ask.stdout"), &text).expect("there is room");
        let mut one = step("ask", "run", "line 0\n");
        one.stdout.shortened = true;
        one.stdout.bytes = u64::try_from(text.len()).unwrap_or(0);
        one.stdout.file = Some("ask.stdout".to_owned());
        let tails = tails(&folder, &one, 2);
        std::fs::remove_dir_all(&folder).expect("it is ours");
        assert_eq!(tails[0].lines, ["line 9998 \\u{7}", "line 9999 \\u{7}"]);
        assert!(tails[0].cut);
    }
}
