//! What is written is read by the reader of scenarios, and means what was said.

use colok::client::{EndReason, Pattern, unescape};
use colok::observe::Said;
use colok::proto::{Address, Peer};
use colok::scenario::read::{Source, read};

use super::*;
use crate::messages::Language;

fn arguments(url: &str, steps: Vec<Step>) -> ConnectArguments {
    ConnectArguments {
        url: url.parse().expect("it is an address"),
        steps,
        on_eof: <_>::default(),
        datagrams: <_>::default(),
        wait: None,
        connect_timeout: None,
        idle_timeout: None,
        deadline: None,
        retry: None,
        source: None,
        hex: false,
        crlf: false,
        reconnect: false,
        verbose: false,
        calls: false,
        log: None,
        save: None,
        given: Vec::new(),
    }
}

fn talk(said: Vec<Said>, ended_by: EndReason) -> Talk {
    Talk { connection: 1, peer: Peer::unnamed(), said, ended_by: Some(ended_by) }
}

fn sent(text: &[u8]) -> Said {
    Said::Sent(text.to_vec())
}

fn came(text: &[u8], seconds: u64) -> Said {
    Said::Received { bytes: text.to_vec(), within: Duration::from_secs(seconds) }
}

fn written(session: &Session<'_>) -> String {
    session.text("talk.toml", &Messages::new(Language::English)).expect("it is short")
}

fn scenario(text: &str) -> colok::scenario::file::Scenario {
    let (name, file) = ("talk".to_owned(), "talk.toml".to_owned());
    let source = Source { name, file, text: text.to_owned(), folder: None };
    read(&source).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"))
}

/// What a step runs.
fn run(step: &colok::scenario::file::Step) -> Vec<&str> {
    step.run.as_ref().expect("it runs something").0.iter().map(String::as_str).collect()
}

#[test]
fn typed_lines_become_a_script() {
    let arguments = arguments("tcp://127.0.0.1:5001", vec![]);
    let said = vec![
        sent(b"first\n"),
        came(b"first\n", 0),
        sent(b"quit\n"),
        came(b"quit\n", 7),
        sent(b"slow\n"),
        came(b"slow\n", 30),
        Said::EndedSending,
        came(b"bye {name}\n", 0),
    ];
    let talks = [talk(said, EndReason::PeerClosed)];
    let exit = Exit::Interrupted;
    let session =
        Session { arguments: &arguments, way: Way::Terminal, talks: &talks, failed: None, exit };
    let text = written(&session);
    let read = scenario(&text);
    assert_eq!(
        run(&read.steps[0]),
        [
            "colok",
            "connect",
            "tcp://127.0.0.1:5001",
            "--send",
            "first\\n",
            "--expect",
            "first\\n",
            "--send",
            "quit\\n",
            "--expect",
            "quit\\n",
            "--within",
            "15s",
            "--send",
            "slow\\n",
            "--expect",
            "slow\\n",
            "--within",
            "61s",
        ]
    );
    let expect = read.steps[0].expect.as_ref().expect("it expects something");
    let stdout = expect.stdout.as_ref().expect("it prints").value.clone();
    assert_eq!(stdout, "first\nquit\nslow\nbye {{name}\n");
    assert_eq!(expect.closed.as_ref().expect("it closed").0, ["peer-closed"]);
    assert!(expect.exit.is_some());
    let minutes = Duration::from_secs(5 + 15 + 61 + 10);
    assert_eq!(read.time_limit.as_ref().expect("it takes long").0, minutes);
    assert_eq!(read.steps[0].time_limit.as_ref().expect("it takes long").0, minutes);
    assert!(text.starts_with("# Written by colok connect --save."), "{text}");

    // The step that its comments propose can be put where they say.
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.iter().position(|line| *line == "# [[step]]").expect("it proposes one");
    let proposed: Vec<&str> =
        lines[first..].iter().map_while(|line| line.strip_prefix("# ")).collect();
    let whole = text.replacen(
        "[[step]]\nname = \"client\"",
        &format!("{}\n\n[[step]]\nname = \"client\"", proposed.join("\n")),
        1,
    );
    let read = scenario(&whole.replace("tcp://127.0.0.1:5001", "tcp://127.0.0.1:{port}"));
    assert!(read.steps[0].start.is_some() && read.steps[1].run.is_some());
}

