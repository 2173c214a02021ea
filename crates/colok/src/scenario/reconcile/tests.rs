//! Accounts that add up, that do not, and that cannot be held against each other.

use serde_json::{Value, json};

use super::*;
use crate::scenario::reconcile::{HostAddresses, Route, Way};

fn told<'a>(step: &'a str, events: &'a [Value]) -> Told<'a> {
    Told { step, host: step, events }
}

fn client(number: u64, local: &str, remote: &str, sent: u64, received: u64) -> Vec<Value> {
    vec![
        json!({"event": "connected", "connection": number, "local": local, "remote": remote}),
        json!({
            "event": "closed", "connection": number, "local": local, "remote": remote,
            "reason": "input-sent", "bytes_sent": sent, "bytes_received": received,
            "sent_blake3": format!("up{sent}"), "received_blake3": format!("down{received}"),
        }),
    ]
}

fn server(number: u64, local: &str, remote: &str, sent: u64, received: u64) -> Vec<Value> {
    vec![
        json!({"event": "accepted", "connection": number, "local": local, "remote": remote}),
        json!({
            "event": "closed", "connection": number, "local": local, "remote": remote,
            "reason": "peer-closed", "bytes_sent": sent, "bytes_received": received,
            "sent_blake3": format!("down{sent}"), "received_blake3": format!("up{received}"),
        }),
    ]
}

const HERE: &str = "10.99.0.1:4000";
const THERE: &str = "10.99.0.2:7";

