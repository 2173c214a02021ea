//! `bench sockets`: colok's servers and its load generator beside others.
//!
//! A server has one processor and the generator another; every run has a fresh server. Servers are
//! loaded by `colok load`, which checks every reply and tells what the server used. The loads are
//! in [`plan`], the servers in [`servers`], the generators in [`generators`]; [`trial`] is one run
//! and [`rounds`] all of them; [`tables`] and [`plots`] tell what came out.
//!
//! It never measures anything over a network, and never a program that it did not start.

mod clients;
mod columns;
mod generators;
mod notes;
mod plan;
mod plots;
mod programs;
mod rounds;
mod servers;
mod tables;
mod targets;
mod trial;

use std::{fs, path::Path, process::Command, thread};

use clients::Client;
use generators::{Generator, Times};
use plan::{GROUPS, Task, Work};
use programs::{Build, Found, Kit, Programs};
use rounds::{Entry, Row};
use servers::Server;
use trial::{Bench, Contender, GENERATOR_CORE, SERVER_CORE};

use super::{
    Extent, Options, PICTURES, Section, json, machine,
    scratch::{self, MIB, Scratch},
    usage,
};
use crate::context::Context;

/// One run as it is meant: long enough that ticks of 10 ms and the first messages do not matter.
const MEANT: Times = Times { warm_up_ms: 200, measured_ms: 1000 };

/// One run when it is about the benchmark itself.
const LITTLE: Times = Times { warm_up_ms: 50, measured_ms: 150 };

/// Debian packages of the peers that are programs.
const PACKAGES: [(&str, &str); 6] = [
    ("cc", "gcc"),
    ("go", "golang-go"),
    ("socat", "socat"),
    ("ncat", "ncat"),
    ("sockperf", "sockperf"),
    ("iperf3", "iperf3"),
];

/// Whether `--only` knows this word: a task, a group of tasks, a server or a generator.
pub(crate) fn knows(word: &str) -> bool {
    GROUPS.contains(&word)
        || plan::tasks(Extent::Full).iter().any(|task| task.name == word)
        || contenders().any(|contender| contender.name() == word)
}

/// What `--only` knows, for a problem.
pub(crate) fn words() -> Vec<String> {
    let mut words: Vec<String> = GROUPS.iter().map(|&group| group.to_owned()).collect();
    words.extend(plan::tasks(Extent::Usual).into_iter().map(|task| task.name));
    words.extend(contenders().map(|contender| contender.name().to_owned()));
    words.dedup();
    words
}

/// Builds, measures and tells.
pub(crate) fn run(context: &Context, options: &Options) -> Result<Section, String> {
    if thread::available_parallelism().map_or(1, usize::from) < 2 {
        return Err("two processors are needed, one for the server and one for the load".to_owned());
    }
    if options.install {
        super::install(context, &PACKAGES)?;
    }
    let mut entries = entries(options);
    let how = if options.small { Build::Quick } else { Build::Release };
    let programs = Programs::ready(context, &wanted(&entries), how, options.colok.as_deref());
    skip_missing(&mut entries, &programs)?;
    let load = machine::load();
    let scratch = Scratch::make(&options.folder, 16 * MIB)?;
    let times = if options.small { LITTLE } else { MEANT };
    let bench = Bench { scratch: &scratch, programs: &programs, times, little: options.small };
    rounds::run(&mut entries, options.rounds, &bench);
    let pictures = plots::pictures(&entries)?;
    let shown = pictures
        .iter()
        .map(|picture| (format!("{PICTURES}/{}", picture.name), picture.about.clone()));
    let paper = tables::Paper {
        title: "Sockets: servers and load generators",
        facts: facts(context, options, &programs, &load),
        entries: &entries,
        pictures: shown.collect(),
        commands: commands(&entries, &programs, times),
        notes: notes::notes(times, options.extent),
        judged: !options.small,
    };
    Ok(Section { text: paper.text(), failures: failures(&entries), pictures })
}