#[test]
fn a_script_is_kept_as_it_was_given() {
    let pattern = Pattern::parse("{a}*\\n").expect("it is a pattern");
    let within = Duration::from_millis(300);
    let steps = vec![Step::Send(b"-x\n".to_vec()), Step::Expect { pattern, within }];
    let arguments = arguments("localhost:5001", steps);
    let talks = [talk(vec![sent(b"-x\n"), came(b"{a}b\n", 0)], EndReason::ClosedByUs)];
    let mut session = Session {
        arguments: &arguments,
        way: Way::Script,
        talks: &talks,
        failed: None,
        exit: Exit::Done,
    };
    let read = scenario(&written(&session));
    let words = ["--send", "\\x2dx\\n", "--expect", "\\x7ba}*\\n", "--within", "300ms"];
    assert_eq!(run(&read.steps[0])[3..], words);
    let expect = read.steps[0].expect.as_ref().expect("it expects something");
    assert_eq!(expect.closed, None);

    // What came before an unmet expectation depends on the time.
    session.exit = Exit::Refused;
    let read = scenario(&written(&session));
    let expect = read.steps[0].expect.as_ref().expect("it expects something");
    assert_eq!(expect.stdout, None);
}

#[test]
fn a_server_that_is_not_there_is_expected_not_to_be() {
    let arguments = arguments("tcp://127.0.0.1:1", vec![]);
    let session = Session {
        arguments: &arguments,
        way: Way::Stream,
        talks: &[],
        failed: Some(Errno::CONNREFUSED),
        exit: Exit::Failed,
    };
    let read = scenario(&written(&session));
    assert_eq!(run(&read.steps[0]), ["colok", "connect", "tcp://127.0.0.1:1"]);
    let expect = read.steps[0].expect.as_ref().expect("it expects something");
    assert_eq!(expect.errno.as_ref().expect("there was one").value, "ECONNREFUSED");
}

#[test]
fn every_connection_is_a_step_and_bytes_that_are_no_text_are_counted() {
    let arguments = arguments("unix:@talk", vec![]);
    let talks = [
        talk(vec![came(&[0xff, b'\n'], 0)], EndReason::PeerClosed),
        talk(vec![], EndReason::ClosedByUs),
    ];
    let exit = Exit::Done;
    let session =
        Session { arguments: &arguments, way: Way::Terminal, talks: &talks, failed: None, exit };
    let read = scenario(&written(&session));
    assert_eq!(run(&read.steps[0])[3..], ["--expect", "\\xff\\n"]);
    assert!(read.steps[0].expect.as_ref().is_some_and(|it| it.stdout_bytes.is_some()));
    assert_eq!(run(&read.steps[1])[3..], ["--on-eof", "close"]);
}

#[test]
fn datagrams_are_not_cut_and_those_of_many_have_no_order() {
    let arguments = arguments("udp://239.1.2.3:5000", vec![]);
    let mut talks = [talk(
        vec![sent(&[b'x'; CHUNK_BYTES + 1]), came(b"a", 0), came(b"b", 0), sent(b"")],
        EndReason::WaitOver,
    )];
    talks[0].peer.remote = Address::Inet("239.1.2.3:5000".parse().expect("it is an address"));
    let exit = Exit::Done;
    let session =
        Session { arguments: &arguments, way: Way::Datagrams, talks: &talks, failed: None, exit };
    let read = scenario(&written(&session));
    let words = run(&read.steps[0]);
    assert_eq!((words[3], words[4].len()), ("--send", CHUNK_BYTES + 1));
    assert_eq!(words[5..], ["--send", ""]);
    let expect = read.steps[0].expect.as_ref().expect("it expects something");
    assert_eq!(expect.stdout, None);
    assert!(expect.stdout_bytes.is_some());
}

#[test]
fn any_bytes_are_said_again_exactly() {
    let all: Vec<u8> = (0..=255).collect();
    for bytes in [&all[..], b"-{a}", "\u{202e}\u{9b}a\u{e9}".as_bytes(), b"\\*?\\x41"] {
        let text = escaped(bytes);
        assert_eq!(unescape(&text).expect("it can be read"), bytes);
        assert!(!text.contains('{') && !text.starts_with('-'), "{text}");
        assert!(Pattern::parse(&text).is_ok());
    }
}

#[test]
fn what_does_not_fit_an_argument_is_not_saved() {
    let arguments = arguments("udp://127.0.0.1:5000", vec![]);
    let talks = [talk(vec![sent(&[0xff; 65_507])], EndReason::WaitOver)];
    let exit = Exit::Done;
    let session =
        Session { arguments: &arguments, way: Way::Datagrams, talks: &talks, failed: None, exit };
    assert_eq!(session.text("talk.toml", &Messages::new(Language::English)), None);
}
