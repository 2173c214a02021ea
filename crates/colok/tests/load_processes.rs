//! Worker processes of a load: what they say arrives whole, what is ordered reaches them, a dead
//! one is told of, and none is left behind.
//!
//! The program is its own harness, because it is re-executed as the workers. Most tests give
//! workers a stand-in for traffic that says known things, chosen by the URL of the plan; the last
//! ones send real messages.

mod load_bodies;
mod support;

use libtest_mimic::{Arguments, Failed, Trial};

/// A test.
type Body = fn();

fn main() {
    load_bodies::real::load_if_asked();
    colok::load::processes::worker_if_asked(load_bodies::run_share);
    load_bodies::helper_if_asked();
    let bodies = load_bodies::BODIES.iter().map(|(name, body): &(&str, Body)| {
        let body = *body;
        Trial::test(*name, move || {
            body();
            Ok::<(), Failed>(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), bodies.collect()).exit();
}
