//! What happens in a run, as it happens: one line of `run.jsonl` each, and what a live view shows.
//!
//! Nothing is in the record of a run that was not told here before, but hashes of files and what
//! ended programs are judged by afterwards: `case-ended` has the whole case.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::scenario::record::{Case, Check, FaultRecord, Machine, Outcome, StepRecord, Verdict};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Happening {
    /// When, in microseconds since 1970.
    pub time_unix_us: u64,
    /// In which case; `None` for the run itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[expect(
    clippy::large_enum_variant,
    reason = "few live at once; the large ones are the common ones"
)]
pub enum Event {
    /// The run begins: always the first line.
    Run {
        /// [`FORM`](crate::scenario::record::FORM).
        form: String,
        /// The program and its version.
        tool: String,
        /// The command line.
        command: Vec<String>,
        /// What every random choice is made from.
        seed: u64,
        /// The computer of the runner.
        machine: Machine,
        /// Every case that is to be run, in the order of the record.
        cases: Vec<Planned>,
    },
    /// A case begins.
    CaseStarted,
    /// A step begins.
    StepStarted {
        /// Its name.
        step: String,
        /// Its host; empty for steps of the runner itself.
        host: String,
        /// Its action.
        action: String,
        /// What is done, for people.
        text: String,
    },
    /// A program added a line to its log.
    Record {
        /// The step that started it.
        step: String,
        /// The line.
        record: Value,
    },
    /// A step has ended, or its time is over.
    StepEnded {
        /// The step as it went.
        step: StepRecord,
    },
    /// What is known of a fault at the end of its case.
    Fault {
        /// The fault and its proof.
        fault: FaultRecord,
    },
    /// An expectation was judged.
    Check {
        /// The expectation and what was seen.
        check: Check,
    },
    /// A case has ended.
    CaseEnded {
        /// The whole case.
        result: Box<Case>,
    },
    /// The run has ended: always the last line, unless it was killed.
    RunEnded {
        /// How.
        outcome: Outcome,
        /// How long it took, in seconds.
        duration_s: f64,
    },
}

/// A case that is to be run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// Its id, unique in the run.
    pub id: String,
    /// The name of its scenario.
    pub scenario: String,
    /// The scenario file, as it was found.
    pub file: String,
    /// The scenario's title.
    pub title: String,
    /// Where it is demanded.
    pub source: String,
    /// The value of each variable.
    pub variables: BTreeMap<String, String>,
    /// Which repetition it is, from 1.
    pub repetition: u32,
    /// What its random choices are made from.
    pub seed: u64,
    /// Why it will be skipped here; `None`: it will be run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<String>,
}

impl Planned {
    /// The record of this case before anything was done: `verdict`, and why.
    pub fn case(&self, verdict: Verdict, reason: impl Into<String>, started_unix_us: u64) -> Case {
        Case {
            id: self.id.clone(),
            scenario: self.scenario.clone(),
            file: self.file.clone(),
            title: self.title.clone(),
            source: self.source.clone(),
            variables: self.variables.clone(),
            repetition: self.repetition,
            seed: self.seed,
            verdict,
            reason: reason.into(),
            started_unix_us,
            duration_s: 0.0,
            hosts: Vec::new(),
            steps: Vec::new(),
            checks: Vec::new(),
            faults: Vec::new(),
            paths: Vec::new(),
            connections: Vec::new(),
            latencies: Vec::new(),
        }
    }
}
