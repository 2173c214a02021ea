//! Loads against servers of this library: every service over every stream, both ways to ask the
//! kernel; every message is accounted for. What loads do in time is tested in virtual time.

mod support;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use colok::engine::Model;
use colok::load::plan::{Address, Arrivals, Call, Io, Length, Pace, Sizes, Until};
use colok::load::report::{Finding, Outcome, Report};
use colok::load::{Plan, run};
use colok::server::{Limits, Stop};
use colok::store::StoreOptions;
use colok_sys::uring::{Size, Uring};
use rustix::net::{AddressFamily, SocketType};
use support::{PATIENCE, Running, fresh_name};

/// The loops that there can be here.
fn ios() -> Vec<Io> {
    let size = Size { entries: 8, completions: 16, buffers: 8, buffer_bytes: 4096 };
    match Uring::new(size) {
        Ok(_) => vec![Io::Epoll, Io::Uring],
        Err(error) => {
            println!("skipped: the loop of io_uring: {error}");
            vec![Io::Epoll]
        }
    }
}

fn address_of(url: &str) -> Address {
    if let Some(address) = url.strip_prefix("tcp://") {
        Address::Tcp(address.parse().expect("an address"))
    } else if let Some(address) = url.strip_prefix("udp://") {
        Address::Udp(address.parse().expect("an address"))
    } else {
        Address::Unix(url.strip_prefix("unix:").expect("a Unix socket").to_owned())
    }
}

/// 2000 messages on 8 connections, each with two on their way.
fn plan(url: &str, call: Call) -> Plan {
    Plan {
        url: url.to_owned(),
        address: address_of(url),
        call,
        connections: 8,
        active: 8,
        depth: 2,
        pace: Pace::Closed,
        sizes: Sizes::Uniform(1, 3000),
        messages_per_connection: None,
        ramp_up_s: Duration::ZERO,
        warm_up_s: Duration::ZERO,
        length: Length::Messages(2000),
        until: None,
        reply_timeout_s: PATIENCE,
        connect_timeout_s: PATIENCE,
        threads: 2,
        pin: Vec::new(),
        processes: 1,
        io: Io::Epoll,
        seed: 1,
        server_pid: None,
    }
}

fn load(plan: &Plan) -> Report {
    let stop = Stop::new().expect("a descriptor is left");
    run(plan, Vec::new(), &stop, &mut |_| ())
}

/// Everything was answered, rightly.
fn assert_whole(report: &Report, messages: u64) {
    let sums = report.reconciliation;
    assert_eq!(report.outcome, Outcome::Ok, "{report:#?}");
    assert!(sums.balanced, "{sums:?}");
    assert_eq!((sums.sent, sums.answered), (messages, messages), "{sums:?}");
    assert_eq!((sums.wrong, sums.lost, sums.in_flight), (0, 0, 0), "{sums:?}");
    assert_eq!((sums.duplicates, sums.unexpected_bytes, sums.late), (0, 0, 0), "{sums:?}");
    assert!(report.connections.failed.is_empty() && report.connections.ended_early.is_empty());
}

fn start(services: &[&str]) -> Running {
    Running::start(Model::Events, services, Limits { workers: 1, ..Limits::default() })
}

#[test]
fn every_service_over_tcp_and_unix_answers_every_message() {
    let count = || Call::Count { language: "id".into(), unit: "chars".into() };
    for (service, call) in [("echo", Call::Echo), ("count", count()), ("discard", Call::Discard)] {
        let unix = format!("{service}=unix:@{}", fresh_name());
        let server = start(&[&format!("{service}=tcp://127.0.0.1:0"), &unix]);
        for url in &server.urls {
            for io in ios() {
                let report = load(&Plan { io, ..plan(url, call.clone()) });
                assert_whole(&report, 2000);
                assert_eq!(report.connections.opened, 8, "{url} {io:?}");
            }
        }
    }
}

