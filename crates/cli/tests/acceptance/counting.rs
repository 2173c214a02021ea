//! `count` as the seeds' clients use it: the 46 bytes, whatever the machine is doing and however
//! the message is cut.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Serving, finish};
use crate::support::{
    Hog, MODELS, connect, connect_udp, each_of, pace, place_of, read_to_end, receive_once, serve,
};

const SENTENCE: &str = "Handy Arfiano Hastyawan";
const ANSWER: &str = "Jumlah karakter dalam kalimat tersebut ada: 23";

/// How often each kind of client asks in a row.
const ROUNDS: usize = 1000;

/// How often the Python client asks.
const PYTHON_ROUNDS: usize = 50;

/// The client of the seeds: it sends without a newline, then blocks in one `recv(1024)`.
const PYTHON_CLIENT: &str = r#"
import socket, sys
host, port, kind, rounds = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
for round in range(rounds):
    s = socket.socket(socket.AF_INET, getattr(socket, kind))
    s.connect((host, port))
    s.send("Handy Arfiano Hastyawan".encode())
    answer = s.recv(1024)
    if answer != b"Jumlah karakter dalam kalimat tersebut ada: 23":
        sys.exit("round %d: %r" % (round, answer))
    s.close()
"#;

#[test]
fn the_sentence_of_the_seed_gets_its_46_bytes_a_thousand_times_under_a_cpu_hog() {
    let _hog = Hog::start();
    each_of(&MODELS, |model| {
        let services =
            ["count=tcp://127.0.0.1:0", "count=tcp://127.0.0.1:0", "count=udp://127.0.0.1:0"];
        let serving = Serving::start(&[&["--model", model], &services[..]].concat(), 3);
        let places: Vec<&str> = serving.addresses.iter().map(|url| place_of(url)).collect();
        let start = Instant::now();
        thread::scope(|scope| {
            // A listener of its own: `sequential` serves one client of a listener at a time.
            scope.spawn(|| (0..ROUNDS).for_each(|round| ask_without_newline(places[0], round)));
            (0..ROUNDS).for_each(|round| ask_with_newline(places[1], round));
            (0..ROUNDS).for_each(|round| ask_by_datagram(places[2], round));
            ask_in_python(places[1], "SOCK_STREAM");
            ask_in_python(places[2], "SOCK_DGRAM");
        });
        println!("{model}: {ROUNDS} rounds of each kind in {:?}", start.elapsed());
    });
}

fn ask_without_newline(place: &str, round: usize) {
    let mut client = connect(place);
    client.write_all(SENTENCE.as_bytes()).expect("it is taken");
    let answer = receive_once(&mut client);
    assert_eq!(String::from_utf8_lossy(&answer), ANSWER, "round {round}");
}

fn ask_with_newline(place: &str, round: usize) {
    let mut client = connect(place);
    client.write_all(format!("{SENTENCE}\n").as_bytes()).expect("it is taken");
    let answer = receive_once(&mut client);
    assert_eq!(String::from_utf8_lossy(&answer), format!("{ANSWER}\n"), "round {round}");
}

fn ask_by_datagram(place: &str, round: usize) {
    let client = connect_udp(place);
    for newline in ["", "\n"] {
        client.send(format!("{SENTENCE}{newline}").as_bytes()).expect("it is taken");
        let mut buffer = [0; 1024];
        let length = client.recv(&mut buffer).expect("an answer comes");
        let answer = String::from_utf8_lossy(&buffer[..length]);
        assert_eq!(answer, format!("{ANSWER}{newline}"), "round {round}");
    }
}

fn ask_in_python(place: &str, kind: &str) {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: python3 is not installed");
        return;
    }
    let (host, port) = place.rsplit_once(':').expect("host:port");
    let mut python = Command::new("python3");
    python.args(["-c", PYTHON_CLIENT, host, port, kind, &PYTHON_ROUNDS.to_string()]);
    let output = finish(python, b"");
    assert_eq!((output.code, output.err.as_str()), (Some(0), ""), "{kind}");
}

/// The length of the long message in bytes, and the fragments that it is sent in.
const LONG_BYTES: usize = 1024 * 1024;
const FRAGMENTS: usize = 1000;

/// What lies between two fragments.
const FRAGMENT_PAUSE: Duration = Duration::from_millis(1);

/// When this client itself was held up for so long between two fragments, the server may rightly
/// have seen a gap (50 ms): the attempt proves nothing.
const STALL: Duration = Duration::from_millis(35);

/// Attempts without such a stall are rare only on a machine that is far too busy.
const ATTEMPTS_MAX: usize = 40;

