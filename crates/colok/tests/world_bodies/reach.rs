//! Hosts reach each other, and nothing else.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::agent::Task;
use super::{Talk, spec};
use colok::scenario::world::has_ipv6;

fn at(address: &str) -> SocketAddr {
    address.parse().expect("it is an address")
}

fn say(name: &str, port: u16) -> Task {
    Task::Say { name: name.into(), port, limit_ms: 20_000 }
}

pub(crate) fn hosts_talk_by_names_and_addresses() {
    let mut talk = Talk::with(2);
    let mut ways =
        vec![("0.0.0.0:20001", "h1", "10.99.0.2"), ("0.0.0.0:20001", "10.99.0.2", "10.99.0.2")];
    if has_ipv6() {
        ways.push(("[fd00:636f:6c6f::2]:20001", "h1.ipv6", "fd00:636f:6c6f::2"));
    }
    for (listens, name, reached) in ways {
        assert_eq!(talk.does(1, &Task::Echo { address: at(listens) }), json!("listening"));
        talk.begin(0, &say(name, 20001));
        let mut answers = [talk.next(), talk.next()];
        answers.sort_by_key(|(host, _)| *host);
        let said = answers[0].1.as_ref().expect("it was answered");
        assert_eq!(said, &json!({"answer": "hello", "at": reached}));
        let from = if reached.contains(':') { "fd00:636f:6c6f::1" } else { "10.99.0.1" };
        assert_eq!(answers[1].1, Ok(json!({"from": from})));
    }
    // A host reaches itself as well.
    talk.does(0, &Task::Echo { address: at("127.0.0.1:20002") });
    talk.begin(0, &say("127.0.0.1", 20002));
    let answers = [talk.answer(0), talk.answer(0)];
    assert!(answers.contains(&Ok(json!({"answer": "hello", "at": "127.0.0.1"}))), "{answers:?}");
}

pub(crate) fn names_and_addresses_of_outside_are_not_there() {
    /// `ENETUNREACH`.
    const UNREACHABLE: &str = "os error 101";
    let mut talk = Talk::with(2);
    let found = talk.does(0, &Task::Resolve { name: "h1".into() });
    assert_eq!(found, json!(["10.99.0.2"]));
    for name in ["localhost.example", "h2", "example.org"] {
        talk.has(0, &Task::Resolve { name: name.into() }).expect_err("nobody knows this name");
    }
    for address in ["192.0.2.1", "10.98.0.1", "127.0.0.1"] {
        let result = talk.has(0, &say(address, 20001));
        let wanted = if address == "127.0.0.1" { "os error 111" } else { UNREACHABLE };
        assert_eq!(result, Err(wanted.into()), "{address}");
    }
    if has_ipv6() {
        assert_eq!(talk.has(0, &say("2001:db8::1", 20001)), Err(UNREACHABLE.into()));
    }
}

pub(crate) fn multicast_and_broadcast_reach_three_hosts() {
    let group = "239.1.2.3".parse().expect("it is an address");
    let mut ways = vec![
        (Some(group), "0.0.0.0:20001", "239.1.2.3:20001"),
        (None, "0.0.0.0:20002", "10.99.0.255:20002"),
        (None, "0.0.0.0:20003", "255.255.255.255:20003"),
    ];
    if has_ipv6() {
        // All hosts of the link are in this group without joining it.
        ways.push((None, "[::]:20004", "[ff02::1%1000]:20004"));
    }
    let mut talk = Talk::with(4);
    for (group, listens, to) in ways {
        for host in 1..4 {
            let listen = Task::Listen { address: at(listens), group };
            assert_eq!(talk.does(host, &listen), json!("listening"));
        }
        assert_eq!(talk.does_alone(0, &Task::Send { to: at(to), bytes: 100, count: 1 }), 3, "{to}");
    }
}

impl Talk {
    /// Has a host send, and counts the others that tell of a datagram of 100 bytes.
    fn does_alone(&mut self, host: usize, task: &Task) -> usize {
        self.begin(host, task);
        let said: Vec<(usize, Value)> = (0..self.world.hosts.len())
            .map(|_| self.next())
            .map(|(from, answer)| (from, answer.expect("it was sent and it came")))
            .collect();
        said.iter().filter(|(from, answer)| *from != host && answer["bytes"] == 100).count()
    }
}

