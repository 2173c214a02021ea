//! Lines by example: whole, byte by byte, too long.

use std::string::ToString;
use std::vec;
use std::vec::Vec;

use super::*;

#[test]
fn words_are_encoded_where_they_must_be() {
    for (text, word) in [
        ("plain/name.txt", "plain/name.txt"),
        ("one two", "one%20two"),
        ("100%=x", "100%25%3Dx"),
        ("\u{e9}\u{20ac}\u{1f600}", "\u{e9}\u{20ac}\u{1f600}"),
        ("\n\u{7f}\0", "%0A%7F%00"),
        ("", ""),
    ] {
        assert_eq!(Encoded(text).to_string(), word);
        assert_eq!(decode(word).as_deref(), Ok(text));
    }
}

#[test]
fn anything_may_be_encoded_and_nothing_else_is() {
    assert_eq!(decode("%61%2f%C3%a9").as_deref(), Ok("a/\u{e9}"));
    for wrong in ["%", "%4", "%4g", "a%%41", "%ff", "%c3", "%+1"] {
        assert_eq!(decode(wrong), Err(NameProblem::Encoding), "{wrong}");
    }
}

#[test]
fn numbers_are_digits() {
    assert_eq!(number("0"), Some(0));
    assert_eq!(number("18446744073709551615"), Some(u64::MAX));
    for wrong in ["", "+1", "-1", " 1", "1 ", "0x1", "18446744073709551616", "\u{661}"] {
        assert_eq!(number(wrong), None, "{wrong}");
    }
}

fn lines(bytes: &[u8], arrival: usize) -> (Vec<Vec<u8>>, LineBuffer) {
    let mut buffer = LineBuffer::default();
    let mut lines = Vec::new();
    for part in bytes.chunks(arrival) {
        let mut rest = part;
        while let Some((line, used)) = buffer.line(rest).unwrap() {
            lines.push(line.to_vec());
            buffer.done();
            rest = &rest[used..];
        }
    }
    (lines, buffer)
}

#[test]
fn lines_end_with_either_newline() {
    let bytes = b"one\ntwo\r\n\nfo\rur\r\nrest";
    for arrival in [bytes.len(), 1, 2, 3] {
        let (lines, buffer) = lines(bytes, arrival);
        assert_eq!(lines, [&b"one"[..], b"two", b"", b"fo\rur"]);
        assert_eq!(buffer.begun(), b"rest");
    }
}

#[test]
fn a_line_has_a_bound_however_it_comes() {
    let longest = [vec![b'a'; LINE_BYTES_MAX - 1], b"\n".to_vec()].concat();
    for arrival in [longest.len(), 1, 1000] {
        assert_eq!(lines(&longest, arrival).0.len(), 1);
    }
    let mut buffer = LineBuffer::default();
    let longer = [&b"a"[..], &longest].concat();
    assert_eq!(buffer.line(&longer), Err(TooLong));
    assert_eq!(buffer.line(&longer[..LINE_BYTES_MAX - 1]), Ok(None));
    assert_eq!(buffer.line(b"a"), Err(TooLong));
    assert_eq!(buffer.line(b"a\n"), Err(TooLong));
    assert_eq!(buffer.line(b"\r"), Err(TooLong));
}

#[test]
fn a_line_that_was_not_used_comes_again() {
    let mut buffer = LineBuffer::default();
    assert_eq!(buffer.line(b"fir"), Ok(None));
    for _ in 0..2 {
        assert_eq!(buffer.line(b"st\nsecond"), Ok(Some((&b"first"[..], 3))));
        buffer.unread();
    }
    buffer.done();
    assert_eq!(buffer.held_bytes(), 0);
}

#[test]
fn answers_have_three_parts() {
    let parts = |line| AnswerLine::new(line).map(|line| (line.code, line.fields, line.text));
    assert_eq!(parts("201 size=1 hash=2 : a : b"), Some((201, " size=1 hash=2", "a : b")));
    assert_eq!(parts("204 : aborted :"), Some((204, "", "aborted :")));
    assert_eq!(parts("204 :"), Some((204, "", "")));
    assert_eq!(parts("204"), Some((204, "", "")));
    assert_eq!(parts("100 offset=5"), Some((100, " offset=5", "")));
    for wrong in ["", "20", "2044", "204x", "+12 : a", "099 : a", "204 aborted", "204 a : b"] {
        assert_eq!(parts(wrong), None, "{wrong}");
    }
    assert_eq!(field(" size=1  hash=", "hash"), Some(""));
    assert_eq!(field(" size=1", "siz"), None);
}
