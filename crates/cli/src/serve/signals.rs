//! SIGINT and SIGTERM: the first lets what is in flight finish, the second ends at once.

use std::thread;
use std::time::Duration;

use colok::server::{Stop, StopState};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::problem::{Exit, Problem};

/// How long a server that was told to end at once may take; the process ends then in any case.
const AT_ONCE_MAX: Duration = Duration::from_secs(1);

/// Starts the thread that turns signals into stops; `on_drain` is called at the first. It lives as
/// long as the process.
pub(crate) fn watch(stop: &Stop, on_drain: impl Fn() + Send + 'static) -> Result<(), Problem> {
    let failed = |call: &str, error: &std::io::Error| Problem::of_file(call, "signals", error);
    let mut signals =
        Signals::new([SIGINT, SIGTERM]).map_err(|error| failed("sigaction", &error))?;
    let stop = stop.clone();
    let watch = move || {
        for _ in signals.forever() {
            if stop.state() == StopState::Run {
                on_drain();
                stop.drain();
                continue;
            }
            stop.at_once();
            thread::sleep(AT_ONCE_MAX);
            std::process::exit(Exit::Interrupted as i32);
        }
    };
    let builder = thread::Builder::new().name("signals".into());
    builder.spawn(watch).map_err(|error| failed("clone", &error))?;
    Ok(())
}
