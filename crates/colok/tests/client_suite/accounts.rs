//! What observers are told of a client's connection, and what a transcript keeps.

use std::io::Write;
use std::os::fd::AsFd;
use std::thread::spawn;
use std::time::Duration;

use colok::client::{
    ConnectOptions, DatagramOptions, EndReason, LineOptions, LineSession, OnEof, Pattern,
    PipeOptions, ScriptOptions, Step, connect, exchange_datagrams, pipe, run_script,
};
use colok::clock::Clock;
use colok::net::url::Url;
use colok::observe::{Event, LogTap, RecordReceiver, Said, Transcript, log_queue};
use rustix::io::Errno;

use crate::support::{LONG, bounded, echo, noise, reset, tcp_server, udp_socket};

type Tap = LogTap<true>;

fn watched() -> (Tap, RecordReceiver, Transcript) {
    let (tap, records) = log_queue::<true>(true, false);
    let transcript = Transcript::default();
    (tap.with_hashes(true).with_transcript(Some(transcript.clone())), records, transcript)
}

/// All events, once every tap is gone.
fn events(records: RecordReceiver) -> Vec<Event> {
    records.map(|record| record.event).collect()
}

/// The names of events, in order.
fn names(events: &[Event]) -> Vec<String> {
    let name = |event: &Event| {
        let json = serde_json::to_value(event).expect("events have a JSON form");
        json["event"].as_str().expect("they have a name").to_owned()
    };
    events.iter().map(name).collect()
}

/// Reason, bytes received and sent, and their hashes.
fn closed(events: &[Event]) -> (String, u64, u64, String, String) {
    let ends: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Closed {
                reason,
                bytes_received,
                bytes_sent,
                received_blake3: Some(received),
                sent_blake3: Some(sent),
                ..
            } => {
                Some((reason.clone(), *bytes_received, *bytes_sent, received.clone(), sent.clone()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(ends.len(), 1, "{events:?}");
    ends[0].clone()
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_string()
}

fn open(url: &Url, tap: &Tap) -> colok::client::Connection {
    connect(url, &ConnectOptions::default(), &Clock::start(), tap).expect("it listens")
}

#[test]
fn a_script_tells_each_text_and_how_long_its_answer_took() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| echo(&stream, u64::MAX));
        let (tap, records, transcript) = watched();
        let expect = |text: &str| Step::Expect {
            pattern: Pattern::parse(text).expect("it is a pattern"),
            within: LONG,
        };
        let steps = [
            Step::Send(b"one\n".to_vec()),
            expect("one\\n"),
            Step::Send(b"two\n".to_vec()),
            expect("two\\n"),
        ];
        let clock = Clock::start();
        let connection = open(&url, &tap);
        let options = ScriptOptions::default();
        let report = run_script(connection, &steps, &options, &clock, &tap, &mut |_| Ok(()));
        report.expect("it can wait");
        drop(tap);
        let events = events(records);
        let turn = ["sent", "received", "answered"];
        let expected = [&["connected"][..], &turn, &turn, &["closed"]].concat();
        assert_eq!(names(&events), expected);
        let steps: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Answered { step, .. } => Some(*step),
                _ => None,
            })
            .collect();
        assert_eq!(steps, [2, 4]);
        let all = hash(b"one\ntwo\n");
        assert_eq!(closed(&events), ("peer-closed".to_owned(), 8, 8, all.clone(), all));
        let said = &transcript.talks()[0].said;
        assert_eq!(said[0], Said::Sent(b"one\n".to_vec()));
        assert!(matches!(&said[1], Said::Received { bytes, .. } if bytes == b"one\n"));
        assert_eq!(said[4], Said::EndedSending);
        server.join().expect("it cannot panic");
    });
}

#[test]
fn a_stream_is_merged_and_hashed_whole() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| echo(&stream, u64::MAX));
        let (tap, records, transcript) = watched();
        let input = noise(100 << 20);
        let all = hash(&input);
        let (reader, mut writer) = std::io::pipe().expect("there are descriptors");
        let feeder = spawn(move || writer.write_all(&input).expect("it is read"));
        let output = std::fs::File::create("/dev/null").expect("it is there");
        let gathered = spawn(move || events(records));
        let options = PipeOptions { on_eof: OnEof::HalfClose, ..PipeOptions::default() };
        let connection = open(&url, &tap);
        let clock = Clock::start();
        pipe(connection, reader.as_fd(), output.as_fd(), &options, &clock, &tap)
            .expect("it can wait");
        drop(tap);
        feeder.join().expect("it cannot panic");
        let events = gathered.join().expect("it cannot panic");
        let length = 100 << 20;
        assert_eq!(closed(&events), ("peer-closed".to_owned(), length, length, all.clone(), all));
        // One by one at first, and then a record for each MiB and direction.
        assert!(events.len() <= 1024 + 2 * 100 + 4, "{} events", events.len());
        let count = |wanted: &str| {
            let of = |event: &Event| match (event, wanted) {
                (Event::Sent { bytes, .. }, "sent")
                | (Event::Received { bytes, .. }, "received") => *bytes,
                _ => 0,
            };
            events.iter().map(of).sum::<u64>()
        };
        assert_eq!((count("sent"), count("received")), (length, length));
        assert!(transcript.is_cut());
        server.join().expect("it cannot panic");
    });
}

