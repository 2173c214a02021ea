//! The list of checks that is `cargo xtask test`, and the loop that runs it.
//!
//! Every step runs even when one before it failed, so that one run shows every problem; only a
//! step marked as long is left out then. A step that cannot run says why and counts as skipped,
//! never as passed.

use std::{
    fmt::Write as _,
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::{
    arguments::{FUZZ_SECONDS, Selection},
    bench,
    context::Context,
    deny, fuzz,
    outcome::Outcome,
    process::{self, cargo},
    sanitize, setup, tidy,
};

struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&Context) -> Outcome,
    /// Not worth its time when something is broken already, nor in a quick run.
    long: bool,
}

const STEPS: [Step; 10] = [
    Step { name: "setup", about: "the programs that tests use", run: setup::run, long: false },
    Step { name: "format", about: "cargo fmt", run: format, long: false },
    Step { name: "tidy", about: "the house rules", run: tidy::run, long: false },
    Step { name: "clippy", about: "lints, as errors", run: clippy, long: false },
    Step { name: "doc", about: "documentation and its examples", run: doc, long: false },
    Step { name: "deny", about: "dependencies and licences", run: deny::run, long: false },
    Step { name: "tests", about: "unit, property and interop tests", run: tests, long: false },
    Step {
        name: bench::instructions::NAME,
        about: "instructions of the hot paths, beside those kept",
        run: bench::instructions::step,
        long: true,
    },
    Step {
        name: "sanitize",
        about: "the tests of the unsafe code, with AddressSanitizer",
        run: sanitize::run,
        long: true,
    },
    Step { name: "fuzz", about: "every fuzz target, 60 s together", run: fuzz_all, long: true },
];

/// The names of the steps, in their order.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    STEPS.iter().map(|step| step.name)
}

/// The steps with what they check, one line each.
pub(crate) fn list() -> String {
    STEPS.iter().fold(String::new(), |mut text, step| {
        let _ = writeln!(text, "{:12} {}", step.name, step.about);
        text
    })
}