#[test]
fn files_are_pushed_and_every_receipt_matches() {
    let root = std::env::temp_dir().join(fresh_name());
    std::fs::create_dir(&root).expect("a new name");
    let store = StoreOptions::new(&root);
    let limits = Limits { workers: 1, ..Limits::default() };
    let services = ["files=tcp://127.0.0.1:0"];
    let server = Running::start_with_store(Model::Events, &services, limits, Some(store));
    let few = Plan { length: Length::Messages(200), ..plan(&server.urls[0], Call::Files) };
    assert_whole(&load(&few), 200);
    drop(server);
    std::fs::remove_dir_all(&root).expect("it is ours");
}

#[test]
fn chargen_streams_and_is_checked() {
    let server = start(&["chargen=tcp://127.0.0.1:0"]);
    for io in ios() {
        let length = Length::For(Duration::from_millis(200));
        let report = load(&Plan { io, length, ..plan(&server.urls[0], Call::Chargen) });
        assert_eq!(report.outcome, Outcome::Ok, "{report:#?}");
        assert_eq!(report.reconciliation.unexpected_bytes, 0);
        assert_eq!(report.throughput.messages_per_s, None);
        assert!(report.throughput.received_bytes_per_s > 0.0);
    }
}

#[test]
fn a_pattern_judges_the_replies_of_any_service() {
    let server = start(&["count=tcp://127.0.0.1:0"]);
    let plan_for = |expect: &str| {
        let call = Call::Custom { send: r"hello\n".into(), expect: expect.into() };
        Plan { depth: 1, ..plan(&server.urls[0], call) }
    };
    assert_whole(&load(&plan_for(r"Jumlah * ada: ?\n")), 2000);
    // What never matches is given up after a while, so there are few of these.
    for expect in [r"Number * is ?\n", r"Jumlah * ada: 6\n"] {
        let (length, reply_timeout_s) = (Length::Messages(8), Duration::from_millis(300));
        let report = load(&Plan { length, reply_timeout_s, ..plan_for(expect) });
        let sums = report.reconciliation;
        assert_eq!(report.outcome, Outcome::Errors);
        assert!(sums.balanced, "{sums:?}");
        assert_eq!((sums.sent, sums.answered, sums.wrong + sums.lost), (8, 0, 8), "{sums:?}");
    }
}

#[test]
fn connections_can_be_made_for_each_message() {
    let server = start(&["echo=tcp://127.0.0.1:0", &format!("echo=unix:@{}", fresh_name())]);
    for url in &server.urls {
        for io in ios() {
            let plan = plan(url, Call::Echo);
            let report = load(&Plan { io, messages_per_connection: Some(1), ..plan });
            assert_whole(&report, 2000);
            assert!(report.connections.opened >= 2000, "{:?}", report.connections);
            let connect_time = report.connect_time.expect("connections were made");
            assert_eq!(connect_time.count, report.connections.opened);
        }
    }
}

#[test]
fn messages_larger_than_any_buffer_come_back_whole() {
    let server = start(&["echo=tcp://127.0.0.1:0"]);
    for io in ios() {
        let sizes = Sizes::Fixed(3 << 20);
        let length = Length::Messages(40);
        let report = load(&Plan { io, sizes, length, ..plan(&server.urls[0], Call::Echo) });
        assert_whole(&report, 40);
    }
}

#[test]
fn an_open_loop_sends_what_is_due_and_tells_slip() {
    let server = start(&["echo=tcp://127.0.0.1:0"]);
    for io in ios() {
        let pace = Pace::Open { rate_per_s: 2000.0, arrivals: Arrivals::Even };
        let plan = plan(&server.urls[0], Call::Echo);
        let report = load(&Plan { io, pace, length: Length::Messages(500), ..plan });
        assert_whole(&report, 500);
        let count =
            |latency: &Option<_>| latency.as_ref().map(|l: &colok::load::report::Latency| l.count);
        assert_eq!(count(&report.response_time), Some(500));
        assert_eq!(count(&report.schedule_slip), Some(500));
        assert_eq!(report.throughput.backlog, Some(0));
    }
}

