//! Faults of the network: they happen, they are proved by what the kernel counted, and they end.

use std::net::SocketAddr;

use colok::scenario::agent::KernelFault;
use colok::scenario::file::{Protocol, Way};
use colok::scenario::world::network;
use serde_json::{Value, json};

use super::Talk;
use super::agent::Task;

fn at(address: &str) -> SocketAddr {
    address.parse().expect("it is an address")
}

fn dropping(way: Way, protocol: Protocol, ports: &[(u16, u16)]) -> KernelFault {
    KernelFault::Drop { way, protocol, ports: ports.to_vec() }
}

fn say(port: u16, limit_ms: u64) -> Task {
    Task::Say { name: "10.99.0.2".into(), port, limit_ms }
}

/// One conversation from host 0 to host 1 succeeds.
fn talks(talk: &mut Talk, port: u16) {
    talk.does(1, &Task::Echo { address: at(&format!("0.0.0.0:{port}")) });
    talk.begin(0, &say(port, 20_000));
    let answers = [talk.next(), talk.next()];
    assert!(answers.iter().all(|(_, answer)| answer.is_ok()), "{answers:?}");
}

pub(crate) fn dropped_packets_are_counted() {
    let mut talk = Talk::with(2);
    let what = dropping(Way::In, Protocol::Tcp, &[(20_001, 20_001), (20_010, 20_019)]);
    talk.does(1, &Task::Begin { number: 1, what });
    assert_eq!(talk.does(1, &Task::Prove { number: 1 })["proved"], false);
    for port in [20_001, 20_010, 20_019] {
        talk.does(1, &Task::Echo { address: at(&format!("0.0.0.0:{port}")) });
        let silent = talk.has(0, &say(port, 300)).expect_err("nothing comes back");
        assert!(silent.contains("timed out"), "{silent}");
    }
    talks(&mut talk, 20_002);
    talks(&mut talk, 20_020);
    let proof = talk.does(1, &Task::End { number: 1 });
    assert_eq!(proof["proved"], true);
    let packets = proof["seen"]["packets_dropped"].as_u64().expect("it is counted");
    let bytes = proof["seen"]["bytes_dropped"].as_u64().expect("it is counted");
    assert!(packets >= 3 && bytes >= 3 * 40, "{proof}");
    talks(&mut talk, 20_021);
    // Two at once, of which each counts its own; without ports it is all of a protocol.
    let tcp = Task::Begin { number: 2, what: dropping(Way::In, Protocol::Tcp, &[(1, 1)]) };
    let udp = Task::Begin { number: 3, what: dropping(Way::In, Protocol::Udp, &[]) };
    talk.does(1, &tcp);
    talk.does(1, &udp);
    talk.does(0, &Task::Send { to: at("10.99.0.2:53"), bytes: 10, count: 7 });
    if colok::scenario::world::has_ipv6() {
        talk.does(0, &Task::Send { to: at("[fd00:636f:6c6f::2]:53"), bytes: 10, count: 5 });
    }
    let wanted = if colok::scenario::world::has_ipv6() { 12 } else { 7 };
    assert_eq!(talk.does(1, &Task::Prove { number: 3 })["seen"]["packets_dropped"], wanted);
    assert_eq!(talk.does(1, &Task::End { number: 2 })["proved"], false);
    assert_eq!(talk.does(1, &Task::End { number: 3 })["proved"], true);
}

pub(crate) fn what_goes_is_dropped_silently() {
    let mut talk = Talk::with(2);
    let what = dropping(Way::Out, Protocol::Udp, &[(20_001, 20_001)]);
    talk.does(0, &Task::Begin { number: 1, what });
    let sent = talk.has(0, &Task::Send { to: at("10.99.0.2:20001"), bytes: 10, count: 5 });
    assert_eq!(sent, Ok(json!("sent")), "the sender is not told");
    let proof = talk.does(0, &Task::End { number: 1 });
    assert_eq!(proof["seen"]["packets_dropped"], 5, "{proof}");
    let what = dropping(Way::Out, Protocol::Tcp, &[(20_002, 20_002)]);
    talk.does(0, &Task::Begin { number: 2, what });
    talk.does(1, &Task::Echo { address: at("0.0.0.0:20002") });
    let silent = talk.has(0, &say(20_002, 300)).expect_err("nothing comes back");
    assert!(silent.contains("timed out"), "{silent}");
    assert_eq!(talk.does(0, &Task::End { number: 2 })["proved"], true);
    talks(&mut talk, 20_003);
}

