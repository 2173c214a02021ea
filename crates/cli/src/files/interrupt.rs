//! Ctrl-C while files are on their way: the first ends the work in order, the second at once.

use std::thread;

use colok::client::files::Interrupt;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::messages::Messages;
use crate::problem::{Exit, Problem};

/// Starts the thread that turns signals into an interrupt. It lives as long as the process.
pub(super) fn watch(messages: &Messages) -> Result<Interrupt, Problem> {
    let failed = |call: &str, error: &std::io::Error| Problem::of_file(call, "signals", error);
    let interrupt = Interrupt::new().map_err(|error| Problem::of(&error, messages))?;
    let mut signals =
        Signals::new([SIGINT, SIGTERM]).map_err(|error| failed("sigaction", &error))?;
    let raised = interrupt.clone();
    let watch = move || {
        for _ in signals.forever() {
            if raised.is_raised() {
                std::process::exit(Exit::Interrupted as i32);
            }
            raised.raise();
        }
    };
    let builder = thread::Builder::new().name("signals".into());
    builder.spawn(watch).map_err(|error| failed("clone", &error))?;
    Ok(interrupt)
}
