//! `bench files`: the file store beside nc, an rsync daemon, and curl with nginx.
//!
//! Everything runs with its own defaults over TCP on loopback. What differs from a default is set
//! for a reason that stands beside it. The commands of the peers are in [`peers`], those of colok
//! here.

mod peers;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use peers::Nagle;

use super::{
    Options, machine,
    measure::{self, Contender, Life, Place, Target, Task, Trial},
    report::{Report, Table},
    scratch::{MIB, Scratch, plain_command, random_file, same_file, same_folder},
};
use crate::{
    context::Context,
    process::{self, cargo},
};

/// The tasks, as `--only` knows them.
pub(crate) const TASKS: [&str; 3] = ["upload", "download", "small"];

/// The programs, as `--only` knows them.
pub(crate) const CONTENDERS: [&str; 8] = [
    "colok",
    "colok-uring",
    "colok-events",
    "colok-threads",
    "rsync",
    "rsync-nodelay",
    "nc",
    "curl",
];

/// Everything that `--only` knows.
pub(crate) const WORDS: [&str; 11] = [
    "upload",
    "download",
    "small",
    "colok",
    "colok-uring",
    "colok-events",
    "colok-threads",
    "rsync",
    "rsync-nodelay",
    "nc",
    "curl",
];

/// A model of the server as a row.
#[derive(Clone, Copy)]
struct Model {
    contender: &'static str,
    /// Of the flag.
    word: &'static str,
    about: &'static str,
    target: Option<Target>,
}

/// The one that colok chooses, and others beside it.
const MODELS: [Model; 4] = [
    Model { contender: "colok", word: "auto", about: "", target: None },
    Model {
        contender: "colok-uring",
        word: "uring",
        about: "the same with a server of the model uring",
        target: Some(Target::OfFastest(1.0, &["colok-events", "colok-threads"])),
    },
    Model {
        contender: "colok-events",
        word: "events",
        about: "the same with a server of the model events",
        target: None,
    },
    Model {
        contender: "colok-threads",
        word: "threads",
        about: "the same with a server of the model threads",
        target: None,
    },
];

/// A large file, as it is called everywhere.
const LARGE: &str = "large";

/// The folder of small files, as it is called everywhere.
const SMALL: &str = "small";

/// Bytes of a small file.
const SMALL_BYTES: u64 = 4096;

/// How much work is measured.
struct Work {
    large_mib: u64,
    small_files: u64,
    /// Written and deleted before each run: more than a run writes.
    warm_mib: u64,
}

impl Work {
    const MEANT: Self = Self { large_mib: 1024, small_files: 10_000, warm_mib: 1331 };
    const LITTLE: Self = Self { large_mib: 64, small_files: 500, warm_mib: 84 };

    /// In bytes: the source, a stored copy and one that was fetched, the memory that is warmed,
    /// and room for the small files and the programs.
    fn memory(&self) -> u64 {
        (3 * self.large_mib + self.warm_mib + 512) * MIB
    }
}

/// Paths that every trial needs.
struct Surroundings {
    /// Holds [`LARGE`] and [`SMALL`].
    source: PathBuf,
    colok: Result<PathBuf, String>,
}

/// Builds colok, makes the data and runs everything that is wanted.
pub(crate) fn run(context: &Context, options: &Options) -> Result<Report, String> {
    if options.install {
        super::install(context, &peers::PACKAGES)?;
    }
    let work = if options.small { Work::LITTLE } else { Work::MEANT };
    let ours = MODELS.map(|model| model.contender);
    let is_wanted = |task| ours.iter().any(|contender| options.wants(task, contender));
    let colok = if let Some(program) = &options.colok {
        Ok(program.clone())
    } else if TASKS.iter().any(|task| is_wanted(task)) {
        build(context)
    } else {
        Err("left out by --only".to_owned())
    };
    let scratch = Scratch::make(&options.folder, work.memory())?;
    let source = scratch.join("source");
    println!("making the data below {}", source.display());
    make_data(&source, &work)?;
    let surroundings = Surroundings { source, colok };
    let load = machine::load();
    let tables = tasks(&surroundings, &work).into_iter().map(|task| {
        let rows = measure::run(&scratch, options, &task, work.warm_mib);
        Table::new(&task, rows)
    });
    let tables = tables.collect();
    Ok(Report {
        title: "Files: colok, rsync, nc, and curl with nginx".to_owned(),
        facts: facts(context, options, &surroundings, &load),
        tables,
        notes: notes(&work),
        judged: !options.small,
    })
}

