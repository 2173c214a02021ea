//! The steps of a case, in order; neighbours with the same `at_once` begin together.
//!
//! Each step begins with orders and is then awaited: that is all that `at_once` needs. What a step
//! expects is judged as soon as it is done, on what is there at that moment.

mod breaking;
mod programs;
mod waiting;
mod writing;

use std::ops::Range;
use std::time::Instant;

pub(super) use breaking::end_faults;
pub(super) use programs::stop_program;
pub(super) use writing::{look, write_files};

use super::judging;
use super::play::Play;
use super::stage::Broken;
use crate::scenario::file::Action;

/// A step that has begun.
struct Going {
    /// Its index.
    index: usize,
    /// When it began.
    began: Instant,
    /// What it waits for.
    awaited: Awaited,
}

/// What a step waits for.
enum Awaited {
    /// The ends of these programs.
    Ends(Range<usize>),
    /// That this program is ready.
    Ready(usize),
    /// That this program has ended, or that what is expected of it holds.
    Program(usize),
    /// The end of this program, which was told to end.
    Stopped(usize),
    /// These answers.
    Done(Vec<u64>),
    /// What agents say of these faults.
    Faults(Vec<(usize, u64)>),
    /// Its time.
    Time,
    /// Nothing: it is done.
    Nothing,
}

/// Plays every step.
pub(super) fn play(play: &mut Play<'_>) -> Result<(), Broken> {
    let mut next = 0;
    while next < play.scenario.steps.len() {
        let together = together(play, next);
        let mut going = Vec::with_capacity(together.len());
        for index in together.clone() {
            going.push(begin(play, index)?);
        }
        for step in going {
            finish(play, step)?;
        }
        next = together.end;
    }
    Ok(())
}

/// The steps that begin together with this one.
fn together(play: &Play<'_>, first: usize) -> Range<usize> {
    let label = |index: usize| play.step(index).at_once.as_ref().map(|label| &label.value);
    let mut end = first + 1;
    while end < play.scenario.steps.len() && label(first).is_some() && label(end) == label(first) {
        end += 1;
    }
    first..end
}

fn begin(play: &mut Play<'_>, index: usize) -> Result<Going, Broken> {
    play.begins(index);
    let began = Instant::now();
    let step = play.step(index).clone();
    let awaited = match step.action() {
        Action::Run(_) => Awaited::Ends(programs::launch(play, index)?),
        Action::Start(_) | Action::Relay(_) => Awaited::Ready(programs::launch(play, index)?.start),
        Action::Fault(fault) => Awaited::Faults(breaking::begin(play, index, fault)?),
        Action::Clear(name) => Awaited::Faults(breaking::clear(play, name)?),
        Action::Wait(name) => Awaited::Program(play.program_of(name)?),
        Action::Stop(name) => {
            let program = play.program_of(name)?;
            programs::begin_stop(play, program)?;
            Awaited::Stopped(program)
        }
        Action::Write(file) => Awaited::Done(writing::begin(play, index, file)?),
        Action::Pause(_) => Awaited::Time,
        Action::Expect => Awaited::Nothing,
    };
    Ok(Going { index, began, awaited })
}

fn finish(play: &mut Play<'_>, step: Going) -> Result<(), Broken> {
    let (index, began) = (step.index, step.began);
    match step.awaited {
        Awaited::Ends(numbers) => return programs::finish_run(play, index, numbers, began),
        Awaited::Ready(number) => return programs::finish_start(play, index, number, began),
        Awaited::Program(number) => waiting::finish_wait(play, index, number, began)?,
        Awaited::Stopped(number) => waiting::finish_stop(play, index, number, began)?,
        Awaited::Done(asks) => writing::finish(play, index, asks)?,
        Awaited::Faults(asks) => breaking::finish(play, index, asks)?,
        Awaited::Time => waiting::finish_pause(play, index, began)?,
        Awaited::Nothing => judging::judge_places(play, index)?,
    }
    play.ends(index);
    Ok(())
}
