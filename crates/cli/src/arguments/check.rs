//! What `colok check` was asked for: scenarios to run, list or look through, the record of a run
//! that was killed, or a schema.
//!
//! Nothing is read or looked up here.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::path::PathBuf;
use std::thread::available_parallelism;

use super::values::Values;
use crate::messages::Id;
use crate::problem::Problem;

/// Repetitions at most: each is a folder of evidence.
const REPEAT_MAX: u32 = 100_000;

/// Cases at once at most: each is a thread and a handful of processes.
const JOBS_MAX: u32 = 256;

/// Seeds that nobody gave are short enough to be typed.
const SEED_MAX: u64 = 1_000_000_000;

/// `colok check`, read.
#[derive(Debug)]
pub(crate) enum CheckArguments {
    /// Run scenarios.
    Run(Box<CheckPlan>),
    /// Tell which there are.
    List(Box<CheckPlan>),
    /// Tell what would be done.
    DryRun(Box<CheckPlan>),
    /// Make the record of a run that was killed.
    Recover { folder: PathBuf, json: bool },
    /// The schema of scenario files.
    Schema,
    /// The schema of the record of a run.
    RunSchema,
}

/// Which cases, and how.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct CheckPlan {
    /// Files, folders and names; none: the built-in set.
    pub(crate) scenarios: Vec<PathBuf>,
    pub(crate) only: Vec<String>,
    pub(crate) repeat: u32,
    pub(crate) seed: u64,
    pub(crate) seed_given: bool,
    /// Cases at once.
    pub(crate) jobs: u32,
    /// Where the evidence goes; `None`: to a new folder.
    pub(crate) keep: Option<PathBuf>,
    /// Whether a case that is skipped counts as not proved.
    pub(crate) no_skip: bool,
    pub(crate) faults_off: bool,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
}

impl CheckArguments {
    pub(super) fn read(values: &Values<'_>) -> Result<Self, Problem> {
        if values.switch("schema") {
            return Ok(Self::Schema);
        }
        if values.switch("run-schema") {
            return Ok(Self::RunSchema);
        }
        if let Some(folder) = values.path("recover") {
            return Ok(Self::Recover { folder: folder.into(), json: values.switch("json") });
        }
        let plan = Box::new(CheckPlan::read(values)?);
        Ok(if values.switch("list") {
            Self::List(plan)
        } else if values.switch("dry-run") {
            Self::DryRun(plan)
        } else {
            Self::Run(plan)
        })
    }
}

impl CheckPlan {
    fn read(values: &Values<'_>) -> Result<Self, Problem> {
        let seed = values.read("seed", Id::ValueNumber, |text| text.parse().ok())?;
        let empty = values.texts("only").find(|text| text.trim().is_empty());
        if let Some(text) = empty {
            return Err(values.wrong("only", text, Id::CheckOnlyEmpty));
        }
        Ok(Self {
            scenarios: values.paths("SCENARIO").map(PathBuf::from).collect(),
            only: values.texts("only").map(str::to_owned).collect(),
            repeat: values.count("repeat", REPEAT_MAX)?.unwrap_or(1),
            seed: seed.unwrap_or_else(|| RandomState::new().hash_one(0) % SEED_MAX),
            seed_given: seed.is_some(),
            jobs: values.count("jobs", JOBS_MAX)?.unwrap_or_else(usual_jobs),
            keep: values.path("keep").map(PathBuf::from),
            no_skip: values.switch("no-skip"),
            faults_off: values.switch("faults-off"),
            json: values.switch("json"),
            quiet: values.switch("quiet"),
        })
    }
}

/// One for each processor, but never only one: most of a case is waiting.
fn usual_jobs() -> u32 {
    let processors = available_parallelism().map_or(1, usize::from);
    u32::try_from(processors).unwrap_or(1).clamp(2, JOBS_MAX)
}
