//! The hot paths of colok, one at a time, for two harnesses: `benches/instructions.rs` counts
//! instructions under valgrind, `benches/wall_time.rs` takes the time.
//!
//! A path is what happens for one arrival, one turn of a session or one move of a timer, without a
//! socket. Both harnesses run the same paths, and [`paths!`](crate::paths) is the one list of them.
//! Every round looks at the size of what was answered, so that a machine which stops answering is
//! not taken for a fast one.
//!
//! Nothing here measures, and nothing of it is linked into colok.

#![expect(missing_docs, reason = "the names of paths say what they are; see `paths!`")]

pub mod machines;
pub mod sessions;
#[cfg(not(test))]
pub mod timers;

// The wheel is no part of the library's interface, and needs nothing of it but the time. Not in the
// empty build for tests: the wheel has its own, where it belongs.
#[cfg(not(test))]
#[path = "../../../crates/colok/src/engine/uring/timers.rs"]
mod wheel;

/// What is done once per round. It may be called for ever.
pub type Work = Box<dyn FnMut()>;

/// How often a path is run for one count. What a harness adds to each count is small beside so many
/// rounds.
pub const ROUNDS: usize = 1000;

/// Gives the list of paths to the macro `harness`: the name of each, which is the name of its
/// function, and the module that has it.
///
/// Sizes are of one arrival, with the newline at its end where it has one.
#[macro_export]
macro_rules! paths {
    ($harness:ident) => {
        $harness! {
            machines: echo_64_bytes, echo_open_64_bytes, echo_1_kibibyte, echo_no_quit_64_bytes,
                count_1_line, count_16_lines, count_16_kibibytes, discard_16_kibibytes,
                chargen_room, files_push;
            sessions: echo_turn, echo_turn_without_quit, count_turn, discard_turn, echo_rested_turn;
            timers: timer_set_and_clear, timer_move, timer_stay, timer_expire,
                timer_expire_nothing, timer_next_due;
        }
    };
}

/// How much later the next round begins, in nanoseconds: about what a busy server takes per
/// message, and far below every deadline.
const ROUND_NS: u64 = 1000;
