//! SIGTERM: what was sent before it is answered, nobody sees a reset, the totals are told.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::common::Serving;
use crate::support::{
    Folder, MODELS, connect, each_of, echo_line, flood, place_of, read_to_end, serve, wait_until,
};

const CLIENTS: usize = 50;

/// Lines that every client has exchanged before the signal.
const LINES_MIN: usize = 20;

/// A server that logs to a file and prints its plain lines, and where it listens.
fn serve_with_log(model: &str, folder: &Folder) -> (Serving, String) {
    let file = folder.file(&format!("{model}.json"));
    let log = format!("json:{file}");
    let serving =
        Serving::plain(&["serve", "--model", model, "--log", &log, "echo=tcp://127.0.0.1:0"]);
    let mut place = None;
    wait_until("it listens", || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let mut events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let started = events.find(|event| event["event"] == "started");
        place = started.and_then(|event| Some(place_of(event["address"].as_str()?).to_owned()));
        place.is_some()
    });
    (serving, place.expect("it listens"))
}

/// How a client's talk ended.
#[derive(Debug)]
enum End {
    /// The server ended after an answer, or before any byte of the answer to a line that was sent
    /// at this time.
    Clean { unanswered: Option<Instant>, exchanged: usize },
    /// A reset, or an answer that was cut.
    Broken(String),
}

/// Exchanges numbered lines until the server ends.
fn talk(mut stream: TcpStream, client: usize, exchanged: &AtomicUsize) -> End {
    for number in 0_usize.. {
        let line = format!("client {client} line {number}\n");
        if let Err(error) = stream.write_all(line.as_bytes()) {
            return End::Broken(format!("writing line {number}: {error}"));
        }
        let sent = Instant::now();
        let mut answer = vec![0; line.len()];
        let mut length = 0;
        while length < answer.len() {
            match stream.read(&mut answer[length..]) {
                Ok(0) if length == 0 => {
                    return End::Clean { unanswered: Some(sent), exchanged: number };
                }
                Ok(0) => return End::Broken(format!("line {number} was cut after {length}")),
                Ok(more) => length += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return End::Broken(format!("reading line {number}: {error}")),
            }
        }
        if answer != line.as_bytes() {
            return End::Broken(format!("another answer to line {number}"));
        }
        exchanged.store(number + 1, Ordering::Relaxed);
    }
    End::Clean { unanswered: None, exchanged: 0 }
}

#[test]
fn what_was_sent_before_sigterm_is_answered_and_nobody_sees_a_reset() {
    let folder = Folder::new();
    each_of(&MODELS, |model| {
        let (serving, place) = serve_with_log(model, &folder);
        let exchanged: Vec<AtomicUsize> = (0..CLIENTS).map(|_| AtomicUsize::new(0)).collect();
        let (signalled, ends) = thread::scope(|scope| {
            let talks: Vec<_> = exchanged
                .iter()
                .enumerate()
                .map(|(client, exchanged)| {
                    // On `sequential` the first has its turn; the others wait in the backlog, with
                    // their first line sent.
                    let stream = connect(&place);
                    scope.spawn(move || talk(stream, client, exchanged))
                })
                .collect();
            let busy = if model == "sequential" { 1 } else { CLIENTS };
            wait_until("every client is busy", || {
                exchanged[..busy].iter().all(|count| count.load(Ordering::Relaxed) >= LINES_MIN)
            });
            let signalled = Instant::now();
            serving.signal(Signal::TERM);
            let join = |talk: thread::ScopedJoinHandle<'_, End>| talk.join().expect("no panic");
            (signalled, talks.into_iter().map(join).collect::<Vec<End>>())
        });
        let mut lines = 0;
        for (client, end) in ends.iter().enumerate() {
            match end {
                End::Clean { unanswered, exchanged } => {
                    lines += exchanged;
                    assert!(
                        unanswered.is_none_or(|sent| sent >= signalled),
                        "{model}: client {client} sent before the signal and had no answer"
                    );
                }
                End::Broken(how) => panic!("{model}: client {client}: {how}"),
            }
        }
        let (code, output) = serving.end();
        println!("{model}: {lines} lines answered, ended {:?} after it", signalled.elapsed());
        assert_eq!(code, Some(0), "{model}");
        let totals = output.last().expect("the totals are printed");
        assert!(totals.contains(&format!("{CLIENTS} ")), "{model}: {totals}");
    });
}

#[test]
fn idle_clients_see_a_clean_end_at_sigterm() {
    each_of(&MODELS, |model| {
        let serving = serve(model, &["echo=tcp://127.0.0.1:0?idle=5m"]);
        let count = if model == "sequential" { 1 } else { 20 };
        let mut clients: Vec<_> = (0..count).map(|_| connect(serving.place())).collect();
        for client in &mut clients {
            echo_line(client, "hello\n").expect("it is served");
        }
        serving.signal(Signal::TERM);
        for client in &mut clients {
            assert!(read_to_end(client).is_empty(), "{model}");
        }
        drop(clients);
        for _ in 0..count {
            assert_eq!(serving.event("closed")["reason"], "shutdown", "{model}");
        }
        assert_eq!(serving.event("stopped")["connections"], count, "{model}");
        assert_eq!(serving.end().0, Some(0), "{model}");
    });
}

#[test]
fn a_second_signal_ends_at_once_on_every_model() {
    each_of(&MODELS, |model| {
        let serving = serve(model, &["--drain", "10m", "echo=tcp://127.0.0.1:0?idle=10m"]);
        let mut client = connect(serving.place());
        echo_line(&mut client, "hello\n").expect("it is served");
        // What it does not read is in flight, so the server would wait for the drain time.
        flood(&mut client);
        serving.signal(Signal::TERM);
        serving.event("stopping");
        let second = Instant::now();
        serving.signal(Signal::TERM);
        let (code, _) = serving.end();
        println!("{model}: ended {:?} after the second signal", second.elapsed());
        assert_eq!(code, Some(130), "{model}");
        assert!(second.elapsed() < Duration::from_secs(20), "{model}: it drained");
    });
}
