//! Steps that wait: for a program, for its end, for time.

use std::time::{Duration, Instant};

use super::super::judging;
use super::super::play::Play;
use super::super::stage::Broken;
use super::programs;
use crate::scenario::judge::{self, Expectation};

/// How long is waited when the step does not say.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// How often files are looked at while they are waited for.
const FILE_LOOK: Duration = Duration::from_millis(20);

/// Waits until a program has ended, or until what is expected of it holds.
pub(super) fn finish_wait(
    play: &mut Play<'_>,
    index: usize,
    number: usize,
    began: Instant,
) -> Result<(), Broken> {
    let limit = play.time_limit(index, WAIT_MAX);
    let held = if play.step(index).expect.is_some() {
        keep_looking(play, index, number, began + limit)?
    } else {
        let ended =
            |stage: &mut super::super::stage::Stage| stage.programs[number].ended.then_some(());
        play.stage.wait(began + limit, ended)?.is_some()
    };
    let late = !held && !play.program(number).ended;
    play.records[index].timed_out = late;
    let why = late.then(|| format!("the time of {limit:?} ran out"));
    judging::judge_about(play, index, number, why)
}

/// Judges what is expected of a program again and again as words come: true as soon as it holds,
/// false when time is over, or when nothing more can come.
fn keep_looking(
    play: &mut Play<'_>,
    index: usize,
    number: usize,
    until: Instant,
) -> Result<bool, Broken> {
    let expectations = judging::expectations_of(play, index, None);
    let places = judging::places_of(play, index);
    loop {
        let over = Instant::now() >= until;
        let last = play.program(number).ended || over;
        if holds(play, number, &expectations, &places)? {
            return Ok(true);
        }
        if over || (last && places.is_empty()) {
            return Ok(false);
        }
        let seen = progress(play, number);
        let next = if places.is_empty() { until } else { until.min(Instant::now() + FILE_LOOK) };
        play.stage
            .wait(next, |stage| (progress_of(&stage.programs[number]) != seen).then_some(()))?;
    }
}

/// How much was seen of a program: it differs when there is more.
type Progress = (usize, usize, usize, bool);

fn progress_of(program: &super::super::program::Program) -> Progress {
    let seen = &program.seen;
    (seen.stdout.len(), seen.stderr.len(), seen.events.len(), program.ended)
}

fn progress(play: &Play<'_>, number: usize) -> Progress {
    progress_of(&play.stage.programs[number])
}

/// Whether all of it holds now.
fn holds(
    play: &mut Play<'_>,
    number: usize,
    expectations: &[Expectation],
    places: &[judge::Place],
) -> Result<bool, Broken> {
    let files = super::look(play, places.to_vec())?;
    let now_s = play.stage.now_s();
    play.stage.programs[number].seen.now_s = now_s;
    let step = &play.stage.programs[number].seen;
    let observed = judge::Observed { step, ends: &play.ends, files: &files };
    // How long it took is judged once, when it is over.
    let mut waited = expectations.iter().filter(|one| !matches!(one.kind, judge::Kind::Time(_)));
    Ok(waited.all(|one| judge::check(&one.kind, &observed).verdict == judging::PASS))
}

/// Waits for the end of a program that was told to end.
pub(super) fn finish_stop(
    play: &mut Play<'_>,
    index: usize,
    number: usize,
    _began: Instant,
) -> Result<(), Broken> {
    let limit = play.step(index).time_limit.as_ref().map(|limit| limit.value.0);
    let ended = programs::await_stop(play, number, limit)?;
    play.records[index].timed_out = !ended;
    judging::judge_about(play, index, number, None)
}

/// Lets the rest of a pause pass.
pub(super) fn finish_pause(
    play: &mut Play<'_>,
    index: usize,
    began: Instant,
) -> Result<(), Broken> {
    let pause = play.step(index).pause.as_ref().map_or(Duration::ZERO, |pause| pause.value.0);
    play.stage.wait(began + pause, |_| None::<()>)?;
    judging::judge_places(play, index)
}
