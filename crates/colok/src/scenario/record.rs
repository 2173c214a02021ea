//! What came of a run, as plain data: `run.json`. Its JSON schema is published.
//!
//! Verdicts are decided elsewhere (`judge`); this only holds them, with what they rest on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The form of the record; it changes when a reader of an older one would misread it.
pub const FORM: &str = "colok-check-1";

/// A run of scenarios.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// [`FORM`].
    pub form: String,
    /// The program and its version.
    pub tool: String,
    /// When it began, in microseconds since 1970.
    pub started_unix_us: u64,
    /// How long it took, in seconds.
    pub duration_s: f64,
    /// The command line.
    pub command: Vec<String>,
    /// What every random choice was made from.
    pub seed: u64,
    /// The computer of the runner.
    pub machine: Machine,
    /// Whether every case was run: `complete`, `interrupted`, or `killed` (made by `--recover`).
    pub outcome: Outcome,
    /// The cases, in the order of the scenarios.
    pub cases: Vec<Case>,
    /// How many of each verdict.
    pub totals: Totals,
    /// Every file of the evidence but this one.
    pub evidence: Vec<EvidenceFile>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every case was run or skipped.
    Complete,
    /// It was stopped.
    Interrupted,
    /// It was killed; this record was made afterwards.
    Killed,
}

/// A computer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Its kernel.
    pub kernel: String,
    /// How many processors it has.
    pub processors: u32,
    /// Whether the run had the rights of root.
    pub root: bool,
}

/// What was found out.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything held, every fault took effect, the path was the one meant.
    Pass,
    /// Something did not hold.
    Fail,
    /// A fault or the path was not proved: whatever was seen proves nothing.
    Invalid,
    /// Time ran out, which proves nothing.
    Unknown,
    /// It was not run.
    Skipped,
}

/// How many cases have each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Passed.
    pub pass: u32,
    /// Failed.
    pub fail: u32,
    /// Invalid.
    pub invalid: u32,
    /// Unknown.
    pub unknown: u32,
    /// Skipped.
    pub skipped: u32,
}

/// One scenario with one value for each variable, once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// `echo-quit`, `echo-quit[engine=events]`, `echo-quit[engine=events]#2`: unique in the run;
    /// also the name of its folder of evidence, with `,` and `=` as they are.
    pub id: String,
    /// The name of its scenario: the file without `.toml`.
    pub scenario: String,
    /// The scenario file, as it was found; built-in ones have `built-in:` before.
    pub file: String,
    /// The scenario's title.
    pub title: String,
    /// Where it is demanded.
    pub source: String,
    /// The value of each variable.
    pub variables: BTreeMap<String, String>,
    /// Which repetition it is, from 1.
    pub repetition: u32,
    /// What this case's random choices were made from.
    pub seed: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in one line, unless it passed.
    pub reason: String,
    /// When it began, in microseconds since 1970.
    pub started_unix_us: u64,
    /// How long it took, in seconds.
    pub duration_s: f64,
    /// The computers it used.
    pub hosts: Vec<Host>,
    /// What was done, in the order it began.
    pub steps: Vec<StepRecord>,
    /// Every expectation and what was seen.
    pub checks: Vec<Check>,
    /// Every fault and its proof.
    pub faults: Vec<FaultRecord>,
    /// Which way packets went.
    pub paths: Vec<Path>,
    /// Every connection that was seen at both ends, and its bytes.
    pub connections: Vec<Connection>,
    /// Lengths of time of replies and connections, for plots: what clients told.
    pub latencies: Vec<Latency>,
}

/// A computer of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// `netns` or `local`.
    pub kind: String,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Its kernel.
    pub kernel: String,
}

/// A step as it went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepRecord {
    /// Its name; copies have `/1`, `/2`... after it.
    pub name: String,
    /// Its host; empty for steps of the runner itself.
    pub host: String,
    /// `run`, `start`, `relay`, `fault`, `clear`, `wait`, `stop`, `write`, `pause`, `expect`.
    pub action: String,
    /// What was done, for people: the command line, the fault.
    pub text: String,
    /// The line of the scenario file.
    pub line: u32,
    /// When it began, in seconds after the case began.
    pub start_s: f64,
    /// When it ended; `None`: it did not.
    pub end_s: Option<f64>,
    /// Its exit code, if it is a program that ended by itself.
    pub exit: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<String>,
    /// Why it could not be done.
    pub error: Option<String>,
    /// Whether its time ran out.
    pub timed_out: bool,
    /// Its standard output.
    pub stdout: Output,
    /// Its standard error.
    pub stderr: Output,
    /// The file of its events, in the evidence.
    pub events: Option<String>,
    /// How many events there are.
    pub event_count: u64,
}

