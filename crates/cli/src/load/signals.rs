//! Ctrl-C during a load or a check: the first ends it in good order (a load waits for the replies
//! that are on their way), the second at once, the third ends the process. The first two leave a
//! report.

use std::thread;
use std::time::Duration;

use colok::server::{Stop, StopState};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::problem::{Exit, Problem};

/// How long a load that waits for nothing may take to end, and to write its report; the process
/// ends then in any case. Long, because a report of a hundred thousand connections takes a while.
const AT_ONCE_MAX: Duration = Duration::from_secs(10);

/// Starts the thread that turns signals into stops. It lives as long as the process.
pub(crate) fn watch(stop: &Stop) -> Result<(), Problem> {
    let failed = |call: &str, error: &std::io::Error| Problem::of_file(call, "signals", error);
    let mut signals =
        Signals::new([SIGINT, SIGTERM]).map_err(|error| failed("sigaction", &error))?;
    let stop = stop.clone();
    let watch = move || {
        for _ in signals.forever() {
            match stop.state() {
                StopState::Run => stop.drain(),
                StopState::Drain => {
                    stop.at_once();
                    // Without the thread there still is the third Ctrl-C.
                    let _ = thread::Builder::new().name("interrupted".into()).spawn(end_late);
                }
                StopState::AtOnce => end(),
            }
        }
    };
    let builder = thread::Builder::new().name("signals".into());
    builder.spawn(watch).map_err(|error| failed("clone", &error))?;
    Ok(())
}

fn end_late() {
    thread::sleep(AT_ONCE_MAX);
    end();
}

fn end() {
    std::process::exit(Exit::Interrupted as i32);
}
