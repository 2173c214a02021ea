//! Loads of datagrams against small servers of this file: what is answered, what is lost, what is
//! doubled and where nobody listens, each by count.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use colok::load::plan::{Address, Arrivals, Call, Io, Length, Pace, Sizes};
use colok::load::report::{Outcome, Report};
use colok::load::{Plan, run};
use colok::server::Stop;

/// Longer than anything takes, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that answers each datagram as often as it is told to, by the datagram's number.
struct Server {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(times: fn(u64) -> usize) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("the option exists");
        let address = socket.local_addr().expect("bound");
        let over = Arc::new(AtomicBool::new(false));
        let end = over.clone();
        let thread = std::thread::spawn(move || {
            let mut number = 0;
            let mut datagram = vec![0; 65_536];
            while !end.load(Ordering::Acquire) {
                let Ok((length, from)) = socket.recv_from(&mut datagram) else { continue };
                number += 1;
                for _ in 0..times(number) {
                    // One that leaves before its reply comes is its own business.
                    let _ = socket.send_to(&datagram[..length], from);
                }
            }
        });
        Self { address, over, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server did not panic");
        }
    }
}

fn plan(address: SocketAddr) -> Plan {
    Plan {
        url: format!("udp://{address}"),
        address: Address::Udp(address),
        call: Call::Echo,
        connections: 4,
        active: 4,
        depth: 1,
        pace: Pace::Closed,
        sizes: Sizes::Uniform(20, 500),
        messages_per_connection: None,
        ramp_up_s: Duration::ZERO,
        warm_up_s: Duration::ZERO,
        length: Length::Messages(1000),
        until: None,
        reply_timeout_s: PATIENCE,
        connect_timeout_s: PATIENCE,
        threads: 1,
        pin: Vec::new(),
        processes: 1,
        io: Io::Auto,
        seed: 1,
        server_pid: None,
    }
}

fn load(plan: &Plan) -> Report {
    let stop = Stop::new().expect("a descriptor is left");
    run(plan, Vec::new(), &stop, &mut |_| ())
}

fn assert_whole(report: &Report, messages: u64) {
    let sums = report.reconciliation;
    assert_eq!(report.outcome, Outcome::Ok, "{report:#?}");
    assert!(sums.balanced, "{sums:?}");
    assert_eq!((sums.sent, sums.answered), (messages, messages), "{sums:?}");
    assert_eq!((sums.wrong, sums.lost, sums.duplicates), (0, 0, 0), "{sums:?}");
}

#[test]
fn every_datagram_is_answered_however_many_are_on_their_way() {
    let server = Server::start(|_| 1);
    for (connections, depth) in [(1, 1), (4, 1), (1, 8), (4, 8)] {
        let plan = Plan { connections, active: connections, depth, ..plan(server.address) };
        assert_whole(&load(&plan), 1000);
    }
}

#[test]
fn the_smallest_and_the_largest_datagram_come_back() {
    let server = Server::start(|_| 1);
    for size in [1, 65_507] {
        let length = Length::Messages(20);
        let sizes = Sizes::Fixed(size);
        for depth in [1, 2] {
            let plan = Plan {
                connections: 1,
                active: 1,
                depth,
                length,
                sizes: sizes.clone(),
                ..plan(server.address)
            };
            assert_whole(&load(&plan), 20);
        }
    }
}

#[test]
fn datagrams_follow_a_schedule_too() {
    let server = Server::start(|_| 1);
    let pace = Pace::Open { rate_per_s: 2000.0, arrivals: Arrivals::Poisson };
    let plan = Plan { pace, length: Length::Messages(200), ..plan(server.address) };
    assert_whole(&load(&plan), 200);
}

#[test]
fn what_is_lost_and_what_comes_twice_is_counted() {
    for (connections, depth) in [(1, 1), (1, 4)] {
        let server = Server::start(|number| match number % 100 {
            0 => 0,
            50 => 2,
            _ => 1,
        });
        // One sender, so that the server's numbers say how many of each there are.
        let plan = Plan {
            connections,
            active: connections,
            depth,
            length: Length::Messages(400),
            reply_timeout_s: Duration::from_millis(700),
            ..plan(server.address)
        };
        let sums = load(&plan).reconciliation;
        assert!(sums.balanced, "{sums:?}");
        assert_eq!((sums.sent, sums.answered + sums.lost), (400, 400), "{sums:?}");
        assert_eq!((sums.wrong, sums.unexpected_bytes), (0, 0), "{sums:?}");
        // On a machine so busy that a reply is late, it is lost first, and late afterwards.
        assert!(sums.lost >= 4, "{sums:?}");
        if sums.late == 0 {
            assert_eq!((sums.lost, sums.duplicates), (4, 4), "{sums:?}");
        }
    }
}

/// Such a load can always send another one, and never waits.
#[test]
fn what_nobody_answers_ends_in_time() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("loopback has a port");
    let address = silent.local_addr().expect("it is bound");
    for connections in [1, 4] {
        let length = Length::For(Duration::from_millis(100));
        let plan =
            Plan { call: Call::Discard, connections, active: connections, length, ..plan(address) };
        let begun = Instant::now();
        let report = load(&plan);
        assert_eq!(report.outcome, Outcome::Ok, "{report:#?}");
        let sums = report.reconciliation;
        assert!(sums.sent > 0 && sums.answered == sums.sent, "{sums:?}");
        // And nothing is waited for at its end.
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    }
}

#[test]
fn where_nobody_listens_the_reason_is_told() {
    let gone = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = gone.local_addr().expect("bound");
    drop(gone);
    let length = Length::For(Duration::from_millis(300));
    for (connections, depth) in [(1, 1), (3, 1), (3, 4)] {
        let plan = Plan { connections, active: connections, depth, length, ..plan(address) };
        let report = load(&plan);
        let sums = report.reconciliation;
        assert!(sums.balanced && sums.answered == 0 && sums.lost > 0, "{sums:?}");
        let mut reasons = report.connections.ended_early.iter();
        assert!(reasons.any(|one| one.reason == "ECONNREFUSED"), "{report:#?}");
    }
}
