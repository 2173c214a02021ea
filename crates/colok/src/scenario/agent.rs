//! The agent: does on one host what a runner orders, and tells what happened.
//!
//! Orders come as JSON lines on standard input, words go as JSON lines to standard output: nothing
//! else is between a runner and a host, so a host may be a process, a network namespace, or one day
//! another computer. An agent whose orders end takes everything it started with it.
//!
//! [`Order`] and [`Word`] are what is said; `duty` takes orders, `program` starts programs and
//! `follow` follows each; `voice` says words. Nothing here knows of scenarios and verdicts.

mod content;
mod duty;
mod effect;
mod exchange;
mod faults;
mod files;
mod fill;
mod follow;
mod hold;
mod launch;
mod log_tail;
mod places;
mod ports;
mod processes;
mod program;
mod proofs;
mod set_up;
mod signals;
mod voice;
mod words;

use std::io::Write as _;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub use content::random;
pub use set_up::SetUp;
pub use signals::signal_names;
pub use words::{Answer, Content, HeldPort, KernelFault, Order, Question, Start, Stream, Word};

/// The argument that makes a program an agent, followed by a [`SetUp`] as JSON. Not for people:
/// without somebody who orders it ends at once.
pub const AGENT_ARGUMENT: &str = "__agent";

/// The argument that makes a program limit itself and become another one.
const LAUNCH_ARGUMENT: &str = "__launch";

/// Exit code of an agent that could not work.
const FAILED: i32 = 1;

/// Becomes an agent, or the program that one wants to start with limits, and never returns, if this
/// process was started so.
pub(super) fn become_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    let Some(first) = arguments.next() else { return };
    if first == AGENT_ARGUMENT {
        let set_up = arguments.next().and_then(|text| serde_json::from_str(text.to_str()?).ok());
        std::process::exit(set_up.map_or(FAILED, |set_up: SetUp| run(&set_up)));
    }
    if first == LAUNCH_ARGUMENT {
        std::process::exit(launch::main(arguments));
    }
}

/// Does what is ordered on standard input until that ends; returns the exit code, with which the
/// process must then end: threads that nothing can wake are left. It must be where the host is: in
/// its namespaces.
pub fn run(set_up: &SetUp) -> i32 {
    // The name that tools show; the program itself is `/proc/self/exe` to them.
    let _ = rustix::thread::set_name(c"colok-agent");
    // A kernel without it passes on what the runner was left with.
    let _ = colok_sys::descriptors::keep_from_programs();
    match duty::serve(set_up) {
        Ok(()) => 0,
        Err(error) => {
            // Nobody may be there to hear it.
            let _ = writeln!(std::io::stderr(), "colok: agent: {error}");
            FAILED
        }
    }
}

/// Now, in microseconds since 1970, on a clock that is only asked once what time it is: setting it
/// while a program runs changes no length of time.
fn time_unix_us() -> u64 {
    static BEGAN: LazyLock<(Instant, Duration)> = LazyLock::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        (Instant::now(), since.unwrap_or_default())
    });
    let (began, at) = *BEGAN;
    u64::try_from((at + began.elapsed()).as_micros()).unwrap_or(u64::MAX)
}
