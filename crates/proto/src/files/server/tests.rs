//! Every verb and every answer, as they are on the wire: whole, byte by byte, with bytes behind.

use std::collections::BTreeSet;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use crate::files::{Durability, FilesOptions, Hash, StoreError, WritePolicy, code};
use crate::sim::{Hosted, MemoryStore, Point};
use crate::{Address, Peer, Reason};

mod endings;

const TOKEN: &str = "upload-token-of-a-test";

fn hash(text: &str) -> Hash {
    MemoryStore::hash(text.as_bytes())
}

/// A store with `b` in it, and a directory.
fn store() -> MemoryStore {
    let mut store = MemoryStore { token: Some("s%c r=t".to_string()), ..MemoryStore::default() };
    store.files.insert("b".to_string(), b"content of b".to_vec());
    store.files.insert("docs/one two".to_string(), b"12".to_vec());
    store
}

fn from(local: &str) -> Peer {
    let address = |text: &str| Address::Inet(text.parse().unwrap());
    Peer { local: address(local), remote: address("192.0.2.7:7000") }
}

/// A conversation: lines with `> ` come from the client, those with `< ` from the server.
struct Transcript {
    options: FilesOptions,
    peer: Peer,
    store: MemoryStore,
    client: String,
    server: String,
    closed: Option<Reason>,
}

impl Transcript {
    fn new(text: &str) -> Self {
        let said = |mark: &str| {
            let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix(mark));
            lines.flat_map(|line| [line, "\n"]).collect::<String>()
        };
        Self {
            options: FilesOptions::default(),
            peer: Peer::unnamed(),
            store: store(),
            client: said("> "),
            server: said("< "),
            closed: None,
        }
    }

    fn options(self, options: FilesOptions) -> Self {
        Self { options, ..self }
    }

    fn local(self, address: &str) -> Self {
        Self { peer: from(address), ..self }
    }

    fn failing(mut self, point: Point, error: StoreError) -> Self {
        self.store.failing = Some((point, error));
        self
    }

    fn closes(self, reason: Reason) -> Self {
        Self { closed: Some(reason), ..self }
    }

    fn run(&self, client: &[u8], arrival: usize, capacity: usize) -> (Hosted, MemoryStore) {
        let mut store = self.store.clone();
        let mut hosted = Hosted::new(self.options, &self.peer, capacity);
        for part in client.chunks(arrival) {
            hosted.arrive(part);
            hosted.run(&mut store, usize::MAX);
        }
        (hosted, store)
    }

    /// Plays it in every way; returns what is stored in the end.
    fn check(&self) -> MemoryStore {
        let mut last = None;
        for (arrival, capacity) in [(usize::MAX, 1 << 20), (1, 1 << 20), (3, 1), (usize::MAX, 7)] {
            let client = self.client.as_bytes();
            let (hosted, store) = self.run(client, arrival.min(client.len()), capacity);
            let said = String::from_utf8_lossy(hosted.out().bytes());
            assert_eq!(said, self.server, "arrivals of {arrival}, room for {capacity}");
            assert_eq!(hosted.closed(), self.closed, "{}", self.client);
            let (behind, _) = self.run(&[client, b"\nQUI"].concat(), usize::MAX, capacity);
            assert_eq!(behind.out().bytes(), hosted.out().bytes(), "with bytes behind");
            last = Some(store);
        }
        last.unwrap()
    }

    /// The codes that it shows.
    fn codes(&self) -> impl Iterator<Item = u16> {
        self.server.lines().filter_map(|line| line.get(..3)?.parse().ok())
    }
}

fn uploads() -> Vec<Transcript> {
    let (hello, big) = (hash("hello\n"), hash("12\nabc\n"));
    Vec::from([
        Transcript::new(&format!(
            "> put new%20one 6
             < 100 offset=0 : send from 0
             > hello
             < 201 size=6 hash={hello} durability=full : stored, copied 6 bytes"
        )),
        Transcript::new(&format!(
            "> PUT  a   6 {hello}  durability=none
             < 100 offset=0 : send from 0
             > hello
             < 201 size=6 hash={hello} durability=none : stored, copied 6 bytes
             > PUT a 6 {hello}
             < 202 size=6 hash={hello} durability=full : have it
             > PUT a 6
             < 110 size=6 hash={hello} : exists 6 {hello}"
        )),
        Transcript::new(&format!(
            "> PUT a 6 trailer upload={TOKEN}
             < 100 offset=0 : send from 0
             > hello
             > END {hello}
             < 201 size=6 hash={hello} durability=full : stored, copied 6 bytes"
        )),
        Transcript::new(&format!(
            "> PUT a -
             < 100 offset=0 : send from 0
             > DATA 3
             > 12
             > DATA 4
             > abc
             > end {big}
             < 201 size=7 hash={big} durability=full : stored, copied 7 bytes"
        )),
        Transcript::new(
            "> PUT a 6 trailer
             < 100 offset=0 : send from 0
             > hello
             > ABORT
             < 204 : aborted
             > PUT a - from=0
             < 100 offset=0 : send from 0
             > ABORT
             < 204 : aborted",
        ),
        Transcript::new(&format!(
            "> PUT empty 0
             < 100 offset=0 : send from 0
             < 201 size=0 hash={} durability=full : stored, copied 0 bytes",
            hash("")
        )),
    ])
}

