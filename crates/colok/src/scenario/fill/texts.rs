//! Every text of a scenario in which placeholders are filled in, one after the other.
//!
//! Not visited: what people read only, names of steps and hosts, and what files hold.

use crate::relay::Fault;
use crate::scenario::file::{
    At, EventExpect, Expect, FaultStep, FileExpect, FileSpec, Limit, OneOrMany, Scenario, Step,
};

/// Called with the offset of a text in its file and the text.
pub(super) type Visit<'v> = dyn FnMut(usize, &mut String) + 'v;

/// Visits every text of a scenario, with the step it is in.
pub(super) fn scenario_texts(
    scenario: &mut Scenario,
    visit: &mut dyn FnMut(Option<usize>, usize, &mut String),
) {
    for file in &mut scenario.files {
        file_spec(&mut file.value, file.offset, &mut |offset, text| visit(None, offset, text));
    }
    for (index, step) in scenario.steps.iter_mut().enumerate() {
        step_texts(&mut step.value, step.offset, &mut |offset, text| {
            visit(Some(index), offset, text);
        });
    }
}

/// Visits every text of a step, which begins at `here`.
pub(super) fn step_texts(step: &mut Step, here: usize, visit: &mut Visit<'_>) {
    for words in [&mut step.run, &mut step.start].into_iter().flatten() {
        words.value.0.iter_mut().for_each(|word| visit(words.offset, word));
    }
    if let Some(relay) = &mut step.relay {
        text(&mut relay.value.listen, visit);
        text(&mut relay.value.target, visit);
        faults(&mut relay.value.faults, visit);
    }
    if let Some(fault) = &mut step.fault {
        fault_step(&mut fault.value, visit);
    }
    if let Some(file) = &mut step.write {
        file_spec(&mut file.value, file.offset, visit);
    }
    step.stdin.iter_mut().for_each(|text| visit(here, text));
    step.stdin_file.iter_mut().for_each(|one| text(one, visit));
    step.environment.values_mut().for_each(|text| visit(here, text));
    step.directory.iter_mut().for_each(|text| visit(here, text));
    if let Some(ready) = &mut step.ready {
        ready.value.listens.iter_mut().for_each(|one| text(one, visit));
        ready.value.prints.iter_mut().for_each(|one| text(one, visit));
    }
    step.language.iter_mut().for_each(|one| text(one, visit));
    if let Some(expected) = &mut step.expect {
        expect(expected, here, visit);
    }
}

fn text(at: &mut At<String>, visit: &mut Visit<'_>) {
    visit(at.offset, &mut at.value);
}

fn file_spec(file: &mut FileSpec, offset: usize, visit: &mut Visit<'_>) {
    visit(offset, &mut file.path);
    file.mode.iter_mut().for_each(|one| text(one, visit));
}

fn faults(faults: &mut [At<Fault>], visit: &mut Visit<'_>) {
    for At { value: fault, offset } in faults {
        let texts = [
            &mut fault.delay,
            &mut fault.jitter,
            &mut fault.rate,
            &mut fault.lose,
            &mut fault.duplicate,
            &mut fault.reorder,
            &mut fault.connections,
        ];
        texts.into_iter().flatten().for_each(|text| visit(*offset, text));
    }
}

fn fault_step(fault: &mut FaultStep, visit: &mut Visit<'_>) {
    if let Some(relay) = &mut fault.relay {
        faults(&mut relay.value.faults, visit);
    }
    if let Some(signal) = &mut fault.signal {
        text(&mut signal.value.name, visit);
    }
    if let Some(held) = &mut fault.hold_address {
        text(&mut held.value.address, visit);
    }
}

fn expect(expect: &mut Expect, here: usize, visit: &mut Visit<'_>) {
    let ones = [
        &mut expect.signal,
        &mut expect.stdout,
        &mut expect.stdout_same_as,
        &mut expect.stderr,
        &mut expect.errno,
    ];
    ones.into_iter().flatten().for_each(|one| text(one, visit));
    let many: [&mut Option<At<OneOrMany>>; 4] =
        [&mut expect.stdout_like, &mut expect.stderr_like, &mut expect.message, &mut expect.closed];
    for At { value, offset } in many.into_iter().flatten() {
        value.0.iter_mut().for_each(|text| visit(*offset, text));
    }
    for At { value: EventExpect { with, .. }, offset } in &mut expect.events {
        for value in with.values_mut() {
            limit(value, *offset, visit);
        }
    }
    for file in &mut expect.files {
        file_expect(file, visit);
    }
    for figure in expect.figures.values_mut() {
        limit(&mut figure.value, figure.offset.max(here), visit);
    }
}

fn file_expect(file: &mut At<FileExpect>, visit: &mut Visit<'_>) {
    let offset = file.offset;
    let file = &mut file.value;
    visit(offset, &mut file.path);
    let others = [&mut file.mode, &mut file.same_as, &mut file.blake3];
    others.into_iter().flatten().for_each(|text| visit(offset, text));
}

/// A limit that is a text until it is filled in may be a number or a range then.
fn limit(limit: &mut Limit, offset: usize, visit: &mut Visit<'_>) {
    if let Limit::Text(text) = limit {
        visit(offset, text);
        *limit = Limit::of(text);
    }
}
