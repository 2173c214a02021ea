//! When what is judged, on what, and what of it is recorded.
//!
//! Judging itself is pure and lives elsewhere. Here files are asked for, moments are set, and what
//! holds for each of many copies becomes one check.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::play::Play;
use super::program::Program;
use super::stage::Broken;
use super::{Event, steps};
use crate::scenario::file::{Action, Expect, Step};
use crate::scenario::fill;
use crate::scenario::judge::{
    About, Expectation, FileSeen, Kind, Observed, Place, StepSeen, expectations, record, wants,
};
use crate::scenario::read;
use crate::scenario::record::{Check, Verdict};

/// The verdict of an expectation that holds.
pub(super) const PASS: Verdict = Verdict::Pass;

/// Of more copies than these only those that failed are recorded one by one, and no more than
/// these.
const COPIES_RECORDED: usize = 100;

/// Notes and tells a check.
pub(super) fn add(play: &mut Play<'_>, check: Check) {
    play.stage.teller.tell(Event::Check { check: check.clone() });
    play.checks.push(check);
}

/// What a step expects; `copy` is the step as one of its copies has it.
pub(super) fn expectations_of(
    play: &Play<'_>,
    index: usize,
    copy: Option<(&Step, &str)>,
) -> Vec<Expectation> {
    let own = play.step(index);
    let (step, name) = copy.unwrap_or((own, &play.records[index].name));
    let Some(expect) = &step.expect else { return Vec::new() };
    // A step that waits for a program, or stops it, speaks of that program.
    let about = match own.action() {
        Action::Wait(of) | Action::Stop(of) => play.scenario.step_named(of).unwrap_or(index),
        _ => index,
    };
    let language = play.step(about).language.as_ref().map_or("en", |language| &language.value);
    let line = |offset| read::line_of(&play.source.text, offset);
    let host = play.scenario.host_of(index).unwrap_or_default();
    let about = About { step: name, host, language, book: play.book, line: &line };
    expectations(&about, expect)
}

/// The files that a step expects something of.
pub(super) fn places_of(play: &Play<'_>, index: usize) -> Vec<Place> {
    places(play, index, play.step(index).expect.as_ref())
}

fn places(play: &Play<'_>, index: usize, expect: Option<&Expect>) -> Vec<Place> {
    let host = play.scenario.host_of(index).unwrap_or_default();
    expect.map_or_else(Vec::new, |expect| wants(expect, host))
}

/// Judges and records the programs of a step that have ended.
pub(super) fn judge_programs(play: &mut Play<'_>, index: usize) -> Result<(), Broken> {
    note_ends(play);
    let mut judged = Vec::new();
    for number in play.numbers[index].clone() {
        judged.push(judge_program(play, index, number)?);
    }
    let failed = |checks: &Vec<Check>| checks.iter().any(|check| check.verdict != PASS);
    let failed: Vec<bool> = judged.iter().map(failed).collect();
    for check in folded(&play.records[index].name, judged) {
        add(play, check);
    }
    record_programs(play, index, &failed)
}

/// Judges one program of a step.
fn judge_program(play: &mut Play<'_>, index: usize, number: usize) -> Result<Vec<Check>, Broken> {
    let program = &play.stage.programs[number];
    let copy = program.copy.map(|copy| fill::copy(play.unfilled, index, &play.values, copy));
    let copy = copy.transpose().ok().flatten();
    let named = copy.as_ref().map(|step| (step, program.name.as_str()));
    let expectations = expectations_of(play, index, named);
    let expect = copy.as_ref().unwrap_or_else(|| play.step(index)).expect.as_ref();
    let places = places(play, index, expect);
    await_ends(play, &expectations)?;
    let files = steps::look(play, places)?;
    let now_s = play.stage.now_s();
    let program = &mut play.stage.programs[number];
    program.seen.now_s = now_s;
    Ok(expectations.iter().map(|one| judge(program, one, &play.ends, &files)).collect())
}

/// How long it is waited for the news that another program has ended: they may come later than
/// those of one that ended after it. Which was first is decided by their times.
const NEWS_MAX: Duration = Duration::from_secs(2);

/// Waits for the ends of programs that are expected to have ended, as far as they may only not
/// have been heard of yet.
fn await_ends(play: &mut Play<'_>, expectations: &[Expectation]) -> Result<(), Broken> {
    let until = Instant::now() + NEWS_MAX;
    for expectation in expectations {
        let Kind::After { step, .. } = &expectation.kind else { continue };
        let Some(index) = play.scenario.step_named(step) else { continue };
        let numbers = play.numbers[index].clone();
        play.stage.wait(until, |stage| {
            stage.programs[numbers.clone()].iter().all(|program| program.ended).then_some(())
        })?;
    }
    note_ends(play);
    Ok(())
}

