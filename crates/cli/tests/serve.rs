//! `colok serve` from outside: the table, the log, the totals, the signals.

mod common;

use std::io::Read as _;
use std::net::TcpStream;
use std::process::Stdio;

use common::{Serving, colok, colok_with, command, runnable, wait};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

#[test]
fn the_table_has_the_line_to_type() {
    let serving = Serving::plain(&[
        "serve",
        "--model",
        "threads",
        "echo=tcp://localhost:0",
        "count=udp://127.0.0.1:0",
    ]);
    assert_eq!(serving.line(), "colok serves (model threads):");
    let titles = serving.line();
    let titles: Vec<&str> = titles.split("  ").filter(|word| !word.is_empty()).collect();
    assert_eq!(titles.join("|").replace("| ", "|"), "service|address|in another terminal");
    let rows = [serving.line(), serving.line()];
    assert!(rows[0].trim_start().starts_with("echo "), "{}", rows[0]);
    assert!(rows[1].trim_start().starts_with("count "), "{}", rows[1]);
    let typed = |row: &str| row.rsplit("  ").next().expect("it has a last column").to_owned();
    for (row, input, reply) in [
        (&rows[0], "hello", "hello"),
        (&rows[1], "halo", "Jumlah karakter dalam kalimat tersebut ada: 4"),
    ] {
        let typed = typed(row);
        let arguments: Vec<&str> = typed.split(' ').skip(1).collect();
        assert_eq!(colok_with(&arguments, input.as_bytes()).text(), reply, "{typed}");
    }
    assert_eq!(serving.line(), "Ctrl-C stops.");
}

#[test]
fn the_log_is_in_plain_words_and_the_totals_are_told() {
    for (language, connected, closed, stopping, totals) in [
        ("en", "#1 echo: connected ", "#1 echo: closed after ", "stopping", "stopped: 1 "),
        (
            "id",
            "#1 echo: tersambung ",
            "#1 echo: ditutup setelah ",
            "sedang berhenti",
            "berhenti: 1 ",
        ),
    ] {
        let arguments = ["serve", "echo=tcp://127.0.0.1:0", "--lang", language, "-v"];
        let serving = Serving::plain(&arguments);
        let row = serving.line_with("tcp://127.0.0.1:");
        let place = row.rsplit(' ').next().expect("it ends with the address").to_owned();
        let talk = colok(&["connect", &place, "--send", "quit\\n", "--expect", "quit\\n"]);
        assert_eq!((talk.code, talk.text().as_str()), (Some(0), "quit\n"));
        let line = serving.line_with(connected);
        assert!(line.contains(&format!(" -> {place}")), "{line}");
        let message = serving.line_with(" 4 B: ");
        assert!(message.ends_with(" 4 B: quit"), "{message}");
        let line = serving.line_with(closed);
        assert!(line.contains(": quit (5 B "), "{line}");
        serving.signal(Signal::TERM);
        serving.line_with(stopping);
        let last = serving.line_with(totals);
        assert!(last.contains(" 5 B "), "{last}");
        assert_eq!(serving.end(), (Some(0), vec![]));
    }
}

