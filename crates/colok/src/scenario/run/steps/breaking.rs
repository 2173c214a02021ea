//! Steps that break something, and those that end it; and the proofs of what was broken.

use serde_json::{Value, json};

use super::super::faults::{Fault, Kind};
use super::super::judging;
use super::super::play::Play;
use super::super::stage::Broken;
use crate::relay;
use crate::scenario::agent::{Answer, Order, Question};
use crate::scenario::file::{Action, At, FaultStep, RelayFaults};

/// Begins a fault; gives which faults wait for which answers.
pub(super) fn begin(
    play: &mut Play<'_>,
    index: usize,
    fault: &FaultStep,
) -> Result<Vec<(usize, u64)>, Broken> {
    if play.faults_off {
        return Ok(Vec::new());
    }
    if let Some(relay) = &fault.relay {
        replace_faults(play, index, relay)?;
        return Ok(Vec::new());
    }
    let Some(position) = play.faults.iter().position(|fault| fault.step == index) else {
        return Ok(Vec::new());
    };
    play.faults[position].record.start_s = Some(play.stage.now_s());
    if let Some(signal) = &fault.signal {
        return send_signal(play, position, &signal.to, &signal.name);
    }
    let Kind::Kernel { host, what } = play.faults[position].kind.clone() else {
        return Ok(Vec::new());
    };
    let (ask, host) = (play.stage.number(), play.stage.host(&host)?);
    play.stage.order(host, &Order::Break { ask, fault: position as u64, what })?;
    Ok(vec![(position, ask)])
}

/// Sends a signal to every program of a step.
fn send_signal(
    play: &mut Play<'_>,
    position: usize,
    to: &str,
    name: &str,
) -> Result<Vec<(usize, u64)>, Broken> {
    let mut asks = Vec::new();
    for number in play.programs_of(to)? {
        asks.push((position, play.signal(number, name)?));
    }
    let now_s = play.stage.now_s();
    if name == "CONT" {
        end_stop(play, to, now_s);
    }
    // Only a stopped process stays what the signal made of it until something else happens.
    if name != "STOP" && name != "KILL" {
        play.faults[position].record.end_s = Some(now_s);
    }
    Ok(asks)
}

/// Notes that a program goes on: faults that had stopped it are over.
fn end_stop(play: &mut Play<'_>, to: &str, now_s: f64) {
    let stopped = |fault: &&mut Fault| {
        fault.kind == Kind::Signal && fault.record.place == to && fault.is_active()
    };
    for fault in play.faults.iter_mut().filter(stopped) {
        fault.record.end_s = Some(now_s);
    }
}

/// Gives a relay other faults, and ends those that it has.
fn replace_faults(play: &mut Play<'_>, index: usize, relay: &RelayFaults) -> Result<(), Broken> {
    let answer = control(play, &relay.of, &relay.faults)?;
    let now_s = play.stage.now_s();
    for fault in play.faults.iter_mut().filter(|fault| fault.step == index) {
        match &answer {
            Ok(set) => {
                fault.set = Some(*set);
                fault.record.start_s = Some(now_s);
            }
            Err(error) => fault.failed(error.clone()),
        }
    }
    if let Err(error) = answer {
        play.records[index].error = Some(error);
    }
    Ok(())
}

/// Tells a relay its faults from now on; gives the number of their set. The inner error is the
/// relay's.
fn control(
    play: &mut Play<'_>,
    of: &str,
    faults: &[At<relay::Fault>],
) -> Result<Result<u64, String>, Broken> {
    let relay = play.index_of(of)?;
    let (host, number) = (play.host_of(relay)?, play.program_of(of)?);
    let faults: Vec<_> = faults.iter().map(|fault| &fault.value).collect();
    let line = json!({ "faults": faults }).to_string();
    let Some(path) = play.controls.get(&relay).cloned() else {
        return Ok(Err(format!("{of} is not a relay")));
    };
    let answer = play.stage.question(host, Question::Exchange { path, line })?;
    let set = set_of(answer);
    if set.is_ok() {
        let now_s = play.stage.now_s();
        end_relay_faults(play, number, now_s);
    }
    Ok(set)
}

