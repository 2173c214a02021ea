//! Answers by example: right ones, wrong ones, whole and byte by byte.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::*;
use crate::files::{Entry, HaveIt, Listing, Receipt};

const HASH: Hash = Hash([0x5a; 32]);

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// The answers that `server` makes to what was asked for; stops at the first error, and leaves the
/// bytes of files out.
fn answers(
    ask: impl Fn(&mut Client),
    server: &str,
    arrival: usize,
) -> (Vec<Answer>, Option<ProtocolError>) {
    let mut client = Client::default();
    ask(&mut client);
    let mut answers = Vec::new();
    let mut skip = 0;
    for part in server.as_bytes().chunks(arrival.max(1)) {
        let mut rest = part;
        while !rest.is_empty() {
            let raw = skip.min(rest.len());
            (skip, rest) = (skip - raw, &rest[raw..]);
            match client.answer(rest) {
                Err(error) => return (answers, Some(error)),
                Ok((used, answer)) => {
                    if let Some(Answer::FileFollows(file)) = &answer {
                        skip = usize::try_from(file.range.end - file.range.start).unwrap();
                    }
                    rest = &rest[used..];
                    answers.extend(answer);
                }
            }
        }
    }
    (answers, None)
}

fn check(ask: impl Fn(&mut Client), server: &str, expected: &[Answer]) {
    for arrival in [server.len(), 1, 5] {
        let (found, error) = answers(&ask, server, arrival);
        assert_eq!(error, None, "{server}");
        assert_eq!(found, expected, "{server}");
    }
}

fn check_error(ask: impl Fn(&mut Client), server: &str, expected: &str) {
    for arrival in [server.len(), 1] {
        let (_, error) = answers(&ask, server, arrival);
        assert_eq!(error.map(|error| error.expected), Some(expected), "{server}");
    }
}

fn put(size: Option<u64>, hash: PutHash) -> impl Fn(&mut Client) {
    move |client| {
        let name = name("a");
        let (upload, durability) = (None, None);
        let put = Put { name: &name, size, hash, upload, durability, from_start: false };
        client.put(&put, &mut Vec::new());
    }
}

fn get(range: Option<(u64, Option<u64>)>, range_hash: bool) -> impl Fn(&mut Client) {
    move |client| client.get(&name("b"), range, range_hash, &mut Vec::new())
}

fn list(prefix: &'static str, after: Option<&'static str>) -> impl Fn(&mut Client) {
    move |client| {
        let prefix = Prefix::new(prefix).unwrap();
        client.list(&prefix, after.map(name).as_ref(), None, &mut Vec::new());
    }
}

fn stat(client: &mut Client) {
    client.stat(&name("b"), false, &mut Vec::new());
}

fn push(client: &mut Client) {
    client.push(&name("a"), 5, Some(&HASH), None, &mut Vec::new());
}

fn receipt(size: u64) -> Receipt {
    Receipt { size, hash: HASH, durability: Durability::Full }
}

fn stored(size: u64) -> Answer {
    Answer::Stored { have_it: HaveIt::Stored, receipt: receipt(size) }
}

fn refused(code: u16, text: &str, closes: bool) -> Refused {
    let (size, hash, limit, errno) = (None, None, None, None);
    Refused { code, text: text.into(), size, hash, limit, errno, closes }
}

#[test]
fn hello_says_what_the_server_can() {
    let hello = |client: &mut Client| client.hello(None, None, &mut Vec::new());
    let server = "200 version=1 abilities=put,get later=yes write=token durability=file \
                  max-push=65536 : colok file store\r\n";
    let said = ServerHello {
        version: 1,
        abilities: "put,get".into(),
        write: WriteAccess::Token,
        durability: Durability::File,
        push_bytes_max: 65536,
    };
    assert!(said.can("get") && !said.can("list") && !said.can("put,get"));
    check(hello, server, &[Answer::Hello(said)]);
    check_error(hello, "200 version=2 abilities=a write=yes\n", "version=1");
    let some = "200 version=1 abilities=put write=yes durability=full : max-push=1\n";
    check_error(hello, some, "an answer with all of its fields");
    check_error(hello, "201 : stored\n", "200 or an error");
    let wrong = Answer::Refused(refused(401, "wrong token", true));
    check(hello, "401 : wrong token\n", &[wrong]);
    let closed = "401 : wrong token\n401 : again\n";
    check_error(hello, closed, "nothing after the server has closed");
}

