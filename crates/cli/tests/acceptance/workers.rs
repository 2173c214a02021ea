//! `--model processes`: a worker that is killed takes only its own connections with it, and
//! another comes in its place.

use std::collections::HashSet;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::Serving;
use crate::support::{
    allow_many_descriptors, children, connect, echo_line, runs, serve, signal, wait_until,
};

const CLIENTS: usize = 200;

/// Lines that every client has exchanged before the worker is killed, and again afterwards.
const LINES_MIN: usize = 10;

/// A client that is busy until it is told to stop.
struct Client {
    stream: TcpStream,
    address: String,
}

impl Client {
    fn new(place: &str) -> Self {
        let stream = connect(place);
        let address = stream.local_addr().expect("it is connected").to_string();
        Self { stream, address }
    }

    /// Exchanges numbered lines, each of which must come back as it was; returns its own address
    /// when the connection was lost.
    fn talk(mut self, stop: &AtomicBool, exchanged: &AtomicUsize) -> Option<String> {
        for number in 0_usize.. {
            let line = format!("{} says {number}\n", self.address);
            if echo_line(&mut self.stream, &line).is_err() {
                return Some(self.address);
            }
            exchanged.store(number + 1, Ordering::Relaxed);
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        None
    }
}

#[test]
fn a_killed_worker_takes_only_its_own_connections_and_is_replaced() {
    allow_many_descriptors();
    let serving = serve("processes", &["--workers", "3", "echo=tcp://127.0.0.1:0"]);
    let workers = wait_for_workers(&serving, 3);
    let clients: Vec<Client> = (0..CLIENTS).map(|_| Client::new(serving.place())).collect();
    let exchanged: Vec<AtomicUsize> = (0..CLIENTS).map(|_| AtomicUsize::new(0)).collect();
    let reached = |lines: &[usize]| {
        exchanged.iter().zip(lines).all(|(count, least)| count.load(Ordering::Relaxed) >= *least)
    };
    let stop = AtomicBool::new(false);
    let lost: HashSet<String> = thread::scope(|scope| {
        let talks: Vec<_> = clients
            .into_iter()
            .zip(&exchanged)
            .map(|(client, exchanged)| scope.spawn(|| client.talk(&stop, exchanged)))
            .collect();
        wait_until("every client is busy", || reached(&[LINES_MIN; CLIENTS]));
        let victim = *workers.iter().next().expect("there are workers");
        signal(victim, Signal::KILL);
        let killed = Instant::now();
        wait_until("the worker is gone", || !runs(victim));
        let now = wait_for_workers(&serving, workers.len());
        println!("a new worker was there {:?} after the old one was killed", killed.elapsed());
        assert_eq!(now.intersection(&workers).count(), workers.len() - 1, "only one was replaced");
        for _ in 0..50 {
            let mut new = connect(serving.place());
            echo_line(&mut new, "I am new\n").expect("new clients are served");
        }
        // Those that live go on; how far the lost ones came no longer matters.
        let goals: Vec<usize> = talks
            .iter()
            .zip(&exchanged)
            .map(|(_, count)| count.load(Ordering::Relaxed) + LINES_MIN)
            .collect();
        wait_until("those that live go on", || {
            let mut each = talks.iter().zip(&exchanged).zip(&goals);
            each.all(|((talk, count), goal)| {
                talk.is_finished() || count.load(Ordering::Relaxed) >= *goal
            })
        });
        stop.store(true, Ordering::Relaxed);
        talks.into_iter().filter_map(|talk| talk.join().expect("no wrong answers")).collect()
    });
    assert!(!lost.is_empty() && lost.len() < CLIENTS, "{} were lost", lost.len());
    let event = serving.event("worker-lost");
    println!("lost {} of {CLIENTS} connections: {event}", lost.len());
    assert_eq!(event["connections"], lost.len());
    let logged: HashSet<String> = (0..lost.len()).map(|_| closed_by_loss(&serving)).collect();
    assert_eq!(logged, lost);
}

/// The processes that serve, once there are so many.
fn wait_for_workers(serving: &Serving, count: usize) -> HashSet<u32> {
    wait_until("the workers are there", || children(serving.pid()).len() == count);
    children(serving.pid())
}

/// The remote address of the next connection that was closed because its worker died.
fn closed_by_loss(serving: &Serving) -> String {
    loop {
        let closed = serving.event("closed");
        if closed["reason"] == "worker-lost" {
            return closed["remote"].as_str().expect("it is text").to_owned();
        }
    }
}

/// A worker that cannot be kept is no reason to end the clients of the others.
#[test]
fn a_worker_that_dies_again_and_again_does_not_end_the_others() {
    let serving = serve("processes", &["--workers", "2", "echo=tcp://127.0.0.1:0"]);
    let workers = wait_for_workers(&serving, 2);
    let survivor = *workers.iter().next().expect("there are workers");
    // One that has just started could be dying as well, so the server asks for half a second.
    let started = Instant::now();
    wait_until("the survivor has lived a while", || started.elapsed() >= Duration::from_secs(1));
    let mut killed = HashSet::from([survivor]);
    for _ in 0..7 {
        let victim = || children(serving.pid()).into_iter().find(|worker| !killed.contains(worker));
        wait_until("another worker is there", || victim().is_some());
        let victim = victim().expect("it is there");
        signal(victim, Signal::KILL);
        killed.insert(victim);
        // Killed before it had its orders, it counts as one that could not be started, which is
        // told once; so the end is looked for, not an event.
        wait_until("it is gone", || !runs(victim));
    }
    serving.event("worker-lost");
    assert!(runs(survivor), "the other worker was ended");
    echo_line(&mut connect(serving.place()), "still here\n").expect("new clients are served");
}

#[test]
fn workers_end_when_their_supervisor_is_killed() {
    let serving = serve("processes", &["--workers", "3", "echo=tcp://127.0.0.1:0"]);
    let workers = wait_for_workers(&serving, 3);
    let mut clients: Vec<_> = (0..9).map(|_| connect(serving.place())).collect();
    for client in &mut clients {
        echo_line(client, "hello\n").expect("it is served");
    }
    signal(serving.pid(), Signal::KILL);
    let ended = wait_until("the workers end", || workers.iter().all(|&worker| !runs(worker)));
    println!("the workers ended {ended:?} after their supervisor");
}
