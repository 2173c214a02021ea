//! `events` and `uring` cannot be told apart: the same client hears the same, and the log says the
//! same of it.

use colok::engine::Model;
use colok::server::Limits;
use colok_proto::sim::Random;

use super::script::{Answers, Ending, Script, Step, play};
use crate::has_uring;
use crate::support::{Running, fresh_name};

/// A service and how it answers.
type Served = (&'static str, &'static str, Answers);

/// A pause within a message, where pauses are not the subject: longer than a test.
const ECHO: Served = ("echo", "gap=10s&idle=60s", Answers::Echo);
const ECHO_GAPS: Served = ("echo", "gap=20ms&idle=60s", Answers::Echo);
const ECHO_IDLE: Served = ("echo", "gap=20ms&idle=500ms", Answers::Echo);
const COUNT: Served = ("count", "gap=10s&idle=60s&lang=en", Answers::Lines);
const COUNT_GAPS: Served = ("count", "gap=20ms&idle=60s&lang=en", Answers::Bytes(40));
const DISCARD: Served = ("discard", "idle=60s", Answers::Nothing);

/// Plays every script on both engines, with a log that sees every message and with one that does
/// not, over TCP and over a Unix socket.
fn compare((service, options, answers): Served, scripts: &[Script]) {
    if !has_uring() {
        return;
    }
    for transport in ["tcp", "unix"] {
        for watched in [true, false] {
            let start = |model| {
                let place = match transport {
                    "tcp" => "tcp://127.0.0.1:0".to_owned(),
                    _ => format!("unix:@{}", fresh_name()),
                };
                let address = format!("{service}={place}?{options}");
                let limits = Limits { workers: 1, ..Limits::default() };
                if watched {
                    Running::start(model, &[&address], limits)
                } else {
                    Running::start_unwatched(model, &[&address], limits)
                }
            };
            let (mut events, mut uring) = (start(Model::Events), start(Model::Uring));
            let mut played = 0;
            for script in scripts {
                // A machine that stands still for longer than a timeout makes a difference; not
                // each time.
                let same = (0..3).any(|_| {
                    played += 1;
                    let expected = play(&mut events, answers, script);
                    let seen = play(&mut uring, answers, script);
                    if seen != expected {
                        eprintln!("{script:?}\n uring: {seen:?}\nevents: {expected:?}");
                    }
                    seen == expected
                });
                assert!(same, "{service} over {transport}, watched: {watched}");
            }
            let (events, uring) = (events.finish(), uring.finish());
            assert_eq!((uring.connections, events.connections), (played, played));
        }
    }
}

/// Random scripts out of these pieces.
fn scripts(seed: u64, count: usize, pieces: &[&[u8]], endings: &[Ending]) -> Vec<Script> {
    let mut random = Random::new(seed);
    let mut script = || {
        let steps = (0..random.below(7)).map(|_| {
            let mut bytes = Vec::new();
            for _ in 0..=random.below(3) {
                bytes.extend_from_slice(pieces[random.below(pieces.len())]);
            }
            Step::Say(bytes)
        });
        let mut steps: Vec<_> = steps.collect();
        // Both servers have seen it before it ends, however it does.
        steps.insert(0, Step::Say(b"first\n".to_vec()));
        Script { steps, ending: endings[random.below(endings.len())] }
    };
    (0..count).map(|_| script()).collect()
}

const LONG: &[u8] = &[b'l'; 5000];

#[test]
fn echo_in_fragments() {
    let pieces: [&[u8]; 12] = [
        b"hello\n",
        b"qu",
        b"it",
        b"\n",
        b"\r",
        b"\r\n",
        b"quit\r\n",
        b"Quit\n",
        b"x",
        b"quit \n",
        LONG,
        b"\xff\0",
    ];
    compare(ECHO, &scripts(1, 60, &pieces, &Ending::ALL));
}

