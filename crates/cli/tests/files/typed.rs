//! Every answer of the protocol, typed by hand into `nc`: what a person types, and what a person
//! sees. `H` stands for a hash, `ZEROS` for one that is wrong, and `T` for a time.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use colok::proto::files::code;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};

use crate::common::{PATIENCE, runnable, wait};
use crate::support::{Background, FileServer, Folder, hash, installed, wait_until};

/// The BLAKE3 hash of `hello` as `b3sum` prints it.
const HELLO: &str = "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f";

/// What is typed, and every line that comes back. Texts behind the codes are part of it: people
/// read them.
const CONVERSATION: [(&str, &str); 34] = [
    (
        "HELLO 1\n",
        "200 version=1 abilities=put,push,get,stat,list,resume write=yes durability=full \
         max-push=65536 : colok file store\n",
    ),
    (
        "PUT greeting 5\nhello",
        "100 offset=0 : send from 0\n201 size=5 hash=H durability=full : stored, copied 5 bytes\n",
    ),
    ("PUT greeting 5\n", "110 size=5 hash=H : exists 5 H\n"),
    ("PUT greeting 5 H\n", "202 size=5 hash=H durability=full : have it\n"),
    (
        "put other 5 H durability=none\nhello",
        "100 offset=0 : send from 0\n201 size=5 hash=H durability=none : stored, copied 5 bytes\n",
    ),
    ("PUT greeting 5 ZEROS\n", "409 size=5 hash=H : name taken\n"),
    (
        "PUT trailed 5 trailer\nhelloEND H\n",
        "100 offset=0 : send from 0\n201 size=5 hash=H durability=full : stored, copied 5 bytes\n",
    ),
    ("PUT dropped 5 trailer\nhelloABORT\n", "100 offset=0 : send from 0\n204 : aborted\n"),
    (
        "PUT piped -\nDATA 2\nheDATA 3\nlloEND H\n",
        "100 offset=0 : send from 0\n201 size=5 hash=H durability=full : stored, copied 5 bytes\n",
    ),
    ("PUT piped -\n", "110 size=5 hash=H : exists 5 H\n"),
    (
        "PUT nothing -\nEND\n",
        "100 offset=0 : send from 0\n201 size=0 hash=E durability=full : stored, copied 0 bytes\n",
    ),
    ("PUT dropped -\nDATA 2\nheABORT\n", "100 offset=0 : send from 0\n204 : aborted\n"),
    (
        "PUT wrong 5 trailer\nhelloEND ZEROS\n",
        "100 offset=0 : send from 0\n411 hash=H : wrong hash\n",
    ),
    ("PUSH pushed 5\nhello", "201 size=5 hash=H durability=full : stored, copied 5 bytes\n"),
    ("PUSH pushed 5\nhello", "202 size=5 hash=H durability=full : have it\n"),
    ("PUSH pushed 5\nHELLO", "409 size=5 hash=H : name taken\n"),
    ("PUSH wrong 5 ZEROS\nhello", "411 hash=H : wrong hash\n"),
    ("STAT greeting\n", "210 size=5 hash=H modified=T : greeting\n"),
    ("STAT greeting reread=yes\n", "210 size=5 hash=H modified=T : greeting\n"),
    ("STAT missing\n", "404 : no such file\n"),
    ("GET greeting\n", "150 size=5 offset=0 length=5 hash=H modified=T : 5 bytes follow\nhello"),
    ("GET greeting 1-3\n", "150 size=5 offset=1 length=3 hash=H modified=T : 3 bytes follow\nell"),
    (
        "GET greeting 1- hash=range\n",
        "150 size=5 offset=1 length=4 hash=H range-hash=R modified=T : 4 bytes follow\nello",
    ),
    ("GET greeting 5-9\n", "416 size=5 : range outside the file\n"),
    ("GET missing\n", "404 : no such file\n"),
    ("GET ../greeting\n", "422 : bad name: a part of it is . or ..\n"),
    (
        "PUT a%20b 5\nhello",
        "100 offset=0 : send from 0\n201 size=5 hash=H durability=full : stored, copied 5 bytes\n",
    ),
    ("LIST a\n", "220 count=1 more=no : 1 names\na%20b size=5 modified=T hash=H\n"),
    ("LIST limit=1\n", "220 count=1 more=yes : 1 names\na%20b size=5 modified=T hash=H\n"),
    ("LIST p after=piped\n", "220 count=1 more=no : 1 names\npushed size=5 modified=T hash=H\n"),
    ("PUT greeting/more 5\n", "409 : not a file\n"),
    (
        "PUT later 5 upload=typed-by-hand-0001\r\nhello",
        "100 offset=0 : send from 0\n201 size=5 hash=H durability=full : stored, copied 5 bytes\n",
    ),
    (
        "HELP\n",
        "214 : HELLO [1] [token=SECRET] [durability=none|file|full] | PUT NAME SIZE|- \
         [HASH|trailer] [upload=TOKEN] [durability=...] [from=0] | PUSH NAME SIZE [HASH] \
         [durability=...] | GET NAME [FIRST-[LAST]] [hash=range] | STAT NAME [reread=yes] | LIST \
         [PREFIX] [after=NAME] [limit=N] | HELP | QUIT\n",
    ),
    ("QUIT\n", "221 : bye\n"),
];

