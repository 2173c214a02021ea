//! A run at its end, for people at a terminal: a line per scenario, then everything that did not
//! pass with what was expected and seen, then the totals and how to repeat what did not pass.

use std::fmt::Write as _;
use std::path::Path;

use colok::scenario::evidence;
use colok::scenario::record::{Case, Outcome, Run, Verdict};

use super::repeat::repeating;
use super::reports;
use super::transcript::{self, Tail};
use super::trouble::{Trouble, troubles};
use super::words::{
    Group, cases_text, one_line, seconds, totals_text, verdict_width, verdict_word,
};
use crate::messages::{Id, Messages};
use crate::problem::quoted;
use crate::say;
use crate::style::Style;

/// Cases that are told with all that is known; the rest is in the reports.
const DETAILS_MAX: usize = 20;

/// Cases that are named of those that are like another one.
const ALIKE_MAX: usize = 6;

/// Lines of a transcript.
const LINES: usize = 8;

/// Writes a summary.
pub(super) struct Summary<'a> {
    run: &'a Run,
    folder: &'a Path,
    style: Style,
    messages: &'a Messages,
    text: String,
}

/// The whole summary; `folder` is that of the evidence.
pub(super) fn write(run: &Run, folder: &Path, style: Style, messages: &Messages) -> String {
    let mut summary = Summary { run, folder, style, messages, text: String::new() };
    summary.scenarios();
    summary.details();
    summary.skipped();
    summary.end();
    summary.text
}

/// A verdict in its colour and its column.
pub(super) fn verdict(verdict: Verdict, width: usize, style: Style, messages: &Messages) -> String {
    let word = verdict_word(verdict, messages);
    let padded = format!("{word:<width$}");
    match verdict {
        Verdict::Pass => style.green(padded),
        Verdict::Fail => style.red(padded),
        Verdict::Invalid | Verdict::Unknown => style.yellow(padded),
        Verdict::Skipped => style.dim(padded),
    }
}

impl Summary<'_> {
    fn line(&mut self, words: &str) {
        self.text.push_str(words);
        self.text.push('\n');
    }

    fn scenarios(&mut self) {
        let groups = Group::all(&self.run.cases);
        let width = verdict_width(groups.iter().map(Group::verdict), self.messages);
        for group in groups {
            let word = verdict(group.verdict(), width, self.style, self.messages);
            let name = self.style.bold(one_line(group.scenario));
            let cases = group.cases_text(self.messages);
            let time = seconds(group.duration_s());
            let figures = if group.verdict() == Verdict::Skipped {
                format!("({cases})")
            } else {
                format!("({cases}, {time})")
            };
            self.line(&format!("{word}  {name} {figures}"));
        }
    }

    fn details(&mut self) {
        let all = alike(self.run, self.messages);
        for alike in all.iter().take(DETAILS_MAX) {
            self.case(alike);
        }
        let more = all.iter().skip(DETAILS_MAX).map(|it| it.others.len() + 1).sum();
        if more > 0 {
            let more = cases_text(more, self.messages);
            self.text.push('\n');
            self.line(&say!(self.messages, Id::CheckMoreCases, cases = more));
        }
    }

    fn case(&mut self, alike: &Alike<'_>) {
        let (case, troubles) = (alike.first, &alike.troubles);
        let word = verdict(case.verdict, 0, self.style, self.messages);
        let id = self.style.bold(one_line(&case.id));
        self.text.push('\n');
        self.line(&format!("{word}  {id}: {}", one_line(&case.title)));
        if troubles.is_empty() {
            self.line(&format!("  {}", one_line(&case.reason)));
        }
        for trouble in troubles {
            self.trouble(trouble);
        }
        for tail in transcript::of_trouble(self.folder, case, LINES, troubles) {
            self.tail(&tail);
        }
        let label = self.messages.text(Id::CheckEvidence);
        let place = self.folder.join("cases").join(evidence::file_name(&case.id));
        self.line(&format!("  {label} {}", pasted(&place)));
        if !alike.others.is_empty() {
            let others = alike.others.iter().take(ALIKE_MAX).map(|case| one_line(&case.id));
            let mut cases = others.collect::<Vec<_>>().join(", ");
            if let Some(more @ 1..) = alike.others.len().checked_sub(ALIKE_MAX) {
                let _ = write!(cases, " +{more}");
            }
            self.line(&format!("  {}", say!(self.messages, Id::CheckAlike, cases = cases)));
        }
    }

    fn trouble(&mut self, trouble: &Trouble) {
        self.line(&format!("  {}  {}", trouble.place, trouble.what));
        let width = trouble.seen.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
        for (label, value) in &trouble.seen {
            let label = self.style.dim(format!("{label:<width$}"));
            self.line(&format!("    {label}  {value}"));
        }
    }

    fn tail(&mut self, tail: &Tail) {
        let (step, stream) = (one_line(&tail.step), tail.stream);
        let head = say!(self.messages, Id::CheckWrote, step = step, stream = stream);
        self.line(&format!("  {head}"));
        let bar = self.style.dim("|");
        if tail.cut {
            self.line(&format!("    {bar} ..."));
        }
        for line in &tail.lines {
            self.line(&format!("    {bar} {line}"));
        }
    }

    /// The reasons why cases were skipped, each with the scenarios that it stopped.
    fn skipped(&mut self) {
        for (reason, names) in skip_reasons(&self.run.cases) {
            let word = verdict_word(Verdict::Skipped, self.messages);
            self.text.push('\n');
            self.line(&format!("{word}: {}", one_line(reason)));
            self.line(&format!("  {}", names.join(", ")));
        }
    }

    fn end(&mut self) {
        let (run, messages) = (self.run, self.messages);
        self.text.push('\n');
        match run.outcome {
            Outcome::Complete => {}
            Outcome::Interrupted => self.line(&messages.text(Id::CheckInterrupted)),
            Outcome::Killed => self.line(&messages.text(Id::CheckKilled)),
        }
        let totals = say!(
            messages,
            Id::CheckTotals,
            cases = cases_text(run.cases.len(), messages),
            time = seconds(run.duration_s),
            totals = totals_text(&run.totals, messages)
        );
        let _ = writeln!(self.text, "{}", self.style.bold(totals));
        let page = pasted(&self.folder.join(reports::PAGE));
        let seed = run.seed.to_string();
        self.line(&say!(messages, Id::CheckWhere, page = page, seed = seed));
        if let Some(command) = repeating(run) {
            self.line(&say!(messages, Id::CheckRepeatThese, command = command));
        }
    }
}

