//! What a server does when it has, or may have, no more: it pauses, refuses with a reason, and
//! lets no peer write to its terminal or its log.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::Serving;
use crate::support::{
    CONCURRENT_MODELS, MODELS, allow_many_descriptors, children, connect, connect_udp, each_of,
    echo_line, pace, place_of, processor_ticks, serve, wait_until,
};

/// Descriptors that each process of the server may have, and the clients that want one.
const DESCRIPTORS: u64 = 64;
const CLIENTS: usize = 200;

/// How long processor time is measured while accepting pauses.
const MEASURED: Duration = Duration::from_secs(1);

#[test]
fn out_of_descriptors_accepting_pauses_without_a_busy_loop_and_resumes() {
    allow_many_descriptors();
    each_of(&CONCURRENT_MODELS, |model| {
        // The limit of connections that is made from the descriptors would refuse before.
        let many = CLIENTS.to_string();
        let options = ["--model", model, "--workers", "2", "--max-connections", &many];
        let service = "echo=tcp://127.0.0.1:0?idle=5m";
        let serving = Serving::with_descriptors(DESCRIPTORS, &[&options[..], &[service]].concat());
        // Once it serves, so that all workers are there.
        echo_line(&mut connect(serving.place()), "hello\n").expect("it is served");
        let workers = children(serving.pid());
        let processes =
            if workers.is_empty() { vec![serving.pid()] } else { Vec::from_iter(workers) };
        let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| connect(serving.place())).collect();
        let paused = serving.event("paused");
        assert_eq!(paused["errno"], 24, "EMFILE is why");
        let ticks = || processes.iter().map(|&process| processor_ticks(process)).sum::<u64>();
        let (before, start) = (ticks(), Instant::now());
        pace(MEASURED);
        let used = Duration::from_millis((ticks() - before) * 10);
        println!("{model}: {used:?} of processor time in {:?} of pause", start.elapsed());
        assert!(used < MEASURED / 4, "{model}: it is busy while it waits");

        drop(clients);
        let told = paused_until_resumed(&serving);
        // Each worker process has descriptors of its own; otherwise it is told once.
        assert!(told < processes.len(), "{model}: it told {told} more times that it pauses");
        echo_line(&mut connect(serving.place()), "I am new\n").expect("it is served again");
        serving.signal(Signal::TERM);
        let (code, lines) = serving.end();
        assert_eq!(code, Some(0), "{model}");
        let count = |name: &str| lines.iter().filter(|line| line.contains(name)).count();
        // While the clients leave there may be a short pause more; each is told with its end.
        let again = count(r#""event":"paused""#);
        println!("{model}: {again} more pauses as they left");
        assert!(again <= 8, "{model}: {again} more pauses");
        let resumed = count(r#""event":"resumed""#);
        assert_eq!(resumed, again + told, "{model}: each pause is told with its end");
    });
}

/// Reads the log up to the next `resumed`; says how many `paused` stood before it.
fn paused_until_resumed(serving: &Serving) -> usize {
    let mut paused = 0;
    loop {
        let line = serving.line();
        if line.contains(r#""event":"resumed""#) {
            return paused;
        }
        paused += usize::from(line.contains(r#""event":"paused""#));
    }
}

#[test]
fn refused_clients_read_the_reason_with_a_mebibyte_behind() {
    each_of(&CONCURRENT_MODELS, |model| {
        for (option, places, reason, text) in [
            ("--max-per-ip", 2, "max-per-ip", "refused: too many connections from your address\n"),
            (
                "--max-connections",
                3,
                "max-connections",
                "refused: the server is full, try again later\n",
            ),
        ] {
            let serving =
                serve(model, &[option, &places.to_string(), "echo=tcp://127.0.0.1:0?idle=5m"]);
            let mut held: Vec<TcpStream> = (0..places).map(|_| connect(serving.place())).collect();
            for client in &mut held {
                echo_line(client, "hello\n").expect("it is served");
            }
            for _ in 0..5 {
                let told = refused(connect(serving.place()));
                assert_eq!(told, text, "{model}");
                assert_eq!(serving.event("refused")["reason"], reason, "{model}");
            }
            // A place that is given back is there for the next.
            drop(held.pop());
            wait_until("the place is free", || is_served(connect(serving.place())));
        }
    });
}

/// Whether a client is served rather than refused.
fn is_served(mut client: TcpStream) -> bool {
    let mut answer = [0; 6];
    client.write_all(b"again\n").is_ok()
        && client.read_exact(&mut answer).is_ok()
        && &answer == b"again\n"
}

/// Sends a mebibyte, then reads what the server had to say.
fn refused(mut client: TcpStream) -> String {
    // The server may have closed before it was all sent; the reason must still be there.
    let _ = client.write_all(&vec![b'x'; 1024 * 1024]);
    let mut told = Vec::new();
    let _ = client.read_to_end(&mut told);
    String::from_utf8(told).expect("it is text")
}

#[test]
fn control_characters_of_peers_are_never_shown_raw() {
    let message = "\u{1b}[31mred\u{7}\u{9b}2J\u{202e}\r\u{8}\u{0}\n";
    each_of(&MODELS, |model| {
        for output in [&["--log", "json:-"][..], &["-v"], &["-v", "--lang", "id"]] {
            let services = ["echo=tcp://127.0.0.1:0", "echo=udp://127.0.0.1:0"];
            let arguments = [&["serve", "--model", model], output, &services].concat();
            let serving = Serving::plain(&arguments);
            let tcp = address_in(&serving, "tcp://");
            let mut client = connect(&tcp);
            client.write_all(message.as_bytes()).expect("it is taken");
            client.read_exact(&mut vec![0; message.len()]).expect("it comes back");
            drop(client);
            let udp = address_in(&serving, "udp://");
            let client = connect_udp(&udp);
            client.send(message.as_bytes()).expect("it is taken");
            assert_eq!(client.recv(&mut [0; 64]).expect("it comes back"), message.len());
            serving.signal(Signal::TERM);
            let (code, lines) = serving.end();
            assert_eq!(code, Some(0));
            let text = lines.join("\n");
            assert!(text.contains("31mred"), "{model} {output:?}: it was not logged: {text}");
            let raw = text.chars().find(|&c| (c.is_control() && c != '\n') || c == '\u{202e}');
            assert_eq!(raw, None, "{model} {output:?}: {text}");
        }
    });
}

/// The first address of a kind in what the server prints.
fn address_in(serving: &Serving, scheme: &str) -> String {
    let line = serving.line_with(scheme);
    let rest = place_of(&line[line.find(scheme).expect("the line has it")..]).to_owned();
    rest.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ':')).collect()
}

/// Lines that each client of a flood sends at once, and how often.
const FLOOD_LINES: usize = 500;
const FLOOD_BLOCKS: usize = 100;

#[test]
fn a_flood_of_messages_does_not_hide_how_connections_ended() {
    each_of(&MODELS, |model| {
        let serving = serve(model, &["echo=tcp://127.0.0.1:0"]);
        let place = serving.place().to_owned();
        let clients = 8;
        let talk = || {
            let mut client = connect(&place);
            let block = "hello\n".repeat(FLOOD_LINES);
            for _ in 0..FLOOD_BLOCKS {
                echo_line(&mut client, &block).expect("it is served");
            }
        };
        thread::scope(|scope| (0..clients).for_each(|_| drop(scope.spawn(talk))));
        serving.signal(Signal::TERM);
        let (code, lines) = serving.end();
        assert_eq!(code, Some(0), "{model}");
        for name in ["accepted", "closed"] {
            let event = format!(r#""event":"{name}""#);
            let told = lines.iter().filter(|line| line.contains(&event)).count();
            assert_eq!(told, clients, "{model}: {name}");
        }
        assert!(lines.iter().any(|line| line.contains(r#""event":"stopped""#)), "{model}");
    });
}
