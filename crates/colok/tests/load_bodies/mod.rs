//! The bodies of `load_processes`, and the stand-in for traffic that its workers run.

pub(crate) mod real;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use colok::engine::{Stop, StopState};
use colok::load::Plan;
use colok::load::plan::{Address, Call, Io, Length, Pace, Sizes};
use colok::load::processes::{Orders, Share, Word, run_processes, shares};
use colok::load::samples::{Counts, Ending, Histogram, Slice};
use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take on a busy machine.
const LONG: Duration = Duration::from_mins(1);

/// Makes this program the collector that is killed.
const KILLED: &str = "COLOK_TEST_KILLED_COLLECTOR";

pub(crate) const BODIES: &[(&str, fn())] = &[
    ("two_processes_say_the_sum_of_what_each_says", two_processes_say_the_sum),
    ("orders_reach_every_process", orders_reach_every_process),
    ("a_drain_ends_workers_in_order", a_drain_ends_workers_in_order),
    ("a_killed_worker_is_told_of_and_its_open_messages_are_lost", a_killed_worker_is_told_of),
    ("a_worker_that_does_not_obey_is_killed", a_worker_that_does_not_obey_is_killed),
    ("a_worker_that_fails_is_told_of", a_worker_that_fails_is_told_of),
    ("a_killed_collector_leaves_no_worker", a_killed_collector_leaves_no_worker),
    (
        "more_connections_than_one_process_may_hold",
        real::more_connections_than_one_process_may_hold,
    ),
    (
        "too_few_descriptors_to_lead_workers_is_said_at_once",
        real::too_few_descriptors_to_lead_workers_is_said_at_once,
    ),
    ("two_processes_of_a_load_add_up", real::two_processes_of_a_load_add_up),
    ("a_killed_worker_of_a_load_is_told_of", real::a_killed_worker_of_a_load_is_told_of),
];

pub(crate) fn helper_if_asked() {
    if std::env::var_os(KILLED).is_some() {
        be_killed();
    }
}

/// What a worker does, by the host of the plan's URL.
pub(crate) fn run_share(share: &Share, orders: &Orders, words: &Sender<Word>) {
    for thread in threads(share) {
        let _ = words.send(Word::Connected { thread, opened: 2 });
    }
    match share.plan.url.as_str() {
        "test://samples" => say_samples(share, orders, words),
        "test://stay" => stay(share, orders, words),
        // An end without a last word.
        "test://exit" => std::process::exit(7),
        "test://deaf" => loop {
            thread::park();
        },
        other => panic!("no such stand-in: {other}"),
    }
    for thread in threads(share) {
        let ending = Box::new(Ending { in_flight: 1, ..Ending::default() });
        let _ = words.send(Word::Ending { thread, ending });
    }
}

fn threads(share: &Share) -> std::ops::Range<u32> {
    share.thread_first..share.thread_first + share.plan.threads
}

/// Each thread says samples of its own, when it was told to begin, and after how many runs to end.
fn say_samples(share: &Share, orders: &Orders, words: &Sender<Word>) {
    until("the start", || orders.started().is_some());
    until("the end", || orders.runs() == 3);
    for thread in threads(share) {
        for index in 0..3 {
            let service = samples(thread, index);
            let counts = Counts { sent: 101, answered: 100, ..Counts::default() };
            let slice = Slice { index, service, counts, ..Slice::default() };
            let _ = words.send(Word::Slice { thread, slice: Box::new(slice) });
        }
    }
}

fn samples(thread: u32, index: u32) -> Histogram {
    let mut histogram = Histogram::default();
    for sample in 0..100 {
        histogram.record_ns(u64::from(thread * 7919 + index * 104_729 + sample * sample * 31 + 1));
    }
    histogram
}

