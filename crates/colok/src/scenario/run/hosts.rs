//! The hosts of a case: a world of network namespaces, or agents on this computer; and the values
//! that placeholders get from them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::mpsc::Receiver;

use super::needs::Ground;
use super::stage::{Broken, Stage};
use crate::scenario::agent::{Answer, Question};
use crate::scenario::file::Scenario;
use crate::scenario::fill::{self, Values};
use crate::scenario::host::{self, Heard, HeardSender, Host};
use crate::scenario::in_words;
use crate::scenario::world::{World, WorldHost, WorldSpec, has_ipv6};

/// The subnet of a network that names none.
const SUBNET: &str = "10.99.0.0/24";
/// The largest packet of a network that names none.
const MTU: u32 = 1500;
/// The first port of a world, where every port is free.
const FIRST_PORT: u16 = 20_001;

/// What hosts of a case need to live. Dropped after the stage, in which the hosts are.
pub(super) struct Grounds {
    /// The world that the hosts are in; a local one has none.
    _world: Option<World>,
}

/// Hosts that live, and where their words come.
pub(super) type Made = (Vec<Host>, Receiver<(usize, Heard)>, Grounds);

/// Makes the hosts of a scenario.
pub(super) fn make(scenario: &Scenario, ground: Ground) -> Result<Made, String> {
    let (sender, heard) = host::channel();
    let (hosts, world) = match ground {
        Ground::World => {
            let mut world = World::make(&spec(scenario)?, &sender)
                .map_err(|error| format!("the network namespaces could not be made: {error}"))?;
            (std::mem::take(&mut world.hosts), Some(world))
        }
        Ground::Local => (local_hosts(scenario, &sender)?, None),
    };
    Ok((hosts, heard, Grounds { _world: world }))
}

fn local_hosts(scenario: &Scenario, sender: &HeardSender) -> Result<Vec<Host>, String> {
    let names = scenario.all_hosts();
    let made = names.iter().enumerate().map(|(index, (name, _))| {
        host::local(name, index, sender)
            .map_err(|error| format!("no agent of {name} could be started: {}", in_words(error)))
    });
    made.collect()
}

/// The world of a scenario: addresses that were not given are the next free ones, in the order of
/// names.
fn spec(scenario: &Scenario) -> Result<WorldSpec, String> {
    let subnet = scenario.network.subnet.as_ref().map_or(SUBNET, |subnet| &subnet.value);
    let (base, prefix) = subnet_of(subnet).ok_or_else(|| format!("{subnet} is no subnet"))?;
    let hosts = scenario.all_hosts();
    let given = hosts.iter().filter_map(|(_, spec)| spec.address);
    let mut taken: BTreeSet<IpAddr> = given.collect();
    let mut made = Vec::new();
    for (name, spec) in hosts {
        let ipv4 = match spec.address {
            Some(IpAddr::V4(address)) => address,
            Some(IpAddr::V6(address)) => return Err(format!("{address} is no IPv4 address")),
            None => free(base, prefix, &mut taken).ok_or_else(|| format!("{subnet} is full"))?,
        };
        let number = u32::from(ipv4) & !mask(prefix);
        made.push(WorldHost {
            name: name.to_owned(),
            ipv4,
            ipv6: has_ipv6().then(|| ipv6_of(number)),
            disk_bytes: spec.disk.as_ref().map(|size| size.value.0),
        });
    }
    Ok(WorldSpec { hosts: made, prefix, mtu: scenario.network.mtu.unwrap_or(MTU) })
}

/// Its IPv6 address: the same number in a subnet of our own (RFC 4193).
fn ipv6_of(number: u32) -> Ipv6Addr {
    let base = u128::from(Ipv6Addr::new(0xfd00, 0x636f, 0x6c6f, 0, 0, 0, 0, 0));
    Ipv6Addr::from(base | u128::from(number))
}

fn subnet_of(text: &str) -> Option<(u32, u8)> {
    let (base, prefix) = text.split_once('/')?;
    let prefix: u8 = prefix.parse().ok().filter(|prefix| *prefix <= 30)?;
    Some((u32::from(base.parse::<Ipv4Addr>().ok()?) & mask(prefix), prefix))
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

/// The next address that nobody has: neither that of the subnet itself nor that of broadcasts.
fn free(base: u32, prefix: u8, taken: &mut BTreeSet<IpAddr>) -> Option<Ipv4Addr> {
    let addresses = (base + 1..base | !mask(prefix)).map(Ipv4Addr::from);
    let mut addresses = addresses.filter(|address| !taken.contains(&IpAddr::V4(*address)));
    let address = addresses.next()?;
    taken.insert(IpAddr::V4(address));
    Some(address)
}

/// Finds as many ports as a scenario wants: any in a world of its own, else those that are free.
pub(super) fn ports(stage: &mut Stage, count: usize, ground: Ground) -> Result<Vec<u16>, Broken> {
    if ground == Ground::World || count == 0 {
        return Ok((FIRST_PORT..).take(count).collect());
    }
    let asked = u32::try_from(count).unwrap_or(u32::MAX);
    match stage.question(0, Question::FreePorts { count: asked })? {
        Ok(Answer::Ports { ports }) if ports.len() == count => Ok(ports),
        Ok(_) => Err(Broken::Runner("the agent found too few free ports".to_owned())),
        Err(error) => Err(Broken::Runner(format!("no free ports: {error}"))),
    }
}

/// What placeholders stand for in a case: its variables, its hosts and ports, its seed and id.
pub(super) fn values(
    scenario: &Scenario,
    variables: &Values,
    hosts: &[Host],
    ports: &[u16],
    seed: u64,
    case: &str,
) -> Values {
    let mut values = variables.clone();
    for host in hosts {
        let address = |wanted: fn(&&IpAddr) -> bool| host.addresses.iter().find(wanted);
        if let Some(address) = address(|address| address.is_ipv4()) {
            values.insert(host.name.clone(), address.to_string());
        }
        // Without IPv6 the loopback address stands for it: nothing can be reached there either.
        let ipv6 = address(|address| address.is_ipv6()).map(ToString::to_string);
        values.insert(format!("{}.ipv6", host.name), ipv6.unwrap_or_else(|| "::1".to_owned()));
        values.insert(format!("{}.folder", host.name), host.folder.clone());
    }
    for (name, port) in fill::ports(scenario).into_iter().zip(ports) {
        values.insert(name, port.to_string());
    }
    values.insert("seed".to_owned(), seed.to_string());
    values.insert("case".to_owned(), case.to_owned());
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_the_next_free_ones() {
        let (base, prefix) = subnet_of("10.9.0.0/29").expect("it is a subnet");
        let mut taken = BTreeSet::from([IpAddr::from([10, 9, 0, 2])]);
        let found: Vec<_> = std::iter::from_fn(|| free(base, prefix, &mut taken)).collect();
        let last: Vec<_> = found.iter().map(|address| address.octets()[3]).collect();
        assert_eq!(last, [1, 3, 4, 5, 6]);
        assert_eq!(subnet_of("10.9.0.0"), None);
        assert_eq!(subnet_of("10.9.0.0/31"), None);
    }
}
