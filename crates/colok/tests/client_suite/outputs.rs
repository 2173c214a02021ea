//! What comes, passed on to an output that is slow, full, gone or a file.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::thread::spawn;
use std::time::Duration;

use colok::client::{
    ConnectOptions, DatagramOptions, EndReason, Output, Pattern, ScriptOptions, ScriptOutcome,
    Step, connect, exchange_datagrams, run_script,
};
use colok::clock::Clock;
use colok::net::url::Url;
use colok::observe::NoTap;

use crate::support::{LONG, bounded, noise, open, tcp_server, udp_socket};

#[test]
fn everything_is_written_however_slowly_it_is_read() {
    bounded(|| {
        let bytes = noise(1 << 20);
        let (mut reader, writer) = std::io::pipe().expect("there are descriptors");
        let expected = bytes.clone();
        let writing = spawn(move || {
            let output = Output::new(writer.as_fd());
            output.write_all_until(&bytes, None, &Clock::start()).expect("it is read");
        });
        let mut came = Vec::new();
        reader.read_to_end(&mut came).expect("a pipe can be read");
        writing.join().expect("it cannot panic");
        assert!(came == expected, "{} bytes", came.len());
    });
}

#[test]
fn an_output_that_nobody_reads_is_left_at_the_deadline() {
    bounded(|| {
        let (reader, writer) = std::io::pipe().expect("there are descriptors");
        let (output, clock) = (Output::new(writer.as_fd()), Clock::start());
        let deadline = Some(clock.now() + Duration::from_millis(50));
        let error = output.write_all_until(&noise(1 << 20), deadline, &clock);
        assert_eq!(error.expect_err("it is full").kind(), ErrorKind::TimedOut);
        assert!(deadline.is_some_and(|deadline| clock.now() >= deadline));
        drop(reader);
        let error = output.write_all_until(b"x", None, &clock);
        assert_eq!(error.expect_err("nobody reads").kind(), ErrorKind::BrokenPipe);
    });
}

/// Runs a script against a server that never stops talking, with an output that nobody reads.
fn talked_full(steps: Vec<Step>, deadline: Duration) -> ScriptOutcome {
    bounded(move || {
        let (url, server) =
            tcp_server(|mut stream| while stream.write_all(&[b'x'; 4096]).is_ok() {});
        let (_reader, writer) = std::io::pipe().expect("there are descriptors");
        let (output, clock, connection) = (Output::new(writer.as_fd()), Clock::start(), open(&url));
        let deadline = Some(clock.now() + deadline);
        let mut pass_on = |bytes: &[u8]| output.write_all_until(bytes, deadline, &clock);
        let options = ScriptOptions { deadline };
        let report = run_script(connection, &steps, &options, &clock, &NoTap, &mut pass_on);
        server.join().expect("it cannot panic");
        report.expect("it can wait").outcome
    })
}

#[test]
fn a_script_keeps_its_deadline_when_its_output_is_full() {
    let expect = |text: &str| Step::Expect {
        pattern: Pattern::parse(text).expect("a pattern"),
        within: LONG,
    };
    let outcome = talked_full(vec![expect("END")], Duration::from_millis(300));
    let ScriptOutcome::NotMet { because, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(because, EndReason::Deadline);
    // What was expected came, but what came after it was not passed on.
    let outcome = talked_full(vec![expect("x")], Duration::from_secs(2));
    assert_eq!(outcome, ScriptOutcome::NotPassedOn);
}

#[test]
fn datagrams_keep_their_deadline_when_the_output_is_full() {
    bounded(|| {
        let (socket, url): (_, Url) = udp_socket();
        let server = spawn(move || {
            let (_, client) = socket.recv_from(&mut [0; 16]).expect("the client sends");
            // More than a pipe holds.
            for _ in 0..3 {
                socket.send_to(&vec![b'x'; 60_000], client).expect("loopback takes it");
            }
        });
        let (input, mut typing) = std::io::pipe().expect("there are descriptors");
        typing.write_all(b"go").expect("the pipe has room");
        drop(typing);
        let (_reader, writer) = std::io::pipe().expect("there are descriptors");
        let clock = Clock::start();
        let connection =
            connect(&url, &ConnectOptions::default(), &clock, &NoTap).expect("it is aimed");
        let output = Output::new(writer.as_fd());
        let deadline = Some(clock.now() + Duration::from_millis(300));
        let options = DatagramOptions { wait: LONG, deadline, ..DatagramOptions::default() };
        let report =
            exchange_datagrams(connection, input.as_fd(), &options, &clock, &NoTap, &mut |reply| {
                output.write_all_until(reply.bytes, deadline, &clock)
            });
        assert_eq!(report.expect("it can wait").ended_by, EndReason::Deadline);
        server.join().expect("it cannot panic");
    });
}
