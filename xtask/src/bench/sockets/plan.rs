//! What is measured: a task is one load, or one other question, that is put to every contender.
//!
//! Everything has a name that `--only` takes, so that each row of the report can be repeated alone.

pub(super) use super::super::Extent;

/// What a server offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Echo,
    UdpEcho,
    Count,
    Discard,
}

/// Which options sockets have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sockets {
    /// `TCP_NODELAY` and `SO_REUSEADDR` for everyone who can be told to.
    Same,
    /// Whatever each program chooses by itself.
    Defaults,
}

/// A closed loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) service: Service,
    pub(super) connections: u32,
    /// Of a message, in bytes.
    pub(super) size: u32,
    /// Messages that wait for their reply on each connection.
    pub(super) depth: u32,
    pub(super) sockets: Sockets,
}

/// What a task asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Of servers: what a message costs, and how many there are in a second.
    Serve(Load),
    /// Of servers: what a connection costs that says nothing.
    Idle,
    /// Of servers: how long from the start to the first answer.
    Start,
    /// Of generators: what a message costs them, against the same server.
    Generate(Load),
    /// Of generators: bytes in one direction.
    Bulk,
    /// Of servers: how long a message on an only connection takes there and back.
    Trip(Waiting),
    /// Of servers: their own memory for a connection that says nothing, of very many.
    Held,
    /// Of servers: how fast they take bytes of one connection.
    Receive(Reader),
    /// Of servers: what small datagrams cost, and how many are answered.
    Datagrams(Sender),
    /// Of ours: whether it keeps more connections than anybody has, and answers some of them.
    Hold,
}

/// How a client waits for its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Asleep in `read`.
    Asleep,
    /// It asks again and again.
    Awake,
}

/// What becomes of bytes that come in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    Discard,
    Count,
}

/// How datagrams leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// A call for each.
    Plain,
    /// Many in one call (`UDP_SEGMENT`).
    Gathered,
}

/// Connections of [`Work::Held`].
pub(super) const HELD: u32 = 15_000;

/// Connections of [`Work::Hold`], and how many of them send.
pub(super) const HOLD: [u32; 2] = [100_000, 1000];

impl Work {
    /// How often it is done when everything is done this often. What takes minutes and asks for a
    /// yes or a no is done once.
    pub(super) const fn rounds(&self, rounds: usize) -> usize {
        if matches!(self, Self::Hold) && rounds > 1 { 1 } else { rounds }
    }

    /// How many connections there are at once.
    pub(super) const fn connections(&self) -> u32 {
        match self {
            Self::Held => HELD,
            Self::Hold => HOLD[0],
            Self::Serve(load) | Self::Generate(load) => load.connections,
            _ => 1,
        }
    }
}

/// One table of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    /// As `--only` knows it.
    pub(super) name: String,
    /// As `--only` knows several at once.
    pub(super) group: &'static str,
    pub(super) work: Work,
}

/// The groups, as `--only` knows them.
pub(super) const GROUPS: [&str; 14] = [
    "echo",
    "scale",
    "trip",
    "held",
    "receive",
    "defaults",
    "udp",
    "datagrams",
    "count",
    "discard",
    "idle",
    "start",
    "generate",
    "hold",
];

const CONNECTIONS: [u32; 4] = [1, 64, 512, 4096];
const SIZES: [u32; 3] = [64, 1024, 16 * 1024];
const DEPTHS: [u32; 2] = [1, 16];

/// The loads that are always measured: cost over connections, then over sizes, then with depth.
const USUAL: [(u32, u32, u32); 11] = [
    (1, 64, 1),
    (8, 64, 1),
    (64, 64, 1),
    (512, 64, 1),
    (4096, 64, 1),
    (64, 1024, 1),
    (512, 1024, 1),
    (64, 16 * 1024, 1),
    (64, 64, 16),
    (64, 16 * 1024, 16),
    (512, 1024, 16),
];

