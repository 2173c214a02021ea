//! Conversations in datagrams: how input is cut, which answers are taken, and how they end.

use std::io::Write;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsFd;
use std::thread::spawn;
use std::time::Duration;

use colok::Error;
use colok::client::{
    ConnectOptions, DATAGRAM_LENGTH_MAX, DatagramOptions, DatagramReport, Datagrams, EndReason,
    connect, exchange_datagrams,
};
use colok::clock::Clock;
use colok::net::url::{Transport, Url};
use colok::observe::NoTap;
use rustix::io::Errno;

use crate::support::{LONG, bounded, noise, udp_socket};

/// Answers `count` datagrams with themselves and returns what came.
fn echo(socket: &UdpSocket, count: usize) -> Vec<Vec<u8>> {
    let mut buffer = vec![0; 65_536];
    let mut came = Vec::new();
    for _ in 0..count {
        let (length, from) = socket.recv_from(&mut buffer).expect("the client sends");
        came.push(buffer[..length].to_vec());
        socket.send_to(&buffer[..length], from).expect("loopback takes it");
    }
    came
}

fn options(datagrams: &str, wait: Duration) -> DatagramOptions {
    let datagrams = datagrams.parse().expect("a way to cut");
    DatagramOptions { datagrams, wait, ..DatagramOptions::default() }
}

/// What an exchange gave: the report, and each answer with its source.
type Outcome = (Result<DatagramReport, Error>, Vec<(String, Vec<u8>)>);

/// Runs an exchange; the answer with number `last` is where its output ends, so that no test has to
/// guess how long a busy machine takes.
fn exchange(
    url: &Url,
    connect_options: &ConnectOptions,
    options: &DatagramOptions,
    input: Vec<u8>,
    last: usize,
) -> Outcome {
    let clock = Clock::start();
    let (reader, mut writer) = std::io::pipe().expect("there are descriptors");
    let feeder = spawn(move || writer.write_all(&input).is_ok());
    let connection = connect(url, connect_options, &clock, &NoTap).expect("UDP needs nobody");
    let mut replies = Vec::new();
    let report =
        exchange_datagrams(connection, reader.as_fd(), options, &clock, &NoTap, &mut |reply| {
            let source = reply.source.map(ToString::to_string).unwrap_or_default();
            replies.push((source, reply.bytes.to_vec()));
            if replies.len() == last { Err(Errno::PIPE.into()) } else { Ok(()) }
        });
    drop(reader);
    feeder.join().expect("it cannot panic");
    (report, replies)
}

fn usual(url: &Url, options: &DatagramOptions, input: &[u8], last: usize) -> Outcome {
    exchange(url, &ConnectOptions::default(), options, input.to_vec(), last)
}

/// A time that is to run out.
const SHORT: Duration = Duration::from_millis(200);

#[test]
fn all_input_is_one_datagram_up_to_the_longest() {
    for input in [b"a\nb\n".to_vec(), Vec::new(), noise(DATAGRAM_LENGTH_MAX)] {
        bounded(move || {
            let (socket, url) = udp_socket();
            let server = spawn(move || echo(&socket, 1));
            let (report, replies) = usual(&url, &options("whole", LONG), &input, 1);
            let report = report.expect("it is answered");
            assert_eq!(replies.len(), 1);
            assert!(replies[0].1 == input);
            assert_eq!(report.ended_by, EndReason::OutputFailed(Errno::PIPE));
            assert_eq!((report.datagrams_sent, report.datagrams_received), (1, 1));
            assert_eq!((report.bytes_received, report.unsent), (input.len() as u64, 0));
            assert!(server.join().expect("it cannot panic") == [input]);
        });
    }
}

#[test]
fn more_than_a_datagram_holds_is_an_error_and_nothing_is_sent() {
    bounded(|| {
        let (socket, url) = udp_socket();
        let input = noise(DATAGRAM_LENGTH_MAX + 1);
        let (report, _) = usual(&url, &DatagramOptions::default(), &input, 0);
        let Err(Error::DatagramTooLong { limit, .. }) = report else { panic!("{report:?}") };
        assert_eq!(limit, 65_507);
        socket.set_nonblocking(true).expect("it is a socket");
        assert!(socket.recv(&mut [0]).is_err());
    });
}