/// The program that is measured is always built from the tree as it is.
pub(super) fn build(context: &Context) -> Result<PathBuf, String> {
    let words = ["build", "--release", "--locked", "--package", "colok-cli"];
    process::run(context, &mut cargo(context, words))?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let program = context.root.join(target).join("release/colok");
    if program.is_file() {
        return Ok(program);
    }
    Err(format!("the build left no {}", program.display()))
}

fn make_data(source: &Path, work: &Work) -> Result<(), String> {
    let small = source.join(SMALL);
    fs::create_dir_all(&small)
        .map_err(|error| format!("cannot make {}: {error}", small.display()))?;
    random_file(&source.join(LARGE), work.large_mib * MIB)?;
    let digits = work.small_files.to_string().len();
    (0..work.small_files).try_for_each(|number| {
        random_file(&small.join(format!("file-{number:0digits$}")), SMALL_BYTES)
    })
}

fn tasks<'a>(surroundings: &'a Surroundings, work: &Work) -> Vec<Task<'a>> {
    let Work { large_mib, small_files, .. } = work;
    vec![
        Task {
            name: "upload",
            title: format!("Upload of one file of {large_mib} MiB"),
            contenders: with_ours(
                surroundings,
                colok_upload,
                vec![
                    peers::rsync_upload(&surroundings.source, Nagle::On),
                    peers::rsync_upload(&surroundings.source, Nagle::Off),
                    peers::nc_upload(&surroundings.source),
                ],
            ),
        },
        Task {
            name: "download",
            title: format!("Download of one file of {large_mib} MiB"),
            contenders: with_ours(
                surroundings,
                colok_download,
                vec![peers::curl_download(&surroundings.source)],
            ),
        },
        Task {
            name: "small",
            title: format!("Upload of {small_files} files of 4 KiB in one folder"),
            contenders: with_ours(
                surroundings,
                colok_small,
                vec![
                    peers::rsync_small(&surroundings.source, Nagle::On),
                    peers::rsync_small(&surroundings.source, Nagle::Off),
                ],
            ),
        },
    ]
}

fn colok_upload(surroundings: &Surroundings, model: Model) -> Contender<'_> {
    colok(
        (surroundings, model),
        "`colok send --durability none`: read, sent, hashed at both ends, written, published under \
         its name; the receipt with the BLAKE3 hash that the server computed is the check",
        |colok, source, place| {
            let file = source.join(LARGE);
            let mut client = colok.verb("send", place);
            client.args(["--durability", "none"]).arg(&file);
            let stored = store(place).join(LARGE);
            colok.trial(place, client, move || same_file(&file, &stored))
        },
    )
}

fn colok_download(surroundings: &Surroundings, model: Model) -> Contender<'_> {
    colok(
        (surroundings, model),
        "`colok get -o FILE`: sent, hashed by the client, compared with the hash that the server \
         kept when the file was stored (before the time), written, put under its name",
        |colok, source, place| {
            let file = source.join(LARGE);
            let fetched = place.folder.join("fetched");
            let mut client = colok.verb("get", place);
            client.arg(LARGE).arg("-o").arg(&fetched);
            let mut store = colok.verb("send", place);
            store.args(["--durability", "none"]).arg(&file);
            let mut trial = colok.trial(place, client, move || same_file(&file, &fetched));
            trial.prepare.push(store);
            trial
        },
    )
}

fn colok_small(surroundings: &Surroundings, model: Model) -> Contender<'_> {
    colok(
        (surroundings, model),
        "`colok send -r --durability none`: each file read, sent on one connection, hashed at both \
         ends, written, published in one step; a receipt for each is the check",
        |colok, source, place| {
            let folder = source.join(SMALL);
            let mut client = colok.verb("send", place);
            client.args(["--durability", "none", "-r"]).arg(&folder);
            let stored = store(place).join(SMALL);
            colok.trial(place, client, move || same_folder(&folder, &stored))
        },
    )
}

/// A row for each model, then the others.
fn with_ours<'a>(
    surroundings: &'a Surroundings,
    ours: fn(&'a Surroundings, Model) -> Contender<'a>,
    others: Vec<Contender<'a>>,
) -> Vec<Contender<'a>> {
    MODELS.map(|model| ours(surroundings, model)).into_iter().chain(others).collect()
}

fn colok<'a>(
    (surroundings, model): (&'a Surroundings, Model),
    includes: &'static str,
    trial: fn(&Colok<'_>, &Path, &Place) -> Trial,
) -> Contender<'a> {
    let run = move |place: &Place| {
        let program = surroundings.colok.as_ref().map_err(Clone::clone)?;
        let colok = Colok { program, model: model.word };
        Ok(trial(&colok, &surroundings.source, place))
    };
    // A build that fails is a failure and not a missing program: the trial reports it.
    let missing = (model.word == "uring" && super::sockets::uring_is_off())
        .then(|| "io_uring is switched off here".to_owned());
    let includes = if model.contender == "colok" { includes } else { model.about };
    let Model { contender: name, target, .. } = model;
    Contender { name, includes, target, missing, trial: Box::new(run) }
}