#[test]
fn uploads_have_one_or_two_answers() {
    let known = put(Some(5), PutHash::Known(HASH));
    let size = format!("size=5 hash={HASH} durability=full");
    let have_it = Answer::Stored { have_it: HaveIt::Already, receipt: receipt(5) };
    check(&known, &format!("202 {size} : have it\n"), core::slice::from_ref(&have_it));
    let from = |offset, hash| Answer::SendFrom { offset, hash };
    let resumed = format!("100 offset=2 hash={HASH} : send from 2\n201 {size} : stored\n");
    check(&known, &resumed, &[from(2, Some(HASH)), stored(5)]);
    let late = format!("100 offset=0\n202 {size} :\n");
    check(&known, &late, &[from(0, None), have_it]);
    let exists = Answer::Exists { size: 7, hash: HASH };
    let text = format!("110 size=7 hash={HASH} : exists\n");
    check(put(None, PutHash::Unsaid), &text, &[exists]);
    check_error(&known, "100 offset=6 : send\n", "an offset within the file");
    check_error(&known, "100 offset=1 : send\n", "the hash of the bytes before the offset");
    check_error(&known, &format!("201 {size} :\n"), "100, 110, 202 or an error");
    let other = "a receipt for what was sent";
    check_error(&known, &format!("202 size=4 hash={HASH} durability=full :\n"), other);
    let hash = Hash([1; 32]);
    check_error(&known, &format!("202 size=5 hash={hash} durability=full :\n"), other);
}

#[test]
fn an_upload_that_has_not_ended_is_not_stored() {
    let size = format!("size=3 hash={HASH} durability=full");
    let blocks = |then: fn(&mut Client)| {
        move |server: &str| {
            let mut client = Client::default();
            put(None, PutHash::Unsaid)(&mut client);
            client.answer(b"100 offset=1 hash=").unwrap();
            client.answer(format!("{HASH} :\n").as_bytes()).unwrap();
            client.data(2, &mut Vec::new());
            then(&mut client);
            client.answer(server.as_bytes()).map(|(_, answer)| answer)
        }
    };
    let open = "nothing but an error before the end of the upload";
    let answer = blocks(|_| {})(&format!("201 {size} :\n"));
    assert_eq!(answer.unwrap_err().expected, open);
    let ended = blocks(|client| client.end(Some(&HASH), &mut Vec::new()));
    assert_eq!(ended(&format!("201 {size} :\n")), Ok(Some(stored(3))));
    assert_eq!(ended("204 :\n").unwrap_err().expected, "201, 202 or an error");
    let aborted = blocks(|client| client.abort(&mut Vec::new()));
    assert_eq!(aborted("204 :\n"), Ok(Some(Answer::Cancelled)));
    assert_eq!(aborted(&format!("201 {size} :\n")).unwrap_err().expected, "204 or an error");
    let other = ended(&format!("201 size=2 hash={HASH} durability=full :\n"));
    assert_eq!(other.unwrap_err().expected, "a receipt for what was sent");
    let early = blocks(|_| {})("507 : no space\n");
    assert_eq!(early, Ok(Some(Answer::Refused(refused(507, "no space", true)))));
    let late = ended("507 : no space\n");
    assert_eq!(late, Ok(Some(Answer::Refused(refused(507, "no space", false)))));
}

#[test]
fn refusals_come_at_any_time_with_their_fields() {
    let taken = format!("409 size=3 hash={HASH} : name taken\n");
    let refusal = Refused { size: Some(3), hash: Some(HASH), ..refused(409, "name taken", false) };
    assert!(refusal.is_name_taken());
    check(put(Some(1), PutHash::Unsaid), &taken, &[Answer::Refused(refusal.clone())]);
    let sent = Answer::SendFrom { offset: 0, hash: None };
    let late = format!("100 offset=0 :\n{taken}");
    check(put(Some(1), PutHash::Unsaid), &late, &[sent.clone(), Answer::Refused(refusal.clone())]);
    let early = Refused { closes: true, ..refusal };
    check(put(Some(1), PutHash::Trailer), &late, &[sent, Answer::Refused(early)]);
    for (line, expected) in [
        ("413 limit=9 :\n", Refused { limit: Some(9), ..refused(413, "", false) }),
        ("500 errno=-5 : i/o\n", Refused { errno: Some(-5), ..refused(500, "i/o", false) }),
        ("410 : gone\n", refused(410, "gone", true)),
        ("417 received=3 : wrong size\n", refused(417, "wrong size", true)),
        ("503 : stopping\n", refused(503, "stopping", true)),
        ("400 : \u{e9} \"quoted\" : yes\n", refused(400, "\u{e9} \"quoted\" : yes", true)),
        ("599 new=1 : later\n", refused(599, "later", false)),
        ("refused: the server is full\n", refused(503, "the server is full", true)),
    ] {
        check(push, line, &[Answer::Refused(expected)]);
    }
    let wrong = "a field with a value of its kind";
    check_error(push, "413 limit=9k :\n", wrong);
    check_error(push, "409 hash=12 :\n", wrong);
    let full = Answer::Refused(refused(503, "full", true));
    check(|_| {}, "refused: full\n", &[full]);
}