/// Judges what is expected of a program, now. What is said of its events is not seen when it does
/// not tell them all.
fn judge(
    program: &mut Program,
    expectation: &Expectation,
    ends: &BTreeMap<String, f64>,
    files: &BTreeMap<Place, FileSeen>,
) -> Check {
    let kept = program.seen.unseen.clone();
    if matches!(
        expectation.kind,
        Kind::Errno(_) | Kind::Closed(_) | Kind::Event { .. } | Kind::Order(_)
    ) {
        program.seen.unseen = kept.clone().or_else(|| program.untold.clone());
    }
    let check = record(expectation, &Observed { step: &program.seen, ends, files });
    program.seen.unseen = kept;
    check
}

/// Judges what a step expects of the program of another step. What is said of time is about this
/// step; `why` says that its time ran out, which proves nothing unless time was expected.
pub(super) fn judge_about(
    play: &mut Play<'_>,
    index: usize,
    number: usize,
    why: Option<String>,
) -> Result<(), Broken> {
    note_ends(play);
    let expectations = expectations_of(play, index, None);
    await_ends(play, &expectations)?;
    let files = steps::look(play, places_of(play, index))?;
    let (start_s, now_s) = (play.records[index].start_s, play.stage.now_s());
    let expects_time = expectations.iter().any(|one| matches!(one.kind, Kind::Time(_)));
    let kept = play.program(number).seen.unseen.clone();
    play.program(number).seen.now_s = now_s;
    if !expects_time && why.is_some() {
        play.program(number).seen.unseen = why;
    }
    let mut checks = Vec::new();
    for expectation in &expectations {
        let of_time = matches!(expectation.kind, Kind::Time(_));
        let program = &mut play.stage.programs[number];
        let times = (program.seen.start_s, program.seen.end_s);
        if of_time {
            let ended = times.1.filter(|end_s| *end_s >= start_s);
            (program.seen.start_s, program.seen.end_s) = (start_s, ended.or(Some(now_s)));
        }
        checks.push(judge(program, expectation, &play.ends, &files));
        (program.seen.start_s, program.seen.end_s) = times;
    }
    play.program(number).seen.unseen = kept;
    for check in checks {
        add(play, check);
    }
    Ok(())
}

/// Judges what a step without a program expects: files, and how long it took.
pub(super) fn judge_places(play: &mut Play<'_>, index: usize) -> Result<(), Broken> {
    if play.step(index).expect.is_none() {
        return Ok(());
    }
    note_ends(play);
    let expectations = expectations_of(play, index, None);
    let files: BTreeMap<Place, FileSeen> = steps::look(play, places_of(play, index))?;
    let now_s = play.stage.now_s();
    let start_s = play.records[index].start_s;
    let step = StepSeen { start_s, end_s: Some(now_s), now_s, ..StepSeen::default() };
    let observed = Observed { step: &step, ends: &play.ends, files: &files };
    let checks: Vec<_> = expectations.iter().map(|one| record(one, &observed)).collect();
    for check in checks {
        add(play, check);
    }
    Ok(())
}

/// Notes when programs ended, as far as that is known by now.
fn note_ends(play: &mut Play<'_>) {
    for program in play.stage.programs.iter().filter(|program| program.ended) {
        let Some(end_s) = program.seen.end_s else { continue };
        play.ends.insert(program.name.clone(), end_s);
    }
    for (index, numbers) in play.numbers.iter().enumerate() {
        let mut ends =
            play.stage.programs[numbers.clone()].iter().map(|program| program.seen.end_s);
        let last = ends.try_fold(None, |last: Option<f64>, end_s| {
            end_s.map(|end_s| Some(last.map_or(end_s, |last| last.max(end_s))))
        });
        if let Some(Some(last)) = last {
            play.ends.insert(play.records[index].name.clone(), last);
        }
    }
}

/// One check for each expectation of a step with copies: it holds when it holds for each.
fn folded(name: &str, judged: Vec<Vec<Check>>) -> Vec<Check> {
    let copies = judged.len();
    let mut folded: Vec<(Check, usize)> = Vec::new();
    for (copy, checks) in judged.into_iter().enumerate() {
        for (position, check) in checks.into_iter().enumerate() {
            let bad = usize::from(check.verdict != PASS);
            if copy == 0 {
                folded.push((check, bad));
            } else if let Some((first, count)) = folded.get_mut(position) {
                take_in(first, check);
                *count += bad;
            }
        }
    }
    let told = folded.into_iter().map(|(mut check, bad)| {
        if copies > 1 && bad == 0 {
            name.clone_into(&mut check.step);
            check.got = format!("{} (each of {copies})", check.got);
        } else if copies > 1 {
            check.got = format!("{} ({bad} of {copies} did not hold)", check.got);
        }
        check
    });
    told.collect()
}

