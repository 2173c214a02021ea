//! Requests: what the client writes is what the server reads.

use std::string::String;
use std::vec::Vec;

use super::*;
use crate::files::{Client, Put, PutHash};

const HASH: Hash = Hash([0xa5; 32]);

fn written(write: impl FnOnce(&mut Client, &mut Vec<u8>)) -> Request {
    let mut line = Vec::new();
    write(&mut Client::default(), &mut line);
    let line = String::from_utf8(line).unwrap();
    parse(line.strip_suffix('\n').unwrap()).unwrap()
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

#[test]
fn uploads_are_read_as_they_are_written() {
    let upload = UploadToken::new("0123456789abcdef").unwrap();
    let name = name("a b=%/\u{20ac}");
    let full = Put {
        name: &name,
        size: Some(5),
        hash: PutHash::Known(HASH),
        upload: Some(&upload),
        durability: Some(Durability::File),
        from_start: true,
    };
    let read = PutRequest {
        name: Ok(name.clone()),
        size: Some(5),
        hash: Some(HASH),
        trailer: false,
        upload: Some(upload.clone()),
        durability: Some(Durability::File),
        from_start: true,
    };
    assert_eq!(written(|client, out| client.put(&full, out)), Request::Put(read.clone()));
    let short = Put {
        size: None,
        hash: PutHash::Unsaid,
        upload: None,
        durability: None,
        from_start: false,
        ..full
    };
    let short_read = PutRequest {
        size: None,
        hash: None,
        upload: None,
        durability: None,
        from_start: false,
        ..read.clone()
    };
    assert_eq!(written(|client, out| client.put(&short, out)), Request::Put(short_read));
    let trailer = Put { hash: PutHash::Trailer, ..full };
    let trailer_read = PutRequest { hash: None, trailer: true, ..read };
    assert_eq!(written(|client, out| client.put(&trailer, out)), Request::Put(trailer_read));
}

#[test]
fn small_requests_are_read_as_they_are_written() {
    let a = || name("a =");
    let push = PushRequest { name: Ok(a()), size: 7, hash: Some(HASH), durability: None };
    let read = written(|client, out| client.push(&a(), 7, Some(&HASH), None, out));
    assert_eq!(read, Request::Push(push));
    for range in [None, Some((3, None)), Some((3, Some(4))), Some((0, Some(u64::MAX)))] {
        let read = written(|client, out| client.get(&a(), range, true, out));
        assert_eq!(read, Request::Get { name: Ok(a()), range, range_hash: true });
    }
    let read = written(|client, out| client.stat(&a(), true, out));
    assert_eq!(read, Request::Stat { name: Ok(a()), reread: true });
    for text in ["", "a b/"] {
        let prefix = Prefix::new(text).unwrap();
        let read = written(|client, out| client.list(&prefix, Some(&a()), Some(9), out));
        let after = Some(Ok(a()));
        assert_eq!(read, Request::List { prefix: Ok(prefix), after, limit: Some(9) });
    }
    let token = Some("s=% \u{e9}");
    let read = written(|client, out| client.hello(token, Some(Durability::None), out));
    let durability = Some(Durability::None);
    assert_eq!(read, Request::Hello { token: token.map(Box::from), durability });
    assert_eq!(written(Client::help), Request::Help);
    assert_eq!(written(Client::quit), Request::Quit);
}

#[test]
fn the_last_byte_that_there_can_be() {
    let Ok(Request::Get { range, .. }) = parse("GET a 5-18446744073709551615") else {
        panic!("a range up to the largest number");
    };
    assert_eq!(range, Some((5, None)));
}

#[test]
fn lines_of_uploads() {
    assert_eq!(parse_body_line("data 1048576", true), Ok(BodyLine::Data(1 << 20)));
    assert_eq!(parse_body_line("END", true), Ok(BodyLine::End(None)));
    let end = std::format!("  END  {HASH} ");
    assert_eq!(parse_body_line(&end, false), Ok(BodyLine::End(Some(HASH))));
    assert_eq!(parse_body_line("Abort", false), Ok(BodyLine::Abort));
    assert!(parse_body_line("END x", false).is_err());
    assert!(is_blank("   ") && !is_blank(" . "));
}