/// Says its number, has messages open, and waits for the stop.
fn stay(share: &Share, orders: &Orders, words: &Sender<Word>) {
    until("the start", || orders.started().is_some());
    for thread in threads(share) {
        let counts = Counts {
            sent: 20,
            answered: 13,
            sent_bytes: u64::from(std::process::id()),
            ..Counts::default()
        };
        let slice = Slice { counts, connections_open: 4, ..Slice::default() };
        let _ = words.send(Word::Slice { thread, slice: Box::new(slice) });
    }
    until("the stop", || orders.stop().state() > StopState::Run);
}

/// Waits for a condition; fails loudly instead of for ever.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LONG, "waited too long for {what}");
        thread::park_timeout(Duration::from_millis(2));
    }
}

pub(crate) fn plan(url: &str, address: Address, processes: u32) -> Plan {
    Plan {
        url: url.to_owned(),
        address,
        call: Call::Echo,
        connections: 8,
        active: 8,
        depth: 1,
        pace: Pace::Closed,
        sizes: Sizes::Fixed(64),
        messages_per_connection: None,
        ramp_up_s: Duration::ZERO,
        warm_up_s: Duration::ZERO,
        length: Length::Messages(1000),
        until: None,
        reply_timeout_s: LONG,
        connect_timeout_s: LONG,
        threads: 2,
        pin: Vec::new(),
        processes,
        io: Io::Auto,
        seed: 7,
        server_pid: None,
    }
}

/// Shares carried out on a thread of their own, and what is heard of them.
struct Running {
    orders: std::sync::Arc<Orders>,
    words: Receiver<Word>,
    processes: thread::JoinHandle<()>,
}

impl Running {
    fn start(url: &str) -> Self {
        let shares = shares(&plan(url, Address::Unix("@nobody".into()), 2), 20_000);
        assert_eq!(shares.len(), 2);
        let stop = Stop::new().expect("descriptors");
        let orders = std::sync::Arc::new(Orders::new(stop, 20).expect("descriptors"));
        let (sender, words) = mpsc::channel();
        let theirs = orders.clone();
        let processes = thread::spawn(move || run_processes(&shares, &theirs, &sender));
        Self { orders, words, processes }
    }

    fn word(&self) -> Word {
        self.words.recv_timeout(LONG).expect("a word")
    }

    /// Until all have connected.
    fn connected(&self) {
        let mut threads: Vec<_> = (0..4).map(|_| self.word()).collect();
        threads.sort_by_key(|word| format!("{word:?}"));
        let all: Vec<_> = (0..4).map(|thread| Word::Connected { thread, opened: 2 }).collect();
        assert_eq!(threads, all);
    }