fn pushes() -> Transcript {
    let hello = hash("hello\n");
    Transcript::new(&format!(
        "> PUSH a 6 {hello} durability=file
             > hello
             > PUSH a 6
             > hello
             > PUSH b 3
             > 12
             > PUSH %20 3
             > 12
             > PUSH e 0
             > STAT a
             < 201 size=6 hash={hello} durability=file : stored, copied 6 bytes
             < 202 size=6 hash={hello} durability=full : have it
             < 409 size=12 hash={b} : name taken
             < 201 size=3 hash={short} durability=full : stored, copied 3 bytes
             < 201 size=0 hash={empty} durability=full : stored, copied 0 bytes
             < 210 size=6 hash={hello} modified=1700000000 : a",
        b = hash("content of b"),
        short = hash("12\n"),
        empty = hash("")
    ))
}

fn reading() -> Vec<Transcript> {
    let (b, two) = (hash("content of b"), hash("12"));
    Vec::from([
        Transcript::new(&format!(
            "> STAT docs/one%20two reread=yes
             < 210 size=2 hash={two} modified=1700000000 : docs/one%20two
             > LIST
             < 220 count=2 more=no : 2 names
             < b size=12 modified=1700000000 hash={b}
             < docs/one%20two size=2 modified=1700000000 hash={two}
             > LIST docs/ after=docs/a limit=1
             < 220 count=1 more=no : 1 names
             < docs/one%20two size=2 modified=1700000000 hash={two}
             > LIST limit=1
             < 220 count=1 more=yes : 1 names
             < b size=12 modified=1700000000 hash={b}
             > LIST none
             < 220 count=0 more=no : 0 names
             > GET nothing
             < 404 : no such file
             > GET b 12-
             < 416 size=12 : range outside the file"
        )),
        Transcript::new(
            "> HELLO
             < 200 version=1 abilities=put,push,get,stat,list,resume write=yes durability=full \
             max-push=65536 : colok file store
             > HELLO 1 durability=none
             < 200 version=1 abilities=put,push,get,stat,list,resume write=yes durability=none \
             max-push=65536 : colok file store
             >\x20
             > HELP
             < 214 : HELLO [1] [token=SECRET] [durability=none|file|full] | PUT NAME SIZE|- \
             [HASH|trailer] [upload=TOKEN] [durability=...] [from=0] | PUSH NAME SIZE [HASH] \
             [durability=...] | GET NAME [FIRST-[LAST]] [hash=range] | STAT NAME [reread=yes] | \
             LIST [PREFIX] [after=NAME] [limit=N] | HELP | QUIT
             > QUIT
             < 221 : bye",
        )
        .closes(Reason::Quit),
    ])
}

fn options(write: WritePolicy) -> FilesOptions {
    FilesOptions { write, ..FilesOptions::default() }
}

fn refusals() -> Vec<Transcript> {
    let b = hash("content of b");
    let abilities = "version=1 abilities=put,push,get,stat,list,resume";
    let rest = "durability=full max-push=65536 : colok file store";
    let needed = "401 : token needed, say HELLO token=SECRET first";
    let loopback = "403 : not from here: files are taken on loopback addresses only";
    Vec::from([
        Transcript::new(&format!(
            "> PUT b 3 {}
             < 409 size=12 hash={b} : name taken
             > PUT docs 3
             < 409 : not a file
             > PUT b/c 3
             < 409 : not a file
             > PUT .. 3
             < 422 : bad name: a part of it is . or ..
             > PUSH /a 3
             > 12
             < 422 : bad name: it begins or ends with /, or has two in a row
             > GET %0a
             < 422 : bad name: it holds a control character
             > STAT %zz
             < 422 : bad name: a % in it is not followed by two digits, or makes no UTF-8
             > LIST after=.colok/x
             < 422 : bad name: it begins with .colok, which is reserved",
            hash("x")
        )),
        Transcript::new(&format!(
            "> PUT a 3
             < {needed}
             > PUSH a 4
             > PUT
             < {needed}
             > HELLO
             < 200 {abilities} write=token {rest}
             > HELLO token=s%25c%20r%3Dt
             < 200 {abilities} write=yes {rest}
             > HELLO token=forgotten
             < 200 {abilities} write=yes {rest}
             > PUT a 3
             < 100 offset=0 : send from 0
             > 12
             < 201 size=3 hash={} durability=full : stored, copied 3 bytes",
            hash("12\n")
        ))
        .options(options(WritePolicy::Token)),
        Transcript::new("> HELLO token=wrong\n> STAT b\n< 401 : wrong token")
            .options(options(WritePolicy::Token))
            .closes(Reason::Protocol),
        Transcript::new(&format!("> PUT a 3\n< {loopback}\n> PUSH a 0\n< {loopback}"))
            .local("192.0.2.1:25563"),
        Transcript::new("> PUT a 3\n< 403 : read only\n> LIST\n< 403 : no listing here")
            .options(FilesOptions { list: false, ..options(WritePolicy::Nobody) }),
    ])
}

