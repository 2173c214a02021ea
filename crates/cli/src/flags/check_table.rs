//! The flags of `colok check`.

use super::Flag;
use crate::messages::Id;

/// What concerns cases that run, and has no effect beside what runs none.
const RUNNING: &[&str] = &["repeat", "seed", "jobs", "keep", "no-skip", "faults-off", "quiet"];

/// What chooses and runs cases: nothing of it has an effect on a run that is over, or on a schema.
const CASES: &[&str] = &[
    "SCENARIO",
    "only",
    "repeat",
    "seed",
    "jobs",
    "keep",
    "list",
    "dry-run",
    "no-skip",
    "faults-off",
    "quiet",
];

/// Beside a schema nothing has an effect, the other schema neither.
const ALL: &[&str] = &[
    "SCENARIO",
    "only",
    "repeat",
    "seed",
    "jobs",
    "keep",
    "recover",
    "list",
    "dry-run",
    "no-skip",
    "faults-off",
    "json",
    "quiet",
    "run-schema",
];

/// The same without itself.
const fn beside_run_schema() -> &'static [&'static str] {
    match ALL {
        [others @ .., _] => others,
        [] => ALL,
    }
}

/// In the order of the help.
pub(super) const CHECK_FLAGS: &[Flag] = &[
    Flag::valued("only", "PATTERN", Id::CheckOnly).many(),
    Flag::valued("repeat", "N", Id::CheckRepeat).short('n'),
    Flag::valued("seed", "N", Id::CheckSeed),
    Flag::valued("jobs", "N", Id::CheckJobs).short('j'),
    Flag::path("keep", "DIR", Id::CheckKeep),
    Flag::path("recover", "DIR", Id::CheckRecover).conflicts(CASES),
    Flag::switch("list", Id::CheckList).conflicts(RUNNING),
    Flag::switch("dry-run", Id::CheckDryRun)
        .conflicts(&["list", "jobs", "keep", "no-skip", "quiet"]),
    Flag::switch("no-skip", Id::CheckNoSkip),
    Flag::switch("faults-off", Id::CheckFaultsOff),
    Flag::switch("schema", Id::CheckSchema).conflicts(ALL),
    Flag::switch("run-schema", Id::CheckRunSchema).conflicts(beside_run_schema()),
    Flag::switch("json", Id::CheckJson),
    Flag::switch("quiet", Id::CheckQuiet).short('q'),
];