    /// The numbers of the worker processes, which begin now: once each thread has said a slice.
    fn process_numbers(&self) -> Vec<Pid> {
        self.orders.start(Instant::now());
        let mut numbers = Vec::new();
        let mut slices = 0;
        while slices < 4 {
            if let Word::Slice { slice, .. } = self.word() {
                slices += 1;
                numbers.push(slice.counts.sent_bytes);
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().map(pid).collect()
    }

    /// The rest of what they say, after which none is left.
    fn rest(self) -> Vec<Word> {
        let mut words = Vec::new();
        loop {
            match self.words.recv_timeout(LONG) {
                Ok(word) => words.push(word),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(error) => panic!("{error} after {words:?}"),
            }
        }
        self.processes.join().expect("it ends");
        words
    }
}

fn pid(number: u64) -> Pid {
    let number = i32::try_from(number).expect("a number of a process");
    Pid::from_raw(number).expect("a number of a process")
}

fn lives(process: Pid) -> bool {
    // A zombie has ended; it only waits for whoever adopted it.
    let status = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    status.is_ok_and(|line| !line.contains(") Z "))
}

fn endings(words: &[Word]) -> usize {
    words.iter().filter(|word| matches!(word, Word::Ending { .. })).count()
}

fn gone(words: &[Word]) -> Vec<&Word> {
    words.iter().filter(|word| matches!(word, Word::Gone { .. })).collect()
}

fn two_processes_say_the_sum() {
    let running = Running::start("test://samples");
    running.connected();
    running.orders.start(Instant::now());
    running.orders.end_after(3);
    let words = running.rest();
    let (mut all, mut union) = (Slice::default(), Histogram::default());
    for word in &words {
        if let Word::Slice { slice, .. } = word {
            all.merge(slice);
        }
    }
    for thread in 0..4 {
        (0..3).for_each(|index| union.merge(&samples(thread, index)));
    }
    assert_eq!((all.counts.sent, all.counts.answered), (12 * 101, 12 * 100));
    assert_eq!(all.service, union);
    assert_eq!((endings(&words), gone(&words)), (4, vec![]));
}

fn orders_reach_every_process() {
    let running = Running::start("test://samples");
    running.connected();
    // The stand-in ends only when both have come.
    running.orders.end_after(3);
    running.orders.start(Instant::now() + Duration::from_millis(1));
    assert_eq!(endings(&running.rest()), 4);
}

fn a_drain_ends_workers_in_order() {
    let running = Running::start("test://stay");
    running.connected();
    let numbers = running.process_numbers();
    assert_eq!(numbers.len(), 2);
    running.orders.stop().drain();
    let words = running.rest();
    assert_eq!((endings(&words), gone(&words)), (4, vec![]));
    assert!(!numbers.into_iter().any(lives));
}

fn a_killed_worker_is_told_of() {
    let running = Running::start("test://stay");
    running.connected();
    let numbers = running.process_numbers();
    kill_process(numbers[0], Signal::KILL).expect("it lives");
    // Both of its threads had 7 messages and 4 connections open.
    let mut words: Vec<_> = (0..5).map(|_| running.word()).collect();
    let Some(Word::Gone { process, threads, status }) = words.pop() else { panic!("{words:?}") };
    assert_eq!((threads.end - threads.start, threads.start), (2, process * 2));
    assert!(status.contains('9'), "{status}");
    let mut lost = Slice::default();
    for word in &words {
        if let Word::Slice { slice, .. } = word {
            lost.merge(slice);
        }
    }
    assert_eq!((lost.counts.lost, lost.counts.sent, endings(&words)), (14, 0, 2));
    assert_eq!(lost.ended_early.get("worker-lost"), Some(&8));
    // The other goes on until it is stopped.
    assert!(lives(numbers[1]));
    running.orders.stop().drain();
    let words = running.rest();
    assert_eq!((endings(&words), gone(&words)), (2, vec![]));
}

fn a_worker_that_does_not_obey_is_killed() {
    let running = Running::start("test://deaf");
    running.connected();
    running.orders.stop().drain();
    running.orders.stop().at_once();
    let words = running.rest();
    assert_eq!((endings(&words), gone(&words).len()), (4, 2), "{words:?}");
}

fn a_worker_that_fails_is_told_of() {
    let words = Running::start("test://exit").rest();
    let gone = gone(&words);
    assert_eq!((endings(&words), gone.len()), (4, 2));
    for word in gone {
        assert!(matches!(word, Word::Gone { status, .. } if status.contains('7')), "{word:?}");
    }
}

fn a_killed_collector_leaves_no_worker() {
    let program = std::env::current_exe().expect("this program");
    let mut collector = Command::new(program)
        .env(KILLED, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program runs");
    let output = collector.stdout.take().expect("it is a pipe");
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("it says who its workers are");
    let numbers: Vec<_> =
        line.split_whitespace().map(|number| pid(number.parse().expect("a number"))).collect();
    assert_eq!(numbers.len(), 2);
    assert!(numbers.iter().all(|number| lives(*number)));
    collector.kill().expect("it lives");
    collector.wait().expect("it is ours");
    until("the end of all workers", || !numbers.iter().any(|number| lives(*number)));
}

/// Starts workers, says who they are, and waits for the end.
fn be_killed() -> ! {
    let running = Running::start("test://stay");
    running.connected();
    let numbers = running.process_numbers();
    let numbers: Vec<_> =
        numbers.iter().map(|number| number.as_raw_nonzero().to_string()).collect();
    let line = format!("{}\n", numbers.join(" "));
    std::io::stdout().write_all(line.as_bytes()).expect("somebody reads");
    loop {
        thread::park();
    }
}