#[test]
fn idle_connections_prove_that_they_lived() {
    let server = start(&["echo=tcp://127.0.0.1:0?idle=60s"]);
    for io in ios() {
        let length = Length::For(Duration::from_millis(100));
        let plan = plan(&server.urls[0], Call::Echo);
        let report = load(&Plan { io, connections: 300, active: 2, length, ..plan });
        assert_whole(&report, report.reconciliation.sent);
        assert_eq!(report.connections.open_at_end, 300);
        assert!(report.reconciliation.sent >= 298 + 2);
    }
}

#[test]
fn many_connections_come_from_several_addresses_of_loopback() {
    let server = start(&["echo=tcp://127.0.0.1:0"]);
    let plan = plan(&server.urls[0], Call::Echo);
    // A connection for each message, 1000 from each address.
    let report = load(&Plan { messages_per_connection: Some(1), ..plan });
    assert!(report.connections.source_addresses >= 2, "{:?}", report.connections);
}

#[test]
fn nobody_listening_is_a_failure_that_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("tcp://{}", listener.local_addr().expect("it is bound"));
    drop(listener);
    for io in ios() {
        let report = load(&Plan { io, ..plan(&url, Call::Echo) });
        assert_eq!(report.outcome, Outcome::Failed);
        let failed = &report.connections.failed;
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!((failed[0].reason.as_str(), failed[0].count), ("ECONNREFUSED", 8));
        let error = report.error.expect("it says why");
        assert!(error.contains(&url), "{error}");
    }
}

#[test]
fn a_plan_that_makes_no_sense_is_a_failure_too() {
    let report = load(&Plan { active: 9, ..plan("tcp://127.0.0.1:1", Call::Echo) });
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(report.error.expect("it says why").contains("only 8"));
}

#[test]
fn a_processor_that_does_not_exist_ends_a_load_at_once() {
    let server = start(&["echo=tcp://127.0.0.1:0"]);
    let length = Length::For(Duration::from_hours(1));
    let report = load(&Plan { pin: vec![1023], length, ..plan(&server.urls[0], Call::Echo) });
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(report.error.expect("it says why").contains("processor 1023"));
}

#[test]
fn an_interruption_ends_in_a_report() {
    let server = start(&["echo=tcp://127.0.0.1:0"]);
    let length = Length::For(Duration::from_hours(1));
    let plan = Plan { length, ..plan(&server.urls[0], Call::Echo) };
    for at_once in [false, true] {
        let stop = Stop::new().expect("a descriptor is left");
        let stopping = stop.clone();
        let mut intervals = 0;
        let report = run(&plan, Vec::new(), &stop, &mut |progress| {
            intervals += 1;
            if progress.answered > 0 && at_once {
                stopping.at_once();
            } else if progress.answered > 0 {
                stopping.drain();
            }
        });
        assert!(intervals > 0);
        assert_eq!(report.outcome, Outcome::Interrupted);
        assert!(report.reconciliation.balanced, "{:?}", report.reconciliation);
        assert!(report.reconciliation.answered > 0);
        if !at_once {
            assert_eq!(report.reconciliation.in_flight, 0);
        }
    }
}

#[test]
fn an_interruption_before_the_first_connection_is_no_failure() {
    // A full backlog: whoever connects waits.
    let listener = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None);
    let listener = listener.expect("a socket");
    rustix::net::bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    rustix::net::listen(&listener, 0).expect("it is bound");
    let address = rustix::net::getsockname(&listener).expect("it is bound");
    let address = SocketAddr::try_from(address).expect("inet");
    let held: Vec<_> = (0..4)
        .map_while(|_| TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok())
        .collect();
    assert!(held.len() < 4, "the backlog is full");
    for io in ios() {
        let stop = Stop::new().expect("a descriptor is left");
        let stopping = stop.clone();
        let stopped = std::thread::spawn(move || stopping.drain());
        let plan = Plan { io, ..plan(&format!("tcp://{address}"), Call::Echo) };
        let report = run(&plan, Vec::new(), &stop, &mut |_| ());
        stopped.join().expect("it only stops");
        assert_eq!((report.outcome, report.error), (Outcome::Interrupted, None));
    }
}

