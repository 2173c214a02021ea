//! Scenarios: what must hold between clients and servers, as files that anyone can run.
//!
//! A scenario names hosts, starts servers and clients on them, breaks things on purpose, and says
//! what must be seen. Running one gives a verdict and the evidence for it. Nothing here prints.
//!
//! [`mod@file`] is what people write; [`agent`] does the work on one host, ordered by JSON lines;
//! [`record`] is what came of a run.

pub mod agent;
pub mod built_in;
pub mod evidence;
pub mod file;
pub mod fill;
pub mod host;
pub mod judge;
pub mod mutation;
pub mod read;
pub mod reconcile;
pub mod record;
pub mod run;
pub mod schema;
pub mod world;

/// Becomes the agent of a host, or another process that a runner needs, and never returns, if this
/// process was started as one. A program that runs scenarios calls it first thing in its `main`.
pub fn become_if_asked() {
    agent::become_if_asked();
    world::become_if_asked();
}

/// An error as people read it: without the numbers that Rust puts behind what the system says.
fn in_words(error: impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut pieces = text.split(" (os error ");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        let rest = piece.trim_start_matches(|one: char| one.is_ascii_digit());
        text + rest.strip_prefix(')').unwrap_or(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn errors_are_told_without_their_numbers() {
        let error = std::io::Error::from_raw_os_error(2);
        assert_eq!(in_words(&error), "No such file or directory");
        assert_eq!(
            in_words(format!("a: {error} (b: {error})")),
            format!("a: {0} (b: {0})", in_words(error))
        );
        assert_eq!(in_words("nothing of it"), "nothing of it");
    }
}
