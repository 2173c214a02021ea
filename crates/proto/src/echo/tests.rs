//! Echo by example: whole, byte by byte, and with bytes behind.

use std::ops::Range;
use std::vec::Vec;

use super::*;
use crate::Peer;
use crate::sim::Recorder;

const GAP: Duration = DEFAULT_GAP;

fn opened(quit: bool) -> (Echo, Recorder) {
    let mut out = Recorder::default();
    let mut echo = Echo::new(EchoOptions { quit, ..EchoOptions::default() });
    out.give(&mut echo, Time::ZERO, Input::Opened { peer: &Peer::unnamed() });
    (echo, out)
}

/// Gives `parts` with a pause of a gap between them, each whole or byte by byte.
fn run(parts: &[&[u8]], whole: bool) -> (Echo, Recorder) {
    let (mut echo, mut out) = opened(true);
    let mut now = Time::ZERO;
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            now = now + GAP;
            out.give(&mut echo, now, Input::Deadline);
        }
        for arrival in part.chunks(if whole { part.len().max(1) } else { 1 }) {
            if out.closed().is_none() {
                assert_eq!(out.receive(&mut echo, now, arrival), arrival.len());
            }
        }
    }
    (echo, out)
}

fn check(parts: &[&[u8]], echoed: &[u8], closed: Option<Reason>, messages: &[u64]) {
    for whole in [true, false] {
        let (_, out) = run(parts, whole);
        assert_eq!(out.bytes(), echoed, "{parts:?} whole: {whole}");
        assert_eq!(out.closed(), closed, "{parts:?} whole: {whole}");
        assert_eq!(out.messages(), messages, "{parts:?} whole: {whole}");
    }
}

#[test]
fn bytes_go_back_as_they_come() {
    check(&[b"hello\nworld"], b"hello\nworld", None, &[5]);
    check(&[b"\xff\x00\r\r\n\n"], b"\xff\x00\r\r\n\n", None, &[3, 0]);
}

#[test]
fn quit_is_echoed_first_and_nothing_after_it() {
    let quit = Some(Reason::Quit);
    check(&[b"quit\n"], b"quit\n", quit, &[4]);
    check(&[b"quit\r\n"], b"quit\r\n", quit, &[4]);
    check(&[b"a\nquit\nmore\n"], b"a\nquit\n", quit, &[1, 4]);
    check(&[b"quit\nquit\n"], b"quit\n", quit, &[4]);
    check(&[b"quit", b"more"], b"quit", quit, &[4]);
}

#[test]
fn what_is_not_exactly_quit_is_not_quit() {
    for line in ["Quit", "quit ", " quit", "quitt", "qui", "q\ruit", "quit\r", "\rquit"] {
        for newline in ["\n", "\r\n"] {
            let bytes = std::format!("{line}{newline}");
            let length = line.len() as u64;
            if !(line.ends_with('\r') && newline == "\n") {
                check(&[bytes.as_bytes()], bytes.as_bytes(), None, &[length]);
            }
        }
    }
    check(&[b"quit\r", b""], b"quit\r", None, &[5]);
    check(&[b"qu", b"it\n"], b"quit\n", None, &[2, 2]);
}

#[test]
fn a_message_before_the_gap_is_not_part_of_quit() {
    check(&[b"hello", b"quit", b""], b"helloquit", Some(Reason::Quit), &[5, 4]);
    check(&[b"hello", b"\nquit\n"], b"hello\nquit\n", Some(Reason::Quit), &[5, 4]);
    check(&[b"hello", b"\r\nquit\n"], b"hello\r\nquit\n", Some(Reason::Quit), &[5, 4]);
    check(&[b"hello", b"\rquit\n"], b"hello\rquit\n", None, &[5, 5]);
}

