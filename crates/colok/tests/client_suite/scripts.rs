//! Send and expect: what is met, what is not, and what a failure says.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::thread::spawn;
use std::time::Duration;

use colok::Error;
use colok::client::{
    EndReason, Pattern, ScriptOptions, ScriptOutcome, ScriptReport, Step, run_script,
};
use colok::clock::Clock;
use colok::net::url::Url;
use colok::observe::NoTap;
use rustix::io::Errno;

use crate::support::{LONG, bounded, echo, end_gently, open, reset, tcp_server, udp_socket};

fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

fn expect(pattern: &str, within: Duration) -> Step {
    Step::Expect { pattern: Pattern::parse(pattern).expect("a pattern"), within }
}

/// Runs a script; returns the report and everything that came.
fn run(url: &Url, steps: &[Step]) -> (ScriptReport, Vec<u8>) {
    let clock = Clock::start();
    let mut came = Vec::new();
    let mut take = |bytes: &[u8]| {
        came.extend(bytes);
        Ok(())
    };
    let options = ScriptOptions::default();
    let report = run_script(open(url), steps, &options, &clock, &NoTap, &mut take);
    (report.expect("it can wait"), came)
}

/// The failure of an expectation: step, what had come, why.
fn not_met(report: ScriptReport) -> (usize, Vec<u8>, EndReason) {
    match report.outcome {
        ScriptOutcome::NotMet { step, got, because, .. } => (step, got, because),
        other => panic!("{other:?}"),
    }
}

#[test]
fn steps_are_done_in_order_and_matches_are_used_up() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| echo(&stream, u64::MAX));
        let steps = [
            send("one two"),
            expect("one", LONG),
            send(" one"),
            expect("one", LONG),
            send("!"),
            expect("?", LONG),
        ];
        let (report, came) = run(&url, &steps);
        assert_eq!(report.outcome, ScriptOutcome::Met);
        assert_eq!((report.steps_done, report.bytes_sent, report.bytes_received), (6, 12, 12));
        assert_eq!(came, b"one two one!");
        server.join().expect("it cannot panic");
    });
}

#[test]
fn what_is_not_met_in_time_says_what_came() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| echo(&stream, u64::MAX));
        let steps = [
            send("hello"),
            expect("h*l", LONG),
            expect("world", Duration::from_millis(200)),
            send("never sent"),
        ];
        let (report, came) = run(&url, &steps);
        assert_eq!(report.steps_done, 2);
        assert_eq!(not_met(report), (2, b"lo".to_vec(), EndReason::WaitOver));
        assert_eq!(came, b"hello");
        server.join().expect("it cannot panic");
    });
}

#[test]
fn a_server_that_closes_or_resets_before_it_is_met_is_told() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| {
            echo(&stream, 5);
            end_gently(&stream);
        });
        let (report, _) = run(&url, &[send("hello"), expect("world", LONG)]);
        assert_eq!(not_met(report), (1, b"hello".to_vec(), EndReason::PeerClosed));
        server.join().expect("it cannot panic");

        let (url, server) = tcp_server(|stream| {
            echo(&stream, 5);
            reset(stream);
        });
        let (report, _) = run(&url, &[send("hello"), expect("world", LONG)]);
        assert_eq!(not_met(report).2, EndReason::Reset(Errno::CONNRESET));
        server.join().expect("it cannot panic");
    });
}

#[test]
fn a_match_that_came_with_the_end_counts() {
    bounded(|| {
        let (url, server) =
            tcp_server(|mut stream| stream.write_all(b"bye\n").expect("the client reads"));
        let (report, _) = run(&url, &[expect("bye", LONG), expect(r"\n", LONG)]);
        assert_eq!(report.outcome, ScriptOutcome::Met);
        server.join().expect("it cannot panic");
    });
}

/// Sends these bytes for ever.
fn pour(mut stream: TcpStream, bytes: &[u8]) {
    while stream.write_all(bytes).is_ok() {}
}

#[test]
fn a_flood_neither_grows_memory_nor_holds_up_the_time() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| pour(stream, &[b'x'; 16 * 1024]));
        let (report, _) = run(&url, &[expect("x*y", Duration::from_millis(300))]);
        let ScriptOutcome::NotMet { got, got_dropped, because, .. } = report.outcome else {
            panic!("{report:?}")
        };
        assert_eq!(because, EndReason::WaitOver);
        assert!(got.len() <= 64 * 1024);
        assert_eq!(got.len() as u64 + got_dropped, report.bytes_received);
        server.join().expect("it cannot panic");
    });
}

#[test]
fn a_pattern_is_found_behind_a_flood() {
    bounded(|| {
        let (url, server) = tcp_server(|mut stream| {
            stream.write_all(&vec![b'x'; 8 << 20]).expect("the client reads");
            stream.write_all(b"needle").expect("the client reads");
        });
        let (report, came) = run(&url, &[expect("x*need", LONG), expect("le", LONG)]);
        assert_eq!(report.outcome, ScriptOutcome::Met);
        assert_eq!(came.len(), (8 << 20) + 6);
        server.join().expect("it cannot panic");
    });
}