/// The same cost with few connections and with very many.
const SCALE: [(u32, u32, u32); 2] = [(256, 64, 1), (16_000, 64, 1)];

/// Where Nagle's algorithm could make itself felt.
const DEFAULTS: [(u32, u32, u32); 2] = [(64, 64, 1), (64, 64, 16)];

/// What is one question and no load.
const ALONE: [(&str, &str, Work); 9] = [
    ("trip-asleep", "trip", Work::Trip(Waiting::Asleep)),
    ("trip-awake", "trip", Work::Trip(Waiting::Awake)),
    ("receive-discard", "receive", Work::Receive(Reader::Discard)),
    ("receive-count", "receive", Work::Receive(Reader::Count)),
    ("datagrams-plain", "datagrams", Work::Datagrams(Sender::Plain)),
    ("datagrams-gathered", "datagrams", Work::Datagrams(Sender::Gathered)),
    ("held", "held", Work::Held),
    ("idle", "idle", Work::Idle),
    ("start", "start", Work::Start),
];

/// Every task, in the order of the report.
pub(super) fn tasks(extent: Extent) -> Vec<Task> {
    let mut tasks = Vec::new();
    let mut loads = USUAL.to_vec();
    if extent == Extent::Full {
        loads.extend(matrix().into_iter().filter(|load| !USUAL.contains(load)));
    }
    let same = |service, (connections, size, depth)| Load {
        service,
        connections,
        size,
        depth,
        sockets: Sockets::Same,
    };
    let mut serve = |group, loads: &[(u32, u32, u32)], service, sockets| {
        for &load in loads {
            let load = Load { sockets, ..same(service, load) };
            tasks.push(Task { name: load_name(group, &load), group, work: Work::Serve(load) });
        }
    };
    serve("echo", &loads, Service::Echo, Sockets::Same);
    serve("scale", &SCALE, Service::Echo, Sockets::Same);
    serve("defaults", &DEFAULTS, Service::Echo, Sockets::Defaults);
    serve("udp", &[(1, 64, 1), (64, 64, 1), (64, 1024, 1)], Service::UdpEcho, Sockets::Same);
    serve("count", &[(64, 64, 1), (64, 64, 16)], Service::Count, Sockets::Same);
    serve("discard", &[(64, 1024, 1)], Service::Discard, Sockets::Same);
    for (name, group, work) in ALONE {
        tasks.push(Task { name: name.to_owned(), group, work });
    }
    let generate = [
        ("generate-echo", same(Service::Echo, (64, 64, 1))),
        ("generate-deep", same(Service::Echo, (64, 64, 16))),
        ("generate-udp", same(Service::UdpEcho, (1, 64, 1))),
        ("generate-udp-deep", same(Service::UdpEcho, (1, 64, 64))),
    ];
    for (name, load) in generate {
        let work = Work::Generate(load);
        tasks.push(Task { name: name.to_owned(), group: "generate", work });
    }
    tasks.push(Task { name: "generate-bulk".to_owned(), group: "generate", work: Work::Bulk });
    tasks.push(Task { name: "hold".to_owned(), group: "hold", work: Work::Hold });
    tasks
}

fn matrix() -> Vec<(u32, u32, u32)> {
    let pairs = CONNECTIONS.iter().flat_map(|&count| SIZES.iter().map(move |&size| (count, size)));
    pairs.flat_map(|(count, size)| DEPTHS.iter().map(move |&depth| (count, size, depth))).collect()
}

/// `echo-64x1k-d16`: connections, size, and depth when it is not 1.
fn load_name(group: &str, load: &Load) -> String {
    let depth = if load.depth == 1 { String::new() } else { format!("-d{}", load.depth) };
    format!("{group}-{}x{}{depth}", load.connections, short_size(load.size))
}

fn short_size(bytes: u32) -> String {
    if bytes >= 1024 { format!("{}k", bytes / 1024) } else { bytes.to_string() }
}