#[test]
fn runs_are_repeated_until_enough_is_known_or_it_is_said_that_it_is_not() {
    let server = start(&["echo=tcp://127.0.0.1:0"]);
    let with = |percent| {
        let until = Some(Until { percent, runs_max: 4 });
        let length = Length::For(Duration::from_millis(100));
        load(&Plan { until, length, ..plan(&server.urls[0], Call::Echo) })
    };
    let easy = with(100.0);
    assert!((3..=4).contains(&easy.runs.len()), "{:?}", easy.runs);
    // The one that had begun when enough was known is none of them.
    assert!(easy.runs.iter().all(|run| run.seconds > 0.099), "{:?}", easy.runs);
    let hard = with(0.01);
    assert_eq!(hard.runs.len(), 4);
    assert_eq!(hard.outcome, Outcome::NotProved, "{:?}", hard.throughput);
    assert!(hard.findings.iter().any(|finding| matches!(finding, Finding::NotSteady { .. })));
}

#[test]
fn runs_are_not_repeated_against_a_server_that_is_gone() {
    let server = start(&["echo=tcp://127.0.0.1:0"]);
    let until = Some(Until { percent: 0.01, runs_max: 10_000 });
    let length = Length::For(Duration::from_millis(200));
    let plan = Plan { until, length, ..plan(&server.urls[0], Call::Echo) };
    let mut server = Some(server);
    let stop = Stop::new().expect("a descriptor is left");
    let report = run(&plan, Vec::new(), &stop, &mut |progress| {
        if progress.answered > 0 {
            drop(server.take());
        }
    });
    assert_eq!(report.outcome, Outcome::Errors);
    assert!(report.runs.len() < 10_000, "{}", report.runs.len());
}

#[test]
fn a_ramp_sends_from_the_first_connection_on() {
    let server = start(&["echo=tcp://127.0.0.1:0"]);
    let ramp_up_s = Duration::from_millis(300);
    let length = Length::For(Duration::from_millis(100));
    let plan = plan(&server.urls[0], Call::Echo);
    let report = load(&Plan { ramp_up_s, length, connections: 30, active: 30, ..plan });
    assert_whole(&report, report.reconciliation.sent);
    assert_eq!(report.connections.opened, 30);
    let first = report.intervals.first().expect("there are some");
    assert!(first.warm_up && first.connections < 30, "{first:?}");
}

#[test]
fn a_server_that_goes_away_is_told() {
    let server = start(&["echo=tcp://127.0.0.1:0"]);
    let url = server.urls[0].clone();
    let length = Length::For(Duration::from_hours(1));
    let stop = Stop::new().expect("a descriptor is left");
    let stopping = stop.clone();
    let plan = Plan { length, reply_timeout_s: Duration::from_secs(1), ..plan(&url, Call::Echo) };
    let mut server = Some(server);
    let report = run(&plan, Vec::new(), &stop, &mut |progress| {
        if progress.answered > 0
            && let Some(server) = server.take()
        {
            server.at_once();
            drop(server);
        } else if server.is_none() && progress.errors > 0 {
            stopping.drain();
        }
    });
    assert_eq!(report.outcome, Outcome::Interrupted);
    assert!(report.reconciliation.balanced);
    let ended: u64 = report.connections.ended_early.iter().map(|reason| reason.count).sum();
    assert_eq!(ended, 8, "{:?}", report.connections);
}
