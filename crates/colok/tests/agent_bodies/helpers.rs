//! What this program becomes when it is asked: a runner that is killed, or a `colok` that an agent
//! starts.

use std::io::Write as _;

use colok::scenario::agent::{Order, Start, Word};
use colok::scenario::host::{Heard, channel, local};

/// The environment variable that makes this program a runner that is killed.
pub(super) const KILLED: &str = "COLOK_TEST_KILLED_RUNNER";

/// Becomes what is asked for, and then never returns.
pub(crate) fn become_if_asked() {
    if std::env::var_os(KILLED).is_some() {
        be_killed();
    }
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["colok", "bytes", count] => bytes(count.parse().expect("a number")),
        ["colok", "descriptors"] => descriptors(),
        ["colok", "environment"] => environment(),
        _ => {}
    }
}

/// Writes so many bytes of all values to both outputs, in turns.
fn bytes(count: usize) -> ! {
    let all: Vec<u8> = (0..count).map(byte).collect();
    for piece in all.chunks(10_007) {
        std::io::stdout().write_all(piece).expect("somebody reads");
        std::io::stderr().write_all(piece).expect("somebody reads");
    }
    std::io::stdout().flush().expect("somebody reads");
    std::process::exit(7)
}

/// The byte at a place of what `bytes` writes.
pub(super) fn byte(at: usize) -> u8 {
    (at.wrapping_mul(167) >> 3).to_le_bytes()[0]
}

/// Opens files until it may not, says how many it could, and stays.
fn descriptors() -> ! {
    let mut files = Vec::new();
    let error = loop {
        match std::fs::File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => break error,
        }
    };
    println!("{} {:?}", files.len(), error.raw_os_error());
    loop {
        std::thread::park();
    }
}

/// Says where it runs and with what.
fn environment() -> ! {
    let directory = std::env::current_dir().expect("it is there");
    let variable = std::env::var("COLOK_LANG").unwrap_or_default();
    println!("{} {variable}", directory.display());
    std::process::exit(0)
}

/// Starts a host with programs on it, says where it is and who they are, and waits for the end.
fn be_killed() -> ! {
    let (sender, heard) = channel();
    let mut host = local("alpha", 0, &sender).expect("a process and a folder");
    let script = "setsid sh -c 'trap \"\" TERM HUP; echo $$ > detached; sleep 600' & sleep 600";
    let words = ["sh", "-c", script].map(str::to_owned).into();
    host.order(&Order::Start(Start { step: 1, words, ..Start::default() })).expect("it lives");
    let mut said = vec![host.beside.clone(), host.folder.clone()];
    while said.len() < 4 {
        match heard.recv().expect("the host says something").1 {
            Heard::Word(Word::Ready { process } | Word::Started { process, .. }) => {
                said.push(process.to_string());
            }
            other => panic!("{other:?}"),
        }
    }
    println!("{}", said.join(" "));
    loop {
        std::thread::park();
    }
}