fn failures() -> Vec<Transcript> {
    let put = "> PUT a 3\n";
    let body = "< 100 offset=0 : send from 0\n> 12\n";
    let open = |error: &str| Transcript::new(&format!("{put}< {error}"));
    let during = |error: &str| Transcript::new(&format!("{put}{body}< {error}"));
    let computed = hash("12\n");
    let wrong = format!("> PUT a 3 {}\n{body}< 411 hash={computed} : wrong hash", hash("x"));
    Vec::from([
        open("413 limit=2 : too large").failing(Point::Put, StoreError::TooLarge { limit: 2 }),
        open("429 : too many uploads, try again later")
            .failing(Point::Put, StoreError::TooManyUploads),
        open("500 errno=5 : i/o error 5").failing(Point::Put, StoreError::Io(5)),
        during("507 : no space").failing(Point::Body(0), StoreError::NoSpace).closes(Reason::Limit),
        during("500 errno=28 : i/o error 28")
            .failing(Point::Body(2), StoreError::Io(28))
            .closes(Reason::Io(28)),
        during("410 : taken over by another connection")
            .failing(Point::Finish, StoreError::TakenOver)
            .closes(Reason::Limit),
        during("500 errno=5 : i/o error 5")
            .failing(Point::Finish, StoreError::Io(5))
            .closes(Reason::Io(5)),
        Transcript::new(&format!("{wrong}\n> GET a\n< 404 : no such file")),
        Transcript::new(&format!(
            "> PUT a -\n{}> DATA 3\n> 12\n> END\n< 507 : no space",
            "< 100 offset=0 : send from 0\n"
        ))
        .failing(Point::Finish, StoreError::NoSpace),
        Transcript::new("> PUSH a 3\n> 12\n> PUSH c 1\n>\x20\n< 507 : no space\n< 507 : no space")
            .failing(Point::Push, StoreError::NoSpace),
        Transcript::new("> GET b\n< 500 errno=5 : i/o error 5")
            .failing(Point::Get, StoreError::Io(5)),
        Transcript::new("> LIST\n< 500 errno=5 : i/o error 5\n> STAT x\n< 404 : no such file")
            .failing(Point::List, StoreError::Io(5)),
        Transcript::new("> PUSH a 65537\n< 413 limit=65536 : too large").closes(Reason::Limit),
    ])
}

#[test]
fn conversations_are_as_written() {
    let all = [uploads(), Vec::from([pushes()]), reading(), refusals(), failures()];
    let mut seen = BTreeSet::from([code::WRONG_SIZE, code::STOPPING, code::FILE_FOLLOWS]);
    for transcript in all.iter().flatten() {
        transcript.check();
        seen.extend(transcript.codes());
    }
    // The other three are below: a transcript of lines has no end and no bytes without one.
    seen.insert(code::BAD_REQUEST);
    let known: BTreeSet<_> = code::TABLE.iter().map(|(code, _)| *code).collect();
    assert_eq!(seen, known, "every code is shown");
}

#[test]
fn what_is_uploaded_is_there() {
    let stored: Vec<_> = uploads().iter().map(Transcript::check).collect();
    assert_eq!(stored[0].files["new one"], b"hello\n");
    assert_eq!(stored[3].files["a"], b"12\nabc\n");
    assert!(!stored[4].files.contains_key("a"));
    assert_eq!(pushes().check().files[" "], b"12\n");
}

