//! How conversations end: the client leaves, an upload goes on later, the server stops.

use std::format;
use std::string::String;

use super::{TOKEN, ended, hash, store};
use crate::files::FilesOptions;
use crate::sim::Hosted;
use crate::{Peer, Reason};

#[test]
fn the_end_in_the_middle_leaves_nothing_visible() {
    let hash = hash("hello\n");
    for (client, answers) in [
        ("PUT a 6", ""),
        ("PUT a 6\n", "100 offset=0 : send from 0\n417 received=0 : wrong size\n"),
        ("PUT a 6\nhel", "100 offset=0 : send from 0\n417 received=3 : wrong size\n"),
        ("PUT a 6 trailer\nhello\n", "100 offset=0 : send from 0\n"),
        ("PUT a 6 trailer\nhello\nEND", "100 offset=0 : send from 0\n"),
        ("PUT a -\nDATA 3\n12\n", "100 offset=0 : send from 0\n"),
        ("PUT a -\nDATA 3\n1", "100 offset=0 : send from 0\n417 received=1 : wrong size\n"),
        ("PUSH a 6\nhel", "417 received=3 : wrong size\n"),
        ("PUSH ../a 6\nhel", ""),
    ] {
        for arrival in [client.len(), 1] {
            let (said, closed, left) = ended(client, arrival);
            assert_eq!(said, answers, "{client}");
            assert_eq!(closed, Some(Reason::PeerClosed), "{client}");
            assert_eq!(left.files, store().files);
            assert!(left.partials.is_empty());
        }
    }
    // What was whole is answered before.
    let (said, closed, _) = ended("PUSH a 6\nhello\nPUSH c 6\nhello\nSTAT a", 99);
    let stored = format!("201 size=6 hash={hash} durability=full : stored, copied 6 bytes\n");
    assert_eq!(said, [&stored[..], &stored[..]].concat());
    assert_eq!(closed, Some(Reason::PeerClosed));
}

#[test]
fn an_upload_with_a_token_goes_on() {
    let mut store = store();
    let mut talk = |client: &str| {
        let mut hosted = Hosted::new(FilesOptions::default(), &Peer::unnamed(), 1000);
        hosted.arrive(client.as_bytes());
        hosted.end();
        hosted.run(&mut store, usize::MAX);
        hosted.lose(&mut store);
        String::from_utf8_lossy(hosted.out().bytes()).into_owned()
    };
    let first = talk(&format!("PUT a 6 upload={TOKEN}\nhel"));
    assert_eq!(first, "100 offset=0 : send from 0\n417 received=3 : wrong size\n");
    let (part, whole) = (hash("hel"), hash("hello\n"));
    let second = talk(&format!("PUT a 6 {whole} upload={TOKEN}\nlo\n"));
    let expected = format!(
        "100 offset=3 hash={part} : send from 3\n\
         201 size=6 hash={whole} durability=full : stored, copied 6 bytes\n"
    );
    assert_eq!(second, expected);
    // Everything came, but not the line behind it: nothing is left to send.
    let stored = talk(&format!("PUT c 6 trailer upload={TOKEN}\nhello\n"));
    assert_eq!(stored, "100 offset=0 : send from 0\n");
    let rest = talk(&format!("PUT c 6 {whole} upload={TOKEN}\n"));
    assert_eq!(
        rest,
        expected.replace(
            &format!("offset=3 hash={part} : send from 3"),
            &format!("offset=6 hash={whole} : send from 6")
        )
    );
}

#[test]
fn stopping_lets_what_is_in_flight_end() {
    let stopping = "503 : stopping\n";
    for (before, after, answers) in [
        ("", "", ""),
        ("STAT", "", stopping),
        ("PUT a 0\n", "", &stored_empty()),
        ("PUT a -\n", "DATA 1\nxEND\n", &stored_x("")),
        ("PUT a -\n", "DATA 1\nxEND\nSTAT", &stored_x(stopping)),
        // What is behind the bytes of a file has not been seen yet.
        ("PUT a 1\n", "xSTAT b\n", &stored_x("")),
        ("PUSH ../a 3\n", "123", "422 : bad name: a part of it is . or ..\n"),
    ] {
        let mut store = store();
        let mut hosted = Hosted::new(FilesOptions::default(), &Peer::unnamed(), 40);
        hosted.arrive(before.as_bytes());
        hosted.run(&mut store, usize::MAX);
        hosted.arrive(after.as_bytes());
        hosted.drain();
        let said = String::from_utf8_lossy(hosted.run(&mut store, usize::MAX)).into_owned();
        assert_eq!(said, answers, "{before}{after}");
        assert_eq!(hosted.closed(), Some(Reason::Shutdown));
    }
}

fn stored_empty() -> String {
    let hash = hash("");
    let stored = format!("201 size=0 hash={hash} durability=full : stored, copied 0 bytes\n");
    ["100 offset=0 : send from 0\n", &stored].concat()
}

fn stored_x(then: &str) -> String {
    let hash = hash("x");
    let stored = format!("201 size=1 hash={hash} durability=full : stored, copied 1 bytes\n");
    ["100 offset=0 : send from 0\n", &stored, then].concat()
}
