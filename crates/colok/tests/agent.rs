//! Agents of hosts: what programs write arrives whole, what is ordered is done and proved, and
//! nothing is left behind, however an agent ends.
//!
//! The program is its own harness, because it is re-executed as the agents, as the programs that
//! they start by the name `colok`, and as a runner that is killed.

mod agent_bodies;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    colok::scenario::become_if_asked();
    agent_bodies::helpers::become_if_asked();
    let bodies = agent_bodies::bodies().into_iter().map(|(name, body)| {
        Trial::test(name, move || {
            body();
            Ok::<(), Failed>(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), bodies.collect()).exit();
}
