//! Turns on `sequential`: the next client is served when the one before ends, and one that will
//! not end loses its turn.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::PATIENCE;
use crate::support::{connect, each_of, echo_line, flood, pace, read_to_end, serve};

/// The `--turn` that these tests ask for; the promise is that it plus one second is the longest
/// delay. A busy machine gets more.
const TURN: Duration = Duration::from_secs(1);
const DELAY_MAX: Duration = Duration::from_secs(8);

#[test]
fn on_sequential_the_next_client_is_served_as_soon_as_the_first_ends() {
    for first_says in ["quit\n", ""] {
        let serving = serve("sequential", &["echo=tcp://127.0.0.1:0"]);
        let mut first = connect(serving.place());
        echo_line(&mut first, "I am the first\n").expect("it is served");
        let mut second = connect(serving.place());
        second.write_all(b"I wait\n").expect("it is taken");
        second.set_read_timeout(Some(Duration::from_millis(300))).expect("it is not zero");
        let early = second.read(&mut [0; 16]).expect_err("the first has its turn");
        assert!(matches!(early.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{early}");
        second.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
        let start = Instant::now();
        if first_says.is_empty() {
            drop(first);
        } else {
            first.write_all(first_says.as_bytes()).expect("it is taken");
            assert_eq!(read_to_end(&mut first), first_says.as_bytes());
            drop(first);
        }
        let mut answer = [0; 7];
        second.read_exact(&mut answer).expect("it is served");
        assert_eq!(&answer, b"I wait\n");
        println!("after {first_says:?} the next was served in {:?}", start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(4), "the first had already ended");
    }
}

#[test]
fn on_sequential_nobody_keeps_the_turn_for_longer_than_it_lasts() {
    let clients = ["silent", "a byte every 400 ms", "echo never read", "chargen never read"];
    each_of(&clients, |client| {
        let service = if client.starts_with("chargen") { "chargen" } else { "echo" };
        let service = format!("{service}=tcp://127.0.0.1:0");
        let serving = serve("sequential", &["--turn", "1s", &service]);
        let mut first = connect(serving.place());
        // It has its turn from the moment it is accepted.
        serving.event("accepted");
        if client == "echo never read" {
            flood(&mut first);
        }
        let ended = AtomicBool::new(false);
        thread::scope(|scope| {
            if client.starts_with("a byte") {
                let mut slow = first.try_clone().expect("a descriptor is left");
                let ended = &ended;
                scope.spawn(move || {
                    while !ended.load(Ordering::Relaxed) && slow.write_all(b"x").is_ok() {
                        pace(Duration::from_millis(400));
                    }
                });
            }
            let delay = delay_of_the_next(serving.place(), service.starts_with("chargen"));
            ended.store(true, Ordering::Relaxed);
            println!("{client}: the next client was served after {delay:?}");
            assert!(delay < DELAY_MAX, "{client}: far more than {TURN:?} and one second");
        });
        assert_eq!(serving.event("closed")["reason"], "limit", "{client}");
        drop(first);
    });
}

/// How long a client waits from its connect to its first answer.
fn delay_of_the_next(place: &str, chargen: bool) -> Duration {
    let start = Instant::now();
    let mut next: TcpStream = connect(place);
    if chargen {
        next.read_exact(&mut [0; 74]).expect("a line of characters comes");
    } else {
        echo_line(&mut next, "I waited\n").expect("it is served");
    }
    start.elapsed()
}