fn contenders() -> impl Iterator<Item = Contender> {
    let servers = Server::ALL.into_iter().map(Contender::Server);
    servers.chain(Generator::ALL.into_iter().map(Contender::Generator))
}

/// What is wanted, and why some of it is not measured.
fn entries(options: &Options) -> Vec<Entry> {
    let full = options.extent == Extent::Full;
    // Whatever there is can be named alone.
    let extent = if options.only.is_empty() { options.extent } else { Extent::Full };
    let chosen_tasks: Vec<&String> = options.only.iter().filter(|word| is_task(word)).collect();
    let chosen: Vec<&String> = options.only.iter().filter(|word| !is_task(word)).collect();
    let usual = plan::tasks(Extent::Usual);
    let wants = |task: &Task| {
        let offered = full || usual.contains(task);
        let named = |word: &String| *word == task.name || *word == task.group && offered;
        if chosen_tasks.is_empty() { offered } else { chosen_tasks.iter().any(|word| named(word)) }
    };
    let tasks = plan::tasks(extent).into_iter().filter(wants);
    let named = |contender: &Contender| {
        chosen.is_empty() || chosen.iter().any(|&name| name == contender.name())
    };
    let entries = tasks.map(|task| {
        let rows = taking_part(&task.work).filter(&named);
        let rows = rows.map(|contender| (contender, first_row(&task.work, contender))).collect();
        Entry { task, rows }
    });
    let measured =
        |entry: &Entry| entry.rows.iter().any(|(_, row)| matches!(row, Row::Measured(_)));
    entries.filter(measured).collect()
}

fn is_task(word: &str) -> bool {
    !contenders().any(|contender| contender.name() == word)
}

/// Who has a row in the table of this work.
fn taking_part(work: &Work) -> impl Iterator<Item = Contender> + use<> {
    let work = *work;
    contenders().filter(move |contender| match contender {
        Contender::Server(server) => server.takes_part(&work),
        Contender::Generator(_) => matches!(work, Work::Generate(_) | Work::Bulk),
    })
}

fn first_row(work: &Work, contender: Contender) -> Row {
    let takes = match (contender, work) {
        (Contender::Server(server), Work::Serve(load)) => server.takes(load),
        (Contender::Server(Server::ColokSequential), Work::Idle) => {
            Err("serves one client at a time".to_owned())
        }
        (Contender::Generator(generator), work) => generator.takes(work),
        (Contender::Server(server), _) if server.needs_uring() && uring_is_off() => {
            Err("io_uring is switched off here".to_owned())
        }
        _ => Ok(()),
    };
    let room = || match (contender, usage::descriptors_max()) {
        (Contender::Server(server), Some(most)) => server.has_room(work, most),
        _ => Ok(()),
    };
    let takes = takes.and_then(|()| room()).and_then(|()| memory(work));
    takes.map_or_else(Row::Skipped, |()| Row::Measured(Vec::new()))
}

/// Whether there is memory enough for the connections, of which most is the kernel's: about 10 KiB
/// for both ends of each.
fn memory(work: &Work) -> Result<(), String> {
    let needed = u64::from(work.connections()) * 16 * 1024;
    let free = scratch::available_memory();
    if needed <= free {
        return Ok(());
    }
    Err(format!("needs {} MiB of memory, there are {}", needed / MIB, free / MIB))
}

/// Whether the system refuses an `io_uring` to everybody, or to all but a group.
pub(super) fn uring_is_off() -> bool {
    let text = fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_default();
    !matches!(text.trim(), "" | "0")
}