fn one(client: &[Value], server: &[Value]) -> Connection {
    let all = connections(&[told("c", client), told("s", server)]);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

#[test]
fn accounts_that_add_up_agree() {
    let mapped = server(7, "[::ffff:10.99.0.2]:7", "[::ffff:10.99.0.1]:4000", 3, 6);
    let connection = one(&client(1, HERE, THERE, 6, 3), &mapped);
    assert_eq!(connection.agrees, Some(true));
    assert_eq!(connection.client.as_deref(), Some("c"));
    assert_eq!(connection.server.as_deref(), Some("s"));
    assert_eq!(
        (connection.client_address.as_str(), connection.server_address.as_str()),
        (HERE, THERE)
    );
    assert_eq!(connection.closed.as_deref(), Some("peer-closed"));
    let up = connection.up;
    assert_eq!((up.sent, up.received, up.lost), (Some(6), Some(6), Some(0)));
    assert_eq!(up.sent_blake3.as_deref(), Some("up6"));
    assert_eq!(connection.down.received_blake3.as_deref(), Some("down3"));
}

#[test]
fn contradictions_are_found() {
    let agrees = |sent, received, change: &dyn Fn(&mut Value)| {
        let mut server = server(1, THERE, HERE, 3, received);
        change(&mut server[1]);
        one(&client(1, HERE, THERE, sent, 3), &server).agrees
    };
    assert_eq!(agrees(6, 6, &|_| ()), Some(true));
    assert_eq!(agrees(6, 7, &|_| ()), Some(false), "more than was sent");
    assert_eq!(agrees(6, 5, &|_| ()), Some(false), "it read to the end");
    assert_eq!(agrees(6, 5, &|closed| closed["reason"] = json!("io(104)")), Some(true));
    assert_eq!(agrees(6, 5, &|closed| closed["reason"] = json!("quit")), Some(true));
    assert_eq!(agrees(6, 6, &|closed| closed["received_blake3"] = json!("x")), Some(false));
    assert_eq!(agrees(6, 6, &|closed| closed["received_blake3"] = Value::Null), Some(true));
    assert_eq!(agrees(6, 0, &|closed| closed["reason"] = json!("worker-lost")), None);
    assert_eq!(agrees(6, 0, &|closed| closed["bytes_received"] = Value::Null), None);
}

#[test]
fn an_end_that_was_not_told_decides_nothing() {
    let alone = connections(&[told("c", &client(1, HERE, THERE, 6, 3))]);
    assert_eq!((alone[0].agrees, alone[0].server.as_deref()), (None, None));
    assert_eq!(alone[0].up.sent, Some(6));
    let alone = connections(&[told("s", &server(1, THERE, HERE, 3, 6))]);
    assert_eq!((alone[0].agrees, alone[0].client.as_deref()), (None, None));
    let killed = &server(1, THERE, HERE, 3, 6)[..1];
    assert_eq!(one(&client(1, HERE, THERE, 6, 3), killed).agrees, None);
    let datagram = json!({"event": "message", "connection": 0, "remote": HERE});
    assert!(connections(&[told("s", &[datagram])]).is_empty());
    assert!(connections(&[]).is_empty());
}

#[test]
fn a_port_that_comes_back_is_another_connection() {
    let clients = [client(1, HERE, THERE, 6, 0), client(2, HERE, THERE, 8, 0)].concat();
    let servers = [server(1, THERE, HERE, 0, 6), server(2, THERE, HERE, 0, 8)].concat();
    let all = connections(&[told("c", &clients), told("s", &servers)]);
    assert!(all.iter().all(|one| one.agrees == Some(true)), "{all:?}");
    assert_eq!(all.len(), 2);
}

#[test]
fn loopback_stays_on_its_host() {
    let (here, there) = ("127.0.0.1:4000", "127.0.0.1:7");
    let client = client(1, here, there, 6, 0);
    let server = server(1, there, here, 0, 5);
    let both = |host| {
        let server = Told { step: "s", host, events: &server };
        connections(&[Told { step: "c", host: "a", events: &client }, server])
    };
    assert_eq!(both("b").len(), 2);
    assert_eq!(both("a").len(), 1);
}

#[test]
fn a_relay_is_a_server_and_a_client() {
    let (relay_in, relay_out) = ("10.99.0.3:70", "10.99.0.3:5000");
    let relay = vec![
        json!({"event": "accepted", "connection": 1, "local": relay_in, "remote": HERE}),
        json!({"event": "connected", "connection": 1, "local": relay_out, "remote": THERE}),
        json!({
            "event": "closed", "connection": 1, "reason": "cut",
            "up_received": 6, "up_sent": 4, "down_sent": 0, "down_received": 9,
            "up_received_blake3": "up6", "up_sent_blake3": "up4",
        }),
    ];
    let client = client(1, HERE, relay_in, 6, 0);
    let server = server(1, THERE, relay_out, 9, 4);
    let told = [told("c", &client), told("r", &relay), told("s", &server)];
    let all = connections(&told);
    assert_eq!(all.len(), 2, "{all:?}");
    let ends = |one: &Connection| (one.client.clone(), one.server.clone(), one.agrees);
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(ends(&all[0]), (name("c"), name("r"), Some(true)));
    assert_eq!(ends(&all[1]), (name("r"), name("s"), Some(true)));
    assert_eq!(
        (all[0].up.received, all[1].up.sent, all[1].down.received),
        (Some(6), Some(4), Some(9))
    );
}

fn route(from: &str, to: &str, address: &str, interface: &str, packets: u64) -> Route {
    let way = Way {
        interface: interface.to_owned(),
        source: "10.99.0.1".parse().expect("it is an address"),
        mtu: 1500,
    };
    Route {
        from: from.to_owned(),
        to: to.to_owned(),
        address: address.parse().expect("it is an address"),
        way: Ok(way),
        packets,
    }
}

#[test]
fn paths_are_proved_where_something_was_said() {
    let hosts =
        [("c", "10.99.0.1"), ("s", "10.99.0.2"), ("x", "10.99.0.3")].map(|(name, address)| {
            HostAddresses {
                name: name.to_owned(),
                addresses: vec![address.parse().expect("it is an address")],
            }
        });
    let client = client(1, HERE, THERE, 6, 0);
    let told = [told("c", &client)];
    let proved = |route: Route| paths(&told, &hosts, &[route]).first().map(|path| path.proved);
    assert_eq!(proved(route("c", "s", "10.99.0.2", "eth0", 9)), Some(Some(true)));
    assert_eq!(proved(route("s", "c", "10.99.0.1", "eth0", 9)), Some(Some(true)), "and back");
    assert_eq!(proved(route("c", "s", "10.99.0.2", "eth0", 0)), Some(Some(false)));
    assert_eq!(proved(route("c", "s", "10.99.0.2", "lo", 9)), Some(Some(false)));
    assert_eq!(proved(route("c", "x", "10.99.0.3", "eth0", 9)), Some(None));
    assert_eq!(proved(route("c", "s", "fd00::2", "eth0", 9)), None, "nobody spoke IPv6");
    let unknown = Route { way: Err("no route".to_owned()), ..route("c", "s", "10.99.0.2", "", 9) };
    assert_eq!(proved(unknown), Some(Some(false)));
    let path = &paths(&told, &hosts, &[route("c", "s", "10.99.0.2", "eth0", 9)])[0];
    assert_eq!((path.source.as_str(), path.mtu, path.packets), ("10.99.0.1", 1500, 9));
}
