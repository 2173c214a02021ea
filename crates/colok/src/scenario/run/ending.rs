//! The end of a case: what was broken is mended and proved, what was started is stopped and judged,
//! and the accounts are made up.

use std::time::Duration;

use serde_json::Value;

use super::faults::{Fault, Kind};
use super::judging;
use super::play::Play;
use super::program::Program;
use super::stage::Broken;
use super::steps;

/// How long the end of a case may take beyond its time.
pub(super) const END_MAX: Duration = Duration::from_secs(30);

/// Ends a case in order: faults of kernels first, or what they hold up could not end; then the
/// programs, the last one first, so that clients end before their servers.
pub(super) fn end(play: &mut Play<'_>) -> Result<(), Broken> {
    play.stage.grant(END_MAX);
    steps::end_faults(play)?;
    for number in (0..play.stage.programs.len()).rev() {
        steps::stop_program(play, number)?;
    }
    for index in unrecorded(play) {
        judging::judge_programs(play, index)?;
    }
    Ok(())
}

/// The steps with programs that are not recorded yet, in the order of the scenario.
fn unrecorded(play: &Play<'_>) -> Vec<usize> {
    let started = (0..play.numbers.len()).filter(|index| !play.numbers[*index].is_empty());
    started.filter(|index| !play.recorded.contains(index)).collect()
}

/// Says of programs that run that more of them cannot be seen, and why.
pub(super) fn unseen(play: &mut Play<'_>, why: &str) {
    for program in play.stage.programs.iter_mut().filter(|program| !program.ended) {
        program.seen.unseen.get_or_insert_with(|| why.to_owned());
    }
}

/// Records programs that were not judged, as far as they got: the stage is gone.
pub(super) fn record_rest(play: &mut Play<'_>) {
    for index in unrecorded(play) {
        // The case is broken off already, for a better reason than what may fail here.
        let _ = judging::record_unjudged(play, index);
    }
}

/// Proves the faults of programs by what was told at their ends, and those of relays by the
/// relays' own counts.
pub(super) fn prove_faults(play: &mut Play<'_>) {
    let programs = &play.stage.programs;
    for position in 0..play.faults.len() {
        let (before, rest) = play.faults.split_at_mut(position);
        let Some(fault) = rest.first_mut() else { continue };
        if play.faults_off {
            fault.record.proof.insert("off".to_owned(), true.into());
            continue;
        }
        let of_step = |step: usize| &programs[play.numbers[step].clone()];
        match fault.kind {
            Kind::Descriptors => of_programs(fault, of_step(fault.step), "descriptors"),
            Kind::Unprivileged => of_programs(fault, of_step(fault.step), "unprivileged"),
            Kind::Relay => {
                // Its place in its set: faults of one set come from one step, in order.
                let same = |other: &&Fault| other.kind == Kind::Relay && other.step == fault.step;
                let place = before.iter().filter(same).count();
                let relay = programs.iter().find(|program| program.name == fault.record.place);
                if let Some(relay) = relay {
                    of_relay(fault, relay, place);
                }
            }
            Kind::Kernel { .. } | Kind::Signal => {}
        }
    }
}

/// Proves a limit of programs: each of them must have felt it.
fn of_programs(fault: &mut Fault, programs: &[Program], name: &str) {
    let mut felt = 0;
    for program in programs {
        let Some(proof) = program.proofs.get(name) else { continue };
        let told = proof["proved"].as_bool() == Some(true);
        let refused = name == "descriptors" && met_the_limit(program, proof);
        felt += usize::from(told || refused);
        if programs.len() == 1 {
            fault.record.proof.insert(name.to_owned(), proof.clone());
        }
    }
    if programs.len() > 1 {
        fault.record.proof.insert("copies".to_owned(), programs.len().into());
        fault.record.proof.insert("proved".to_owned(), felt.into());
    }
    fault.record.proved = felt == programs.len() && felt > 0;
}

/// Whether a program with this limit was refused a descriptor, as it told itself.
fn met_the_limit(program: &Program, proof: &Value) -> bool {
    let refused = |event: &Value| event["errno"] == 24 || event["error"] == "EMFILE";
    proof["limit"].is_u64() && program.seen.events.iter().any(refused)
}