#[test]
fn the_gap_is_the_only_thing_waited_for() {
    let (echo, out) = run(&[b"quit"], true);
    assert_eq!(out.bytes(), b"quit", "echoed before the gap decides");
    assert_eq!(echo.deadline(), Some(Time::ZERO + GAP));
    let (mut echo, mut out) = run(&[b"quit"], true);
    out.give(&mut echo, Time::from_nanos(49_999_999), Input::Deadline);
    assert_eq!(out.closed(), None, "too early does nothing");
    // A late read goes on with the message.
    out.receive(&mut echo, Time::from_millis(1000), b"e\n");
    assert_eq!(out.messages(), [5]);
    assert_eq!(echo.deadline(), None);
}

#[test]
fn the_end_ends_quit_too() {
    for (bytes, reason) in
        [(&b"quit"[..], Reason::Quit), (b"quit\r", Reason::PeerClosed), (b"", Reason::PeerClosed)]
    {
        let (mut echo, mut out) = run(&[bytes], true);
        out.give(&mut echo, Time::ZERO, Input::End);
        assert_eq!(out.closed(), Some(reason));
        assert_eq!(out.messages().len(), usize::from(!bytes.is_empty()));
    }
}

#[test]
fn without_quit_nothing_is_looked_at() {
    let (mut echo, mut out) = opened(false);
    assert_eq!(out.receive(&mut echo, Time::ZERO, b"quit\nquit"), 9);
    assert_eq!(echo.deadline(), None);
    out.give(&mut echo, Time::ZERO, Input::End);
    assert_eq!((out.bytes(), out.closed()), (&b"quit\nquit"[..], Some(Reason::PeerClosed)));
    assert!(out.messages().is_empty());
}

#[test]
fn a_full_outbox_loses_and_doubles_nothing() {
    let mut out = Recorder::with_capacity(4);
    let mut echo = Echo::new(EchoOptions::default());
    let now = Time::ZERO;
    assert_eq!(out.receive(&mut echo, now, b"abc"), 3);
    for _ in 0..3 {
        assert_eq!(out.receive(&mut echo, now, b"d\nquit\nx"), 0);
        assert!(out.is_full());
        assert_eq!(echo.deadline(), None, "the message goes on");
        out.give(&mut echo, Time::from_millis(500), Input::Deadline);
    }
    // The order to stop waits for what has come.
    out.give(&mut echo, now, Input::Drain);
    assert_eq!(out.closed(), None);
    let room = out.make_room(4);
    out.give(&mut echo, now, Input::Room(room));
    assert_eq!(out.receive(&mut echo, now, b"d\nquit\nx"), 8);
    assert_eq!(out.bytes(), b"abcd\nquit\n");
    assert_eq!(out.messages(), [4, 4]);
    assert_eq!(out.closed(), Some(Reason::Quit));
}

#[test]
fn stopping_closes_at_once() {
    let (mut echo, mut out) = run(&[b"hel"], true);
    out.give(&mut echo, Time::ZERO, Input::Drain);
    assert_eq!(out.closed(), Some(Reason::Shutdown));
}

#[test]
fn one_arrival_is_forwarded_at_once() {
    /// Keeps the forwarded ranges.
    #[derive(Default)]
    struct Ranges(Vec<Range<usize>>);
    impl Outbox for Ranges {
        fn forward(&mut self, range: Range<usize>) -> Result<(), crate::Full> {
            self.0.push(range);
            Ok(())
        }
        fn bytes(&mut self, _bytes: &[u8]) -> Result<(), crate::Full> {
            panic!("echo copies nothing");
        }
        fn message(&mut self, _part: Range<usize>, _length: u64) {}
        fn store(&mut self, _request: crate::files::StoreRequest) {
            panic!("echo has no store");
        }
        fn body(&mut self, _length: u64) {
            panic!("echo has no store");
        }
        fn file(&mut self, _range: Range<u64>) {
            panic!("echo has no store");
        }
        fn close(&mut self, _reason: Reason) {}
    }
    let mut out = Ranges::default();
    let mut echo = Echo::new(EchoOptions::default());
    echo.input(Time::ZERO, Input::Received(b"a\nb\nc"), &mut out);
    echo.input(Time::ZERO, Input::Received(b"\nquit\nd\n"), &mut out);
    assert_eq!(out.0, [0..5, 0..6]);
}
