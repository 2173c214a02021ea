//! `bench relay`: what a relay without faults costs, beside socat and beside no relay at all.
//!
//! The ends are threads of this program: one sends a file that lies in memory with sendfile(2), the
//! other reads into one large buffer. So neither end is what is measured, as the row without a
//! relay shows.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Read as _, Seek as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::{
    Options, Section, files, machine,
    program::Program,
    report::{cell, push_list, push_table},
    scratch::{MIB, Scratch, find, free_address, plain_command, random_file, size_of_mib},
    usage,
};
use crate::context::Context;

/// The rows, as `--only` knows them.
pub(crate) const WORDS: [&str; 3] = ["none", "socat", "colok"];

/// The Debian packages of the peers.
const PACKAGES: [(&str, &str); 1] = [("socat", "socat")];

/// How much passes in one run.
const MEBIBYTES: u64 = 1024;

/// How much when it is only to be seen that it works.
const LITTLE_MEBIBYTES: u64 = 64;

/// The file that is sent again and again, in MiB.
const FILE_MEBIBYTES: u64 = 64;

/// colok shall have at least this share of socat's rate.
const TARGET: f64 = 0.8;

/// One run.
#[derive(Clone, Copy, Debug)]
struct Sample {
    wall: Duration,
    processor: Duration,
}

/// All runs of one relay, or why there are none.
type Runs = Result<Vec<Sample>, String>;

/// Builds colok and relays as often as asked for.
pub(crate) fn run(context: &Context, options: &Options) -> Result<Section, String> {
    if options.install {
        super::install(context, &PACKAGES)?;
    }
    let mebibytes = if options.small { LITTLE_MEBIBYTES } else { MEBIBYTES };
    let colok = files::build(context)?;
    let scratch = Scratch::make(&options.folder, (FILE_MEBIBYTES + 64) * MIB)?;
    let file = scratch.join("source");
    random_file(&file, FILE_MEBIBYTES * MIB)?;
    let target = serve(&file, mebibytes / FILE_MEBIBYTES)?;
    let load = machine::load();
    let mut rows: Vec<(&str, Runs)> = Vec::new();
    for name in WORDS {
        let wanted = options.only.is_empty() || options.only.iter().any(|only| only == name);
        let missing = name == "socat" && find(name).is_none();
        let runs = match (wanted, missing) {
            (false, _) => Err("left out by --only".to_owned()),
            (_, true) => Err("skipped: socat is not installed".to_owned()),
            _ => Ok(Vec::new()),
        };
        rows.push((name, runs));
    }
    for round in 0..options.rounds {
        for place in 0..rows.len() {
            let index = (place + round) % WORDS.len();
            let (name, runs) = &mut rows[index];
            let Ok(samples) = runs else { continue };
            let relay = command(name, &colok, target, &scratch)?;
            match measure(&scratch, relay, target, mebibytes) {
                Ok(sample) => {
                    let seconds = sample.wall.as_secs_f64();
                    println!("relay {}/{} {name}: {seconds:.3} s", round + 1, options.rounds);
                    samples.push(sample);
                }
                Err(problem) => *runs = Err(format!("failed: {problem}")),
            }
        }
    }
    let failed = rows.iter().filter_map(|(name, runs)| {
        let problem = runs.as_ref().err().filter(|problem| problem.starts_with("failed"))?;
        Some(format!("{name}: {problem}"))
    });
    let failures = failed.collect();
    let text = text(context, options, &rows, mebibytes, &load, &colok);
    Ok(Section { text, failures, pictures: Vec::new() })
}

/// A target that sends the file so often to everybody who comes, as long as this program runs.
fn serve(file: &Path, times: u64) -> Result<SocketAddr, String> {
    let failed = |error: io::Error| format!("cannot serve: {error}");
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let mut file = File::open(file).map_err(failed)?;
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            for _ in 0..times {
                // A client that goes before the end is a failure at its own end.
                let _ = file.rewind().and_then(|()| io::copy(&mut file, &mut stream));
            }
        }
    });
    Ok(address)
}

/// The relay of this name and where it listens; `None` for none.
fn command(
    name: &str,
    colok: &Path,
    target: SocketAddr,
    scratch: &Scratch,
) -> Result<Option<(Command, SocketAddr)>, String> {
    let home = scratch.join("");
    let address = free_address()?;
    let mut command = match name {
        "none" => return Ok(None),
        "socat" => plain_command(Path::new("socat"), &home),
        _ => plain_command(colok, &home),
    };
    if name == "socat" {
        let (ip, port) = (address.ip(), address.port());
        command.arg(format!("TCP-LISTEN:{port},bind={ip},reuseaddr,fork"));
        command.arg(format!("TCP:{target}"));
    } else {
        command.args(["relay", "--quiet", &address.to_string(), &target.to_string()]);
    }
    Ok(Some((command, address)))
}

/// One run: from the connect until the last byte.
fn measure(
    scratch: &Scratch,
    relay: Option<(Command, SocketAddr)>,
    target: SocketAddr,
    mebibytes: u64,
) -> Result<Sample, String> {
    let mut address = target;
    let mut running = None;
    if let Some((mut command, listens)) = relay {
        let program = Program::start(scratch, &mut command, &scratch.join("relay.log"))?;
        program.listens(listens)?;
        address = listens;
        running = Some(program);
    }
    let used =
        || running.as_ref().map_or(Duration::ZERO, |it| usage::settled_group(it.group()).processor);
    let before = used();
    let start = Instant::now();
    let bytes = fetch(address).map_err(|error| format!("cannot read: {error}"))?;
    let wall = start.elapsed();
    if bytes != mebibytes * MIB {
        return Err(format!("{bytes} bytes came instead of {}", mebibytes * MIB));
    }
    Ok(Sample { wall, processor: used().saturating_sub(before) })
}