#[test]
fn the_json_log_has_every_event_with_its_time() {
    let folder = std::env::temp_dir().join(format!("colok-serve-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let path = folder.join("log.json");
    // What is there stays there.
    std::fs::write(&path, "{\"event\":\"older\"}\n").expect("the file can be written");
    let log = format!("json:{}", path.display());
    let serving = Serving::plain(&["serve", "echo=tcp://127.0.0.1:0", "--log", &log]);
    let row = serving.line_with("tcp://127.0.0.1:");
    let place = row.rsplit(' ').next().expect("it ends with the address").to_owned();
    assert_eq!(colok_with(&["connect", &place], b"hi\n").text(), "hi\n");
    serving.line_with("closed");
    serving.signal(Signal::TERM);
    assert_eq!(serving.end().0, Some(0));

    let text = std::fs::read_to_string(&path).expect("the log is there");
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
    let events: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    let mut names: Vec<&str> =
        events.iter().map(|event| event["event"].as_str().expect("it has a name")).collect();
    if runnable(&["uring"]).is_empty() {
        // Then `auto` says that it has chosen another model.
        names.retain(|name| *name != "notice");
    }
    names.dedup();
    names.sort_unstable();
    let expected =
        ["accepted", "closed", "message", "older", "replied", "started", "stopped", "stopping"];
    assert_eq!(names, expected);
    for event in &events[1..] {
        let time = event["time"].as_str().expect("it has a time");
        assert_eq!((time.len(), &time[10..11], &time[26..]), (27, "T", "Z"), "{time}");
    }
    let closed = events.iter().find(|event| event["event"] == "closed").expect("it was closed");
    assert_eq!(closed["reason"], "peer-closed");
    assert_eq!((&closed["bytes_received"], &closed["bytes_sent"]), (&3.into(), &3.into()));
    assert_eq!(closed["local"], place);
}

#[test]
fn a_second_signal_ends_at_once() {
    let serving =
        Serving::start(&["chargen=tcp://127.0.0.1:0?idle=1h", "--drain", "1h", "--calls"], 1);
    let client = TcpStream::connect(serving.place()).expect("it listens");
    // The client never reads: once a write finds no room, the server has something to wait for.
    let eagain = rustix::io::Errno::AGAIN.raw_os_error();
    loop {
        let call = serving.event("call");
        let name = call["call"].as_str().expect("it has a name").to_owned();
        let found_none = ["write", "sendmsg"].contains(&name.as_str()) && call["errno"] == eagain;
        // A ring is given the whole of its room (16 KiB), and says how much of that was taken.
        let found_little = name == "send" && call["result"].as_i64() < Some(16 * 1024);
        if found_none || found_little {
            break;
        }
    }
    serving.signal(Signal::INT);
    serving.event("stopping");
    serving.signal(Signal::INT);
    assert_eq!(serving.end().0, Some(130));
    drop(client);
}

#[test]
fn quiet_is_quiet() {
    let serving = Serving::start(&["echo=tcp://127.0.0.1:0"], 1);
    let address = serving.addresses[0].clone();
    serving.signal(Signal::TERM);
    assert_eq!(serving.end().0, Some(0));
    // The port is free again, and known.
    let service = format!("echo={address}");
    let quiet = Serving::plain(&["serve", "--quiet", &service]);
    let talk = ["connect", &address, "--retry", "60s", "--send", "x", "--expect", "x"];
    assert_eq!(colok(&talk).code, Some(0));
    quiet.signal(Signal::INT);
    assert_eq!(quiet.end(), (Some(0), vec![]));
}

#[test]
fn a_reader_that_goes_does_not_stop_the_service() {
    let mut command = command(&["serve", "echo=tcp://127.0.0.1:0", "-v"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut stdout = child.stdout.take().expect("it is piped");
    let mut text = String::new();
    while !text.contains("Ctrl-C") {
        let mut byte = [0];
        stdout.read_exact(&mut byte).expect("the table comes");
        text.push(char::from(byte[0]));
    }
    drop(stdout);
    let row = text.lines().find(|line| line.contains("tcp://")).expect("it is in the table");
    let place = row.rsplit(' ').next().expect("it ends with the address");
    for _ in 0..3 {
        assert_eq!(colok_with(&["connect", place], b"still here").text(), "still here");
    }
    child.kill().expect("it runs");
    wait(&mut child);
}

#[test]
fn a_reader_that_stops_reading_does_not_keep_the_service_from_ending() {
    let mut command = command(&["serve", "echo=tcp://127.0.0.1:0", "-v", "--drain", "1s"]);
    // Errors have nowhere to go either.
    let (reading, writing) = std::io::pipe().expect("a descriptor is left");
    command.stdout(writing.try_clone().expect("a descriptor is left")).stderr(writing);
    let mut child = command.spawn().expect("it starts");
    drop(command);
    let mut text = String::new();
    while !text.contains("Ctrl-C") {
        let mut byte = [0];
        (&reading).read_exact(&mut byte).expect("the table comes");
        text.push(char::from(byte[0]));
    }
    let row = text.lines().find(|line| line.contains("tcp://")).expect("it is in the table");
    let place = row.rsplit(' ').next().expect("it ends with the address");
    // Two lines of the log each: far more than the pipe and the queue hold.
    let lines = b"a line that is sent and logged\n".repeat(6000);
    assert_eq!(colok_with(&["connect", place], &lines).out, lines);
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    assert_eq!(wait(&mut child).code(), Some(0));
    drop(reading);
}

#[test]
fn a_limit_per_address_holds_on_loopback_when_it_was_asked_for() {
    let serving = Serving::start(&["echo=tcp://127.0.0.1:0?idle=1h", "--max-per-ip", "1"], 1);
    let first = TcpStream::connect(serving.place()).expect("it listens");
    serving.event("accepted");
    let second = TcpStream::connect(serving.place()).expect("it listens");
    assert_eq!(serving.event("refused")["reason"], "max-per-ip");
    drop((first, second));
}

#[test]
fn control_characters_of_a_peer_reach_no_log() {
    let serving = Serving::plain(&["serve", "echo=tcp://127.0.0.1:0", "-v"]);
    let row = serving.line_with("tcp://127.0.0.1:");
    let place = row.rsplit(' ').next().expect("it ends with the address").to_owned();
    let nasty = b"\x1b[2J\x07\xff\n";
    assert_eq!(colok_with(&["connect", &place], nasty).out, nasty);
    let line = serving.line_with("message of");
    assert!(line.ends_with("message of 6 B: \\u{1b}[2J\\u{7}\\xff"), "{line}");
}

#[test]
fn calls_are_shown_as_they_happen() {
    let arguments = ["serve", "echo=tcp://127.0.0.1:0", "--calls", "--model", "threads"];
    let serving = Serving::plain(&arguments);
    let row = serving.line_with("tcp://127.0.0.1:");
    let place = row.rsplit(' ').next().expect("it ends with the address").to_owned();
    for call in ["socket(AF_INET, SOCK_STREAM) = ", "bind(", "listen("] {
        serving.line_with(call);
    }
    assert_eq!(colok_with(&["connect", &place], b"hello").text(), "hello");
    for call in ["accept4(", "read("] {
        let line = serving.line_with(call);
        assert!(line.ends_with(" ms)"), "{line}");
    }
}

#[test]
fn operations_of_a_ring_are_shown_without_a_time() {
    if runnable(&["uring"]).is_empty() {
        return;
    }
    let arguments = ["serve", "echo=tcp://127.0.0.1:0", "--calls", "--model", "uring"];
    let serving = Serving::plain(&arguments);
    let row = serving.line_with("tcp://127.0.0.1:");
    let place = row.rsplit(' ').next().expect("it ends with the address").to_owned();
    assert_eq!(colok_with(&["connect", &place], b"hello").text(), "hello");
    let mut descriptor = None;
    for (operation, result) in [("recv", ") = 5 "), ("send", ") = 5 "), ("close", ") = 0 ")] {
        let line = serving.line_with(&format!(" {operation}("));
        assert!(line.contains(result) && line.ends_with(" (io_uring)"), "{line}");
        let of = line.split(['(', ')']).nth(1).expect("a descriptor").to_owned();
        assert_eq!(*descriptor.get_or_insert(of.clone()), of, "{line}");
    }
}

/// What is sent and the end of the stream may come to a worker as one thing; then nothing else
/// comes that would wake it, so all of it must be done in one turn, watched or not.
#[test]
fn what_comes_together_with_its_end_is_answered() {
    let name = format!("@colok-together-{}", std::process::id());
    for model in runnable(&["events", "uring"]) {
        for detail in ["--quiet", "--verbose"] {
            let unix = format!("unix:{name}-{model}{detail}");
            let service = format!("echo={unix}?idle=1h");
            let serving =
                Serving::plain(&["serve", "--workers", "1", "--model", model, detail, &service]);
            for text in ["a\n", "no newline", "one\nquit\n"] {
                let output = colok_with(&["connect", &unix, "--retry", "30s"], text.as_bytes());
                assert_eq!((output.code, output.text().as_str()), (Some(0), text), "{model}");
            }
            serving.signal(Signal::TERM);
            assert_eq!(serving.end().0, Some(0), "{model}");
        }
    }
}

#[test]
fn a_worker_that_polls_answers_and_stops_as_any() {
    if runnable(&["uring"]).is_empty() {
        return;
    }
    let arguments =
        ["--model", "uring", "--busy-poll", "50us", "--workers", "1", "echo=tcp://127.0.0.1:0"];
    let serving = Serving::start(&arguments, 1);
    assert_eq!(colok_with(&["connect", serving.place()], b"hello\nquit\n").text(), "hello\nquit\n");
    assert_eq!(serving.event("closed")["reason"], "quit");
    serving.signal(Signal::TERM);
    assert_eq!(serving.end().0, Some(0));
}
