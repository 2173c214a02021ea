//! Servers that are broken or mean harm: nothing they say keeps a client for ever, reaches a
//! terminal as it is, or passes for what was asked.

use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use colok_proto::Time;
use rustix::net::{AddressFamily, SocketType};

use super::script::{Folder, Script, Side, content, hash, options, plan, send};
use crate::client::files::{
    Ending, FileClient, FileClientOptions, FilesError, GetOptions, GetReport, Interrupt,
    PlanOptions, SendOptions, files_url, plan_get, plan_send,
};
use crate::clock::Clock;
use crate::observe::NoTap;

const MIB: usize = 1 << 20;

/// Gets `file` into a folder.
fn get(
    script: &Script,
    options: &FileClientOptions,
    folder: &Folder,
) -> (Result<GetReport, FilesError>, Vec<String>) {
    let get_options = GetOptions { output: Some(folder.0.clone()), ..GetOptions::default() };
    let plan = plan_get(&["file".to_owned()], &get_options).expect("nothing is in the way");
    let clock = Clock::start();
    let client = FileClient::new(&script.url, options, &clock, &NoTap);
    let mut updates = super::script::Updates::default();
    let report = client.get(&plan, None, &mut |update| updates.take(&update));
    (report, updates.lines)
}

#[test]
fn a_server_that_never_begins_anew_is_left() {
    let folder = Folder::new();
    let path = folder.write("file", &content(MIB));
    let wrong = |side: &mut Side, request_ends: &str| {
        side.greet();
        assert!(side.line().ends_with(request_ends));
        side.say(format!("100 offset=5 hash={} : send from 5\n", hash(b"other")));
        side.rest();
    };
    let script = Script::new(vec![
        Box::new(move |side| wrong(side, "durability=full")),
        Box::new(move |side| wrong(side, " from=0")),
    ]);
    let (report, _) = send(&script, &options(), &plan(&[&path]));
    script.end();
    let error = report.expect_err("it asks for ever");
    assert!(error.to_string().ends_with("expected offset=0 after from=0, got offset=5"), "{error}");
}

#[test]
fn a_file_that_got_shorter_on_the_way_is_another_one() {
    let folder = Folder::new();
    let hash = hash(b"whole");
    let line = move |size: usize, offset: usize| {
        let length = size - offset;
        format!("150 size={size} offset={offset} length={length} hash={hash} modified=0 : x\n")
    };
    let script = Script::new(vec![
        Box::new(move |side| {
            side.greet();
            side.expect("GET file");
            side.say(line(100, 0));
            side.say([b'x'; 50]);
        }),
        // What is missing is as long as nothing, as often as it is asked for.
        Box::new(move |side| {
            side.greet();
            while side.line() == "GET file 50-99" {
                side.say(line(50, 50));
            }
        }),
    ]);
    let (report, updates) = get(&script, &options(), &folder);
    script.end();
    assert_eq!(report.expect("it is one file").failed, 1);
    assert_eq!(updates.last().map(String::as_str), Some("0 failed file changed at the server"));
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}

#[test]
fn the_deadline_holds_while_bytes_keep_coming() {
    let folder = Folder::new();
    let mut options = options();
    options.connect.deadline = Some(Time::from_millis(300));
    let script = Script::one(|side| {
        side.greet();
        side.line();
        let (size, hash) = (u64::MAX, hash(b"endless"));
        side.say(format!("150 size={size} offset=0 length={size} hash={hash} modified=0 : x\n"));
        side.drip(b"x");
    });
    let (report, _) = get(&script, &options, &folder);
    script.end();
    let error = report.expect_err("the time was over");
    assert!(matches!(error, FilesError::Deadline { .. }), "{error}");
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}

#[test]
fn the_deadline_holds_while_bytes_keep_going() {
    let mut options = options();
    options.connect.deadline = Some(Time::from_millis(300));
    // It has no end, so only the deadline ends it.
    let input = std::fs::File::open("/dev/zero").expect("every Linux has it");
    let plan_options = PlanOptions { name: Some("zeros".into()), ..PlanOptions::default() };
    let plan = plan_send(&["-".into()], &plan_options).expect("it has a name");
    let script = Script::one(|side| {
        side.greet();
        side.line();
        side.say("100 offset=0 : send from 0\n");
        side.rest();
    });
    let clock = Clock::start();
    let client = FileClient::new(&script.url, &options, &clock, &NoTap);
    let input = Some(input.as_fd());
    let report = client.send(&plan, input, &SendOptions::default(), &mut |_| ());
    script.end();
    let error = report.expect_err("the time was over");
    assert!(matches!(error, FilesError::Deadline { .. }), "{error}");
}