fn fetch(address: SocketAddr) -> io::Result<u64> {
    let mut stream = TcpStream::connect(address)?;
    let mut buffer = vec![0; size_of_mib()];
    let mut bytes = 0;
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(bytes),
            length => bytes += length as u64,
        }
    }
}

fn text(
    context: &Context,
    options: &Options,
    rows: &[(&str, Runs)],
    mebibytes: u64,
    load: &str,
    colok: &PathBuf,
) -> String {
    let mut text = "## Relay: colok and socat\n\n".to_owned();
    let mut facts = machine::facts(context);
    facts.push(format!("Load before the first run (average of a minute): {load}"));
    facts.push(format!("Command: `{}`", options.command()));
    facts.push(format!("colok: {}", machine::said(Command::new(colok).arg("--version"))));
    facts.push(format!("Peer: {}", machine::package_version("socat")));
    push_list(&mut text, &facts);
    let _ = writeln!(text, "\n### One stream of {mebibytes} MiB from the target to the client\n");
    push_table(&mut text, &table(rows, mebibytes, !options.small));
    text.push('\n');
    push_list(&mut text, &NOTES.map(str::to_owned));
    text
}

const NOTES: [&str; 4] = [
    "Time: median (smallest to largest) from the connect of the client until the last byte. In \
     each round each row has one run, in an order that moves on by one from round to round, with a \
     fresh relay.",
    "CPU: user and system time of the relay's processes, in steps of 10 ms.",
    "The ends are threads of the benchmark: sendfile from a tmpfs, and reads of 1 MiB. `none` is \
     the two of them without a relay.",
    "socat: `socat TCP-LISTEN:PORT,reuseaddr,fork TCP:TARGET`; colok: `colok relay LISTEN \
     TARGET`, without faults, without a log. Both with their own defaults.",
];

fn table(rows: &[(&str, Runs)], mebibytes: u64, judged: bool) -> Vec<[String; 5]> {
    let head = ["relay", "time", "rate", "CPU", "colok's rate against it"];
    let mut cells = vec![head.map(str::to_owned)];
    let ours = rows.iter().find(|(name, _)| *name == "colok").and_then(|(_, runs)| middle(runs));
    for (name, runs) in rows {
        let Some(wall) = middle(runs) else {
            let reason = runs.as_ref().err().map_or("-", |reason| reason);
            cells.push([(*name).to_owned(), cell(reason), "-".into(), "-".into(), "-".into()]);
            continue;
        };
        let samples = runs.as_deref().unwrap_or_default();
        let walls = samples.iter().map(|sample| sample.wall);
        let (least, most) = (walls.clone().min(), walls.max());
        let seconds = |time: Option<Duration>| time.unwrap_or_default().as_secs_f64();
        let mut processor: Vec<_> = samples.iter().map(|sample| sample.processor).collect();
        processor.sort_unstable();
        let processor = processor[processor.len() / 2].as_secs_f64();
        let against = ours.filter(|_| *name != "colok").map(|ours| wall / ours);
        let verdict = match against {
            Some(share) if *name == "socat" && judged => {
                let word = if share >= TARGET { "reached" } else { "not reached" };
                format!("{share:.2}x (at least {TARGET:.1}x: {word})")
            }
            Some(share) => format!("{share:.2}x"),
            None => "-".to_owned(),
        };
        #[expect(clippy::cast_precision_loss, reason = "a number of MiB is small")]
        let rate = mebibytes as f64 / wall;
        cells.push([
            (*name).to_owned(),
            format!("{wall:.3} ({:.3} to {:.3}) s", seconds(least), seconds(most)),
            format!("{rate:.0} MiB/s"),
            if *name == "none" { "-".to_owned() } else { format!("{processor:.2} s") },
            verdict,
        ]);
    }
    cells
}

/// The median of the times, in seconds.
fn middle(runs: &Runs) -> Option<f64> {
    let mut walls: Vec<_> = runs.as_ref().ok()?.iter().map(|sample| sample.wall).collect();
    walls.sort_unstable();
    walls.get(walls.len() / 2).map(Duration::as_secs_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_compares_with_socat_and_judges() {
        let runs = |millis: [u64; 3]| {
            let sample = |wall| Sample {
                wall: Duration::from_millis(wall),
                processor: Duration::from_millis(wall / 2),
            };
            Ok(millis.map(sample).to_vec())
        };
        let rows = [
            ("none", runs([300, 200, 250])),
            ("socat", runs([1000, 900, 1100])),
            ("colok", runs([500, 520, 480])),
        ];
        let table = table(&rows, 1000, true);
        assert_eq!(table[1][4], "0.50x");
        assert_eq!(
            table[2],
            [
                "socat",
                "1.000 (0.900 to 1.100) s",
                "1000 MiB/s",
                "0.50 s",
                "2.00x (at least 0.8x: reached)"
            ]
        );
        assert_eq!(table[3][2], "2000 MiB/s");
        let rows = [("socat", Err("skipped: no".to_owned())), ("colok", runs([1, 2, 3]))];
        assert_eq!(super::table(&rows, 1, true)[1][1], "skipped: no");
    }

    #[test]
    fn what_is_served_comes_whole() {
        let file = std::env::temp_dir().join(format!("colok-bench-relay-{}", std::process::id()));
        std::fs::write(&file, vec![7; 10_000]).expect("it can be written");
        let address = serve(&file, 3).expect("loopback can be bound");
        assert_eq!(fetch(address).ok(), Some(30_000));
        std::fs::remove_file(&file).expect("it is ours");
    }
}