#[test]
fn wrong_requests_say_what_is_wrong_and_close() {
    let long = format!("STAT {}", "a".repeat(8192));
    let hash = hash("");
    for (line, text) in [
        ("DROP a", "no such request, try HELP"),
        ("END", "no such request, try HELP"),
        ("HELLO one", "a version is a number from 1"),
        ("HELLO token=%x", "the token is not encoded right"),
        ("PUT a", "words are missing, see HELP"),
        ("PUT a 3 trailer more", "too many words, see HELP"),
        ("PUT a +3", "a size is a number of bytes, or -"),
        ("PUT a 18446744073709551616", "a size is a number of bytes, or -"),
        ("PUT a 3 abc", "a hash is 64 hexadecimal digits"),
        ("PUT a 3 upload=short", "an upload token is 16 to 64 letters, digits, - and _"),
        ("PUT a 3 from=1", "an upload starts where the server says, or from=0"),
        ("PUT a 3 durability=some", "durability is none, file or full"),
        ("PUSH a -", "a size is a number of bytes"),
        ("PUSH a 1 upload=x", "no such option for this request, see HELP"),
        ("GET a 5-4", "a range is FIRST- or FIRST-LAST, in bytes from 0"),
        ("GET a hash=all", "the only value of hash is range"),
        ("STAT reread=yes a", "options come last"),
        ("STAT a reread=yes reread=no", "an option is given twice"),
        ("LIST limit=0", "a limit is a number from 1"),
        ("QUIT now", "too many words, see HELP"),
        ("STAT a\tb", "a line is UTF-8 without control characters"),
        (&long, "a line has at most 8192 bytes"),
        (&format!("PUT a -\nDATA 0 {hash}"), "too many words, see HELP"),
        ("PUT a -\nDATA 0", "a block has 1 to 1048576 bytes"),
        ("PUT a -\nDATA 1048577", "a block has 1 to 1048576 bytes"),
        ("PUT a -\nQUIT", "expected DATA, END or ABORT"),
        ("PUT a 0 trailer\nDATA 1", "expected END or ABORT"),
    ] {
        let starts = if line.contains('\n') { "< 100 offset=0 : send from 0\n" } else { "" };
        let client = line.replace('\n', "\n> ");
        let text = format!("> {client}\n{starts}< 400 : {text}");
        let store = Transcript::new(&text).closes(Reason::Protocol).check();
        assert_eq!(store.files, self::store().files);
    }
}

/// Plays bytes and lets the peer end.
fn ended(client: &str, arrival: usize) -> (String, Option<Reason>, MemoryStore) {
    let mut store = store();
    let mut hosted = Hosted::new(FilesOptions::default(), &Peer::unnamed(), 64);
    for part in client.as_bytes().chunks(arrival) {
        hosted.arrive(part);
        hosted.run(&mut store, usize::MAX);
    }
    hosted.end();
    hosted.run(&mut store, usize::MAX);
    hosted.lose(&mut store);
    (String::from_utf8_lossy(hosted.out().bytes()).into_owned(), hosted.closed(), store)
}

#[test]
fn a_file_follows_its_line() {
    let (b, range) = (hash("content of b"), hash("tent"));
    let client = "GET b\nGET b 3-6 hash=range\nGET b 8-99\nPUT e 0\nGET e\nQUIT\n";
    let empty = hash("");
    let expected = format!(
        "150 size=12 offset=0 length=12 hash={b} modified=1700000000 : 12 bytes follow\n\
         content of b\
         150 size=12 offset=3 length=4 hash={b} range-hash={range} modified=1700000000 \
         : 4 bytes follow\ntent\
         150 size=12 offset=8 length=4 hash={b} modified=1700000000 : 4 bytes follow\nof b\
         100 offset=0 : send from 0\n\
         201 size=0 hash={empty} durability=full : stored, copied 0 bytes\n\
         150 size=0 offset=0 length=0 hash={empty} modified=1700000000 : 0 bytes follow\n\
         221 : bye\n"
    );
    for arrival in [client.len(), 1] {
        let (said, closed, _) = ended(client, arrival);
        assert_eq!(said, expected);
        assert_eq!(closed, Some(Reason::Quit));
    }
}

#[test]
fn a_file_that_breaks_off_closes_without_a_word() {
    let mut transcript = Transcript::new("> GET b\n> HELP").closes(Reason::Io(5));
    for sent in [0, 4, 12] {
        transcript.store.failing = Some((Point::File(sent), StoreError::Io(5)));
        let (hosted, _) = transcript.run(transcript.client.as_bytes(), 99, 4);
        let said = String::from_utf8_lossy(hosted.out().bytes());
        let (line, file) = said.split_once('\n').unwrap();
        assert!(line.ends_with("12 bytes follow"));
        assert!("content of b".starts_with(file), "{file}");
        assert_eq!(hosted.closed(), Some(Reason::Io(5)));
    }
}

