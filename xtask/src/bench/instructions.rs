//! `cargo xtask bench instructions`: the instructions that each hot path of `bench/micro` takes,
//! beside those that are kept in the tree.
//!
//! Time on a shared machine moves by more than any change that a reviewer should see; the number
//! of instructions does not move at all. Callgrind counts them, [`mod@counts`] compares. Valgrind's
//! processor is the same wherever the real one has AVX2, so counts are comparable between such
//! machines, if the compiler is the same.
//!
//! Nothing here is a measurement of time, and nothing is written but with `--write`.

mod counts;

use std::{env, fs, path::Path, process::Command};

use counts::{Comparison, Counts};

use super::json::Json;
use crate::{
    context::{Context, on_path},
    outcome::Outcome,
    process::{self, cargo},
    tool::Tool,
};

/// The name of the suite.
pub(crate) const NAME: &str = "instructions";

/// Where the counts are kept.
const KEPT: &str = "bench/micro/instructions.toml";

/// What runs callgrind and reads what it says; of the version of the crate of that name.
pub(crate) const RUNNER: Tool = Tool {
    name: "gungraun-runner",
    version: "0.20.0",
    options: &[],
    fits: |line| line.trim() == "gungraun-runner 0.20.0",
};

/// Rounds of each path: `ROUNDS` of `bench/micro/src/lib.rs`.
const ROUNDS: f64 = 1000.0;

/// How the benchmark is built and run.
const BENCH: [&str; 6] =
    ["bench", "--locked", "--package", "colok-micro", "--bench", "instructions"];

/// The step of `cargo xtask test`.
pub(crate) fn step(context: &Context) -> Outcome {
    run(context, false)
}

/// Counts, and compares with what is kept, or keeps it.
pub(crate) fn run(context: &Context, write: bool) -> Outcome {
    let place = context.root.join(KEPT);
    let found = read(&place).and_then(|kept| Ok((kept, maker(context)?)));
    let (kept, maker) = match found {
        Ok(found) => found,
        Err(problem) => return Outcome::Failed(problem),
    };
    if let Some(reason) = kept.reason_not_to_compare(&maker).filter(|_| !write) {
        return Outcome::Skipped(reason);
    }
    if !on_path("valgrind") {
        return Outcome::Skipped("valgrind is not installed (cargo xtask setup)".to_owned());
    }
    let runner = match RUNNER.find_or_install(context) {
        Ok(runner) => runner,
        Err(reason) => return Outcome::Skipped(reason),
    };
    let counted = count(context, &runner).and_then(|text| counts(&text, maker));
    match counted {
        Ok(now) if write => keep(&place, &kept, &now).into(),
        Ok(now) => judge(&kept.compare(&now)).into(),
        Err(problem) => Outcome::Failed(problem),
    }
}

fn read(place: &Path) -> Result<Counts, String> {
    match fs::read_to_string(place) {
        Ok(text) => Counts::parse(&text).map_err(|problem| format!("{KEPT}: {problem}")),
        Err(_) if !place.exists() => Ok(Counts::default()),
        Err(error) => Err(format!("{KEPT}: {error}")),
    }
}

/// What decides how many instructions there are, besides the tree itself.
fn maker(context: &Context) -> Result<String, String> {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let text = process::read(Command::new(rustc).arg("-vV").current_dir(&context.root))?;
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    Ok(counts::maker(&text, &processor))
}

/// What gungraun says, one JSON object per line and path.
fn count(context: &Context, runner: &Path) -> Result<String, String> {
    // Apart, so that the compiler's output is seen and does not count as silence.
    process::run(context, cargo(context, BENCH).arg("--no-run"))?;
    let mut command = cargo(context, BENCH);
    // The benchmark looks for its runner on the search path.
    let own = runner.parent().map(Path::to_owned).into_iter();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(own.chain(env::split_paths(&path)))
        .map_err(|error| format!("the search path: {error}"))?;
    command.args(["--", "--output-format=json"]).env("PATH", path);
    process::read(&mut command)
}

fn counts(text: &str, maker: String) -> Result<Counts, String> {
    let mut counts = Counts { maker, ..Counts::default() };
    for line in text.lines().filter(|line| line.starts_with('{')) {
        let (name, total) = total(line).ok_or_else(|| format!("not understood: {line}"))?;
        counts.of.insert(name, total / ROUNDS);
    }
    if counts.of.is_empty() { Err("nothing was counted".to_owned()) } else { Ok(counts) }
}

/// The name of a path and its instructions in all rounds.
fn total(line: &str) -> Option<(String, f64)> {
    let summary = Json::parse(line)?;
    let total = summary.number("profiles.0.data.total.metrics.Ir.values.new")?;
    Some((summary.text("id")?.to_owned(), total))
}

fn judge(comparison: &Comparison) -> Result<(), String> {
    print!("\n{}", comparison.table());
    comparison.verdict()
}

fn keep(place: &Path, kept: &Counts, now: &Counts) -> Result<(), String> {
    print!("\n{}", kept.compare(now).table());
    fs::write(place, now.text()).map_err(|error| format!("{KEPT}: {error}"))?;
    println!("kept in {KEPT}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_read() {
        let line = [
            r#"{"id":"echo","profiles":[{"data":{"parts":[],"total":{"metrics":"#,
            r#"{"Ir":{"values":{"new":661023,"old":1}}}}}}]}"#,
        ]
        .concat();
        let counts = counts(&format!("\n{line}\n"), "a compiler".into()).expect("it is whole");
        assert_eq!(counts.of.into_iter().collect::<Vec<_>>(), [("echo".to_owned(), 661.023)]);
    }

    #[test]
    fn what_is_not_understood_is_told() {
        assert!(counts("{}", String::new()).unwrap_err().contains("not understood"));
        assert!(counts("", String::new()).unwrap_err().contains("nothing was counted"));
    }

    #[test]
    fn what_is_kept_can_be_read() {
        let kept = read(&Context::detect().root.join(KEPT)).expect("it is whole");
        assert!(!kept.of.is_empty());
        assert_eq!(read(Path::new("/nowhere")), Ok(Counts::default()));
    }
}
