//! Ctrl-C while files are on their way: the first ends the work in order, the second at once.
//!
//! Every wait of the library ends when it is interrupted. What cannot be interrupted (a folder
//! with a million files that is being read, a pipe whose reader sleeps, a network file system that
//! hangs) is given a moment; then the process ends without it. Nothing is lost by that: whatever
//! was on its way is as it would be after a loss of power.

use std::thread;
use std::time::Duration;

use colok::client::files::Interrupt;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::messages::Messages;
use crate::problem::{Exit, Problem};

/// How long an end in order may take: the longest step between two looks at the interrupt is a
/// chunk of a file that is read or written.
const IN_ORDER_MAX: Duration = Duration::from_secs(2);

/// Starts the thread that turns signals into an interrupt. It lives as long as the process.
pub(super) fn watch(messages: &Messages) -> Result<Interrupt, Problem> {
    let failed = |call: &str, error: &std::io::Error| Problem::of_file(call, "signals", error);
    let interrupt = Interrupt::new().map_err(|error| Problem::of(&error, messages))?;
    let mut signals =
        Signals::new([SIGINT, SIGTERM]).map_err(|error| failed("sigaction", &error))?;
    let (raised, messages) = (interrupt.clone(), messages.clone());
    let watch = move || {
        for _ in signals.forever() {
            if raised.is_raised() {
                std::process::exit(Exit::Interrupted as i32);
            }
            raised.raise();
            let messages = messages.clone();
            let end = move || {
                thread::sleep(IN_ORDER_MAX);
                Problem::interrupted(&messages).tell(&messages);
                std::process::exit(Exit::Interrupted as i32);
            };
            // Without the thread there still is the second Ctrl-C.
            let _ = thread::Builder::new().name("interrupted".into()).spawn(end);
        }
    };
    let builder = thread::Builder::new().name("signals".into());
    builder.spawn(watch).map_err(|error| failed("clone", &error))?;
    Ok(interrupt)
}
