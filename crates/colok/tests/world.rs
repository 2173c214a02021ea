//! Worlds of network namespaces, from outside: hosts reach each other in every way that scenarios
//! need, faults of the network happen and are proved and end, and nothing is left behind.
//!
//! The program is its own harness, because it is re-executed as the processes of a world, and as an
//! agent that only these tests know: it does what a line says and tells one record.

mod world_bodies;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    world_bodies::agent::become_if_asked();
    world_bodies::ending::become_if_asked();
    colok::scenario::become_if_asked();
    let skipped = colok::scenario::world::available().err();
    if let Some(why) = &skipped {
        println!("skipped, no network namespaces: {why}");
    }
    let trials = world_bodies::BODIES.iter().map(|(name, body)| {
        let body = *body;
        Trial::test(*name, move || {
            body();
            Ok::<(), Failed>(())
        })
        .with_ignored_flag(skipped.is_some())
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}
