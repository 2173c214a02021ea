//! What a scenario file says, as types. Every key is here, and nowhere else.
//!
//! These types only hold what was written: nothing is started, looked up or filled in. Unknown
//! keys are refused. Texts may hold placeholders such as `{server}` and `{port}`, which are filled
//! in for each case.

mod action;
mod at;
mod expect;
mod values;

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Deserialize;

pub use action::{Action, DEFAULT_HOST};
pub use at::At;
pub use expect::{EventExpect, Expect, FileExpect};
pub use values::{Length, Limit, Numbers, OneOrMany, Size, Times, Words};

use crate::relay::Fault;

/// A scenario: one file.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What must hold, in one line.
    pub title: String,
    /// More about it, for readers.
    #[serde(default)]
    pub about: String,
    /// Where it is demanded: a paper, an RFC, a ticket.
    #[serde(default)]
    pub source: String,
    /// Words to choose it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Variables and the values that each takes; every combination is a case of its own, and
    /// `{name}` is filled in.
    #[serde(default)]
    pub matrix: BTreeMap<String, Vec<String>>,
    /// What a computer must have, or the scenario is skipped: `namespaces`, `ipv6`, or the name of
    /// a program.
    #[serde(default)]
    pub needs: Vec<String>,
    /// How long one case may take (default 60 s). A case that takes longer is `unknown`.
    pub time_limit: Option<At<Length>>,
    /// The computers, by name. Without any there is one, called `host`.
    #[serde(default)]
    pub hosts: BTreeMap<String, HostSpec>,
    /// What connects them.
    #[serde(default)]
    pub network: NetworkSpec,
    /// Files that are there before the first step.
    #[serde(default, rename = "file")]
    pub files: Vec<At<FileSpec>>,
    /// What happens, in order.
    #[serde(rename = "step")]
    pub steps: Vec<At<Step>>,
}

/// A computer.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostSpec {
    /// Where it is (default: a network namespace).
    #[serde(default)]
    pub kind: HostKind,
    /// Its IPv4 address, in the subnet of the network (default: the next free one, in the order of
    /// names).
    pub address: Option<IpAddr>,
    /// The size of its disk; without it files share the memory of all hosts.
    pub disk: Option<At<Size>>,
}

/// Where a host is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HostKind {
    /// A network namespace of its own, on a bridge with the other ones.
    #[default]
    Netns,
    /// This computer itself, with its own loopback and its own ports.
    Local,
}

/// The network between the hosts.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// Its IPv4 subnet (default 10.99.0.0/24).
    pub subnet: Option<At<String>>,
    /// The largest packet (default 1500).
    pub mtu: Option<u32>,
}

/// A file to make.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// Where: below the folder of the host.
    pub path: String,
    /// On which host (default: on every one).
    pub host: Option<At<String>>,
    /// Its text, exactly; placeholders are not filled in.
    pub text: Option<String>,
    /// Or its size: bytes that depend on the seed.
    pub size: Option<At<Size>>,
    /// Its permissions, in octal (default `0644`).
    pub mode: Option<At<String>>,
}

