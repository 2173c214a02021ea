//! What is said between a runner and the agent of a host: one JSON object per line.
//!
//! Paths are below the folder of the host. Numbers (`step`, `ask`, `fault`) are the runner's.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::scenario::file::{Protocol, Way};

/// What a runner orders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "kebab-case")]
pub enum Order {
    /// Start a program. Told: `started` or `failed`, `output`, `record`, `ended`.
    Start(Start),
    /// Send a signal to the program of a step (its whole process group). Told: `answer`.
    Signal {
        /// Which question this is.
        ask: u64,
        /// The step.
        step: u64,
        /// The signal's name, without `SIG`.
        name: String,
    },
    /// Answer a question. Told: `answer`.
    Ask {
        /// Its number.
        ask: u64,
        /// The question.
        question: Question,
    },
    /// Begin a fault. Told: `answer` (proof so far: that it is in place).
    Break {
        /// Which question this is.
        ask: u64,
        /// The number of the fault.
        fault: u64,
        /// What to break.
        what: KernelFault,
    },
    /// Tell the proof of a fault, and end it if asked. Told: `answer` with the counters.
    Prove {
        /// Which question this is.
        ask: u64,
        /// The number of the fault.
        fault: u64,
        /// Whether it ends.
        end: bool,
    },
    /// End everything that was started, and itself.
    End,
}

/// A program to start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The number of the step.
    pub step: u64,
    /// The program and its arguments; the program `colok` is the agent's own.
    pub words: Vec<String>,
    /// Variables besides those of the agent.
    pub environment: BTreeMap<String, String>,
    /// Where it runs; empty: the folder of the host.
    pub directory: String,
    /// What it reads.
    pub stdin: Content,
    /// At most so many descriptors.
    pub descriptors: Option<u64>,
    /// Without the rights of root.
    pub unprivileged: bool,
    /// A file of JSON lines that it writes, to be told line by line as `record`.
    pub log: Option<String>,
}

/// Bytes to write or to give to a program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// None.
    #[default]
    Nothing,
    /// This text.
    Text(String),
    /// So many bytes that depend on the seed alone.
    Random {
        /// How many.
        size: u64,
        /// From which.
        seed: u64,
    },
    /// Those of this file of the host.
    File(String),
}

/// A question about a host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "question", rename_all = "kebab-case")]
pub enum Question {
    /// Make a file (folders too).
    Write {
        /// Where.
        path: String,
        /// What.
        content: Content,
        /// Permissions; `None`: 0644.
        mode: Option<u32>,
    },
    /// What is at this path?
    File {
        /// Where.
        path: String,
    },
    /// Which ports are free? As many as asked.
    FreePorts {
        /// How many.
        count: u32,
    },
    /// Does someone listen on this TCP port?
    Listens {
        /// Which.
        port: u16,
    },
    /// Write a line to a Unix stream socket and read one line back (the control of a relay).
    Exchange {
        /// The socket.
        path: String,
        /// The line, without its newline.
        line: String,
    },
    /// How does a packet get to this address: interface, source address, largest packet?
    Route {
        /// The address.
        to: IpAddr,
    },
    /// How many packets and bytes did the network interface carry?
    Counters,
    /// What computer is it: kernel, processors, versions?
    Machine,
}

/// A fault that the agent makes on its host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum KernelFault {
    /// Drop packets (nftables).
    Drop {
        /// Coming or going.
        way: Way,
        /// Of which protocol.
        protocol: Protocol,
        /// To which ports (none: any).
        ports: Vec<(u16, u16)>,
    },
    /// Take the link down.
    LinkDown,
    /// Slow the link down (TBF).
    Rate {
        /// To so many bytes a second.
        bytes_per_second: u64,
    },
    /// Fill the disk of the host.
    FillDisk,
    /// Take an address.
    HoldAddress(HeldPort),
}

/// An address to take: a URL (`tcp://`, `udp://`, `unix:`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldPort {
    /// The address.
    pub address: String,
}

/// One of the two outputs of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What an agent tells. Times are microseconds since 1970 on the clock of its host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "kebab-case")]
pub enum Word {
    /// The agent takes orders.
    Ready {
        /// Its process id, in the namespace of the runner when that is known.
        process: u32,
    },
    /// A program runs.
    Started {
        /// The step.
        step: u64,
        /// Its process id.
        process: u32,
        /// When.
        time_unix_us: u64,
    },
    /// A program could not be started.
    Failed {
        /// The step.
        step: u64,
        /// Why.
        error: String,
        /// The error number, if there is one.
        errno: Option<i32>,
    },
    /// A program wrote.
    Output {
        /// The step.
        step: u64,
        /// Where to.
        stream: Stream,
        /// What, in base64.
        bytes: String,
        /// When it was read.
        time_unix_us: u64,
    },
    /// A program added a line to its log.
    Record {
        /// The step.
        step: u64,
        /// The line; JSON objects only.
        record: Value,
    },
    /// A program has ended; all its output and records were told before.
    Ended {
        /// The step.
        step: u64,
        /// Its exit code, if it ended by itself.
        exit: Option<i32>,
        /// The signal that ended it, without `SIG`.
        signal: Option<String>,
        /// When.
        time_unix_us: u64,
        /// Proofs of what was done to it: `descriptors`, `unprivileged`.
        proofs: BTreeMap<String, Value>,
        /// How many bytes it wrote to standard output; of more than 64 MiB the rest is not told.
        #[serde(default)]
        stdout_bytes: u64,
        /// How many bytes it wrote to standard error, likewise.
        #[serde(default)]
        stderr_bytes: u64,
        /// Whether another process still held its outputs when it had ended; what that writes is
        /// not told.
        #[serde(default)]
        left_open: bool,
        /// Whether some of its log was too long to be told: more than 64 MiB, or a line of more
        /// than 1 MiB.
        #[serde(default)]
        log_cut: bool,
    },
    /// An answer.
    Answer {
        /// To which question.
        ask: u64,
        /// The answer, or why there is none.
        answer: Result<Answer, String>,
    },
}

/// An answer to a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// It was done.
    Done,
    /// What is at a path.
    File {
        /// Whether anything is.
        exists: bool,
        /// Its size in bytes.
        size: u64,
        /// Its permissions.
        mode: u32,
        /// Its BLAKE3 hash, in hexadecimal; empty for what is no regular file.
        blake3: String,
        /// Its beginning (64 KiB at most), in base64.
        beginning: String,
    },
    /// Ports that are free now.
    Ports {
        /// Which.
        ports: Vec<u16>,
    },
    /// Yes or no.
    Truth {
        /// Which.
        is: bool,
    },
    /// A line that came back.
    Line {
        /// The line.
        line: String,
    },
    /// How packets go.
    Route {
        /// By which interface.
        interface: String,
        /// From which address.
        source: IpAddr,
        /// How large they may be.
        mtu: u32,
    },
    /// What went over the network interface.
    Counters {
        /// Packets received.
        packets_received: u64,
        /// Packets sent.
        packets_sent: u64,
        /// Bytes received.
        bytes_received: u64,
        /// Bytes sent.
        bytes_sent: u64,
    },
    /// What computer it is.
    Machine {
        /// Host name.
        name: String,
        /// Kernel release.
        kernel: String,
        /// Number of processors.
        processors: u32,
    },
    /// What proves a fault.
    Proof {
        /// Whether it took effect.
        proved: bool,
        /// What was seen: counters before and after, states.
        seen: BTreeMap<String, Value>,
    },
}
