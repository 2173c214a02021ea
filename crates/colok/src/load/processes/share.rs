//! How a plan is shared out among processes. Pure arithmetic: no process is started here.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use crate::load::plan::{Address, Length, Pace, Plan};

/// The most processes one plan is shared out to: each has the loopback addresses of one `127.x`,
/// and `127.0` is left to whoever asks for `localhost`.
pub const PROCESSES_MAX: u32 = 250;

/// Descriptors that a process needs beside its connections: standard streams, the program's
/// files, a few per thread, and what is closed while its successor opens.
const DESCRIPTORS_RESERVED: u64 = 200;

/// Connections per local address, as far as there are more addresses to be had. The default range
/// has 28 232 ports; toward its end the kernel searches long for a free one, and servers in tests
/// hold some too.
pub const CONNECTIONS_PER_SOURCE: u32 = 20_000;

/// Numbers of connections, those made anew included, that one process may use.
const CONNECTION_NUMBERS: u64 = 1 << 40;

/// The part of a plan that one process carries out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// This process's connections, active ones, rate, messages, threads and seed. Unlike in a
    /// whole plan `active` may be 0, and then so are the rate and the messages.
    pub plan: Plan,
    /// Which process this is, from 0.
    pub process: u32,
    /// How many there are.
    pub processes: u32,
    /// Connections of all processes together.
    pub connections_total: u32,
    /// The number of this process's first connection: no two processes use the same numbers.
    pub connection_first: u64,
    /// The number of this process's first thread among all.
    pub thread_first: u32,
    /// The local addresses that are this process's alone.
    pub sources: Sources,
}

/// Local addresses that one process may connect from and no other does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sources {
    /// The one that the system chooses; shared by all.
    System,
    /// `127.NET.0.1` and on: 65 000 addresses of loopback.
    Loopback {
        /// The second byte.
        net: u8,
    },
}

impl Sources {
    /// How many addresses there are to choose from.
    pub fn count(self) -> u32 {
        match self {
            Self::System => 1,
            Self::Loopback { .. } => 65_000,
        }
    }

    /// The address with this number, counted around; `None`: leave the choice to the system.
    pub fn address(self, number: u32) -> Option<IpAddr> {
        let Self::Loopback { net } = self else { return None };
        // From 1 on, since .0.0 looks like a network to people; 65 000 stays below .255.255.
        let [.., high, low] = (number % self.count() + 1).to_be_bytes();
        Some(Ipv4Addr::new(127, net, high, low).into())
    }
}

/// How many processes so many connections need, when each may have so many descriptors.
pub fn processes_needed(connections: u32, descriptors_max: u64) -> u32 {
    let each = descriptors_max.saturating_sub(DESCRIPTORS_RESERVED).max(1);
    u32::try_from(u64::from(connections).div_ceil(each)).unwrap_or(u32::MAX).max(1)
}