#[test]
fn what_a_server_says_cannot_drive_a_terminal() {
    // C1 controls and marks of direction are text for the protocol.
    let said = "\u{9b}31mred \u{202e}backwards";
    let harmless = "\\u{9b}31mred \\u{202e}backwards";
    let folder = Folder::new();
    let script = Script::one(move |side| {
        side.greet();
        side.line();
        side.say(format!("404 : {said}\n"));
        side.farewell();
    });
    let (_, updates) = get(&script, &options(), &folder);
    script.end();
    assert_eq!(updates.last(), Some(&format!("0 failed file: 404 {harmless}")));
    let script = Script::one(move |side| {
        side.line();
        side.say(format!("refused: {said}\n"));
        side.linger();
    });
    let (report, _) = get(&script, &options(), &folder);
    script.end();
    assert!(report.expect_err("it is refused").to_string().ends_with(harmless));
}

#[test]
fn a_receipt_for_less_than_was_asked_is_a_failure() {
    let folder = Folder::new();
    let (small, large) = (folder.write("small", b"small"), folder.write("large", &content(MIB)));
    let script = Script::one(|side| {
        side.greet();
        side.line();
        side.bytes(5);
        side.say(format!("201 size=5 hash={} durability=none : stored\n", hash(b"small")));
        side.line();
        side.say("100 offset=0 : send from 0\n");
        side.bytes(MIB);
        side.line();
        let hash = hash(&content(MIB));
        side.say(format!("202 size={MIB} hash={hash} durability=file : have it\n"));
        side.farewell();
    });
    let (report, updates) = send(&script, &options(), &plan(&[&small, &large]));
    script.end();
    let report = report.expect("each is one file");
    assert_eq!((report.stored, report.already, report.failed), (0, 0, 2));
    assert_eq!(report.ending, Some(Ending::Failed));
    let told = |end: &str| updates.iter().any(|line| line.ends_with(end));
    assert!(told("0 failed small is stored, but only with durability none, not full"));
    assert!(told("1 failed large is stored, but only with durability file, not full"));
}

#[test]
fn a_file_of_the_kernel_is_not_stored_as_an_empty_one() {
    let script = Script::one(|side| {
        side.greet();
        side.farewell();
    });
    let (report, updates) = send(&script, &options(), &plan(&[Path::new("/proc/version")]));
    script.end();
    assert_eq!(report.expect("it is one file").failed, 1);
    assert!(updates[1].contains("does not tell its true size"), "{updates:?}");
}

#[test]
fn an_interrupt_ends_a_connection_attempt() {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None);
    let socket = socket.expect("a descriptor is left");
    let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    rustix::net::bind(&socket, &loopback).expect("a port is free");
    rustix::net::listen(&socket, 0).expect("it is bound");
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().expect("it is bound");
    // With its queue full the kernel answers no more attempts.
    let moment = Duration::from_millis(100);
    let queued: Vec<_> =
        std::iter::from_fn(|| TcpStream::connect_timeout(&address, moment).ok()).collect();
    assert!(!queued.is_empty());

    let interrupt = Interrupt::new().expect("a descriptor is left");
    let options = FileClientOptions { interrupt: Some(interrupt.clone()), ..options() };
    let url = files_url(&address.to_string()).expect("it is an address");
    let raising = std::thread::spawn(move || {
        std::thread::park_timeout(moment);
        interrupt.raise();
    });
    let clock = Clock::start();
    let client = FileClient::new(&url, &options, &clock, &NoTap);
    let answer = client
        .list(&colok_proto::files::Prefix::default(), &mut |_| std::ops::ControlFlow::Continue(()));
    raising.join().expect("it raised it");
    let error = answer.expect_err("nobody answers");
    assert!(matches!(error, FilesError::Interrupted), "{error}");
}
