//! A case while it is played: its scenario with everything filled in, its stage, and what has been
//! recorded so far. The functions here are what all steps share.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use super::faults::Fault;
use super::program::Program;
use super::stage::{Broken, Stage};
use super::{Event, describe};
use crate::scenario::agent::Order;
use crate::scenario::file::{Action, Scenario, Step};
use crate::scenario::fill::Values;
use crate::scenario::judge::Book;
use crate::scenario::read::{self, Source};
use crate::scenario::record::{Check, StepRecord};

/// What a case is played from, and what has come of it.
pub(super) struct Play<'a> {
    /// Hosts and programs.
    pub(super) stage: Stage,
    /// The scenario, filled in.
    pub(super) scenario: Scenario,
    /// The scenario as it was read; copies are filled in from it.
    pub(super) unfilled: &'a Scenario,
    /// What was filled in.
    pub(super) values: Values,
    /// The file of the scenario.
    pub(super) source: &'a Source,
    /// The texts of messages.
    pub(super) book: &'a dyn Book,
    /// What random choices are made from.
    pub(super) seed: u64,
    /// Nothing is broken.
    pub(super) faults_off: bool,
    /// The folder of evidence of this case.
    pub(super) folder: PathBuf,
    /// Every fault, also those that did not begin.
    pub(super) faults: Vec<Fault>,
    /// The steps that began, by their indexes, in that order.
    pub(super) begun: Vec<usize>,
    /// The record of each step, by its index; for steps with copies the one that stands for all.
    pub(super) records: Vec<StepRecord>,
    /// Records of copies, by the index of their step.
    pub(super) copies: BTreeMap<usize, Vec<StepRecord>>,
    /// The numbers of the programs of each step, by its index.
    pub(super) numbers: Vec<Range<usize>>,
    /// The programs that a signal has stopped, by their numbers.
    pub(super) halted: BTreeSet<usize>,
    /// The steps whose programs are on record, by their indexes.
    pub(super) recorded: BTreeSet<usize>,
    /// What was judged.
    pub(super) checks: Vec<Check>,
    /// When steps ended, by name.
    pub(super) ends: BTreeMap<String, f64>,
    /// The relays' control sockets, by the index of their step.
    pub(super) controls: BTreeMap<usize, String>,
}

impl Play<'_> {
    /// The step with this index.
    pub(super) fn step(&self, index: usize) -> &Step {
        &self.scenario.steps[index].value
    }

    /// The number of the host of a step.
    pub(super) fn host_of(&self, index: usize) -> Result<usize, Broken> {
        let name = self.scenario.host_of(index);
        self.stage.host(name.unwrap_or_default())
    }

    /// The index of the step with this name. Names were checked when the file was read.
    pub(super) fn index_of(&self, name: &str) -> Result<usize, Broken> {
        let found = self.scenario.step_named(name);
        found.ok_or_else(|| Broken::Runner(format!("there is no step {name}")))
    }

    /// The numbers of the programs of a step with this name.
    pub(super) fn programs_of(&self, name: &str) -> Result<Range<usize>, Broken> {
        Ok(self.numbers[self.index_of(name)?].clone())
    }

    /// The number of the one program of a step with this name, when it was started.
    pub(super) fn program_of(&self, name: &str) -> Result<usize, Broken> {
        let numbers = self.programs_of(name)?;
        let first = numbers.clone().next();
        first.ok_or_else(|| Broken::Runner(format!("{name} was not started")))
    }

    /// A program by its number.
    pub(super) fn program(&mut self, number: usize) -> &mut Program {
        &mut self.stage.programs[number]
    }

    /// How long a step may take.
    pub(super) fn time_limit(&self, index: usize, usual: Duration) -> Duration {
        self.step(index).time_limit.as_ref().map_or(usual, |limit| limit.value.0)
    }

    /// Notes that a step begins, and tells it.
    pub(super) fn begins(&mut self, index: usize) {
        let start_s = self.stage.now_s();
        self.begun.push(index);
        let record = &mut self.records[index];
        record.start_s = start_s;
        self.stage.teller.tell(Event::StepStarted {
            step: record.name.clone(),
            host: record.host.clone(),
            action: record.action.clone(),
            text: record.text.clone(),
        });
    }

    /// Notes that a step that is no program has ended, and tells it.
    pub(super) fn ends(&mut self, index: usize) {
        let end_s = self.stage.now_s();
        let record = &mut self.records[index];
        record.end_s = Some(end_s);
        self.ends.insert(record.name.clone(), end_s);
        self.stage.teller.tell(Event::StepEnded { step: record.clone() });
    }

    /// Sends a signal to a program; the number of the question is for
    /// [`Stage::answer`](super::stage::Stage::answer).
    pub(super) fn signal(&mut self, number: usize, name: &str) -> Result<u64, Broken> {
        let ask = self.stage.number();
        let host = self.stage.programs[number].host;
        match name {
            "STOP" => _ = self.halted.insert(number),
            "CONT" => _ = self.halted.remove(&number),
            _ => {}
        }
        let order = Order::Signal { ask, step: number as u64, name: name.to_owned() };
        self.stage.order(host, &order)?;
        Ok(ask)
    }
}

/// The record of a step before anything was done.
pub(super) fn blank(scenario: &Scenario, index: usize, source: &Source) -> StepRecord {
    let step = &scenario.steps[index];
    let (action, text) = describe(&step.value);
    let offset = step.value.action().offset().unwrap_or(step.offset);
    let placed = !matches!(step.value.action(), Action::Wait(_) | Action::Stop(_));
    let host = scenario.host_of(index).filter(|_| placed).unwrap_or_default();
    StepRecord {
        name: scenario.step_name(index),
        host: host.to_owned(),
        action: action.to_owned(),
        text,
        line: read::line_of(&source.text, offset),
        ..StepRecord::default()
    }
}
