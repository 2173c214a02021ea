//! What the io_uring engine is to reach, beside what was measured, with a verdict for each.
//!
//! A target that is not reached is printed as that, with the note that explains it
//! ([`super::notes::PROFILES`]). One whose rows are missing is not measured, never reached. Figures
//! are compared as they are printed: with two digits.

use super::{
    super::report::{push_list, push_table},
    columns::{COST, RATE, columns},
    notes::PROFILES,
    plan::Work,
    rounds::Entry,
    servers::Server,
    tables::{samples, spread},
    trial::Contender,
};

/// One thing to reach.
struct Target {
    /// As its note names it.
    name: &'static str,
    /// For a reader.
    what: &'static str,
    task: &'static str,
    ours: Server,
    /// Of the columns of the task.
    figure: usize,
    than: Than,
    bound: Bound,
}

/// What a figure is held against.
#[derive(Clone, Copy)]
enum Than {
    /// The bound is a figure of this unit.
    Nothing(&'static str),
    /// The same server in another task.
    Task(&'static str),
    /// Another server in the same task.
    Server(Server),
    /// Another server in another task.
    Other(&'static str, Server),
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

const fn target(
    (name, what): (&'static str, &'static str),
    (task, ours, figure): (&'static str, Server, usize),
    than: Than,
    bound: Bound,
) -> Target {
    Target { name, what, task, ours, figure, than, bound }
}

/// In the order of the table.
const TARGETS: [Target; 14] = [
    target(
        ("echo-64x64", "CPU per message, 64 connections, 64 B"),
        ("echo-64x64", Server::ColokUring, COST),
        Than::Server(Server::CEpoll),
        Bound::AtMost(0.98),
    ),
    target(
        ("echo-512x1k", "CPU per message, 512 connections, 1 KiB"),
        ("echo-512x1k", Server::ColokUring, COST),
        Than::Server(Server::CEpoll),
        Bound::AtMost(0.90),
    ),
    target(
        ("echo-512x1k-d16", "CPU per message, 512 connections, 1 KiB, 16 on the way"),
        ("echo-512x1k-d16", Server::ColokUring, COST),
        Than::Server(Server::CEpoll),
        Bound::AtMost(0.95),
    ),
    target(
        ("echo-512x1k-d16-rate", "messages/s, 512 connections, 1 KiB, 16 on the way"),
        ("echo-512x1k-d16", Server::ColokUring, RATE),
        Than::Server(Server::CEpoll),
        Bound::AtLeast(1.10),
    ),
    target(
        ("trip-asleep", "round trip of one connection with `--busy-poll 50us`"),
        ("trip-asleep", Server::ColokBusyPoll, 0),
        Than::Server(Server::CBlocking),
        Bound::AtMost(0.40),
    ),
    target(
        ("trip-awake", "the same with a client that does not sleep"),
        ("trip-awake", Server::ColokBusyPoll, 0),
        Than::Nothing("us"),
        Bound::AtMost(8.0),
    ),
    target(
        ("held", "own memory of an idle connection, 15000 held"),
        ("held", Server::ColokUring, 0),
        Than::Nothing("bytes"),
        Bound::AtMost(96.0),
    ),
    target(
        ("scale", "CPU per message with 16000 connections, of that with 256"),
        ("scale-16000x64", Server::ColokUring, COST),
        Than::Task("scale-256x64"),
        Bound::AtMost(1.30),
    ),
    target(
        ("datagrams-plain", "CPU per datagram of 64 B, a call for each at the sender"),
        ("datagrams-plain", Server::ColokUring, COST),
        Than::Server(Server::Sockperf),
        Bound::AtMost(0.80),
    ),
    target(
        ("datagrams-gathered", "answers/s to datagrams of 64 B that leave 64 in a call"),
        ("datagrams-gathered", Server::ColokUring, RATE),
        Than::Server(Server::Sockperf),
        Bound::AtLeast(10.0),
    ),
    target(
        ("hold-lost", "lost of 100000 connections held for 60 s"),
        ("hold", Server::ColokProcesses, 0),
        Than::Nothing("connections and replies"),
        Bound::AtMost(0.0),
    ),
    target(
        ("hold-slowest", "slowest echo of 1000 of them"),
        ("hold", Server::ColokProcesses, 1),
        Than::Nothing("ms"),
        Bound::AtMost(1000.0),
    ),
    target(
        ("receive-count", "bytes/s of one connection: count, of a discard that copies"),
        ("receive-count", Server::ColokUring, RATE),
        Than::Other("receive-discard", Server::CEpoll),
        Bound::AtLeast(0.80),
    ),
    target(
        ("receive-discard", "bytes/s of one connection: discard, of what iperf3 takes"),
        ("receive-discard", Server::ColokUring, RATE),
        Than::Server(Server::Iperf3),
        Bound::AtLeast(1.00),
    ),
];

/// Both tables, of what there is of them.
pub(super) fn push(text: &mut String, entries: &[Entry], judged: bool) {
    let has = |target: &&Target| entries.iter().any(|entry| entry.task.name == target.task);
    let targets: Vec<_> = TARGETS.iter().filter(has).collect();
    if !targets.is_empty() {
        text.push_str("\n### Targets of the io_uring engine\n\n");
        let mut rows = vec![["", "measured", "target"].map(str::to_owned)];
        rows.extend(targets.iter().map(|target| target.cells(entries, judged)));
        push_table(text, &rows);
        push_profiles(text, &targets, entries, judged);
    }
    let rows = beside_tokio(entries, judged);
    if rows.len() > 1 {
        text.push_str("\n### Never slower than tokio on one thread\n\n");
        push_table(text, &rows);
    }
}

/// The notes about what was missed.
fn push_profiles(text: &mut String, targets: &[&Target], entries: &[Entry], judged: bool) {
    let missed = |name: &str| {
        targets.iter().any(|target| {
            let value = target.value(entries);
            target.name == name && value.is_some_and(|value| !target.bound.holds(value))
        })
    };
    let notes = PROFILES.iter().filter(|(name, _)| judged && missed(name));
    let notes: Vec<_> = notes.map(|(name, note)| format!("{name}, not reached: {note}")).collect();
    if !notes.is_empty() {
        text.push('\n');
        push_list(text, &notes);
    }
}

impl Target {
    fn cells(&self, entries: &[Entry], judged: bool) -> [String; 3] {
        let value = self.value(entries);
        let (unit, base) = match self.than {
            Than::Nothing(unit) => (format!(" {unit}"), String::new()),
            Than::Server(server) => ("x".to_owned(), format!(" of {}", server.name())),
            Than::Task(task) => ("x".to_owned(), format!(" of {task}")),
            Than::Other(task, server) => {
                ("x".to_owned(), format!(" of {} ({task})", server.name()))
            }
        };
        let own = self.ours.name();
        let measured =
            value.map_or_else(|| "-".to_owned(), |value| format!("{own}: {value:.2}{unit}{base}"));
        let verdict = self.bound.verdict(value, judged);
        [format!("{} ({})", self.what, self.name), measured, self.bound.text(&unit) + verdict]
    }

    /// The figure, or what it is of the other's.
    fn value(&self, entries: &[Entry]) -> Option<f64> {
        let own = median(entries, self.task, self.ours, self.figure)?;
        let (task, server) = match self.than {
            Than::Nothing(_) => return Some(own),
            Than::Server(server) => (self.task, server),
            Than::Task(task) => (task, self.ours),
            Than::Other(task, server) => (task, server),
        };
        let other = median(entries, task, server, self.figure);
        other.filter(|&other| other != 0.0).map(|other| own / other)
    }
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        let printed = (value * 100.0).round() / 100.0;
        match self {
            Self::AtMost(bound) => printed <= bound,
            Self::AtLeast(bound) => printed >= bound,
        }
    }

    fn verdict(self, value: Option<f64>, judged: bool) -> &'static str {
        match value {
            _ if !judged => ": not judged: other work",
            None => ": not measured",
            Some(value) if self.holds(value) => ": reached",
            Some(_) => ": not reached",
        }
    }

    fn text(self, unit: &str) -> String {
        match self {
            Self::AtMost(bound) => format!("at most {bound:.2}{unit}"),
            Self::AtLeast(bound) => format!("at least {bound:.2}{unit}"),
        }
    }
}

fn median(entries: &[Entry], task: &str, server: Server, figure: usize) -> Option<f64> {
    let entry = entries.iter().find(|entry| entry.task.name == task)?;
    let of_server = |(contender, _): &&(Contender, _)| *contender == Contender::Server(server);
    let (_, row) = entry.rows.iter().find(of_server)?;
    Some(spread(samples(row)?, figure)?.median)
}

/// A row for every task in which both have a figure about time.
fn beside_tokio(entries: &[Entry], judged: bool) -> Vec<[String; 3]> {
    let head = ["", "server CPU or time: at most 1.00x", "messages/s: at least 1.00x"];
    let mut rows = vec![head.map(str::to_owned)];
    for entry in entries {
        let name = entry.task.name.as_str();
        let ratio = |figure| {
            let own = median(entries, name, Server::ColokUring, figure)?;
            let other = median(entries, name, Server::TokioOne, figure);
            other.filter(|&other| other != 0.0).map(|other| own / other)
        };
        let cell = |ratio: Option<f64>, bound: Bound| {
            let verdict = bound.verdict(ratio, judged);
            ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}x{verdict}"))
        };
        let rate = match &entry.task.work {
            Work::Serve(_) => ratio(RATE),
            Work::Start | Work::Trip(_) => None,
            _ => continue,
        };
        if let Some(first) = ratio(0) {
            let title = columns(&entry.task.work)[0].title;
            let first = cell(Some(first), Bound::AtMost(1.0));
            rows.push([format!("{name}: {title}"), first, cell(rate, Bound::AtLeast(1.0))]);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::{
        plan::{Extent, tasks},
        rounds::Row,
    };
    use super::*;

    fn entry(name: &str, rows: &[(Server, [f64; 2])]) -> Entry {
        let task = tasks(Extent::Usual).into_iter().find(|task| task.name == name).unwrap();
        let row = |&(server, [cost, rate]): &(Server, [f64; 2])| {
            (Contender::Server(server), Row::Measured(vec![vec![Some(cost), Some(rate)]]))
        };
        Entry { task, rows: rows.iter().map(row).collect() }
    }

    fn line(entries: &[Entry], name: &str) -> String {
        let target = TARGETS.iter().find(|target| target.name == name).unwrap();
        target.cells(entries, true)[1..].join(" | ")
    }

    #[test]
    fn every_target_is_of_a_task_in_which_its_servers_take_part() {
        let tasks = tasks(Extent::Usual);
        let takes_part = |name: &str, server: Server, figure: usize| {
            let task = tasks.iter().find(|task| task.name == name).unwrap();
            assert!(server.takes_part(&task.work), "{name} {}", server.name());
            assert!(figure < columns(&task.work).len());
        };
        for target in &TARGETS {
            takes_part(target.task, target.ours, target.figure);
            match target.than {
                Than::Nothing(_) => {}
                Than::Server(server) => takes_part(target.task, server, target.figure),
                Than::Task(task) => takes_part(task, target.ours, target.figure),
                Than::Other(task, server) => takes_part(task, server, target.figure),
            }
        }
        assert!(PROFILES.iter().all(|(name, _)| TARGETS.iter().any(|one| one.name == *name)));
    }

    #[test]
    fn each_kind_of_target_has_its_verdict() {
        let entries = [
            entry("echo-64x64", &[(Server::ColokUring, [4.9, 1.0]), (Server::CEpoll, [5.0, 1.0])]),
            entry("held", &[(Server::ColokUring, [96.01, 0.0])]),
            entry("scale-256x64", &[(Server::ColokUring, [5.0, 1.0])]),
            entry("scale-16000x64", &[(Server::ColokUring, [7.0, 1.0])]),
            entry("receive-discard", &[(Server::CEpoll, [1.0, 1000.0])]),
            entry("receive-count", &[(Server::ColokUring, [1.0, 850.0])]),
        ];
        let expected = "colok-uring: 0.98x of c-epoll | at most 0.98x: reached";
        assert_eq!(line(&entries, "echo-64x64"), expected);
        let expected = "colok-uring: 96.01 bytes | at most 96.00 bytes: not reached";
        assert_eq!(line(&entries, "held"), expected);
        let expected = "colok-uring: 1.40x of scale-256x64 | at most 1.30x: not reached";
        assert_eq!(line(&entries, "scale"), expected);
        let expected = "colok-uring: 0.85x of c-epoll (receive-discard) | at least 0.80x: reached";
        assert_eq!(line(&entries, "receive-count"), expected);
        assert_eq!(line(&entries, "receive-discard"), "- | at least 1.00x: not measured");
        assert_eq!(line(&[], "hold-lost").split(": ").last(), Some("not measured"));
    }

    #[test]
    fn tokio_is_beside_us_wherever_both_were_measured() {
        let both = [(Server::ColokUring, [4.0, 90.0]), (Server::TokioOne, [5.0, 100.0])];
        let entries = [
            entry("echo-1x64", &both),
            entry("echo-8x64", &both[..1]),
            entry("start", &both),
            entry("held", &both),
        ];
        let rows = beside_tokio(&entries, true);
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[1][1..], ["0.80x: reached", "0.90x: not reached"]);
        assert_eq!(rows[2], ["start: ms", "0.80x: reached", "-"]);
        let mut text = String::new();
        push(&mut text, &entries, false);
        assert!(text.contains("Targets") && text.contains("not judged"), "{text}");
    }
}