impl Load {
    /// In words, for the head of a table.
    pub(super) fn title(&self) -> String {
        let plural = if self.connections == 1 { "" } else { "s" };
        let ends = if self.service == Service::UdpEcho { "socket" } else { "connection" };
        let depth = if self.depth == 1 { "one".to_owned() } else { self.depth.to_string() };
        format!(
            "{} {ends}{plural}, messages of {}, {depth} on the way on each",
            self.connections,
            long_size(self.size)
        )
    }
}

fn long_size(bytes: u32) -> String {
    if bytes >= 1024 { format!("{} KiB", bytes / 1024) } else { format!("{bytes} B") }
}

impl Task {
    /// The head of its table.
    pub(super) fn title(&self) -> String {
        match &self.work {
            Work::Serve(load) => {
                let what = match (load.service, load.sockets) {
                    (Service::Echo, Sockets::Same) => "TCP echo",
                    (Service::Echo, Sockets::Defaults) => "TCP echo, everyone's own defaults",
                    (Service::UdpEcho, _) => "UDP echo",
                    (Service::Count, _) => "Count",
                    (Service::Discard, _) => "Discard",
                };
                format!("{what}: {}", load.title())
            }
            Work::Idle => "Memory of an idle connection".to_owned(),
            Work::Start => "From the start of a server to its first answer".to_owned(),
            Work::Generate(load) => format!("Generators: {}", load.title()),
            Work::Bulk => "Generators: one connection, bytes in one direction".to_owned(),
            Work::Trip(Waiting::Asleep) => {
                "Round trip of one connection, 64 B, the client sleeps until its reply".to_owned()
            }
            Work::Trip(Waiting::Awake) => {
                "Round trip of one connection, 64 B, the client asks without sleeping".to_owned()
            }
            Work::Receive(Reader::Discard) => "One connection, bytes thrown away".to_owned(),
            Work::Receive(Reader::Count) => {
                "One connection, characters counted, lines of 64 KiB".to_owned()
            }
            Work::Datagrams(Sender::Plain) => {
                "Datagrams of 64 B from 8 sockets, 16 on the way on each, a call for each"
                    .to_owned()
            }
            Work::Datagrams(Sender::Gathered) => {
                "Datagrams of 64 B from one socket, 256 on the way, 64 in a call".to_owned()
            }
            Work::Held => format!("Own memory of an idle connection, {HELD} held"),
            Work::Hold => {
                let [all, active] = HOLD;
                format!("{all} connections held while {active} of them echo")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_task_has_a_name_of_its_own_and_a_known_group() {
        let tasks = tasks(Extent::Full);
        let names: BTreeSet<_> = tasks.iter().map(|task| task.name.as_str()).collect();
        assert_eq!(names.len(), tasks.len());
        assert!(tasks.iter().all(|task| GROUPS.contains(&task.group)));
        assert!(names.contains("echo-64x64") && names.contains("echo-4096x16k-d16"), "{names:?}");
    }

    #[test]
    fn the_full_extent_is_the_whole_matrix_and_the_usual_one_is_part_of_it() {
        let echo = |extent| -> Vec<String> {
            let tasks = tasks(extent).into_iter().filter(|task| task.group == "echo");
            tasks.map(|task| task.name).collect()
        };
        let full = echo(Extent::Full);
        // And the eight connections of the line over connections.
        assert_eq!(full.len(), CONNECTIONS.len() * SIZES.len() * DEPTHS.len() + 1);
        assert!(echo(Extent::Usual).iter().all(|name| full.contains(name)));
    }

    #[test]
    fn a_title_says_what_is_loaded() {
        let title = |name: &str| {
            let tasks = tasks(Extent::Full);
            tasks.iter().find(|task| task.name == name).unwrap().title()
        };
        let expected = "TCP echo: 64 connections, messages of 1 KiB, one on the way on each";
        assert_eq!(title("echo-64x1k"), expected);
        let expected = "UDP echo: 1 socket, messages of 64 B, one on the way on each";
        assert_eq!(title("udp-1x64"), expected);
    }
}