#[test]
fn a_file_is_what_was_asked_for() {
    let head = |fields: &str| format!("150 size=9 {fields} hash={HASH} modified=-3 : follow\n");
    let entry = || Entry { name: name("b"), size: 9, modified_unix_s: -3, hash: Some(HASH) };
    let file =
        |range, range_hash| Answer::FileFollows(FileFollows { entry: entry(), range, range_hash });
    let two = |client: &mut Client| {
        get(None, false)(client);
        client.quit(&mut Vec::new());
    };
    let server = format!("{}200 bytes221 : bye\n", head("offset=0 length=9"));
    check(two, &server, &[file(0..9, None), Answer::Bye]);
    let range = head(&format!("offset=2 length=3 range-hash={HASH}"));
    check(get(Some((2, Some(5))), true), &range, &[file(2..5, Some(HASH))]);
    check(get(Some((2, None)), false), &head("offset=2 length=7"), &[file(2..9, None)]);
    check(get(Some((2, Some(99))), false), &head("offset=2 length=7"), &[file(2..9, None)]);
    let asked = "the range that was asked for";
    check_error(get(None, false), &head("offset=1 length=8"), asked);
    check_error(get(None, false), &head("offset=0 length=8"), asked);
    check_error(get(Some((2, Some(5))), false), &head("offset=2 length=4"), asked);
    check_error(get(None, false), &head("offset=0 length=10"), "a range within the file");
    let overflow = head("offset=2 length=18446744073709551615");
    check_error(get(Some((2, None)), false), &overflow, "a range within the file");
    check_error(get(None, true), &head("offset=0 length=9"), "the hash of the range");
    let stat_line = format!("210 size=9 hash={HASH} modified=-3 : b\n");
    check(stat, &stat_line, &[Answer::Entry(entry())]);
    check_error(stat, "210 size=9 modified=1 : b\n", "an answer with all of its fields");
}

#[test]
fn pages_go_forward() {
    let page = |lines: &str| format!("220 count=2 more=yes : 2 names\n{lines}");
    let entry = |text, hash| Entry { name: name(text), size: 1, modified_unix_s: 2, hash };
    let lines = format!("a%20b size=1 modified=2\na/c hash={HASH} size=1 modified=2\n");
    let entries = Vec::from([entry("a b", None), entry("a/c", Some(HASH))]);
    let listing = Answer::Listing(Listing { entries, more: true });
    check(list("a", Some("a")), &page(&lines), &[listing]);
    let nothing = Answer::Listing(Listing { entries: Vec::new(), more: false });
    check(list("", None), "220 count=0 more=no : 0 names\n", &[nothing]);
    let forward = "names in byte order, behind the one that was given";
    check_error(list("", Some("a b")), &page(&lines), forward);
    let twice = "a size=1 modified=2\n".repeat(2);
    check_error(list("", None), &page(&twice), forward);
    let beginning = "a name with the beginning that was asked for";
    check_error(list("b", None), &page(&lines), beginning);
    let named = "a line of a page that begins with a name";
    check_error(list("", None), &page("../x size=1 modified=2\n"), named);
    check_error(list("", None), &page("a\n"), "a line of a page: NAME size= modified=");
    check_error(list("", None), "220 count=0 more=yes :\n", "a page that goes forward");
    check_error(list("", None), "220 count=4097 more=no :\n", "a page of at most 4096 names");
    check_error(list("", None), "220 count=1 more=maybe :\n", "a field with a value of its kind");
}

#[test]
fn what_is_no_answer_is_an_error_with_what_came() {
    check_error(|_| {}, "200 : hello\n", "nothing, since nothing is due");
    check_error(push, "OK\n", "an answer: CODE fields : text");
    check_error(push, "201 : a\x1b[2J\n", "a line of printable text");
    check_error(|client| client.help(&mut Vec::new()), "221 : bye\n", "214 or an error");
    let long = "5".repeat(8192);
    check_error(push, &long, "a line of at most 8192 bytes");
    let (_, error) = answers(push, "2\u{e9}\t\n", 99);
    let error = error.unwrap();
    assert_eq!(format!("{error}"), "expected a line of printable text, got \"2\u{e9}\\t\"");
    let (_, error) = answers(push, &format!("{}\n", "x".repeat(5000)), 9999);
    assert_eq!(error.unwrap().got.len(), 160);
}

#[test]
fn requests_are_lines() {
    let mut client = Client::default();
    let mut out = Vec::new();
    client.hello(Some("a b"), Some(Durability::None), &mut out);
    client.push(&name("x y"), 2, None, None, &mut out);
    client.data(5, &mut out);
    client.end(None, &mut out);
    client.abort(&mut out);
    client.get(&name("x"), Some((2, Some(3))), false, &mut out);
    assert_eq!(client.due(), 3);
    let expected = "HELLO 1 token=a%20b durability=none\nPUSH x%20y 2\nDATA 5\nEND\nABORT\n\
                    GET x 2-2\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    assert_eq!(client.held_bytes(), 0);
}