pub(crate) fn a_link_goes_down_and_comes_back() {
    let mut talk = Talk::with(2);
    talks(&mut talk, 20_001);
    talk.does(0, &Task::Begin { number: 1, what: KernelFault::LinkDown });
    let proof = talk.does(0, &Task::Prove { number: 1 });
    assert_eq!((&proof["proved"], &proof["seen"]["up"]), (&json!(true), &json!(false)), "{proof}");
    talk.has(0, &say(20_002, 300)).expect_err("there is no way");
    let proof = talk.does(0, &Task::End { number: 1 });
    assert_eq!(proof["proved"], true, "{proof}");
    assert_eq!(proof["seen"]["up_afterwards"], true, "{proof}");
    talks(&mut talk, 20_003);
    // All that was there before is there again.
    let mut ways =
        vec![("0.0.0.0:20004", "239.1.2.3:20004"), ("0.0.0.0:20005", "255.255.255.255:20005")];
    if colok::scenario::world::has_ipv6() {
        ways.push(("[::]:20006", "[fd00:636f:6c6f::2]:20006"));
    }
    for (listens, to) in ways {
        let group = to.starts_with("239").then(|| "239.1.2.3".parse().expect("plain"));
        talk.does(1, &Task::Listen { address: at(listens), group });
        talk.begin(0, &Task::Send { to: at(to), bytes: 10, count: 1 });
        let answers = [talk.next(), talk.next()];
        assert!(answers.iter().all(|(_, answer)| answer.is_ok()), "{answers:?}");
    }
}

pub(crate) fn a_slow_link_has_its_rate() {
    for (bytes_per_second, bytes) in [(200_000_u64, 300_000_usize), (20_000_000, 20_000_000)] {
        // A machine without time for us makes a link slower; it never makes one faster.
        let right = (0..10).any(|_| {
            let share = share_of_rate(bytes_per_second, bytes);
            println!("of {bytes_per_second} bytes a second: {share:.3}");
            assert!(share < 1.1, "{share}");
            share > 0.9
        });
        assert!(right, "it is slower than it should be");
    }
}

/// Sends over a slow link, and tells which share of its rate was used.
fn share_of_rate(bytes_per_second: u64, bytes: usize) -> f64 {
    /// So much of a packet of this size is payload (IPv4, TCP with time stamps).
    const PACKET: (f64, f64) = (1514.0, 1448.0);
    let mut talk = Talk::with(2);
    talk.does(0, &Task::Begin { number: 1, what: KernelFault::Rate { bytes_per_second } });
    talk.does(1, &Task::Take { address: at("0.0.0.0:20001"), bytes });
    talk.begin(0, &Task::Give { to: at("10.99.0.2:20001"), bytes });
    let mut answers = [talk.next(), talk.next()];
    answers.sort_by_key(|(host, _)| *host);
    let taken: &Value = answers[1].1.as_ref().expect("it came");
    let number = |name: &str| taken[name].as_f64().expect("it is a number");
    let proof = talk.does(0, &Task::End { number: 1 });
    assert_eq!(proof["proved"], true, "{proof}");
    assert!(proof["seen"]["waited"].as_u64() > Some(0), "{proof}");
    talks(&mut talk, 20_002);
    #[expect(clippy::cast_precision_loss, reason = "these are small")]
    let asked = bytes_per_second as f64;
    number("bytes") / number("seconds") * (PACKET.0 / PACKET.1) / asked
}

pub(crate) fn a_fault_without_effect_is_not_proved() {
    let mut talk = Talk::with(2);
    let faults = [
        dropping(Way::In, Protocol::Udp, &[]),
        dropping(Way::Out, Protocol::Udp, &[(7, 7)]),
        KernelFault::Rate { bytes_per_second: 1 << 40 },
    ];
    for (number, what) in (1..).zip(faults) {
        talk.does(0, &Task::Begin { number, what });
        assert_eq!(talk.does(0, &Task::End { number })["proved"], false);
    }
    talks(&mut talk, 20_001);
}

pub(crate) fn no_fault_is_made_outside_of_a_world() {
    let faults = [
        KernelFault::LinkDown,
        KernelFault::Rate { bytes_per_second: 1000 },
        dropping(Way::In, Protocol::Tcp, &[(1, 1)]),
    ];
    for what in faults {
        let refused = network::begin(1, &what).expect_err("this is not a world");
        assert!(refused.to_string().contains("no network of our own"), "{refused}");
    }
    let route = network::route([127, 0, 0, 1].into()).expect("there is loopback");
    assert_eq!(serde_json::to_value(route).expect("plain")["interface"], "lo");
    network::counters().expect("loopback counts");
}