/// Takes the check of one more copy in: the first that failed is told, else the first that could
/// not be seen.
fn take_in(first: &mut Check, check: Check) {
    let rank = |verdict: Verdict| match verdict {
        Verdict::Pass => 0,
        Verdict::Unknown => 1,
        _ => 2,
    };
    let mut mutations = first.mutations;
    mutations.tried += check.mutations.tried;
    mutations.failed += check.mutations.failed;
    if rank(check.verdict) > rank(first.verdict) {
        *first = check;
    }
    first.mutations = mutations;
}

/// Records the programs of a step, which have ended; `failed` says of which something did not
/// hold.
fn record_programs(play: &mut Play<'_>, index: usize, failed: &[bool]) -> Result<(), Broken> {
    let numbers = play.numbers[index].clone();
    let copies = play.step(index).copies.is_some();
    let many = numbers.len() > COPIES_RECORDED;
    let mut records = Vec::new();
    for (number, failed) in numbers.zip(failed) {
        if many && (!failed || records.len() == COPIES_RECORDED) {
            continue;
        }
        let mut record = play.records[index].clone();
        let program = &play.stage.programs[number];
        program.record(&mut record, &play.folder).map_err(|error| {
            Broken::Runner(format!("the evidence in {}: {error}", play.folder.display()))
        })?;
        records.push(record);
    }
    play.recorded.insert(index);
    if many {
        sum_up(play, index);
        records.insert(0, play.records[index].clone());
    }
    for step in &records {
        play.stage.teller.tell(Event::StepEnded { step: step.clone() });
    }
    if copies {
        play.copies.insert(index, records);
    } else if let Some(record) = records.pop() {
        play.records[index] = record;
    }
    Ok(())
}

/// Records the programs of a step that nobody can judge any more.
pub(super) fn record_unjudged(play: &mut Play<'_>, index: usize) -> Result<(), Broken> {
    let failed = vec![true; play.numbers[index].len()];
    record_programs(play, index, &failed)
}

/// The record that stands for all copies of a step.
fn sum_up(play: &mut Play<'_>, index: usize) {
    let programs = &play.stage.programs[play.numbers[index].clone()];
    let record = &mut play.records[index];
    let Some(first) = programs.first() else { return };
    record.exit = first
        .seen
        .exit
        .filter(|_| programs.iter().all(|program| program.seen.exit == first.seen.exit));
    let mut errors = programs.iter().filter_map(|program| program.seen.error.as_ref());
    record.error = errors.next().map(|error| {
        let (bad, all) = (errors.count() + 1, programs.len());
        format!("{error} ({bad} of {all} could not be started)")
    });
    record.timed_out = programs.iter().any(|program| program.timed_out);
    record.event_count = programs.iter().map(|program| program.event_count).sum();
    record.start_s = programs.iter().map(|one| one.seen.start_s).fold(f64::INFINITY, f64::min);
    record.end_s = programs.iter().filter_map(|one| one.seen.end_s).reduce(f64::max);
    let bytes = |of: fn(&StepSeen) -> usize| -> u64 {
        programs.iter().map(|program| of(&program.seen) as u64).sum()
    };
    record.stdout.bytes = bytes(|seen| seen.stdout.len());
    record.stderr.bytes = bytes(|seen| seen.stderr.len());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::record::Mutations;

    fn check(step: &str, verdict: Verdict) -> Check {
        Check {
            step: step.to_owned(),
            key: "exit".to_owned(),
            expected: "0".to_owned(),
            got: step.to_owned(),
            line: 1,
            verdict,
            mutations: Mutations { tried: 2, failed: 2 },
        }
    }

    #[test]
    fn copies_that_hold_are_one_check() {
        let judged = (1..=3).map(|copy| vec![check(&format!("x/{copy}"), PASS)]).collect();
        let folded = folded("x", judged);
        assert_eq!(folded.len(), 1);
        assert_eq!((folded[0].step.as_str(), folded[0].verdict), ("x", PASS));
        assert_eq!(folded[0].got, "x/1 (each of 3)");
        assert_eq!(folded[0].mutations, Mutations { tried: 6, failed: 6 });
    }

    #[test]
    fn the_first_copy_that_failed_is_told() {
        let verdicts = [PASS, Verdict::Unknown, Verdict::Fail, Verdict::Fail];
        let copies = verdicts.iter().enumerate();
        let judged = copies.map(|(at, verdict)| vec![check(&format!("x/{}", at + 1), *verdict)]);
        let folded = folded("x", judged.collect());
        assert_eq!((folded[0].step.as_str(), folded[0].verdict), ("x/3", Verdict::Fail));
        assert_eq!(folded[0].got, "x/3 (3 of 4 did not hold)");
    }

    #[test]
    fn a_single_program_is_told_as_it_is() {
        assert_eq!(folded("x", vec![vec![check("x", PASS)]]), [check("x", PASS)]);
    }
}
