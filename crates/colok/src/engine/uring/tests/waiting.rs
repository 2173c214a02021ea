//! Input is drained before time is fired: a busy worker never splits a message that its sender did
//! not split.

use super::*;

/// How long a pause within a message may be. Long, because the test must do its part within it.
const GAP: Duration = Duration::from_secs(2);

/// More than the kernel works through at a time.
const CLIENTS: usize = 100;

/// Both parts of a message lie there when the worker comes back after the gap is over. False when
/// the machine was too busy for the test to send the second part in time.
fn two_parts_are_one_message(size: Size) -> bool {
    let service = "count=tcp://127.0.0.1:0?gap=2s&idle=60s&lang=en";
    let Some(server) = Server::start(service, size) else { return true };
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    server.watch.until(|seen| seen.accepted == CLIENTS);
    let began = Instant::now();
    for client in &mut clients {
        client.write_all(b"abc").expect("it is sent");
    }
    let _trigger = server.hold();
    for client in &mut clients {
        client.write_all(b"def").expect("it is sent");
    }
    if began.elapsed() >= GAP {
        return false;
    }
    // The worker knows of the first parts at the latest since it is held.
    let held = Instant::now();
    while held.elapsed() < GAP + GAP / 8 {
        std::thread::yield_now();
    }
    server.release();
    for client in &mut clients {
        let expected = b"Number of characters in this sentence: 6";
        let mut reply = vec![0; expected.len()];
        client.read_exact(&mut reply).expect("a reply comes");
        assert_eq!(String::from_utf8_lossy(&reply), String::from_utf8_lossy(expected));
        client.shutdown(std::net::Shutdown::Write).expect("it is open");
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).expect("the server ends");
        assert_eq!(String::from_utf8_lossy(&rest), "", "one reply and no more");
    }
    true
}

fn check(size: Size) {
    assert!((0..5).any(|_| two_parts_are_one_message(size)), "the machine is too busy to test it");
}

#[test]
fn a_busy_worker_splits_no_message() {
    check(MEDIUM);
}

#[test]
fn nor_does_one_that_hands_over_in_the_middle_of_a_turn() {
    check(Size { entries: 8, ..MEDIUM });
}

#[test]
fn nor_does_one_whose_completions_have_no_room() {
    check(Size { entries: 8, completions: 8, ..MEDIUM });
}

#[test]
fn nor_does_one_whose_buffers_ran_dry() {
    check(Size { buffers: 4, buffer_bytes: 16, ..MEDIUM });
}

#[test]
fn a_stop_answers_what_lies_there() {
    let service = "count=tcp://127.0.0.1:0?gap=300ms&idle=60s&lang=en";
    let limits = Limits { workers: 1, drain: PATIENCE, ..Limits::default() };
    let Some(server) = Server::start_with(service, MEDIUM, limits) else { return };
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    server.watch.until(|seen| seen.accepted == CLIENTS);
    let _trigger = server.hold();
    for client in &mut clients {
        client.write_all(b"abc").expect("it is sent");
    }
    server.stop.drain();
    server.release();
    for client in &mut clients {
        let mut reply = Vec::new();
        client.read_to_end(&mut reply).expect("the server ends");
        let expected = "Number of characters in this sentence: 3";
        assert_eq!(String::from_utf8_lossy(&reply), expected);
    }
}