/// The number of the set in a relay's answer.
fn set_of(answer: Result<Answer, String>) -> Result<u64, String> {
    let Answer::Line { line } = answer? else { return Err("it was no line".to_owned()) };
    let answer: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
    match (answer["set"].as_u64(), answer["error"].as_str()) {
        (Some(set), None) => Ok(set),
        (_, Some(error)) => Err(error.to_owned()),
        (None, None) => Err(format!("the relay answered {line}")),
    }
}

/// Notes the end of the faults that a relay had.
fn end_relay_faults(play: &mut Play<'_>, number: usize, now_s: f64) {
    let name = play.stage.programs[number].name.clone();
    let had = |fault: &&mut Fault| {
        fault.kind == Kind::Relay && fault.record.place == name && fault.is_active()
    };
    for fault in play.faults.iter_mut().filter(had) {
        fault.record.end_s = Some(now_s);
    }
}

/// Ends what the step with this name broke.
pub(super) fn clear(play: &mut Play<'_>, name: &str) -> Result<Vec<(usize, u64)>, Broken> {
    let index = play.index_of(name)?;
    if play.faults_off {
        return Ok(Vec::new());
    }
    match play.step(index).clone().action() {
        Action::Relay(_) => clear_relay(play, name),
        Action::Fault(fault) if fault.relay.is_some() => {
            let of = fault.relay.as_ref().map(|relay| relay.of.value.clone());
            clear_relay(play, &of.unwrap_or_default())
        }
        _ => {
            let faults = play.faults.iter().enumerate();
            let of_step = faults.filter(|(_, fault)| fault.step == index && fault.is_active());
            let positions: Vec<_> = of_step.map(|(position, _)| position).collect();
            let mut asks = Vec::new();
            for position in positions {
                asks.extend(end(play, position)?);
            }
            Ok(asks)
        }
    }
}

fn clear_relay(play: &mut Play<'_>, of: &str) -> Result<Vec<(usize, u64)>, Broken> {
    match control(play, of, &[])? {
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(Broken::Runner(format!("the faults of {of} do not end: {error}"))),
    }
}

/// Ends a fault of a kernel, and asks what it did.
fn end(play: &mut Play<'_>, position: usize) -> Result<Vec<(usize, u64)>, Broken> {
    let now_s = play.stage.now_s();
    let asks = match play.faults[position].kind.clone() {
        Kind::Kernel { host, .. } => {
            let (ask, host) = (play.stage.number(), play.stage.host(&host)?);
            play.stage.order(host, &Order::Prove { ask, fault: position as u64, end: true })?;
            vec![(position, ask)]
        }
        // A signal cannot be taken back, and what a program is born with stays.
        Kind::Signal | Kind::Relay | Kind::Descriptors | Kind::Unprivileged => {
            return Ok(Vec::new());
        }
    };
    play.faults[position].record.end_s = Some(now_s);
    Ok(asks)
}

/// Takes the answers of agents about faults.
pub(super) fn finish(
    play: &mut Play<'_>,
    index: usize,
    asks: Vec<(usize, u64)>,
) -> Result<(), Broken> {
    for (position, ask) in asks {
        let answer = play.stage.answer(ask)?;
        if let Err(error) = &answer {
            play.records[index].error = Some(error.clone());
        }
        play.faults[position].learn(answer);
    }
    judging::judge_places(play, index)
}

/// Ends every fault of a kernel that is still there, and learns what each did. Those of programs
/// are proved by their ends.
pub(in super::super) fn end_faults(play: &mut Play<'_>) -> Result<(), Broken> {
    for position in 0..play.faults.len() {
        let fault = &play.faults[position];
        if !fault.is_active() || !matches!(fault.kind, Kind::Kernel { .. }) {
            continue;
        }
        for (position, ask) in end(play, position)? {
            let answer = play.stage.answer(ask)?;
            play.faults[position].learn(answer);
        }
        // It was there until the end: that is what the record says by having none.
        play.faults[position].record.end_s = None;
    }
    Ok(())
}