#[test]
fn a_line_or_a_size_is_a_datagram() {
    for (how, expected) in
        [("line", vec![&b"one"[..], b"", b"three"]), ("4", vec![b"one\n", b"\nthr", b"ee"])]
    {
        bounded(move || {
            let (socket, url) = udp_socket();
            let count = expected.len();
            let server = spawn(move || echo(&socket, count));
            let (report, replies) = usual(&url, &options(how, LONG), b"one\n\nthree", count);
            assert_eq!(report.expect("it is answered").datagrams_received, count as u64);
            assert!(replies.iter().map(|(_, bytes)| bytes).eq(&expected), "{replies:?}");
            assert_eq!(server.join().expect("it cannot panic"), expected);
        });
    }
}

#[test]
fn a_thousand_lines_and_long_datagrams_overrun_nobody() {
    for (how, input, count) in
        [("line", b"a line of text\n".repeat(1000), 1000), ("60000", noise(6_000_000), 100)]
    {
        bounded(move || {
            let (socket, url) = udp_socket();
            let server = spawn(move || echo(&socket, count).concat());
            let (report, _) = usual(&url, &options(how, LONG), &input, count);
            let report = report.expect("it is answered");
            assert_eq!(report.datagrams_sent, count as u64);
            assert_eq!(report.datagrams_received, count as u64);
            let newlines = if how == "line" { count } else { 0 };
            let came = server.join().expect("it cannot panic");
            assert_eq!(came.len(), input.len() - newlines);
        });
    }
}

#[test]
fn no_answer_is_no_answer() {
    bounded(|| {
        let (_socket, url) = udp_socket();
        let (report, replies) = usual(&url, &options("whole", SHORT), b"hello", 0);
        let report = report.expect("somebody is there");
        assert_eq!((report.datagrams_sent, report.datagrams_received), (1, 0));
        assert_eq!(report.ended_by, EndReason::WaitOver);
        assert!(replies.is_empty());
    });
}

#[test]
fn nobody_there_is_an_error_at_once() {
    bounded(|| {
        let (socket, url) = udp_socket();
        drop(socket);
        let (report, _) = usual(&url, &options("whole", LONG), b"hello", 0);
        let Err(Error::Connect { attempts, .. }) = report else { panic!("{report:?}") };
        assert_eq!(attempts.len(), 1);
        assert_eq!(attempts[0].1, Errno::CONNREFUSED);
    });
}

#[test]
fn a_server_that_goes_away_after_an_answer_is_told() {
    bounded(|| {
        let (socket, url) = udp_socket();
        let server = spawn(move || echo(&socket, 1));
        let clock = Clock::start();
        let (reader, mut writer) = std::io::pipe().expect("there are descriptors");
        writer.write_all(b"one\n").expect("a pipe has room");
        let connection =
            connect(&url, &ConnectOptions::default(), &clock, &NoTap).expect("UDP needs nobody");
        let mut server = Some(server);
        let options = options("line", LONG);
        let report =
            exchange_datagrams(connection, reader.as_fd(), &options, &clock, &NoTap, &mut |_| {
                let server = server.take().expect("one answer comes");
                server.join().expect("it cannot panic");
                writer.write_all(b"two\n")
            });
        let report = report.expect("an answer came");
        assert_eq!(report.ended_by, EndReason::Reset(Errno::CONNREFUSED));
        assert_eq!(report.datagrams_received, 1);
    });
}