/// What has to be built for it.
fn wanted(entries: &[Entry]) -> Vec<Kit> {
    let rows = entries.iter().flat_map(|entry| entry.rows.iter().map(move |row| (entry, row)));
    let mut kits = Vec::new();
    for (entry, (contender, row)) in rows {
        if !matches!(row, Row::Measured(_)) {
            continue;
        }
        // Every server is loaded by ours.
        let ours = contender.is_ours() || matches!(entry.task.work, Work::Serve(_));
        kits.extend(ours.then_some(Kit::Colok));
        kits.extend(Client::of(&entry.task.work).map(|_| Kit::C));
        kits.extend(match contender {
            Contender::Server(Server::CEpoll | Server::CBlocking) | Contender::Generator(_) => {
                Some(Kit::C)
            }
            Contender::Server(Server::TokioOne | Server::TokioMany | Server::Compio) => {
                Some(Kit::Rust)
            }
            Contender::Server(Server::Go) => Some(Kit::Go),
            Contender::Server(_) => None,
        });
    }
    kits
}

/// A row whose program is not here is skipped; without ours there is nothing to measure.
fn skip_missing(entries: &mut [Entry], programs: &Programs) -> Result<(), String> {
    let rows = entries.iter_mut().flat_map(|Entry { task, rows }| {
        let client = Client::of(&task.work);
        rows.iter_mut().map(move |row| (client, row))
    });
    for (client, (contender, row)) in rows {
        if !matches!(row, Row::Measured(_)) {
            continue;
        }
        if let (Err(reason), true) = (program(*contender, programs), contender.is_ours()) {
            return Err(reason.clone());
        }
        let client = client.and_then(|client| client.program(programs).as_ref().err());
        let Some(reason) = missing(*contender, programs).or(client) else { continue };
        println!("{}: skipped: {reason}", contender.name());
        *row = Row::Skipped(reason.clone());
    }
    Ok(())
}

/// Why it cannot run here.
fn missing(contender: Contender, programs: &Programs) -> Option<&String> {
    let own = program(contender, programs).as_ref().err();
    // All generators but one are answered by the C server.
    let needs_other = matches!(
        contender,
        Contender::Generator(Generator::ColokLoad | Generator::CLoad | Generator::Sockperf)
    );
    own.or_else(|| programs.serve.as_ref().err().filter(|_| needs_other))
}

fn program(contender: Contender, programs: &Programs) -> &Found {
    match contender {
        Contender::Server(server) => server.program(programs),
        Contender::Generator(generator) => generator.program(programs),
    }
}

/// A row of a peer that failed stands in its table; a table without us or without the base says
/// nothing, and is not kept.
fn failures(entries: &[Entry]) -> Vec<String> {
    let mut failures = Vec::new();
    for entry in entries {
        let base = tables::base(&entry.task);
        for (contender, row) in &entry.rows {
            let matters = contender.is_ours() || *contender == base;
            if matters && matches!(row, Row::Failed(_)) {
                failures.push(format!("{} ({})", contender.name(), entry.task.name));
            }
        }
    }
    failures
}

fn facts(context: &Context, options: &Options, programs: &Programs, load: &str) -> Vec<String> {
    let control = fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control");
    let control = control.unwrap_or_default();
    let mut facts = machine::facts(context);
    facts.push(format!("Load before the first run (average of a minute): {load}"));
    facts.push(format!("Command: `{}`", options.command()));
    facts.push(format!("Rounds: {}", options.rounds));
    facts.push(format!(
        "Processors: servers on {SERVER_CORE}, generators on {GENERATOR_CORE}, with taskset"
    ));
    facts.push(format!("Congestion control, everyone's: {}", control.trim()));
    facts.push(format!("Peers: {}", versions(programs).join("; ")));
    if options.small {
        facts.push("A short run of quick builds: its figures mean nothing".to_owned());
    }
    facts
}

fn versions(programs: &Programs) -> Vec<String> {
    let said = |program: &Found, flag: &str| match program {
        Ok(program) => machine::said(Command::new(program).arg(flag)),
        Err(reason) => reason.clone(),
    };
    let lock = include_str!("../../../bench/peers/Cargo.lock");
    vec![
        said(&programs.colok, "--version"),
        said(&Ok("cc".into()), "--version"),
        format!("tokio {}", locked(lock, "tokio")),
        format!("compio {}", locked(lock, "compio")),
        said(&Ok("go".into()), "version"),
        machine::package_version("socat"),
        machine::package_version("ncat"),
        machine::package_version("sockperf"),
        machine::package_version("iperf3"),
    ]
}

