//! The tests of worlds, and what they share: a world and the conversation with its hosts.

pub(crate) mod agent;
pub(crate) mod ending;
mod faults;
mod reach;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use colok::scenario::agent::Word;
use colok::scenario::host::{Heard, channel};
use colok::scenario::world::{World, WorldHost, WorldSpec, has_ipv6};
use serde_json::Value;

use agent::Task;

/// Every test.
pub(crate) const BODIES: &[(&str, fn())] = &[
    ("hosts_talk_by_names_and_addresses", reach::hosts_talk_by_names_and_addresses),
    (
        "names_and_addresses_of_outside_are_not_there",
        reach::names_and_addresses_of_outside_are_not_there,
    ),
    ("multicast_and_broadcast_reach_three_hosts", reach::multicast_and_broadcast_reach_three_hosts),
    ("a_host_has_its_name_folder_and_disk", reach::a_host_has_its_name_folder_and_disk),
    ("routes_and_counters_tell_the_path", reach::routes_and_counters_tell_the_path),
    ("large_packets_pass_where_they_may", reach::large_packets_pass_where_they_may),
    ("dropped_packets_are_counted", faults::dropped_packets_are_counted),
    ("what_goes_is_dropped_silently", faults::what_goes_is_dropped_silently),
    ("a_link_goes_down_and_comes_back", faults::a_link_goes_down_and_comes_back),
    ("a_slow_link_has_its_rate", faults::a_slow_link_has_its_rate),
    ("a_fault_without_effect_is_not_proved", faults::a_fault_without_effect_is_not_proved),
    ("no_fault_is_made_outside_of_a_world", faults::no_fault_is_made_outside_of_a_world),
    ("a_wrong_world_says_why", ending::a_wrong_world_says_why),
    ("an_agent_that_dies_is_told_of", ending::an_agent_that_dies_is_told_of),
    ("a_dropped_world_is_gone", ending::a_dropped_world_is_gone),
    (
        "nothing_is_left_when_the_runner_is_killed",
        ending::nothing_is_left_when_the_runner_is_killed,
    ),
    (
        "nothing_is_left_when_the_outer_process_is_killed",
        ending::nothing_is_left_when_the_outer_process_is_killed,
    ),
    (
        "nothing_is_left_when_the_first_process_is_killed",
        ending::nothing_is_left_when_the_first_process_is_killed,
    ),
];

/// Longer than anything here takes on the slowest machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A world whose hosts are talked to.
pub(crate) struct Talk {
    pub(crate) world: World,
    heard: Receiver<(usize, Heard)>,
}

/// The spec of a world with so many hosts: `h0` is 10.99.0.1 and `fd00:636f:6c6f::1`, and so on.
pub(crate) fn spec(count: u8) -> WorldSpec {
    let hosts = (0..count).map(|number| WorldHost {
        name: format!("h{number}"),
        ipv4: Ipv4Addr::new(10, 99, 0, number + 1),
        ipv6: has_ipv6()
            .then(|| Ipv6Addr::new(0xfd00, 0x636f, 0x6c6f, 0, 0, 0, 0, u16::from(number) + 1)),
        disk_bytes: None,
    });
    WorldSpec { hosts: hosts.collect(), prefix: 24, mtu: 1500 }
}

impl Talk {
    pub(crate) fn with(count: u8) -> Self {
        Self::of(&spec(count))
    }

    pub(crate) fn of(spec: &WorldSpec) -> Self {
        let (sender, heard) = channel();
        let world = World::make(spec, &sender).expect("worlds are available");
        Self { world, heard }
    }

    /// Has a host begin with something; its answer comes later.
    pub(crate) fn begin(&mut self, host: usize, task: &Task) {
        let line = serde_json::to_vec(task).expect("it is plain");
        self.world.hosts[host].transport.send(&line).expect("the host is there");
    }

    /// The next answer of a host; nobody else may say anything meanwhile.
    pub(crate) fn answer(&self, host: usize) -> Result<Value, String> {
        let (from, record) = self.next();
        assert_eq!(from, host, "said {record:?}");
        record
    }

    /// The next answer of any host.
    pub(crate) fn next(&self) -> (usize, Result<Value, String>) {
        match self.heard.recv_timeout(PATIENCE).expect("hosts answer") {
            (host, Heard::Word(Word::Record { record, .. })) => (host, Ok(record)),
            (host, Heard::Word(Word::Failed { error, .. })) => (host, Err(error)),
            (host, other) => panic!("host {host}: {other:?}"),
        }
    }

    /// What is heard next, whatever it is.
    pub(crate) fn hear(&self) -> (usize, Heard) {
        self.heard.recv_timeout(PATIENCE).expect("something is heard")
    }

    /// Has a host do something, and waits for it.
    pub(crate) fn has(&mut self, host: usize, task: &Task) -> Result<Value, String> {
        self.begin(host, task);
        self.answer(host)
    }

    /// The same, of something that must succeed.
    pub(crate) fn does(&mut self, host: usize, task: &Task) -> Value {
        self.has(host, task).unwrap_or_else(|error| panic!("host {host}: {task:?}: {error}"))
    }
}
