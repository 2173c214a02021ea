//! The step between an agent and a program that is to have less: this program again limits itself
//! and becomes that one, under the same process id.
//!
//! It changes the limit of descriptors and the capabilities, and nothing else: not the user, not
//! the environment, not a signal.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};
use serde::{Deserialize, Serialize};

use super::LAUNCH_ARGUMENT;
use super::words::Start;

/// Exit code when the program cannot be started, as shells have it.
const NOT_STARTED: i32 = 127;

/// What a program is to have less of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Limits {
    /// At most so many descriptors.
    pub(super) descriptors: Option<u64>,
    /// Without the rights of root.
    pub(super) unprivileged: bool,
}

/// The command that starts a program as it was ordered. `None` without a word.
pub(super) fn command(start: &Start) -> Option<Command> {
    let (program, arguments) = start.words.split_first()?;
    let limits = Limits { descriptors: start.descriptors, unprivileged: start.unprivileged };
    if limits == Limits::default() {
        let mut command = command_of(program.as_ref());
        command.args(arguments);
        return Some(command);
    }
    let limits = serde_json::to_string(&limits).expect("numbers");
    let mut command = Command::new("/proc/self/exe");
    command.arg0("colok").arg(LAUNCH_ARGUMENT).arg(limits).args(&start.words);
    Some(command)
}

/// `colok` is this very program, whatever its file is called and whether it still exists.
fn command_of(program: &std::ffi::OsStr) -> Command {
    if program != "colok" {
        return Command::new(program);
    }
    let mut command = Command::new("/proc/self/exe");
    command.arg0(program);
    command
}

/// Limits itself and becomes the program; returns the exit code when that does not work.
pub(super) fn main(mut arguments: impl Iterator<Item = OsString>) -> i32 {
    let limits = arguments.next().and_then(|text| serde_json::from_str(text.to_str()?).ok());
    let (Some(limits), Some(program)) = (limits, arguments.next()) else { return NOT_STARTED };
    let error = match limit(limits) {
        Ok(()) => command_of(&program).args(arguments).exec(),
        Err(error) => error,
    };
    // It speaks in the place of the program, as shells do.
    let error = crate::scenario::in_words(error);
    let _ = writeln!(io::stderr(), "colok: {}: {error}", program.to_string_lossy());
    NOT_STARTED
}

fn limit(limits: Limits) -> io::Result<()> {
    if let Some(count) = limits.descriptors {
        setrlimit(Resource::Nofile, Rlimit { current: Some(count), maximum: Some(count) })?;
    }
    if limits.unprivileged {
        drop_capabilities()?;
    }
    Ok(())
}

/// A program of root gets all capabilities of the bounding set when it is executed
/// (capabilities(7)), so that must be empty. Someone who is not root has none to drop.
fn drop_capabilities() -> io::Result<()> {
    set_no_new_privs(true)?;
    for number in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        // The kernel does not know this one, nor those after it.
        let Ok(held) = capability_is_in_bounding_set(capability) else { break };
        if held && remove_capability_from_bounding_set(capability).is_err() {
            // Not permitted: then it holds no capability that it could pass on.
            break;
        }
    }
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    Ok(set_capabilities(None, sets)?)
}
