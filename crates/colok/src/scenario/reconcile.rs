//! Accounts from both ends of each connection, held against each other: sent = received + lost.
//!
//! Ends are found by their addresses in the logs of clients, servers and relays. A relay is the
//! server of one connection and the client of another; what it does between them is its own
//! business, but each of the two must add up like any other. Pure: only what was told counts.

mod ends;
mod routes;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use ends::{End, Key, Side, ends};
pub use routes::{HostAddresses, Route, Way, paths};

use super::record::{Connection, Flow};

/// What a program told in its log.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The step that started it.
    pub step: &'a str,
    /// Its host.
    pub host: &'a str,
    /// The lines of its log.
    pub events: &'a [Value],
}

/// The connections of a case that at least one end told of, in the order in which they were told.
pub fn connections(told: &[Told<'_>]) -> Vec<Connection> {
    let all: Vec<End> = told.iter().flat_map(ends).collect();
    let mut servers: BTreeMap<&Key, VecDeque<usize>> = BTreeMap::new();
    for (number, end) in all.iter().enumerate().filter(|(_, end)| end.side == Side::Server) {
        servers.entry(&end.key).or_default().push_back(number);
    }
    let mut paired = vec![false; all.len()];
    let mut connections = Vec::new();
    for client in all.iter().filter(|end| end.side == Side::Client) {
        // Ports come back: the connections of one pair of addresses are in the same order at both.
        let number = servers.get_mut(&client.key).and_then(VecDeque::pop_front);
        if let Some(number) = number {
            paired[number] = true;
        }
        connections.push(connection(Some(client), number.map(|number| &all[number])));
    }
    for (server, paired) in all.iter().zip(&paired) {
        if server.side == Side::Server && !paired {
            connections.push(connection(None, Some(server)));
        }
    }
    connections
}

fn connection(client: Option<&End>, server: Option<&End>) -> Connection {
    let key = client.or(server).map(|end| end.key.clone()).unwrap_or_default();
    let (up, up_agrees) = flow(client, server);
    let (down, down_agrees) = flow(server, client);
    Connection {
        client: client.map(|end| end.step.clone()),
        server: server.map(|end| end.step.clone()),
        client_address: key.client,
        server_address: key.server,
        up,
        down,
        closed: server.and_then(|end| end.reason.clone()),
        agrees: match (up_agrees, down_agrees) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
    }
}

/// What went from one end to the other, and whether the accounts of its two ends agree.
fn flow(from: Option<&End>, to: Option<&End>) -> (Flow, Option<bool>) {
    let sent = from.and_then(|end| end.sent);
    let received = to.and_then(|end| end.received);
    let flow = Flow {
        sent,
        received,
        lost: sent.zip(received).and_then(|(sent, received)| sent.checked_sub(received)),
        sent_blake3: from.and_then(|end| end.sent_blake3.clone()),
        received_blake3: to.and_then(|end| end.received_blake3.clone()),
    };
    let (Some(from), Some(to)) = (from, to) else { return (flow, None) };
    if sent.is_none() || received.is_none() || !from.knows() || !to.knows() {
        return (flow, None);
    }
    let agrees = match flow.lost {
        // More was received than was sent.
        None => false,
        Some(0) => match (&flow.sent_blake3, &flow.received_blake3) {
            (Some(sent), Some(received)) => sent == received,
            _ => true,
        },
        // Whoever read to the end of a stream has read all of it.
        Some(_) => !to.read_to_the_end(),
    };
    (flow, Some(agrees))
}
