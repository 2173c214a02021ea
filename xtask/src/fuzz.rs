//! Every fuzz target for a share of the time, on stable Rust.
//!
//! libFuzzer is linked into each target by the crate `libfuzzer-sys`; what is left for us is to
//! compile with the compiler's coverage pass and to run. No sanitizer is used: they need a nightly
//! compiler, and outside `crates/sys` there is no unsafe code for them to watch. A panic, a hang
//! and a growing memory are findings.
//!
//! A corpus grows in `fuzz/corpus` from run to run; a finding is kept in `fuzz/artifacts`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    context::{Context, on_path},
    outcome::Outcome,
    process,
};

/// The flags by which rustc gives libFuzzer its counters, its edges and its comparisons.
const COVERAGE: [&str; 8] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // A comparison with a whole word stays a call, which libFuzzer watches; inlined, `quit` is not
    // found in 16 million runs, and so in a few thousand.
    "-Cllvm-args=-max-loads-per-memcmp=0",
    "-Ccodegen-units=1",
    "--cfg=fuzzing",
];

/// Longest input in bytes: longer than any line a machine accepts whole, short enough for
/// thousands of runs per second.
const MAX_INPUT: u32 = 4096;

/// One input that takes longer than this many seconds is a finding: a machine must never hang.
const INPUT_SECONDS: u32 = 10;

/// A target that needs more memory than this, in MiB, is a finding: everything is bounded.
const MEMORY_MIB: u32 = 1024;

/// Builds the targets and runs one or all of them, `seconds` altogether.
pub(crate) fn run(context: &Context, only: Option<&str>, seconds: u64) -> Outcome {
    if !on_path("c++") {
        return Outcome::Skipped("no C++ compiler (c++) for libFuzzer".to_owned());
    }
    fuzz(context, only, seconds).into()
}

fn fuzz(context: &Context, only: Option<&str>, seconds: u64) -> Result<(), String> {
    let targets = select(&read_targets(context)?, only)?;
    let programs = build(context)?;
    let share = (seconds / targets.len() as u64).max(1);
    let mut found = Vec::new();
    for target in &targets {
        if let Err(problem) = run_target(context, &programs, target, share) {
            println!("{target}: {problem}");
            found.push(target.as_str());
        }
    }
    if found.is_empty() { Ok(()) } else { Err(format!("findings in {}", found.join(", "))) }
}

fn read_targets(context: &Context) -> Result<Vec<String>, String> {
    let path = context.root.join("fuzz/Cargo.toml");
    let manifest =
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(targets_in(&manifest))
}

/// The `name` of each `[[bin]]` table.
fn targets_in(manifest: &str) -> Vec<String> {
    let mut targets = Vec::new();
    let mut in_target = false;
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            in_target = line == "[[bin]]";
        }
        let name = line.split_once('=').filter(|(key, _)| in_target && key.trim() == "name");
        targets.extend(name.map(|(_, value)| value.trim().trim_matches('"').to_owned()));
    }
    targets
}

fn select(targets: &[String], only: Option<&str>) -> Result<Vec<String>, String> {
    let chosen: Vec<_> =
        targets.iter().filter(|target| only.is_none_or(|name| name == *target)).cloned().collect();
    if chosen.is_empty() {
        return Err(format!("no such fuzz target; there are: {}", targets.join(", ")));
    }
    Ok(chosen)
}

/// Compiles every target; returns the folder of the programs.
fn build(context: &Context) -> Result<PathBuf, String> {
    let host = host()?;
    let folder = context.root.join("fuzz");
    let mut command =
        process::cargo(context, ["build", "--release", "--locked", "--bins", "--target", &host]);
    // With `--target`, the flags stay away from build scripts, which have no libFuzzer to link.
    command
        .current_dir(&folder)
        .args(["--target-dir", "target"])
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", COVERAGE.join(" "));
    process::run(context, &mut command)?;
    Ok(folder.join("target").join(host).join("release"))
}