#[test]
fn writes_are_for_loopback_unless_said_otherwise() {
    for (local, policy, allowed) in [
        ("127.0.0.1:1", WritePolicy::Loopback, true),
        ("[::1]:1", WritePolicy::Loopback, true),
        ("[::ffff:127.3.2.1]:1", WritePolicy::Loopback, true),
        ("192.0.2.1:1", WritePolicy::Loopback, false),
        ("[::ffff:192.0.2.1]:1", WritePolicy::Loopback, false),
        ("192.0.2.1:1", WritePolicy::Anyone, true),
        ("127.0.0.1:1", WritePolicy::Token, false),
        ("127.0.0.1:1", WritePolicy::Nobody, false),
    ] {
        let mut hosted = Hosted::new(options(policy), &from(local), 1000);
        hosted.arrive(b"PUT a 3\n");
        let allows = hosted.run(&mut store(), 99).starts_with(b"100 ");
        assert_eq!(allows, allowed, "{local} {policy:?}");
    }
}

#[test]
fn at_least_the_durability_of_the_server() {
    let options = FilesOptions { durability_min: Durability::File, ..FilesOptions::default() };
    for (client, durability) in [
        ("PUSH a 0 durability=none\n", "file"),
        ("PUSH a 0 durability=full\n", "full"),
        ("PUSH a 0\n", "full"),
        ("HELLO durability=none\nPUSH a 0\n", "file"),
        ("HELLO durability=file\nPUSH a 0 durability=full\n", "full"),
    ] {
        let mut hosted = Hosted::new(options, &Peer::unnamed(), 1000);
        hosted.arrive(client.as_bytes());
        let said = String::from_utf8_lossy(hosted.run(&mut store(), 99)).into_owned();
        let word = format!("durability={durability} : stored");
        assert!(said.contains(&word), "{client}{said}");
    }
}

#[test]
fn pushes_do_not_wait_but_have_a_bound() {
    use crate::files::PUSHES_MAX;
    use crate::sim::{Asked, Recorder};
    use crate::{Input, Machine, Time};

    let mut machine = super::Files::new(FilesOptions::default());
    let mut out = Recorder::default();
    out.give(&mut machine, Time::ZERO, Input::Opened { peer: &Peer::unnamed() });
    for _ in 0..PUSHES_MAX {
        let arrival = b"PUSH a 1\nx";
        assert_eq!(out.receive(&mut machine, Time::ZERO, arrival), arrival.len() - 1);
        let asked = out.take_asked();
        assert!(matches!(asked[..], [Asked::Store(_), Asked::Body(1)]), "{asked:?}");
    }
    assert_eq!(out.receive(&mut machine, Time::ZERO, b"PUSH a 1\nx"), 0);
    let answer = Err(StoreError::NoSpace);
    out.give(&mut machine, Time::ZERO, Input::Stored(&answer));
    assert_eq!(out.receive(&mut machine, Time::ZERO, b"STAT a\n"), 0, "waits for the pushes");
    assert_eq!(out.bytes(), b"507 : no space\n");
    assert_eq!(machine.deadline(), None);
}

#[test]
fn answers_that_find_no_room_are_kept_in_order() {
    let many: Vec<_> = (0..300).map(|n| format!("PUSH n{n} 1\nx")).collect();
    let many = many.concat();
    let (whole, ..) = ended(&[&many[..], "LIST\nQUIT\n"].concat(), 1 << 20);
    assert_eq!(whole.lines().filter(|line| line.starts_with("201 ")).count(), 300);
    assert!(whole.contains("220 count=302 more=no : 302 names\nb size=12 "));
    assert!(whole.ends_with("221 : bye\n"));
}

#[test]
fn a_page_is_not_kept_twice() {
    let mut store = store();
    let names = (100..400).map(|n| format!("{}{n}", "%".repeat(200)));
    store.files.extend(names.map(|name| (name, Vec::new())));
    let mut hosted = Hosted::new(FilesOptions::default(), &Peer::unnamed(), 100);
    hosted.arrive(b"LIST %25\n");
    while hosted.step(&mut store, usize::MAX) {}
    assert!(hosted.out().is_full());
    let names = 300 * 203;
    let held = hosted.machine().held_bytes();
    assert!(held < names + 4096, "a name is written when there is room for it, not before: {held}");
    let said = hosted.run(&mut store, usize::MAX).to_vec();
    assert_eq!(said.split(|byte| *byte == b'\n').count(), 302);
    assert_eq!(hosted.machine().held_bytes(), 0);
}
