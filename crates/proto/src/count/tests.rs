//! Count by example: whole, byte by byte, and with bytes behind.

use std::string::String;

use super::*;
use crate::sim::{Recorder, answer};
use crate::{Peer, Service, ServiceMachine};

const NAME: &str = "Handy Arfiano Hastyawan";
const REPLY: &str = "Jumlah karakter dalam kalimat tersebut ada: 23";

fn opened(capacity: usize) -> (Count, Recorder) {
    let mut out = Recorder::with_capacity(capacity);
    let mut count = Count::new(CountOptions::default());
    out.give(&mut count, Time::ZERO, Input::Opened { peer: &Peer::unnamed() });
    (count, out)
}

/// Gives `parts` with a pause of a gap between them, each whole or byte by byte, then the end.
fn check(parts: &[&[u8]], replies: &[&str]) {
    for whole in [true, false] {
        let (mut count, mut out) = opened(1000);
        let mut now = Time::ZERO;
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                now = now + DEFAULT_GAP;
                out.give(&mut count, now, Input::Deadline);
            }
            for arrival in part.chunks(if whole { part.len().max(1) } else { 1 }) {
                assert_eq!(out.receive(&mut count, now, arrival), arrival.len());
            }
        }
        out.give(&mut count, now, Input::End);
        assert_eq!(text(&out), expand(replies), "{parts:?} whole: {whole}");
        assert_eq!(out.closed(), Some(Reason::PeerClosed));
        assert_eq!(out.messages().len(), replies.len());
    }
}

fn text(out: &Recorder) -> String {
    String::from_utf8(out.bytes().to_vec()).expect("replies are text")
}

/// `=` is the seed's text, `!` the error's.
fn expand(replies: &[&str]) -> String {
    replies
        .concat()
        .replace('=', "Jumlah karakter dalam kalimat tersebut ada: ")
        .replace('!', "Kesalahan: UTF-8 tidak sah pada offset byte ")
}

#[test]
fn the_message_of_the_seed_gets_the_reply_of_the_seed() {
    let (mut count, mut out) = opened(1000);
    out.receive(&mut count, Time::ZERO, NAME.as_bytes());
    assert_eq!(text(&out), "");
    let gap = count.deadline().expect("a message is open");
    assert_eq!(gap, Time::from_millis(50));
    out.give(&mut count, gap, Input::Deadline);
    assert_eq!(text(&out), REPLY);
    assert_eq!(out.bytes().len(), 46);
    assert_eq!((out.closed(), count.deadline()), (None, None));
    // The newline, should it come late, is not another message; the next one is.
    out.receive(&mut count, Time::from_millis(200), b"\r\nab\r\n");
    assert_eq!(text(&out), std::format!("{REPLY}{}", expand(&["=2\r\n"])));
}

#[test]
fn a_reply_ends_as_its_message_ended() {
    check(&[b"abc\n"], &["=3\n"]);
    check(&[b"abc\r\n"], &["=3\r\n"]);
    check(&[b"abc"], &["=3"]);
    check(&[b"abc", b"de\n"], &["=3", "=2\n"]);
    check(&[b"abc", b"\nde"], &["=3", "=2"]);
    check(&[b"\n\r\n"], &["=0\n", "=0\r\n"]);
    check(&[b""], &[]);
}

#[test]
fn characters_are_scalar_values_and_spaces_count() {
    check(&["se ma\u{e9}\u{20ac}\u{1f600}\nx".as_bytes()], &["=8\n", "=1"]);
    check(&[b"a\rb\r\n"], &["=3\r\n"]);
    check(&[b"a\r", b"b"], &["=2", "=1"]);
}

#[test]
fn invalid_text_gets_an_error_and_the_conversation_goes_on() {
    check(&[b"\xff\nab\n"], &["!0\n", "=2\n"]);
    check(&[b"ab\xffcd\xfe\r\nab"], &["!2\r\n", "=2"]);
    check(&[b"a\xe2\x82", b"\xac\n"], &["!1", "!0\n"]);
    check(&[b"a\xe2\x82\n"], &["!1\n"]);
    check(&[b"\xe2\r\n"], &["!0\r\n"]);
}