pub(crate) fn a_host_has_its_name_folder_and_disk() {
    /// `ENOSPC`.
    const FULL: &str = "os error 28";
    let mut spec = spec(2);
    spec.hosts[1].name = "client-1".into();
    spec.hosts[1].disk_bytes = Some(1 << 20);
    let mut talk = Talk::of(&spec);
    for (host, name) in [(0, "h0"), (1, "client-1")] {
        let who = talk.does(host, &Task::Who);
        assert_eq!(who["name"], name);
        assert_eq!(who["index"], "1000", "what /sys tells is of this network");
        assert_eq!(who["directory"], talk.world.hosts[host].folder.as_str());
        let beside = &talk.world.hosts[host].beside;
        assert_eq!(talk.world.hosts[host].folder, format!("{beside}/{name}"));
        assert!(beside.len() < 20, "{beside}: addresses of Unix sockets are short");
        assert!(!std::path::Path::new(&talk.world.hosts[host].folder).exists(), "only in there");
    }
    assert_eq!(talk.has(1, &Task::Write { bytes: 2 << 20 }), Err(FULL.into()));
    talk.does(1, &Task::Write { bytes: 1 << 19 });
    talk.does(0, &Task::Write { bytes: 2 << 20 });
}

pub(crate) fn routes_and_counters_tell_the_path() {
    let mut talk = Talk::with(2);
    let route = talk.does(0, &Task::Route { to: "10.99.0.2".parse().expect("plain") });
    assert_eq!(
        route,
        json!({"answer": "route", "interface": "eth0", "source": "10.99.0.1", "mtu": 1500})
    );
    let route = talk.does(0, &Task::Route { to: "127.0.0.1".parse().expect("plain") });
    assert_eq!(route["interface"], "lo");
    talk.has(0, &Task::Route { to: "192.0.2.1".parse().expect("plain") }).expect_err("no way");
    if has_ipv6() {
        let to = "fd00:636f:6c6f::2".parse().expect("plain");
        let route = talk.does(0, &Task::Route { to });
        assert_eq!(route["interface"], "eth0");
        assert_eq!(route["source"], "fd00:636f:6c6f::1");
    }
    let before = [talk.does(0, &Task::Counters), talk.does(1, &Task::Counters)];
    talk.does(0, &Task::Send { to: at("10.99.0.2:20001"), bytes: 1000, count: 50 });
    let after = [talk.does(0, &Task::Counters), talk.does(1, &Task::Counters)];
    let grew = |host: usize, what: &str| {
        after[host][what].as_u64().expect("a number")
            - before[host][what].as_u64().expect("a number")
    };
    assert!(grew(0, "packets_sent") >= 50 && grew(0, "bytes_sent") >= 50_000, "{after:?}");
    assert!(grew(1, "packets_received") >= 50 && grew(1, "bytes_received") >= 50_000, "{after:?}");
}

pub(crate) fn large_packets_pass_where_they_may() {
    let mut spec = spec(2);
    spec.mtu = 9000;
    let mut talk = Talk::of(&spec);
    let route = talk.does(0, &Task::Route { to: "10.99.0.2".parse().expect("plain") });
    assert_eq!(route["mtu"], 9000);
    talk.does(1, &Task::Listen { address: at("0.0.0.0:20001"), group: None });
    let before = talk.does(0, &Task::Counters);
    talk.begin(0, &Task::Send { to: at("10.99.0.2:20001"), bytes: 8900, count: 1 });
    let answers = [talk.next(), talk.next()];
    assert!(answers.contains(&(1, Ok(json!({"bytes": 8900, "from": "10.99.0.1"})))), "{answers:?}");
    let after = talk.does(0, &Task::Counters);
    let packets = |counters: &Value| counters["packets_sent"].as_u64().expect("a number");
    // Two questions for neighbours may be among them, and the router solicitation of a kernel.
    assert!(packets(&after) - packets(&before) < 6, "it went in one piece: {before} {after}");
}