/// The system that the compiler compiles for.
pub(crate) fn host() -> Result<String, String> {
    let text = process::read(Command::new("rustc").arg("-vV"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| "rustc does not name its host".to_owned())
}

fn run_target(
    context: &Context,
    programs: &Path,
    target: &str,
    seconds: u64,
) -> Result<(), String> {
    let fuzz = context.root.join("fuzz");
    let corpus = fuzz.join("corpus").join(target);
    let artifacts = fuzz.join("artifacts").join(target);
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let program = programs.join(target);
    let mut command = Command::new(&program);
    command
        .arg(&corpus)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={MAX_INPUT}"))
        .arg(format!("-timeout={INPUT_SECONDS}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg("-print_final_stats=1");
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        println!("{}", last_lines(&log, 40));
        return Err(match artifact(&log) {
            Some(path) => format!("FINDING; to see it again: {} {path}", program.display()),
            None => format!("ended with {} and left no artifact", output.status),
        });
    }
    let counters = counters(&log).filter(|&counters| counters > 0);
    let counters = counters.ok_or("runs blind: it was built without coverage counters")?;
    let runs = statistic(&log, "stat::number_of_executed_units").unwrap_or("?");
    println!("{target}: {runs} runs in {seconds} s, {counters} counters, {}", covered(&log));
    Ok(())
}

/// The number in libFuzzer's `INFO: Loaded 1 modules   (1234 inline 8-bit counters)`.
fn counters(log: &str) -> Option<u64> {
    let line = log.lines().find(|line| line.starts_with("INFO: Loaded"))?;
    let (before, _) = line.split_once(" inline 8-bit counters")?;
    before.rsplit('(').next()?.trim().parse().ok()
}

fn statistic<'log>(log: &'log str, name: &str) -> Option<&'log str> {
    let line = log.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches(':').trim())
}

/// What the last progress line says about coverage: `cov: 12 ft: 34 corp: 5/67b`.
fn covered(log: &str) -> String {
    let line = log.lines().rfind(|line| line.contains(" cov: ")).unwrap_or_default();
    let from = line.find("cov: ").map_or("", |start| &line[start..]);
    from.split_whitespace().take(6).collect::<Vec<_>>().join(" ")
}

/// The file that libFuzzer says it kept the finding in.
fn artifact(log: &str) -> Option<&str> {
    log.lines().find_map(|line| Some(line.split_once("Test unit written to ")?.1.trim()))
}

fn last_lines(log: &str, count: usize) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
INFO: Running with entropic power schedule (0xFF, 100).
INFO: Loaded 1 modules   (2310 inline 8-bit counters): 2310 [0x1, 0x2),
#2\tINITED cov: 3 ft: 4 corp: 1/1b exec/s: 0 rss: 30Mb
#9\tDONE   cov: 12 ft: 34 corp: 5/67b lim: 4096 exec/s: 9 rss: 31Mb
artifact_prefix='./'; Test unit written to ./crash-1
stat::number_of_executed_units: 9
";

    #[test]
    fn targets_are_the_names_of_binaries() {
        let manifest = "[package]\nname = \"x\"\n[[bin]]\nname = \"echo\"\npath = \"e.rs\"\n\
                        [[bin]]\nname=\"count\"\n[profile.release]\nname = \"no\"\n";
        assert_eq!(targets_in(manifest), ["echo", "count"]);
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_right_ones() {
        let targets = ["echo".to_owned(), "count".to_owned()];
        assert_eq!(select(&targets, None).as_deref(), Ok(&targets[..]));
        assert_eq!(select(&targets, Some("count")).as_deref(), Ok(&targets[1..]));
        assert!(select(&targets, Some("other")).unwrap_err().contains("echo, count"));
    }

    #[test]
    fn the_log_of_libfuzzer_is_read() {
        assert_eq!(counters(LOG), Some(2310));
        assert_eq!(counters("INFO: seed"), None);
        assert_eq!(statistic(LOG, "stat::number_of_executed_units"), Some("9"));
        assert_eq!(covered(LOG), "cov: 12 ft: 34 corp: 5/67b");
        assert_eq!(artifact(LOG), Some("./crash-1"));
        assert_eq!(last_lines("a\nb\nc", 2), "b\nc");
    }
}
