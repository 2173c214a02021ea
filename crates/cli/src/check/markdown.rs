//! A run as Markdown, to be pasted into a ticket: a table, what did not pass with its evidence
//! folded, and all that is needed to repeat it.
//!
//! No text of a program or a scenario can become markup: code stands in fences that are longer than
//! any in it, and the rest is escaped.

use std::fmt::Write as _;
use std::path::Path;

use colok::scenario::evidence;
use colok::scenario::record::{Case, Outcome, Run, Verdict};

use super::repeat::repeating;
use super::summary::skip_reasons;
use super::transcript;
use super::trouble::{reason, troubles};
use super::words::{Group, cases_text, one_line, seconds, totals_text, verdict_word};
use crate::messages::{Id, Messages};
use crate::problem::quoted;
use crate::say;
use crate::units::rfc3339;

/// Cases that are told with all that is known: a ticket takes only so much.
const DETAILS_MAX: usize = 40;

/// Lines of a transcript.
const LINES: usize = 20;

/// The text of `report.md`; `folder` is that of the run.
pub(super) fn write(run: &Run, folder: &Path, messages: &Messages) -> String {
    let mut text = format!("# colok check: {}\n\n", totals_text(&run.totals, messages));
    match run.outcome {
        Outcome::Complete => {}
        Outcome::Interrupted => {
            let _ = writeln!(text, "{}\n", escaped(&messages.text(Id::CheckInterrupted)));
        }
        Outcome::Killed => {
            let _ = writeln!(text, "{}\n", escaped(&messages.text(Id::CheckKilled)));
        }
    }
    table(&mut text, run, messages);
    details(&mut text, run, folder, messages);
    skipped(&mut text, run, messages);
    facts(&mut text, run, messages);
    text
}

fn table(text: &mut String, run: &Run, messages: &Messages) {
    let heads =
        [Id::CheckHeadVerdict, Id::CheckHeadScenario, Id::CheckHeadCases, Id::CheckHeadTime];
    let heads = heads.map(|id| messages.text(id));
    let _ = writeln!(text, "| {} |\n|---|---|---|---|", heads.join(" | "));
    for group in Group::all(&run.cases) {
        let verdict = verdict_word(group.verdict(), messages);
        let verdict = match group.verdict() {
            Verdict::Pass | Verdict::Skipped => verdict,
            _ => format!("**{verdict}**"),
        };
        let (name, title) = (escaped(group.scenario), escaped(group.title));
        let (cases, time) = (group.cases_text(messages), seconds(group.duration_s()));
        let _ = writeln!(text, "| {verdict} | {name}: {title} | {cases} | {time} |");
    }
    text.push('\n');
}

fn details(text: &mut String, run: &Run, folder: &Path, messages: &Messages) {
    let asks = |case: &&Case| !matches!(case.verdict, Verdict::Pass | Verdict::Skipped);
    let all: Vec<&Case> = run.cases.iter().filter(asks).collect();
    if all.is_empty() {
        return;
    }
    let _ = writeln!(text, "## {}\n", messages.text(Id::CheckNotPassed));
    for case in all.iter().take(DETAILS_MAX) {
        self::case(text, case, folder, messages);
    }
    if all.len() > DETAILS_MAX {
        let more = cases_text(all.len() - DETAILS_MAX, messages);
        let _ = writeln!(text, "{}\n", say!(messages, Id::CheckMoreCases, cases = more));
    }
}

fn case(text: &mut String, case: &Case, folder: &Path, messages: &Messages) {
    let verdict = verdict_word(case.verdict, messages);
    let (id, reason) = (html(&case.id), html(&reason(case, messages)));
    let _ = writeln!(text, "<details><summary>{verdict}: <code>{id}</code>: {reason}</summary>\n");
    let troubles = troubles(case, messages);
    for trouble in &troubles {
        let _ = writeln!(text, "{}: {}\n", escaped(&trouble.place), escaped(&trouble.what));
        let width = trouble.seen.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
        let lines = trouble.seen.iter().map(|(label, value)| format!("{label:<width$}  {value}"));
        fenced(text, &lines.collect::<Vec<_>>());
    }
    for tail in transcript::of_trouble(folder, case, LINES, &[]) {
        let (step, stream) = (escaped(&tail.step), tail.stream);
        let head = say!(messages, Id::CheckWrote, step = step, stream = stream);
        let _ = writeln!(text, "{head}\n");
        let mut lines = tail.lines;
        if tail.cut {
            lines.insert(0, "...".to_owned());
        }
        fenced(text, &lines);
    }
    let place = format!("cases/{}", evidence::file_name(&case.id));
    let (label, seed) = (messages.text(Id::CheckEvidence), case.seed);
    let _ =
        writeln!(text, "{label} {}, {} {seed}\n", code(&place), messages.text(Id::CheckSeedWord));
    text.push_str("</details>\n\n");
}