/// A text of characters of one to four bytes, and how many characters it has.
fn text_of(bytes: usize) -> (String, usize) {
    let mut text = String::with_capacity(bytes);
    for character in ['a', '\u{e9}', '\u{8a9e}', '\u{1f600}'].into_iter().cycle() {
        if text.len() + character.len_utf8() > bytes {
            break;
        }
        text.push(character);
    }
    while text.len() < bytes {
        text.push('.');
    }
    let characters = text.chars().count();
    (text, characters)
}

/// Sends bytes in fragments; says whether no stall of this client could be taken for a gap.
fn send_in_fragments(client: &mut TcpStream, bytes: &[u8], fragments: usize) -> bool {
    let mut steady = true;
    let mut before = Instant::now();
    for fragment in 0..fragments {
        let at = |index: usize| bytes.len() * index / fragments;
        let start = Instant::now();
        client.write_all(&bytes[at(fragment)..at(fragment + 1)]).expect("it is taken");
        steady &= before.elapsed() < STALL;
        before = start;
        pace(FRAGMENT_PAUSE);
    }
    steady
}

/// Tries until an attempt is not spoilt by a stall of this client.
fn steadily(model: &str, mut attempt: impl FnMut() -> bool) {
    for number in 1..=ATTEMPTS_MAX {
        if attempt() {
            println!("{model}: attempt {number} was steady");
            return;
        }
    }
    panic!("{ATTEMPTS_MAX} attempts, and this machine held up the client in each");
}

#[test]
fn a_long_message_in_a_thousand_fragments_is_counted_right() {
    let (text, characters) = text_of(LONG_BYTES);
    let cut = (1..FRAGMENTS).filter(|index| !text.is_char_boundary(text.len() * index / FRAGMENTS));
    assert!(cut.count() > FRAGMENTS / 2, "most fragments end inside a character");
    each_of(&MODELS, |model| {
        let serving = serve(model, &["count=tcp://127.0.0.1:0"]);
        steadily(model, || {
            let mut client = connect(serving.place());
            let mut steady = send_in_fragments(&mut client, text.as_bytes(), FRAGMENTS);
            let last = Instant::now();
            client.write_all(b"\n").expect("it is taken");
            client.shutdown(std::net::Shutdown::Write).expect("it is connected");
            steady &= last.elapsed() + FRAGMENT_PAUSE < STALL;
            let answer = read_to_end(&mut client);
            let expected = format!("Jumlah karakter dalam kalimat tersebut ada: {characters}\n");
            if steady {
                assert_eq!(String::from_utf8_lossy(&answer), expected);
            }
            steady
        });
    });
}

#[test]
fn a_pause_inside_a_long_message_makes_it_two() {
    let (first, first_characters) = text_of(LONG_BYTES / 2 - 12);
    let (second, second_characters) = text_of(LONG_BYTES / 2 + 12);
    each_of(&MODELS, |model| {
        let serving = serve(model, &["count=tcp://127.0.0.1:0"]);
        steadily(model, || {
            let mut client = connect(serving.place());
            let mut steady = send_in_fragments(&mut client, first.as_bytes(), FRAGMENTS / 2);
            pace(Duration::from_millis(200));
            steady &= send_in_fragments(&mut client, second.as_bytes(), FRAGMENTS / 2);
            let last = Instant::now();
            client.write_all(b"\n").expect("it is taken");
            client.shutdown(std::net::Shutdown::Write).expect("it is connected");
            steady &= last.elapsed() + FRAGMENT_PAUSE < STALL;
            let answer = read_to_end(&mut client);
            let words = "Jumlah karakter dalam kalimat tersebut ada: ";
            // A reply ends as its message ended: nothing for the gap, a newline for a newline.
            let expected = format!("{words}{first_characters}{words}{second_characters}\n");
            if steady {
                assert_eq!(String::from_utf8_lossy(&answer), expected);
            }
            steady
        });
    });
}

#[test]
fn invalid_utf8_gets_an_error_reply_and_the_connection_goes_on() {
    let error = "Kesalahan: UTF-8 tidak sah pada offset byte";
    each_of(&MODELS, |model| {
        let serving = serve(model, &["count=tcp://127.0.0.1:0"]);
        let mut client = connect(serving.place());
        for (message, answer) in [
            (&b"\xff\n"[..], format!("{error} 0\n")),
            (b"abc\xe2\x82\n", format!("{error} 3\n")),
            (b"Handy Arfiano Hastyawan\n", format!("{ANSWER}\n")),
            (b"\xff", format!("{error} 0")),
            (b"Handy Arfiano Hastyawan", ANSWER.to_owned()),
        ] {
            client.write_all(message).expect("it is taken");
            let received = receive_once(&mut client);
            assert_eq!(String::from_utf8_lossy(&received), answer);
        }
    });
}