/// What a program wrote.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Output {
    /// How many bytes.
    pub bytes: u64,
    /// Their BLAKE3 hash, in hexadecimal; empty when there were none.
    pub blake3: String,
    /// Their beginning, made printable, for transcripts.
    pub text: String,
    /// Whether `text` is not all.
    pub shortened: bool,
    /// The file that has all of it (64 MiB at most), in the evidence.
    pub file: Option<String>,
}

/// An expectation and what was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// The step it is about.
    pub step: String,
    /// The key: `exit`, `stdout`, `events`, `figures.summary.lost`...
    pub key: String,
    /// What was expected.
    pub expected: String,
    /// What was seen.
    pub got: String,
    /// The line of the scenario file.
    pub line: u32,
    /// `pass`, `fail`, or `unknown` when it could not be seen.
    pub verdict: Verdict,
    /// How many wrong forms of it were tried on the same evidence, and how many of them failed, as
    /// they must.
    pub mutations: Mutations,
}

/// Wrong forms of an expectation, tried on what was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mutations {
    /// How many were tried.
    pub tried: u32,
    /// How many failed.
    pub failed: u32,
}

/// A fault and its proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultRecord {
    /// The step that made it.
    pub step: String,
    /// Where: a host, a relay, a program.
    pub place: String,
    /// What, for people.
    pub text: String,
    /// When it began, in seconds after the case began; `None`: it never did.
    pub start_s: Option<f64>,
    /// When it ended; `None`: with the case.
    pub end_s: Option<f64>,
    /// Whether it took effect.
    pub proved: bool,
    /// What proves it: counters, states, records.
    pub proof: BTreeMap<String, Value>,
}

/// The way packets took from one host to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Path {
    /// From which host.
    pub from: String,
    /// To which host.
    pub to: String,
    /// To which address.
    pub address: String,
    /// By which interface.
    pub interface: String,
    /// From which address.
    pub source: String,
    /// How large packets may be.
    pub mtu: u32,
    /// How many packets the interface sent and received in this case.
    pub packets: u64,
    /// Whether what was said between the two went this way: `None` when nothing was said.
    pub proved: Option<bool>,
}

/// A connection that was seen at both ends, or at one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Connection {
    /// The step of the client's end.
    pub client: Option<String>,
    /// The step of the server's end.
    pub server: Option<String>,
    /// The client's address.
    pub client_address: String,
    /// The server's address.
    pub server_address: String,
    /// From client to server.
    pub up: Flow,
    /// From server to client.
    pub down: Flow,
    /// Why the server's end was closed.
    pub closed: Option<String>,
    /// Whether both ends' accounts agree; `None` when one end did not tell, or did not live to.
    pub agrees: Option<bool>,
}

/// The bytes of one direction: sent = received + lost (on their way when it ended).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Flow {
    /// As its sender told.
    pub sent: Option<u64>,
    /// As its receiver told.
    pub received: Option<u64>,
    /// Sent and not received.
    pub lost: Option<u64>,
    /// BLAKE3 of what was sent, as its sender told.
    pub sent_blake3: Option<String>,
    /// BLAKE3 of what was received, as its receiver told.
    pub received_blake3: Option<String>,
}

/// Lengths of time that a client told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// The step.
    pub step: String,
    /// What: `reply`, `connect`.
    pub what: String,
    /// When each began, in seconds after the case began, and how long it took, in microseconds; at
    /// most 1000, evenly chosen.
    pub points: Vec<(f64, f64)>,
}

/// A file of the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceFile {
    /// Where, below the folder of the run.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Why nothing was run: what `colok check --json` prints instead of a [`Run`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// [`FORM`].
    pub form: String,
    /// The program and its version.
    pub tool: String,
    /// `failed`.
    pub outcome: RefusalOutcome,
    /// Why, in one line or more.
    pub error: String,
    /// What is wrong with the scenario files.
    pub problems: Vec<RefusedFile>,
}

/// How a run ended that never began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalOutcome {
    /// It never began.
    Failed,
}

/// Something that is wrong with a scenario file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedFile {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 when it is about the file as a whole.
    pub line: u32,
    /// The column, from 1, in characters; 0 when it is about the file as a whole.
    pub column: u32,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub hint: Option<String>,
}
