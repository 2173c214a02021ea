//! Many requests on one connection that do not wait for each other: answered in order, whatever
//! pieces they come in, on every model.

use std::thread;

use crate::support::{FileServer, MODELS, each_of, hash, noise};
use crate::wire::Wire;

/// Requests with their bytes, all at once.
fn requests() -> Vec<u8> {
    let large = noise(1, 40_000);
    let mut bytes = Vec::new();
    let mut say = |line: &str, body: &[u8]| {
        bytes.extend(line.as_bytes());
        bytes.push(b'\n');
        bytes.extend(body);
    };
    say("HELLO 1 durability=none", b"");
    say("PUSH p/one 3", b"one");
    say("PUSH p/two 40000", &large);
    say("PUSH p/one 3", b"ONE");
    say("PUSH ../out 3", b"out");
    say("PUSH p/none 0", b"");
    say("STAT p/two", b"");
    say("GET p/one", b"");
    say("GET p/two 10-19", b"");
    say("LIST p/", b"");
    // The body may follow without waiting, when it is known that it is wanted.
    say("PUT p/three 5", b"three");
    say("GET p/three", b"");
    say("QUIT", b"");
    bytes
}

/// Takes the answers, and checks each.
fn check(mut wire: Wire, case: &str) {
    let large = noise(1, 40_000);
    let mut expect = |code: u16| {
        let answer = wire.answer();
        assert_eq!(answer.code, code, "{case}: {}", answer.line);
        let length = if code == 150 { answer.number("length") } else { 0 };
        let follows = wire.raw(length);
        let lines = if code == 220 { answer.number("count") } else { 0 };
        let names: Vec<_> = (0..lines).map(|_| wire.line().expect("it is announced")).collect();
        (answer, follows, names)
    };
    for code in [200, 201, 201, 409, 422, 201] {
        expect(code);
    }
    assert_eq!(expect(210).0.field("hash"), Some(hash(&large).as_str()), "{case}");
    assert_eq!(expect(150).1, b"one", "{case}");
    assert_eq!(expect(150).1, large[10..20], "{case}");
    let (_, _, names) = expect(220);
    let names: Vec<&str> = names.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["p/none", "p/one", "p/two"], "{case}");
    expect(100);
    assert_eq!(expect(201).0.number("size"), 5, "{case}");
    assert_eq!(expect(150).1, b"three", "{case}");
    expect(221);
    assert_eq!(wire.rest(), "", "{case}: behind the end");
}

#[test]
fn requests_are_answered_in_order_in_whatever_pieces_they_come() {
    each_of(&MODELS, |model| {
        for piece in [usize::MAX, 4096, 1000, 37] {
            let server = FileServer::start(model, &[]);
            let wire = server.wire();
            let mut sender = wire.socket().try_clone().expect("it is open");
            let sending = thread::spawn(move || {
                let requests = requests();
                for piece in requests.chunks(piece.min(requests.len())) {
                    std::io::Write::write_all(&mut sender, piece).expect("it is taken");
                }
            });
            check(wire, &format!("{model}, {piece} bytes at a time"));
            sending.join().expect("it was all sent");
            assert_eq!(server.visible(), ["p", "p/none", "p/one", "p/three", "p/two"], "{model}");
        }
    });
}

#[test]
fn a_thousand_pushes_on_one_connection() {
    each_of(&MODELS, |model| {
        let server = FileServer::start(model, &[]);
        let mut wire = server.wire();
        let mut sender = wire.socket().try_clone().expect("it is open");
        let count = 1000;
        let sending = thread::spawn(move || {
            let files = (0..count).flat_map(|number| {
                let content = format!("content of {number}");
                let name = format!("many/{}/{number}", number % 7);
                let push = format!("PUSH {name} {} durability=none\n{content}", content.len());
                push.into_bytes()
            });
            let bytes: Vec<u8> = files.collect();
            std::io::Write::write_all(&mut sender, &bytes).expect("it is taken");
        });
        for number in 0..count {
            let answer = wire.answer();
            assert_eq!(answer.code, 201, "{model}: {}", answer.line);
            let expected = hash(format!("content of {number}").as_bytes());
            assert_eq!(answer.field("hash"), Some(expected.as_str()), "{model}: {number}");
        }
        sending.join().expect("it was all sent");
        assert_eq!(server.visible().len(), 1 + 7 + count, "{model}");
    });
}