/// The program that is measured.
struct Colok<'a> {
    program: &'a Path,
    /// Of the server.
    model: &'static str,
}

impl Colok<'_> {
    fn verb(&self, verb: &str, place: &Place) -> Command {
        // A home of its own for each run: no hash of a local file is known from the run before.
        let mut command = plain_command(self.program, &place.folder);
        command.arg(verb).arg(place.address.to_string());
        command
    }

    fn trial(
        &self,
        place: &Place,
        client: Command,
        check: impl FnOnce() -> Result<(), String> + 'static,
    ) -> Trial {
        let mut server = plain_command(self.program, &place.folder);
        server.arg("serve").arg(format!("files=tcp://{}", place.address));
        // The rsync daemon writes no line for each file either.
        server.args(["--quiet", "--model", self.model, "--root"]).arg(store(place));
        let prepare = Vec::new();
        Trial { server, life: Life::Long, prepare, client, check: Box::new(check) }
    }
}

fn store(place: &Place) -> PathBuf {
    place.folder.join("store")
}

fn facts(
    context: &Context,
    options: &Options,
    surroundings: &Surroundings,
    load: &str,
) -> Vec<String> {
    let mut facts = machine::facts(context);
    facts.push(format!("Load before the first run (average of a minute): {load}"));
    facts.push(format!("Command: `{}`", options.command()));
    facts.push(format!("Files on: tmpfs ({})", options.folder.display()));
    facts.push(match &surroundings.colok {
        Ok(program) => format!("colok: {}", machine::said(Command::new(program).arg("--version"))),
        Err(reason) => format!("colok: {reason}"),
    });
    facts.extend(peers::versions());
    facts
}

fn notes(work: &Work) -> Vec<String> {
    let warm = work.warm_mib;
    let text = [
        "Time: median (smallest to largest) from the start of the client until it has ended, for \
         nc until the receiver has ended too. Servers listen before the time starts.",
        "In each round each program has one run, in an order that moves on by one from round to \
         round. Each run has a fresh server and an empty store.",
        "CPU: user and system time of all processes of both ends, in steps of 10 ms, until the \
         server has come to rest. Of `nc -l` it includes the start of the program.",
        "Server's memory: the largest sum of the peaks (VmHWM) of the server's processes. The \
         processes of rsync and nc that do the work end with it, before theirs could be read.",
        "Every result is compared with what was sent, byte by byte, after the time; a run with a \
         wrong result counts as failed.",
        "All programs use their own defaults, on TCP over loopback: no buffer sizes are set for \
         any. colok, curl and nginx set TCP_NODELAY by themselves, rsync and nc do not; rsync then \
         waits about 0.1 s for delayed acknowledgements, so the row rsync-nodelay is the one with \
         the same socket options. nc has no such option.",
        "Nobody syncs to a disk. The rsync daemon looks up no names and runs as whoever runs the \
         benchmark; nginx has the settings of Debian's nginx.conf (sendfile on). colok serves with \
         --quiet, because the rsync daemon writes no line for each file by default.",
        "Data: random bytes.",
        "Not measured: a network between two machines, a real disk and durability above none, \
         the other models of the server, resumed transfers, many clients \
         at once, the memory of clients.",
    ];
    let mut notes: Vec<_> = text.map(str::to_owned).into();
    notes.insert(
        2,
        format!("Right before each time {warm} MiB are written and deleted on the tmpfs."),
    );
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_knows_every_task_and_every_program() {
        let surroundings =
            Surroundings { source: "/source".into(), colok: Err("not built".to_owned()) };
        let tasks = tasks(&surroundings, &Work::LITTLE);
        let names: Vec<_> = tasks.iter().map(|task| task.name).collect();
        assert_eq!(names, TASKS);
        let contenders = tasks.iter().flat_map(|task| &task.contenders);
        for contender in contenders {
            assert!(CONTENDERS.contains(&contender.name), "{}", contender.name);
            let without = ["colok", "colok-events", "colok-threads"].contains(&contender.name);
            assert_eq!(contender.target.is_none(), without, "{}", contender.name);
        }
        let words: Vec<_> = TASKS.iter().chain(&CONTENDERS).copied().collect();
        assert_eq!(words, WORDS);
    }
}