/// Proves a fault of a relay: how often the relay did it, as it told at its end, or else when it
/// first did.
fn of_relay(fault: &mut Fault, relay: &Program, place: usize) {
    let Some(set) = fault.set else { return };
    let events = &relay.seen.events;
    let last = events.iter().rev().find(|event| event["event"] == "stopped");
    let counted = last.and_then(|event| {
        let sets = event["sets"].as_array()?;
        let found = sets.iter().find(|told| told["set"] == set)?;
        found["faults"][place]["applied"].as_u64()
    });
    let applied = counted.unwrap_or_else(|| {
        let first = |event: &&Value| {
            event["event"] == "fault" && event["set"] == set && event["fault"] == fault.record.text
        };
        events.iter().filter(first).filter_map(|event| event["count"].as_u64()).sum()
    });
    fault.record.proof.insert("applied".to_owned(), applied.into());
    fault.record.proved = applied > 0;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::file::Scenario;
    use crate::scenario::read::scenario;

    fn faults(text: &str) -> Vec<Fault> {
        let scenario: Scenario = scenario(text).expect("it is a scenario");
        crate::scenario::run::faults::listed(&scenario)
    }

    fn relay_faults() -> Vec<Fault> {
        let mut faults = faults(
            "title = \"t\"\n[[step]]\nname = \"wire\"\n[step.relay]\nlisten = \"tcp://:1\"\n\
            target = \"tcp://:2\"\nfaults = [{ cut = 5 }, { reset = 9, direction = \"up\" }]\n",
        );
        for fault in &mut faults {
            fault.set = Some(1);
        }
        faults
    }

    fn program(events: &Value) -> Program {
        let mut program = Program { name: "wire".to_owned(), ..Program::default() };
        program.seen.events = events.as_array().cloned().unwrap_or_default();
        program
    }

    #[test]
    fn a_relay_that_stopped_tells_how_often() {
        let mut faults = relay_faults();
        let relay = program(&json!([
            { "event": "fault", "set": 1, "fault": "cut=5", "count": 1 },
            { "event": "stopped", "sets": [
                { "set": 2, "faults": [{ "fault": "cut=5", "applied": 9 }] },
                { "set": 1, "faults": [
                    { "fault": "cut=5", "applied": 3 },
                    { "fault": "reset=9 direction=up", "applied": 0 },
                ] },
            ] },
        ]));
        of_relay(&mut faults[0], &relay, 0);
        of_relay(&mut faults[1], &relay, 1);
        assert_eq!(
            (faults[0].record.proved, &faults[0].record.proof["applied"]),
            (true, &3.into())
        );
        assert_eq!(
            (faults[1].record.proved, &faults[1].record.proof["applied"]),
            (false, &0.into())
        );
    }

    #[test]
    fn a_relay_that_was_killed_told_when_it_first_did() {
        let mut faults = relay_faults();
        let relay = program(&json!([
            { "event": "fault", "set": 1, "fault": "cut=5", "count": 1 },
            { "event": "fault", "set": 2, "fault": "reset=9 direction=up", "count": 1 },
        ]));
        of_relay(&mut faults[0], &relay, 0);
        of_relay(&mut faults[1], &relay, 1);
        let proved: Vec<_> = faults.iter().map(|fault| fault.record.proved).collect();
        assert_eq!(proved, [true, false], "the second was of another set");
    }

    #[test]
    fn each_copy_must_feel_its_limit() {
        let text = "title = \"t\"\n[[step]]\nrun = \"true\"\ncopies = 2\ndescriptors = 9\n";
        let copy = |proved: bool| {
            let proof = json!({ "limit": 9, "most_open": 4, "proved": proved });
            Program { proofs: [("descriptors".to_owned(), proof)].into(), ..Program::default() }
        };
        for (copies, proved) in
            [([true, true], true), ([true, false], false), ([false, false], false)]
        {
            let fault = &mut faults(text)[0];
            of_programs(fault, &copies.map(copy), "descriptors");
            assert_eq!(fault.record.proved, proved, "{copies:?}");
        }
        let mut told = copy(false);
        told.seen.events.push(json!({ "event": "paused", "errno": 24 }));
        let fault = &mut faults(text)[0];
        of_programs(fault, &[told], "descriptors");
        assert!(fault.record.proved, "it told that it was refused one");
    }
}