struct Finished {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// Runs the selected steps and prints the summary. Fails when a step failed.
pub(crate) fn run(context: &Context, selection: &Selection) -> ExitCode {
    let start = Instant::now();
    let mut finished: Vec<Finished> = Vec::new();
    for step in STEPS.iter().filter(|step| selected(step, selection)) {
        println!("\n=== {}: {}", step.name, step.about);
        let begin = Instant::now();
        let broken = finished.iter().any(|step| matches!(step.outcome, Outcome::Failed(_)));
        let outcome = match reason_to_skip(step, selection, broken) {
            Some(reason) => Outcome::Skipped(reason.to_owned()),
            None => (step.run)(context),
        };
        let took = begin.elapsed();
        println!("--- {}", line(step.name, &outcome, took));
        finished.push(Finished { name: step.name, outcome, took });
    }
    print!("{}", summary(&finished, start.elapsed()));
    let failed = finished.iter().any(|step| matches!(step.outcome, Outcome::Failed(_)));
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn selected(step: &Step, selection: &Selection) -> bool {
    selection.only.is_empty() || selection.only.iter().any(|name| name == step.name)
}

fn reason_to_skip(step: &Step, selection: &Selection, broken: bool) -> Option<&'static str> {
    match step.long {
        true if selection.quick => Some("left out by --quick"),
        true if broken => Some("an earlier step failed"),
        _ => None,
    }
}

fn line(name: &str, outcome: &Outcome, took: Duration) -> String {
    let (word, reason) = match outcome {
        Outcome::Passed => ("passed", ""),
        Outcome::Failed(reason) => ("FAILED", reason.as_str()),
        Outcome::Skipped(reason) => ("skipped", reason.as_str()),
    };
    let text = format!("{word:8}{name:12}{:>7.1} s  {reason}", took.as_secs_f64());
    text.trim_end().to_owned()
}

fn summary(finished: &[Finished], total: Duration) -> String {
    let mut text = format!("\n=== summary after {:.0} s\n", total.as_secs_f64());
    for step in finished {
        text.push_str(&line(step.name, &step.outcome, step.took));
        text.push('\n');
    }
    let count =
        |wanted: fn(&Outcome) -> bool| finished.iter().filter(|step| wanted(&step.outcome)).count();
    let passed = count(|outcome| *outcome == Outcome::Passed);
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let skipped = count(|outcome| matches!(outcome, Outcome::Skipped(_)));
    let _ = writeln!(text, "\n{passed} passed, {failed} failed, {skipped} skipped");
    text
}

fn format(context: &Context) -> Outcome {
    if let Some(reason) = setup::missing_component(context, "rustfmt", "fmt") {
        return Outcome::Skipped(reason);
    }
    let mut all = process::run(context, &mut cargo(context, ["fmt", "--all", "--check"]));
    // Each is a workspace of its own.
    for manifest in ["fuzz/Cargo.toml", "bench/peers/Cargo.toml"] {
        let words = ["fmt", "--manifest-path", manifest, "--check"];
        all = all.and(process::run(context, &mut cargo(context, words)));
    }
    all.into()
}

fn clippy(context: &Context) -> Outcome {
    if let Some(reason) = setup::missing_component(context, "clippy", "clippy") {
        return Outcome::Skipped(reason);
    }
    let words = ["clippy", "--workspace", "--all-targets", "--all-features", "--locked"];
    process::run(context, cargo(context, words).args(["--", "-D", "warnings"])).into()
}

// All compiling steps use the same features and profile, so that each reuses what the one before
// it has compiled: `doc` what `clippy` checked, `tests` what the examples linked.
fn doc(context: &Context) -> Outcome {
    // The binary and the library are both called `colok`: one after the other, so that their pages
    // are not written at once, and the library last, so that its pages stay.
    let scopes: [&[&str]; 2] =
        [&["--package", "colok-cli"], &["--workspace", "--exclude", "colok-cli"]];
    let mut pages = Ok(());
    for scope in scopes {
        let mut command = cargo(context, ["doc", "--all-features", "--locked", "--no-deps"]);
        command.arg("--document-private-items").env("RUSTDOCFLAGS", "-D warnings");
        pages = pages.and(process::run(context, command.args(scope)));
    }
    let examples = ["test", "--doc", "--workspace", "--all-features", "--locked"];
    both(pages, process::run(context, &mut cargo(context, examples)))
}

/// Everything but the documentation's examples, which `doc` has run.
fn tests(context: &Context) -> Outcome {
    let words = ["test", "--workspace", "--all-features", "--locked", "--no-fail-fast"];
    let targets = ["--lib", "--bins", "--tests", "--examples"];
    // Micro-benchmarks have no tests, and their harnesses are long to compile.
    let excluded = ["--exclude", "colok-micro"];
    process::run(context, cargo(context, words).args(targets).args(excluded)).into()
}

fn fuzz_all(context: &Context) -> Outcome {
    fuzz::run(context, None, FUZZ_SECONDS)
}

/// Two commands of one step: both have run, the first failure is the step's.
fn both(first: Result<(), String>, second: Result<(), String>) -> Outcome {
    first.and(second).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_steps() {
        let step = |outcome| Finished { name: "some", outcome, took: Duration::from_millis(1500) };
        let finished = [
            step(Outcome::Passed),
            step(Outcome::Failed("two words".into())),
            step(Outcome::Skipped("no tool".into())),
            step(Outcome::Passed),
        ];
        let text = summary(&finished, Duration::from_secs(6));
        assert_eq!(text.lines().last(), Some("2 passed, 1 failed, 1 skipped"));
        assert!(text.contains("FAILED  some            1.5 s  two words\n"), "{text}");
    }

    #[test]
    fn only_long_steps_are_left_out() {
        let [cheap, .., long] = &STEPS;
        let quick = Selection { quick: true, ..Selection::default() };
        let all = Selection::default();
        assert_eq!(reason_to_skip(cheap, &quick, true), None);
        assert_eq!(reason_to_skip(long, &all, false), None);
        assert!(reason_to_skip(long, &quick, false).is_some());
        assert!(reason_to_skip(long, &all, true).is_some());
    }

    #[test]
    fn a_selection_names_its_steps() {
        let only = Selection { only: vec!["tidy".into()], quick: false };
        let run: Vec<_> =
            STEPS.iter().filter(|step| selected(step, &only)).map(|step| step.name).collect();
        assert_eq!(run, ["tidy"]);
        assert!(STEPS.iter().all(|step| selected(step, &Selection::default())));
    }
}