/// A plan's shares: as many as were asked for, or as connections need. Together they are the plan.
pub fn shares(plan: &Plan, descriptors_max: u64) -> Vec<Share> {
    let needed = processes_needed(plan.connections, descriptors_max);
    let processes = plan.processes.max(needed).min(PROCESSES_MAX).min(plan.connections).max(1);
    // Processes that were not asked for do not multiply the threads that were.
    let threads = if needed > plan.processes {
        (plan.threads * plan.processes.max(1) / processes).max(1)
    } else {
        plan.threads
    };
    let connections_total = plan.connections;
    let mut before = 0;
    (0..processes)
        .map(|process| {
            let active = part(plan.active, process, processes);
            let plan = Plan {
                connections: part(plan.connections, process, processes),
                active,
                pace: pace(plan, active),
                length: length(plan, before, active),
                threads,
                processes: 1,
                seed: plan
                    .seed
                    .wrapping_add(u64::from(process).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                ..plan.clone()
            };
            before += active;
            Share {
                sources: sources(&plan.address, process),
                plan,
                process,
                processes,
                connections_total,
                connection_first: u64::from(process) * CONNECTION_NUMBERS,
                thread_first: process * threads,
            }
        })
        .collect()
}

/// The first ones have one more. For two amounts of which the first is not larger, no part of the
/// first is larger than the same part of the second.
fn part(amount: u32, process: u32, processes: u32) -> u32 {
    amount / processes + u32::from(process < amount % processes)
}

fn pace(plan: &Plan, active: u32) -> Pace {
    match plan.pace {
        Pace::Closed => Pace::Closed,
        Pace::Open { rate_per_s, arrivals } => {
            let share = f64::from(active) / f64::from(plan.active.max(1));
            Pace::Open { rate_per_s: rate_per_s * share, arrivals }
        }
    }
}

/// Messages are shared out by active connections, and not one is lost by rounding.
fn length(plan: &Plan, before: u32, active: u32) -> Length {
    let Length::Messages(messages) = plan.length else { return plan.length };
    let up_to = |connections: u32| {
        let all = u128::from(plan.active.max(1));
        let up_to = u128::from(messages) * u128::from(connections) / all;
        u64::try_from(up_to).unwrap_or(u64::MAX)
    };
    Length::Messages(up_to(before + active) - up_to(before))
}

fn sources(service: &Address, process: u32) -> Sources {
    let ip = match service {
        Address::Tcp(address) | Address::Udp(address) => address.ip(),
        Address::Unix(_) => return Sources::System,
    };
    match (ip, u8::try_from(process + 1)) {
        (IpAddr::V4(ip), Ok(net)) if ip.is_loopback() => Sources::Loopback { net },
        // IPv6 has one loopback address, and other addresses of this machine are not ours to spread
        // over without being asked.
        _ => Sources::System,
    }
}

/// A plan for the tests of this room.
#[cfg(test)]
pub(super) fn test_plan(connections: u32, active: u32, processes: u32) -> Plan {
    use crate::load::plan::{Arrivals, Call, Io, Sizes};
    use std::time::Duration;

    Plan {
        url: "tcp://localhost:5001".into(),
        address: Address::Tcp("127.0.0.1:5001".parse().expect("an address")),
        call: Call::Echo,
        connections,
        active,
        depth: 1,
        pace: Pace::Open { rate_per_s: 1000.0, arrivals: Arrivals::Even },
        sizes: Sizes::Fixed(64),
        messages_per_connection: None,
        ramp_up_s: Duration::ZERO,
        warm_up_s: Duration::ZERO,
        length: Length::Messages(1_000_003),
        until: None,
        reply_timeout_s: Duration::from_secs(5),
        connect_timeout_s: Duration::from_secs(5),
        threads: 2,
        pin: Vec::new(),
        processes,
        io: Io::Auto,
        seed: 7,
        server_pid: None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::test_plan as plan;
    use super::*;

    #[test]
    fn a_process_is_added_when_descriptors_run_out() {
        assert_eq!(processes_needed(1, 20_000), 1);
        assert_eq!(processes_needed(19_800, 20_000), 1);
        assert_eq!(processes_needed(19_801, 20_000), 2);
        assert_eq!(processes_needed(100_000, 20_000), 6);
        assert_eq!(processes_needed(5, 0), 5);
    }

    #[test]
    fn processes_that_were_not_asked_for_do_not_multiply_threads() {
        let threads = |plan, descriptors| {
            let shares = shares(&plan, descriptors);
            (shares.len(), shares.iter().map(|share| share.plan.threads).sum::<u32>())
        };
        assert_eq!(threads(plan(10, 10, 1), 20_000), (1, 2));
        assert_eq!(threads(plan(10, 10, 3), 20_000), (3, 6));
        assert_eq!(threads(plan(30_000, 10, 1), 20_000), (2, 2));
        assert_eq!(threads(plan(100_000, 10, 1), 20_000), (6, 6));
    }

    #[test]
    fn no_two_processes_share_an_address_a_thread_or_a_number() {
        let shares = shares(&plan(100_000, 1000, 1), 20_000);
        let mut seen = HashSet::new();
        for share in &shares {
            for number in [0, 1, 64_999] {
                assert!(seen.insert(share.sources.address(number)), "{share:?}");
            }
        }
        assert!(seen.iter().flatten().all(IpAddr::is_loopback));
        assert_eq!(shares[0].sources.address(0), Some([127, 1, 0, 1].into()));
        assert_eq!(shares[5].sources.address(299), Some([127, 6, 1, 44].into()));
        assert_eq!(shares[1].sources.address(65_000), shares[1].sources.address(0));
        let firsts: Vec<_> = shares.iter().map(|share| share.thread_first).collect();
        assert_eq!(firsts, [0, 1, 2, 3, 4, 5]);
        assert_eq!(shares[2].connection_first, 2 << 40);
    }

    #[test]
    fn only_loopback_has_addresses_to_spread_over() {
        for address in ["[::1]:9", "192.0.2.1:9"] {
            let address = Address::Tcp(address.parse().expect("an address"));
            assert_eq!(sources(&address, 3), Sources::System);
        }
        assert_eq!(sources(&Address::Unix("@name".into()), 0).address(0), None);
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_plan(
            connections in 1_u32..200_000,
            active in 1_u32..200_000,
            asked in 1_u32..300,
        ) {
            let whole = plan(connections, active.min(connections), asked);
            let shares = shares(&whole, 20_000);
            let plans = || shares.iter().map(|share| &share.plan);
            let sum = |of: fn(&Plan) -> u64| plans().map(of).sum::<u64>();
            prop_assert_eq!(sum(|plan| plan.connections.into()), u64::from(whole.connections));
            prop_assert_eq!(sum(|plan| plan.active.into()), u64::from(whole.active));
            prop_assert_eq!(sum(|plan| match plan.length {
                Length::Messages(messages) => messages,
                Length::For(_) => 0,
            }), 1_000_003);
            let mut rate = 0.0;
            for share in &shares {
                prop_assert!(share.plan.active <= share.plan.connections);
                prop_assert!(share.plan.connections >= 1);
                if let Pace::Open { rate_per_s, .. } = share.plan.pace {
                    rate += rate_per_s;
                }
            }
            prop_assert!((rate - 1000.0).abs() < 1e-6);
        }
    }
}