/// A person at `nc`: types, and sees what comes.
struct Typist {
    nc: Background,
    input: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    /// What came and was not looked at.
    waiting: Vec<u8>,
}

impl Typist {
    fn sit_down(place: &str) -> Self {
        let (host, port) = place.rsplit_once(':').expect("it has a port");
        let mut command = Command::new("nc.openbsd");
        command.args(["-N", host, port]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut nc = Background(command.spawn().expect("it starts"));
        let input = nc.0.stdin.take();
        let mut stdout = nc.0.stdout.take().expect("it is piped");
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { nc, input, output, waiting: Vec::new() }
    }

    fn types(&mut self, text: &str) {
        let input = self.input.as_mut().expect("it is open");
        input.write_all(text.as_bytes()).expect("nc reads");
    }

    /// What comes next, as many bytes as this, or less when nothing more comes.
    fn sees(&mut self, length: usize) -> String {
        while self.waiting.len() < length {
            let Ok(more) = self.output.recv_timeout(PATIENCE) else { break };
            self.waiting.extend(more);
        }
        let rest = self.waiting.split_off(length.min(self.waiting.len()));
        String::from_utf8(std::mem::replace(&mut self.waiting, rest)).expect("it is text")
    }

    /// Types the end, and sees the rest.
    fn leaves(mut self) -> String {
        drop(self.input.take());
        let rest = self.sees(usize::MAX);
        wait(&mut self.nc.0);
        rest
    }

    /// Types all of this at once; what it saw.
    fn once(place: &str, text: &str) -> String {
        let mut typist = Self::sit_down(place);
        typist.types(text);
        typist.leaves()
    }
}

/// Times become `T`.
fn without_times(text: &str) -> String {
    let mut parts = text.split("modified=");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str("modified=T");
        plain.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    plain
}

/// The codes at the beginning of lines.
fn codes(text: &str) -> impl Iterator<Item = u16> {
    let known = |code: &u16| code::TABLE.iter().any(|(known, _)| known == code);
    text.lines().filter_map(|line| line.get(..3)?.parse().ok()).filter(known)
}

#[test]
fn a_conversation_as_it_is_typed() {
    if !installed("nc.openbsd") {
        return;
    }
    for model in runnable(&["threads", "events", "uring"]) {
        let server = FileServer::start(model, &[]);
        let mut typist = Typist::sit_down(server.place());
        for (typed, expected) in CONVERSATION {
            let fill = |text: &str| {
                let range = hash(b"ello");
                let text = text.replace("ZEROS", &"0".repeat(64));
                let text = text.replace("range-hash=R", &format!("range-hash={range}"));
                let text = text.replace("hash=E", &format!("hash={}", hash(b"")));
                let text = text.replace("hash=H", &format!("hash={HELLO}"));
                let text = text.replace(" 5 H", &format!(" 5 {HELLO}"));
                text.replace("END H", &format!("END {HELLO}"))
            };
            typist.types(&fill(typed));
            // A time is ten digits for the next two hundred years.
            let expected = fill(expected);
            let length = expected.len() + 9 * expected.matches("modified=T").count();
            let seen = without_times(&typist.sees(length));
            assert_eq!(seen, expected, "{model}: {typed:?}");
        }
        assert_eq!(typist.leaves(), "", "{model}: behind the end");
        let told: BTreeSet<&str> =
            ["a b", "greeting", "later", "nothing", "other", "piped", "pushed", "trailed"].into();
        let visible = server.visible();
        assert_eq!(visible.iter().map(String::as_str).collect::<BTreeSet<_>>(), told, "{model}");
    }
}

/// Answers that need a server in a special state, and end the conversation or come from elsewhere.
#[test]
fn the_other_answers_as_they_are_seen() {
    if !installed("nc.openbsd") {
        return;
    }
    let server = FileServer::start("threads", &["--max-file-size", "1M", "--max-uploads", "3"]);
    let once = |text: &str| Typist::once(server.place(), text);
    assert_eq!(once("WHAT\n"), "400 : no such request, try HELP\n");
    assert_eq!(once("PUT a\n"), "400 : words are missing, see HELP\n");
    assert_eq!(once("PUSH a 65537\n"), "413 limit=65536 : too large\n");
    let mut typist = Typist::sit_down(server.place());
    typist.types("PUT a 1048577\n");
    let expected = "413 limit=1048576 : too large\n";
    assert_eq!(typist.sees(expected.len()), expected);
    assert_eq!(typist.leaves(), "");
    // Less came than was said.
    let mut typist = Typist::sit_down(server.place());
    typist.types("PUT a 10\nhello");
    let expected = "100 offset=0 : send from 0\n417 received=5 : wrong size\n";
    assert_eq!(typist.leaves(), expected);

    // Taken over: the same upload on a second connection.
    let mut typist = Typist::sit_down(server.place());
    typist.types("PUT mine 10 upload=typed-by-hand-0002\nhello");
    assert_eq!(typist.sees(27), "100 offset=0 : send from 0\n");
    let mut second = server.wire();
    assert_eq!(second.ask("PUT mine 10 upload=typed-by-hand-0002").code, 100);
    typist.types("hello");
    assert_eq!(typist.leaves(), "410 : taken over by another connection\n");
    drop(second);

    // Too many uploads.
    let held: Vec<_> = (0..3)
        .map(|number| {
            let mut wire = server.wire();
            wait_until("a place is free", || wire.ask(&format!("PUT h{number} 9")).code == 100);
            wire
        })
        .collect();
    let mut typist = Typist::sit_down(server.place());
    typist.types("PUT one-more 5\n");
    let expected = "429 : too many uploads, try again later\n";
    assert_eq!(typist.sees(expected.len()), expected);
    drop(held);
    assert_eq!(typist.leaves(), "");
}

#[test]
fn who_may_not_write_sees_why() {
    if !installed("nc.openbsd") {
        return;
    }
    let folder = Folder::new();
    let secret = folder.write("secret", b"open sesame\n");
    let server = FileServer::start_in(folder, "events", &["--token-file", &secret]);
    let mut typist = Typist::sit_down(server.place());
    typist.types("HELLO\nPUT a 5\nPUSH a 5\nhelloHELLO token=open%20sesame\nPUSH a 5\nhelloQUIT\n");
    let hello = "abilities=put,push,get,stat,list,resume";
    let expected = format!(
        "200 version=1 {hello} write=token durability=full max-push=65536 : colok file store\n\
         401 : token needed, say HELLO token=SECRET first\n\
         401 : token needed, say HELLO token=SECRET first\n\
         200 version=1 {hello} write=yes durability=full max-push=65536 : colok file store\n\
         201 size=5 hash={HELLO} durability=full : stored, copied 5 bytes\n\
         221 : bye\n"
    );
    assert_eq!(typist.leaves(), expected);
    assert_eq!(Typist::once(server.place(), "HELLO token=sesame\n"), "401 : wrong token\n");

    let folder = Folder::new();
    folder.write("store/theirs", b"theirs");
    let server = FileServer::start_in(folder, "threads", &["--read-only", "--no-list"]);
    let mut typist = Typist::sit_down(server.place());
    typist.types("PUT a 5\nLIST\nQUIT\n");
    let expected = "403 : read only\n403 : no listing here\n221 : bye\n";
    assert_eq!(typist.leaves(), expected);
}

#[test]
fn a_store_that_is_full_or_stops_says_so() {
    if !installed("nc.openbsd") {
        return;
    }
    let server = FileServer::start("events", &["--max-store-size", "1K"]);
    let mut typist = Typist::sit_down(server.place());
    typist.types("PUT a 5000\n");
    assert_eq!(typist.sees(15), "507 : no space\n");
    assert_eq!(typist.leaves(), "");

    // A request that is there when the server stops is told so.
    let mut typist = Typist::sit_down(server.place());
    typist.types("STAT a\nPUT unfin");
    assert_eq!(typist.sees(19), "404 : no such file\n");
    server.serving.signal(Signal::TERM);
    let expected = "503 : stopping\n";
    assert_eq!(typist.sees(expected.len()), expected);
    assert_eq!(typist.leaves(), "");
}

/// A call that fails: the server may open no more files.
#[test]
fn a_call_that_fails_is_seen_with_its_number() {
    if !installed("nc.openbsd") {
        return;
    }
    let server = FileServer::start("threads", &[]);
    let mut typist = Typist::sit_down(server.place());
    typist.types("PUT a 5\nhello");
    let stored = format!(
        "100 offset=0 : send from 0\n\
         201 size=5 hash={HELLO} durability=full : stored, copied 5 bytes\n"
    );
    assert_eq!(typist.sees(stored.len()), stored);
    let process = i32::try_from(server.serving.pid()).ok().and_then(Pid::from_raw);
    let limit = |current| {
        let maximum = getrlimit(Resource::Nofile).maximum;
        let limit = Rlimit { current, maximum };
        prlimit(process, Resource::Nofile, limit).expect("it is our process").current
    };
    // All that it has open stays open.
    let usual = limit(Some(3));
    typist.types("PUT b 5\n");
    let expected = "500 errno=24 : i/o error 24\n";
    assert_eq!(typist.sees(expected.len()), expected);
    limit(usual);
    typist.types("PUT b 5\nhello");
    assert_eq!(typist.leaves(), stored);
    assert_eq!(server.visible(), ["a", "b"]);
}

#[test]
fn every_code_is_in_a_transcript() {
    let mut shown: BTreeSet<u16> = CONVERSATION.iter().flat_map(|(_, seen)| codes(seen)).collect();
    let here = include_str!("typed.rs");
    // The other transcripts hold their answers as literals that begin with the code.
    for (code, _) in code::TABLE {
        let literal = [format!("\"{code} "), format!("\\n{code} "), format!("{code} : ")];
        if literal.iter().any(|literal| here.contains(literal.as_str())) {
            shown.insert(code);
        }
    }
    let missing: Vec<u16> =
        code::TABLE.iter().map(|(code, _)| *code).filter(|code| !shown.contains(code)).collect();
    assert_eq!(missing, [0; 0], "these were never typed");
}
