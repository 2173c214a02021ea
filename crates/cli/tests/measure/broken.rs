//! Servers that break connections, trickle, say what nobody asked, or answer too late.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::servers::{delaying, echo, lines, tcp, unix};
use crate::support::{Told, load, pause};

/// So many messages on a few connections.
const SOME: &str = "-n 300 -c 3 --threads 1";

#[test]
fn replies_cut_short_by_the_end_of_their_connection() {
    for words in ["--depth 1 --io epoll", "--depth 1 --io auto", "--depth 16"] {
        let ended = Arc::new(AtomicU64::new(0));
        let counting = Arc::clone(&ended);
        let cutting = move |stream: crate::servers::Stream, _| {
            let mut number = 0;
            lines(&stream, |line| {
                number += 1;
                if number == 40 {
                    { &stream }.write_all(&line[..line.len() / 2])?;
                    counting.fetch_add(1, Ordering::Relaxed);
                    stream.end();
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                { &stream }.write_all(line)
            });
        };
        let place = if words.contains("16") { unix(cutting) } else { tcp(cutting) };
        let told = load(&place, &format!("{SOME} {words}"));
        let ended = ended.load(Ordering::Relaxed);
        assert!(ended >= 5, "{}", told.report);
        assert_eq!(told.ended_early(), ended, "{}", told.report);
        // Every one, and at a greater depth those that waited behind it.
        assert!(told.count("lost") >= ended, "{}", told.report);
        if !words.contains("16") {
            assert_eq!((told.count("lost"), told.count("sent")), (ended, 300), "{}", told.report);
        }
        assert_eq!(told.count("wrong"), 0, "{}", told.report);
        assert!(told.finding("connections-failed").is_some(), "{}", told.report);
        told.assert_ended("errors", 3);
    }
}

#[test]
fn connections_that_are_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let place = listener.local_addr().expect("it is bound").to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut stream = stream;
                let mut byte = [0];
                // What is unread when it is closed makes the system reset the connection.
                if stream.read_exact(&mut byte).is_ok() {
                    drop(stream);
                }
            });
        }
    });
    for io in ["epoll", "auto"] {
        let told = load(&place, &format!("-n 12 -c 3 --threads 1 --io {io}"));
        assert_eq!((told.count("lost"), told.count("answered")), (12, 0), "{}", told.report);
        let reasons = told.report["connections"]["ended_early"].to_string();
        assert!(reasons.contains("ECONNRESET"), "{reasons}");
        told.assert_ended("errors", 3);
    }
}

#[test]
fn a_reply_that_trickles_byte_by_byte() {
    let place = tcp(|stream, _| {
        lines(&stream, |line| line.iter().try_for_each(|&byte| { &stream }.write_all(&[byte])));
    });
    for words in ["--depth 1 --io epoll", "--depth 8 --io auto", "--size 17-40 --depth 3"] {
        let told = load(&place, &format!("{SOME} --reply-timeout 50s {words}"));
        assert_eq!(told.count("answered"), 300, "{}", told.report);
        told.assert_ended("ok", 0);
    }
}

#[test]
fn bytes_that_nobody_asked_for() {
    // A greeting, as many services have one.
    let place = tcp(|stream, _| {
        let _ = { &stream }.write_all(b"220 hello\r\n");
        lines(&stream, |line| { &stream }.write_all(line));
    });
    let told = load(&place, "-c 3 --threads 1 --ramp-up 100ms --for 300ms --warm-up 0");
    // Depending on when it comes, nobody asked for it or it is the wrong reply to the first.
    let greeted = told.count("unexpected_bytes") / 11 + told.count("wrong");
    assert_eq!(greeted, 3, "{}", told.report);
    told.assert_ended("errors", 3);

    // More than was asked for, in the same packet.
    let place = tcp(|stream, _| {
        let mut number = 0;
        lines(&stream, |line| {
            number += 1;
            if number == 50 {
                line.extend_from_slice(b"and what is this, which is longer than a header?\n");
            }
            { &stream }.write_all(line)
        });
    });
    let told = load(&place, "-n 300 -c 1 --threads 1 --depth 1");
    assert_eq!(told.count("unexpected_bytes"), 49, "{}", told.report);
    assert_eq!(told.count("answered"), 300, "{}", told.report);
    told.assert_ended("errors", 3);
}