/// One step. It has exactly one of `run`, `start`, `relay`, `fault`, `clear`, `wait`, `stop`,
/// `write`, `pause`, or only `expect`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name, unique in the scenario (default: its action and its number).
    pub name: Option<At<String>>,
    /// On which host (default: the only one).
    pub host: Option<At<String>>,

    /// Run a program to its end. `colok` is this very program.
    pub run: Option<At<Words>>,
    /// Start a program that stays: it is stopped with SIGTERM at the end of the scenario.
    pub start: Option<At<Words>>,
    /// Start a relay, with faults.
    pub relay: Option<At<RelayStep>>,
    /// Break something.
    pub fault: Option<At<FaultStep>>,
    /// End the fault of that step; for a relay, its faults.
    pub clear: Option<At<String>>,
    /// Wait for a started program: until `expect` holds, or else until it has ended.
    pub wait: Option<At<String>>,
    /// Stop a started program (SIGTERM) and wait for its end; `expect` is about all that it did.
    pub stop: Option<At<String>>,
    /// Make a file.
    pub write: Option<At<FileSpec>>,
    /// Let time pass. Better: `wait`.
    pub pause: Option<At<Length>>,

    /// Neighbouring steps with the same word begin together.
    pub at_once: Option<At<String>>,
    /// So many copies of `run` at once; `{number}` is 1, 2, 3... `expect` holds for each.
    pub copies: Option<At<u32>>,
    /// What it reads on standard input (default: nothing, at its end at once).
    pub stdin: Option<String>,
    /// A file that it reads on standard input.
    pub stdin_file: Option<At<String>>,
    /// Variables of its environment, besides those of the runner.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Where it runs: below the folder of the host (default: there).
    pub directory: Option<String>,
    /// When a started program is ready (default: `colok serve` and `colok relay` when they listen,
    /// others at once).
    pub ready: Option<At<Ready>>,
    /// A fault: it may have only so many descriptors.
    pub descriptors: Option<At<u64>>,
    /// A fault: it runs without the rights of root.
    #[serde(default)]
    pub unprivileged: bool,
    /// The language of colok's messages (default `en`).
    pub language: Option<At<String>>,
    /// How long it may take (default 30 s). Longer than that is `unknown`, unless `expect.time`
    /// says that it is wrong.
    pub time_limit: Option<At<Length>>,
    /// What must be seen.
    pub expect: Option<Expect>,
}

/// When a started program is ready.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// When it listens on this TCP port.
    pub listens: Option<At<String>>,
    /// When its output matches this pattern (`*` any bytes, `?` one).
    pub prints: Option<At<String>>,
}

/// A relay: `colok relay LISTEN TARGET`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RelayStep {
    /// Where it listens, as a URL.
    pub listen: At<String>,
    /// Where it forwards to, as a URL.
    pub target: At<String>,
    /// What it does to the traffic from the beginning.
    #[serde(default)]
    pub faults: Vec<At<Fault>>,
}

/// Something that is broken on purpose: exactly one of these.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultStep {
    /// Give a running relay these faults, instead of those it has.
    pub relay: Option<At<RelayFaults>>,
    /// Drop packets in the kernel, silently.
    pub drop: Option<At<Drop>>,
    /// Take the network link of this host away.
    pub link_down: Option<At<String>>,
    /// Slow the link of a host down.
    pub rate: Option<At<LinkRate>>,
    /// Send a signal to a started program: `KILL`, `STOP`, `CONT`, `TERM`, `INT`...
    pub signal: Option<At<Signal>>,
    /// Fill the disk of this host, which must have a `disk`.
    pub fill_disk: Option<At<String>>,
    /// Take an address of this host, as another program would.
    pub hold_address: Option<At<HeldAddress>>,
}

/// New faults for a relay.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RelayFaults {
    /// The step that started it.
    pub of: At<String>,
    /// What it does from now on.
    pub faults: Vec<At<Fault>>,
}

/// Packets to drop (nftables, with a counter).
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drop {
    /// On which host.
    pub host: At<String>,
    /// Packets that come `in` or go `out` (default `in`).
    #[serde(default)]
    pub way: Way,
    /// Of which protocol.
    pub protocol: Protocol,
    /// To which port (default: any).
    pub port: Option<At<Numbers>>,
}

/// Which way a packet goes, seen from its host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// It comes.
    #[default]
    In,
    /// It goes.
    Out,
}

/// A protocol above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A slow link (TBF).
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkRate {
    /// Of which host: what it sends.
    pub host: At<String>,
    /// Bytes a second: `125K`, `1M`.
    pub bytes_per_second: At<Size>,
}

/// A signal to send.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// To the program that this step started.
    pub to: At<String>,
    /// Its name, without `SIG`.
    pub name: At<String>,
}

/// An address that is taken.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeldAddress {
    /// On which host.
    pub host: At<String>,
    /// The address, as a URL.
    pub address: At<String>,
}