/// Cases of one scenario that did not pass for the very same reasons, which are told once.
pub(super) struct Alike<'a> {
    pub(super) first: &'a Case,
    pub(super) troubles: Vec<Trouble>,
    pub(super) others: Vec<&'a Case>,
}

/// All that did not pass, those that are alike together.
pub(super) fn alike<'a>(run: &'a Run, messages: &Messages) -> Vec<Alike<'a>> {
    let asks = |case: &&Case| !matches!(case.verdict, Verdict::Pass | Verdict::Skipped);
    let mut all: Vec<Alike<'a>> = Vec::new();
    for case in run.cases.iter().filter(asks) {
        let troubles = troubles(case, messages);
        let is_like = |it: &&mut Alike<'_>| {
            let first = it.first;
            first.file == case.file
                && first.verdict == case.verdict
                && first.reason == case.reason
                && it.troubles == troubles
        };
        match all.iter_mut().find(is_like) {
            Some(alike) => alike.others.push(case),
            None => all.push(Alike { first: case, troubles, others: Vec::new() }),
        }
    }
    all
}

/// A path that can be copied into a shell.
fn pasted(path: &Path) -> String {
    one_line(&quoted(&path.display().to_string()))
}

/// Each reason with the names of its scenarios, in order.
pub(super) fn skip_reasons(cases: &[Case]) -> Vec<(&str, Vec<&str>)> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for case in cases.iter().filter(|case| case.verdict == Verdict::Skipped) {
        match reasons.iter_mut().find(|(reason, _)| *reason == case.reason) {
            Some((_, names)) if names.contains(&case.scenario.as_str()) => {}
            Some((_, names)) => names.push(&case.scenario),
            None => reasons.push((&case.reason, vec![&case.scenario])),
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::example::{case, run, troubled};
    use crate::messages::Language;

    fn told(run: &Run, language: Language) -> String {
        write(run, Path::new("evidence"), Style::PLAIN, &Messages::new(language))
    }

    #[test]
    fn everything_that_did_not_pass_is_told_with_its_place_and_its_proof() {
        let text = told(&troubled(), Language::English);
        let expected = "\
fail     echo (1 of 2 cases, 2.5 s)
invalid  cut (1 case, 1.2 s)
unknown  slow (1 case, 1.2 s)
skipped  multicast (1 case)

fail  echo[engine=events]: the title of echo
  scenarios/echo.toml:23  step ask: stdout
    expected  hello & <goodbye>\\n
    got       hell\\u{1b}[31mo\\n
  ask wrote (stdout):
    | hell\\u{1b}[31mo
    | ]]>
  evidence: 'evidence/cases/echo[engine=events]'

invalid  cut: the title of cut
  scenarios/cut.toml  the fault cut=1000 (relay) was not proved
    seen  applied 0
  evidence: evidence/cases/cut

unknown  slow#2: the title of slow
  scenarios/slow.toml:12  step ask: its time ran out
    did  colok ask
  evidence: 'evidence/cases/slow#2'

skipped: no network namespaces: unshare: EPERM
  multicast

5 cases in 1 min 20 s: 1 pass, 1 fail, 1 invalid, 1 unknown, 1 skipped
report: evidence/report.html (seed 42)
to repeat what did not pass: colok check 'my scenarios' --only 'echo[engine=events]' --only cut \
--only 'slow#2' --repeat 2 --seed 42
";
        assert_eq!(text, expected.replace("\\\n", ""));
    }

    #[test]
    fn words_are_translated_and_reasons_are_not() {
        let text = told(&troubled(), Language::Indonesian);
        for part in
            ["gagal ", "dilewati: no network namespaces: unshare: EPERM", "1 lulus, 1 gagal"]
        {
            assert!(text.contains(part), "no {part} in {text}");
        }
    }

    #[test]
    fn a_run_in_which_all_passed_is_short() {
        let all = run(vec![case("a", Verdict::Pass), case("b", Verdict::Pass)]);
        let text = told(&all, Language::English);
        assert_eq!(text.lines().count(), 5, "{text}");
        assert!(!text.contains("--only"), "{text}");
    }

    #[test]
    fn very_many_failures_do_not_fill_the_screen() {
        let cases = (0..50).map(|at| case(&format!("a[x={at}]"), Verdict::Fail)).collect();
        let text = told(&run(cases), Language::English);
        assert!(!text.contains("more did not pass"), "they are alike: {text}");
        assert!(text.contains("  the same: a[x=1], a[x=2], "), "{text}");
        let cases = (0..50).map(|at| case(&format!("a{at}"), Verdict::Fail)).collect();
        let text = told(&run(cases), Language::English);
        assert!(text.contains("30 cases more did not pass"), "{text}");
        assert!(!text.contains("fail  a20:"), "{text}");
    }
}
