//! A load allocates for its connections and its intervals, and nothing per message.
//!
//! The whole program runs on a counting allocator, so this test is alone in it.

mod support;

use std::time::Duration;

use colok::engine::Model;
use colok::load::plan::{Address, Arrivals, Call, Io, Length, Pace, Sizes};
use colok::load::{Plan, run};
use colok::net::service_address::{ServiceDefaults, parse_service_address};
use colok::observe::NoTap;
use colok::server::{Limits, Server, Stop};
use colok_sys::allocations::Counting;
use colok_sys::uring::{Size, Uring};
use support::PATIENCE;

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

/// Messages of the larger load beyond those of the smaller.
const MORE: u64 = 200_000;

/// One allocation for so many messages is none per message; intervals and timers have some, and
/// a slow machine has more intervals.
const MESSAGES_PER_ALLOCATION: u64 = 40;

#[test]
fn messages_allocate_nothing() {
    let limits = Limits { workers: 1, ..Limits::default() };
    // Nobody watches the server: what it tells of each message would be allocated.
    let addresses =
        parse_service_address("echo=tcp://127.0.0.1:0", ServiceDefaults::default()).expect("one");
    let server =
        Server::bind(&addresses, Model::Events, limits, None, &NoTap).expect("it can be bound");
    let url = server.listening().remove(0).address;
    let stop_server = Stop::new().expect("a descriptor is left");
    let stopping = stop_server.clone();
    let running = std::thread::spawn(move || server.run(&stopping, &NoTap).expect("it runs"));
    let address = url.strip_prefix("tcp://").expect("a TCP URL").parse().expect("an address");
    let plan = |io, pace, messages| Plan {
        url: url.clone(),
        address: Address::Tcp(address),
        call: Call::Echo,
        connections: 16,
        active: 16,
        depth: 4,
        pace,
        sizes: Sizes::Uniform(1, 256),
        messages_per_connection: None,
        ramp_up_s: Duration::ZERO,
        warm_up_s: Duration::ZERO,
        length: Length::Messages(messages),
        until: None,
        reply_timeout_s: PATIENCE,
        connect_timeout_s: PATIENCE,
        threads: 1,
        pin: Vec::new(),
        processes: 1,
        io,
        seed: 1,
        server_pid: None,
    };
    let allocations = |plan: &Plan| {
        let stop = Stop::new().expect("a descriptor is left");
        let before = ALLOCATOR.count();
        let report = run(plan, Vec::new(), &stop, &mut |_| ());
        let allocations = ALLOCATOR.count() - before;
        let Length::Messages(messages) = plan.length else { panic!("a number of messages") };
        assert_eq!(report.reconciliation.answered, messages);
        allocations
    };
    let open = Pace::Open { rate_per_s: 1e6, arrivals: Arrivals::Poisson };
    let mut loads = vec![(Io::Epoll, Pace::Closed), (Io::Epoll, open)];
    match Uring::new(Size { entries: 8, completions: 16, buffers: 8, buffer_bytes: 4096 }) {
        Ok(_) => loads.push((Io::Uring, Pace::Closed)),
        Err(error) => println!("skipped: the loop of io_uring: {error}"),
    }
    for (io, pace) in loads {
        let few = allocations(&plan(io, pace, 10_000));
        let many = allocations(&plan(io, pace, 10_000 + MORE));
        println!("{io:?} {pace:?}: {few} allocations, then {many} for {MORE} messages more");
        let allowed = MORE / MESSAGES_PER_ALLOCATION;
        assert!(many.saturating_sub(few) <= allowed, "{io:?} {pace:?}: {few}, {many}");
    }
    stop_server.drain();
    running.join().expect("the server does not panic");
}