#[test]
fn an_answer_to_a_last_send_is_still_received() {
    bounded(|| {
        let (url, server) = tcp_server(|mut stream| {
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("it ends");
            stream.write_all(text.to_uppercase().as_bytes()).expect("the client reads");
        });
        let (report, came) = run(&url, &[send("hello")]);
        assert_eq!(report.outcome, ScriptOutcome::Met);
        assert_eq!(came, b"HELLO");
        server.join().expect("it cannot panic");
    });
}

#[test]
fn a_long_text_through_an_echo_does_not_lock_up() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| echo(&stream, u64::MAX));
        let text = "0123456789abcdef".repeat(60_000) + "end";
        let (report, _) = run(&url, &[send(&text), expect("end", LONG)]);
        assert_eq!(report.outcome, ScriptOutcome::Met);
        assert_eq!(report.bytes_received, text.len() as u64);
        server.join().expect("it cannot panic");
    });
}

#[test]
fn the_deadline_and_the_output_end_it() {
    bounded(|| {
        let (told, wait) = channel::<()>();
        let (url, server) = tcp_server(move |stream| {
            let _ = wait.recv();
            drop(stream);
        });
        let clock = Clock::start();
        let deadline = Some(clock.now() + Duration::from_millis(200));
        let options = ScriptOptions { deadline };
        // A server that does not read stops the first step; more than all buffers hold.
        let steps = [Step::Send(vec![b'x'; 256 << 20])];
        let report =
            run_script(open(&url), &steps, &options, &clock, &NoTap, &mut |_: &[u8]| Ok(()))
                .expect("it can wait");
        let ScriptOutcome::NotSent { step: 0, sent, length, because } = report.outcome else {
            panic!("{report:?}")
        };
        assert_eq!((because, length), (EndReason::Deadline, 256 << 20));
        assert!(sent < length);
        drop(told);
        server.join().expect("it cannot panic");

        let (url, server) = tcp_server(|stream| echo(&stream, u64::MAX));
        let mut gone = |_: &[u8]| Err(Errno::PIPE.into());
        let steps = [send("hello"), expect("world", LONG)];
        let options = ScriptOptions::default();
        let report = run_script(open(&url), &steps, &options, &clock, &NoTap, &mut gone);
        let (_, _, because) = not_met(report.expect("it can wait"));
        assert_eq!(because, EndReason::OutputFailed(Errno::PIPE));
        server.join().expect("it cannot panic");
    });
}

#[test]
fn an_output_that_fails_is_an_error_though_everything_was_met() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| echo(&stream, u64::MAX));
        let clock = Clock::start();
        let mut full = |_: &[u8]| Err(Errno::NOSPC.into());
        let steps = [send("hello"), expect("hello", LONG)];
        let options = ScriptOptions::default();
        let result = run_script(open(&url), &steps, &options, &clock, &NoTap, &mut full);
        assert!(
            matches!(result, Err(Error::Call { call: "write", errno: Errno::NOSPC, .. })),
            "{result:?}"
        );
        server.join().expect("it cannot panic");
    });
}

#[test]
fn a_server_that_never_falls_silent_is_left() {
    bounded(|| {
        let (_never, pace) = channel::<()>();
        let (url, server) = tcp_server(move |mut stream| {
            // Slow enough not to meet the bound on bytes, and never silent for long.
            while stream.write_all(b"tick\n").is_ok() {
                let _ = pace.recv_timeout(Duration::from_millis(20));
            }
        });
        let (report, came) = run(&url, &[expect("tick", LONG)]);
        assert_eq!(report.outcome, ScriptOutcome::Met);
        assert_eq!(came.len() as u64, report.bytes_received);
        server.join().expect("it cannot panic");
    });
}

#[test]
fn scripts_work_over_udp() {
    bounded(|| {
        let (socket, url) = udp_socket();
        let server = spawn(move || {
            let mut buffer = [0; 64];
            for _ in 0..2 {
                let (length, from) = socket.recv_from(&mut buffer).expect("the client sends");
                socket.send_to(&buffer[..length], from).expect("loopback takes it");
            }
        });
        let steps = [send("one"), expect("one", LONG), send("two"), expect("t?o", LONG)];
        let (report, came) = run(&url, &steps);
        assert_eq!(report.outcome, ScriptOutcome::Met);
        assert_eq!(came, b"onetwo");
        server.join().expect("it cannot panic");
        // The server has gone, and the network says so.
        let (report, _) = run(&url, &[send("three"), expect("three", LONG)]);
        assert_eq!(not_met(report).2, EndReason::Reset(Errno::CONNREFUSED));

        let (_socket, url) = udp_socket();
        let steps = [send("first"), Step::Send(vec![0; 65_508])];
        let clock = Clock::start();
        let options = ScriptOptions::default();
        let result =
            run_script(open(&url), &steps, &options, &clock, &NoTap, &mut |_: &[u8]| Ok(()));
        assert!(matches!(result, Err(Error::DatagramTooLong { length: 65_508, .. })));
    });
}