#[test]
fn a_reset_is_told_with_its_call_and_its_name() {
    bounded(|| {
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let (url, server) = tcp_server(move |stream| {
            let _ = gone.recv_timeout(LONG);
            reset(stream);
        });
        let (tap, records, _) = watched();
        let (reader, _writer) = std::io::pipe().expect("there are descriptors");
        let output = std::fs::File::create("/dev/null").expect("it is there");
        let connection = open(&url, &tap);
        // Only now: a connection that is reset at once may not count as made.
        go.send(()).expect("the server waits");
        let options = PipeOptions::default();
        pipe(connection, reader.as_fd(), output.as_fd(), &options, &Clock::start(), &tap)
            .expect("it can wait");
        drop(tap);
        let events = events(records);
        let number = Errno::CONNRESET.raw_os_error();
        let failed = events.iter().find_map(|event| match event {
            Event::Failed { connection, call, errno, error, .. } => {
                Some((connection.is_some(), call.as_str(), *errno, error.as_str()))
            }
            _ => None,
        });
        assert_eq!(failed, Some((true, "read", number, "ECONNRESET")));
        let nothing = hash(b"");
        assert_eq!(closed(&events), (format!("io({number})"), 0, 0, nothing.clone(), nothing));
        server.join().expect("it cannot panic");
    });
}

#[test]
fn a_connection_that_cannot_be_made_is_told() {
    bounded(|| {
        let (tap, records, transcript) = watched();
        // Its listener is gone.
        let (url, server) = tcp_server(drop);
        drop(open(&url, &tap));
        server.join().expect("it cannot panic");
        let dead = connect(&url, &ConnectOptions::default(), &Clock::start(), &tap);
        assert!(dead.is_err());
        assert_eq!(transcript.failed(), Some(Errno::CONNREFUSED));
        drop(tap);
        let events = events(records);
        assert_eq!(names(&events), ["connected", "closed", "failed"]);
        let Some(Event::Failed { connection: None, call, address, error, .. }) = events.last()
        else {
            panic!("{events:?}");
        };
        assert_eq!((call.as_str(), error.as_str()), ("connect", "ECONNREFUSED"));
        let place = url.to_string();
        assert_eq!(place.strip_prefix("tcp://"), Some(address.as_str()));
    });
}

#[test]
fn every_datagram_is_told() {
    bounded(|| {
        let (socket, url) = udp_socket();
        let server = spawn(move || {
            let mut buffer = [0; 64];
            for _ in 0..3 {
                let (length, from) = socket.recv_from(&mut buffer).expect("the client sends");
                socket.send_to(&buffer[..length], from).expect("loopback takes it");
            }
        });
        let (tap, records, transcript) = watched();
        let (reader, mut writer) = std::io::pipe().expect("there are descriptors");
        writer.write_all(b"a\nb\nc").expect("a pipe holds it");
        drop(writer);
        let datagrams = "line".parse().expect("a way to cut");
        let wait = Duration::from_millis(500);
        let options = DatagramOptions { datagrams, wait, ..DatagramOptions::default() };
        let (connection, clock) = (open(&url, &tap), Clock::start());
        let mut take = |_: &colok::client::Reply<'_>| Ok(());
        exchange_datagrams(connection, reader.as_fd(), &options, &clock, &tap, &mut take)
            .expect("somebody answers");
        drop(tap);
        server.join().expect("it cannot panic");
        let events = events(records);
        let names = names(&events);
        let count = |wanted: &str| names.iter().filter(|name| *name == wanted).count();
        assert_eq!((count("sent"), count("received")), (3, 3), "{names:?}");
        let all = hash(b"abc");
        assert_eq!(closed(&events), ("wait-over".to_owned(), 3, 3, all.clone(), all));
        let said = &transcript.talks()[0].said;
        assert_eq!(said.len(), 6);
    });
}

#[test]
fn each_connection_of_a_line_session_has_its_account() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| echo(&stream, 4));
        let (tap, records, transcript) = watched();
        let (connect, options) = (ConnectOptions::default(), LineOptions::default());
        let (mut session, lines) =
            LineSession::open(&url, &connect, &options, &Clock::start(), &tap).expect("it listens");
        session.send(b"one\n").expect("it is open");
        // It ends when the server has.
        while session.is_open() {
            let _ = lines.recv_timeout(Duration::from_millis(10));
        }
        session.close();
        drop(tap);
        server.join().expect("it cannot panic");
        let events = events(records);
        assert_eq!(names(&events), ["connected", "sent", "received", "closed"]);
        assert_eq!(closed(&events).0, "peer-closed");
        assert_eq!(transcript.talks()[0].ended_by, Some(EndReason::PeerClosed));
    });
}
