//! Scenarios end to end: small ones, each with the verdict that it must have, for the right reason.
//!
//! The program is its own harness, because it is re-executed as agents, as worlds, and as the
//! programs that scenarios start as `colok`.

mod scenario_bodies;

use libtest_mimic::{Arguments, Failed, Trial};

/// A test.
type Body = fn();

fn main() {
    colok::scenario::become_if_asked();
    scenario_bodies::programs::become_if_asked();
    let bodies = scenario_bodies::BODIES.iter().map(|(name, body): &(&str, Body)| {
        let body = *body;
        Trial::test(*name, move || {
            body();
            Ok::<(), Failed>(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), bodies.collect()).exit();
}
