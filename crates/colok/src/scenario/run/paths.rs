//! Which way packets go between the hosts of a world: what each kernel says before anything is
//! broken, and what its interface carried by the end.
//!
//! Whether that proves anything is decided by `reconcile`.

use super::stage::{Broken, Stage};
use crate::scenario::agent::{Answer, Question};
use crate::scenario::reconcile::{HostAddresses, Route, Way};

/// Routes between hosts, and what their interfaces had carried when they were asked for.
#[derive(Debug, Default)]
pub(super) struct Routes {
    routes: Vec<Route>,
    /// Packets of each host, by its number.
    before: Vec<u64>,
}

impl Routes {
    /// Asks every host for its way to each address of every other one.
    pub(super) fn ask(stage: &mut Stage) -> Result<Self, Broken> {
        let before = packets(stage)?;
        let mut asks = Vec::new();
        for from in 0..stage.hosts.len() {
            for to in (0..stage.hosts.len()).filter(|to| *to != from) {
                for address in stage.hosts[to].addresses.clone() {
                    let ask = stage.ask(from, Question::Route { to: address })?;
                    asks.push((from, to, address, ask));
                }
            }
        }
        let mut routes = Vec::new();
        for (from, to, address, ask) in asks {
            let way = way(stage.answer(ask)?);
            let (from, to) = (stage.hosts[from].name.clone(), stage.hosts[to].name.clone());
            routes.push(Route { from, to, address, way, packets: 0 });
        }
        Ok(Self { routes, before })
    }

    /// The routes, with the packets that were carried since.
    pub(super) fn finish(mut self, stage: &mut Stage) -> Result<Vec<Route>, Broken> {
        let after = packets(stage)?;
        for (number, host) in stage.hosts.iter().enumerate() {
            let carried = after[number].saturating_sub(self.before[number]);
            for route in self.routes.iter_mut().filter(|route| route.from == host.name) {
                route.packets = carried;
            }
        }
        Ok(self.routes)
    }
}

/// How packets go, as the kernel says.
fn way(answer: Result<Answer, String>) -> Result<Way, String> {
    match answer? {
        Answer::Route { interface, source, mtu } => Ok(Way { interface, source, mtu }),
        other => Err(format!("the agent answered {other:?}")),
    }
}

/// How many packets the interface of each host has carried; 0 where nobody knows.
fn packets(stage: &mut Stage) -> Result<Vec<u64>, Broken> {
    let mut asks = Vec::new();
    for host in 0..stage.hosts.len() {
        asks.push(stage.ask(host, Question::Counters)?);
    }
    let mut packets = Vec::new();
    for ask in asks {
        packets.push(match stage.answer(ask)? {
            Ok(Answer::Counters { packets_received, packets_sent, .. }) => {
                packets_received + packets_sent
            }
            _ => 0,
        });
    }
    Ok(packets)
}

/// The hosts and their addresses.
pub(super) fn addresses(stage: &Stage) -> Vec<HostAddresses> {
    let hosts = stage
        .hosts
        .iter()
        .map(|host| HostAddresses { name: host.name.clone(), addresses: host.addresses.clone() });
    hosts.collect()
}