#[test]
fn times_and_outputs_end_it() {
    bounded(|| {
        let (socket, url) = udp_socket();
        let clock = Clock::start();
        let (reader, mut writer) = std::io::pipe().expect("there are descriptors");
        let run = |options: &DatagramOptions| {
            let connection = connect(&url, &ConnectOptions::default(), &clock, &NoTap);
            let connection = connection.expect("UDP needs nobody");
            let mut full = |_: &colok::client::Reply<'_>| Err(Errno::PIPE.into());
            exchange_datagrams(connection, reader.as_fd(), options, &clock, &NoTap, &mut full)
                .expect("it can wait")
        };
        let deadline = Some(clock.now() + SHORT);
        let report = run(&DatagramOptions { deadline, ..DatagramOptions::default() });
        assert_eq!((report.ended_by, report.datagrams_sent), (EndReason::Deadline, 0));
        let idle_timeout = Some(SHORT);
        let report = run(&DatagramOptions { idle_timeout, ..DatagramOptions::default() });
        assert_eq!(report.ended_by, EndReason::IdleTimeout);
        writer.write_all(b"hello\n").expect("a pipe has room");
        let server = spawn(move || echo(&socket, 1));
        let report = run(&options("line", LONG));
        assert_eq!(report.ended_by, EndReason::OutputFailed(Errno::PIPE));
        server.join().expect("it cannot panic");
    });
}

/// A listener of a group on loopback, or `None` where the system has no such thing.
fn group_listener(group: Ipv4Addr) -> Option<(UdpSocket, u16)> {
    let socket = UdpSocket::bind((group, 0)).ok()?;
    socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).ok()?;
    socket.set_read_timeout(Some(LONG)).ok()?;
    let port = socket.local_addr().ok()?.port();
    Some((socket, port))
}

#[test]
fn every_answer_to_a_multicast_comes_with_its_source() {
    bounded(|| {
        let group = Ipv4Addr::new(239, 255, 7, 7);
        let Some((listener, port)) = group_listener(group) else {
            println!("skipped: no multicast on loopback");
            return;
        };
        let source = Some("127.0.0.1".parse().expect("an address"));
        let options_from = ConnectOptions { source, ..ConnectOptions::default() };
        let url = Url::inet(Transport::Udp, group.to_string(), port);
        // Two answer one question, each from an address of its own.
        let server = spawn(move || {
            let mut buffer = [0; 16];
            let (length, from) = listener.recv_from(&mut buffer).expect("the question comes");
            assert_eq!(&buffer[..length], b"who?");
            let answer = |text: &[u8]| {
                let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
                socket.send_to(text, from).expect("loopback takes it");
                socket.local_addr().expect("it is bound").to_string()
            };
            [(answer(b"I"), b"I".to_vec()), (answer(b"and I"), b"and I".to_vec())]
        });
        let waiting = options("whole", LONG);
        let (report, replies) = exchange(&url, &options_from, &waiting, b"who?".to_vec(), 2);
        let report = report.expect("both answer");
        assert_eq!(report.datagrams_received, 2);
        assert_eq!(replies, server.join().expect("it cannot panic"));
    });
}

#[test]
fn broadcast_is_allowed_and_answered() {
    bounded(|| {
        // 127.255.255.255 is loopback's broadcast address.
        let listener = UdpSocket::bind("127.255.255.255:0").expect("loopback has broadcast");
        listener.set_read_timeout(Some(LONG)).expect("it is not zero");
        let port = listener.local_addr().expect("it is bound").port();
        let server = spawn(move || {
            let mut buffer = [0; 16];
            let (length, from) = listener.recv_from(&mut buffer).expect("the question comes");
            let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
            socket.send_to(&buffer[..length], from).expect("loopback takes it");
            socket.local_addr().expect("it is bound").to_string()
        });
        let url = Url::inet(Transport::Udp, "127.255.255.255", port);
        let (report, replies) = usual(&url, &options("whole", LONG), b"who?", 1);
        assert_eq!(report.expect("it is answered").datagrams_received, 1);
        let source = server.join().expect("it cannot panic");
        assert_eq!(replies, [(source, b"who?".to_vec())]);
    });
}

#[test]
fn the_whole_input_is_the_default() {
    assert_eq!(DatagramOptions::default().datagrams, Datagrams::Whole);
    assert_eq!(DatagramOptions::default().wait, Duration::from_secs(1));
}