#[test]
fn a_reply_that_does_not_fit_waits_and_is_sent_once() {
    let (mut count, mut out) = opened(80);
    let bytes = b"a\nbb\nccc\nd";
    assert_eq!(out.receive(&mut count, Time::ZERO, bytes), 5);
    assert!(out.is_full());
    assert_eq!(out.receive(&mut count, Time::ZERO, &bytes[5..]), 0, "a reply is due");
    // The order to stop waits for what has come and for what is open.
    out.give(&mut count, Time::ZERO, Input::Drain);
    let room = out.make_room(80);
    out.give(&mut count, Time::ZERO, Input::Room(room));
    assert_eq!(text(&out), expand(&["=1\n=2\n"]));
    out.make_room(80);
    assert_eq!(out.receive(&mut count, Time::ZERO, &bytes[5..]), 5);
    assert_eq!(text(&out), expand(&["=1\n=2\n=3\n"]));
    assert_eq!(out.closed(), None);
    out.give(&mut count, Time::from_millis(49), Input::Deadline);
    assert_eq!(out.closed(), None);
    out.make_room(80);
    out.give(&mut count, Time::from_millis(50), Input::Deadline);
    assert_eq!(text(&out), expand(&["=1\n=2\n=3\n=1"]));
    assert_eq!(out.closed(), Some(Reason::Shutdown));
}

#[test]
fn the_last_reply_is_sent_before_the_close() {
    let (mut count, mut out) = opened(50);
    out.receive(&mut count, Time::ZERO, b"a\nbb");
    out.give(&mut count, Time::ZERO, Input::End);
    assert_eq!((text(&out), out.closed()), (expand(&["=1\n"]), None));
    let room = out.make_room(50);
    out.give(&mut count, Time::ZERO, Input::Room(room));
    assert_eq!(text(&out), expand(&["=1\n=2"]));
    assert_eq!(out.closed(), Some(Reason::PeerClosed));
}

#[test]
fn stopping_waits_for_an_open_message_only() {
    let (mut count, mut out) = opened(1000);
    out.receive(&mut count, Time::ZERO, b"a\n");
    out.give(&mut count, Time::ZERO, Input::Drain);
    assert_eq!(out.closed(), Some(Reason::Shutdown));
    let (mut count, mut out) = opened(1000);
    out.receive(&mut count, Time::ZERO, b"a\nb");
    out.give(&mut count, Time::ZERO, Input::Drain);
    assert_eq!(out.closed(), None);
    // What came together is answered together; then nothing is open.
    out.receive(&mut count, Time::ZERO, b"b\nccc\n");
    assert_eq!(text(&out), expand(&["=1\n=2\n=3\n"]));
    assert_eq!(out.closed(), Some(Reason::Shutdown));
}

#[test]
fn a_datagram_is_one_message() {
    let service = Service::Count(CountOptions::default());
    let cases: [(&[u8], &str); 7] = [
        (NAME.as_bytes(), "=23"),
        (b"Handy Arfiano Hastyawan\n", "=23\n"),
        (b"Handy Arfiano Hastyawan\r\n", "=23\r\n"),
        (b"a\nb\n\n", "=4\n"),
        (b"", "=0"),
        (b"\n", "=0\n"),
        (b"a\xff", "!1"),
    ];
    for (datagram, reply) in cases {
        let out = answer(&service, datagram);
        assert_eq!(text(&out), expand(&[reply]));
        assert_eq!(out.closed(), Some(Reason::PeerClosed));
        assert_eq!(out.messages().len(), 1);
    }
}

#[test]
fn options_choose_language_and_unit() {
    let options =
        CountOptions { language: CountLanguage::English, unit: CountUnit::Bytes, gap: DEFAULT_GAP };
    let out = answer(&Service::Count(options), b"\xff\xff\n");
    assert_eq!(text(&out), "Number of bytes in this sentence: 2\n");
    let options = CountOptions { unit: CountUnit::Characters, ..options };
    let out = answer(&Service::Count(options), b"\xff\xff\n");
    assert_eq!(text(&out), "Error: invalid UTF-8 at byte offset 0\n");
}

#[test]
fn an_idle_conversation_is_small() {
    assert!(size_of::<Count>() <= 96, "{}", size_of::<Count>());
    assert!(size_of::<ServiceMachine>() <= 128, "{}", size_of::<ServiceMachine>());
}