fn skipped(text: &mut String, run: &Run, messages: &Messages) {
    let reasons = skip_reasons(&run.cases);
    if reasons.is_empty() {
        return;
    }
    let _ = writeln!(text, "## {}\n", messages.text(Id::CheckNotRun));
    for (reason, names) in reasons {
        let _ = writeln!(text, "- {}: {}", escaped(reason), escaped(&names.join(", ")));
    }
    text.push('\n');
}

fn facts(text: &mut String, run: &Run, messages: &Messages) {
    let _ = writeln!(text, "## {}\n", messages.text(Id::CheckThisRun));
    let machine = &run.machine;
    let processors = machine.processors.to_string();
    let machine_text = say!(
        messages,
        Id::CheckMachine,
        name = machine.name.as_str(),
        kernel = machine.kernel.as_str(),
        processors = processors,
        user = messages.text(if machine.root { Id::CheckAsRoot } else { Id::CheckAsUser })
    );
    let words: Vec<String> = run.command.iter().map(|word| quoted(word)).collect();
    let rows = [
        (Id::CheckFactTool, escaped(&run.tool)),
        (Id::CheckFactMachine, escaped(&machine_text)),
        (Id::CheckFactStarted, rfc3339(run.started_unix_us)),
        (Id::CheckFactTime, seconds(run.duration_s)),
        (Id::CheckFactSeed, run.seed.to_string()),
        (Id::CheckFactCommand, code(&words.join(" "))),
    ];
    for (label, value) in rows {
        let _ = writeln!(text, "- {}: {value}", messages.text(label));
    }
    if let Some(command) = repeating(run) {
        let _ = writeln!(text, "- {}: {}", messages.text(Id::CheckFactRepeat), code(&command));
    }
}

/// A text between marks of code; they are longer than any in it.
fn code(text: &str) -> String {
    let text = one_line(text);
    let marks = "`".repeat(longest_run(&text, '`') + 1);
    let space = if text.contains('`') { " " } else { "" };
    format!("{marks}{space}{text}{space}{marks}")
}

fn fenced(text: &mut String, lines: &[String]) {
    let longest = lines.iter().map(|line| longest_run(line, '`')).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(text, "{fence}text\n{}\n{fence}\n", lines.join("\n"));
}

fn longest_run(text: &str, mark: char) -> usize {
    text.split(|letter| letter != mark).map(|run| run.chars().count()).max().unwrap_or(0)
}

/// A text in which no letter is markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in one_line(text).chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '@' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A text within HTML.
fn html(text: &str) -> String {
    one_line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::example::{case, run, troubled};
    use crate::messages::Language;

    fn told(run: &Run, language: Language) -> String {
        write(run, Path::new("/nonexistent"), &Messages::new(language))
    }

    #[test]
    fn a_ticket_has_the_table_the_evidence_and_the_command() {
        let text = told(&troubled(), Language::English);
        for part in [
            "# colok check: 1 pass, 1 fail, 1 invalid, 1 unknown, 1 skipped\n",
            "| verdict | scenario | cases | time |\n|---|---|---|---|\n",
            "| **fail** | echo: the title of echo | 1 of 2 cases | 2.5 s |\n",
            "<details><summary>fail: <code>echo[engine=events]</code>: ask: stdout (line 23)",
            "scenarios/echo.toml:23: step ask: stdout\n\n```text\nexpected  hello & <goodbye>\\n\n",
            "\ngot       hell\\u{1b}[31mo\\n\n```\n",
            "```text\nhell\\u{1b}[31mo\n]]>\n```\n",
            "evidence: `cases/echo[engine=events]`, seed 7\n\n</details>\n",
            "- no network namespaces: unshare: EPERM: multicast\n",
            "- seed: 42\n",
            "- command: `colok check 'my scenarios'`\n",
            "- started: 2023-11-14T22:13:20.000000Z\n",
        ] {
            assert!(text.contains(part), "no {part} in {text}");
        }
        assert_eq!(text.matches("<details>").count(), 3);
        assert_eq!(text.matches("</details>").count(), 3);
        assert!(told(&troubled(), Language::Indonesian).contains("| **gagal** |"));
    }

    #[test]
    fn nothing_that_was_seen_becomes_markup() {
        let mut bad = case("x", Verdict::Fail);
        bad.title = "a|b <script>*c*".to_owned();
        bad.reason = "</details><b>".to_owned();
        bad.steps = vec![crate::check::example::step("ask", "run", "```\n````\nend\n")];
        let text = told(&run(vec![bad]), Language::English);
        assert!(text.contains("x: a\\|b &lt;script&gt;\\*c\\*"), "{text}");
        assert!(text.contains("&lt;/details&gt;&lt;b&gt;"), "{text}");
        assert!(text.contains("`````text\n```\n````\nend\n`````\n"), "{text}");
        assert_eq!(code("a`b"), "`` a`b ``");
    }
}
