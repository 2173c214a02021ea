//! Faults that the `uring` model meets from outside: peers that are killed at every step, reset or
//! never read, thousands that come and go, descriptors that run out. And the same conversations
//! with `events`, which must not be told from it. Where there is no io_uring, tests say so and end.

mod support;
mod uring_faults_bodies;

use std::io::Write as _;

use colok_sys::uring::{Size, Uring};

/// Whether rings can be made here.
fn has_uring() -> bool {
    let size = Size { entries: 8, completions: 16, buffers: 1, buffer_bytes: 4096 };
    let made = Uring::new(size);
    if let Err(error) = &made {
        let _ = writeln!(std::io::stderr(), "skipped: no io_uring here: {error}");
    }
    made.is_ok()
}