#[test]
fn datagrams_that_nobody_asked_for() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback can be bound");
    let place = format!("udp://{}", socket.local_addr().expect("it is bound"));
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        let mut number = 0;
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            number += 1;
            let _ = socket.send_to(&buffer[..length], peer);
            if number % 100 == 50 {
                let _ = socket.send_to(b"what is this?", peer);
            }
        }
    });
    let told = load(&place, "-n 300 -c 1 --threads 1");
    // The next message is open already, or not yet.
    assert_eq!(told.count("unexpected_bytes") / 13 + told.count("wrong"), 3, "{}", told.report);
    told.assert_ended("errors", 3);
}

#[test]
fn replies_that_come_too_late() {
    let late = |number| Duration::from_millis(if number == 5 { 900 } else { 0 });
    let place = delaying(late);
    for io in ["epoll", "auto"] {
        let words = format!("-c 3 --for 2500ms --warm-up 0 --threads 1 --rate 60 --io {io}");
        let told = load(&place, &format!("{words} --reply-timeout 300ms --depth 4"));
        // The fifth of each, and those that waited behind it.
        assert!(told.count("lost") >= 3, "{}", told.report);
        assert_eq!(told.count("late"), told.count("lost"), "{}", told.report);
        assert_eq!((told.count("wrong"), told.count("duplicates")), (0, 0), "{}", told.report);
        told.assert_ended("errors", 3);
    }
}

#[test]
fn every_reply_is_that_to_the_message_before() {
    let place = tcp(|stream, _| {
        let mut before = b"nothing\n".to_vec();
        lines(&stream, |line| {
            std::mem::swap(&mut before, line);
            { &stream }.write_all(line)
        });
    });
    let told = load(&place, "-n 9 -c 3 --threads 1 --reply-timeout 300ms");
    assert_eq!((told.count("answered"), told.count("sent")), (0, 9), "{}", told.report);
    told.assert_ended("errors", 3);
}

#[test]
fn replies_of_no_more_than_255_bytes() {
    let place = tcp(|stream, _| {
        lines(&stream, |line| {
            line.truncate(255);
            { &stream }.write_all(line)
        });
    });
    let words = "-n 12 -c 3 --threads 1 --size 300 --reply-timeout 300ms";
    let told = load(&place, words);
    assert_eq!((told.count("answered"), told.count("sent")), (0, 12), "{}", told.report);
    told.assert_ended("errors", 3);
    // The same server is right with what it can carry.
    load(&place, "-n 12 -c 3 --size 255").assert_ended("ok", 0);
}

#[test]
fn a_server_that_reads_nothing() {
    let place = tcp(|stream, _| {
        pause(Duration::from_secs(5));
        drop(stream);
    });
    let words = "-c 2 --threads 1 --size 1M --depth 16 --for 1s --warm-up 0 --reply-timeout 500ms";
    let told = load(&place, words);
    assert_eq!(told.count("answered"), 0, "{}", told.report);
    assert!(told.count("lost") >= 2, "{}", told.report);
    told.assert_ended("errors", 3);
}

#[test]
fn large_messages_and_many_pieces() {
    let told = load(&echo(), "-n 40 -c 2 --threads 1 --size 1M --depth 2");
    assert_eq!(told.count("answered"), 40, "{}", told.report);
    assert_one_mebibyte_each(&told);
}

fn assert_one_mebibyte_each(told: &Told) {
    let of_all: u64 = told.report["intervals"]
        .as_array()
        .expect("there are some")
        .iter()
        .map(|interval| interval["received_bytes"].as_u64().expect("it is counted"))
        .sum();
    assert_eq!(of_all, 40 << 20, "{}", told.report);
    told.assert_ended("ok", 0);
}
