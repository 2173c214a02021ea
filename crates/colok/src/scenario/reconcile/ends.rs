//! Ends of connections, as the logs of programs tell of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;

use super::Told;

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// It connected.
    Client,
    /// It accepted.
    Server,
}

/// What makes a connection the same at both ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// The host, for connections that cannot leave it: every host has the same loopback addresses.
    pub(super) host: String,
    pub(super) client: String,
    pub(super) server: String,
}

/// One end of a connection.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) step: String,
    pub(super) side: Side,
    pub(super) key: Key,
    /// Of a relay: its reasons are about both of its connections.
    relay: bool,
    pub(super) reason: Option<String>,
    pub(super) sent: Option<u64>,
    pub(super) received: Option<u64>,
    pub(super) sent_blake3: Option<String>,
    pub(super) received_blake3: Option<String>,
}

impl End {
    /// Whether its account is its own: that of a worker process that died is not.
    pub(super) fn knows(&self) -> bool {
        self.reason.as_deref() != Some("worker-lost")
    }

    /// Whether it was closed because the other end had ended, in order, what it sent.
    pub(super) fn read_to_the_end(&self) -> bool {
        !self.relay && self.reason.as_deref() == Some("peer-closed")
    }
}

/// What was told of one connection of a program.
#[derive(Default)]
struct Story<'a> {
    accepted: Option<&'a Value>,
    connected: Option<&'a Value>,
    closed: Option<&'a Value>,
}

/// The ends that a program told of, in the order of its connections. Datagrams have none: their
/// connection is 0.
pub(super) fn ends(told: &Told<'_>) -> Vec<End> {
    let mut stories: BTreeMap<u64, Story<'_>> = BTreeMap::new();
    for event in told.events {
        let Some(number) = event["connection"].as_u64().filter(|number| *number > 0) else {
            continue;
        };
        let story = match event["event"].as_str() {
            Some("accepted" | "connected" | "closed") => stories.entry(number).or_default(),
            _ => continue,
        };
        match event["event"].as_str() {
            Some("accepted") => story.accepted = Some(event),
            Some("connected") => story.connected = Some(event),
            _ => story.closed = Some(event),
        }
    }
    stories.values().flat_map(|story| ends_of(told, story)).collect()
}

fn ends_of(told: &Told<'_>, story: &Story<'_>) -> Vec<End> {
    let closed = story.closed;
    let relay = closed.is_some_and(|closed| !closed["up_received"].is_null());
    let sides = [(Side::Server, story.accepted), (Side::Client, story.connected)];
    let end = |(side, opened): (Side, Option<&Value>)| {
        let key = key(told.host, side, opened?)?;
        // Of a relay, what came up was received from the client and sent to the server.
        let (sent, received) = match (relay, side) {
            (false, _) => ("bytes_sent", "bytes_received"),
            (true, Side::Server) => ("down_sent", "up_received"),
            (true, Side::Client) => ("up_sent", "down_received"),
        };
        let hash_of = |field: &str| format!("{}_blake3", field.trim_start_matches("bytes_"));
        let number = |field: &str| closed.and_then(|closed| closed[field].as_u64());
        let text = |field: &str| Some(closed?[field].as_str()?.to_owned());
        Some(End {
            step: told.step.to_owned(),
            side,
            key,
            relay,
            reason: text("reason"),
            sent: number(sent),
            received: number(received),
            sent_blake3: text(&hash_of(sent)),
            received_blake3: text(&hash_of(received)),
        })
    };
    sides.into_iter().filter_map(end).collect()
}

fn key(host: &str, side: Side, opened: &Value) -> Option<Key> {
    let local = opened["local"].as_str()?;
    let remote = opened["remote"].as_str()?;
    let (client, server) = match side {
        Side::Client => (local, remote),
        Side::Server => (remote, local),
    };
    let stays = [client, server]
        .iter()
        .all(|address| address_of(address).is_none_or(|address| address.ip().is_loopback()));
    let host = if stays { host.to_owned() } else { String::new() };
    Some(Key { host, client: normal(client), server: normal(server) })
}

/// An address in one form: without a scheme, IPv4 as IPv4, without the scope of a link.
fn normal(address: &str) -> String {
    address_of(address).map_or_else(|| bare(address).to_owned(), |address| address.to_string())
}

fn bare(address: &str) -> &str {
    address.split_once("://").map_or(address, |(_, rest)| rest)
}

pub(super) fn address_of(address: &str) -> Option<SocketAddr> {
    let address: SocketAddr = bare(address).parse().ok()?;
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}
