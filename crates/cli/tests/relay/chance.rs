//! What is done by chance depends on the seed and on nothing else.

use crate::support::{Relay, ask, echo, socket};

/// Which of 60 datagrams come, and how often.
fn datagrams(seed: &str) -> Vec<u8> {
    let (client, server) = (socket(), socket());
    let target = format!("udp://{}", server.local_addr().expect("it is bound"));
    let faults = ["lose=30%", "duplicate=20%", "reorder=20%"];
    let relay = Relay::start("udp://127.0.0.1:0", &target, &faults, &["--seed", seed]);
    for number in 0..60 {
        client.send_to(&[number], &relay.place).expect("it is sent");
    }
    // What ends it is sent until it comes: it may be lost as well.
    let mut came = Vec::new();
    let mut buffer = [0; 16];
    let wait = Some(std::time::Duration::from_millis(20));
    server.set_read_timeout(wait).expect("it is a socket");
    while came.last() != Some(&255) {
        match server.recv(&mut buffer) {
            Ok(_) => came.push(buffer[0]),
            Err(_) => drop(client.send_to(&[255], &relay.place)),
        }
    }
    came.retain(|number| *number != 255);
    came
}

/// Which of 40 connections are reset.
fn connections(seed: &str) -> Vec<bool> {
    let target = format!("tcp://{}", echo());
    let faults = ["reset=0 connections=50%"];
    let relay = Relay::start("tcp://127.0.0.1:0", &target, &faults, &["--seed", seed]);
    let mut reset = Vec::new();
    for _ in 0..40 {
        reset.push(ask(relay.connect()).1.is_some());
    }
    let count = reset.iter().filter(|it| **it).count();
    // Up or down, whichever is first: one connection is reset once.
    assert_eq!(relay.applied(), [count as u64]);
    reset
}

#[test]
fn the_same_seed_gives_the_same_datagrams() {
    let first = datagrams("7");
    assert_eq!(first, datagrams("7"));
    assert_ne!(first, datagrams("8"));
    assert!(first.len() > 30 && !first.is_sorted(), "{first:?}");
}

#[test]
fn the_same_seed_gives_the_same_connections() {
    let first = connections("7");
    assert_eq!(first, connections("7"));
    assert_ne!(first, connections("8"));
    assert!(first.contains(&true) && first.contains(&false));
}
