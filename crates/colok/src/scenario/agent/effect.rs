//! Signals to programs, and proof of what they did.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use super::program::Program;
use super::words::Answer;
use super::{processes, signals};

/// How long a signal may take to show: a killed program with much memory takes a while to be gone.
const EFFECT_MAX: Duration = Duration::from_secs(10);

/// How often is looked at the state of a program.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// What became of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// Somebody got it.
    delivered: bool,
    /// The program itself had ended before.
    too_late: bool,
}

/// Sends a signal to the process group of a program.
pub(super) fn send(program: &Program, name: &str) -> Result<Sent, String> {
    let Some(signal) = signals::signal(name) else {
        return Err(format!("there is no signal `{name}`"));
    };
    // It may have ended and not be reaped yet: a signal can be sent to that too.
    let too_late = program.ending().is_some() || state(program) == Some('Z');
    let delivered = program.signal(signal).map_err(|error| format!("{name}: {error}"))?;
    Ok(Sent { delivered, too_late })
}

/// Waits until the effect of a signal shows, and tells what was seen.
pub(super) fn prove(program: &Program, name: &str, sent: Sent) -> Answer {
    let mut seen = BTreeMap::from([
        ("signal".to_owned(), json!(name)),
        ("delivered".to_owned(), json!(sent.delivered)),
    ]);
    let proved = if sent.too_late || !sent.delivered {
        false
    } else {
        match name {
            "KILL" => program.ending_within(EFFECT_MAX).is_some(),
            "STOP" => wait_for_state(program, |state| state == 'T'),
            "CONT" => wait_for_state(program, |state| state != 'T'),
            _ => true,
        }
    };
    let ending = program.ending();
    if let Some(ending) = &ending {
        seen.insert("exit".to_owned(), json!(ending.exit));
        seen.insert("ended_by".to_owned(), json!(ending.signal));
    }
    // A program that ended by itself at the same moment was not killed.
    let killed = ending.is_some_and(|ending| ending.signal.as_deref() == Some("KILL"));
    if let Some(state) = state(program) {
        seen.insert("state".to_owned(), json!(state.to_string()));
    }
    Answer::Proof { proved: proved && (name != "KILL" || killed), seen }
}

fn wait_for_state(program: &Program, wanted: impl Fn(char) -> bool) -> bool {
    let until = Instant::now() + EFFECT_MAX;
    while Instant::now() < until {
        match state(program) {
            Some(state) if wanted(state) => return true,
            Some(_) => std::thread::sleep(LOOK_EVERY),
            None => return false,
        }
    }
    false
}

/// The letter of its state, while it is there.
fn state(program: &Program) -> Option<char> {
    let stat = processes::stat(program.process)?;
    program.ending().is_none().then_some(stat.state)
}