/// The version of a package in a lock file.
fn locked<'lock>(lock: &'lock str, package: &str) -> &'lock str {
    let name = format!("name = \"{package}\"\nversion = \"");
    let rest = lock.split_once(&name).map_or("", |(_, rest)| rest);
    rest.split_once('"').map_or("not known", |(version, _)| version)
}

/// What was started, as it would be typed at the root of the tree.
fn commands(entries: &[Entry], programs: &Programs, times: Times) -> Vec<String> {
    let at = "127.83.7.25:PORT";
    let address = "127.83.7.25:9".parse();
    let mut commands = Vec::new();
    for contender in contenders() {
        let entry = entries.iter().find(|entry| {
            let mut rows = entry.rows.iter();
            rows.any(|(one, row)| *one == contender && matches!(row, Row::Measured(_)))
        });
        let (Some(Entry { task, .. }), Ok(address)) = (entry, &address) else { continue };
        let (about, core, line) = match contender {
            Contender::Server(server) => {
                let (service, sockets) = match &task.work {
                    Work::Serve(load) => (load.service, load.sockets),
                    _ => (plan::Service::Echo, plan::Sockets::Same),
                };
                let line = server.line(programs, service, sockets, *address);
                (server.about(), SERVER_CORE, line.unwrap_or_default())
            }
            Contender::Generator(generator) => {
                let mut line = vec![generator.name().to_owned()];
                if let Ok(program) = generator.program(programs) {
                    line[0] = program.display().to_string();
                }
                line.extend(generator.words(&task.work, *address, times, None));
                (generator.about(), GENERATOR_CORE, line)
            }
        };
        let line = shortened(&line).replace("127.83.7.25:9", at).replace(" 9 ", " PORT ");
        let line = line.replace("LISTEN:9,", "LISTEN:PORT,");
        let line = line.strip_suffix(" 9").map_or(line.clone(), |start| format!("{start} PORT"));
        let name = contender.name();
        commands.push(format!("{name}: {about}: `taskset -c {core} {line}`"));
    }
    commands.extend(clients(entries, times));
    commands
}

/// The same of the clients that are no contenders.
fn clients(entries: &[Entry], times: Times) -> Vec<String> {
    let Ok(address) = "127.83.7.25:9".parse() else { return Vec::new() };
    let line = |client: Client| {
        let task = entries.iter().find(|entry| Client::of(&entry.task.work) == Some(client))?;
        let words = clients::words(&task.task.work, address, times, plan::HELD).join(" ");
        let line = format!("{} {}", client.name(), words.replacen(" 9 ", " PORT ", 1));
        let about = client.about();
        Some(format!("{}: {about}: `taskset -c {GENERATOR_CORE} {line}`", client.name()))
    };
    let mut lines: Vec<_> = Client::ALL.into_iter().filter_map(line).collect();
    if entries.iter().any(|entry| entry.task.work == Work::Hold) {
        let words = trial::hold_words(address).join(" ");
        let words = words.replacen(":9 ", ":PORT ", 1);
        let (cores, server) = (trial::HOLD_CORES, trial::hold_server_words().join(" "));
        lines.push(format!(
            "hold: servers get `{server}` besides, on processors {cores}: \
             `taskset -c {cores} colok {words}`"
        ));
    }
    lines
}

/// A program by its name alone.
fn shortened(line: &[String]) -> String {
    let mut words = line.to_vec();
    if let Some(program) = words.first_mut() {
        let path = Path::new(&*program).file_name().unwrap_or_default();
        *program = path.to_string_lossy().into_owned();
    }
    words.join(" ")
}

#[cfg(test)]
#[path = "sockets_tests.rs"]
mod tests;
