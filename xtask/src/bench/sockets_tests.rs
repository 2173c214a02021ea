//! Tests of the suite: what is chosen, what is built, and a short run of everything ours.

use std::{env, path::PathBuf};

use super::*;

fn only(words: &[&str]) -> Options {
    let only = words.iter().map(|&word| word.to_owned()).collect();
    Options { only, ..Options::new("sockets") }
}

fn measured(options: &Options) -> Vec<(String, &'static str)> {
    let mut measured = Vec::new();
    for Entry { task, rows } in entries(options) {
        for (contender, row) in rows {
            if matches!(row, Row::Measured(_)) {
                measured.push((task.name.clone(), contender.name()));
            }
        }
    }
    measured
}

#[test]
fn only_narrows_tasks_and_programs_each_for_itself() {
    assert_eq!(measured(&only(&["echo-64x64", "go"])), [("echo-64x64".to_owned(), "go")]);
    // A load of the full matrix can be named alone.
    let rare = measured(&only(&["echo-4096x16k-d16", "c-epoll"]));
    assert_eq!(rare, [("echo-4096x16k-d16".to_owned(), "c-epoll")]);
    let group = measured(&only(&["udp"]));
    assert!(group.iter().all(|(task, _)| task.starts_with("udp-")) && group.len() > 10);
    let generator = measured(&only(&["sockperf"]));
    let expected = ["generate-udp", "generate-udp-deep"].map(|task| (task.to_owned(), "sockperf"));
    assert_eq!(generator, expected);
}

#[test]
fn everything_that_only_knows_is_known() {
    assert!(words().iter().all(|word| knows(word)));
    assert!(!knows("nginx"));
    let all = measured(&Options::new("sockets"));
    let can_run = |contender: &Contender| match contender {
        Contender::Server(server) => !(server.needs_uring() && uring_is_off()),
        Contender::Generator(_) => true,
    };
    for contender in contenders().filter(can_run) {
        assert!(all.iter().any(|(_, name)| *name == contender.name()), "{}", contender.name());
    }
    let full = Options { extent: Extent::Full, ..Options::new("sockets") };
    assert!(measured(&full).len() > all.len());
}

#[test]
fn only_what_is_wanted_is_built() {
    let kits = |words: &[&str]| wanted(&entries(&only(words)));
    assert_eq!(kits(&["start", "c-epoll"]), [Kit::C]);
    assert_eq!(kits(&["echo-64x64", "compio"]), [Kit::Colok, Kit::Rust]);
    assert_eq!(kits(&["idle", "go"]), [Kit::Go]);
    assert_eq!(kits(&["start", "socat"]), []);
}

#[test]
fn a_failure_of_ours_or_of_the_base_counts_and_one_of_a_peer_is_told() {
    let mut entries = entries(&only(&["echo-64x64"]));
    let special = ["colok-busy-poll", "c-blocking", "sockperf-server", "iperf3-server"];
    assert_eq!(entries[0].rows.len(), Server::ALL.len() - special.len());
    for (contender, row) in &mut entries[0].rows {
        if ["go", "c-epoll", "colok-events"].contains(&contender.name()) {
            *row = Row::Failed("no answer".to_owned());
        }
    }
    assert_eq!(failures(&entries), ["colok-events (echo-64x64)", "c-epoll (echo-64x64)"]);
}

#[test]
fn what_is_missing_is_skipped_unless_it_is_ours() {
    let found = |name: &str| Ok(PathBuf::from(name));
    let gone = || Err("not installed".to_owned());
    let programs = |colok: Found| Programs {
        colok,
        serve: gone(),
        load: found("load"),
        trip: found("trip"),
        push: found("push"),
        hold: found("hold"),
        datagrams: found("datagrams"),
        tokio: found("tokio-echo"),
        compio: found("compio-echo"),
        go: gone(),
        socat: found("socat"),
        ncat: found("ncat"),
        sockperf: found("sockperf"),
        iperf3: found("iperf3"),
    };
    let mut some = entries(&only(&["start", "generate-udp", "go", "ncat", "colok-load"]));
    assert_eq!(skip_missing(&mut some, &programs(found("colok"))), Ok(()));
    let skipped = some
        .iter()
        .flat_map(|entry| &entry.rows)
        .filter_map(|(contender, row)| matches!(row, Row::Skipped(_)).then_some(contender.name()));
    assert_eq!(skipped.collect::<Vec<_>>(), ["go", "colok-load"]);
    let mut ours = entries(&only(&["start", "colok-events"]));
    assert_eq!(skip_missing(&mut ours, &programs(gone())).unwrap_err(), "not installed");
}

#[test]
fn a_version_is_read_from_the_lock_file() {
    let lock =
        "name = \"tokio-macros\"\nversion = \"2\"\n\nname = \"tokio\"\nversion = \"1.54.1\"\n";
    assert_eq!(locked(lock, "tokio"), "1.54.1");
    assert_eq!(locked(lock, "mio"), "not known");
}

/// The program beside this test, which a build of the whole workspace leaves there.
fn built() -> Option<PathBuf> {
    let own = env::current_exe().ok()?;
    let program = own.parent()?.parent()?.join("colok");
    program.is_file().then_some(program)
}

#[test]
fn a_short_run_measures_every_kind_of_task() {
    let Some(colok) = built() else {
        println!("skipped: no colok beside this test; `cargo build --package colok-cli` makes it");
        return;
    };
    if scratch::find("cc").is_none() {
        println!("skipped: no C compiler");
        return;
    }
    // Every kind of task; `bench sockets --small` is the same for every load and every peer.
    let tasks = ["echo-1x64", "echo-64x64", "defaults-64x64", "udp-64x64", "count-64x64"];
    let more =
        ["discard", "idle", "start", "generate", "trip-asleep", "receive", "held", "datagrams"];
    let contenders = ["c-epoll", "colok-events", "colok-load", "c-load"];
    let words = [&tasks[..], &more, &contenders].concat();
    let options = Options { rounds: 1, small: true, colok: Some(colok), ..only(&words) };
    let section = match run(&Context::detect(), &options) {
        Ok(section) => section,
        Err(problem) if problem.contains("two processors") || problem.contains("tmpfs") => {
            println!("skipped: {problem}");
            return;
        }
        Err(problem) => panic!("{problem}"),
    };
    assert_eq!(section.failures, [""; 0], "{}", section.text);
    let rows = |name: &str| section.text.matches(&format!("\n| {name} ")).count();
    // Datagrams have one loop under every model; its row there is that of another model.
    let (base, ours) = (rows("c-epoll"), rows("colok-events") + 2);
    assert!(base >= 12 && ours == base, "{}", section.text);
    assert_eq!(section.pictures.len(), 5);
}
