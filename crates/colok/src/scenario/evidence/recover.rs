//! From `run.jsonl` to a record, after the runner was killed.
//!
//! A kill may have cut the last line; what is not whole did not happen. What was under way is
//! told as far as it went, with a verdict that claims nothing.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::scenario::record::{Case, Outcome, Run, StepRecord, Verdict};
use crate::scenario::run::{Event, Happening, Planned};

/// Why there is no record to be made.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// `run.jsonl` could not be read.
    #[error("run.jsonl: {0}")]
    Read(io::Error),
    /// There is no whole first line.
    #[error("nothing was recorded yet")]
    Nothing,
    /// A line that no run writes.
    #[error("run.jsonl, line {line}: {error}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// The first line is not the beginning of a run.
    #[error("run.jsonl does not begin with a run")]
    NoRun,
}

/// The record of a run, from what is in its folder. Nothing is changed there: the record has no
/// list of files yet; see [`finish`](super::finish).
pub fn recover(folder: &Path) -> Result<Run, RecoverError> {
    let bytes = std::fs::read(folder.join(super::JSONL)).map_err(RecoverError::Read)?;
    read(&bytes)
}

/// The record of what these lines tell.
pub(super) fn read(bytes: &[u8]) -> Result<Run, RecoverError> {
    // What is behind the last newline was cut.
    let end = bytes.iter().rposition(|byte| *byte == b'\n').ok_or(RecoverError::Nothing)?;
    let mut lines = bytes[..end].split(|byte| *byte == b'\n').enumerate();
    let parsed = |(number, line): (usize, &[u8])| {
        serde_json::from_slice::<Happening>(line)
            .map_err(|error| RecoverError::Line { line: number + 1, error })
    };
    let first = lines.next().map(parsed).ok_or(RecoverError::Nothing)??;
    let mut story = Story::new(first)?;
    for line in lines {
        story.add(parsed(line)?);
    }
    Ok(story.end())
}

/// A run as far as it is known.
struct Story {
    run: Run,
    /// Where each case is in the record.
    places: BTreeMap<String, usize>,
    last_unix_us: u64,
    ended: bool,
}

/// Why a case that never began has no verdict, and one that never ended.
const NOT_BEGUN: &str = "the run was killed before it began";
const NOT_ENDED: &str = "the run was killed";

impl Story {
    fn new(first: Happening) -> Result<Self, RecoverError> {
        let Event::Run { form, tool, command, seed, machine, cases } = first.event else {
            return Err(RecoverError::NoRun);
        };
        let time = first.time_unix_us;
        let case = |planned: &Planned| match &planned.skip {
            Some(why) => planned.case(Verdict::Skipped, why, time),
            None => planned.case(Verdict::Unknown, NOT_BEGUN, time),
        };
        let places = cases.iter().enumerate().map(|(place, it)| (it.id.clone(), place)).collect();
        let cases: Vec<Case> = cases.iter().map(case).collect();
        let run = Run {
            form,
            tool,
            started_unix_us: time,
            duration_s: 0.0,
            command,
            seed,
            machine,
            outcome: Outcome::Killed,
            totals: super::totals(&cases),
            cases,
            evidence: Vec::new(),
        };
        Ok(Self { run, places, last_unix_us: time, ended: false })
    }

    fn add(&mut self, happening: Happening) {
        let Happening { time_unix_us, case, event } = happening;
        self.last_unix_us = self.last_unix_us.max(time_unix_us);
        if let Event::RunEnded { outcome, duration_s } = event {
            (self.run.outcome, self.run.duration_s) = (outcome, duration_s);
            self.ended = true;
            return;
        }
        let place = case.and_then(|id| self.places.get(&id)).copied();
        if let Some(case) = place.and_then(|place| self.run.cases.get_mut(place)) {
            add_to(case, time_unix_us, event);
        }
    }

    fn end(mut self) -> Run {
        if !self.ended {
            self.run.duration_s = seconds(self.run.started_unix_us, self.last_unix_us);
        }
        self.run.totals = super::totals(&self.run.cases);
        self.run
    }
}

/// What happened in a case, added to what is known of it.
fn add_to(case: &mut Case, time_unix_us: u64, event: Event) {
    case.duration_s = case.duration_s.max(seconds(case.started_unix_us, time_unix_us));
    match event {
        Event::CaseStarted => {
            NOT_ENDED.clone_into(&mut case.reason);
            (case.started_unix_us, case.duration_s) = (time_unix_us, 0.0);
        }
        Event::StepStarted { step, host, action, text } => {
            let start_s = seconds(case.started_unix_us, time_unix_us);
            // Of a step that has not ended only its beginning is known.
            let begun =
                StepRecord { name: step, host, action, text, start_s, ..Default::default() };
            case.steps.push(begun);
        }
        Event::Record { step, .. } => {
            if let Some(known) = case.steps.iter_mut().find(|known| known.name == step) {
                known.event_count += 1;
            }
        }
        Event::StepEnded { step } => {
            match case.steps.iter_mut().find(|known| known.name == step.name) {
                Some(known) => *known = step,
                None => case.steps.push(step),
            }
        }
        Event::Fault { fault } => case.faults.push(fault),
        Event::Check { check } => case.checks.push(check),
        Event::CaseEnded { result } => *case = *result,
        Event::Run { .. } | Event::RunEnded { .. } => {}
    }
}

#[expect(clippy::cast_precision_loss, reason = "runs are shorter than 285 years")]
fn seconds(from_unix_us: u64, to_unix_us: u64) -> f64 {
    to_unix_us.saturating_sub(from_unix_us) as f64 / 1e6
}