#[test]
fn echo_with_pauses() {
    // Read back and said again after a pause, which ends a message: `quit` alone is one.
    let pieces: [&[u8]; 5] = [b"hello", b"qui", b"t", b"\n", b"x\ny"];
    let mut scripts = scripts(2, 20, &pieces, &Ending::ALL);
    let quit = Script { steps: vec![Step::Say(b"quit".to_vec())], ending: Ending::Wait };
    scripts.push(quit);
    // Whether a fragment joined the one before it depends on the time: those are told apart.
    scripts.retain(|script| script.steps.len() < 3);
    compare(ECHO_GAPS, &scripts);
}

#[test]
fn echo_left_alone() {
    let says = [b"hello\nunfinished".to_vec()];
    let script = |bytes| Script { steps: vec![Step::Say(bytes)], ending: Ending::Wait };
    let mut scripts: Vec<_> = says.into_iter().map(script).collect();
    scripts.push(Script { steps: Vec::new(), ending: Ending::Wait });
    compare(ECHO_IDLE, &scripts);
}

#[test]
fn count_in_fragments() {
    let pieces: [&[u8]; 9] =
        [b"hello\n", "é漢🦀".as_bytes(), b"\n", b"\r", b"\r\n", b"a b", LONG, b"\xff", b"\xe6"];
    compare(COUNT, &scripts(3, 60, &pieces, &Ending::ALL));
}

#[test]
fn count_with_pauses() {
    // One message at a time, ended by the pause after it; every reply has the same length.
    let say = |text: &str| Step::Say(text.as_bytes().to_vec());
    let texts = ["hello", "you 🦀", "é"];
    let script = |ending| Script { steps: texts.iter().map(|text| say(text)).collect(), ending };
    compare(COUNT_GAPS, &Ending::ALL.map(script));
}

#[test]
fn discard_whatever_comes() {
    let pieces: [&[u8]; 2] = [b"hello\n", LONG];
    // How much of it a reset destroys is not known.
    compare(DISCARD, &scripts(4, 20, &pieces, &[Ending::HalfClose, Ending::Close]));
}

#[test]
fn peers_killed_at_every_step() {
    let say = |text: &str| Step::Say(text.as_bytes().to_vec());
    let whole =
        [say("one\n"), say("two"), say(" three\n"), say("\n"), say("four\r\n"), say("five\n")];
    let endings = [Ending::HalfClose, Ending::Close, Ending::Reset];
    let mut scripts = Vec::new();
    for killed_after in 1..=whole.len() {
        for ending in endings {
            let steps = whole[..killed_after].to_vec();
            scripts.push(Script { steps: steps.clone(), ending });
            if ending != Ending::HalfClose {
                // With a reply that it has not read.
                let unread = [Step::Mutter(b"last\n".to_vec()), Step::Peek];
                let steps = steps.into_iter().chain(unread).collect();
                scripts.push(Script { steps, ending });
            }
        }
    }
    compare(ECHO, &scripts);
    let lines =
        |script: &Script| !matches!(script.steps.last(), Some(Step::Say(last)) if last == b"two");
    let whole_lines: Vec<_> = scripts.into_iter().filter(lines).collect();
    compare(COUNT, &whole_lines);
}

#[test]
fn data_and_end_in_one_go() {
    // Nothing else happens that could wake the server for the end of its send.
    let mutter = |text: &str| Step::Mutter(text.as_bytes().to_vec());
    let texts = ["a\n", "unfinished", "quit\n", "quit", "x\nquit\ny\n", ""];
    let one = |text: &&str| Script { steps: vec![mutter(text)], ending: Ending::HalfClose };
    let quits = |text: &&str| Script { steps: vec![mutter(text)], ending: Ending::Wait };
    let mut scripts: Vec<_> = texts.iter().map(one).collect();
    compare(COUNT, &scripts);
    scripts.extend(["quit\n", "x\nquit\n"].iter().map(quits));
    let long = vec![Step::Mutter(LONG.repeat(30))];
    scripts.push(Script { steps: long, ending: Ending::HalfClose });
    compare(ECHO, &scripts);
}
