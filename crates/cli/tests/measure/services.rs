//! Services that are no echo: right ones of `colok serve`, and wrong ones that must be found.

use std::fs;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::common::Serving;
use crate::servers::{Stream, lines, tcp};
use crate::support::load;

/// `colok serve` with this service on TCP.
fn serve(service: &str, options: &[&str]) -> Serving {
    let service = format!("{service}=tcp://127.0.0.1:0");
    Serving::start(&[&[service.as_str()], options].concat(), 1)
}

/// A count service of one's own, that is off by one in each `wrong`th reply.
fn counting(wrong: u64, wrongs: Arc<AtomicU64>) -> String {
    let total = AtomicU64::new(0);
    tcp(move |stream: Stream, _| {
        lines(&stream, |line| {
            let number = total.fetch_add(1, Ordering::Relaxed) + 1;
            let text = String::from_utf8_lossy(line);
            let mut count = text.trim_end_matches(['\r', '\n']).chars().count();
            if number.is_multiple_of(wrong) {
                count += 1;
                wrongs.fetch_add(1, Ordering::Relaxed);
            }
            writeln!({ &stream }, "Jumlah karakter dalam kalimat tersebut ada: {count}")
        });
    })
}

#[test]
fn characters_are_counted() {
    let serving = serve("count", &[]);
    let place = format!("count={}", serving.place());
    for words in ["-n 400 -c 3", "-n 400 -c 3 --depth 8 --size 20-300", "-n 100 -c 3 --rate 500"] {
        let told = load(&place, words);
        told.assert_ended("ok", 0);
        assert_eq!(told.count("answered"), told.count("sent"), "{}", told.report);
    }
    let wrongs = Arc::new(AtomicU64::new(0));
    let place = format!("count={}", counting(25, Arc::clone(&wrongs)));
    let told = load(&place, "-n 400 -c 3 --threads 1");
    assert_eq!(wrongs.load(Ordering::Relaxed), 16);
    assert_eq!((told.count("wrong"), told.count("answered")), (16, 384), "{}", told.report);
    told.assert_ended("errors", 3);
}

/// A service that takes `limit` bytes of each connection; it counts what it took.
fn taking(limit: u64, taken: Arc<AtomicU64>) -> String {
    tcp(move |stream: Stream, _| {
        let mut buffer = vec![0; 64 * 1024];
        let mut mine = 0;
        while let Ok(length @ 1..) = { &stream }.read(&mut buffer) {
            mine += length as u64;
            taken.fetch_add(length as u64, Ordering::Relaxed);
            if mine >= limit {
                break;
            }
        }
    })
}

#[test]
fn what_is_discarded_was_taken() {
    let taken = Arc::new(AtomicU64::new(0));
    let place = format!("discard={}", taking(u64::MAX, Arc::clone(&taken)));
    let told = load(&place, "-n 2000 -c 3 --size 100");
    told.assert_ended("ok", 0);
    assert_eq!((told.count("sent"), told.count("answered")), (2000, 2000), "{}", told.report);
    assert_eq!(taken.load(Ordering::Relaxed), 200_000);
    let serving = serve("discard", &[]);
    let told = load(&format!("discard={}", serving.place()), "-c 3 --for 500ms --size 1K");
    told.assert_ended("ok", 0);
    assert!(told.number("/throughput/sent_bytes_per_s") > 0.0, "{}", told.report);

    // One that goes away early has not taken all.
    let taken = Arc::new(AtomicU64::new(0));
    let place = format!("discard={}", taking(1 << 20, Arc::clone(&taken)));
    let told = load(&place, "-c 2 --for 500ms --warm-up 0 --size 1K --threads 1");
    assert!(told.ended_early() >= 2, "{}", told.report);
    assert!(told.count("lost") > 0, "{}", told.report);
    assert_eq!(told.report["summary"]["ok"], false, "{}", told.report);
    assert_eq!(told.code, Some(3), "{}", told.report);
}

#[test]
fn a_stream_of_characters_is_compared() {
    let serving = serve("chargen", &[]);
    let told = load(&format!("chargen={}", serving.place()), "-c 2 --for 500ms");
    told.assert_ended("ok", 0);
    assert!(told.number("/throughput/received_bytes_per_s") > 0.0, "{}", told.report);
    assert_eq!(told.report["throughput"]["messages_per_s"], serde_json::Value::Null);

    // Lines of RFC 864, and one wrong character in each thousandth line.
    let wrongs = Arc::new(AtomicU64::new(0));
    let mine = Arc::clone(&wrongs);
    let place = tcp(move |stream: Stream, _| {
        for number in 0_u64.. {
            let first = usize::try_from(number % 95).expect("it is small");
            let mut line: Vec<u8> =
                (0..72).map(|at| b' ' + u8::try_from((first + at) % 95).expect("a byte")).collect();
            line.extend_from_slice(b"\r\n");
            if number % 1000 == 500 {
                line[30] = b'\t';
            }
            if { &stream }.write_all(&line).is_err() {
                return;
            }
            mine.fetch_add(u64::from(number % 1000 == 500), Ordering::Relaxed);
        }
    });
    let told = load(&format!("chargen={place}"), "-c 1 --for 700ms --warm-up 0 --threads 1");
    let (found, made) = (told.count("unexpected_bytes"), wrongs.load(Ordering::Relaxed));
    // What was under way at the end was not read.
    assert!(found > 0 && found <= made, "{found} of {made}: {}", told.report);
    told.assert_ended("errors", 3);
}

#[test]
fn pushed_files_are_in_the_store() {
    let root = std::env::temp_dir().join(format!("colok-measure-{}", std::process::id()));
    let path = root.to_str().expect("it is text");
    let serving = serve("files", &["--root", path]);
    let told = load(&format!("files={}", serving.place()), "-n 40 -c 3 --size 500 --threads 1");
    drop(serving);
    let mut sizes = Vec::new();
    let mut folders = vec![root.join("load")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the store has it") {
            let entry = entry.expect("it can be read");
            let data = entry.metadata().expect("it is there");
            if data.is_dir() { folders.push(entry.path()) } else { sizes.push(data.len()) }
        }
    }
    // Best effort: it is in the folder for temporary files.
    let _ = fs::remove_dir_all(&root);
    told.assert_ended("ok", 0);
    assert_eq!(told.count("answered"), 40, "{}", told.report);
    assert_eq!(sizes, [500; 40]);
}

#[test]
fn any_line_server() {
    // Each tenth answer is no answer to the question.
    let place = tcp(|stream: Stream, _| {
        let mut number = 0;
        lines(&stream, |line| {
            number += 1;
            assert_eq!(line, b"GET k\r\n");
            let reply = if number % 10 == 0 { "-ERR 17\r\n" } else { "$3 abc\r\n" };
            { &stream }.write_all(reply.as_bytes())
        });
    });
    let all = ["load", &place, "--json", "-n", "200", "-c", "1", "--send", "GET k\\r\\n"];
    let run = |expect: &str| {
        let output = crate::common::colok(&[&all[..], &["--expect", expect]].concat());
        crate::support::told(&output)
    };
    let told = run("$3 ???\\r\\n");
    assert_eq!((told.count("answered"), told.count("wrong")), (180, 20), "{}", told.report);
    told.assert_ended("errors", 3);
    run("*\\r\\n").assert_ended("ok", 0);
    let told = run("$4 ???\\r\\n");
    assert_eq!((told.count("answered"), told.count("wrong")), (0, 200), "{}", told.report);
    told.assert_ended("errors", 3);
}
